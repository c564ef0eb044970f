//! What the model knows of the templates before the first row: units, keys, groups.
//!
//! A unit is a slot, or neighbouring slots that together are a time stamp. The key of a template is the
//! unit that says which session, thread or block a row belongs to; it is coded first, so that all others
//! can look at what they were when this key was seen last.

use crate::layout::Span;
use crate::rows::{RowTemplate, Rows};
use crate::rs::arith::hash;
use crate::stamp;
use std::collections::{HashMap, HashSet};

/// Slots that one stamp may be made of.
const MAX_MERGED: usize = 6;
/// Rows of a template that are looked at.
const SAMPLE: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub first: u32,
    pub slots: u32,
    pub stamp: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub units: Vec<Unit>,
    /// Index of the key among the units.
    pub key: Option<u32>,
}

/// Columns that are alike in other templates have one group: by the place and the text before.
pub fn group(template: &RowTemplate, unit: Unit) -> u32 {
    let before = &template.literals[unit.first as usize];
    let tail = &before[before.len().saturating_sub(8)..];
    tail.iter().fold(unit.first + 1, |h, &b| hash(h, u32::from(b)))
}

fn text<'a>(rows: &Rows<'a>, spans: &[Span], first: usize, slots: usize) -> &'a [u8] {
    &rows.raw[spans[first].start as usize..spans[first + slots - 1].end as usize]
}

/// The forms that suit the rows; the encoder decides this alone.
pub fn plan(rows: &Rows) -> Vec<Form> {
    let mut starts = Vec::with_capacity(rows.rows.len());
    let mut at = 0usize;
    let mut samples: Vec<Vec<usize>> = vec![Vec::new(); rows.templates.len()];
    for &t in rows.rows {
        if samples[t as usize].len() < SAMPLE {
            samples[t as usize].push(at);
        }
        starts.push(at);
        at += rows.templates[t as usize].slots();
    }
    let mut forms: Vec<Form> = rows
        .templates
        .iter()
        .zip(&samples)
        .map(|(template, sample)| stamps(rows, template, sample))
        .collect();
    keys(rows, &starts, &mut forms);
    forms
}

fn stamps(rows: &Rows, template: &RowTemplate, sample: &[usize]) -> Form {
    let slots = template.slots();
    let mut form = Form::default();
    let mut first = 0;
    while first < slots {
        let found = (1..=MAX_MERGED.min(slots - first)).rev().find(|&n| {
            let inner: usize = template.literals[first + 1..first + n].iter().map(Vec::len).sum();
            inner < stamp::MAX_STAMP && !sample.is_empty() && are_stamps(rows, sample, first, n)
        });
        let n = found.unwrap_or(1);
        form.units.push(Unit { first: first as u32, slots: n as u32, stamp: found.is_some() });
        first += n;
    }
    form
}

fn are_stamps(rows: &Rows, sample: &[usize], first: usize, n: usize) -> bool {
    let (mut good, mut near, mut last) = (0, 0, None);
    for (seen, &at) in sample.iter().enumerate() {
        let value = text(rows, &rows.spans[at..], first, n);
        if let Some((s, v, _)) = stamp::read(value) {
            good += 1;
            let day = 86_400 * 10i64.pow(u32::from(s.digits));
            near += usize::from(last.is_none_or(|l: i64| v.abs_diff(l) < day as u64));
            last = Some(v);
        }
        if good * 10 < (seen + 1) * 9 {
            return false;
        }
    }
    // Numbers that only look like times jump about.
    near * 10 >= good * 8
}

/// The key of each template: the unit with the most values that come again, in rows of any template.
fn keys(rows: &Rows, starts: &[usize], forms: &mut [Form]) {
    // Of a long block, every so many stretches of neighbouring rows.
    let step = rows.rows.len() / 40_000 + 1;
    let sample = || (0..rows.rows.len()).filter(|r| (r / 512) % step == 0);
    let values = |forms: &[Form], r: usize| {
        let units = forms[rows.rows[r] as usize].units.iter().enumerate().filter(|(_, u)| !u.stamp);
        let spans = &rows.spans[starts[r]..];
        let all = units.map(|(u, unit)| (u, text(rows, spans, unit.first as usize, unit.slots as usize)));
        all.filter(|(_, v)| (3..=64).contains(&v.len())).collect::<Vec<_>>()
    };
    // Rows that have a value, and the last of them.
    let mut seen: HashMap<&[u8], (usize, usize)> = HashMap::new();
    let mut counts = vec![0usize; forms.len()];
    for r in sample() {
        counts[rows.rows[r] as usize] += 1;
        for (_, value) in values(forms, r) {
            let e = seen.entry(value).or_insert((0, usize::MAX));
            *e = (e.0 + usize::from(e.1 != r), r);
        }
    }
    // A value of every other row says nothing.
    let most = counts.iter().sum::<usize>() / 8 + 2;
    let mut scores: Vec<Vec<(usize, HashSet<&[u8]>)>> =
        forms.iter().map(|f| vec![(0, HashSet::new()); f.units.len()]).collect();
    for r in sample() {
        for (u, value) in values(forms, r) {
            if seen.get(value).is_some_and(|(n, _)| (2..=most).contains(n)) {
                let (rows, different) = &mut scores[rows.rows[r] as usize][u];
                *rows += 1;
                if different.len() < 1000 {
                    different.insert(value);
                }
            }
        }
    }
    for ((form, scores), count) in forms.iter_mut().zip(&scores).zip(counts) {
        let good = scores.iter().enumerate().filter(|(_, (n, v))| n * 2 > count && v.len() >= 2);
        form.key = good.max_by_key(|(u, (_, v))| (v.len(), usize::MAX - u)).map(|(u, _)| u as u32);
    }
}
