//! The text in which PyTorch's `emit_nvtx` writes an operator:
//! `aten::addmm, seq = 12, op_id = 3, sizes = [[2, 3], [3, 4]], input_op_ids = [(1, 0)]`, any part after the name
//! missing. `types = ["float", "float"]`, which it does not write, is understood too.

/// An operator as its text names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OperatorText<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its input shapes in brackets; empty when there are none.
    pub(crate) shapes: &'a str,
    /// The element types of its inputs in brackets.
    pub(crate) types: Option<&'a str>,
    /// The autograd sequence number.
    pub(crate) sequence: Option<i64>,
}

const KEYS: [&str; 5] = [", seq = ", ", op_id = ", ", sizes = ", ", input_op_ids = ", ", types = "];

impl<'a> OperatorText<'a> {
    /// Understands `text` if it has at least one of the parts; `None` for any other text.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let cut = KEYS.iter().filter_map(|key| text.find(key)).min()?;
        let (name, parts) = text.split_at(cut);
        let after = |key| parts.find(key).map(|at| &parts[at + str::len(key)..]);
        let sequence = after(KEYS[0]).map(leading_number);
        // A number must follow `seq` and `op_id`, a list must follow `sizes`: other text merely looks alike.
        let shapes = after(KEYS[2]).map(bracketed);
        let op_id = after(KEYS[1]).map(leading_number);
        let well_formed = sequence != Some(None) && op_id != Some(None) && shapes != Some(None);
        let told = sequence.is_some() || op_id.is_some() || shapes.is_some();
        (well_formed && told && !name.is_empty()).then(|| Self {
            name,
            shapes: shapes.flatten().unwrap_or(""),
            // Types of some of the inputs only would be taken for those of others.
            types: after(KEYS[4]).and_then(bracketed).filter(|types| types.ends_with(']')),
            sequence: sequence.flatten(),
        })
    }
}

fn leading_number(text: &str) -> Option<i64> {
    let end = text.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The text up to the bracket that closes the first one. A list that was cut off is taken as far as it goes.
fn bracketed(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[..=at]);
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<(&str, &str, Option<i64>)> {
        OperatorText::parse(text).map(|found| (found.name, found.shapes, found.sequence))
    }

    #[test]
    fn every_subset_of_the_parts_is_understood() {
        let full =
            "aten::addmm, seq = 12, op_id = 3, sizes = [[2, 3], [3, 4]], input_op_ids = [(1, 0)]";
        assert_eq!(parsed(full), Some(("aten::addmm", "[[2, 3], [3, 4]]", Some(12))));
        assert_eq!(parsed("aten::t, op_id = 3"), Some(("aten::t", "", None)));
        assert_eq!(parsed("MulBackward0, seq = 7"), Some(("MulBackward0", "", Some(7))));
        assert_eq!(
            parsed("aten::relu, sizes = [[], [2]]"),
            Some(("aten::relu", "[[], [2]]", None))
        );
    }

    #[test]
    fn ordinary_texts_are_not_operators() {
        for text in ["step", "load, then train", "x, seq = many", "x, sizes = big", ", seq = 1", ""]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn types_are_taken_when_they_are_whole() {
        let types = |text| OperatorText::parse(text).and_then(|found| found.types);
        let whole = r#"aten::mm, sizes = [[2, 3], [3, 4]], types = ["float", "c10::Half"]"#;
        assert_eq!(types(whole), Some(r#"["float", "c10::Half"]"#));
        assert_eq!(parsed(whole), Some(("aten::mm", "[[2, 3], [3, 4]]", None)));
        assert_eq!(types(r#"aten::mm, sizes = [[2, 3]], types = ["flo"#), None);
        assert_eq!(types("aten::mm, sizes = [[2, 3]]"), None);
    }

    #[test]
    fn a_list_that_was_cut_keeps_its_beginning() {
        assert_eq!(parsed("f, sizes = [[1, 2], [3"), Some(("f", "[[1, 2], [3", None)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = OperatorText::parse(&text);
        }

        #[test]
        fn no_arrangement_of_the_parts_is_too_strange(
            parts in prop::collection::vec(
                prop::sample::select(vec![", seq = ", ", op_id = ", ", sizes = ", ", types = ", "[", "]", "7", "-", "é", ", "]), 0..12)
        ) {
            let text = parts.concat();
            if let Some(found) = OperatorText::parse(&text) {
                prop_assert!(text.starts_with(found.name));
                prop_assert!(text.contains(found.shapes));
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
