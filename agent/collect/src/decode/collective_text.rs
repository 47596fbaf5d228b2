//! The text of a range in the domain `perfagent.collective`:
//! `all_reduce dtype=float32 bytes=4096 group=data_parallel size=2`, the parts after the operation in any order.

/// A collective as its text names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CollectiveText<'a> {
    /// The operation.
    pub(crate) op: &'a str,
    /// The element type; empty when not told.
    pub(crate) dtype: &'a str,
    /// The message size in bytes.
    pub(crate) bytes: Option<i64>,
    /// The process group's name; empty when not told.
    pub(crate) group: &'a str,
    /// Ranks in the group.
    pub(crate) size: Option<i64>,
}

const OPERATIONS: [&str; 11] = [
    "all_reduce",
    "all_gather",
    "reduce_scatter",
    "all_to_all",
    "broadcast",
    "reduce",
    "gather",
    "scatter",
    "send",
    "recv",
    "barrier",
];

impl<'a> CollectiveText<'a> {
    /// Understands `text` if it starts with a known operation and all else in it is `key=value`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let op = words.next().filter(|op| OPERATIONS.contains(op))?;
        let mut found = Self { op, ..Self::default() };
        for word in words {
            let (key, value) = word.split_once('=')?;
            let number = || value.parse::<i64>().ok().filter(|number| *number >= 0);
            match key {
                "dtype" => found.dtype = value,
                "group" => found.group = value,
                "bytes" => found.bytes = Some(number()?),
                "size" => found.size = Some(number()?),
                // A later writer may tell more.
                _ => {}
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_form_is_read() {
        let found =
            CollectiveText::parse("all_reduce dtype=float32 bytes=4096 group=data_parallel size=2");
        let expected = CollectiveText {
            op: "all_reduce",
            dtype: "float32",
            bytes: Some(4096),
            group: "data_parallel",
            size: Some(2),
        };
        assert_eq!(found, Some(expected));
        assert_eq!(CollectiveText::parse("barrier").map(|found| found.bytes), Some(None));
    }

    #[test]
    fn anything_else_stays_a_range() {
        for text in [
            "",
            "wait for all_reduce",
            "all_reduce bytes=many",
            "all_reduce bytes=-1",
            "barrier now",
            "step",
        ] {
            assert_eq!(CollectiveText::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(all_reduce|barrier|x)?( [a-z]{0,6}=?.{0,8}){0,6}") {
            let _ = CollectiveText::parse(&text);
        }
    }
}
