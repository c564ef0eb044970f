//! Search by automata, in text and in blocks that are opened in stages, see `crate::search::columns`.

use super::search::literals;
use crate::archive::parts::{Lack, Parts};
use crate::archive::select::{open, View};
use crate::archive::{pick, GUIDE, STREAMS};
use crate::search::automaton::{Automaton, Kind, Op, Program};
use crate::search::columns::{self, Search};
use crate::search::{hits, text, Hit};
use crate::{busy, free, guard, object, own, slice, LpBuffer};
use std::sync::{Arc, Mutex};

/// An expression, as a program of an automaton.
pub struct LpProgram(pub(super) Arc<Program>);

/// A block that is opened in stages.
pub struct LpView(Mutex<Opened>);

struct Opened {
    parts: Parts,
    view: Option<View>,
    /// What the search under way found out before it lacked something.
    search: Option<Search>,
    lines: usize,
    raw_len: usize,
}

/// Beside a result that is null: pieces of streams have to be given first.
const LACKING: i64 = 0;
/// Beside a result that is null: it has to be asked for in another way.
pub(super) const OTHERWISE: i64 = -1;
/// Beside a result that is null: the reason is in `lp_error`.
pub(super) const WRONG: i64 = -2;

/// What is told beside a result.
type Answer = [std::cell::Cell<i64>; 66];

const KINDS: [Kind; 8] = [
    Kind::LineBegin,
    Kind::LineEnd,
    Kind::WordEdge,
    Kind::NoWordEdge,
    Kind::WordBegin,
    Kind::WordEnd,
    Kind::NoWordBefore,
    Kind::NoWordBehind,
];

fn op(code: &[u32; 3]) -> Result<Op, String> {
    Ok(match *code {
        [0, set, next] => Op::Set(set, next),
        [1, a, b] => Op::Fork(a, b),
        [2, kind, next] => Op::Place(*KINDS.get(kind as usize).ok_or("a place of unknown kind")?, next),
        [3, ..] => Op::Match,
        [other, ..] => return Err(format!("instruction {other} is not known")),
    })
}

/// A program: three numbers an instruction, 32 bytes a set (the lowest bit of the first byte is byte 0).
///
/// # Safety
/// `codes` has `3 * count` numbers, `sets` `32 * set_count` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_program_new(
    codes: *const u32,
    count: usize,
    sets: *const u8,
    set_count: usize,
) -> *mut LpProgram {
    guard(std::ptr::null_mut(), || {
        let codes = slice(codes, count.checked_mul(3).ok_or("too many instructions")?)?;
        let sets = slice(sets, set_count.checked_mul(32).ok_or("too many sets")?)?;
        let ops = codes.as_chunks::<3>().0.iter().map(op).collect::<Result<_, _>>()?;
        let sets = sets.as_chunks::<32>().0.iter().map(|s| {
            let (words, _) = s.as_chunks::<8>();
            [0, 1, 2, 3].map(|i| u64::from_le_bytes(words[i]))
        });
        Ok(own(LpProgram(Arc::new(Program::new(ops, sets.collect())?))))
    })
}

/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_program_free(program: *mut LpProgram) {
    free(program);
}

fn given(rows: Vec<i64>, bytes: Vec<u8>) -> *mut LpBuffer {
    let mut buffer = LpBuffer::of(bytes);
    buffer.offsets = rows;
    own(buffer)
}

/// Lines of a text that match. With `exact`, those that contain a literal do, and there is no program; else
/// literals (if `has_literals`) are in every match. Parts 0: the lines, each with a line feed, 1: their
/// numbers from 0. With `counts` both stay empty. `out`: what is lacking, how many lines.
///
/// # Safety
/// `text` has `text_len` bytes; literals as in `abi/search.rs`; `out` has two numbers.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_text_find(
    program: *const LpProgram,
    text: *const u8,
    text_len: usize,
    bytes: *const u8,
    len: usize,
    offsets: *const i64,
    count: usize,
    has_literals: bool,
    fold: bool,
    invert: bool,
    most: usize,
    counts: bool,
    out: *mut i64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let out = object(out as *const [std::cell::Cell<i64>; 2])?;
        out[0].set(WRONG);
        let text = slice(text, text_len)?;
        let needles = literals(bytes, len, offsets, count)?;
        let found: Vec<Hit> = match program.as_ref() {
            None => hits(text, &needles, fold, invert, most),
            Some(program) => {
                let mut automaton = Automaton::new(&program.0);
                let needles = has_literals.then_some(&needles[..]);
                match text::matching(text, &mut automaton, needles, fold, invert, most) {
                    Ok(found) => found,
                    Err(_) => {
                        out[0].set(OTHERWISE);
                        return Err("too many states".into());
                    }
                }
            }
        };
        out[1].set(found.len() as i64);
        if counts {
            return Ok(given(Vec::new(), Vec::new()));
        }
        Ok(given(found.iter().map(|h| h.line as i64).collect(), text::joined(text, &found)))
    })
}

/// A block whose streams will be given; `sizes` has how many bytes each will have.
///
/// # Safety
/// `sizes` has `streams` numbers.
#[no_mangle]
pub unsafe extern "C" fn lp_view_new(
    sizes: *const u64,
    streams: usize,
    lines: u64,
    raw_len: u64,
) -> *mut LpView {
    guard(std::ptr::null_mut(), || {
        if streams != STREAMS {
            return Err(format!("{streams} streams, expected {STREAMS}"));
        }
        let mut all = [0; STREAMS];
        for (to, from) in all.iter_mut().zip(slice(sizes, streams)?) {
            *to = *from as usize;
        }
        let parts = Parts::of(all);
        let (lines, raw_len) = (lines as usize, raw_len as usize);
        let opened = Opened { parts, view: None, search: None, lines, raw_len };
        Ok(own(LpView(Mutex::new(opened))))
    })
}

/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_view_free(view: *mut LpView) {
    free(view);
}

/// Says that a stream is in pieces: where each begins and how many bytes it has.
///
/// # Safety
/// `places` has `2 * count` numbers.
#[no_mangle]
pub unsafe extern "C" fn lp_view_cut(
    view: *const LpView,
    kind: usize,
    places: *const u64,
    count: usize,
) -> i32 {
    guard(-1, || {
        let mut opened = object(view)?.0.try_lock().map_err(busy)?;
        if kind >= STREAMS {
            return Err(format!("no stream {kind}"));
        }
        let places = slice(places, count.checked_mul(2).ok_or("too many pieces")?)?;
        let pieces: Vec<(usize, usize)> =
            places.as_chunks::<2>().0.iter().map(|[a, n]| (*a as usize, *n as usize)).collect();
        opened.parts.cut(kind, &pieces)?;
        Ok(0)
    })
}

/// Gives a piece of a stream (piece 0 of one that is not cut is all of it), or, as that of stream `GUIDE`,
/// the guide.
///
/// # Safety
/// `data` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_view_give(
    view: *const LpView,
    kind: usize,
    piece: usize,
    data: *const u8,
    len: usize,
) -> i32 {
    guard(-1, || {
        let mut opened = object(view)?.0.try_lock().map_err(busy)?;
        let data = slice(data, len)?;
        if kind == GUIDE {
            opened.parts.guide = Some(data.to_vec());
        } else {
            opened.parts.give(kind, piece, data)?;
        }
        Ok(0)
    })
}

fn told<T>(result: Result<T, Lack>, out: &Answer) -> Result<T, String> {
    result.map_err(|lack| match lack {
        Lack::Streams(pieces) => {
            out[0].set(LACKING);
            // Those that have no room here are asked for the next time.
            let told = pieces.len().min(out.len() - 2);
            out[1].set(told as i64);
            for (to, (kind, piece)) in out[2..].iter().zip(&pieces) {
                to.set((piece * STREAMS + kind) as i64);
            }
            format!("{} pieces of streams are needed", pieces.len())
        }
        Lack::Otherwise => {
            out[0].set(OTHERWISE);
            "too much for a search in columns".into()
        }
        Lack::Bad(why) => why,
    })
}

impl Opened {
    fn view(&mut self) -> Result<(&Parts, &View), Lack> {
        if self.view.is_none() {
            self.view = Some(open(&self.parts, self.lines, self.raw_len)?);
        }
        self.view.as_ref().map(|view| (&self.parts, view)).ok_or(Lack::Otherwise)
    }
}

/// Rows that match, as numbers from 0 in part 1. `out`: 0 if pieces of streams are
/// lacking, how many (of those listed there, if they are lacking), and for each 10 times its number plus that of
/// its stream.
///
/// # Safety
/// `out` has 66 numbers.
#[no_mangle]
pub unsafe extern "C" fn lp_view_find(
    view: *const LpView,
    program: *const LpProgram,
    invert: bool,
    most: usize,
    counts: bool,
    out: *mut i64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let out = object(out as *const Answer)?;
        out[0].set(WRONG);
        let mut opened = object(view)?.0.try_lock().map_err(busy)?;
        let program = &object(program)?.0;
        let held = opened.search.take().filter(|search| search.is_of(program));
        let mut search = held.unwrap_or_else(|| Search::new(program));
        let (parts, view) = told(opened.view(), out)?;
        let found = columns::find(parts, view, &mut search, invert, most, counts);
        // Once there is an answer, nothing is asked again.
        if matches!(found, Err(Lack::Streams(_))) {
            opened.search = Some(search);
        }
        let found = told(found, out)?;
        out[1].set(found.count as i64);
        Ok(given(found.rows.iter().map(|row| i64::from(*row)).collect(), Vec::new()))
    })
}

/// The bytes of some rows (growing numbers), one after the other.
///
/// # Safety
/// `rows` has `count` numbers, `out` 66.
#[no_mangle]
pub unsafe extern "C" fn lp_view_rows(
    view: *const LpView,
    rows: *const i64,
    count: usize,
    out: *mut i64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let out = object(out as *const Answer)?;
        out[0].set(WRONG);
        let mut opened = object(view)?.0.try_lock().map_err(busy)?;
        let wrong = |_| "rows that are not there".to_string();
        let rows = slice(rows, count)?.iter().map(|row| u32::try_from(*row).map_err(wrong));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let (parts, view) = told(opened.view(), out)?;
        Ok(own(LpBuffer::of(told(pick::rows(parts, view, &rows), out)?)))
    })
}
