//! Symbols of up to four bits, and bytes of two of them, in N contexts each.
//!
//! A bucket has the bit histories of one context for one symbol, 15 of them in a binary tree, and a check
//! of the context's hash: so a byte costs two memory accesses for each context.

use crate::rs::arith::{hash, hash3, tables, Coder, Tables};
use crate::rs::mix::{histories, Correction, Histories, Map, Mixer};

type Bucket = [u8; 16];

pub struct Nibbles<const N: usize, const S: usize = 0> {
    buckets: Vec<Bucket>,
    /// Probabilities of their own of `S` more contexts.
    slow: Vec<[u32; 16]>,
    slow_at: [usize; S],
    maps: Vec<Map>,
    mixer: Mixer,
    corrections: [Correction; 2],
    inputs: Vec<i32>,
    at: [usize; N],
    tables: &'static Tables,
    histories: &'static Histories,
}

impl<const N: usize, const S: usize> Nibbles<N, S> {
    /// 2^log2 buckets; `sets` small contexts select the weights, the first times 16.
    pub fn new(log2: u32, sets: [usize; 2], rate: i32) -> Nibbles<N, S> {
        let sets = [sets[0] * 16, sets[1]];
        Nibbles {
            buckets: vec![[0; 16]; 1 << log2],
            slow: vec![[1 << 31; 16]; if S > 0 { 1 << log2.min(16) } else { 1 }],
            slow_at: [0; S],
            maps: (0..N).map(|_| Map::repeated(255, sets[0] / 16)).collect(),
            mixer: Mixer::new(2 * N + S + 1, sets, rate, 80_000 / N as i32),
            corrections: [Correction::new(sets[0]), Correction::new(4096)],
            inputs: vec![0; 2 * N + S + 1],
            at: [0; N],
            tables: tables(),
            histories: histories(),
        }
    }

    #[inline(always)]
    fn find(&mut self, context: u32) -> usize {
        let mask = self.buckets.len() - 1;
        let (at, check) = (context as usize & mask, (context >> 24) as u8);
        let mut free = at;
        for other in [at, at ^ 1, at ^ 2] {
            let bucket = &self.buckets[other];
            if bucket[0] == check && bucket[1] != 0 {
                return other;
            }
            if bucket[1] < self.buckets[free][1] {
                free = other;
            }
        }
        self.buckets[free] = [0; 16];
        self.buckets[free][0] = check;
        free
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
        let t = self.tables;
        for i in 0..S {
            self.slow_at[i] = hash(slow[i], i as u32 + 100) as usize & (self.slow.len() - 1);
        }
        for i in 0..N {
            self.at[i] = self.find(hash(contexts[i], i as u32));
        }
        let mut node = 1usize;
        let page = select[0] * 256;
        for b in (0..bits).rev() {
            for i in 0..N {
                let history = self.buckets[self.at[i]][node] as usize;
                let p = self.maps[i].p(page + history);
                let known = history != 0;
                self.inputs[2 * i] = if known { t.stretch(p) } else { 0 };
                self.inputs[2 * i + 1] = if known { (p as i32 - 32768) >> 6 } else { 0 };
            }
            for i in 0..S {
                let p = self.slow[self.slow_at[i]][node] >> 16;
                self.inputs[2 * N + i] = t.stretch(p);
            }
            self.inputs[2 * N + S] = 256;
            let st = self.mixer.mix(&self.inputs, [select[0] * 16 + node, select[1]]);
            let a = self.corrections[0].p(st, select[0] * 16 + node);
            let c = (contexts[0] as usize ^ (node * 0x9e5)) & 4095;
            let p1 = self.corrections[1].p(st, c);
            let p = ((a + p1) >> 1).clamp(1, 65535);
            let bit = coder.code(value >> b & 1, p);
            self.mixer.update(t, &self.inputs, bit);
            self.corrections.iter_mut().for_each(|c| c.update(bit, 6));
            for i in 0..N {
                let history = &mut self.buckets[self.at[i]][node];
                if *history != 0 {
                    self.maps[i].update(t, page + *history as usize, bit);
                }
                *history = self.histories.next(*history, bit);
            }
            for i in 0..S {
                let v = &mut self.slow[self.slow_at[i]][node];
                let n = *v & 1023;
                let p = (*v >> 10) as i64;
                let target = i64::from(bit) * ((1 << 22) - 1);
                let p = p + (((target - p) * i64::from(t.reciprocal[n as usize])) >> 16);
                *v = (p as u32) << 10 | (n + u32::from(n < 1000));
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

/// Integers of 64 bits: a class (sign and length) of two symbols, then the bits below the first.
pub struct Numbers<const N: usize> {
    symbols: Nibbles<N>,
}

/// Kinds of numbers, for the weights.
pub const NUMBER_KINDS: usize = 4;

impl<const N: usize> Numbers<N> {
    pub fn new(log2: u32) -> Numbers<N> {
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
