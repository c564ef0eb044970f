//! The row-order structured coder, level max of the archive.
//!
//! A block of rows (rows.rs) is coded row after row with one mixing model for all of it, by one and the
//! same code in both directions. The payload needs nothing beyond it but the table of row templates, the
//! number of rows and the number of raw bytes.

pub mod arith;
mod clock;
mod digits;
mod flags;
mod literal;
mod mix;
mod nibbles;
mod plan;
mod row;
mod text;
mod values;

use crate::rows::{RowTemplate, Rows};
use arith::{hash, hash3, Coder, Decoder, Encoder};
use nibbles::Nibbles;
use plan::{Form, Unit};
use row::{Broken, Model};
pub use text::{decode as decode_text, encode as encode_text};

/// Slots a block may have beyond one for each byte; a row of nothing but empty values could cost any time.
const SPARE_UNITS: usize = 1 << 16;

/// What coding rows needs of them beside their bytes, templates and numbers: much less than their spans.
pub struct Plan {
    forms: Vec<Form>,
    /// Of the values in turn, seven bits a byte, low ones first.
    lengths: Vec<u8>,
}

impl Plan {
    /// Checks rows and looks them through.
    pub fn of(rows: &Rows) -> Result<Plan, String> {
        rows.check()?;
        if rows.spans.len() > rows.raw.len() + SPARE_UNITS {
            return Err(format!("{} slots in {} bytes", rows.spans.len(), rows.raw.len()));
        }
        let forms = plan::plan(rows);
        let mut lengths = Vec::with_capacity(rows.spans.len());
        for span in rows.spans {
            let mut length = span.end - span.start;
            while length > 127 {
                lengths.push(length as u8 | 128);
                length >>= 7;
            }
            lengths.push(length as u8);
        }
        Ok(Plan { forms, lengths })
    }
}

/// Codes rows.
pub fn encode(rows: &Rows) -> Result<Vec<u8>, String> {
    encode_planned(rows.raw, rows.templates, rows.rows, &Plan::of(rows)?)
}

/// Codes rows of which there is a plan.
pub fn encode_planned(
    raw: &[u8],
    templates: &[RowTemplate],
    numbers: &[u32],
    plan: &Plan,
) -> Result<Vec<u8>, String> {
    let mut coder = Encoder::default();
    let rows = Rows { raw, templates, rows: numbers, spans: &[] };
    code(&rows, plan, &mut coder, 0, usize::MAX, &mut Trial::default())?;
    Ok(coder.finish())
}

/// What parses of the same lines cost up to several places, so that a bad one is soon given up.
#[derive(Default)]
pub struct Trial {
    least: [usize; STEPS],
    own: [usize; STEPS],
}

/// Stretches of rows after which trials are compared.
const STEPS: usize = 8;

impl Trial {
    /// Notes the costs up to the end of a stretch; whether there is hope. What templates have cost by then
    /// differs more than what will come.
    fn hopeful(&mut self, step: usize, size: usize) -> bool {
        self.own[step] = size;
        let least = self.least[step];
        least == 0 || step == 0 || size <= least + least / (2 + 2 * step) + 64
    }

    fn finish(&mut self) {
        for (least, own) in self.least.iter_mut().zip(self.own) {
            *least = if *least == 0 { own } else { own.min(*least) };
        }
    }
}

/// What the rows from the `skip`th on cost once the model knows those before, in bytes; nothing if it is
/// more than `most`, or will be by the look of other parses of the same lines.
pub fn price(rows: &Rows, skip: usize, most: usize, trial: &mut Trial) -> Result<Option<usize>, String> {
    code(rows, &Plan::of(rows)?, &mut Encoder::default(), skip, most, trial)
}

/// Codes rows; their spans are those of the plan.
fn code(
    rows: &Rows,
    plan: &Plan,
    coder: &mut Encoder,
    skip: usize,
    most: usize,
    trial: &mut Trial,
) -> Result<Option<usize>, String> {
    let forms = &plan.forms;
    code_forms(coder, rows.templates, Some(forms)).map_err(reason)?;
    let mut model = Model::new(rows.templates, forms.clone(), rows.raw.len());
    let mut lengths = plan.lengths.iter();
    let mut at = 0;
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut units: Vec<&[u8]> = Vec::new();
    let mut before = 0;
    for (row, &t) in rows.rows.iter().enumerate() {
        if row == skip && skip > 0 {
            before = coder.size();
        }
        spans.clear();
        let literals = &rows.templates[t as usize].literals;
        for literal in &literals[..literals.len() - 1] {
            let start = at + literal.len();
            at = start + varint(&mut lengths);
            spans.push((start, at));
        }
        at += literals[literals.len() - 1].len();
        units.clear();
        units.extend(forms[t as usize].units.iter().map(|u| {
            let (a, b) = (spans[u.first as usize], spans[(u.first + u.slots) as usize - 1]);
            &rows.raw[a.0..b.1]
        }));
        model.row(coder, t, &units, usize::MAX).map_err(reason)?;
        if row >= skip && coder.size() - before > most {
            return Ok(None);
        }
        let step = (row + 1) * STEPS / rows.rows.len();
        if step > row * STEPS / rows.rows.len() && !trial.hopeful(step - 1, coder.size()) {
            return Ok(None);
        }
    }
    trial.finish();
    Ok(Some(coder.size() - before))
}

fn varint(bytes: &mut std::slice::Iter<u8>) -> usize {
    let mut n = 0;
    for (place, &b) in bytes.enumerate() {
        n |= usize::from(b & 127) << (7 * place);
        if b < 128 {
            break;
        }
    }
    n
}

/// The raw bytes of a payload of `lines` rows, `raw_len` of them.
pub fn decode(
    payload: &[u8],
    templates: &[RowTemplate],
    lines: usize,
    raw_len: usize,
) -> Result<Vec<u8>, String> {
    if lines > raw_len || raw_len >= u32::MAX as usize {
        return Err(format!("{lines} rows in {raw_len} bytes cannot be"));
    }
    if templates.iter().any(|t| t.literals.is_empty()) {
        return Err("a row template without a literal".into());
    }
    if lines > 0 && templates.is_empty() {
        return Err("rows without templates".into());
    }
    let mut coder = Decoder::new(payload);
    let forms = code_forms(&mut coder, templates, None).map_err(reason)?;
    let mut model = Model::new(templates, forms, raw_len);
    let mut raw = Vec::new();
    let mut units = 0;
    for _ in 0..lines {
        let t = model.row(&mut coder, 0, &[], raw_len - raw.len()).map_err(reason)?;
        units += templates[t].slots();
        let literals = &templates[t].literals;
        let start = raw.len();
        for (unit, &(a, b)) in model.form().units.iter().zip(&model.places) {
            raw.extend_from_slice(&literals[unit.first as usize]);
            raw.extend_from_slice(&model.text[a as usize..b as usize]);
        }
        raw.extend_from_slice(&literals[literals.len() - 1]);
        if raw.len() > raw_len || raw.len() == start || units > raw_len + SPARE_UNITS {
            return Err(reason(Broken::TooLong));
        }
    }
    if raw.len() != raw_len || !coder.at_end() {
        return Err(format!("{} bytes decoded, {raw_len} expected", raw.len()));
    }
    Ok(raw)
}

fn reason(broken: Broken) -> String {
    match broken {
        Broken::Payload => "the coded rows say what cannot be".into(),
        Broken::TooLong => "the coded rows are longer than they should be or end too early".into(),
    }
}

/// Codes the units and the key of every template: for each unit one symbol of three bits, 0 for a slot, 1
/// for the key, else 1 + the slots of a stamp.
fn code_forms<C: Coder>(
    coder: &mut C,
    templates: &[RowTemplate],
    forms: Option<&[Form]>,
) -> Result<Vec<Form>, Broken> {
    let mut symbols: Nibbles<4, 0, 16> = Nibbles::new(12, [1, 1], 6);
    let text = |literal: &[u8], h: u32| literal.iter().take(16).fold(h, |h, &b| hash(h, u32::from(b)));
    let mut read: Vec<Form> = Vec::with_capacity(templates.len());
    for (t, template) in templates.iter().enumerate() {
        let slots = template.slots() as u32;
        let mut form = Form::default();
        let mut first = 0;
        let mut before = 0;
        while first < slots {
            let wanted = forms.map_or(0, |f| {
                let unit = f[t].units[form.units.len()];
                if unit.stamp {
                    1 + unit.slots
                } else {
                    u32::from(f[t].key == Some(form.units.len() as u32))
                }
            });
            let after = text(&template.literals[first as usize + 1], 1);
            let keyed = u32::from(form.key.is_some());
            let contexts = [
                hash3(1, first, keyed),
                hash3(2, hash(first.min(7), before), keyed),
                hash3(text(&template.literals[first as usize], 3), after, keyed),
                hash3(text(&template.literals[first as usize], 4), before, keyed),
            ];
            let symbol = symbols.code(coder, wanted, 3, &contexts, &[], [0, 0]);
            before = before << 3 | symbol;
            let count = symbol.saturating_sub(1).max(1);
            if count > slots - first || coder.overran() || symbol == 1 && form.key.is_some() {
                return Err(Broken::Payload);
            }
            if symbol == 1 {
                form.key = Some(form.units.len() as u32);
            }
            form.units.push(Unit { first, slots: count, stamp: symbol > 1 });
            first += count;
        }
        read.push(form);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{field_rows, line_rows, OwnedRows};

    /// Lines of some sessions, with stamps, counters, sizes and noise.
    fn log(lines: u32) -> Vec<u8> {
        let mut raw = Vec::new();
        for i in 0..lines {
            let r = hash(i, 5);
            let (s, ms) = (i / 3, r % 1000);
            let stamp = format!("2024-02-28 23:{:02}:{:02}.{ms:03}", 50 + s / 60 % 10, s % 60);
            let session = hash(r % 7, 9);
            let line = match r % 4 {
                0 => format!("{stamp} INFO open s{session} from 10.0.{}.{}:{}\n", r % 3, r % 50, r >> 16),
                1 => format!("{stamp} INFO read s{session} n={} {{\"id\":{i},\"name\":\"a b\"}}\r\n", i * 7),
                2 => format!("{stamp} WARN close s{session} after {}007 ms\n", i % 5),
                _ => format!("\tat frame {}\0\u{1}\n", r % 9),
            };
            raw.extend_from_slice(line.as_bytes());
        }
        raw
    }

    fn all(raw: &[u8]) -> Vec<(OwnedRows, Vec<u8>)> {
        let parses = [line_rows(raw), field_rows(raw, 100), field_rows(raw, 2)];
        parses.into_iter().map(|rows| (encode(&rows.on(raw)).unwrap(), rows)).map(|(p, r)| (r, p)).collect()
    }

    #[test]
    fn rows_come_back_byte_for_byte_and_small() {
        for raw in [log(0), log(1), log(2), log(800), b"\n".repeat(500), b"no end".to_vec()] {
            for (rows, payload) in all(&raw) {
                assert_eq!(decode(&payload, &rows.templates, rows.rows.len(), raw.len()).unwrap(), raw);
                assert!(payload.len() <= raw.len() / 3 + 64, "{} of {}", payload.len(), raw.len());
            }
        }
    }

    #[test]
    fn hostile_lines_come_back() {
        let mut raw = vec![b'x'; 20_000];
        raw.extend_from_slice(b"\n\0\x01\xff\r\n\r\r\n\n");
        raw.extend((0..=255u8).cycle().take(3000));
        raw.extend((0..3_000u32).map(|i| (hash(i, 1) >> 7) as u8));
        for (rows, payload) in all(&raw) {
            assert_eq!(decode(&payload, &rows.templates, rows.rows.len(), raw.len()).unwrap(), raw);
        }
    }

    #[test]
    fn damage_is_an_error_or_other_bytes_and_never_a_panic() {
        let raw = log(80);
        for (rows, payload) in all(&raw) {
            let lines = rows.rows.len();
            for i in 0..60 {
                let mut bad = payload.clone();
                let at = hash(i, 3) as usize % bad.len();
                bad[at] ^= 1 << (i % 8);
                if let Ok(other) = decode(&bad, &rows.templates, lines, raw.len()) {
                    assert_eq!(other.len(), raw.len());
                }
            }
            for cut in 0..payload.len().min(8) {
                let _ = decode(&payload[..payload.len() - cut], &rows.templates, lines, raw.len());
                let _ = decode(&payload[cut..], &rows.templates, lines, raw.len());
            }
            assert!(decode(&payload, &rows.templates, lines, raw.len() + 1).is_err());
            assert!(decode(&payload, &rows.templates, lines + 1, raw.len()).is_err());
            assert!(decode(&payload, &[], lines, raw.len()).is_err());
            assert!(
                decode(&[payload.clone(), vec![7; 9]].concat(), &rows.templates, lines, raw.len()).is_err()
            );
            assert!(decode(&payload, &rows.templates, usize::MAX, 1 << 31).is_err());
        }
        let noise: Vec<u8> = (0..5000).map(|i| hash(i, 2) as u8).collect();
        let templates = field_rows(&raw, 100).templates;
        let _ = decode(&noise, &templates, 100, 1 << 20);
        let _ = decode(&[], &templates, 1 << 20, 1 << 20);
    }

    #[test]
    fn a_full_store_is_emptied_on_both_sides() {
        let mut raw = Vec::new();
        for i in 0..300u32 {
            let word = format!("{:08x}", hash(i, 4)).repeat(60);
            raw.extend_from_slice(format!("put {word} as {i}\n").as_bytes());
        }
        let rows = field_rows(&raw, 10);
        let payload = encode(&rows.on(&raw)).unwrap();
        assert!(decode(&payload, &rows.templates, rows.rows.len(), raw.len()).unwrap() == raw);
    }

    #[test]
    fn text_comes_back() {
        for raw in [log(0), log(200), vec![0; 5000], (0..2000u32).map(|i| hash(i, 1) as u8).collect()] {
            let payload = encode_text(&raw);
            assert_eq!(decode_text(&payload, raw.len()).unwrap(), raw);
            assert!(decode_text(&payload, raw.len() + 10_000).is_err());
            assert!(decode_text(&[payload.clone(), vec![1; 9]].concat(), raw.len()).is_err());
        }
    }
}
