//! The clocks of a log: forms of time stamps, each with the last time it showed.

use crate::stamp::{self, Stamp};

/// Clocks that are told apart; the one that was not used for longest is given up.
pub const CLOCKS: usize = 15;

#[derive(Clone)]
pub struct Clock {
    pub stamp: Stamp,
    pub tail: Vec<u8>,
    /// The first stamp of the last row that had this clock.
    pub last: i64,
    /// Its distance from the one before.
    pub step: i64,
    pub step_before: i64,
    /// The row of `last`.
    pub row: u32,
}

impl Clock {
    pub fn unit(&self) -> i64 {
        10i64.pow(u32::from(self.stamp.digits.min(9)))
    }
}

#[derive(Default)]
pub struct Clocks {
    pub list: Vec<Clock>,
}

impl Clocks {
    /// The clock that a text is of, and its time there.
    pub fn find(&self, text: &[u8]) -> Option<(usize, i64)> {
        self.list.iter().enumerate().find_map(|(k, clock)| {
            let (value, used) = clock.stamp.read(text)?;
            (text[used..] == clock.tail[..]).then_some((k, value))
        })
    }

    /// Makes a clock of a text that no clock fits.
    pub fn learn(&mut self, text: &[u8], row: u32) {
        let Some((stamp, last, used)) = stamp::read(text) else { return };
        let clock = Clock { stamp, tail: text[used..].to_vec(), last, step: 0, step_before: 0, row };
        if self.list.len() < CLOCKS {
            self.list.push(clock);
        } else if let Some(oldest) = self.list.iter_mut().min_by_key(|c| c.row) {
            *oldest = clock;
        }
    }
}
