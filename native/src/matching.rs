//! Messages matched against a table of templates that is learned elsewhere.
//!
//! A template is literals and slots of any kind (slots.rs), at any place of a token. The table only
//! grows and ids keep their meaning; while nobody appends, any number of threads match against it. What
//! a message is given depends on the templates alone: not on their order, as long as no two of them
//! are the same, and not on what was matched before.
//!
//! The tree (tree.rs, walk.rs) finds the template with the most literal bytes of all that fit, in
//! bounded time. fit.rs holds one template against one message, with the same variables.

mod fit;
pub mod slots;
mod tree;
mod walk;

pub use fit::fit;
pub use walk::Scratch;

use crate::layout::Span;
use crate::lex::Delimiters;
use crate::trie::NONE;
use tree::Tree;

/// A table of templates; number 0 holds any message, and is given where no other fits.
pub struct Table {
    delimiters: Delimiters,
    tree: Tree,
    slots: Vec<u32>,
}

impl Table {
    /// A table without templates. `delimiters` separate tokens besides white space.
    pub fn new(delimiters: &[u8]) -> Table {
        Table { delimiters: Delimiters::new(delimiters), tree: Tree::default(), slots: vec![1] }
    }

    /// Templates, number 0 included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    /// Slots of a template.
    pub fn slot_count(&self, t: u32) -> usize {
        self.slots.get(t as usize).map_or(0, |n| *n as usize)
    }

    /// Bytes held, about.
    pub fn size(&self) -> usize {
        self.tree.size() + 4 * self.slots.len()
    }

    /// Adds a template with the next number. There is one literal more than kinds.
    pub fn push(&mut self, literals: &[Box<[u8]>], kinds: &[u8]) -> Result<(), String> {
        if literals.len() != kinds.len() + 1 {
            return Err(format!("{} literals for {} slots", literals.len(), kinds.len()));
        }
        let text: usize = literals.iter().map(|l| l.len()).sum();
        // Positions in the tree's text are 32 bits wide.
        if self.tree.size().saturating_add(text) > 1 << 31 {
            return Err("a table of templates has more than 2 GiB".into());
        }
        self.tree.insert(literals, kinds, self.slots.len() as u32);
        self.slots.push(kinds.len() as u32);
        Ok(())
    }

    /// The template of a message, its variables appended to `spans`; NONE, and nothing appended, where
    /// none fits.
    #[inline(always)]
    pub fn find(&self, data: &[u8], m: Span, spans: &mut Vec<Span>, scratch: &mut Scratch) -> u32 {
        self.tree.walk(&self.delimiters, data, m.start as usize, m.end as usize, spans, scratch)
    }

    /// The same; 0 and the whole message where none fits.
    #[inline(always)]
    pub fn place(&self, data: &[u8], m: Span, spans: &mut Vec<Span>, scratch: &mut Scratch) -> u32 {
        let t = self.find(data, m, spans, scratch);
        if t != NONE {
            return t;
        }
        spans.push(m);
        0
    }
}

#[cfg(test)]
mod tests;
