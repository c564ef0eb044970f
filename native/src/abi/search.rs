//! Search in text, see `crate::search`.

use crate::search::{filter::Filter, lines, Hit};
use crate::{guard, own, slice, LpBuffer};

/// The literals: `count + 1` offsets into the bytes.
///
/// # Safety
/// `bytes` has `len` bytes, `offsets` `count + 1` values.
pub(super) unsafe fn literals<'a>(
    bytes: *const u8,
    len: usize,
    offsets: *const i64,
    count: usize,
) -> Result<Vec<&'a [u8]>, String> {
    let bytes = slice(bytes, len)?;
    let offsets = slice(offsets, count.checked_add(1).ok_or("too many literals")?)?;
    let wrong = || "literals: offsets that do not grow, or leave the bytes".to_string();
    let at = |value: i64| usize::try_from(value).map_err(|_| wrong());
    offsets.windows(2).map(|w| bytes.get(at(w[0])?..at(w[1])?).ok_or_else(wrong)).collect()
}

/// Line number from 0, start and end of every line, as i64 in the offsets of the buffer.
fn answer(hits: &[Hit]) -> *mut LpBuffer {
    let mut buffer = LpBuffer::of(Vec::new());
    buffer.offsets =
        hits.iter().flat_map(|hit| [hit.line as i64, hit.start as i64, hit.end as i64]).collect();
    own(buffer)
}

/// Lines of the text that contain one of the literals; with `invert`, none.
///
/// # Safety
/// `text` has `text_len` bytes; literals as in `literals`.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_search_lines(
    text: *const u8,
    text_len: usize,
    bytes: *const u8,
    len: usize,
    offsets: *const i64,
    count: usize,
    fold: bool,
    invert: bool,
    most: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let needles = literals(bytes, len, offsets, count)?;
        Ok(answer(&lines::hits(slice(text, text_len)?, &needles, fold, invert, most)))
    })
}

/// Lines of the text that one of the growing places lies in; with `invert`, all others.
///
/// # Safety
/// `text` has `text_len` bytes, `places` `count` values.
#[no_mangle]
pub unsafe extern "C" fn lp_search_places(
    text: *const u8,
    text_len: usize,
    places: *const i64,
    count: usize,
    invert: bool,
    most: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        Ok(answer(&lines::places(slice(text, text_len)?, slice(places, count)?, invert, most)?))
    })
}

/// Whether the text contains one of the literals: 1 or 0.
///
/// # Safety
/// As `lp_search_lines`.
#[no_mangle]
pub unsafe extern "C" fn lp_search_contains(
    text: *const u8,
    text_len: usize,
    bytes: *const u8,
    len: usize,
    offsets: *const i64,
    count: usize,
    fold: bool,
) -> i32 {
    guard(-1, || {
        let needles = literals(bytes, len, offsets, count)?;
        Ok(i32::from(lines::contains(slice(text, text_len)?, &needles, fold)))
    })
}

/// The loop over all bytes, compiled twice as in lib.rs.
mod hot {
    use super::Filter;

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn filter_of_avx2(text: &[u8]) -> Filter {
        Filter::of(text)
    }

    /// `Filter::of` in the version for this processor.
    pub fn filter_of(text: &[u8]) -> Filter {
        #[cfg(target_arch = "x86_64")]
        if crate::hot::has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { filter_of_avx2(text) };
        }
        Filter::of(text)
    }
}

/// The filter of a text, at most `most` bytes; no bytes if there is none that rules out enough.
///
/// # Safety
/// `text` has `text_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_filter_of(text: *const u8, text_len: usize, most: usize) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let filter = hot::filter_of(slice(text, text_len)?).fitted(most);
        Ok(own(LpBuffer::of(filter.map_or(Vec::new(), |f| f.to_bytes()))))
    })
}

/// Whether a filter has all that it has to have of a text: 1 or 0.
///
/// # Safety
/// `filter` has `filter_len` bytes, `text` `text_len`.
#[no_mangle]
pub unsafe extern "C" fn lp_filter_covers(
    filter: *const u8,
    filter_len: usize,
    text: *const u8,
    text_len: usize,
) -> i32 {
    guard(-1, || {
        let filter = Filter::from_bytes(slice(filter, filter_len)?)?;
        Ok(i32::from(filter.covers(hot::filter_of(slice(text, text_len)?))))
    })
}

/// Whether a text with this filter may contain one of the literals, in whatever case: 1 or 0.
///
/// # Safety
/// `filter` has `filter_len` bytes; literals as in `literals`.
#[no_mangle]
pub unsafe extern "C" fn lp_filter_may_contain(
    filter: *const u8,
    filter_len: usize,
    bytes: *const u8,
    len: usize,
    offsets: *const i64,
    count: usize,
) -> i32 {
    guard(-1, || {
        let filter = Filter::from_bytes(slice(filter, filter_len)?)?;
        let needles = literals(bytes, len, offsets, count)?;
        Ok(i32::from(needles.iter().any(|needle| filter.may_contain(needle))))
    })
}
