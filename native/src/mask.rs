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

/// Rules are numbered by bits of a word.
type Bits = u64;
const MAX_RULES: usize = 64;

/// Bytes of which rules may need one, as bits of a token.
const FEATURES: usize = 32;

/// Which of some rules can match at a place.
struct Filter {
    /// Rules by the byte that they begin with.
    first: Box<[Bits; 256]>,
    /// Rules by the byte before; 256: there is none.
    before: Box<[Bits; 257]>,
    /// Per byte, the features that a token with it has.
    features: Box<[u32; 256]>,
    /// Per feature, the rules that do without it.
    without: [Bits; FEATURES],
}

impl Filter {
    fn new(programs: &[Program], needed: &[Vec<Set>]) -> Filter {
        let mut filter = Filter {
            first: Box::new([0; 256]),
            before: Box::new([0; 257]),
            features: Box::new([0; 256]),
            without: [Bits::MAX; FEATURES],
        };
        // The rarer a set is in text the more it tells; small ones come first.
        let size = |set: &Set| set.0.iter().map(|w| w.count_ones()).sum::<u32>();
        let mut sets: Vec<Set> = needed.iter().flatten().copied().filter(|s| size(s) <= 24).collect();
        sets.sort_by_key(|set| (size(set), set.0));
        sets.dedup();
        sets.truncate(FEATURES);
        for b in 0..=255u8 {
            for (i, set) in sets.iter().enumerate() {
                filter.features[b as usize] |= u32::from(set.has(b)) << i;
            }
        }
        for (rule, program) in programs.iter().enumerate() {
            let bit = 1 << rule;
            for b in 0..=255u8 {
                filter.first[b as usize] |= if program.first.has(b) { bit } else { 0 };
                filter.before[b as usize] |= if program.before.set.has(b) { bit } else { 0 };
            }
            filter.before[256] |= if program.before.end { bit } else { 0 };
            for (i, set) in sets.iter().enumerate() {
                if needed[rule].iter().any(|own| own.within(set)) {
                    filter.without[i] &= !bit;
                }
            }
        }
        filter
    }

    #[inline(always)]
    fn at(&self, text: &[u8], p: usize) -> Bits {
        let before = if p == 0 { 256 } else { text[p - 1] as usize };
        self.first[text[p] as usize] & self.before[before]
    }

    /// The rules that can match at the begin of, or within, this token.
    #[inline(always)]
    fn of_token(&self, token: &[u8]) -> Bits {
        let mut has = 0;
        for b in token {
            has |= self.features[*b as usize];
        }
        let mut left = Bits::MAX;
        for (i, without) in self.without.iter().enumerate() {
            if has >> i & 1 == 0 {
                left &= without;
            }
        }
        left
    }
}

/// A compiled table of rules.
pub struct Lexer {
    programs: Vec<Program>,
    masks: Vec<u8>,
    filter: Filter,
    member: Option<(Program, Filter)>,
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
        if options.rules.len() > MAX_RULES {
            return Err(format!("{} rules; at most {MAX_RULES} can be handled", options.rules.len()));
        }
        let (mut programs, mut needed) = (Vec::new(), Vec::new());
        for rule in &options.rules {
            let (program, needs) = compile(rule.syntax)?;
            programs.push(program);
            needed.push(needs);
        }
        let member = match options.member {
            [] => None,
            syntax => {
                let (program, needs) = compile(syntax)?;
                let filter = Filter::new(std::slice::from_ref(&program), &[needs]);
                Some((program, filter))
            }
        };
        let unit = match options.unit {
            [] => None,
            syntax => Some(compile(syntax)?.0),
        };
        Ok(Lexer {
            filter: Filter::new(&programs, &needed),
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
        let mut p = 0;
        let mut token_end = 0;
        let mut possible = 0;
        while p < text.len() {
            if p >= token_end {
                // White space belongs to the token behind it; what begins with it needs nothing.
                let n = text[p..].iter().take_while(|b| !is_white(**b)).count();
                token_end = p + n.max(1);
                possible = if n > 0 { self.filter.of_token(&text[p..token_end]) } else { Bits::MAX };
            }
            let mut rules = self.filter.at(text, p) & possible;
            let mut next = p + 1;
            while rules != 0 {
                let rule = rules.trailing_zeros() as usize;
                rules &= rules - 1;
                if let Some((start, end, on)) = self.programs[rule].run(text, p, &mut scratch.stack) {
                    if end > start {
                        found.push((start as u32, end as u32, self.masks[rule]));
                    }
                    next = on;
                    // The match may end anywhere in a token, whose other part is still to be looked at.
                    if next < token_end {
                        possible = self.filter.of_token(&text[next..token_end]);
                    }
                    break;
                }
            }
            p = next;
        }
    }

    /// Three or more members in a row that share their named group are one variable.
    fn lists(&self, text: &[u8], found: &mut Vec<Found>, scratch: &mut Scratch) {
        let Some((member, filter)) = &self.member else { return };
        scratch.lists.clear();
        let (mut begin, mut end, mut count) = (0, 0, 0);
        let mut shared: &[u8] = b"";
        let (mut p, mut token_end, mut possible) = (0, 0, false);
        while p < text.len() {
            if p >= token_end {
                let n = text[p..].iter().take_while(|b| !is_white(**b)).count();
                token_end = p + n.max(1);
                possible = n == 0 || filter.of_token(&text[p..token_end]) & 1 != 0;
                if !possible {
                    p = token_end;
                    continue;
                }
            }
            if filter.at(text, p) & 1 == 0 {
                p += 1;
                continue;
            }
            // The named group begins where the match does not: the run says where both are.
            let Some((from, to, on)) = member.run(text, p, &mut scratch.stack) else {
                p += 1;
                continue;
            };
            let own = &text[from..to];
            let between = &text[end..p];
            let same = count > 0 && own == shared && matches!(between, b" " | b"," | b", ");
            if !same {
                if count >= 3 {
                    scratch.lists.push((begin, end));
                }
                (begin, count, shared) = (p, 0, own);
            }
            count += 1;
            end = on;
            p = on;
        }
        let _ = possible;
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
            if let Some((_, _, on)) = unit.run(text, *end as usize, &mut scratch.stack) {
                (*end, *mask) = (on as u32, self.quantity);
            }
        }
    }
}

#[cfg(test)]
mod tests;
