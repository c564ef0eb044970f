//! Rows to the streams of a block.

use super::bytes::put_varint;
use super::choose::{cut_tail, Plan, Sample};
use super::columns::{gather, same, Column, Entries};
use super::ints::{put_ints, put_references};
use super::numbers::{self, Skeleton, Stamp};
use super::*;
use crate::rows::{RowTemplate, Rows};

/// Text entries, end to end, and how long each is: one length for all, or the stream LENGTHS.
fn put_texts<'a>(
    entries: impl Iterator<Item = &'a [u8]> + Clone,
    table: &mut Vec<u8>,
    streams: &mut Streams,
) {
    let mut lengths = entries.clone().map(|e| e.len());
    let first = lengths.next();
    match first {
        Some(n) if lengths.all(|m| m == n) => put_varint(table, n as u64 + 1),
        _ => {
            table.push(0);
            for e in entries.clone() {
                put_varint(&mut streams[LENGTHS], e.len() as u64);
            }
        }
    }
    entries.for_each(|e| streams[TEXT].extend_from_slice(e));
}

fn put_literal(literal: &[u8], table: &mut Vec<u8>, streams: &mut Streams) {
    put_varint(table, literal.len() as u64);
    streams[TEXT].extend_from_slice(literal);
}

struct Encoder {
    streams: Streams,
    table: Vec<u8>,
    pool: Entries,
}

impl Encoder {
    fn column(&mut self, column: &Column, depth: u32) {
        let Some(first) = column.iter().next() else { return };
        if column.data.len() == first.len() * column.len() && column.iter().all(|v| same(v, first)) {
            self.table.push(CODEC_CONSTANT);
            put_literal(first, &mut self.table, &mut self.streams);
            return;
        }
        let plans = Sample::of(column).plans(&self.pool, depth);
        for (_, plan) in &plans {
            if self.try_plan(column, plan, depth) {
                return;
            }
        }
        self.table.push(CODEC_TEXT);
        put_texts(column.iter(), &mut self.table, &mut self.streams);
    }

    /// Encodes a column if the plan, made from a sample, fits all of it.
    fn try_plan(&mut self, column: &Column, plan: &Plan, depth: u32) -> bool {
        match plan {
            Plan::Text => {
                self.table.push(CODEC_TEXT);
                put_texts(column.iter(), &mut self.table, &mut self.streams);
                true
            }
            Plan::Dictionary => self.dictionary(column),
            Plan::Pool => self.references(column),
            Plan::Number => {
                let Some((form, values)) = numbers::parse_all(column) else { return false };
                self.table.extend([CODEC_NUMBER, form]);
                put_ints(&values, &mut self.table, &mut self.streams, STEPS);
                true
            }
            Plan::Stamp => {
                let Some((stamp, values)) = Stamp::of(column.iter()) else { return false };
                self.table.push(CODEC_STAMP);
                self.skeleton(&stamp.skeleton);
                for (w, r) in stamp.widths.iter().zip(&stamp.radixes) {
                    self.table.push(*w);
                    put_varint(&mut self.table, *r);
                }
                put_ints(&values, &mut self.table, &mut self.streams, TIMES);
                true
            }
            Plan::Split(skeleton) => {
                let mut parts = vec![Column::default(); skeleton.fields()];
                let fits = column.iter().all(|v| skeleton.split(v, |i, field| parts[i].push(field)));
                // A value that fits half-way leaves parts of unequal length, which are dropped here.
                if !fits {
                    return false;
                }
                self.table.push(CODEC_SPLIT);
                self.skeleton(skeleton);
                parts.iter().for_each(|part| self.column(part, depth + 1));
                true
            }
            Plan::Tail => {
                let mut parts = [Column::default(), Column::default()];
                for v in column.iter() {
                    let Some((head, digits)) = cut_tail(v) else { return false };
                    parts[0].push(head);
                    parts[1].push(digits);
                }
                self.table.push(CODEC_SPLIT);
                self.skeleton(&Skeleton { literals: vec![Vec::new(); 3] });
                parts.iter().for_each(|part| self.column(part, depth + 1));
                true
            }
        }
    }

    fn skeleton(&mut self, skeleton: &Skeleton) {
        put_varint(&mut self.table, skeleton.fields() as u64);
        for literal in &skeleton.literals {
            put_literal(literal, &mut self.table, &mut self.streams);
        }
    }

    fn dictionary(&mut self, column: &Column) -> bool {
        let mut own = Entries::default();
        let mut index = Vec::with_capacity(column.len());
        let mut last: (&[u8], u32) = (&[], u32::MAX);
        for v in column.iter() {
            if last.1 == u32::MAX || !same(v, last.0) {
                last = (v, own.add(v).0);
                if own.len() > MAX_DICTIONARY {
                    return false;
                }
            }
            index.push(last.1 as u8);
        }
        self.table.push(CODEC_DICTIONARY);
        put_varint(&mut self.table, own.len() as u64);
        put_texts(own.values.iter(), &mut self.table, &mut self.streams);
        self.streams[INDEX].extend_from_slice(&index);
        true
    }

    fn references(&mut self, column: &Column) -> bool {
        let before = self.pool.len();
        let mut values = Vec::with_capacity(column.len());
        let mut lengths = Vec::with_capacity(column.len());
        let mut last: (&[u8], u32) = (&[], u32::MAX);
        for v in column.iter() {
            lengths.push(self.pool.len() as u64);
            if last.1 == u32::MAX || !same(v, last.0) {
                last = (v, self.pool.add(v).0);
            }
            values.push(u64::from(last.1));
        }
        self.table.push(CODEC_POOL);
        put_references(&values, &lengths, &mut self.table, &mut self.streams, STEPS);
        let new = (before..self.pool.len()).map(|i| self.pool.values.get(i));
        put_texts(new, &mut self.table, &mut self.streams);
        true
    }
}

/// The streams of a block.
///
/// `columns[t][k]` is the column of slot k of template t. Columns are numbered without gaps in the
/// order in which templates name them first.
pub fn encode(rows: &Rows, columns: &[Vec<u32>]) -> Result<Streams, String> {
    if rows.spans.len() > rows.raw.len() {
        return Err("more slots than bytes".into());
    }
    if rows.raw.len() >= 1 << 30 {
        return Err("a block of a gigabyte or more".into());
    }
    let (columns, count) = renumbered(columns);
    let gathered = gather(rows, &columns, count)?;
    let mut encoder = Encoder { streams: Streams::default(), table: Vec::new(), pool: Entries::default() };
    put_templates(rows.templates, &mut encoder.streams);
    for slots in &columns {
        slots.iter().for_each(|c| put_varint(&mut encoder.streams[TABLE], u64::from(*c)));
    }
    let ids: Vec<u64> = rows.rows.iter().map(|&t| u64::from(t)).collect();
    put_ints(&ids, &mut encoder.table, &mut encoder.streams, ROWS);
    for column in &gathered {
        encoder.column(column, 0);
    }
    let Encoder { mut streams, table, .. } = encoder;
    streams[TABLE].extend_from_slice(&table);
    Ok(streams)
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

fn renumbered(columns: &[Vec<u32>]) -> (Vec<Vec<u32>>, usize) {
    let mut numbers = std::collections::HashMap::new();
    let renumbered = columns
        .iter()
        .map(|slots| {
            slots
                .iter()
                .map(|c| {
                    let next = numbers.len() as u32;
                    *numbers.entry(*c).or_insert(next)
                })
                .collect()
        })
        .collect();
    (renumbered, numbers.len())
}
