//! One template held against one message.
//!
//! A slot takes the shortest value with which the rest still fits; if the rest does not fit, the
//! last slot that can be longer is made longer. The first solution in that order is the answer, and
//! the tree (walk.rs) comes to the same one.

use super::slots::{can_end, find, reach, within_token, ANY};
use crate::layout::Span;
use crate::lex::Delimiters;

/// Ends tried for one message before it counts as not fitting. The walk of the tree is given less
/// (walk.rs), so that what it found fits here.
const TRIES: usize = 1 << 15;

/// One template and the message it is held against.
pub struct Fit<'a> {
    pub literals: &'a [Box<[u8]>],
    pub kinds: &'a [u8],
    pub delimiters: &'a Delimiters,
    pub data: &'a [u8],
    pub start: usize,
    pub end: usize,
    pub tries: usize,
}

/// Appends the variables and returns true, or appends nothing.
pub fn fit(
    literals: &[Box<[u8]>],
    kinds: &[u8],
    delimiters: &Delimiters,
    data: &[u8],
    m: Span,
    spans: &mut Vec<Span>,
) -> bool {
    let (start, end) = (m.start as usize, m.end as usize);
    let tries = TRIES + (end - start);
    let base = spans.len();
    let fits = Fit { literals, kinds, delimiters, data, start, end, tries }.search(spans);
    if !fits {
        spans.truncate(base);
    }
    fits
}

impl Fit<'_> {
    fn search(&mut self, spans: &mut Vec<Span>) -> bool {
        let message = &self.data[self.start..self.end];
        let (Some(first), Some(last)) = (self.literals.first(), self.literals.last()) else { return false };
        if message.len() < first.len() || !message.starts_with(first) || !message.ends_with(last) {
            return false;
        }
        let base = spans.len();
        let mut p = self.start + first.len();
        loop {
            let slot = spans.len() - base;
            if slot == self.kinds.len() && p == self.end {
                return true;
            }
            let mut found = (slot < self.kinds.len()).then(|| self.next_end(slot, p, p)).flatten();
            let mut begin = p;
            while found.is_none() {
                if spans.len() == base || self.tries == 0 {
                    return false;
                }
                let Some(span) = spans.pop() else { return false };
                begin = span.start as usize;
                found = self.next_end(spans.len() - base, begin, span.end as usize + 1);
            }
            let Some(e) = found else { return false };
            let slot = spans.len() - base;
            spans.push(Span { start: begin as u32, end: e as u32 });
            p = e + self.literals[slot + 1].len();
        }
    }

    /// The least end from `from` on of a value at `p`, such that the literal behind it follows.
    fn next_end(&mut self, slot: usize, p: usize, from: usize) -> Option<usize> {
        let (kind, literal) = (self.kinds[slot], &*self.literals[slot + 1]);
        let last = slot + 1 == self.kinds.len();
        let closing = self.end.checked_sub(literal.len())?;
        if kind == ANY {
            if from > p {
                return None;
            }
            if last {
                // The caller has seen that the message ends with this literal.
                return (closing >= p).then_some(closing);
            }
            let found = find(&self.data[p..self.end], literal).map(|n| p + n);
            self.spend(1 + (found.unwrap_or(self.end) - p) / 32);
            return found;
        }
        let (lo, hi) = reach(kind, self.delimiters, self.data, self.start, p, self.end)?;
        let mut e = lo.max(from);
        if last {
            self.spend(1);
            return (e <= closing
                && closing <= hi
                && can_end(kind, self.delimiters, self.data, closing)
                && self.data[closing..self.end] == *literal)
                .then_some(closing);
        }
        if let Some(&b) = literal.first() {
            if within_token(kind) && self.delimiters.has(b) {
                e = e.max(hi);
            }
        }
        while e <= hi.min(closing) && self.tries > 0 {
            self.spend(1);
            if can_end(kind, self.delimiters, self.data, e) && self.data[e..self.end].starts_with(literal) {
                return Some(e);
            }
            e += 1;
        }
        None
    }

    fn spend(&mut self, tries: usize) {
        self.tries = self.tries.saturating_sub(tries);
    }
}
