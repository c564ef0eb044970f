//! Where the lines end.

use crate::simd::equal;

/// One bit per byte: set where the byte is a newline.
#[derive(Default)]
pub struct Newlines {
    bits: Vec<u64>,
}

impl Newlines {
    pub fn scan(&mut self, data: &[u8]) {
        self.bits.clear();
        let (blocks, rest) = data.as_chunks::<32>();
        let (pairs, single) = blocks.as_chunks::<2>();
        self.bits
            .extend(pairs.iter().map(|[a, b]| u64::from(equal(a, b'\n')) | u64::from(equal(b, b'\n')) << 32));
        let mut last = [0u8; 32];
        last[..rest.len()].copy_from_slice(rest);
        let last = u64::from(equal(&last, b'\n'));
        self.bits.push(match single.first() {
            Some(block) => u64::from(equal(block, b'\n')) | last << 32,
            None => last,
        });
    }

    /// The end of every line: positions of newlines, then `used` if the last line has none.
    pub fn positions(&self, used: usize) -> Positions<'_> {
        let bits = self.bits.first().copied().unwrap_or(0);
        Positions { bits: &self.bits, word: 0, left: bits, used, next_start: 0 }
    }
}

pub struct Positions<'a> {
    bits: &'a [u64],
    word: usize,
    left: u64,
    used: usize,
    next_start: usize,
}

impl Iterator for Positions<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        loop {
            if self.left != 0 {
                let p = self.word * 64 + self.left.trailing_zeros() as usize;
                self.left &= self.left - 1;
                self.next_start = p + 1;
                return Some(p);
            }
            self.word += 1;
            if self.word >= self.bits.len() {
                if self.next_start < self.used {
                    self.next_start = self.used;
                    return Some(self.used);
                }
                return None;
            }
            self.left = self.bits[self.word];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_those_of_a_plain_search() {
        let mut state = 1u64;
        for len in 0..400usize {
            let data: Vec<u8> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    if (state >> 33).is_multiple_of(5) {
                        b'\n'
                    } else {
                        (state >> 40) as u8
                    }
                })
                .collect();
            let mut expected: Vec<usize> = (0..len).filter(|&i| data[i] == b'\n').collect();
            if len > 0 && data[len - 1] != b'\n' {
                expected.push(len);
            }
            let mut n = Newlines::default();
            n.scan(&data);
            assert_eq!(n.positions(len).collect::<Vec<_>>(), expected);
        }
    }
}
