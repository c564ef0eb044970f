//! States of an automaton behind time stamps, of which most differ from the one before in a field or two.

use super::automaton::Automaton;
use crate::archive::numbers::{self, Stamp};
use crate::archive::parts::Lack;

const UNKNOWN: u32 = u32::MAX;
/// Fields of more values have no table.
const MOST: u64 = 1 << 12;

/// A field with the literal behind it.
struct Hand {
    radix: u64,
    width: usize,
    literal: Vec<u8>,
    /// Of the stamp that came last: the least one with the same fields before, and the state behind these.
    before: (u64, u32),
    /// For states before the field, the state after each of its values.
    known: Vec<(u32, Vec<u32>)>,
}

/// A stamp's fields.
pub struct Hands {
    hands: Vec<Hand>,
    start: u32,
    text: Vec<u8>,
}

impl Hands {
    /// For stamps that begin in a state.
    pub fn new(automaton: &mut Automaton, stamp: &Stamp, state: u32) -> Result<Hands, Lack> {
        stamp.check()?;
        let literals = &stamp.skeleton.literals;
        let start = automaton.run(state, literals.first().ok_or("a stamp without literals")?)?;
        let fields = stamp.widths.iter().zip(&stamp.radixes).zip(&literals[1..]);
        let hands = fields.map(|((width, radix), literal)| Hand {
            radix: *radix,
            width: usize::from(*width),
            literal: literal.clone(),
            before: (0, UNKNOWN),
            known: Vec::new(),
        });
        Ok(Hands { hands: hands.collect(), start, text: Vec::new() })
    }

    /// The state behind a stamp.
    pub fn at(&mut self, automaton: &mut Automaton, v: u64) -> Result<u32, Lack> {
        Hands::behind(&mut self.hands, &mut self.text, automaton, self.start, v)
    }

    fn behind(
        hands: &mut [Hand],
        text: &mut Vec<u8>,
        automaton: &mut Automaton,
        start: u32,
        v: u64,
    ) -> Result<u32, Lack> {
        let Some((hand, earlier)) = hands.split_last_mut() else {
            return if v == 0 { Ok(start) } else { Err("a stamp beyond its fields".into()) };
        };
        // Most have all fields but this one of the stamp before, and need no division.
        let mut field = v.wrapping_sub(hand.before.0);
        if field >= hand.radix || hand.before.1 == UNKNOWN {
            field = v % hand.radix;
            hand.before = (v - field, Hands::behind(earlier, text, automaton, start, v / hand.radix)?);
        }
        let state = hand.before.1;
        let mut make = || {
            text.clear();
            numbers::format(text, field, hand.width);
            text.extend_from_slice(&hand.literal);
            Ok::<_, Lack>(automaton.run(state, text)?)
        };
        if hand.radix > MOST {
            return make();
        }
        let table = match hand.known.iter().position(|k| k.0 == state) {
            Some(i) => &mut hand.known[i].1,
            None => {
                // States before a field are few; where they are not, tables would not be used again.
                if hand.known.len() > 64 {
                    hand.known.clear();
                }
                hand.known.push((state, vec![UNKNOWN; hand.radix as usize]));
                let last = hand.known.len() - 1;
                &mut hand.known[last].1
            }
        };
        let known = &mut table[field as usize];
        if *known == UNKNOWN {
            *known = make()?;
        }
        Ok(*known)
    }
}
