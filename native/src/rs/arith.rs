//! The binary range coder and the constant tables, all in integers.
//!
//! Encoder and decoder are the two `Coder`s that one and the same model runs on, so that they cannot
//! diverge: the model hands over a bit and its probability and goes on with the bit it gets back, which
//! for the encoder is the same and for the decoder the coded one.

use std::sync::OnceLock;

/// Bytes that may be missing at the end of a payload: the decoder looks ahead by these.
const AHEAD: usize = 4;
/// Stretched probabilities lie within plus and minus this.
pub const LIMIT: i32 = 2847;

/// One end of the code.
pub trait Coder {
    const DECODES: bool;
    /// Codes a bit whose probability of being 1 is `p` / 65536, 0 < p < 65536.
    fn code(&mut self, bit: u32, p: u32) -> u32;
    /// Whether more was read than was written: what came since is noise.
    fn overran(&self) -> bool;
    /// Sixteenths of a bit that were written so far; only differences mean something.
    fn spent(&self) -> u32;
}

/// Where the interval `low..=high` is split for a probability of 16 bits.
#[inline(always)]
fn split(low: u32, high: u32, p: u32) -> u32 {
    let range = u64::from(high - low);
    low + ((range * u64::from(p)) >> 16) as u32
}

pub struct Encoder {
    low: u32,
    high: u32,
    out: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { low: 0, high: u32::MAX, out: Vec::new() }
    }
}

impl Encoder {
    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.out.len()
    }

    /// The payload; as many zero bytes may be thought behind it as are wanted.
    pub fn finish(mut self) -> Vec<u8> {
        if self.low > 0 {
            self.out.push((self.low >> 24) as u8 + 1);
        }
        self.out
    }
}

impl Coder for Encoder {
    const DECODES: bool = false;

    #[inline(always)]
    fn code(&mut self, bit: u32, p: u32) -> u32 {
        let middle = split(self.low, self.high, p);
        if bit != 0 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.out.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
        bit
    }

    fn overran(&self) -> bool {
        false
    }

    fn spent(&self) -> u32 {
        let range = (self.high - self.low) | 1;
        let zeros = range.leading_zeros();
        let fraction = (range << zeros) >> 27 & 15;
        (self.out.len() as u32).wrapping_mul(128).wrapping_add((zeros * 16).wrapping_sub(fraction))
    }
}

pub struct Decoder<'a> {
    low: u32,
    high: u32,
    at: u32,
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Decoder<'a> {
    pub fn new(bytes: &'a [u8]) -> Decoder<'a> {
        let mut decoder = Decoder { low: 0, high: u32::MAX, at: 0, bytes, next: 0 };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    #[inline(always)]
    fn shift(&mut self) {
        self.at = self.at << 8 | u32::from(self.bytes.get(self.next).copied().unwrap_or(0));
        self.next += 1;
    }

    /// Whether all of the payload was read, as it is after the last bit.
    pub fn at_end(&self) -> bool {
        self.next >= self.bytes.len() && !self.overran()
    }
}

impl Coder for Decoder<'_> {
    const DECODES: bool = true;

    #[inline(always)]
    fn code(&mut self, _: u32, p: u32) -> u32 {
        let middle = split(self.low, self.high, p);
        let bit = u32::from(self.at <= middle);
        if bit != 0 {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.shift();
        }
        bit
    }

    fn overran(&self) -> bool {
        self.next > self.bytes.len() + AHEAD
    }

    fn spent(&self) -> u32 {
        0
    }
}

/// `squash` and `stretch`: 65536 / (1 + exp(-x / 256)) and its inverse, by an integer rule.
pub struct Tables {
    /// Of x + LIMIT.
    squash: [u16; 2 * LIMIT as usize + 1],
    /// Of a probability of 16 bits.
    stretch: [i16; 65536],
    /// 65536 / (n + 1.5).
    pub reciprocal: [u32; 1024],
}

/// 2^60 * exp(1 / 256), rounded.
const STEP: u128 = 1_157_433_911_791_679_357;

pub fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut squash = [0u16; 2 * LIMIT as usize + 1];
        let mut power: u128 = 1 << 40;
        for x in 0..=LIMIT {
            let p = ((power << 16) / (power + (1 << 40))).clamp(1, 65535) as u32;
            squash[(LIMIT + x) as usize] = p as u16;
            squash[(LIMIT - x) as usize] = (65536 - p) as u16;
            power = (power * STEP) >> 60;
        }
        let mut stretch = [0i16; 65536];
        let mut from = 0usize;
        for x in -LIMIT..=LIMIT {
            let to = squash[(x + LIMIT) as usize] as usize;
            for s in stretch.iter_mut().take(to + 1).skip(from) {
                *s = x as i16;
            }
            from = from.max(to + 1);
        }
        stretch[from..].fill(LIMIT as i16);
        let mut reciprocal = [0; 1024];
        for (n, r) in reciprocal.iter_mut().enumerate() {
            *r = 131_072 / (2 * n as u32 + 3);
        }
        Tables { squash, stretch, reciprocal }
    })
}

impl Tables {
    #[inline(always)]
    pub fn squash(&self, x: i32) -> u32 {
        u32::from(self.squash[(x.clamp(-LIMIT, LIMIT) + LIMIT) as usize])
    }

    #[inline(always)]
    pub fn stretch(&self, p: u32) -> i32 {
        i32::from(self.stretch[(p & 0xffff) as usize])
    }
}

/// A hash of two numbers.
#[inline(always)]
pub fn hash(a: u32, b: u32) -> u32 {
    let x = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (x >> 32) as u32
}

#[inline(always)]
pub fn hash3(a: u32, b: u32, c: u32) -> u32 {
    hash(hash(a, b), c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretch_inverts_squash() {
        let t = tables();
        assert_eq!(t.squash(0), 32768);
        assert_eq!((t.squash(-LIMIT), t.squash(LIMIT)), (1, 65535));
        assert_eq!((t.stretch(1), t.stretch(32768), t.stretch(65535)), (-LIMIT, 0, 2840));
        for x in -1500..=1500 {
            assert!((t.stretch(t.squash(x)) - x).abs() <= 1, "{x}");
        }
    }

    #[test]
    fn bits_come_back_whatever_their_probability() {
        let bits: Vec<(u32, u32)> =
            (0..20_000u32).map(|i| (hash(i, 1) & 1, (hash(i, 2) & 0xffff).max(1))).collect();
        let mut encoder = Encoder::default();
        for &(bit, p) in &bits {
            encoder.code(bit, p);
        }
        let coded = encoder.finish();
        let mut decoder = Decoder::new(&coded);
        for &(bit, p) in &bits {
            assert_eq!(decoder.code(0, p), bit);
        }
        assert!(decoder.at_end());
        for _ in 0..1000 {
            decoder.code(0, 32768);
        }
        assert!(decoder.overran());
    }
}
