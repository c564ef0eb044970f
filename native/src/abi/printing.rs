//! Lines and parts of lines as grep prints them, see `crate::search::{parts, print}`.

use super::select::{LpProgram, OTHERWISE, WRONG};
use crate::search::parts::{Finder, Part};
use crate::search::print::{self, Head};
use crate::{guard, object, own, slice, LpBuffer};

/// Parts of lines that match: three numbers each, the line's from 0, start and end in it; in part 1. The
/// second program is the first one backwards. `out`: why there is no answer.
///
/// # Safety
/// `text` has `text_len` bytes, `out` one number.
#[no_mangle]
pub unsafe extern "C" fn lp_text_parts(
    forward: *const LpProgram,
    backward: *const LpProgram,
    text: *const u8,
    text_len: usize,
    words: bool,
    out: *mut i64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let out = object(out as *const std::cell::Cell<i64>)?;
        out.set(WRONG);
        let mut finder = Finder::new(&object(forward)?.0, &object(backward)?.0, words);
        let found = finder.parts(slice(text, text_len)?).map_err(|_| {
            out.set(OTHERWISE);
            "too many states".to_string()
        })?;
        let mut buffer = LpBuffer::of(Vec::new());
        buffer.offsets =
            found.iter().flat_map(|&(line, start, end)| [line as i64, start as i64, end as i64]).collect();
        Ok(own(buffer))
    })
}

/// Lines, or parts of them if there are some, with what stands before them. `flags`: 1 the parts are of lines
/// that were not found, 2 a zero byte behind the name, 4 with colours, 8 whole lines in which the parts have one.
///
/// # Safety
/// `text` has `text_len` bytes, `name` `name_len`; `numbers` and `found` have a value for each of `lines`;
/// `parts` has `3 * part_count` numbers. `name`, `found` and `parts` may be null.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_print_lines(
    text: *const u8,
    text_len: usize,
    name: *const u8,
    name_len: usize,
    numbers: *const i64,
    found: *const u8,
    lines: usize,
    origin: i64,
    numbered: bool,
    parts: *const i64,
    part_count: usize,
    flags: u32,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let text = slice(text, text_len)?;
        let head = Head {
            name: if name.is_null() { None } else { Some(slice(name, name_len)?) },
            numbers: slice(numbers, lines)?,
            origin,
            numbered,
            found: if found.is_null() { None } else { Some(slice(found, lines)?) },
            zero: flags & 2 != 0,
            painted: flags & 4 != 0,
        };
        if parts.is_null() {
            return Ok(own(LpBuffer::of(print::lines(text, &head))));
        }
        let numbers = slice(parts, part_count.checked_mul(3).ok_or("too many parts")?)?;
        let wrong = |_| "parts: numbers below 0".to_string();
        let at = |value: i64| usize::try_from(value).map_err(wrong);
        let parts: Result<Vec<Part>, String> =
            numbers.as_chunks::<3>().0.iter().map(|p| Ok((at(p[0])?, at(p[1])?, at(p[2])?))).collect();
        let print = if flags & 8 != 0 { print::painted } else { print::parts };
        Ok(own(LpBuffer::of(print(text, &parts?, &head, flags & 1 != 0))))
    })
}

/// Lines of a block of `lines` that are printed if some were found, with context: numbers in part 1, marks
/// of those found in part 0.
///
/// # Safety
/// `found` has `count` numbers.
#[no_mangle]
pub unsafe extern "C" fn lp_around_lines(
    found: *const i64,
    count: usize,
    before: i64,
    after: i64,
    lines: i64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let found = slice(found, count)?;
        if !found.is_sorted()
            || found.first().is_some_and(|&n| n < 0)
            || found.last().is_some_and(|&n| n >= lines)
        {
            return Err("lines that are not in the block".into());
        }
        let (numbers, marks) = print::around(found, before.max(0), after.max(0), lines);
        let mut buffer = LpBuffer::of(marks);
        buffer.offsets = numbers;
        Ok(own(buffer))
    })
}

/// Some lines of a text, by growing numbers from 0, each with a line feed.
///
/// # Safety
/// `text` has `text_len` bytes, `numbers` `count` values.
#[no_mangle]
pub unsafe extern "C" fn lp_pick_lines(
    text: *const u8,
    text_len: usize,
    numbers: *const i64,
    count: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        Ok(own(LpBuffer::of(print::pick(slice(text, text_len)?, slice(numbers, count)?))))
    })
}
