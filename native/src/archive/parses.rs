//! Other parses of a block of columns, of which level default takes the smallest.
//!
//! The parser's templates suit messages that are sentences. Lines that are records (JSON, access logs,
//! key-value pairs) are smaller as fields between delimiters. A stretch from the middle of the block is
//! made in each way; what packs the streams is outside, and so is the choice.

use super::builder::Builder;
use super::columns::Column;
use super::encode::Table;
use crate::layout::Span;
use crate::rows::{field_rows, OwnedRows, RowTemplate};

/// Bytes of the stretch on which parses are tried: an eighth of the block within these bounds.
const STRETCH: (usize, usize) = (96 << 10, 256 << 10);
/// Row templates that the parse into fields makes at most.
const MAX_FIELD_TEMPLATES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse {
    /// The one that the block has.
    Given,
    /// Fields between delimiters.
    Fields,
}

/// A parse and the columns of its slots.
#[derive(Default)]
struct Cut {
    rows: OwnedRows,
    columns: Vec<Vec<u32>>,
}

/// A block of columns in another parse, or a stretch of one.
pub struct Parsed {
    raw_len: usize,
    rows: Vec<u32>,
    templates: Vec<RowTemplate>,
    columns: Vec<Vec<u32>>,
    gathered: Vec<Column>,
}

impl Parsed {
    /// What is to be encoded.
    pub fn table(&self) -> Table<'_> {
        Table {
            raw_len: self.raw_len,
            rows: &self.rows,
            templates: &self.templates,
            columns: &self.columns,
            gathered: &self.gathered,
        }
    }

    fn of(raw: &[u8], cut: Cut) -> Result<Parsed, String> {
        cut.rows.on(raw).check()?;
        let Cut { rows: OwnedRows { templates, rows, spans }, columns } = cut;
        let count = columns.iter().flatten().max().map_or(0, |c| *c as usize + 1);
        let mut gathered = vec![Column::default(); count];
        let mut spans = spans.iter();
        for &t in &rows {
            for (&c, s) in columns[t as usize].iter().zip(&mut spans) {
                gathered[c as usize].push_from(raw, s.start as usize, s.end as usize);
            }
        }
        Ok(Parsed { raw_len: raw.len(), rows, templates, columns, gathered })
    }
}

/// A block in a parse; `stretch`: only of a stretch from its middle. Nothing if its rows could not be coded.
pub fn parsed(block: &Builder, parse: Parse, stretch: bool) -> Result<Option<Parsed>, String> {
    if block.broken.is_some() {
        return Ok(None);
    }
    let wanted = (block.raw.len() / 8).clamp(STRETCH.0, STRETCH.1);
    let (range, given) = match stretch && block.raw.len() > 2 * wanted {
        true => part(block, block.rows.len() / 2, wanted),
        false if parse == Parse::Given => part(block, 0, usize::MAX),
        false => ((0, block.raw.len()), Cut::default()),
    };
    let raw = &block.raw[range.0..range.1];
    let cut = match parse {
        Parse::Given => given,
        Parse::Fields => as_fields(raw),
    };
    Parsed::of(raw, cut).map(Some)
}

/// Rows of a block from number `first` on, until they have `most` bytes; and where they lie. Templates that
/// they do not have are left out.
fn part(block: &Builder, first: usize, most: usize) -> ((usize, usize), Cut) {
    let mut before = vec![0usize; block.templates.len()];
    block.rows[..first].iter().for_each(|&t| before[t as usize] += 1);
    // The first value of each column that is wanted, and the bytes of all before.
    let mut next = vec![0usize; block.gathered.len()];
    let mut start = 0;
    for ((template, columns), n) in block.templates.iter().zip(&block.columns).zip(&before) {
        start += n * template.literals.iter().map(Vec::len).sum::<usize>();
        columns.iter().for_each(|&c| next[c as usize] += n);
    }
    let bytes = |(c, n): (&Column, &usize)| n.checked_sub(1).map_or(0, |last| c.range(last).1);
    start += block.gathered.iter().zip(&next).map(bytes).sum::<usize>();
    let mut numbers = vec![u32::MAX; block.templates.len()];
    let mut cut = Cut::default();
    let mut at = 0usize;
    for &t in &block.rows[first..] {
        if at >= most {
            break;
        }
        let (template, columns) = (&block.templates[t as usize], &block.columns[t as usize]);
        for (literal, &c) in template.literals.iter().zip(columns) {
            at += literal.len();
            let (a, b) = block.gathered[c as usize].range(next[c as usize]);
            next[c as usize] += 1;
            cut.rows.spans.push(Span { start: at as u32, end: (at + b - a) as u32 });
            at += b - a;
        }
        at += template.literals.last().map_or(0, Vec::len);
        let number = &mut numbers[t as usize];
        if *number == u32::MAX {
            *number = cut.columns.len() as u32;
            cut.rows.templates.push(template.clone());
            cut.columns.push(columns.clone());
        }
        cut.rows.rows.push(*number);
    }
    ((start, start + at), cut)
}

/// Each slot is a column of its own: fields at the same place of unlike lines have little in common.
fn as_fields(raw: &[u8]) -> Cut {
    let rows = field_rows(raw, MAX_FIELD_TEMPLATES);
    let mut next = 0;
    let mut numbered = |t: &RowTemplate| {
        let first = next;
        next += t.slots() as u32;
        (first..next).collect()
    };
    let columns = rows.templates.iter().map(&mut numbered).collect();
    Cut { rows, columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::builder::Kind;
    use crate::rows::line_rows;

    fn block(raw: &[u8], rows: OwnedRows) -> Builder {
        let columns = rows.templates.iter().map(|t| (0..t.slots() as u32).collect()).collect();
        let Parsed { rows, templates, columns, gathered, .. } =
            Parsed::of(raw, Cut { rows, columns }).unwrap();
        let mut block = Builder::of(Kind::Columns);
        (block.raw, block.rows, block.templates) = (raw.to_vec(), rows, templates);
        (block.columns, block.gathered) = (columns, gathered);
        block
    }

    /// What the columns of a parse stand for.
    fn bytes(parsed: &Parsed) -> Vec<u8> {
        let table = parsed.table();
        let mut next = vec![0; table.gathered.len()];
        let mut out = Vec::new();
        for &t in table.rows {
            let template = &table.templates[t as usize];
            for (literal, &c) in template.literals.iter().zip(&table.columns[t as usize]) {
                out.extend_from_slice(literal);
                out.extend_from_slice(table.gathered[c as usize].get(next[c as usize]));
                next[c as usize] += 1;
            }
            out.extend_from_slice(template.literals.last().unwrap());
        }
        assert_eq!(out.len(), table.raw_len);
        out
    }

    #[test]
    fn every_parse_of_a_block_and_of_its_middle_is_the_same_bytes() {
        let line = |i: usize| format!("k={i} \"GET /a/{} x\" {{\"n\":{}}}\r\n", i % 13, "9".repeat(i % 40));
        for lines in [1, 9, 20_000] {
            let raw: Vec<u8> = (0..lines).flat_map(|i| line(i).into_bytes()).collect();
            for rows in [line_rows(&raw), field_rows(&raw, 100)] {
                let block = block(&raw, rows);
                let made = |parse, stretch| bytes(&parsed(&block, parse, stretch).unwrap().unwrap());
                for parse in [Parse::Given, Parse::Fields] {
                    assert!(made(parse, false) == raw);
                }
                let middle = made(Parse::Given, true);
                assert!(middle == made(Parse::Fields, true));
                let at = raw.windows(middle.len()).position(|w| w == middle).unwrap();
                assert!(at == 0 || raw[at - 1] == b'\n');
                assert!(middle.len() == raw.len() || middle.len() > 90_000);
            }
        }
    }

    #[test]
    fn rows_that_could_not_be_coded_have_no_parse() {
        let mut block = block(b"a\n", line_rows(b"a\n"));
        block.broken = Some("too many slots".into());
        assert!(parsed(&block, Parse::Fields, true).unwrap().is_none());
    }
}
