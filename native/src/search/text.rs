//! Lines of a text that an automaton accepts; literals that every match contains save it most of them.

use super::automaton::{Automaton, TooBig, BEGIN, DEAD, FOUND};
use super::finder::{byte_counts, Finder};
use super::lines::{collect, line_end, line_start, Hit};

/// Lines that have a match, or, inverted, all others, at most `most` of them. A match contains one of the
/// literals, if some are given (in lower case if `fold`).
pub fn matching(
    text: &[u8],
    automaton: &mut Automaton,
    needles: Option<&[&[u8]]>,
    fold: bool,
    invert: bool,
    most: usize,
) -> Result<Vec<Hit>, TooBig> {
    let mut wrong = None;
    let counts = byte_counts(text);
    let finders: Option<Vec<Finder>> =
        needles.map(|needles| needles.iter().map(|n| Finder::new(n, fold, &counts)).collect());
    let mut seen: Vec<Option<usize>> = finders.iter().flatten().map(|finder| finder.find(text, 0)).collect();
    let found = collect(text, invert, most, |from| {
        let mut at = from;
        let result = match &finders {
            None => next_line(text, automaton, at),
            Some(finders) => loop {
                for (place, finder) in seen.iter_mut().zip(finders) {
                    if place.is_some_and(|place| place < at) {
                        *place = finder.find(text, at);
                    }
                }
                let Some(place) = seen.iter().flatten().min().copied() else { break Ok(None) };
                let start = line_start(text, place, at);
                let end = line_end(text, place);
                let end_of = automaton.run(BEGIN, &text[start..end]).and_then(|state| automaton.ends(state));
                match end_of {
                    Ok(true) => break Ok(Some(start)),
                    Ok(false) => at = end + 1,
                    Err(error) => break Err(error),
                }
                if at >= text.len() {
                    break Ok(None);
                }
            },
        };
        result.unwrap_or_else(|error| {
            wrong = Some(error);
            None
        })
    });
    match wrong {
        Some(error) => Err(error),
        None => Ok(found),
    }
}

/// The first line at or after `at`, which is the beginning of one, that has a match.
fn next_line(text: &[u8], automaton: &mut Automaton, at: usize) -> Result<Option<usize>, TooBig> {
    let mut start = at;
    while start < text.len() {
        let (mut state, mut place) = (BEGIN, start);
        // The line feed decides, so that there is no need to look for it.
        while state > FOUND && place < text.len() {
            state = automaton.next(state, text[place])?;
            place += 1;
        }
        if state > FOUND {
            state = if automaton.ends(state)? { FOUND } else { DEAD };
        }
        if state == FOUND {
            return Ok(Some(start));
        }
        start = if text[place - 1] == b'\n' { place } else { line_end(text, place) + 1 };
    }
    Ok(None)
}

/// Some lines of a text, one after the other; each ends in a line feed.
pub fn joined(text: &[u8], hits: &[Hit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(hits.iter().map(|hit| hit.end - hit.start + 1).sum());
    for hit in hits {
        out.extend_from_slice(&text[hit.start..hit.end]);
        out.push(b'\n');
    }
    out
}
