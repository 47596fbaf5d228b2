//! A command with placeholders.

use super::parameter::is_name;

/// The words of a command, in which `{name}` stands for a value and `{{name}}` for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    words: Vec<Vec<Piece>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// Takes a command apart. Braces around anything but a name are text, as in JSON.
    #[must_use]
    pub fn parse(words: &[String]) -> Self {
        Self { words: words.iter().map(|word| pieces(word)).collect() }
    }

    /// The names that stand in it, each once, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for piece in self.words.iter().flatten() {
            if let Piece::Name(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// The command with values; a name without one stays as it is written.
    #[must_use]
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let fill = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        };
        self.words.iter().map(|word| word.iter().map(fill).collect()).collect()
    }
}

fn pieces(word: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        if let Some((name, after)) = braced(rest, "{{", "}}") {
            text.push_str(&rest[1..=name.len() + 2]);
            rest = after;
        } else if let Some((name, after)) = braced(rest, "{", "}") {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Name(name.to_owned()));
            rest = after;
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// The name between the two at the beginning of `text`, and what follows.
fn braced<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (name, after) = text.strip_prefix(open)?.split_once(close)?;
    is_name(name).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Template;

    fn parse(words: &[&str]) -> Template {
        Template::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_filled_and_other_braces_left() {
        let template =
            parse(&["run", "--b={b}x{b}", "{\"a\": {c}}", "{{b}}", "{b", "{}", "{ b }", ""]);
        assert_eq!(template.names(), ["b", "c"]);
        let filled = template.fill(|name| (name == "b").then(|| "8".to_owned()));
        assert_eq!(filled, ["run", "--b=8x8", "{\"a\": {c}}", "{b}", "{b", "{}", "{ b }", ""]);
    }

    proptest! {
        /// What has no braces comes out as it was, and filling never loses a word.
        #[test]
        fn words_survive(words in proptest::collection::vec("[a-z{}\" é]{0,12}", 1..5)) {
            let template = Template::parse(&words);
            let filled = template.fill(|_| None);
            prop_assert_eq!(filled.len(), words.len());
            for (word, filled) in words.iter().zip(&filled) {
                if !word.contains("{{") {
                    prop_assert_eq!(word, filled);
                }
            }
        }
    }
}
