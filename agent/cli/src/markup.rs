//! Markup that is HTML and XML at once. Every text and every attribute goes through here, so that none is forgotten to be
//! escaped, and every element is closed by whom opened it.

use std::fmt::{self, Display, Write as _};

/// Attributes of an element.
pub(crate) type Attributes<'a> = &'a [(&'a str, &'a dyn Display)];

/// A document in the making.
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    /// What a document begins with that is no element.
    pub(crate) fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Ends a line, for people who read the source.
    pub(crate) fn line(&mut self) {
        self.0.push('\n');
    }

    /// Writes words.
    pub(crate) fn text(&mut self, text: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// Writes an element with what `content` writes in it.
    pub(crate) fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        self.0.push('>');
        content(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// Writes an element with words in it.
    pub(crate) fn words(&mut self, name: &str, attributes: Attributes<'_>, text: impl Display) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// Writes an element that holds nothing, of a kind that never does.
    pub(crate) fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.begin(name, attributes);
        self.0.push_str("/>");
    }

    /// The document.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &str, attributes: Attributes<'_>) {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"");
            self.text(value);
            self.0.push('"');
        }
    }
}

/// Passes words on with what would be markup in its place.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ if character.is_control() => self.0.push(' '),
                // The first two are no characters of XML; the others turn the direction of what follows, beyond the end
                // of the name.
                '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    self.0.push('\u{fffd}');
                }
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn nothing_in_a_name_is_markup() {
        let mut markup = Markup::default();
        let name = "a<b>&\"c'\u{1b}\u{ffff}\u{202e}";
        markup.words("p", &[("title", &name)], name);
        let safe = "a&lt;b&gt;&amp;&quot;c&#39; \u{fffd}\u{fffd}";
        assert_eq!(markup.finish(), format!("<p title=\"{safe}\">{safe}</p>"));
    }
}
