//! The guide of a block: what a search has to know to open few of its streams (stream 128 of FORMAT.md).
//!
//! Streams are read from their beginnings, and where a column's bytes lie in them depends on all columns
//! before: on the escapes among their numbers, the lengths of their texts. The guide has these sums, so that
//! places are known without the streams. Of numbers it has how large they are, of long texts which kinds of
//! bytes follow each other in them: often that rules a column out.

use super::bytes::{put_varint, Cursor};
use super::ints;
use super::parts::Lack;
use super::{STREAMS, TEXT, WIDE};

/// Bytes of a column's texts from which on they are a piece of TEXT of their own.
pub const PIECE: usize = 1 << 15;
/// The same for a column's numbers in WIDE.
const WIDE_PIECE: usize = 12 << 10;
/// Kinds of bytes, 0 for none.
const KINDS: usize = 16;
/// Sets of kinds that a shape has at most; texts that have more are of any shape.
const MAX_TRIPLES: usize = 400;

/// The kind of a byte, from 1 on.
pub const fn kind(b: u8) -> u8 {
    match b {
        b'0'..=b'9' => 1,
        b'a'..=b'f' => 2,
        b'g'..=b'z' => 3,
        b'A'..=b'F' => 4,
        b'G'..=b'Z' => 5,
        b'.' => 6,
        b':' => 7,
        b'-' => 8,
        b'_' => 9,
        b'/' => 10,
        b' ' => 11,
        b'"' | b'\'' => 12,
        b'(' | b')' | b'[' | b']' | b'<' | b'>' | b'{' | b'}' => 13,
        b'=' | b',' | b';' | b'&' | b'?' | b'%' => 14,
        _ => 15,
    }
}

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = kind(b as u8);
        b += 1;
    }
    table
}

const KIND: [u8; 256] = kinds();

/// What texts look like: the longest one's bytes, and which kinds follow which two. Before a text and behind
/// it is nothing, kind 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub longest: usize,
    triples: Box<[u64; KINDS * KINDS * KINDS / 64]>,
}

impl Shape {
    fn empty() -> Shape {
        Shape { longest: 0, triples: Box::new([0; KINDS * KINDS * KINDS / 64]) }
    }

    /// The shape of texts that lie end to end, the first at `start`.
    fn of(bytes: &[u8], ends: impl Iterator<Item = usize>) -> Shape {
        let mut shape = Shape::empty();
        let mut seen = [false; KINDS * KINDS * KINDS];
        let mut start = 0;
        for end in ends {
            let text = &bytes[start..end];
            shape.longest = shape.longest.max(text.len());
            let mut last = 0usize;
            for &b in text {
                last = (last << 4 | usize::from(KIND[usize::from(b)])) & 0xFFF;
                seen[last] = true;
            }
            seen[last << 4 & 0xFFF] = true;
            start = end;
        }
        for (i, _) in seen.iter().enumerate().filter(|(_, seen)| **seen) {
            shape.triples[i / 64] |= 1 << (i % 64);
        }
        shape
    }

    /// Whether kind c (0: the end) can follow a and b.
    pub fn follows(&self, a: u8, b: u8, c: u8) -> bool {
        let i = usize::from(a) << 8 | usize::from(b) << 4 | usize::from(c);
        self.triples[i / 64] >> (i % 64) & 1 != 0
    }

    fn put(&self, out: &mut Vec<u8>) {
        let triples = (0..KINDS * KINDS * KINDS).filter(|i| self.triples[i / 64] >> (i % 64) & 1 != 0);
        let triples: Vec<usize> = triples.collect();
        let known = triples.len() <= MAX_TRIPLES;
        put_varint(out, if known { triples.len() as u64 + 1 } else { 0 });
        if known {
            put_varint(out, self.longest as u64);
            let mut last = 0;
            for i in triples {
                put_varint(out, (i - last) as u64);
                last = i;
            }
        }
    }

    fn read(from: &mut Cursor, most: usize) -> Result<Option<Shape>, String> {
        let Some(n) = from.count(KINDS * KINDS * KINDS + 1, "kinds of bytes")?.checked_sub(1) else {
            return Ok(None);
        };
        let mut shape = Shape::empty();
        shape.longest = from.count(most, "bytes of a text")?;
        let mut at = 0;
        for _ in 0..n {
            at += from.count(KINDS * KINDS * KINDS - 1 - at, "kinds of bytes")?;
            shape.triples[at / 64] |= 1 << (at % 64);
        }
        Ok(Some(shape))
    }
}

/// A guide being made.
#[derive(Default)]
pub struct Guide {
    /// Sections in their order.
    uses: Vec<u8>,
    wide: Vec<u8>,
    ranges: Vec<u8>,
    added: Vec<u8>,
    text: Vec<u8>,
    lengths: Vec<u8>,
    shapes: Vec<u8>,
    sources: Vec<u8>,
    /// For each entry of the pool, which of the pool columns added it; how many of these there are.
    owners: Vec<u32>,
    columns: u32,
    used: Vec<bool>,
    /// Pieces that streams can be cut into: where each begins, how long it is.
    pub pieces: [Vec<(usize, usize)>; STREAMS],
}

impl Guide {
    pub fn clear(&mut self) {
        let all = [
            &mut self.uses,
            &mut self.wide,
            &mut self.ranges,
            &mut self.added,
            &mut self.text,
            &mut self.lengths,
        ];
        all.into_iter().for_each(Vec::clear);
        self.shapes.clear();
        self.sources.clear();
        self.owners.clear();
        self.columns = 0;
        self.pieces.iter_mut().for_each(Vec::clear);
    }

    /// Rows of each template.
    pub fn uses(&mut self, rows: &[u32], templates: usize) {
        let mut uses = vec![0u64; templates];
        rows.iter().for_each(|t| uses[*t as usize] += 1);
        uses.iter().for_each(|n| put_varint(&mut self.uses, *n));
    }

    /// Numbers in some layout, of which so many bytes are in WIDE, from a place on.
    pub fn ints(&mut self, values: &[u64], layout: u8, at: usize, wide: usize, ranged: bool) {
        if layout == ints::PLANES_ABOVE {
            return;
        }
        if wide >= WIDE_PIECE {
            self.pieces[WIDE].push((at, wide));
        }
        put_varint(&mut self.wide, wide as u64);
        if ranged && (layout == ints::STEPS_SIGNED || wide > 0) {
            let (low, high) = values.iter().fold((u64::MAX, 0), |(a, b), v| (a.min(*v), b.max(*v)));
            put_varint(&mut self.ranges, low);
            put_varint(&mut self.ranges, high.wrapping_sub(low));
        }
    }

    /// References of a column that added entries to the pool.
    pub fn pool(&mut self, references: &[u64], entries: usize) {
        put_varint(&mut self.added, entries as u64);
        let own = self.columns;
        self.owners.resize(self.owners.len() + entries, own);
        self.used.clear();
        self.used.resize(own as usize + 1, false);
        let mut last = u64::MAX;
        for &r in references {
            // Often the same again.
            if r != last {
                last = r;
                self.used[self.owners[r as usize] as usize] = true;
            }
        }
        let earlier = &self.used[..own as usize];
        put_varint(&mut self.sources, earlier.iter().filter(|used| **used).count() as u64);
        let mut last = 0;
        for (i, _) in earlier.iter().enumerate().filter(|(_, used)| **used) {
            put_varint(&mut self.sources, (i - last) as u64);
            last = i;
        }
        self.columns += 1;
    }

    /// Texts that lie end to end at a place of TEXT; `lengths`: bytes of their lengths, if they differ.
    pub fn texts(&mut self, at: usize, bytes: &[u8], ends: &[u32], from: u32, lengths: Option<usize>) {
        if let Some(lengths) = lengths {
            put_varint(&mut self.text, bytes.len() as u64);
            put_varint(&mut self.lengths, (lengths - ends.len()) as u64);
        }
        if bytes.len() >= PIECE {
            self.pieces[TEXT].push((at, bytes.len()));
            Shape::of(bytes, ends.iter().map(|e| (e - from) as usize)).put(&mut self.shapes);
        }
    }

    /// The stream.
    pub fn stream(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let all =
            [&self.uses, &self.wide, &self.ranges, &self.added, &self.sources, &self.text, &self.lengths];
        for section in all.into_iter().chain([&self.shapes]) {
            put_varint(&mut out, section.len() as u64);
            out.extend_from_slice(section);
        }
        out
    }
}

/// A guide being followed: every number is checked when it is used.
pub struct Guided<'a> {
    pub uses: Cursor<'a>,
    pub wide: Cursor<'a>,
    pub ranges: Cursor<'a>,
    pub added: Cursor<'a>,
    pub sources: Cursor<'a>,
    pub text: Cursor<'a>,
    pub lengths: Cursor<'a>,
    pub shapes: Cursor<'a>,
}

impl<'a> Guided<'a> {
    pub fn of(stream: &'a [u8]) -> Result<Guided<'a>, Lack> {
        let mut all = Cursor::new(stream, "GUIDE");
        let mut section = || {
            let n = all.count(stream.len(), "bytes of a section")?;
            Ok::<_, String>(Cursor::new(all.take(n)?, "GUIDE"))
        };
        let (uses, wide, ranges) = (section()?, section()?, section()?);
        let (added, sources, text) = (section()?, section()?, section()?);
        let (lengths, shapes) = (section()?, section()?);
        all.end()?;
        Ok(Guided { uses, wide, ranges, added, sources, text, lengths, shapes })
    }

    /// The shape of the next texts that are a piece.
    pub fn shape(&mut self, most: usize) -> Result<Option<Shape>, Lack> {
        Ok(Shape::read(&mut self.shapes, most)?)
    }

    /// Of the `own` pool columns before one, those whose entries it refers to.
    pub fn sources(&mut self, own: usize) -> Result<Vec<u32>, Lack> {
        let n = self.sources.count(own, "columns of the pool")?;
        let mut at = 0;
        let mut sources = Vec::with_capacity(n + 1);
        for _ in 0..n {
            at += self.sources.count(own - 1 - at, "columns of the pool")?;
            sources.push(at as u32);
        }
        Ok(sources)
    }

    /// Nothing may be left over.
    pub fn end(&self) -> Result<(), Lack> {
        let all = [&self.uses, &self.wide, &self.ranges, &self.added, &self.sources];
        let all = all.into_iter().chain([&self.text, &self.lengths, &self.shapes]);
        let mut all = all;
        Ok(all.try_for_each(Cursor::end)?)
    }
}
