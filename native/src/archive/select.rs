//! A block of columns, opened in stages: where everything lies is found out first, values are made only
//! where they are asked for, and streams are unpacked only when something in them is.
//!
//! `decode.rs` reads every stream from its beginning to its end. That order is kept here, but what is not
//! needed is passed: by the sums in the block's guide (`guide.rs`), or, where there is none, by counting:
//! numbers by looking for escapes among the small ones, texts by adding up lengths. Then every column knows
//! its places in all streams, and can be read alone (`pick.rs`).
//!
//! A block that is opened so has its stored bytes proved by their checksum. The checksum of its raw bytes
//! proves nothing, because nobody makes them all.

use super::bytes::Cursor;
use super::decode::read_templates;
use super::guide::{Guided, PIECE};
use super::ints;
use super::numbers::{self, Skeleton, Stamp, MAX_FIELDS};
use super::parts::{Lack, Parts};
use super::reading::{references, Ints, Reader, Texts};
use super::*;
use crate::rows::RowTemplate;
use std::cell::OnceCell;
use std::sync::Arc;

/// A column: its codec and its places.
#[derive(Clone, Debug)]
pub enum Spec {
    /// No values.
    Nothing,
    Constant {
        at: usize,
        len: usize,
    },
    Text(Texts),
    Dictionary {
        entries: Texts,
        index: usize,
    },
    Number {
        form: u8,
        ints: Ints,
    },
    /// The stamp's literals are in TEXT: places and lengths.
    Stamp {
        literals: Vec<(usize, usize)>,
        widths: Vec<u8>,
        radixes: Vec<u64>,
        ints: Ints,
    },
    /// References; the pool had so many entries before. They are kept if they had to be read at once.
    Pool {
        ints: Ints,
        before: usize,
        refs: Option<Vec<u32>>,
        /// Which of the pool's columns added the entries that it refers to.
        sources: Vec<u32>,
    },
    Split {
        literals: Vec<(usize, usize)>,
        parts: Vec<Spec>,
    },
}

/// A block whose places are known.
pub struct View {
    pub templates: Vec<RowTemplate>,
    /// Column of each slot of each template.
    pub columns: Vec<Vec<u32>>,
    /// Template of each row, once they were asked for.
    rows: OnceCell<Vec<u32>>,
    row_ids: Ints,
    /// Rows of each template.
    pub uses: Vec<usize>,
    /// Values of each column.
    pub counts: Vec<usize>,
    pub specs: Vec<Spec>,
    /// The pool: for each of its columns, how many entries were there before, and the texts that it added.
    pub added: Vec<(usize, Texts)>,
    /// Entries of the pool, as start and end in TEXT, once they were asked for.
    pool: OnceCell<Vec<(u32, u32)>>,
    pub raw_len: usize,
}

impl View {
    /// Template of each row.
    pub fn rows(&self, parts: &Parts) -> Result<&[u32], Lack> {
        if self.rows.get().is_none() {
            let mut left = self.uses.clone();
            let mut rows = Vec::with_capacity(self.row_ids.n);
            let mut reader = Reader::new(parts, &self.row_ids)?;
            for _ in 0..self.row_ids.n {
                let t = reader.read()?;
                let left = left.get_mut(t as usize).and_then(|n| n.checked_sub(1).map(|less| *n = less));
                left.ok_or_else(|| format!("row template {t} has no more rows"))?;
                rows.push(t as u32);
            }
            let _ = self.rows.set(rows);
        }
        Ok(self.rows.get().map_or(&[], |rows| rows))
    }

    /// Entries of the pool, as start and end in TEXT.
    pub fn pool(&self, parts: &Parts) -> Result<&[(u32, u32)], Lack> {
        if self.pool.get().is_none() {
            let mut pool = Vec::new();
            for (_, texts) in &self.added {
                texts.each(parts, |start, end| pool.push((start as u32, end as u32)))?;
            }
            let _ = self.pool.set(pool);
        }
        Ok(self.pool.get().map_or(&[], |pool| pool))
    }
}

/// Positions in all streams.
struct Walk<'a> {
    parts: &'a Parts,
    table: Cursor<'a>,
    at: [usize; STREAMS],
    guide: Option<Guided<'a>>,
    /// Entries of the pool so far.
    pool: usize,
    added: Vec<(usize, Texts)>,
}

impl Walk<'_> {
    /// Goes past `n` bytes of a stream; returns where they begin.
    fn pass(&mut self, k: usize, n: usize) -> Result<usize, Lack> {
        let at = self.at[k];
        match at.checked_add(n).filter(|end| *end <= self.parts.sizes[k]) {
            Some(end) => {
                self.at[k] = end;
                Ok(at)
            }
            None => Err(format!("stream {k} ends early: {n} bytes expected at {at}").into()),
        }
    }

    fn literal(&mut self) -> Result<(usize, usize), Lack> {
        let n = self.table.count(self.parts.sizes[TEXT], "bytes of a literal")?;
        Ok((self.pass(TEXT, n)?, n))
    }

    fn skeleton(&mut self, most: usize) -> Result<Vec<(usize, usize)>, Lack> {
        let n = self.table.count(most, "fields")?;
        (0..=n).map(|_| self.literal()).collect()
    }

    fn texts(&mut self, n: usize) -> Result<Texts, Lack> {
        let (at, lengths) = (self.at[TEXT], self.at[LENGTHS]);
        let most = self.parts.sizes[TEXT];
        let width = match self.table.varint()? {
            0 => None,
            w if w - 1 > most as u64 => return Err(format!("values of {} bytes", w - 1).into()),
            w => Some((w - 1) as usize),
        };
        let size = if let Some(width) = width {
            n.checked_mul(width).ok_or("too many values")?
        } else if let Some(guide) = &mut self.guide {
            let size = guide.text.count(most, "bytes of texts")?;
            let more = guide.lengths.count(self.parts.sizes[LENGTHS], "bytes of lengths")?;
            self.pass(LENGTHS, n.checked_add(more).ok_or("too many values")?)?;
            size
        } else {
            let mut cursor = Cursor::new(
                self.parts.slice(LENGTHS, lengths, self.parts.sizes[LENGTHS] - lengths)?,
                "LENGTHS",
            );
            let mut sum = 0usize;
            for _ in 0..n {
                sum += cursor.count(most - sum, "bytes of a value")?;
            }
            let used = self.parts.sizes[LENGTHS] - lengths - cursor.remaining();
            self.pass(LENGTHS, used)?;
            sum
        };
        self.pass(TEXT, size)?;
        let shape = match &mut self.guide {
            Some(guide) if size >= PIECE => guide.shape(size)?.map(Arc::new),
            _ => None,
        };
        Ok(Texts { n, width, at, size, lengths, shape })
    }

    fn ints(&mut self, n: usize, small: usize) -> Result<Ints, Lack> {
        if self.table.peek() == Some(ints::BACK) {
            return Err("numbers in layout 3, expected 0 to 2".into());
        }
        let mut ints = self.any_ints(n, small)?;
        if let Some(guide) = self.guide.as_mut().filter(|_| small != ROWS) {
            if ints.layout == ints::STEPS_SIGNED || ints.layout == ints::VALUES && ints.width > 0 {
                let low = guide.ranges.varint()?;
                ints.range = Some((low, low.wrapping_add(guide.ranges.varint()?)));
            } else if ints.layout == ints::VALUES {
                ints.range = Some((0, ints::ESCAPE - 1));
            }
        }
        Ok(ints)
    }

    /// Numbers that may be references.
    fn any_ints(&mut self, n: usize, small: usize) -> Result<Ints, Lack> {
        let layout = self.table.byte()?;
        let mut ints = Ints { n, range: None, layout, first: 0, width: 0, small, at: 0, wide: 0, planes: 0 };
        match layout {
            ints::VALUES | ints::BACK => self.small(&mut ints, n)?,
            ints::STEPS_SIGNED => {
                ints.first = self.table.varint()?;
                self.small(&mut ints, n.saturating_sub(1))?;
            }
            ints::PLANES_ABOVE => {
                ints.first = self.table.varint()?;
                ints.width = usize::from(self.table.byte()?);
                if !(1..=8).contains(&ints.width) {
                    return Err(format!("numbers of {} bytes, expected 1 to 8", ints.width).into());
                }
                ints.planes = self.pass(PLANES, n.checked_mul(ints.width).ok_or("too many numbers")?)?;
                let most = u64::MAX >> (64 - 8 * ints.width);
                ints.range = ints.first.checked_add(most).map(|high| (ints.first, high));
            }
            other => return Err(format!("numbers in layout {other}, expected 0 to 3").into()),
        }
        Ok(ints)
    }

    /// Goes past `n` small numbers and the wide ones that they announce.
    fn small(&mut self, ints: &mut Ints, n: usize) -> Result<(), Lack> {
        ints.at = self.pass(ints.small, n)?;
        ints.wide = self.at[WIDE];
        if let Some(guide) = &mut self.guide {
            ints.width = guide.wide.count(self.parts.sizes[WIDE], "bytes of numbers")?;
            self.pass(WIDE, ints.width)?;
        } else if self.parts.sizes[WIDE] > 0 {
            let bytes = self.parts.slice(ints.small, ints.at, n)?;
            // Sums of 255 bytes at most 8 each fit 16 bits, which the compiler adds up side by side.
            let wide: usize = bytes
                .chunks(255)
                .map(|c| {
                    usize::from(
                        c.iter().map(|b| u16::from(b.saturating_sub(ints::ESCAPE as u8 - 1))).sum::<u16>(),
                    )
                })
                .sum();
            self.pass(WIDE, wide)?;
        } else if self
            .parts
            .slice(ints.small, ints.at, n)
            .is_ok_and(|b| b.iter().any(|b| u64::from(*b) >= ints::ESCAPE))
        {
            return Err("stream WIDE ends early".into());
        }
        Ok(())
    }

    fn column(&mut self, n: usize, depth: u32) -> Result<Spec, Lack> {
        if n == 0 {
            return Ok(Spec::Nothing);
        }
        Ok(match self.table.byte()? {
            CODEC_CONSTANT => {
                let (at, len) = self.literal()?;
                Spec::Constant { at, len }
            }
            CODEC_TEXT => Spec::Text(self.texts(n)?),
            CODEC_DICTIONARY => {
                let k = self.table.count(MAX_DICTIONARY, "dictionary entries")?;
                let entries = self.texts(k)?;
                Spec::Dictionary { entries, index: self.pass(INDEX, n)? }
            }
            CODEC_NUMBER => {
                let form = self.table.byte()?;
                if form > numbers::PADDED + 18 {
                    return Err(format!("number form {form}").into());
                }
                Spec::Number { form, ints: self.ints(n, STEPS)? }
            }
            CODEC_STAMP => {
                let literals = self.skeleton(MAX_FIELDS)?;
                let (mut widths, mut radixes) = (Vec::new(), Vec::new());
                for _ in 1..literals.len() {
                    widths.push(self.table.byte()?);
                    radixes.push(self.table.varint()?);
                }
                let blank = Skeleton { literals: vec![Vec::new(); literals.len()] };
                Stamp { skeleton: blank, widths: widths.clone(), radixes: radixes.clone() }.check()?;
                Spec::Stamp { literals, widths, radixes, ints: self.ints(n, TIMES)? }
            }
            CODEC_POOL => {
                let before = self.pool;
                let ints = self.any_ints(n, STEPS)?;
                let (after, refs) = match &mut self.guide {
                    Some(guide) => (before + guide.added.count(n, "entries")?, None),
                    None => self.grown(&ints, before)?,
                };
                let own = self.added.len();
                let mut sources = match &mut self.guide {
                    Some(guide) => guide.sources(own)?,
                    None => (0..own as u32).collect(),
                };
                sources.push(own as u32);
                let new = self.texts(after - before)?;
                self.pool = after;
                self.added.push((before, new));
                Spec::Pool { ints, before, refs, sources }
            }
            CODEC_SPLIT if depth == 0 => {
                let literals = self.skeleton(MAX_PARTS)?;
                let parts =
                    (1..literals.len()).map(|_| self.column(n, depth + 1)).collect::<Result<_, _>>()?;
                Spec::Split { literals, parts }
            }
            other => return Err(format!("column codec {other} at depth {depth} is not known").into()),
        })
    }

    /// Entries of the pool behind a column of references, which are read if that takes it.
    fn grown(&self, ints: &Ints, before: usize) -> Result<(usize, Option<Vec<u32>>), Lack> {
        if ints.layout == ints::BACK && before >= ints::ESCAPE as usize {
            let small = self.parts.slice(ints.small, ints.at, ints.n)?;
            // Without escapes no reference can be wrong, and each 0 adds an entry.
            if small.iter().fold(0, |most, b| most.max(*b)) < ints::ESCAPE as u8 {
                return Ok((before + small.iter().filter(|b| **b == 0).count(), None));
            }
        }
        let refs = references(self.parts, ints, before)?;
        let after = refs.iter().map(|r| *r as usize + 1).max().unwrap_or(0).max(before);
        Ok((after, Some(refs)))
    }
}

impl Spec {
    /// Whether everything is there that values are made of; `added` are the texts of the pool.
    pub fn needs(&self, parts: &Parts, added: &[(usize, Texts)]) -> Result<(), Lack> {
        let texts = |texts: &Texts| parts.there(TEXT, texts.at, texts.size);
        let literals = |all: &[(usize, usize)]| all.iter().try_for_each(|(at, n)| parts.there(TEXT, *at, *n));
        match self {
            Spec::Nothing => Ok(()),
            Spec::Constant { at, len } => parts.there(TEXT, *at, *len),
            Spec::Dictionary { index, entries } => {
                texts(entries)?;
                parts.there(INDEX, *index, 1)
            }
            Spec::Number { ints, .. } => ints.needs(parts),
            Spec::Stamp { ints, literals: all, .. } => {
                literals(all)?;
                ints.needs(parts)
            }
            Spec::Pool { ints, sources, refs, .. } => {
                let lacking =
                    sources.iter().filter_map(|c| texts(&added.get(*c as usize)?.1).err()?.streams());
                let mut lacking: Vec<_> = lacking.flatten().collect();
                lacking.extend(parts.get(LENGTHS).err().and_then(Lack::streams).unwrap_or_default());
                if refs.is_none() {
                    lacking.extend(ints.needs(parts).err().and_then(Lack::streams).unwrap_or_default());
                }
                if lacking.is_empty() {
                    Ok(())
                } else {
                    Err(Lack::Streams(lacking))
                }
            }
            Spec::Text(all) => {
                texts(all)?;
                parts.get(LENGTHS).map(|_| ())
            }
            Spec::Split { parts: split, literals: all } => {
                literals(all)?;
                split.iter().try_for_each(|spec| spec.needs(parts, added))
            }
        }
    }
}

/// Finds everything in a block; what `decode` refuses for its numbers is refused here.
pub fn open(parts: &Parts, lines: usize, raw_len: usize) -> Result<View, Lack> {
    if lines > raw_len {
        return Err(format!("{lines} lines in {raw_len} bytes").into());
    }
    if raw_len >= 1 << 30 || parts.sizes.iter().any(|s| *s >= 1 << 30) {
        return Err("a block of a gigabyte or more".into());
    }
    let literals = parts.get(LITERALS)?;
    let mut table = Cursor::new(parts.get(TABLE)?, "TABLE");
    let templates = read_templates(&mut table, literals)?;
    let columns = super::decode::read_columns(&mut table, &templates)?;
    let guide = parts.guide.as_deref().map(Guided::of).transpose()?;
    let mut walk = Walk { parts, table, at: [0; STREAMS], guide, pool: 0, added: Vec::new() };
    let row_ids = walk.ints(lines, ROWS)?;
    let mut uses = vec![0usize; templates.len()];
    let rows = OnceCell::new();
    if let Some(guide) = &mut walk.guide {
        let mut left = lines;
        for n in &mut uses {
            *n = guide.uses.count(left, "rows")?;
            left -= *n;
        }
        if left > 0 {
            return Err(format!("{left} rows without a template").into());
        }
    } else {
        let mut ids = Vec::with_capacity(lines);
        for t in row_ids.all(parts)? {
            *uses.get_mut(t as usize).ok_or_else(|| format!("row template {t} does not exist"))? += 1;
            ids.push(t as u32);
        }
        let _ = rows.set(ids);
    }
    let count = columns.iter().flatten().map(|c| *c as usize + 1).max().unwrap_or(0);
    let mut counts = vec![0usize; count];
    let mut slots = 0usize;
    for (columns, &n) in columns.iter().zip(&uses) {
        slots = slots.saturating_add(columns.len().saturating_mul(n));
        columns.iter().for_each(|&c| counts[c as usize] = counts[c as usize].saturating_add(n));
    }
    if slots > raw_len {
        return Err(format!("{slots} values in {raw_len} bytes").into());
    }
    let specs = counts.iter().map(|&n| walk.column(n, 0)).collect::<Result<Vec<_>, _>>()?;
    walk.table.end()?;
    for k in 2..STREAMS {
        if walk.at[k] != parts.sizes[k] {
            return Err(format!("stream {k} has {} bytes left over", parts.sizes[k] - walk.at[k]).into());
        }
    }
    if let Some(guide) = &walk.guide {
        guide.end()?;
    }
    let (added, pool) = (walk.added, OnceCell::new());
    Ok(View { templates, columns, rows, row_ids, uses, counts, specs, added, pool, raw_len })
}
