//! The streams of a block, as far as they were unpacked, and what is lacking where they were not.

use super::*;

/// Why an answer could not be given.
#[derive(Debug, PartialEq, Eq)]
pub enum Lack {
    /// These pieces of streams have to be unpacked first: stream and piece.
    Streams(Vec<(usize, usize)>),
    /// It would take too long, or needs too much; decode the block instead.
    Otherwise,
    /// The block is damaged.
    Bad(String),
}

impl Lack {
    /// The pieces, if it is these that are lacking.
    pub fn streams(self) -> Option<Vec<(usize, usize)>> {
        match self {
            Lack::Streams(pieces) => Some(pieces),
            _ => None,
        }
    }
}

impl From<String> for Lack {
    fn from(why: String) -> Lack {
        Lack::Bad(why)
    }
}

impl From<&str> for Lack {
    fn from(why: &str) -> Lack {
        Lack::Bad(why.into())
    }
}

/// The streams of a block, those that were unpacked so far, and its guide.
///
/// A stream can be cut: piece 0 is what lies between the others, which begin and end where `cuts` says.
#[derive(Default)]
pub struct Parts {
    /// Bytes of each, unpacked or not.
    pub sizes: [usize; STREAMS],
    pub guide: Option<Vec<u8>>,
    cuts: [Vec<(usize, usize)>; STREAMS],
    bytes: [Vec<u8>; STREAMS],
    /// Which pieces are there.
    have: [Vec<bool>; STREAMS],
}

impl Parts {
    /// Nothing is there yet.
    pub fn of(sizes: [usize; STREAMS]) -> Parts {
        let mut parts = Parts { sizes, ..Parts::default() };
        parts.have.iter_mut().for_each(|have| have.push(false));
        parts
    }

    /// Says where the pieces of a stream begin, and how long they are.
    pub fn cut(&mut self, k: usize, pieces: &[(usize, usize)]) -> Result<(), String> {
        let mut at = 0;
        for &(start, n) in pieces {
            let end = start.checked_add(n).filter(|end| start >= at && *end <= self.sizes[k]);
            at = end.ok_or("pieces that do not lie in their stream")?;
        }
        self.cuts[k] = pieces.iter().map(|(start, n)| (*start, start + n)).collect();
        self.have[k] = vec![false; pieces.len() + 1];
        self.bytes[k] = Vec::new();
        Ok(())
    }

    /// Gives a piece of a stream.
    pub fn give(&mut self, k: usize, piece: usize, data: &[u8]) -> Result<(), String> {
        let size = self.size(k, piece)?;
        if size != data.len() {
            return Err(format!("piece {piece} of stream {k} has {} bytes, {size} announced", data.len()));
        }
        if self.cuts[k].is_empty() {
            self.bytes[k] = data.to_vec();
        } else {
            if self.bytes[k].is_empty() {
                self.bytes[k] = vec![0; self.sizes[k]];
            }
            let ranges = match piece.checked_sub(1) {
                Some(i) => vec![self.cuts[k][i]],
                None => self.between(k),
            };
            let mut rest = data;
            for (a, b) in ranges {
                let (now, later) = rest.split_at(b - a);
                self.bytes[k][a..b].copy_from_slice(now);
                rest = later;
            }
        }
        self.have[k][piece] = true;
        Ok(())
    }

    /// Gives a piece out of the whole stream.
    #[cfg(test)]
    pub fn give_from(&mut self, k: usize, piece: usize, whole: &[u8]) {
        let ranges = match piece.checked_sub(1) {
            Some(i) => vec![self.cuts[k][i]],
            None => self.between(k),
        };
        let data: Vec<u8> = ranges.iter().flat_map(|(a, b)| whole[*a..*b].to_vec()).collect();
        assert!(!self.have[k][piece], "given twice");
        self.give(k, piece, &data).unwrap();
    }

    /// What lies between the pieces.
    fn between(&self, k: usize) -> Vec<(usize, usize)> {
        let starts = std::iter::once(0).chain(self.cuts[k].iter().map(|c| c.1));
        starts.zip(self.cuts[k].iter().map(|c| c.0).chain([self.sizes[k]])).collect()
    }

    /// Bytes of a piece.
    fn size(&self, k: usize, piece: usize) -> Result<usize, String> {
        if k >= STREAMS || piece > self.cuts[k].len() {
            return Err(format!("no piece {piece} of stream {k}"));
        }
        Ok(match piece.checked_sub(1) {
            Some(i) => self.cuts[k][i].1 - self.cuts[k][i].0,
            None => self.between(k).iter().map(|(a, b)| b - a).sum(),
        })
    }

    /// A stream, if it is there; an empty one always is.
    pub fn get(&self, k: usize) -> Result<&[u8], Lack> {
        self.there(k, 0, self.sizes[k])?;
        Ok(&self.bytes[k])
    }

    /// Whether all pieces are there that some bytes lie in.
    pub fn there(&self, k: usize, at: usize, n: usize) -> Result<(), Lack> {
        if n == 0 || self.have[k].iter().all(|have| *have) {
            return Ok(());
        }
        let end = at.saturating_add(n);
        // What of them is in no other piece is in the first one.
        let (mut rest, mut lacking) = (n, Vec::new());
        for (i, &(a, b)) in self.cuts[k].iter().enumerate() {
            let within = b.min(end).saturating_sub(a.max(at));
            if within > 0 && !self.have[k][i + 1] {
                lacking.push((k, i + 1));
            }
            rest -= within;
        }
        if rest > 0 && self.have[k].first() != Some(&true) {
            lacking.push((k, 0));
        }
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(Lack::Streams(lacking))
        }
    }

    /// A piece of a stream; places were checked against its size.
    pub fn slice(&self, k: usize, at: usize, n: usize) -> Result<&[u8], Lack> {
        if n == 0 {
            return Ok(&[]);
        }
        self.there(k, at, n)?;
        self.bytes[k]
            .get(at..)
            .and_then(|rest| rest.get(..n))
            .ok_or_else(|| "a piece beyond its stream".into())
    }

    /// The whole stream, of which not more can be relied on than what `there` says.
    pub fn raw(&self, k: usize) -> &[u8] {
        &self.bytes[k]
    }
}
