//! Header layouts: where the fields of a line's header are, and where its message begins.
//!
//! A layout is compiled in Python (logpipe/formats/layouts.py) to a small program and run here for
//! every line. The result of a split is spans plus a *shape*: everything between the spans, by
//! number. Joining the separators and the fields of a shape in turn gives exactly the bytes of the
//! line, because the separators are what lay between the spans and nothing else.
//!
//! There is no regular expression: separators are literal bytes and runs of blanks, so a header
//! costs one short search per field, and a hostile line costs a bounded number of passes.
//!
//! The program:
//!
//! ```text
//! "LPL1"  kind u8  fields u16
//! kind 1 (text):            alternatives u8, then each: items u16, then each item:
//!     1 length u8 bytes     a literal
//!     2                     a run of one or more blanks and tabs
//!     3 field u8 check u8   a field
//!     4                     the message
//! kind 2 (JSON), 3 (logfmt): one key per field, then keys for the message: count u16, then keys
//!     a key is: length u16, bytes
//! ```
//!
//! Integers are little-endian. Nothing may follow.

mod check;
mod members;
mod scan;
mod separator;
mod shapes;
mod text;

use check::Check;
use members::{Members, Syntax};
use scan::Blanks;
use separator::{Element, Line, Seen};
pub use shapes::{Shapes, MAX_SHAPES};
use text::{Item, Path, Text};

const MAGIC: &[u8] = b"LPL1";
const MAX_PROGRAM: usize = 1 << 20;

/// Bytes `start..end` of the data a line lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// The shape of a line without a header: all of it is the message.
pub const NO_HEADER: u16 = 0;

/// What `Layout::split` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// A shape that the table has.
    Known(u16),
    /// A shape that the table does not have yet; its key was left for `Shapes::insert`.
    New,
    /// The line does not fit; the message is the line.
    None,
}

enum Kind {
    Text(Text),
    Members(Members),
}

/// A compiled layout; immutable, shared by all threads.
pub struct Layout {
    fields: usize,
    kind: Kind,
}

impl Layout {
    /// Checks a program and makes it runnable; says what is wrong with one that is not sound.
    pub fn compile(program: &[u8]) -> Result<Layout, String> {
        if program.len() > MAX_PROGRAM {
            return Err(format!(
                "a layout program of {} bytes, expected at most {MAX_PROGRAM}",
                program.len()
            ));
        }
        let mut reader = Reader { rest: program };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err("not a layout program of version 1".into());
        }
        let kind = reader.u8()?;
        let fields = reader.u16()? as usize;
        let kind = match kind {
            1 => Kind::Text(reader.text(fields)?),
            2 => Kind::Members(reader.members(Syntax::Json, fields)?),
            3 => Kind::Members(reader.members(Syntax::Logfmt, fields)?),
            other => return Err(format!("layout kind {other}, expected 1 to 3")),
        };
        if !reader.rest.is_empty() {
            return Err(format!("{} bytes after the layout program", reader.rest.len()));
        }
        Ok(Layout { fields, kind })
    }

    /// The number of header fields, the message not counted.
    pub fn field_count(&self) -> usize {
        self.fields
    }

    /// A table with shape 0 (no header) and the shapes whose every run of blanks is one blank.
    pub fn new_shapes(&self) -> Shapes {
        Shapes::new(match &self.kind {
            Kind::Text(text) => Some(text.paths.clone()),
            Kind::Members(_) => None,
        })
    }

    /// Splits the line `data[start..end]` (no terminator). `fields` has `field_count` entries.
    ///
    /// Spans are absolute positions in `data`, which is shorter than 4 GiB. A field that the line
    /// does not have gets an empty span at `start`. After `New`, `key` is what `Shapes::insert`
    /// wants; otherwise its content means nothing.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub fn split(
        &self,
        shapes: &Shapes,
        data: &[u8],
        start: usize,
        end: usize,
        fields: &mut [Span],
        message: &mut Span,
        key: &mut Vec<u8>,
    ) -> Split {
        let end = end.min(data.len()).min(u32::MAX as usize);
        let start = start.min(end);
        let found = if fields.len() == self.fields {
            match &self.kind {
                Kind::Text(text) => split_text(text, shapes, data, start, end, fields, message, key),
                Kind::Members(members) => members
                    .split(data, start, end, fields, message, key)
                    .then(|| shapes.find(key).map_or(Split::New, Split::Known)),
            }
        } else {
            None
        };
        found.unwrap_or_else(|| {
            let at = |end: usize| Span { start: start as u32, end: end as u32 };
            fields.fill(at(start));
            *message = at(end);
            Split::None
        })
    }
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn split_text(
    text: &Text,
    shapes: &Shapes,
    data: &[u8],
    start: usize,
    end: usize,
    fields: &mut [Span],
    message: &mut Span,
    key: &mut Vec<u8>,
) -> Option<Split> {
    let mut seen = Seen::Singles;
    let blanks = if text.blanks_ahead { Blanks::of(data, start) } else { Blanks::default() };
    let mut line = Line { data, start, end, fields, message, blanks };
    let path = text.split(&mut line, &mut seen)?;
    if seen == Seen::Singles {
        // new_shapes gave the canonical shape of alternative i the number i + 1.
        return Some(Split::Known(path + 1));
    }
    shapes::push_path(key, path);
    let path = text.paths.0.get(path as usize)?;
    let runs = match &path.literals {
        Some(literals) if seen == Seen::Runs => {
            push_lengths(path, literals, start, end, fields, message, key)
        }
        _ => push_runs(path, data, start, end, fields, message, key),
    };
    runs?;
    Some(shapes.find(key).map_or(Split::New, Split::Known))
}

/// The runs of a header without tabs and with at most one run in a separator: their lengths follow
/// from where the fields are.
#[inline(always)]
fn push_lengths(
    path: &Path,
    literals: &[Option<u16>],
    start: usize,
    end: usize,
    fields: &[Span],
    message: &Span,
    key: &mut Vec<u8>,
) -> Option<()> {
    let mut from = start;
    for (i, literal) in literals.iter().enumerate() {
        let (to, next) = match path.targets.get(i) {
            None => (end, end),
            Some(&target) => {
                let span = usize::try_from(target).map_or(Some(message), |f| fields.get(f))?;
                (span.start as usize, span.end as usize)
            }
        };
        if let Some(literal) = literal {
            let run = to.checked_sub(from)?.checked_sub(*literal as usize)?;
            if !shapes::push_length(key, run) {
                return None;
            }
        }
        from = next;
    }
    Some(())
}

/// The runs of any header, byte by byte.
fn push_runs(
    path: &Path,
    data: &[u8],
    start: usize,
    end: usize,
    fields: &[Span],
    message: &Span,
    key: &mut Vec<u8>,
) -> Option<()> {
    let mut at = start;
    for (i, separator) in path.separators.iter().enumerate() {
        for element in separator {
            match element {
                Element::Literal(literal) => at += literal.len(),
                Element::Run => {
                    let next = scan::run_end(data, at, end);
                    if !shapes::push_run(key, data.get(at..next)?) {
                        return None;
                    }
                    at = next;
                }
            }
        }
        if let Some(&target) = path.targets.get(i) {
            at = match usize::try_from(target) {
                Ok(field) => fields.get(field)?.end as usize,
                Err(_) => message.end as usize,
            };
        }
    }
    Some(())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or("the layout program ends early")?;
        self.rest = tail;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn key(&mut self) -> Result<Vec<u8>, String> {
        let length = self.u16()? as usize;
        Ok(self.take(length)?.to_vec())
    }

    fn text(&mut self, fields: usize) -> Result<Text, String> {
        let count = self.u8()? as usize;
        if fields > text::MAX_FIELDS || count == 0 || count > text::MAX_ALTERNATIVES {
            return Err(format!(
                "{fields} fields in {count} alternatives, expected at most {} in 1 to {}",
                text::MAX_FIELDS,
                text::MAX_ALTERNATIVES
            ));
        }
        let mut alternatives = Vec::new();
        for _ in 0..count {
            let mut items = Vec::new();
            for _ in 0..self.u16()? {
                items.push(match self.u8()? {
                    1 => {
                        let length = self.u8()? as usize;
                        Item::Element(Element::Literal(self.take(length)?.to_vec()))
                    }
                    2 => Item::Element(Element::Run),
                    3 => {
                        let field = self.u8()?;
                        let code = self.u8()?;
                        let check =
                            Check::from_code(code).ok_or_else(|| format!("check {code} is not known"))?;
                        Item::Field(field, check)
                    }
                    4 => Item::Message,
                    other => return Err(format!("item {other}, expected 1 to 4")),
                });
            }
            alternatives.push(items);
        }
        Text::build(fields, alternatives)
    }

    fn members(&mut self, syntax: Syntax, fields: usize) -> Result<Members, String> {
        let keys = (0..fields).map(|_| self.key()).collect::<Result<_, _>>()?;
        let messages = (0..self.u16()?).map(|_| self.key()).collect::<Result<_, _>>()?;
        Members::build(syntax, keys, messages)
    }
}

/// The field spans, the message span and the shape of one line, or `None` if it does not fit.
pub type SplitLine = (Vec<(u32, u32)>, (u32, u32), Vec<u8>);

/// Splits one line on its own; for tests and other rare uses. `None` also for an unsound program.
///
/// The shape is: number of targets (u32), each target (i32, -1 for the message), then one more
/// separators than targets, each as length (u32) and bytes; all little-endian.
pub fn split_for_test(program: &[u8], line: &[u8]) -> Option<SplitLine> {
    let layout = Layout::compile(program).ok()?;
    let mut shapes = layout.new_shapes();
    let mut fields = vec![Span::default(); layout.field_count()];
    let mut message = Span::default();
    let mut key = Vec::new();
    let id = match layout.split(&shapes, line, 0, line.len(), &mut fields, &mut message, &mut key) {
        Split::Known(id) => id,
        Split::New => shapes.insert(&key)?,
        Split::None => return None,
    };
    let (separators, targets) = shapes.separators_and_fields(id);
    let mut shape = (targets.len() as u32).to_le_bytes().to_vec();
    for target in targets {
        shape.extend_from_slice(&target.to_le_bytes());
    }
    for separator in separators {
        shape.extend_from_slice(&(separator.len() as u32).to_le_bytes());
        shape.extend_from_slice(separator);
    }
    Some((fields.iter().map(|s| (s.start, s.end)).collect(), (message.start, message.end), shape))
}

#[cfg(test)]
mod tests;
