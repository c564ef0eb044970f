//! An expression as a program, and how it runs: as Python's `re` does, first alternatives first, greedy,
//! back to the last choice when stuck.
//!
//! Two things make it fast, and change no answer: a repetition of one class of bytes is one step, whose
//! shorter forms are tried only where what follows can begin; and `first` and `before` say for which
//! bytes a program can match at all.

use super::syntax::{least, Node, Set, MANY};

/// What a position must look like: the byte there, or the end of the text.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    pub set: Set,
    pub end: bool,
}

impl Next {
    const ANY: Next = Next { set: Set::ALL, end: true };

    #[inline(always)]
    fn has(&self, byte: Option<u8>) -> bool {
        match byte {
            Some(b) => self.set.has(b),
            None => self.end,
        }
    }

    fn or(&self, other: &Next) -> Next {
        Next { set: self.set.or(&other.set), end: self.end || other.end }
    }

    fn and(&self, other: &Next) -> Next {
        Next { set: self.set.and(&other.set), end: self.end && other.end }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set(Set),
    /// One class, from `min` to `max` times; `follow` is where a shorter run can end.
    Run {
        set: Set,
        min: u32,
        max: u32,
        follow: Next,
        /// No shorter run can succeed.
        whole: bool,
    },
    /// Tries the next operation, later the other; each only where it can begin.
    Split {
        other: u32,
        here: Next,
        there: Next,
    },
    Jump(u32),
    /// The operations up to `Done` are looked at only; then it goes on at `after`.
    Ahead {
        negative: bool,
        after: u32,
    },
    /// What the next byte must be; it is not consumed.
    Peek(Next),
    Behind {
        negative: bool,
        sets: Box<[Set]>,
    },
    Start,
    Begin,
    End,
    Done,
}

/// Operations of one program: a rule that needs more is written too wide.
const MAX_OPS: usize = 20_000;
/// Steps of one attempt; far beyond what bounded repetitions can need.
const MAX_STEPS: u32 = 1 << 22;

/// A compiled expression.
pub struct Program {
    ops: Vec<Op>,
    /// What the first byte must be.
    pub first: Set,
    /// What the byte before must be, or that there is none; `run` relies on it.
    pub before: Next,
}

enum Frame {
    Other(u32, u32),
    /// A run that can still be shorter: go on at the operation with an end in `lo..=hi`.
    Run {
        op: u32,
        lo: u32,
        hi: u32,
    },
}

/// Buffers of a running program.
#[derive(Default)]
pub struct Stack {
    frames: Vec<Frame>,
    begin: usize,
    end: Option<usize>,
}

impl Program {
    pub fn compile(node: &Node) -> Result<Program, String> {
        if least(node) == 0 {
            return Err("an expression that matches nothing at all".into());
        }
        let mut ops = Vec::new();
        // What is looked for before the begin is asked of `before`, once.
        let before = match node {
            Node::Cat(all) => match all.split_first() {
                Some((head, tail)) if behind(head).is_some() => {
                    emit(&Node::Cat(tail.to_vec()), &mut ops)?;
                    behind(head)
                }
                _ => None,
            },
            _ => None,
        };
        if before.is_none() {
            emit(node, &mut ops)?;
        }
        ops.push(Op::Done);
        let mut program = Program { ops, first: Set::ALL, before: Next::ANY };
        for at in 0..program.ops.len() {
            match program.ops[at] {
                Op::Run { .. } => {
                    let next = program.next(at + 1, 0);
                    if let Op::Run { set, follow, whole, .. } = &mut program.ops[at] {
                        *follow = next;
                        *whole = set.and(&next.set).is_empty();
                    }
                }
                Op::Split { other, .. } => {
                    let (next, other_next) = (program.next(at + 1, 0), program.next(other as usize, 0));
                    if let Op::Split { here, there, .. } = &mut program.ops[at] {
                        (*here, *there) = (next, other_next);
                    }
                }
                _ => {}
            }
        }
        program.first = program.next(0, 0).set;
        program.before = before.unwrap_or(Next::ANY).and(&program.previous(0, 0));
        Ok(program)
    }

    /// Whether a match can begin at `p`, as far as the bytes around it say.
    pub fn can_begin(&self, text: &[u8], p: usize) -> bool {
        let before = match p.checked_sub(1).and_then(|at| text.get(at)) {
            Some(b) => self.before.set.has(*b),
            None => self.before.end,
        };
        before && text.get(p).is_some_and(|b| self.first.has(*b))
    }

    /// What must be at a position for the operations from `at` on to succeed there.
    fn next(&self, at: usize, depth: u32) -> Next {
        if depth > 60 {
            return Next::ANY;
        }
        let on = |at: usize| self.next(at, depth + 1);
        match &self.ops[at] {
            Op::Set(set) => Next { set: *set, end: false },
            Op::Run { set, min: 0, .. } => Next { set: *set, end: false }.or(&on(at + 1)),
            Op::Run { set, .. } => Next { set: *set, end: false },
            Op::Split { other, .. } => on(at + 1).or(&on(*other as usize)),
            Op::Jump(to) => on(*to as usize),
            Op::Ahead { negative: false, after } => on(at + 1).and(&on(*after as usize)),
            Op::Ahead { after, .. } => on(*after as usize),
            Op::Peek(own) => own.and(&on(at + 1)),
            Op::Behind { .. } | Op::Start | Op::Begin | Op::End => on(at + 1),
            Op::Done => Next::ANY,
        }
    }

    /// What must be before a position for the operations from `at` on to succeed there.
    fn previous(&self, at: usize, depth: u32) -> Next {
        if depth > 60 {
            return Next::ANY;
        }
        let on = |at: usize| self.previous(at, depth + 1);
        match &self.ops[at] {
            Op::Split { other, .. } => on(at + 1).or(&on(*other as usize)),
            Op::Jump(to) => on(*to as usize),
            Op::Peek(_) => on(at + 1),
            Op::Ahead { after, .. } => on(*after as usize),
            Op::Behind { negative, sets } => {
                let own = match (negative, &sets[..]) {
                    (false, [.., last]) => Next { set: *last, end: false },
                    (true, [one]) => Next { set: one.not(), end: true },
                    _ => Next::ANY,
                };
                own.and(&on(at + 1))
            }
            Op::Start => Next { set: Set::NONE, end: true }.and(&on(at + 1)),
            Op::Begin | Op::End => on(at + 1),
            _ => Next::ANY,
        }
    }

    /// The variable of a match that begins at `start`, and where the match ends.
    ///
    /// The byte before `start` must be one of `before`.
    #[inline]
    pub fn run(&self, text: &[u8], start: usize, stack: &mut Stack) -> Option<(usize, usize, usize)> {
        stack.begin = start;
        stack.end = None;
        stack.frames.clear();
        let mut steps = MAX_STEPS;
        let end = self.search(text, 0, start, stack, &mut steps)?;
        Some((stack.begin, stack.end.unwrap_or(end), end))
    }

    fn search(
        &self,
        text: &[u8],
        mut op: usize,
        mut p: usize,
        stack: &mut Stack,
        steps: &mut u32,
    ) -> Option<usize> {
        let base = stack.frames.len();
        loop {
            *steps = steps.checked_sub(1)?;
            let fits = match &self.ops[op] {
                Op::Set(set) => {
                    op += 1;
                    p += 1;
                    text.get(p - 1).is_some_and(|b| set.has(*b))
                }
                Op::Run { set, min, max, whole, .. } => {
                    let room = text.len() - p;
                    let most = room.min(if *max == MANY { room } else { *max as usize });
                    let n = text[p..p + most].iter().take_while(|b| set.has(**b)).count();
                    let lo = p + *min as usize;
                    p += n;
                    if p > lo && !*whole {
                        stack.frames.push(Frame::Run { op: op as u32, lo: lo as u32, hi: p as u32 - 1 });
                    }
                    op += 1;
                    p >= lo
                }
                Op::Split { other, here, there } => {
                    let next = text.get(p).copied();
                    match (here.has(next), there.has(next)) {
                        (true, true) => {
                            stack.frames.push(Frame::Other(*other, p as u32));
                            op += 1;
                        }
                        (true, false) => op += 1,
                        (false, _) => op = *other as usize,
                    }
                    true
                }
                Op::Peek(next) => {
                    op += 1;
                    next.has(text.get(p).copied())
                }
                Op::Jump(to) => {
                    op = *to as usize;
                    true
                }
                Op::Ahead { negative, after } => {
                    let found = self.search(text, op + 1, p, stack, steps).is_some();
                    op = *after as usize;
                    found != *negative
                }
                Op::Behind { negative, sets } => {
                    op += 1;
                    let found = p >= sets.len()
                        && sets.iter().zip(&text[p - sets.len()..p]).all(|(set, b)| set.has(*b));
                    found != *negative
                }
                Op::Start => {
                    op += 1;
                    p == 0
                }
                Op::Begin => {
                    op += 1;
                    stack.begin = p;
                    true
                }
                Op::End => {
                    op += 1;
                    stack.end = Some(p);
                    true
                }
                Op::Done => {
                    stack.frames.truncate(base);
                    return Some(p);
                }
            };
            if fits {
                continue;
            }
            loop {
                if stack.frames.len() == base {
                    return None;
                }
                match stack.frames.pop()? {
                    Frame::Other(to, at) => {
                        op = to as usize;
                        p = at as usize;
                        break;
                    }
                    Frame::Run { op: at, lo, hi } => {
                        let Op::Run { follow, .. } = &self.ops[at as usize] else { return None };
                        // A shorter run is followed by a byte of its own class.
                        let run = &text[lo as usize..=hi as usize];
                        let Some(n) = run.iter().rposition(|b| follow.set.has(*b)) else { continue };
                        if n > 0 {
                            stack.frames.push(Frame::Run { op: at, lo, hi: lo + n as u32 - 1 });
                        }
                        op = at as usize + 1;
                        p = lo as usize + n;
                        break;
                    }
                }
            }
        }
    }
}

fn emit(node: &Node, ops: &mut Vec<Op>) -> Result<(), String> {
    if ops.len() > MAX_OPS {
        return Err("an expression that is too long".into());
    }
    match node {
        Node::Set(set) => ops.push(Op::Set(*set)),
        Node::Cat(all) => {
            for n in all {
                emit(n, ops)?;
            }
        }
        Node::Alt(all) => {
            let mut jumps = Vec::new();
            for (i, n) in all.iter().enumerate() {
                let split = ops.len();
                let last = i + 1 == all.len();
                if !last {
                    ops.push(Op::Start);
                }
                emit(n, ops)?;
                if !last {
                    jumps.push(ops.len());
                    ops.push(Op::Jump(0));
                    ops[split] = split_to(ops.len());
                }
            }
            for jump in jumps {
                ops[jump] = Op::Jump(ops.len() as u32);
            }
        }
        Node::Repeat { node, min, max } => repeat(node, *min, *max, ops)?,
        Node::Look { ahead: true, negative, node } if one_set(node).is_some() => {
            let set = one_set(node).unwrap_or(Set::NONE);
            ops.push(Op::Peek(match negative {
                true => Next { set: set.not(), end: true },
                false => Next { set, end: false },
            }));
        }
        Node::Look { ahead: true, negative, node } => {
            let at = ops.len();
            ops.push(Op::Start);
            emit(node, ops)?;
            ops.push(Op::Done);
            ops[at] = Op::Ahead { negative: *negative, after: ops.len() as u32 };
        }
        Node::Look { negative, node, .. } => {
            let mut sets = Vec::new();
            fixed(node, &mut sets)?;
            ops.push(Op::Behind { negative: *negative, sets: sets.into() });
        }
        Node::Start => ops.push(Op::Start),
        Node::Named(node) => {
            ops.push(Op::Begin);
            emit(node, ops)?;
            ops.push(Op::End);
        }
    }
    Ok(())
}

fn repeat(node: &Node, min: u32, max: u32, ops: &mut Vec<Op>) -> Result<(), String> {
    if let Some(set) = one_set(node) {
        let follow = Next::ANY;
        ops.push(Op::Run { set, min, max, follow, whole: false });
        return Ok(());
    }
    if least(node) == 0 || max == MANY {
        return Err("a repetition of groups without a bound, or of nothing".into());
    }
    for _ in 0..min {
        emit(node, ops)?;
    }
    let mut splits = Vec::new();
    for _ in min..max {
        splits.push(ops.len());
        ops.push(Op::Start);
        emit(node, ops)?;
    }
    for split in splits {
        ops[split] = split_to(ops.len());
    }
    Ok(())
}

fn split_to(other: usize) -> Op {
    Op::Split { other: other as u32, here: Next::ANY, there: Next::ANY }
}

/// What must be before a position, if that is all the node asks.
fn behind(node: &Node) -> Option<Next> {
    match node {
        Node::Start => Some(Next { set: Set::NONE, end: true }),
        Node::Look { ahead: false, negative, node } => {
            let set = one_set(node)?;
            Some(match negative {
                true => Next { set: set.not(), end: true },
                false => Next { set, end: false },
            })
        }
        Node::Alt(all) => {
            let mut any = Next { set: Set::NONE, end: false };
            for n in all {
                any = any.or(&behind(n)?);
            }
            Some(any)
        }
        Node::Cat(all) if all.len() == 1 => behind(&all[0]),
        _ => None,
    }
}

/// The class of a node that matches one byte.
fn one_set(node: &Node) -> Option<Set> {
    match node {
        Node::Set(set) => Some(*set),
        Node::Cat(all) if all.len() == 1 => one_set(&all[0]),
        _ => None,
    }
}

/// The classes of a text of fixed length.
fn fixed(node: &Node, sets: &mut Vec<Set>) -> Result<(), String> {
    match node {
        Node::Set(set) => sets.push(*set),
        Node::Cat(all) => {
            for n in all {
                fixed(n, sets)?;
            }
        }
        _ => return Err("what is looked for behind must be classes in a row".into()),
    }
    Ok(())
}
