//! Predictions and how they are mixed: bit histories, adaptive maps, mixers and the last correction.
//!
//! A bit history is one byte that stands for (zeros, ones, last bit) with bounded counts; which pairs of
//! counts exist and where a bit leads is a small rule, in `Histories::new`. What a history means is
//! learned by an adaptive map. A mixer weighs the predictions of all contexts in the logistic domain
//! (Mahoney, "Adaptive weighing of context models for lossless data compression", 2005).

use crate::rs::arith::{tables, Tables, LIMIT};
use crate::simd::soon;
use std::sync::OnceLock;

/// The most counts of the more frequent bit for each count of the other.
const MOST: [u8; 8] = [48, 18, 8, 7, 7, 7, 7, 7];

pub struct Histories {
    /// Next history, by history and bit.
    next: [[u8; 2]; 256],
    /// 22-bit probability to begin with.
    initial: Vec<u32>,
    #[cfg(test)]
    count: usize,
}

pub fn histories() -> &'static Histories {
    static HISTORIES: OnceLock<Histories> = OnceLock::new();
    HISTORIES.get_or_init(Histories::new)
}

impl Histories {
    fn new() -> Histories {
        let exists = |n0: u8, n1: u8| MOST.get(n0.min(n1) as usize).is_some_and(|m| n0.max(n1) <= *m);
        // Histories in order of the sum of counts, then of ones, then of the last bit.
        let mut known = vec![(0u8, 0u8, 0u8)];
        for sum in 1..=MOST[0] {
            for ones in 0..=sum {
                let zeros = sum - ones;
                if exists(zeros, ones) {
                    known.extend((zeros > 0).then_some((zeros, ones, 0)));
                    known.extend((ones > 0).then_some((zeros, ones, 1)));
                }
            }
        }
        let number = |h: (u8, u8, u8)| known.iter().position(|k| *k == h).unwrap_or(0) as u8;
        let after = |(zeros, ones, _): (u8, u8, u8), bit: u8| {
            let (mut same, mut other) = if bit == 1 { (ones, zeros) } else { (zeros, ones) };
            same += 1;
            if other > 2 {
                other = other.ilog2() as u8 + 1;
            }
            while !exists(same, other) {
                if same > other {
                    same -= 1;
                } else {
                    other -= 1;
                }
            }
            number(if bit == 1 { (other, same, 1) } else { (same, other, 0) })
        };
        let mut next = [[0; 2]; 256];
        for (next, &h) in next.iter_mut().zip(&known) {
            *next = [after(h, 0), after(h, 1)];
        }
        let initial = known
            .iter()
            .map(|&(n0, n1, _)| {
                (((u32::from(n1) * 10 + 4) << 22) / (u32::from(n0 + n1) * 10 + 8)).min((1 << 22) - 1)
            })
            .collect();
        Histories {
            next,
            initial,
            #[cfg(test)]
            count: known.len(),
        }
    }

    #[inline(always)]
    pub fn next(&self, history: u8, bit: u32) -> u8 {
        self.next[history as usize][(bit & 1) as usize]
    }
}

/// Probability per small context: 22 bits, and 10 bits of how often it was seen.
pub struct Map {
    cells: Vec<u32>,
    limit: u32,
}

impl Map {
    /// One cell for every bit history.
    pub fn of_histories(limit: u32) -> Map {
        let h = histories();
        let mut cells: Vec<u32> = h.initial.iter().map(|p| p << 10).collect();
        cells.resize(256, 1 << 31);
        Map { cells, limit }
    }

    /// `n` times a cell for every bit history.
    pub fn repeated(limit: u32, n: usize) -> Map {
        let one = Map::of_histories(limit);
        Map { cells: one.cells.repeat(n), limit }
    }

    #[inline(always)]
    pub fn p(&self, at: usize) -> u32 {
        self.cells[at] >> 16
    }

    /// `n` cells for each history, from the `first`th lot on.
    #[inline(always)]
    pub fn page(&mut self, first: usize, n: usize) -> &mut [u32] {
        &mut self.cells[first * 256..][..n * 256]
    }

    #[inline(always)]
    pub fn update(&mut self, t: &Tables, at: usize, bit: u32) {
        learn(&mut self.cells[at], t, self.limit, bit);
    }
}

/// Moves a probability of 22 bits, with 10 bits of how often it moved, towards a bit.
#[inline(always)]
pub fn learn(cell: &mut u32, t: &Tables, limit: u32, bit: u32) {
    let n = *cell & 1023;
    let p = i64::from(*cell >> 10);
    let target = i64::from(bit) * ((1 << 22) - 1);
    let p = p + (((target - p) * i64::from(t.reciprocal[n as usize])) >> 16);
    *cell = (p as u32) << 10 | (n + u32::from(n < limit));
}

/// A vector of inputs or weights: as many as are needed, then zeros up to a multiple of eight.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub struct Row<const W: usize>(pub [i32; W]);

/// Weights selected by two small contexts, whose answers are averaged.
pub struct Mixer<const W: usize> {
    weights: [Vec<Row<W>>; 2],
    /// How often each set was used, for a rate that falls.
    used: [Vec<u16>; 2],
    dots: [i32; 2],
    at: [usize; 2],
    rate: i32,
}

const WEIGHT_LIMIT: i32 = (1 << 19) - 1;

impl<const W: usize> Mixer<W> {
    pub fn new(sets: [usize; 2], rate: i32, weight: i32) -> Mixer<W> {
        const { assert!(W.is_multiple_of(8)) };
        Mixer {
            weights: sets.map(|n| vec![Row([weight; W]); n]),
            used: sets.map(|n| vec![0; n]),
            dots: [0; 2],
            at: [0; 2],
            rate,
        }
    }

    /// The mixed prediction, stretched.
    #[inline(always)]
    pub fn mix(&mut self, x: &Row<W>, select: [usize; 2]) -> i32 {
        for k in 0..2 {
            let at = select[k].min(self.used[k].len() - 1);
            self.at[k] = at;
            let w = &self.weights[k][at];
            let mut sums = [0i32; 8];
            for i in 0..W / 8 {
                for j in 0..8 {
                    sums[j] += (w.0[8 * i + j] * x.0[8 * i + j]) >> 8;
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
            self.dots[k] = (sum >> 8).clamp(-LIMIT, LIMIT);
        }
        (self.dots[0] + self.dots[1]) >> 1
    }

    #[inline(always)]
    pub fn update(&mut self, t: &Tables, x: &Row<W>, bit: u32) {
        for k in 0..2 {
            let used = &mut self.used[k][self.at[k]];
            // A set that is new learns up to four times as fast.
            let rate = self.rate + (3 * self.rate * 64) / (64 + i32::from(*used) * 4);
            *used += u16::from(*used < 4000);
            let error = ((bit as i32) << 16) - t.squash(self.dots[k]) as i32;
            let step = (error * rate) >> 6;
            // Nothing to learn that would move a weight.
            if step.abs() < 4 {
                continue;
            }
            let w = &mut self.weights[k][self.at[k]];
            for i in 0..W {
                let moved = w.0[i] + ((x.0[i] * step + 0x2000) >> 14);
                w.0[i] = moved.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT);
            }
        }
    }
}

/// Corrects a prediction by what happened before at about this prediction in a small context.
pub struct Correction {
    cells: Vec<u16>,
    at: usize,
}

const KNOTS: usize = 33;

impl Correction {
    pub fn new(contexts: usize) -> Correction {
        let t = tables();
        let row: Vec<u16> = (0..KNOTS as i32).map(|k| t.squash((k - 16) * 178) as u16).collect();
        Correction { cells: row.repeat(contexts.max(1)), at: 0 }
    }

    /// Has the cells of a context fetched.
    #[inline(always)]
    pub fn soon(&self, context: usize) {
        soon(&self.cells, context * KNOTS);
        soon(&self.cells, context * KNOTS + KNOTS - 1);
    }

    #[inline(always)]
    pub fn p(&mut self, stretched: i32, context: usize) -> u32 {
        let place = (stretched.clamp(-LIMIT, LIMIT) + 2848) as usize;
        let (knot, part) = (place / 178, (place % 178) as u32);
        let first = context * KNOTS;
        let first = if first < self.cells.len() { first } else { first % self.cells.len() };
        let base = first + knot;
        self.at = base + usize::from(part >= 89);
        let (a, b) = (u32::from(self.cells[base]), u32::from(self.cells[base + 1]));
        (a * (178 - part) + b * part) / 178
    }

    #[inline(always)]
    pub fn update(&mut self, bit: u32, shift: u32) {
        let c = &mut self.cells[self.at];
        let target = bit as i32 * 65535;
        *c = (i32::from(*c) + ((target - i32::from(*c)) >> shift)) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_fit_into_a_byte_and_stay_there() {
        let h = histories();
        assert!(h.count <= 256);
        let mut state = 0u8;
        for i in 0..1000u32 {
            state = h.next(state, u32::from(i % 7 == 0));
            assert!((state as usize) < h.count);
        }
        let zeros = (0..100).fold(0u8, |s, _| h.next(s, 0));
        assert_eq!(h.next(zeros, 0), zeros);
    }
}
