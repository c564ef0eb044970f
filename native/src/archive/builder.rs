//! Rows of a block from matched chunks: header shape, message template and terminator become one row
//! template, and a header field is the same column in all of them.

use crate::chunk::{Chunk, TERM_CRLF, TERM_LF};
use crate::drain::Drain;
use crate::layout::{Shapes, Span};
use crate::rows::{RowTemplate, Rows, MAX_SLOTS};
use std::collections::HashMap;

/// A row template: where its spans come from.
struct Source {
    /// In order: a field, or -1 for the slots of the message.
    fields: Vec<i32>,
}

/// Rows that grow chunk by chunk.
#[derive(Default)]
pub struct Builder {
    pub raw: Vec<u8>,
    pub rows: Vec<u32>,
    pub spans: Vec<Span>,
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
    pub fn rows(&self) -> Rows<'_> {
        Rows { raw: &self.raw, templates: &self.templates, rows: &self.rows, spans: &self.spans }
    }

    /// Forgets everything but its memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.rows.clear();
        self.spans.clear();
        self.templates.clear();
        self.columns.clear();
        self.sources.clear();
        self.known.clear();
        self.messages.clear();
        self.next_column = 0;
        self.last.clear();
    }

    /// Appends a chunk that was matched and learned.
    pub fn add(&mut self, chunk: &Chunk, shapes: &Shapes, drain: &Drain) -> Result<(), String> {
        let base = self.raw.len();
        if base + chunk.used >= 1 << 30 {
            return Err("a block of a gigabyte or more".into());
        }
        let base = base as u32;
        self.raw.extend_from_slice(&chunk.input[..chunk.used]);
        self.rows.reserve(chunk.lines());
        self.last.resize(RECENT, (u64::MAX, 0));
        let moved = |s: Span| Span { start: s.start + base, end: s.end + base };
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
            let slots = self.columns[row as usize].len() + 1 - self.sources[row as usize].fields.len();
            for &f in &self.sources[row as usize].fields {
                if f >= 0 {
                    self.spans.push(moved(fields[f as usize]));
                } else {
                    self.spans.extend(message[..slots].iter().map(|s| moved(*s)));
                }
            }
        }
        Ok(())
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
        self.templates.push(RowTemplate { literals });
        self.columns.push(columns);
        self.sources.push(Source { fields });
        self.known.insert(key, row);
        Ok(row)
    }
}
