//! The table of shapes: how headers that occur are put together, by number.
//!
//! A shape is found by its key. The key of a text layout is small (the path taken, then each run of
//! blanks), because it is made for every line that is not canonical; the key of a member layout
//! (JSON, logfmt) is the shape itself. Keys are compared byte for byte after the hash has hit.

use std::sync::Arc;

use super::text::Paths;

/// Ids are `u16`, but a file with more shapes than this has no shapes worth the name.
pub const MAX_SHAPES: usize = 4096;
/// With `MAX_SHAPES` this bounds the table at 32 MiB whatever the input.
pub const MAX_KEY: usize = 8192;

const SLOTS: usize = 2 * MAX_SHAPES;
const SINGLE_BLANK: u8 = 1;
const RAW_RUN: u8 = 0;
const NO_HEADER_KEY: &[u8] = &[];

/// The bytes and the targets of one shape; `fields` has one entry less than `separators`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    separators: Vec<Vec<u8>>,
    fields: Vec<i32>,
}

/// An append-only table of shapes; an id keeps its meaning for good.
#[derive(Clone)]
pub struct Shapes {
    paths: Option<Arc<Paths>>,
    shapes: Vec<Shape>,
    keys: Vec<Box<[u8]>>,
    /// Open addressing: 0 is free, otherwise id + 1.
    slots: Box<[u16]>,
}

impl Shapes {
    pub(super) fn new(paths: Option<Arc<Paths>>) -> Shapes {
        let mut table = Shapes {
            shapes: vec![Shape { separators: vec![Vec::new(), Vec::new()], fields: vec![-1] }],
            keys: vec![NO_HEADER_KEY.into()],
            slots: vec![0; SLOTS].into_boxed_slice(),
            paths: paths.clone(),
        };
        if let Some(paths) = paths {
            for (index, path) in paths.0.iter().enumerate() {
                let mut key = Vec::new();
                push_path(&mut key, index as u16);
                key.resize(key.len() + path.runs(), SINGLE_BLANK);
                table.insert(&key);
            }
        }
        table
    }

    /// Adds the shape that `split` could not find, or finds it if another line added it before.
    ///
    /// `None` when the table is full or the key is not one of this layout: the line is then to be
    /// treated as having no header.
    pub fn insert(&mut self, key: &[u8]) -> Option<u16> {
        if let Some(id) = self.find(key) {
            return Some(id);
        }
        if self.shapes.len() >= MAX_SHAPES || key.is_empty() || key.len() > MAX_KEY {
            return None;
        }
        let shape = match &self.paths {
            Some(paths) => decode_runs(paths, key)?,
            None => decode_members(key)?,
        };
        let id = self.shapes.len() as u16;
        let slot = self.free_slot(key);
        self.slots[slot] = id + 1;
        self.shapes.push(shape);
        self.keys.push(key.into());
        Some(id)
    }

    /// How many shapes there are, shape 0 included.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// `logpipe.batch.Shape`: separators and fields in turn, -1 being the message. Shape 0's for an
    /// id that does not exist.
    pub fn separators_and_fields(&self, id: u16) -> (Vec<&[u8]>, Vec<i32>) {
        let shape = self.shapes.get(id as usize).unwrap_or(&self.shapes[0]);
        (shape.separators.iter().map(Vec::as_slice).collect(), shape.fields.clone())
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<u16> {
        if key.is_empty() {
            return None;
        }
        let mut slot = hash(key) as usize % SLOTS;
        // At most half of the slots are in use, so this ends.
        loop {
            match self.slots[slot] {
                0 => return None,
                taken => {
                    if *self.keys[taken as usize - 1] == *key {
                        return Some(taken - 1);
                    }
                }
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    fn free_slot(&self, key: &[u8]) -> usize {
        let mut slot = hash(key) as usize % SLOTS;
        while self.slots[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }
}

#[inline(always)]
fn hash(key: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = key.len() as u64;
    let words = key.chunks_exact(8);
    let tail = words.remainder();
    for word in words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        state = (state ^ u64::from_le_bytes(bytes)).wrapping_mul(K);
        state ^= state >> 29;
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    state = (state ^ u64::from_le_bytes(last)).wrapping_mul(K);
    state ^ (state >> 32)
}

/// Begins the key of a text layout.
#[inline]
pub(super) fn push_path(key: &mut Vec<u8>, path: u16) {
    key.clear();
    // Never empty and never 0 first: the empty key is "no header".
    key.extend_from_slice(&(path + 1).to_le_bytes());
}

/// Adds one run of blanks: its length if it is all blanks and short, otherwise its bytes. False
/// when the key gets too long.
pub(super) fn push_run(key: &mut Vec<u8>, run: &[u8]) -> bool {
    if run.iter().all(|&b| b == b' ') {
        return push_length(key, run.len());
    }
    push_long(key, run.len(), run)
}

/// Adds a run of `length` blanks.
#[inline(always)]
pub(super) fn push_length(key: &mut Vec<u8>, length: usize) -> bool {
    match u8::try_from(length) {
        Ok(length) if length != RAW_RUN => {
            key.push(length);
            key.len() <= MAX_KEY
        }
        _ => length <= MAX_KEY && push_long(key, length, &vec![b' '; length]),
    }
}

fn push_long(key: &mut Vec<u8>, length: usize, run: &[u8]) -> bool {
    if length > MAX_KEY {
        return false;
    }
    key.push(RAW_RUN);
    key.extend_from_slice(&(length as u16).to_le_bytes());
    key.extend_from_slice(run);
    key.len() <= MAX_KEY
}

fn decode_runs(paths: &Paths, key: &[u8]) -> Option<Shape> {
    let mut rest = key;
    let mut take = |n: usize| -> Option<&[u8]> {
        let (head, tail) = rest.split_at_checked(n)?;
        rest = tail;
        Some(head)
    };
    let path = u16::from_le_bytes(take(2)?.try_into().ok()?).checked_sub(1)?;
    let path = paths.0.get(path as usize)?;
    let mut separators = Vec::with_capacity(path.separators.len());
    for separator in &path.separators {
        let mut bytes = Vec::new();
        for element in separator {
            match element {
                super::separator::Element::Literal(literal) => bytes.extend_from_slice(literal),
                super::separator::Element::Run => match take(1)?[0] {
                    RAW_RUN => {
                        let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
                        bytes.extend_from_slice(take(length as usize)?);
                    }
                    length => bytes.resize(bytes.len() + length as usize, b' '),
                },
            }
        }
        separators.push(bytes);
    }
    rest.is_empty().then(|| Shape { separators, fields: path.targets.clone() })
}

/// The key of a member layout: number of targets (u16), each target (i16), then each separator's
/// length (u16) and bytes, one more than targets. All little-endian.
fn decode_members(key: &[u8]) -> Option<Shape> {
    let mut rest = key;
    let mut take = |n: usize| -> Option<&[u8]> {
        let (head, tail) = rest.split_at_checked(n)?;
        rest = tail;
        Some(head)
    };
    let count = u16::from_le_bytes(take(2)?.try_into().ok()?) as usize;
    let fields = take(2 * count)?
        .chunks_exact(2)
        .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let mut separators = Vec::with_capacity(count + 1);
    for _ in 0..=count {
        let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
        separators.push(take(length as usize)?.to_vec());
    }
    rest.is_empty().then_some(Shape { separators, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members_key(separator: &[u8]) -> Vec<u8> {
        let mut key = vec![1, 0, 0xff, 0xff];
        for part in [separator, b"}"] {
            key.extend_from_slice(&(part.len() as u16).to_le_bytes());
            key.extend_from_slice(part);
        }
        key
    }

    #[test]
    fn a_shape_keeps_its_id_and_a_full_table_refuses() {
        let mut table = Shapes::new(None);
        assert_eq!(table.len(), 1);
        for i in 1..MAX_SHAPES {
            let key = members_key(format!("{{{i}").as_bytes());
            assert_eq!(table.insert(&key), Some(i as u16));
            assert_eq!(table.insert(&key), Some(i as u16));
        }
        assert_eq!(table.insert(&members_key(b"one more")), None);
        assert_eq!(table.find(&members_key(b"{77")), Some(77));
        let (separators, fields) = table.separators_and_fields(77);
        assert_eq!((separators, fields), (vec![&b"{77"[..], b"}"], vec![-1]));
    }

    #[test]
    fn a_hostile_key_is_refused() {
        let mut table = Shapes::new(None);
        let good = members_key(b"{");
        for cut in 0..good.len() {
            assert_eq!(table.insert(&good[..cut]), None);
        }
        assert_eq!(table.insert(&[&good[..], b"x"].concat()), None);
        assert_eq!(table.insert(&[0xff; 40]), None);
        assert_eq!(table.insert(&vec![1; MAX_KEY + 1]), None);
    }
}
