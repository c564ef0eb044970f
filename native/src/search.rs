//! Search: which lines of a text or of a block of columns have a match, and what lies at given places.

pub mod automaton;
pub mod columns;
pub mod filter;
pub mod finder;
mod hands;
pub mod lines;
pub mod parts;
pub mod print;
mod shapes;
pub mod text;

pub use finder::Finder;
pub use lines::{hits, places, Hit};
