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

mod cursor;
mod names;
mod times;

use cursor::{whole_number, Cursor};
use names::{address, ipv4, is_email, is_mac, is_path, is_port, is_url, is_uuid};
use times::{is_duration, is_size, is_time, is_version};

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

#[cfg(test)]
// Tables of values read better side by side.
#[rustfmt::skip]
mod tests;
