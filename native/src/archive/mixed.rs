//! Blocks of level max: rows coded in order by the mixing coder (rs.rs), with the parse that is best.
//!
//! The parser's rows are one candidate; fields between delimiters and whole lines need no parser and win
//! on logs whose messages are no sentences. A stretch from the middle of the block decides: by what its
//! second half costs once the first is known, since a block is long and what a parse costs to learn is
//! paid once.

use super::builder::Builder;
use super::bytes::Cursor;
use super::decode::read_templates;
use super::encode::put_templates;
use super::refine::cut_ports;
use super::{Streams, LITERALS, TABLE};
use crate::layout::Span;
use crate::rows::{field_rows, line_rows, OwnedRows, RowTemplate, Rows};
use crate::rs;

/// Bytes of the stretch on which parses are tried: a 32nd of the block within these bounds.
const STRETCH: (usize, usize) = (64 << 10, 256 << 10);
/// Row templates that the parse into fields makes at most.
const MAX_FIELD_TEMPLATES: usize = 4096;

/// A block of rows: streams TABLE and LITERALS, and the coded rows.
pub struct Mixed {
    pub table: Vec<u8>,
    pub literals: Vec<u8>,
    pub rows: Vec<u8>,
}

/// Codes a block by whichever parse is the smallest on a stretch of it. Its rows make room for the model:
/// they take nearly as much as its bytes.
pub fn encode_last(block: &mut Builder) -> Result<Mixed, String> {
    let parse = choose(&block.rows())?;
    let planned = match parsed(&block.rows(), parse) {
        Some(other) => {
            block.forget_spans();
            Planned::of(&other.on(&block.raw))?
        }
        None => Planned::of(&block.rows())?,
    };
    block.forget_spans();
    planned.code(&block.raw)
}

/// Rows without their spans.
struct Planned {
    templates: Vec<RowTemplate>,
    numbers: Vec<u32>,
    plan: rs::Plan,
}

impl Planned {
    fn of(rows: &Rows) -> Result<Planned, String> {
        let (templates, numbers) = used(rows);
        let plan = rs::Plan::of(&Rows { templates: &templates, rows: &numbers, ..*rows })?;
        Ok(Planned { templates, numbers, plan })
    }

    fn code(self, raw: &[u8]) -> Result<Mixed, String> {
        let mut streams = Streams::default();
        put_templates(&self.templates, &mut streams);
        Ok(Mixed {
            table: std::mem::take(&mut streams[TABLE]),
            literals: std::mem::take(&mut streams[LITERALS]),
            rows: rs::encode_planned(raw, &self.templates, &self.numbers, &self.plan)?,
        })
    }
}

/// The rows of a parse, if they are others.
fn parsed(rows: &Rows, parse: Parse) -> Option<OwnedRows> {
    match parse {
        Parse::Given => None,
        Parse::Cut => cut_ports(rows),
        Parse::Fields => Some(field_rows(rows.raw, MAX_FIELD_TEMPLATES)),
        Parse::Lines => Some(line_rows(rows.raw)),
    }
}

/// The parse that is the smallest on a stretch of a block.
fn choose(rows: &Rows) -> Result<Parse, String> {
    rows.check()?;
    let (stretch, given) = middle(rows);
    let raw = &rows.raw[stretch.0..stretch.1];
    let given = given.on(raw);
    let whole_block = raw.len() == rows.raw.len();
    // What is priced is half of the stretch, or all of the block; templates are paid for by all of it.
    let priced = if whole_block { raw.len() } else { raw.len() / 2 };
    let share = |text: usize| (text as u64 * priced as u64 / rows.raw.len().max(1) as u64) as usize;
    let own = |rows: OwnedRows| {
        let text = text_price(&rows.templates);
        (Some(rows), text)
    };
    // What the templates of all rows cost is all that is kept of these.
    let cut = cut_ports(rows).filter(|_| !given.rows.is_empty()).map(|all| text_price(&all.templates));
    let mut best = (usize::MAX, Parse::Given);
    let mut trial = rs::Trial::default();
    for parse in [Parse::Given, Parse::Cut, Parse::Fields, Parse::Lines] {
        let (owned, text) = match parse {
            Parse::Given => (None, share(text_price(&used(rows).0))),
            Parse::Cut => match (cut, cut_ports(&given)) {
                (Some(text), Some(here)) => (Some(here), share(text)),
                _ => continue,
            },
            Parse::Fields => own(field_rows(raw, MAX_FIELD_TEMPLATES)),
            Parse::Lines => own(line_rows(raw)),
        };
        let tried = owned.as_ref().map_or(given, |o| o.on(raw));
        let (templates, numbers) = used(&tried);
        let skip = if whole_block { 0 } else { tried.rows.len() / 2 };
        let Some(most) = best.0.checked_sub(text) else { continue };
        let tried = Rows { templates: &templates, rows: &numbers, ..tried };
        if let Some(price) =
            rs::price(&tried, skip, most, &mut trial)?.map(|n| n + text).filter(|n| *n < best.0)
        {
            best = (price, parse);
        }
    }
    Ok(best.1)
}

#[derive(Clone, Copy)]
enum Parse {
    Given,
    Cut,
    Fields,
    Lines,
}

/// About what the literals of templates cost.
fn text_price(templates: &[RowTemplate]) -> usize {
    templates.iter().flat_map(|t| &t.literals).map(|l| l.len() / 4 + 1).sum()
}

/// The templates that rows have, in order of first use.
fn used(rows: &Rows) -> (Vec<RowTemplate>, Vec<u32>) {
    let mut numbers = vec![u32::MAX; rows.templates.len()];
    let mut templates = Vec::new();
    let renumbered = rows
        .rows
        .iter()
        .map(|&t| {
            let number = &mut numbers[t as usize];
            if *number == u32::MAX {
                *number = templates.len() as u32;
                templates.push(rows.templates[t as usize].clone());
            }
            *number
        })
        .collect();
    (templates, renumbered)
}

/// Rows from the middle of a block, as many as are wanted, and where they lie.
fn middle(rows: &Rows) -> ((usize, usize), OwnedRows) {
    let wanted = (rows.raw.len() / 32).clamp(STRETCH.0, STRETCH.1);
    let begin = if rows.raw.len() > 2 * wanted { rows.raw.len() / 2 } else { 0 };
    let (mut at, mut spans) = (0usize, 0usize);
    let mut found = OwnedRows { templates: rows.templates.to_vec(), ..Default::default() };
    let mut range = None;
    for &t in rows.rows {
        let template = &rows.templates[t as usize];
        let own = &rows.spans[spans..spans + template.slots()];
        let literals: usize = template.literals.iter().map(Vec::len).sum();
        let end = at + literals + own.iter().map(|s| (s.end - s.start) as usize).sum::<usize>();
        if at >= begin {
            let start = range.get_or_insert((at, at)).0;
            range = Some((start, end));
            found.rows.push(t);
            let moved = |p: u32| p - start as u32;
            found.spans.extend(own.iter().map(|s| Span { start: moved(s.start), end: moved(s.end) }));
            if end - start >= wanted {
                break;
            }
        }
        spans += template.slots();
        at = end;
    }
    (range.unwrap_or((0, 0)), found)
}

/// The raw bytes, exactly `raw_len` of them in `lines` rows.
pub fn decode(
    table: &[u8],
    literals: &[u8],
    rows: &[u8],
    lines: usize,
    raw_len: usize,
) -> Result<Vec<u8>, String> {
    let mut cursor = Cursor::new(table, "TABLE");
    let templates = read_templates(&mut cursor, literals)?;
    cursor.end()?;
    rs::decode(rows, &templates, lines, raw_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_whatever_parse_wins() {
        let logs = [
            (0..3000)
                .map(|i| format!("{i} job {} done in {} ms\n", i % 7, i * 37 % 1000))
                .collect::<String>(),
            (0..3000).map(|i| format!("k={i} \"GET /a/{} x\" {}\n", i % 13, i % 3)).collect(),
            "x".repeat(5000),
        ];
        for log in &logs {
            let raw = log.as_bytes();
            for owned in [line_rows(raw), field_rows(raw, 100)] {
                let rows = owned.on(raw);
                let other = parsed(&rows, choose(&rows).unwrap());
                let rows = other.as_ref().map_or(rows, |o| o.on(raw));
                let coded = Planned::of(&rows).unwrap().code(raw).unwrap();
                let lines = owned.rows.len();
                let back = decode(&coded.table, &coded.literals, &coded.rows, lines, raw.len()).unwrap();
                assert!(back == raw);
            }
        }
    }
}
