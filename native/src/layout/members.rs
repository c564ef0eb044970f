//! Layouts whose lines name their own fields: JSON objects and `key=value` lines.
//!
//! The values of the configured members become fields, one of them the message; everything between
//! them (keys, quotes, braces, blanks, in whatever order) is the shape. A line with a member that
//! is not configured, a member twice, or no message does not fit.

use super::scan::{find_blank, find_byte, find_either, is_blank, run_end};
use super::shapes::MAX_KEY;
use super::Span;

pub const MAX_MEMBERS: usize = 1000;
const ENTRY: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    Json,
    Logfmt,
}

#[derive(Debug)]
struct Member {
    key: Vec<u8>,
    /// The field that takes the value; `None` for a key that can only be the message.
    field: Option<u16>,
    /// Its rank among the keys that can be the message; the lowest present wins.
    rank: Option<u16>,
}

pub struct Members {
    syntax: Syntax,
    members: Vec<Member>,
}

impl Members {
    pub fn build(syntax: Syntax, fields: Vec<Vec<u8>>, messages: Vec<Vec<u8>>) -> Result<Members, String> {
        if fields.len() > MAX_MEMBERS || messages.is_empty() || messages.len() > MAX_MEMBERS {
            return Err(format!(
                "expected at most {MAX_MEMBERS} keys and at least one for the message, found {} and {}",
                fields.len(),
                messages.len()
            ));
        }
        let mut members: Vec<Member> = Vec::new();
        for (i, key) in fields.into_iter().enumerate() {
            if members.iter().any(|m| m.key == key) {
                return Err("a key twice".into());
            }
            members.push(Member { key, field: Some(i as u16), rank: None });
        }
        for (rank, key) in messages.into_iter().enumerate() {
            let rank = Some(rank as u16);
            match members.iter_mut().find(|m| m.key == key) {
                Some(member) if member.rank.is_some() => return Err("a key twice".into()),
                Some(member) => member.rank = rank,
                None => members.push(Member { key, field: None, rank }),
            }
        }
        Ok(Members { syntax, members })
    }

    /// Fills in the spans and leaves the shape's key in `key`. False: the line does not fit, and
    /// what the spans hold means nothing.
    pub fn split(
        &self,
        data: &[u8],
        start: usize,
        end: usize,
        fields: &mut [Span],
        message: &mut Span,
        key: &mut Vec<u8>,
    ) -> bool {
        for field in fields.iter_mut() {
            *field = Span::default();
        }
        key.clear();
        let mut found = Found { owner: self, fields, key, best: None, only_message: 0, expect: 0 };
        let complete = match self.syntax {
            Syntax::Json => json(data, start, end, &mut found),
            Syntax::Logfmt => logfmt(data, start, end, &mut found),
        };
        if complete.is_none() {
            return false;
        }
        let (Some((rank, span)), true) = (found.best, found.only_message <= 1) else {
            return false;
        };
        // A key that can only be the message must be it.
        let winner = self.members.iter().position(|m| m.rank == Some(rank));
        let Some(winner) = winner else { return false };
        if found.only_message == 1 && self.members[winner].field.is_some() {
            return false;
        }
        if let Some(field) = self.members[winner].field {
            fields[field as usize] = Span::default();
        }
        *message = span;
        let empty = Span { start: start as u32, end: start as u32 };
        for field in fields.iter_mut() {
            if *field == Span::default() {
                *field = empty;
            }
        }
        self.finish_key(data, start, end, winner, key)
    }

    /// Turns the list of members at the front of `key` into the key of the shape (shapes.rs).
    fn finish_key(&self, data: &[u8], start: usize, end: usize, winner: usize, key: &mut Vec<u8>) -> bool {
        let listed = key.len();
        let count = listed / ENTRY;
        key.extend_from_slice(&(count as u16).to_le_bytes());
        for i in 0..count {
            let index = entry(key, i).0;
            let target =
                if index == winner { -1 } else { self.members[index].field.map_or(-1, |f| f as i16) };
            key.extend_from_slice(&target.to_le_bytes());
        }
        let mut from = start;
        for i in 0..=count {
            let (to, next) = if i < count {
                let (_, span) = entry(key, i);
                (span.start as usize, span.end as usize)
            } else {
                (end, end)
            };
            let Some(separator) = data.get(from..to) else {
                return false;
            };
            if separator.len() > MAX_KEY || key.len() - listed > MAX_KEY {
                return false;
            }
            key.extend_from_slice(&(separator.len() as u16).to_le_bytes());
            key.extend_from_slice(separator);
            from = next;
        }
        key.drain(..listed);
        key.len() <= MAX_KEY
    }
}

/// Entry `i` of the working list: number of the member (u16), start and end of its value (u32).
fn entry(list: &[u8], i: usize) -> (usize, Span) {
    let mut bytes = [0; ENTRY];
    if let Some(found) = list.get(i * ENTRY..(i + 1) * ENTRY) {
        bytes.copy_from_slice(found);
    }
    let [a, b, c, d, e, f, g, h, i, j] = bytes;
    (
        u16::from_le_bytes([a, b]) as usize,
        Span { start: u32::from_le_bytes([c, d, e, f]), end: u32::from_le_bytes([g, h, i, j]) },
    )
}

struct Found<'a> {
    owner: &'a Members,
    fields: &'a mut [Span],
    key: &'a mut Vec<u8>,
    best: Option<(u16, Span)>,
    /// How many members came that can be nothing but the message.
    only_message: usize,
    /// The member that is likely next: lines of a file mostly agree in their order.
    expect: usize,
}

impl Found<'_> {
    #[inline]
    fn add(&mut self, name: &[u8], start: usize, end: usize) -> Option<()> {
        let members = &self.owner.members;
        let index = match members.get(self.expect) {
            Some(member) if member.key == name => self.expect,
            _ => members.iter().position(|m| m.key == name)?,
        };
        self.expect = index + 1;
        // No value begins at 0, since its key comes before it: the default span means "not seen".
        let span = Span { start: start as u32, end: end as u32 };
        let member = &members[index];
        match member.field {
            Some(field) => {
                let slot = self.fields.get_mut(field as usize)?;
                if *slot != Span::default() {
                    return None;
                }
                *slot = span;
            }
            None => self.only_message += 1,
        }
        if let Some(rank) = member.rank {
            if self.best.is_none_or(|(best, _)| rank < best) {
                self.best = Some((rank, span));
            }
        }
        self.key.extend_from_slice(&(index as u16).to_le_bytes());
        self.key.extend_from_slice(&span.start.to_le_bytes());
        self.key.extend_from_slice(&span.end.to_le_bytes());
        Some(())
    }
}

fn skip_space(data: &[u8], mut at: usize, end: usize) -> usize {
    while at < end && data.get(at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The closing quote of the string whose content begins at `at`.
#[inline]
fn string_end(data: &[u8], mut at: usize, end: usize) -> Option<usize> {
    loop {
        at = find_either(data, at, end, b'"', b'\\')?;
        if data[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The end of the object or array that begins at `at`: brackets balance outside strings. What is
/// between them is not looked at more closely, because it is kept as it is.
fn nested_end(data: &[u8], mut at: usize, end: usize) -> Option<usize> {
    let mut depth = 0usize;
    while at < end {
        match data.get(at)? {
            b'"' => at = string_end(data, at + 1, end)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn json(data: &[u8], start: usize, end: usize, found: &mut Found) -> Option<()> {
    let byte = |at: usize| -> Option<u8> {
        if at < end {
            data.get(at).copied()
        } else {
            None
        }
    };
    let mut at = skip_space(data, start, end);
    if byte(at)? != b'{' {
        return None;
    }
    for _ in 0..MAX_MEMBERS {
        at = skip_space(data, at + 1, end);
        if byte(at)? != b'"' {
            return None;
        }
        let key_start = at + 1;
        let key_end = string_end(data, key_start, end)?;
        at = skip_space(data, key_end + 1, end);
        if byte(at)? != b':' {
            return None;
        }
        at = skip_space(data, at + 1, end);
        let (value, value_end, after) = match byte(at)? {
            b'"' => {
                let close = string_end(data, at + 1, end)?;
                (at + 1, close, close + 1)
            }
            b'{' | b'[' => {
                let close = nested_end(data, at, end)?;
                (at, close, close)
            }
            _ => {
                let mut close = at;
                while byte(close)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
                {
                    close += 1;
                }
                if close == at {
                    return None;
                }
                (at, close, close)
            }
        };
        found.add(data.get(key_start..key_end)?, value, value_end)?;
        at = skip_space(data, after, end);
        match byte(at)? {
            b',' => {}
            b'}' => return (skip_space(data, at + 1, end) == end).then_some(()),
            _ => return None,
        }
    }
    None
}

fn logfmt(data: &[u8], start: usize, end: usize, found: &mut Found) -> Option<()> {
    let mut at = run_end(data, start, end);
    for _ in 0..MAX_MEMBERS {
        // A key ends at its `=`; a word without one is not logfmt.
        let equals = find_byte(data, at, end, b'=')?;
        let key = data.get(at..equals)?;
        if key.is_empty() || key.iter().any(|&b| is_blank(b) || b == b'"') {
            return None;
        }
        at = equals + 1;
        let (value, value_end, after) = if at < end && data[at] == b'"' {
            let close = string_end(data, at + 1, end)?;
            (at + 1, close, close + 1)
        } else {
            let close = find_blank(data, at, end).unwrap_or(end);
            (at, close, close)
        };
        found.add(key, value, value_end)?;
        if after < end && !is_blank(data[after]) {
            return None;
        }
        at = run_end(data, after, end);
        if at >= end {
            return Some(());
        }
    }
    None
}
