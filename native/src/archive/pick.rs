//! Chosen rows of a block that was opened in stages: only their values are made, only they are rendered.

use super::numbers::{self, Skeleton, Stamp};
use super::select::{Lack, Parts, Spec, View};
use super::{INDEX, TEXT};

/// Bytes that are copied at once; both sides are padded by as many.
const BLOCK: usize = 32;
const NONE: u32 = u32::MAX;

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

struct Picker<'a> {
    parts: &'a Parts,
    view: &'a View,
    /// TEXT, then what was made.
    arena: Vec<u8>,
    limit: usize,
}

impl Picker<'_> {
    fn made(
        &mut self,
        values: &[u64],
        write: impl Fn(&mut Vec<u8>, u64) -> Result<(), String>,
    ) -> Result<Values, Lack> {
        let mut ranges = Vec::with_capacity(values.len());
        for &v in values {
            let start = self.arena.len();
            write(&mut self.arena, v)?;
            ranges.push((start as u32, self.arena.len() as u32));
            self.check()?;
        }
        Ok(Values::Each(ranges))
    }

    fn check(&self) -> Result<(), Lack> {
        if self.arena.len() > self.limit {
            return Err("values are longer than the block".into());
        }
        Ok(())
    }

    fn values(&mut self, spec: &Spec, places: &[u32]) -> Result<Values, Lack> {
        let short = |(a, b): (usize, usize)| (a as u32, b as u32);
        Ok(match spec {
            Spec::Nothing => Values::Each(Vec::new()),
            Spec::Constant { at, len } => Values::Same(short((*at, at + len))),
            Spec::Text(texts) => Values::Each(texts.at(self.parts, places)?.into_iter().map(short).collect()),
            Spec::Dictionary { entries, index } => {
                let mut ranges = Vec::new();
                entries.each(self.parts, |a, b| ranges.push(short((a, b))))?;
                let index = self.parts.slice(INDEX, *index, places.last().map_or(0, |i| *i as usize + 1))?;
                let found: Option<Vec<(u32, u32)>> =
                    places.iter().map(|&i| ranges.get(usize::from(index[i as usize])).copied()).collect();
                Values::Each(found.ok_or("an index beyond its dictionary")?)
            }
            Spec::Number { form, ints } => {
                let values = ints.at(self.parts, places)?;
                self.made(&values, |out, v| numbers::unparse(out, v, *form))?
            }
            Spec::Stamp { literals, widths, radixes, ints } => {
                let stamp = stamp(self.parts, literals, widths, radixes)?;
                let values = ints.at(self.parts, places)?;
                self.made(&values, |out, v| stamp.format(out, v))?
            }
            Spec::Pool(refs) => {
                let view = self.view;
                Values::Each(places.iter().map(|&i| view.pool[refs[i as usize] as usize]).collect())
            }
            Spec::Split { literals, parts } => {
                let values = parts.iter().map(|p| self.values(p, places)).collect::<Result<Vec<_>, _>>()?;
                let mut ranges = Vec::with_capacity(places.len());
                for i in 0..places.len() {
                    let start = self.arena.len();
                    for (k, (at, len)) in literals.iter().enumerate() {
                        if let Some(value) = k.checked_sub(1).map(|k| values[k].get(i)) {
                            self.arena.extend_from_within(value.0 as usize..value.1 as usize);
                        }
                        self.arena.extend_from_within(*at..at + len);
                    }
                    self.check()?;
                    ranges.push(short((start, self.arena.len())));
                }
                Values::Each(ranges)
            }
        })
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
    if last as usize >= view.rows.len() || !chosen.is_sorted() {
        return Err("rows that are not there".into());
    }
    let mut wanted = vec![false; view.counts.len()];
    let mut used = vec![false; view.templates.len()];
    for &row in chosen {
        used[view.rows[row as usize] as usize] = true;
    }
    for (columns, _) in view.columns.iter().zip(&used).filter(|(_, used)| **used) {
        columns.iter().for_each(|c| wanted[*c as usize] = true);
    }
    let mut places = Places::new(view, &wanted);
    let mut numbers: Vec<Vec<u32>> = vec![Vec::new(); view.counts.len()];
    let mut at = 0usize;
    for &row in chosen {
        while at < row as usize {
            places.pass(view.rows[at] as usize);
            at += 1;
        }
        let t = view.rows[at] as usize;
        for k in 0..view.columns[t].len() {
            let (c, i) = places.of(t, k);
            numbers[c as usize].push(i);
        }
    }
    // What is lacking is told before work is done that would have to be done again.
    let specs = || view.specs.iter().zip(&numbers).filter(|(_, n)| !n.is_empty()).map(|(spec, _)| spec);
    specs().try_for_each(|spec| spec.needs(parts))?;
    let text = parts.get(TEXT)?;
    let limit = text.len() + 2 * view.raw_len + 64;
    let mut picker = Picker { parts, view, arena: text.to_vec(), limit };
    let mut values = Vec::with_capacity(numbers.len());
    for (spec, numbers) in view.specs.iter().zip(&numbers) {
        values.push(if numbers.is_empty() {
            Values::Each(Vec::new())
        } else {
            picker.values(spec, numbers)?
        });
    }
    let mut arena = picker.arena;
    let mut programs: Vec<Vec<(u32, u32, u32)>> = vec![Vec::new(); view.templates.len()];
    for (t, template) in view.templates.iter().enumerate().filter(|(t, _)| used[*t]) {
        for (k, literal) in template.literals.iter().enumerate() {
            let column = view.columns[t].get(k).copied().unwrap_or(NONE);
            programs[t].push((arena.len() as u32, literal.len() as u32, column));
            arena.extend_from_slice(literal);
        }
    }
    arena.resize(arena.len() + BLOCK, 0);
    let mut next = vec![0usize; values.len()];
    let mut total = 0usize;
    for &row in chosen {
        for &(_, n, column) in &programs[view.rows[row as usize] as usize] {
            total += n as usize;
            if column != NONE {
                let i = &mut next[column as usize];
                let (a, b) = values[column as usize].get(*i);
                *i += 1;
                total += (b - a) as usize;
            }
        }
        if total > view.raw_len {
            return Err(format!("the rows are longer than the block's {} bytes", view.raw_len).into());
        }
    }
    next.fill(0);
    let mut out = vec![0u8; total + BLOCK];
    let mut at = 0usize;
    for &row in chosen {
        for &(start, n, column) in &programs[view.rows[row as usize] as usize] {
            let value = if column == NONE {
                (0, 0)
            } else {
                let i = &mut next[column as usize];
                *i += 1;
                values[column as usize].get(*i - 1)
            };
            let (n, more) = (n as usize, (value.1 - value.0) as usize);
            copy(&mut out, at, &arena, start as usize, n);
            at += n;
            if more > 0 {
                copy(&mut out, at, &arena, value.0 as usize, more);
                at += more;
            }
        }
    }
    out.truncate(total);
    Ok(out)
}
