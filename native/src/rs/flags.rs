//! Single decisions in N contexts each: is it this candidate, is it in the pool, which way is it coded.
//!
//! Every context has a cell with a bit history, a probability of its own and a check of its hash; both are
//! inputs of the mixer. A cell whose check differs belongs to another context: the less used of two
//! neighbours is given up for the new one.

use crate::rs::arith::{hash, tables, Coder, Tables};
use crate::rs::mix::{histories, Correction, Histories, Map, Mixer, Row};
use crate::simd::{soon, widest, Work};

#[derive(Clone, Copy)]
struct Cell {
    check: u16,
    p: u16,
    history: u8,
    seen: u8,
}

const FRESH: Cell = Cell { check: 0, p: 1 << 15, history: 0, seen: 0 };
/// A probability moves by at least 1 / (this + 1.5).
const SLOWEST: u8 = 250;

/// `W` is 2 N + 1, rounded up for vectors.
pub struct Flags<const N: usize, const W: usize> {
    cells: Vec<Cell>,
    maps: Vec<Map>,
    mixer: Mixer<W>,
    corrections: [Correction; 2],
    inputs: Row<W>,
    at: [usize; N],
    tables: &'static Tables,
    histories: &'static Histories,
}

impl<const N: usize, const W: usize> Flags<N, W> {
    /// 2^log2 cells; `sets` small contexts select the weights.
    pub fn new(log2: u32, sets: [usize; 2]) -> Flags<N, W> {
        const { assert!(W > 2 * N) };
        Flags {
            cells: vec![FRESH; 1 << log2],
            maps: (0..N).map(|_| Map::of_histories(1000)).collect(),
            mixer: Mixer::new(sets, 8, (1 << 16) / N as i32),
            corrections: [Correction::new(sets[0]), Correction::new(1024)],
            inputs: Row([0; W]),
            at: [0; N],
            tables: tables(),
            histories: histories(),
        }
    }

    #[inline(always)]
    fn find(&self, context: u32) -> (usize, u16) {
        let mask = self.cells.len() - 1;
        let (at, check) = (context as usize & mask, (context >> 16) as u16 ^ 1);
        let (a, b) = (&self.cells[at], &self.cells[at ^ 1]);
        let free = if a.seen <= b.seen { at } else { at ^ 1 };
        (
            if a.check == check {
                at
            } else if b.check == check {
                at ^ 1
            } else {
                free
            },
            check,
        )
    }

    #[inline(always)]
    pub fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        bit: u32,
        contexts: &[u32; N],
        select: [usize; 2],
    ) -> u32 {
        widest(Decision { flags: self, coder, bit, contexts, select })
    }

    #[inline(always)]
    fn decide<C: Coder>(&mut self, coder: &mut C, bit: u32, contexts: &[u32; N], select: [usize; 2]) -> u32 {
        let t = self.tables;
        let mut hashes = [0; N];
        for i in 0..N {
            hashes[i] = hash(contexts[i], i as u32);
            soon(&self.cells, hashes[i] as usize & (self.cells.len() - 1));
        }
        for i in 0..N {
            let (at, check) = self.find(hashes[i]);
            if self.cells[at].check != check {
                self.cells[at] = Cell { check, ..FRESH };
            }
            let cell = &self.cells[at];
            self.at[i] = at;
            let known = cell.seen > 0;
            self.inputs.0[i] = if known { t.stretch(self.maps[i].p(cell.history as usize)) } else { 0 };
            self.inputs.0[N + i] = if known { t.stretch(u32::from(cell.p)) } else { 0 };
        }
        self.inputs.0[2 * N] = 256;
        let st = self.mixer.mix(&self.inputs, select);
        let p = t.squash(st);
        let a = self.corrections[0].p(st, select[0]);
        let b = self.corrections[1].p(st, contexts[0] as usize & 1023);
        let p = ((2 * p + a + b) >> 2).clamp(1, 65535);
        let bit = coder.code(bit, p);
        self.mixer.update(t, &self.inputs, bit);
        self.corrections[0].update(bit, 6);
        self.corrections[1].update(bit, 6);
        for i in 0..N {
            let cell = &mut self.cells[self.at[i]];
            if cell.seen > 0 {
                self.maps[i].update(t, cell.history as usize, bit);
            }
            let target = if bit != 0 { 65535 } else { 0 };
            let p = i64::from(cell.p);
            cell.p = (p + (((target - p) * i64::from(t.reciprocal[cell.seen as usize])) >> 16)) as u16;
            cell.seen += u8::from(cell.seen < SLOWEST);
            cell.history = self.histories.next(cell.history, bit);
        }
        bit
    }
}

struct Decision<'a, C, const N: usize, const W: usize> {
    flags: &'a mut Flags<N, W>,
    coder: &'a mut C,
    bit: u32,
    contexts: &'a [u32; N],
    select: [usize; 2],
}

impl<C: Coder, const N: usize, const W: usize> Work for Decision<'_, C, N, W> {
    type Out = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        self.flags.decide(self.coder, self.bit, self.contexts, self.select)
    }
}
