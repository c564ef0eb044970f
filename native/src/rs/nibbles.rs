//! Symbols of up to four bits, and bytes of two of them, in N contexts each.
//!
//! A bucket has the bit histories of one context for one symbol, 15 of them in a binary tree, and a check
//! of the context's hash: so a byte costs two memory accesses for each context.

use crate::rs::arith::{hash, hash3, tables, Coder, Tables};
use crate::rs::mix::{histories, learn, Correction, Histories, Map, Mixer, Row};
use crate::simd::{soon, widest, Work};

type Bucket = [u8; 16];
/// Those that a context can have lie in one line of the cache, where the table begins with one.
const LINE: usize = 4;

/// `W` is 2 N + S + 1, rounded up for vectors.
pub struct Nibbles<const N: usize, const S: usize, const W: usize> {
    buckets: Vec<Bucket>,
    /// The first one that counts, and a mask of the rest.
    first: usize,
    mask: usize,
    /// Probabilities of their own of `S` more contexts.
    slow: Vec<[u32; 16]>,
    /// Of each weight set, of each context, by history.
    maps: Map,
    mixer: Mixer<W>,
    corrections: [Correction; 2],
    tables: &'static Tables,
    histories: &'static Histories,
}

impl<const N: usize, const S: usize, const W: usize> Nibbles<N, S, W> {
    /// 2^log2 buckets; `sets` small contexts select the weights, the first times 16.
    pub fn new(log2: u32, sets: [usize; 2], rate: i32) -> Nibbles<N, S, W> {
        const { assert!(W > 2 * N + S) };
        let sets = [sets[0] * 16, sets[1]];
        let buckets: Vec<Bucket> = vec![[0; 16]; (1 << log2) + LINE - 1];
        // An answer beyond these is allowed, and would cost time only.
        let first = Some(buckets.as_ptr().align_offset(16 * LINE)).filter(|n| *n < LINE).unwrap_or(0);
        Nibbles {
            buckets,
            first,
            mask: (1 << log2) - 1,
            slow: vec![[1 << 31; 16]; if S > 0 { 1 << log2.min(16) } else { 1 }],
            maps: Map::repeated(255, sets[0] / 16 * N),
            mixer: Mixer::new(sets, rate, 80_000 / N as i32),
            corrections: [Correction::new(sets[0]), Correction::new(4096)],
            tables: tables(),
            histories: histories(),
        }
    }

    #[inline(always)]
    fn find(&mut self, context: u32) -> usize {
        let at = context as usize & self.mask;
        let check = (context >> 24) as u8;
        let base = self.first + (at & !(LINE - 1));
        let line = &mut self.buckets[base..base + LINE];
        let near = at & (LINE - 1);
        let mut free = near;
        for other in [near, near ^ 1, near ^ 2] {
            let bucket = &line[other];
            if bucket[0] == check && bucket[1] != 0 {
                return base + other;
            }
            if bucket[1] < line[free][1] {
                free = other;
            }
        }
        line[free] = [0; 16];
        line[free][0] = check;
        base + free
    }

    /// Codes the `bits` low bits of `value`.
    #[inline(always)]
    pub fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        value: u32,
        bits: u32,
        contexts: &[u32; N],
        slow: &[u32; S],
        select: [usize; 2],
    ) -> u32 {
        widest(Symbol { nibbles: self, coder, value, bits, contexts, slow, select })
    }

    /// Where contexts lie, which is fetched.
    #[inline(always)]
    fn places(&self, contexts: &[u32; N], slow: &[u32; S]) -> Places<N, S> {
        let mut places = Places { first: contexts[0], hashes: [0; N], slow_at: [0; S] };
        for i in 0..N {
            places.hashes[i] = hash(contexts[i], i as u32);
            soon(&self.buckets, self.first + (places.hashes[i] as usize & self.mask));
        }
        for i in 0..S {
            places.slow_at[i] = hash(slow[i], i as u32 + 100) as usize & (self.slow.len() - 1);
            soon(&self.slow, places.slow_at[i]);
        }
        places
    }

    /// The same behind a first symbol.
    #[inline(always)]
    fn places_below(&self, contexts: &[u32; N], slow: &[u32; S], high: u32) -> Places<N, S> {
        let mut below = *contexts;
        for i in 0..N {
            below[i] = hash(below[i], high + 1);
        }
        let mut slow_below = *slow;
        for i in 0..S {
            slow_below[i] = hash(slow_below[i], high + 1);
        }
        self.places(&below, &slow_below)
    }

    #[inline(always)]
    fn symbol<C: Coder>(
        &mut self,
        coder: &mut C,
        value: u32,
        bits: u32,
        places: &Places<N, S>,
        select: [usize; 2],
    ) -> u32 {
        let t = self.tables;
        let slow_at = &places.slow_at;
        let mut at = [0; N];
        for i in 0..N {
            at[i] = self.find(places.hashes[i]);
        }
        let buckets = &mut self.buckets[..];
        let maps = self.maps.page(select[0] * N, N);
        let mut node = 1usize;
        let mut inputs = Row([0; W]);
        for b in (0..bits).rev() {
            let corrected = [select[0] * 16 + node, (places.first as usize ^ (node * 0x9e5)) & 4095];
            self.corrections[0].soon(corrected[0]);
            self.corrections[1].soon(corrected[1]);
            for i in 0..N {
                let history = buckets[at[i]][node & 15];
                let p = maps[i * 256 + history as usize] >> 16;
                let known = -i32::from(history != 0);
                inputs.0[i] = t.stretch(p) & known;
                inputs.0[N + i] = ((p as i32 - 32768) >> 6) & known;
            }
            for i in 0..S {
                let p = self.slow[slow_at[i]][node & 15] >> 16;
                inputs.0[2 * N + i] = t.stretch(p);
            }
            inputs.0[2 * N + S] = 256;
            let st = self.mixer.mix(&inputs, [select[0] * 16 + node, select[1]]);
            let a = self.corrections[0].p(st, corrected[0]);
            let b1 = self.corrections[1].p(st, corrected[1]);
            let p = ((a + b1) >> 1).clamp(1, 65535);
            let bit = coder.code(value >> b & 1, p);
            self.mixer.update(t, &inputs, bit);
            self.corrections[0].update(bit, 6);
            self.corrections[1].update(bit, 6);
            for i in 0..N {
                let history = &mut buckets[at[i]][node & 15];
                // That of history 0 is never looked at.
                learn(&mut maps[i * 256 + *history as usize], t, 255, bit);
                *history = self.histories.next(*history, bit);
            }
            for i in 0..S {
                learn(&mut self.slow[slow_at[i]][node & 15], t, 1000, bit);
            }
            node = node * 2 + bit as usize;
        }
        node as u32 & ((1 << bits) - 1)
    }

    /// Codes a byte. `select[0]` picks out of a quarter of the weight sets; what a `guess` is right about
    /// takes less time.
    #[inline(always)]
    pub fn byte<C: Coder>(
        &mut self,
        coder: &mut C,
        value: u8,
        guess: Option<u8>,
        contexts: &[u32; N],
        slow: &[u32; S],
        select: [usize; 2],
    ) -> u8 {
        let guess = if C::DECODES { guess } else { Some(value) };
        widest(Byte { nibbles: self, coder, value, guess, contexts, slow, select })
    }
}

struct Places<const N: usize, const S: usize> {
    /// The first context.
    first: u32,
    hashes: [u32; N],
    slow_at: [usize; S],
}

struct Symbol<'a, C, const N: usize, const S: usize, const W: usize> {
    nibbles: &'a mut Nibbles<N, S, W>,
    coder: &'a mut C,
    value: u32,
    bits: u32,
    contexts: &'a [u32; N],
    slow: &'a [u32; S],
    select: [usize; 2],
}

impl<C: Coder, const N: usize, const S: usize, const W: usize> Work for Symbol<'_, C, N, S, W> {
    type Out = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let places = self.nibbles.places(self.contexts, self.slow);
        self.nibbles.symbol(self.coder, self.value, self.bits, &places, self.select)
    }
}

struct Byte<'a, C, const N: usize, const S: usize, const W: usize> {
    nibbles: &'a mut Nibbles<N, S, W>,
    coder: &'a mut C,
    value: u8,
    guess: Option<u8>,
    contexts: &'a [u32; N],
    slow: &'a [u32; S],
    select: [usize; 2],
}

impl<C: Coder, const N: usize, const S: usize, const W: usize> Work for Byte<'_, C, N, S, W> {
    type Out = u8;

    #[inline(always)]
    fn run(self) -> u8 {
        let (contexts, slow, nibbles) = (self.contexts, self.slow, self.nibbles);
        let [first, second] = self.select;
        let mut below = None;
        let places = nibbles.places(contexts, slow);
        if let Some(guess) = self.guess {
            let high = u32::from(guess) >> 4;
            below = Some((high, nibbles.places_below(contexts, slow, high)));
        }
        let value = u32::from(self.value);
        let (mut part, mut bits, mut select) = (value >> 4, 0, first * 17);
        let mut places = places;
        // One copy of the code for both.
        loop {
            let coded = nibbles.symbol(self.coder, part, 4, &places, [select, second]);
            if select != first * 17 {
                return (bits << 4 | coded) as u8;
            }
            bits = coded;
            places = match below.take() {
                Some((high, places)) if high == coded => places,
                _ => nibbles.places_below(contexts, slow, coded),
            };
            (part, select) = (value & 15, first * 17 + 1 + coded as usize);
        }
    }
}

/// Integers of 64 bits: a class (sign and length) of two symbols, then the bits below the first.
pub struct Numbers<const N: usize, const W: usize> {
    symbols: Nibbles<N, 0, W>,
}

/// Kinds of numbers, for the weights.
pub const NUMBER_KINDS: usize = 4;

impl<const N: usize, const W: usize> Numbers<N, W> {
    pub fn new(log2: u32) -> Numbers<N, W> {
        Numbers { symbols: Nibbles::new(log2, [NUMBER_KINDS * 8, 1024], 6) }
    }

    pub fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        value: i64,
        kind: usize,
        contexts: &[u32; N],
        set: usize,
    ) -> i64 {
        let size = value.unsigned_abs();
        let length = 64 - size.leading_zeros();
        // 0, then for each length plus and minus.
        let class = if length == 0 { 0 } else { 2 * length - 1 + u32::from(value < 0) };
        let place = |n: usize| [kind * 8 + n, set];
        let high = self.symbols.code(coder, class >> 4, 4, contexts, &[], place(0));
        let mut below = *contexts;
        below.iter_mut().for_each(|c| *c = hash(*c, 0x100 + high));
        let low = self.symbols.code(coder, class & 15, 4, &below, &[], place(1));
        let class = (high << 4 | low).min(128);
        if class == 0 {
            return 0;
        }
        let mut left = class.div_ceil(2) - 1;
        let mut size_read = 1u64;
        let mut chunk = 2;
        while left > 0 {
            let bits = left.min(4);
            left -= bits;
            for (c, whole) in below.iter_mut().zip(contexts) {
                *c = hash3(*whole, class, size_read as u32 ^ (size_read >> 32) as u32);
            }
            let part = self.symbols.code(
                coder,
                (size >> left) as u32 & ((1 << bits) - 1),
                bits,
                &below,
                &[],
                place(chunk),
            );
            size_read = size_read << bits | u64::from(part);
            chunk = (chunk + 1).min(7);
        }
        if class & 1 == 1 {
            size_read as i64
        } else {
            (size_read as i64).wrapping_neg()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rs::arith::Encoder;

    type Bytes = Nibbles<12, 3, 32>;

    fn coded(code: impl Fn(&mut Bytes, &mut Encoder, u8, &[u32; 12], &[u32; 3], [usize; 2])) -> Vec<u8> {
        let mut coder = Encoder::default();
        let mut nibbles = Bytes::new(12, [17 * 8, 64], 10);
        let mut last = 0;
        for i in 0..6000u32 {
            // Noise, and bytes that repeat; few weights and buckets, so that all of them are used often.
            let value = if i % 5 == 0 { hash(i, 1) as u8 } else { (hash(last, 3) >> 9) as u8 & 0x5f };
            let contexts = std::array::from_fn(|k| hash(last, k as u32 / 2) & 0x3ff);
            let slow = std::array::from_fn(|k| last >> k);
            let select = [last as usize % 8, i as usize % 64];
            code(&mut nibbles, &mut coder, value, &contexts, &slow, select);
            last = u32::from(value);
        }
        coder.finish()
    }

    #[test]
    fn wide_vectors_and_guesses_change_no_byte() {
        let wide = coded(|nibbles, coder, value, contexts, slow, select| {
            nibbles.byte(coder, value, None, contexts, slow, select);
        });
        for wrong in [None, Some(0), Some(0x5f)] {
            let plain = coded(|nibbles, coder, value, contexts, slow, select| {
                let guess = wrong.map(|w| value ^ w);
                Byte { nibbles, coder, value, guess, contexts, slow, select }.run();
            });
            assert!(plain == wide);
        }
    }
}
