//! Text layouts: fields between literal separators, with optional parts.
//!
//! A layout arrives as a list of alternatives (its options taken or left out, the preferred one
//! first), each a sequence of separators and fields. Alternatives that begin alike share their
//! beginning: they are merged into a tree, so that a header is walked once, whatever the options.
//!
//! A field ends at the first place where what follows it can match. Unlike a regular expression,
//! nothing is tried twice: a place where the separator matches but the rest does not rules that
//! continuation out for the line. For separators without checks this loses nothing (if the rest
//! cannot be found after an early place it cannot be found after a later one either), and it makes
//! the work `O(line length x nodes)`. Only a message that is not last tries again, because its text
//! may well contain the separator: up to `MESSAGE_TRIES` times.
//!
//! Building the tree and walking it stay in one file: what one promises is what the other relies on.

use super::check::Check;
use super::scan::{find_either, is_blank};
use super::separator::{Element, Line, Quick, Seen, Separator, MESSAGE};

pub const MAX_ALTERNATIVES: usize = 64;
pub const MAX_FIELDS: usize = 64;
/// Literals, runs and fields of one alternative; keeps every canonical key and every shape small.
const MAX_BYTES: usize = 4096;
const MAX_CONTINUATIONS: usize = 16;
const MESSAGE_TRIES: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Node(u16),
    /// The line is complete; the number of the alternative.
    Path(u16),
}

#[derive(Clone, Debug)]
struct Continuation {
    separator: Separator,
    next: Next,
}

/// A field and everything that may follow it, the preferred continuation first.
#[derive(Clone, Debug)]
struct Node {
    target: u8,
    check: Check,
    continuations: Vec<Continuation>,
    /// The bytes that two continuations begin with, if neither is the end of the line.
    fork: Option<[u8; 2]>,
}

/// What one alternative puts between its targets; kept for shapes.
#[derive(Clone, Debug)]
pub struct Path {
    /// One more than `targets`.
    pub separators: Vec<Vec<Element>>,
    /// Field numbers, -1 for the message.
    pub targets: Vec<i32>,
    /// Fields that this alternative does not have.
    absent: Vec<u8>,
    /// How many literal bytes each separator has, or `None` if one of them has several runs: when
    /// there is just one, its length is what the literals leave.
    pub literals: Option<Vec<Option<u16>>>,
}

impl Path {
    pub fn runs(&self) -> usize {
        self.separators.iter().flatten().filter(|e| **e == Element::Run).count()
    }
}

#[derive(Debug)]
pub struct Paths(pub Vec<Path>);

/// A separator or a field, as the program lists them.
#[derive(Clone, Debug)]
pub enum Item {
    Element(Element),
    Field(u8, Check),
    Message,
}

/// A field that only one, simple separator can follow.
#[derive(Clone, Copy)]
struct Step {
    target: u8,
    check: Check,
    quick: Quick,
}

/// How a header may begin: a separator, then the fields up to the first choice, laid out side by
/// side because every line walks them.
struct Start {
    separator: Separator,
    steps: Vec<Step>,
    /// What comes after the steps.
    next: Next,
}

impl Start {
    /// Where the field after the steps begins.
    #[inline(always)]
    fn walk(&self, at: usize, line: &mut Line, seen: &mut Seen) -> Option<usize> {
        let mut at = at;
        for step in &self.steps {
            let (field_end, next) = step.quick.find(line, at, line.end, seen)?;
            if !step.check.accepts(line.data, at, field_end) {
                return None;
            }
            line.set(step.target, at, field_end);
            at = next;
        }
        Some(at)
    }
}

pub struct Text {
    /// The tree from its root; `starts` is made of it.
    root: Vec<Continuation>,
    starts: Vec<Start>,
    nodes: Vec<Node>,
    /// Whether so many fields end at a blank that looking for all blanks at once pays.
    pub blanks_ahead: bool,
    pub paths: std::sync::Arc<Paths>,
}

/// One alternative, regrouped: separators and targets in turn.
type Sequence = (Vec<Vec<Element>>, Vec<(u8, Check)>);

impl Node {
    fn forked(&self) -> Option<[u8; 2]> {
        match self.continuations.as_slice() {
            [Continuation { separator: a, next: Next::Node(_) }, Continuation { separator: b, next: Next::Node(_) }]
                if self.target != MESSAGE =>
            {
                Some([a.first_byte()?, b.first_byte()?])
            }
            _ => None,
        }
    }
}

impl Text {
    pub fn build(fields: usize, alternatives: Vec<Vec<Item>>) -> Result<Text, String> {
        let mut text = Text {
            root: Vec::new(),
            starts: Vec::new(),
            nodes: Vec::new(),
            blanks_ahead: false,
            paths: std::sync::Arc::new(Paths(Vec::new())),
        };
        let mut paths = Vec::new();
        for (number, items) in alternatives.into_iter().enumerate() {
            let (separators, targets) =
                regroup(fields, items).map_err(|e| format!("alternative {number}: {e}"))?;
            text.insert(&separators, &targets, number as u16)?;
            paths.push(Path {
                literals: single_runs(&separators),
                absent: (0..fields as u8).filter(|f| !targets.iter().any(|(t, _)| t == f)).collect(),
                targets: targets.iter().map(|&(t, _)| if t == MESSAGE { -1 } else { i32::from(t) }).collect(),
                separators,
            });
        }
        for node in &mut text.nodes {
            // At the end of the line a run is looked for from behind: blanks may come before it.
            let to_blank =
                |c: &Continuation| matches!((c.separator.quick, c.next), (Quick::Run, Next::Node(_)));
            if node.continuations.iter().all(to_blank) {
                node.check = node.check.without_blanks();
            }
            node.fork = node.forked();
        }
        text.starts = text.root.iter().map(|c| text.start(c)).collect();
        text.blanks_ahead = paths.first().is_some_and(|path| path.runs() >= 3);
        text.paths = std::sync::Arc::new(Paths(paths));
        Ok(text)
    }

    fn insert(
        &mut self,
        separators: &[Vec<Element>],
        targets: &[(u8, Check)],
        path: u16,
    ) -> Result<(), String> {
        let mut parent: Option<u16> = None;
        for (i, elements) in separators.iter().enumerate() {
            let nodes = &self.nodes;
            let siblings = match parent {
                None => &self.root,
                Some(node) => &nodes[node as usize].continuations,
            };
            let wanted = targets.get(i);
            let same = siblings.iter().find(|c| {
                c.separator.elements == *elements
                    && match (c.next, wanted) {
                        (Next::Node(n), Some(&(target, check))) => {
                            let node = &nodes[n as usize];
                            node.target == target && node.check == check
                        }
                        (Next::Path(_), None) => true,
                        _ => false,
                    }
            });
            if let Some(found) = same {
                if let Next::Node(n) = found.next {
                    parent = Some(n);
                }
                continue;
            }
            if siblings.len() >= MAX_CONTINUATIONS {
                return Err(format!("more than {MAX_CONTINUATIONS} ways to go on after one field"));
            }
            let next = match wanted {
                None => Next::Path(path),
                Some(&(target, check)) => {
                    self.nodes.push(Node { target, check, continuations: Vec::new(), fork: None });
                    // 64 alternatives of at most 65 targets each.
                    Next::Node((self.nodes.len() - 1) as u16)
                }
            };
            let continuation = Continuation { separator: Separator::new(elements.clone()), next };
            match parent {
                None => self.root.push(continuation),
                Some(node) => self.nodes[node as usize].continuations.push(continuation),
            }
            if let Next::Node(n) = next {
                parent = Some(n);
            }
        }
        Ok(())
    }

    fn start(&self, first: &Continuation) -> Start {
        let mut steps = Vec::new();
        let mut next = first.next;
        while let Next::Node(n) = next {
            let node = &self.nodes[n as usize];
            let [Continuation { separator, next: after @ Next::Node(_) }] = node.continuations.as_slice()
            else {
                break;
            };
            if node.target == MESSAGE || matches!(separator.quick, Quick::No) {
                break;
            }
            steps.push(Step { target: node.target, check: node.check, quick: separator.quick });
            next = *after;
        }
        Start { separator: first.separator.clone(), steps, next }
    }

    /// The alternative that the line fits, its spans filled in; `seen` says what to
    /// expect of its runs of blanks.
    #[inline(always)]
    pub fn split(&self, line: &mut Line, seen: &mut Seen) -> Option<u16> {
        for start in &self.starts {
            let at = if start.separator.elements.is_empty() {
                line.start
            } else {
                match start.separator.match_at(line.data, line.start, line.end, seen) {
                    Some(at) => at,
                    None => continue,
                }
            };
            let Some(at) = start.walk(at, line, seen) else { continue };
            if let Some(path) = self.go(start.next, at, line, seen) {
                let empty = line.span(line.start, line.start);
                for &field in &self.paths.0.get(path as usize)?.absent {
                    if let Some(span) = line.fields.get_mut(field as usize) {
                        *span = empty;
                    }
                }
                return Some(path);
            }
        }
        None
    }

    fn go(&self, next: Next, at: usize, line: &mut Line, seen: &mut Seen) -> Option<u16> {
        let (mut next, mut at) = (next, at);
        loop {
            let node = match next {
                Next::Path(path) => return Some(path),
                Next::Node(n) => self.nodes.get(n as usize)?,
            };
            let [only] = node.continuations.as_slice() else {
                return if let Some(bytes) = node.fork {
                    self.fork(node, bytes, at, line, seen)
                } else if node.continuations.len() == 2 {
                    self.branch::<2>(node, at, line, seen)
                } else {
                    self.branch::<MAX_CONTINUATIONS>(node, at, line, seen)
                };
            };
            let (field_end, after) = match only.next {
                Next::Path(_) if only.separator.elements.is_empty() => (line.end, line.end),
                Next::Path(_) => {
                    let e = only.separator.match_end(line.data, at, line.end, seen)?;
                    (e, line.end)
                }
                Next::Node(_) if node.target == MESSAGE => return self.branch::<2>(node, at, line, seen),
                Next::Node(_) => only.separator.find(line, at, line.end, seen)?,
            };
            if !node.check.accepts(line.data, at, field_end) {
                return None;
            }
            line.set(node.target, at, field_end);
            (next, at) = (only.next, after);
        }
    }

    /// As `branch`, in one search instead of two, for a field with two continuations that begin with a byte each
    /// and go on; none of them is tried at a second place.
    #[inline(always)]
    fn fork(&self, node: &Node, bytes: [u8; 2], at: usize, line: &mut Line, seen: &mut Seen) -> Option<u16> {
        let mut from = at;
        let (mut first, mut found) = (0, None);
        while found.is_none() {
            let field_end = find_either(line.data, from, line.end, bytes[0], bytes[1])?;
            for (i, continuation) in node.continuations.iter().enumerate() {
                let after = continuation.separator.match_at(line.data, field_end, line.end, seen);
                if let Some(after) = after {
                    (first, found) = (i, Some((field_end, after)));
                    break;
                }
            }
            from = field_end + 1;
        }
        self.way(node, first, at, found?, line, seen).or_else(|| {
            let other = 1 - first;
            let found = node.continuations[other].separator.find(line, at, line.end, seen)?;
            self.way(node, other, at, found, line, seen)
        })
    }

    /// One continuation of a field, where its separator was found.
    #[inline(always)]
    fn way(
        &self,
        node: &Node,
        i: usize,
        at: usize,
        (field_end, after): (usize, usize),
        line: &mut Line,
        seen: &mut Seen,
    ) -> Option<u16> {
        if !node.check.accepts(line.data, at, field_end) {
            return None;
        }
        line.set(node.target, at, field_end);
        self.go(node.continuations[i].next, after, line, seen)
    }

    /// A field with several continuations: the one whose separator comes first, the preferred one
    /// when two begin at the same place.
    fn branch<const N: usize>(
        &self,
        node: &Node,
        at: usize,
        line: &mut Line,
        seen: &mut Seen,
    ) -> Option<u16> {
        const DEAD: usize = usize::MAX;
        let count = node.continuations.len().min(N);
        // Per continuation: where to search from (or DEAD), and what was found (DEAD: not searched).
        let mut from = [at; N];
        let mut found = [(DEAD, 0); N];
        let retry = node.target == MESSAGE;
        let mut tries = 0;
        loop {
            // The last one is the one without the optional part, hence the likeliest and the bound
            // for the search of the others: an option is not looked for in the whole message.
            let mut best = None;
            for i in (0..count).rev() {
                let limit = best.map_or(line.end, |(at, _)| at);
                if found[i].0 == DEAD && from[i] != DEAD {
                    let candidate = self.candidate(&node.continuations[i], at, from[i], limit, line, seen);
                    match candidate {
                        Some(place) => found[i] = place,
                        None if limit == line.end => from[i] = DEAD,
                        None => from[i] = from[i].max(limit + 1),
                    }
                }
                if found[i].0 <= limit && found[i].0 != DEAD {
                    best = Some((found[i].0, i));
                }
            }
            let (field_end, i) = best?;
            if let Some(path) = self.way(node, i, at, found[i], line, seen) {
                return Some(path);
            }
            tries += 1;
            let continuation = &node.continuations[i];
            found[i].0 = DEAD;
            from[i] = if retry && matches!(continuation.next, Next::Node(_)) {
                continuation.separator.past(line.data, field_end, line.end)
            } else {
                DEAD
            };
            if tries == MESSAGE_TRIES {
                // What remains is the message that runs to the end of the line, if there is one.
                for (i, continuation) in node.continuations.iter().enumerate().take(N) {
                    if matches!(continuation.next, Next::Node(_)) {
                        (found[i].0, from[i]) = (DEAD, DEAD);
                    }
                }
            }
        }
    }

    #[inline]
    fn candidate(
        &self,
        continuation: &Continuation,
        field: usize,
        from: usize,
        limit: usize,
        line: &Line,
        seen: &mut Seen,
    ) -> Option<(usize, usize)> {
        let separator = &continuation.separator;
        match continuation.next {
            Next::Node(_) => separator.find(line, from, limit, seen),
            Next::Path(_) => {
                let at = separator.match_end(line.data, field, line.end, seen)?;
                (at >= from && at <= limit).then_some((at, line.end))
            }
        }
    }
}

/// Per separator the literal bytes, `None` for one without a run.
fn single_runs(separators: &[Vec<Element>]) -> Option<Vec<Option<u16>>> {
    separators
        .iter()
        .map(|elements| {
            let mut literal = 0;
            let mut runs = 0;
            for element in elements {
                match element {
                    Element::Literal(bytes) => literal += bytes.len() as u16,
                    Element::Run => runs += 1,
                }
            }
            match runs {
                0 => Some(None),
                1 => Some(Some(literal)),
                _ => None,
            }
        })
        .collect()
}

/// Checks one alternative and groups its items into separators and targets in turn.
fn regroup(fields: usize, items: Vec<Item>) -> Result<Sequence, String> {
    let bytes: usize = items
        .iter()
        .map(|item| match item {
            Item::Element(Element::Literal(literal)) => literal.len(),
            _ => 1,
        })
        .sum();
    if bytes > MAX_BYTES {
        return Err(format!("{bytes} bytes, expected at most {MAX_BYTES}"));
    }
    let mut separators = vec![Vec::new()];
    let mut targets: Vec<(u8, Check)> = Vec::new();
    for item in items {
        let current: &mut Vec<Element> = separators.last_mut().ok_or("no separator")?;
        let target = match item {
            Item::Element(element) => {
                match (current.last_mut(), element) {
                    (_, Element::Literal(l)) if l.is_empty() => return Err("empty literal".into()),
                    (Some(Element::Run), Element::Run) => {}
                    (Some(Element::Run), Element::Literal(l)) if is_blank(l[0]) => {
                        return Err("a literal blank after a run of blanks".into());
                    }
                    (Some(Element::Literal(l)), Element::Run) if is_blank(l[l.len() - 1]) => {
                        return Err("a run of blanks after a literal blank".into());
                    }
                    (Some(Element::Literal(l)), Element::Literal(more)) => l.extend(more),
                    (_, element) => current.push(element),
                }
                continue;
            }
            Item::Field(field, check) if (field as usize) < fields => (field, check),
            Item::Field(field, _) => return Err(format!("field {field} of {fields}")),
            Item::Message => (MESSAGE, Check::Any),
        };
        if targets.iter().any(|t| t.0 == target.0) {
            return Err("a field twice".into());
        }
        if current.is_empty() && !targets.is_empty() {
            return Err("two fields with nothing between them".into());
        }
        targets.push(target);
        separators.push(Vec::new());
    }
    if !targets.iter().any(|t| t.0 == MESSAGE) {
        return Err("no message".into());
    }
    Ok((separators, targets))
}
