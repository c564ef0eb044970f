//! All templates of a table in one prefix tree, which `walk.rs` goes through.
//!
//! A template is a path: literal, slot, literal, ..., end. Literals are shared as in a radix tree. A
//! slot of kind `ANY` leads to a node that has the whole literal behind it, because that literal says
//! where the value ends; slots of the other kinds share what follows. Where the tree branches does not
//! depend on the order in which templates came, and so neither does any answer.

use super::slots::{rank, ANY};
use crate::trie::{MARGIN, NONE};
use std::cmp::Reverse;

#[derive(Clone)]
pub(super) struct Node {
    /// The literal consumed on entering: `text[lit..lit + len]`.
    pub lit: u32,
    pub len: u32,
    /// First literal branch inline, because most nodes have one.
    key: u8,
    kid: u32,
    more: Vec<(u8, u32)>,
    /// Ordered by rank; those of kind `ANY` by their literals, the longest first.
    pub slots: Vec<Slot>,
    /// Most literal bytes of a template that ends here or below.
    pub most: u32,
    /// The same for those below `slots`.
    pub slot_most: u32,
    /// The template that ends here, and its literal bytes.
    pub end: u32,
    pub end_literal: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub kind: u8,
    /// The template ends with the literal behind this slot; only for `ANY`.
    pub last: bool,
    pub node: u32,
}

impl Node {
    fn new(lit: u32, len: u32) -> Node {
        Node {
            lit,
            len,
            key: 0,
            kid: NONE,
            more: Vec::new(),
            slots: Vec::new(),
            most: 0,
            slot_most: 0,
            end: NONE,
            end_literal: 0,
        }
    }

    #[inline(always)]
    pub fn branch(&self, b: u8) -> u32 {
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

/// A place where a node hangs.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Branch(u32, u8),
    Slot(u32, u8),
}

pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) text: Vec<u8>,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { nodes: vec![Node::new(0, 0)], text: vec![0; MARGIN] }
    }
}

impl Tree {
    fn add_node(&mut self, lit: u32, len: u32) -> u32 {
        self.nodes.push(Node::new(lit, len));
        (self.nodes.len() - 1) as u32
    }

    fn add_text(&mut self, bytes: &[u8]) -> u32 {
        let at = self.text.len() - MARGIN;
        self.text.splice(at..at, bytes.iter().copied());
        at as u32
    }

    pub(super) fn literal(&self, node: &Node) -> &[u8] {
        &self.text[node.lit as usize..(node.lit + node.len) as usize]
    }

    fn child(&self, link: Link) -> u32 {
        match link {
            Link::Root => 0,
            Link::Branch(n, b) => self.nodes[n as usize].branch(b),
            Link::Slot(n, kind) => {
                self.nodes[n as usize].slots.iter().find(|s| s.kind == kind).map_or(NONE, |s| s.node)
            }
        }
    }

    fn set_child(&mut self, link: Link, child: u32) {
        match link {
            // The root has no literal, so it is never split.
            Link::Root => {}
            Link::Branch(n, b) => self.nodes[n as usize].set_branch(b, child),
            Link::Slot(n, kind) => {
                let slots = &mut self.nodes[n as usize].slots;
                match slots.iter_mut().find(|s| s.kind == kind) {
                    Some(slot) => slot.node = child,
                    None => {
                        let at = slots.partition_point(|s| rank(s.kind) < rank(kind));
                        slots.insert(at, Slot { kind, last: false, node: child });
                    }
                }
            }
        }
    }

    /// The node reached through `link` and then `bytes`, made where it is missing. What was passed is
    /// noted in `passed`.
    fn enter(&mut self, mut link: Link, mut bytes: &[u8], passed: &mut Vec<u32>) -> u32 {
        loop {
            let mut at = self.child(link);
            if at == NONE {
                let lit = self.add_text(bytes);
                let new = self.add_node(lit, bytes.len() as u32);
                self.set_child(link, new);
                passed.push(new);
                return new;
            }
            let node = &self.nodes[at as usize];
            let shared = self.literal(node).iter().zip(bytes).take_while(|(a, b)| a == b).count() as u32;
            if shared < node.len {
                at = self.split(link, at, shared);
            }
            passed.push(at);
            bytes = &bytes[shared as usize..];
            match bytes.first() {
                None => return at,
                Some(&b) => link = Link::Branch(at, b),
            }
        }
    }

    /// A new node takes the first `shared` bytes of the literal of `at`.
    fn split(&mut self, link: Link, at: u32, shared: u32) -> u32 {
        let (lit, most) = (self.nodes[at as usize].lit, self.nodes[at as usize].most);
        let middle = self.add_node(lit, shared);
        let next = self.text[(lit + shared) as usize];
        self.nodes[at as usize].lit += shared;
        self.nodes[at as usize].len -= shared;
        self.nodes[middle as usize].most = most;
        self.nodes[middle as usize].set_branch(next, at);
        self.set_child(link, middle);
        middle
    }

    /// The node behind an `ANY` slot: it has the whole of `literal`.
    fn enter_any(&mut self, from: u32, literal: &[u8], last: bool) -> u32 {
        let key = |slot: &Slot| {
            let text = self.literal(&self.nodes[slot.node as usize]);
            (rank(slot.kind), Reverse(text.len()), text, !slot.last)
        };
        let wanted = (rank(ANY), Reverse(literal.len()), literal, !last);
        match self.nodes[from as usize].slots.binary_search_by(|slot| key(slot).cmp(&wanted)) {
            Ok(i) => self.nodes[from as usize].slots[i].node,
            Err(i) => {
                let lit = self.add_text(literal);
                let node = self.add_node(lit, literal.len() as u32);
                self.nodes[from as usize].slots.insert(i, Slot { kind: ANY, last, node });
                node
            }
        }
    }

    /// Adds a template; of several with the same literals and kinds the first one counts.
    pub fn insert(&mut self, literals: &[Box<[u8]>], kinds: &[u8], template: u32) {
        let total = literals.iter().map(|l| l.len() as u32).sum();
        let mut passed = vec![0];
        let mut at = self.enter(Link::Root, &literals[0], &mut passed);
        for (i, (kind, literal)) in kinds.iter().zip(&literals[1..]).enumerate() {
            let before = at;
            at = match *kind {
                ANY => self.enter_any(at, literal, i + 1 == kinds.len()),
                kind => self.enter(Link::Slot(at, kind), literal, &mut passed),
            };
            passed.push(at);
            let node = &mut self.nodes[before as usize];
            node.slot_most = node.slot_most.max(total);
        }
        for n in passed {
            let node = &mut self.nodes[n as usize];
            node.most = node.most.max(total);
        }
        let node = &mut self.nodes[at as usize];
        if node.end == NONE {
            node.end = template;
            node.end_literal = total;
        }
    }

    /// Bytes held, about.
    pub fn size(&self) -> usize {
        self.text.len() + self.nodes.len() * (std::mem::size_of::<Node>() + 16)
    }
}
