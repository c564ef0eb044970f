//! The model of a block: rows one after the other, each with all that came before as its context.
//!
//! A row is its template, then its time stamps and values. For a value, candidates are gathered from many
//! sources (what followed the same neighbour, what the same key had last, ...), and a flag each says
//! whether it is this one; a value that is none of them is found among the recent values of its class,
//! or is the digits of the last value changed, or is spelled out.

use crate::rows::RowTemplate;
use crate::rs::arith::{hash, hash3, Coder};
use crate::rs::clock::{Clocks, CLOCKS};
use crate::rs::digits::{self, Runs, MAX_RUNS};
use crate::rs::flags::Flags;
use crate::rs::literal::{Literals, Place};
use crate::rs::nibbles::{Nibbles, Numbers};
use crate::rs::plan::{self, Form};
use crate::rs::values::{Links, Values, MAX_KEPT, NONE};
use std::collections::HashMap;

/// Why a payload cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It ends too early or says what cannot be.
    Payload,
    /// It has more bytes than it should.
    TooLong,
}

mod source {
    pub const MATCH: u32 = 0;
    pub const KEY: u32 = 1;
    pub const PREFIX: u32 = 2;
    pub const TWO_BESIDE: u32 = 3;
    pub const BESIDE: u32 = 4;
    pub const TWO_BEFORE: u32 = 5;
    pub const BEFORE: u32 = 6;
    pub const LAST: u32 = 7;
    pub const GROUP_BESIDE: u32 = 8;
    pub const GROUP_LAST: u32 = 9;
    pub const GROUP_KEY: u32 = 10;
    pub const IN_ROW: u32 = 11;
    pub const POOL_LAST: u32 = 12;
    pub const BESIDE_HEAD: u32 = 13;
    pub const KEY_POOL: u32 = 14;
}

/// Values of one class that are kept for a key.
const KEY_VALUES: u32 = 4;
const MOST_CANDIDATES: usize = 9;

#[derive(Clone, Copy, Default)]
struct Candidate {
    id: u32,
    /// Sources that name it.
    mask: u32,
    first: u32,
    run: u32,
}

#[derive(Clone)]
struct Column {
    group: u32,
    last: u32,
    before: u32,
    /// How the last values were coded, two bits each.
    outcomes: u32,
    steps: [i64; MAX_RUNS],
    /// What spelling and changed digits cost lately, in sixteenths of a bit; only the encoder looks.
    costs: [i32; 2],
    /// How often there was the choice.
    choices: u32,
}

impl Column {
    /// The way that was cheaper lately, and the other one from time to time.
    fn prefers_digits(&self, runs: &Runs, steps: &[i64]) -> u32 {
        let [text, digits] = self.costs;
        let cheaper = match (text > 0, digits > 0) {
            (true, true) => digits * 22 < text * 16,
            _ => {
                let (by_digits, by_text) = estimate(runs, steps);
                by_digits < by_text
            }
        };
        let n = self.choices;
        let other =
            (n & n.wrapping_sub(1) <= 2 || n % 256 <= 2) && n >= 3 && (n >= 32 || text == 0 || digits == 0);
        u32::from(cheaper != other)
    }

    fn learn_cost(&mut self, mode: usize, spent: i32) {
        let cost = &mut self.costs[mode];
        *cost = (if *cost > 0 { *cost + (spent - *cost) / 4 } else { spent }).max(1);
        self.choices += 1;
    }
}

const CANDIDATE: u32 = 0;
const OTHER: u32 = 1;
const POOLED: u32 = 2;
const SPELLED: u32 = 3;

/// Rows that were, for the match with an earlier stretch.
#[derive(Default)]
struct Past {
    templates: Vec<u32>,
    /// Where the values of a row begin in `values`.
    starts: Vec<u32>,
    values: Vec<u32>,
    steps: Vec<i64>,
}

const MAX_PAST: usize = 1 << 22;

pub struct Model<'a> {
    templates: &'a [RowTemplate],
    forms: Vec<Form>,
    /// Number of the first column of each template.
    first_column: Vec<u32>,
    columns: Vec<Column>,
    groups: Vec<u32>,
    values: Values,
    links: Links,
    candidates: Flags<8, 24>,
    modes: Flags<6, 16>,
    walk: Flags<6, 16>,
    literals: Literals,
    numbers: Numbers<6, 16>,
    template_symbols: Nibbles<6, 0, 16>,
    clock_symbols: Nibbles<3, 0, 8>,
    clocks: Clocks,
    past: Past,
    past_index: Vec<u32>,
    /// The row of the past that this one may be like, and how long that went well.
    matched: Option<usize>,
    match_run: u32,
    row: u32,
    recent_templates: [u32; 6],
    row_hashes: [u32; 3],
    // The row being coded.
    template: usize,
    /// Values of the units, by unit.
    ids: Vec<u32>,
    /// Units that were coded already, in this order, the key not among them.
    done: Vec<u32>,
    key: u32,
    prefix: u32,
    first_step: Option<(i64, i64)>,
    trouble: u32,
    /// Text of the units, by unit: where in `text`.
    pub places: Vec<(u32, u32)>,
    pub text: Vec<u8>,
    scratch: Vec<u8>,
    last_key: u32,
}

/// log2 of a table for a block of so many bytes.
fn log2_size(raw: usize, less: u32, most: u32) -> u32 {
    (usize::BITS - raw.leading_zeros()).saturating_sub(less).clamp(10, most)
}

impl<'a> Model<'a> {
    pub fn new(templates: &'a [RowTemplate], forms: Vec<Form>, raw: usize) -> Model<'a> {
        let mut first_column = Vec::new();
        let mut columns = Vec::new();
        let mut known: HashMap<u32, u32> = HashMap::new();
        for (template, form) in templates.iter().zip(&forms) {
            first_column.push(columns.len() as u32);
            for &unit in &form.units {
                let next = known.len() as u32;
                let group = *known.entry(plan::group(template, unit)).or_insert(next);
                columns.push(Column {
                    group,
                    last: NONE,
                    before: NONE,
                    outcomes: 0,
                    steps: [0; MAX_RUNS],
                    costs: [0; 2],
                    choices: 0,
                });
            }
        }
        let size = |less, most| log2_size(raw, less, most);
        Model {
            templates,
            forms,
            first_column,
            columns,
            groups: vec![NONE; known.len()],
            values: Values::default(),
            links: Links::new(size(2, 20)),
            candidates: Flags::new(size(2, 20), [20 * 9, 1024]),
            modes: Flags::new(size(5, 16), [16, 1024]),
            walk: Flags::new(size(3, 19), [32, 64]),
            literals: Literals::new(size(1, 20)),
            numbers: Numbers::new(size(4, 17)),
            template_symbols: Nibbles::new(size(5, 16), [4 * 2, 64], 6),
            clock_symbols: Nibbles::new(10, [1, 1], 6),
            clocks: Clocks::default(),
            past: Past::default(),
            past_index: vec![NONE; 1 << size(5, 18)],
            matched: None,
            match_run: 0,
            row: 0,
            recent_templates: [NONE; 6],
            row_hashes: [0; 3],
            template: 0,
            ids: Vec::new(),
            done: Vec::new(),
            key: NONE,
            prefix: 0,
            first_step: None,
            trouble: 0,
            places: Vec::new(),
            text: Vec::new(),
            scratch: Vec::new(),
            last_key: NONE,
        }
    }

    pub fn form(&self) -> &Form {
        &self.forms[self.template]
    }

    /// Codes one row; the encoder passes its template and the texts of its units. Afterwards `template` is
    /// known and, when decoding, `text` and `places`. At most `most` bytes of text are made.
    pub fn row<C: Coder>(
        &mut self,
        coder: &mut C,
        template: u32,
        units: &[&[u8]],
        most: usize,
    ) -> Result<usize, Broken> {
        if self.values.is_full() {
            self.forget();
        }
        let t = self.code_template(coder, template) as usize;
        if t >= self.templates.len() {
            return Err(Broken::Payload);
        }
        self.template = t;
        let count = self.forms[t].units.len();
        self.ids.clear();
        self.ids.resize(count, NONE);
        self.places.clear();
        self.places.resize(count, (0, 0));
        self.text.clear();
        self.done.clear();
        self.key = NONE;
        self.prefix = hash(t as u32, 77);
        self.first_step = None;
        self.trouble = 0;
        let key = self.forms[t].key.map(|k| k as usize);
        let rest = (0..count).filter(|u| Some(*u) != key);
        for u in key.into_iter().chain(rest) {
            let actual = if C::DECODES { &[] } else { units[u] };
            if self.text.len() > most || coder.overran() {
                return Err(Broken::TooLong);
            }
            let left = most - self.text.len();
            if self.forms[t].units[u].stamp {
                self.stamp(coder, u, actual, left)?;
            } else {
                self.value(coder, u, actual, left)?;
            }
            if Some(u) == key {
                self.key = self.ids[u];
            } else {
                self.prefix = hash(self.prefix, self.ids[u]);
                self.done.push(u as u32);
            }
        }
        self.end_row();
        Ok(t)
    }

    /// Begins anew with the values, whose store is full.
    fn forget(&mut self) {
        self.values.forget();
        self.links.forget();
        self.columns.iter_mut().for_each(|c| (c.last, c.before) = (NONE, NONE));
        self.groups.fill(NONE);
        self.forget_past();
        self.last_key = NONE;
    }

    fn forget_past(&mut self) {
        self.past = Past::default();
        self.past_index.fill(NONE);
        self.matched = None;
        self.match_run = 0;
    }

    fn code_template<C: Coder>(&mut self, coder: &mut C, template: u32) -> u32 {
        let bits = usize::BITS - (self.templates.len().max(1) - 1).leading_zeros();
        let r = self.recent_templates;
        let expected = self.matched.map_or(NONE, |m| self.past.templates[m]);
        let run = self.match_run.min(15);
        let mut contexts = [
            hash(1, r[0]),
            hash3(2, r[0], r[1]),
            hash(hash3(3, r[0], r[1]), r[2]),
            hash(hash3(4, r[0], r[1]), hash(hash3(4, r[2], r[3]), r[4])),
            hash3(5, expected, run << 8),
            hash3(6, self.row_hashes[0], 0),
        ];
        let mut value = 0;
        let mut left = bits;
        let mut place = 0;
        let sure = if expected == NONE { 0 } else { 1 + run as usize };
        while left > 0 {
            let now = (left - 1) % 4 + 1;
            left -= now;
            let part = template >> left & ((1 << now) - 1);
            let part = self.template_symbols.code(coder, part, now, &contexts, &[], [place.min(7), sure]);
            value = value << now | part;
            contexts.iter_mut().for_each(|c| *c = hash(*c, part + 1));
            place += 1;
        }
        if expected != value {
            self.matched = None;
            self.match_run = 0;
        }
        value
    }

    /// Codes a unit that mostly is a time stamp.
    fn stamp<C: Coder>(&mut self, coder: &mut C, u: usize, actual: &[u8], most: usize) -> Result<(), Broken> {
        let column = self.first_column[self.template] + u as u32;
        let group = self.columns[column as usize].group;
        let found = if C::DECODES { None } else { self.clocks.find(actual) };
        let wanted = found.map_or(CLOCKS as u32, |f| f.0 as u32);
        let before = self.columns[column as usize].outcomes;
        let contexts =
            [hash3(1, column, before), hash3(2, group, before), hash(3, self.clocks.list.len() as u32)];
        let k = self.clock_symbols.code(coder, wanted, 4, &contexts, &[], [0, 0]) as usize;
        self.columns[column as usize].outcomes = k as u32;
        let start = self.text.len();
        if k == CLOCKS {
            self.spell(coder, column, NONE, actual, most)?;
            self.clocks.learn(&self.scratch, self.row);
            self.text.extend_from_slice(&self.scratch);
            self.places[u] = (start as u32, self.text.len() as u32);
            return Ok(());
        }
        let Some(clock) = self.clocks.list.get(k) else { return Err(Broken::Payload) };
        let again = clock.row == self.row && self.row > 0;
        // What the first stamp of the row moved by, in units of this clock.
        let shift = match self.first_step {
            Some((step, unit)) if !again => {
                let unit = unit.max(1);
                step.div_euclid(unit).wrapping_mul(clock.unit())
            }
            _ => 0,
        };
        let base = clock.last.wrapping_add(shift);
        let expected = self.matched.map_or(i64::MIN, |m| self.past.steps[m]);
        let length = |step: i64| 64 - step.unsigned_abs().leading_zeros();
        let short = |step: i64| hash(step as u32, (step >> 32) as u32);
        let t = self.template as u32;
        let place = hash(k as u32 * 2 + u32::from(again), u32::from(self.first_step.is_some()));
        let contexts = [
            hash3(place, group, 1),
            hash3(place, column, self.recent_templates[0]),
            hash3(place, column, hash(short(clock.step), 2)),
            hash3(place, hash(group, t), hash(length(clock.step) * 64 + length(clock.step_before), 3)),
            hash3(place, group, hash(short(expected), 4)),
            hash3(place, hash(column, self.recent_templates[0]), hash(self.recent_templates[1], 5)),
        ];
        let step = found.map_or(0, |f| f.1.wrapping_sub(base));
        let set = column as usize & 511;
        let step = self.numbers.code(coder, step, 0, &contexts, set);
        let now = base.wrapping_add(step);
        let row = self.row;
        let first = self.first_step.is_none();
        let clock = &mut self.clocks.list[k];
        if first {
            self.first_step = Some((now.wrapping_sub(clock.last), clock.unit()));
        }
        clock.stamp.write(now, &mut self.text).ok_or(Broken::Payload)?;
        self.text.extend_from_slice(&clock.tail);
        if !again {
            clock.step_before = clock.step;
            clock.step = now.wrapping_sub(clock.last);
            clock.last = now;
            clock.row = row;
        }
        self.places[u] = (start as u32, self.text.len() as u32);
        Ok(())
    }

    /// Spells a text out into `scratch`.
    fn spell<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        above: u32,
        actual: &[u8],
        most: usize,
    ) -> Result<(), Broken> {
        let beside = self.done.last().map_or(0, |&d| self.ids[d as usize]);
        let place = Place { column, group: self.columns[column as usize].group, beside };
        let above = self.values.bytes(above);
        self.literals.code(coder, actual, place, above, most, &mut self.scratch).ok_or(Broken::TooLong)
    }

    fn gather(&self, u: usize, list: &mut [Candidate; MOST_CANDIDATES], contexts: &mut [u32; 9]) -> usize {
        let column = self.first_column[self.template] + u as u32;
        let c = &self.columns[column as usize];
        let mut count = 0;
        let mut add = |id: u32, first: u32, run: u32| {
            if id == NONE {
                return;
            }
            for known in list[..count].iter_mut() {
                if known.id == id {
                    known.mask |= 1 << first;
                    known.run = known.run.max(run);
                    return;
                }
            }
            if count < MOST_CANDIDATES {
                list[count] = Candidate { id, mask: 1 << first, first, run };
                count += 1;
            }
        };
        let beside = self.done.last().map_or(NONE, |&d| self.ids[d as usize]);
        let beside2 = self.done.len().checked_sub(2).map_or(NONE, |d| self.ids[self.done[d] as usize]);
        // The key itself has the last key for its key.
        let key = if self.key == NONE { hash(self.last_key, 5) } else { self.key };
        let head = self.values.list.get(beside as usize).map_or(NONE, |v| v.head);
        *contexts = [
            hash3(source::KEY, column, key),
            hash3(source::PREFIX, column, self.prefix),
            hash3(source::TWO_BESIDE, column, hash(beside, beside2)),
            hash3(source::BESIDE, column, beside),
            hash3(source::TWO_BEFORE, column, hash(c.last, c.before)),
            hash3(source::BEFORE, column, c.last),
            hash3(source::GROUP_BESIDE, c.group, beside),
            hash3(source::GROUP_KEY, c.group, key),
            hash3(source::BESIDE_HEAD, column, head),
        ];
        if let Some(m) = self.matched {
            add(self.past.values[self.past.starts[m] as usize + u], source::MATCH, self.match_run);
        }
        if head != NONE {
            let link = self.links.get(contexts[8]);
            add(link.value, source::BESIDE_HEAD, u32::from(link.run));
        }
        const ORDER: [u32; 6] = [
            source::KEY,
            source::PREFIX,
            source::TWO_BESIDE,
            source::BESIDE,
            source::TWO_BEFORE,
            source::BEFORE,
        ];
        for (&context, &source) in contexts.iter().zip(&ORDER) {
            let link = self.links.get(context);
            add(link.value, source, u32::from(link.run));
        }
        add(c.last, source::LAST, 0);
        let link = self.links.get(contexts[6]);
        add(link.value, source::GROUP_BESIDE, u32::from(link.run));
        let link = self.links.get(contexts[7]);
        add(link.value, source::GROUP_KEY, u32::from(link.run));
        add(self.groups[c.group as usize], source::GROUP_LAST, 0);
        if c.last != NONE {
            let pool = self.values.list[c.last as usize].pool;
            for &d in self.done.iter().rev().take(16) {
                let id = self.ids[d as usize];
                if self.values.list.get(id as usize).is_some_and(|v| v.pool == pool) {
                    add(id, source::IN_ROW, 0);
                }
            }
            if let Some(&id) = self.values.recent(pool).last() {
                add(id, source::POOL_LAST, 0);
            }
            for k in 0..KEY_VALUES {
                let link = self.links.get(hash3(source::KEY_POOL + k, pool, key));
                add(link.value, source::KEY_POOL + k, u32::from(link.run));
            }
        }
        count
    }

    /// Codes any other unit.
    fn value<C: Coder>(&mut self, coder: &mut C, u: usize, actual: &[u8], most: usize) -> Result<(), Broken> {
        let column = self.first_column[self.template] + u as u32;
        let mut list = [Candidate::default(); MOST_CANDIDATES];
        let mut contexts = [0; 9];
        let count = self.gather(u, &mut list, &mut contexts);
        let wanted = if C::DECODES { NONE } else { self.values.find(actual) };
        let (outcomes, group) = {
            let c = &self.columns[column as usize];
            (c.outcomes, c.group)
        };
        let beside = self.done.last().map_or(NONE, |&d| self.ids[d as usize]);
        let set = column as usize & 1023;
        let mut found = NONE;
        let mut outcome = CANDIDATE;
        for (k, candidate) in list[..count].iter().enumerate() {
            let v = &self.values.list[candidate.id as usize];
            let run = match candidate.run {
                n @ 0..=3 => n,
                4..=7 => 4,
                8..=31 => 5,
                _ => 6,
            };
            let age = 32 - (self.row - v.row).leading_zeros();
            let k32 = k as u32;
            let flags = [
                hash3(1, column, candidate.mask << 4 | k32),
                hash3(hash(2, column), candidate.first << 8 | run << 4 | k32, self.trouble.min(3)),
                hash3(hash(3, column), v.used_by[0], v.used_by[1]),
                hash3(4, column, candidate.id),
                hash3(hash(5, column), outcomes & 0xff, candidate.first << 4 | k32),
                hash3(hash(6, candidate.mask), run, self.trouble.min(7) << 4 | k32),
                hash3(hash(7, column), v.used_by[0], age << 4 | v.uses.min(3) << 2 | k32.min(3)),
                hash3(hash(8, group), beside, candidate.first << 4 | k32),
            ];
            let select = [(candidate.first as usize) * 9 + k, set];
            let hit = u32::from(!C::DECODES && candidate.id == wanted);
            if self.candidates.code(coder, hit, &flags, select) != 0 {
                found = candidate.id;
                outcome = if k == 0 { CANDIDATE } else { OTHER };
                break;
            }
        }
        let mut derived = false;
        if found == NONE && self.derive(column) {
            // `scratch` has what the last number of the row would be in a larger unit.
            let hit = u32::from(!C::DECODES && actual == self.scratch);
            let contexts = [
                hash3(21, column, outcomes & 15),
                hash3(22, group, outcomes & 3),
                hash3(23, column, beside),
                hash3(24, column, 0),
                hash3(25, self.scratch.len() as u32, 0),
                hash3(26, self.trouble, 0),
            ];
            derived = self.modes.code(coder, hit, &contexts, [2, set]) != 0;
        }
        if found == NONE && derived {
            found = self.values.keep(&self.scratch);
        }
        if found == NONE {
            self.trouble += 1;
            let last = self.columns[column as usize].last;
            let pool = self.values.list.get(last as usize).map_or(NONE, |v| v.pool);
            (found, outcome) = match self.pooled(coder, column, pool, wanted, &list[..count]) {
                NONE => (NONE, SPELLED),
                id => (id, POOLED),
            };
            if found == NONE {
                // The last value of this class with this key, of any column, or of this one.
                let key = if self.key == NONE { hash(self.last_key, 5) } else { self.key };
                let of_key = self.links.get(hash3(source::KEY_POOL, pool, key)).value;
                let of_column = self.links.get(contexts[7]).value;
                let above = [of_column, of_key, last].into_iter().find(|v| *v != NONE).unwrap_or(NONE);
                self.unknown(coder, column, last, above, actual, most)?;
                found = self.values.keep(&self.scratch);
            }
        }
        let start = self.text.len() as u32;
        if found == NONE {
            self.text.extend_from_slice(&self.scratch);
        } else if C::DECODES {
            self.text.extend_from_slice(self.values.bytes(found));
        }
        self.places[u] = (start, self.text.len() as u32);
        self.ids[u] = found;
        contexts.iter().for_each(|&c| self.links.set(c, found));
        let c = &mut self.columns[column as usize];
        c.outcomes = c.outcomes << 2 | outcome;
        if found != NONE {
            (c.before, c.last) = (c.last, found);
            self.groups[group as usize] = found;
            self.values.touch(found, column, self.row);
            let pool = self.values.list[found as usize].pool;
            let key = if self.key == NONE { hash(self.last_key, 5) } else { self.key };
            // The last values of this class with this key, the latest first, each once.
            let mut next = found;
            for k in 0..KEY_VALUES {
                let context = hash3(source::KEY_POOL + k, pool, key);
                let old = self.links.get(context).value;
                self.links.set(context, next);
                if old == found || old == NONE {
                    break;
                }
                next = old;
            }
        }
        Ok(())
    }

    /// Writes to `scratch` what the last number of this row is in a unit of 1024, 1024^2 ... to two decimals,
    /// if values of the column look so.
    fn derive(&mut self, column: u32) -> bool {
        let c = &self.columns[column as usize];
        let like = if c.last == NONE { self.groups[c.group as usize] } else { c.last };
        let text = self.values.bytes(like);
        let open = usize::from(text.first() == Some(&b'('));
        let decimals = match text.iter().position(|&b| b == b'.') {
            Some(dot) if dot > open && text.len() == dot + 3 => &text[open..],
            _ => return false,
        };
        if !decimals.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return false;
        }
        let number = self.done.iter().rev().take(4).find_map(|&d| {
            let value = self.values.bytes(self.ids[d as usize]);
            let digits = (4..=15).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
            digits.then(|| value.iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0')))
        });
        let Some(number) = number.filter(|n| *n >= 1024) else { return false };
        let mut unit = 1024u64;
        while number / unit >= 1024 {
            unit *= 1024;
        }
        let hundredths = (number * 100 + unit / 2) / unit;
        self.scratch.clear();
        if open == 1 {
            self.scratch.push(b'(');
        }
        self.scratch.extend_from_slice(format!("{}.{:02}", hundredths / 100, hundredths % 100).as_bytes());
        true
    }

    /// Looks a value up among the recent ones of its class, the rejected candidates left out.
    fn pooled<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        pool: u32,
        wanted: u32,
        rejected: &[Candidate],
    ) -> u32 {
        let recent = self.values.recent(pool);
        if recent.len() <= rejected.len() {
            return NONE;
        }
        let c = &self.columns[column as usize];
        let there = u32::from(!C::DECODES && wanted != NONE && recent.contains(&wanted));
        let contexts = [
            hash3(1, column, c.outcomes & 3),
            hash3(2, column, c.outcomes & 0xff),
            hash3(3, column, self.trouble.min(7)),
            hash3(4, pool, c.outcomes & 15),
            hash3(5, c.group, c.outcomes & 3),
            hash3(6, column, self.recent_templates[0]),
        ];
        if self.modes.code(coder, there, &contexts, [0, column as usize & 1023]) == 0 {
            return NONE;
        }
        let mut rank = 0u32;
        for at in (0..recent.len()).rev() {
            let id = self.values.recent(pool)[at];
            if rejected.iter().any(|r| r.id == id) {
                continue;
            }
            let v = &self.values.list[id as usize];
            let age = 32 - (self.row - v.row).leading_zeros();
            let uses = v.uses.min(7);
            let contexts = [
                hash3(1, column, rank),
                hash(hash3(2, column, v.used_by[0]), v.used_by[1]),
                hash(hash3(3, column, v.used_by[0]), age << 4 | uses),
                hash(hash3(4, v.used_by[0], v.used_by[1]), v.used_by[2]),
                hash3(5, pool, uses << 8 | rank.min(31)),
                hash(hash3(6, column, v.used_by[0]), rank.min(20)),
            ];
            let hit = u32::from(!C::DECODES && id == wanted);
            let select = [rank.min(31) as usize, column as usize & 63];
            if self.walk.code(coder, hit, &contexts, select) != 0 {
                return id;
            }
            rank += 1;
        }
        NONE
    }

    /// Codes a value that was not found, into `scratch`.
    fn unknown<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        last: u32,
        near: u32,
        actual: &[u8],
        most: usize,
    ) -> Result<(), Broken> {
        let above = self.values.bytes(last);
        if let Some(runs) = Runs::of(above) {
            let c = &self.columns[column as usize];
            let steps = if C::DECODES { None } else { steps_to(above, &runs, actual, &mut self.scratch) };
            let wanted = match &steps {
                Some(steps) => c.prefers_digits(&runs, &steps[..runs.count]),
                None => 0,
            };
            let contexts = [
                hash3(11, column, c.outcomes & 3),
                hash3(12, column, c.outcomes & 0xff),
                hash3(13, c.group, 0),
                hash3(14, column, last),
                hash3(15, runs.count as u32, 0),
                hash3(16, column, 0),
            ];
            let mode = self.modes.code(coder, wanted, &contexts, [1, column as usize & 1023]);
            let comparable = steps.is_some();
            let before = coder.spent();
            if mode != 0 {
                self.changed_digits(coder, column, last, &runs, steps.unwrap_or_default())?;
            } else {
                self.spell(coder, column, near, actual, most)?;
            }
            if comparable {
                let spent = coder.spent().wrapping_sub(before) as i32;
                self.columns[column as usize].learn_cost(mode as usize, spent);
            }
            return Ok(());
        }
        self.spell(coder, column, near, actual, most)
    }

    fn changed_digits<C: Coder>(
        &mut self,
        coder: &mut C,
        column: u32,
        last: u32,
        runs: &Runs,
        steps: [i64; MAX_RUNS],
    ) -> Result<(), Broken> {
        let mut numbers = [0i64; MAX_RUNS];
        let mut coded = 0u32;
        for k in 0..runs.count {
            let c = &self.columns[column as usize];
            let place = hash(column, k as u32);
            let before = hash(c.steps[k] as u32, (c.steps[k] >> 32) as u32);
            let length = 64 - c.steps[k].unsigned_abs().leading_zeros();
            let clock = self.first_step.map_or(0, |s| 64 - s.0.unsigned_abs().leading_zeros());
            let contexts = [
                hash3(1, place, 0),
                hash3(2, place, before),
                hash3(3, place, length << 8 | clock),
                hash3(4, place, coded),
                hash3(5, c.group, k as u32),
                hash3(6, place, self.recent_templates[0]),
            ];
            let set = 512 + (column as usize & 511);
            let step = self.numbers.code(coder, steps[k], 1, &contexts, set);
            let c = &mut self.columns[column as usize];
            c.steps[k] = step;
            coded = hash(coded, step as u32);
            numbers[k] = runs.runs[k].2.wrapping_add(step);
            if numbers[k] < 0 {
                return Err(Broken::Payload);
            }
        }
        self.scratch.clear();
        digits::render(self.values.bytes(last), runs, &numbers[..runs.count], &mut self.scratch);
        Ok(())
    }

    fn end_row(&mut self) {
        let t = self.template as u32;
        let whole = self.ids.iter().fold(hash(t, 3), |h, &id| hash(h, id));
        self.row_hashes = [whole, self.row_hashes[0], self.row_hashes[1]];
        self.recent_templates.rotate_right(1);
        self.recent_templates[0] = t;
        if self.key != NONE {
            self.last_key = self.key;
        }
        if self.past.values.len() + self.ids.len() > MAX_PAST {
            self.forget_past();
        }
        let row = self.past.templates.len();
        self.past.templates.push(t);
        self.past.starts.push(self.past.values.len() as u32);
        self.past.values.extend_from_slice(&self.ids);
        self.past.steps.push(self.first_step.map_or(0, |s| s.0));
        if self.trouble > 2 {
            self.match_run /= 2;
        }
        let long = hash3(self.row_hashes[0], self.row_hashes[1], self.row_hashes[2]);
        let short = hash3(
            hash(self.recent_templates[0], self.recent_templates[1]),
            hash(self.recent_templates[2], self.recent_templates[3]),
            9,
        );
        let mask = self.past_index.len() - 1;
        self.matched = match self.matched {
            Some(m) if m + 1 < row => {
                self.match_run += 1;
                Some(m + 1)
            }
            _ => {
                self.match_run = 0;
                let at = [long, short].map(|h| self.past_index[h as usize & mask]);
                at.into_iter().find(|a| (*a as usize) < row).map(|a| a as usize + 1).filter(|a| *a < row)
            }
        };
        for h in [long, short] {
            self.past_index[h as usize & mask] = row as u32;
        }
        self.row += 1;
    }
}

/// The steps from the numbers of `like` to those of `actual`, if it is like it in everything else.
fn steps_to(like: &[u8], runs: &Runs, actual: &[u8], scratch: &mut Vec<u8>) -> Option<[i64; MAX_RUNS]> {
    if actual.len() > MAX_KEPT {
        return None;
    }
    let other = Runs::of(actual).filter(|o| o.count == runs.count)?;
    let mut steps = [0; MAX_RUNS];
    let mut numbers = [0; MAX_RUNS];
    for k in 0..runs.count {
        numbers[k] = other.runs[k].2;
        steps[k] = numbers[k] - runs.runs[k].2;
    }
    scratch.clear();
    digits::render(like, runs, &numbers[..runs.count], scratch);
    (scratch == actual).then_some(steps)
}

/// About how many bits the steps cost as numbers and as digits.
fn estimate(runs: &Runs, steps: &[i64]) -> (i32, i32) {
    let (mut by_digits, mut by_text) = (0, 0);
    for (&(start, end, old), &step) in runs.runs.iter().zip(steps) {
        if step == 0 {
            continue;
        }
        by_digits += 6 + (64 - step.unsigned_abs().leading_zeros()) as i32;
        // Digits from the first that differs on.
        let width = (end - start) as i32;
        let (mut a, mut b, mut n) = (old, old + step, 0);
        while a != b && n < width.max(1) {
            (a, b, n) = (a / 10, b / 10, n + 1);
        }
        by_text += n * 10 / 3;
    }
    (by_digits, by_text)
}
