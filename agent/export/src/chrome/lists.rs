//! Shapes and types of operators: lists in JSON, stored as texts.

use std::collections::HashMap;

use serde::de::IgnoredAny;

/// Which texts are lists that come back from JSON to the letter. They repeat, so each is looked at once.
#[derive(Debug, Default)]
pub(crate) struct Lists(HashMap<Box<str>, bool>);

impl Lists {
    /// Whether this text can be written as a list of JSON. Others are written as texts.
    pub(crate) fn is_written_as_it_is(&mut self, text: &str) -> bool {
        if let Some(&known) = self.0.get(text) {
            return known;
        }
        let is = is_list(text);
        self.0.insert(text.into(), is);
        is
    }
}

/// A list in JSON with one blank behind each comma and none elsewhere, as recordings hold it. None of its texts ends with
/// a backslash, where Perfetto would miss the end.
fn is_list(text: &str) -> bool {
    if !text.starts_with('[') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    let (mut in_text, mut escaped, mut behind_comma) = (false, false, false);
    let mut last = ' ';
    for mark in text.chars() {
        if in_text {
            (in_text, escaped) = (escaped || mark != '"', !escaped && mark == '\\');
            if !in_text && last == '\\' {
                return false;
            }
            last = mark;
            continue;
        }
        if mark.is_whitespace() != behind_comma || (behind_comma && mark != ' ') {
            return false;
        }
        behind_comma = mark == ',';
        (in_text, last) = (mark == '"', mark);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Lists;

    #[test]
    fn lists_are_told_from_other_texts() {
        let mut lists = Lists::default();
        for (text, is) in [
            ("[]", true),
            ("[[8, 128], [], [1]]", true),
            ("[\"long int\", \"a,b\", \"\", \"q\\\"\"]", true),
            (r#"["a\\b", "a\\\"", "\""]"#, true),
            (r#"["a\\"]"#, false),
            (r#"["\\", 1]"#, false),
            ("[[8,128]]", false),
            ("[8,  128]", false),
            ("[ 8]", false),
            ("[8,\t1]", false),
            ("[8", false),
            ("8x128", false),
            ("", false),
        ] {
            assert_eq!([(); 2].map(|()| lists.is_written_as_it_is(text)), [is; 2], "{text}");
        }
    }
}
