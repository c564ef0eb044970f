//! Regular expressions as automata that learn their states from the text they see.
//!
//! A program is what Thompson's construction makes of an expression: sets of bytes, forks and places. It
//! is run as a deterministic automaton whose states are made when they are first reached, so that a byte
//! costs one look into a table, and an expression whose full automaton would be huge costs what the text
//! needs. Whether a line has a match is all that is asked; so two states are final: `DEAD` and `FOUND`.
//!
//! Places (`^`, `$`, edges of words) depend on the bytes at both sides. A state knows what was before; its
//! places are decided when the next byte is known. A line feed, or the end, is that byte for the last one.

use std::collections::HashMap;
use std::sync::Arc;

/// No match any more, whatever follows.
pub const DEAD: u32 = 0;
/// There is a match, whatever follows.
pub const FOUND: u32 = 1;
/// At the beginning of a line.
pub const BEGIN: u32 = 2;

const UNKNOWN: u32 = u32::MAX;
pub(super) const MAX_STATES: usize = 10_000;
/// Instructions that all states have together at most: a bound on memory.
pub(super) const MAX_MEMBERS: usize = 1 << 21;
/// Instructions looked at to make states: a bound on time.
const MAX_WORK: usize = 1 << 28;
pub(super) const MAX_TABLE: usize = 1 << 22;
pub const MAX_OPS: usize = 1 << 16;

/// What cannot be answered here has to be answered in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// One byte of a set, then go on there.
    Set(u32, u32),
    Fork(u32, u32),
    /// Go on only if the place is of this kind.
    Place(Kind, u32),
    Match,
}

/// Kinds of places; numbers are those of the callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    LineBegin,
    LineEnd,
    WordEdge,
    NoWordEdge,
    WordBegin,
    WordEnd,
    NoWordBefore,
    NoWordBehind,
}

/// What stands at one side of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Other,
    Word,
    Edge,
}

/// A program that was checked.
pub struct Program {
    pub(super) ops: Vec<Op>,
    sets: Vec<[u64; 4]>,
    /// Bytes of one class are alike to every set.
    pub(super) class: [u8; 256],
    /// A byte of each class.
    pub(super) sample: Vec<u8>,
    words: bool,
    begins: bool,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn has(set: &[u64; 4], byte: u8) -> bool {
    set[usize::from(byte) / 64] >> (byte % 64) & 1 == 1
}

impl Program {
    /// Checks places and sets; the first instruction is where a match begins.
    pub fn new(ops: Vec<Op>, mut sets: Vec<[u64; 4]>) -> Result<Program, String> {
        if ops.is_empty() || ops.len() > MAX_OPS {
            return Err(format!("a program of {} instructions, expected 1 to {MAX_OPS}", ops.len()));
        }
        let inside = |&at: &u32| (at as usize) < ops.len();
        let fine = |op: &Op| match op {
            Op::Set(set, next) => (*set as usize) < sets.len() && inside(next),
            Op::Fork(a, b) => inside(a) && inside(b),
            Op::Place(_, next) => inside(next),
            Op::Match => true,
        };
        if !ops.iter().all(fine) {
            return Err("a program that leaves itself".into());
        }
        // No line has a line feed in it.
        sets.iter_mut().for_each(|set| set[0] &= !(1 << 10));
        let places = |wanted: &dyn Fn(Kind) -> bool| {
            ops.iter().any(|op| matches!(op, Op::Place(kind, _) if wanted(*kind)))
        };
        let begins = places(&|kind| kind == Kind::LineBegin);
        let words = places(&|kind| !matches!(kind, Kind::LineBegin | Kind::LineEnd));
        let mut program = Program { ops, sets, class: [0; 256], sample: Vec::new(), words, begins };
        program.classify();
        Ok(program)
    }

    pub(super) fn has(&self, set: u32, byte: u8) -> bool {
        has(&self.sets[set as usize], byte)
    }

    fn classify(&mut self) {
        let mut class: [usize; 256] = [0; 256];
        let mut split = |of: &dyn Fn(u8) -> bool| {
            let mut known: HashMap<(usize, bool), usize> = HashMap::new();
            for byte in 0..=255u8 {
                let next = known.len();
                let c = *known.entry((class[usize::from(byte)], of(byte))).or_insert(next);
                class[usize::from(byte)] = c;
            }
        };
        split(&|byte| byte == b'\n');
        if self.words {
            split(&is_word);
        }
        for set in &self.sets {
            split(&|byte| has(set, byte));
        }
        for byte in 0..=255u8 {
            let c = class[usize::from(byte)];
            if c == self.sample.len() {
                self.sample.push(byte);
            }
            self.class[usize::from(byte)] = c as u8;
        }
    }
}

/// A program under way: the states that were reached so far.
pub struct Automaton {
    program: Arc<Program>,
    /// Next states; `UNKNOWN` where nobody was yet.
    table: Vec<u32>,
    classes: usize,
    known: HashMap<(Box<[u32]>, Side), u32>,
    states: Vec<(Box<[u32]>, Side)>,
    members: usize,
    work: usize,
    seen: Vec<u32>,
    round: u32,
}

impl Automaton {
    pub fn new(program: &Arc<Program>) -> Automaton {
        let mut automaton = Automaton {
            program: program.clone(),
            table: Vec::new(),
            classes: program.sample.len(),
            known: HashMap::new(),
            states: Vec::new(),
            members: 0,
            work: 0,
            seen: vec![0; program.ops.len()],
            round: 0,
        };
        for end in [DEAD, FOUND] {
            automaton.states.push((Box::default(), Side::Other));
            automaton.table.extend(std::iter::repeat_n(end, automaton.classes));
        }
        let side = if program.begins || program.words { Side::Edge } else { Side::Other };
        // A first state always has room.
        let begin = automaton.state(vec![0], side);
        debug_assert_eq!(begin, Ok(BEGIN));
        automaton
    }

    /// Whether it is one of this program, and not of one like it.
    pub fn is_of(&self, program: &Arc<Program>) -> bool {
        Arc::ptr_eq(&self.program, program)
    }

    /// States in the middle of a line in which nothing that could become a match has begun.
    pub fn fresh(&mut self) -> Result<Vec<u32>, TooBig> {
        let sides: &[Side] = if self.program.words { &[Side::Other, Side::Word] } else { &[Side::Other] };
        sides.iter().map(|side| self.state(vec![0], *side)).collect()
    }

    fn state(&mut self, members: Vec<u32>, side: Side) -> Result<u32, TooBig> {
        let key = (members.into_boxed_slice(), side);
        if let Some(&state) = self.known.get(&key) {
            return Ok(state);
        }
        let state = self.states.len();
        self.members += key.0.len();
        if state >= MAX_STATES || self.members > MAX_MEMBERS || self.table.len() > MAX_TABLE {
            return Err(TooBig);
        }
        self.table.extend(std::iter::repeat_n(UNKNOWN, self.classes));
        self.states.push(key.clone());
        self.known.insert(key, state as u32);
        Ok(state as u32)
    }

    /// The state behind a byte.
    #[inline(always)]
    pub fn next(&mut self, state: u32, byte: u8) -> Result<u32, TooBig> {
        let class = self.program.class[usize::from(byte)];
        match self.table[state as usize * self.classes + usize::from(class)] {
            UNKNOWN => self.learn(state, class),
            next => Ok(next),
        }
    }

    /// The state behind some bytes.
    #[inline(always)]
    pub fn run(&mut self, mut state: u32, bytes: &[u8]) -> Result<u32, TooBig> {
        for &byte in bytes {
            if state <= FOUND {
                break;
            }
            state = self.next(state, byte)?;
        }
        Ok(state)
    }

    /// Whether a line that ends here has a match.
    pub fn ends(&mut self, state: u32) -> Result<bool, TooBig> {
        Ok(self.next(state, b'\n')? == FOUND)
    }

    #[cold]
    fn learn(&mut self, state: u32, class: u8) -> Result<u32, TooBig> {
        let byte = self.program.sample[usize::from(class)];
        let (members, before) = self.states[state as usize].clone();
        let behind = side_of(byte);
        let next = match self.step(&members, before, behind, byte)? {
            None => FOUND,
            Some(next) if next.is_empty() || byte == b'\n' => DEAD,
            Some(next) => self.state(next, if self.program.words { behind } else { Side::Other })?,
        };
        self.table[state as usize * self.classes + usize::from(class)] = next;
        Ok(next)
    }

    /// Instructions behind a byte; none if there was a match before it.
    fn step(
        &mut self,
        members: &[u32],
        before: Side,
        behind: Side,
        byte: u8,
    ) -> Result<Option<Vec<u32>>, TooBig> {
        self.round += 1;
        let mut open: Vec<u32> = members.to_vec();
        let mut next = Vec::new();
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut self.seen[at as usize], self.round) == self.round {
                continue;
            }
            self.work += 1;
            match self.program.ops[at as usize] {
                Op::Match => return Ok(None),
                Op::Fork(a, b) => open.extend([b, a]),
                Op::Place(kind, then) => {
                    if holds(kind, before, behind) {
                        open.push(then);
                    }
                }
                Op::Set(set, then) => {
                    if has(&self.program.sets[set as usize], byte) {
                        next.push(then);
                    }
                }
            }
        }
        if self.work > MAX_WORK {
            return Err(TooBig);
        }
        // A match may begin behind every byte, unless it has to begin with the line.
        if !matches!(self.program.ops[0], Op::Place(Kind::LineBegin, _)) {
            next.push(0);
        }
        next.sort_unstable();
        next.dedup();
        Ok(Some(next))
    }
}

pub(super) fn side_of(byte: u8) -> Side {
    match byte {
        b'\n' => Side::Edge,
        _ if is_word(byte) => Side::Word,
        _ => Side::Other,
    }
}

pub(super) fn holds(kind: Kind, before: Side, behind: Side) -> bool {
    let (left, right) = (before == Side::Word, behind == Side::Word);
    match kind {
        Kind::LineBegin => before == Side::Edge,
        Kind::LineEnd => behind == Side::Edge,
        Kind::WordEdge => left != right,
        Kind::NoWordEdge => left == right,
        Kind::WordBegin => !left && right,
        Kind::WordEnd => left && !right,
        Kind::NoWordBefore => !left,
        Kind::NoWordBehind => !right,
    }
}
