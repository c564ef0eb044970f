//! Columns of numbers: steps from value to value with escapes, or byte planes; the cheaper by estimate.
//!
//! A step (or a value itself) below 248 is one byte; else the byte says how many bytes follow in the
//! stream WIDE. Planes are for numbers without locality (ports, sizes): all low bytes, then all next
//! ones, each a stretch with statistics of its own.

use super::bytes::{put_varint, Cursor};
use super::{Streams, PLANES, WIDE};

/// Values from here on are escapes: `ESCAPE - 1 + bytes`.
pub const ESCAPE: u64 = 248;

/// How a column of numbers is laid out; numbers are part of the format.
pub const VALUES: u8 = 0;
pub const STEPS_SIGNED: u8 = 1;
pub const PLANES_ABOVE: u8 = 2;
pub const BACK: u8 = 3;

pub fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

pub fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

fn width(v: u64) -> usize {
    (64 - v.leading_zeros() as usize).div_ceil(8).max(1)
}

/// Appends coded numbers.
fn put(values: impl ExactSizeIterator<Item = u64>, small: &mut Vec<u8>, wide: &mut Vec<u8>) {
    let from = small.len();
    small.resize(from + values.len(), 0);
    let mut used = wide.len();
    for (to, v) in small[from..].iter_mut().zip(values) {
        if v < ESCAPE {
            *to = v as u8;
            continue;
        }
        let n = width(v);
        *to = (ESCAPE - 1 + n as u64) as u8;
        // Eight bytes are written, and what is too much is overwritten or cut off.
        if used + 8 > wide.len() {
            wide.resize(used + 4096, 0);
        }
        wide[used..used + 8].copy_from_slice(&v.to_le_bytes());
        used += n;
    }
    wide.truncate(used);
}

#[inline(always)]
pub fn get(small: u8, wide: &mut Cursor) -> Result<u64, String> {
    if u64::from(small) < ESCAPE {
        return Ok(u64::from(small));
    }
    let n = (u64::from(small) - ESCAPE + 1) as usize;
    let mut bytes = [0u8; 8];
    bytes[..n].copy_from_slice(wide.take(n)?);
    Ok(u64::from_le_bytes(bytes))
}

/// 256 times the logarithm to base 2, the same on every machine: exact at powers of two, a line between.
pub fn log2(n: u64) -> u64 {
    if n < 2 {
        return 0;
    }
    let exponent = 63 - u64::from(n.leading_zeros());
    let fraction = if exponent >= 8 { (n >> (exponent - 8)) & 0xff } else { (n << (8 - exponent)) & 0xff };
    // The line lies below the curve by up to 0.086; this parabola follows it.
    exponent * 256 + fraction + ((fraction * (256 - fraction) * 88) >> 16)
}

/// 256 times the bits of a message with these symbol counts.
pub fn entropy(counts: &[u32]) -> u64 {
    let total: u64 = counts.iter().map(|&c| u64::from(c)).sum();
    let all = log2(total);
    counts.iter().filter(|&&c| c > 0).map(|&c| u64::from(c) * (all - log2(u64::from(c)))).sum()
}

struct Histogram {
    counts: Box<[u32; 256]>,
    extra: u64,
}

impl Histogram {
    fn new() -> Histogram {
        Histogram { counts: Box::new([0; 256]), extra: 0 }
    }

    fn add(&mut self, v: u64) {
        if v < ESCAPE {
            self.counts[v as usize] += 1;
        } else {
            let n = width(v) as u64;
            self.counts[(ESCAPE - 1 + n) as usize] += 1;
            self.extra += n * 8 * 256;
        }
    }

    fn cost(&self) -> u64 {
        entropy(&self.counts[..]) + self.extra
    }
}

/// The layout that is cheapest for a sample (runs of consecutive values), and 256 times its bits.
/// `refs`: the values are places in a list that grows, given with its length: distance from its end
/// is a layout, too.
pub fn cheapest(runs: &[&[u64]], lengths: Option<&[&[u64]]>) -> (u8, u64) {
    let (mut values, mut steps, mut back) = (Histogram::new(), Histogram::new(), Histogram::new());
    let (mut low, mut high) = (u64::MAX, 0);
    for run in runs {
        for pair in run.windows(2) {
            steps.add(zigzag(pair[1].wrapping_sub(pair[0]) as i64));
        }
        if let Some(&first) = run.first() {
            // The first of a run has no neighbour here; in the column it has.
            let last = run[run.len().min(2) - 1];
            steps.add(zigzag(last.wrapping_sub(first) as i64));
        }
        for &v in *run {
            values.add(v);
            low = low.min(v);
            high = high.max(v);
        }
    }
    let mut best = (STEPS_SIGNED, steps.cost());
    if values.cost() < best.1 {
        best = (VALUES, values.cost());
    }
    if high >= ESCAPE {
        let mut planes = 0;
        for k in 0..width(high - low) {
            let mut counts = [0u32; 256];
            for run in runs {
                run.iter().for_each(|v| counts[((v - low) >> (8 * k)) as u8 as usize] += 1);
            }
            planes += entropy(&counts);
        }
        if planes < best.1 {
            best = (PLANES_ABOVE, planes);
        }
    }
    if let Some(lengths) = lengths {
        for (run, lens) in runs.iter().zip(lengths) {
            run.iter().zip(*lens).for_each(|(v, n)| back.add(n - v));
        }
        if back.cost() < best.1 {
            best = (BACK, back.cost());
        }
    }
    best
}

/// Runs of consecutive places spread over `n` of them, at most `most` places in all.
pub fn places(n: usize, most: usize) -> Vec<std::ops::Range<usize>> {
    const RUNS: usize = 8;
    if n <= most {
        return std::iter::once(0..n).collect();
    }
    let (size, step) = (most / RUNS, (n - most / RUNS) / (RUNS - 1));
    (0..RUNS).map(|i| i * step..i * step + size).collect()
}

/// The items at these places.
fn runs<T>(values: &[T], most: usize) -> Vec<&[T]> {
    places(values.len(), most).into_iter().map(|run| &values[run]).collect()
}

/// Numbers that a layout is chosen by, at most: an eighth of all, but a quarter of this at least.
const SAMPLE: usize = 2048;

fn sample(n: usize) -> usize {
    (n / 8).clamp(SAMPLE / 4, SAMPLE)
}

/// Appends a column of numbers; small ones go to stream `small`.
pub fn put_ints(values: &[u64], table: &mut Vec<u8>, streams: &mut Streams, small: usize) {
    let (layout, _) = cheapest(&runs(values, sample(values.len())), None);
    put_layout(values, layout, None, table, streams, small);
}

/// Appends references into a list that has `lengths[i]` entries before value i; a value that is the
/// length itself adds one.
pub fn put_references(
    values: &[u64],
    lengths: &[u64],
    table: &mut Vec<u8>,
    streams: &mut Streams,
    small: usize,
) {
    let (layout, _) =
        cheapest(&runs(values, sample(values.len())), Some(&runs(lengths, sample(values.len()))));
    put_layout(values, layout, Some(lengths), table, streams, small);
}

fn put_layout(
    values: &[u64],
    layout: u8,
    lengths: Option<&[u64]>,
    table: &mut Vec<u8>,
    streams: &mut Streams,
    small: usize,
) {
    table.push(layout);
    let mut wide = std::mem::take(&mut streams[WIDE]);
    let to = &mut streams[small];
    match layout {
        VALUES => put(values.iter().copied(), to, &mut wide),
        STEPS_SIGNED => {
            let first = values.first().copied().unwrap_or(0);
            put_varint(table, first);
            let steps = values.windows(2).map(|pair| zigzag(pair[1].wrapping_sub(pair[0]) as i64));
            put(steps, to, &mut wide);
        }
        BACK => {
            let lengths = lengths.unwrap_or_default();
            put(values.iter().zip(lengths).map(|(v, n)| n - v), to, &mut wide);
        }
        _ => {
            let low = values.iter().copied().min().unwrap_or(0);
            let high = values.iter().copied().max().unwrap_or(0);
            let n = width(high - low);
            put_varint(table, low);
            table.push(n as u8);
            for k in 0..n {
                streams[PLANES].extend(values.iter().map(|v| ((v - low) >> (8 * k)) as u8));
            }
        }
    }
    streams[WIDE] = wide;
}

/// Where numbers are read from.
pub struct From<'a, 'b> {
    pub table: &'a mut Cursor<'b>,
    pub small: &'a mut Cursor<'b>,
    pub wide: &'a mut Cursor<'b>,
    pub planes: &'a mut Cursor<'b>,
}

/// Numbers that are made one after the other, when they are asked for: as they are stored they are mostly a
/// byte each, and many columns of them fit in a near cache side by side.
pub struct Ints<'a> {
    layout: u8,
    small: &'a [u8],
    wide: &'a [u8],
    wide_at: usize,
    planes: &'a [u8],
    width: usize,
    /// The value before; of planes, the lowest one.
    last: u64,
    /// The next one.
    i: usize,
}

impl Ints<'_> {
    #[inline(always)]
    fn coded(&mut self, small: u8) -> u64 {
        if u64::from(small) < ESCAPE {
            return u64::from(small);
        }
        let n = (u64::from(small) - ESCAPE + 1) as usize;
        let rest = &self.wide[self.wide_at..];
        self.wide_at += n;
        if let Some(w) = rest.first_chunk::<8>() {
            return u64::from_le_bytes(*w) << (64 - 8 * n) >> (64 - 8 * n);
        }
        let mut w = [0u8; 8];
        w[..n].copy_from_slice(&rest[..n]);
        u64::from_le_bytes(w)
    }

    /// The next number; there have to be as many as were announced.
    #[inline(always)]
    pub fn next(&mut self) -> u64 {
        let i = self.i;
        self.i += 1;
        match self.layout {
            STEPS_SIGNED => {
                if i > 0 {
                    let step = unzigzag(self.coded(self.small[i - 1]));
                    self.last = self.last.wrapping_add(step as u64);
                }
                self.last
            }
            PLANES_ABOVE => {
                let n = self.planes.len() / self.width;
                let byte = |k: usize| u64::from(self.planes[k * n + i]) << (8 * k);
                self.last.wrapping_add((0..self.width).fold(0, |v, k| v | byte(k)))
            }
            _ => self.coded(self.small[i]),
        }
    }
}

impl<'b> From<'_, 'b> {
    /// `n` numbers; `n` is bounded by the caller.
    pub fn ints(&mut self, n: usize) -> Result<Ints<'b>, String> {
        match self.table.byte()? {
            BACK => Err("numbers in layout 3, expected 0 to 2".into()),
            layout => self.of(layout, n),
        }
    }

    fn of(&mut self, layout: u8, n: usize) -> Result<Ints<'b>, String> {
        let mut ints =
            Ints { layout, small: &[], wide: &[], wide_at: 0, planes: &[], width: 1, last: 0, i: 0 };
        match layout {
            VALUES | BACK => ints.small = self.small.take(n)?,
            STEPS_SIGNED => {
                ints.last = self.table.varint()?;
                ints.small = self.small.take(n.saturating_sub(1))?;
            }
            PLANES_ABOVE => {
                ints.last = self.table.varint()?;
                ints.width = usize::from(self.table.byte()?);
                if !(1..=8).contains(&ints.width) {
                    return Err(format!("numbers of {} bytes, expected 1 to 8", ints.width));
                }
                ints.planes = self.planes.take(n.checked_mul(ints.width).ok_or("too many numbers")?)?;
            }
            other => return Err(format!("numbers in layout {other}, expected 0 to 2")),
        }
        let escaped = |b: &u8| u32::from(b.saturating_sub(ESCAPE as u8 - 1));
        let wide =
            ints.small.chunks(1 << 16).map(|part| part.iter().map(escaped).sum::<u32>() as usize).sum();
        ints.wide = self.wide.take(wide)?;
        Ok(ints)
    }

    /// Appends `n` references into a list of `have` entries that grows by one whenever its end is named;
    /// how many it has then.
    pub fn references(&mut self, n: usize, have: u64, out: &mut Vec<u32>) -> Result<u64, String> {
        let layout = self.table.byte()?;
        let mut ints = self.of(layout, n)?;
        let start = out.len();
        out.resize(start + n, 0);
        let mut list = List { have };
        if layout == BACK {
            // Most references are like this, and only they need to know the list's length on the way.
            for (to, small) in out[start..].iter_mut().zip(ints.small) {
                let back = ints.coded(*small);
                let entry = list.have.checked_sub(back);
                *to = list.named(entry.ok_or_else(|| format!("{back} entries back of {}", list.have))?)?;
            }
        } else {
            for to in &mut out[start..] {
                *to = list.named(ints.next())?;
            }
        }
        Ok(list.have)
    }
}

/// How many entries a list has that references name.
struct List {
    have: u64,
}

impl List {
    /// An entry that is there, or the next one, which then is there.
    #[inline(always)]
    fn named(&mut self, entry: u64) -> Result<u32, String> {
        if entry > self.have {
            return Err(format!("reference to entry {entry} of {}", self.have));
        }
        self.have += u64::from(entry == self.have);
        Ok(entry as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(values: &[u64]) -> usize {
        let (mut table, mut streams) = (Vec::new(), Streams::default());
        put_ints(values, &mut table, &mut streams, super::super::STEPS);
        let mut cursors: Vec<Cursor> = streams.iter().map(|s| Cursor::new(s, "s")).collect();
        let mut t = Cursor::new(&table, "table");
        let [_, _, _, steps, _, wide, planes, ..] = &mut cursors[..] else { unreachable!() };
        let mut from = From { table: &mut t, small: steps, wide, planes };
        let mut back = from.ints(values.len()).unwrap();
        values.iter().for_each(|v| assert_eq!(back.next(), *v));
        assert!(cursors.iter().all(|c| c.end().is_ok()));
        t.end().unwrap();
        usize::from(table[0])
    }

    #[test]
    fn numbers_come_back_in_every_layout() {
        assert_eq!(round(&[]), 1);
        assert_eq!(round(&[7]), 1);
        round(&[u64::MAX, 0, u64::MAX, 1 << 63]);
        let rising: Vec<u64> = (0..5000).map(|i| 1_500_000_000 + 3 * i).collect();
        assert_eq!(round(&rising), usize::from(STEPS_SIGNED));
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 33
        };
        let ports: Vec<u64> = (0..5000).map(|_| 1000 + next() % 60000).collect();
        assert_eq!(round(&ports), usize::from(PLANES_ABOVE));
        let small: Vec<u64> = (0..5000).map(|_| next() % 7 * (next() % 3)).collect();
        assert_eq!(round(&small), usize::from(VALUES));
    }

    #[test]
    fn the_logarithm_is_close() {
        for n in [1u64, 2, 3, 5, 10, 1000, 123_456_789] {
            let exact = (n as f64).log2() * 256.0;
            assert!((log2(n) as f64 - exact).abs() < 3.0, "{n}: {} {exact}", log2(n));
        }
    }
}
