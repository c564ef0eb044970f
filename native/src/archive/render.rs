//! Columns to raw bytes: literals and values in turn, row after row.
//!
//! What a value is made of is read where it is written: a number becomes text in its place. Split values
//! were made part of the programs of rows. Only what has no better form is text in the arena.

use super::ints::{unzigzag, Ints};
use super::numbers::{write, Clock, MAX_WRITTEN, PADDED, PLAIN, SIGNED};

pub type Range = (u32, u32);

/// The values of a column; what is written of them is taken out.
pub enum Values<'a> {
    /// There is none.
    Nothing,
    Same(Range),
    /// Texts of one width, side by side in the arena.
    Fixed {
        at: usize,
        width: usize,
    },
    /// Texts side by side, and their lengths as varints.
    Texts {
        at: usize,
        lengths: &'a [u8],
    },
    /// Entries by their ranges, from `entries` on.
    Dictionary {
        entries: usize,
        index: &'a [u8],
    },
    Number {
        ints: Ints<'a>,
        form: u8,
    },
    Stamp {
        ints: Ints<'a>,
        clock: Box<Clock>,
    },
    /// Texts anywhere, by their ranges; the next one's is at `at`.
    Ranges {
        at: usize,
    },
    /// Literals and columns in turn: some of the parts that all columns share.
    Split {
        first: usize,
        count: usize,
    },
}

/// A literal, and the column whose next value is behind it.
#[derive(Clone, Copy)]
pub struct Step {
    pub start: u32,
    pub len: u32,
    pub column: u32,
}

/// No column.
pub const NONE: u32 = u32::MAX;

/// Bytes of a value that are copied at once.
const BLOCK: usize = 32;
/// The same of a literal, which is mostly longer: how often a loop goes round is hard to foretell.
const LITERAL: usize = 64;
/// Bytes behind what is written, and behind the arena; no piece that is copied is larger.
pub const PADDING: usize = 64;

/// What values are read from.
pub struct Sources<'a> {
    pub arena: &'a [u8],
    pub ranges: &'a [Range],
}

pub struct Renderer<'a, 'b> {
    sources: Sources<'b>,
    columns: Vec<Values<'a>>,
    out: &'b mut [u8],
    at: usize,
    /// `out` without its padding.
    most: usize,
    /// Why a value could not be written, if not for want of room.
    failure: Option<String>,
}

impl<'a, 'b> Renderer<'a, 'b> {
    /// `out` is longer than what is to be written by `PADDING`, and so is the arena.
    pub fn new(sources: Sources<'b>, columns: Vec<Values<'a>>, out: &'b mut [u8]) -> Renderer<'a, 'b> {
        let most = out.len().saturating_sub(PADDING);
        Renderer { sources, columns, out, at: 0, most, failure: None }
    }

    /// Writes a row, which ends with a line feed if it is not the last one. Whether there are others in it is
    /// not looked at.
    #[inline(always)]
    pub fn row(&mut self, program: &[Step]) -> Result<(), String> {
        match self.written(program) {
            Some(at) if at <= self.most && at > self.at => {
                if self.out[at - 1] != b'\n' && at != self.most {
                    return Err("a row that does not end as a line does".into());
                }
                self.at = at;
                Ok(())
            }
            _ => Err(self.why()),
        }
    }

    #[cold]
    fn why(&mut self) -> String {
        let room = || format!("the rows are longer than the block's {} bytes, or one is empty", self.most);
        self.failure.take().unwrap_or_else(room)
    }

    /// Where a row ends that is written; none if it cannot be, or there is no room for it. One that ends in
    /// the padding has no room, either.
    #[inline(always)]
    fn written(&mut self, program: &[Step]) -> Option<usize> {
        let Renderer { sources, columns, out, failure, .. } = self;
        // A local variable, which stays in a register.
        let mut at = self.at;
        for step in program {
            at = copy::<LITERAL>(out, at, sources.arena, step.start as usize, step.len as usize)?;
            if step.column == NONE {
                continue;
            }
            at = columns[step.column as usize].write(sources, out, at, failure)?;
        }
        Some(at)
    }

    /// All bytes must have been written.
    pub fn end(self) -> Result<(), String> {
        if self.at != self.most {
            return Err(format!("the rows have {} bytes, the block's header says {}", self.at, self.most));
        }
        Ok(())
    }
}

impl Values<'_> {
    /// Writes the next value; where it ends.
    #[inline(always)]
    fn write(
        &mut self,
        sources: &Sources,
        out: &mut [u8],
        at: usize,
        failure: &mut Option<String>,
    ) -> Option<usize> {
        let range = |(start, end): Range, out: &mut [u8]| {
            copy::<BLOCK>(out, at, sources.arena, start as usize, (end - start) as usize)
        };
        match self {
            Values::Same(same) => range(*same, out),
            Values::Fixed { at: from, width } => {
                let (start, width) = (*from, *width);
                *from += width;
                copy::<BLOCK>(out, at, sources.arena, start, width)
            }
            Values::Texts { at: from, lengths } => {
                let (start, n) = (*from, varint(lengths));
                *from += n;
                copy::<BLOCK>(out, at, sources.arena, start, n)
            }
            Values::Dictionary { entries, index } => {
                let (first, rest) = index.split_first()?;
                *index = rest;
                range(sources.ranges[*entries + usize::from(*first)], out)
            }
            Values::Number { ints, form } => number(out, at, ints.next(), *form),
            Values::Stamp { ints, clock } => match clock.text(ints.next()) {
                Ok(text) => copy::<BLOCK>(out, at, text, 0, text.len() - PADDING),
                Err(why) => {
                    *failure = Some(why);
                    None
                }
            },
            Values::Ranges { at: from } => {
                let place = *from;
                *from += 1;
                range(sources.ranges[place], out)
            }
            Values::Nothing | Values::Split { .. } => {
                *failure = Some("a value where there is none".into());
                None
            }
        }
    }
}

/// Writes a number; where it ends, if there is room.
#[inline(always)]
fn number(out: &mut [u8], at: usize, v: u64, form: u8) -> Option<usize> {
    if at + MAX_WRITTEN > out.len() {
        return None;
    }
    let (mut v, mut at, mut width) = (v, at, 1);
    if form >= PADDED {
        width = usize::from(form - PADDED);
    } else if form == SIGNED {
        let signed = unzigzag(v);
        out[at] = b'-';
        at += usize::from(signed < 0);
        v = signed.unsigned_abs();
    } else {
        debug_assert_eq!(form, PLAIN);
    }
    Some(at + write(out, at, v, width))
}

/// A length that was read before, so that it is known to be sound.
#[inline(always)]
fn varint(bytes: &mut &[u8]) -> usize {
    let (mut v, mut shift) = (0usize, 0);
    while let Some((b, rest)) = bytes.split_first() {
        *bytes = rest;
        v |= usize::from(b & 0x7f) << shift;
        shift += 7;
        if *b < 0x80 || shift > 63 {
            break;
        }
    }
    v
}

/// Copies `n` bytes in pieces of `N`; where they end, if there is room. Both sides have `PADDING` bytes
/// behind what is copied, which may be overwritten.
#[inline(always)]
fn copy<const N: usize>(to: &mut [u8], at: usize, from: &[u8], start: usize, n: usize) -> Option<usize> {
    let mut done = 0;
    loop {
        let piece: &[u8; N] = from.get(start + done..)?.first_chunk()?;
        *to.get_mut(at + done..)?.first_chunk_mut()? = *piece;
        done += N;
        if done >= n {
            return Some(at + n);
        }
    }
}
