//! Addresses with a port as two values, an encoder's choice that the format knows nothing of.
//!
//! `10.0.0.7:50010` as one value is another one than `10.0.0.7` and than `10.0.0.7:41922`, so that what is
//! known of a host helps none of them. Cut at the colon, which goes into the row template, hosts are
//! found among hosts, and a port that never comes again costs its digits only.

use crate::layout::Span;
use crate::rows::{OwnedRows, RowTemplate, Rows, MAX_SLOTS};
use std::collections::HashMap;

/// Slots of a row that are looked at.
const LOOKED_AT: usize = 64;
/// Row templates that may be made beyond twice those there are.
const SPARE: usize = 64;

/// Where the colon is, in a value that is a host with a dot in it, a colon and at most five digits.
fn port_of(value: &[u8]) -> Option<usize> {
    let digits = value.iter().rev().take(6).take_while(|b| b.is_ascii_digit()).count();
    let at = value.len().checked_sub(digits + 1)?;
    let host = &value[..at];
    let good =
        (1..=5).contains(&digits) && value[at] == b':' && host.contains(&b'.') && !host.contains(&b':');
    good.then_some(at)
}

/// The rows with their addresses cut in two; nothing if they have none, or too many kinds of rows with them.
pub fn cut_ports(rows: &Rows) -> Option<OwnedRows> {
    let mut cut = OwnedRows::default();
    let mut known: HashMap<(u32, u64), u32> = HashMap::new();
    let mut at = 0;
    let mut any = false;
    for &t in rows.rows {
        let template = &rows.templates[t as usize];
        let spans = &rows.spans[at..at + template.slots()];
        at += spans.len();
        let mut places = 0u64;
        for (k, span) in spans.iter().enumerate() {
            let value = &rows.raw[span.start as usize..span.end as usize];
            let colon =
                if k < LOOKED_AT && spans.len() + LOOKED_AT <= MAX_SLOTS { port_of(value) } else { None };
            match colon {
                Some(n) => {
                    places |= 1 << k;
                    let middle = span.start + n as u32;
                    cut.spans.push(Span { start: span.start, end: middle });
                    cut.spans.push(Span { start: middle + 1, end: span.end });
                }
                None => cut.spans.push(*span),
            }
        }
        any |= places != 0;
        let next = known.len() as u32;
        let number = *known.entry((t, places)).or_insert(next);
        if number == next {
            if known.len() > 2 * rows.templates.len() + SPARE {
                return None;
            }
            cut.templates.push(with_colons(template, places));
        }
        cut.rows.push(number);
    }
    any.then_some(cut)
}

fn with_colons(template: &RowTemplate, places: u64) -> RowTemplate {
    let mut literals = Vec::with_capacity(template.literals.len());
    for (k, literal) in template.literals.iter().enumerate() {
        if (1..=LOOKED_AT).contains(&k) && places >> (k - 1) & 1 == 1 {
            literals.push(b":".to_vec());
        }
        literals.push(literal.clone());
    }
    RowTemplate { literals }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::field_rows;

    #[test]
    fn hosts_and_ports_are_values_and_the_rows_are_the_same_bytes() {
        let raw = b"from 10.0.0.7:8020 to 10.0.0.8:50010\nfrom 10.0.0.7 to db.example:99\nat 10:59:07\n";
        let rows = field_rows(raw, 100);
        let cut = cut_ports(&rows.on(raw)).unwrap();
        cut.on(raw).check().unwrap();
        let values: Vec<&[u8]> = cut.spans.iter().map(|s| &raw[s.start as usize..s.end as usize]).collect();
        for value in [&b"10.0.0.7"[..], b"8020", b"10.0.0.8", b"50010", b"db.example", b"99", b"10:59:07"] {
            assert!(values.contains(&value), "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn what_only_looks_like_a_port_stays() {
        for value in [&b"10:59"[..], b"a.b:", b"a.b:123456", b"::1.2:80", b":80", b"80", b"", b"1.2:8a"] {
            assert_eq!(port_of(value), None, "{}", String::from_utf8_lossy(value));
        }
        let raw = b"nothing of the kind 1.5\n";
        assert!(cut_ports(&field_rows(raw, 100).on(raw)).is_none());
    }
}
