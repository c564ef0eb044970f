//! Search in text: which lines contain a literal, and which lines lie at given places.

pub mod filter;
pub mod finder;
pub mod lines;

pub use finder::Finder;
pub use lines::{hits, places, Hit};
