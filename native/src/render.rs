//! From columns back to rows and to the bytes of the source.

use crate::chunk::{TERM_CRLF, TERM_LF};

/// A batch as the caller holds it; every slice has been bounds-checked by nobody yet.
pub struct Columns<'a> {
    pub templates: &'a [u32],
    /// Slots per template id.
    pub slots: &'a [u32],
    pub offsets: &'a [i32],
    pub data: &'a [u8],
}

/// Where each line's values begin among values ordered by template, slot, line.
struct Cursors {
    base: Vec<usize>,
    count: Vec<usize>,
}

impl Columns<'_> {
    fn cursors(&self) -> Result<Cursors, String> {
        let mut count = vec![0usize; self.slots.len()];
        for &t in self.templates {
            *count.get_mut(t as usize).ok_or_else(|| format!("template id {t} is not in the table"))? += 1;
        }
        let mut base = vec![0usize; self.slots.len()];
        let mut at = 0usize;
        for t in 0..count.len() {
            base[t] = at;
            at += count[t] * self.slots[t] as usize;
        }
        if self.offsets.len() != at + 1 {
            return Err(format!(
                "the lines need {at} values, found {}",
                self.offsets.len().saturating_sub(1)
            ));
        }
        Ok(Cursors { base, count })
    }

    fn value(&self, i: usize) -> Result<&[u8], String> {
        let (a, b) = (self.offsets[i], self.offsets[i + 1]);
        if a < 0 || b < a {
            return Err(format!("value {i} has offsets {a} and {b}"));
        }
        self.data.get(a as usize..b as usize).ok_or_else(|| format!("value {i} lies outside of its data"))
    }

    /// The values in line order: (first value of each line and the total, offsets, data).
    pub fn line_order(&self) -> Result<(Vec<i32>, Vec<i32>, Vec<u8>), String> {
        let Cursors { base, count } = self.cursors()?;
        let mut next = vec![0usize; count.len()];
        let mut lists = Vec::with_capacity(self.templates.len() + 1);
        let mut offsets = Vec::with_capacity(self.offsets.len());
        let mut data = Vec::with_capacity(self.data.len());
        lists.push(0);
        offsets.push(0);
        for &t in self.templates {
            let t = t as usize;
            for slot in 0..self.slots[t] as usize {
                data.extend_from_slice(self.value(base[t] + slot * count[t] + next[t])?);
                offsets.push(data.len() as i32);
            }
            next[t] += 1;
            lists.push(offsets.len() as i32 - 1);
        }
        Ok((lists, offsets, data))
    }

    /// The message of every line: (offsets, data). `literals[t]` has one more entry than slots.
    pub fn messages(&self, literals: &[Vec<Box<[u8]>>]) -> Result<(Vec<i64>, Vec<u8>), String> {
        let Cursors { base, count } = self.cursors()?;
        let mut next = vec![0usize; count.len()];
        let mut offsets = Vec::with_capacity(self.templates.len() + 1);
        let mut data = Vec::with_capacity(self.data.len() * 2);
        offsets.push(0);
        for &t in self.templates {
            let t = t as usize;
            let own = literals.get(t).filter(|l| l.len() == self.slots[t] as usize + 1);
            let own = own.ok_or_else(|| format!("template {t} has no literals"))?;
            data.extend_from_slice(&own[0]);
            for (slot, literal) in own[1..].iter().enumerate() {
                data.extend_from_slice(self.value(base[t] + slot * count[t] + next[t])?);
                data.extend_from_slice(literal);
            }
            next[t] += 1;
            offsets.push(data.len() as i64);
        }
        Ok((offsets, data))
    }
}

/// One kind of header: separators and fields in turn, -1 being the message.
pub struct ShapeParts {
    pub separators: Vec<Box<[u8]>>,
    pub fields: Vec<i32>,
}

/// Joins messages and header fields to lines: (offsets, data).
pub fn lines(
    messages: (&[i64], &[u8]),
    shape_ids: &[u16],
    shapes: &[ShapeParts],
    terminators: &[u8],
    fields: &[(&[i32], &[u8])],
) -> Result<(Vec<i64>, Vec<u8>), String> {
    let n = shape_ids.len();
    let mut offsets = Vec::with_capacity(n + 1);
    let mut data = Vec::with_capacity(messages.1.len() * 2);
    offsets.push(0);
    for i in 0..n {
        let shape = shapes
            .get(shape_ids[i] as usize)
            .ok_or_else(|| format!("shape {} is not in the table", shape_ids[i]))?;
        data.extend_from_slice(&shape.separators[0]);
        for (field, separator) in shape.fields.iter().zip(&shape.separators[1..]) {
            let part = if *field < 0 {
                messages.1.get(messages.0[i] as usize..messages.0[i + 1] as usize)
            } else {
                fields.get(*field as usize).and_then(|(o, d)| d.get(o[i] as usize..o[i + 1] as usize))
            };
            data.extend_from_slice(part.ok_or_else(|| format!("line {i}: field {field} is missing"))?);
            data.extend_from_slice(separator);
        }
        match terminators[i] {
            TERM_LF => data.push(b'\n'),
            TERM_CRLF => data.extend_from_slice(b"\r\n"),
            _ => {}
        }
        offsets.push(data.len() as i64);
    }
    Ok((offsets, data))
}
