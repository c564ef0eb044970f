//! The C functions of whole parts, one file for each; see lib.rs for the conventions.

pub mod archive;
pub mod mask;
pub mod matching;
pub mod printing;
pub mod rows;
pub mod search;
pub mod select;
