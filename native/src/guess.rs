//! A guess at the template of a message, from how the message begins.
//!
//! The trie finds the template of any message; but the next message that begins with the same bytes
//! mostly has the same template, and holding a message against one template takes half the time of a
//! walk. Guesses belong to one thread; they change the speed and never the result, because a template
//! that fits is held against its rivals in any case (drain.rs).

use crate::layout::Span;
use crate::lex::{fold, Delimiters};
use crate::trie::{equal, MARGIN, NONE, SLOT_ATOM, SLOT_TOKEN};

const SLOTS: usize = 4096;
/// Messages are told apart by their first bytes.
const PREFIX: usize = 16;

/// Messages that begin alike often have one of two templates.
pub const WAYS: usize = 2;

/// The last templates per beginning, the latest first.
#[derive(Default)]
pub struct Guesses {
    last: Vec<[u32; WAYS]>,
}

impl Guesses {
    /// The guesses for a message; None for a short one.
    #[inline(always)]
    pub fn of(&mut self, data: &[u8], start: usize, end: usize) -> Option<&mut [u32; WAYS]> {
        if self.last.is_empty() {
            self.last = vec![[NONE; WAYS]; SLOTS];
        }
        let prefix: &[u8; PREFIX] = data.get(start..)?.first_chunk()?;
        if end - start < PREFIX {
            return None;
        }
        let (a, b) = prefix.split_at(PREFIX / 2);
        let a = u64::from_le_bytes(a.try_into().ok()?);
        let b = u64::from_le_bytes(b.try_into().ok()?);
        let hash = fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd6e8_feb8_6659_fd93);
        // A number says nothing of what comes after it; all that begin with one share their guesses.
        let place = if prefix[0].is_ascii_digit() { 0 } else { hash as usize % SLOTS };
        self.last.get_mut(place)
    }
}

/// A literal and the slot behind it.
#[derive(Clone, Copy)]
struct Piece {
    literal: u32,
    len: u32,
    /// 0 after the last literal.
    slot: u8,
}

/// Every template as a row of pieces; a template is addressed by its id.
#[derive(Default)]
pub struct Rows {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    /// First piece of each template and the end of the last; NONE..NONE once it was taken out.
    rows: Vec<(u32, u32)>,
}

impl Rows {
    /// Adds the template with the next id.
    pub fn push(&mut self, literals: &[&[u8]], kinds: &[u8]) {
        let first = self.pieces.len() as u32;
        for (i, literal) in literals.iter().enumerate() {
            self.text.truncate(self.text.len().saturating_sub(MARGIN));
            let at = self.text.len() as u32;
            self.text.extend_from_slice(literal);
            self.text.resize(self.text.len() + MARGIN, 0);
            let slot = kinds.get(i).copied().unwrap_or(0);
            self.pieces.push(Piece { literal: at, len: literal.len() as u32, slot });
        }
        self.rows.push((first, self.pieces.len() as u32));
    }

    /// Never guesses this template again.
    pub fn remove(&mut self, t: u32) {
        if let Some(row) = self.rows.get_mut(t as usize) {
            *row = (NONE, NONE);
        }
    }

    /// Bytes held, about.
    pub fn size(&self) -> usize {
        self.text.len() + self.pieces.len() * std::mem::size_of::<Piece>() + self.rows.len() * 8
    }

    /// Whether template `t` fits `data[start..end]`, with a margin behind it; appends its variables,
    /// or appends nothing.
    #[inline(always)]
    pub fn fits(
        &self,
        t: u32,
        delimiters: &Delimiters,
        data: &[u8],
        start: usize,
        end: usize,
        spans: &mut Vec<Span>,
    ) -> bool {
        let Some(&(first, last)) = self.rows.get(t as usize) else { return false };
        let Some(pieces) = self.pieces.get(first as usize..last as usize) else { return false };
        if pieces.is_empty() {
            return false;
        }
        let base = spans.len();
        let mut p = start;
        for piece in pieces {
            let len = piece.len as usize;
            if end - p < len || !equal(&self.text, piece.literal as usize, data, p, len) {
                break;
            }
            p += len;
            let e = match piece.slot {
                SLOT_ATOM if p < end => match delimiters.atom_at(data, start, p, end) {
                    Some(e) => e,
                    None => break,
                },
                SLOT_TOKEN if p < end && !delimiters.has(data[p]) => delimiters.token_end(data, p, end),
                0 if p == end => return true,
                _ => break,
            };
            spans.push(Span { start: p as u32, end: e as u32 });
            p = e;
        }
        spans.truncate(base);
        false
    }
}
