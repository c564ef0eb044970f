//! Byte classes of 32 bytes at a time, as bit masks: bit i speaks of byte i.
//!
//! SSE2 is part of x86-64, so nothing has to be detected at run time; elsewhere the portable
//! version, which is also what the tests compare with, is used.

/// Classes of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Letters, digits and bytes >= 0x80.
    pub word: u32,
    pub digit: u32,
    /// Word bytes that are no hex digits.
    pub not_hex: u32,
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::Classes;

    pub fn classes(bytes: &[u8; 32]) -> Classes {
        let mut c = Classes { word: 0, digit: 0, not_hex: 0 };
        for (i, b) in bytes.iter().enumerate() {
            c.digit |= u32::from(b.is_ascii_digit()) << i;
            let word = b.is_ascii_alphanumeric() || *b >= 0x80;
            c.word |= u32::from(word) << i;
            c.not_hex |= u32::from(word && !b.is_ascii_hexdigit()) << i;
        }
        c
    }

    fn mask(bytes: &[u8; 32], f: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().fold(0, |mask, (i, b)| mask | u32::from(f(*b)) << i)
    }

    pub fn white(bytes: &[u8; 32]) -> u32 {
        mask(bytes, |b| matches!(b, 9..=13 | 32))
    }

    pub fn equal(bytes: &[u8; 32], byte: u8) -> u32 {
        mask(bytes, |b| b == byte)
    }

    pub fn either(bytes: &[u8; 32], x: u8, y: u8) -> u32 {
        mask(bytes, |b| b == x || b == y)
    }

    pub fn same(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        a.iter().zip(b).enumerate().fold(0, |mask, (i, (x, y))| mask | u32::from(x == y) << i)
    }

    pub fn numeric(bytes: &[u8; 32]) -> (u32, u32) {
        (mask(bytes, |b| b.is_ascii_digit()), mask(bytes, |b| (b','..=b':').contains(&b)))
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::Classes;
    use std::arch::x86_64::*;

    #[inline(always)]
    fn load(bytes: &[u8; 32], half: usize) -> __m128i {
        // SAFETY: 16 bytes are readable at offset 0 and 16 of 32; the load may be unaligned.
        unsafe { _mm_loadu_si128(bytes.as_ptr().add(16 * half).cast()) }
    }

    /// 0xff where byte - low, as an unsigned number, is at most `span`.
    #[inline(always)]
    fn between(v: __m128i, low: u8, span: u8) -> __m128i {
        // SAFETY: SSE2 is part of every x86-64 processor.
        unsafe {
            let d = _mm_sub_epi8(v, _mm_set1_epi8(low as i8));
            _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(span as i8)), d)
        }
    }

    #[inline(always)]
    fn mask(v: __m128i) -> u32 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        unsafe { _mm_movemask_epi8(v) as u32 }
    }

    #[inline(always)]
    fn lower(v: __m128i) -> __m128i {
        // SAFETY: SSE2 is part of every x86-64 processor.
        unsafe { _mm_or_si128(v, _mm_set1_epi8(0x20)) }
    }

    #[inline(always)]
    fn both(bytes: &[u8; 32], f: impl Fn(__m128i) -> u32) -> u32 {
        f(load(bytes, 0)) | f(load(bytes, 1)) << 16
    }

    #[inline(always)]
    pub fn classes(bytes: &[u8; 32]) -> Classes {
        let digit = both(bytes, |v| mask(between(v, b'0', 9)));
        let letter = both(bytes, |v| mask(between(lower(v), b'a', 25)));
        let hex = both(bytes, |v| mask(between(lower(v), b'a', 5)));
        let high = both(bytes, mask);
        Classes { word: digit | letter | high, digit, not_hex: (letter & !hex) | high }
    }

    #[inline(always)]
    pub fn white(bytes: &[u8; 32]) -> u32 {
        both(bytes, |v| mask(between(v, 9, 4)) | mask(between(v, 32, 0)))
    }

    #[inline(always)]
    fn is(v: __m128i, byte: u8) -> __m128i {
        // SAFETY: SSE2 is part of every x86-64 processor.
        unsafe { _mm_cmpeq_epi8(v, _mm_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    pub fn equal(bytes: &[u8; 32], byte: u8) -> u32 {
        both(bytes, |v| mask(is(v, byte)))
    }

    #[inline(always)]
    pub fn either(bytes: &[u8; 32], x: u8, y: u8) -> u32 {
        both(bytes, |v| mask(is(v, x)) | mask(is(v, y)))
    }

    #[inline(always)]
    pub fn same(a: &[u8; 32], b: &[u8; 32]) -> u32 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        let half = |i| mask(unsafe { _mm_cmpeq_epi8(load(a, i), load(b, i)) });
        half(0) | half(1) << 16
    }

    #[inline(always)]
    pub fn numeric(bytes: &[u8; 32]) -> (u32, u32) {
        (both(bytes, |v| mask(between(v, b'0', 9))), both(bytes, |v| mask(between(v, b',', b':' - b','))))
    }
}

#[cfg(not(target_arch = "x86_64"))]
use portable as best;
#[cfg(target_arch = "x86_64")]
use sse2 as best;

/// The classes of 32 bytes.
#[inline(always)]
pub fn classes(bytes: &[u8; 32]) -> Classes {
    best::classes(bytes)
}

/// Which of 32 bytes are ASCII white space.
#[inline(always)]
pub fn white(bytes: &[u8; 32]) -> u32 {
    best::white(bytes)
}

/// Which of 32 bytes are a given one.
#[inline(always)]
pub fn equal(bytes: &[u8; 32], byte: u8) -> u32 {
    best::equal(bytes, byte)
}

/// Which of 32 bytes are one of two.
#[inline(always)]
pub fn either(bytes: &[u8; 32], x: u8, y: u8) -> u32 {
    best::either(bytes, x, y)
}

/// Where 32 bytes are the same as 32 others.
#[inline(always)]
pub fn same(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    best::same(a, b)
}

/// Which of 32 bytes are digits, and which are digits or one of `, - . / :`, which are neighbours.
#[inline(always)]
pub fn numeric(bytes: &[u8; 32]) -> (u32, u32) {
    best::numeric(bytes)
}

/// Work whose code is compiled twice, once for wide vectors. Integers have one result either way.
pub trait Work {
    type Out;

    /// Has to be `#[inline(always)]`: what it calls out of line is the common code.
    fn run(self) -> Self::Out;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_wide<W: Work>(work: W) -> W::Out {
    work.run()
}

/// Does work with vectors of 256 bits where the processor has them.
#[inline(always)]
pub fn widest<W: Work>(work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    if crate::hot::has_avx2() {
        // SAFETY: the processor has all that the function was compiled for.
        return unsafe { run_wide(work) };
    }
    work.run()
}

/// Says that an element of a table will be wanted soon; one beyond the end is nothing.
#[inline(always)]
pub fn soon<T>(table: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = table.get(at) {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        // SAFETY: SSE is part of every x86-64 processor, and a prefetch has no effect that can be seen.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_and_the_plain_version_agree_on_every_byte() {
        for b in 0..=255u8 {
            for at in [0usize, 15, 16, 31] {
                let mut bytes = [b' '; 32];
                bytes[at] = b;
                assert_eq!(classes(&bytes), portable::classes(&bytes), "{b}");
                assert_eq!(white(&bytes), portable::white(&bytes), "{b}");
                assert_eq!(equal(&bytes, b'\n'), portable::equal(&bytes, b'\n'), "{b}");
                assert_eq!(either(&bytes, 9, 32), portable::either(&bytes, 9, 32), "{b}");
                let other = std::array::from_fn(|i| if i % 3 == 0 { b } else { b' ' });
                assert_eq!(same(&bytes, &other), portable::same(&bytes, &other), "{b}");
                assert_eq!(numeric(&bytes), portable::numeric(&bytes), "{b}");
            }
        }
    }
}
