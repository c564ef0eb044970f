//! Big buffers in huge pages, where the system has them for those who ask.
//!
//! Memory is fetched from the system page by page when it is touched first. Of a block's buffer that is
//! thousands of times, which take a tenth as long as decoding the block; of pages of 2 MB it is a few.

/// Bytes from which on it is worth a call to the system.
#[cfg(target_os = "linux")]
const BIG: usize = 4 << 20;

/// So many zeros.
pub fn zeroed(n: usize) -> Vec<u8> {
    // Untouched: the allocator has zeros from the system.
    let mut bytes = vec![0; n];
    in_huge_pages(&mut bytes);
    bytes
}

/// Asks for huge pages; without them all is as before, but slower.
#[cfg(target_os = "linux")]
fn in_huge_pages(bytes: &mut [u8]) {
    use std::ffi::{c_int, c_void};
    extern "C" {
        fn madvise(address: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }
    const PAGE: usize = 4096;
    const MADV_HUGEPAGE: c_int = 14;
    if bytes.len() < BIG {
        return;
    }
    let before = bytes.as_ptr().align_offset(PAGE);
    if let Some(pages) = bytes.get_mut(before..) {
        // SAFETY: the range lies within the buffer, and the advice changes nothing in it. Where pages are
        // larger than PAGE, or there are no huge ones, the system refuses.
        unsafe { madvise(pages.as_mut_ptr().cast(), pages.len() / PAGE * PAGE, MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn in_huge_pages(_: &mut [u8]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_any_size_are_zeros_and_can_be_written() {
        for n in [0, 1, 4096, (4 << 20) - 1, 4 << 20, (9 << 20) + 77] {
            let mut bytes = zeroed(n);
            assert_eq!((bytes.len(), bytes.iter().all(|b| *b == 0)), (n, true));
            bytes.fill(7);
            assert!(bytes.iter().all(|b| *b == 7));
        }
    }
}
