//! The mask lexer: rules in, variables and distinct masked messages out.

use crate::mask::{Lexer, Options, Rows, Rule, Scratch};
use crate::wire::Reader;
use crate::{free, guard, object, own, slice, LpBuffer};

/// A compiled table of rules.
pub struct LpLexer(Lexer);

/// `options` is, as u32: list, number, quantity, rest (classes), window; then `length, bytes` of the
/// expressions of members and units, and of each rule its class and its expression.
///
/// # Safety
/// `options` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_lexer_new(options: *const u8, len: usize) -> *mut LpLexer {
    guard(std::ptr::null_mut(), || {
        let mut r = Reader::new(slice(options, len)?);
        let mut class = || r.u32().map(|n| n as u8);
        let (list, number, quantity, rest) = (class()?, class()?, class()?, class()?);
        let window = r.u32()? as usize;
        let (member, unit) = (r.bytes()?, r.bytes()?);
        let mut rules = Vec::new();
        while !r.is_empty() {
            rules.push(Rule { mask: r.u32()? as u8, syntax: r.bytes()? });
        }
        let options = Options { rules, member, list, unit, number, quantity, window, rest };
        Ok(own(LpLexer(Lexer::new(&options)?)))
    })
}

/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_lexer_free(lexer: *mut LpLexer) {
    free(lexer);
}

fn message<'a>(offsets: &[i32], i: usize, data: &'a [u8]) -> Result<&'a [u8], String> {
    let (a, b) = (usize::try_from(offsets[i]), usize::try_from(offsets[i + 1]));
    match (a, b) {
        (Ok(a), Ok(b)) => data.get(a..b),
        _ => None,
    }
    .ok_or_else(|| "offsets that do not ascend within the data".into())
}

/// The variables of each message: in part 3 begin, end and class of each, in part 2 how many all
/// messages up to each one have.
///
/// # Safety
/// `offsets` has `n + 1` values, `data` `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_mask_spans(
    lexer: *const LpLexer,
    offsets: *const i32,
    n: usize,
    data: *const u8,
    len: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let lexer = &object(lexer)?.0;
        let (offsets, data) = (slice(offsets, n + 1)?, slice(data, len)?);
        let (mut found, mut scratch) = (Vec::new(), Scratch::default());
        let (mut lists, mut short_offsets) = (Vec::new(), vec![0i32]);
        for i in 0..n {
            lexer.find(message(offsets, i, data)?, &mut found, &mut scratch);
            for &(start, end, class) in &found {
                lists.extend_from_slice(&[start as i32, end as i32, i32::from(class)]);
            }
            let end = i32::try_from(lists.len() / 3).map_err(|_| "more than 2^31 variables")?;
            short_offsets.push(end);
        }
        Ok(own(LpBuffer { bytes: Vec::new(), offsets: Vec::new(), short_offsets, lists }))
    })
}

/// The masked messages as distinct rows: their text (part 0, offsets in part 2), and the row of each
/// message (part 3), -1 for one that came when there were `most` rows or `most_bytes` bytes of text.
///
/// # Safety
/// `offsets` has `n + 1` values, `data` `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_mask_rows(
    lexer: *const LpLexer,
    offsets: *const i32,
    n: usize,
    data: *const u8,
    len: usize,
    most: usize,
    most_bytes: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let lexer = &object(lexer)?.0;
        let (offsets, data) = (slice(offsets, n + 1)?, slice(data, len)?);
        let (mut found, mut scratch) = (Vec::new(), Scratch::default());
        let mut rows = Rows::new(most.min(i32::MAX as usize), most_bytes);
        let mut lists = Vec::with_capacity(n);
        for i in 0..n {
            let message = message(offsets, i, data)?;
            lexer.find(message, &mut found, &mut scratch);
            lists.push(rows.row(message, &found).map_or(-1, |row| row as i32));
        }
        Ok(own(LpBuffer { bytes: rows.text, offsets: Vec::new(), short_offsets: rows.ends, lists }))
    })
}
