//! Checks: what a field must look like for the line to have a header at all.
//!
//! They keep lines that only look like a header (stack traces, wrapped text) out of the columns.
//! Each costs a few nanoseconds; none looks further than the field. The numbers are part of the
//! program format (logpipe/formats/layouts.py) and are never reused.

use super::scan::{all_within, find_blank, packed};

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
    /// `stdout` or `stderr`.
    Stream = 13,
    /// One letter.
    Letter = 14,
    /// Begins with a weekday and a blank, as `ctime` writes it.
    Ctime = 15,
    /// Not empty. This and the following are not in programs: see `without_blanks`.
    Something = 253,
    ClockWord = 254,
    NameWord = 255,
}

impl Check {
    pub fn from_code(code: u8) -> Option<Check> {
        use Check::*;
        [
            Any, Int, Digit, Word, Level, Month, Weekday, Day, Clock, Date, Iso, Count, Name, Stream, Letter,
            Ctime,
        ]
        .into_iter()
        .find(|&c| c as u8 == code)
    }

    /// The same check, cheaper, for a field that is known to end at the first blank.
    pub fn without_blanks(self) -> Check {
        match self {
            Check::Word => Check::Something,
            Check::Clock => Check::ClockWord,
            Check::Name => Check::NameWord,
            other => other,
        }
    }

    #[inline(always)]
    pub fn accepts(self, data: &[u8], start: usize, end: usize) -> bool {
        let byte = |at: usize| if at < end { data.get(at).copied().unwrap_or(0) } else { 0 };
        let int = |from: usize, to: usize| from < to && all_within(data, from, to, b'0', b'9');
        let no_blank = || find_blank(data, start, end).is_none();
        match self {
            Check::Any => true,
            Check::Something => start < end,
            Check::Word => start < end && no_blank(),
            Check::Digit => byte(start).is_ascii_digit(),
            Check::Int => int(start, end),
            Check::Day => end - start <= 2 && int(start, end),
            Check::Count => int(start, end) || (end - start == 1 && byte(start) == b'-'),
            Check::Level => is_level(data, start, end),
            Check::Month => end - start == 3 && MONTHS.contains(&(packed(data, start, end) as u32)),
            Check::Weekday => end - start == 3 && is_weekday(data, start),
            Check::ClockWord => is_clock(packed(data, start, end)),
            Check::Clock => is_clock(packed(data, start, end)) && no_blank(),
            // `-`, `.` and `/` lie just before the digits.
            Check::Date => {
                end - start >= 6
                    && all_within(data, start, end, b'-', b'9')
                    && byte(start).is_ascii_digit()
                    && byte(end - 1).is_ascii_digit()
            }
            Check::Iso => {
                end - start >= 10
                    && int(start, start + 4)
                    && matches!(byte(start + 4), b'-' | b'/')
                    && byte(start + 7) == byte(start + 4)
                    && int(start + 5, start + 7)
                    && int(start + 8, start + 10)
            }
            Check::Stream => matches!(data.get(start..end), Some(b"stdout" | b"stderr")),
            Check::Letter => end - start == 1 && byte(start).is_ascii_alphabetic(),
            Check::Ctime => byte(start + 3) == b' ' && is_weekday(data, start),
            Check::NameWord => begins_name(byte(start)),
            Check::Name => begins_name(byte(start)) && no_blank(),
        }
    }
}

fn is_weekday(data: &[u8], start: usize) -> bool {
    WEEKDAYS.contains(&(packed(data, start, start + 3) as u32))
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'/'
}

/// `H:MM` or `HH:MM` in the first bytes.
#[inline(always)]
fn is_clock(packed: u64) -> bool {
    let [a, b, c, d, e, ..] = packed.to_le_bytes();
    let digit = |b: u8| b.is_ascii_digit();
    digit(a) && ((b == b':' && digit(c) && digit(d)) || (digit(b) && c == b':' && digit(d) && digit(e)))
}

const fn name(text: &[u8]) -> u64 {
    let mut packed = 0;
    let mut i = 0;
    while i < text.len() {
        packed |= (text[i] as u64) << (8 * i);
        i += 1;
    }
    packed
}

const fn names<const N: usize>(texts: [&[u8]; N]) -> [u64; N] {
    let mut packed = [0; N];
    let mut i = 0;
    while i < N {
        packed[i] = name(texts[i]);
        i += 1;
    }
    packed
}

const fn short<const N: usize>(texts: [&[u8]; N]) -> [u32; N] {
    let mut packed = [0; N];
    let mut i = 0;
    while i < N {
        packed[i] = name(texts[i]) as u32;
        i += 1;
    }
    packed
}

const MONTHS: [u32; 12] =
    short([b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"]);
const WEEKDAYS: [u32; 7] = short([b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"]);

/// Severities, lower case; logpipe/formats/layouts.py has the same list.
const LEVELS: [u64; 32] = names([
    b"info",
    b"debug",
    b"warn",
    b"error",
    b"warning",
    b"notice",
    b"trace",
    b"fatal",
    b"i",
    b"d",
    b"w",
    b"e",
    b"v",
    b"f",
    b"a",
    b"err",
    b"crit",
    b"critical",
    b"alert",
    b"emerg",
    b"panic",
    b"severe",
    b"failure",
    b"fine",
    b"finer",
    b"finest",
    b"config",
    b"verbose",
    b"log",
    b"success",
    b"default",
    b"fault",
]);

/// Names of up to eight bytes are compared as one integer.
#[inline(always)]
fn is_level(data: &[u8], start: usize, end: usize) -> bool {
    const BIT: u64 = 0x2020_2020_2020_2020;
    let length = end - start;
    if length == 0 || length > 8 {
        return false;
    }
    // Only a letter becomes a lower-case letter by this bit, and the names are letters only.
    let lower = packed(data, start, end) | (BIT & (u64::MAX >> (64 - 8 * length)));
    lower == LEVELS[0] || LEVELS.contains(&lower)
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
            (Check::Level, "INFO warn E Severe critical", "at INFOS in critical1 info\x01"),
            (Check::Month, "Jan Dec", "jan January"),
            (Check::Weekday, "Mon Sun", "mon Monday"),
            (Check::Day, "1 31", "123 x"),
            (Check::Clock, "1:02 12:00:00,123 23:59:59.9+01:00", "12:3 123:00 a:00 :00"),
            (Check::Date, "2015-10-18 081109 17/06/09 2005.11.09", "12345 at.x.y 2015-1x"),
            (Check::Iso, "2015-10-18T01 2015/10/18", "2015-10/18 20151018 2015-1-18"),
            (Check::Count, "- 12", "-1 a"),
            (Check::Stream, "stdout stderr", "stdin"),
            (Check::Letter, "F p", "1 FF"),
            (Check::Name, "a _x /usr/bin", "1a -"),
        ] {
            for word in yes.split(' ') {
                assert!(ok(check, word), "{check:?} {word}");
            }
            for word in no.split(' ') {
                assert!(!ok(check, word), "{check:?} {word}");
            }
            for word in yes.split(' ').chain(no.split(' ')) {
                // A field that more data follows is loaded in another way.
                let line = format!("{word}        ");
                let found = check.accepts(line.as_bytes(), 0, word.len());
                assert_eq!(found, ok(check, word), "{check:?} {word}");
                let cheap = check.without_blanks().accepts(line.as_bytes(), 0, word.len());
                assert_eq!(found, cheap, "{check:?} {word}");
            }
            assert!(!ok(check, ""), "{check:?} of nothing");
        }
        assert!(ok(Check::Ctime, "Sun Dec 04") && !ok(Check::Ctime, "Sun") && !ok(Check::Ctime, "x y z"));
        assert!(!ok(Check::Word, "a b") && !ok(Check::Word, "") && ok(Check::Word, "a"));
        assert!(ok(Check::Any, ""));
    }

    #[test]
    fn every_code_names_its_check() {
        for code in 0..=15 {
            assert_eq!(Check::from_code(code).map(|c| c as u8), Some(code));
        }
        assert_eq!(Check::from_code(16), None);
    }
}
