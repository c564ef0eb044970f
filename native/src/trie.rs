//! All templates in one prefix tree, so that a line is matched in one walk whatever their number.
//!
//! A template is a path: literal, slot, literal, slot, ..., end. Literals are shared like in a
//! radix tree; at each node the walk prefers the literal branch, then an atom slot, then a token
//! slot, and comes back to the alternatives it passed if it gets stuck.

use crate::layout::Span;
use crate::lex::Delimiters;
use crate::simd::same;

pub const NONE: u32 = u32::MAX;
pub const SLOT_TOKEN: u8 = 1;
pub const SLOT_ATOM: u8 = 2;
pub const SLOT_ANY: u8 = 3;

/// More steps than this in one line, and the walk gives up: the line is then looked at by the
/// learning pass, whose cost does not depend on how templates overlap.
const STEP_LIMIT: u32 = 8192;

struct Node {
    /// The literal consumed on entering: `text[lit..lit + len]`.
    lit: u32,
    len: u32,
    /// First literal branch inline, because most nodes have one.
    key: u8,
    kid: u32,
    more: Vec<(u8, u32)>,
    atom: u32,
    token: u32,
    /// The template that ends here.
    end: u32,
}

impl Node {
    fn new(lit: u32, len: u32) -> Node {
        Node { lit, len, key: 0, kid: NONE, more: Vec::new(), atom: NONE, token: NONE, end: NONE }
    }

    #[inline(always)]
    fn branch(&self, b: u8) -> u32 {
        if self.key == b {
            return self.kid;
        }
        if self.more.is_empty() {
            return NONE;
        }
        match self.more.binary_search_by_key(&b, |m| m.0) {
            Ok(i) => self.more[i].1,
            Err(_) => NONE,
        }
    }

    fn set_branch(&mut self, b: u8, kid: u32) {
        if self.kid == NONE || self.key == b {
            self.key = b;
            self.kid = kid;
            return;
        }
        match self.more.binary_search_by_key(&b, |m| m.0) {
            Ok(i) => self.more[i].1 = kid,
            Err(i) => self.more.insert(i, (b, kid)),
        }
    }
}

/// Where the walk can go on if the branch it took fails.
#[derive(Clone, Copy)]
struct Choice {
    node: u32,
    p: u32,
    spans: u32,
    /// Try the atom branch first, else only the token branch.
    atom: bool,
}

/// A place where a node hangs.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Branch(u32, u8),
    Atom(u32),
    Token(u32),
}

/// Buffers of one walking thread.
#[derive(Default)]
pub struct WalkScratch {
    choices: Vec<Choice>,
}

pub struct Trie {
    nodes: Vec<Node>,
    text: Vec<u8>,
}

impl Default for Trie {
    fn default() -> Self {
        Trie { nodes: vec![Node::new(0, 0)], text: vec![0; MARGIN] }
    }
}

/// Bytes past the end of `text` and of every input, so that literals are compared in blocks.
pub const MARGIN: usize = 32;

#[inline(always)]
fn block(bytes: &[u8], at: usize) -> Option<&[u8; 32]> {
    bytes.get(at..)?.first_chunk()
}

/// Whether the `len` bytes at two places are equal. Both sides have a margin behind them.
#[inline(always)]
pub fn equal(a: &[u8], mut i: usize, b: &[u8], mut k: usize, mut len: usize) -> bool {
    // Literals are short; a call of memcmp costs more than it does here.
    loop {
        let (Some(x), Some(y)) = (block(a, i), block(b, k)) else { return false };
        let same = same(x, y);
        if len < 32 {
            return (same | u32::MAX << len) == u32::MAX;
        }
        if same != u32::MAX {
            return false;
        }
        i += 32;
        k += 32;
        len -= 32;
    }
}

impl Trie {
    fn add_node(&mut self, lit: u32, len: u32) -> u32 {
        self.nodes.push(Node::new(lit, len));
        (self.nodes.len() - 1) as u32
    }

    fn child(&self, link: Link) -> u32 {
        match link {
            Link::Root => 0,
            Link::Branch(n, b) => self.nodes[n as usize].branch(b),
            Link::Atom(n) => self.nodes[n as usize].atom,
            Link::Token(n) => self.nodes[n as usize].token,
        }
    }

    fn set_child(&mut self, link: Link, child: u32) {
        match link {
            // The root has no literal, so it is never split.
            Link::Root => {}
            Link::Branch(n, b) => self.nodes[n as usize].set_branch(b, child),
            Link::Atom(n) => self.nodes[n as usize].atom = child,
            Link::Token(n) => self.nodes[n as usize].token = child,
        }
    }

    /// The node reached through `link` and then `bytes`, made where it is missing.
    fn enter(&mut self, mut link: Link, mut bytes: &[u8]) -> u32 {
        loop {
            let mut at = self.child(link);
            if at == NONE {
                let lit = (self.text.len() - MARGIN) as u32;
                self.text.splice(lit as usize..lit as usize, bytes.iter().copied());
                let new = self.add_node(lit, bytes.len() as u32);
                self.set_child(link, new);
                return new;
            }
            let (lit, len) = (self.nodes[at as usize].lit as usize, self.nodes[at as usize].len as usize);
            let shared = self.text[lit..lit + len].iter().zip(bytes).take_while(|(a, b)| a == b).count();
            if shared < len {
                // Split the literal: a new node takes the shared part.
                let middle = self.add_node(lit as u32, shared as u32);
                let next = self.text[lit + shared];
                self.nodes[at as usize].lit = (lit + shared) as u32;
                self.nodes[at as usize].len = (len - shared) as u32;
                self.nodes[middle as usize].set_branch(next, at);
                self.set_child(link, middle);
                at = middle;
            }
            bytes = &bytes[shared..];
            match bytes.first() {
                None => return at,
                Some(&b) => link = Link::Branch(at, b),
            }
        }
    }

    fn path(&mut self, literals: &[&[u8]], kinds: &[u8]) -> u32 {
        let mut at = self.enter(Link::Root, literals[0]);
        for (kind, literal) in kinds.iter().zip(&literals[1..]) {
            let link = if *kind == SLOT_ATOM { Link::Atom(at) } else { Link::Token(at) };
            at = self.enter(link, literal);
        }
        at
    }

    /// Adds a template; one with the same literals and kinds is replaced.
    pub fn insert(&mut self, literals: &[&[u8]], kinds: &[u8], template: u32) {
        let at = self.path(literals, kinds);
        self.nodes[at as usize].end = template;
    }

    /// Takes a template out again, if it is the one that ends there.
    pub fn remove(&mut self, literals: &[&[u8]], kinds: &[u8], template: u32) {
        let at = self.path(literals, kinds);
        if self.nodes[at as usize].end == template {
            self.nodes[at as usize].end = NONE;
        }
    }

    /// Bytes held, about.
    pub fn size(&self) -> usize {
        self.text.len() + self.nodes.len() * std::mem::size_of::<Node>()
    }

    /// The template that fits `data[start..end]` (32 more bytes must be readable), its variables appended to `spans`; NONE if there
    /// is none (then `spans` is as before).
    #[inline]
    pub fn walk(
        &self,
        delimiters: &Delimiters,
        data: &[u8],
        start: usize,
        end: usize,
        spans: &mut Vec<Span>,
        scratch: &mut WalkScratch,
    ) -> u32 {
        let base = spans.len();
        scratch.choices.clear();
        let mut at = 0u32;
        let mut p = start;
        let mut steps = 0u32;
        loop {
            steps += 1;
            let node = &self.nodes[at as usize];
            let len = node.len as usize;
            let lit = node.lit as usize;
            let mut next = NONE;
            let mut try_atom = true;
            let mut node_at = at;
            if end - p >= len && equal(&self.text, lit, data, p, len) {
                p += len;
                if p == end {
                    if node.end != NONE {
                        return node.end;
                    }
                } else {
                    next = node.branch(data[p]);
                    if next != NONE {
                        if node.atom != NONE || node.token != NONE {
                            scratch.choices.push(Choice {
                                node: at,
                                p: p as u32,
                                spans: spans.len() as u32,
                                atom: true,
                            });
                        }
                        at = next;
                        continue;
                    }
                    next = at;
                }
            }
            // Here `next` is NONE if stuck, else the node whose slots are to be tried.
            loop {
                if next == NONE {
                    match scratch.choices.pop() {
                        Some(c) if steps < STEP_LIMIT => {
                            node_at = c.node;
                            p = c.p as usize;
                            spans.truncate(c.spans as usize);
                            try_atom = c.atom;
                        }
                        _ => {
                            spans.truncate(base);
                            return NONE;
                        }
                    }
                }
                let node = &self.nodes[node_at as usize];
                if try_atom && node.atom != NONE {
                    if let Some(e) = delimiters.atom_at(data, start, p, end) {
                        if node.token != NONE {
                            scratch.choices.push(Choice {
                                node: node_at,
                                p: p as u32,
                                spans: spans.len() as u32,
                                atom: false,
                            });
                        }
                        spans.push(Span { start: p as u32, end: e as u32 });
                        p = e;
                        at = node.atom;
                        break;
                    }
                }
                if node.token != NONE && !delimiters.has(data[p]) {
                    let e = delimiters.token_end(data, p, end);
                    spans.push(Span { start: p as u32, end: e as u32 });
                    p = e;
                    at = node.token;
                    break;
                }
                next = NONE;
            }
        }
    }
}
