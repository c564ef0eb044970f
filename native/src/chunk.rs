//! One chunk of input: its lines, their headers, their templates, and the columns made of them.
//!
//! A chunk is an arena. It is filled by `match_lines` (any number of chunks in parallel), completed
//! by `learn` (one after the other, in file order), turned into columns by `gather` (in parallel
//! again), and used again for other input once nobody looks at its columns any more.

mod tables;

pub use tables::sample_level;

use crate::drain::{Drain, Scratch};
use crate::layout::{Layout, Shapes, Span, Split, NO_HEADER};
use crate::scan::Newlines;
use crate::trie::NONE;

/// `input` is longer than what was read by this much, so that fixed-size copies may run over.
pub const PADDING: usize = 64;
const BLOCK: usize = 32;

pub const TERM_NONE: u8 = 0;
pub const TERM_LF: u8 = 1;
pub const TERM_CRLF: u8 = 2;

/// Byte strings side by side: value i is `data[offsets[i]..offsets[i + 1]]`.
#[derive(Default)]
pub struct Strings {
    pub offsets: Vec<i32>,
    pub data: Vec<u8>,
    used: usize,
    values: usize,
}

impl Strings {
    /// Empties the column and makes room for `values` values of `bytes` bytes in all.
    fn begin(&mut self, values: usize, bytes: usize) -> Result<(), String> {
        self.offsets.clear();
        self.offsets.resize(values + 1, 0);
        self.values = 0;
        self.used = 0;
        grow(&mut self.data, bytes + PADDING)
    }

    #[inline(always)]
    fn push(&mut self, input: &[u8], s: Span) {
        self.used += copy(&mut self.data, self.used, input, s);
        self.values += 1;
        self.offsets[self.values] = self.used as i32;
    }
}

/// Makes a buffer at least `len` bytes long. The size of a line is the input's choice, so that want of
/// memory is an error here and does not end the process.
fn grow(buffer: &mut Vec<u8>, len: usize) -> Result<(), String> {
    if buffer.len() < len {
        let more = len - buffer.len();
        buffer.try_reserve_exact(more).map_err(|_| format!("there is no memory for {len} bytes"))?;
        buffer.resize(len, 0);
    }
    Ok(())
}

/// Where a line ends, and by what.
#[inline(always)]
fn line_end(input: &[u8], start: usize, newline: usize, terminated: bool) -> (usize, u8) {
    if !terminated {
        return (newline, TERM_NONE);
    }
    if newline > start && input[newline - 1] == b'\r' {
        return (newline - 1, TERM_CRLF);
    }
    (newline, TERM_LF)
}

/// Copies a span to `to[at..]` and returns its length. Both sides are padded: blocks of fixed size
/// are copied, and whatever is written too much is overwritten by the next value.
#[inline(always)]
fn copy(to: &mut [u8], at: usize, input: &[u8], s: Span) -> usize {
    let (a, n) = (s.start as usize, (s.end - s.start) as usize);
    let mut done = 0;
    loop {
        // As numbers, or the compiler makes one call of memcpy with a variable length of it.
        let from: &[u8; BLOCK] = input[a + done..a + done + BLOCK].try_into().unwrap_or(&[0; BLOCK]);
        let (low, high) = from.split_at(BLOCK / 2);
        let low = u128::from_ne_bytes(low.try_into().unwrap_or_default());
        let high = u128::from_ne_bytes(high.try_into().unwrap_or_default());
        let to = &mut to[at + done..at + done + BLOCK];
        to[..BLOCK / 2].copy_from_slice(&low.to_ne_bytes());
        to[BLOCK / 2..].copy_from_slice(&high.to_ne_bytes());
        done += BLOCK;
        if done >= n {
            return n;
        }
    }
}

#[derive(Default)]
pub struct Chunk {
    /// Bytes read, then padding.
    pub input: Vec<u8>,
    pub used: usize,
    pub terminators: Vec<u8>,
    pub shapes: Vec<u16>,
    pub templates: Vec<u32>,
    messages: Vec<Span>,
    /// `field_count` spans per line.
    fields: Vec<Span>,
    /// First variable of each line in `spans`.
    first_span: Vec<u32>,
    spans: Vec<Span>,
    /// Lines whose shape has to be added to the table: (line, key).
    new_shapes: Vec<(u32, Vec<u8>)>,
    field_count: usize,
    /// The epoch of the table that the lines were matched against.
    epoch: u32,
    /// Whether a line matched nothing.
    misses: bool,
    /// Bytes of each field over all lines.
    field_bytes: Vec<usize>,
    scratch: Scratch,
    walk: crate::matching::Scratch,
    /// Of a sample: the level of every line in it.
    pub levels: Vec<u8>,
    key: Vec<u8>,
    newlines: Newlines,
    // Results of `gather`.
    pub values: Strings,
    /// Offsets of each field's column into `field_data`; the first is not 0.
    pub field_offsets: Vec<Vec<i32>>,
    pub field_data: Vec<u8>,
    /// Whether the columns are those of the lines and templates that are here now.
    gathered: bool,
    order: Vec<u32>,
    counts: Vec<u32>,
}

impl Chunk {
    pub fn lines(&self) -> usize {
        self.templates.len()
    }

    pub fn field_count(&self) -> usize {
        self.field_count
    }

    /// The header fields of a line, and its variables first among all that follow.
    #[inline(always)]
    pub fn spans_of(&self, line: usize) -> (&[Span], &[Span]) {
        let from = line * self.field_count;
        (&self.fields[from..from + self.field_count], &self.spans[self.first_span[line] as usize..])
    }

    /// Makes `input` hold at least `capacity` bytes and padding.
    pub fn reserve(&mut self, capacity: usize) -> Result<(), String> {
        grow(&mut self.input, capacity.saturating_add(PADDING))
    }

    fn clear(&mut self, field_count: usize) {
        self.terminators.clear();
        self.shapes.clear();
        self.templates.clear();
        self.messages.clear();
        self.fields.clear();
        self.first_span.clear();
        self.spans.clear();
        self.new_shapes.clear();
        self.field_count = field_count;
        self.misses = false;
        self.gathered = false;
        self.field_bytes.clear();
        self.field_bytes.resize(field_count, 0);
    }

    /// Splits `input[..used]` into lines and headers, and calls `then` with each message while its
    /// bytes are still in the nearest cache. Unless shapes can `grow`, a line of an unknown one has
    /// no header.
    #[inline(always)]
    fn split_lines(
        &mut self,
        layout: &Layout,
        shapes: &Shapes,
        grow: bool,
        mut then: impl FnMut(&mut Chunk, &[u8], Span) -> bool,
    ) -> bool {
        self.clear(layout.field_count());
        // Taken out, so that they can be read while the rest is written.
        let input = std::mem::take(&mut self.input);
        let mut newlines = std::mem::take(&mut self.newlines);
        newlines.scan(&input[..self.used]);
        let mut start = 0usize;
        let mut going = true;
        for nl in newlines.positions(self.used) {
            let message = self.split_line(layout, shapes, grow, &input, start, nl, nl < self.used);
            going = then(self, &input, message);
            if !going {
                break;
            }
            start = nl + 1;
        }
        self.newlines = newlines;
        self.input = input;
        going
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn split_line(
        &mut self,
        layout: &Layout,
        shapes: &Shapes,
        grow: bool,
        input: &[u8],
        start: usize,
        newline: usize,
        terminated: bool,
    ) -> Span {
        let (end, terminator) = line_end(input, start, newline, terminated);
        let line = self.shapes.len() as u32;
        let mut message = Span { start: start as u32, end: end as u32 };
        let from = self.fields.len();
        self.fields.resize(from + self.field_count, Span::default());
        let mut shape = NO_HEADER;
        match layout.split(shapes, input, start, end, &mut self.fields[from..], &mut message, &mut self.key) {
            Split::Known(id) => shape = id,
            Split::New if grow => self.new_shapes.push((line, self.key.clone())),
            _ => {
                message = Span { start: start as u32, end: end as u32 };
                self.fields[from..].fill(Span::default());
            }
        }
        for (total, s) in self.field_bytes.iter_mut().zip(&self.fields[from..]) {
            *total += (s.end - s.start) as usize;
        }
        self.terminators.push(terminator);
        self.shapes.push(shape);
        self.messages.push(message);
        message
    }

    /// Lines, headers and, where the table already knows, templates of `input[..used]`.
    #[inline(always)]
    pub fn match_lines(&mut self, drain: &Drain, layout: &Layout, shapes: &Shapes, frozen: bool) {
        self.epoch = drain.epoch();
        self.split_lines(layout, shapes, true, |c, input, message| {
            c.match_message(drain, input, message, frozen);
            true
        });
    }

    /// The same for messages given by their offsets in `input`; there are no lines and headers.
    pub fn match_given(&mut self, drain: &Drain, offsets: &[i64], frozen: bool) {
        self.epoch = drain.epoch();
        self.given(offsets);
        let input = std::mem::take(&mut self.input);
        for i in 0..self.messages.len() {
            self.match_message(drain, &input, self.messages[i], frozen);
        }
        self.input = input;
    }

    /// Messages without lines and headers.
    fn given(&mut self, offsets: &[i64]) {
        self.clear(0);
        for pair in offsets.windows(2) {
            self.messages.push(Span { start: pair[0] as u32, end: pair[1] as u32 });
            self.terminators.push(TERM_NONE);
            self.shapes.push(NO_HEADER);
        }
    }

    #[inline(always)]
    fn match_message(&mut self, drain: &Drain, input: &[u8], message: Span, frozen: bool) {
        self.first_span.push(self.spans.len() as u32);
        let t = drain.find(input, message, &mut self.spans, &mut self.scratch, frozen);
        self.misses |= t == NONE;
        self.templates.push(t);
    }

    /// Lines and headers, each line being given its template: the second pass over a source.
    ///
    /// Returns the first line whose template does not fit, if any.
    pub fn align(
        &mut self,
        layout: &Layout,
        shapes: &Shapes,
        given: &[u32],
        table: &Programs,
    ) -> Result<(), usize> {
        // A shape that is unknown by now did not find room in the table.
        let fits =
            self.split_lines(layout, shapes, false, |c, input, m| c.align_message(input, m, given, table));
        self.aligned(fits, given)
    }

    /// The same for messages given by their offsets in `input`.
    pub fn align_given(&mut self, offsets: &[i64], given: &[u32], table: &Programs) -> Result<(), usize> {
        self.given(offsets);
        let input = std::mem::take(&mut self.input);
        let fits =
            (0..self.messages.len()).all(|i| self.align_message(&input, self.messages[i], given, table));
        self.input = input;
        self.aligned(fits, given)
    }

    fn align_message(&mut self, input: &[u8], message: Span, given: &[u32], table: &Programs) -> bool {
        let line = self.templates.len();
        self.first_span.push(self.spans.len() as u32);
        match given.get(line) {
            Some(&t) if table.extract(t, input, message, &mut self.spans) => {
                self.templates.push(t);
                true
            }
            _ => false,
        }
    }

    fn aligned(&self, fits: bool, given: &[u32]) -> Result<(), usize> {
        if fits && self.templates.len() == given.len() {
            return Ok(());
        }
        Err(self.templates.len())
    }

    /// Whether `learn` would change nothing, neither here nor there.
    pub fn is_settled(&self, drain: &Drain) -> bool {
        self.is_complete() && !drain.tracks_use() && !drain.has_changed_since(self.epoch)
    }

    /// Whether every line has an answer, which is final unless something is learned first.
    pub fn is_complete(&self) -> bool {
        !self.misses && self.new_shapes.is_empty()
    }

    pub fn is_gathered(&self) -> bool {
        self.gathered
    }

    /// Learns from the lines that matched nothing, and looks again at those whose answer changed.
    pub fn learn(&mut self, drain: &mut Drain, shapes: Option<&mut Shapes>, frozen: bool) {
        let refused = self.add_shapes(shapes);
        self.drop_headers(&refused);
        let touch = drain.tracks_use();
        for i in 0..self.templates.len() {
            let t = self.templates[i];
            if t == NONE || drain.is_dirty(t, self.epoch) {
                self.gathered = false;
                self.first_span[i] = self.spans.len() as u32;
                self.templates[i] =
                    drain.place(&self.input, self.messages[i], &mut self.spans, &mut self.scratch, frozen);
            }
            if touch && self.templates[i] != 0 {
                drain.touch(self.templates[i]);
            }
        }
    }

    /// Adds the new shapes to the table; returns the lines (ascending) whose shape found no room.
    fn add_shapes(&mut self, mut shapes: Option<&mut Shapes>) -> Vec<usize> {
        let mut refused = Vec::new();
        self.gathered &= self.new_shapes.is_empty();
        for (line, key) in std::mem::take(&mut self.new_shapes) {
            match shapes.as_deref_mut().and_then(|s| s.insert(&key)) {
                Some(id) => self.shapes[line as usize] = id,
                None => refused.push(line as usize),
            }
        }
        refused
    }

    /// Makes the whole of some lines (ascending) their messages.
    fn drop_headers(&mut self, lines: &[usize]) {
        let mut left = lines.iter().copied().peekable();
        let mut start = 0usize;
        for (i, newline) in self.newlines.positions(self.used).enumerate() {
            if left.peek().is_none() {
                return;
            }
            if left.next_if_eq(&i).is_some() {
                let cut = usize::from(self.terminators[i] == TERM_CRLF);
                self.messages[i] = Span { start: start as u32, end: (newline - cut) as u32 };
                let from = i * self.field_count;
                self.fields[from..from + self.field_count].fill(Span::default());
                self.templates[i] = NONE;
                self.misses = true;
            }
            start = newline + 1;
        }
    }

    /// Turns spans into columns: values ordered by template, slot, line; one column per field.
    #[inline(always)]
    pub fn gather(&mut self, slots: &dyn Fn(u32) -> usize, templates: usize) -> Result<(), String> {
        let n = self.templates.len();
        // Counting sort of the lines by template.
        self.counts.clear();
        self.counts.resize(templates + 1, 0);
        for &t in &self.templates {
            self.counts[t as usize + 1] += 1;
        }
        for t in 0..templates {
            self.counts[t + 1] += self.counts[t];
        }
        self.order.clear();
        self.order.resize(n, 0);
        for (i, &t) in self.templates.iter().enumerate() {
            let c = &mut self.counts[t as usize];
            self.order[*c as usize] = i as u32;
            *c += 1;
        }
        self.values.begin(self.spans.len(), self.used)?;
        let mut from = 0usize;
        while from < n {
            let t = self.templates[self.order[from] as usize];
            let to = self.counts[t as usize] as usize;
            for slot in 0..slots(t) {
                for &i in &self.order[from..to] {
                    let s = self.spans[self.first_span[i as usize] as usize + slot];
                    self.values.push(&self.input, s);
                }
            }
            from = to;
        }
        // Lines that were looked at twice left spans that are nobody's.
        self.values.offsets.truncate(self.values.values + 1);
        self.gathered = true;
        Ok(())
    }

    /// One column per header field, all in one buffer.
    ///
    /// Lines are taken in blocks small enough that their bytes stay in the nearest cache while
    /// every field of the block is copied; between columns there is room for a copy to run over.
    pub fn gather_fields(&mut self) -> Result<(), String> {
        const LINES: usize = 128;
        let (n, f) = (self.templates.len(), self.field_count);
        self.field_offsets.resize_with(f, Vec::new);
        let mut next = vec![0usize; f];
        let mut at = 0usize;
        for k in 0..f {
            next[k] = at;
            at += self.field_bytes[k] + PADDING;
            self.field_offsets[k].clear();
            self.field_offsets[k].resize(n + 1, 0);
            self.field_offsets[k][0] = next[k] as i32;
        }
        if at > i32::MAX as usize - PADDING {
            return Err(format!("a chunk with {at} bytes of header fields; at most 2 GiB can be handled"));
        }
        grow(&mut self.field_data, at + PADDING)?;
        for (number, block) in self.fields.chunks(LINES * f.max(1)).enumerate() {
            for k in 0..f {
                let mut o = next[k];
                let offsets = &mut self.field_offsets[k][number * LINES + 1..];
                for (offset, s) in offsets.iter_mut().zip(block[k..].iter().step_by(f)) {
                    o += copy(&mut self.field_data, o, &self.input, *s);
                    *offset = o as i32;
                }
                next[k] = o;
            }
        }
        Ok(())
    }
}

/// Templates of any parser as programs: literals and slot kinds, matched one at a time.
pub struct Programs {
    pub literals: Vec<Vec<Box<[u8]>>>,
    pub kinds: Vec<Vec<u8>>,
    pub delimiters: crate::lex::Delimiters,
}

impl Programs {
    pub fn extract(&self, t: u32, data: &[u8], m: Span, spans: &mut Vec<Span>) -> bool {
        let (Some(literals), Some(kinds)) = (self.literals.get(t as usize), self.kinds.get(t as usize))
        else {
            return false;
        };
        if kinds.iter().all(|k| crate::matching::slots::is_plain(*k)) {
            return crate::drain::extract(literals, kinds, &self.delimiters, data, m, spans);
        }
        crate::matching::fit(literals, kinds, &self.delimiters, data, m, spans)
    }
}
