//! Text that is a number, or numbers between fixed literals, as one integer and back to the same bytes.

use super::columns::{same, Column};

/// Canonical decimal: no leading zero, no sign.
pub const PLAIN: u8 = 0;
/// Canonical decimal with an optional minus, zigzag coded.
pub const SIGNED: u8 = 1;
/// This plus the number of digits: zeros in front fill it.
pub const PADDED: u8 = 2;

const MAX_DIGITS: usize = 18;
/// Fields of a stamp at most, and digits of each.
pub const MAX_FIELDS: usize = 9;
const MAX_FIELD_DIGITS: usize = 9;
/// A stamp's integer stays below this.
const MAX_STAMP: u64 = 1 << 62;

/// Up to 18 digits, nothing else; leading zeros allowed.
pub fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    let mut v = 0u64;
    for &b in text {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        v = v * 10 + u64::from(d);
    }
    Some(v)
}

fn is_canonical(text: &[u8]) -> bool {
    text.len() == 1 || text[0] != b'0'
}

/// The form that fits all of some values, if there is one.
pub fn form<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<u8> {
    let (mut canonical, mut signed, mut width) = (true, false, None);
    for text in values {
        let minus = usize::from(text.first() == Some(&b'-'));
        let rest = &text[minus..];
        let v = digits(rest)?;
        signed |= minus > 0;
        canonical &= is_canonical(rest) && !(minus > 0 && v == 0);
        let w = width.get_or_insert(rest.len());
        if *w != rest.len() {
            *w = 0;
        }
    }
    match width? {
        _ if canonical => Some(if signed { SIGNED } else { PLAIN }),
        w if w > 0 && !signed => Some(PADDED + w as u8),
        _ => None,
    }
}

/// A value in a form, or `None` where it does not fit.
pub fn parse(text: &[u8], form: u8) -> Option<u64> {
    match form {
        PLAIN => digits(text).filter(|_| is_canonical(text)),
        SIGNED => {
            let minus = usize::from(text.first() == Some(&b'-'));
            let v = digits(&text[minus..]).filter(|_| is_canonical(&text[minus..]))? as i64;
            match minus {
                0 => Some(super::ints::zigzag(v)),
                _ if v == 0 => None,
                _ => Some(super::ints::zigzag(-v)),
            }
        }
        _ => digits(text).filter(|_| text.len() == usize::from(form - PADDED)),
    }
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// One to eight digits, the first one in the lowest byte.
#[inline(always)]
fn eight(w: u64, n: usize) -> Option<u64> {
    // Zeros in front.
    let fill = if n == 8 { 0 } else { ZEROS >> (8 * n) };
    let w = w << (64 - 8 * n) | fill;
    let (high, carried) =
        (w & 0xF0F0_F0F0_F0F0_F0F0, (w.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0);
    if high != ZEROS || carried != ZEROS {
        return None;
    }
    let w = w & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (w.wrapping_mul(10).wrapping_add(w >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xFFFF_FFFF)
}

#[inline(always)]
fn load(data: &[u8], at: usize) -> u64 {
    let mut w = [0u8; 8];
    w.copy_from_slice(&data[at..at + 8]);
    u64::from_le_bytes(w)
}

/// `digits` of `data[start..end]`, behind which there are more bytes.
#[inline(always)]
fn digits_at(data: &[u8], start: usize, end: usize) -> Option<u64> {
    let n = end - start;
    match n {
        1..=8 => eight(load(data, start), n),
        9..=16 => Some(eight(load(data, start), n - 8)? * 100_000_000 + eight(load(data, end - 8), 8)?),
        _ => digits(&data[start..end]),
    }
}

/// All values of a column as numbers, and the form they have.
pub fn parse_all(column: &Column, values: &mut Vec<u64>) -> Option<u8> {
    values.clear();
    values.reserve(column.len());
    let data = column.padded();
    let width = column.range(0).1;
    let (mut canonical, mut same_width) = (true, true);
    for (start, end) in column.ranges() {
        // A minus is for the slow way.
        let Some(v) = digits_at(data, start, end) else { return parse_signed(column, values) };
        canonical &= data[start] != b'0' || end - start == 1;
        same_width &= end - start == width;
        values.push(v);
    }
    match (canonical, same_width) {
        (true, _) => Some(PLAIN),
        (_, true) => Some(PADDED + width as u8),
        _ => None,
    }
}

fn parse_signed(column: &Column, values: &mut Vec<u64>) -> Option<u8> {
    let form = form(column.iter())?;
    values.clear();
    for v in column.iter() {
        values.push(parse(v, form)?);
    }
    Some(form)
}

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Bytes that `write` needs room for, a sign in front of it included.
pub const MAX_WRITTEN: usize = 32;

const fn power(n: u8) -> u64 {
    10u64.pow(n as u32)
}

/// The eight digits of a number below 10^8 as values of bytes, the first one in the lowest byte.
#[inline(always)]
fn spread(v: u32) -> u64 {
    let (high, low) = (u64::from(v / 10_000), u64::from(v % 10_000));
    let fours = high | low << 32;
    let top = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = ((fours - 100 * top) << 16) + top;
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    tens + ((pairs - 10 * tens) << 8)
}

/// Writes a number with at least `width` digits, 1 to 20, to `out[at..]`; returns how many it has.
///
/// Without a branch for a number of up to eight digits, because how many it has is mostly random. What is
/// behind them is overwritten.
#[inline(always)]
pub fn write(out: &mut [u8], at: usize, v: u64, width: usize) -> usize {
    if v < 100_000_000 && width <= 8 {
        let digits = spread(v as u32);
        let zeros = (digits.trailing_zeros() as usize / 8).min(8 - width);
        out[at..at + 8].copy_from_slice(&((digits | ZEROS) >> (8 * (zeros & 7))).to_le_bytes());
        return 8 - zeros;
    }
    write_long(out, at, v, width)
}

#[inline(never)]
fn write_long(out: &mut [u8], at: usize, v: u64, width: usize) -> usize {
    let (high, low) = (v / 100_000_000, v % 100_000_000);
    let n = match high < 100_000_000 && width <= 16 {
        true => write(out, at, high, width.max(9) - 8),
        // At most four digits more.
        false => {
            let (top, middle) = (high / 100_000_000, high % 100_000_000);
            let n = write(out, at, top, width.max(17) - 16);
            out[at + n..at + n + 8].copy_from_slice(&(spread(middle as u32) | ZEROS).to_le_bytes());
            n + 8
        }
    };
    out[at + n..at + n + 8].copy_from_slice(&(spread(low as u32) | ZEROS).to_le_bytes());
    n + 8
}

/// Appends a number with at least `width` digits.
pub fn format(out: &mut Vec<u8>, v: u64, width: usize) {
    let mut text = [0u8; MAX_WRITTEN];
    let n = write(&mut text, 0, v, width.clamp(1, 20));
    out.extend_from_slice(&text[..n]);
}

/// Appends what `parse` read; an integer that no text of the form has is an error.
pub fn unparse(out: &mut Vec<u8>, v: u64, form: u8) -> Result<(), String> {
    match form {
        PLAIN => format(out, v, 1),
        SIGNED => {
            let v = super::ints::unzigzag(v);
            if v < 0 {
                out.push(b'-');
            }
            format(out, v.unsigned_abs(), 1);
        }
        _ => format(out, v, usize::from(form - PADDED)),
    }
    Ok(())
}

/// Start and end of every run of digits.
pub fn digit_runs(text: &[u8], runs: &mut Vec<(usize, usize)>) {
    runs.clear();
    let mut at = 0;
    while at < text.len() {
        if text[at].is_ascii_digit() {
            let n = text[at..].iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len() - at);
            runs.push((at, at + n));
            at += n;
        } else {
            at += 1;
        }
    }
}

/// Literals around the runs of digits of a value: what all values of a stamp or split column share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// One more than there are fields.
    pub literals: Vec<Vec<u8>>,
}

impl Skeleton {
    pub fn of(text: &[u8], runs: &[(usize, usize)]) -> Skeleton {
        let mut literals = Vec::with_capacity(runs.len() + 1);
        let mut from = 0;
        for &(a, b) in runs {
            literals.push(text[from..a].to_vec());
            from = b;
        }
        literals.push(text[from..].to_vec());
        Skeleton { literals }
    }

    pub fn fields(&self) -> usize {
        self.literals.len() - 1
    }

    /// Start and end of each field of a value, if it has this skeleton.
    #[inline(always)]
    pub fn split(&self, text: &[u8], mut field: impl FnMut(usize, usize, usize)) -> bool {
        let mut at = self.literals[0].len();
        if at > text.len() || !same(&text[..at], &self.literals[0]) {
            return false;
        }
        for (i, literal) in self.literals[1..].iter().enumerate() {
            let from = at;
            while at < text.len() && text[at].is_ascii_digit() {
                at += 1;
            }
            if at == from {
                return false;
            }
            field(i, from, at);
            // A literal within that begins with nothing would let a run of digits go on.
            let end = at + literal.len();
            if end > text.len() || !same(&text[at..end], literal) {
                return false;
            }
            at = end;
        }
        at == text.len()
    }
}

/// How the fields of a stamp become one integer: mixed radix, the first field most significant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub skeleton: Skeleton,
    /// Per field its digits, zeros in front; 0: canonical decimal.
    pub widths: Vec<u8>,
    /// Per field one more than its largest value.
    pub radixes: Vec<u64>,
}

impl Stamp {
    /// What fits all values, and their integers; `None` where nothing does.
    pub fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<(Stamp, Vec<u64>)> {
        let mut column = Column::default();
        values.for_each(|v| column.push(v));
        let mut numbers = Vec::new();
        let stamp = Stamp::of_column(&column, &mut Vec::new(), &mut numbers)?;
        Some((stamp, numbers))
    }

    /// The same for a column; `fields` is room for what is needed on the way.
    pub fn of_column(column: &Column, fields: &mut Vec<u32>, values: &mut Vec<u64>) -> Option<Stamp> {
        let mut runs = Vec::new();
        if column.len() == 0 {
            return None;
        }
        let first = column.get(0);
        digit_runs(first, &mut runs);
        if !(2..=MAX_FIELDS).contains(&runs.len()) {
            return None;
        }
        let skeleton = Skeleton::of(first, &runs);
        let n = runs.len();
        let mut canonical = [true; MAX_FIELDS];
        let mut widths = [0usize; MAX_FIELDS];
        let mut highest = [0u64; MAX_FIELDS];
        runs.iter().enumerate().for_each(|(i, (a, b))| widths[i] = b - a);
        fields.clear();
        // Times come in runs; of each run there is one set of fields, and `values` has which.
        values.clear();
        let data = column.padded();
        let mut last = (0usize, 0usize);
        for (start, end) in column.ranges() {
            if values.is_empty() || !same(&data[start..end], &data[last.0..last.1]) {
                let mut fits = true;
                let found = skeleton.split(&data[start..end], |i, a, b| {
                    if b - a > MAX_FIELD_DIGITS {
                        fits = false;
                        return;
                    }
                    let v = digits_at(data, start + a, start + b).unwrap_or(0);
                    canonical[i] &= b - a == 1 || data[start + a] != b'0';
                    if widths[i] != b - a {
                        widths[i] = 0;
                    }
                    highest[i] = highest[i].max(v);
                    fields.push(v as u32);
                });
                if !found || !fits {
                    return None;
                }
                last = (start, end);
            }
            values.push((fields.len() / n) as u64 - 1);
        }
        let mut stamp = Stamp { skeleton, widths: Vec::new(), radixes: Vec::new() };
        let mut product = 1u64;
        for i in 0..n {
            match (widths[i], canonical[i]) {
                (0, false) => return None,
                (0, true) => stamp.widths.push(0),
                (w, _) => stamp.widths.push(w as u8),
            }
            // Seconds and minutes carry at 60, hours at 24, the rest where their digits do.
            let short = widths[i] == 2 || (widths[i] == 0 && highest[i] < 100);
            let decimal = (0..12).map(|k| 10u64.pow(k)).find(|p| *p > highest[i]).unwrap_or(u64::MAX);
            let radix = match highest[i] {
                0..24 if short && i > 0 => 24,
                24..60 if short && i > 0 => 60,
                _ => decimal.max(10),
            };
            stamp.radixes.push(radix);
            product = product.checked_mul(radix).filter(|p| *p < MAX_STAMP)?;
        }
        let mut made = (u64::MAX, 0u64);
        for v in values {
            if *v != made.0 {
                let own = &fields[*v as usize * n..][..n];
                let number =
                    own.iter().zip(&stamp.radixes).fold(0, |v, (f, radix)| v * radix + u64::from(*f));
                made = (*v, number);
            }
            *v = made.1;
        }
        Some(stamp)
    }

    /// Whether a stamp that was read is one: as many parts as fields, and no overflow.
    pub fn check(&self) -> Result<(), String> {
        let n = self.skeleton.fields();
        if n == 0 || n > MAX_FIELDS || self.widths.len() != n || self.radixes.len() != n {
            return Err(format!("a stamp of {n} fields, expected 1 to {MAX_FIELDS}"));
        }
        let product = self.radixes.iter().try_fold(1u64, |p, r| p.checked_mul(*r));
        if self.radixes.contains(&0) || product.is_none_or(|p| p >= MAX_STAMP) {
            return Err("a stamp with radixes out of range".into());
        }
        if self.widths.iter().any(|w| usize::from(*w) > MAX_FIELD_DIGITS) {
            return Err("a stamp with a field that is too wide".into());
        }
        Ok(())
    }

    /// Appends the text of an integer.
    pub fn format(&self, out: &mut Vec<u8>, mut v: u64) -> Result<(), String> {
        let mut fields = [0u64; MAX_FIELDS];
        for (i, radix) in self.radixes.iter().enumerate().rev() {
            fields[i] = v % radix;
            v /= radix;
        }
        if v != 0 {
            return Err("a stamp beyond its radixes".into());
        }
        for (i, literal) in self.skeleton.literals.iter().enumerate() {
            if i > 0 {
                format(out, fields[i - 1], usize::from(self.widths[i - 1].max(1)));
            }
            out.extend_from_slice(literal);
        }
        Ok(())
    }
}

/// Fills `out` with the last digits of a number.
#[inline(always)]
fn put_digits(out: &mut [u8], mut v: u64) {
    let (rest, pairs) = out.as_rchunks_mut::<2>();
    for pair in pairs.iter_mut().rev() {
        let digits = (v % 100) as usize * 2;
        v /= 100;
        *pair = [PAIRS[digits], PAIRS[digits + 1]];
    }
    rest.iter_mut().for_each(|digit| *digit = b'0' + (v % 10) as u8);
}

/// A stamp column being written: numbers in line order mostly differ by little.
pub struct Clock {
    stamp: Stamp,
    last: u64,
    fields: [u64; MAX_FIELDS],
    /// Where each field is in `text`, if all of them always have the same digits.
    places: Option<[usize; MAX_FIELDS]>,
    /// Text of `last`, then padding.
    text: Vec<u8>,
    padding: usize,
}

impl Clock {
    /// `stamp` was checked.
    pub fn new(stamp: Stamp, padding: usize) -> Result<Clock, String> {
        let mut places = [0usize; MAX_FIELDS];
        let mut at = 0;
        let mut fixed = true;
        for (k, (w, radix)) in stamp.widths.iter().zip(&stamp.radixes).enumerate() {
            at += stamp.skeleton.literals[k].len();
            places[k] = at;
            at += usize::from(*w);
            fixed &= *w > 0 && *radix <= power(*w);
        }
        let mut clock = Clock {
            stamp,
            last: 0,
            fields: [0; MAX_FIELDS],
            places: fixed.then_some(places),
            text: Vec::new(),
            padding,
        };
        clock.write_all()?;
        Ok(clock)
    }

    fn write_all(&mut self) -> Result<(), String> {
        self.text.clear();
        self.stamp.format(&mut self.text, self.last)?;
        self.text.resize(self.text.len() + self.padding, 0);
        Ok(())
    }

    /// The text of a number, with padding behind it.
    #[inline(always)]
    pub fn text(&mut self, v: u64) -> Result<&[u8], String> {
        if v != self.last {
            self.set(v)?;
        }
        Ok(&self.text)
    }

    fn set(&mut self, v: u64) -> Result<(), String> {
        let Some(places) = &self.places else {
            self.last = v;
            return self.write_all();
        };
        // Added, or taken away with a borrow; most fields in front stay what they are.
        let mut step = v.wrapping_sub(self.last) as i64;
        self.last = v;
        if v >= MAX_STAMP {
            return Err("a stamp beyond its radixes".into());
        }
        for k in (0..self.stamp.radixes.len()).rev() {
            let radix = self.stamp.radixes[k] as i64;
            let sum = self.fields[k] as i64 + step;
            let (carry, field) = match sum {
                _ if sum >= 0 && sum < radix => (0, sum),
                _ if sum >= 0 && sum < 2 * radix => (1, sum - radix),
                _ => (sum.div_euclid(radix), sum.rem_euclid(radix)),
            };
            self.fields[k] = field as u64;
            let at = places[k];
            put_digits(&mut self.text[at..at + usize::from(self.stamp.widths[k])], field as u64);
            step = carry;
            if step == 0 {
                return Ok(());
            }
        }
        Err("a stamp beyond its radixes".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        for text in ["0", "7", "-7", "00", "007", "-0", "-07", "999999999999999999", "", "-", "1a", "1 "] {
            if let Some(form) = form(std::iter::once(text.as_bytes())) {
                let v = parse(text.as_bytes(), form).unwrap();
                let mut out = Vec::new();
                unparse(&mut out, v, form).unwrap();
                assert_eq!(out, text.as_bytes());
            } else {
                assert!(["-0", "-07", "", "-", "1a", "1 "].contains(&text), "{text}");
            }
        }
        let mixed: [&[u8]; 2] = [b"07", b"7"];
        assert_eq!(form(mixed.into_iter()), None);
    }

    #[test]
    fn numbers_are_written_as_everywhere() {
        let mut state = 1u64;
        let mut values = vec![0, 9, 10, 99_999_999, 100_000_000, u64::MAX, 10u64.pow(16), 10u64.pow(16) - 1];
        values.extend((0..20).map(power));
        for i in 0..3000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            values.push(state >> (i % 64));
        }
        for v in values {
            for width in 1..=20 {
                let mut out = Vec::new();
                format(&mut out, v, width);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{v:0width$}"));
            }
            let text = v.to_string().into_bytes();
            let padded = [&text[..], &[b'7'; 32]].concat();
            assert_eq!(digits_at(&padded, 0, text.len()), digits(&text));
            for (at, bad) in (0..text.len()).flat_map(|at| [(at, b'/'), (at, b':'), (at, 0xb5)]) {
                let mut wrong = padded.clone();
                wrong[at] = bad;
                assert_eq!(digits_at(&wrong, 0, text.len()), None);
            }
        }
    }

    #[test]
    fn clocks_show_what_stamps_format() {
        let texts = ["2024-01-31 23:59:59.999", "2025-12-01 07:08:09.010", "5-1 23:9", "15-11 0:59"];
        let mut state = 5u64;
        for pair in texts.chunks(2) {
            let (stamp, _) = Stamp::of(pair.iter().map(|t| t.as_bytes())).unwrap();
            let most: u64 = stamp.radixes.iter().product();
            let mut clock = Clock::new(stamp.clone(), 7).unwrap();
            let mut v = 0;
            for i in 0..4000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                v = if i % 3 == 0 { (state >> 2) % most } else { (v + (state >> 60)) % most };
                let mut out = Vec::new();
                stamp.format(&mut out, v).unwrap();
                out.resize(out.len() + 7, 0);
                assert_eq!(clock.text(v).unwrap(), out);
            }
            assert!(clock.text(most).is_err());
        }
    }

    #[test]
    fn stamps_are_exact_and_carry() {
        let texts = ["2024-01-31 23:59:59.999", "2024-01-31 00:00:40.030", "2024-12-01 07:08:09.010"];
        let (stamp, values) = Stamp::of(texts.iter().map(|t| t.as_bytes())).unwrap();
        stamp.check().unwrap();
        for (text, v) in texts.iter().zip(&values) {
            let mut out = Vec::new();
            stamp.format(&mut out, *v).unwrap();
            assert_eq!(out, text.as_bytes());
        }
        let carry = ["10:59:59", "11:00:00"];
        let (_, values) = Stamp::of(carry.iter().map(|t| t.as_bytes())).unwrap();
        assert_eq!(values[1] - values[0], 1);
        let unpadded = ["1-2:3", "10-20:30"];
        let (stamp, values) = Stamp::of(unpadded.iter().map(|t| t.as_bytes())).unwrap();
        let mut out = Vec::new();
        stamp.format(&mut out, values[1]).unwrap();
        assert_eq!(out, b"10-20:30");
        for bad in [["1-02", "10-3"], ["1-2", "1-2-3"], ["a", "b"]] {
            assert!(Stamp::of(bad.iter().map(|t| t.as_bytes())).is_none(), "{bad:?}");
        }
    }
}
