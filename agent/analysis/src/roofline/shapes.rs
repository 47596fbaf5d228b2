//! Shapes and element types of an operator's inputs, from the texts of the recording.

/// One input: its dimensions, or `None` for a list of tensors.
pub(super) type Input = Option<Vec<i64>>;

/// The inputs of `[[8, 128], [], [[1], [2]]]`: a scalar, and what is no tensor, has no dimensions. `None` when the text is
/// not of that form.
pub(super) fn inputs(text: &str) -> Option<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut depth = 0_usize;
    let mut number: Option<i64> = None;
    for mark in text.chars() {
        if let Some(digit) = mark.to_digit(10) {
            let value = number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?;
            number = Some(value);
            continue;
        }
        if let Some(value) = number.take() {
            if depth < 2 {
                return None;
            }
            // Deeper ones are of a list.
            if depth == 2
                && let Some(Some(dimensions)) = inputs.last_mut()
            {
                dimensions.push(value);
            }
        }
        match mark {
            '[' => {
                depth += 1;
                match depth {
                    1 => {}
                    2 => inputs.push(Some(Vec::new())),
                    _ => *inputs.last_mut()? = None,
                }
            }
            ']' => depth = depth.checked_sub(1)?,
            ',' | ' ' => {}
            _ => return None,
        }
    }
    (depth == 0 && number.is_none()).then_some(inputs)
}

/// The element types of `["float", "", "Scalar"]`.
pub(super) fn types(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// Bytes of an element, by the names that PyTorch gives its types in C++ (`c10::BFloat16`) and in Python (`bfloat16`).
pub(super) fn size_of(dtype: &str) -> Option<i64> {
    let name =
        dtype.strip_prefix("c10::").or_else(|| dtype.strip_prefix("torch.")).unwrap_or(dtype);
    if name.starts_with("Float8") || name.starts_with("float8") {
        return Some(1);
    }
    Some(match name {
        "bool" | "unsigned char" | "signed char" | "char" | "uint8" | "int8" => 1,
        "Half" | "BFloat16" | "half" | "float16" | "bfloat16" | "short" | "short int" | "int16"
        | "unsigned short" => 2,
        "float" | "float32" | "int" | "int32" | "unsigned int" => 4,
        "double" | "float64" | "long" | "long int" | "long long" | "int64" | "unsigned long"
        | "complex<float>" | "complex64" => 8,
        "complex<double>" | "complex128" => 16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{inputs, size_of, types};

    #[test]
    fn inputs_of_all_kinds() {
        let found = inputs("[[8, 128], [], [[1, 2], [3]], [7]]").unwrap();
        assert_eq!(found, [Some(vec![8, 128]), Some(vec![]), None, Some(vec![7])]);
        assert_eq!(inputs("[]"), Some(vec![]));
        assert_eq!(inputs(""), Some(vec![]));
        for odd in
            ["[[8, 128]", "[[8]]]", "[8]", "[[-1]]", "[[a]]", "8", "[[99999999999999999999]]"]
        {
            assert_eq!(inputs(odd), None, "{odd}");
        }
    }

    #[test]
    fn types_and_their_sizes() {
        let found = types(r#"["float", "", "c10::BFloat16", "long int"]"#);
        assert_eq!(found, ["float", "", "c10::BFloat16", "long int"]);
        assert_eq!(
            found.into_iter().map(size_of).collect::<Vec<_>>(),
            [Some(4), None, Some(2), Some(8)]
        );
        assert_eq!(size_of("c10::Float8_e4m3fn"), Some(1));
    }
}
