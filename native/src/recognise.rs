//! What a value looks like: one lexical class per byte string, and the join of two classes.
//!
//! A class is a statement about the bytes alone, so it is decided once, without a dictionary and
//! without looking at neighbours. The numbers are those of `logpipe.template.LexicalClass`; they
//! are stored in models and never reused. When a value fits several classes, the first of this
//! list (which is the order of the code) wins:
//!
//! | class | accepts |
//! |---|---|
//! | `EMPTY` | no bytes |
//! | `INTEGER` | digits with an optional sign; leading zeros and any length: `7`, `-12`, `+3`, `007` |
//! | `NUMBER` | an integer with a fraction, an exponent, `%`, or thousands in groups of three: `1.5`, `.5`, `1e-05`, `1.2E5`, `12%`, `1,234.5`. An exponent needs a sign or a fraction: `12e5` is hex |
//! | `HEX` | `0x` and hex digits, or at least four hex digits with both a digit and a letter: `0x1F`, `12e5`, `9f4ef63`. So `deadbeef` is a word and `1f` an id |
//! | `UUID` | 8-4-4-4-12 hex digits, braces allowed |
//! | `MAC` | six pairs joined by `:` or by `-`; three groups of four joined by `.` |
//! | `URL` | `scheme://` and at least one more byte, no blank: `http://a/b`, `jdbc:mysql://h:1/d` |
//! | `TIME` | a date with a year or a month name, a clock, or both, with fraction and zone: `2015-10-18 18:01:47,978`, `2024-01-02T03:04:05Z`, `17/06/09`, `Jun 14 15:16:01`, `04:47`, `081109 203615`. A clock is `H:MM:SS` before 24:00, or two fields below 60, so minutes:seconds are times too |
//! | `DURATION` | numbers with units: `15ms`, `1.5 s`, `1h30m`, `2 days, 3:04:05`, `PT1H`; a clock of three fields from 24 hours up. Units in lower case; `5m` is minutes |
//! | `SIZE` | a number and a unit of data, `/s` allowed: `4.88 KB`, `12MB`, `512k`, `3 GiB`, `10 bytes/s`. Of single letters only `B k K M g G t T` |
//! | `IP` | IPv4, IPv6 (zone and brackets allowed), with an optional prefix length; `name/` before an IPv4 as Java prints it |
//! | `HOST_PORT` | an IP or a name, `:`, and 1 to 65535: `10.0.0.1:80`, `[::1]:80`, `db-1.local:5432`, `*:80`. A name starts with a letter, or holds a dot and a letter |
//! | `EMAIL` | `local@domain` where the domain has a dot or is `localhost`; angle brackets allowed |
//! | `PATH` | no blank and: from `/`, `./`, `../` or `~/`; two slashes inside; one slash and a file name with an extension. Windows: a drive or `\\host`, blanks allowed; from `\` and a letter; two backslashes inside |
//! | `VERSION` | `v` and a digit, or numbers with at least two dots, and a suffix: `v2`, `1.2.3`, `3.10.0-514.el7`, `1.0.2k` |
//! | `ID` | one token of letters, digits and joiners, with a digit: `blk_-38`, `core.2275`, `1-2`, `R02-M1` |
//! | `WORD` | one token of letters and joiners, with a letter: `sshd`, `pam_unix`, `java.lang.String` |
//! | `TEXT` | everything else: blanks, quotes, brackets, commas, control bytes, broken UTF-8 |
//!
//! The joiners are `_ - . : / \ # @ $ + = ~ * '`. Well-formed UTF-8 outside ASCII counts as letters.

pub const EMPTY: u8 = 0;
pub const INTEGER: u8 = 1;
pub const NUMBER: u8 = 2;
pub const HEX: u8 = 3;
pub const IP: u8 = 4;
pub const HOST_PORT: u8 = 5;
pub const MAC: u8 = 6;
pub const UUID: u8 = 7;
pub const TIME: u8 = 8;
pub const DURATION: u8 = 9;
pub const SIZE: u8 = 10;
pub const VERSION: u8 = 11;
pub const PATH: u8 = 12;
pub const URL: u8 = 13;
pub const EMAIL: u8 = 14;
pub const ID: u8 = 15;
pub const WORD: u8 = 16;
pub const TEXT: u8 = 17;

/// The number of classes.
pub const CLASSES: usize = 18;

// ---------------------------------------------------------------------------------------- join

/// The order of classes as "is a special case of"; EMPTY is below and TEXT above all.
///
/// HEX is above INTEGER because a column of hex ids holds a few without a letter; SIZE, DURATION
/// and VERSION are above NUMBER because `0` and `1.2` stand beside `4k`, `15ms` and `1.2.3`. ID
/// is above everything that is one token naming something. TIME, PATH and URL have only TEXT
/// above them.
const ABOVE: [(u8, u8); 15] = [
    (INTEGER, NUMBER),
    (INTEGER, HEX),
    (NUMBER, DURATION),
    (NUMBER, SIZE),
    (NUMBER, VERSION),
    (IP, HOST_PORT),
    (DURATION, ID),
    (SIZE, ID),
    (VERSION, ID),
    (HEX, ID),
    (HOST_PORT, ID),
    (MAC, ID),
    (UUID, ID),
    (EMAIL, ID),
    (WORD, ID),
];

static JOIN: [[u8; CLASSES]; CLASSES] = join_table();

const fn join_table() -> [[u8; CLASSES]; CLASSES] {
    // Bit j of up[i]: class j is i or above it. Reaching a fixed point takes at most one round per
    // class; the loops are const, so they are `while`.
    let mut up = [0u32; CLASSES];
    let mut i = 0;
    while i < CLASSES {
        up[i] = 1 << i | 1 << TEXT;
        i += 1;
    }
    up[EMPTY as usize] = (1 << CLASSES) - 1;
    let mut round = 0;
    while round < CLASSES {
        let mut k = 0;
        while k < ABOVE.len() {
            up[ABOVE[k].0 as usize] |= up[ABOVE[k].1 as usize];
            k += 1;
        }
        round += 1;
    }
    let mut table = [[TEXT; CLASSES]; CLASSES];
    let mut a = 0;
    while a < CLASSES {
        let mut b = 0;
        while b < CLASSES {
            // The least common upper bound is the one with all the others above it.
            let common = up[a] & up[b];
            let mut c = 0;
            while c < CLASSES {
                if common & (1 << c) != 0 && common & !up[c] == 0 {
                    table[a][b] = c as u8;
                    break;
                }
                c += 1;
            }
            b += 1;
        }
        a += 1;
    }
    table
}

/// The least class that holds the values of both; a number that is no class counts as TEXT.
///
/// Commutative, associative, idempotent; EMPTY is neutral and TEXT absorbs.
pub fn join(a: u8, b: u8) -> u8 {
    match JOIN.get(a as usize) {
        Some(row) => row.get(b as usize).copied().unwrap_or(TEXT),
        None => TEXT,
    }
}

/// The join over the values of a column: value i is `values[offsets[i]..offsets[i + 1]]`.
///
/// Stops at the first value after which the answer is TEXT. Offsets that do not lie in the buffer
/// or decrease give TEXT.
pub fn classify_column(values: &[u8], offsets: &[i32]) -> u8 {
    let mut found = EMPTY;
    for pair in offsets.windows(2) {
        let (Ok(start), Ok(end)) = (usize::try_from(pair[0]), usize::try_from(pair[1])) else {
            return TEXT;
        };
        let Some(value) = values.get(start..end) else {
            return TEXT;
        };
        found = join(found, classify(value));
        if found == TEXT {
            break;
        }
    }
    found
}

// ------------------------------------------------------------------------------------- classify

// Kinds of bytes; which of them occur decides which recognisers are worth asking.
const D: u16 = 1; // 0-9
const H: u16 = 1 << 1; // a-f A-F
const L: u16 = 1 << 2; // other ASCII letters
const DOT: u16 = 1 << 3;
const COLON: u16 = 1 << 4;
const SLASH: u16 = 1 << 5;
const BACKSLASH: u16 = 1 << 6;
const MINUS: u16 = 1 << 7;
const PLUS: u16 = 1 << 8;
const JOINER: u16 = 1 << 9; // _ # $ = ~ * '
const COMMA: u16 = 1 << 10;
const PERCENT: u16 = 1 << 11;
const AT: u16 = 1 << 12;
const BLANK: u16 = 1 << 13; // a space; other white space is OTHER
const HIGH: u16 = 1 << 14; // 0x80 and up
const OTHER: u16 = 1 << 15;

static KIND: [u16; 256] = kinds();

const fn kinds() -> [u16; 256] {
    let mut table = [OTHER; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b'0'..=b'9' => D,
            b'a'..=b'f' | b'A'..=b'F' => H,
            b'g'..=b'z' | b'G'..=b'Z' => L,
            b'.' => DOT,
            b':' => COLON,
            b'/' => SLASH,
            b'\\' => BACKSLASH,
            b'-' => MINUS,
            b'+' => PLUS,
            b'_' | b'#' | b'$' | b'=' | b'~' | b'*' | b'\'' => JOINER,
            b',' => COMMA,
            b'%' => PERCENT,
            b'@' => AT,
            b' ' => BLANK,
            0x80..=0xff => HIGH,
            _ => OTHER,
        };
        i += 1;
    }
    table
}

/// Longest value that can be a time, a duration, a size or a version.
const LONGEST_QUANTITY: usize = 64;

/// The class of one value; see the table at the top of the file. Linear in the length.
pub fn classify(value: &[u8]) -> u8 {
    let Some(&first) = value.first() else {
        return EMPTY;
    };
    let mut mask = 0;
    for &byte in value {
        mask |= KIND[byte as usize];
    }
    if mask == D {
        return INTEGER;
    }
    let has = |kinds: u16| mask & kinds != 0;
    let only = |kinds: u16| mask & !kinds == 0;
    if only(H | L | DOT | MINUS | PLUS | JOINER) {
        return if has(H | L) { WORD } else { TEXT };
    }
    let digits = has(D);

    if digits {
        if value.len() >= 7 && has(DOT) && only(D | DOT | COLON) {
            // Nothing else has four such numbers; asked first only because it is so frequent.
            let mut cursor = Cursor { rest: value };
            if ipv4(&mut cursor) {
                if cursor.done() {
                    return IP;
                }
                if cursor.eat(b':') && is_port(&mut cursor) {
                    return HOST_PORT;
                }
            }
        }
        let leads_number = KIND[first as usize] & (D | DOT | MINUS | PLUS) != 0;
        if leads_number && only(D | H | DOT | MINUS | PLUS | COMMA | PERCENT) {
            if let Some(class) = number(value) {
                return class;
            }
        }
        if only(D | H | L) && is_hex(value, mask) {
            return HEX;
        }
        if has(MINUS) && is_uuid(value) {
            return UUID;
        }
        if has(MINUS | COLON | DOT) && only(D | H | MINUS | COLON | DOT) && is_mac(value) {
            return MAC;
        }
    }
    if has(SLASH) && has(COLON) && !has(BLANK) && is_url(value) {
        return URL;
    }
    if digits && value.len() <= LONGEST_QUANTITY {
        let leads = KIND[first as usize];
        if (leads == D || (leads & (H | L) != 0 && has(BLANK)))
            && only(D | H | L | DOT | COLON | SLASH | MINUS | PLUS | COMMA | BLANK | JOINER)
            && is_time(value)
        {
            return TIME;
        }
        if leads & (D | DOT | MINUS | PLUS) != 0 || first == b'P' {
            if is_duration(value) {
                return DURATION;
            }
            if has(H | L) && is_size(value) {
                return SIZE;
            }
        }
    }
    if has(DOT | COLON) && !has(BLANK) {
        match address(value, mask) {
            TEXT => {}
            class => return class,
        }
    }
    if has(AT) && !has(BLANK) && is_email(value) {
        return EMAIL;
    }
    if has(SLASH | BACKSLASH) && is_path(value, mask) {
        return PATH;
    }
    if digits && value.len() <= LONGEST_QUANTITY && is_version(value) {
        return VERSION;
    }
    if has(BLANK | OTHER | COMMA | PERCENT) || (has(HIGH) && std::str::from_utf8(value).is_err()) {
        return TEXT;
    }
    if digits {
        ID
    } else if has(H | L | HIGH) {
        WORD
    } else {
        TEXT
    }
}

/// A reading position in a value; every `eat` advances only when it returns something.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn done(&self) -> bool {
        self.rest.is_empty()
    }

    fn peek(&self) -> u8 {
        // 0 stands for the end: no recogniser accepts a NUL.
        self.rest.first().copied().unwrap_or(0)
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or(&[]);
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && !self.done();
        if found {
            self.skip(1);
        }
        found
    }

    fn eat_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let next = self.peek();
        if self.done() || !bytes.contains(&next) {
            return None;
        }
        self.skip(1);
        Some(next)
    }

    /// Blanks, any number; true if there was one.
    fn blanks(&mut self) -> bool {
        let mut any = false;
        while self.eat(b' ') {
            any = true;
        }
        any
    }

    fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|&&b| accept(b)).count();
        let (run, rest) = self.rest.split_at(length);
        self.rest = rest;
        run
    }

    fn digits(&mut self) -> &'a [u8] {
        self.run(|b| b.is_ascii_digit())
    }

    /// A whole run of `min` to `max` (at most 9) digits as a number within `low..=high`.
    fn field(&mut self, min: usize, max: usize, low: u32, high: u32) -> Option<u32> {
        let mut ahead = *self;
        let run = ahead.digits();
        if run.len() < min || run.len() > max {
            return None;
        }
        let value = run.iter().fold(0, |v, &b| v * 10 + u32::from(b - b'0'));
        if !(low..=high).contains(&value) {
            return None;
        }
        *self = ahead;
        Some(value)
    }

    /// A three-letter name out of `names`, not followed by another letter.
    fn name(&mut self, names: &[&[u8; 3]]) -> bool {
        let Some(word) = self.rest.get(..3) else {
            return false;
        };
        let found =
            names.iter().any(|n| *n == word) && !self.rest.get(3).is_some_and(u8::is_ascii_alphabetic);
        if found {
            self.skip(3);
        }
        found
    }
}

/// Digits, or groups of three split by commas.
fn whole_number(cursor: &mut Cursor) -> bool {
    let lead = cursor.digits().len();
    if lead == 0 {
        return false;
    }
    if lead <= 3 {
        let mut ahead = *cursor;
        while ahead.eat(b',') && ahead.digits().len() == 3 {
            *cursor = ahead;
        }
    }
    true
}

/// An unsigned number with an optional fraction.
fn decimal(cursor: &mut Cursor) -> bool {
    let whole = whole_number(cursor);
    let mut ahead = *cursor;
    if ahead.eat(b'.') && !ahead.digits().is_empty() {
        *cursor = ahead;
        return true;
    }
    whole
}

fn number(value: &[u8]) -> Option<u8> {
    let mut cursor = Cursor { rest: value };
    let _ = cursor.eat_any(b"+-");
    let start = cursor.rest.len();
    let whole = !cursor.digits().is_empty();
    if whole && cursor.done() {
        return Some(INTEGER);
    }
    cursor.rest = &value[value.len() - start..];
    let whole = whole_number(&mut cursor);
    let mut fraction = false;
    if cursor.eat(b'.') {
        fraction = !cursor.digits().is_empty();
        if !fraction {
            return None;
        }
    }
    if !whole && !fraction {
        return None;
    }
    if cursor.eat_any(b"eE").is_some() {
        let signed = cursor.eat_any(b"+-").is_some();
        if cursor.digits().is_empty() || !(signed || fraction) {
            return None;
        }
    }
    let _ = cursor.eat(b'%');
    cursor.done().then_some(NUMBER)
}

fn is_hex(value: &[u8], mask: u16) -> bool {
    if mask & L == 0 {
        // Here both digits and letters a-f occur, and nothing else.
        return value.len() >= 4;
    }
    value.len() > 2
        && value[0] == b'0'
        && (value[1] | 0x20) == b'x'
        && value[2..].iter().all(u8::is_ascii_hexdigit)
}

fn is_uuid(value: &[u8]) -> bool {
    let inner = match value {
        [b'{', inner @ .., b'}'] => inner,
        _ => value,
    };
    inner.len() == 36
        && inner.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_mac(value: &[u8]) -> bool {
    let (group, joiner) = match value.len() {
        17 if value[2] != b'.' => (3, value[2]),
        14 => (5, b'.'),
        _ => return false,
    };
    value.iter().enumerate().all(
        |(i, &b)| {
            if i % group == group - 1 {
                b == joiner
            } else {
                b.is_ascii_hexdigit()
            }
        },
    )
}

fn is_url(value: &[u8]) -> bool {
    let Some(at) = value.windows(3).position(|w| w == b"://") else {
        return false;
    };
    let scheme = &value[..at];
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(b))
        && value.len() > at + 3
        && value[at + 3..].iter().all(|&b| b > b' ' && b != b'"')
}

// ------------------------------------------------------------------------ times and quantities

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

fn is_time(value: &[u8]) -> bool {
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

fn is_duration(value: &[u8]) -> bool {
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

fn is_size(value: &[u8]) -> bool {
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

fn is_version(value: &[u8]) -> bool {
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

// ------------------------------------------------------------------------- addresses and paths

/// Eats an IPv4 address: four numbers up to 255 of at most three digits.
fn ipv4(cursor: &mut Cursor) -> bool {
    let mut ahead = *cursor;
    for i in 0..4 {
        if (i > 0 && !ahead.eat(b'.')) || ahead.field(1, 3, 0, 255).is_none() {
            return false;
        }
    }
    *cursor = ahead;
    true
}

fn ipv6(value: &[u8]) -> bool {
    // 45 bytes is the longest text form; a digit is asked for because `a::b` is rather a name.
    value.len() <= 45
        && (value == b"::" || value.iter().any(u8::is_ascii_digit))
        && std::str::from_utf8(value).is_ok_and(|s| s.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_port(cursor: &mut Cursor) -> bool {
    cursor.peek() != b'0' && cursor.field(1, 5, 1, 65_535).is_some() && cursor.done()
}

/// IP, HOST_PORT, or TEXT for neither.
fn address(value: &[u8], mask: u16) -> u8 {
    let mut cursor = Cursor { rest: value };
    if mask & SLASH != 0 && mask & D != 0 {
        // Java prints `name/10.0.0.1`, or `/10.0.0.1` where the name is not known.
        let mut ahead = cursor;
        let name = ahead.run(is_name_byte);
        let named = name.is_empty() || is_name(name);
        if named && ahead.eat(b'/') && ipv4(&mut ahead) {
            cursor = ahead;
            if cursor.done() {
                return IP;
            }
            return if cursor.eat(b':') && is_port(&mut cursor) { HOST_PORT } else { TEXT };
        }
    }
    if mask & DOT != 0 && ipv4(&mut cursor) {
        if cursor.done() || (cursor.eat(b'/') && cursor.field(1, 2, 0, 32).is_some() && cursor.done()) {
            return IP;
        }
        return if cursor.eat(b':') && is_port(&mut cursor) { HOST_PORT } else { TEXT };
    }
    if mask & COLON == 0 {
        return TEXT;
    }
    let Some(last) = value.iter().rposition(|&b| b == b':') else {
        return TEXT;
    };
    let (host, port) = (&value[..last], &value[last + 1..]);
    if let [b'[', inner @ .., b']'] = host {
        let port = is_port(&mut Cursor { rest: port });
        return if port && ipv6(without_zone(inner)) { HOST_PORT } else { TEXT };
    }
    if host.contains(&b':') {
        let bare = match value {
            [b'[', inner @ .., b']'] => inner,
            _ => value,
        };
        let mut bare = without_zone(bare);
        if let Some(at) = bare.iter().rposition(|&b| b == b'/') {
            let mut prefix = Cursor { rest: &bare[at + 1..] };
            if prefix.field(1, 3, 0, 128).is_some() && prefix.done() {
                bare = &bare[..at];
            }
        }
        if ipv6(bare) {
            return IP;
        }
        // A port after a bare address is ambiguous unless all eight groups, or none, are written.
        let full = host == b"::" || host.iter().filter(|&&b| b == b':').count() == 7;
        let port = full && is_port(&mut Cursor { rest: port });
        return if port && ipv6(host) { HOST_PORT } else { TEXT };
    }
    if (host == b"*" || is_name(host)) && is_port(&mut Cursor { rest: port }) {
        return HOST_PORT;
    }
    TEXT
}

fn without_zone(host: &[u8]) -> &[u8] {
    match host.iter().position(|&b| b == b'%') {
        Some(at) if at + 1 < host.len() && host[at + 1..].iter().all(|&b| is_name_byte(b)) => &host[..at],
        _ => host,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

fn is_name(name: &[u8]) -> bool {
    let letter = name.iter().any(u8::is_ascii_alphabetic);
    letter
        && name.iter().all(|&b| is_name_byte(b))
        && (name[0].is_ascii_alphabetic() || (name[0].is_ascii_digit() && name.contains(&b'.')))
}

fn is_email(value: &[u8]) -> bool {
    let inner = match value {
        [b'<', inner @ .., b'>'] => inner,
        _ => value,
    };
    let Some(at) = inner.iter().position(|&b| b == b'@') else {
        return false;
    };
    let (local, domain) = (&inner[..at], &inner[at + 1..]);
    if local.is_empty() || !local.iter().all(|b| b.is_ascii_alphanumeric() || b"._%+-=#$&'*!?^~".contains(b))
    {
        return false;
    }
    if domain == b"localhost" {
        return true;
    }
    let Some(dot) = domain.iter().rposition(|&b| b == b'.') else {
        return false;
    };
    dot > 0
        && domain[0] != b'.'
        && domain[dot + 1..].len() >= 2
        && domain[dot + 1].is_ascii_alphabetic()
        && domain.iter().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(b))
}

fn is_path(value: &[u8], mask: u16) -> bool {
    if value.iter().any(|&b| b < b' ' || matches!(b, b'"' | b'<' | b'>' | 0x7f)) {
        return false;
    }
    match value {
        [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic() => return true,
        [b'\\', b'\\', host, ..] if host.is_ascii_alphanumeric() || b".?".contains(host) => {
            return true;
        }
        _ => {}
    }
    if mask & BLANK != 0 {
        return false;
    }
    match value {
        [b'/', ..] | [b'.', b'/', ..] | [b'.', b'.', b'/', ..] | [b'~', b'/', ..] => return true,
        [b'\\', letter, ..] if letter.is_ascii_alphabetic() => return true,
        _ => {}
    }
    let joiner = if mask & SLASH != 0 { b'/' } else { b'\\' };
    let word = |part: &[u8]| part.iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    let mut parts = 0;
    let mut letters = false;
    let mut last: &[u8] = &[];
    for part in value.split(|&b| b == joiner) {
        let allowed = word(part) || (parts > 0 && part.is_empty());
        if !allowed {
            return false;
        }
        letters |= part.iter().any(|b| b.is_ascii_alphabetic() || *b >= 0x80);
        parts += 1;
        last = part;
    }
    if parts > 2 {
        return letters;
    }
    // `src/main.rs`, but not `HTTP/1.1` or `and/or`.
    joiner == b'/'
        && last.iter().rposition(|&b| b == b'.').is_some_and(|dot| {
            let extension = &last[dot + 1..];
            dot > 0
                && (1..=5).contains(&extension.len())
                && extension[0].is_ascii_alphabetic()
                && extension.iter().all(u8::is_ascii_alphanumeric)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; CLASSES] = [
        "EMPTY",
        "INTEGER",
        "NUMBER",
        "HEX",
        "IP",
        "HOST_PORT",
        "MAC",
        "UUID",
        "TIME",
        "DURATION",
        "SIZE",
        "VERSION",
        "PATH",
        "URL",
        "EMAIL",
        "ID",
        "WORD",
        "TEXT",
    ];

    fn expect(class: u8, values: &[&str]) {
        for value in values {
            let found = classify(value.as_bytes());
            assert_eq!(NAMES[class as usize], NAMES[found as usize], "{value:?}");
        }
    }

    #[test]
    fn numbers() {
        expect(EMPTY, &[""]);
        expect(INTEGER, &["0", "7", "007", "-12", "+3", "123456789012345678901234567890"]);
        expect(
            NUMBER,
            &[
                "1.5",
                "-0.25",
                ".5",
                "+.5",
                "1e-05",
                "1.2E5",
                "1.2e+5",
                "12%",
                "99.9%",
                "1,234",
                "12,345,678.9",
                "3E+8",
            ],
        );
        expect(ID, &["1.", "5-", "1e5", "1-2", "1.2.", "1..2", "+1+", "--1", "1e"]);
        expect(TEXT, &["1,23", "1,2345", "%", "-", "+", ".", "-.", "1%%", ",5", "5,"]);
    }

    #[test]
    fn hex() {
        expect(HEX, &["0x0", "0xdeadBEEF", "0X1f", "9f4ef63", "12e5", "4096B", "a64f992", "1a2b"]);
        expect(WORD, &["deadbeef", "cafe", "x"]);
        expect(ID, &["0x", "0xfg1", "1f", "a1b", "0x1.5", "1g2b"]);
    }

    #[test]
    fn addresses() {
        expect(
            IP,
            &[
                "10.0.0.1",
                "255.255.255.255",
                "0.0.0.0",
                "10.0.0.0/8",
                "/10.10.34.12",
                "node-7/10.1.2.3",
                "::1",
                "::",
                "fe80::1%eth0",
                "2001:db8::8a2e:370:7334",
                "0:0:0:0:0:0:0:0",
                "[2001:db8::1]",
                "2001:db8::/32",
                "::ffff:10.0.0.1",
            ],
        );
        expect(
            HOST_PORT,
            &[
                "10.0.0.1:80",
                "/10.1.2.3:50010",
                "node-7/10.1.2.3:8030",
                "db-1.local:5432",
                "web:8080",
                "[::1]:80",
                "[fe80::1%eth0]:443",
                "*:80",
                "0:0:0:0:0:0:0:0:2181",
                ":::8080",
                "4.example.com:25",
            ],
        );
        expect(VERSION, &["256.1.1.1", "1.2.3.4.5", "10.0.0"]);
        expect(
            ID,
            &[
                "10.0.0.1:0",
                "10.0.0.1:",
                "10.0.0.1:65536",
                "web:0",
                "web:080",
                "web:99999",
                "1f:80",
                "1:2:3",
                "10.0.0.1.",
                "0000:00:1f.2",
                "10.0.0.1/33",
            ],
        );
        expect(WORD, &["a::b", "std::vector", "web:", "web:port", "dead::beef"]);
        expect(TEXT, &["[10.0.0.1]", "::%", "[::1", "::1]", ":", ":::", "10.0.0.1,10.0.0.2"]);
    }

    #[test]
    fn mac_and_uuid() {
        expect(MAC, &["00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7"]);
        expect(ID, &["00:1b:44:11:3a", "00:1b-44:11:3a:b7", "0g:1b:44:11:3a:b7", "001b.4411.3ab"]);
        expect(UUID, &["113d3a99-c3da-401f-bd62-cc2caa5b96d2", "{113D3A99-C3DA-401F-BD62-CC2CAA5B96D2}"]);
        expect(
            ID,
            &[
                "113d3a99-c3da-401f-bd62-cc2caa5b96d",
                "113d3a99-c3da-401f-bd62-cc2caa5b96dg",
                "113d3a99_c3da-401f-bd62-cc2caa5b96d2",
            ],
        );
        expect(TEXT, &["{113d3a99-c3da-401f-bd62-cc2caa5b96d2"]);
    }

    #[test]
    fn times() {
        expect(
            TIME,
            &[
                "2015-10-18",
                "2015/10/18",
                "2015.10.18",
                "18.10.2015",
                "10/18/2015",
                "17/06/09",
                "18/Oct/2015",
                "18-Oct-2015",
                "18 Oct 2015",
                "04:47",
                "00:01",
                "45:10",
                "4:47:44",
                "04:47:44.123",
                "04:47:44,123456",
                "16:49:06 PM",
                "5:06am",
                "23:59:60",
                "04:47:44Z",
                "2015-10-18 18:01:47,978",
                "2024-01-02T03:04:05Z",
                "2024-01-02T03:04:05.123456+02:00",
                "2005-06-03-15.42.50.675872",
                "20171223-22:15:29:606",
                "20171223-2:5:9:6",
                "20171223T221529Z",
                "081109 203615",
                "03-17 16:13:38.811",
                "10.30 16:49:06",
                "Jun 14 15:16:01",
                "Jul  9 12:16:51",
                "Jun 14",
                "Sun Dec 04 04:47:44 2005",
                "Sun Dec  4 04:47:44 UTC 2005",
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Jun 14, 2005",
                "10/Oct/2000:13:55:36 -0700",
                "2016-09-28 04:30:30 UTC",
                "2017-05-16_13:53:08",
                "Jun 14 2005 10:00:00",
                "2024-01-02 03:04",
            ],
        );
        expect(
            ID,
            &[
                "2015-13-18",
                "2015-10-32",
                "2015-10",
                "24:61",
                "4:7:44",
                "04:60",
                "10-30",
                "99/99/99",
                "20171223-99",
                "2015-10-18T",
                "2015/10",
                "04:47:61",
            ],
        );
        expect(INTEGER, &["20171223", "081109", "1117838570"]);
        expect(WORD, &["Sun", "Jun"]);
        expect(VERSION, &["2015.13.18"]);
        expect(
            TEXT,
            &[
                "Jun 32",
                "Jun x",
                "Sun Dec",
                "Sun 5",
                "12:00 noon",
                "Jun 14 15:16:01 99",
                "12:00 1",
                "1999-01-01 is 1",
                "081109 999999",
            ],
        );
    }

    #[test]
    fn durations() {
        expect(
            DURATION,
            &[
                "15ms",
                "1.5s",
                "1.5 s",
                "-3s",
                "1,234ms",
                "5m",
                "1h30m",
                "1h30m15.5s",
                "2 days",
                "2 days, 3:04:05",
                "1d 2h",
                "36d",
                "10 µs",
                "10μs",
                "PT1H30M",
                "P1DT2H",
                "P3W",
                "24:00:00",
                "125:03:12",
                "37:10:05.5",
                "1 sec",
                "300 seconds",
            ],
        );
        expect(ID, &["s15", "1h30", "P1", "PT1", "1hh", "P1DT", "15Ms", "24:61:00"]);
        expect(TEXT, &["2 days ago", "1 2s", "15 ms!", "1 \u{b5}"]);
        expect(WORD, &["ms", "PT", "P"]);
    }

    #[test]
    fn sizes() {
        expect(
            SIZE,
            &[
                "4.88 KB",
                "12MB",
                "512k",
                "512K",
                "3 GiB",
                "10 bytes",
                "10 bytes/s",
                "12B",
                "1,024 kB",
                "7g",
                "5 MB/s",
                "2.5M",
                "1 byte",
            ],
        );
        expect(ID, &["12XB", "12KBx", "KB12", "512q", "12MB/", "5b", "5P"]);
        expect(TEXT, &["4.88 KB of", "12 MBs", "1 2 KB"]);
    }

    #[test]
    fn versions() {
        expect(
            VERSION,
            &[
                "v2",
                "v1.2",
                "V6.1.7601.23505",
                "1.2.3",
                "6.1.7601.23505",
                "3.10.0-514.el7.x86_64",
                "1.0.2k",
                "1.2.3-rc1",
                "1.2.3+build.5",
                "2.7.0~beta",
            ],
        );
        expect(ID, &["1.2.3.example.com", "version1", "x1.2.3", "1.2.3:"]);
        expect(TEXT, &["1.2.3 beta", "v1.2,"]);
    }

    #[test]
    fn paths_urls_and_mail() {
        expect(
            PATH,
            &[
                "/",
                "/etc/passwd",
                "./a",
                "../a/b",
                "~/x",
                "src/main.rs",
                "a/b/c",
                "a/b/",
                "/a?b=1&c=%20",
                "C:\\Program Files\\x.dll",
                "c:/x",
                "\\\\host\\share",
                "\\SystemRoot\\x1",
                "a\\b\\c",
                "/proc/1/fd",
                "/caf\u{e9}",
            ],
        );
        expect(WORD, &["and/or", "DOMAIN\\user", "a/b", "x.y"]);
        expect(ID, &["HTTP/1.1", "2/5", "eth0/1", "DOMAIN\\user1", "1/2/3"]);
        expect(TEXT, &["//\n", "/<x>", "a/b c", "\\ "]);
        expect(
            URL,
            &[
                "http://a",
                "https://example.com:8080/x?y=1",
                "hdfs://10.0.0.1:9000/a",
                "file:///tmp/x",
                "jdbc:mysql://db:3306/x",
                "s3://bucket",
            ],
        );
        expect(WORD, &["http:", "http:/x"]);
        expect(TEXT, &["http://a b", "://x,", "http://\u{7}"]);
        expect(EMAIL, &["joe@example.com", "<a.b+c@x-y.org>", "root@localhost", "1@2.de"]);
        expect(WORD, &["a@", "a@.com", "a@b.c"]);
        expect(ID, &["Object@3af1", "joe@host1"]);
        expect(TEXT, &["@", "a b@c.de", "<joe@example.com"]);
    }

    #[test]
    fn words_ids_and_text() {
        expect(WORD, &["sshd", "pam_unix", "java.lang.String", "it's", "caf\u{e9}", "a-b", "k=v"]);
        expect(ID, &["blk_-3886504906", "core.2275", "R02-M1-N0-C:J12-U11", "node-246", "x1", "é1"]);
        expect(TEXT, &["a b", " ", "(x)", "\"x\"", "a,b", "sshd[1]", "---", "***", "a\tb", "\0"]);
        assert_eq!(TEXT, classify(b"\xff"));
        assert_eq!(TEXT, classify(b"abc\xc3"));
        assert_eq!(TEXT, classify(b"1\xff"));
    }

    #[test]
    fn join_is_a_join() {
        for a in 0..CLASSES as u8 {
            assert_eq!(a, join(a, a));
            assert_eq!(a, join(a, EMPTY));
            assert_eq!(TEXT, join(a, TEXT));
            for b in 0..CLASSES as u8 {
                assert_eq!(join(a, b), join(b, a));
                assert_eq!(join(a, b), join(a, join(a, b)));
                for c in 0..CLASSES as u8 {
                    assert_eq!(join(a, join(b, c)), join(join(a, b), c), "{a} {b} {c}");
                }
            }
        }
        assert_eq!(NUMBER, join(INTEGER, NUMBER));
        assert_eq!(HEX, join(INTEGER, HEX));
        assert_eq!(ID, join(NUMBER, HEX));
        assert_eq!(SIZE, join(INTEGER, SIZE));
        assert_eq!(HOST_PORT, join(IP, HOST_PORT));
        assert_eq!(ID, join(IP, WORD));
        assert_eq!(ID, join(WORD, ID));
        assert_eq!(ID, join(WORD, INTEGER));
        assert_eq!(TEXT, join(TIME, INTEGER));
        assert_eq!(TEXT, join(PATH, WORD));
        assert_eq!(TEXT, join(99, EMPTY));
    }

    #[test]
    fn columns() {
        assert_eq!(EMPTY, classify_column(b"", &[]));
        assert_eq!(EMPTY, classify_column(b"", &[0, 0, 0]));
        assert_eq!(NUMBER, classify_column(b"121.5", &[0, 2, 2, 5]));
        assert_eq!(TEXT, classify_column(b"1 2", &[0, 1, 2, 3]));
        assert_eq!(TEXT, classify_column(b"12", &[0, 3]));
        assert_eq!(TEXT, classify_column(b"12", &[2, 0]));
        assert_eq!(TEXT, classify_column(b"12", &[-1, 2]));
    }

    #[test]
    fn hostile_bytes_never_panic() {
        // Every string up to length four over the bytes the recognisers look at.
        let alphabet = b"09afTPxv.:/\\-+_,%@ []{}<>eJ\xc2\xb5\xff\0";
        for &a in alphabet {
            for &b in alphabet {
                for &c in alphabet {
                    for &d in alphabet {
                        let value = [a, b, c, d];
                        for length in 1..=4 {
                            assert!((classify(&value[..length]) as usize) < CLASSES);
                        }
                    }
                }
            }
        }
        let mut state = 1u64;
        for _ in 0..100_000 {
            let mut text = [0u8; 40];
            for byte in &mut text {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                *byte = alphabet[(state >> 33) as usize % alphabet.len()];
            }
            let length = (state >> 40) as usize % 41;
            assert!((classify(&text[..length]) as usize) < CLASSES);
        }
    }
}
