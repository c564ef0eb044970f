//! A small set of what a block's words look like, so that a search skips blocks without opening them.
//!
//! A *word* is a run of letters, digits, `_` and bytes from 0x80 on. Of every word of eight bytes or
//! more the set holds its *grams*: its bytes 0-7, 8-15, 16-23, ... while there are eight, and, told apart
//! from those, its last eight. ASCII letters are taken in lower case. Each gram sets two bits of a table
//! whose size is a power of two; a table is made smaller by laying its halves over each other.
//!
//! Addresses have no long words. For them the set holds what stands between two dots of a number with
//! dots: of every `.`, one to five digits, `.`, one to five digits, `.` these very bytes.
//!
//! What a literal that is searched for says about words depends on what is known: inside of it, a word has
//! a beginning or an end if another byte stands there; at its edges, words may go on. Where a word's
//! beginning is not known, its grams may lie at eight shifts, and one of them must be there whole.
//!
//! No false negatives: `may_contain` is false only if no line of the text contains the literal. FORMAT.md
//! fixes all numbers here.

use crate::simd::{classes, equal};

const GRAM: usize = 8;
/// Bytes that are looked at together.
const PIECE: usize = 1 << 15;
/// Bits of the table that a text's grams are gathered in.
pub const MAX_LOG: u32 = 21;
/// Bits of the smallest table: 64 bytes.
pub const MIN_LOG: u32 = 9;
const K: u64 = 0x9E37_79B9_7F4A_7C15;
/// Added to a gram that is the end of a word.
const END: u64 = 0xD6E8_FEB8_6659_FD93;

/// Multiplied into the bytes between dots.
const DOTS: u64 = 0xA076_1D64_78BD_642F;

/// A table of 2^n bits, n from `MIN_LOG` to `MAX_LOG`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    bits: Vec<u64>,
}

/// All there is to know of a word of up to 24 bytes.
#[derive(Clone, Copy, Default, PartialEq)]
struct Word {
    first: u64,
    /// Of a word of more than 16 bytes.
    second: u64,
    last: u64,
    n: usize,
}

/// Eight bytes as a number, first byte lowest.
#[inline(always)]
fn load(text: &[u8], at: usize) -> u64 {
    text[at..].first_chunk::<GRAM>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A gram in lower case.
#[inline(always)]
fn lower(v: u64) -> u64 {
    // Bytes 'A'..='Z' get bit 5: 0x3f brings 'A' to 0x80, 0x25 brings 'Z' + 1 there.
    let low = v & 0x7F7F_7F7F_7F7F_7F7F;
    let from_a = low.wrapping_add(0x3F3F_3F3F_3F3F_3F3F);
    let above_z = low.wrapping_add(0x2525_2525_2525_2525);
    let upper = from_a & !above_z & !v & 0x8080_8080_8080_8080;
    v | upper >> 2
}

#[inline(always)]
fn mixed(v: u64) -> u64 {
    let h = (v ^ v >> 32).wrapping_mul(K);
    (h ^ h >> 29).wrapping_mul(K)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The gram at a place, which has eight bytes.
#[inline(always)]
fn gram_at(text: &[u8], at: usize) -> u64 {
    lower(load(text, at))
}

impl Filter {
    fn empty(log: u32) -> Filter {
        Filter { bits: vec![0; 1 << (log - 6)] }
    }

    /// The set of a text, in the largest table.
    #[inline(always)]
    pub fn of(text: &[u8]) -> Filter {
        let mut filter = Filter::empty(MAX_LOG);
        // Words of a log come again and again; what was just put in need not be put in again.
        let mut recent = vec![Word::default(); 1024];
        // Two passes over what is still in the nearest cache; no word goes on behind a line feed.
        let mut rest = text;
        while !rest.is_empty() {
            let feed = |piece: &[u8]| piece.iter().rposition(|b| *b == b'\n');
            let end = rest.get(..PIECE).map_or(Some(rest.len()), |piece| feed(piece).map(|n| n + 1));
            let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
            filter.add(piece, &mut recent);
            rest = behind;
        }
        filter
    }

    #[inline(always)]
    fn add(&mut self, text: &[u8], recent: &mut [Word]) {
        let filter = self;
        each_long_word(text, |start, end| {
            let n = end - start;
            let word = Word {
                first: load(text, start),
                second: if n > 2 * GRAM { load(text, start + GRAM) } else { 0 },
                last: load(text, end - GRAM),
                n,
            };
            if n <= 3 * GRAM {
                let place = (word.first ^ word.last.rotate_left(21)).wrapping_mul(K) as usize >> 54;
                if recent[place] == word {
                    return;
                }
                recent[place] = word;
            }
            filter.set(mixed(lower(word.first)));
            let mut at = start + GRAM;
            while at + GRAM <= end {
                filter.set(mixed(gram_at(text, at)));
                at += GRAM;
            }
            filter.set(mixed(lower(word.last) ^ END));
        });
        each_dot(text, |at| {
            if let Some(v) = between_dots(&text[at..]) {
                filter.set(mixed(v));
            }
        });
    }

    fn log(&self) -> u32 {
        self.bits.len().trailing_zeros() + 6
    }

    #[inline(always)]
    fn places(&self, h: u64) -> [(usize, u64); 2] {
        let mask = self.bits.len() * 64 - 1;
        [h as usize & mask, (h >> 32) as usize & mask].map(|bit| (bit / 64, 1 << (bit % 64)))
    }

    #[inline(always)]
    fn set(&mut self, h: u64) {
        for (word, bit) in self.places(h) {
            self.bits[word] |= bit;
        }
    }

    fn has(&self, v: u64) -> bool {
        self.places(mixed(v)).iter().all(|&(word, bit)| self.bits[word] & bit != 0)
    }

    fn ones(&self) -> usize {
        self.bits.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The smallest table of at most `most` bytes in which no more than a third of the bits are set; else
    /// the largest, if no more than half are; else none, because it would rule out too little.
    pub fn fitted(mut self, most: usize) -> Option<Filter> {
        let mut best = None;
        loop {
            let (size, ones) = (self.bits.len() * 64, self.ones());
            if size <= most * 8 {
                if ones * 3 <= size {
                    best = Some(self.clone());
                } else {
                    return best.or((ones * 2 <= size).then_some(self));
                }
            }
            if self.log() == MIN_LOG {
                return best;
            }
            self.halve();
        }
    }

    /// The same set in half the table.
    fn halve(&mut self) {
        let half = self.bits.split_off(self.bits.len() / 2);
        self.bits.iter_mut().zip(&half).for_each(|(a, b)| *a |= b);
    }

    /// Whether everything is in it that is in a larger table.
    pub fn covers(&self, mut larger: Filter) -> bool {
        while larger.bits.len() > self.bits.len() {
            larger.halve();
        }
        larger.bits.len() == self.bits.len() && larger.bits.iter().zip(&self.bits).all(|(a, b)| a & !b == 0)
    }

    /// The table's bytes, lowest bit first.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bits.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    /// A table from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Filter, String> {
        let log = bytes.len().trailing_zeros() + 3;
        if !bytes.len().is_power_of_two() || !(MIN_LOG..=MAX_LOG).contains(&log) {
            return Err(format!("a filter of {} bytes", bytes.len()));
        }
        let (words, _) = bytes.as_chunks::<8>();
        Ok(Filter { bits: words.iter().map(|w| u64::from_le_bytes(*w)).collect() })
    }

    /// Whether a line of the text may contain the literal, in whatever case.
    pub fn may_contain(&self, literal: &[u8]) -> bool {
        let mut at = 0;
        while at < literal.len() {
            if !is_word(literal[at]) {
                at += 1;
                continue;
            }
            let end = literal[at..].iter().position(|&b| !is_word(b)).map_or(literal.len(), |n| at + n);
            if !self.may_have_word(&literal[at..end], at > 0, end < literal.len()) {
                return false;
            }
            at = end;
        }
        let dots = literal.iter().enumerate().filter(|(_, b)| **b == b'.');
        dots.filter_map(|(at, _)| between_dots(&literal[at..])).all(|v| self.has(v))
    }

    /// Whether a word may be there that has these bytes, as its beginning, its end, or anywhere.
    fn may_have_word(&self, word: &[u8], begins: bool, ends: bool) -> bool {
        let from = |shift: usize| {
            let whole = (word.len() - shift) / GRAM;
            (0..whole).all(|i| self.has(gram_at(word, shift + i * GRAM)))
        };
        if word.len() < GRAM {
            return true;
        }
        if ends && !self.has(gram_at(word, word.len() - GRAM) ^ END) {
            return false;
        }
        if begins {
            return from(0);
        }
        // Every shift leaves a whole gram only if there are this many bytes.
        word.len() < 2 * GRAM - 1 || (0..GRAM).any(from)
    }
}

/// `.19.102.` at the beginning of a text, as a number; none if something else is there.
#[inline(always)]
fn between_dots(text: &[u8]) -> Option<u64> {
    // Most dots have no two others near enough.
    if let Some(block) = text.first_chunk::<32>() {
        let behind = equal(block, b'.') >> 1;
        let second = behind & behind.wrapping_neg();
        let third = behind ^ second;
        let third = third & third.wrapping_neg();
        // Digits number 1 to 5: the second dot is at 2 to 6, and the third 2 to 6 behind it.
        if second & 0b11_1110 == 0 || third & (second << 1) != 0 || third == 0 || third > second << 6 {
            return None;
        }
    }
    let mut v = 0u64;
    let mut at = 0;
    for _ in 0..2 {
        if text.get(at) != Some(&b'.') {
            return None;
        }
        let from = at + 1;
        at = from;
        while let Some(digit) = text.get(at).filter(|b| b.is_ascii_digit()) {
            v = v * 10 + u64::from(*digit - b'0');
            at += 1;
            if at - from > 5 {
                return None;
            }
        }
        if at == from {
            return None;
        }
        // Leading zeros and lengths count, too.
        v = v * 8 + (at - from) as u64;
    }
    (text.get(at) == Some(&b'.')).then(|| (v + 1).wrapping_mul(DOTS))
}

#[inline(always)]
fn each_dot(text: &[u8], mut call: impl FnMut(usize)) {
    let (blocks, rest) = text.as_chunks::<32>();
    for (i, block) in blocks.iter().enumerate() {
        let mut mask = equal(block, b'.');
        while mask != 0 {
            call(i * 32 + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
    }
    let from = text.len() - rest.len();
    (from..text.len()).filter(|&at| text[at] == b'.').for_each(call);
}

/// Start and end of every word of eight bytes or more.
#[inline(always)]
fn each_long_word(text: &[u8], mut call: impl FnMut(usize, usize)) {
    // A word that is under way began here.
    let mut open: Option<usize> = None;
    let mut close = |start: usize, end: usize| {
        if end - start >= GRAM {
            call(start, end);
        }
    };
    let (blocks, rest) = text.as_chunks::<32>();
    let (pairs, single) = blocks.as_chunks::<2>();
    for (i, [a, b]) in pairs.iter().enumerate() {
        let word = |c: &[u8; 32]| classes(c).word | equal(c, b'_');
        let mut mask = u64::from(word(a)) | u64::from(word(b)) << 32;
        let base = i * 64;
        if mask == u64::MAX {
            open.get_or_insert(base);
            continue;
        }
        if mask & 1 == 0 {
            open.take().into_iter().for_each(|start| close(start, base));
        } else if let Some(start) = open.take() {
            let n = (!mask).trailing_zeros() as usize;
            close(start, base + n);
            mask &= u64::MAX << n;
        }
        // A run that reaches the end goes on in the next 64 bytes.
        let tail = mask.leading_ones() as usize;
        if tail > 0 {
            open = Some(base + 64 - tail);
            mask &= u64::MAX >> tail;
        }
        // Where eight word bytes begin side by side; most words are shorter and cost nothing.
        let mut long = mask & mask >> 1;
        long &= long >> 2;
        long &= long >> 4;
        while long != 0 {
            let start = long.trailing_zeros() as usize;
            let n = (!(mask >> start)).trailing_zeros() as usize;
            close(base + start, base + start + n);
            long &= u64::MAX.checked_shl((start + n) as u32).unwrap_or(0);
        }
    }
    let done = pairs.len() * 64;
    let left = single.len() * 32 + rest.len();
    for at in done..done + left {
        if is_word(text[at]) {
            open.get_or_insert(at);
        } else if let Some(start) = open.take() {
            close(start, at);
        }
    }
    open.into_iter().for_each(|start| close(start, text.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(mut state: u32) -> impl FnMut(u32) -> u32 {
        move |n| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 16) % n
        }
    }

    #[test]
    fn long_words_are_those_of_a_loop_over_bytes() {
        let mut next = numbers(5);
        for _ in 0..2000 {
            let text: Vec<u8> = (0..next(300))
                .map(
                    |_| if next(12) == 0 { b" -\n"[next(3) as usize] } else { b"aZ_9\xe9"[next(5) as usize] },
                )
                .collect();
            let mut found = Vec::new();
            each_long_word(&text, |start, end| found.push((start, end)));
            let mut expected = Vec::new();
            let mut at = 0;
            while at < text.len() {
                let n = text[at..].iter().take_while(|b| is_word(**b)).count();
                if n >= GRAM {
                    expected.push((at, at + n));
                }
                at += n.max(1);
            }
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn whatever_the_text_contains_may_be_there() {
        let mut next = numbers(11);
        for _ in 0..300 {
            let text: Vec<u8> = (0..200 + next(2000))
                .map(|_| match next(14) {
                    0 => b" .-\n"[next(4) as usize],
                    1..=5 => b".1207"[next(5) as usize],
                    _ => b'0' + next(75) as u8,
                })
                .collect();
            let filter = Filter::of(&text).fitted(1 << 14).unwrap();
            assert_eq!(Filter::from_bytes(&filter.to_bytes()), Ok(filter.clone()));
            for _ in 0..100 {
                let start = next(text.len() as u32) as usize;
                let end = (start + 1 + next(60) as usize).min(text.len());
                let literal = text[start..end].to_ascii_lowercase();
                assert!(filter.may_contain(&literal), "{literal:?}");
                assert!(filter.may_contain(&text[start..end]));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_mostly_known_not_to_be() {
        let mut next = numbers(17);
        let mut id = || format!("{:016}", u64::from(next(1 << 16)) << 32 | u64::from(next(1 << 16)) << 16);
        let text = (0..3000).map(|_| format!("session {} opened\n", id())).collect::<String>();
        let filter = Filter::of(text.as_bytes()).fitted(1 << 16).unwrap();
        assert!(filter.to_bytes().len() <= 8192);
        let wrong = (0..1000).filter(|_| filter.may_contain(format!(" {}", id()).as_bytes())).count();
        assert!(wrong < 150, "{wrong} of 1000");
        assert!(!filter.may_contain(b"certificate expired"));
        assert!(filter.may_contain(b"opened"));
    }

    #[test]
    fn addresses_are_known_by_what_is_between_their_dots() {
        let text: String = (0..40).map(|i| format!("from 10.{i}.7.{}:80\n", i * 3)).collect();
        let filter = Filter::of(text.as_bytes()).fitted(1 << 12).unwrap();
        assert!(filter.may_contain(b"10.17.7.51"));
        assert!(filter.may_contain(b".0.7."));
        assert!(!filter.may_contain(b"10.41.7.1"));
        assert!(!filter.may_contain(b"10.017.7.51"));
        assert!(filter.may_contain(b"10.41.7"));
        assert_eq!(between_dots(b".1.2"), None);
        assert_eq!(between_dots(b".1..2."), None);
        assert_eq!(between_dots(b".123456.2."), None);
        assert_ne!(between_dots(b".1.23."), between_dots(b".12.3."));
    }

    #[test]
    fn a_text_of_too_many_words_has_no_filter() {
        let mut next = numbers(23);
        let text: Vec<u8> = (0..400_000).map(|_| b'a' + next(26) as u8).collect();
        assert_eq!(Filter::of(&text).fitted(1024), None);
        assert!(Filter::from_bytes(&[0; 63]).is_err());
        assert!(Filter::from_bytes(&[]).is_err());
    }

    #[test]
    fn a_filter_covers_its_text_and_no_other() {
        let text =
            |from: usize| (from..from + 300).map(|i| format!("opened session{i:05}\n")).collect::<String>();
        let filter = Filter::of(text(0).as_bytes()).fitted(1 << 12).unwrap();
        assert!(filter.covers(Filter::of(text(0).as_bytes())));
        assert!(filter.covers(Filter::of(&text(0).as_bytes()[..60])));
        assert!(!filter.covers(Filter::of(text(1000).as_bytes())));
        let mut forged = filter.clone();
        let set = forged.bits.iter().position(|w| *w != 0).unwrap();
        forged.bits[set] &= forged.bits[set] - 1;
        assert!(!forged.covers(Filter::of(text(0).as_bytes())));
    }

    #[test]
    fn grams_are_in_lower_case() {
        let gram = |text: &[u8]| gram_at(text, 0);
        assert_eq!(gram(b"AZaz@[09"), gram(b"azaz@[09"));
        assert_ne!(gram(b"@@@@@@@@"), gram(b"````````"));
        assert_ne!(gram(b"[[[[[[[["), gram(b"{{{{{{{{"));
        assert_ne!(gram(&[0xC1; 8]), gram(&[0xE1; 8]));
    }
}
