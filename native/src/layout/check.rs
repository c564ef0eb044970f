//! Checks: what a field must look like for the line to have a header at all.
//!
//! They keep lines that only look like a header (stack traces, wrapped text) out of the columns.
//! Each costs a few nanoseconds; none looks further than the field. The numbers are part of the
//! program format (logpipe/formats/layouts.py) and are never reused.

use super::scan::{find_blank, is_blank};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Anything, the empty field included.
    Any = 0,
    /// One or more digits.
    Int = 1,
    /// Begins with a digit.
    Digit = 2,
    /// Not empty, no blank or tab.
    Word = 3,
    /// The name of a severity, in any case: `INFO`, `warn`, `E`, ...
    Level = 4,
    /// `Jan` ... `Dec`.
    Month = 5,
    /// `Mon` ... `Sun`.
    Weekday = 6,
    /// One or two digits.
    Day = 7,
    /// `H:MM` or `HH:MM`, then anything without blanks.
    Clock = 8,
    /// Six or more digits, `-`, `/` and `.`, beginning and ending with a digit.
    Date = 9,
    /// `YYYY-MM-DD` or `YYYY/MM/DD`, then anything.
    Iso = 10,
    /// Digits, or a single `-`.
    Count = 11,
    /// Begins with a letter, `_` or `/`, no blank or tab.
    Name = 12,
}

impl Check {
    pub fn from_code(code: u8) -> Option<Check> {
        use Check::*;
        [Any, Int, Digit, Word, Level, Month, Weekday, Day, Clock, Date, Iso, Count, Name]
            .into_iter()
            .find(|&c| c as u8 == code)
    }

    #[inline(always)]
    pub fn accepts(self, data: &[u8], start: usize, end: usize) -> bool {
        if self == Check::Any {
            return true;
        }
        let Some(value) = data.get(start..end) else {
            return false;
        };
        match self {
            Check::Word => !value.is_empty() && find_blank(data, start, end).is_none(),
            Check::Digit => value.first().is_some_and(u8::is_ascii_digit),
            _ => self.accepts_value(value),
        }
    }

    fn accepts_value(self, value: &[u8]) -> bool {
        match self {
            Check::Int => is_int(value),
            Check::Level => is_level(value),
            Check::Month => matches!(
                value,
                b"Jan"
                    | b"Feb"
                    | b"Mar"
                    | b"Apr"
                    | b"May"
                    | b"Jun"
                    | b"Jul"
                    | b"Aug"
                    | b"Sep"
                    | b"Oct"
                    | b"Nov"
                    | b"Dec"
            ),
            Check::Weekday => matches!(value, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun"),
            Check::Day => value.len() <= 2 && is_int(value),
            Check::Clock => is_clock(value),
            Check::Date => {
                value.len() >= 6
                    && value[0].is_ascii_digit()
                    && value[value.len() - 1].is_ascii_digit()
                    && value.iter().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'/' | b'.'))
            }
            Check::Iso => {
                value.len() >= 10
                    && is_int(&value[..4])
                    && (value[4] == b'-' || value[4] == b'/')
                    && is_int(&value[5..7])
                    && value[7] == value[4]
                    && is_int(&value[8..10])
            }
            Check::Count => value == b"-" || is_int(value),
            Check::Name => {
                value.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || *b == b'/')
                    && !value.iter().any(|&b| is_blank(b))
            }
            Check::Any | Check::Word | Check::Digit => false,
        }
    }
}

#[inline(always)]
fn is_int(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

fn is_clock(value: &[u8]) -> bool {
    let hour = if value.get(1).is_some_and(u8::is_ascii_digit) { 2 } else { 1 };
    value.len() >= hour + 3
        && is_int(&value[..hour])
        && value[hour] == b':'
        && is_int(&value[hour + 1..hour + 3])
        && !value[hour + 3..].iter().any(|&b| is_blank(b))
}

/// Severities by name, lower case; logpipe/formats/layouts.py has the same list.
const fn name(text: &[u8]) -> u64 {
    let mut packed = 0;
    let mut i = 0;
    while i < text.len() {
        packed |= (text[i] as u64) << (8 * i);
        i += 1;
    }
    packed
}

const LEVELS: [u64; 41] = [
    name(b"a"),
    name(b"alert"),
    name(b"config"),
    name(b"context"),
    name(b"crit"),
    name(b"critical"),
    name(b"d"),
    name(b"debug"),
    name(b"debug1"),
    name(b"debug2"),
    name(b"debug3"),
    name(b"debug4"),
    name(b"debug5"),
    name(b"detail"),
    name(b"e"),
    name(b"emerg"),
    name(b"err"),
    name(b"error"),
    name(b"f"),
    name(b"failure"),
    name(b"fatal"),
    name(b"fine"),
    name(b"finer"),
    name(b"finest"),
    name(b"hint"),
    name(b"i"),
    name(b"info"),
    name(b"log"),
    name(b"notice"),
    name(b"off"),
    name(b"panic"),
    name(b"severe"),
    name(b"stderr"),
    name(b"stdout"),
    name(b"success"),
    name(b"trace"),
    name(b"v"),
    name(b"verbose"),
    name(b"w"),
    name(b"warn"),
    name(b"warning"),
];

/// Names of up to eight bytes are compared as one integer.
fn is_level(value: &[u8]) -> bool {
    if value.is_empty() || value.len() > 8 {
        return value.eq_ignore_ascii_case(b"statement") || value.eq_ignore_ascii_case(b"emergency");
    }
    let mut packed = 0;
    for (i, byte) in value.iter().enumerate() {
        packed |= u64::from(byte.to_ascii_lowercase()) << (8 * i);
    }
    // The common ones first; the rest pays for the walk.
    packed == const { name(b"info") } || packed == const { name(b"debug") } || LEVELS.contains(&packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(check: Check, text: &str) -> bool {
        check.accepts(text.as_bytes(), 0, text.len())
    }

    #[test]
    fn checks_accept_what_they_say_and_nothing_else() {
        for (check, yes, no) in [
            (Check::Int, "0 12 0007", "-1 1a a"),
            (Check::Digit, "1 1a 081109", "a1 -1"),
            (Check::Level, "INFO warn E Severe STATEMENT", "at INFOS in emergencyx"),
            (Check::Month, "Jan Dec", "jan January"),
            (Check::Weekday, "Mon Sun", "mon Monday"),
            (Check::Day, "1 31", "123 x"),
            (Check::Clock, "1:02 12:00:00,123 23:59:59.9+01:00", "12:3 123:00 a:00 :00"),
            (Check::Date, "2015-10-18 081109 17/06/09 2005.11.09", "12345 at.x.y 2015-1x"),
            (Check::Iso, "2015-10-18T01 2015/10/18", "2015-10/18 20151018 2015-1-18"),
            (Check::Count, "- 12", "-1 a"),
            (Check::Name, "a _x /usr/bin", "1a -"),
        ] {
            for word in yes.split(' ') {
                assert!(ok(check, word), "{check:?} {word}");
            }
            for word in no.split(' ') {
                assert!(!ok(check, word), "{check:?} {word}");
            }
            assert!(!ok(check, ""), "{check:?} of nothing");
        }
        assert!(!ok(Check::Word, "a b") && !ok(Check::Word, "") && ok(Check::Word, "a"));
        assert!(ok(Check::Any, ""));
    }

    #[test]
    fn every_code_names_its_check() {
        for code in 0..=12 {
            assert_eq!(Check::from_code(code).map(|c| c as u8), Some(code));
        }
        assert_eq!(Check::from_code(13), None);
    }
}
