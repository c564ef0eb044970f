//! Rivals: which groups could win a message although another fits it without a difference.

use super::{Drain, Group, Template, MAX_RIVALS, WILD};
use crate::layout::Span;
use crate::lex::token_hash;

pub(super) struct Rival {
    pub(super) group: u32,
    /// Literal tokens that both groups share.
    pub(super) base: u32,
}

impl Drain {
    /// Whether no rival beats the group for a message that fits its template.
    pub(super) fn is_best(
        &self,
        group: &Group,
        template: &Template,
        data: &[u8],
        spans: &[Span],
        frozen: bool,
    ) -> bool {
        if group.many_rivals {
            return false;
        }
        let value = |slot: u32| {
            let s = spans[slot as usize];
            token_hash(data, s.start as usize, s.end as usize, self.config.mask_atoms)
        };
        if group.route_wild {
            for &(token, slot) in &template.wild {
                if token as usize >= self.route_length(group.hashes.len()) {
                    break;
                }
                let (hash, _) = value(slot);
                if self.nodes[group.path[token as usize] as usize].children.contains_key(&hash) {
                    return false;
                }
            }
        }
        for rival in &group.rivals {
            let other = &self.groups[rival.group as usize];
            let mut score = rival.base;
            let mut fits = true;
            for &(token, slot) in &template.wild {
                let wanted = other.hashes[token as usize];
                if wanted != WILD {
                    if value(slot).0 == wanted {
                        score += 1;
                    } else {
                        fits = false;
                    }
                }
            }
            let other_fits = fits && rival.base + self.extra(group, other) == other.literal;
            if frozen && !other_fits {
                continue;
            }
            if score > group.literal || (score == group.literal && self.wins_tie(rival.group, group)) {
                return false;
            }
        }
        true
    }

    /// Literal tokens of `other` where `group` is wild.
    pub(super) fn extra(&self, group: &Group, other: &Group) -> u32 {
        group.hashes.iter().zip(&other.hashes).filter(|(g, o)| **g == WILD && **o != WILD).count() as u32
    }

    /// drain3 prefers more wild tokens at equal similarity, then the older group.
    pub(super) fn wins_tie(&self, rival: u32, group: &Group) -> bool {
        let other = &self.groups[rival as usize];
        other.wild() > group.wild() || (other.wild() == group.wild() && rival < self.index_of(group))
    }

    pub(super) fn index_of(&self, group: &Group) -> u32 {
        self.templates[group.templates[0] as usize].group - 1
    }

    /// After group `g` changed: who could now beat it, and whom could it beat.
    pub(super) fn update_rivals(&mut self, g: u32) {
        let leaf = self.groups[g as usize].leaf as usize;
        let members = std::mem::take(&mut self.nodes[leaf].groups);
        let mut own = Vec::new();
        for &o in members.iter().filter(|&&o| o != g) {
            let (mut shared, mut only_g, mut only_o) = (0u32, 0u32, 0u32);
            {
                let (a, b) = (&self.groups[g as usize], &self.groups[o as usize]);
                for (x, y) in a.hashes.iter().zip(&b.hashes) {
                    shared += u32::from(x == y && *x != WILD);
                    only_g += u32::from(*x != WILD && *y == WILD);
                    only_o += u32::from(*x == WILD && *y != WILD);
                }
            }
            // For a line that fits `o`, group g scores at most shared + only_g; and the other way.
            let beats_o = shared + only_g >= self.groups[o as usize].literal;
            let beats_g = shared + only_o >= self.groups[g as usize].literal;
            if beats_g && own.len() <= MAX_RIVALS {
                own.push(Rival { group: o, base: shared });
            }
            let other = &mut self.groups[o as usize];
            other.rivals.retain(|r| r.group != g);
            if beats_o {
                // Once there are many nobody asks which, and keeping them would cost the most.
                if !other.many_rivals {
                    other.rivals.push(Rival { group: g, base: shared });
                }
                if other.rivals.len() > MAX_RIVALS {
                    other.many_rivals = true;
                    other.rivals = Vec::new();
                }
                for &t in other.templates.iter().chain(&other.verbatim) {
                    self.dirty[t as usize] = self.epoch;
                }
            }
        }
        let group = &mut self.groups[g as usize];
        group.many_rivals = own.len() > MAX_RIVALS;
        group.rivals = if group.many_rivals { Vec::new() } else { own };
        self.nodes[leaf].groups = members;
    }

    pub(super) fn dirty_route(&mut self, first: u32) {
        self.changed = self.epoch;
        for group in &self.groups {
            if group.route_wild && group.path.first() == Some(&first) {
                for &t in group.templates.iter().chain(&group.verbatim) {
                    self.dirty[t as usize] = self.epoch;
                }
            }
        }
    }
}
