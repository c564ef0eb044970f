//! Numbers of variable length (LEB128), and a cursor over bytes that come from outside.

/// Seven bits a byte, low ones first; the top bit says that more follow.
pub fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// A position in one stream.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    name: &'static str,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], name: &'static str) -> Cursor<'a> {
        Cursor { bytes, at: 0, name }
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..n)) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(format!(
                "stream {} ends early: {n} bytes expected at {}, {} found",
                self.name,
                self.at,
                self.bytes.len().saturating_sub(self.at)
            )),
        }
    }

    pub fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, String> {
        match self.bytes.get(self.at) {
            Some(&b) if b < 0x80 => {
                self.at += 1;
                Ok(u64::from(b))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, String> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte()?;
            if shift == 63 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        Err(format!("stream {} has a number of more than 64 bits before byte {}", self.name, self.at))
    }

    /// A number that counts or measures something of which there are at most `limit`.
    #[inline(always)]
    pub fn count(&mut self, limit: usize, what: &str) -> Result<usize, String> {
        let v = self.varint()?;
        if v > limit as u64 {
            return Err(format!("{v} {what}, at most {limit} are possible here"));
        }
        Ok(v as usize)
    }

    /// What was taken since `at` bytes were.
    pub fn since(&self, at: usize) -> &'a [u8] {
        &self.bytes[at..self.at]
    }

    /// Bytes taken.
    pub fn taken(&self) -> usize {
        self.at
    }

    /// The next byte, which stays.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// All of a stream must have been used: what is left over would be silent damage.
    pub fn end(&self) -> Result<(), String> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(format!("stream {} has {n} bytes left over", self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_bad_ones_are_refused() {
        for v in [0, 1, 127, 128, 300, u64::MAX >> 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, v);
            let mut c = Cursor::new(&out, "x");
            assert_eq!(c.varint().unwrap(), v);
            c.end().unwrap();
            assert!(Cursor::new(&out[..out.len() - 1], "x").varint().is_err());
        }
        assert!(Cursor::new(&[0xff; 11], "x").varint().is_err());
        assert!(Cursor::new(&[9], "x").count(8, "things").is_err());
    }
}
