//! From places in a text to the lines they are in. A line ends at LF or with the text; its CR is content,
//! as it is for grep.

use super::finder::{byte_counts, Finder};
use crate::simd::equal;

/// One line: its number in the text, from 0, and where it lies, LF not included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub line: usize,
    pub start: usize,
    pub end: usize,
}

/// The first LF at or after `from`, or the end of the text.
pub(super) fn line_end(text: &[u8], from: usize) -> usize {
    let rest = &text[from..];
    let (blocks, tail) = rest.as_chunks::<32>();
    for (i, block) in blocks.iter().enumerate() {
        let mask = equal(block, b'\n');
        if mask != 0 {
            return from + i * 32 + mask.trailing_zeros() as usize;
        }
    }
    let at = text.len() - tail.len();
    tail.iter().position(|&byte| byte == b'\n').map_or(text.len(), |i| at + i)
}

/// Behind the last LF before `from`.
pub(super) fn line_start(text: &[u8], from: usize, least: usize) -> usize {
    text[least..from].iter().rposition(|&byte| byte == b'\n').map_or(least, |i| least + i + 1)
}

fn newlines(text: &[u8]) -> usize {
    let (blocks, tail) = text.as_chunks::<32>();
    let whole: usize = blocks.iter().map(|block| equal(block, b'\n').count_ones() as usize).sum();
    whole + tail.iter().filter(|&&byte| byte == b'\n').count()
}

/// The lines in which `next` finds something, or, inverted, all others, at most `most` of them.
///
/// `next` is asked for the first place at or after the one it is given; places only grow.
pub(super) fn collect(
    text: &[u8],
    invert: bool,
    most: usize,
    mut next: impl FnMut(usize) -> Option<usize>,
) -> Vec<Hit> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 0);
    // `at` is always the start of line number `line`; behind the last LF there is no line.
    while at < text.len() && found.len() < most {
        let place = next(at).filter(|&place| place < text.len() || text.last() != Some(&b'\n'));
        let start = place.map_or(text.len(), |place| line_start(text, place, at));
        if invert {
            while at < start && found.len() < most {
                let end = line_end(text, at);
                found.push(Hit { line, start: at, end });
                (at, line) = (end + 1, line + 1);
            }
        } else {
            line += newlines(&text[at..start]);
        }
        if place.is_none() {
            break;
        }
        let end = line_end(text, start);
        if !invert {
            found.push(Hit { line, start, end });
        }
        (at, line) = (end + 1, line + 1);
    }
    found
}

/// Lines that contain one of the literals (in lower case if `fold`), or, inverted, none of them.
pub fn hits(text: &[u8], needles: &[&[u8]], fold: bool, invert: bool, most: usize) -> Vec<Hit> {
    let counts = byte_counts(text);
    let finders: Vec<Finder> = needles.iter().map(|needle| Finder::new(needle, fold, &counts)).collect();
    // Where each was found last; looked for again only from behind that place.
    let mut seen: Vec<Option<usize>> = finders.iter().map(|f| f.find(text, 0)).collect();
    collect(text, invert, most, |from| {
        for (place, finder) in seen.iter_mut().zip(&finders) {
            if place.is_some_and(|place| place < from) {
                *place = finder.find(text, from);
            }
        }
        seen.iter().flatten().min().copied()
    })
}

/// Lines that one of the places (growing, none beyond the text) lies in, or, inverted, all others.
pub fn places(text: &[u8], places: &[i64], invert: bool, most: usize) -> Result<Vec<Hit>, String> {
    let inside = |&place: &i64| usize::try_from(place).is_ok_and(|place| place <= text.len());
    if !places.iter().all(inside) || !places.is_sorted() {
        return Err("places in a text: expected growing ones, none beyond its end".into());
    }
    let mut i = 0;
    Ok(collect(text, invert, most, |from| {
        while places.get(i).is_some_and(|&place| (place as usize) < from) {
            i += 1;
        }
        places.get(i).map(|&place| place as usize)
    }))
}

/// Whether the text contains one of the literals.
pub fn contains(text: &[u8], needles: &[&[u8]], fold: bool) -> bool {
    let counts = byte_counts(text);
    needles.iter().any(|needle| Finder::new(needle, fold, &counts).find(text, 0).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(text: &[u8], needles: &[&[u8]], invert: bool) -> Vec<Hit> {
        let mut found = Vec::new();
        let mut start = 0;
        for (line, part) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            let has = needles.iter().any(|n| n.is_empty() || content.windows(n.len()).any(|w| w == *n));
            if has != invert {
                found.push(Hit { line, start, end: start + content.len() });
            }
            start += part.len();
        }
        found
    }

    #[test]
    fn lines_are_those_that_a_loop_over_lines_finds() {
        let mut state = 3u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 16) % n
        };
        for _ in 0..4000 {
            let text: Vec<u8> = (0..next(120)).map(|_| b"aab\nc\r"[next(6) as usize]).collect();
            let all: [&[u8]; 5] = [b"a", b"ab", b"cab", b"", b"\r"];
            let needles: Vec<&[u8]> = (0..1 + next(2)).map(|_| all[next(5) as usize]).collect();
            for invert in [false, true] {
                let expected = slow(&text, &needles, invert);
                assert_eq!(
                    hits(&text, &needles, false, invert, usize::MAX),
                    expected,
                    "{text:?} {needles:?}"
                );
                let first = &expected[..expected.len().min(2)];
                assert_eq!(hits(&text, &needles, false, invert, 2), first);
            }
        }
    }

    #[test]
    fn places_name_lines_once_and_an_empty_match_behind_the_last_line_none() {
        let text = b"one\n\ntwo\n";
        let hit = |line, start, end| Hit { line, start, end };
        assert_eq!(places(text, &[0, 2, 4, 9], false, 9).unwrap(), [hit(0, 0, 3), hit(1, 4, 4)]);
        assert_eq!(places(text, &[4], true, 9).unwrap(), [hit(0, 0, 3), hit(2, 5, 8)]);
        assert_eq!(places(b"x", &[1], false, 9).unwrap(), [hit(0, 0, 1)]);
        assert!(places(text, &[5, 4], false, 9).is_err());
        assert!(places(text, &[-1], false, 9).is_err());
        assert!(places(text, &[10], false, 9).is_err());
    }
}
