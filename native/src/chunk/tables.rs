//! Chunks matched against a table of templates that is learned elsewhere, and samples of their lines.

use super::{Chunk, TERM_NONE};
use crate::layout::{Layout, Shapes, Span, Split, NO_HEADER};
use crate::lex::fold;
use crate::matching::Table;

/// How rare a line is in samples: a line of level n is in all of the levels up to n, and every level has
/// about half of the lines of the one before. The number alone decides, which can be any that tells
/// the lines of a log apart.
#[inline(always)]
pub fn sample_level(number: u64) -> u32 {
    // The first factor must not be 0 for any number that occurs.
    fold(number ^ 0x2545_f491_4f6c_dd1d, 0x9e37_79b9_7f4a_7c15).trailing_zeros().min(63)
}

impl Chunk {
    /// Lines, headers and templates of `input[..used]`.
    #[inline(always)]
    pub fn match_table(&mut self, table: &Table, layout: &Layout, shapes: &Shapes) {
        self.split_lines(layout, shapes, true, |c, input, message| {
            c.place(table, input, message);
            true
        });
    }

    /// The same for messages given by their offsets in `input`; there are no lines and headers.
    #[inline(always)]
    pub fn match_table_given(&mut self, table: &Table, offsets: &[i64]) {
        self.given(offsets);
        let input = std::mem::take(&mut self.input);
        for i in 0..self.messages.len() {
            self.place(table, &input, self.messages[i]);
        }
        self.input = input;
    }

    #[inline(always)]
    fn place(&mut self, table: &Table, input: &[u8], message: Span) {
        self.first_span.push(self.spans.len() as u32);
        let t = table.place(input, message, &mut self.spans, &mut self.walk);
        self.templates.push(t);
    }

    /// Whether `settle` has nothing to do.
    pub fn has_known_shapes(&self) -> bool {
        self.new_shapes.is_empty()
    }

    /// Adds the shapes that the chunk met first; to be called for chunks in file order.
    ///
    /// Lines whose shape finds no room have no header, and are matched again as a whole.
    pub fn settle(&mut self, table: &Table, shapes: &mut Shapes) {
        let refused = self.add_shapes(Some(shapes));
        self.drop_headers(&refused);
        let input = std::mem::take(&mut self.input);
        for line in refused {
            self.first_span[line] = self.spans.len() as u32;
            self.templates[line] = table.place(&input, self.messages[line], &mut self.spans, &mut self.walk);
        }
        self.input = input;
    }

    /// The messages of those lines of `input[..used]` that are in the sample of a level, each with the
    /// template that holds any message, and their levels. The number of a line is the place of its first
    /// byte, `first` for the first one.
    pub fn sample_lines(&mut self, layout: &Layout, shapes: &Shapes, first: u64, level: u32) {
        self.clear(0);
        self.levels.clear();
        let input = std::mem::take(&mut self.input);
        let mut newlines = std::mem::take(&mut self.newlines);
        newlines.scan(&input[..self.used]);
        let mut fields = vec![Span::default(); layout.field_count()];
        let mut start = 0usize;
        for newline in newlines.positions(self.used) {
            let own = sample_level(first.wrapping_add(start as u64));
            if own >= level {
                self.levels.push(own as u8);
                let (end, _) = super::line_end(&input, start, newline, newline < self.used);
                let whole = Span { start: start as u32, end: end as u32 };
                let mut message = whole;
                let split =
                    layout.split(shapes, &input, start, end, &mut fields, &mut message, &mut self.key);
                if matches!(split, Split::None) {
                    message = whole;
                }
                self.first_span.push(self.spans.len() as u32);
                self.spans.push(message);
                self.messages.push(message);
                self.templates.push(0);
                self.terminators.push(TERM_NONE);
                self.shapes.push(NO_HEADER);
            }
            start = newline + 1;
        }
        self.newlines = newlines;
        self.input = input;
    }
}

#[cfg(test)]
mod tests {
    use super::sample_level;

    #[test]
    fn every_level_has_half_of_the_one_before() {
        let lines = 1u64 << 16;
        for level in 0..8 {
            let have = (0..lines).filter(|&line| sample_level(line) >= level).count() as f64;
            let expected = (lines >> level) as f64;
            assert!((have - expected).abs() < 5.0 * expected.sqrt(), "level {level}: {have}");
        }
    }
}
