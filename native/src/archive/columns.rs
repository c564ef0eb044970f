//! Columns of values, in line order, and lists of distinct values.
//!
//! A column's bytes are followed by room, so that values are copied and compared in pieces of fixed size:
//! calls of memcpy and memcmp for a few bytes each would take most of the time here.

use crate::simd::soon;

/// Bytes that are copied at once where there is room for it; a column has as many behind its values.
pub const BLOCK: usize = 32;

/// Memory is kept for the next block up to this many times what was used of it, and some bytes.
const WASTE: usize = 3;
const SMALL: usize = 4096;

/// Values side by side: value i ends at `ends[i]` and begins where the one before ends.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Longer than what is used.
    data: Vec<u8>,
    used: usize,
    pub ends: Vec<u32>,
}

impl Column {
    /// Forgets the values; their memory stays.
    pub fn clear(&mut self) {
        self.used = 0;
        self.ends.clear();
    }

    /// As `clear`, but memory that hardly anything was used of is given back. What is one slot's
    /// column in this block is another one's in the next: all would in time be as large as the
    /// largest of theirs.
    pub fn clear_for_others(&mut self) {
        if self.data.len() > WASTE * self.used + SMALL {
            self.data = Vec::new();
        }
        if self.ends.capacity() > WASTE * self.ends.len() + SMALL / 4 {
            self.ends = Vec::new();
        }
        self.clear();
    }

    pub fn push(&mut self, value: &[u8]) {
        self.push_from(value, 0, value.len());
    }

    /// Appends `from[start..end]`; fast if there are 32 bytes from `start` on.
    #[inline(always)]
    pub fn push_from(&mut self, from: &[u8], start: usize, end: usize) {
        let n = end - start;
        if self.used + n.max(BLOCK) + BLOCK > self.data.len() {
            self.grow(n);
        }
        match from.get(start..start + BLOCK) {
            Some(piece) if n <= BLOCK => {
                let piece: &[u8; BLOCK] = piece.try_into().unwrap_or(&[0; BLOCK]);
                self.data[self.used..self.used + BLOCK].copy_from_slice(piece);
            }
            _ => self.data[self.used..self.used + n].copy_from_slice(&from[start..end]),
        }
        self.used += n;
        self.ends.push(self.used as u32);
    }

    #[cold]
    fn grow(&mut self, n: usize) {
        self.data.resize(2 * self.data.len() + n + 8 * BLOCK, 0);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All values, end to end.
    pub fn bytes(&self) -> &[u8] {
        &self.data[..self.used]
    }

    /// The same with at least 32 bytes behind them, unless there are no values.
    pub fn padded(&self) -> &[u8] {
        &self.data
    }

    pub fn get(&self, i: usize) -> &[u8] {
        let (start, end) = self.range(i);
        &self.data[start..end]
    }

    pub fn range(&self, i: usize) -> (usize, usize) {
        (if i == 0 { 0 } else { self.ends[i - 1] as usize }, self.ends[i] as usize)
    }

    /// Start and end of each value.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + Clone + '_ {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let range = (start, end as usize);
            start = end as usize;
            range
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.ranges().map(|(start, end)| &self.data[start..end])
    }

    /// The length that all values have, if they have one; 0 if there are none.
    pub fn width(&self) -> Option<usize> {
        let first = self.ends.first().map_or(0, |e| *e as usize);
        let uniform =
            self.used == first * self.len() && self.ends.iter().zip(1..).all(|(e, i)| *e == first as u32 * i);
        uniform.then_some(first)
    }

    /// Whether all values are the same; so it is if there are none.
    pub fn is_constant(&self) -> bool {
        let first = self.ends.first().map_or(0, |e| *e as usize);
        // The last one is the likeliest to be another one.
        let (last, end) = self.len().checked_sub(1).map_or((0, 0), |i| self.range(i));
        end - last == first
            && same(&self.data[last..end], &self.data[..first])
            && self.width().is_some()
            && self.data[first..self.used] == self.data[..self.used - first]
    }
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

#[inline(always)]
fn load16(b: &[u8], at: usize) -> u128 {
    let mut w = [0u8; 16];
    w.copy_from_slice(&b[at..at + 16]);
    u128::from_le_bytes(w)
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
        17..=32 => load16(a, 0) == load16(b, 0) && load16(a, n - 16) == load16(b, n - 16),
        _ => long_same(a, b),
    }
}

/// Masks of the first 0 to 16 bytes.
const FIRST: [u128; 17] = {
    let mut masks = [u128::MAX; 17];
    let mut n = 0;
    while n < 16 {
        masks[n] = (1 << (8 * n)) - 1;
        n += 1;
    }
    masks
};

/// Whether `n` bytes of two texts are the same, behind which both have more up to 32 bytes at least. There
/// is no branch for the length, which is not to be foreseen.
#[inline(always)]
pub fn same_padded(a: &[u8], b: &[u8], n: usize) -> bool {
    if n > BLOCK {
        return same(&a[..n], &b[..n]);
    }
    let low = (load16(a, 0) ^ load16(b, 0)) & FIRST[n.min(16)];
    let high = (load16(a, 16) ^ load16(b, 16)) & FIRST[n.saturating_sub(16)];
    low | high == 0
}

fn long_same(a: &[u8], b: &[u8]) -> bool {
    a == b
}

/// The first and the last eight bytes of a value, and its length: all there is to know of one of at most
/// 16 bytes. The first ones of a shorter one are followed by zeros, and it has no last ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    head: u64,
    tail: u64,
    len: u32,
}

const K: u64 = 0x9E37_79B9_7F4A_7C15;

impl Key {
    pub fn of(value: &[u8]) -> Key {
        let n = value.len();
        let (mut head, mut tail) = ([0u8; 8], [0u8; 8]);
        head[..n.min(8)].copy_from_slice(&value[..n.min(8)]);
        if n > 8 {
            tail.copy_from_slice(&value[n - 8..]);
        }
        Key { head: u64::from_le_bytes(head), tail: u64::from_le_bytes(tail), len: n as u32 }
    }

    /// The same for `data[start..end]`, behind which there are more bytes.
    #[inline(always)]
    pub fn at(data: &[u8], start: usize, end: usize) -> Key {
        let n = end - start;
        let head = load8(data, start);
        if n <= 8 {
            let head = if n == 0 { 0 } else { head << (64 - 8 * n) >> (64 - 8 * n) };
            return Key { head, tail: 0, len: n as u32 };
        }
        Key { head, tail: load8(data, end - 8), len: n as u32 }
    }

    /// A place among 2^LOG, from what is here of the value.
    #[inline(always)]
    fn place<const LOG: u32>(&self) -> usize {
        let h = (self.head ^ self.tail.rotate_left(29)).wrapping_mul(K) ^ u64::from(self.len);
        (h.wrapping_mul(K) >> (64 - LOG)) as usize
    }

    /// A fast hash of the value whose key this is; only speed rests on it.
    #[inline(always)]
    fn hash(&self, value: &[u8]) -> u64 {
        let n = value.len();
        let mut h = ((n as u64).wrapping_mul(K) ^ self.head).wrapping_mul(K);
        h ^= h >> 32;
        let mut at = 8;
        while at + 8 < n {
            h = (h ^ load8(value, at)).wrapping_mul(K);
            h ^= h >> 32;
            at += 8;
        }
        h = (h ^ self.tail).wrapping_mul(K);
        h ^ (h >> 29)
    }
}

const RECENT: u32 = 7;

/// Values that are looked for together: a list that is larger than the near caches would be waited for at
/// every value.
const GROUP: usize = 32;

/// Distinct values by number, in order of first sight.
#[derive(Default)]
pub struct Entries {
    pub values: Column,
    keys: Vec<Key>,
    /// Open addressing over a power of two: hash above, number + 1 below; 0 is free.
    slots: Vec<u64>,
    /// What was found of late: key, and number + 1.
    recent: Vec<(Key, u32)>,
}

impl Entries {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Forgets the values; their memory stays.
    pub fn clear(&mut self) {
        self.values.clear();
        self.keys.clear();
        self.slots.fill(0);
        self.recent.fill((Key::default(), 0));
    }

    /// Calls `each` with every value and whether it is here; as `add_all`, they are looked for together.
    pub fn find_all<'v>(&self, values: &[&'v [u8]], mut each: impl FnMut(&'v [u8], bool)) {
        if self.slots.is_empty() {
            values.iter().for_each(|value| each(value, false));
            return;
        }
        let mut group = [(Key::default(), 0u64); GROUP];
        for values in values.chunks(GROUP) {
            for (to, value) in group.iter_mut().zip(values) {
                let key = Key::of(value);
                *to = (key, key.hash(value));
                soon(&self.slots, self.place(to.1));
            }
            for (_, h) in &group[..values.len()] {
                self.key_soon(*h);
            }
            for ((key, h), value) in group.iter().zip(values) {
                each(value, self.seek(key, value, *h).1.is_some());
            }
        }
    }

    /// Where a value with this hash is looked for first.
    #[inline(always)]
    fn place(&self, h: u64) -> usize {
        (h >> 20) as usize & self.slots.len().wrapping_sub(1)
    }

    /// Says that the key will be wanted that is at the first place of a hash.
    #[inline(always)]
    fn key_soon(&self, h: u64) {
        let number = self.slots.get(self.place(h)).map_or(0, |slot| *slot as u32 as usize);
        soon(&self.keys, number.wrapping_sub(1));
    }

    #[inline(always)]
    fn is(&self, i: u32, key: &Key, value: &[u8]) -> bool {
        self.keys[i as usize] == *key && (key.len <= 16 || same(self.values.get(i as usize), value))
    }

    #[inline(always)]
    fn seek(&self, key: &Key, value: &[u8], h: u64) -> (usize, Option<u32>) {
        let mask = self.slots.len() - 1;
        let mut at = self.place(h);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return (at, None);
            }
            if slot >> 32 == h >> 32 {
                let i = slot as u32 - 1;
                if self.is(i, key, value) {
                    return (at, Some(i));
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// The number of a value, and whether it is new.
    pub fn add(&mut self, value: &[u8]) -> (u32, bool) {
        self.add_key(Key::of(value), value)
    }

    /// The same where the key is known.
    #[inline(always)]
    pub fn add_key(&mut self, key: Key, value: &[u8]) -> (u32, bool) {
        let place = key.place::<RECENT>();
        if let Some((known, i)) = self.recent.get(place) {
            if *known == key && *i > 0 && (key.len <= 16 || same(self.values.get(*i as usize - 1), value)) {
                return (i - 1, false);
            }
        }
        let (i, new) = self.add_slow(key, value);
        self.recent[place] = (key, i + 1);
        (i, new)
    }

    fn add_slow(&mut self, key: Key, value: &[u8]) -> (u32, bool) {
        self.add_hashed(key, value, key.hash(value))
    }

    /// Calls `each` with the number of every value of a column and how many entries there were before it.
    pub fn add_all(&mut self, column: &Column, mut each: impl FnMut(u32, usize)) {
        let data = column.padded();
        let mut group = [(Key::default(), 0u64, 0usize); GROUP];
        let mut ranges = column.ranges();
        loop {
            let mut n = 0;
            for (to, (start, end)) in group.iter_mut().zip(&mut ranges) {
                let key = Key::at(data, start, end);
                let h = key.hash(&data[start..end]);
                soon(&self.slots, self.place(h));
                *to = (key, h, start);
                n += 1;
            }
            for (_, h, _) in &group[..n] {
                self.key_soon(*h);
            }
            for &(key, h, start) in &group[..n] {
                let before = self.len();
                each(self.add_hashed(key, &data[start..start + key.len as usize], h).0, before);
            }
            if n < GROUP {
                return;
            }
        }
    }

    #[inline(always)]
    fn add_hashed(&mut self, key: Key, value: &[u8], h: u64) -> (u32, bool) {
        if self.slots.len() < 2 * (self.len() + 1) {
            self.resize();
        }
        let (at, found) = self.seek(&key, value, h);
        if let Some(i) = found {
            return (i, false);
        }
        let i = self.len() as u32;
        self.slots[at] = (h >> 32) << 32 | (u64::from(i) + 1);
        self.keys.push(key);
        self.values.push(value);
        (i, true)
    }

    #[cold]
    fn resize(&mut self) {
        self.recent.resize(1 << RECENT, (Key::default(), 0));
        let size = (2 * (self.len() + 1)).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(size, 0);
        for (i, key) in self.keys.iter().enumerate() {
            let h = key.hash(self.values.get(i));
            let mut at = (h >> 20) as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = (h >> 32) << 32 | (i as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_now_another_slots_does_not_keep_the_memory_of_the_largest() {
        let mut column = Column::default();
        for round in 0..3 {
            for i in 0..100_000 {
                column.push(format!("value {i}").as_bytes());
            }
            let most = (column.data.len(), column.ends.capacity());
            column.clear_for_others();
            assert_eq!((column.data.len(), column.ends.capacity()), most, "{round}: used, so kept");
            for i in 0..10 {
                column.push(format!("value {i}").as_bytes());
            }
            assert_eq!(column.get(9), b"value 9");
            column.clear_for_others();
            assert!(column.data.len() <= SMALL && column.ends.capacity() <= SMALL, "{round}");
            assert_eq!(column.len(), 0);
        }
    }

    fn has(entries: &Entries, value: &[u8]) -> bool {
        let mut found = Vec::new();
        entries.find_all(&[value], |_, known| found.push(known));
        found == [true]
    }

    #[test]
    fn entries_are_numbered_in_order_of_first_sight() {
        let mut entries = Entries::default();
        for round in 0..2 {
            for i in 0..3000u32 {
                let text = format!("value {}{}", i % 1000, "-".repeat(i as usize % 40));
                let expected = (i % 1000, i < 1000);
                assert_eq!(entries.add(text.as_bytes()), expected, "{round} {i}");
            }
            assert!(has(&entries, b"value 80"));
            assert!(!has(&entries, b"value 1000"));
            entries.clear();
            assert!(!has(&entries, b"value 80"));
        }
    }

    #[test]
    fn values_are_found_together_as_they_are_one_by_one() {
        let texts: Vec<String> = (0..500).map(|i| format!("{}{i}", "x".repeat(i % 30))).collect();
        let mut entries = Entries::default();
        for text in texts.iter().step_by(3) {
            entries.add(text.as_bytes());
        }
        let all: Vec<&[u8]> = texts.iter().map(|t| t.as_bytes()).collect();
        for n in [0, 1, GROUP - 1, GROUP, GROUP + 1, all.len()] {
            let mut found = Vec::new();
            entries.find_all(&all[..n], |value, known| found.push((value, known)));
            let expected: Vec<_> = all[..n].iter().enumerate().map(|(i, v)| (*v, i % 3 == 0)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn values_that_look_alike_are_told_apart() {
        let mut entries = Entries::default();
        let mut texts: Vec<Vec<u8>> = (0..=40).map(|n| vec![0u8; n]).collect();
        for n in 1..=40 {
            for at in 0..n {
                let mut text = vec![0u8; n];
                text[at] = 1;
                texts.push(text);
            }
        }
        for round in [true, false] {
            for (i, text) in texts.iter().enumerate() {
                assert_eq!(entries.add(text), (i as u32, round));
            }
        }
        let mut column = Column::default();
        texts.iter().for_each(|t| column.push(t));
        for (text, (a, b)) in texts.iter().zip(column.ranges()) {
            assert_eq!(Key::at(column.padded(), a, b), Key::of(text));
            assert_eq!(&column.bytes()[a..b], &text[..]);
        }
    }

    #[test]
    fn padded_texts_are_compared_as_far_as_they_go() {
        let a: Vec<u8> = (0..80).collect();
        for n in 0..=40 {
            for at in 0..80 {
                let mut b = a.clone();
                b[at] = 255;
                assert_eq!(same_padded(&a, &b, n), at >= n, "{n} {at}");
            }
        }
    }

    #[test]
    fn constant_columns_are_seen() {
        for (values, constant) in [
            (&[][..], true),
            (&["ab", "ab", "ab"], true),
            (&["", ""], true),
            (&["ab", "ac", "ab"], false),
            (&["ab", "a", "b", "ab"], false),
            (&["", "x", ""], false),
        ] {
            let mut column = Column::default();
            values.iter().for_each(|v| column.push(v.as_bytes()));
            assert_eq!(column.is_constant(), constant, "{values:?}");
        }
    }
}
