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
use super::guide::{Guided, Shape, PIECE};
use super::ints;
use super::numbers::{self, Skeleton, Stamp, MAX_FIELDS};
use super::*;
use crate::rows::RowTemplate;
use std::cell::OnceCell;
use std::sync::Arc;

/// Why an answer could not be given.
#[derive(Debug, PartialEq, Eq)]
pub enum Lack {
    /// These pieces of streams have to be unpacked first: stream and piece.
    Streams(Vec<(usize, usize)>),
    /// It would take too long, or needs too much; decode the block instead.
    Otherwise,
    /// The block is damaged.
    Bad(String),
}

impl Lack {
    /// The pieces, if it is these that are lacking.
    pub fn streams(self) -> Option<Vec<(usize, usize)>> {
        match self {
            Lack::Streams(pieces) => Some(pieces),
            _ => None,
        }
    }
}

impl From<String> for Lack {
    fn from(why: String) -> Lack {
        Lack::Bad(why)
    }
}

impl From<&str> for Lack {
    fn from(why: &str) -> Lack {
        Lack::Bad(why.into())
    }
}

/// The streams of a block, those that were unpacked so far, and its guide.
///
/// A stream can be cut: piece 0 is what lies between the others, which begin and end where `cuts` says.
#[derive(Default)]
pub struct Parts {
    /// Bytes of each, unpacked or not.
    pub sizes: [usize; STREAMS],
    pub guide: Option<Vec<u8>>,
    cuts: [Vec<(usize, usize)>; STREAMS],
    bytes: [Vec<u8>; STREAMS],
    /// Which pieces are there.
    have: [Vec<bool>; STREAMS],
}

impl Parts {
    /// Nothing is there yet.
    pub fn of(sizes: [usize; STREAMS]) -> Parts {
        let mut parts = Parts { sizes, ..Parts::default() };
        parts.have.iter_mut().for_each(|have| have.push(false));
        parts
    }

    /// Says where the pieces of a stream begin, and how long they are.
    pub fn cut(&mut self, k: usize, pieces: &[(usize, usize)]) -> Result<(), String> {
        let mut at = 0;
        for &(start, n) in pieces {
            let end = start.checked_add(n).filter(|end| start >= at && *end <= self.sizes[k]);
            at = end.ok_or("pieces that do not lie in their stream")?;
        }
        self.cuts[k] = pieces.iter().map(|(start, n)| (*start, start + n)).collect();
        self.have[k] = vec![false; pieces.len() + 1];
        self.bytes[k] = Vec::new();
        Ok(())
    }

    /// Gives a piece of a stream.
    pub fn give(&mut self, k: usize, piece: usize, data: &[u8]) -> Result<(), String> {
        let size = self.size(k, piece)?;
        if size != data.len() {
            return Err(format!("piece {piece} of stream {k} has {} bytes, {size} announced", data.len()));
        }
        if self.cuts[k].is_empty() {
            self.bytes[k] = data.to_vec();
        } else {
            if self.bytes[k].is_empty() {
                self.bytes[k] = vec![0; self.sizes[k]];
            }
            let ranges = match piece.checked_sub(1) {
                Some(i) => vec![self.cuts[k][i]],
                None => self.between(k),
            };
            let mut rest = data;
            for (a, b) in ranges {
                let (now, later) = rest.split_at(b - a);
                self.bytes[k][a..b].copy_from_slice(now);
                rest = later;
            }
        }
        self.have[k][piece] = true;
        Ok(())
    }

    /// Gives a piece out of the whole stream.
    #[cfg(test)]
    pub fn give_from(&mut self, k: usize, piece: usize, whole: &[u8]) {
        let ranges = match piece.checked_sub(1) {
            Some(i) => vec![self.cuts[k][i]],
            None => self.between(k),
        };
        let data: Vec<u8> = ranges.iter().flat_map(|(a, b)| whole[*a..*b].to_vec()).collect();
        assert!(!self.have[k][piece], "given twice");
        self.give(k, piece, &data).unwrap();
    }

    /// What lies between the pieces.
    fn between(&self, k: usize) -> Vec<(usize, usize)> {
        let starts = std::iter::once(0).chain(self.cuts[k].iter().map(|c| c.1));
        starts.zip(self.cuts[k].iter().map(|c| c.0).chain([self.sizes[k]])).collect()
    }

    /// Bytes of a piece.
    fn size(&self, k: usize, piece: usize) -> Result<usize, String> {
        if k >= STREAMS || piece > self.cuts[k].len() {
            return Err(format!("no piece {piece} of stream {k}"));
        }
        Ok(match piece.checked_sub(1) {
            Some(i) => self.cuts[k][i].1 - self.cuts[k][i].0,
            None => self.between(k).iter().map(|(a, b)| b - a).sum(),
        })
    }

    /// A stream, if it is there; an empty one always is.
    pub fn get(&self, k: usize) -> Result<&[u8], Lack> {
        self.there(k, 0, self.sizes[k])?;
        Ok(&self.bytes[k])
    }

    /// Whether all pieces are there that some bytes lie in.
    pub fn there(&self, k: usize, at: usize, n: usize) -> Result<(), Lack> {
        if n == 0 || self.have[k].iter().all(|have| *have) {
            return Ok(());
        }
        let end = at.saturating_add(n);
        // What of them is in no other piece is in the first one.
        let (mut rest, mut lacking) = (n, Vec::new());
        for (i, &(a, b)) in self.cuts[k].iter().enumerate() {
            let within = b.min(end).saturating_sub(a.max(at));
            if within > 0 && !self.have[k][i + 1] {
                lacking.push((k, i + 1));
            }
            rest -= within;
        }
        if rest > 0 && self.have[k].first() != Some(&true) {
            lacking.push((k, 0));
        }
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(Lack::Streams(lacking))
        }
    }

    /// A piece of a stream; places were checked against its size.
    pub fn slice(&self, k: usize, at: usize, n: usize) -> Result<&[u8], Lack> {
        if n == 0 {
            return Ok(&[]);
        }
        self.there(k, at, n)?;
        self.bytes[k]
            .get(at..)
            .and_then(|rest| rest.get(..n))
            .ok_or_else(|| "a piece beyond its stream".into())
    }

    /// The whole stream, of which not more can be relied on than what `there` says.
    pub fn raw(&self, k: usize) -> &[u8] {
        &self.bytes[k]
    }
}

/// Numbers: where they lie. `BACK` are references, which are read at once.
#[derive(Clone, Debug)]
pub struct Ints {
    pub n: usize,
    /// The least and the greatest one, if that is known.
    pub range: Option<(u64, u64)>,
    pub layout: u8,
    /// The first number, or the lowest.
    pub first: u64,
    /// Bytes of each, in planes; of all wide ones, if there is a guide.
    pub width: usize,
    /// The stream of the small ones.
    pub small: usize,
    pub at: usize,
    pub wide: usize,
    pub planes: usize,
}

/// Texts: where they lie.
#[derive(Clone, Debug)]
pub struct Texts {
    pub n: usize,
    /// The length of each, if all have the same.
    pub width: Option<usize>,
    pub at: usize,
    /// Bytes of all of them.
    pub size: usize,
    pub lengths: usize,
    pub shape: Option<Arc<Shape>>,
}

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

/// References into a list that had `before` entries and grows by one whenever its end is named.
pub fn references(parts: &Parts, ints: &Ints, before: usize) -> Result<Vec<u32>, Lack> {
    ints.needs(parts)?;
    let mut refs = Vec::with_capacity(ints.n);
    if ints.layout == ints::BACK && before < 1 << 30 {
        // Mostly there are no escapes, and no choice to be made for every reference.
        let (mut have, mut wrong, mut escapes) = (before as u32, false, false);
        for &b in parts.slice(ints.small, ints.at, ints.n)? {
            let back = u32::from(b);
            wrong |= back > have;
            escapes |= u64::from(b) >= ints::ESCAPE;
            refs.push(have.wrapping_sub(back));
            have += u32::from(back == 0);
        }
        if !escapes {
            return if wrong { Err("a reference beyond the pool".into()) } else { Ok(refs) };
        }
        refs.clear();
    }
    let mut reader = References { ints: Reader::new(parts, ints)?, have: before as u64 };
    for _ in 0..ints.n {
        refs.push(reader.read()?);
    }
    Ok(refs)
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

impl Ints {
    /// Whether all streams are there that the numbers are made of.
    pub fn needs(&self, parts: &Parts) -> Result<(), Lack> {
        match self.layout {
            ints::PLANES_ABOVE => parts.there(PLANES, self.planes, self.n * self.width),
            layout => {
                let n = self.n - usize::from(layout == ints::STEPS_SIGNED && self.n > 0);
                let small = parts.there(self.small, self.at, n);
                // What the guide says is there will be asked for next.
                let wide = parts.there(WIDE, self.wide, self.width);
                match (small, wide) {
                    (Err(Lack::Streams(mut all)), Err(Lack::Streams(more))) => {
                        all.extend(more);
                        Err(Lack::Streams(all))
                    }
                    (small, wide) => small.and(wide),
                }
            }
        }
    }
}

impl Ints {
    /// All numbers.
    pub fn all(&self, parts: &Parts) -> Result<Vec<u64>, Lack> {
        let mut reader = Reader::new(parts, self)?;
        if reader.plain {
            return Ok(reader.small.iter().map(|b| u64::from(*b)).collect());
        }
        let mut values = Vec::with_capacity(self.n);
        for _ in 0..self.n {
            values.push(reader.read()?);
        }
        Ok(values)
    }
}

/// Numbers being read, some of them or all.
pub struct Reader<'a> {
    layout: u8,
    n: usize,
    width: usize,
    small: &'a [u8],
    planes: &'a [u8],
    wide: Cursor<'a>,
    /// The number that comes next.
    i: usize,
    last: u64,
    first: u64,
    /// Every small number is the value itself.
    plain: bool,
}

impl<'a> Reader<'a> {
    pub fn new(parts: &'a Parts, ints: &Ints) -> Result<Reader<'a>, Lack> {
        ints.needs(parts)?;
        let (mut small, mut planes): (&[u8], &[u8]) = (&[], &[]);
        let mut wide = Cursor::new(&[], "WIDE");
        if ints.n > 0 && ints.layout == ints::PLANES_ABOVE {
            planes = parts.slice(PLANES, ints.planes, ints.n * ints.width)?;
        } else if ints.n > 0 {
            let steps = usize::from(ints.layout == ints::STEPS_SIGNED);
            small = parts.slice(ints.small, ints.at, ints.n - steps)?;
        }
        let escapes = |bytes: &[u8]| bytes.iter().fold(0, |most, b| most.max(*b)) >= ints::ESCAPE as u8;
        let escaped = ints.n > 0 && ints.layout != ints::PLANES_ABOVE && escapes(small);
        if escaped {
            // A guide says how many bytes there are.
            let n =
                if parts.guide.is_some() { ints.width } else { parts.sizes[WIDE].saturating_sub(ints.wide) };
            wide = Cursor::new(parts.slice(WIDE, ints.wide, n)?, "WIDE");
        }
        let plain = ints.layout == ints::VALUES && !escaped;
        let (layout, n, width, first) = (ints.layout, ints.n, ints.width, ints.first);
        Ok(Reader { layout, n, width, small, planes, wide, i: 0, last: first, first, plain })
    }

    /// Each number, and whether it is the one before once more; nothing was read yet.
    #[inline(always)]
    pub fn each(mut self, mut call: impl FnMut(u64, bool) -> Result<(), Lack>) -> Result<(), Lack> {
        if self.layout != ints::STEPS_SIGNED || self.n == 0 {
            for _ in 0..self.n {
                call(self.read()?, false)?;
            }
            return Ok(());
        }
        let mut v = self.first;
        call(v, false)?;
        for &small in self.small {
            if small != 0 {
                v = v.wrapping_add(ints::unzigzag(ints::get(small, &mut self.wide)?) as u64);
            }
            call(v, small == 0)?;
        }
        Ok(())
    }

    /// Numbers there are.
    pub fn count(&self) -> usize {
        self.n
    }

    /// The next number. There are `n`.
    #[inline(always)]
    pub fn read(&mut self) -> Result<u64, Lack> {
        let i = self.i;
        self.i += 1;
        match self.layout {
            ints::PLANES_ABOVE => return Ok(self.in_planes(i)),
            ints::STEPS_SIGNED if i == 0 => return Ok(self.last),
            ints::STEPS_SIGNED => {
                let step = ints::get(*self.small.get(i - 1).ok_or("numbers end early")?, &mut self.wide)?;
                self.last = self.last.wrapping_add(ints::unzigzag(step) as u64);
            }
            _ => self.last = ints::get(*self.small.get(i).ok_or("numbers end early")?, &mut self.wide)?,
        }
        Ok(self.last)
    }

    #[inline(always)]
    fn in_planes(&self, i: usize) -> u64 {
        (0..self.width)
            .fold(0, |v, k| v | u64::from(self.planes[k * self.n + i]) << (8 * k))
            .wrapping_add(self.first)
    }

    /// The number at a place that is not before the last one asked for.
    #[inline(always)]
    pub fn at(&mut self, place: usize) -> Result<u64, Lack> {
        if place >= self.n {
            return Err("a number beyond its column".into());
        }
        if self.layout == ints::PLANES_ABOVE {
            return Ok(self.in_planes(place));
        }
        if self.plain {
            return Ok(u64::from(self.small[place]));
        }
        while self.i <= place {
            self.read()?;
        }
        Ok(self.last)
    }
}

/// References being read.
pub struct References<'a> {
    pub ints: Reader<'a>,
    pub have: u64,
}

impl References<'_> {
    /// The next entry's number.
    #[inline(always)]
    pub fn read(&mut self) -> Result<u32, Lack> {
        let v = self.ints.read()?;
        let v = match self.ints.layout {
            ints::BACK => self.have.checked_sub(v),
            _ => Some(v).filter(|v| *v <= self.have),
        };
        let v = v.ok_or("a reference beyond the pool")?;
        self.have += u64::from(v == self.have);
        Ok(v as u32)
    }
}

impl Texts {
    /// Start and end of all texts in turn.
    pub fn each(&self, parts: &Parts, mut call: impl FnMut(usize, usize)) -> Result<(), Lack> {
        let mut reader = TextReader::new(parts, self)?;
        for i in 0..self.n {
            let (start, end) = reader.at(i)?;
            call(start, end);
        }
        Ok(())
    }
}

/// Texts being read, some of them or all.
pub struct TextReader<'a> {
    n: usize,
    width: Option<usize>,
    lengths: Cursor<'a>,
    /// The text that comes next, where it begins, and where texts end.
    i: usize,
    at: usize,
    most: usize,
    first: usize,
}

impl<'a> TextReader<'a> {
    pub fn new(parts: &'a Parts, texts: &Texts) -> Result<TextReader<'a>, Lack> {
        let lengths = match texts.width {
            Some(_) => &[],
            None => parts.get(LENGTHS)?.get(texts.lengths..).unwrap_or_default(),
        };
        let lengths = Cursor::new(lengths, "LENGTHS");
        let (n, width, at) = (texts.n, texts.width, texts.at);
        Ok(TextReader { n, width, lengths, i: 0, at, most: parts.sizes[TEXT], first: at })
    }

    /// Start and end of the text at a place that is behind the last one asked for.
    #[inline(always)]
    pub fn at(&mut self, place: usize) -> Result<(usize, usize), Lack> {
        if place >= self.n || place < self.i {
            return Err("a text beyond its column".into());
        }
        if let Some(width) = self.width {
            let start = self.first + place * width;
            return Ok((start, start + width));
        }
        loop {
            let n = self.lengths.count(self.most - self.at, "bytes of a value")?;
            let start = self.at;
            self.at += n;
            self.i += 1;
            if self.i > place {
                return Ok((start, self.at));
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
