//! A command line as a shell reads and writes it: quotes, backslashes, blanks. Nothing is expanded.

/// The words of a line.
///
/// # Errors
/// Which quote is not closed.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut marks = line.chars();
    while let Some(mark) = marks.next() {
        match (quote, mark) {
            (Some(open), mark) if mark == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(mark);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match marks.next() {
                // A line that goes on below.
                Some('\n') => {}
                Some(next) => {
                    let word = word.get_or_insert_default();
                    // Between double quotes a backslash only takes the meaning of what has one there.
                    if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') {
                        word.push('\\');
                    }
                    word.push(next);
                }
                None => word.get_or_insert_default().push('\\'),
            },
            (None, mark) if mark.is_whitespace() => words.extend(word.take()),
            (_, mark) => word.get_or_insert_default().push(mark),
        }
    }
    if let Some(open) = quote {
        return Err(format!("The quote {open} is not closed: close it, or write \\{open}"));
    }
    words.extend(word);
    Ok(words)
}

/// The words as a shell takes them.
#[must_use]
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    let quoted = words.iter().map(|word| {
        let word = word.as_ref();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%{}".contains(&byte);
        if !word.is_empty() && word.bytes().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{join, split};

    #[test]
    fn quotes_and_backslashes_are_those_of_a_shell() {
        for (line, words) in [
            ("a  b\tc", &["a", "b", "c"][..]),
            ("'a b' \"c \\\" d\" e\\ f", &["a b", "c \" d", "e f"]),
            ("x='' ''", &["x=", ""]),
            ("a \\\n b", &["a", "b"]),
            ("\"\\n\"", &["\\n"]),
            ("  ", &[]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert!(split("it's").unwrap_err().contains("not closed"));
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(
            words in proptest::collection::vec("[ -~é\t\n]{0,12}", 0..6),
        ) {
            prop_assert_eq!(split(&join(&words)).unwrap(), words);
        }
    }
}
