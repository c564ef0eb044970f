//! What a slot of a template may hold, and where its value may end.
//!
//! The numbers are those of `logpipe.template.SlotKind`. A value's end follows from its begin, except
//! that kinds which take part of a token (and `RUN`) may end at several places: they are tried from
//! the shortest to the longest. `ANY` is never tried twice, it ends where the literal behind it first
//! occurs; what ends at several places reaches over one token, and that keeps the search short.

use crate::lex::Delimiters;
use crate::trie::{SLOT_ANY, SLOT_ATOM, SLOT_TOKEN};

pub const TOKEN: u8 = SLOT_TOKEN;
pub const ATOM: u8 = SLOT_ATOM;
pub const ANY: u8 = SLOT_ANY;
/// Part of a token: at least one byte, no delimiter.
pub const FIELD: u8 = 4;
/// The same, or nothing.
pub const OPTIONAL: u8 = 5;
/// A `FIELD` that holds a digit.
pub const CODE: u8 = 6;
/// Digits, and signs, dots and commas around and between them.
pub const NUMBER: u8 = 7;
/// Hexadecimal digits, perhaps after `0x`.
pub const HEX: u8 = 8;
/// One token or several, with the delimiters between them.
pub const RUN: u8 = 9;

/// The kinds that exist.
pub const KINDS: std::ops::RangeInclusive<u8> = TOKEN..=RUN;

/// Whether the plain matcher of drain/forms.rs knows the kind.
pub fn is_plain(kind: u8) -> bool {
    kind <= ANY
}

/// Of two kinds that hold a value, the one that says more about it comes first.
pub fn rank(kind: u8) -> u8 {
    match kind {
        NUMBER => 0,
        HEX => 1,
        ATOM => 2,
        CODE => 3,
        FIELD => 4,
        TOKEN => 5,
        OPTIONAL => 6,
        RUN => 7,
        _ => 8,
    }
}

/// The least and the greatest end that a value at `p` can have; not for `ANY`.
///
/// `p` is where a template has the slot in a message `data[start..end]`.
#[inline(always)]
pub fn reach(
    kind: u8,
    delimiters: &Delimiters,
    data: &[u8],
    start: usize,
    p: usize,
    end: usize,
) -> Option<(usize, usize)> {
    if p >= end || delimiters.has(data[p]) {
        return (kind == OPTIONAL).then_some((p, p));
    }
    match kind {
        ATOM => delimiters.atom_at(data, start, p, end).map(|e| (e, e)),
        RUN => Some((p + 1, end)),
        NUMBER => run(data, p, end, |b| delimiters.has(b), |b| matches!(b, b'0'..=b'9' | b'+'..=b'.')),
        HEX => {
            // Behind `0x` the digits are looked for, not the zero.
            let body = p + 2;
            let prefixed = body < end && data[p] == b'0' && data[body - 1] | 32 == b'x';
            let from = if prefixed && data[body].is_ascii_hexdigit() { body } else { p };
            let hi = from
                + data[from..end]
                    .iter()
                    .take_while(|b| b.is_ascii_hexdigit() && !delimiters.has(**b))
                    .count();
            (hi > from).then_some((from + 1, hi))
        }
        _ => {
            let token_end = delimiters.token_end(data, p, end);
            match kind {
                TOKEN => Some((token_end, token_end)),
                FIELD => Some((p + 1, token_end)),
                OPTIONAL => Some((p, token_end)),
                CODE => {
                    data[p..token_end].iter().position(u8::is_ascii_digit).map(|n| (p + n + 1, token_end))
                }
                _ => None,
            }
        }
    }
}

fn run(
    data: &[u8],
    p: usize,
    end: usize,
    stops: impl Fn(u8) -> bool,
    has: impl Fn(u8) -> bool,
) -> Option<(usize, usize)> {
    let hi = p + data[p..end].iter().take_while(|b| has(**b) && !stops(**b)).count();
    data[p..hi].iter().position(u8::is_ascii_digit).map(|n| (p + n + 1, hi))
}

/// Whether a value of this kind can end before `e`.
#[inline(always)]
pub fn can_end(kind: u8, delimiters: &Delimiters, data: &[u8], e: usize) -> bool {
    kind != RUN || e == 0 || !delimiters.has(data[e - 1])
}

/// Whether no value of this kind holds a delimiter, so that the first one met is behind it.
#[inline(always)]
pub fn within_token(kind: u8) -> bool {
    kind != RUN && kind != ANY
}

/// The first place of `needle` in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let Some(&first) = needle.first() else { return Some(0) };
    let mut from = 0;
    while from + needle.len() <= hay.len() {
        let n = hay[from..=hay.len() - needle.len()].iter().position(|&b| b == first)?;
        if hay[from + n..].starts_with(needle) {
            return Some(from + n);
        }
        from += n + 1;
    }
    None
}
