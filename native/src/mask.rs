//! The mask lexer: which parts of a message are variables by their looks alone.
//!
//! What it finds is defined by the table of `logpipe/parsers/iterative/mask_rules.py` and the few lines of
//! `mask.py` that use it; the table is handed over as it is, so that there is one specification and no
//! port of it. At each place the first rule that matches wins, and the lexer goes on behind the match.
//!
//! Most places are passed at the cost of a table look-up: which rules can begin with this byte after that
//! one, and which of them need a byte that the token does not have.

mod program;
mod rows;
mod syntax;

pub use rows::Rows;

use program::{Program, Stack};
use syntax::{needs, parse, Set};

/// A rule as it comes over the boundary.
pub struct Rule<'a> {
    pub mask: u8,
    pub syntax: &'a [u8],
}

/// What else the lexer is made of; an empty expression means that there is none.
pub struct Options<'a> {
    pub rules: Vec<Rule<'a>>,
    /// Members of a list; its named group is what they have to share.
    pub member: &'a [u8],
    pub list: u8,
    /// What stands behind a number in parentheses and belongs to it.
    pub unit: &'a [u8],
    pub number: u8,
    pub quantity: u8,
    /// Bytes of a message that are looked at; what is behind them is one variable.
    pub window: usize,
    pub rest: u8,
}

/// A variable: where it begins and ends in its message, and its class.
pub type Found = (u32, u32, u8);

/// Rules are numbered by bits of a word; the last one is for members of lists.
type Bits = u64;
const MEMBER: usize = 63;

/// Features of tokens: of each, a token has a byte or not.
const FEATURES: usize = 10;
/// Stands beside the features: the byte is white space.
const WHITE: u32 = 1 << FEATURES;

/// Which rules can match at a place.
struct Filter {
    /// Rules by the byte that they begin with.
    first: Box<[Bits; 256]>,
    /// Rules by the byte before; 256: there is none.
    before: Box<[Bits; 257]>,
    /// Features by byte.
    features: Box<[u32; 256]>,
    /// Rules by the features that a token has.
    possible: Box<[Bits; 1 << FEATURES]>,
    /// Rules that can begin with white space.
    white: Bits,
}

impl Filter {
    /// Of (number, program, sets of which a match has a byte before any white space).
    fn new(rules: &[(usize, &Program, &[Set])]) -> Filter {
        let mut filter = Filter {
            first: Box::new([0; 256]),
            before: Box::new([0; 257]),
            features: Box::new([0; 256]),
            possible: Box::new([Bits::MAX; 1 << FEATURES]),
            white: 0,
        };
        let sets = telling(rules);
        for b in 0..=255u8 {
            let features = &mut filter.features[b as usize];
            for (i, set) in sets.iter().enumerate() {
                *features |= u32::from(set.has(b)) << i;
            }
            if is_white(b) {
                *features = WHITE;
            }
        }
        for (number, program, needed) in rules {
            let bit = 1 << number;
            for b in 0..=255u8 {
                filter.first[b as usize] |= if program.first.has(b) { bit } else { 0 };
                filter.before[b as usize] |= if program.before.set.has(b) { bit } else { 0 };
            }
            filter.before[256] |= if program.before.end { bit } else { 0 };
            for (i, set) in sets.iter().enumerate() {
                if !needed.iter().any(|own| own.within(set)) {
                    continue;
                }
                for (has, possible) in filter.possible.iter_mut().enumerate() {
                    *possible &= if has >> i & 1 == 0 { !bit } else { Bits::MAX };
                }
            }
        }
        for b in (0..=255u8).filter(|b| is_white(*b)) {
            filter.white |= filter.first[b as usize];
        }
        filter
    }

    #[inline(always)]
    fn at(&self, text: &[u8], p: usize) -> Bits {
        let before = if p == 0 { 256 } else { text[p - 1] as usize };
        self.first[text[p] as usize] & self.before[before]
    }

    /// The end of the token at `p`, and the rules that can match within it.
    #[inline(always)]
    fn token(&self, text: &[u8], p: usize) -> (usize, Bits) {
        let mut has = 0;
        let mut e = p;
        for b in &text[p..] {
            let own = self.features[*b as usize];
            if own == WHITE {
                break;
            }
            has |= own;
            e += 1;
        }
        (e, self.possible[has as usize % (1 << FEATURES)])
    }
}

/// The sets that most rules need; small ones first, because the rarer a set is in text, the more
/// it tells.
fn telling(rules: &[(usize, &Program, &[Set])]) -> Vec<Set> {
    let size = |set: &Set| set.0.iter().map(|w| w.count_ones()).sum::<u32>();
    let needed = || rules.iter().flat_map(|(_, _, sets)| sets.iter());
    let mut sets: Vec<Set> = needed().filter(|set| size(set) <= 24).copied().collect();
    sets.sort_by_key(|set| set.0);
    sets.dedup();
    let users = |set: &Set| rules.iter().filter(|(_, _, own)| own.iter().any(|s| s.within(set))).count();
    sets.sort_by_key(|set| (std::cmp::Reverse(users(set)), size(set), set.0));
    sets.truncate(FEATURES);
    sets
}

/// A compiled table of rules.
pub struct Lexer {
    programs: Vec<Program>,
    masks: Vec<u8>,
    filter: Filter,
    member: Option<Program>,
    unit: Option<Program>,
    list: u8,
    number: u8,
    quantity: u8,
    window: usize,
    rest: u8,
}

/// Buffers of one thread.
#[derive(Default)]
pub struct Scratch {
    stack: Stack,
    /// Tokens of the message: begin, end, and the rules that can match within.
    tokens: Vec<(u32, u32, Bits)>,
    lists: Vec<(usize, usize)>,
}

fn compile(syntax: &[u8]) -> Result<(Program, Vec<Set>), String> {
    let node = parse(syntax)?;
    let mut needed = Vec::new();
    needs(&node, &mut needed);
    let program =
        Program::compile(&node).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(syntax)))?;
    Ok((program, needed))
}

fn is_white(b: u8) -> bool {
    matches!(b, 9..=13 | 32)
}

impl Lexer {
    pub fn new(options: &Options) -> Result<Lexer, String> {
        if options.rules.len() > MEMBER {
            return Err(format!("{} rules; at most {MEMBER} can be handled", options.rules.len()));
        }
        let (mut programs, mut needed) = (Vec::new(), Vec::new());
        for rule in &options.rules {
            let (program, needs) = compile(rule.syntax)?;
            programs.push(program);
            needed.push(needs);
        }
        let (member, member_needs) = match options.member {
            [] => (None, Vec::new()),
            syntax => compile(syntax).map(|(program, needs)| (Some(program), needs))?,
        };
        let unit = match options.unit {
            [] => None,
            syntax => Some(compile(syntax)?.0),
        };
        let mut all: Vec<(usize, &Program, &[Set])> = Vec::new();
        all.extend(programs.iter().zip(&needed).enumerate().map(|(i, (p, n))| (i, p, &n[..])));
        all.extend(member.iter().map(|program| (MEMBER, program, &member_needs[..])));
        Ok(Lexer {
            filter: Filter::new(&all),
            programs,
            masks: options.rules.iter().map(|r| r.mask).collect(),
            member,
            unit,
            list: options.list,
            number: options.number,
            quantity: options.quantity,
            window: options.window,
            rest: options.rest,
        })
    }

    /// Puts the variables of a message in place of what is in `found`: in order, never overlapping,
    /// never empty.
    pub fn find(&self, message: &[u8], found: &mut Vec<Found>, scratch: &mut Scratch) {
        found.clear();
        let window = &message[..message.len().min(self.window)];
        self.scan(window, found, scratch);
        self.lists(window, found, scratch);
        self.quantities(window, found, scratch);
        if message.len() > self.window {
            let mut rest = self.window as u32;
            while let Some(&(start, end, _)) = found.last() {
                if end as usize != self.window {
                    break;
                }
                rest = start;
                found.pop();
            }
            found.push((rest, message.len() as u32, self.rest));
        }
    }

    fn scan(&self, text: &[u8], found: &mut Vec<Found>, scratch: &mut Scratch) {
        const MEMBERS: Bits = 1 << MEMBER;
        scratch.tokens.clear();
        let mut done = 0;
        let mut p = 0;
        while p < text.len() {
            if is_white(text[p]) {
                if p >= done && self.filter.white != 0 {
                    let rules = self.filter.at(text, p) & !MEMBERS;
                    done = self.first_of(rules, text, p, found, scratch).unwrap_or(done);
                }
                p += 1;
                continue;
            }
            let (end, possible) = self.filter.token(text, p);
            scratch.tokens.push((p as u32, end as u32, possible));
            let mut left = possible & !MEMBERS;
            let mut looked = p;
            let mut at = p.max(done);
            p = end;
            if left == 0 {
                continue;
            }
            while at < end {
                let rules = self.filter.at(text, at) & left;
                if rules == 0 {
                    at += 1;
                    continue;
                }
                match self.first_of(rules, text, at, found, scratch) {
                    Some(on) => {
                        (at, done) = (on, on);
                        // The match may have taken what a rule needs. Looking again is worth it, and
                        // linear in the token, only if much of it is behind us since the last time.
                        if on < end && (on - looked) * 4 >= end - on {
                            left &= self.filter.token(text, on).1;
                            looked = on;
                        }
                    }
                    None => at += 1,
                }
            }
        }
    }

    /// The first of some rules that matches at `p`; returns where its match ends.
    #[inline(always)]
    fn first_of(
        &self,
        mut rules: Bits,
        text: &[u8],
        p: usize,
        found: &mut Vec<Found>,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        while rules != 0 {
            let rule = rules.trailing_zeros() as usize;
            rules &= rules - 1;
            if let Some((start, end, on)) = self.programs[rule].run(text, p, &mut scratch.stack) {
                if end > start {
                    found.push((start as u32, end as u32, self.masks[rule]));
                }
                return Some(on);
            }
        }
        None
    }

    /// Three or more members in a row that share their named group are one variable.
    fn lists(&self, text: &[u8], found: &mut Vec<Found>, scratch: &mut Scratch) {
        let Some(member) = &self.member else { return };
        scratch.lists.clear();
        let (mut begin, mut end, mut count) = (0, 0, 0);
        let mut shared: &[u8] = b"";
        for &(from, to, possible) in &scratch.tokens {
            if possible >> MEMBER & 1 == 0 {
                continue;
            }
            let mut p = end.max(from as usize);
            while p < to as usize {
                let can = self.filter.at(text, p) >> MEMBER & 1 == 1;
                let run = can.then(|| member.run(text, p, &mut scratch.stack)).flatten();
                let Some((group, group_end, on)) = run else {
                    p += 1;
                    continue;
                };
                let own = &text[group..group_end];
                let between = &text[end..p];
                let same = count > 0 && own == shared && matches!(between, b" " | b"," | b", ");
                if !same {
                    if count >= 3 {
                        scratch.lists.push((begin, end));
                    }
                    (begin, count, shared) = (p, 0, own);
                }
                count += 1;
                (end, p) = (on, on);
            }
        }
        if count >= 3 {
            scratch.lists.push((begin, end));
        }
        for &(a, b) in &scratch.lists {
            let (a, b) = (a as u32, b as u32);
            if found.iter().any(|&(s, e, _)| (s < a && a < e) || (s < b && b < e)) {
                continue;
            }
            found.retain(|&(s, e, _)| e <= a || s >= b);
            let at = found.partition_point(|&(s, _, _)| s < a);
            found.insert(at, (a, b, self.list));
        }
    }

    /// Inside parentheses, a number takes the unit behind it.
    fn quantities(&self, text: &[u8], found: &mut [Found], scratch: &mut Scratch) {
        let Some(unit) = &self.unit else { return };
        let (mut seen, mut inside) = (0usize, false);
        for (start, end, mask) in found {
            if *mask != self.number || text.get(*end as usize) != Some(&b' ') {
                continue;
            }
            for b in &text[seen..*start as usize] {
                inside = *b == b'(' || (inside && *b != b')');
            }
            seen = *start as usize;
            if !inside {
                continue;
            }
            let at = *end as usize;
            let run = unit.can_begin(text, at).then(|| unit.run(text, at, &mut scratch.stack));
            if let Some((_, _, on)) = run.flatten() {
                (*end, *mask) = (on as u32, self.quantity);
            }
        }
    }
}

#[cfg(test)]
mod tests;
