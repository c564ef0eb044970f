//! Finds literals in text, letters of ASCII in both cases if asked to.
//!
//! Two bytes of a literal are looked for side by side, 32 places at a time; only where both stand is the
//! rest compared. The two are those that are rarest in a sample of the text: a fixed choice, first and
//! last say, stops at every line of a log where those happen to be a blank and a zero. The worst case is
//! the product of both lengths, and literals are bounded by the caller.

use crate::simd::{either, equal};

const STEP: usize = 32;
const SAMPLE: usize = 4096;
const SAMPLES: usize = 8;

/// One literal, ready to be looked for in one text.
pub struct Finder<'a> {
    needle: &'a [u8],
    fold: bool,
    /// Places of the two bytes in the needle; both 0 if it has one byte.
    first: usize,
    second: usize,
}

impl<'a> Finder<'a> {
    /// `needle` is in lower case if `fold`. An empty one is found everywhere.
    pub fn new(needle: &'a [u8], fold: bool, counts: &[u32; 256]) -> Finder<'a> {
        let common = |at: usize| {
            let byte = needle[at];
            let other = if fold { byte.to_ascii_uppercase() } else { byte };
            counts[usize::from(byte)] + if other == byte { 0 } else { counts[usize::from(other)] }
        };
        let mut places: Vec<usize> = (0..needle.len()).collect();
        // Equal counts: those at the ends, because neighbours tend to come together.
        places.sort_by_key(|&at| (common(at), at.min(needle.len() - 1 - at)));
        let first = places.first().copied().unwrap_or(0);
        let second = places.iter().copied().find(|&at| needle[at] != needle[first]).unwrap_or(first);
        Finder { needle, fold, first: first.min(second), second: first.max(second) }
    }

    /// The first place at or after `from` where the literal begins.
    pub fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let n = self.needle.len();
        if n == 0 {
            return (from <= text.len()).then_some(from);
        }
        let last = text.len().checked_sub(n)?;
        let (a, b) = (self.needle[self.first], self.needle[self.second]);
        let mut at = from;
        // All 32 places of a step must have room for both bytes.
        while at + STEP - 1 + self.second < text.len() && at <= last {
            let mut both = self.mask(&text[at + self.first..], a) & self.mask(&text[at + self.second..], b);
            while both != 0 {
                let place = at + both.trailing_zeros() as usize;
                both &= both - 1;
                if place <= last && self.is_at(text, place) {
                    return Some(place);
                }
            }
            at += STEP;
        }
        (at..=last).find(|&place| self.is_at(text, place))
    }

    #[inline(always)]
    fn mask(&self, text: &[u8], byte: u8) -> u32 {
        let Some(bytes) = text.first_chunk::<STEP>() else { return 0 };
        if self.fold && byte.is_ascii_alphabetic() {
            either(bytes, byte, byte.to_ascii_uppercase())
        } else {
            equal(bytes, byte)
        }
    }

    #[inline(always)]
    fn is_at(&self, text: &[u8], place: usize) -> bool {
        let found = &text[place..place + self.needle.len()];
        if self.fold {
            found.eq_ignore_ascii_case(self.needle)
        } else {
            found == self.needle
        }
    }
}

/// How often every byte occurs in some pieces of the text.
pub fn byte_counts(text: &[u8]) -> [u32; 256] {
    let mut counts = [0u32; 256];
    if text.len() <= SAMPLE * SAMPLES {
        text.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    } else {
        for i in 0..SAMPLES {
            let at = (text.len() - SAMPLE) / (SAMPLES - 1) * i;
            text[at..at + SAMPLE].iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(text: &[u8], needle: &[u8], from: usize, fold: bool) -> Option<usize> {
        let same = |w: &[u8]| if fold { w.eq_ignore_ascii_case(needle) } else { w == needle };
        (from..=text.len().checked_sub(needle.len())?).find(|&at| same(&text[at..at + needle.len()]))
    }

    #[test]
    fn finds_what_a_loop_over_all_places_finds() {
        let mut state = 7u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 16) % n
        };
        for round in 0..3000 {
            let letters: &[u8] = if round % 2 == 0 { b"ab" } else { b"aAbB1\n" };
            let text: Vec<u8> =
                (0..next(150)).map(|_| letters[next(letters.len() as u32) as usize]).collect();
            let needle: Vec<u8> =
                (0..1 + next(6)).map(|_| letters[next(letters.len() as u32) as usize]).collect();
            let fold = round % 3 == 0;
            let needle = if fold { needle.to_ascii_lowercase() } else { needle };
            let finder = Finder::new(&needle, fold, &byte_counts(&text));
            for from in 0..=text.len() {
                assert_eq!(finder.find(&text, from), slow(&text, &needle, from, fold), "{text:?} {needle:?}");
            }
        }
    }

    #[test]
    fn an_empty_literal_is_everywhere_and_a_long_one_nowhere() {
        let counts = byte_counts(b"ab");
        assert_eq!(Finder::new(b"", false, &counts).find(b"ab", 2), Some(2));
        assert_eq!(Finder::new(b"", false, &counts).find(b"ab", 3), None);
        assert_eq!(Finder::new(b"abc", false, &counts).find(b"ab", 0), None);
    }
}
