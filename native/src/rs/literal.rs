//! Values byte by byte, where no earlier value will do.
//!
//! A value ends with a zero byte; zeros and ones in it are preceded by a one. The byte before, the place
//! in the last value of the same column and the value so far are the contexts.

use crate::rs::arith::{hash, hash3, Coder};
use crate::rs::nibbles::Nibbles;

const N: usize = 12;
const S: usize = 3;
const END: u8 = 0;
const ESCAPE: u8 = 1;

/// Where a value stands.
#[derive(Clone, Copy)]
pub struct Place {
    pub column: u32,
    /// Hash of the columns of other templates that are like this one.
    pub group: u32,
    /// Hash of the neighbouring value.
    pub beside: u32,
}

pub struct Literals {
    bytes: Nibbles<N, S, 32>,
}

/// 0 to 15 by the kind of a byte.
fn kind(b: u8) -> u32 {
    match b {
        b'0'..=b'9' => 1,
        b'a'..=b'f' => 2,
        b'g'..=b'z' => 3,
        b'A'..=b'Z' => 4,
        b' ' => 5,
        b'/' => 6,
        b'.' | b',' => 7,
        b':' | b';' => 8,
        b'-' | b'_' => 9,
        b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' => 10,
        b'=' | b'&' | b'?' | b'%' => 11,
        END | ESCAPE => 12,
        128.. => 13,
        _ => 14,
    }
}

/// What is known of a value while it is being coded.
struct Progress {
    /// The last eight bytes.
    last: u64,
    whole: u32,
    word: u32,
    shape: u32,
    digits: u32,
    length: u32,
    /// Where the next byte would be in the last value, and how many bytes agreed up to there.
    above: usize,
    agreed: u32,
}

impl Progress {
    fn take(&mut self, b: u8, above: &[u8]) {
        self.last = self.last << 8 | u64::from(b);
        self.whole = hash(self.whole, u32::from(b));
        let k = kind(b);
        if b.is_ascii_alphanumeric() || b >= 128 {
            self.word = hash(self.word, u32::from(b));
        } else {
            self.word = 0;
        }
        let letters = |k: u32| matches!(k, 2..=4 | 13);
        self.digits = if b.is_ascii_digit() { self.digits + 1 } else { 0 };
        let previous = (self.last >> 8) as u8;
        let same = kind(previous) == k || letters(kind(previous)) && letters(k);
        if !(same && (k == 1 || letters(k))) {
            self.shape = hash(self.shape, if letters(k) { 2 } else { u32::from(b.is_ascii_digit()) + 4 * k });
        }
        self.length += 1;
        let expected = above.get(self.above).copied();
        self.above += 1;
        if expected == Some(b) {
            self.agreed += 1;
        } else {
            self.agreed = 0;
            if !b.is_ascii_alphanumeric() {
                // After a delimiter both stand at the same place again, if the last value has it.
                let from = self.above.saturating_sub(8).min(above.len());
                let rest = &above[from..above.len().min(from + 48)];
                if let Some(n) = rest.iter().position(|&a| a == b) {
                    self.above = from + n + 1;
                }
            }
        }
    }
}

impl Literals {
    pub fn new(log2: u32) -> Literals {
        Literals { bytes: Nibbles::new(log2, [17 * 8, 2048], 10) }
    }

    /// Codes `value` (the decoder passes nothing) into `out`, which is emptied first. `above` is a value to
    /// compare with. `None` if there would be more than `most` bytes.
    pub fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        value: &[u8],
        place: Place,
        above: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        out.clear();
        let (mut s, mut rest, mut escaped) = (
            Progress { last: 0, whole: 0, word: 0, shape: 0, digits: 0, length: 0, above: 0, agreed: 0 },
            value.iter(),
            false,
        );
        let mut pending = None;
        loop {
            let wanted = match pending.take() {
                Some(b) => b,
                None => match rest.next() {
                    None => END,
                    Some(&b @ (END | ESCAPE)) => {
                        pending = Some(b);
                        ESCAPE
                    }
                    Some(&b) => b,
                },
            };
            let e0 = above.get(s.above).map_or(0x100, |&b| u32::from(b));
            let e1 = above.get(s.above + 1).map_or(0x100, |&b| u32::from(b));
            let b1 = s.last as u32 & 0xff;
            let agreed = s.agreed.min(15);
            let column = place.column;
            let contexts = [
                hash(1, s.whole),
                hash3(column, e0 << 4 | agreed, s.length.min(3)),
                hash3(column, b1, s.length.min(255)),
                hash(3, s.last as u32 & 0xffff),
                hash(4, s.last as u32 & 0xff_ffff),
                hash3(5, s.last as u32, (s.last >> 32) as u32 & 0xffff),
                hash3(s.shape, b1, s.digits),
                hash3(e0 << 16 | e1, b1, place.group),
                hash3(6, s.shape, s.word),
                hash3(7, s.word, kind((s.last >> 8) as u8)),
                hash3(8, s.whole, column),
                hash3(place.beside, s.whole, column),
            ];
            let slow = [
                hash3(column, s.length.min(255), u32::from(e0 == 0x100)),
                hash3(column, s.shape, s.digits),
                hash3(column, kind(b1 as u8), e0),
            ];
            let first = match s.length {
                0 => 0,
                _ if agreed > 3 => 1,
                _ if agreed > 0 => 2,
                _ if b1.wrapping_sub(48) < 10 => 3 + s.digits.min(3) as usize - 1,
                _ if s.word != 0 => 6,
                _ => 7,
            };
            let second = (column as usize & 63) << 4 | kind(b1 as u8) as usize;
            let guess = (agreed > 0 && e0 < 256).then_some(e0 as u8);
            let b = self.bytes.byte(coder, wanted, guess, &contexts, &slow, [first, second]);
            s.take(b, above);
            if escaped {
                escaped = false;
            } else if b == END {
                return Some(());
            } else if b == ESCAPE {
                escaped = true;
                continue;
            }
            if out.len() >= most || coder.overran() {
                return None;
            }
            out.push(b);
        }
    }
}
