//! Names of things and places: addresses, paths, URLs, and ids of a fixed form.

use super::cursor::Cursor;
use super::{BLANK, COLON, D, DOT, HOST_PORT, IP, SLASH, TEXT};

/// Eats an IPv4 address: four numbers up to 255 of at most three digits.
pub(super) fn ipv4(cursor: &mut Cursor) -> bool {
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

pub(super) fn is_port(cursor: &mut Cursor) -> bool {
    cursor.peek() != b'0' && cursor.field(1, 5, 1, 65_535).is_some() && cursor.done()
}

/// IP, HOST_PORT, or TEXT for neither.
pub(super) fn address(value: &[u8], mask: u16) -> u8 {
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

pub(super) fn is_email(value: &[u8]) -> bool {
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

pub(super) fn is_path(value: &[u8], mask: u16) -> bool {
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

pub(super) fn is_uuid(value: &[u8]) -> bool {
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

pub(super) fn is_mac(value: &[u8]) -> bool {
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

pub(super) fn is_url(value: &[u8]) -> bool {
    let Some(at) = value.windows(3).position(|w| w == b"://") else {
        return false;
    };
    let scheme = &value[..at];
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(b))
        && value.len() > at + 3
        && value[at + 3..].iter().all(|&b| b > b' ' && b != b'"')
}
