//! The expressions in which the rules of the mask lexer are written, read into a tree.
//!
//! This is the part of Python's `re` (bytes, ASCII) that such rules need: classes, groups, alternatives,
//! greedy repetitions, looking ahead and behind, `\A`, and one group with a name, which says what the
//! variable is. Whatever else there is in `re` is refused, so that a rule means the same here and there.

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set(pub [u64; 4]);

impl Set {
    pub const NONE: Set = Set([0; 4]);
    pub const ALL: Set = Set([u64::MAX; 4]);

    pub fn one(b: u8) -> Set {
        let mut set = Set::NONE;
        set.add(b, b);
        set
    }

    fn add(&mut self, from: u8, to: u8) {
        for b in from..=to {
            self.0[b as usize / 64] |= 1 << (b % 64);
        }
    }

    #[inline(always)]
    pub fn has(&self, b: u8) -> bool {
        self.0[b as usize / 64] >> (b % 64) & 1 == 1
    }

    pub fn not(&self) -> Set {
        Set(self.0.map(|w| !w))
    }

    pub fn or(&self, other: &Set) -> Set {
        Set(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    pub fn and(&self, other: &Set) -> Set {
        Set(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    pub fn is_empty(&self) -> bool {
        *self == Set::NONE
    }

    pub fn within(&self, other: &Set) -> bool {
        self.and(&other.not()).is_empty()
    }

    pub fn white() -> Set {
        let mut set = Set::one(b' ');
        set.add(9, 13);
        set
    }

    pub fn digits() -> Set {
        let mut set = Set::NONE;
        set.add(b'0', b'9');
        set
    }

    fn words() -> Set {
        let mut set = Set::digits();
        set.add(b'a', b'z');
        set.add(b'A', b'Z');
        set.add(b'_', b'_');
        set
    }
}

#[derive(Clone, Debug)]
pub enum Node {
    Set(Set),
    Cat(Vec<Node>),
    Alt(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: u32,
    },
    Look {
        ahead: bool,
        negative: bool,
        node: Box<Node>,
    },
    Start,
    /// The group that has a name.
    Named(Box<Node>),
}

/// No upper bound of a repetition.
pub const MANY: u32 = u32::MAX;
const MAX_REPEAT: u32 = 10_000;
const MAX_DEPTH: u32 = 50;

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

/// The tree of an expression.
pub fn parse(text: &[u8]) -> Result<Node, String> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let node = parser.alternatives()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => parser.fail("a closing parenthesis too many"),
    }
}

impl Parser<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at byte {} of {}", self.at, String::from_utf8_lossy(self.text)))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.text[self.at..].starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn next(&mut self) -> Result<u8, String> {
        match self.peek() {
            Some(b) => {
                self.at += 1;
                Ok(b)
            }
            None => self.fail("the end is missing"),
        }
    }

    fn alternatives(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("groups are nested too deep");
        }
        let mut all = vec![self.sequence()?];
        while self.eat("|") {
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Alt(all) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut all = Vec::new();
        while let Some(b) = self.peek() {
            if b == b'|' || b == b')' {
                break;
            }
            let item = self.item()?;
            all.push(self.repeated(item)?);
        }
        Ok(Node::Cat(all))
    }

    fn item(&mut self) -> Result<Node, String> {
        match self.next()? {
            b'(' => self.group(),
            b'[' => self.class().map(Node::Set),
            b'.' => Ok(Node::Set(Set::one(b'\n').not())),
            b'\\' => match self.peek() {
                Some(b'A') => {
                    self.at += 1;
                    Ok(Node::Start)
                }
                _ => self.escape().map(Node::Set),
            },
            b @ (b'*' | b'+' | b'?' | b'{' | b'^' | b'$') => {
                self.at -= 1;
                self.fail(&format!("{:?} is not understood", b as char))
            }
            b => Ok(Node::Set(Set::one(b))),
        }
    }

    fn group(&mut self) -> Result<Node, String> {
        let look = [("?=", true, false), ("?!", true, true), ("?<=", false, false), ("?<!", false, true)];
        for (text, ahead, negative) in look {
            if self.eat(text) {
                let node = Box::new(self.closed()?);
                return Ok(Node::Look { ahead, negative, node });
            }
        }
        if self.eat("?P<") {
            while self.next()? != b'>' {}
            return Ok(Node::Named(Box::new(self.closed()?)));
        }
        if !self.eat("?:") && self.peek() == Some(b'?') {
            return self.fail("this kind of group is not understood");
        }
        self.closed()
    }

    fn closed(&mut self) -> Result<Node, String> {
        let node = self.alternatives()?;
        if self.eat(")") {
            return Ok(node);
        }
        self.fail("a closing parenthesis is missing")
    }

    fn number(&mut self) -> Option<u32> {
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.text[self.at..self.at + digits]).ok()?;
        self.at += digits;
        text.parse().ok()
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let (min, max) = match self.peek() {
            Some(b'*') => (0, MANY),
            Some(b'+') => (1, MANY),
            Some(b'?') => (0, 1),
            Some(b'{') => {
                self.at += 1;
                let Some(min) = self.number() else { return self.fail("a number is missing") };
                let max = if self.eat(",") { self.number().unwrap_or(MANY) } else { min };
                if min > max || (max != MANY && max > MAX_REPEAT) || self.peek() != Some(b'}') {
                    return self.fail("this repetition is not understood");
                }
                (min, max)
            }
            _ => return Ok(node),
        };
        self.at += 1;
        if matches!(self.peek(), Some(b'?' | b'+' | b'*' | b'{')) {
            return self.fail("only greedy repetitions are understood");
        }
        Ok(Node::Repeat { node: Box::new(node), min, max })
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<Set, String> {
        Ok(match self.next()? {
            b's' => Set::white(),
            b'S' => Set::white().not(),
            b'd' => Set::digits(),
            b'D' => Set::digits().not(),
            b'w' => Set::words(),
            b'W' => Set::words().not(),
            b'n' => Set::one(b'\n'),
            b'r' => Set::one(b'\r'),
            b't' => Set::one(b'\t'),
            b'f' => Set::one(12),
            b'v' => Set::one(11),
            b'x' => {
                let digits = [self.next()?, self.next()?];
                let text = std::str::from_utf8(&digits).unwrap_or("");
                match u8::from_str_radix(text, 16) {
                    Ok(b) => Set::one(b),
                    Err(_) => return self.fail("two hexadecimal digits are missing"),
                }
            }
            b if b.is_ascii_alphanumeric() => {
                return self.fail(&format!("\\{} is not understood", b as char))
            }
            b => Set::one(b),
        })
    }

    fn class(&mut self) -> Result<Set, String> {
        let negative = self.eat("^");
        let mut set = Set::NONE;
        let mut first = true;
        loop {
            let b = self.next()?;
            if b == b']' && !first {
                break;
            }
            first = false;
            let low = self.member(b)?;
            if self.peek() == Some(b'-') && self.text.get(self.at + 1).is_some_and(|b| *b != b']') {
                self.at += 1;
                let b = self.next()?;
                let high = self.member(b)?;
                let (Some(low), Some(high)) = (single(&low), single(&high)) else {
                    return self.fail("a range between classes");
                };
                if low > high {
                    return self.fail("a range that goes down");
                }
                set.add(low, high);
            } else {
                set = set.or(&low);
            }
        }
        Ok(if negative { set.not() } else { set })
    }

    fn member(&mut self, b: u8) -> Result<Set, String> {
        if b == b'\\' {
            return self.escape();
        }
        Ok(Set::one(b))
    }
}

fn single(set: &Set) -> Option<u8> {
    let count: u32 = set.0.iter().map(|w| w.count_ones()).sum();
    (0..=255).find(|b| count == 1 && set.has(*b))
}

/// Whether what matches can hold a byte of `set`.
pub fn may_hold(node: &Node, set: &Set) -> bool {
    match node {
        Node::Set(own) => !own.and(set).is_empty(),
        Node::Cat(all) | Node::Alt(all) => all.iter().any(|n| may_hold(n, set)),
        Node::Repeat { node, max, .. } => *max > 0 && may_hold(node, set),
        Node::Named(node) => may_hold(node, set),
        Node::Look { .. } | Node::Start => false,
    }
}

/// The least number of bytes that match.
pub fn least(node: &Node) -> usize {
    match node {
        Node::Set(_) => 1,
        Node::Cat(all) => all.iter().map(least).sum(),
        Node::Alt(all) => all.iter().map(least).min().unwrap_or(0),
        Node::Repeat { node, min, .. } => least(node).saturating_mul(*min as usize),
        Node::Named(node) => least(node),
        Node::Look { .. } | Node::Start => 0,
    }
}

/// What is needed if one of two things matches: sets of which the one or the other is a part.
fn both_need(a: &[Set], b: &[Set]) -> Vec<Set> {
    let wider = |x: &[Set], y: &[Set]| -> Vec<Set> {
        x.iter().filter(|s| y.iter().any(|t| t.within(s))).copied().collect()
    };
    let mut found = wider(a, b);
    found.extend(wider(b, a));
    found.dedup();
    found
}

/// The sets of bytes of which something that matches holds one before any white space; those looked for
/// ahead count.
pub fn needs(node: &Node, found: &mut Vec<Set>) -> bool {
    match node {
        Node::Set(set) => {
            let white = !set.and(&Set::white()).is_empty();
            if !white {
                found.push(*set);
            }
            white
        }
        Node::Cat(all) => all.iter().any(|n| needs(n, found)),
        Node::Alt(all) => {
            // What all of them need; white space in one of them ends the row.
            let mut common: Option<Vec<Set>> = None;
            let mut white = false;
            for n in all {
                let mut own = Vec::new();
                white |= needs(n, &mut own);
                common = Some(match common {
                    None => own,
                    Some(c) => both_need(&c, &own),
                });
            }
            found.extend(common.unwrap_or_default());
            white
        }
        Node::Repeat { node, min, .. } => {
            if *min > 0 {
                needs(node, found);
            }
            may_hold(node, &Set::white())
        }
        Node::Named(node) => needs(node, found),
        Node::Look { ahead: true, negative: false, node } => {
            needs(node, found);
            false
        }
        Node::Look { .. } | Node::Start => false,
    }
}
