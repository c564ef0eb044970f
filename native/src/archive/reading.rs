//! Numbers, references and texts of a column that is known to lie somewhere: all of them, or some, in order.

use super::bytes::Cursor;
use super::guide::Shape;
use super::ints;
use super::parts::{Lack, Parts};
use super::*;
use std::sync::Arc;

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
