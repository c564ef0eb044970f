//! The native core of logpipe: the C ABI. All `unsafe` of the crate sits in this file.
pub mod layout;
pub mod recognise;

#[no_mangle]
pub extern "C" fn lp_abi_version() -> u32 { 1 }
