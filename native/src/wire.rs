//! The plain byte form in which templates and shapes cross the boundary.
//!
//! Integers are u32, little-endian. A template is `group, slots, kinds (one byte each)`, then
//! `length, bytes` of every literal; a shape is `fields`, then that many i32, then `length, bytes` of
//! every separator. There is one literal or separator more than slots or fields. A list is its
//! entries one after the other.

use crate::render::ShapeParts;

pub fn put_u32(out: &mut Vec<u8>, v: usize) {
    out.extend_from_slice(&(v as u32).to_le_bytes());
}

pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len());
    out.extend_from_slice(bytes);
}

pub fn put_template<L: AsRef<[u8]>>(out: &mut Vec<u8>, group: u32, literals: &[L], kinds: &[u8]) {
    put_u32(out, group as usize);
    put_u32(out, kinds.len());
    out.extend_from_slice(kinds);
    for literal in literals {
        put_bytes(out, literal.as_ref());
    }
}

/// A cursor over bytes that come from outside.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        if n > self.bytes.len() {
            return Err(format!("{n} bytes expected, {} found", self.bytes.len()));
        }
        let (a, b) = self.bytes.split_at(n);
        self.bytes = b;
        Ok(a)
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], String> {
        let n = self.u32()? as usize;
        self.take(n)
    }
}

/// (group, literals, kinds) of every template.
#[allow(clippy::type_complexity)]
pub fn read_templates(bytes: &[u8]) -> Result<Vec<(u32, Vec<Box<[u8]>>, Vec<u8>)>, String> {
    let mut r = Reader::new(bytes);
    let mut found = Vec::new();
    while !r.is_empty() {
        let group = r.u32()?;
        let slots = r.u32()? as usize;
        let kinds = r.take(slots)?.to_vec();
        if let Some(k) = kinds.iter().find(|k| !crate::matching::slots::KINDS.contains(*k)) {
            return Err(format!("{k} is not a slot kind"));
        }
        let mut literals = Vec::with_capacity(slots + 1);
        for _ in 0..=slots {
            literals.push(r.bytes()?.into());
        }
        found.push((group, literals, kinds));
    }
    Ok(found)
}

pub fn read_shapes(bytes: &[u8]) -> Result<Vec<ShapeParts>, String> {
    let mut r = Reader::new(bytes);
    let mut found = Vec::new();
    while !r.is_empty() {
        let n = r.u32()? as usize;
        let fields = r
            .take(n.saturating_mul(4))?
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let mut separators = Vec::with_capacity(n + 1);
        for _ in 0..=n {
            separators.push(r.bytes()?.into());
        }
        found.push(ShapeParts { separators, fields });
    }
    Ok(found)
}
