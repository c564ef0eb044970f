//! Finding bytes 32 at a time, comparing fields eight at a time.
//!
//! Header fields are a few bytes long, so what counts is the cost of a search that ends soon: most
//! end in the first window.

use crate::simd::{either, equal};

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

#[inline(always)]
fn load(data: &[u8], at: usize) -> Option<u64> {
    let bytes = data.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The first position in `from..end` that holds `byte`. Reads, but never reports, bytes past `end`.
#[inline(always)]
pub fn find_byte(data: &[u8], from: usize, end: usize, byte: u8) -> Option<usize> {
    search(data, from, end, |w| equal(w, byte), |b| b == byte)
}

/// The first position in `from..end` that holds one of two bytes.
#[inline(always)]
pub fn find_either(data: &[u8], from: usize, end: usize, a: u8, b: u8) -> Option<usize> {
    search(data, from, end, |w| either(w, a, b), |x| x == a || x == b)
}

/// The bytes `start..end`, at most eight, as an integer whose lowest byte is the first.
#[inline(always)]
pub fn packed(data: &[u8], start: usize, end: usize) -> u64 {
    let length = end.saturating_sub(start).min(8);
    if length == 0 {
        return 0;
    }
    if let Some(w) = load(data, start) {
        return w & (u64::MAX >> (64 - 8 * length));
    }
    let tail = data.get(start..start + length).unwrap_or(&[]);
    tail.iter().rev().fold(0, |w, &b| (w << 8) | u64::from(b))
}

/// Whether all bytes of `start..end` are between `low` and `high`, which are below 0x80.
#[inline(always)]
pub fn all_within(data: &[u8], start: usize, end: usize, low: u8, high: u8) -> bool {
    let at_least = LOW * u64::from(0x80 - low);
    let at_most = LOW * u64::from(0x7f - high);
    let mut at = start;
    while at < end {
        let length = (end - at).min(8);
        // Where there is no byte, put one that is in range.
        let fill = if length == 8 { 0 } else { u64::MAX << (8 * length) };
        let w = packed(data, at, end) | (fill & (LOW * u64::from(low)));
        // Below 0x80 nothing carries from one byte to the next.
        if w & HIGH != 0 || (w + at_least) & !(w + at_most) & HIGH != HIGH {
            return false;
        }
        at += 8;
    }
    true
}

#[inline(always)]
fn search(
    data: &[u8],
    from: usize,
    end: usize,
    window: impl Fn(&[u8; 32]) -> u32,
    byte: impl Fn(u8) -> bool,
) -> Option<usize> {
    let mut at = from;
    while at < end {
        let Some(w) = data.get(at..).and_then(|d| d.first_chunk::<32>()) else {
            let tail = data.get(at..end.min(data.len()))?;
            return tail.iter().position(|&b| byte(b)).map(|i| at + i);
        };
        let hits = window(w);
        if hits != 0 {
            let found = at + hits.trailing_zeros() as usize;
            return (found < end).then_some(found);
        }
        at += 32;
    }
    None
}

/// A blank or a tab: what a blank in a layout stands for.
#[inline(always)]
pub fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The first blank or tab in `from..end`.
#[inline(always)]
pub fn find_blank(data: &[u8], from: usize, end: usize) -> Option<usize> {
    find_either(data, from, end, b' ', b'\t')
}

/// Where the blanks and tabs are in the first 64 bytes of a line, one bit each.
///
/// The end of one field is where the search for the next begins, so that searches wait for each
/// other. Looking once leaves a shift and a count per field.
#[derive(Clone, Copy, Default)]
pub struct Blanks {
    start: usize,
    /// Bytes that are covered, 0 or 64.
    covered: usize,
    mask: u64,
}

impl Blanks {
    /// Nothing is covered when the data ends before 64 bytes.
    #[inline(always)]
    pub fn of(data: &[u8], start: usize) -> Blanks {
        let mut halves = data.get(start..).unwrap_or(&[]).chunks_exact(32);
        let mut half = || Some(either(halves.next()?.try_into().ok()?, b' ', b'\t'));
        match (half(), half()) {
            (Some(a), Some(b)) => Blanks { start, covered: 64, mask: u64::from(a) | u64::from(b) << 32 },
            _ => Blanks { start, ..Blanks::default() },
        }
    }

    /// The first blank or tab in `from..end`, as `find_blank`.
    #[inline(always)]
    pub fn find(&self, data: &[u8], from: usize, end: usize) -> Option<usize> {
        let offset = from.wrapping_sub(self.start);
        if offset >= self.covered {
            return find_blank(data, from, end);
        }
        let rest = self.mask >> offset;
        if rest == 0 {
            return find_blank(data, self.start + self.covered, end);
        }
        let at = from + rest.trailing_zeros() as usize;
        (at < end).then_some(at)
    }

    /// The first place in `from..stop` of `byte` with a blank or tab after it before `end`.
    #[inline(always)]
    pub fn find_before(&self, data: &[u8], from: usize, stop: usize, end: usize, byte: u8) -> Option<usize> {
        let mut from = from;
        let offset = from.wrapping_sub(self.start);
        if offset < self.covered {
            let mut rest = self.mask & (u64::MAX << offset);
            while rest != 0 {
                let blank = self.start + rest.trailing_zeros() as usize;
                if blank >= end || blank > stop {
                    return None;
                }
                if blank > from && data.get(blank - 1) == Some(&byte) {
                    return Some(blank - 1);
                }
                rest &= rest - 1;
            }
            // The last byte covered may have its blank after it.
            from = from.max(self.start + self.covered - 1);
        }
        loop {
            let at = find_byte(data, from, stop, byte)?;
            from = at + 1;
            if from < end && data.get(from).is_some_and(|&b| is_blank(b)) {
                return Some(at);
            }
        }
    }
}

/// The end of the run of blanks and tabs that begins at `at`; `at` itself when there is none.
#[inline(always)]
pub fn run_end(data: &[u8], mut at: usize, end: usize) -> usize {
    while at < end && data.get(at).is_some_and(|&b| is_blank(b)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_search_agrees_with_a_plain_loop() {
        let mut state = 7u64;
        let mut data = Vec::new();
        for _ in 0..300 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            data.push(b" !\t\x08\x00\xff\x20\xa0ab"[(state >> 60) as usize % 10]);
        }
        for from in 0..data.len() {
            for end in from..(from + 40).min(data.len()) {
                let plain = |f: &dyn Fn(u8) -> bool| (from..end).find(|&i| f(data[i]));
                assert_eq!(plain(&|b| b == b'a'), find_byte(&data, from, end, b'a'));
                assert_eq!(plain(&|b| b == 0), find_byte(&data, from, end, 0));
                assert_eq!(plain(&is_blank), find_blank(&data, from, end));
                for back in [0, 1, 7, 30, 62, 63, 64, 70] {
                    let blanks = Blanks::of(&data, from.saturating_sub(back));
                    assert_eq!(plain(&is_blank), blanks.find(&data, from, end));
                    for stop in [end, end - (end - from) / 2] {
                        let before =
                            (from..stop).find(|&i| data[i] == b'!' && i + 1 < end && is_blank(data[i + 1]));
                        assert_eq!(before, blanks.find_before(&data, from, stop, end, b'!'));
                    }
                }
                let within = (from..end).all(|i| (b' '..=b'a').contains(&data[i]));
                assert_eq!(within, all_within(&data, from, end, b' ', b'a'));
                let mut bytes = [0; 8];
                let length = (end - from).min(8);
                bytes[..length].copy_from_slice(&data[from..from + length]);
                assert_eq!(u64::from_le_bytes(bytes), packed(&data, from, end));
            }
        }
    }
}
