//! One event of a dump, which is not quite JSON: words and addresses stand there without quotes.

use std::collections::HashMap;

/// The keys and values of an event and of its `args`, as they are written, without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event<'a>(HashMap<&'a str, &'a str>);

impl<'a> Event<'a> {
    /// The event in `text`, from its first brace to its last. `Err` says what is wrong.
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        let mut values = HashMap::new();
        let mut rest = text;
        let mut key = None;
        while let Some(mark) = rest.chars().next() {
            match mark {
                '"' => {
                    let (word, behind) = quoted(&rest[1..])?;
                    match key.take() {
                        Some(key) => drop(values.insert(key, word)),
                        None => key = Some(word),
                    }
                    rest = behind;
                }
                '{' if key.is_some() || rest.len() == text.len() => {
                    key = None;
                    rest = &rest[1..];
                }
                '}' | ',' | ' ' | '\t' | '\n' | '\r' if key.is_none() => rest = &rest[1..],
                ' ' | '\t' => rest = &rest[1..],
                ':' if key.is_some() => {
                    rest = rest[1..].trim_start();
                    if !rest.starts_with(['"', '{']) {
                        let end = rest.find([',', '}']).unwrap_or(rest.len());
                        let word = rest[..end].trim();
                        if word.is_empty() || word.contains(['"', '{', ':', ' ']) {
                            return Err("a value cannot be read".to_owned());
                        }
                        values.extend(key.take().map(|key| (key, word)));
                        rest = &rest[end..];
                    }
                }
                other => return Err(format!("`{other}` is not expected")),
            }
        }
        if key.is_some() {
            return Err("a value is missing".to_owned());
        }
        Ok(Self(values))
    }

    /// Nothing: some versions end their lists so.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`, empty when it is not there.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// The value of `key` as an integer.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.text(key).parse().ok()
    }
}

/// The text up to the next quote, and what is behind that.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    text.split_once('"').ok_or_else(|| "a quote is not closed".to_owned())
}

/// Where the object that `bytes` begin with ends. `Ok(None)` when more bytes are needed, `Err` with where to go on when it
/// has no end: each event is written with a line of its own.
pub(super) fn end_of_event(bytes: &[u8]) -> Result<Option<usize>, usize> {
    let (mut depth, mut in_text) = (0_usize, false);
    let mut line = None;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if in_text => return Err(at),
            b'\n' => line = Some(at),
            b'"' => in_text = !in_text,
            b'{' if !in_text => {
                if depth > 0 && line.is_some_and(|line| line + 1 == at) {
                    return Err(at);
                }
                depth += 1;
            }
            b'}' if !in_text => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Event, end_of_event};

    #[test]
    fn bare_words_and_addresses() {
        let event = Event::read(
            r#"{"name": "Send", "ts": 0.000000, "args": {"count": 268435456, "datatype": ncclFloat32, "GraphCaptured":0, "Stream": 0x4142e90}}"#,
        )
        .unwrap();
        assert_eq!(
            ["name", "ts", "datatype", "Stream", "none"].map(|key| event.text(key)),
            ["Send", "0.000000", "ncclFloat32", "0x4142e90", ""]
        );
        assert_eq!(
            (event.number("count"), event.number("GraphCaptured")),
            (Some(268_435_456), Some(0))
        );
        assert!(Event::read("{}").unwrap().is_empty());
        for text in
            ["{\"a\"", "{\"a\": }", "{\"a: 1}", "{a: 1}", "{\"a\": 1 \"b\": 2}", "{{}}", "[]"]
        {
            assert!(Event::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ends_of_events() {
        assert_eq!(end_of_event(b"{\"a\": {\"b\": 1}},"), Ok(Some(15)));
        assert_eq!(end_of_event(b"{\"a}"), Ok(None));
        assert_eq!(end_of_event(b"{\"a\": {\n{\"b\""), Err(8));
        assert_eq!(end_of_event(b"{\"a\n\""), Err(3));
    }
}
