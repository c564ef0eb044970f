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

    #[inline(always)]
    fn symbol<C: Coder>(
        &mut self,
        coder: &mut C,
        value: u32,
        bits: u32,
        contexts: &[u32; N],
        slow: &[u32; S],
        select: [usize; 2],
    ) -> u32 {
        let t = self.tables;
        let mut hashes = [0; N];
        for i in 0..N {
            hashes[i] = hash(contexts[i], i as u32);
            soon(&self.buckets, self.first + (hashes[i] as usize & self.mask));
        }
        let mut slow_at = [0; S];
        for i in 0..S {
            slow_at[i] = hash(slow[i], i as u32 + 100) as usize & (self.slow.len() - 1);
            soon(&self.slow, slow_at[i]);
        }
        let mut at = [0; N];
        for i in 0..N {
            at[i] = self.find(hashes[i]);
        }
        let buckets = &mut self.buckets[..];
        let maps = self.maps.page(select[0] * N, N);
        let mut node = 1usize;
        let mut inputs = Row([0; W]);
        for b in (0..bits).rev() {
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
            let a = self.corrections[0].p(st, select[0] * 16 + node);
            let c = (contexts[0] as usize ^ (node * 0x9e5)) & 4095;
            let p1 = self.corrections[1].p(st, c);
            let p = ((a + p1) >> 1).clamp(1, 65535);
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

    /// Codes a byte. `select[0]` picks out of a quarter of the weight sets.
    #[inline(always)]
    pub fn byte<C: Coder>(
        &mut self,
        coder: &mut C,
        value: u8,
        contexts: &[u32; N],
        slow: &[u32; S],
        select: [usize; 2],
    ) -> u8 {
        let high = self.code(coder, u32::from(value) >> 4, 4, contexts, slow, [select[0] * 17, select[1]]);
        let mut below = *contexts;
        below.iter_mut().for_each(|c| *c = hash(*c, high + 1));
        let mut slow = *slow;
        slow.iter_mut().for_each(|c| *c = hash(*c, high + 1));
        let place = [select[0] * 17 + 1 + high as usize, select[1]];
        (high << 4 | self.code(coder, u32::from(value) & 15, 4, &below, &slow, place)) as u8
    }
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
        self.nibbles.symbol(self.coder, self.value, self.bits, self.contexts, self.slow, self.select)
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
