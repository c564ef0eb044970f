//! The native core of logpipe: the C ABI. All `unsafe` of the crate sits in this file, in `abi/`, which
//! has the functions of whole parts that lie apart (each file says which), and in simd.rs, which has the
//! vector instructions.
//!
//! Conventions: a pointer that a function returns is owned by the caller and given back to the
//! matching `_free`; pointers into a chunk or buffer are valid until the next call that fills it.
//! Functions answer 0 or a count, or a negative number after which `lp_error` has the reason. A
//! panic never crosses the boundary. A table may be read by many threads at once while nobody
//! learns; a chunk belongs to one call at a time; locks make a mistake an error and not a race.

pub mod abi;
pub mod archive;
pub mod chunk;
pub mod drain;
pub mod guess;
pub mod layout;
pub mod lex;
pub mod mask;
pub mod matching;
pub mod recognise;
pub mod render;
pub mod rows;
pub mod rs;
pub mod scan;
pub mod search;
pub mod simd;
pub mod stamp;
pub mod trie;
pub mod wire;

use chunk::{Chunk, Programs};
use drain::{Config, Drain};
use layout::{Layout, Shapes};
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, RwLock};

/// What Drain has learned.
pub struct LpDrain(RwLock<Drain>);
/// A header layout and the shapes seen so far.
pub struct LpHeader {
    layout: Layout,
    shapes: RwLock<Shapes>,
}
/// An arena for one chunk of input.
pub struct LpChunk(Mutex<Chunk>);
/// Templates of any parser, for aligning.
pub struct LpPrograms(Programs);
/// Bytes or offsets handed over to the caller.
pub struct LpBuffer {
    bytes: Vec<u8>,
    offsets: Vec<i64>,
    short_offsets: Vec<i32>,
    lists: Vec<i32>,
}

thread_local! {
    static ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

fn set_error(message: String) {
    ERROR.with(|e| *e.borrow_mut() = message);
}

/// Runs a call; an error or a panic becomes `failed`, with the reason kept for `lp_error`.
fn guard<T>(failed: T, call: impl FnOnce() -> Result<T, String>) -> T {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => value,
        Ok(Err(message)) => {
            set_error(message);
            failed
        }
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()))
                .unwrap_or_default();
            set_error(format!("internal error in the native core: {text}"));
            failed
        }
    }
}

fn busy<E>(_: E) -> String {
    "the object is in use by another call, or an earlier call on it failed half-way".into()
}

/// A slice from outside; null is allowed for length 0.
///
/// # Safety
/// `data` points to `len` initialised values that nobody writes during the call.
unsafe fn slice<'a, T>(data: *const T, len: usize) -> Result<&'a [T], String> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err("a null pointer with a length".into());
    }
    Ok(std::slice::from_raw_parts(data, len))
}

/// # Safety
/// `p` is null or came from the matching `_new` and was not freed.
unsafe fn object<'a, T>(p: *const T) -> Result<&'a T, String> {
    p.as_ref().ok_or_else(|| "a null pointer for an object".to_string())
}

/// # Safety
/// `p` is null or came from `Box::into_raw` and was not freed.
unsafe fn free<T>(p: *mut T) {
    if !p.is_null() {
        drop(Box::from_raw(p));
    }
}

fn own<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Grows whenever the ABI changes.
#[no_mangle]
pub extern "C" fn lp_abi_version() -> u32 {
    1
}

/// Copies the reason of this thread's last failure; returns its length.
///
/// # Safety
/// `out` has room for `capacity` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_error(out: *mut u8, capacity: usize) -> usize {
    ERROR.with(|e| {
        let e = e.borrow();
        let n = e.len().min(capacity);
        if n > 0 && !out.is_null() {
            std::ptr::copy_nonoverlapping(e.as_ptr(), out, n);
        }
        n
    })
}

// ---------------------------------------------------------------------------------- headers

/// # Safety
/// `program` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_header_new(program: *const u8, len: usize) -> *mut LpHeader {
    guard(std::ptr::null_mut(), || {
        let layout = Layout::compile(slice(program, len)?)?;
        let shapes = RwLock::new(layout.new_shapes());
        Ok(own(LpHeader { layout, shapes }))
    })
}

/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_header_free(header: *mut LpHeader) {
    free(header);
}

/// The shapes from number `from` on, in the form of wire.rs.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_header_shapes(header: *const LpHeader, from: usize) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let shapes = object(header)?.shapes.read().map_err(busy)?;
        let mut bytes = Vec::new();
        for id in from..shapes.len() {
            let (separators, fields) = shapes.separators_and_fields(id as u16);
            wire::put_u32(&mut bytes, fields.len());
            fields.iter().for_each(|f| bytes.extend_from_slice(&f.to_le_bytes()));
            separators.iter().for_each(|s| wire::put_bytes(&mut bytes, s));
        }
        Ok(own(LpBuffer::of(bytes)))
    })
}

/// Splits one line; the answer holds, as u32: fields, message start, end, then start, end of each field;
/// then the shape in the form of wire.rs. Null without an error where the line has no header.
///
/// # Safety
/// `program` and `line` have the given lengths.
#[no_mangle]
pub unsafe extern "C" fn lp_split_line(
    program: *const u8,
    len: usize,
    line: *const u8,
    line_len: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        set_error(String::new());
        let layout = Layout::compile(slice(program, len)?)?;
        let mut shapes = layout.new_shapes();
        let line = slice(line, line_len)?;
        let mut fields = vec![layout::Span::default(); layout.field_count()];
        let mut message = layout::Span::default();
        let mut key = Vec::new();
        // The arena pads its input; a caller's line has to be padded here.
        let mut padded = line.to_vec();
        padded.resize(line.len() + chunk::PADDING, 0);
        let id = match layout.split(&shapes, &padded, 0, line.len(), &mut fields, &mut message, &mut key) {
            layout::Split::Known(id) => id,
            layout::Split::New => match shapes.insert(&key) {
                Some(id) => id,
                None => return Ok(std::ptr::null_mut()),
            },
            layout::Split::None => return Ok(std::ptr::null_mut()),
        };
        let mut bytes = Vec::new();
        wire::put_u32(&mut bytes, fields.len());
        for span in std::iter::once(&message).chain(&fields) {
            wire::put_u32(&mut bytes, span.start as usize);
            wire::put_u32(&mut bytes, span.end as usize);
        }
        let (separators, order) = shapes.separators_and_fields(id);
        wire::put_u32(&mut bytes, order.len());
        order.iter().for_each(|f| bytes.extend_from_slice(&f.to_le_bytes()));
        separators.iter().for_each(|s| wire::put_bytes(&mut bytes, s));
        Ok(own(LpBuffer::of(bytes)))
    })
}

// ------------------------------------------------------------------------------------ Drain

/// # Safety
/// `delimiters` has `delimiters_len` bytes.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_drain_new(
    depth: u32,
    similarity: f64,
    max_children: u32,
    max_groups: u32,
    mask_atoms: u8,
    memory: u64,
    delimiters: *const u8,
    delimiters_len: usize,
) -> *mut LpDrain {
    guard(std::ptr::null_mut(), || {
        if depth < 3 {
            return Err("depth must be at least 3".into());
        }
        Ok(own(LpDrain(RwLock::new(Drain::new(Config {
            depth: depth as usize,
            similarity,
            max_children: max_children as usize,
            max_groups: max_groups as usize,
            extra_delimiters: slice(delimiters, delimiters_len)?.to_vec(),
            mask_atoms: mask_atoms != 0,
            memory: memory as usize,
        })))))
    })
}

/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_free(drain: *mut LpDrain) {
    free(drain);
}

/// counts: templates, groups, bytes held.
///
/// # Safety
/// `out` has room for three values.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_counts(drain: *const LpDrain, out: *mut u64) -> i32 {
    guard(-1, || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let counts = [d.templates.len() as u64, d.group_count() as u64, d.memory() as u64];
        std::ptr::copy_nonoverlapping(counts.as_ptr(), out, 3);
        Ok(0)
    })
}

/// The templates from id `from` on, in the form of wire.rs.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_templates(drain: *const LpDrain, from: usize) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let mut bytes = Vec::new();
        for template in d.templates.iter().skip(from) {
            wire::put_template(&mut bytes, template.group, &template.literals, &template.kinds);
        }
        Ok(own(LpBuffer::of(bytes)))
    })
}

/// What every template became, see `Drain::final_form`; in the form of wire.rs.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_final(drain: *const LpDrain) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let mut bytes = Vec::new();
        for (t, template) in d.templates.iter().enumerate() {
            let (literals, kinds) = d.final_form(t as u32);
            wire::put_template(&mut bytes, template.group, &literals, &kinds);
        }
        Ok(own(LpBuffer::of(bytes)))
    })
}

/// Every group, 1 first: `alive, tokens, then per token: wild, length, bytes`.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_groups(drain: *const LpDrain) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let mut bytes = Vec::new();
        for g in 1..=d.group_count() as u32 {
            let tokens = d.group_tokens(g);
            wire::put_u32(&mut bytes, usize::from(d.group_alive(g)));
            wire::put_u32(&mut bytes, tokens.len());
            for (text, wild) in tokens {
                wire::put_u32(&mut bytes, usize::from(wild));
                wire::put_bytes(&mut bytes, text);
            }
        }
        Ok(own(LpBuffer::of(bytes)))
    })
}

/// Adds a group from its saved form: its tokens joined by blanks, and which of them are wild (a
/// wild token needs some text with a digit that is no atom). Returns the group.
///
/// # Safety
/// The slices have the given lengths.
#[no_mangle]
pub unsafe extern "C" fn lp_drain_restore(
    drain: *const LpDrain,
    text: *const u8,
    len: usize,
    wild: *const u8,
    tokens: usize,
) -> i64 {
    guard(-1, || {
        let mut d = object(drain)?.0.write().map_err(busy)?;
        let wild: Vec<bool> = slice(wild, tokens)?.iter().map(|w| *w != 0).collect();
        d.restore_group(slice(text, len)?, &wild).map(i64::from)
    })
}

// ----------------------------------------------------------------------------------- chunks

/// The loops over all bytes, compiled once for every x86-64 processor and once for those with AVX2
/// and the bit instructions that came with it (since 2013), which is 5 % faster.
mod hot {
    use super::*;

    #[inline(always)]
    fn match_lines(c: &mut Chunk, d: &Drain, layout: &Layout, shapes: &Shapes, frozen: bool) {
        c.match_lines(d, layout, shapes, frozen);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn match_lines_avx2(c: &mut Chunk, d: &Drain, layout: &Layout, shapes: &Shapes, frozen: bool) {
        match_lines(c, d, layout, shapes, frozen);
    }

    #[cfg(target_arch = "x86_64")]
    pub fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }

    /// `Chunk::match_lines` in the version for this processor.
    pub fn match_lines_best(c: &mut Chunk, d: &Drain, layout: &Layout, shapes: &Shapes, frozen: bool) {
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { match_lines_avx2(c, d, layout, shapes, frozen) };
        }
        match_lines(c, d, layout, shapes, frozen);
    }
}

#[no_mangle]
pub extern "C" fn lp_chunk_new() -> *mut LpChunk {
    own(LpChunk(Mutex::new(Chunk::default())))
}

/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_chunk_free(chunk: *mut LpChunk) {
    free(chunk);
}

/// Room for `capacity` bytes of input; what is there stays. Null if there is no memory.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_chunk_input(chunk: *const LpChunk, capacity: usize) -> *mut u8 {
    guard(std::ptr::null_mut(), || {
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        c.reserve(capacity)?;
        Ok(c.input.as_mut_ptr())
    })
}

fn set_used(c: &mut Chunk, used: usize) -> Result<(), String> {
    // Positions are 32 bits wide, value offsets are i32.
    if used > i32::MAX as usize - chunk::PADDING {
        return Err(format!("a chunk of {used} bytes; at most 2 GiB can be handled at once"));
    }
    c.reserve(used)?;
    c.used = used;
    Ok(())
}

/// Splits the first `used` bytes of the input into lines, matches them, and makes the columns, too, if
/// all lines are known, while they are in the caches. Returns the lines.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_match(
    drain: *const LpDrain,
    header: *const LpHeader,
    chunk: *const LpChunk,
    used: usize,
    frozen: u8,
) -> i64 {
    guard(-1, || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let header = object(header)?;
        let shapes = header.shapes.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        set_used(&mut c, used)?;
        hot::match_lines_best(&mut c, &d, &header.layout, &shapes, frozen != 0);
        if c.is_complete() {
            gather(&mut c, &d)?;
        }
        Ok(c.lines() as i64)
    })
}

fn gather(c: &mut Chunk, d: &Drain) -> Result<(), String> {
    c.gather(&|t| d.templates[t as usize].kinds.len(), d.templates.len())
}

fn check_offsets(offsets: &[i64], used: usize) -> Result<(), String> {
    let ordered = offsets.windows(2).all(|w| w[0] <= w[1]);
    if offsets.is_empty() || !ordered || offsets[0] < 0 || offsets[offsets.len() - 1] as usize > used {
        return Err("offsets that do not ascend within the data".into());
    }
    Ok(())
}

/// The same for messages: `n + 1` offsets into the input.
///
/// # Safety
/// `offsets` has `n + 1` values.
#[no_mangle]
pub unsafe extern "C" fn lp_match_given(
    drain: *const LpDrain,
    chunk: *const LpChunk,
    used: usize,
    offsets: *const i64,
    n: usize,
    frozen: u8,
) -> i64 {
    guard(-1, || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        let offsets = slice(offsets, n + 1)?;
        check_offsets(offsets, used)?;
        set_used(&mut c, used)?;
        c.match_given(&d, offsets, frozen != 0);
        Ok(c.lines() as i64)
    })
}

/// Learns from chunks that were matched, in this order. `header` may be null. `counts` receives how
/// many templates and shapes there are then, and how many of the chunks have no columns.
///
/// # Safety
/// `chunks` has `n` pointers, `counts` has room for three values.
#[no_mangle]
pub unsafe extern "C" fn lp_learn(
    drain: *const LpDrain,
    header: *const LpHeader,
    chunks: *const *const LpChunk,
    n: usize,
    frozen: u8,
    counts: *mut u64,
) -> i32 {
    guard(-1, || {
        let drain = &object(drain)?.0;
        let header = header.as_ref();
        let mut without = 0;
        for &c in slice(chunks, n)? {
            let mut c = object(c)?.0.try_lock().map_err(busy)?;
            // Mostly there is nothing to learn, and then nobody who matches has to stop.
            if c.is_settled(&*drain.read().map_err(busy)?) {
                without += u64::from(!c.is_gathered());
                continue;
            }
            let mut d = drain.write().map_err(busy)?;
            let mut shapes = match header {
                Some(h) => Some(h.shapes.write().map_err(busy)?),
                None => None,
            };
            d.begin_epoch();
            c.learn(&mut d, shapes.as_deref_mut(), frozen != 0);
            without += u64::from(!c.is_gathered());
        }
        *counts = drain.read().map_err(busy)?.templates.len() as u64;
        *counts.add(1) = match header {
            Some(h) => h.shapes.read().map_err(busy)?.len() as u64,
            None => 0,
        };
        *counts.add(2) = without;
        Ok(0)
    })
}

/// Makes the columns of a matched and learned chunk, unless it has them.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_gather(drain: *const LpDrain, chunk: *const LpChunk) -> i32 {
    guard(-1, || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        if !c.is_gathered() {
            gather(&mut c, &d)?;
        }
        Ok(0)
    })
}

/// Programs of templates given in the form of wire.rs.
///
/// # Safety
/// The slices have the given lengths.
#[no_mangle]
pub unsafe extern "C" fn lp_programs_new(
    templates: *const u8,
    len: usize,
    delimiters: *const u8,
    delimiters_len: usize,
) -> *mut LpPrograms {
    guard(std::ptr::null_mut(), || {
        let read = wire::read_templates(slice(templates, len)?)?;
        let (mut literals, mut kinds) = (Vec::new(), Vec::new());
        for (_, l, k) in read {
            literals.push(l);
            kinds.push(k);
        }
        let delimiters = lex::Delimiters::new(slice(delimiters, delimiters_len)?);
        Ok(own(LpPrograms(Programs { literals, kinds, delimiters })))
    })
}

/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_programs_free(programs: *mut LpPrograms) {
    free(programs);
}

/// Whether each of `n` messages fits the template given for it: `out[i]` becomes 1 or 0.
///
/// # Safety
/// `offsets` has `n + 1` values, `given` and `out` have `n`.
#[no_mangle]
pub unsafe extern "C" fn lp_fits(
    programs: *const LpPrograms,
    data: *const u8,
    data_len: usize,
    offsets: *const i32,
    given: *const u32,
    n: usize,
    out: *mut u8,
) -> i32 {
    guard(-1, || {
        let p = &object(programs)?.0;
        let (data, offsets) = (slice(data, data_len)?, slice(offsets, n + 1)?);
        let mut spans = Vec::new();
        for (i, &t) in slice(given, n)?.iter().enumerate() {
            let (a, b) = (offsets[i], offsets[i + 1]);
            if a < 0 || b < a || b as usize > data.len() {
                return Err("offsets that do not ascend within the data".into());
            }
            spans.clear();
            let m = layout::Span { start: a as u32, end: b as u32 };
            *out.add(i) = u8::from(p.extract(t, data, m, &mut spans));
        }
        Ok(0)
    })
}

/// Splits the input into lines and extracts the variables of a template given for each, then makes
/// the columns. Returns -1 when all fit, the first line that does not, or -2 for an error. With
/// `offsets` (n + 1 of them) the input is messages and `header` is not used.
///
/// # Safety
/// `given` has `n` values, `offsets` is null or has `n + 1`.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_align(
    programs: *const LpPrograms,
    header: *const LpHeader,
    chunk: *const LpChunk,
    used: usize,
    given: *const u32,
    n: usize,
    offsets: *const i64,
) -> i64 {
    guard(-2, || {
        let p = &object(programs)?.0;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        set_used(&mut c, used)?;
        let given = slice(given, n)?;
        let aligned = if offsets.is_null() {
            let header = object(header)?;
            let shapes = header.shapes.read().map_err(busy)?;
            c.align(&header.layout, &shapes, given, p)
        } else {
            let offsets = slice(offsets, n + 1)?;
            check_offsets(offsets, used)?;
            c.align_given(offsets, given, p)
        };
        if let Err(line) = aligned {
            return Ok(line as i64);
        }
        c.gather(&|t| p.kinds[t as usize].len(), p.kinds.len())?;
        Ok(-1)
    })
}

/// Pointers into a chunk.
#[repr(C)]
pub struct LpView {
    pub lines: usize,
    pub templates: *const u32,
    pub shapes: *const u16,
    pub terminators: *const u8,
    pub values: usize,
    pub value_offsets: *const i32,
    pub value_data: *const u8,
}

/// # Safety
/// `out` points to a view.
#[no_mangle]
pub unsafe extern "C" fn lp_chunk_view(chunk: *const LpChunk, out: *mut LpView) -> i32 {
    guard(-1, || {
        let c = object(chunk)?.0.try_lock().map_err(busy)?;
        *out = LpView {
            lines: c.lines(),
            templates: c.templates.as_ptr(),
            shapes: c.shapes.as_ptr(),
            terminators: c.terminators.as_ptr(),
            values: c.values.offsets.len().saturating_sub(1),
            value_offsets: c.values.offsets.as_ptr(),
            value_data: c.values.data.as_ptr(),
        };
        Ok(0)
    })
}

/// Makes the columns of the header fields, which `lp_gather` and `lp_align` leave out.
///
/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_gather_fields(chunk: *const LpChunk) -> i32 {
    guard(-1, || {
        object(chunk)?.0.try_lock().map_err(busy)?.gather_fields()?;
        Ok(0)
    })
}

/// Offsets (lines + 1) of one header field, and the data of all fields; returns the bytes of data.
///
/// # Safety
/// `offsets` and `data` point to pointers.
#[no_mangle]
pub unsafe extern "C" fn lp_chunk_field(
    chunk: *const LpChunk,
    field: usize,
    offsets: *mut *const i32,
    data: *mut *const u8,
) -> i64 {
    guard(-1, || {
        let c = object(chunk)?.0.try_lock().map_err(busy)?;
        *offsets = c.field_offsets.get(field).ok_or("no such field")?.as_ptr();
        *data = c.field_data.as_ptr();
        Ok(c.field_data.len() as i64)
    })
}

// ------------------------------------------------------------------------------------- rows

impl LpBuffer {
    fn of(bytes: Vec<u8>) -> LpBuffer {
        LpBuffer { bytes, offsets: Vec::new(), short_offsets: Vec::new(), lists: Vec::new() }
    }
}

/// # Safety
/// See the module.
#[no_mangle]
pub unsafe extern "C" fn lp_buffer_free(buffer: *mut LpBuffer) {
    free(buffer);
}

/// Pointers into a buffer: which = 0 bytes, 1 offsets (i64), 2 offsets (i32), 3 lists (i32).
/// Returns the number of values.
///
/// # Safety
/// `out` points to a pointer.
#[no_mangle]
pub unsafe extern "C" fn lp_buffer_part(buffer: *const LpBuffer, which: u32, out: *mut *const u8) -> i64 {
    guard(-1, || {
        let b = object(buffer)?;
        let (p, n) = match which {
            0 => (b.bytes.as_ptr(), b.bytes.len()),
            1 => (b.offsets.as_ptr().cast(), b.offsets.len()),
            2 => (b.short_offsets.as_ptr().cast(), b.short_offsets.len()),
            3 => (b.lists.as_ptr().cast(), b.lists.len()),
            _ => return Err("no such part".into()),
        };
        *out = p;
        Ok(n as i64)
    })
}

/// Values in line order: parts 3 (lists), 2 (offsets), 0 (data).
///
/// # Safety
/// The slices have the given lengths.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_line_order(
    templates: *const u32,
    lines: usize,
    slots: *const u32,
    table: usize,
    offsets: *const i32,
    values: usize,
    data: *const u8,
    data_len: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let columns = render::Columns {
            templates: slice(templates, lines)?,
            slots: slice(slots, table)?,
            offsets: slice(offsets, values + 1)?,
            data: slice(data, data_len)?,
        };
        let (lists, short_offsets, bytes) = columns.line_order()?;
        Ok(own(LpBuffer { bytes, offsets: Vec::new(), short_offsets, lists }))
    })
}

/// The messages, or with shapes the lines, of a batch: parts 1 (offsets), 0 (data).
///
/// `fields` has, per field, the addresses of its offsets (lines + 1 values) and data and the length
/// of its data; `shapes` null means messages only.
///
/// # Safety
/// The slices have the given lengths, the addresses are valid.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn lp_render(
    templates: *const u32,
    lines: usize,
    table: *const u8,
    table_len: usize,
    offsets: *const i32,
    values: usize,
    data: *const u8,
    data_len: usize,
    shapes: *const u8,
    shapes_len: usize,
    shape_ids: *const u16,
    terminators: *const u8,
    fields: *const u64,
    field_count: usize,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let (mut literals, mut slots) = (Vec::new(), Vec::new());
        for (_, l, k) in wire::read_templates(slice(table, table_len)?)? {
            slots.push(k.len() as u32);
            literals.push(l);
        }
        let columns = render::Columns {
            templates: slice(templates, lines)?,
            slots: &slots,
            offsets: slice(offsets, values + 1)?,
            data: slice(data, data_len)?,
        };
        let (mut offsets, mut bytes) = columns.messages(&literals)?;
        if !shapes.is_null() {
            let parts = wire::read_shapes(slice(shapes, shapes_len)?)?;
            let mut columns = Vec::new();
            for f in slice(fields, 3 * field_count)?.chunks_exact(3) {
                let column = slice(f[0] as *const i32, lines + 1)?;
                columns.push((column, slice(f[1] as *const u8, f[2] as usize)?));
            }
            (offsets, bytes) = render::lines(
                (&offsets, &bytes),
                slice(shape_ids, lines)?,
                &parts,
                slice(terminators, lines)?,
                &columns,
            )?;
        }
        Ok(own(LpBuffer { bytes, offsets, short_offsets: Vec::new(), lists: Vec::new() }))
    })
}

/// The lexical class of a column of values.
///
/// # Safety
/// `offsets` has `n + 1` values, `data` `data_len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_classify(offsets: *const i32, n: usize, data: *const u8, data_len: usize) -> i32 {
    guard(-1, || {
        let offsets = slice(offsets, n + 1)?;
        let data = slice(data, data_len)?;
        let ordered = offsets.windows(2).all(|w| w[0] <= w[1]);
        if !ordered || offsets[0] < 0 || offsets[n] as usize > data.len() {
            return Err("offsets that do not ascend within the data".into());
        }
        Ok(i32::from(recognise::classify_column(data, offsets)))
    })
}

/// The least upper bound of two lexical classes.
#[no_mangle]
pub extern "C" fn lp_join_classes(a: u8, b: u8) -> u8 {
    recognise::join(a, b)
}

/// The position after the last newline of `data`, or 0.
///
/// # Safety
/// `data` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_after_last_newline(data: *const u8, len: usize) -> usize {
    guard(0, || Ok(slice(data, len)?.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1)))
}
