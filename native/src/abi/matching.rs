//! Templates learned elsewhere: tables, chunks matched against them, samples of lines.

use crate::chunk::{sample_level, Chunk};
use crate::layout::{Layout, Shapes};
use crate::matching::Table;
use crate::{busy, check_offsets, free, guard, object, own, set_used, slice, wire};
use crate::{LpBuffer, LpChunk, LpHeader};
use std::sync::RwLock;

/// A table of templates.
pub struct LpTable(RwLock<Table>);

/// The loops over all bytes, compiled twice as in lib.rs.
mod hot {
    use super::*;

    #[inline(always)]
    fn lines(c: &mut Chunk, table: &Table, layout: &Layout, shapes: &Shapes) {
        c.match_table(table, layout, shapes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn lines_avx2(c: &mut Chunk, table: &Table, layout: &Layout, shapes: &Shapes) {
        lines(c, table, layout, shapes);
    }

    /// `Chunk::match_table` in the version for this processor.
    pub fn lines_best(c: &mut Chunk, table: &Table, layout: &Layout, shapes: &Shapes) {
        #[cfg(target_arch = "x86_64")]
        if crate::hot::has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { lines_avx2(c, table, layout, shapes) };
        }
        lines(c, table, layout, shapes);
    }
}

/// # Safety
/// `delimiters` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_table_new(delimiters: *const u8, len: usize) -> *mut LpTable {
    guard(std::ptr::null_mut(), || Ok(own(LpTable(RwLock::new(Table::new(slice(delimiters, len)?))))))
}

/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_table_free(table: *mut LpTable) {
    free(table);
}

/// Appends templates given in the form of wire.rs, all of them or none; returns how many there are then.
///
/// # Safety
/// `templates` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_table_extend(table: *const LpTable, templates: *const u8, len: usize) -> i64 {
    guard(-1, || {
        let read = wire::read_templates(slice(templates, len)?)?;
        let mut t = object(table)?.0.write().map_err(busy)?;
        for (_, literals, kinds) in &read {
            t.push(literals, kinds)?;
        }
        Ok(t.len() as i64)
    })
}

fn gather(c: &mut Chunk, table: &Table) -> Result<(), String> {
    c.gather(&|id| table.slot_count(id), table.len())
}

/// Splits the first `used` bytes of the input into lines and matches them; makes the columns, unless
/// there are new shapes. Returns the lines.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_table_match(
    table: *const LpTable,
    header: *const LpHeader,
    chunk: *const LpChunk,
    used: usize,
) -> i64 {
    guard(-1, || {
        let t = object(table)?.0.read().map_err(busy)?;
        let header = object(header)?;
        let shapes = header.shapes.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        set_used(&mut c, used)?;
        hot::lines_best(&mut c, &t, &header.layout, &shapes);
        if c.has_known_shapes() {
            gather(&mut c, &t)?;
        }
        Ok(c.lines() as i64)
    })
}

/// The same for messages: `n + 1` offsets into the input.
///
/// # Safety
/// `offsets` has `n + 1` values.
#[no_mangle]
pub unsafe extern "C" fn lp_table_match_given(
    table: *const LpTable,
    chunk: *const LpChunk,
    used: usize,
    offsets: *const i64,
    n: usize,
) -> i64 {
    guard(-1, || {
        let t = object(table)?.0.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        let offsets = slice(offsets, n + 1)?;
        check_offsets(offsets, used)?;
        set_used(&mut c, used)?;
        c.match_table_given(&t, offsets);
        gather(&mut c, &t)?;
        Ok(c.lines() as i64)
    })
}

/// Adds the shapes that a matched chunk met first, and makes its columns then; to be called for chunks in
/// file order. Returns how many shapes there are then.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_table_settle(
    table: *const LpTable,
    header: *const LpHeader,
    chunk: *const LpChunk,
) -> i64 {
    guard(-1, || {
        let header = object(header)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        if !c.has_known_shapes() {
            let t = object(table)?.0.read().map_err(busy)?;
            c.settle(&t, &mut *header.shapes.write().map_err(busy)?);
            gather(&mut c, &t)?;
        }
        let shapes = header.shapes.read().map_err(busy)?.len();
        Ok(shapes as i64)
    })
}

/// Takes the messages of the lines in the sample of a level; a line's number is the place of its first
/// byte in the source, `first` for the first one. Returns how many there are.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_sample(
    header: *const LpHeader,
    chunk: *const LpChunk,
    used: usize,
    first: u64,
    level: u32,
) -> i64 {
    guard(-1, || {
        let header = object(header)?;
        let shapes = header.shapes.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        set_used(&mut c, used)?;
        c.sample_lines(&header.layout, &shapes, first, level);
        c.gather(&|_| 1, 1)?;
        Ok(c.lines() as i64)
    })
}

/// Copies the levels of a chunk that was sampled.
///
/// # Safety
/// `out` has room for `n` values.
#[no_mangle]
pub unsafe extern "C" fn lp_chunk_levels(chunk: *const LpChunk, out: *mut u8, n: usize) -> i32 {
    guard(-1, || {
        let c = object(chunk)?.0.try_lock().map_err(busy)?;
        if c.levels.len() != n {
            return Err(format!("{} levels, {n} expected", c.levels.len()));
        }
        std::ptr::copy_nonoverlapping(c.levels.as_ptr(), out, n);
        Ok(0)
    })
}

/// The level in samples of each of `n` consecutive numbers.
///
/// # Safety
/// `out` has room for `n` values.
#[no_mangle]
pub unsafe extern "C" fn lp_sample_levels(first: u64, n: usize, out: *mut u8) -> i32 {
    guard(-1, || {
        for i in 0..n {
            *out.add(i) = sample_level(first.wrapping_add(i as u64)) as u8;
        }
        Ok(0)
    })
}

/// Values at some positions of a column: parts 2 (offsets) and 0 (data).
///
/// # Safety
/// `offsets` has `n + 1` values, `data` `len` bytes, `rows` `count` values.
#[no_mangle]
pub unsafe extern "C" fn lp_take(
    offsets: *const i32,
    n: usize,
    data: *const u8,
    len: usize,
    rows: *const i64,
    count: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let (offsets, data) = (slice(offsets, n + 1)?, slice(data, len)?);
        let mut bytes = Vec::new();
        let mut short_offsets = vec![0i32];
        for &row in slice(rows, count)? {
            let bounds = usize::try_from(row).ok().and_then(|r| offsets.get(r..r.checked_add(2)?));
            let &[a, b] = bounds.ok_or("a position outside of the column")? else {
                return Err("a position outside of the column".into());
            };
            let value =
                data.get(a as usize..b as usize).ok_or("offsets that do not ascend within the data")?;
            bytes.extend_from_slice(value);
            let end = i32::try_from(bytes.len()).map_err(|_| "a column of more than 2 GiB")?;
            short_offsets.push(end);
        }
        Ok(own(LpBuffer { bytes, offsets: Vec::new(), short_offsets, lists: Vec::new() }))
    })
}

/// The lexical class of each of `count` columns of values: those from `starts[i]` to `ends[i]`.
///
/// # Safety
/// `offsets` has `n + 1` values, `data` `len` bytes; `starts`, `ends` and `out` have `count` values.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_classify_columns(
    offsets: *const i32,
    n: usize,
    data: *const u8,
    len: usize,
    starts: *const i64,
    ends: *const i64,
    count: usize,
    out: *mut u8,
) -> i32 {
    guard(-1, || {
        let (offsets, data) = (slice(offsets, n + 1)?, slice(data, len)?);
        let ordered = offsets.windows(2).all(|w| w[0] <= w[1]);
        if !ordered || offsets[0] < 0 || offsets[n] as usize > data.len() {
            return Err("offsets that do not ascend within the data".into());
        }
        for (i, (&a, &b)) in slice(starts, count)?.iter().zip(slice(ends, count)?).enumerate() {
            let bounds = usize::try_from(a).ok().zip(usize::try_from(b).ok());
            let own = bounds.and_then(|(a, b)| offsets.get(a..=b)).ok_or("a column outside of the values")?;
            *out.add(i) = crate::recognise::classify_column(data, own);
        }
        Ok(0)
    })
}
