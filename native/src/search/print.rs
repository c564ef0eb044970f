//! Lines as grep prints them: with the name of a file, with numbers, or only parts of them.

use super::parts::Part;
use crate::archive::numbers::format;

/// What stands before every line.
#[derive(Default)]
pub struct Head<'a> {
    /// Of the file; none is printed if there is none.
    pub name: Option<&'a [u8]>,
    /// Of the lines, one each, `origin` less than what is printed.
    pub numbers: &'a [i64],
    pub origin: i64,
    /// Whether numbers are printed.
    pub numbered: bool,
    /// Which lines were found, if context is printed, too: that has a hyphen for the colon, and `--` stands
    /// between lines that are not neighbours.
    pub found: Option<&'a [u8]>,
    /// A zero byte stands behind the name.
    pub zero: bool,
    /// With colours, those of grep.
    pub painted: bool,
}

const NAME: &[u8] = b"35";
const NUMBER: &[u8] = b"32";
const SIGN: &[u8] = b"36";
const MATCH: &[u8] = b"01;31";

impl Head<'_> {
    fn is_found(&self, line: usize) -> bool {
        self.found.is_none_or(|found| found.get(line) != Some(&0))
    }

    /// Some text in a colour.
    fn paint(&self, out: &mut Vec<u8>, colour: &[u8], text: impl FnOnce(&mut Vec<u8>)) {
        if !self.painted {
            return text(out);
        }
        out.extend_from_slice(b"\x1b[");
        out.extend_from_slice(colour);
        out.extend_from_slice(b"m\x1b[K");
        text(out);
        out.extend_from_slice(b"\x1b[m\x1b[K");
    }

    fn gap(&self, out: &mut Vec<u8>, line: usize) {
        let number = |line: usize| self.numbers.get(line).copied();
        if self.found.is_some() && line > 0 && number(line).map(|n| n - 1) != number(line - 1) {
            self.paint(out, SIGN, |out| out.extend_from_slice(b"--"));
            out.push(b'\n');
        }
    }

    fn write(&self, out: &mut Vec<u8>, line: usize) {
        let sign = if self.is_found(line) { b':' } else { b'-' };
        if let Some(name) = self.name {
            self.paint(out, NAME, |out| out.extend_from_slice(name));
            if self.zero {
                out.push(0);
            } else {
                self.paint(out, SIGN, |out| out.push(sign));
            }
        }
        if let Some(number) = self.numbers.get(line).filter(|_| self.numbered) {
            let number = number.saturating_add(self.origin).unsigned_abs();
            self.paint(out, NUMBER, |out| format(out, number, 1));
            self.paint(out, SIGN, |out| out.push(sign));
        }
    }
}

/// Lines with what stands before them; each ends in a line feed if it did.
pub fn lines(text: &[u8], head: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    for (i, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        head.gap(&mut out, i);
        head.write(&mut out, i);
        out.extend_from_slice(line);
    }
    out
}

/// Parts of lines (by growing number of the line), each on a line of its own: of those that were found, or,
/// if `context`, of the others.
pub fn parts(text: &[u8], parts: &[Part], head: &Head, context: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = parts.iter().peekable();
    for (i, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        head.gap(&mut out, i);
        while let Some(&(_, start, end)) = left.next_if(|part| part.0 == i) {
            if head.is_found(i) != context {
                head.write(&mut out, i);
                let part = line.get(start..end).unwrap_or_default();
                head.paint(&mut out, MATCH, |out| out.extend_from_slice(part));
                out.push(b'\n');
            }
        }
    }
    out
}

/// Whole lines, in which parts (by growing number of the line) have a colour: of lines that were found, or,
/// if `context`, of the others.
pub fn painted(text: &[u8], parts: &[Part], head: &Head, context: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 2);
    let mut left = parts.iter().peekable();
    for (i, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        head.gap(&mut out, i);
        head.write(&mut out, i);
        let mut at = 0;
        while let Some(&(_, start, end)) = left.next_if(|part| part.0 == i) {
            if head.is_found(i) != context {
                out.extend_from_slice(line.get(at..start).unwrap_or_default());
                let part = line.get(start..end).unwrap_or_default();
                head.paint(&mut out, MATCH, |out| out.extend_from_slice(part));
                at = end;
            }
        }
        out.extend_from_slice(line.get(at..).unwrap_or_default());
    }
    out
}

/// Lines of a block that are printed if some (growing, from 0) were found: these, marked by 1, and what is
/// around them, marked by 0.
pub fn around(found: &[i64], before: i64, after: i64, lines: i64) -> (Vec<i64>, Vec<u8>) {
    let (mut numbers, mut marks) = (Vec::new(), Vec::new());
    let mut next = 0i64;
    for (i, &number) in found.iter().enumerate() {
        let end = found.get(i + 1).copied().unwrap_or(lines);
        let first = number.saturating_sub(before).max(next);
        let behind = number.saturating_add(after).saturating_add(1).min(end).min(lines);
        for shown in first..behind.max(number + 1) {
            numbers.push(shown);
            marks.push(u8::from(shown == number));
        }
        next = behind.max(number + 1);
    }
    (numbers, marks)
}

/// Some lines of a text, by growing numbers from 0, each with a line feed.
pub fn pick(text: &[u8], numbers: &[i64]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut wanted = numbers.iter().peekable();
    for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let Some(&&next) = wanted.peek() else { break };
        if next == i as i64 {
            wanted.next();
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_stand_before_lines_with_a_sign_for_context() {
        let numbers = [6, 7, 9];
        let found: Option<&[u8]> = Some(&[1, 0, 1]);
        let head =
            Head { name: Some(b"x"), numbers: &numbers, origin: 1, numbered: true, found, ..Head::default() };

        assert_eq!(lines(b"a\nb\nc\n", &head), b"x:7:a\nx-8-b\n--\nx:10:c\n");
        let found = [(0, 0, 1), (0, 2, 3), (1, 0, 1)];
        assert_eq!(parts(b"abc\nd\ne\n", &found, &head, false), b"x:7:a\nx:7:c\n--\n");
        assert_eq!(parts(b"abc\nd\ne\n", &found, &head, true), b"x-8-d\n--\n");
        assert_eq!(lines(b"a\n\nb", &Head::default()), b"a\n\nb");
    }

    #[test]
    fn parts_of_lines_are_painted_where_they_are() {
        let head = Head { name: Some(b"x"), zero: true, painted: true, ..Head::default() };
        let on = |colour: &str, text: &str| format!("\x1b[{colour}m\x1b[K{text}\x1b[m\x1b[K");
        let name = on("35", "x") + "\0";
        let expected = format!("{name}a{}c{}\n{name}d\n", on("01;31", "b"), on("01;31", "e"));
        let found = [(0, 1, 2), (0, 3, 4)];

        assert_eq!(String::from_utf8(painted(b"abce\nd\n", &found, &head, false)).unwrap(), expected);
        assert_eq!(painted(b"abce\n", &found, &Head::default(), true), b"abce\n");
    }

    #[test]
    fn context_ends_where_the_next_line_or_its_context_begins() {
        assert_eq!(around(&[0, 4, 5], 1, 2, 7), (vec![0, 1, 2, 3, 4, 5, 6], vec![1, 0, 0, 0, 1, 1, 0]));
        assert_eq!(around(&[3], 1, i64::MAX, 5), (vec![2, 3, 4], vec![0, 1, 0]));
        assert_eq!(around(&[1, 9], 0, 0, 10), (vec![1, 9], vec![1, 1]));
        assert_eq!(around(&[], 9, 9, 5), (vec![], vec![]));
    }

    #[test]
    fn lines_are_picked_by_number_and_all_end() {
        assert_eq!(pick(b"a\nb\n\nc", &[0, 2, 3, 9]), b"a\n\nc\n");
        assert_eq!(pick(b"", &[]), b"");
    }
}
