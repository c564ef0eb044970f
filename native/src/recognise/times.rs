//! Times of all kinds, and numbers with units: durations, sizes, versions.

use super::cursor::{decimal, Cursor};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const WEEKDAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// How much of a stamp a date is.
#[derive(Clone, Copy, PartialEq)]
enum Date {
    /// Complete by itself.
    Full,
    /// Month name and day; a year may follow the clock.
    Named,
    /// Month and day as numbers; only a date when a clock follows.
    Short,
    /// Digits in a row (`20171223`, `081109`); only a date when a clock follows.
    Compact,
}

fn date(cursor: &mut Cursor) -> Option<Date> {
    if cursor.name(&MONTHS) {
        if !cursor.blanks() {
            return None;
        }
        cursor.field(1, 2, 1, 31)?;
        return Some(Date::Named);
    }
    match cursor.rest.iter().take_while(|b| b.is_ascii_digit()).count() {
        8 => {
            cursor.skip(4);
            let day = cursor.field(4, 4, 101, 1231)?;
            ((1..=31).contains(&(day % 100)) && day % 10_000 / 100 <= 12).then_some(Date::Compact)
        }
        6 => {
            cursor.skip(2);
            let day = cursor.field(4, 4, 101, 1231)?;
            (1..=31).contains(&(day % 100)).then_some(Date::Compact)
        }
        4 => {
            cursor.field(4, 4, 1000, 9999)?;
            let joiner = cursor.eat_any(b"-/.")?;
            cursor.field(1, 2, 1, 12)?;
            if !cursor.eat(joiner) {
                return None;
            }
            cursor.field(1, 2, 1, 31)?;
            Some(Date::Full)
        }
        1 | 2 => {
            let a = cursor.field(1, 2, 0, 99)?;
            let joiner = cursor.eat_any(b"-/. ")?;
            if cursor.name(&MONTHS) {
                let next = cursor.eat(joiner) && cursor.field(4, 4, 1000, 9999).is_some();
                return (next && joiner != b'.' && (1..=31).contains(&a)).then_some(Date::Full);
            }
            let b = cursor.field(2, 2, 1, 31)?;
            let mut ahead = *cursor;
            if !ahead.eat(joiner) {
                let day = (1..=12).contains(&a) && b"-./".contains(&joiner);
                return day.then_some(Date::Short);
            }
            let day_month = ((1..=31).contains(&a) && b <= 12) || (1..=12).contains(&a);
            let four = ahead.field(4, 4, 1000, 9999).is_some() && day_month;
            let two = joiner == b'/'
                && ahead.field(2, 2, 0, 99).is_some_and(|c| day_month || (b <= 12 && (1..=31).contains(&c)));
            *cursor = ahead;
            (joiner != b' ' && (four || two)).then_some(Date::Full)
        }
        _ => None,
    }
}

/// The time of day; `dated` clocks may be dotted, unpadded or run together.
fn clock(cursor: &mut Cursor, dated: bool) -> bool {
    let mut ahead = *cursor;
    if dated && ahead.field(6, 6, 0, 235_960).is_some() {
        *cursor = ahead;
        return fraction(cursor, b".,");
    }
    let Some(hour) = ahead.field(1, 2, 0, 59) else {
        return false;
    };
    let joiner = match ahead.eat_any(b":.") {
        Some(b':') => b':',
        Some(b'.') if dated => b'.',
        _ => return false,
    };
    let width = if dated { 1 } else { 2 };
    if ahead.field(width, 2, 0, 59).is_none() {
        return false;
    }
    *cursor = ahead;
    if !cursor.eat(joiner) {
        // Hours and minutes or minutes and seconds: nothing in the value can tell.
        return joiner == b':';
    }
    hour < 24 && cursor.field(width, 2, 0, 60).is_some() && fraction(cursor, b".,:")
}

/// An optional fraction of a second; false if it is malformed.
fn fraction(cursor: &mut Cursor, marks: &[u8]) -> bool {
    let mut ahead = *cursor;
    if ahead.eat_any(marks).is_some() {
        let length = ahead.digits().len();
        if length == 0 {
            return true;
        }
        *cursor = ahead;
        return length <= 9;
    }
    true
}

/// An optional zone; leaves the cursor where it was if there is none.
fn zone(cursor: &mut Cursor) {
    let mut ahead = *cursor;
    ahead.blanks();
    let found = match ahead.peek() {
        b'+' | b'-' => {
            ahead.skip(1);
            if ahead.field(4, 4, 0, 1500).is_some() {
                true
            } else {
                ahead.field(2, 2, 0, 15).is_some() && (!ahead.eat(b':') || ahead.field(2, 2, 0, 59).is_some())
            }
        }
        b'A'..=b'Z' => {
            let run = ahead.run(|b| b.is_ascii_uppercase());
            run == b"Z" || (2..=5).contains(&run.len())
        }
        _ => false,
    };
    if found {
        *cursor = ahead;
    }
}

pub(super) fn is_time(value: &[u8]) -> bool {
    let mut cursor = Cursor { rest: value };
    if cursor.name(&WEEKDAYS) {
        let _ = cursor.eat(b',');
        if !cursor.blanks() {
            return false;
        }
    }
    let mut ahead = cursor;
    let dated = date(&mut ahead);
    if let Some(kind) = dated {
        cursor = ahead;
        if cursor.done() {
            return matches!(kind, Date::Full | Date::Named);
        }
        if kind == Date::Named {
            // `Jun 14, 2005 10:00` and `Jun 14 2005`.
            let mut year = cursor;
            let _ = year.eat(b',');
            if year.blanks() && year.field(4, 4, 1000, 9999).is_some() {
                cursor = year;
                if cursor.done() {
                    return true;
                }
            }
        }
        let comma = cursor.eat(b',');
        if !cursor.blanks() && (comma || cursor.eat_any(b"T-_:").is_none()) {
            return false;
        }
    }
    if !clock(&mut cursor, dated.is_some()) {
        return false;
    }
    let mut half = cursor;
    half.blanks();
    if half.eat_any(b"AaPp").is_some() && half.eat_any(b"Mm").is_some() {
        cursor = half;
    }
    zone(&mut cursor);
    if dated == Some(Date::Named) && cursor.blanks() && cursor.field(4, 4, 1000, 9999).is_none() {
        return false;
    }
    cursor.done()
}

fn is_time_unit(unit: &[u8]) -> bool {
    matches!(
        unit,
        b"ns" | b"us" | b"ms" | b"s" | b"m" | b"h" | b"d" | b"w"
            | b"nsec" | b"usec" | b"msec" | b"sec" | b"min" | b"hr" | b"day" | b"week"
            | b"nsecs" | b"usecs" | b"msecs" | b"secs" | b"mins" | b"hrs" | b"days" | b"weeks"
            | b"second" | b"minute" | b"hour" | b"month" | b"year" | b"millis"
            | b"seconds" | b"minutes" | b"hours" | b"months" | b"years"
            | b"nanosecond" | b"microsecond" | b"millisecond"
            | b"nanoseconds" | b"microseconds" | b"milliseconds"
            // The micro sign and the Greek letter, both in use.
            | b"\xc2\xb5s" | b"\xce\xbcs"
    )
}

pub(super) fn is_duration(value: &[u8]) -> bool {
    let mut cursor = Cursor { rest: value };
    if cursor.eat(b'P') {
        return iso_duration(cursor);
    }
    let _ = cursor.eat_any(b"+-");
    if long_clock(cursor) {
        return true;
    }
    let mut parts = 0;
    while !cursor.done() {
        if parts > 0 {
            let _ = cursor.eat(b',');
            cursor.blanks();
            let mut ahead = cursor;
            if clock(&mut ahead, false) && ahead.done() {
                return true;
            }
        }
        if !decimal(&mut cursor) {
            return false;
        }
        cursor.blanks();
        if !is_time_unit(cursor.run(|b| b.is_ascii_lowercase() || b >= 0x80)) {
            return false;
        }
        parts += 1;
    }
    parts > 0
}

/// `H:MM:SS` from 24 hours up; below that it is a time of day.
fn long_clock(mut cursor: Cursor) -> bool {
    !cursor.digits().is_empty()
        && cursor.eat(b':')
        && cursor.field(2, 2, 0, 59).is_some()
        && cursor.eat(b':')
        && cursor.field(2, 2, 0, 59).is_some()
        && fraction(&mut cursor, b".,")
        && cursor.done()
}

fn iso_duration(mut cursor: Cursor) -> bool {
    let mut parts = 0;
    let mut units: &[u8] = b"YMWD";
    while !cursor.done() {
        if units.len() == 4 && cursor.eat(b'T') {
            units = b"HMS";
            if cursor.done() {
                return false;
            }
        }
        if !decimal(&mut cursor) || cursor.eat_any(units).is_none() {
            return false;
        }
        parts += 1;
    }
    parts > 0
}

pub(super) fn is_size(value: &[u8]) -> bool {
    let mut cursor = Cursor { rest: value };
    let _ = cursor.eat_any(b"+-");
    if !decimal(&mut cursor) {
        return false;
    }
    cursor.blanks();
    let unit = cursor.run(|b| b.is_ascii_alphabetic());
    let known = match unit {
        [b'B' | b'k' | b'K' | b'M' | b'g' | b'G' | b't' | b'T'] => true,
        [scale, b'B' | b'b'] | [scale, b'i', b'B'] => b"kKmMgGtTpPeE".contains(scale),
        b"byte" | b"bytes" | b"Byte" | b"Bytes" => true,
        _ => false,
    };
    if known && cursor.eat(b'/') {
        let per = cursor.run(|b| b.is_ascii_lowercase());
        return (per == b"s" || per == b"sec") && cursor.done();
    }
    known && cursor.done()
}

pub(super) fn is_version(value: &[u8]) -> bool {
    let mut cursor = Cursor { rest: value };
    let marked = cursor.eat_any(b"vV").is_some();
    if cursor.digits().is_empty() {
        return false;
    }
    let mut dots = 0;
    let mut ahead = cursor;
    while ahead.eat(b'.') && !ahead.digits().is_empty() {
        dots += 1;
        cursor = ahead;
    }
    if dots < 2 && !marked {
        return false;
    }
    if !cursor.done() && cursor.eat_any(b"-+~_").is_none() && !cursor.peek().is_ascii_alphabetic() {
        return false;
    }
    cursor.run(|b| b.is_ascii_alphanumeric() || b"._+~-".contains(&b));
    cursor.done()
}
