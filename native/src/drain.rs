//! Online Drain (He et al., ICWS 2017), as the package drain3 does it, made fast and exact.
//!
//! A *group* is what drain3 calls a cluster: a list of tokens, some of them wild. Its *templates*
//! are byte-exact: one per spacing that was seen, and a new one whenever the group generalises.
//!
//! Drain is sequential: every line sees the groups as the lines before it left them. Here lines
//! are matched in parallel against a table that does not change, and a sequential pass then learns
//! from the lines that did not match. The result is still that of the sequential algorithm, because
//! the pass also looks again at every line whose answer could have changed since: a change to a
//! group stamps as *dirty* the templates of that group and of those for which it has become a rival.
//!
//! A *rival* of group C is a group of the same leaf that could win, for some line, although C fits
//! that line without a difference. Mostly there is none, and then a walk of the trie decides.

use crate::guess::{Guesses, Rows, WAYS};
use crate::layout::Span;
use crate::lex::{fold, token_hash, tokens, Delimiters, Token};
use crate::trie::{Trie, WalkScratch, NONE, SLOT_ANY, SLOT_ATOM, SLOT_TOKEN};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Token hashes are hashes already.
#[derive(Default)]
pub struct Identity(u64);
impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(b);
        }
    }
    fn write_u64(&mut self, v: u64) {
        self.0 = v;
    }
}
type TokenMap<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// Hash of a wild token; no real token has it.
const WILD: u64 = 0;
/// Messages with more tokens or bytes are kept verbatim: no template would help, and the cost of
/// comparing them has no bound.
pub const MAX_TOKENS: usize = 1024;
pub const MAX_MESSAGE: usize = 1 << 16;
/// Templates one group may have for its spacings; further spacings are kept verbatim in the group.
const MAX_SPACINGS: usize = 64;
/// Groups one leaf may hold. drain3 has no such bound and becomes quadratic; lines that would open
/// one more are kept verbatim.
const MAX_LEAF: usize = 2048;
/// Leaves with as many groups are searched by their index.
const CROWDED: usize = 64;
/// Nodes of the tree that are visited for one line of a frozen table.
const MAX_WAYS: usize = 256;
/// A group with more rivals than this is decided by the full search.
const MAX_RIVALS: usize = 32;

#[derive(Clone, Debug)]
pub struct Config {
    pub depth: usize,
    pub similarity: f64,
    pub max_children: usize,
    /// 0: no limit.
    pub max_groups: usize,
    pub extra_delimiters: Vec<u8>,
    pub mask_atoms: bool,
    /// Bytes of template text and tree after which nothing more is learned.
    pub memory: usize,
}

/// A byte-exact template: its program and where it belongs.
pub struct Template {
    pub group: u32,
    pub literals: Vec<Box<[u8]>>,
    pub kinds: Vec<u8>,
    /// (token, slot) of every wild token.
    wild: Vec<(u32, u32)>,
}

impl Template {
    fn literal_slices(&self) -> Vec<&[u8]> {
        self.literals.iter().map(|l| &**l).collect()
    }
}

struct Rival {
    group: u32,
    /// Literal tokens that both groups share.
    base: u32,
}

#[derive(Default)]
struct Group {
    hashes: Vec<u64>,
    /// Per token its bytes and its atoms (relative), as in the line that opened the group.
    text: Vec<(Box<[u8]>, Vec<(u32, u32)>)>,
    literal: u32,
    leaf: u32,
    /// Nodes of the tree that were passed, from the first layer on.
    path: Vec<u32>,
    templates: Vec<u32>,
    /// Template of the group that holds whole messages, once there are too many spacings.
    verbatim: Option<u32>,
    rivals: Vec<Rival>,
    many_rivals: bool,
    /// A token that decides the way through the tree is wild.
    route_wild: bool,
    alive: bool,
    last_used: u64,
}

impl Group {
    fn wild(&self) -> u32 {
        self.hashes.len() as u32 - self.literal
    }
}

#[derive(Default)]
struct TreeNode {
    children: TokenMap<u32>,
    wild: Option<u32>,
    groups: Vec<u32>,
    /// In a crowded leaf: the groups that had a token at a place when they were opened. Entries are
    /// never taken back; what they say is checked.
    index: TokenMap<Vec<u32>>,
}

/// The key of a token at a place in `TreeNode::index`.
fn place_key(position: usize, hash: u64) -> u64 {
    fold(hash, position as u64 ^ 0x9e37_79b9_7f4a_7c15)
}

impl TreeNode {
    fn child_count(&self) -> usize {
        self.children.len() + usize::from(self.wild.is_some())
    }
}

/// Buffers of one thread.
#[derive(Default)]
pub struct Scratch {
    walk: WalkScratch,
    guesses: Guesses,
    tokens: Vec<Token>,
}

pub struct Drain {
    pub config: Config,
    pub delimiters: Delimiters,
    pub templates: Vec<Template>,
    groups: Vec<Group>,
    trie: Trie,
    rows: Rows,
    root: HashMap<usize, u32>,
    nodes: Vec<TreeNode>,
    dirty: Vec<u32>,
    epoch: u32,
    /// The latest epoch in which anything changed.
    changed: u32,
    clock: u64,
    /// Groups that were not evicted, in no order.
    living: Vec<u32>,
    held: usize,
}

/// The outcome of looking a message up without learning.
enum Found {
    Template(u32),
    Nothing,
}

impl Drain {
    pub fn new(config: Config) -> Drain {
        let verbatim = Template {
            group: 0,
            literals: vec![Box::default(), Box::default()],
            kinds: vec![SLOT_ANY],
            wild: Vec::new(),
        };
        // Ids count from the verbatim template; a slot that holds anything is never guessed.
        let mut rows = Rows::default();
        rows.push(&verbatim.literal_slices(), &verbatim.kinds);
        Drain {
            delimiters: Delimiters::new(&config.extra_delimiters),
            config,
            templates: vec![verbatim],
            groups: Vec::new(),
            trie: Trie::default(),
            rows,
            root: HashMap::new(),
            nodes: Vec::new(),
            dirty: vec![0],
            epoch: 0,
            changed: 0,
            clock: 0,
            living: Vec::new(),
            held: 0,
        }
    }

    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The template that Drain gives a message, with its variables appended to `spans`; NONE if
    /// the message would change a group or open one.
    #[inline(always)]
    pub fn find(
        &self,
        data: &[u8],
        m: Span,
        spans: &mut Vec<Span>,
        scratch: &mut Scratch,
        frozen: bool,
    ) -> u32 {
        let (start, end) = (m.start as usize, m.end as usize);
        if end - start > MAX_MESSAGE {
            spans.push(m);
            return 0;
        }
        let base = spans.len();
        let t = self.look_up(data, start, end, spans, scratch);
        if t == NONE {
            return NONE;
        }
        let template = &self.templates[t as usize];
        let group = &self.groups[template.group as usize - 1];
        if group.rivals.is_empty() && !group.many_rivals && !group.route_wild {
            return t;
        }
        if self.is_best(group, template, data, &spans[base..], frozen) {
            return t;
        }
        spans.truncate(base);
        match self.search(data, m, scratch, frozen) {
            Found::Template(t) if self.extract(t, data, m, spans) => t,
            _ => NONE,
        }
    }

    /// A template that fits the message, by guess or by the trie.
    #[inline(always)]
    fn look_up(
        &self,
        data: &[u8],
        start: usize,
        end: usize,
        spans: &mut Vec<Span>,
        scratch: &mut Scratch,
    ) -> u32 {
        let mut none = [NONE; WAYS];
        let guesses = scratch.guesses.of(data, start, end).unwrap_or(&mut none);
        for way in 0..WAYS {
            let t = guesses[way];
            if self.rows.fits(t, &self.delimiters, data, start, end, spans) {
                guesses.swap(0, way);
                return t;
            }
        }
        let t = self.trie.walk(&self.delimiters, data, start, end, spans, &mut scratch.walk);
        if t != NONE {
            guesses.rotate_right(1);
            guesses[0] = t;
        }
        t
    }

    /// Whether no rival beats the group for a message that fits its template.
    fn is_best(&self, group: &Group, template: &Template, data: &[u8], spans: &[Span], frozen: bool) -> bool {
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
    fn extra(&self, group: &Group, other: &Group) -> u32 {
        group.hashes.iter().zip(&other.hashes).filter(|(g, o)| **g == WILD && **o != WILD).count() as u32
    }

    /// drain3 prefers more wild tokens at equal similarity, then the older group.
    fn wins_tie(&self, rival: u32, group: &Group) -> bool {
        let other = &self.groups[rival as usize];
        other.wild() > group.wild() || (other.wild() == group.wild() && rival < self.index_of(group))
    }

    fn index_of(&self, group: &Group) -> u32 {
        self.templates[group.templates[0] as usize].group - 1
    }

    /// How many tokens of a message decide its way through the tree.
    fn route_length(&self, token_count: usize) -> usize {
        (self.config.depth - 3).min(token_count.saturating_sub(1))
    }

    /// The leaf that a message is searched in.
    fn route(&self, tokens: &[Token]) -> Option<u32> {
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
    fn best_fit(&self, tokens: &[Token]) -> Option<(u32, u32)> {
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

    fn best(&self, leaf: u32, tokens: &[Token]) -> Option<(u32, u32)> {
        self.best_of(leaf, tokens, false)
    }

    /// The group of the leaf that is most similar: (group, equal tokens). Ties as in drain3.
    fn best_of(&self, leaf: u32, tokens: &[Token], perfect_only: bool) -> Option<(u32, u32)> {
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
    fn indexed(&self, node: &TreeNode, tokens: &[Token]) -> Option<Vec<u32>> {
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

    /// Adds a group to its leaf, and to the leaf's index if it is crowded.
    fn enter_leaf(&mut self, leaf: u32, g: u32) {
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

    fn similar_enough(&self, equal: u32, token_count: usize) -> bool {
        // drain3 returns the only group of empty messages whatever the threshold.
        token_count == 0 || f64::from(equal) / token_count as f64 >= self.config.similarity
    }

    /// The full search, without learning.
    fn search(&self, data: &[u8], m: Span, scratch: &mut Scratch, frozen: bool) -> Found {
        let (start, end) = (m.start as usize, m.end as usize);
        if !tokens(
            data,
            start,
            end,
            &self.delimiters,
            self.config.mask_atoms,
            MAX_TOKENS,
            &mut scratch.tokens,
        ) {
            return Found::Template(0);
        }
        let best = match frozen {
            true => self.best_fit(&scratch.tokens),
            false => self.route(&scratch.tokens).and_then(|leaf| self.best(leaf, &scratch.tokens)),
        };
        let Some((g, equal)) = best else { return Found::Nothing };
        let group = &self.groups[g as usize];
        if equal != group.literal || !(frozen || self.similar_enough(equal, scratch.tokens.len())) {
            return Found::Nothing;
        }
        for &t in &group.templates {
            if self.fits(t, data, m) {
                return Found::Template(t);
            }
        }
        match group.verbatim {
            Some(t) => Found::Template(t),
            None => Found::Nothing,
        }
    }

    fn fits(&self, t: u32, data: &[u8], m: Span) -> bool {
        let mut spans = Vec::new();
        self.extract(t, data, m, &mut spans)
    }

    /// Matches one template literal by literal; appends its variables, or appends nothing and
    /// returns false.
    pub fn extract(&self, t: u32, data: &[u8], m: Span, spans: &mut Vec<Span>) -> bool {
        let template = &self.templates[t as usize];
        extract(&template.literals, &template.kinds, &self.delimiters, data, m, spans)
    }

    /// Gives a message its template, learning from it unless `frozen`; appends its variables.
    pub fn place(
        &mut self,
        data: &[u8],
        m: Span,
        spans: &mut Vec<Span>,
        scratch: &mut Scratch,
        frozen: bool,
    ) -> u32 {
        let found = self.find(data, m, spans, scratch, frozen);
        if found != NONE {
            return found;
        }
        let t = self.learn(data, m, scratch, frozen);
        // What was just learned from the message must fit it. If it did not (a hash collision made
        // two tokens equal that are not), the message is kept whole: never a wrong row.
        if !self.extract(t, data, m, spans) {
            spans.push(m);
            return 0;
        }
        t
    }

    fn learn(&mut self, data: &[u8], m: Span, scratch: &mut Scratch, frozen: bool) -> u32 {
        let (start, end) = (m.start as usize, m.end as usize);
        let mut found = std::mem::take(&mut scratch.tokens);
        let short =
            tokens(data, start, end, &self.delimiters, self.config.mask_atoms, MAX_TOKENS, &mut found);
        let t = if short { self.learn_tokens(data, m, &found, frozen) } else { 0 };
        scratch.tokens = found;
        t
    }

    fn learn_tokens(&mut self, data: &[u8], m: Span, found: &[Token], frozen: bool) -> u32 {
        if frozen {
            return self.best_fit(found).map_or(0, |(g, _)| self.add_spacing(g, data, m, found));
        }
        let leaf = self.route(found);
        if let Some((g, equal)) = leaf.and_then(|leaf| self.best(leaf, found)) {
            if self.similar_enough(equal, found.len()) {
                return match equal == self.groups[g as usize].literal {
                    true => self.add_spacing(g, data, m, found),
                    false => self.generalise(g, data, m, found),
                };
            }
        }
        if self.held > self.config.memory {
            return 0;
        }
        if let Some(leaf) = leaf {
            if self.nodes[leaf as usize].groups.len() >= MAX_LEAF {
                return 0;
            }
        }
        self.open(data, m, found)
    }

    /// A further template of a group, for a message that differs from the others in spacing only.
    fn add_spacing(&mut self, g: u32, data: &[u8], m: Span, found: &[Token]) -> u32 {
        // A template can be missing from the trie although it fits: another group had the very
        // same one, and was retired.
        for i in 0..self.groups[g as usize].templates.len() {
            let t = self.groups[g as usize].templates[i];
            if self.fits(t, data, m) {
                let template = &self.templates[t as usize];
                self.trie.insert(&template.literal_slices(), &template.kinds, t);
                return t;
            }
        }
        let group = &self.groups[g as usize];
        if let Some(t) = group.verbatim {
            return t;
        }
        if group.templates.len() >= MAX_SPACINGS || self.held > self.config.memory {
            let t = self.push_template(Template {
                group: g + 1,
                literals: vec![Box::default(), Box::default()],
                kinds: vec![SLOT_ANY],
                wild: Vec::new(),
            });
            self.groups[g as usize].verbatim = Some(t);
            return t;
        }
        self.add_template(g, data, m, found)
    }

    fn push_template(&mut self, template: Template) -> u32 {
        self.changed = self.epoch;
        self.held += template.literals.iter().map(|l| l.len() + 40).sum::<usize>() + 100;
        self.rows.push(&template.literal_slices(), &template.kinds);
        self.templates.push(template);
        self.dirty.push(0);
        (self.templates.len() - 1) as u32
    }

    /// Builds the template of group `g` with the spacing of this message, and puts it in the trie.
    fn add_template(&mut self, g: u32, data: &[u8], m: Span, found: &[Token]) -> u32 {
        let group = &self.groups[g as usize];
        let mut literals: Vec<Box<[u8]>> = Vec::new();
        let mut kinds = Vec::new();
        let mut wild = Vec::new();
        let mut literal: Vec<u8> = Vec::new();
        let mut p = m.start as usize;
        for (i, token) in found.iter().enumerate() {
            literal.extend_from_slice(&data[p..token.start as usize]);
            p = token.end as usize;
            if group.hashes[i] == WILD {
                wild.push((i as u32, kinds.len() as u32));
                kinds.push(SLOT_TOKEN);
                literals.push(std::mem::take(&mut literal).into_boxed_slice());
                continue;
            }
            let (text, atoms) = &group.text[i];
            let mut from = 0usize;
            for &(a, b) in atoms {
                literal.extend_from_slice(&text[from..a as usize]);
                kinds.push(SLOT_ATOM);
                literals.push(std::mem::take(&mut literal).into_boxed_slice());
                from = b as usize;
            }
            literal.extend_from_slice(&text[from..]);
        }
        literal.extend_from_slice(&data[p..m.end as usize]);
        literals.push(literal.into_boxed_slice());
        let t = self.push_template(Template { group: g + 1, literals, kinds, wild });
        let template = &self.templates[t as usize];
        self.trie.insert(&template.literal_slices(), &template.kinds, t);
        self.groups[g as usize].templates.push(t);
        t
    }

    /// Takes the group's templates out of the trie; rows that carry their ids stay valid.
    fn retire_templates(&mut self, g: u32) {
        self.changed = self.epoch;
        for t in std::mem::take(&mut self.groups[g as usize].templates) {
            let template = &self.templates[t as usize];
            self.trie.remove(&template.literal_slices(), &template.kinds, t);
            self.rows.remove(t);
            self.dirty[t as usize] = self.epoch;
        }
        if let Some(t) = self.groups[g as usize].verbatim.take() {
            self.dirty[t as usize] = self.epoch;
        }
    }

    fn generalise(&mut self, g: u32, data: &[u8], m: Span, found: &[Token]) -> u32 {
        self.retire_templates(g);
        let route = self.route_length(found.len());
        let group = &mut self.groups[g as usize];
        for (i, token) in found.iter().enumerate() {
            if group.hashes[i] != WILD && group.hashes[i] != token.hash {
                group.hashes[i] = WILD;
                group.literal -= 1;
                group.text[i] = Default::default();
                group.route_wild |= i < route;
            }
        }
        let t = self.add_template(g, data, m, found);
        self.update_rivals(g);
        t
    }

    fn open(&mut self, data: &[u8], m: Span, found: &[Token]) -> u32 {
        let g = self.groups.len() as u32;
        if self.config.max_groups > 0 && self.living.len() >= self.config.max_groups {
            self.evict();
        }
        let (leaf, path) = self.insert_path(found);
        let mask = self.config.mask_atoms;
        let text = found
            .iter()
            .map(|t| {
                let bytes = &data[t.start as usize..t.end as usize];
                let mut atoms = Vec::new();
                if mask {
                    crate::lex::atoms(bytes, 0, bytes.len(), |a, b| atoms.push((a as u32, b as u32)));
                }
                (bytes.into(), atoms)
            })
            .collect();
        self.held += found.len() * 80 + 200;
        self.groups.push(Group {
            hashes: found.iter().map(|t| t.hash).collect(),
            text,
            literal: found.len() as u32,
            leaf,
            path,
            alive: true,
            last_used: self.clock,
            ..Group::default()
        });
        self.living.push(g);
        self.enter_leaf(leaf, g);
        let t = self.add_template(g, data, m, found);
        self.update_rivals(g);
        t
    }

    fn new_node(&mut self) -> u32 {
        self.nodes.push(TreeNode::default());
        (self.nodes.len() - 1) as u32
    }

    /// The leaf a new group goes to, made where it is missing, by drain3's rules.
    fn insert_path(&mut self, found: &[Token]) -> (u32, Vec<u32>) {
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

    fn dirty_route(&mut self, first: u32) {
        self.changed = self.epoch;
        for group in &self.groups {
            if group.route_wild && group.path.first() == Some(&first) {
                for &t in group.templates.iter().chain(&group.verbatim) {
                    self.dirty[t as usize] = self.epoch;
                }
            }
        }
    }

    fn evict(&mut self) {
        let used = |g: &u32| self.groups[*g as usize].last_used;
        let Some(oldest) = (0..self.living.len()).min_by_key(|&i| used(&self.living[i])) else { return };
        let g = self.living.swap_remove(oldest) as usize;
        self.retire_templates(g as u32);
        let leaf = self.groups[g].leaf as usize;
        let group = &mut self.groups[g];
        group.alive = false;
        group.rivals = Vec::new();
        group.text = Vec::new();
        self.nodes[leaf].groups.retain(|&x| x != g as u32);
        for i in 0..self.nodes[leaf].groups.len() {
            let other = self.nodes[leaf].groups[i] as usize;
            self.groups[other].rivals.retain(|r| r.group != g as u32);
        }
    }

    /// After group `g` changed: who could now beat it, and whom could it beat.
    fn update_rivals(&mut self, g: u32) {
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
            if beats_g {
                own.push(Rival { group: o, base: shared });
            }
            let other = &mut self.groups[o as usize];
            other.rivals.retain(|r| r.group != g);
            if beats_o {
                other.rivals.push(Rival { group: g, base: shared });
                if other.rivals.len() > MAX_RIVALS {
                    other.many_rivals = true;
                }
                for &t in other.templates.iter().chain(&other.verbatim) {
                    self.dirty[t as usize] = self.epoch;
                }
            }
        }
        let group = &mut self.groups[g as usize];
        group.many_rivals = own.len() > MAX_RIVALS;
        group.rivals = own;
        self.nodes[leaf].groups = members;
    }

    /// The state of the table as a number: what is matched now answers for this epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Starts a new epoch; to be called before anything is learned.
    pub fn begin_epoch(&mut self) {
        self.epoch += 1;
    }

    /// Whether a group was opened, generalised or evicted after `epoch`.
    pub fn has_changed_since(&self, epoch: u32) -> bool {
        self.changed > epoch
    }

    /// Whether a line that was given `t` in this epoch has to be looked at again.
    #[inline(always)]
    pub fn is_dirty(&self, t: u32, epoch: u32) -> bool {
        self.dirty[t as usize] > epoch
    }

    pub fn tracks_use(&self) -> bool {
        self.config.max_groups > 0
    }

    /// Marks the group of a template as just used.
    pub fn touch(&mut self, t: u32) {
        self.clock += 1;
        let g = self.templates[t as usize].group;
        if g > 0 {
            self.groups[g as usize - 1].last_used = self.clock;
        }
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

    pub fn memory(&self) -> usize {
        self.held + self.trie.size() + self.rows.size()
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
