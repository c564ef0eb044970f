//! The tree that leads a message to the few groups it is compared with, by drain3's rules.
//!
//! The first layer is the number of tokens, the next ones are leading tokens, then come the leaves.

use super::{Drain, TokenMap, CROWDED, MAX_WAYS, WILD};
use crate::lex::{fold, Token};

#[derive(Default)]
pub(super) struct TreeNode {
    pub(super) children: TokenMap<u32>,
    pub(super) wild: Option<u32>,
    pub(super) groups: Vec<u32>,
    /// In a crowded leaf: the groups that had a token at a place when they were opened. Entries are
    /// never taken back; what they say is checked.
    pub(super) index: TokenMap<Vec<u32>>,
}

/// The key of a token at a place in `TreeNode::index`.
fn place_key(position: usize, hash: u64) -> u64 {
    fold(hash, position as u64 ^ 0x9e37_79b9_7f4a_7c15)
}

impl TreeNode {
    pub(super) fn child_count(&self) -> usize {
        self.children.len() + usize::from(self.wild.is_some())
    }
}

impl Drain {
    /// How many tokens of a message decide its way through the tree.
    pub(super) fn route_length(&self, token_count: usize) -> usize {
        (self.config.depth - 3).min(token_count.saturating_sub(1))
    }

    /// The leaf that a message is searched in.
    pub(super) fn route(&self, tokens: &[Token]) -> Option<u32> {
        let mut at = *self.root.get(&tokens.len())?;
        for token in &tokens[..self.route_length(tokens.len())] {
            let node = &self.nodes[at as usize];
            at = *node.children.get(&token.hash).or(node.wild.as_ref())?;
        }
        Some(at)
    }

    /// The group that fits without a difference, wherever in the tree it is: of the leaf that the
    /// message is routed to, else of the next one by a wildcard branch instead of a literal one.
    ///
    /// A frozen table has to be asked like this, not by routing alone: a line may well be described
    /// by a group of a wildcard branch although a literal branch of its own was grown later.
    pub(super) fn best_fit(&self, tokens: &[Token]) -> Option<(u32, u32)> {
        let length = self.route_length(tokens.len());
        let mut ways = vec![(*self.root.get(&tokens.len())?, 0usize)];
        for _ in 0..MAX_WAYS {
            let (at, depth) = ways.pop()?;
            if depth == length {
                match self.best_of(at, tokens, true) {
                    None => continue,
                    found => return found,
                }
            }
            let node = &self.nodes[at as usize];
            ways.extend(node.wild.map(|n| (n, depth + 1)));
            ways.extend(node.children.get(&tokens[depth].hash).map(|&n| (n, depth + 1)));
        }
        None
    }

    pub(super) fn best(&self, leaf: u32, tokens: &[Token]) -> Option<(u32, u32)> {
        self.best_of(leaf, tokens, false)
    }

    /// The group of the leaf that is most similar: (group, equal tokens). Ties as in drain3.
    pub(super) fn best_of(&self, leaf: u32, tokens: &[Token], perfect_only: bool) -> Option<(u32, u32)> {
        let node = &self.nodes[leaf as usize];
        let mut best: Option<(u32, u32)> = None;
        let mut offer = |g: u32, equal: u32| {
            let group = &self.groups[g as usize];
            if perfect_only && equal != group.literal {
                return;
            }
            // Groups are offered in the order in which they were opened.
            let better = match best {
                None => true,
                Some((b, e)) => equal > e || (equal == e && group.wild() > self.groups[b as usize].wild()),
            };
            if better {
                best = Some((g, equal));
            }
        };
        match self.indexed(node, tokens) {
            Some(mut hits) => {
                hits.sort_unstable();
                for same in hits.chunk_by(|a, b| a == b) {
                    offer(same[0], same.len() as u32);
                }
            }
            None => {
                for &g in &node.groups {
                    let hashes = &self.groups[g as usize].hashes;
                    offer(g, hashes.iter().zip(tokens).filter(|(h, t)| **h == t.hash).count() as u32);
                }
            }
        }
        best
    }

    /// Each group of a crowded leaf as often as it has a token in common with the message; None if
    /// the leaf has no index, or to use it would be more work than to look at all groups.
    pub(super) fn indexed(&self, node: &TreeNode, tokens: &[Token]) -> Option<Vec<u32>> {
        // With a threshold of 0 a group without any common token can be the best.
        if node.index.is_empty() || self.config.similarity <= 0.0 {
            return None;
        }
        let mut hits = Vec::new();
        for (i, token) in tokens.iter().enumerate() {
            let Some(groups) = node.index.get(&place_key(i, token.hash)) else { continue };
            if hits.len() + groups.len() > 2 * node.groups.len() {
                return None;
            }
            hits.extend(groups.iter().filter(|g| {
                let group = &self.groups[**g as usize];
                group.alive && group.hashes[i] == token.hash
            }));
        }
        Some(hits)
    }

    pub(super) fn similar_enough(&self, equal: u32, token_count: usize) -> bool {
        // drain3 returns the only group of empty messages whatever the threshold.
        token_count == 0 || f64::from(equal) / token_count as f64 >= self.config.similarity
    }

    /// Adds a group to its leaf, and to the leaf's index if it is crowded.
    pub(super) fn enter_leaf(&mut self, leaf: u32, g: u32) {
        let node = &mut self.nodes[leaf as usize];
        node.groups.push(g);
        let new = match node.index.is_empty() {
            false => &[g][..],
            true if node.groups.len() >= CROWDED => &node.groups[..],
            true => &[],
        };
        for &g in new {
            for (i, &hash) in self.groups[g as usize].hashes.iter().enumerate() {
                if hash != WILD {
                    node.index.entry(place_key(i, hash)).or_default().push(g);
                }
            }
        }
    }

    pub(super) fn new_node(&mut self) -> u32 {
        self.nodes.push(TreeNode::default());
        (self.nodes.len() - 1) as u32
    }

    /// The leaf a new group goes to, made where it is missing, by drain3's rules.
    pub(super) fn insert_path(&mut self, found: &[Token]) -> (u32, Vec<u32>) {
        let mut at = match self.root.get(&found.len()) {
            Some(&n) => n,
            None => {
                let n = self.new_node();
                self.root.insert(found.len(), n);
                n
            }
        };
        let first = at;
        let mut path = Vec::new();
        for token in &found[..self.route_length(found.len())] {
            path.push(at);
            let node = &self.nodes[at as usize];
            if let Some(&child) = node.children.get(&token.hash) {
                at = child;
                continue;
            }
            let has_wild = node.wild.is_some();
            let count = node.child_count();
            let own = !token.numeric
                && if has_wild {
                    count < self.config.max_children
                } else {
                    count + 1 < self.config.max_children
                };
            let new = if own || !has_wild { Some(self.new_node()) } else { None };
            let node = &mut self.nodes[at as usize];
            at = match new {
                Some(n) if own => {
                    node.children.insert(token.hash, n);
                    if has_wild {
                        // Lines that went to the wild branch may now belong here.
                        self.dirty_route(first);
                    }
                    n
                }
                Some(n) => {
                    node.wild = Some(n);
                    n
                }
                None => node.wild.unwrap_or(at),
            };
        }
        (at, path)
    }
}
