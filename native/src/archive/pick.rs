//! Chosen rows of a block that was opened in stages: only their values are made, only they are rendered.

use super::numbers::{self, Skeleton, Stamp};
use super::parts::{Lack, Parts};
use super::reading::{Reader, References, TextReader};
use super::select::{Spec, View};
use super::{INDEX, TEXT};

/// Bytes that are copied at once; both sides are padded by as many.
const BLOCK: usize = 32;
const NONE: u32 = u32::MAX;
/// Rows that are made at a time, so that their values are still near when they are copied.
const BATCH: usize = 4096;

/// Values of a column, as places in the arena.
enum Values {
    Same((u32, u32)),
    Each(Vec<(u32, u32)>),
}

impl Values {
    fn get(&self, i: usize) -> (u32, u32) {
        match self {
            Values::Same(range) => *range,
            Values::Each(ranges) => ranges[i],
        }
    }
}

/// How the number of a slot's value in its column is found.
#[derive(Clone, Copy)]
enum Place {
    /// Every row has one: the row's number.
    Row,
    /// No other template has the column: rows of this template so far, times its values in a row.
    Own(u32),
    /// By counting.
    Counted,
}

/// Which value of each column belongs to which row, for those who do not go through all of them.
pub struct Places {
    /// For each template and slot: column, way, and how many of this column come before in the row.
    slots: Vec<Vec<(u32, Place, u32)>>,
    /// For each template the columns that have to be counted, and values a row has.
    counted: Vec<Vec<(u32, u32)>>,
    next: Vec<u32>,
    seen: Vec<u32>,
    row: usize,
}

impl Places {
    /// `wanted` says which columns will be asked for.
    pub fn new(view: &View, wanted: &[bool]) -> Places {
        let used: Vec<usize> = (0..view.templates.len()).filter(|t| view.uses[*t] > 0).collect();
        let n = view.counts.len();
        // In how many used templates a column is, and in how many exactly once.
        let (mut within, mut once, mut owner) = (vec![0usize; n], vec![0usize; n], vec![0u32; n]);
        let mut times = vec![0u32; n];
        for &t in &used {
            view.columns[t].iter().for_each(|&c| times[c as usize] += 1);
            for &c in &view.columns[t] {
                let c = c as usize;
                if times[c] > 0 {
                    within[c] += 1;
                    once[c] += usize::from(times[c] == 1);
                    owner[c] = times[c];
                    times[c] = 0;
                }
            }
        }
        let way = |c: usize| match (within[c], once[c]) {
            (w, o) if w == used.len() && o == w => Place::Row,
            (1, _) => Place::Own(owner[c]),
            _ => Place::Counted,
        };
        let mut slots = Vec::with_capacity(view.columns.len());
        let mut counted = Vec::with_capacity(view.columns.len());
        for columns in &view.columns {
            let mut own = Vec::with_capacity(columns.len());
            let mut list: Vec<(u32, u32)> = Vec::new();
            for &c in columns {
                own.push((c, way(c as usize), times[c as usize]));
                times[c as usize] += 1;
            }
            for &c in columns {
                let k = std::mem::take(&mut times[c as usize]);
                if k > 0 && wanted[c as usize] && matches!(way(c as usize), Place::Counted) {
                    list.push((c, k));
                }
            }
            slots.push(own);
            counted.push(list);
        }
        Places { slots, counted, next: vec![0; n], seen: vec![0; view.templates.len()], row: 0 }
    }

    /// The value's number for slot k of the row that comes next, which has template t.
    #[inline(always)]
    pub fn of(&self, t: usize, k: usize) -> (u32, u32) {
        let (c, way, before) = self.slots[t][k];
        let i = match way {
            Place::Row => self.row as u32,
            Place::Own(times) => self.seen[t] * times + before,
            Place::Counted => self.next[c as usize] + before,
        };
        (c, i)
    }

    /// Whether every row has one value of the column in slot k of template t.
    pub fn is_row(&self, t: usize, k: usize) -> bool {
        matches!(self.slots[t][k].1, Place::Row)
    }

    /// Goes to a row; only such columns can be asked for then.
    pub fn go_to(&mut self, row: usize) {
        self.row = row;
    }

    /// Goes past a row of template t.
    #[inline(always)]
    pub fn pass(&mut self, t: usize) {
        self.row += 1;
        self.seen[t] += 1;
        for &(c, k) in &self.counted[t] {
            self.next[c as usize] += k;
        }
    }
}

/// A column from which growing places are taken.
enum Taker<'a> {
    Nothing,
    Same((u32, u32)),
    Text(TextReader<'a>),
    Dictionary { entries: Vec<(u32, u32)>, index: &'a [u8] },
    Number { form: u8, ints: Reader<'a> },
    Stamp { stamp: Stamp, ints: Reader<'a> },
    Known { refs: &'a [u32], pool: &'a [(u32, u32)] },
    Pool { refs: References<'a>, next: usize, last: u32, pool: &'a [(u32, u32)] },
    Split { literals: Vec<(usize, usize)>, parts: Vec<Taker<'a>> },
}

fn short((a, b): (usize, usize)) -> (u32, u32) {
    (a as u32, b as u32)
}

impl<'a> Taker<'a> {
    fn new(parts: &'a Parts, view: &'a View, spec: &'a Spec) -> Result<Taker<'a>, Lack> {
        Ok(match spec {
            Spec::Nothing => Taker::Nothing,
            Spec::Constant { at, len } => Taker::Same(short((*at, at + len))),
            Spec::Text(texts) => Taker::Text(TextReader::new(parts, texts)?),
            Spec::Dictionary { entries, index } => {
                let mut ranges = Vec::with_capacity(entries.n);
                entries.each(parts, |a, b| ranges.push(short((a, b))))?;
                Taker::Dictionary { entries: ranges, index: &parts.get(INDEX)?[*index..] }
            }
            Spec::Number { form, ints } => Taker::Number { form: *form, ints: Reader::new(parts, ints)? },
            Spec::Stamp { literals, widths, radixes, ints } => Taker::Stamp {
                stamp: stamp(parts, literals, widths, radixes)?,
                ints: Reader::new(parts, ints)?,
            },
            Spec::Pool { refs: Some(refs), .. } => Taker::Known { refs, pool: view.pool(parts)? },
            Spec::Pool { ints, before, refs: None, .. } => {
                let refs = References { ints: Reader::new(parts, ints)?, have: *before as u64 };
                Taker::Pool { refs, next: 0, last: 0, pool: view.pool(parts)? }
            }
            Spec::Split { literals, parts: split } => Taker::Split {
                literals: literals.clone(),
                parts: split.iter().map(|spec| Taker::new(parts, view, spec)).collect::<Result<_, _>>()?,
            },
        })
    }

    /// Values at places that grow, from one call to the next, too; made ones at the arena's end.
    fn take(&mut self, places: &[u32], arena: &mut Vec<u8>, most: usize) -> Result<Values, Lack> {
        let mut ranges: Vec<(u32, u32)> = Vec::with_capacity(places.len());
        match self {
            Taker::Nothing => return Err("a value of a column without any".into()),
            Taker::Same(range) => return Ok(Values::Same(*range)),
            Taker::Text(texts) => {
                for &i in places {
                    ranges.push(short(texts.at(i as usize)?));
                }
            }
            Taker::Dictionary { entries, index } => {
                for &i in places {
                    let entry = index.get(i as usize).and_then(|e| entries.get(usize::from(*e)));
                    ranges.push(*entry.ok_or("an index beyond its dictionary")?);
                }
            }
            Taker::Number { form, ints } => {
                for &i in places {
                    let start = arena.len();
                    numbers::unparse(arena, ints.at(i as usize)?, *form)?;
                    ranges.push(short((start, arena.len())));
                }
            }
            Taker::Stamp { stamp, ints } => {
                let mut last = (u64::MAX, (0, 0));
                for &i in places {
                    let v = ints.at(i as usize)?;
                    // Lines often have the time of the line before.
                    if last.0 != v {
                        let start = arena.len();
                        stamp.format(arena, v)?;
                        last = (v, short((start, arena.len())));
                        if arena.len() > most {
                            return Err("values are longer than the block".into());
                        }
                    }
                    ranges.push(last.1);
                }
            }
            Taker::Known { refs, pool } => {
                for &i in places {
                    let entry = refs.get(i as usize).and_then(|r| pool.get(*r as usize));
                    ranges.push(*entry.ok_or("an entry beyond the pool")?);
                }
            }
            Taker::Pool { refs, next, last, pool } => {
                for &i in places {
                    while *next <= i as usize {
                        *last = refs.read()?;
                        *next += 1;
                    }
                    ranges.push(*pool.get(*last as usize).ok_or("an entry beyond the pool")?);
                }
            }
            Taker::Split { literals, parts } => {
                let values = parts
                    .iter_mut()
                    .map(|part| part.take(places, arena, most))
                    .collect::<Result<Vec<_>, _>>()?;
                for i in 0..places.len() {
                    let start = arena.len();
                    for (k, (at, len)) in literals.iter().enumerate() {
                        if let Some(value) = k.checked_sub(1).map(|k| values[k].get(i)) {
                            arena.extend_from_within(value.0 as usize..value.1 as usize);
                        }
                        arena.extend_from_within(*at..at + len);
                    }
                    ranges.push(short((start, arena.len())));
                    if arena.len() > most {
                        return Err("values are longer than the block".into());
                    }
                }
            }
        }
        Ok(Values::Each(ranges))
    }
}

/// The stamp whose literals lie in TEXT.
pub fn stamp(
    parts: &Parts,
    literals: &[(usize, usize)],
    widths: &[u8],
    radixes: &[u64],
) -> Result<Stamp, Lack> {
    let literals = literals
        .iter()
        .map(|(at, n)| Ok(parts.slice(TEXT, *at, *n)?.to_vec()))
        .collect::<Result<_, Lack>>()?;
    Ok(Stamp { skeleton: Skeleton { literals }, widths: widths.to_vec(), radixes: radixes.to_vec() })
}

#[inline(always)]
fn copy(to: &mut [u8], at: usize, from: &[u8], start: usize, n: usize) {
    let mut done = 0;
    loop {
        let piece: &[u8; BLOCK] = from[start + done..start + done + BLOCK].try_into().unwrap_or(&[0; BLOCK]);
        to[at + done..at + done + BLOCK].copy_from_slice(piece);
        done += BLOCK;
        if done >= n {
            return;
        }
    }
}

/// The bytes of some rows (growing numbers), one after the other.
pub fn rows(parts: &Parts, view: &View, chosen: &[u32]) -> Result<Vec<u8>, Lack> {
    let Some(&last) = chosen.last() else { return Ok(Vec::new()) };
    let rows = view.rows(parts)?;
    if last as usize >= rows.len() || !chosen.is_sorted() {
        return Err("rows that are not there".into());
    }
    let mut wanted = vec![false; view.counts.len()];
    let mut used = vec![false; view.templates.len()];
    for &row in chosen {
        used[rows[row as usize] as usize] = true;
    }
    for (columns, _) in view.columns.iter().zip(&used).filter(|(_, used)| **used) {
        columns.iter().for_each(|c| wanted[*c as usize] = true);
    }
    // What is lacking is told before work is done that would have to be done again.
    let mut lacking = Vec::new();
    for (spec, _) in view.specs.iter().zip(&wanted).filter(|(_, wanted)| **wanted) {
        match spec.needs(parts, &view.added) {
            Err(Lack::Streams(more)) => lacking.extend(more),
            other => other?,
        }
    }
    if !lacking.is_empty() {
        lacking.sort_unstable();
        lacking.dedup();
        return Err(Lack::Streams(lacking));
    }
    let mut takers: Vec<Taker> = Vec::with_capacity(wanted.len());
    for (spec, &wanted) in view.specs.iter().zip(&wanted) {
        takers.push(if wanted { Taker::new(parts, view, spec)? } else { Taker::Nothing });
    }
    // The texts, the literals, and behind them what is made for some rows at a time.
    let mut arena = parts.raw(TEXT).to_vec();
    // No text at all may have been needed; places of empty ones lie in it, though.
    arena.resize(parts.sizes[TEXT], 0);
    let mut programs: Vec<Vec<(u32, u32, u32)>> = vec![Vec::new(); view.templates.len()];
    for (t, template) in view.templates.iter().enumerate().filter(|(t, _)| used[*t]) {
        for (k, literal) in template.literals.iter().enumerate() {
            let column = view.columns[t].get(k).copied().unwrap_or(NONE);
            programs[t].push((arena.len() as u32, literal.len() as u32, column));
            arena.extend_from_slice(literal);
        }
    }
    let fixed = arena.len();
    let mut places = Places::new(view, &wanted);
    let mut numbers: Vec<Vec<u32>> = vec![Vec::new(); view.counts.len()];
    let mut values: Vec<Values> = takers.iter().map(|_| Values::Each(Vec::new())).collect();
    let mut next = vec![0usize; values.len()];
    let mut out: Vec<u8> = Vec::new();
    let (mut seen, mut at) = (0usize, 0usize);
    for batch in chosen.chunks(BATCH) {
        numbers.iter_mut().for_each(Vec::clear);
        for &row in batch {
            while seen < row as usize {
                places.pass(rows[seen] as usize);
                seen += 1;
            }
            let t = rows[seen] as usize;
            for k in 0..view.columns[t].len() {
                let (c, i) = places.of(t, k);
                numbers[c as usize].push(i);
            }
        }
        arena.truncate(fixed);
        for ((taker, places), values) in takers.iter_mut().zip(&numbers).zip(&mut values) {
            if !places.is_empty() {
                *values = taker.take(places, &mut arena, fixed + 2 * view.raw_len + 64)?;
            }
        }
        arena.resize(arena.len() + BLOCK, 0);
        let templates = batch.iter().map(|row| rows[*row as usize]);
        at = render(view, templates, &programs, &values, &arena, &mut next, &mut out, at)?;
        next.fill(0);
    }
    out.truncate(at);
    Ok(out)
}

/// Appends rows, literals and values in turn; returns where they end.
#[allow(clippy::too_many_arguments)]
fn render(
    view: &View,
    templates: impl Iterator<Item = u32>,
    programs: &[Vec<(u32, u32, u32)>],
    values: &[Values],
    arena: &[u8],
    next: &mut [usize],
    out: &mut Vec<u8>,
    mut at: usize,
) -> Result<usize, Lack> {
    for t in templates {
        for &(start, n, column) in &programs[t as usize] {
            let value = if column == NONE {
                (0, 0)
            } else {
                let i = &mut next[column as usize];
                *i += 1;
                values[column as usize].get(*i - 1)
            };
            let (n, more) = (n as usize, (value.1 - value.0) as usize);
            if at + n + more > view.raw_len {
                return Err(format!("the rows are longer than the block's {} bytes", view.raw_len).into());
            }
            if at + n + more + 2 * BLOCK > out.len() {
                let least = at + n + more + 2 * BLOCK;
                out.resize(least.max(2 * out.len()).min(view.raw_len + 2 * BLOCK).max(1 << 12), 0);
            }
            copy(out, at, arena, start as usize, n);
            at += n;
            if more > 0 {
                copy(out, at, arena, value.0 as usize, more);
                at += more;
            }
        }
    }
    Ok(at)
}
