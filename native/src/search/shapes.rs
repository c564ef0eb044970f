//! States of an automaton behind texts of which only the shape is known (`archive/guide.rs`).

use super::automaton::{Automaton, FOUND};
use super::columns::{distinct, MAX_STATES};
use crate::archive::guide::{kind, Shape};
use crate::archive::parts::Lack;
use std::collections::hash_map::{Entry, HashMap};
use std::collections::HashSet;

/// Longer texts are taken for endless ones.
const LONG: usize = 64;
/// Places in a shape that are looked at, at most.
const MOST: usize = 1 << 14;

/// States that texts of a shape lead to, from one state: more than there are, mostly.
pub fn after(
    automaton: &mut Automaton,
    shape: &Shape,
    state: u32,
    budget: &mut usize,
) -> Result<Vec<u32>, Lack> {
    // A place: a state and the two kinds before. The shortest way to it leaves most to come.
    let mut seen: HashSet<(u32, u8, u8)> = HashSet::new();
    let mut steps: HashMap<u32, Vec<(u8, u32)>> = HashMap::new();
    let mut found: Vec<u32> = Vec::new();
    let mut now = vec![(state, 0u8, 0u8)];
    seen.insert(now[0]);
    let mut length = 0;
    while !now.is_empty() {
        let mut next = Vec::new();
        for (state, a, b) in now {
            if shape.follows(a, b, 0) && !found.contains(&state) {
                found.push(state);
            }
            if state <= FOUND {
                // What is found stays found, however the text goes on.
                if !found.contains(&state) {
                    found.push(state);
                }
                continue;
            }
            if length >= shape.longest && shape.longest <= LONG {
                continue;
            }
            if let Entry::Vacant(entry) = steps.entry(state) {
                *budget = budget.checked_sub(256).ok_or(Lack::Otherwise)?;
                let mut known: Vec<(u8, u32)> = Vec::new();
                for byte in 0..=255u8 {
                    let step = (kind(byte), automaton.next(state, byte)?);
                    if !known.contains(&step) {
                        known.push(step);
                    }
                }
                entry.insert(known);
            }
            for &(c, then) in &steps[&state] {
                if shape.follows(a, b, c) && seen.insert((then, b, c)) {
                    next.push((then, b, c));
                }
            }
        }
        if seen.len() > MOST || found.len() > MAX_STATES {
            return Err(Lack::Otherwise);
        }
        now = next;
        length += 1;
    }
    Ok(distinct(&found))
}
