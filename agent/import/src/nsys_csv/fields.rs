//! The fields of a line of CSV. Lines are taken one by one, as no field of these traces holds the end of one: so a quote that is
//! not closed costs its line, not the rest of the file.

/// The fields of a line, without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// All of them, one behind the other.
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    /// Takes the fields of `line` in, in the place of earlier ones. False when a quote is not closed in it.
    pub(crate) fn split(&mut self, line: &str) -> bool {
        self.text.clear();
        self.ends.clear();
        let mut rest = line;
        loop {
            // A quote means something only where a field begins; within quotes, two stand for one.
            if let Some(mut quoted) = rest.strip_prefix('"') {
                loop {
                    let Some((part, behind)) = quoted.split_once('"') else { return false };
                    self.text.push_str(part);
                    let Some(behind) = behind.strip_prefix('"') else {
                        rest = behind;
                        break;
                    };
                    self.text.push('"');
                    quoted = behind;
                }
            }
            let (field, behind) =
                rest.split_once(',').map_or((rest, None), |(field, behind)| (field, Some(behind)));
            self.text.push_str(field);
            self.ends.push(self.text.len());
            match behind {
                Some(behind) => rest = behind,
                None => return true,
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        Some(&self.text[start..end])
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Fields;

    fn split(line: &str) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        fields.split(line).then(|| fields.iter().map(ToOwned::to_owned).collect())
    }

    #[test]
    fn fields_with_and_without_quotes() {
        for (line, fields) in [
            ("1,2", &["1", "2"][..]),
            ("", &[""]),
            (",", &["", ""]),
            ("7,\"f(int, \"\"x\"\")\",", &["7", "f(int, \"x\")", ""]),
            ("\"\",a\"b", &["", "a\"b"]),
            ("\"a\"b,c", &["ab", "c"]),
        ] {
            assert_eq!(split(line).unwrap(), fields, "{line}");
        }
        for line in ["\"", "1,\"f(int, 2", "\"a\"\""] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec("[a,\" é]{0,5}", 1..6)) {
            let quoted = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
            prop_assert_eq!(split(&quoted.collect::<Vec<_>>().join(",")), Some(fields));
        }
    }
}
