//! Where the lines end.

/// One bit per byte: set where the byte is a newline.
#[derive(Default)]
pub struct Newlines {
    bits: Vec<u64>,
}

/// The newline bits of 64 bytes. Written so that the compiler makes vector compares of it.
#[inline(always)]
fn newline_bits(block: &[u8; 64]) -> u64 {
    let mut eq = [0u8; 64];
    for (e, b) in eq.iter_mut().zip(block) {
        *e = u8::from(*b == b'\n');
    }
    let mut bits = 0u64;
    for (k, group) in eq.chunks_exact(8).enumerate() {
        let v = u64::from_le_bytes(group.try_into().unwrap_or([0; 8]));
        // Gathers the lowest bit of each of eight bytes.
        bits |= (v.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * k);
    }
    bits
}

impl Newlines {
    pub fn scan(&mut self, data: &[u8]) {
        self.bits.clear();
        let mut blocks = data.chunks_exact(64);
        for block in &mut blocks {
            let block: &[u8; 64] = block.try_into().unwrap_or(&[0; 64]);
            self.bits.push(newline_bits(block));
        }
        let mut last = [0u8; 64];
        let rest = blocks.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.bits.push(newline_bits(&last));
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
                    if (state >> 33) % 5 == 0 { b'\n' } else { (state >> 40) as u8 }
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
