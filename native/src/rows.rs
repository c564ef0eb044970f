//! Rows: raw bytes seen as templates and spans, which is all that the structured coder asks of a parse.
//!
//! A row is a line with its terminator. Its template has one literal more than slots; the literals and
//! the spans of the rows, in turn, are the raw bytes without a gap, and `Rows::check` proves it. Header
//! shape, message template and terminator of a parse together make one row template, the terminator
//! being the end of the last literal. So a parse of any quality is coded exactly or refused.
//!
//! Two parses need no parser and are here: fields between delimiters with quotes respected, and whole
//! lines. The number of templates is bounded; a line over the bound gets the verbatim template, whose
//! one slot holds everything.

use crate::layout::Span;
use std::collections::HashMap;

/// Slots of one row that a builder makes at most; a longer line is verbatim.
pub const MAX_SLOTS: usize = 4096;
/// Bytes of all literals that the field parse makes at most.
const MAX_LITERALS: usize = 4 << 20;
/// A longer word before `=` is no key.
const MAX_KEY: usize = 40;

/// Literals with a slot between two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowTemplate {
    /// At least one.
    pub literals: Vec<Vec<u8>>,
}

impl RowTemplate {
    pub fn slots(&self) -> usize {
        self.literals.len().saturating_sub(1)
    }

    /// One slot for the whole row.
    pub fn verbatim() -> RowTemplate {
        RowTemplate { literals: vec![Vec::new(), Vec::new()] }
    }
}

/// Raw bytes and a parse of them.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub raw: &'a [u8],
    pub templates: &'a [RowTemplate],
    /// Template of each row.
    pub rows: &'a [u32],
    /// One per slot of each row, row after row; positions in `raw`.
    pub spans: &'a [Span],
}

/// A parse without its bytes.
#[derive(Clone, Debug, Default)]
pub struct OwnedRows {
    pub templates: Vec<RowTemplate>,
    pub rows: Vec<u32>,
    pub spans: Vec<Span>,
}

impl OwnedRows {
    pub fn on<'a>(&'a self, raw: &'a [u8]) -> Rows<'a> {
        Rows { raw, templates: &self.templates, rows: &self.rows, spans: &self.spans }
    }
}

impl Rows<'_> {
    /// Whether literals and spans, row after row, are exactly `raw`.
    pub fn check(&self) -> Result<(), String> {
        if self.raw.len() >= u32::MAX as usize {
            return Err(format!("{} bytes in one block of rows, at most 4 GiB", self.raw.len()));
        }
        if let Some(t) = self.templates.iter().position(|t| t.literals.is_empty()) {
            return Err(format!("row template {t} has no literal"));
        }
        let (mut at, mut next) = (0usize, 0usize);
        for (row, &t) in self.rows.iter().enumerate() {
            let template = self
                .templates
                .get(t as usize)
                .ok_or_else(|| format!("row {row} has template {t} of {}", self.templates.len()))?;
            let begin = at;
            let wrong = |at: usize| format!("row {row} does not fit its template {t} at byte {at}");
            for (k, literal) in template.literals.iter().enumerate() {
                if k > 0 {
                    let span = self.spans.get(next).ok_or_else(|| format!("row {row} lacks spans"))?;
                    next += 1;
                    if span.start as usize != at || span.end < span.start {
                        return Err(wrong(at));
                    }
                    at = span.end as usize;
                }
                if !self.raw.get(at..).is_some_and(|rest| rest.starts_with(literal)) {
                    return Err(wrong(at));
                }
                at += literal.len();
            }
            if at == begin {
                return Err(format!("row {row} is empty at byte {at}"));
            }
        }
        if at != self.raw.len() || next != self.spans.len() {
            return Err(format!(
                "the rows end at byte {at} of {} and span {next} of {}",
                self.raw.len(),
                self.spans.len()
            ));
        }
        Ok(())
    }
}

/// The byte form of a template table: how many there are, then for each the number of its slots, then the
/// length and the bytes of each literal; numbers are LEB128.
pub fn write_templates(templates: &[RowTemplate]) -> Vec<u8> {
    fn put(out: &mut Vec<u8>, mut n: usize) {
        while n >= 128 {
            out.push(n as u8 | 128);
            n >>= 7;
        }
        out.push(n as u8);
    }
    let mut bytes = Vec::new();
    put(&mut bytes, templates.len());
    for template in templates {
        put(&mut bytes, template.slots());
        for literal in &template.literals {
            put(&mut bytes, literal.len());
            bytes.extend_from_slice(literal);
        }
    }
    bytes
}

pub fn read_templates(bytes: &[u8]) -> Result<Vec<RowTemplate>, String> {
    fn number(rest: &mut &[u8]) -> Result<usize, String> {
        let mut n = 0usize;
        for shift in (0..32).step_by(7) {
            let (first, tail) = rest.split_first().ok_or("the table of row templates ends early")?;
            *rest = tail;
            n |= ((first & 127) as usize) << shift;
            if *first < 128 {
                return Ok(n);
            }
        }
        Err("a number in the table of row templates is too long".into())
    }
    let mut rest = bytes;
    let mut templates = Vec::new();
    for _ in 0..number(&mut rest)? {
        let slots = number(&mut rest)?;
        let mut literals = Vec::new();
        for _ in 0..=slots {
            let n = number(&mut rest)?;
            let (literal, tail) = rest.split_at_checked(n).ok_or("a literal is longer than its table")?;
            literals.push(literal.to_vec());
            rest = tail;
        }
        templates.push(RowTemplate { literals });
    }
    if !rest.is_empty() {
        return Err(format!("{} bytes after the table of row templates", rest.len()));
    }
    Ok(templates)
}

/// Start and end of every line, terminator included; the last may lack one.
fn line_ends(raw: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= raw.len() {
            return None;
        }
        let rest = &raw[start..];
        let end = start + rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |n| n + 1);
        let line = (start, end);
        start = end;
        Some(line)
    })
}

/// Bytes of LF, CR LF or nothing at the end of a line.
fn terminator(line: &[u8]) -> usize {
    match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// Every line as one slot and its terminator.
pub fn line_rows(raw: &[u8]) -> OwnedRows {
    let literals = |end: &[u8]| RowTemplate { literals: vec![Vec::new(), end.to_vec()] };
    let mut owned = OwnedRows {
        templates: vec![literals(b""), literals(b"\n"), literals(b"\r\n")],
        ..Default::default()
    };
    for (start, end) in line_ends(raw) {
        let cut = terminator(&raw[start..end]);
        owned.rows.push(cut as u32);
        owned.spans.push(span(start, end - cut));
    }
    owned
}

/// Lines cut into fields, at most `max_templates` row templates, the verbatim one (0) included.
///
/// A field lies between white space and `, ; = | ( ) [ ] { } < >`; a quoted string is one field, save
/// that one before a colon and a word before `=` are keys and belong to the template.
pub fn field_rows(raw: &[u8], max_templates: usize) -> OwnedRows {
    let mut owned = OwnedRows { templates: vec![RowTemplate::verbatim()], ..Default::default() };
    let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
    let (mut fields, mut key, mut total) = (Vec::new(), Vec::new(), 0usize);
    for (start, end) in line_ends(raw) {
        let line = &raw[start..end];
        fields.clear();
        split_fields(&line[..line.len() - terminator(line)], &mut fields);
        key.clear();
        let mut from = 0;
        for &(a, b) in &fields {
            key.extend_from_slice(&((a - from) as u32).to_le_bytes());
            key.extend_from_slice(&line[from..a]);
            from = b;
        }
        key.extend_from_slice(&line[from..]);
        let mut template = known.get(&key).copied();
        let room = owned.templates.len() < max_templates && total + key.len() <= MAX_LITERALS;
        if template.is_none() && room && !fields.is_empty() && fields.len() <= MAX_SLOTS {
            let mut literals = Vec::with_capacity(fields.len() + 1);
            let mut from = 0;
            for &(a, b) in &fields {
                literals.push(line[from..a].to_vec());
                from = b;
            }
            literals.push(line[from..].to_vec());
            let id = owned.templates.len() as u32;
            owned.templates.push(RowTemplate { literals });
            total += key.len();
            known.insert(key.clone(), id);
            template = Some(id);
        }
        match template {
            Some(t) => {
                owned.rows.push(t);
                owned.spans.extend(fields.iter().map(|&(a, b)| span(start + a, start + b)));
            }
            None => {
                owned.rows.push(0);
                owned.spans.push(span(start, end));
            }
        }
    }
    owned
}

fn is_delimiter(b: u8) -> bool {
    matches!(b, 0..=b' ' | b',' | b';' | b'=' | b'|' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>')
}

/// Start and end of every field of a line without its terminator.
fn split_fields(line: &[u8], fields: &mut Vec<(usize, usize)>) {
    let mut at = 0;
    // Once a quote is seen to be never closed, the rest of the line has no quoted string either.
    let mut open = [true; 256];
    while at < line.len() {
        let b = line[at];
        if (b == b'"' || b == b'\'') && open[b as usize] {
            if let Some(close) = closing(line, at) {
                if !is_key(line, close + 1) {
                    fields.push((at + 1, close));
                }
                at = close + 1;
                continue;
            }
            open[b as usize] = false;
        }
        if is_delimiter(b) {
            at += 1;
            continue;
        }
        let rest = &line[at + 1..];
        let end = at + 1 + rest.iter().position(|&b| is_delimiter(b) || b == b'"').unwrap_or(rest.len());
        let is_word = line[at..end].iter().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(b));
        let key = line.get(end) == Some(&b'=') && is_word && end - at <= MAX_KEY;
        // The colon between a key in quotes and its value stands alone.
        if !key && line[at..end] != *b":" {
            let colon = usize::from(b == b':' && at > 0 && line[at - 1] == b'"');
            fields.push((at + colon, end));
        }
        at = end;
    }
}

/// The closing quote of the string that opens at `at`; a backslash escapes.
fn closing(line: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    while i < line.len() {
        match line[i] {
            b'\\' => i += 2,
            b if b == line[at] => return Some(i),
            _ => i += 1,
        }
    }
    None
}

/// Whether a colon comes next, blanks apart.
fn is_key(line: &[u8], at: usize) -> bool {
    let rest = line.get(at..).unwrap_or_default();
    rest.iter().find(|b| **b != b' ') == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Vec<&str> {
        let mut found = Vec::new();
        split_fields(line.as_bytes(), &mut found);
        found.iter().map(|&(a, b)| &line[a..b]).collect()
    }

    #[test]
    fn quoted_strings_are_fields_and_keys_are_not() {
        assert_eq!(
            fields(r#"1.2.3.4 - [x y] "GET /a b" 200"#),
            ["1.2.3.4", "-", "x", "y", "GET /a b", "200"]
        );
        assert_eq!(fields(r#"{"a":1,"b": "x\"y","c":{"d":null}}"#), ["1", r#"x\"y"#, "null"]);
        assert_eq!(fields(r#"level=info msg="a b" n=3"#), ["info", "a b", "3"]);
        assert_eq!(fields(r#"it's "open"#), ["it's", "\"open"]);
    }

    #[test]
    fn builders_tile_whatever_comes() {
        let text = b"a b\r\nc=\"d\n\n\n\0\xff 'x' \"y\"\":z\\\n\"\\".repeat(3);
        for cut in 0..text.len() {
            let raw = &text[..cut];
            for owned in [line_rows(raw), field_rows(raw, 3), field_rows(raw, 100)] {
                owned.on(raw).check().unwrap();
                assert!(owned.templates.len() <= 100);
            }
        }
    }

    #[test]
    fn template_tables_come_back() {
        let table = field_rows(b"a b\nc=1\n\n\0\xff\r\n", 10).templates;
        let bytes = write_templates(&table);
        assert_eq!(read_templates(&bytes).unwrap(), table);
        for cut in 0..bytes.len() {
            assert!(read_templates(&bytes[..cut]).is_err());
        }
        assert!(read_templates(&[255; 9]).is_err());
    }

    #[test]
    fn the_bound_on_templates_holds() {
        let raw: Vec<u8> = (0..200).flat_map(|i| format!("a{}\n", " b".repeat(i)).into_bytes()).collect();
        let owned = field_rows(&raw, 10);
        assert_eq!(owned.templates.len(), 10);
        owned.on(&raw).check().unwrap();
    }

    #[test]
    fn rows_that_do_not_tile_are_refused() {
        let raw = b"a b\nc d\n";
        let good = field_rows(raw, 10);
        let mut gap = good.clone();
        gap.spans[1].end -= 1;
        assert!(gap.on(raw).check().is_err());
        let mut short = good.clone();
        short.rows.pop();
        assert!(short.on(raw).check().is_err());
        let mut foreign = good.clone();
        foreign.rows[0] = 7;
        assert!(foreign.on(raw).check().is_err());
        let empty = OwnedRows { templates: vec![RowTemplate::default()], rows: vec![0], spans: vec![] };
        assert!(empty.on(b"").check().is_err());
    }
}
