//! The streams of a block back to its raw bytes.

use super::bytes::Cursor;
use super::ints;
use super::numbers::{self, Skeleton, Stamp, MAX_FIELDS};
use super::render::{render, Values};
use super::*;
use crate::rows::{RowTemplate, MAX_SLOTS};

const NAMES: [&str; STREAMS] =
    ["TABLE", "LITERALS", "ROWS", "STEPS", "TIMES", "WIDE", "PLANES", "INDEX", "TEXT", "LENGTHS"];

type Range = (u32, u32);

/// What a block is decoded from: its streams, and what its header says is in it.
pub struct Block<'a> {
    pub streams: [&'a [u8]; STREAMS],
    pub lines: usize,
    pub raw_len: usize,
}

/// Templates and which column each of their slots is in.
pub struct Templates {
    pub templates: Vec<RowTemplate>,
    pub columns: Vec<Vec<u32>>,
}

impl Templates {
    /// Columns there are.
    pub fn column_count(&self) -> usize {
        self.columns.iter().flatten().map(|c| *c as usize + 1).max().unwrap_or(0)
    }
}

struct Decoder<'a> {
    table: Cursor<'a>,
    rows: Cursor<'a>,
    steps: Cursor<'a>,
    times: Cursor<'a>,
    wide: Cursor<'a>,
    planes: Cursor<'a>,
    index: Cursor<'a>,
    text: Cursor<'a>,
    text_at: usize,
    lengths: Cursor<'a>,
    /// Text of the stream, then text made of numbers.
    arena: Vec<u8>,
    /// The arena never needs to be longer.
    limit: usize,
    pool: Vec<Range>,
}

/// Number of templates, slots and literals; bounded by the streams they are in.
pub fn read_templates(table: &mut Cursor, literals: &[u8]) -> Result<Vec<RowTemplate>, String> {
    let n = table.count(table.remaining(), "row templates")?;
    let mut text = Cursor::new(literals, NAMES[LITERALS]);
    let mut found = Vec::with_capacity(n);
    for _ in 0..n {
        let slots = table.count(MAX_SLOTS.min(table.remaining()), "slots of one template")?;
        let mut template = RowTemplate { literals: Vec::with_capacity(slots + 1) };
        for _ in 0..=slots {
            let n = table.count(text.remaining(), "bytes of a literal")?;
            template.literals.push(text.take(n)?.to_vec());
        }
        found.push(template);
    }
    text.end()?;
    Ok(found)
}

pub fn read_columns(table: &mut Cursor, templates: &[RowTemplate]) -> Result<Vec<Vec<u32>>, String> {
    let mut next = 0;
    let mut found = Vec::with_capacity(templates.len());
    for template in templates {
        let mut columns = Vec::with_capacity(template.slots());
        for _ in 0..template.slots() {
            let c = table.count(next, "columns")?;
            next += usize::from(c == next);
            columns.push(c as u32);
        }
        found.push(columns);
    }
    Ok(found)
}

impl<'a> Decoder<'a> {
    fn new(block: &Block<'a>) -> Decoder<'a> {
        let c = |k: usize| Cursor::new(block.streams[k], NAMES[k]);
        Decoder {
            table: c(TABLE),
            rows: c(ROWS),
            steps: c(STEPS),
            times: c(TIMES),
            wide: c(WIDE),
            planes: c(PLANES),
            index: c(INDEX),
            text: c(TEXT),
            text_at: 0,
            lengths: c(LENGTHS),
            arena: block.streams[TEXT].to_vec(),
            limit: block.streams[TEXT].len() + 2 * block.raw_len + 64,
            pool: Vec::new(),
        }
    }

    fn ints(&mut self, n: usize, kind: usize) -> Result<Vec<u64>, String> {
        let small = match kind {
            ROWS => &mut self.rows,
            TIMES => &mut self.times,
            _ => &mut self.steps,
        };
        ints::From { table: &mut self.table, small, wide: &mut self.wide, planes: &mut self.planes }.ints(n)
    }

    fn literal(&mut self) -> Result<Vec<u8>, String> {
        let n = self.table.count(self.text.remaining(), "bytes of a literal")?;
        self.text_at += n;
        Ok(self.text.take(n)?.to_vec())
    }

    fn skeleton(&mut self, most: usize) -> Result<Skeleton, String> {
        let n = self.table.count(most, "fields")?;
        let literals = (0..=n).map(|_| self.literal()).collect::<Result<_, _>>()?;
        Ok(Skeleton { literals })
    }

    fn texts(&mut self, n: usize) -> Result<Vec<Range>, String> {
        let width = self.table.varint()?;
        let mut ranges = Vec::with_capacity(n.min(self.text.remaining() + self.lengths.remaining()));
        for _ in 0..n {
            let length = match width {
                0 => self.lengths.count(self.text.remaining(), "bytes of a value")?,
                w if w - 1 > self.text.remaining() as u64 => {
                    return Err(format!("a value of {} bytes, {} are left", w - 1, self.text.remaining()))
                }
                w => (w - 1) as usize,
            };
            self.text.take(length)?;
            ranges.push((self.text_at as u32, (self.text_at + length) as u32));
            self.text_at += length;
        }
        Ok(ranges)
    }

    /// `n` texts made from numbers by `write`.
    fn made(
        &mut self,
        values: &[u64],
        write: impl Fn(&mut Vec<u8>, u64) -> Result<(), String>,
    ) -> Result<Values, String> {
        let mut ranges = Vec::with_capacity(values.len());
        let mut start = self.arena.len();
        for &v in values {
            write(&mut self.arena, v)?;
            let end = self.arena.len();
            ranges.push((start as u32, end as u32));
            start = end;
            if end > self.limit {
                return Err("values are longer than the block".into());
            }
        }
        Ok(Values::Each(ranges))
    }

    fn column(&mut self, n: usize, depth: u32) -> Result<Values, String> {
        if n == 0 {
            return Ok(Values::Each(Vec::new()));
        }
        match self.table.byte()? {
            CODEC_CONSTANT => {
                let at = self.text_at;
                let length = self.literal()?.len();
                Ok(Values::Same((at as u32, (at + length) as u32)))
            }
            CODEC_TEXT => Ok(Values::Each(self.texts(n)?)),
            CODEC_DICTIONARY => {
                let k = self.table.count(MAX_DICTIONARY, "dictionary entries")?;
                let entries = self.texts(k)?;
                let index = self.index.take(n)?;
                let ranges: Option<Vec<Range>> =
                    index.iter().map(|&i| entries.get(usize::from(i)).copied()).collect();
                Ok(Values::Each(ranges.ok_or("an index beyond its dictionary")?))
            }
            CODEC_NUMBER => {
                let form = self.table.byte()?;
                if form > numbers::PADDED + 18 {
                    return Err(format!("number form {form}, expected at most {}", numbers::PADDED + 18));
                }
                let values = self.ints(n, STEPS)?;
                self.made(&values, |out, v| numbers::unparse(out, v, form))
            }
            CODEC_STAMP => {
                let skeleton = self.skeleton(MAX_FIELDS)?;
                let mut stamp = Stamp { skeleton, ..Stamp::default() };
                for _ in 0..stamp.skeleton.fields() {
                    stamp.widths.push(self.table.byte()?);
                    stamp.radixes.push(self.table.varint()?);
                }
                stamp.check()?;
                let values = self.ints(n, TIMES)?;
                self.made(&values, |out, v| stamp.format(out, v))
            }
            CODEC_POOL => {
                let before = self.pool.len();
                let mut from = ints::From {
                    table: &mut self.table,
                    small: &mut self.steps,
                    wide: &mut self.wide,
                    planes: &mut self.planes,
                };
                let (refs, after) = from.references(n, before as u64)?;
                let new = self.texts(after as usize - before)?;
                self.pool.extend(new);
                Ok(Values::Each(refs.iter().map(|&r| self.pool[r as usize]).collect()))
            }
            CODEC_SPLIT if depth == 0 => {
                let skeleton = self.skeleton(MAX_PARTS)?;
                let parts: Vec<Values> =
                    (0..skeleton.fields()).map(|_| self.column(n, depth + 1)).collect::<Result<_, _>>()?;
                let mut ranges = Vec::with_capacity(n);
                for i in 0..n {
                    let start = self.arena.len();
                    self.arena.extend_from_slice(&skeleton.literals[0]);
                    for (part, literal) in parts.iter().zip(&skeleton.literals[1..]) {
                        let (a, b) = part.get(i);
                        self.arena.extend_from_within(a as usize..b as usize);
                        self.arena.extend_from_slice(literal);
                    }
                    if self.arena.len() > self.limit {
                        return Err("values are longer than the block".into());
                    }
                    ranges.push((start as u32, self.arena.len() as u32));
                }
                Ok(Values::Each(ranges))
            }
            other => Err(format!("column codec {other} at depth {depth} is not known")),
        }
    }

    fn end(&self) -> Result<(), String> {
        let all = [
            &self.table,
            &self.rows,
            &self.steps,
            &self.times,
            &self.wide,
            &self.planes,
            &self.index,
            &self.text,
            &self.lengths,
        ];
        all.iter().try_for_each(|c| c.end())
    }
}

/// The raw bytes, exactly `block.raw_len` of them in `block.lines` rows.
pub fn decode(block: &Block) -> Result<Vec<u8>, String> {
    if block.lines > block.raw_len {
        return Err(format!("{} lines in {} bytes", block.lines, block.raw_len));
    }
    if block.raw_len >= 1 << 30 || block.streams.iter().any(|s| s.len() >= 1 << 30) {
        return Err("a block of a gigabyte or more".into());
    }
    let mut d = Decoder::new(block);
    let templates = read_templates(&mut d.table, block.streams[LITERALS])?;
    let columns = read_columns(&mut d.table, &templates)?;
    let table = Templates { templates, columns };
    let rows = d.ints(block.lines, ROWS)?;
    let mut uses = vec![0usize; table.templates.len()];
    for &t in &rows {
        *uses.get_mut(t as usize).ok_or_else(|| format!("row template {t} does not exist"))? += 1;
    }
    let mut counts = vec![0usize; table.column_count()];
    let mut slots = 0usize;
    for (columns, &n) in table.columns.iter().zip(&uses) {
        slots = slots.saturating_add(columns.len().saturating_mul(n));
        columns.iter().for_each(|&c| counts[c as usize] = counts[c as usize].saturating_add(n));
    }
    if slots > block.raw_len {
        return Err(format!("{slots} values in {} bytes", block.raw_len));
    }
    let values = counts.iter().map(|&n| d.column(n, 0)).collect::<Result<Vec<_>, _>>()?;
    d.end()?;
    render(&table, &rows, &values, &mut d.arena, block.raw_len)
}
