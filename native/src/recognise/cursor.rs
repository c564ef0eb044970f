//! A reading position in a value, and the numbers that many recognisers begin with.

/// A reading position in a value; every `eat` advances only when it returns something.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> u8 {
        // 0 stands for the end: no recogniser accepts a NUL.
        self.rest.first().copied().unwrap_or(0)
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or(&[]);
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && !self.done();
        if found {
            self.skip(1);
        }
        found
    }

    pub(super) fn eat_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let next = self.peek();
        if self.done() || !bytes.contains(&next) {
            return None;
        }
        self.skip(1);
        Some(next)
    }

    /// Blanks, any number; true if there was one.
    pub(super) fn blanks(&mut self) -> bool {
        let mut any = false;
        while self.eat(b' ') {
            any = true;
        }
        any
    }

    pub(super) fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|&&b| accept(b)).count();
        let (run, rest) = self.rest.split_at(length);
        self.rest = rest;
        run
    }

    pub(super) fn digits(&mut self) -> &'a [u8] {
        self.run(|b| b.is_ascii_digit())
    }

    /// A whole run of `min` to `max` (at most 9) digits as a number within `low..=high`.
    pub(super) fn field(&mut self, min: usize, max: usize, low: u32, high: u32) -> Option<u32> {
        let mut ahead = *self;
        let run = ahead.digits();
        if run.len() < min || run.len() > max {
            return None;
        }
        let value = run.iter().fold(0, |v, &b| v * 10 + u32::from(b - b'0'));
        if !(low..=high).contains(&value) {
            return None;
        }
        *self = ahead;
        Some(value)
    }

    /// A three-letter name out of `names`, not followed by another letter.
    pub(super) fn name(&mut self, names: &[&[u8; 3]]) -> bool {
        let Some(word) = self.rest.get(..3) else {
            return false;
        };
        let found =
            names.iter().any(|n| *n == word) && !self.rest.get(3).is_some_and(u8::is_ascii_alphabetic);
        if found {
            self.skip(3);
        }
        found
    }
}

/// Digits, or groups of three split by commas.
pub(super) fn whole_number(cursor: &mut Cursor) -> bool {
    let lead = cursor.digits().len();
    if lead == 0 {
        return false;
    }
    if lead <= 3 {
        let mut ahead = *cursor;
        while ahead.eat(b',') && ahead.digits().len() == 3 {
            *cursor = ahead;
        }
    }
    true
}

/// An unsigned number with an optional fraction.
pub(super) fn decimal(cursor: &mut Cursor) -> bool {
    let whole = whole_number(cursor);
    let mut ahead = *cursor;
    if ahead.eat(b'.') && !ahead.digits().is_empty() {
        *cursor = ahead;
        return true;
    }
    whole
}
