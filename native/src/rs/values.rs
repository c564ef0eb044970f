//! What was seen: values by number, recent values of each class, and which value followed a context.
//!
//! A value is stored once and named by its number. All of it is bounded: once the store is full, the model
//! forgets it and begins anew (`Values::is_full`), at the same row in encoder and decoder.

use crate::rs::arith::hash;
use std::collections::HashMap;

/// No value: nothing was seen yet, or it is too long to be kept.
pub const NONE: u32 = u32::MAX;
/// Values longer than this are not kept.
pub const MAX_KEPT: usize = 1 << 14;
const MAX_VALUES: usize = 1 << 20;
/// The tests see a store that is full without coding so much.
const MAX_BYTES: usize = if cfg!(test) { 1 << 16 } else { 24 << 20 };
/// Recent values of a class that are walked over.
pub const POOL: usize = 160;
const MAX_POOLS: usize = 4096;

#[derive(Clone, Copy)]
pub struct Value {
    at: u32,
    len: u32,
    pub pool: u32,
    /// The columns (numbers + 1) that had it last, the latest first.
    pub used_by: [u32; 3],
    pub uses: u32,
    pub row: u32,
    /// Hash of the value up to its last run of digits; NONE if it has no digit before or ends with none.
    pub head: u32,
}

#[derive(Default)]
pub struct Values {
    bytes: Vec<u8>,
    pub list: Vec<Value>,
    index: Vec<u32>,
    pools: Vec<Vec<u32>>,
    classes: HashMap<u32, u32>,
}

fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut h = bytes.len() as u64;
    for part in bytes.chunks(8) {
        let mut word = [0u8; 8];
        word[..part.len()].copy_from_slice(part);
        h = (h ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        h ^= h >> 29;
    }
    (h.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
}

/// The class of a value: what kinds of characters it has in what order, digits by how many.
fn class_of(bytes: &[u8]) -> u32 {
    let (mut h, mut i, mut parts) = (0, 0, 0);
    while i < bytes.len() && parts < 12 {
        let start = i;
        let part = match bytes[i] {
            b'0'..=b'9' => {
                while i < bytes.len() && bytes[i].is_ascii_digit() {
                    i += 1;
                }
                match i - start {
                    1..=3 => 1,
                    4..=6 => 2,
                    7..=9 => 3,
                    10..=13 => 4,
                    _ => 5,
                }
            }
            b if b.is_ascii_alphabetic() || b >= 128 => {
                while i < bytes.len() && (bytes[i].is_ascii_alphabetic() || bytes[i] >= 128) {
                    i += 1;
                }
                7
            }
            b => {
                i += 1;
                // A sign does not make another class.
                let digit = bytes.get(i).is_some_and(u8::is_ascii_digit);
                if b == b'-' && digit && (start == 0 || !bytes[start - 1].is_ascii_alphanumeric()) {
                    continue;
                }
                u32::from(b) + 8
            }
        };
        h = hash(h, part);
        parts += 1;
    }
    h
}

fn head_of(bytes: &[u8]) -> u32 {
    let digits = bytes.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let head = &bytes[..bytes.len() - digits];
    let headed = digits > 0 && head.iter().any(u8::is_ascii_digit);
    if headed {
        head.iter().fold(1, |h, &b| hash(h, u32::from(b)))
    } else {
        NONE
    }
}

impl Values {
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_VALUES || self.bytes.len() >= MAX_BYTES
    }

    pub fn forget(&mut self) {
        *self = Values::default();
    }

    #[inline(always)]
    pub fn bytes(&self, id: u32) -> &[u8] {
        match self.list.get(id as usize) {
            Some(v) => &self.bytes[v.at as usize..(v.at + v.len) as usize],
            None => &[],
        }
    }

    fn slot(&self, bytes: &[u8]) -> usize {
        let mask = self.index.len() - 1;
        let mut at = hash_bytes(bytes) as usize & mask;
        while self.index[at] != NONE && self.bytes(self.index[at]) != bytes {
            at = (at + 1) & mask;
        }
        at
    }

    pub fn find(&self, bytes: &[u8]) -> u32 {
        if self.index.is_empty() {
            return NONE;
        }
        self.index[self.slot(bytes)]
    }

    /// The number of a value, given to it if it is new; NONE for one that is too long.
    pub fn keep(&mut self, bytes: &[u8]) -> u32 {
        if bytes.len() > MAX_KEPT {
            return NONE;
        }
        if self.list.len() * 2 >= self.index.len() {
            let n = (self.index.len() * 2).max(1 << 10);
            self.index = vec![NONE; n];
            for id in 0..self.list.len() as u32 {
                let at = self.slot(self.bytes(id));
                self.index[at] = id;
            }
        }
        let at = self.slot(bytes);
        if self.index[at] != NONE {
            return self.index[at];
        }
        let id = self.list.len() as u32;
        self.index[at] = id;
        let pool = self.pool_of(class_of(bytes));
        let start = self.bytes.len() as u32;
        let len = bytes.len() as u32;
        self.list.push(Value {
            at: start,
            len,
            pool,
            used_by: [0; 3],
            uses: 0,
            row: 0,
            head: head_of(bytes),
        });
        self.bytes.extend_from_slice(bytes);
        id
    }

    fn pool_of(&mut self, class: u32) -> u32 {
        if let Some(&pool) = self.classes.get(&class) {
            return pool;
        }
        // Pool 0 takes the classes there is no room for.
        if self.pools.is_empty() || self.pools.len() < MAX_POOLS {
            self.pools.resize(self.pools.len().max(1) + 1, Vec::new());
            let pool = self.pools.len() as u32 - 1;
            self.classes.insert(class, pool);
            return pool;
        }
        0
    }

    /// Recent values of a class, the last one at the end.
    pub fn recent(&self, pool: u32) -> &[u32] {
        self.pools.get(pool as usize).map_or(&[], |p| p)
    }

    /// Notes a use of a value.
    #[inline(always)]
    pub fn touch(&mut self, id: u32, column: u32, row: u32) {
        let Some(v) = self.list.get_mut(id as usize) else { return };
        v.used_by = [column + 1, v.used_by[0], v.used_by[1]];
        v.uses = v.uses.saturating_add(1);
        v.row = row;
        let pool = &mut self.pools[v.pool as usize];
        if pool.last() == Some(&id) {
            return;
        }
        if let Some(at) = pool.iter().rposition(|&p| p == id) {
            pool[at..].rotate_left(1);
            return;
        }
        if pool.len() >= POOL {
            pool.rotate_left(1);
            pool.pop();
        }
        pool.push(id);
    }
}

#[derive(Clone, Copy)]
pub struct Link {
    check: u16,
    /// How often in a row the value was right.
    pub run: u8,
    pub value: u32,
}

/// The value that followed a context last.
pub struct Links {
    links: Vec<Link>,
}

const EMPTY: Link = Link { check: 0, run: 0, value: NONE };

impl Links {
    pub fn new(log2: u32) -> Links {
        Links { links: vec![EMPTY; 1 << log2] }
    }

    pub fn forget(&mut self) {
        self.links.fill(EMPTY);
    }

    #[inline(always)]
    fn place(&self, context: u32) -> (usize, u16) {
        (context as usize & (self.links.len() - 1), (context >> 16) as u16 ^ (context as u16).rotate_left(3))
    }

    #[inline(always)]
    pub fn get(&self, context: u32) -> Link {
        let (at, check) = self.place(context);
        let link = self.links[at];
        if link.check == check {
            link
        } else {
            EMPTY
        }
    }

    #[inline(always)]
    pub fn set(&mut self, context: u32, value: u32) {
        let (at, check) = self.place(context);
        let link = &mut self.links[at];
        if link.check == check && link.value == value {
            link.run = link.run.saturating_add(1);
        } else if link.check != check && link.run > 3 && link.value != NONE {
            // What was right often is not given up for the first comer.
            link.run /= 2;
        } else {
            *link = Link { check, run: 0, value };
        }
    }
}
