//! The streams of a block back to its raw bytes.

use super::bytes::Cursor;
use super::ints::{self, Ints};
use super::numbers::{self, Clock, Skeleton, Stamp, MAX_FIELDS};
use super::render::{Range, Renderer, Sources, Step, Values, NONE, PADDING};
use super::*;
use crate::rows::{RowTemplate, MAX_SLOTS};

const NAMES: [&str; STREAMS] =
    ["TABLE", "LITERALS", "ROWS", "STEPS", "TIMES", "WIDE", "PLANES", "INDEX", "TEXT", "LENGTHS"];

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

/// Memory that decoding needs besides its result. What is new for every block would be fetched from the
/// system, page by page, every time.
#[derive(Default)]
pub struct Scratch {
    /// Text of the stream, then literals of rows.
    arena: Vec<u8>,
    /// Template of each row.
    rows: Vec<u32>,
    references: Vec<u32>,
    ranges: Vec<Range>,
    pool: Vec<Range>,
    parts: Vec<Step>,
}

impl Scratch {
    /// Memory that a block of unusual size took is not kept.
    pub fn trim(&mut self) {
        const MOST: usize = 16 << 20;
        self.arena.clear();
        self.arena.shrink_to(MOST);
        for numbers in [&mut self.rows, &mut self.references] {
            numbers.clear();
            numbers.shrink_to(MOST / 4);
        }
        for ranges in [&mut self.ranges, &mut self.pool] {
            ranges.clear();
            ranges.shrink_to(MOST / 8);
        }
        self.parts.clear();
    }
}

struct Decoder<'a, 'b> {
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
    scratch: &'b mut Scratch,
    /// Columns by number, then parts of split ones.
    columns: Vec<Values<'a>>,
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

impl<'a, 'b> Decoder<'a, 'b> {
    fn new(block: &Block<'a>, scratch: &'b mut Scratch) -> Decoder<'a, 'b> {
        let c = |k: usize| Cursor::new(block.streams[k], NAMES[k]);
        scratch.trim();
        scratch.arena.extend_from_slice(block.streams[TEXT]);
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
            scratch,
            columns: Vec::new(),
        }
    }

    fn ints(&mut self, n: usize, kind: usize) -> Result<Ints<'a>, String> {
        let small = match kind {
            ROWS => &mut self.rows,
            TIMES => &mut self.times,
            _ => &mut self.steps,
        };
        let (table, wide, planes) = (&mut self.table, &mut self.wide, &mut self.planes);
        ints::From { table, small, wide, planes }.ints(n)
    }

    fn literal(&mut self) -> Result<Range, String> {
        let n = self.table.count(self.text.remaining(), "bytes of a literal")?;
        let at = self.text_at;
        self.text.take(n)?;
        self.text_at += n;
        Ok((at as u32, self.text_at as u32))
    }

    fn skeleton(&mut self, most: usize) -> Result<Vec<Range>, String> {
        let n = self.table.count(most, "fields")?;
        (0..=n).map(|_| self.literal()).collect()
    }

    /// `n` texts.
    fn texts(&mut self, n: usize) -> Result<Values<'a>, String> {
        let width = self.table.varint()?;
        let at = self.text_at;
        if width > 0 {
            let left = self.text.remaining() as u64;
            let all = (width - 1).checked_mul(n as u64).filter(|all| *all <= left);
            let all = all.ok_or_else(|| format!("{n} values of {} bytes, {left} are left", width - 1))?;
            self.text.take(all as usize)?;
            self.text_at += all as usize;
            return Ok(Values::Fixed { at, width: width as usize - 1 });
        }
        let taken = self.lengths.taken();
        self.each_text(n, |_, _| ())?;
        Ok(Values::Texts { at, lengths: self.lengths.since(taken) })
    }

    /// `n` texts of which LENGTHS has the length.
    fn each_text(&mut self, n: usize, each: impl Fn(&mut Scratch, Range)) -> Result<(), String> {
        let (begin, left) = (self.text_at, self.text.remaining());
        let mut at = begin;
        for _ in 0..n {
            let length = self.lengths.count(begin + left - at, "bytes of a value")?;
            each(self.scratch, (at as u32, (at + length) as u32));
            at += length;
        }
        self.text.take(at - begin)?;
        self.text_at = at;
        Ok(())
    }

    /// `n` texts as ranges, wherever they are wanted.
    fn entries(&mut self, n: usize, each: impl Fn(&mut Scratch, Range)) -> Result<(), String> {
        // The codec's number is followed by the width, as for any texts.
        if self.table.peek() == Some(0) {
            self.table.byte()?;
            return self.each_text(n, each);
        }
        if let Values::Fixed { at, width } = self.texts(n)? {
            for i in 0..n {
                let start = at + i * width;
                each(self.scratch, (start as u32, (start + width) as u32));
            }
        }
        Ok(())
    }

    fn column(&mut self, n: usize, depth: u32) -> Result<Values<'a>, String> {
        if n == 0 {
            return Ok(Values::Nothing);
        }
        match self.table.byte()? {
            CODEC_CONSTANT => Ok(Values::Same(self.literal()?)),
            CODEC_TEXT => self.texts(n),
            CODEC_DICTIONARY => {
                let k = self.table.count(MAX_DICTIONARY, "dictionary entries")?;
                let entries = self.scratch.ranges.len();
                self.entries(k, |scratch, range| scratch.ranges.push(range))?;
                let index = self.index.take(n)?;
                if index.iter().max().is_some_and(|&i| usize::from(i) >= k) {
                    return Err("an index beyond its dictionary".into());
                }
                Ok(Values::Dictionary { entries, index })
            }
            CODEC_NUMBER => {
                let form = self.table.byte()?;
                if form > numbers::PADDED + 18 {
                    return Err(format!("number form {form}, expected at most {}", numbers::PADDED + 18));
                }
                Ok(Values::Number { ints: self.ints(n, STEPS)?, form })
            }
            CODEC_STAMP => {
                let ranges = self.skeleton(MAX_FIELDS)?;
                let text = |&(a, b): &Range| self.scratch.arena[a as usize..b as usize].to_vec();
                let skeleton = Skeleton { literals: ranges.iter().map(text).collect() };
                let mut stamp = Stamp { skeleton, ..Stamp::default() };
                for _ in 0..stamp.skeleton.fields() {
                    stamp.widths.push(self.table.byte()?);
                    stamp.radixes.push(self.table.varint()?);
                }
                stamp.check()?;
                let clock = Box::new(Clock::new(stamp, PADDING)?);
                Ok(Values::Stamp { ints: self.ints(n, TIMES)?, clock })
            }
            CODEC_POOL => {
                let before = self.scratch.pool.len();
                self.scratch.references.clear();
                let mut from = ints::From {
                    table: &mut self.table,
                    small: &mut self.steps,
                    wide: &mut self.wide,
                    planes: &mut self.planes,
                };
                let after = from.references(n, before as u64, &mut self.scratch.references)?;
                self.entries(after as usize - before, |scratch, range| scratch.pool.push(range))?;
                // Looked up here, one independent of the other, and not on the way of a row.
                let Scratch { references, ranges, pool, .. } = &mut *self.scratch;
                let at = ranges.len();
                ranges.extend(references.iter().map(|&r| pool[r as usize]));
                Ok(Values::Ranges { at })
            }
            CODEC_SPLIT if depth == 0 => {
                let literals = self.skeleton(MAX_PARTS)?;
                let first = self.scratch.parts.len();
                for (k, (start, end)) in literals.iter().enumerate() {
                    let mut column = NONE;
                    if k + 1 < literals.len() {
                        let part = self.column(n, depth + 1)?;
                        column = self.columns.len() as u32;
                        self.columns.push(part);
                    }
                    self.scratch.parts.push(Step { start: *start, len: end - start, column });
                }
                Ok(Values::Split { first, count: literals.len() })
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

/// What rows are made of, template by template: literals and columns that are written one after the other.
struct Programs<'a> {
    columns: &'a [Values<'a>],
    parts: &'a [Step],
    /// Literals go behind the values, so that there is one place to copy from.
    arena: &'a mut Vec<u8>,
    /// Where the literal under way begins.
    start: usize,
    steps: Vec<Step>,
}

impl Programs<'_> {
    fn literal(&mut self, (a, b): Range) {
        self.arena.extend_from_within(a as usize..b as usize);
    }

    /// A column behind the literal; one with one value for all is literal, and one that is split is its
    /// parts in turn.
    fn column(&mut self, column: u32) {
        match self.columns.get(column as usize) {
            Some(Values::Same(range)) => self.literal(*range),
            Some(Values::Split { first, count }) => {
                for part in &self.parts[*first..first + count] {
                    self.literal((part.start, part.start + part.len));
                    if part.column != NONE {
                        self.column(part.column);
                    }
                }
            }
            _ => self.step(column),
        }
    }

    fn step(&mut self, column: u32) {
        let (start, end) = (self.start, self.arena.len());
        self.steps.push(Step { start: start as u32, len: (end - start) as u32, column });
        self.start = end;
    }
}

/// Programs of the templates that are used. Their literals together have at most `raw_len` bytes, or rows
/// could not have them.
fn programs(
    table: &Templates,
    uses: &[usize],
    columns: &[Values],
    parts: &[Step],
    arena: &mut Vec<u8>,
    raw_len: usize,
) -> Result<Vec<Vec<Step>>, String> {
    let most = arena.len() + raw_len;
    let mut programs: Vec<Vec<Step>> = vec![Vec::new(); uses.len()];
    for (t, template) in table.templates.iter().enumerate().filter(|(t, _)| uses[*t] > 0) {
        let start = arena.len();
        let mut program = Programs { columns, parts, arena, start, steps: Vec::new() };
        for (k, literal) in template.literals.iter().enumerate() {
            program.arena.extend_from_slice(literal);
            match table.columns[t].get(k) {
                Some(&column) => program.column(column),
                None => program.step(NONE),
            }
            if program.arena.len() > most {
                return Err(format!("the rows are longer than the block's {raw_len} bytes"));
            }
        }
        programs[t] = program.steps;
    }
    arena.resize(arena.len() + PADDING, 0);
    Ok(programs)
}

/// The raw bytes, exactly `block.raw_len` of them in `block.lines` rows. `out` is memory to be used again.
#[inline(always)]
pub fn decode(block: &Block, scratch: &mut Scratch, mut out: Vec<u8>) -> Result<Vec<u8>, String> {
    if block.lines > block.raw_len {
        return Err(format!("{} lines in {} bytes", block.lines, block.raw_len));
    }
    if block.raw_len >= 1 << 30 || block.streams.iter().any(|s| s.len() >= 1 << 30) {
        return Err("a block of a gigabyte or more".into());
    }
    let mut d = Decoder::new(block, scratch);
    let templates = read_templates(&mut d.table, block.streams[LITERALS])?;
    let columns = read_columns(&mut d.table, &templates)?;
    let table = Templates { templates, columns };
    let mut ids = d.ints(block.lines, ROWS)?;
    let mut uses = vec![0usize; table.templates.len()];
    d.scratch.rows.reserve(block.lines);
    for _ in 0..block.lines {
        let t = ids.next();
        *uses.get_mut(t as usize).ok_or_else(|| format!("row template {t} does not exist"))? += 1;
        d.scratch.rows.push(t as u32);
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
    d.columns.resize_with(counts.len(), || Values::Nothing);
    for (c, &n) in counts.iter().enumerate() {
        d.columns[c] = d.column(n, 0)?;
    }
    d.end()?;
    let columns = d.columns;
    let Scratch { arena, rows, ranges, parts, .. } = scratch;
    let programs = programs(&table, &uses, &columns, parts, arena, block.raw_len)?;
    let room = block.raw_len + PADDING;
    if out.capacity() < room {
        // Zeros from the system, not ours, and a bit more: the next block may be a bit larger.
        out = vec![0; room + room / 16];
    } else if out.len() < room {
        out.resize(room, 0);
    }
    out.truncate(room);
    let sources = Sources { arena, ranges };
    let mut renderer = Renderer::new(sources, columns, &mut out);
    for &t in rows.iter() {
        renderer.row(&programs[t as usize])?;
    }
    renderer.end()?;
    out.truncate(block.raw_len);
    Ok(out)
}
