//! A value as the digits of another one, changed: the text between the digits is the same.

/// Runs of digits in one value.
pub const MAX_RUNS: usize = 6;
const MAX_DIGITS: usize = 18;

/// The numbers in a value, if they are few and short.
#[derive(Clone, Copy, Default)]
pub struct Runs {
    /// (start, end, number).
    pub runs: [(u32, u32, i64); MAX_RUNS],
    pub count: usize,
}

impl Runs {
    pub fn of(value: &[u8]) -> Option<Runs> {
        let mut found = Runs::default();
        let mut i = 0;
        while i < value.len() {
            if !value[i].is_ascii_digit() {
                i += 1;
                continue;
            }
            let start = i;
            let mut number = 0i64;
            while i < value.len() && value[i].is_ascii_digit() {
                if i - start >= MAX_DIGITS {
                    return None;
                }
                number = number * 10 + i64::from(value[i] - b'0');
                i += 1;
            }
            if found.count == MAX_RUNS {
                return None;
            }
            found.runs[found.count] = (start as u32, i as u32, number);
            found.count += 1;
        }
        (found.count > 0).then_some(found)
    }
}

/// Appends a number where `old` was: as wide as that one if it had leading zeros.
pub fn write(old: &[u8], number: i64, out: &mut Vec<u8>) {
    let text = number.max(0).to_string();
    if old.len() > 1 && old[0] == b'0' {
        out.resize(out.len() + old.len().saturating_sub(text.len()), b'0');
    }
    out.extend_from_slice(text.as_bytes());
}

/// `like` with other numbers; `None` if a number is negative.
pub fn render(like: &[u8], runs: &Runs, numbers: &[i64], out: &mut Vec<u8>) {
    let mut from = 0;
    for (&(start, end, _), &number) in runs.runs[..runs.count].iter().zip(numbers) {
        out.extend_from_slice(&like[from..start as usize]);
        write(&like[start as usize..end as usize], number, out);
        from = end as usize;
    }
    out.extend_from_slice(&like[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_width_only_with_leading_zeros() {
        let like = b"a007-12.5x";
        let runs = Runs::of(like).unwrap();
        let mut out = Vec::new();
        render(like, &runs, &[42, 9, 1234], &mut out);
        assert_eq!(out, b"a042-9.1234x");
        assert!(Runs::of(b"abc").is_none());
        assert!(Runs::of(b"1234567890123456789").is_none());
    }
}
