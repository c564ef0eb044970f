//! Separators: what lies between two fields, and how it is found in a line.

use super::scan::{find_blank, find_byte, is_blank, run_end, Blanks};
use super::Span;

/// The target of the message; fields count from 0.
pub const MESSAGE: u8 = u8::MAX;

/// One piece of a separator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// These bytes; never empty.
    Literal(Vec<u8>),
    /// One or more blanks or tabs, always all there are.
    Run,
}

/// What lies between two fields; an empty one only at the ends of the line.
#[derive(Clone, Debug)]
pub struct Separator {
    pub quick: Quick,
    pub elements: Vec<Element>,
}

/// The separators that make up nearly all headers, without the walk over elements.
#[derive(Clone, Copy, Debug)]
pub enum Quick {
    Run,
    Byte(u8),
    ByteRun(u8),
    PairRun([u8; 2]),
    No,
}

impl Quick {
    /// The first place in `from..stop` where the separator matches inside the line: where it begins
    /// and where it ends. None for `No`.
    #[inline(always)]
    pub fn find(self, line: &Line, from: usize, stop: usize, seen: &mut Seen) -> Option<(usize, usize)> {
        let (data, end) = (line.data, line.end);
        match self {
            Quick::Run => {
                let at = line.blanks.find(data, from, stop)?;
                Some((at, blanks(data, at, end, seen)))
            }
            Quick::Byte(byte) => {
                let at = find_byte(data, from, stop, byte)?;
                Some((at, at + 1))
            }
            Quick::ByteRun(byte) => {
                let at = line.blanks.find_before(data, from, stop, end, byte)?;
                Some((at, blanks(data, at + 1, end, seen)))
            }
            Quick::PairRun([first, second]) => {
                let mut from = from;
                loop {
                    let at = find_byte(data, from, stop, first)?;
                    if let Some([b, c]) = data.get(at + 1..end).and_then(|rest| rest.first_chunk()) {
                        if *b == second && is_blank(*c) {
                            return Some((at, blanks(data, at + 2, end, seen)));
                        }
                    }
                    from = at + 1;
                }
            }
            Quick::No => None,
        }
    }
}

impl Separator {
    pub fn new(elements: Vec<Element>) -> Separator {
        let quick = match elements.as_slice() {
            [Element::Run] => Quick::Run,
            [Element::Literal(l)] if l.len() == 1 => Quick::Byte(l[0]),
            [Element::Literal(l), Element::Run] if l.len() == 1 => Quick::ByteRun(l[0]),
            [Element::Literal(l), Element::Run] if l.len() == 2 => Quick::PairRun([l[0], l[1]]),
            _ => Quick::No,
        };
        Separator { quick, elements }
    }

    /// The first place in `from..=last` where the separator matches inside the line: where it
    /// begins and where it ends.
    #[inline(always)]
    pub fn find(&self, line: &Line, from: usize, last: usize, seen: &mut Seen) -> Option<(usize, usize)> {
        let (data, end) = (line.data, line.end);
        let stop = last.saturating_add(1).min(end);
        match self.quick {
            Quick::No => self.find_elements(data, from, stop, end, seen),
            quick => quick.find(line, from, stop, seen),
        }
    }

    fn find_elements(
        &self,
        data: &[u8],
        mut from: usize,
        stop: usize,
        end: usize,
        seen: &mut Seen,
    ) -> Option<(usize, usize)> {
        loop {
            let at = match self.elements.first()? {
                Element::Run => find_blank(data, from, stop)?,
                Element::Literal(literal) => find_byte(data, from, stop, literal[0])?,
            };
            if let Some(next) = self.match_at(data, at, end, seen) {
                return Some((at, next));
            }
            from = self.past(data, at, end);
        }
    }

    /// The byte that it begins with, if that is always the same one.
    pub fn first_byte(&self) -> Option<u8> {
        match self.elements.first()? {
            Element::Literal(literal) => literal.first().copied(),
            Element::Run => None,
        }
    }

    /// Where to look next after the place `at` led nowhere: never inside the same run of blanks.
    pub fn past(&self, data: &[u8], at: usize, end: usize) -> usize {
        match self.elements.first() {
            Some(Element::Run) => run_end(data, at, end),
            _ => at + 1,
        }
    }

    /// Where the separator ends if it begins exactly at `at`.
    pub fn match_at(&self, data: &[u8], at: usize, end: usize, seen: &mut Seen) -> Option<usize> {
        let mut at = at;
        for element in &self.elements {
            match element {
                Element::Literal(literal) => {
                    if !data.get(at..end)?.starts_with(literal) {
                        return None;
                    }
                    at += literal.len();
                }
                Element::Run => {
                    if !(at < end && data.get(at).is_some_and(|&b| is_blank(b))) {
                        return None;
                    }
                    at = blanks(data, at, end, seen);
                }
            }
        }
        Some(at)
    }

    /// Where the separator begins if it ends exactly at `end`, not before `from`.
    pub fn match_end(&self, data: &[u8], from: usize, end: usize, seen: &mut Seen) -> Option<usize> {
        let mut at = end;
        for element in self.elements.iter().rev() {
            let before = data.get(from..at)?;
            match element {
                Element::Literal(literal) => {
                    if !before.ends_with(literal) {
                        return None;
                    }
                    at -= literal.len();
                }
                Element::Run => {
                    let run = before.iter().rev().take_while(|&&b| is_blank(b)).count();
                    if run == 0 {
                        return None;
                    }
                    let tab = before[at - run - from..].contains(&b'\t');
                    *seen = (*seen).max(if tab {
                        Seen::Tabs
                    } else if run > 1 {
                        Seen::Runs
                    } else {
                        Seen::Singles
                    });
                    at -= run;
                }
            }
        }
        Some(at)
    }
}

/// The worst that was met while matching, wrong ways included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// Every run is a single blank: the shape is the canonical one of its alternative.
    Singles,
    /// Runs of blanks.
    Runs,
    /// A tab somewhere: runs must be looked at byte by byte.
    Tabs,
}

/// The end of the run at `at`, which is a blank.
#[inline(always)]
fn blanks(data: &[u8], at: usize, end: usize, seen: &mut Seen) -> usize {
    let next = at + 1;
    if next < end && data.get(next).is_some_and(|&b| is_blank(b)) {
        return long_run(data, at, end, seen);
    }
    if data.get(at) != Some(&b' ') {
        *seen = Seen::Tabs;
    }
    next
}

fn long_run(data: &[u8], at: usize, end: usize, seen: &mut Seen) -> usize {
    let next = run_end(data, at, end);
    let tab = data.get(at..next).is_none_or(|run| run.contains(&b'\t'));
    *seen = (*seen).max(if tab { Seen::Tabs } else { Seen::Runs });
    next
}

/// The line being split and where its parts go.
pub struct Line<'a> {
    pub data: &'a [u8],
    pub start: usize,
    pub end: usize,
    pub fields: &'a mut [Span],
    pub message: &'a mut Span,
    pub blanks: Blanks,
}

impl Line<'_> {
    #[inline(always)]
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    #[inline(always)]
    pub fn set(&mut self, target: u8, start: usize, end: usize) {
        let span = self.span(start, end);
        if target == MESSAGE {
            *self.message = span;
        } else if let Some(field) = self.fields.get_mut(target as usize) {
            *field = span;
        }
    }
}
