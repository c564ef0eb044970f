//! A block of columns, opened in stages: where everything lies is found out first, values are made only
//! where they are asked for, and streams are unpacked only when something in them is.
//!
//! `decode.rs` reads every stream from its beginning to its end. That order is kept here, but what is not
//! needed is passed by counting: numbers by looking for escapes among the small ones, texts by adding up
//! lengths. Then every column knows its places in all streams, and can be read alone (`pick.rs`).
//!
//! A block that is opened so has its stored bytes proved by their checksum. The checksum of its raw bytes
//! proves nothing, because nobody makes them all.

use super::bytes::Cursor;
use super::decode::read_templates;
use super::ints;
use super::numbers::{self, Skeleton, Stamp, MAX_FIELDS};
use super::*;
use crate::rows::RowTemplate;

/// Why an answer could not be given.
#[derive(Debug, PartialEq, Eq)]
pub enum Lack {
    /// This stream has to be unpacked first.
    Stream(usize),
    /// It would take too long, or needs too much; decode the block instead.
    Otherwise,
    /// The block is damaged.
    Bad(String),
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

/// The streams of a block, those that were unpacked so far.
#[derive(Default)]
pub struct Parts {
    /// Bytes of each, unpacked or not.
    pub sizes: [usize; STREAMS],
    pub bytes: [Option<Vec<u8>>; STREAMS],
}

impl Parts {
    /// A stream, if it is there; an empty one always is.
    pub fn get(&self, k: usize) -> Result<&[u8], Lack> {
        match &self.bytes[k] {
            Some(bytes) => Ok(bytes),
            None if self.sizes[k] == 0 => Ok(&[]),
            None => Err(Lack::Stream(k)),
        }
    }

    /// A piece of a stream; places were checked against its size.
    pub fn slice(&self, k: usize, at: usize, n: usize) -> Result<&[u8], Lack> {
        let bytes = self.get(k)?;
        bytes.get(at..).and_then(|rest| rest.get(..n)).ok_or_else(|| "a piece beyond its stream".into())
    }
}

/// Numbers: where they lie. `BACK` are references, which are read at once.
#[derive(Clone, Debug)]
pub struct Ints {
    pub n: usize,
    pub layout: u8,
    /// The first number, or the lowest.
    pub first: u64,
    /// Bytes of each, in planes.
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
    pub lengths: usize,
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
    /// Template of each row.
    pub rows: Vec<u32>,
    /// Rows of each template.
    pub uses: Vec<usize>,
    /// Values of each column.
    pub counts: Vec<usize>,
    pub specs: Vec<Spec>,
    /// Entries of the pool, as start and end in TEXT.
    pub pool: Vec<(u32, u32)>,
    pub raw_len: usize,
}

/// Positions in all streams.
struct Walk<'a> {
    parts: &'a Parts,
    table: Cursor<'a>,
    at: [usize; STREAMS],
    pool: Vec<(u32, u32)>,
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
        if let Some(width) = width {
            self.pass(TEXT, n.checked_mul(width).ok_or("too many values")?)?;
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
            self.pass(TEXT, sum)?;
        }
        Ok(Texts { n, width, at, lengths })
    }

    fn ints(&mut self, n: usize, small: usize) -> Result<Ints, Lack> {
        match self.table.peek() {
            Some(ints::BACK) => Err("numbers in layout 3, expected 0 to 2".into()),
            _ => self.any_ints(n, small),
        }
    }

    /// Numbers that may be references.
    fn any_ints(&mut self, n: usize, small: usize) -> Result<Ints, Lack> {
        let layout = self.table.byte()?;
        let mut ints = Ints { n, layout, first: 0, width: 0, small, at: 0, wide: 0, planes: 0 };
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
            }
            other => return Err(format!("numbers in layout {other}, expected 0 to 3").into()),
        }
        Ok(ints)
    }

    /// Goes past `n` small numbers and the wide ones that they announce.
    fn small(&mut self, ints: &mut Ints, n: usize) -> Result<(), Lack> {
        ints.at = self.pass(ints.small, n)?;
        ints.wide = self.at[WIDE];
        if self.parts.sizes[WIDE] > 0 {
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
        } else if self.parts.bytes[ints.small]
            .as_ref()
            .is_some_and(|b| b[ints.at..ints.at + n].iter().any(|b| u64::from(*b) >= ints::ESCAPE))
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
                let before = self.pool.len();
                let ints = self.any_ints(n, STEPS)?;
                let (after, refs) = self.grown(&ints, before)?;
                let new = self.texts(after - before)?;
                new.each(self.parts, |start, end| self.pool.push((start as u32, end as u32)))?;
                Spec::Pool { ints, before, refs }
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
    /// Whether all streams are there that values are made of.
    pub fn needs(&self, parts: &Parts) -> Result<(), Lack> {
        match self {
            Spec::Dictionary { .. } => parts.get(INDEX)?,
            Spec::Number { ints, .. } | Spec::Stamp { ints, .. } => match ints.layout {
                ints::PLANES_ABOVE => parts.get(PLANES)?,
                _ => parts.get(WIDE)?,
            },
            Spec::Pool { ints, refs: None, .. } => {
                parts.get(ints.small)?;
                parts.get(TEXT)?
            }
            Spec::Split { parts: split, .. } => return split.iter().try_for_each(|spec| spec.needs(parts)),
            _ => parts.get(TEXT)?,
        };
        Ok(())
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
        let (mut small, mut planes): (&[u8], &[u8]) = (&[], &[]);
        let mut wide = Cursor::new(&[], "WIDE");
        if ints.n > 0 && ints.layout == ints::PLANES_ABOVE {
            planes = parts.slice(PLANES, ints.planes, ints.n * ints.width)?;
        } else if ints.n > 0 {
            let steps = usize::from(ints.layout == ints::STEPS_SIGNED);
            small = parts.slice(ints.small, ints.at, ints.n - steps)?;
            let rest = parts.get(WIDE)?;
            wide = Cursor::new(rest.get(ints.wide..).unwrap_or_default(), "WIDE");
        }
        let escapes = |bytes: &[u8]| bytes.iter().fold(0, |most, b| most.max(*b)) >= ints::ESCAPE as u8;
        let plain = ints.layout == ints::VALUES && !escapes(small);
        let (layout, n, width, first) = (ints.layout, ints.n, ints.width, ints.first);
        Ok(Reader { layout, n, width, small, planes, wide, i: 0, last: first, first, plain })
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
        let lengths = parts.get(LENGTHS)?.get(texts.lengths..).unwrap_or_default();
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

/// Streams without which nothing is known.
pub const ALWAYS: [usize; 6] = [TABLE, LITERALS, ROWS, STEPS, TIMES, LENGTHS];

/// Finds everything in a block; what `decode` refuses for its numbers is refused here.
pub fn open(parts: &Parts, lines: usize, raw_len: usize) -> Result<View, Lack> {
    if lines > raw_len {
        return Err(format!("{lines} lines in {raw_len} bytes").into());
    }
    if raw_len >= 1 << 30 || parts.sizes.iter().any(|s| *s >= 1 << 30) {
        return Err("a block of a gigabyte or more".into());
    }
    for (size, bytes) in parts.sizes.iter().zip(&parts.bytes) {
        if bytes.as_ref().is_some_and(|b| b.len() != *size) {
            return Err("a stream of another size".into());
        }
    }
    let literals = parts.get(LITERALS)?;
    let mut table = Cursor::new(parts.get(TABLE)?, "TABLE");
    let templates = read_templates(&mut table, literals)?;
    let columns = super::decode::read_columns(&mut table, &templates)?;
    let mut walk = Walk { parts, table, at: [0; STREAMS], pool: Vec::new() };
    let places = walk.ints(lines, ROWS)?;
    let mut uses = vec![0usize; templates.len()];
    let mut rows = Vec::with_capacity(lines);
    for t in places.all(parts)? {
        *uses.get_mut(t as usize).ok_or_else(|| format!("row template {t} does not exist"))? += 1;
        rows.push(t as u32);
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
    Ok(View { templates, columns, rows, uses, counts, specs, pool: walk.pool, raw_len })
}
