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
//! Here is what is learned; the way to the groups of a message is in drain/tree.rs, who could win it
//! in drain/rivals.rs, and templates held against messages in drain/forms.rs.
//!
//! A *rival* of group C is a group of the same leaf that could win, for some line, although C fits
//! that line without a difference. Mostly there is none, and then a walk of the trie decides.

mod forms;
mod rivals;
mod tree;

pub use forms::extract;
use rivals::Rival;
use tree::TreeNode;

use crate::guess::{Guesses, Rows, WAYS};
use crate::layout::Span;
use crate::lex::{tokens, Delimiters, Token};
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

    pub fn memory(&self) -> usize {
        self.held + self.trie.size() + self.rows.size()
    }
}
