

pub mod matching;
pub mod search;
