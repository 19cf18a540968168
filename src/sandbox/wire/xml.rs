//! Writes XML answers: elements in order, text escaped. Never reads any.

use std::fmt::{Display, Write};

/// A piece of an XML document: some elements, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xml(String);

impl Xml {
    /// No elements.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Appends `<name>value</name>`.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Display) -> Self {
        self.open(name);
        // Writing into a String cannot fail.
        let _ = write!(Escaping(&mut self.0), "{value}");
        self.close(name);
        self
    }

    /// Appends `<name>value</name>` if there is a value.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Appends `<name>…</name>` with elements inside.
    #[must_use]
    pub fn element(mut self, name: &str, inner: Self) -> Self {
        self.open(name);
        self.0.push_str(&inner.0);
        self.close(name);
        self
    }

    /// Appends the element if there is one.
    #[must_use]
    pub fn maybe_element(self, name: &str, inner: Option<Self>) -> Self {
        match inner {
            Some(inner) => self.element(name, inner),
            None => self,
        }
    }

    /// Appends `<name><member>…</member>…</name>`: `item` in EC2, `member` in query services.
    #[must_use]
    pub fn list(mut self, name: &str, member: &str, items: impl IntoIterator<Item = Self>) -> Self {
        self.open(name);
        for item in items {
            self.open(member);
            self.0.push_str(&item.0);
            self.close(member);
        }
        self.close(name);
        self
    }

    /// Appends `<name><member>text</member>…</name>`.
    #[must_use]
    pub fn texts(mut self, name: &str, member: &str, items: impl IntoIterator<Item = impl Display>) -> Self {
        self.open(name);
        for item in items {
            self = self.text(member, item);
        }
        self.close(name);
        self
    }

    /// Appends elements.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// A whole document with one root element; `attributes` are written as they are.
    #[must_use]
    pub fn document(&self, root: &str, attributes: &str) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} {attributes}>{}</{root}>", self.0)
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// Escapes what it passes on. A carriage return would be normalized away by a parser, so it goes as a reference.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#13;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_lists_are_wrapped() {
        let xml = Xml::new().text("a", "x<&>\"").list("set", "item", [Xml::new().text("b", 1), Xml::new()]);
        assert_eq!(
            xml.document("R", "xmlns=\"n\""),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"n\"><a>x&lt;&amp;&gt;&quot;</a>\
             <set><item><b>1</b></item><item></item></set></R>"
        );
    }
}
