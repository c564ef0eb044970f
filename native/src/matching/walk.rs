//! From a message to its template: the one with the most literal bytes of those that fit.
//!
//! At every node the literal branch is tried first, then the slots from the most to the least
//! telling, and the values of each from the shortest to the longest. Among templates with equally many
//! literal bytes the first one found in that order is the answer. Nothing is tried below a node whose
//! best template could not win any more, so that mostly the first one found is also the last one
//! looked for.
//!
//! The work for one message is bounded: when its steps are used up, the best template so far is the
//! answer, or none.

use super::slots::{can_end, find, reach, within_token, ANY};
use super::tree::{Node, Tree};
use crate::layout::Span;
use crate::lex::Delimiters;
use crate::trie::{equal, NONE};

const STEPS: usize = 1 << 13;

/// Where the walk can go on if what it tries fails.
#[derive(Clone, Copy)]
struct Choice {
    node: u32,
    /// Number of the slot of the node to try.
    slot: u32,
    /// Where its value begins, and the least and greatest end to try; `hi` is 0 if that was not
    /// asked yet.
    p: u32,
    from: u32,
    hi: u32,
    spans: u32,
}

/// Buffers of one walking thread.
#[derive(Default)]
pub struct Scratch {
    choices: Vec<Choice>,
    /// Variables of the best template so far.
    best: Vec<Span>,
}

struct Walk<'a> {
    tree: &'a Tree,
    delimiters: &'a Delimiters,
    data: &'a [u8],
    start: usize,
    end: usize,
    steps: usize,
}

impl Tree {
    /// The template of `data[start..end]` (32 more bytes must be readable), its variables appended to
    /// `spans`; NONE if there is none (then `spans` is as before).
    #[inline]
    pub fn walk(
        &self,
        delimiters: &Delimiters,
        data: &[u8],
        start: usize,
        end: usize,
        spans: &mut Vec<Span>,
        scratch: &mut Scratch,
    ) -> u32 {
        let steps = STEPS + (end - start) / 8;
        Walk { tree: self, delimiters, data, start, end, steps }.run(spans, scratch)
    }
}

impl Walk<'_> {
    #[inline(always)]
    fn run(&mut self, spans: &mut Vec<Span>, scratch: &mut Scratch) -> u32 {
        let base = spans.len();
        let choices = &mut scratch.choices;
        choices.clear();
        let mut best = NONE;
        // Literal bytes of `best` and one more: templates with fewer do not win any more.
        let mut wanted = 0u32;
        // Whether `spans` are still those of `best`.
        let mut intact = false;
        let mut at = 0u32;
        let mut p = self.start;
        'walk: loop {
            self.steps = self.steps.saturating_sub(1);
            let node = &self.tree.nodes[at as usize];
            let len = node.len as usize;
            if node.most >= wanted
                && self.end - p >= len
                && equal(&self.tree.text, node.lit as usize, self.data, p, len)
            {
                p += len;
                let mut next = NONE;
                if p < self.end {
                    next = node.branch(self.data[p]);
                } else if node.end != NONE && node.end_literal >= wanted {
                    best = node.end;
                    wanted = node.end_literal + 1;
                    intact = true;
                    if choices.is_empty() && node.slot_most < wanted {
                        return best;
                    }
                }
                if !node.slots.is_empty() && node.slot_most >= wanted {
                    let spans = spans.len() as u32;
                    choices.push(Choice { node: at, slot: 0, p: p as u32, from: 0, hi: 0, spans });
                }
                if next != NONE {
                    at = next;
                    if self.steps > 0 {
                        continue 'walk;
                    }
                }
            }
            while self.steps > 0 {
                let Some(choice) = choices.pop() else { break };
                let node = &self.tree.nodes[choice.node as usize];
                if node.slot_most < wanted {
                    continue;
                }
                let Some((slot, e)) = self.advance(node, choice, wanted, choices) else { continue };
                if intact {
                    scratch.best.clear();
                    scratch.best.extend_from_slice(&spans[base..]);
                    intact = false;
                }
                spans.truncate(choice.spans as usize);
                spans.push(Span { start: choice.p, end: e as u32 });
                p = e;
                at = slot;
                continue 'walk;
            }
            break;
        }
        if best == NONE {
            spans.truncate(base);
        } else if !intact {
            spans.truncate(base);
            spans.extend_from_slice(&scratch.best);
        }
        best
    }

    /// The next value of the slots of a choice: the node behind it, and its end. What is left to try is
    /// put back.
    #[inline(always)]
    fn advance(
        &mut self,
        node: &Node,
        mut choice: Choice,
        wanted: u32,
        choices: &mut Vec<Choice>,
    ) -> Option<(u32, usize)> {
        let p = choice.p as usize;
        while let Some(slot) = node.slots.get(choice.slot as usize) {
            let child = &self.tree.nodes[slot.node as usize];
            let mut found = None;
            choice.slot += 1;
            if child.most >= wanted {
                if slot.kind == ANY {
                    found = self.any_end(child, slot.last, p);
                } else {
                    if choice.hi == 0 {
                        if let Some((lo, hi)) =
                            reach(slot.kind, self.delimiters, self.data, self.start, p, self.end)
                        {
                            (choice.from, choice.hi) = (lo as u32, hi as u32);
                            found = self.stop(child, slot.kind, lo, hi);
                        }
                    } else {
                        found = self.stop(child, slot.kind, choice.from as usize, choice.hi as usize);
                    }
                    if let Some(e) = found {
                        if e < choice.hi as usize {
                            choices.push(Choice { slot: choice.slot - 1, from: e as u32 + 1, ..choice });
                            return Some((slot.node, e));
                        }
                    }
                }
            }
            choice.hi = 0;
            if let Some(e) = found {
                if (choice.slot as usize) < node.slots.len() {
                    choices.push(choice);
                }
                return Some((slot.node, e));
            }
            if self.steps == 0 {
                return None;
            }
        }
        None
    }

    fn any_end(&mut self, child: &Node, last: bool, p: usize) -> Option<usize> {
        let literal = self.tree.literal(child);
        let found = if last {
            let closing = self.end.checked_sub(literal.len())?;
            (closing >= p && self.data[closing..self.end] == *literal).then_some(closing)
        } else {
            find(&self.data[p..self.end], literal).map(|n| p + n)
        };
        let looked = if last { 0 } else { found.unwrap_or(self.end) - p };
        self.spend(1 + looked / 32);
        found
    }

    /// The first end in `lo..=hi` behind which the walk can go on at `child`.
    #[inline(always)]
    fn stop(&mut self, child: &Node, kind: u8, lo: usize, hi: usize) -> Option<usize> {
        if child.len > 0 {
            let b = self.tree.text[child.lit as usize];
            if within_token(kind) && (lo == hi || self.delimiters.has(b)) {
                return (hi < self.end && self.data[hi] == b).then_some(hi);
            }
            let mut e = lo;
            let stop = (hi + 1).min(self.end);
            while e < stop && self.steps > 0 {
                let looked = self.data[e..stop].iter().position(|&x| x == b);
                self.spend(1 + looked.unwrap_or(stop - e) / 32);
                e += looked?;
                if can_end(kind, self.delimiters, self.data, e) {
                    return Some(e);
                }
                e += 1;
            }
            return None;
        }
        for e in lo..=hi {
            let on = match e < self.end {
                true => !child.slots.is_empty() || child.branch(self.data[e]) != NONE,
                false => !child.slots.is_empty() || child.end != NONE,
            };
            if on && can_end(kind, self.delimiters, self.data, e) {
                self.spend(1 + (e - lo) / 32);
                return Some(e);
            }
        }
        self.spend(1 + (hi - lo) / 32);
        None
    }

    #[inline(always)]
    fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }
}
