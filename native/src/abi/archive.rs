//! C functions of the archive's blocks. `unsafe` as in lib.rs: pointers that come from outside.

use crate::archive::parses::{parsed, Parse};
use crate::archive::{
    builder::{Builder, Kind},
    decode, encode, hash, mixed, recount, STREAMS,
};
use crate::{busy, free, guard, object, own, set_used, slice, LpBuffer, LpChunk, LpDrain, LpHeader};
use std::cell::RefCell;
use std::sync::Mutex;

thread_local! {
    static SCRATCH: RefCell<decode::Scratch> = RefCell::default();
}

/// Raw bytes of blocks that nobody needs any more, for the next ones: memory that is new has to be fetched
/// from the system page by page, and that takes a third as long as decoding.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// Bytes of all of them at most.
const SPARE_BYTES: usize = 80 << 20;

fn spare() -> Vec<u8> {
    SPARE.lock().map_or(Vec::new(), |mut spares| spares.pop().unwrap_or_default())
}

/// Frees what `lp_block_decode` returned.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_raw_free(buffer: *mut LpBuffer) {
    if buffer.is_null() {
        return;
    }
    let bytes = std::mem::take(&mut Box::from_raw(buffer).bytes);
    if let Ok(mut spares) = SPARE.lock() {
        if spares.iter().map(Vec::capacity).sum::<usize>() + bytes.capacity() <= SPARE_BYTES {
            spares.push(bytes);
        }
    }
}

/// The hot loops once more for processors that have AVX2: values are copied and compared 32 bytes at a time.
mod hot {
    use crate::archive::builder::Builder;
    use crate::archive::decode::{self, Block, Scratch};
    use crate::chunk::Chunk;
    use crate::drain::Drain;
    use crate::layout::Shapes;

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_avx2(b: &mut Builder, c: &Chunk, shapes: &Shapes, d: &Drain) -> Result<(), String> {
        b.add(c, shapes, d)
    }

    /// `Builder::add` in the version for this processor.
    pub fn add(b: &mut Builder, c: &Chunk, shapes: &Shapes, d: &Drain) -> Result<(), String> {
        #[cfg(target_arch = "x86_64")]
        if crate::hot::has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { add_avx2(b, c, shapes, d) };
        }
        b.add(c, shapes, d)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn decode_avx2(block: &Block, scratch: &mut Scratch, out: Vec<u8>) -> Result<Vec<u8>, String> {
        decode::decode(block, scratch, out)
    }

    /// `decode::decode` in the version for this processor.
    pub fn decode(block: &Block, scratch: &mut Scratch, out: Vec<u8>) -> Result<Vec<u8>, String> {
        #[cfg(target_arch = "x86_64")]
        if crate::hot::has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { decode_avx2(block, scratch, out) };
        }
        decode::decode(block, scratch, out)
    }
}

/// Rows of a block under way, and room to encode them.
pub struct LpBlock(Mutex<Builder>, Mutex<encode::Scratch>);

/// A block of columns (kind 0), one for level max (1), or bytes of which no rows are made yet (2).
#[no_mangle]
pub extern "C" fn lp_block_new(kind: u32) -> *mut LpBlock {
    let kind = [Kind::Columns, Kind::Spans][..].get(kind as usize).copied().unwrap_or(Kind::Bytes);
    own(LpBlock(Mutex::new(Builder::of(kind)), Mutex::default()))
}

/// Gives a block the bytes of another one, which begins again. Chunks of these bytes are then added.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_take(block: *const LpBlock, other: *const LpBlock) -> i32 {
    guard(-1, || {
        if std::ptr::eq(block, other) {
            return Err("a block cannot take its own bytes".into());
        }
        let mut to = object(block)?.0.try_lock().map_err(busy)?;
        to.take(&mut *object(other)?.0.try_lock().map_err(busy)?);
        Ok(0)
    })
}

/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_free(block: *mut LpBlock) {
    free(block);
}

/// Forgets the rows.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_clear(block: *const LpBlock) -> i32 {
    guard(-1, || {
        object(block)?.0.lock().map_err(busy)?.clear();
        Ok(0)
    })
}

/// As `lp_match`, but no columns are made. Returns the lines.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_match_rows(
    drain: *const LpDrain,
    header: *const LpHeader,
    chunk: *const LpChunk,
    used: usize,
) -> i64 {
    guard(-1, || {
        let d = object(drain)?.0.read().map_err(busy)?;
        let header = object(header)?;
        let shapes = header.shapes.read().map_err(busy)?;
        let mut c = object(chunk)?.0.try_lock().map_err(busy)?;
        set_used(&mut c, used)?;
        crate::hot::match_lines_best(&mut c, &d, &header.layout, &shapes, false);
        Ok(c.lines() as i64)
    })
}

/// Appends a matched and learned chunk. Returns the block's raw bytes by then.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_add(
    block: *const LpBlock,
    drain: *const LpDrain,
    header: *const LpHeader,
    chunk: *const LpChunk,
) -> i64 {
    guard(-1, || {
        let mut b = object(block)?.0.try_lock().map_err(busy)?;
        let d = object(drain)?.0.read().map_err(busy)?;
        let shapes = object(header)?.shapes.read().map_err(busy)?;
        let c = object(chunk)?.0.try_lock().map_err(busy)?;
        hot::add(&mut b, &c, &shapes, &d)?;
        Ok(b.raw.len() as i64)
    })
}

/// The raw bytes of a block, and how many lines begin in it.
///
/// # Safety
/// `raw` and `lines` point to a pointer and a number.
#[no_mangle]
pub unsafe extern "C" fn lp_block_raw(block: *const LpBlock, raw: *mut *const u8, lines: *mut u64) -> i64 {
    guard(-1, || {
        let b = object(block)?.0.try_lock().map_err(busy)?;
        *raw = b.raw.as_ptr();
        *lines = b.rows.len() as u64;
        Ok(b.raw.len() as i64)
    })
}

fn joined(streams: Vec<Vec<u8>>) -> LpBuffer {
    let mut buffer = LpBuffer::of(Vec::with_capacity(streams.iter().map(Vec::len).sum()));
    buffer.offsets.push(0);
    for stream in streams {
        buffer.bytes.extend_from_slice(&stream);
        buffer.offsets.push(buffer.bytes.len() as i64);
    }
    buffer
}

/// Makes the streams of a block; `quick`: with codecs chosen on small samples. Returns how many there are.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_encode(block: *const LpBlock, quick: bool) -> i32 {
    guard(-1, || {
        let block = object(block)?;
        let b = block.0.try_lock().map_err(busy)?;
        let mut scratch = block.1.try_lock().map_err(busy)?;
        encode::encode(&encode::Table::of(&b)?, &mut scratch, quick)?;
        Ok(STREAMS as i32)
    })
}

/// The same for the block in a parse (0: the one it has, 1: fields), or for a stretch from its middle. Returns
/// 0 if its rows could not be coded.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_encode_parsed(block: *const LpBlock, parse: u32, stretch: bool) -> i32 {
    guard(-1, || {
        let block = object(block)?;
        let b = block.0.try_lock().map_err(busy)?;
        let mut scratch = block.1.try_lock().map_err(busy)?;
        let parse = match parse {
            0 => Parse::Given,
            1 => Parse::Fields,
            other => return Err(format!("no parse {other}")),
        };
        let Some(parsed) = parsed(&b, parse, stretch)? else { return Ok(0) };
        encode::encode(&parsed.table(), &mut scratch, stretch)?;
        Ok(STREAMS as i32)
    })
}

/// The guide of the block that was encoded last: part 0, and in part 1 of each piece its stream, where it begins
/// and how long it is.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_guide(block: *const LpBlock) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let scratch = object(block)?.1.try_lock().map_err(busy)?;
        let mut buffer = LpBuffer::of(scratch.guide.stream());
        let pieces = scratch.guide.pieces.iter().enumerate();
        let pieces = pieces.flat_map(|(k, all)| all.iter().map(move |(at, n)| [k, *at, *n]));
        buffer.offsets = pieces.flatten().map(|v| v as i64).collect();
        Ok(own(buffer))
    })
}

/// The bytes of a stream of the block that was encoded last, until another one is. Returns their number.
///
/// # Safety
/// `data` points to a pointer.
#[no_mangle]
pub unsafe extern "C" fn lp_block_stream(block: *const LpBlock, stream: usize, data: *mut *const u8) -> i64 {
    guard(-1, || {
        let scratch = object(block)?.1.try_lock().map_err(busy)?;
        let stream = scratch.streams.get(stream).ok_or("no such stream")?;
        *data = stream.as_ptr();
        Ok(stream.len() as i64)
    })
}

/// A block of level max: parts 1 (where each begins and the last ends) and 0 (all of them), of templates,
/// literals and coded rows. The rows are gone afterwards, their bytes and their number are not.
///
/// # Safety
/// See lib.rs.
#[no_mangle]
pub unsafe extern "C" fn lp_block_encode_mixed(block: *const LpBlock) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let coded = mixed::encode_last(&mut *object(block)?.0.try_lock().map_err(busy)?)?;
        Ok(own(joined(vec![coded.table, coded.literals, coded.rows])))
    })
}

/// The reverse; `offsets` has four values.
///
/// # Safety
/// `data` has `len` bytes, `offsets` has four values.
#[no_mangle]
pub unsafe extern "C" fn lp_block_decode_mixed(
    data: *const u8,
    len: usize,
    offsets: *const u64,
    lines: u64,
    raw_len: u64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let data = slice(data, len)?;
        let offsets = slice(offsets, 4)?;
        let part =
            |k: usize| data.get(offsets[k] as usize..offsets[k + 1] as usize).ok_or("streams that overlap");
        let (lines, raw_len) = (lines as usize, raw_len as usize);
        Ok(own(LpBuffer::of(mixed::decode(part(0)?, part(1)?, part(2)?, lines, raw_len)?)))
    })
}

/// The streams of a block that was handed over.
///
/// # Safety
/// `data` and `lens` have `streams` values, and each pointer as many bytes as its length says.
unsafe fn given<'a>(
    data: *const *const u8,
    lens: *const u64,
    streams: usize,
    lines: u64,
    raw_len: u64,
) -> Result<decode::Block<'a>, String> {
    if streams != STREAMS {
        return Err(format!("{streams} streams, expected {STREAMS}"));
    }
    let (data, lens) = (slice(data, streams)?, slice(lens, streams)?);
    let mut parts: [&[u8]; STREAMS] = [&[]; STREAMS];
    for (part, (data, len)) in parts.iter_mut().zip(data.iter().zip(lens)) {
        *part = slice(*data, *len as usize)?;
    }
    Ok(decode::Block { streams: parts, lines: lines as usize, raw_len: raw_len as usize })
}

/// The raw bytes of a block from its streams, to be freed by `lp_block_raw_free`.
///
/// # Safety
/// As for `given`.
#[no_mangle]
pub unsafe extern "C" fn lp_block_decode(
    data: *const *const u8,
    lens: *const u64,
    streams: usize,
    lines: u64,
    raw_len: u64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let block = given(data, lens, streams, lines, raw_len)?;
        let raw = SCRATCH.with(|scratch| hot::decode(&block, &mut scratch.borrow_mut(), spare()))?;
        Ok(own(LpBuffer::of(raw)))
    })
}

/// The guide of a block, made anew from its streams.
///
/// # Safety
/// As for `given`.
#[no_mangle]
pub unsafe extern "C" fn lp_block_recount(
    data: *const *const u8,
    lens: *const u64,
    streams: usize,
    lines: u64,
    raw_len: u64,
) -> *mut LpBuffer {
    guard(std::ptr::null_mut(), || {
        let block = given(data, lens, streams, lines, raw_len)?;
        Ok(own(LpBuffer::of(recount::guide(&block)?)))
    })
}

/// How many line feeds there are.
///
/// # Safety
/// `data` has `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lp_count_feeds(data: *const u8, len: usize) -> i64 {
    guard(-1, || {
        // So many that a byte can count them: that is 32 at once where the processor can.
        let few = |part: &[u8]| part.iter().fold(0u8, |n, b| n + u8::from(*b == b'\n'));
        Ok(slice(data, len)?.chunks(192).map(|part| i64::from(few(part))).sum())
    })
}

/// XXH64 with seed 0.
///
/// # Safety
/// `data` has `len` bytes, `out` points to a number.
#[no_mangle]
pub unsafe extern "C" fn lp_xxh64(data: *const u8, len: usize, out: *mut u64) -> i32 {
    guard(-1, || {
        *out = hash::xxh64(slice(data, len)?);
        Ok(0)
    })
}
