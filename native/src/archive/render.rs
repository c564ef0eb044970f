//! Columns to raw bytes: literals and values in turn, row after row.

use super::decode::Templates;

/// The values of a column, as places in the arena.
pub enum Values {
    Same((u32, u32)),
    Each(Vec<(u32, u32)>),
}

impl Values {
    pub fn get(&self, i: usize) -> (u32, u32) {
        match self {
            Values::Same(range) => *range,
            Values::Each(ranges) => ranges[i],
        }
    }
}

/// Bytes that are copied at once; both sides are padded by as many.
const BLOCK: usize = 32;

#[inline(always)]
fn copy(to: &mut [u8], at: usize, from: &[u8], start: usize, n: usize) {
    let mut done = 0;
    loop {
        let piece: &[u8; BLOCK] = from[start + done..start + done + BLOCK].try_into().unwrap_or(&[0; BLOCK]);
        to[at + done..at + done + BLOCK].copy_from_slice(piece);
        done += BLOCK;
        if done >= n {
            return;
        }
    }
}

/// `raw_len` bytes; anything else is an error. The arena is padded here.
pub fn render(
    table: &Templates,
    rows: &[u64],
    values: &[Values],
    arena: &mut Vec<u8>,
    raw_len: usize,
) -> Result<Vec<u8>, String> {
    // Literals go behind the values, so that there is one place to copy from.
    let mut programs: Vec<Vec<(u32, u32, u32)>> = Vec::with_capacity(table.templates.len());
    for (template, columns) in table.templates.iter().zip(&table.columns) {
        let mut program = Vec::with_capacity(columns.len() + 1);
        for (k, literal) in template.literals.iter().enumerate() {
            let start = arena.len() as u32;
            arena.extend_from_slice(literal);
            program.push((start, literal.len() as u32, columns.get(k).copied().unwrap_or(u32::MAX)));
        }
        programs.push(program);
    }
    arena.resize(arena.len() + BLOCK, 0);
    let mut out = vec![0u8; raw_len + BLOCK];
    let mut next = vec![0usize; values.len()];
    let mut at = 0usize;
    let too_long = || format!("the rows are longer than the block's {raw_len} bytes");
    for &t in rows {
        for &(start, n, column) in &programs[t as usize] {
            if at + n as usize > raw_len {
                return Err(too_long());
            }
            copy(&mut out, at, arena, start as usize, n as usize);
            at += n as usize;
            if column != u32::MAX {
                let i = &mut next[column as usize];
                let (start, end) = values[column as usize].get(*i);
                *i += 1;
                let n = (end - start) as usize;
                if at + n > raw_len {
                    return Err(too_long());
                }
                copy(&mut out, at, arena, start as usize, n);
                at += n;
            }
        }
    }
    if at != raw_len {
        return Err(format!("the rows have {at} bytes, the block's header says {raw_len}"));
    }
    out.truncate(raw_len);
    Ok(out)
}
