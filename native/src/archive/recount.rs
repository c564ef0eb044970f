//! The guide of a block anew, from its streams: what the guide that came with it is held against.
//!
//! A search believes a guide (`guide.rs`) without opening what it leads past, so one that is wrong hides
//! lines, and no checksum tells. Streams are walked as in `decode.rs`, but every number is made at once: the
//! guide has what they add up to, not what they are for.

use super::bytes::Cursor;
use super::decode::{read_columns, read_templates, Block};
use super::guide::{Guide, PIECE};
use super::ints;
use super::numbers::MAX_FIELDS;
use super::*;

struct Walk<'a> {
    streams: [&'a [u8]; STREAMS],
    cursors: [Cursor<'a>; STREAMS],
    guide: Guide,
    /// Entries of the pool so far.
    pool: u64,
    values: Vec<u64>,
    references: Vec<u32>,
}

impl<'a> Walk<'a> {
    /// Where numbers are read from, small ones from stream `small`.
    fn from(&mut self, small: usize) -> Result<ints::From<'_, 'a>, String> {
        let all = self.cursors.get_disjoint_mut([TABLE, small, WIDE, PLANES]);
        let [table, small, wide, planes] = all.map_err(|e| e.to_string())?;
        Ok(ints::From { table, small, wide, planes })
    }

    fn ints(&mut self, n: usize, small: usize) -> Result<(), String> {
        let (layout, at) = (self.cursors[TABLE].peek().unwrap_or_default(), self.cursors[WIDE].taken());
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        let mut ints = self.from(small)?.ints(n)?;
        values.extend((0..n).map(|_| ints.next()));
        let wide = self.cursors[WIDE].taken() - at;
        self.guide.ints(&values, layout, at, wide, small != ROWS);
        self.values = values;
        Ok(())
    }

    fn literals(&mut self, n: usize) -> Result<(), String> {
        for _ in 0..n {
            let n = self.cursors[TABLE].count(self.cursors[TEXT].remaining(), "bytes of a literal")?;
            self.cursors[TEXT].take(n)?;
        }
        Ok(())
    }

    fn texts(&mut self, n: usize) -> Result<(), String> {
        let width = self.cursors[TABLE].varint()?;
        let (at, before) = (self.cursors[TEXT].taken(), self.cursors[LENGTHS].taken());
        let left = self.cursors[TEXT].remaining();
        let mut ends = Vec::new();
        let (size, lengths) = if width > 0 {
            let each = usize::try_from(width - 1).map_err(|_| "a value longer than all memory")?;
            let size =
                each.checked_mul(n).filter(|size| *size <= left).ok_or("values beyond their stream")?;
            if size >= PIECE {
                ends.extend((1..=n).map(|i| (i * each) as u32));
            }
            (size, None)
        } else {
            let mut end = 0;
            for _ in 0..n {
                end += self.cursors[LENGTHS].count(left - end, "bytes of a value")?;
                ends.push(end as u32);
            }
            (end, Some(self.cursors[LENGTHS].taken() - before))
        };
        let text = self.cursors[TEXT].take(size)?;
        self.guide.texts(at, text, &ends, 0, lengths);
        Ok(())
    }

    fn pool(&mut self, n: usize) -> Result<(), String> {
        let (layout, at) = (self.cursors[TABLE].peek().unwrap_or_default(), self.cursors[WIDE].taken());
        let mut references = std::mem::take(&mut self.references);
        references.clear();
        let before = self.pool;
        self.pool = self.from(STEPS)?.references(n, before, &mut references)?;
        let added = (self.pool - before) as usize;
        let wide = self.cursors[WIDE].taken() - at;
        self.guide.ints(&[], layout, at, wide, false);
        self.values.clear();
        self.values.extend(references.iter().map(|r| u64::from(*r)));
        self.guide.pool(&self.values, added);
        self.references = references;
        self.texts(added)
    }

    fn column(&mut self, n: usize, depth: u32) -> Result<(), String> {
        if n == 0 {
            return Ok(());
        }
        match self.cursors[TABLE].byte()? {
            CODEC_CONSTANT => self.literals(1),
            CODEC_TEXT => self.texts(n),
            CODEC_DICTIONARY => {
                let entries = self.cursors[TABLE].count(MAX_DICTIONARY, "dictionary entries")?;
                self.texts(entries)?;
                self.cursors[INDEX].take(n).map(drop)
            }
            CODEC_NUMBER => {
                self.cursors[TABLE].byte()?;
                self.ints(n, STEPS)
            }
            CODEC_STAMP => {
                let fields = self.cursors[TABLE].count(MAX_FIELDS, "fields")?;
                self.literals(fields + 1)?;
                for _ in 0..fields {
                    self.cursors[TABLE].byte()?;
                    self.cursors[TABLE].varint()?;
                }
                self.ints(n, TIMES)
            }
            CODEC_POOL => self.pool(n),
            CODEC_SPLIT if depth == 0 => {
                let fields = self.cursors[TABLE].count(MAX_PARTS, "fields")?;
                self.literals(fields + 1)?;
                (0..fields).try_for_each(|_| self.column(n, 1))
            }
            other => Err(format!("column codec {other} at depth {depth} is not known")),
        }
    }
}

/// The guide that a block's streams have to have. They decode to the block's raw bytes: what `decode` checks
/// is not looked at again, except where it bounds memory.
pub fn guide(block: &Block) -> Result<Vec<u8>, String> {
    if block.lines > block.raw_len {
        return Err(format!("{} lines in {} bytes", block.lines, block.raw_len));
    }
    let mut walk = Walk {
        streams: block.streams,
        cursors: block.streams.map(|stream| Cursor::new(stream, "a stream")),
        guide: Guide::default(),
        pool: 0,
        values: Vec::new(),
        references: Vec::new(),
    };
    let templates = read_templates(&mut walk.cursors[TABLE], walk.streams[LITERALS])?;
    let columns = read_columns(&mut walk.cursors[TABLE], &templates)?;
    walk.ints(block.lines, ROWS)?;
    let mut uses = vec![0usize; templates.len()];
    let mut rows = Vec::with_capacity(block.lines);
    for &t in &walk.values {
        *uses.get_mut(t as usize).ok_or_else(|| format!("row template {t} does not exist"))? += 1;
        rows.push(t as u32);
    }
    walk.guide.uses(&rows, templates.len());
    let most = columns.iter().flatten().max().map_or(0, |c| *c as usize + 1);
    let mut counts = vec![0usize; most];
    for (columns, n) in columns.iter().zip(uses) {
        columns.iter().for_each(|c| counts[*c as usize] = counts[*c as usize].saturating_add(n));
    }
    if counts.iter().fold(0, |all: usize, n| all.saturating_add(*n)) > block.raw_len {
        return Err(format!("more values than the block's {} bytes", block.raw_len));
    }
    counts.into_iter().try_for_each(|n| walk.column(n, 0))?;
    Ok(walk.guide.stream())
}
