//! Rows of a block from matched chunks: header shape, message template and terminator become one row
//! template, and a header field is the same column in all of them.
//!
//! Rows that will be columns are taken apart here, chunk by chunk while the bytes are still in a near
//! cache, and proved on the way: literals and values in turn are the raw bytes. Level max wants rows in
//! their order, and gets spans; it proves them itself.

use super::columns::{same_padded, Column, BLOCK};
use crate::chunk::{Chunk, TERM_CRLF, TERM_LF};
use crate::drain::Drain;
use crate::layout::{Shapes, Span};
use crate::rows::{RowTemplate, Rows, MAX_SLOTS};
use std::collections::HashMap;

/// A row template: where its spans come from.
struct Source {
    /// In order: a field, or -1 for the slots of the message.
    fields: Vec<i32>,
    /// Slots of the message.
    slots: usize,
    /// Literals and what follows each.
    steps: Vec<Step>,
}

/// A literal of a row template (start, length), and the value behind it.
struct Step {
    literal: (u32, u32),
    value: Value,
}

/// Where a value is, and its column.
#[derive(Clone, Copy)]
enum Value {
    Field(u32, u32),
    Slot(u32, u32),
    /// The row ends.
    None,
}

/// What becomes of rows.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Kind {
    /// Columns.
    Columns,
    /// Spans, in the order of rows.
    #[default]
    Spans,
    /// Nothing yet: only the bytes are kept, because the templates are not known.
    Bytes,
}

/// Rows that grow chunk by chunk.
#[derive(Default)]
pub struct Builder {
    kind: Kind,
    pub raw: Vec<u8>,
    /// Bytes at the end of `raw` that were given, and that chunks are still to come for.
    given: usize,
    pub rows: Vec<u32>,
    pub spans: Vec<Span>,
    /// Values by the numbers in `columns`.
    pub gathered: Vec<Column>,
    /// Why these rows cannot be coded, if so: their bytes are stored all the same.
    pub broken: Option<String>,
    /// All literals, end to end, and padding.
    literals: Vec<u8>,
    pub templates: Vec<RowTemplate>,
    /// Column of each slot of each row template.
    pub columns: Vec<Vec<u32>>,
    sources: Vec<Source>,
    known: HashMap<u64, u32>,
    /// First column of each message template's slots.
    messages: HashMap<u32, u32>,
    next_column: u32,
    /// The last (key, row template): lines often come in runs.
    last: Vec<(u64, u32)>,
}

const RECENT: usize = 256;

impl Builder {
    pub fn of(kind: Kind) -> Builder {
        Builder { kind, ..Builder::default() }
    }

    /// Takes the bytes of another builder, of which chunks will be made anew; it begins again.
    pub fn take(&mut self, other: &mut Builder) {
        self.clear();
        std::mem::swap(&mut self.raw, &mut other.raw);
        self.given = self.raw.len();
        other.clear();
    }

    /// Forgets the rows' values, and their memory, too; the bytes and the number of rows stay.
    pub fn forget_spans(&mut self) {
        self.spans = Vec::new();
    }

    pub fn rows(&self) -> Rows<'_> {
        Rows { raw: &self.raw, templates: &self.templates, rows: &self.rows, spans: &self.spans }
    }

    /// Forgets everything but the memory that was of use.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.given = 0;
        self.rows.clear();
        self.spans.clear();
        self.gathered.iter_mut().for_each(Column::clear_for_others);
        self.broken = None;
        self.literals.clear();
        self.templates.clear();
        self.columns.clear();
        self.sources.clear();
        self.known.clear();
        self.messages.clear();
        self.next_column = 0;
        self.last.clear();
    }

    /// Appends a chunk that was matched and learned.
    #[inline(always)]
    pub fn add(&mut self, chunk: &Chunk, shapes: &Shapes, drain: &Drain) -> Result<(), String> {
        let base = self.raw.len() - self.given;
        if base + chunk.used >= 1 << 30 {
            return Err("a block of a gigabyte or more".into());
        }
        let bytes = &chunk.input[..chunk.used];
        if self.given == 0 {
            self.raw.extend_from_slice(bytes);
        } else if self.raw[base..].starts_with(bytes) {
            self.given -= chunk.used;
        } else {
            return Err("a chunk of other bytes than those that were given".into());
        }
        if self.kind == Kind::Bytes {
            return Ok(());
        }
        let lines = self.rows.len() + chunk.lines();
        self.rows.reserve(chunk.lines());
        if let Err(why) = self.add_rows(base as u32, chunk, shapes, drain) {
            self.broken = Some(why);
            self.rows.resize(lines, 0);
        }
        Ok(())
    }

    #[inline(always)]
    fn add_rows(&mut self, base: u32, chunk: &Chunk, shapes: &Shapes, drain: &Drain) -> Result<(), String> {
        self.last.resize(RECENT, (u64::MAX, 0));
        let mut at = 0usize;
        for i in 0..chunk.lines() {
            let (shape, t, end) = (chunk.shapes[i], chunk.templates[i], chunk.terminators[i]);
            let key = u64::from(t) << 24 | u64::from(shape) << 8 | u64::from(end);
            let recent = (t as usize ^ usize::from(shape)) % RECENT;
            let row = match self.last[recent] {
                (k, row) if k == key => row,
                _ => {
                    let row = match self.known.get(&key) {
                        Some(&row) => row,
                        None => self.open(key, shape, t, end, chunk.field_count(), shapes, drain)?,
                    };
                    self.last[recent] = (key, row);
                    row
                }
            };
            self.rows.push(row);
            let (fields, message) = chunk.spans_of(i);
            if self.kind == Kind::Columns {
                at = self
                    .gather(row, &chunk.input, chunk.used, at, fields, message)
                    .ok_or_else(|| format!("line {i} of a chunk does not fit its template {t}"))?;
            } else {
                self.spread(row, base, fields, message);
            }
        }
        if self.kind == Kind::Columns && at != chunk.used {
            return Err(format!("the lines of a chunk end at byte {at} of {}", chunk.used));
        }
        Ok(())
    }

    /// Appends the spans of a row.
    fn spread(&mut self, row: u32, base: u32, fields: &[Span], message: &[Span]) {
        let moved = |s: Span| Span { start: s.start + base, end: s.end + base };
        let source = &self.sources[row as usize];
        for &f in &source.fields {
            if f >= 0 {
                self.spans.push(moved(fields[f as usize]));
            } else {
                self.spans.extend(message[..source.slots].iter().map(|s| moved(*s)));
            }
        }
    }

    /// Appends the values of a row that begins at `at`; where it ends, if literals and values are its bytes.
    #[inline(always)]
    fn gather(
        &mut self,
        row: u32,
        input: &[u8],
        used: usize,
        at: usize,
        fields: &[Span],
        message: &[Span],
    ) -> Option<usize> {
        let begin = at;
        let mut at = at;
        for step in &self.sources[row as usize].steps {
            let (start, len) = (step.literal.0 as usize, step.literal.1 as usize);
            let end = at + len;
            if end > used || !same_padded(&input[at..], &self.literals[start..], len) {
                return None;
            }
            at = end;
            let (s, column) = match step.value {
                Value::Field(f, column) => (fields[f as usize], column),
                Value::Slot(k, column) => (*message.get(k as usize)?, column),
                Value::None => break,
            };
            if s.start as usize != at || s.end < s.start || s.end as usize > used {
                return None;
            }
            self.gathered[column as usize].push_from(input, at, s.end as usize);
            at = s.end as usize;
        }
        (at > begin).then_some(at)
    }

    #[allow(clippy::too_many_arguments)]
    fn open(
        &mut self,
        key: u64,
        shape: u16,
        t: u32,
        end: u8,
        field_count: usize,
        shapes: &Shapes,
        drain: &Drain,
    ) -> Result<u32, String> {
        let (separators, fields) = shapes.separators_and_fields(shape);
        let message = drain.templates.get(t as usize).ok_or("a template that Drain does not have")?;
        let slots = message.kinds.len() as u32;
        if fields.len() + slots as usize > MAX_SLOTS || fields.iter().filter(|f| **f < 0).count() != 1 {
            return Err("a row with too many slots".into());
        }
        self.next_column = self.next_column.max(field_count as u32);
        let first = *self.messages.entry(t).or_insert_with(|| {
            let first = self.next_column;
            self.next_column += slots;
            first
        });
        let mut literals = vec![separators[0].to_vec()];
        let mut columns = Vec::new();
        for (f, separator) in fields.iter().zip(&separators[1..]) {
            if *f >= 0 {
                columns.push(*f as u32);
                literals.push(separator.to_vec());
                continue;
            }
            columns.extend(first..first + slots);
            for (k, literal) in message.literals.iter().enumerate() {
                match literals.last_mut() {
                    Some(last) if k == 0 => last.extend_from_slice(literal),
                    _ => literals.push(literal.to_vec()),
                }
            }
            if let Some(last) = literals.last_mut() {
                last.extend_from_slice(separator);
            }
        }
        let terminator: &[u8] = match end {
            TERM_LF => b"\n",
            TERM_CRLF => b"\r\n",
            _ => b"",
        };
        if let Some(last) = literals.last_mut() {
            last.extend_from_slice(terminator);
        }
        let row = self.templates.len() as u32;
        let steps = if self.kind == Kind::Columns {
            self.steps(&literals, &fields, &columns, first, slots)
        } else {
            Vec::new()
        };
        self.templates.push(RowTemplate { literals });
        self.columns.push(columns);
        self.sources.push(Source { fields, slots: slots as usize, steps });
        self.known.insert(key, row);
        Ok(row)
    }

    fn steps(
        &mut self,
        literals: &[Vec<u8>],
        fields: &[i32],
        columns: &[u32],
        first: u32,
        slots: u32,
    ) -> Vec<Step> {
        let used = columns.iter().max().map_or(0, |c| *c as usize + 1);
        if self.gathered.len() < used {
            self.gathered.resize_with(used, Column::default);
        }
        let values = fields.iter().flat_map(|&f| {
            let field = (f >= 0).then_some(Value::Field(f as u32, f as u32));
            let message = if f < 0 { 0..slots } else { 0..0 };
            field.into_iter().chain(message.map(move |k| Value::Slot(k, first + k)))
        });
        let values = values.chain(std::iter::once(Value::None));
        let mut steps = Vec::with_capacity(literals.len());
        for (literal, value) in literals.iter().zip(values) {
            self.literals.truncate(self.literals.len().saturating_sub(BLOCK));
            let start = self.literals.len() as u32;
            self.literals.extend_from_slice(literal);
            self.literals.resize(self.literals.len() + BLOCK, 0);
            steps.push(Step { literal: (start, literal.len() as u32), value });
        }
        steps
    }
}
