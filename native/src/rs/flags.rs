//! Single decisions in N contexts each: is it this candidate, is it in the pool, which way is it coded.
//!
//! Every context has a cell with a bit history, a probability of its own and a check of its hash; both are
//! inputs of the mixer. A cell whose check differs belongs to another context: the less used of two
//! neighbours is given up for the new one.

use crate::rs::arith::{hash, tables, Coder, Tables};
use crate::rs::mix::{histories, Correction, Histories, Map, Mixer};

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

pub struct Flags<const N: usize> {
    cells: Vec<Cell>,
    maps: Vec<Map>,
    mixer: Mixer,
    corrections: [Correction; 2],
    inputs: Vec<i32>,
    at: [usize; N],
    tables: &'static Tables,
    histories: &'static Histories,
}

impl<const N: usize> Flags<N> {
    /// 2^log2 cells; `sets` small contexts select the weights.
    pub fn new(log2: u32, sets: [usize; 2]) -> Flags<N> {
        Flags {
            cells: vec![FRESH; 1 << log2],
            maps: (0..N).map(|_| Map::of_histories(1000)).collect(),
            mixer: Mixer::new(2 * N + 1, sets, 8, (1 << 16) / N as i32),
            corrections: [Correction::new(sets[0]), Correction::new(1024)],
            inputs: vec![0; 2 * N + 1],
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
        let t = self.tables;
        for i in 0..N {
            let (at, check) = self.find(hash(contexts[i], i as u32));
            if self.cells[at].check != check {
                self.cells[at] = Cell { check, ..FRESH };
            }
            let cell = &self.cells[at];
            self.at[i] = at;
            let known = cell.seen > 0;
            self.inputs[2 * i] = if known { t.stretch(self.maps[i].p(cell.history as usize)) } else { 0 };
            self.inputs[2 * i + 1] = if known { t.stretch(u32::from(cell.p)) } else { 0 };
        }
        self.inputs[2 * N] = 256;
        let st = self.mixer.mix(&self.inputs, select);
        let p = t.squash(st);
        let a = self.corrections[0].p(st, select[0]);
        let b = self.corrections[1].p(st, contexts[0] as usize & 1023);
        let p = ((2 * p + a + b) >> 2).clamp(1, 65535);
        let bit = coder.code(bit, p);
        self.mixer.update(t, &self.inputs, bit);
        self.corrections.iter_mut().for_each(|c| c.update(bit, 6));
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
