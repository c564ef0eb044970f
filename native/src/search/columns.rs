//! Search in a block of columns without making its lines.
//!
//! An automaton (`automaton.rs`) goes through a row as literals and values in turn. What it makes of a
//! literal depends on the state before it and on nothing else; of a column's dictionary or the pool it
//! is found out once for each entry; a column of numbers it may pass without looking if all numbers lead
//! to the same state. So most templates are decided as a whole: no row of theirs can match, or all do.
//! The rest is decided row by row, with one look into a table for most values.
//!
//! For every template, the states are followed that can stand before each value; then it is found out,
//! from the end back, from which of them a match is certain, impossible, or depends on values. Only
//! columns on which something depends are read.

use super::automaton::{Automaton, Program, TooBig, BEGIN, FOUND};
use super::hands::Hands;
use super::shapes;
use crate::archive::numbers::{self, Stamp};
use crate::archive::parts::{Lack, Parts};
use crate::archive::pick::{stamp, Places};
use crate::archive::reading::{references, Reader, TextReader, Texts};
use crate::archive::select::{Spec, View};
use crate::archive::{INDEX, PLANES, ROWS, STEPS, TEXT, TIMES};
use std::collections::HashMap;
use std::sync::Arc;

/// States before one value at most; with more, the block is searched as text.
pub(super) const MAX_STATES: usize = 48;
const UNKNOWN: u32 = u32::MAX;
/// Numbers of a column that are remembered with the state behind them.
const RECENT: usize = 1024;

impl From<TooBig> for Lack {
    fn from(_: TooBig) -> Lack {
        Lack::Otherwise
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    No,
    Yes,
    Depends,
}

impl Verdict {
    fn of(found: bool) -> Verdict {
        if found {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }
}

/// What a value does to one state, the literal behind it included.
enum Go {
    /// Whatever the value, this comes next.
    Always(u32),
    /// For each value of the column the state before the literal.
    Value(Arc<Vec<u32>>),
}

struct Node {
    state: u32,
    verdict: Verdict,
    go: Go,
    /// The literal behind the value: state before it, state after it.
    behind: Vec<(u32, u32)>,
    /// States that can follow.
    then: Vec<u32>,
}

/// A value of a row: that of a slot, or a part of it where its column is split.
struct Element {
    slot: usize,
    /// Which of the values' columns.
    leaf: usize,
    /// The literal behind it.
    literal: Vec<u8>,
    nodes: Vec<Node>,
}

/// A row of this template has a match, or none.
const YES: u32 = u32::MAX;
const NO: u32 = u32::MAX - 1;

/// What is asked of a row: what is the state behind the value of this slot?
struct Question {
    slot: usize,
    /// For each value of the slot's column.
    after: Arc<Vec<u32>>,
    /// A state, and `YES`, `NO`, or the number of the next question.
    answers: Vec<(u32, u32)>,
}

enum Plan {
    All(bool),
    /// A template that is not decided as a whole: what to ask, the first question last.
    Rows(Vec<Question>),
}

/// What is found out about a block in one search. It holds while pieces of streams are being given: what was
/// said of values without reading them may be wider than what they would say now, and is no less right.
pub struct Search {
    automaton: Automaton,
    /// Columns and parts of split ones (`WHOLE` for others).
    leaves: Vec<(u32, u32)>,
    /// Values of each.
    lengths: Vec<usize>,
    known_leaves: HashMap<(u32, u32), usize>,
    /// States after every entry that a column added to the pool, by column and state before.
    pool: HashMap<(u32, u32), Arc<Vec<u32>>>,
    /// The same, each once; and such that are more than there are, maybe.
    added: HashMap<(u32, u32, bool), Vec<u32>>,
    /// States after every value of a leaf.
    values: HashMap<(usize, u32), Arc<Vec<u32>>>,
    /// States that the values of a leaf can lead to; more than there are, maybe.
    images: HashMap<(usize, u32), Arc<Vec<u32>>>,
    /// Exactly those.
    exact: HashMap<(usize, u32), Arc<Vec<u32>>>,
    fresh: Vec<u32>,
    /// Of each template, once nothing is lacking for it.
    plans: Vec<Option<Plan>>,
}

impl Search {
    /// Of a block that nothing is known of.
    pub fn new(program: &Arc<Program>) -> Search {
        Search {
            automaton: Automaton::new(program),
            leaves: Vec::new(),
            lengths: Vec::new(),
            known_leaves: HashMap::new(),
            pool: HashMap::new(),
            added: HashMap::new(),
            values: HashMap::new(),
            images: HashMap::new(),
            exact: HashMap::new(),
            fresh: Vec::new(),
            plans: Vec::new(),
        }
    }

    /// Whether it looks for this program, and not for one like it.
    pub fn is_of(&self, program: &Arc<Program>) -> bool {
        self.automaton.is_of(program)
    }
}

/// A leaf that is a column as it is.
const WHOLE: u32 = u32::MAX;

struct Judge<'a, 's> {
    parts: &'a Parts,
    view: &'a View,
    search: &'s mut Search,
    /// Bytes that may still be looked at.
    budget: usize,
}

/// Every state once, in order; or more than `MAX_STATES` of them.
pub(super) fn distinct(states: &[u32]) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut last = UNKNOWN;
    for &state in states {
        if state != last {
            last = state;
            if !found.contains(&state) {
                found.push(state);
                if found.len() > MAX_STATES {
                    break;
                }
            }
        }
    }
    found.sort_unstable();
    found
}

impl<'a> Judge<'a, '_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Lack> {
        self.budget = self.budget.checked_sub(bytes).ok_or(Lack::Otherwise)?;
        Ok(())
    }

    fn run(&mut self, state: u32, bytes: &[u8]) -> Result<u32, Lack> {
        if state <= FOUND {
            return Ok(state);
        }
        self.spend(bytes.len() + 1)?;
        Ok(self.search.automaton.run(state, bytes)?)
    }

    fn leaf(&mut self, column: u32, part: u32) -> usize {
        let next = self.search.leaves.len();
        let leaf = *self.search.known_leaves.entry((column, part)).or_insert(next);
        if leaf == next {
            self.search.leaves.push((column, part));
            self.search.lengths.push(self.view.counts[column as usize]);
        }
        leaf
    }

    fn spec(&self, leaf: usize) -> &'a Spec {
        let (column, part) = self.search.leaves[leaf];
        match &self.view.specs[column as usize] {
            Spec::Split { parts, .. } if part != WHOLE => &parts[part as usize],
            spec => spec,
        }
    }

    /// States after runs of one digit or more.
    fn digits(&mut self, from: &[u32]) -> Result<Vec<u32>, Lack> {
        let mut found: Vec<u32> = Vec::new();
        let mut open = from.to_vec();
        while let Some(state) = open.pop() {
            self.spend(10)?;
            for digit in b'0'..=b'9' {
                let next = self.search.automaton.next(state, digit)?;
                if !found.contains(&next) {
                    found.push(next);
                    open.push(next);
                }
            }
            if found.len() > MAX_STATES {
                return Err(Lack::Otherwise);
            }
        }
        Ok(found)
    }

    /// States after numbers from `low` to `high`: decimal, or with zeros in front up to a width.
    fn ranged(&mut self, from: &[u32], low: u64, high: u64, width: usize) -> Result<Vec<u32>, Lack> {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        let digits = |v: u64| v.max(1).ilog10() as usize + 1;
        let narrowest = digits(low).max(width);
        for n in narrowest..=digits(high).max(width) {
            let least = low.max(if n > narrowest { 10u64.pow(n as u32 - 1) } else { 0 });
            let most = high.min(10u64.checked_pow(n as u32).map_or(u64::MAX, |v| v - 1));
            a.clear();
            b.clear();
            numbers::format(&mut a, least, n);
            numbers::format(&mut b, most, n);
            if a.len() != n || b.len() != n || least > most {
                return Err(Lack::Otherwise);
            }
            found.extend(self.between(from, &a, &b)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// States after as many digits as a and b have, of the numbers from a to b.
    fn between(&mut self, from: &[u32], a: &[u8], b: &[u8]) -> Result<Vec<u32>, Lack> {
        // States of what begins as a and b do, as a does, as b does, and of what is between them already.
        let (mut both, mut low, mut high, mut free) = (from.to_vec(), Vec::new(), Vec::new(), Vec::new());
        for (&x, &y) in a.iter().zip(b) {
            let mut next = Vec::new();
            self.step(&free, b'0', b'9', &mut next)?;
            self.step(&low, x + 1, b'9', &mut next)?;
            self.step(&high, b'0', y - 1, &mut next)?;
            let (mut lower, mut higher, mut same) = (Vec::new(), Vec::new(), Vec::new());
            self.step(&low, x, x, &mut lower)?;
            self.step(&high, y, y, &mut higher)?;
            if x == y {
                self.step(&both, x, x, &mut same)?;
            } else {
                self.step(&both, x, x, &mut lower)?;
                self.step(&both, y, y, &mut higher)?;
                self.step(&both, x + 1, y - 1, &mut next)?;
            }
            (both, low, high, free) = (same, lower, higher, next);
        }
        Ok([both, low, high, free].concat())
    }

    /// Adds the states after one byte of some.
    fn step(&mut self, from: &[u32], first: u8, last: u8, found: &mut Vec<u32>) -> Result<(), Lack> {
        for &state in from {
            for byte in first..=last {
                self.spend(1)?;
                let next = self.search.automaton.next(state, byte)?;
                if !found.contains(&next) {
                    found.push(next);
                }
            }
        }
        if found.len() > 4 * MAX_STATES {
            return Err(Lack::Otherwise);
        }
        Ok(())
    }

    /// States after stamps, all those of a range if one is given.
    fn stamped(&mut self, state: u32, stamp: &Stamp, range: Option<(u64, u64)>) -> Result<Vec<u32>, Lack> {
        let parts = |mut v: u64| {
            let mut fields: Vec<u64> = Vec::new();
            for radix in stamp.radixes.iter().rev() {
                fields.push(v % radix);
                v /= radix;
            }
            fields.reverse();
            (v == 0).then_some(fields)
        };
        let (low, high) = range.unwrap_or((0, u64::MAX));
        let ends = parts(low).zip(parts(high)).filter(|_| low <= high);
        let mut states = self.through(&[state], &stamp.skeleton.literals[0])?;
        let mut same = ends.is_some();
        for (k, (&width, &radix)) in stamp.widths.iter().zip(&stamp.radixes).enumerate() {
            let (mut least, mut most) = (0, radix.saturating_sub(1));
            if let Some((low, high)) = ends.as_ref().filter(|_| same) {
                (least, most) = (low[k], high[k]);
                same = least == most;
            }
            states = self.ranged(&states, least, most, usize::from(width))?;
            if states.len() > MAX_STATES {
                return Err(Lack::Otherwise);
            }
            states = self.through(&states, &stamp.skeleton.literals[k + 1])?;
        }
        Ok(states)
    }

    fn through(&mut self, states: &[u32], bytes: &[u8]) -> Result<Vec<u32>, Lack> {
        let after = states.iter().map(|s| self.run(*s, bytes)).collect::<Result<Vec<_>, _>>()?;
        Ok(distinct(&after))
    }

    /// States after every entry that a column added to the pool, from one state.
    fn after_added(&mut self, column: u32, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        if let Some(known) = self.search.pool.get(&(column, state)) {
            return Ok(known.clone());
        }
        let view = self.view;
        let made = self.after_texts(&view.added[column as usize].1, state)?;
        self.search.pool.insert((column, state), made.clone());
        Ok(made)
    }

    /// States that entries of the pool lead to, those that some columns added; `near`: more than there are,
    /// maybe, where that saves reading them.
    fn after_sources(&mut self, sources: &[u32], state: u32, near: bool) -> Result<Vec<u32>, Lack> {
        let mut found: Vec<u32> = Vec::new();
        let mut lacking = Vec::new();
        for &column in sources {
            if let Some(known) = self.search.added.get(&(column, state, near)) {
                found.extend(known.iter());
                continue;
            }
            let view = self.view;
            let texts = &view.added[column as usize].1;
            let some = match near {
                _ if texts.n == 0 => Ok(Vec::new()),
                true => self.after_some(texts, state),
                false => self.after_added(column, state).map(|after| distinct(&after)),
            };
            match some {
                Ok(some) => {
                    found.extend(&some);
                    self.search.added.insert((column, state, near), some);
                }
                Err(Lack::Streams(more)) => lacking.extend(more),
                Err(lack) => return Err(lack),
            }
        }
        if lacking.is_empty() {
            Ok(distinct(&found))
        } else {
            Err(Lack::Streams(lacking))
        }
    }

    /// States after every text of some, from one state.
    fn after_texts(&mut self, texts: &Texts, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        self.parts.there(TEXT, texts.at, texts.size)?;
        let text = self.parts.raw(TEXT);
        let mut reader = TextReader::new(self.parts, texts)?;
        self.spend(texts.size.saturating_add(texts.n))?;
        let mut after = Vec::with_capacity(texts.n);
        for i in 0..texts.n {
            let (start, end) = reader.at(i)?;
            after.push(self.search.automaton.run(state, text.get(start..end).unwrap_or_default())?);
        }
        Ok(Arc::new(after))
    }

    /// States that texts lead to; more than there are, maybe, where only their shape is known.
    fn after_some(&mut self, texts: &Texts, state: u32) -> Result<Vec<u32>, Lack> {
        if let Some(shape) = &texts.shape {
            if self.parts.there(TEXT, texts.at, texts.size).is_err() {
                return shapes::after(&mut self.search.automaton, shape, state, &mut self.budget);
            }
        }
        Ok(distinct(&self.after_texts(texts, state)?))
    }

    /// States after every value of a leaf, from one state.
    fn after_values(&mut self, leaf: usize, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        if let Some(known) = self.search.values.get(&(leaf, state)) {
            return Ok(known.clone());
        }
        let (parts, spec) = (self.parts, self.spec(leaf));
        let after = match spec {
            Spec::Text(texts) => self.after_texts(texts, state)?,
            Spec::Dictionary { entries, index } => {
                let table = self.after_texts(entries, state)?;
                let index = parts.get(INDEX)?.get(*index..).unwrap_or_default();
                let n = self.search.lengths[leaf];
                let after: Option<Vec<u32>> =
                    index.iter().take(n).map(|e| table.get(usize::from(*e)).copied()).collect();
                Arc::new(after.ok_or("an index beyond its dictionary")?)
            }
            Spec::Pool { ints, before, refs, sources } => {
                let view = self.view;
                let most = sources.iter().map(|c| &view.added[*c as usize]).map(|(from, t)| from + t.n);
                let mut table = vec![UNKNOWN; most.max().unwrap_or(0)];
                for &column in sources {
                    let after = self.after_added(column, state)?;
                    let from = view.added[column as usize].0;
                    table[from..from + after.len()].copy_from_slice(&after);
                }
                let mut read = Vec::new();
                let refs = match refs {
                    Some(refs) => refs,
                    None => {
                        read = references(parts, ints, *before)?;
                        &read
                    }
                };
                let mut after = Vec::with_capacity(refs.len());
                after.extend(refs.iter().map(|r| table.get(*r as usize).copied().unwrap_or(UNKNOWN)));
                drop(read);
                if after.contains(&UNKNOWN) {
                    return Err("an entry that its column does not refer to".into());
                }
                Arc::new(after)
            }
            Spec::Number { .. } | Spec::Stamp { .. } => self.after_numbers(spec, state)?,
            _ => return Err("a column without values".into()),
        };
        self.search.values.insert((leaf, state), after.clone());
        Ok(after)
    }

    /// States after every number of a column, from one state.
    fn after_numbers(&mut self, spec: &Spec, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        let form = match spec {
            Spec::Number { form, .. } => *form,
            Spec::Stamp { literals, widths, radixes, ints } => {
                let clock = stamp(self.parts, literals, widths, radixes)?;
                let reader = Reader::new(self.parts, ints)?;
                self.spend(reader.count())?;
                let automaton = &mut self.search.automaton;
                let mut hands = Hands::new(automaton, &clock, state)?;
                let mut after = Vec::with_capacity(reader.count());
                // Lines often have the time of the line before.
                let mut last = UNKNOWN;
                reader.each(|v, again| {
                    if !again {
                        last = hands.at(automaton, v)?;
                    }
                    after.push(last);
                    Ok(())
                })?;
                return Ok(Arc::new(after));
            }
            _ => return Err("a column without numbers".into()),
        };
        let Spec::Number { ints, .. } = spec else { return Err("a column without numbers".into()) };
        let mut reader = Reader::new(self.parts, ints)?;
        let mut text = Vec::new();
        // Numbers come again and again: those that came last are known, with the state behind them.
        let mut recent = vec![(0u64, UNKNOWN); RECENT];
        let mut after = Vec::with_capacity(reader.count());
        for _ in 0..reader.count() {
            let v = reader.read()?;
            let known = &mut recent[(v ^ v >> 11) as usize % RECENT];
            if known.0 != v || known.1 == UNKNOWN {
                text.clear();
                numbers::unparse(&mut text, v, form)?;
                *known = (v, self.run(state, &text)?);
            }
            after.push(known.1);
        }
        Ok(Arc::new(after))
    }

    /// States that values of a leaf do lead to. It has some.
    fn exact(&mut self, leaf: usize, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        if let Some(known) = self.search.exact.get(&(leaf, state)) {
            return Ok(known.clone());
        }
        if let Spec::Constant { .. } | Spec::Nothing = self.spec(leaf) {
            return self.image(leaf, state);
        }
        let image = distinct(&self.after_values(leaf, state)?);
        if image.len() > MAX_STATES {
            return Err(Lack::Otherwise);
        }
        let image = Arc::new(image);
        self.search.exact.insert((leaf, state), image.clone());
        Ok(image)
    }

    /// States that values of a leaf can lead to; more than there are, maybe.
    fn image(&mut self, leaf: usize, state: u32) -> Result<Arc<Vec<u32>>, Lack> {
        if state <= FOUND {
            return Ok(Arc::new(vec![state]));
        }
        let key = (leaf, state);
        if let Some(known) = self.search.images.get(&key) {
            return Ok(known.clone());
        }
        let parts = self.parts;
        let image = {
            match self.spec(leaf) {
                Spec::Pool { sources, .. } => self.after_sources(sources, state, true)?,
                Spec::Text(texts) => self.after_some(texts, state)?,
                Spec::Dictionary { entries, .. } => distinct(&self.after_texts(entries, state)?),
                Spec::Constant { at, len } => self.through(&[state], parts.slice(TEXT, *at, *len)?)?,
                Spec::Number { form, ints } => {
                    let mut from = vec![state];
                    let (mut low, mut high) = ints.range.unwrap_or((0, u64::MAX));
                    if *form == numbers::SIGNED {
                        from.push(self.run(state, b"-")?);
                        (low, high) = (0, high.div_ceil(2));
                    }
                    if ints.range.is_some() {
                        let width = usize::from(form.saturating_sub(numbers::PADDED));
                        self.ranged(&from, low, high, width)?
                    } else {
                        self.digits(&from)?
                    }
                }
                Spec::Stamp { literals, widths, radixes, ints } => {
                    self.stamped(state, &stamp(parts, literals, widths, radixes)?, ints.range)?
                }
                _ => Vec::new(),
            }
        };
        if image.len() > MAX_STATES {
            return Err(Lack::Otherwise);
        }
        let image = Arc::new(image);
        self.search.images.insert(key, image.clone());
        Ok(image)
    }

    /// A template as the literal it begins with, and its values, those of split columns taken apart.
    fn elements(&mut self, t: usize) -> Result<(Vec<u8>, Vec<Element>), Lack> {
        let (view, parts) = (self.view, self.parts);
        let literals = &view.templates[t].literals;
        let mut begin = literals[0].clone();
        let mut elements: Vec<Element> = Vec::with_capacity(literals.len());
        for (slot, &c) in view.columns[t].iter().enumerate() {
            let open = |elements: &mut Vec<Element>, judge: &mut Self, part: u32, literal: &[u8]| {
                judge.spend(literal.len() + 1)?;
                let leaf = judge.leaf(c, part);
                elements.push(Element { slot, leaf, literal: literal.to_vec(), nodes: Vec::new() });
                Ok::<_, Lack>(())
            };
            match &view.specs[c as usize] {
                Spec::Split { literals: between, .. } => {
                    for (k, (at, len)) in between.iter().enumerate() {
                        let literal = parts.slice(TEXT, *at, *len)?;
                        if k > 0 {
                            open(&mut elements, self, k as u32 - 1, literal)?;
                        } else {
                            self.spend(literal.len())?;
                            elements.last_mut().map_or(&mut begin, |e| &mut e.literal).extend(literal);
                        }
                    }
                    let last = elements.last_mut().map_or(&mut begin, |e| &mut e.literal);
                    last.extend(&literals[slot + 1]);
                }
                _ => open(&mut elements, self, WHOLE, &literals[slot + 1])?,
            }
        }
        Ok((begin, elements))
    }

    fn plan(&mut self, t: usize) -> Result<Plan, Lack> {
        let (begin, mut elements) = self.elements(t)?;
        // A literal that matches from wherever: no value matters.
        for i in 0..=elements.len() {
            let literal = if i == 0 { &begin } else { &elements[i - 1].literal };
            let mut all = true;
            for k in 0..self.search.fresh.len() {
                all = all && self.run(self.search.fresh[k], literal)? == FOUND;
            }
            if all {
                return Ok(Plan::All(true));
            }
        }
        let start = self.run(BEGIN, &begin)?;
        let mut states = vec![start];
        for element in &mut elements {
            let mut after: Vec<u32> = Vec::new();
            for &state in &states {
                let mut image = self.image(element.leaf, state)?;
                let (mut behind, mut then) = self.behind(&image, &element.literal)?;
                if let Spec::Pool { sources, .. } = self.spec(element.leaf) {
                    if then.len() > 1 {
                        image = Arc::new(self.after_sources(sources, state, false)?);
                        (behind, then) = self.behind(&image, &element.literal)?;
                    }
                }
                if then.len() > 1 {
                    image = self.exact(element.leaf, state)?;
                    (behind, then) = self.behind(&image, &element.literal)?;
                }
                for s in &then {
                    if !after.contains(s) {
                        after.push(*s);
                    }
                }
                let go = match then[..] {
                    [one] => Go::Always(one),
                    _ => Go::Value(self.after_values(element.leaf, state)?),
                };
                element.nodes.push(Node { state, verdict: Verdict::Depends, go, behind, then });
            }
            if after.len() > MAX_STATES {
                return Err(Lack::Otherwise);
            }
            states = after;
        }
        // From the end back.
        let mut known: Vec<(u32, Verdict)> = Vec::new();
        for state in states {
            known.push((state, Verdict::of(self.search.automaton.ends(state)?)));
        }
        let states = known.clone();
        for element in elements.iter_mut().rev() {
            for node in &mut element.nodes {
                let mut all = None;
                for then in &node.then {
                    let one = known.iter().find(|k| k.0 == *then).map_or(Verdict::Depends, |k| k.1);
                    all = match all {
                        Some(all) if all != one => Some(Verdict::Depends),
                        _ => Some(one),
                    };
                }
                node.verdict = all.unwrap_or(Verdict::No);
            }
            known = element.nodes.iter().map(|n| (n.state, n.verdict)).collect();
        }
        Ok(match known.first().map(|k| k.1) {
            Some(Verdict::Depends) => Plan::Rows(questions(&elements, &states)?),
            verdict => Plan::All(verdict == Some(Verdict::Yes)),
        })
    }

    /// What a literal makes of some states: each with the one behind it, and those, each once.
    fn behind(&mut self, states: &[u32], literal: &[u8]) -> Result<(Vec<(u32, u32)>, Vec<u32>), Lack> {
        let mut behind = Vec::with_capacity(states.len());
        for &state in states {
            behind.push((state, self.run(state, literal)?));
        }
        let mut then: Vec<u32> = behind.iter().map(|b| b.1).collect();
        then.sort_unstable();
        then.dedup();
        Ok((behind, then))
    }
}

/// What has to be asked, from the end back, so that the next questions have their numbers.
fn questions(elements: &[Element], ends: &[(u32, Verdict)]) -> Result<Vec<Question>, Lack> {
    // States before an element and what follows from them.
    let mut next: Vec<(u32, u32)> = Vec::with_capacity(ends.len());
    for (state, verdict) in ends {
        next.push((*state, if *verdict == Verdict::Yes { YES } else { NO }));
    }
    let known = |next: &[(u32, u32)], state: u32| {
        let found = next.iter().find(|n| n.0 == state).map(|n| n.1);
        found.ok_or(Lack::from("a state that could not be reached"))
    };
    let mut asked: Vec<Question> = Vec::new();
    for element in elements.iter().rev() {
        let mut before = Vec::with_capacity(element.nodes.len());
        for node in &element.nodes {
            let answer = match (node.verdict, &node.go) {
                (Verdict::Yes, _) => YES,
                (Verdict::No, _) => NO,
                (_, Go::Always(state)) => known(&next, *state)?,
                (_, Go::Value(after)) => {
                    let answers = node.behind.iter().map(|(state, then)| Ok((*state, known(&next, *then)?)));
                    let answers = answers.collect::<Result<_, Lack>>()?;
                    asked.push(Question { slot: element.slot, after: after.clone(), answers });
                    asked.len() as u32 - 1
                }
            };
            before.push((node.state, answer));
        }
        next = before;
    }
    // There is one state before the first value, and what follows from it was asked for last.
    Ok(asked)
}

/// Whether the row of template t that comes next has a match.
#[inline(always)]
fn ask(questions: &[Question], t: usize, places: &Places) -> Result<bool, Lack> {
    let mut at = questions.len().wrapping_sub(1);
    while let Some(question) = questions.get(at) {
        let i = places.of(t, question.slot).1 as usize;
        let state = *question.after.get(i).ok_or("a value beyond its column")?;
        let answer =
            question.answers.iter().find(|a| a.0 == state).ok_or("a state that could not be reached")?;
        match answer.1 {
            YES => return Ok(true),
            NO => return Ok(false),
            next => at = next as usize,
        }
    }
    Err("a question that was not asked".into())
}

/// What a search found: rows (growing), or only how many.
pub struct Found {
    pub rows: Vec<u32>,
    pub count: usize,
}

/// Rows that have a match, or, inverted, all others; `most` of them at most. `counts`: no rows are listed.
pub fn find(
    parts: &Parts,
    view: &View,
    search: &mut Search,
    invert: bool,
    most: usize,
    counts: bool,
) -> Result<Found, Lack> {
    if search.plans.is_empty() {
        search.fresh = search.automaton.fresh()?;
        search.plans.resize_with(view.templates.len(), || None);
    }
    let mut judge = Judge { parts, view, search, budget: 6 * view.raw_len + (1 << 20) };
    // What is lacking for one template is told together with what is lacking for others.
    let mut lacking: Vec<(usize, usize)> = Vec::new();
    for t in 0..view.templates.len() {
        if judge.search.plans[t].is_some() {
            continue;
        }
        let plan = if view.uses[t] > 0 { judge.plan(t) } else { Ok(Plan::All(false)) };
        match plan {
            Ok(plan) => judge.search.plans[t] = Some(plan),
            Err(Lack::Streams(more)) => lacking.extend(more),
            Err(lack) => return Err(lack),
        }
    }
    if !lacking.is_empty() {
        // Where values are read, rows are mostly looked at then.
        if lacking.iter().any(|(k, _)| [STEPS, TIMES, PLANES, INDEX].contains(k)) {
            lacking.extend(parts.get(ROWS).err().and_then(Lack::streams).unwrap_or_default());
        }
        lacking.sort_unstable();
        lacking.dedup();
        return Err(Lack::Streams(lacking));
    }
    let plans: Vec<&Plan> = search.plans.iter().flatten().collect();
    // Columns that something depends on.
    let mut wanted = vec![false; view.counts.len()];
    for (plan, columns) in plans.iter().zip(&view.columns) {
        let Plan::Rows(questions) = plan else { continue };
        questions.iter().for_each(|q| wanted[columns[q.slot] as usize] = true);
    }
    if !wanted.contains(&true) {
        let all = plans.iter().zip(&view.uses).filter(|(p, _)| matches!(p, Plan::All(f) if *f != invert));
        let count = all.map(|p| *p.1).sum::<usize>().min(most);
        if counts || count == 0 {
            return Ok(Found { rows: Vec::new(), count });
        }
    }
    let mut places = Places::new(view, &wanted);
    if !invert {
        if let Some(chosen) = screened(&plans, &places) {
            return among(&chosen, &plans, &mut places, || view.rows(parts), most, counts);
        }
    }
    let rows = view.rows(parts)?;
    let mut found = Found { rows: Vec::new(), count: 0 };
    for (row, &t) in rows.iter().enumerate() {
        if found.count >= most {
            break;
        }
        let t = t as usize;
        let matches = match plans[t] {
            Plan::All(matches) => *matches,
            Plan::Rows(questions) => ask(questions, t, &places)?,
        };
        if matches != invert {
            found.count += 1;
            if !counts {
                found.rows.push(row as u32);
            }
        }
        places.pass(t);
    }
    Ok(found)
}

/// Rows that can match, where one column that every row has decides it for most: growing, a few of all.
fn screened(plans: &[&Plan], places: &Places) -> Option<Vec<u32>> {
    let mut first: Option<&Arc<Vec<u32>>> = None;
    let mut may: Vec<u32> = Vec::new();
    for (t, plan) in plans.iter().enumerate() {
        let questions = match plan {
            Plan::All(true) => return None,
            Plan::All(false) => continue,
            Plan::Rows(questions) => questions,
        };
        if !questions.iter().all(|q| places.is_row(t, q.slot)) {
            return None;
        }
        let question = questions.last()?;
        if !Arc::ptr_eq(first.get_or_insert(&question.after), &question.after) {
            return None;
        }
        for (state, answer) in &question.answers {
            if *answer != NO && !may.contains(state) {
                may.push(*state);
            }
        }
    }
    let after = first?;
    let (mut chosen, most) = (Vec::new(), after.len() / 8);
    let (mut last, mut can) = (UNKNOWN, false);
    for (row, &state) in after.iter().enumerate() {
        if state != last {
            (last, can) = (state, may.contains(&state));
        }
        if can {
            chosen.push(row as u32);
            if chosen.len() > most {
                return None;
            }
        }
    }
    Some(chosen)
}

/// Of some rows those that have a match; all that is asked of them are columns that every row has.
fn among<'a>(
    chosen: &[u32],
    plans: &[&Plan],
    places: &mut Places,
    rows: impl FnOnce() -> Result<&'a [u32], Lack>,
    most: usize,
    counts: bool,
) -> Result<Found, Lack> {
    let mut found = Found { rows: Vec::new(), count: 0 };
    if chosen.is_empty() {
        return Ok(found);
    }
    let rows = rows()?;
    for &row in chosen {
        if found.count >= most {
            break;
        }
        places.go_to(row as usize);
        let t = *rows.get(row as usize).ok_or("a value beyond the rows")? as usize;
        if matches!(plans[t], Plan::Rows(questions) if ask(questions, t, places)?) {
            found.count += 1;
            if !counts {
                found.rows.push(row);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::builder::{self, Builder};
    use crate::archive::columns::Column;
    use crate::archive::encode::Scratch;
    use crate::archive::pick;
    use crate::archive::{encode, select, Streams};
    use crate::rows::{field_rows, line_rows, OwnedRows};
    use crate::search::automaton::{Kind, Op};
    use crate::search::text::matching;

    fn numbers(mut state: u32) -> impl FnMut(u32) -> u32 {
        move |n| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 16) % n
        }
    }

    /// Lines of a few kinds, with numbers, stamps, words that come again and words that do not.
    fn log(next: &mut impl FnMut(u32) -> u32) -> Vec<u8> {
        let mut text = Vec::new();
        let wide = next(2) == 0;
        for i in 0..next(400) {
            let big = if wide { 60_000 } else { 200 };
            let line = match next(6) {
                0 | 1 => {
                    format!("10:{:02}:{:02} job {} took {} ms", i / 60 % 60, i % 60, next(40), next(big))
                }
                2 => format!(
                    "10:{:02}:{:02} user u{} from 10.{}.7.{} ab",
                    i / 60 % 60,
                    i % 60,
                    next(9),
                    next(99),
                    next(9)
                ),
                3 => format!(
                    "10:{:02}:{:02} id {:08x} {}",
                    i / 60 % 60,
                    i % 60,
                    next(60_000) * 70_001,
                    -(next(5) as i32)
                ),
                4 => format!(
                    "10:{:02}:{:02} state {}",
                    i / 60 % 60,
                    i % 60,
                    ["up", "down", "", "a b"][next(4) as usize]
                ),
                _ => ["", "abab ab", "same line", "x"][next(4) as usize].to_string(),
            };
            text.extend_from_slice(line.as_bytes());
            text.extend_from_slice(if next(9) == 0 { b"\r\n" } else { b"\n" });
        }
        if next(3) == 0 {
            text.pop();
        }
        text
    }

    /// `shared`: all templates have their first column in common.
    fn opened(raw: &[u8], rows: &OwnedRows, guided: bool, shared: bool) -> (Parts, Streams) {
        let mut first = 0;
        let mut columns: Vec<Vec<u32>> = rows
            .templates
            .iter()
            .map(|t| {
                first += t.slots() as u32;
                (first - t.slots() as u32..first).collect()
            })
            .collect();
        if shared {
            let own: u32 = first;
            columns.iter_mut().filter_map(|c| c.first_mut()).for_each(|c| *c = own);
            first += 1;
        }
        let mut block = Builder::of(builder::Kind::Columns);
        let mut spans = rows.spans.iter();
        block.gathered = vec![Column::default(); first as usize];
        for &t in &rows.rows {
            for (&c, span) in columns[t as usize].iter().zip(&mut spans) {
                block.gathered[c as usize].push(&raw[span.start as usize..span.end as usize]);
            }
        }
        block.raw = raw.to_vec();
        block.rows = rows.rows.clone();
        block.templates = rows.templates.clone();
        block.columns = columns;
        let mut scratch = Scratch::default();
        encode::encode(&encode::Table::of(&block).unwrap(), &mut scratch, false).unwrap();
        let streams = scratch.streams;
        let mut parts = Parts::of(std::array::from_fn(|k| streams[k].len()));
        if guided {
            parts.guide = Some(scratch.guide.stream());
            scratch.guide.pieces.iter().enumerate().for_each(|(k, p)| parts.cut(k, p).unwrap());
        }
        (parts, streams)
    }

    /// An answer, for which what is lacking is given, piece by piece.
    fn asked<T>(parts: &mut Parts, streams: &Streams, mut call: impl FnMut(&Parts) -> Result<T, Lack>) -> T {
        loop {
            match call(parts) {
                Ok(answer) => return answer,
                Err(Lack::Streams(lacking)) => {
                    lacking.iter().for_each(|&(k, piece)| parts.give_from(k, piece, &streams[k]));
                }
                Err(lack) => panic!("{lack:?}"),
            }
        }
    }

    /// Text in which `.` is any byte, with a place before and behind.
    fn program(text: &[u8], before: Option<Kind>, behind: Option<Kind>) -> Arc<Program> {
        let (mut ops, mut sets) = (Vec::new(), Vec::new());
        let then = |op: fn(u32, u32) -> Op, what: u32, ops: &mut Vec<Op>| {
            let next = ops.len() as u32 + 1;
            ops.push(op(what, next));
        };
        let place = |kind: Kind, ops: &mut Vec<Op>| {
            let next = ops.len() as u32 + 1;
            ops.push(Op::Place(kind, next));
        };
        before.into_iter().for_each(|kind| place(kind, &mut ops));
        for &byte in text {
            let mut set = [0u64; 4];
            if byte == b'.' {
                set = [u64::MAX; 4];
            }
            set[usize::from(byte) / 64] |= 1 << (byte % 64);
            then(Op::Set, sets.len() as u32, &mut ops);
            sets.push(set);
        }
        behind.into_iter().for_each(|kind| place(kind, &mut ops));
        ops.push(Op::Match);
        Arc::new(Program::new(ops, sets).unwrap())
    }

    #[test]
    fn columns_answer_what_their_text_answers() {
        let mut next = numbers(29);
        for round in 0..120 {
            let raw = log(&mut next);
            if raw.is_empty() {
                continue;
            }
            let rows = if round % 10 == 0 { line_rows(&raw) } else { field_rows(&raw, 64) };
            let (mut parts, streams) = opened(&raw, &rows, round % 3 > 0, round % 4 > 1);
            let view = asked(&mut parts, &streams, |p| select::open(p, rows.rows.len(), raw.len()));
            let lines: Vec<&[u8]> = raw.split_inclusive(|b| *b == b'\n').collect();
            let chosen: Vec<u32> = (0..lines.len() as u32).filter(|_| next(3) == 0).collect();
            let expected: Vec<u8> = chosen.iter().flat_map(|i| lines[*i as usize].to_vec()).collect();
            assert_eq!(asked(&mut parts, &streams, |p| pick::rows(p, &view, &chosen)), expected);
            for _ in 0..12 {
                // Some piece of some line, or what is like it.
                let line = lines[next(lines.len() as u32) as usize];
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let start = next(line.len() as u32 + 1) as usize;
                let end = (start + next(14) as usize).min(line.len());
                let mut piece = line[start..end].to_vec();
                if next(3) == 0 && !piece.is_empty() {
                    let at = next(piece.len() as u32) as usize;
                    piece[at] = b".a1 "[next(4) as usize];
                }
                let kinds = [Kind::LineBegin, Kind::WordEdge, Kind::NoWordBefore, Kind::WordBegin];
                let before = (next(4) == 0).then(|| kinds[next(4) as usize]);
                let kinds = [Kind::LineEnd, Kind::NoWordBehind, Kind::NoWordEdge, Kind::WordEnd];
                let behind = (next(4) == 0).then(|| kinds[next(4) as usize]);
                let program = program(&piece, before, behind);
                for invert in [false, true] {
                    let mut automaton = Automaton::new(&program);
                    let expected = matching(&raw, &mut automaton, None, false, invert, usize::MAX).unwrap();
                    let expected: Vec<u32> = expected.iter().map(|hit| hit.line as u32).collect();
                    let mut search = Search::new(&program);
                    let found = asked(&mut parts, &streams, |p| {
                        find(p, &view, &mut search, invert, usize::MAX, false)
                    });
                    assert_eq!(found.rows, expected, "{piece:?} {before:?} {behind:?}");
                    let count = asked(&mut parts, &streams, |p| {
                        find(p, &view, &mut search, invert, usize::MAX, true)
                    });
                    assert_eq!(count.count, expected.len());
                    let first =
                        asked(&mut parts, &streams, |p| find(p, &view, &mut search, invert, 2, false));
                    assert_eq!(first.rows, expected[..expected.len().min(2)]);
                }
            }
        }
    }
}
