//! Rows to the streams of a block.

use super::builder::Builder;
use super::bytes::put_varint;
use super::choose::{cut_tail, Plan, Sample};
use super::columns::{Column, Entries, Key};
use super::guide::Guide;
use super::ints::{put_ints, put_references};
use super::numbers::{self, Skeleton, Stamp};
use super::*;
use crate::rows::RowTemplate;

/// Texts, end to end, and how long each is: one length for all, or the stream LENGTHS.
fn put_texts(
    bytes: &[u8],
    ends: &[u32],
    start: usize,
    table: &mut Vec<u8>,
    streams: &mut Streams,
    guide: &mut Guide,
) {
    let from = start as u32;
    let before = streams[LENGTHS].len();
    let first = ends.first().map(|e| e - from);
    match first {
        Some(n) if ends.iter().zip(1..).all(|(e, i)| u64::from(e - from) == u64::from(n) * i) => {
            put_varint(table, u64::from(n) + 1);
        }
        _ => {
            table.push(0);
            let mut last = from;
            for &end in ends {
                put_varint(&mut streams[LENGTHS], u64::from(end - last));
                last = end;
            }
        }
    }
    let lengths = (table.last() == Some(&0)).then(|| streams[LENGTHS].len() - before);
    guide.texts(streams[TEXT].len(), bytes, ends, from, lengths);
    streams[TEXT].extend_from_slice(bytes);
}

/// The values of a column from number `from` on.
fn put_values(column: &Column, from: usize, table: &mut Vec<u8>, streams: &mut Streams, guide: &mut Guide) {
    let start = if from == 0 { 0 } else { column.range(from - 1).1 };
    put_texts(&column.bytes()[start..], &column.ends[from..], start, table, streams, guide);
}

fn put_literal(literal: &[u8], table: &mut Vec<u8>, streams: &mut Streams) {
    put_varint(table, literal.len() as u64);
    streams[TEXT].extend_from_slice(literal);
}

/// What encoding needs besides its results. Memory that is new for every block would be fetched from the
/// system, page by page, every time.
#[derive(Default)]
pub struct Scratch {
    pool: Entries,
    own: Entries,
    values: Vec<u64>,
    lengths: Vec<u64>,
    index: Vec<u8>,
    fields: Vec<u32>,
    /// Columns of split values.
    parts: Vec<Column>,
    /// The streams of the last block.
    pub streams: Streams,
    /// Its guide.
    pub guide: Guide,
}

struct Encoder<'a> {
    streams: Streams,
    table: Vec<u8>,
    scratch: &'a mut Scratch,
    /// Codecs are chosen on small samples.
    quick: bool,
}

impl Encoder<'_> {
    fn column(&mut self, column: &Column, depth: u32) {
        if column.len() == 0 {
            return;
        }
        if column.is_constant() {
            self.table.push(CODEC_CONSTANT);
            put_literal(column.get(0), &mut self.table, &mut self.streams);
            return;
        }
        let plans = Sample::of(column, self.quick).plans(&self.scratch.pool, depth);
        for (_, plan) in &plans {
            if self.try_plan(column, plan, depth) {
                return;
            }
        }
        self.text(column);
    }

    fn text(&mut self, column: &Column) -> bool {
        self.table.push(CODEC_TEXT);
        put_values(column, 0, &mut self.table, &mut self.streams, &mut self.scratch.guide);
        true
    }

    /// The numbers in `scratch.values`; references into a list if its lengths are given.
    fn ints(&mut self, small: usize, references: bool) {
        let Scratch { values, lengths, guide, .. } = &mut *self.scratch;
        let (wide, at) = (self.streams[WIDE].len(), self.table.len());
        if references {
            put_references(values, lengths, &mut self.table, &mut self.streams, small);
        } else {
            put_ints(values, &mut self.table, &mut self.streams, small);
        }
        let ranged = !references && small != ROWS;
        guide.ints(values, self.table[at], wide, self.streams[WIDE].len() - wide, ranged);
    }

    /// Encodes a column if the plan, made from a sample, fits all of it.
    fn try_plan(&mut self, column: &Column, plan: &Plan, depth: u32) -> bool {
        match plan {
            Plan::Text => self.text(column),
            Plan::Dictionary => self.dictionary(column),
            Plan::Pool => self.references(column),
            Plan::Number => {
                let Some(form) = numbers::parse_all(column, &mut self.scratch.values) else { return false };
                self.table.extend([CODEC_NUMBER, form]);
                self.ints(STEPS, false);
                true
            }
            Plan::Stamp => {
                let Scratch { fields, values, .. } = &mut *self.scratch;
                let Some(stamp) = Stamp::of_column(column, fields, values) else { return false };
                self.table.push(CODEC_STAMP);
                self.skeleton(&stamp.skeleton);
                for (w, r) in stamp.widths.iter().zip(&stamp.radixes) {
                    self.table.push(*w);
                    put_varint(&mut self.table, *r);
                }
                self.ints(TIMES, false);
                true
            }
            Plan::Split(skeleton) => self.split(skeleton, depth, column, |v, start, parts| {
                skeleton.split(v, |i, a, b| parts[i].push_from(column.padded(), start + a, start + b))
            }),
            Plan::Tail => {
                let skeleton = Skeleton { literals: vec![Vec::new(); 3] };
                self.split(&skeleton, depth, column, |v, start, parts| {
                    let Some((head, _)) = cut_tail(v) else { return false };
                    let at = start + head.len();
                    parts[0].push_from(column.padded(), start, at);
                    parts[1].push_from(column.padded(), at, start + v.len());
                    true
                })
            }
        }
    }

    /// Cuts every value into the parts of a skeleton, if all of them can be, and encodes the parts.
    fn split(
        &mut self,
        skeleton: &Skeleton,
        depth: u32,
        column: &Column,
        cut: impl Fn(&[u8], usize, &mut [Column]) -> bool,
    ) -> bool {
        let mut parts = std::mem::take(&mut self.scratch.parts);
        let n = skeleton.fields();
        if parts.len() < n {
            parts.resize_with(n, Column::default);
        }
        parts.iter_mut().for_each(Column::clear);
        // A value that fits half-way leaves parts of unequal length, which are forgotten.
        let fits = column.ranges().all(|(a, b)| cut(&column.bytes()[a..b], a, &mut parts));
        if fits {
            self.table.push(CODEC_SPLIT);
            self.skeleton(skeleton);
            parts[..n].iter().for_each(|part| self.column(part, depth + 1));
        }
        self.scratch.parts = parts;
        fits
    }

    fn skeleton(&mut self, skeleton: &Skeleton) {
        put_varint(&mut self.table, skeleton.fields() as u64);
        for literal in &skeleton.literals {
            put_literal(literal, &mut self.table, &mut self.streams);
        }
    }

    fn dictionary(&mut self, column: &Column) -> bool {
        let Scratch { own, index, guide, .. } = &mut *self.scratch;
        own.clear();
        index.clear();
        let data = column.padded();
        for (a, b) in column.ranges() {
            let number = own.add_key(Key::at(data, a, b), &data[a..b]).0;
            if number as usize >= MAX_DICTIONARY {
                return false;
            }
            index.push(number as u8);
        }
        self.table.push(CODEC_DICTIONARY);
        put_varint(&mut self.table, own.len() as u64);
        put_values(&own.values, 0, &mut self.table, &mut self.streams, guide);
        self.streams[INDEX].extend_from_slice(index);
        true
    }

    fn references(&mut self, column: &Column) -> bool {
        let Scratch { pool, values, lengths, .. } = &mut *self.scratch;
        values.clear();
        lengths.clear();
        let before = pool.len();
        pool.add_all(column, |number, had| {
            lengths.push(had as u64);
            values.push(u64::from(number));
        });
        self.table.push(CODEC_POOL);
        self.ints(STEPS, true);
        let Scratch { pool, guide, values, .. } = &mut *self.scratch;
        guide.pool(values, pool.len() - before);
        put_values(&pool.values, before, &mut self.table, &mut self.streams, guide);
        true
    }
}

/// Rows taken apart.
pub struct Table<'a> {
    pub raw_len: usize,
    /// Template of each row.
    pub rows: &'a [u32],
    pub templates: &'a [RowTemplate],
    /// Column of each slot of each template.
    pub columns: &'a [Vec<u32>],
    /// The columns' values.
    pub gathered: &'a [Column],
}

impl<'a> Table<'a> {
    /// What a builder has.
    pub fn of(block: &'a Builder) -> Result<Table<'a>, String> {
        if let Some(why) = &block.broken {
            return Err(why.clone());
        }
        Ok(Table {
            raw_len: block.raw.len(),
            rows: &block.rows,
            templates: &block.templates,
            columns: &block.columns,
            gathered: &block.gathered,
        })
    }
}

/// Makes the streams of a block of columns, `scratch.streams`.
///
/// `quick`: codecs are chosen on small samples.
pub fn encode(block: &Table, scratch: &mut Scratch, quick: bool) -> Result<(), String> {
    if block.gathered.iter().map(Column::len).sum::<usize>() > block.raw_len {
        return Err("more slots than bytes".into());
    }
    if block.raw_len >= 1 << 30 {
        return Err("a block of a gigabyte or more".into());
    }
    scratch.pool.clear();
    scratch.guide.clear();
    scratch.guide.uses(block.rows, block.templates.len());
    let (columns, order) = renumbered(block.columns);
    let mut streams = std::mem::take(&mut scratch.streams);
    streams.iter_mut().for_each(Vec::clear);
    let mut encoder = Encoder { streams, table: Vec::new(), scratch, quick };
    put_templates(block.templates, &mut encoder.streams);
    for slots in &columns {
        slots.iter().for_each(|c| put_varint(&mut encoder.streams[TABLE], u64::from(*c)));
    }
    let mut ids = std::mem::take(&mut encoder.scratch.values);
    ids.clear();
    ids.extend(block.rows.iter().map(|&t| u64::from(t)));
    encoder.scratch.values = ids;
    encoder.ints(ROWS, false);
    for &c in &order {
        encoder.column(&block.gathered[c as usize], 0);
    }
    let Encoder { mut streams, table, scratch, .. } = encoder;
    streams[TABLE].extend_from_slice(&table);
    scratch.streams = streams;
    Ok(())
}

/// Number of templates, their slots, the lengths of their literals; the literals themselves.
pub fn put_templates(templates: &[RowTemplate], streams: &mut Streams) {
    put_varint(&mut streams[TABLE], templates.len() as u64);
    for template in templates {
        put_varint(&mut streams[TABLE], template.slots() as u64);
        for literal in &template.literals {
            put_varint(&mut streams[TABLE], literal.len() as u64);
            streams[LITERALS].extend_from_slice(literal);
        }
    }
}

/// Columns numbered without gaps in the order in which templates name them first, and which they are.
fn renumbered(columns: &[Vec<u32>]) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut numbers = std::collections::HashMap::new();
    let mut order = Vec::new();
    let renumbered = columns
        .iter()
        .map(|slots| {
            let number = |c: &u32| {
                *numbers.entry(*c).or_insert_with(|| {
                    order.push(*c);
                    order.len() as u32 - 1
                })
            };
            slots.iter().map(number).collect()
        })
        .collect();
    (renumbered, order)
}
