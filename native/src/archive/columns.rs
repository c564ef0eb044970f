//! Rows to columns: the values of each column side by side, in line order.

use crate::rows::Rows;

/// Values side by side: value i ends at `ends[i]` and begins where the one before ends.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub data: Vec<u8>,
    pub ends: Vec<u32>,
}

impl Column {
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.ends.push(self.data.len() as u32);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.data[start..self.ends[i] as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let value = &self.data[start..end as usize];
            start = end as usize;
            value
        })
    }
}

/// Bytes that are copied at once where there is room for it.
const BLOCK: usize = 32;

/// A column under way: its data is longer than what is used, so that copies may run over.
#[derive(Default)]
struct Growing {
    data: Vec<u8>,
    used: usize,
    ends: Vec<u32>,
}

impl Growing {
    #[inline(always)]
    fn push(&mut self, raw: &[u8], start: usize, end: usize) {
        let n = end - start;
        if n <= BLOCK && start + BLOCK <= raw.len() {
            if self.used + BLOCK > self.data.len() {
                self.data.resize(2 * self.data.len() + 1024, 0);
            }
            let piece: &[u8; BLOCK] = raw[start..start + BLOCK].try_into().unwrap_or(&[0; BLOCK]);
            self.data[self.used..self.used + BLOCK].copy_from_slice(piece);
        } else {
            if self.used + n > self.data.len() {
                self.data.resize(2 * self.data.len() + n + 1024, 0);
            }
            self.data[self.used..self.used + n].copy_from_slice(&raw[start..end]);
        }
        self.used += n;
        self.ends.push(self.used as u32);
    }
}

/// The columns of some rows, which are proved to be rows on the way: literals and spans in turn are
/// the raw bytes. `columns[t][k]` is the column of slot k of template t, below `count`.
pub fn gather(rows: &Rows, columns: &[Vec<u32>], count: usize) -> Result<Vec<Column>, String> {
    let mut found: Vec<Growing> = (0..count).map(|_| Growing::default()).collect();
    let (mut spans, mut at) = (rows.spans, 0usize);
    for (row, &t) in rows.rows.iter().enumerate() {
        let wrong = || format!("row {row} does not fit its template {t}");
        let template = rows.templates.get(t as usize).ok_or_else(wrong)?;
        let slots = columns.get(t as usize).ok_or_else(wrong)?;
        if template.literals.len() != slots.len() + 1 || spans.len() < slots.len() {
            return Err(wrong());
        }
        let begin = at;
        let (own, rest) = spans.split_at(slots.len());
        spans = rest;
        for (k, literal) in template.literals.iter().enumerate() {
            let end = at + literal.len();
            if end > rows.raw.len() || !same(&rows.raw[at..end], literal) {
                return Err(wrong());
            }
            at = end;
            if let (Some(&c), Some(s)) = (slots.get(k), own.get(k)) {
                if s.start as usize != at || s.end < s.start || s.end as usize > rows.raw.len() {
                    return Err(wrong());
                }
                found[c as usize].push(rows.raw, s.start as usize, s.end as usize);
                at = s.end as usize;
            }
        }
        if at == begin {
            return Err(wrong());
        }
    }
    if at != rows.raw.len() || !spans.is_empty() {
        return Err(format!("the rows end at byte {at} of {}", rows.raw.len()));
    }
    Ok(found
        .into_iter()
        .map(|mut g| {
            g.data.truncate(g.used);
            Column { data: g.data, ends: g.ends }
        })
        .collect())
}

#[inline(always)]
fn load8(b: &[u8], at: usize) -> u64 {
    let mut w = [0u8; 8];
    w.copy_from_slice(&b[at..at + 8]);
    u64::from_le_bytes(w)
}

#[inline(always)]
fn load4(b: &[u8], at: usize) -> u64 {
    let mut w = [0u8; 4];
    w.copy_from_slice(&b[at..at + 4]);
    u64::from(u32::from_le_bytes(w))
}

/// Up to 8 bytes as a number.
#[inline(always)]
fn short(b: &[u8]) -> u64 {
    match b.len() {
        0 => 0,
        1..4 => u64::from(b[0]) | u64::from(b[b.len() / 2]) << 8 | u64::from(b[b.len() - 1]) << 16,
        n if n < 8 => load4(b, 0) | load4(b, n - 4) << 32,
        _ => load8(b, 0),
    }
}

/// Whether two texts are the same, without a call for short ones.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let n = a.len();
    if n != b.len() {
        return false;
    }
    match n {
        0..=8 => short(a) == short(b),
        9..=16 => load8(a, 0) == load8(b, 0) && load8(a, n - 8) == load8(b, n - 8),
        _ => a == b,
    }
}

/// A fast hash of a value; only speed rests on it.
#[inline(always)]
pub fn hash(value: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let n = value.len();
    let mut h = (n as u64).wrapping_mul(K);
    if n > 8 {
        let mut at = 0;
        while at + 8 < n {
            h = (h ^ load8(value, at)).wrapping_mul(K);
            h ^= h >> 32;
            at += 8;
        }
        h = (h ^ load8(value, n - 8)).wrapping_mul(K);
    } else {
        h = (h ^ short(value)).wrapping_mul(K);
    }
    h ^ (h >> 29)
}

/// Distinct values by number, in order of first sight.
#[derive(Default)]
pub struct Entries {
    pub values: Column,
    /// Open addressing over a power of two: hash above, number + 1 below; 0 is free.
    slots: Vec<u64>,
}

impl Entries {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn find(&self, value: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.seek(value, hash(value)).1
    }

    fn seek(&self, value: &[u8], h: u64) -> (usize, Option<u32>) {
        let mask = self.slots.len() - 1;
        let mut at = (h >> 20) as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return (at, None);
            }
            if slot >> 32 == h >> 32 {
                let i = slot as u32 - 1;
                if same(self.values.get(i as usize), value) {
                    return (at, Some(i));
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of a value, and whether it is new.
    pub fn add(&mut self, value: &[u8]) -> (u32, bool) {
        if self.slots.len() < 2 * (self.len() + 1) {
            let size = (4 * (self.len() + 1)).next_power_of_two().max(64);
            self.slots = vec![0; size];
            for i in 0..self.len() {
                let h = hash(self.values.get(i));
                let mut at = (h >> 20) as usize & (size - 1);
                while self.slots[at] != 0 {
                    at = (at + 1) & (size - 1);
                }
                self.slots[at] = (h >> 32) << 32 | (i as u64 + 1);
            }
        }
        let h = hash(value);
        let (at, found) = self.seek(value, h);
        if let Some(i) = found {
            return (i, false);
        }
        let i = self.len() as u32;
        self.slots[at] = (h >> 32) << 32 | (u64::from(i) + 1);
        self.values.push(value);
        (i, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_numbered_in_order_of_first_sight() {
        let mut entries = Entries::default();
        for i in 0..3000u32 {
            let text = format!("value {}", i % 1000);
            assert_eq!(entries.add(text.as_bytes()), (i % 1000, i < 1000));
        }
        assert_eq!(entries.find(b"value 999"), Some(999));
        assert_eq!(entries.find(b"value 1000"), None);
    }
}
