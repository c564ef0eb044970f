//! The row-order structured coder, see `crate::rs`.

use crate::layout::Span;
use crate::rows::{field_rows, line_rows, read_templates, write_templates, Rows};
use crate::{guard, own, rs, slice, LpBuffer};

/// Row templates of the parse into fields, at most.
const MAX_TEMPLATES: usize = 2048;

/// Codes a block: part 0 is the template table in the form of rows.rs and then the payload, part 1 (i64) the
/// length of the table and the number of rows. `parse` is 0 for whole lines, 1 for fields.
///
/// # Safety
/// `raw` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_rows_encode(raw: *const u8, len: usize, parse: u32) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let raw = slice(raw, len)?;
        let owned = match parse {
            0 => line_rows(raw),
            1 => field_rows(raw, MAX_TEMPLATES),
            other => return Err(format!("parse {other}, expected 0 or 1")),
        };
        let payload = rs::encode(&owned.on(raw))?;
        let mut bytes = write_templates(&owned.templates);
        let parts = vec![bytes.len() as i64, owned.rows.len() as i64];
        bytes.extend_from_slice(&payload);
        let mut buffer = LpBuffer::of(bytes);
        buffer.offsets = parts;
        Ok(own(buffer))
    })
}

/// The payload of given rows: the template of each, and two positions for each of its slots.
///
/// # Safety
/// The slices have the given lengths, `spans` 2 * `span_count` values.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_rows_encode_given(
    raw: *const u8,
    len: usize,
    table: *const u8,
    table_len: usize,
    rows: *const u32,
    row_count: usize,
    spans: *const u32,
    span_count: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let templates = read_templates(slice(table, table_len)?)?;
        let positions = slice(spans, span_count.saturating_mul(2))?;
        let spans: Vec<Span> = positions.chunks(2).map(|p| Span { start: p[0], end: p[1] }).collect();
        let rows = Rows {
            raw: slice(raw, len)?,
            templates: &templates,
            rows: slice(rows, row_count)?,
            spans: &spans,
        };
        Ok(own(LpBuffer::of(rs::encode(&rows)?)))
    })
}

/// The raw bytes of a payload.
///
/// # Safety
/// `payload` has `len` bytes, `table` has `table_len`.
#[no_mangle]
pub unsafe extern "C" fn lp_rows_decode(
    payload: *const u8,
    len: usize,
    table: *const u8,
    table_len: usize,
    rows: usize,
    raw_len: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let templates = read_templates(slice(table, table_len)?)?;
        Ok(own(LpBuffer::of(rs::decode(slice(payload, len)?, &templates, rows, raw_len)?)))
    })
}

/// Bytes without rows, coded.
///
/// # Safety
/// `bytes` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_text_encode(bytes: *const u8, len: usize) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || Ok(own(LpBuffer::of(rs::encode_text(slice(bytes, len)?)))))
}

/// The reverse; `raw_len` is how many bytes there were.
///
/// # Safety
/// `payload` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_text_decode(payload: *const u8, len: usize, raw_len: usize) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || Ok(own(LpBuffer::of(rs::decode_text(slice(payload, len)?, raw_len)?))))
}
