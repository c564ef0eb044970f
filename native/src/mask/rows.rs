//! Masked messages as distinct rows with numbers, within a bound.

use super::Found;
use crate::lex::hash_bytes;

/// What stands for a variable of class 0 in the text of a row; classes count on from it. No byte of a
/// message is written like one of these, because bytes are written as the characters below it.
const MARKS: u32 = 0x100;

const NO_ROW: u32 = u32::MAX;

/// Distinct masked messages; a row is text in UTF-8: a byte of the message is the character of that
/// number, a variable of class n the character `MARKS + n`.
pub struct Rows {
    pub text: Vec<u8>,
    /// Row i is `text[ends[i]..ends[i + 1]]`.
    pub ends: Vec<i32>,
    hashes: Vec<u64>,
    /// Rows by hash, with linear probing.
    table: Vec<u32>,
    most: usize,
    most_bytes: usize,
}

impl Rows {
    /// No more than `most` rows of `most_bytes` bytes together are kept.
    pub fn new(most: usize, most_bytes: usize) -> Rows {
        Rows {
            text: Vec::new(),
            ends: vec![0],
            hashes: Vec::new(),
            table: vec![NO_ROW; 1 << 10],
            most,
            most_bytes: most_bytes.min(i32::MAX as usize),
        }
    }

    /// The row of a message with its variables; None if it is new and there is no room.
    pub fn row(&mut self, message: &[u8], found: &[Found]) -> Option<u32> {
        let from = self.text.len();
        write(&mut self.text, message, found);
        let hash = hash_bytes(0x9e37_79b9, &self.text[from..]);
        let mask = self.table.len() - 1;
        let mut place = (hash >> 20) as usize & mask;
        loop {
            let row = self.table[place];
            if row == NO_ROW {
                break;
            }
            if self.hashes[row as usize] == hash && self.of(row) == &self.text[from..] {
                self.text.truncate(from);
                return Some(row);
            }
            place = (place + 1) & mask;
        }
        if self.hashes.len() >= self.most || self.text.len() > self.most_bytes {
            self.text.truncate(from);
            return None;
        }
        let row = self.hashes.len() as u32;
        self.table[place] = row;
        self.hashes.push(hash);
        self.ends.push(self.text.len() as i32);
        if 2 * self.hashes.len() > self.table.len() {
            self.grow();
        }
        Some(row)
    }

    fn of(&self, row: u32) -> &[u8] {
        &self.text[self.ends[row as usize] as usize..self.ends[row as usize + 1] as usize]
    }

    fn grow(&mut self) {
        let mask = 2 * self.table.len() - 1;
        self.table = vec![NO_ROW; mask + 1];
        for (row, hash) in self.hashes.iter().enumerate() {
            let mut place = (hash >> 20) as usize & mask;
            while self.table[place] != NO_ROW {
                place = (place + 1) & mask;
            }
            self.table[place] = row as u32;
        }
    }
}

fn write(out: &mut Vec<u8>, message: &[u8], found: &[Found]) {
    let mut at = 0;
    for &(start, end, class) in found {
        write_bytes(out, &message[at..start as usize]);
        let mark = MARKS + u32::from(class);
        out.extend_from_slice(&[0xc0 | (mark >> 6) as u8, 0x80 | (mark & 0x3f) as u8]);
        at = end as usize;
    }
    write_bytes(out, &message[at..]);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_ascii() {
        out.extend_from_slice(bytes);
        return;
    }
    for &b in bytes {
        match b {
            0x80.. => out.extend_from_slice(&[0xc0 | b >> 6, 0x80 | (b & 0x3f)]),
            _ => out.push(b),
        }
    }
}
