//! Tokens and atoms: where a message can be cut.
//!
//! A *token* is a maximal run of non-delimiters. An *atom* is a digit-bearing part of a token that
//! is a variable by its looks alone: a number, address, time stamp, id. Atoms are found by a lexer
//! whose every decision depends on the token alone and, at a given position, on nothing further
//! left than two bytes. That is what lets a template be matched literal by literal without lexing
//! the line: if a literal is equal and an atom starts after it, lexing would have cut there too.
//!
//! ```text
//! word      = maximal run of letters, digits and bytes >= 0x80
//! atom word = a word that starts with a digit, has >= 3 digits, or is >= 4 hex digits with one 0-9
//! next word = a word with a digit, or an even number of hex digits
//! atom      = ["-"] atom word { joiner next word }      joiner = one of . : - / , _
//! ```
//!
//! The sign belongs to the atom only where no word precedes it (`a-5` is `a-` and `5`).

use crate::simd::{classes, numeric, white};

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const JOINER: u8 = 4;
const HEX_LETTER: u8 = 8;
const WORD: u8 = DIGIT | LETTER;

static CLASS: [u8; 256] = build_classes();

const fn build_classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = match b {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => LETTER | HEX_LETTER,
            b'g'..=b'z' | b'G'..=b'Z' | 0x80..=0xff => LETTER,
            b'.' | b':' | b'-' | b'/' | b',' | b'_' => JOINER,
            _ => 0,
        };
        i += 1;
    }
    table
}

#[inline(always)]
fn class(b: u8) -> u8 {
    CLASS[b as usize]
}

/// Which bytes separate tokens.
#[derive(Clone)]
pub struct Delimiters {
    is: [bool; 256],
    only_white: bool,
    /// Some delimiter could be part of an atom.
    cut_atoms: bool,
}

impl Delimiters {
    /// ASCII white space, and the extra bytes.
    pub fn new(extra: &[u8]) -> Delimiters {
        let mut is = [false; 256];
        for &b in b" \t\n\r\x0b\x0c".iter().chain(extra) {
            is[b as usize] = true;
        }
        let cut_atoms = extra.iter().any(|&b| class(b) & (WORD | JOINER) != 0);
        Delimiters { is, only_white: extra.is_empty(), cut_atoms }
    }

    /// `atom_at` in a message: an atom never reaches beyond its token.
    #[inline(always)]
    pub fn atom_at(&self, data: &[u8], start: usize, p: usize, end: usize) -> Option<usize> {
        if self.cut_atoms {
            return self.atom_in_token(data, start, p, end);
        }
        atom_at(data, start, p, end)
    }

    #[cold]
    #[inline(never)]
    fn atom_in_token(&self, data: &[u8], start: usize, p: usize, end: usize) -> Option<usize> {
        if self.has(data[p]) {
            return None;
        }
        // No more than two bytes to the left are looked at.
        let from = match p - start {
            n if n >= 1 && self.has(data[p - 1]) => p,
            n if n >= 2 && self.has(data[p - 2]) => p - 1,
            _ => start,
        };
        atom_at(data, from, p, self.token_end(data, p, end))
    }

    #[inline(always)]
    pub fn has(&self, b: u8) -> bool {
        self.is[b as usize]
    }

    /// The end of the token that starts at `p`.
    #[inline(always)]
    pub fn token_end(&self, data: &[u8], p: usize, end: usize) -> usize {
        if self.only_white {
            if let Some(window) = data.get(p..p + 32) {
                let n = white(window.try_into().unwrap_or(&[0; 32])).trailing_zeros() as usize;
                if n < 32 {
                    return (p + n).min(end);
                }
            }
        }
        match data[p..end].iter().position(|&b| self.has(b)) {
            Some(n) => p + n,
            None => end,
        }
    }
}

/// One word: its end, its digits, and whether all of it is hex.
struct Word {
    end: usize,
    digits: usize,
    hex: bool,
}

fn word_at(data: &[u8], start: usize, end: usize) -> Word {
    let mut digits = 0;
    let mut hex = true;
    let mut e = start;
    while e < end {
        let c = class(data[e]);
        if c & WORD == 0 {
            break;
        }
        digits += (c & DIGIT) as usize;
        hex &= c != LETTER;
        e += 1;
    }
    Word { end: e, digits, hex }
}

#[inline(always)]
fn opens_atom(starts_with_digit: bool, digits: usize, hex: bool, length: usize) -> bool {
    starts_with_digit || digits >= 3 || (hex && digits >= 1 && length >= 4)
}

#[inline(always)]
fn continues_atom(digits: usize, hex: bool, length: usize) -> bool {
    digits >= 1 || (hex && length.is_multiple_of(2))
}

/// The end of the atom whose first word starts at `start`, or `Err` of the end of that word.
#[inline(always)]
fn atom_from_word(data: &[u8], start: usize, end: usize) -> Result<usize, usize> {
    // Most atoms are shorter than 32 bytes: all of their words are seen in one look.
    if let Some(window) = data.get(start..).and_then(|d| d.first_chunk::<32>()) {
        let limit = (end - start).min(32);
        // Most are digits and joiners only; one that no digit follows is not part of the atom.
        let (digit, either) = numeric(window);
        if digit & 1 == 1 {
            let run = (!either).trailing_zeros() as usize;
            if run >= limit && limit < 32 {
                let digit = digit & ((1 << limit) - 1);
                let last = (either & !digit & !(digit >> 1)).trailing_zeros() as usize;
                return Ok(start + last.min(limit));
            }
            if run < limit && class(window[run]) & WORD == 0 && window[run] != b'_' {
                let last = (either & !digit & !(digit >> 1)).trailing_zeros() as usize;
                return Ok(start + last.min(run));
            }
        }
        let c = classes(window);
        // Beyond `end` there is no word; at bit 32 the window ends, and then the slow way is taken.
        let word = if limit < 32 { c.word & ((1u32 << limit) - 1) } else { c.word };
        let mut e = (!word).trailing_zeros() as usize;
        if e < 32 {
            let bits = (1u32 << e) - 1;
            let digits = (c.digit & bits).count_ones() as usize;
            if !opens_atom(c.digit & 1 == 1, digits, c.not_hex & bits == 0, e) {
                return Err(start + e);
            }
            loop {
                if e + 1 >= limit {
                    break;
                }
                if class(window[e]) != JOINER || (word >> (e + 1)) & 1 == 0 {
                    return Ok(start + e);
                }
                let from = e + 1;
                let next = from + (!(word >> from)).trailing_zeros() as usize;
                if next >= 32 {
                    break;
                }
                let bits = ((1u32 << (next - from)) - 1) << from;
                let digits = (c.digit & bits).count_ones() as usize;
                if !continues_atom(digits, c.not_hex & bits == 0, next - from) {
                    return Ok(start + e);
                }
                e = next;
            }
            if limit < 32 {
                return Ok(start + e);
            }
        }
    }
    atom_word_by_word(data, start, end)
}

#[cold]
#[inline(never)]
fn atom_word_by_word(data: &[u8], start: usize, end: usize) -> Result<usize, usize> {
    let first = word_at(data, start, end);
    if !opens_atom(class(data[start]) == DIGIT, first.digits, first.hex, first.end - start) {
        return Err(first.end);
    }
    let mut e = first.end;
    while e + 1 < end && class(data[e]) == JOINER && class(data[e + 1]) & WORD != 0 {
        let next = word_at(data, e + 1, end);
        if !continues_atom(next.digits, next.hex, next.end - e - 1) {
            break;
        }
        e = next.end;
    }
    Ok(e)
}

/// The end of the atom that the lexer would find at exactly `p`, in a token of a message that
/// starts at `start` and ends at `end`.
///
/// `p` must be where a template has an atom slot: the bytes before it are those of the template.
#[inline(always)]
pub fn atom_at(data: &[u8], start: usize, p: usize, end: usize) -> Option<usize> {
    let c = class(data[p]);
    if c & WORD != 0 {
        // A sign that the lexer would have taken into the atom must not be in the literal.
        if p > start && data[p - 1] == b'-' && (p - 1 == start || class(data[p - 2]) & WORD == 0) {
            return None;
        }
        return atom_from_word(data, p, end).ok();
    }
    if data[p] == b'-' && p + 1 < end && class(data[p + 1]) & WORD != 0 {
        return atom_from_word(data, p + 1, end).ok();
    }
    None
}

/// Calls `found(start, end)` for every atom of the token, left to right.
///
/// Returns whether a digit is left outside of the atoms.
#[inline(always)]
pub fn atoms(data: &[u8], start: usize, end: usize, mut found: impl FnMut(usize, usize)) -> bool {
    let mut i = start;
    let mut rest_has_digit = false;
    while i < end {
        if class(data[i]) & WORD == 0 {
            i += 1;
            continue;
        }
        match atom_from_word(data, i, end) {
            Ok(e) => {
                let signed =
                    i > start && data[i - 1] == b'-' && (i - 1 == start || class(data[i - 2]) & WORD == 0);
                found(if signed { i - 1 } else { i }, e);
                i = e;
            }
            Err(e) => {
                rest_has_digit |= data[i..e].iter().any(u8::is_ascii_digit);
                i = e;
            }
        }
    }
    rest_has_digit
}

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// The 128-bit product of two words, folded.
#[inline(always)]
pub fn fold(a: u64, b: u64) -> u64 {
    let m = u128::from(a) * u128::from(b);
    (m as u64) ^ ((m >> 64) as u64)
}

/// Extends a hash by some bytes. Used to compare tokens; what is rendered is never trusted to it.
#[inline]
pub fn hash_bytes(mut h: u64, bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    for c in &mut chunks {
        h = fold(h ^ u64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]), K);
    }
    let mut last = [0u8; 8];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    // The length tells trailing NUL bytes from padding.
    fold(h ^ u64::from_le_bytes(last), K ^ bytes.len() as u64)
}

/// One token of a message as Drain sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Hash of the token with its atoms masked; never 0.
    pub hash: u64,
    pub start: u32,
    pub end: u32,
    /// A digit is left after masking: Drain routes such a token to the wildcard branch.
    pub numeric: bool,
}

/// The hash of one token, atoms masked if `mask`, and whether digits are left.
pub fn token_hash(data: &[u8], start: usize, end: usize, mask: bool) -> (u64, bool) {
    let mut h = K;
    let mut from = start;
    let numeric = if mask {
        atoms(data, start, end, |a, b| {
            h = hash_bytes(h, &data[from..a]).wrapping_add(0x5bd1_e995);
            from = b;
        })
    } else {
        data[start..end].iter().any(u8::is_ascii_digit)
    };
    (hash_bytes(h, &data[from..end]) | 1, numeric)
}

/// Cuts a message into tokens. Stops at `limit` tokens and then returns false.
pub fn tokens(
    data: &[u8],
    start: usize,
    end: usize,
    delimiters: &Delimiters,
    mask: bool,
    limit: usize,
    out: &mut Vec<Token>,
) -> bool {
    out.clear();
    let mut p = start;
    while p < end {
        if delimiters.has(data[p]) {
            p += 1;
            continue;
        }
        if out.len() == limit {
            return false;
        }
        let e = delimiters.token_end(data, p, end);
        let (hash, numeric) = token_hash(data, p, e, mask);
        out.push(Token { hash, start: p as u32, end: e as u32, numeric });
        p = e;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(token: &str) -> Vec<String> {
        let data = token.as_bytes();
        let mut found = Vec::new();
        atoms(data, 0, data.len(), |a, b| found.push(token[a..b].to_string()));
        found
    }

    #[test]
    fn atoms_are_the_parts_that_are_variable_by_their_looks() {
        for (token, expected) in [
            ("blk_-1608999687919862906", vec!["-1608999687919862906"]),
            ("blk_1608", vec!["1608"]),
            ("/10.250.19.102:54106", vec!["10.250.19.102:54106"]),
            ("2005-06-03-15.42.50.363779", vec!["2005-06-03-15.42.50.363779"]),
            ("4a7f3b2c-e29b-41d4-a716-446655440000", vec!["4a7f3b2c-e29b-41d4-a716-446655440000"]),
            ("00:1b:cd:ef:00:11", vec!["00:1b:cd:ef:00:11"]),
            ("totalCalories=126775", vec!["126775"]),
            ("1514038440000##6993##548365", vec!["1514038440000", "6993", "548365"]),
            ("(4.88", vec!["4.88"]),
            ("10KB,", vec!["10KB"]),
            ("a-5", vec!["5"]),
            ("x=-5", vec!["-5"]),
            ("5--3", vec!["5", "-3"]),
            ("ssh2", vec![]),
            ("IPv4", vec![]),
            ("rsa_key_2048_x", vec!["2048"]),
            ("", vec![]),
        ] {
            assert_eq!(cut(token), expected, "{token}");
        }
    }

    #[test]
    fn an_atom_is_found_again_from_its_start_alone() {
        for token in ["blk_-16", "x=-5", "5--3", "a--7b", "--1", "-1", "a-1.2-ab-f", "é1234_5"] {
            let data = token.as_bytes();
            atoms(data, 0, data.len(), |a, b| {
                assert_eq!(atom_at(data, 0, a, data.len()), Some(b), "{token}");
            });
        }
        assert_eq!(atom_at(b"-5", 0, 1, 2), None, "the sign belongs to the atom");
    }

    #[test]
    fn the_fast_and_the_plain_lexer_agree() {
        let alphabet = b"01789afgZ.:-/,_ #\xc3";
        let mut state = 7u64;
        for len in 1..90usize {
            for _ in 0..200 {
                let mut data: Vec<u8> = (0..len)
                    .map(|_| {
                        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                        alphabet[(state >> 33) as usize % alphabet.len()]
                    })
                    .collect();
                data.resize(len + 32, b'7');
                if class(data[0]) & WORD != 0 {
                    assert_eq!(atom_from_word(&data, 0, len), atom_word_by_word(&data, 0, len), "{data:?}");
                }
            }
        }
    }

    #[test]
    fn digits_outside_of_atoms_are_reported() {
        assert!(atoms(b"ssh2", 0, 4, |_, _| ()));
        assert!(!atoms(b"blk_12", 0, 6, |_, _| ()));
    }
}
