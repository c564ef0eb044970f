//! Templates held against messages, what they become in the end, and how groups are saved.

use super::{Drain, MAX_TOKENS, WILD};
use crate::layout::Span;
use crate::lex::{tokens, Delimiters};
use crate::trie::{SLOT_ANY, SLOT_ATOM, SLOT_TOKEN};

impl Drain {
    pub(super) fn fits(&self, t: u32, data: &[u8], m: Span) -> bool {
        let mut spans = Vec::new();
        self.extract(t, data, m, &mut spans)
    }

    /// Matches one template literal by literal; appends its variables, or appends nothing and
    /// returns false.
    pub fn extract(&self, t: u32, data: &[u8], m: Span, spans: &mut Vec<Span>) -> bool {
        let template = &self.templates[t as usize];
        extract(&template.literals, &template.kinds, &self.delimiters, data, m, spans)
    }

    /// Adds a group from its saved form: pieces per token (None: wild). Spacing: single blanks.
    pub fn restore_group(&mut self, text: &[u8], wild: &[bool]) -> Result<u32, String> {
        let mut found = Vec::new();
        let whole = Span { start: 0, end: text.len() as u32 };
        if !tokens(text, 0, text.len(), &self.delimiters, self.config.mask_atoms, MAX_TOKENS, &mut found) {
            return Err(format!("a group has more than {MAX_TOKENS} tokens"));
        }
        if found.len() != wild.len() {
            return Err(format!("a group has {} tokens, expected {}", found.len(), wild.len()));
        }
        let t = self.open(text, whole, &found);
        let g = self.templates[t as usize].group - 1;
        if wild.contains(&true) {
            // The same as if a message had come that differs in exactly these tokens.
            let mut other = found.clone();
            for (token, w) in other.iter_mut().zip(wild) {
                if *w {
                    token.hash = !token.hash | 1;
                }
            }
            self.generalise(g, text, whole, &other);
        }
        Ok(g + 1)
    }

    /// The group's tokens for saving: (text, wild) of each; a wild token's text is empty.
    pub fn group_tokens(&self, g: u32) -> Vec<(&[u8], bool)> {
        let group = &self.groups[g as usize - 1];
        group.hashes.iter().zip(&group.text).map(|(h, (text, _))| (&**text, *h == WILD)).collect()
    }

    /// What template `t` became: its spacing, with every token a slot that is wild in its group
    /// by now. Its values fit every message that was given `t`.
    pub fn final_form(&self, t: u32) -> (Vec<Vec<u8>>, Vec<u8>) {
        let template = &self.templates[t as usize];
        let mut literals = vec![Vec::new()];
        let mut kinds = Vec::new();
        if template.group == 0 || template.kinds.contains(&SLOT_ANY) {
            return (template.literals.iter().map(|l| l.to_vec()).collect(), template.kinds.clone());
        }
        let hashes = &self.groups[template.group as usize - 1].hashes;
        let mut token = 0usize;
        let mut in_token = false;
        let mut put = |part: Result<u8, u8>| {
            if let Ok(b) = part {
                if self.delimiters.has(b) {
                    token += usize::from(in_token);
                    in_token = false;
                    literals.last_mut().expect("never empty").push(b);
                    return;
                }
            }
            let wild = hashes.get(token) == Some(&WILD);
            if wild && !in_token {
                kinds.push(SLOT_TOKEN);
                literals.push(Vec::new());
            }
            in_token = true;
            match part {
                Ok(b) if !wild => literals.last_mut().expect("never empty").push(b),
                Err(kind) if !wild => {
                    kinds.push(kind);
                    literals.push(Vec::new());
                }
                _ => {}
            }
        };
        for (i, literal) in template.literals.iter().enumerate() {
            literal.iter().for_each(|&b| put(Ok(b)));
            if let Some(&kind) = template.kinds.get(i) {
                put(Err(kind));
            }
        }
        (literals, kinds)
    }

    pub fn group_alive(&self, g: u32) -> bool {
        self.groups[g as usize - 1].alive
    }
}

/// Matches `literals` and slots against a message; see `Drain::extract`.
pub fn extract(
    literals: &[Box<[u8]>],
    kinds: &[u8],
    delimiters: &Delimiters,
    data: &[u8],
    m: Span,
    spans: &mut Vec<Span>,
) -> bool {
    let (start, end) = (m.start as usize, m.end as usize);
    let base = spans.len();
    let fail = |spans: &mut Vec<Span>| {
        spans.truncate(base);
        false
    };
    let first = &literals[0];
    if !data[start..end].starts_with(first) {
        return false;
    }
    let mut p = start + first.len();
    for (i, kind) in kinds.iter().enumerate() {
        let literal = &literals[i + 1];
        let last = i + 1 == kinds.len();
        let e = match *kind {
            SLOT_ATOM if p < end => match delimiters.atom_at(data, start, p, end) {
                Some(e) => e,
                None => return fail(spans),
            },
            SLOT_TOKEN if p < end && !delimiters.has(data[p]) => delimiters.token_end(data, p, end),
            SLOT_ANY => {
                // The last slot reaches to the closing literal; any other to the next occurrence.
                let room = end - p;
                if last {
                    if room < literal.len() {
                        return fail(spans);
                    }
                    end - literal.len()
                } else if literal.is_empty() {
                    p
                } else {
                    match find(&data[p..end], literal) {
                        Some(n) => p + n,
                        None => return fail(spans),
                    }
                }
            }
            _ => return fail(spans),
        };
        spans.push(Span { start: p as u32, end: e as u32 });
        if !data[e..end].starts_with(literal) {
            return fail(spans);
        }
        p = e + literal.len();
    }
    if p != end {
        return fail(spans);
    }
    true
}

/// The first place of `needle` (not empty) in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle[0];
    let mut from = 0;
    while from + needle.len() <= hay.len() {
        match hay[from..=hay.len() - needle.len()].iter().position(|&b| b == first) {
            Some(n) => {
                if &hay[from + n..from + n + needle.len()] == needle {
                    return Some(from + n);
                }
                from += n + 1;
            }
            None => return None,
        }
    }
    None
}
