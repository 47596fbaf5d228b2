//! The texts by which PyTorch's `emit_nvtx` names operators:
//! `aten::addmm, seq = 12, op_id = 3, sizes = [[2, 3], [3, 4]], input_op_ids = [(1, 0)]`, any part after the name missing.

/// An operator as its text names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OperatorText<'a> {
    pub(crate) name: &'a str,
    /// Its input shapes in brackets; empty when there are none.
    pub(crate) shapes: &'a str,
    /// The autograd sequence number.
    pub(crate) sequence: Option<i64>,
}

impl<'a> OperatorText<'a> {
    /// Understands `text` when it has at least one of the parts, and each part is well formed; any other text merely looks
    /// alike.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let keys = [", seq = ", ", op_id = ", ", sizes = "];
        let cut = keys.iter().filter_map(|key| text.find(key)).min()?;
        let (name, mut parts) = text.split_at(cut);
        let mut found = Self { name, shapes: "", sequence: None };
        while !parts.is_empty() {
            let (key, value) = parts.strip_prefix(", ")?.split_once(" = ")?;
            // A list has commas of its own: it ends with the bracket that closes it.
            let length = match value.as_bytes().first()? {
                b'[' => list_length(value),
                _ => value.find(", ").unwrap_or(value.len()),
            };
            let (value, rest) = value.split_at(length);
            match key {
                "seq" => found.sequence = Some(value.parse().ok()?),
                "op_id" => drop(value.parse::<i64>().ok()?),
                "sizes" if value.starts_with('[') => found.shapes = value,
                "sizes" => return None,
                // `input_op_ids`, and what later versions add.
                _ => {}
            }
            parts = rest;
        }
        (!name.is_empty()).then_some(found)
    }
}

/// The length of the list at the beginning of `text`; all of it when the list was cut off.
fn list_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::OperatorText;

    fn parsed(text: &str) -> Option<(&str, &str, Option<i64>)> {
        OperatorText::parse(text).map(|found| (found.name, found.shapes, found.sequence))
    }

    #[test]
    fn every_subset_of_the_parts() {
        for (text, expected) in [
            (
                "aten::addmm, seq = 12, op_id = 3, sizes = [[2, 3], [3, 4]], input_op_ids = [(1, 0)]",
                ("aten::addmm", "[[2, 3], [3, 4]]", Some(12)),
            ),
            ("aten::view, op_id = 314290", ("aten::view", "", None)),
            ("detach_, seq = 46174", ("detach_", "", Some(46174))),
            ("f, sizes = [[], [2]]", ("f", "[[], [2]]", None)),
            ("f, sizes = [[1, 2], [3", ("f", "[[1, 2], [3", None)),
            (
                "autograd::engine::evaluate_function: Mul, op_id = 1",
                ("autograd::engine::evaluate_function: Mul", "", None),
            ),
        ] {
            assert_eq!(parsed(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts() {
        for text in
            ["step", "a, b", "x, seq = many", "x, sizes = big", ", seq = 1", "x, seq = 1!", ""]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(parts in prop::collection::vec(prop::sample::select(vec![
            ", seq = ", ", op_id = ", ", sizes = ", ", ", " = ", "[", "]", "7", "-", "é", "a"]), 0..12)) {
            let text = parts.concat();
            if let Some(found) = OperatorText::parse(&text) {
                prop_assert!(text.starts_with(found.name) && text.contains(found.shapes));
            }
        }

        #[test]
        fn what_is_written_is_read(name in "[a-z:_]{1,12}", seq in any::<i64>(), a in 0..99, b in 0..99) {
            let shapes = format!("[[{a}, {b}], []]");
            let text = format!("{name}, seq = {seq}, op_id = 5, sizes = {shapes}");
            prop_assert_eq!(parsed(&text), Some((name.as_str(), shapes.as_str(), Some(seq))));
        }
    }
}
