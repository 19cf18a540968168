//! A text with a name, cut into lines: what turns a line and a column into a [`Place`] that can be shown.
//!
//! It never reads files: whoever has the content makes one.

use std::sync::Arc;

use crate::problem::{CUT, Place, Problem};

/// Longer lines are shortened around the place that matters before they are shown: nobody reads a line of a megabyte.
const SHOWN_LINE: usize = 240;

/// Where something stands in one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// How many characters of this line; at least 1.
    pub length: usize,
}

impl Span {
    /// The place of `length` characters at a line and a column; zero is read as one.
    #[must_use]
    pub fn new(line: usize, column: usize, length: usize) -> Self {
        Self { line: line.max(1), column: column.max(1), length: length.max(1) }
    }
}

/// A named text; cheap to clone.
#[derive(Clone, Debug)]
pub struct Source {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    text: String,
    starts: Vec<usize>,
}

impl Source {
    /// Takes a text; a byte order mark at its start is dropped, because editors on Windows write it and YAML ignores it.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { inner: Arc::new(Inner { name: name.into(), text, starts }) }
    }

    /// Takes the content of a file.
    ///
    /// # Errors
    /// It is not UTF-8; the place is that of the first byte that is not.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Problem> {
        let name = name.into();
        String::from_utf8(bytes).map(|text| Self::new(name.as_str(), text)).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            // What comes before the byte is text; of the rest a replacement is shown.
            let shown = Self::new(name.as_str(), String::from_utf8_lossy(error.as_bytes()));
            let order_mark = error.as_bytes().starts_with("\u{feff}".as_bytes());
            let at = if order_mark { good.saturating_sub('\u{feff}'.len_utf8()) } else { good };
            Problem::error(format!("cannot read {name}: it is not UTF-8"))
                .at(shown.place(shown.span(at..at), "this byte is no text"))
                .hint("save the file as UTF-8")
        })
    }

    /// The path relative to the project's root, or a name such as `rendered 3_spot-nodes.yaml`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// How many lines there are; a final line end does not start another one.
    #[must_use]
    pub fn line_count(&self) -> usize {
        let starts = self.inner.starts.len();
        if self.inner.text.ends_with('\n') { starts - 1 } else { starts }
    }

    /// The text of a 1-based line without its end; empty when there is no such line.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let starts = &self.inner.starts;
        let Some(&start) = line.checked_sub(1).and_then(|index| starts.get(index)) else { return "" };
        let end = starts.get(line).copied().unwrap_or(self.inner.text.len());
        self.inner.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// The byte offset at which a 1-based line starts; the text's length when there is no such line.
    #[must_use]
    pub fn line_start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|index| self.inner.starts.get(index)).copied().unwrap_or(self.inner.text.len())
    }

    /// The place of a range of bytes; what reaches beyond the first line is cut off.
    #[must_use]
    pub fn span(&self, bytes: std::ops::Range<usize>) -> Span {
        let starts = &self.inner.starts;
        let line = starts.partition_point(|&start| start <= bytes.start).max(1);
        let start = self.line_start(line);
        let text = self.line(line);
        let from = bytes.start.saturating_sub(start);
        let to = bytes.end.saturating_sub(start);
        let characters = |upto: usize| text.char_indices().take_while(|&(at, _)| at < upto).count();
        let column = characters(from);
        Span::new(line, column + 1, characters(to).saturating_sub(column))
    }

    /// The place, without the text: for files whose lines may hold a secret.
    #[must_use]
    pub fn hidden_place(&self, span: Span, label: impl Into<String>) -> Place {
        // Behind as many blanks, so that the column is the text's.
        let before = span.column.saturating_sub(1).min(SHOWN_LINE);
        let text = format!("{}(not shown)", " ".repeat(before));
        let file = self.inner.name.clone();
        Place { file, line: span.line, column: span.column, length: "(not shown)".len(), text, label: label.into() }
    }

    /// The place to show, with its line's text.
    #[must_use]
    pub fn place(&self, span: Span, label: impl Into<String>) -> Place {
        let text = self.line(span.line);
        let mut place = Place {
            file: self.inner.name.clone(),
            line: span.line,
            column: span.column,
            length: span.length.max(1),
            text: String::new(),
            label: label.into(),
        };
        let width = text.chars().count();
        if width <= SHOWN_LINE {
            text.clone_into(&mut place.text);
            place.length = place.length.min((width + 1).saturating_sub(place.column).max(1));
        } else {
            // The line's beginning is kept, so that columns stay true; the rest is cut.
            let keep = (place.column + place.length.min(SHOWN_LINE / 2))
                .clamp(SHOWN_LINE, SHOWN_LINE.max(place.column + SHOWN_LINE));
            if keep <= SHOWN_LINE * 4 {
                place.text = text.chars().take(keep).chain("…".chars()).collect();
                place.length = place.length.min((keep + 1).saturating_sub(place.column).max(1));
            } else {
                let around: String = text.chars().skip(place.column - 1).take(SHOWN_LINE / 2).collect();
                place.text = format!("{CUT}{around} …");
                place.length = 1;
            }
        }
        place
    }
}
