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

/// The columns of some rows. `columns[t][k]` is the column of slot k of template t, below `count`.
pub fn gather(rows: &Rows, columns: &[Vec<u32>], count: usize) -> Vec<Column> {
    let mut sizes = vec![(0usize, 0usize); count];
    let mut spans = rows.spans;
    for &t in rows.rows {
        let slots = &columns[t as usize];
        let (own, rest) = spans.split_at(slots.len());
        spans = rest;
        for (&c, s) in slots.iter().zip(own) {
            let size = &mut sizes[c as usize];
            size.0 += 1;
            size.1 += (s.end - s.start) as usize;
        }
    }
    let mut found: Vec<Column> = sizes
        .iter()
        .map(|&(n, bytes)| Column { data: Vec::with_capacity(bytes), ends: Vec::with_capacity(n) })
        .collect();
    let mut spans = rows.spans;
    for &t in rows.rows {
        let slots = &columns[t as usize];
        let (own, rest) = spans.split_at(slots.len());
        spans = rest;
        for (&c, s) in slots.iter().zip(own) {
            found[c as usize].push(&rows.raw[s.start as usize..s.end as usize]);
        }
    }
    found
}

/// A fast hash of a short value; only speed rests on it.
pub fn hash(value: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut h = (value.len() as u64).wrapping_mul(K);
    let mut words = value.chunks_exact(8);
    for w in &mut words {
        let mut b = [0u8; 8];
        b.copy_from_slice(w);
        h = (h ^ u64::from_le_bytes(b)).wrapping_mul(K);
        h ^= h >> 32;
    }
    let mut b = [0u8; 8];
    b[..words.remainder().len()].copy_from_slice(words.remainder());
    h = (h ^ u64::from_le_bytes(b)).wrapping_mul(K);
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
                if self.values.get(i as usize) == value {
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
