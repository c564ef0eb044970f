//! Which codec a column gets: every candidate is priced on a sample, in integers, so that every machine
//! chooses alike.
//!
//! Prices are order-0 entropies in 1/256 bit. They are not what zstd or LZMA will make of the streams,
//! but they are wrong in the same way for all candidates.

use super::columns::{Column, Entries};
use super::ints::{cheapest, entropy, places};
use super::numbers::{self, digit_runs, Skeleton, Stamp};
use super::{MAX_DICTIONARY, MAX_PARTS};

/// A codec with what it needs to know about the column.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    Text,
    Dictionary,
    Number,
    Stamp,
    Pool,
    /// Runs of digits as columns of their own.
    Split(Skeleton),
    /// The last run of digits as a column of its own, and all before it.
    Tail,
}

/// Consecutive values in runs of equal length.
pub struct Sample<'a> {
    values: Vec<&'a [u8]>,
    run: usize,
    /// Values of the whole column.
    total: usize,
}

/// Values of a sample at most: an eighth of the column, but a quarter of this at least.
const SAMPLE: usize = 1536;
/// A column with a line feed in a value, or with values as long, is text and nothing else.
const MAX_VALUE: usize = 4096;

impl<'a> Sample<'a> {
    /// A sample of a column; of half the size if it has to be `quick`.
    pub fn of(column: &'a Column, quick: bool) -> Sample<'a> {
        let most = if quick { SAMPLE / 2 } else { SAMPLE };
        let runs = places(column.len(), (column.len() / 8).clamp(SAMPLE / 4, most));
        Sample {
            run: runs[0].len().max(1),
            values: runs.into_iter().flatten().map(|i| column.get(i)).collect(),
            total: column.len(),
        }
    }

    fn with(&self, values: Vec<&'a [u8]>) -> Sample<'a> {
        Sample { values, run: self.run, total: self.total }
    }

    fn ints(&self, values: &[u64]) -> u64 {
        cheapest(&values.chunks(self.run).collect::<Vec<_>>(), None).1
    }

    fn text_price(&self) -> u64 {
        let mut counts = [0u32; 256];
        let mut lengths = [0u32; 256];
        for v in &self.values {
            v.iter().for_each(|&b| counts[b as usize] += 1);
            lengths[v.len().min(255)] += 1;
        }
        // Long matches are cheaper than their letters.
        entropy(&counts) * 7 / 8 + entropy(&lengths)
    }

    /// Prices of an own dictionary, if it stays small, and of the pool.
    fn reference_prices(&self, pool: &Entries) -> (Option<u64>, u64) {
        let m = self.values.len();
        let mut own = Entries::default();
        let (mut refs, mut lengths) = (Vec::with_capacity(m), Vec::with_capacity(m));
        let (mut late, mut bytes, mut distinct) = (0usize, 0usize, Vec::new());
        for (i, v) in self.values.iter().enumerate() {
            lengths.push(own.len() as u64);
            let (number, new) = own.add(v);
            refs.push(u64::from(number));
            if new {
                late += usize::from(i >= m - m / 4);
                bytes += v.len();
                distinct.push(*v);
            }
        }
        let mut unknown = Vec::new();
        pool.find_all(&distinct, |v, known| {
            if !known {
                unknown.push(v);
            }
        });
        let known = distinct.len() - unknown.len();
        // How many there will be in the whole column, from how many came last.
        let rest = self.total - m;
        let expected = own.len() + rest * late * 4 / m.max(1);
        let scaled = |entries: usize| entries as u64 * m as u64 / self.total.max(1) as u64;
        let average = bytes as u64 * 256 / own.len().max(1) as u64;
        let mut counts = vec![0u32; own.len()];
        refs.iter().for_each(|r| counts[*r as usize] += 1);
        // Five bits a letter.
        let dictionary = (expected <= MAX_DICTIONARY && own.len() <= MAX_DICTIONARY)
            .then(|| entropy(&counts) + scaled(expected) * average * 5);
        let (values, lens): (Vec<_>, Vec<_>) =
            (refs.chunks(self.run).collect(), lengths.chunks(self.run).collect());
        let references = cheapest(&values, Some(&lens)).1;
        let new_share = self.with(unknown).text_price();
        // What the pool has is a reference of about 10 bits that steps alone would not show.
        let expected_new = if own.len() > late || rest == 0 { scaled(expected).max(1) } else { m as u64 };
        let texts = new_share * expected_new.min(own.len() as u64) / own.len().max(1) as u64;
        (dictionary, references + texts + known as u64 * 4 * 256)
    }

    /// Codecs from the cheapest on; text comes last at the latest, and fits everything.
    pub fn plans(&self, pool: &Entries, depth: u32) -> Vec<(u64, Plan)> {
        let text = self.text_price();
        let mut found = vec![(text, Plan::Text)];
        if self.values.iter().any(|v| v.len() > MAX_VALUE) {
            return found;
        }
        let (dictionary, references) = self.reference_prices(pool);
        if let Some(price) = dictionary {
            found.push((price, Plan::Dictionary));
        }
        let long = self.values.iter().map(|v| v.len()).sum::<usize>() >= 4 * self.values.len();
        if long {
            found.push((references, Plan::Pool));
        }
        if let Some(form) = numbers::form(self.values.iter().copied()) {
            let parsed: Option<Vec<u64>> = self.values.iter().map(|v| numbers::parse(v, form)).collect();
            if let Some(ints) = parsed {
                found.push((self.ints(&ints), Plan::Number));
            }
        } else if depth == 0 {
            if let Some((_, ints)) = Stamp::of(self.values.iter().copied()) {
                found.push((self.ints(&ints), Plan::Stamp));
            }
            found.extend(self.split(pool, depth));
            found.extend(self.tail(pool, depth));
        }
        // Long values that come again somewhere else are worth their place in the pool.
        found.sort_by_key(|(price, plan)| (*price, *plan == Plan::Text));
        found
    }

    fn cheapest(&self, pool: &Entries, depth: u32) -> u64 {
        let first = self.values.first().copied().unwrap_or_default();
        if self.values.iter().all(|v| *v == first) {
            return 0;
        }
        self.plans(pool, depth)[0].0
    }

    fn split(&self, pool: &Entries, depth: u32) -> Option<(u64, Plan)> {
        let mut runs = Vec::new();
        digit_runs(self.values.first()?, &mut runs);
        if !(1..=MAX_PARTS).contains(&runs.len()) {
            return None;
        }
        let skeleton = Skeleton::of(self.values[0], &runs);
        let mut parts: Vec<Vec<&[u8]>> = vec![Vec::with_capacity(self.values.len()); runs.len()];
        if !self.values.iter().all(|v| skeleton.split(v, |i, a, b| parts[i].push(&v[a..b]))) {
            return None;
        }
        let price = parts.into_iter().map(|p| self.with(p).cheapest(pool, depth + 1)).sum();
        Some((price, Plan::Split(skeleton)))
    }

    fn tail(&self, pool: &Entries, depth: u32) -> Option<(u64, Plan)> {
        let mut parts = (Vec::with_capacity(self.values.len()), Vec::with_capacity(self.values.len()));
        for v in &self.values {
            let (head, digits) = cut_tail(v)?;
            parts.0.push(head);
            parts.1.push(digits);
        }
        let price =
            self.with(parts.0).cheapest(pool, depth + 1) + self.with(parts.1).cheapest(pool, depth + 1);
        Some((price, Plan::Tail))
    }
}

/// A value before and from its last run of digits on, where it ends with one and has more.
pub fn cut_tail(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = value.iter().rposition(|b| !b.is_ascii_digit())? + 1;
    (at < value.len()).then(|| value.split_at(at))
}
