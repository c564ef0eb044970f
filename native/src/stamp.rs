//! Time stamps as integers and back, byte for byte.
//!
//! `read` recognises the forms below at the beginning of a value and says what is left over (a zone);
//! `Stamp::write` gives the same bytes again. What is not in canonical form (a 61st second, a wrong day of
//! the week, 30 February) is no stamp but text. A form without a year counts in the leap year 1972.

/// The forms, tried in this order. `Y` year, `y` its last two digits, `m` month, `b` its English
/// abbreviation, `d` day, `e` day padded with a blank, `a` day of the week, `H M S` of two digits, `h i s`
/// without leading zeros, `#` a fraction of 1 to 9 digits, `n` milliseconds without leading zeros, `E` `K`
/// `U` seconds, milliseconds and microseconds since 1970; anything else is itself.
pub const FORMS: [&[u8]; 47] = [
    b"Y-m-d H:M:S,#",
    b"Y-m-d H:M:S.#",
    b"Y-m-d H:M:S",
    b"Y-m-dTH:M:S.#",
    b"Y-m-dTH:M:S,#",
    b"Y-m-dTH:M:S",
    b"Y-m-d-H.M.S.#",
    b"Y-m-d",
    b"Y/m/d H:M:S.#",
    b"Y/m/d H:M:S",
    b"Y/m/d",
    b"Y.m.d H:M:S.#",
    b"Y.m.d H:M:S",
    b"Y.m.d",
    b"y/m/d H:M:S",
    b"y-m-d H:M:S",
    b"Ymd-h:i:s:n",
    b"YmdTHMS",
    b"Ymd HMS",
    b"Ymd H:M:S.#",
    b"Ymd H:M:S",
    b"ymd HMS",
    b"ymd H:M:S",
    b"m-d H:M:S.#",
    b"m.d H:M:S",
    b"m/d H:M:S",
    b"m/d/Y H:M:S",
    b"d/b/Y:H:M:S",
    b"d/b/Y H:M:S",
    b"d b Y H:M:S.#",
    b"d b Y H:M:S",
    b"d b H:M:S.#",
    b"d-b-Y H:M:S",
    b"d.m.Y H:M:S",
    b"a b d H:M:S.# Y",
    b"a b d H:M:S Y",
    b"a b e H:M:S Y",
    b"b d H:M:S",
    b"b e H:M:S",
    b"b d, Y H:M:S",
    b"H:M:S,#",
    b"H:M:S.#",
    b"H:M:S",
    b"E.#",
    b"U",
    b"K",
    b"E",
];

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const NO_YEAR: i64 = 1972;
/// The longest text that is a stamp.
pub const MAX_STAMP: usize = 48;
const MAX_TAIL: usize = 7;

/// A form, and how many digits its fraction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub form: u8,
    pub digits: u8,
}

#[derive(Clone, Copy, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    weekday: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
    epoch: Option<i64>,
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * m + 2) / 5 + 1)
}

/// A number of exactly `n` digits.
fn fixed(text: &mut &[u8], n: usize) -> Option<i64> {
    let (head, tail) = text.split_at_checked(n)?;
    let value =
        head.iter().try_fold(0i64, |v, b| b.is_ascii_digit().then(|| v * 10 + i64::from(b - b'0')))?;
    *text = tail;
    Some(value)
}

/// A number of at most `n` digits without leading zeros.
fn natural(text: &mut &[u8], n: usize) -> Option<i64> {
    let digits = text.iter().take(n).take_while(|b| b.is_ascii_digit()).count();
    let leading = digits > 1 && text[0] == b'0';
    if digits == 0 || leading || text.get(digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    fixed(text, digits)
}

fn name(text: &mut &[u8], names: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_at_checked(3)?;
    let found = names.chunks(3).position(|n| n == head)?;
    *text = tail;
    Some(found as i64)
}

fn below(value: i64, limit: i64) -> Option<i64> {
    (value < limit).then_some(value)
}

impl Stamp {
    /// The integer of `text`, and how much of the text it is.
    pub fn read(self, text: &[u8]) -> Option<(i64, usize)> {
        let (stamp, value, used) = read_form(self.form, text)?;
        (stamp == self).then_some((value, used))
    }

    /// Appends the text of an integer; `None` if there is none.
    pub fn write(self, value: i64, out: &mut Vec<u8>) -> Option<()> {
        let form = FORMS.get(self.form as usize)?;
        let unit = 10i64.checked_pow(u32::from(self.digits.min(9)))?;
        let (time, fraction) = (value.div_euclid(unit), value.rem_euclid(unit));
        let dated = form.iter().any(|b| b"mb".contains(b));
        let clocked = form.iter().any(|b| b"HhEKU".contains(b));
        let (days, second) =
            if clocked { (time.div_euclid(86_400), time.rem_euclid(86_400)) } else { (time, 0) };
        // Years of four digits.
        if !(-719_528..2_932_897).contains(&days) {
            return None;
        }
        let (year, month, day) = civil_from_days(days);
        let (yeared, short) = (form.contains(&b'Y'), form.contains(&b'y'));
        let wrong = dated && !yeared && !short && year != NO_YEAR || short && !(1970..2070).contains(&year);
        if wrong || !dated && clocked && form.contains(&b'H') && days != 0 {
            return None;
        }
        let digits = |out: &mut Vec<u8>, v: i64, n: usize| {
            let at = out.len();
            out.resize(at + n, b'0');
            let mut v = v;
            for b in out[at..].iter_mut().rev() {
                *b = b'0' + (v % 10) as u8;
                v /= 10;
            }
        };
        let plain = |out: &mut Vec<u8>, v: i64| out.extend_from_slice(v.to_string().as_bytes());
        for &item in form.iter() {
            match item {
                b'Y' => digits(out, year, 4),
                b'y' => digits(out, year % 100, 2),
                b'm' => digits(out, month, 2),
                b'b' => out.extend_from_slice(&MONTHS[(month as usize - 1) * 3..month as usize * 3]),
                b'a' => {
                    let at = days.rem_euclid(7) as usize * 3;
                    out.extend_from_slice(&DAYS[at..at + 3]);
                }
                b'd' => digits(out, day, 2),
                b'e' if day < 10 => out.extend_from_slice(&[b' ', b'0' + day as u8]),
                b'e' => digits(out, day, 2),
                b'H' => digits(out, second / 3600, 2),
                b'M' => digits(out, second / 60 % 60, 2),
                b'S' => digits(out, second % 60, 2),
                b'h' => plain(out, second / 3600),
                b'i' => plain(out, second / 60 % 60),
                b's' => plain(out, second % 60),
                b'n' => plain(out, fraction),
                b'#' => digits(out, fraction, self.digits as usize),
                b'E' => plain(out, time),
                b'K' | b'U' => plain(out, value),
                other => out.push(other),
            }
        }
        Some(())
    }
}

/// (stamp, integer, bytes used), the rest of the text being a zone or nothing.
fn read_form(form: u8, text: &[u8]) -> Option<(Stamp, i64, usize)> {
    let mut p = Parts::default();
    let mut rest = text;
    let mut digits = 0u8;
    let items = FORMS.get(form as usize)?;
    for &item in items.iter() {
        match item {
            b'Y' => p.year = Some(fixed(&mut rest, 4)?),
            b'y' => {
                let y = fixed(&mut rest, 2)?;
                p.year = Some(if y < 70 { 2000 + y } else { 1900 + y });
            }
            b'm' => p.month = Some(fixed(&mut rest, 2)?),
            b'b' => p.month = Some(name(&mut rest, MONTHS)? + 1),
            b'a' => p.weekday = Some(name(&mut rest, DAYS)?),
            b'd' => p.day = Some(fixed(&mut rest, 2)?),
            b'e' => {
                let (first, tail) = rest.split_first()?;
                if *first == b' ' {
                    rest = tail;
                    p.day = Some(fixed(&mut rest, 1)?);
                } else {
                    p.day = Some(fixed(&mut rest, 2).filter(|d| *d >= 10)?);
                }
            }
            b'H' => p.hour = below(fixed(&mut rest, 2)?, 24)?,
            b'M' => p.minute = below(fixed(&mut rest, 2)?, 60)?,
            b'S' => p.second = below(fixed(&mut rest, 2)?, 60)?,
            b'h' => p.hour = below(natural(&mut rest, 2)?, 24)?,
            b'i' => p.minute = below(natural(&mut rest, 2)?, 60)?,
            b's' => p.second = below(natural(&mut rest, 2)?, 60)?,
            b'n' => {
                p.fraction = natural(&mut rest, 3)?;
                digits = 3;
            }
            b'#' => {
                let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                if !(1..=9).contains(&n) {
                    return None;
                }
                p.fraction = fixed(&mut rest, n)?;
                digits = n as u8;
            }
            b'E' | b'K' | b'U' => {
                let n = match item {
                    b'E' => 10,
                    b'K' => 13,
                    _ => 16,
                };
                p.epoch = Some(natural(&mut rest, n).filter(|e| *e >= 10i64.pow(n as u32 - 1))?);
                match item {
                    b'K' => (digits, p.fraction) = (3, p.epoch? % 1000),
                    b'U' => (digits, p.fraction) = (6, p.epoch? % 1_000_000),
                    _ => {}
                }
                p.epoch = Some(p.epoch? / 10i64.pow(u32::from(digits)));
            }
            other => {
                let (first, tail) = rest.split_first()?;
                if *first != other {
                    return None;
                }
                rest = tail;
            }
        }
    }
    if !is_zone(rest) {
        return None;
    }
    let days = match (p.month, p.day) {
        (Some(month), Some(day)) => {
            let year = p.year.unwrap_or(NO_YEAR);
            if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
                return None;
            }
            days_from_civil(year, month, day)
        }
        _ => 0,
    };
    if p.weekday.is_some_and(|w| w != days.rem_euclid(7)) {
        return None;
    }
    let clocked = items.iter().any(|b| b"Hh".contains(b));
    let time = match p.epoch {
        Some(epoch) => epoch,
        None if clocked => days * 86_400 + p.hour * 3600 + p.minute * 60 + p.second,
        None => days,
    };
    let value = time.checked_mul(10i64.pow(u32::from(digits)))? + p.fraction;
    Some((Stamp { form, digits }, value, text.len() - rest.len()))
}

/// Nothing, `Z`, ` UTC`, ` +0000`, `+00:00` and their like.
fn is_zone(text: &[u8]) -> bool {
    let known = |b: &u8| b.is_ascii_digit() || b" +-:ZUTCGM".contains(b);
    let begins = match text {
        [] | [b'Z', ..] => true,
        [b' ', b'+' | b'-' | b'U' | b'G', ..] => true,
        [b'+' | b'-', digit, _, ..] => digit.is_ascii_digit(),
        _ => false,
    };
    begins && text.len() <= MAX_TAIL && text.iter().all(known)
}

/// The stamp that a text is, with its integer and the length of the text without its zone.
pub fn read(text: &[u8]) -> Option<(Stamp, i64, usize)> {
    if text.len() > MAX_STAMP || text.len() < 8 {
        return None;
    }
    (0..FORMS.len() as u8).find_map(|form| read_form(form, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: [&str; 26] = [
        "2015-10-18 18:01:47,978",
        "2017-05-16 00:00:00.008",
        "2016-09-28 04:30:30",
        "2016-02-29T23:59:59.123456Z",
        "2016-02-29T23:59:59+02:00",
        "2005-06-03-15.42.50.675872",
        "2005.11.09",
        "17/06/09 20:10:40",
        "20171223-22:15:29:606",
        "20171224-0:5:9:7",
        "20201231T235959",
        "081109 203615",
        "03-17 16:13:38.811",
        "10.30 16:49:06",
        "17/May/2015:10:05:03 +0000",
        "11 Nov 2020 12:34:56.789",
        "Sun Dec 04 04:47:44 2005",
        "Jun 14 15:16:01",
        "Jul  1 09:00:55",
        "12:34:56.5",
        "1117838570",
        "1516304104.123",
        "1516304104123",
        "1516304104123456",
        "04.12.2005 12:00:00",
        "Dec 04, 2005 12:00:00",
    ];

    #[test]
    fn stamps_come_back_byte_for_byte() {
        for text in EXAMPLES {
            let (stamp, value, used) = read(text.as_bytes()).expect(text);
            let mut out = Vec::new();
            stamp.write(value, &mut out).expect(text);
            out.extend_from_slice(&text.as_bytes()[used..]);
            assert_eq!(String::from_utf8_lossy(&out), text);
            assert_eq!(stamp.read(text.as_bytes()), Some((value, used)));
        }
    }

    #[test]
    fn whatever_is_read_is_written_the_same() {
        let mut seed = 1u32;
        for text in EXAMPLES {
            for _ in 0..3000 {
                let mut bytes = text.as_bytes().to_vec();
                for _ in 0..2 {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = (seed >> 8) as usize % bytes.len();
                    bytes[at] = b"0123456789 :-./ZJDec"[(seed >> 20) as usize % 20];
                }
                if let Some((stamp, value, used)) = read(&bytes) {
                    let mut out = Vec::new();
                    stamp.write(value, &mut out).expect("what was read can be written");
                    assert_eq!(out, bytes[..used]);
                }
            }
        }
    }

    #[test]
    fn what_is_not_canonical_is_text() {
        let wrong =
            ["2015-02-29 00:00:00", "2016-09-28 04:30:60", "Mon Dec 04 04:47:44 2005", "2016-13-01", ""];
        for text in wrong {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn no_integer_makes_it_panic() {
        for form in 0..=255 {
            for digits in [0, 3, 9, 255] {
                for value in [i64::MIN, -1, 0, 86_399, 1 << 40, i64::MAX] {
                    let _ = Stamp { form, digits }.write(value, &mut Vec::new());
                }
            }
        }
    }
}
