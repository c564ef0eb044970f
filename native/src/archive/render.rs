//! Columns to raw bytes: literals and values in turn, row after row.
//!
//! What a value is made of is read where it is written: a number becomes text in its place, a split value
//! is its parts in turn. Only what has no better form is text in the arena.

use super::ints::{unzigzag, Ints};
use super::numbers::{write, Clock, MAX_WRITTEN, PADDED, PLAIN, SIGNED};

pub type Range = (u32, u32);

/// The values of a column.
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
    /// Entries by their ranges.
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
    /// Texts anywhere, by their ranges from `at` on.
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

/// Bytes that are copied at once; the arena and what is written are padded by as many.
const BLOCK: usize = 32;
/// Bytes behind what is written, and behind the arena.
pub const PADDING: usize = 64;

/// What values are read from.
pub struct Sources<'a> {
    pub arena: &'a [u8],
    pub ranges: &'a [Range],
    pub parts: &'a [Step],
}

/// Where the next value of a column is, and where the first one was.
struct Column<'a> {
    values: Values<'a>,
    next: usize,
}

pub struct Renderer<'a, 'b> {
    sources: Sources<'b>,
    columns: Vec<Column<'a>>,
    out: &'b mut [u8],
    at: usize,
    /// `out` without its padding.
    most: usize,
}

impl<'a, 'b> Renderer<'a, 'b> {
    /// `out` is longer than what is to be written by `PADDING`, and so is the arena.
    pub fn new(sources: Sources<'b>, columns: Vec<Values<'a>>, out: &'b mut [u8]) -> Renderer<'a, 'b> {
        let most = out.len().saturating_sub(PADDING);
        let columns = columns.into_iter().map(|values| Column { values, next: 0 }).collect();
        Renderer { sources, columns, out, at: 0, most }
    }

    #[cold]
    fn too_long(&self) -> String {
        format!("the rows are longer than the block's {} bytes", self.most)
    }

    #[inline(always)]
    fn copy(&mut self, start: usize, n: usize) -> Result<(), String> {
        if self.at + n > self.most {
            return Err(self.too_long());
        }
        copy(self.out, self.at, self.sources.arena, start, n);
        self.at += n;
        Ok(())
    }

    #[inline(always)]
    fn range(&mut self, (start, end): Range) -> Result<(), String> {
        self.copy(start as usize, (end - start) as usize)
    }

    #[inline(always)]
    fn number(&mut self, v: u64, form: u8) -> Result<(), String> {
        if self.at + MAX_WRITTEN > self.out.len() {
            return Err(self.too_long());
        }
        let (mut v, mut width) = (v, 1);
        if form >= PADDED {
            width = usize::from(form - PADDED);
        } else if form == SIGNED {
            let signed = unzigzag(v);
            self.out[self.at] = b'-';
            self.at += usize::from(signed < 0);
            v = signed.unsigned_abs();
        } else {
            debug_assert_eq!(form, PLAIN);
        }
        self.at += write(self.out, self.at, v, width);
        Ok(())
    }

    /// Writes the next value of a column that is not split.
    #[inline(always)]
    fn whole(&mut self, column: usize) -> Result<(), String> {
        let c = &mut self.columns[column];
        let i = c.next;
        c.next += 1;
        match &mut c.values {
            Values::Same(range) => {
                let range = *range;
                self.range(range)
            }
            Values::Fixed { at, width } => {
                let (start, width) = (*at, *width);
                *at += width;
                self.copy(start, width)
            }
            Values::Texts { at, lengths } => {
                let (start, n) = (*at, varint(lengths));
                *at += n;
                self.copy(start, n)
            }
            Values::Dictionary { entries, index } => {
                let range = self.sources.ranges[*entries + usize::from(index[i])];
                self.range(range)
            }
            Values::Number { ints, form } => {
                let (v, form) = (ints.next(), *form);
                self.number(v, form)
            }
            Values::Stamp { ints, clock } => {
                let text = clock.text(ints.next())?;
                let n = text.len() - PADDING;
                if self.at + n > self.most {
                    return Err(self.too_long());
                }
                copy(self.out, self.at, text, 0, n);
                self.at += n;
                Ok(())
            }
            Values::Ranges { at } => {
                let range = self.sources.ranges[*at + i];
                self.range(range)
            }
            Values::Nothing | Values::Split { .. } => Err("a value where there is none".into()),
        }
    }

    /// Writes a row.
    #[inline(always)]
    pub fn row(&mut self, program: &[Step]) -> Result<(), String> {
        for step in program {
            self.copy(step.start as usize, step.len as usize)?;
            if step.column == NONE {
                continue;
            }
            let column = step.column as usize;
            let Values::Split { first, count } = self.columns[column].values else {
                self.whole(column)?;
                continue;
            };
            for part in &self.sources.parts[first..first + count] {
                self.copy(part.start as usize, part.len as usize)?;
                if part.column != NONE {
                    self.whole(part.column as usize)?;
                }
            }
        }
        if self.at > self.most {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// All bytes must have been written.
    pub fn end(self) -> Result<(), String> {
        if self.at != self.most {
            return Err(format!("the rows have {} bytes, the block's header says {}", self.at, self.most));
        }
        Ok(())
    }
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

/// Both sides have `PADDING` bytes behind what is copied.
#[inline(always)]
fn copy(to: &mut [u8], at: usize, from: &[u8], start: usize, n: usize) {
    let mut done = 0;
    loop {
        let piece: &[u8; BLOCK] = from[start + done..start + done + BLOCK].try_into().unwrap_or(&[0; BLOCK]);
        to[at + done..at + done + BLOCK].copy_from_slice(piece);
        done += BLOCK;
        if done >= n {
            return;
        }
    }
}
