//! The archive's blocks: rows to streams and back. FORMAT.md is the contract; this is the fast half.
//!
//! A block is rows (rows.rs) taken apart: values of one *column* side by side, every column with the
//! codec that suits it, and everything of one *kind* in one stream whatever the column, because
//! hundreds of small streams each pay for their start. What packs the streams (zstd, LZMA) is outside.
//!
//! | file | what |
//! |---|---|
//! | `builder.rs` | rows of a block from matched chunks, and their columns |
//! | `columns.rs` | columns of values, lists of distinct values |
//! | `choose.rs` | which codec a column gets, decided on a sample |
//! | `encode.rs`, `decode.rs` | columns to streams, streams to columns |
//! | `ints.rs` | numbers: steps with escapes, byte planes |
//! | `guide.rs` | what a search has to know to open few streams |
//! | `numbers.rs` | text that is a number, and back, exactly |
//! | `mixed.rs` | level max: rows coded in order |
//! | `parses.rs` | other parses of a block of columns, to choose from |
//! | `recount.rs` | the guide of a block anew, to check the one it has |
//! | `refine.rs` | rows whose addresses are cut into host and port |
//! | `render.rs` | columns to raw bytes |
//! | `parts.rs` | streams as far as they were unpacked, and what is lacking |
//! | `select.rs`, `reading.rs`, `pick.rs` | a block opened in stages; some values of a column; some rows |
//! | `hash.rs` | XXH64 |
//!
//! Decoding trusts nothing: counts, positions and sizes are checked against the streams they index and
//! against what the block's header declares, and memory is bounded by that.

pub mod builder;
mod bytes;
mod choose;
pub(crate) mod columns;
pub mod decode;
pub mod encode;
pub mod guide;
pub mod hash;
mod ints;
pub mod mixed;
pub mod numbers;
pub mod parses;
pub mod parts;
pub mod pick;
pub mod reading;
pub mod recount;
mod refine;
mod render;
pub mod select;

/// Streams of a block by number; FORMAT.md has what is in each.
pub const STREAMS: usize = 10;
/// The guide, wherever it is handed over beside them.
pub const GUIDE: usize = STREAMS;
pub const TABLE: usize = 0;
pub const LITERALS: usize = 1;
pub const ROWS: usize = 2;
pub const STEPS: usize = 3;
pub const TIMES: usize = 4;
pub const WIDE: usize = 5;
pub const PLANES: usize = 6;
pub const INDEX: usize = 7;
pub const TEXT: usize = 8;
pub const LENGTHS: usize = 9;

/// The streams of one block.
pub type Streams = [Vec<u8>; STREAMS];

/// Codecs of a column; numbers are part of the format.
pub const CODEC_CONSTANT: u8 = 0;
pub const CODEC_TEXT: u8 = 1;
pub const CODEC_DICTIONARY: u8 = 2;
pub const CODEC_NUMBER: u8 = 3;
pub const CODEC_STAMP: u8 = 4;
pub const CODEC_POOL: u8 = 5;
pub const CODEC_SPLIT: u8 = 6;

/// Entries of a column's own dictionary at most; indexes are one byte.
pub const MAX_DICTIONARY: usize = 256;
/// Parts of a split column at most.
pub const MAX_PARTS: usize = 16;
