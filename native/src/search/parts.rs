//! Where in a line the matches lie: as `grep -o` prints them, leftmost, of these the longest.
//!
//! Two automata share the work. One runs over the line from its end and knows behind every byte whether a
//! match could begin there: so the leftmost place costs one pass, and no place is tried in vain. The other
//! one starts there, and every place where it accepts ends a match. (`automaton.rs` asks only whether there
//! is a match, and so stops at the first; these states go on until nothing can match any more.)

use super::automaton::{holds, side_of, Op, Program, Side, TooBig, MAX_MEMBERS, MAX_STATES, MAX_TABLE};
use std::collections::HashMap;

/// One part of a line: the number of the line, and where in it the part begins and ends.
pub type Part = (usize, usize, usize);

const UNKNOWN: u32 = u32::MAX;
/// In the table beside the next state: there was a match before the byte.
const ACCEPTS: u32 = 1 << 31;
const DEAD: u32 = 0;

/// States that were reached so far, as in `automaton.rs`, but matching does not end them.
struct Walker<'a> {
    program: &'a Program,
    /// Whether a match may begin behind every byte.
    everywhere: bool,
    table: Vec<u32>,
    classes: usize,
    known: HashMap<(Box<[u32]>, Side), u32>,
    states: Vec<(Box<[u32]>, Side)>,
    members: usize,
    seen: Vec<u32>,
    round: u32,
}

impl<'a> Walker<'a> {
    fn new(program: &'a Program, everywhere: bool) -> Walker<'a> {
        let classes = program.sample.len();
        Walker {
            program,
            everywhere,
            table: vec![DEAD; classes],
            classes,
            known: HashMap::new(),
            states: vec![(Box::default(), Side::Other)],
            members: 0,
            seen: vec![0; program.ops.len()],
            round: 0,
        }
    }

    fn state(&mut self, members: Vec<u32>, side: Side) -> Result<u32, TooBig> {
        if members.is_empty() {
            return Ok(DEAD);
        }
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

    /// The state in which a match may begin, by what is before it.
    fn begin(&mut self, side: Side) -> Result<u32, TooBig> {
        self.state(vec![0], side)
    }

    /// Whether there was a match before the byte, and the state behind it.
    fn next(&mut self, state: u32, byte: u8) -> Result<(bool, u32), TooBig> {
        let class = self.program.class[usize::from(byte)];
        let place = state as usize * self.classes + usize::from(class);
        let mut found = self.table[place];
        if found == UNKNOWN {
            found = self.learn(state, class)?;
            self.table[place] = found;
        }
        Ok((found & ACCEPTS != 0, found & !ACCEPTS))
    }

    #[cold]
    fn learn(&mut self, state: u32, class: u8) -> Result<u32, TooBig> {
        let byte = self.program.sample[usize::from(class)];
        let (mut open, before) = (self.states[state as usize].0.to_vec(), self.states[state as usize].1);
        let behind = side_of(byte);
        let (mut accepts, mut next) = (false, Vec::new());
        self.round += 1;
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut self.seen[at as usize], self.round) == self.round {
                continue;
            }
            match self.program.ops[at as usize] {
                Op::Match => accepts = true,
                Op::Fork(a, b) => open.extend([b, a]),
                Op::Place(kind, then) if holds(kind, before, behind) => open.push(then),
                Op::Place(..) => {}
                Op::Set(set, then) => {
                    if self.program.has(set, byte) {
                        next.push(then);
                    }
                }
            }
        }
        if byte == b'\n' {
            next.clear();
        } else if self.everywhere {
            next.push(0);
        }
        next.sort_unstable();
        next.dedup();
        let next = self.state(next, behind)?;
        Ok(next | if accepts { ACCEPTS } else { 0 })
    }
}

/// An expression and the same read backwards: what finds parts of lines.
pub struct Finder<'a> {
    forward: Walker<'a>,
    backward: Walker<'a>,
    words: bool,
    /// Of the line: whether a match begins there, for every place, its end included.
    begins: Vec<bool>,
    /// Where matches end that begin at one place, growing.
    ends: Vec<usize>,
}

impl<'a> Finder<'a> {
    /// `words`: as `grep -w` finds them, see `word`.
    pub fn new(forward: &'a Program, backward: &'a Program, words: bool) -> Finder<'a> {
        Finder {
            forward: Walker::new(forward, false),
            backward: Walker::new(backward, true),
            words,
            begins: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Parts of every line of a text, empty ones left out.
    pub fn parts(&mut self, text: &[u8]) -> Result<Vec<Part>, TooBig> {
        let mut found = Vec::new();
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            self.mark(line)?;
            let mut at = 0;
            while let Some((start, end)) = self.next(line, at)? {
                if end > start {
                    found.push((number, start, end));
                }
                at = end.max(start + 1);
                if at > line.len() {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn mark(&mut self, line: &[u8]) -> Result<(), TooBig> {
        self.begins.clear();
        self.begins.resize(line.len() + 1, false);
        let mut state = self.backward.begin(Side::Edge)?;
        for (place, &byte) in line.iter().enumerate().rev() {
            let (accepts, next) = self.backward.next(state, byte)?;
            self.begins[place + 1] = accepts;
            state = next;
        }
        self.begins[0] = self.backward.next(state, b'\n')?.0;
        Ok(())
    }

    /// The first place at or after `at` where a match begins.
    fn start(&self, at: usize) -> Option<usize> {
        self.begins.get(at..)?.iter().position(|begins| *begins).map(|i| at + i)
    }

    fn find_ends(&mut self, line: &[u8], start: usize) -> Result<(), TooBig> {
        self.ends.clear();
        let side = if start == 0 { Side::Edge } else { side_of(line[start - 1]) };
        let mut state = self.forward.begin(side)?;
        for place in start..=line.len() {
            let (accepts, next) = self.forward.next(state, line.get(place).copied().unwrap_or(b'\n'))?;
            if accepts {
                self.ends.push(place);
            }
            if next == DEAD {
                break;
            }
            state = next;
        }
        Ok(())
    }

    fn next(&mut self, line: &[u8], at: usize) -> Result<Option<(usize, usize)>, TooBig> {
        let Some(start) = self.start(at) else { return Ok(None) };
        self.find_ends(line, start)?;
        if self.words {
            return self.word(line, at, start);
        }
        Ok(self.ends.last().map(|&end| (start, end)))
    }

    /// The next match that has no letter, digit or underscore at either side, looked for as grep does: the
    /// longest at a place first, then shorter ones, but no empty one, then from the next place on. Behind
    /// the first match of a line, grep lets the shorter ones end earlier than they could; so does this.
    fn word(&mut self, line: &[u8], at: usize, mut start: usize) -> Result<Option<(usize, usize)>, TooBig> {
        let word = |place: usize| line.get(place).is_some_and(|&byte| side_of(byte) == Side::Word);
        loop {
            let mut most = usize::MAX;
            let mut first = true;
            while let Some(&end) = self.ends.iter().rev().find(|&&end| end <= most) {
                if !first && end == start {
                    break;
                }
                first = false;
                let edged = word(end) || (start > 0 && word(start - 1));
                if !edged {
                    return Ok(Some((start, end)));
                }
                if end == start || end - 1 < at {
                    break;
                }
                most = end - 1 - at;
            }
            if start == line.len() {
                return Ok(None);
            }
            match self.start(start + 1) {
                None => return Ok(None),
                Some(next) => start = next,
            }
            self.find_ends(line, start)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::automaton::Kind;
    use super::*;

    fn program(ops: Vec<Op>, sets: &[&[u8]]) -> Program {
        let set = |bytes: &&[u8]| {
            let mut set = [0u64; 4];
            bytes.iter().for_each(|byte| set[usize::from(*byte) / 64] |= 1 << (byte % 64));
            set
        };
        Program::new(ops, sets.iter().map(set).collect()).unwrap()
    }

    /// `a|ab*c`, and backwards.
    fn pair() -> (Program, Program) {
        let sets: [&[u8]; 3] = [b"a", b"b", b"c"];
        let forward = vec![
            Op::Fork(1, 3),
            Op::Set(0, 2),
            Op::Match,
            Op::Set(0, 4),
            Op::Fork(5, 6),
            Op::Set(1, 4),
            Op::Set(2, 2),
        ];
        let backward = vec![
            Op::Fork(1, 3),
            Op::Set(0, 2),
            Op::Match,
            Op::Set(2, 4),
            Op::Fork(5, 6),
            Op::Set(1, 4),
            Op::Set(0, 2),
        ];
        (program(forward, &sets), program(backward, &sets))
    }

    #[test]
    fn the_leftmost_and_of_these_the_longest_part_comes_first() {
        let (forward, backward) = pair();
        let mut finder = Finder::new(&forward, &backward, false);

        let found = finder.parts(b"xabbc abb\n\nac").unwrap();

        assert_eq!(found, [(0, 1, 5), (0, 6, 7), (2, 0, 2)]);
    }

    #[test]
    fn words_have_no_letters_beside_them() {
        let (forward, backward) = pair();
        let mut finder = Finder::new(&forward, &backward, true);

        let found = finder.parts(b"xac a ab ac\n").unwrap();

        assert_eq!(found, [(0, 4, 5), (0, 9, 11)]);
    }

    #[test]
    fn empty_parts_are_left_out_and_places_hold() {
        let begin = Op::Place(Kind::LineBegin, 1);
        let end = Op::Place(Kind::LineEnd, 1);
        let rest = vec![Op::Fork(2, 3), Op::Set(0, 1), Op::Match];
        // `^b*`; backwards `b*^`, where the beginning is the end.
        let forward = program([vec![begin], rest.clone()].concat(), &[b"b"]);
        let backward =
            program(vec![Op::Fork(1, 2), Op::Set(0, 0), Op::Place(Kind::LineEnd, 3), Op::Match], &[b"b"]);
        assert_eq!(
            Finder::new(&forward, &backward, false).parts(b"bb b\nb\n").unwrap(),
            [(0, 0, 2), (1, 0, 1)]
        );
        let nowhere = program([vec![end], rest].concat(), &[b"b"]);
        assert_eq!(Finder::new(&nowhere, &backward, false).parts(b"a").unwrap(), []);
    }
}
