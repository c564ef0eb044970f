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

    pub fn white(bytes: &[u8; 32]) -> u32 {
        let mut mask = 0;
        for (i, b) in bytes.iter().enumerate() {
            mask |= u32::from(matches!(b, 9..=13 | 32)) << i;
        }
        mask
    }

    pub fn newlines(bytes: &[u8; 32]) -> u32 {
        let mut mask = 0;
        for (i, b) in bytes.iter().enumerate() {
            mask |= u32::from(*b == b'\n') << i;
        }
        mask
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
    pub fn newlines(bytes: &[u8; 32]) -> u32 {
        both(bytes, |v| mask(between(v, b'\n', 0)))
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

/// Which of 32 bytes are newlines.
#[inline(always)]
pub fn newlines(bytes: &[u8; 32]) -> u32 {
    best::newlines(bytes)
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
                assert_eq!(newlines(&bytes), portable::newlines(&bytes), "{b}");
            }
        }
    }
}
