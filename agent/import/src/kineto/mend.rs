//! Events that are not quite JSON: what programs are known to write, made readable.
//!
//! * Python writes `NaN` and `Infinity` where a number is not one, C++ `nan` and `inf`.
//! * PyTorch of 2024 and before left quotes in names unescaped (pytorch#146900).
//! * Names may hold bytes that are no UTF-8, and control characters.

/// How programs write what is not a number.
const NO_NUMBERS: [&[u8]; 7] =
    [b"NaN", b"Infinity", b"-Infinity", b"nan", b"-nan", b"inf", b"-inf"];

/// The event in `bytes` as JSON, as well as it can be understood, with what was done; `None` when there
/// is nothing to mend.
pub(crate) fn mend(bytes: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let text = String::from_utf8_lossy(bytes);
    let bytes = text.as_bytes();
    let mut mended = Vec::with_capacity(bytes.len() + 16);
    let mut done = matches!(text, std::borrow::Cow::Owned(_)).then_some("bytes that are no UTF-8");
    let mut at = 0;
    let mut in_text = false;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' if in_text => {
                mended.push(byte);
                mended.extend(bytes.get(at));
                at += 1;
            }
            b'"' if in_text && !ends_text(&bytes[at..]) => {
                mended.extend(b"\\\"");
                done = Some("a quote that is not escaped");
            }
            b'"' => {
                in_text = !in_text;
                mended.push(byte);
            }
            0..=0x1f if in_text => {
                mended.push(b' ');
                done = done.or(Some("a control character in a text"));
            }
            b'N' | b'I' | b'n' | b'i' | b'-' if !in_text => {
                let rest = &bytes[at - 1..];
                match NO_NUMBERS.iter().find(|word| rest.starts_with(word)) {
                    Some(word) => {
                        mended.extend(b"null");
                        at += word.len() - 1;
                        done = done.or(Some("NaN or Infinity, taken as unknown"));
                    }
                    None => mended.push(byte),
                }
            }
            _ => mended.push(byte),
        }
    }
    done.map(|done| (mended, done))
}

/// Whether a quote before `rest` is where a text ends: something that may follow a text follows.
fn ends_text(rest: &[u8]) -> bool {
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(next, None | Some(b',' | b':' | b'}' | b']'))
}

/// Where the next event may begin: behind the brace of `}, {"`, from `from` on. `Err` with the place from
/// which to look again when more of the text is there.
pub(crate) fn next_boundary(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    loop {
        let Some(brace) = bytes[at.min(bytes.len())..].iter().position(|&byte| byte == b'}') else {
            return Err(bytes.len());
        };
        let brace = at + brace;
        match is_followed_by(b",{\"", &bytes[brace + 1..]) {
            Some(true) => return Ok(brace + 1),
            Some(false) => at = brace + 1,
            None => return Err(brace),
        }
    }
}

/// Where the last event may end: behind the brace of `}]`.
pub(crate) fn end_of_list(bytes: &[u8]) -> Option<usize> {
    let mut braces = (0..bytes.len()).filter(|&at| bytes[at] == b'}');
    braces.find(|at| is_followed_by(b"]", &bytes[at + 1..]) == Some(true)).map(|at| at + 1)
}

/// Whether `rest` goes on with these marks, white space left out; `None` when it is too short to tell.
fn is_followed_by(marks: &[u8], rest: &[u8]) -> Option<bool> {
    let mut rest = rest.iter().filter(|byte| !byte.is_ascii_whitespace());
    for mark in marks {
        if rest.next()? != mark {
            return Some(false);
        }
    }
    Some(true)
}

/// Where the object that `bytes` begin with ends, by its braces.
pub(crate) fn closing_brace(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{closing_brace, end_of_list, mend, next_boundary};

    fn mended(text: &str) -> Option<String> {
        mend(text.as_bytes()).map(|(bytes, _)| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn known_faults_become_json() {
        for (fault, json) in [
            (r#"{"a": NaN, "b": -Infinity}"#, r#"{"a": null, "b": null}"#),
            (r#"{"a": nan, "b": -inf, "c": null}"#, r#"{"a": null, "b": null, "c": null}"#),
            (r#"{"a": "f<"x">", "b": "NaN"}"#, r#"{"a": "f<\"x\">", "b": "NaN"}"#),
            ("{\"a\": \"x\ny\"}", "{\"a\": \"x y\"}"),
        ] {
            assert_eq!(mended(fault).as_deref(), Some(json));
        }
        assert_eq!(mend(b"{\"a\": \"\xff\"}").unwrap().0, "{\"a\": \"\u{fffd}\"}".as_bytes());
        assert_eq!(mended(r#"{"a": "\"", "b": -1, "c": "x\\"}"#), None);
    }

    #[test]
    fn events_are_told_apart() {
        let text = br#"{"a": {"b": "}, ["}, "c": 1}  , { "d": 2}"#;
        assert_eq!(closing_brace(text), Some(28));
        assert_eq!(next_boundary(text, 0), Ok(28));
        assert_eq!(next_boundary(text, 28), Err(text.len() - 1));
        assert_eq!(end_of_list(br#"{"a": {}, "b": 1}  ] , "c""#), Some(17));
        assert_eq!(end_of_list(b"{} "), None);
        // Quotes are not trusted here: they may be what is damaged.
        assert_eq!(next_boundary(br#"{"a": "}, {"}"#, 0), Ok(8));
        assert_eq!(next_boundary(b"{} , ", 0), Err(1));
        assert_eq!(closing_brace(b"{\"a\": {}"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(prop::sample::select(
            b"{}[],:\" \\NaInfity-0\n\xff".to_vec()), 0..60), from in 0_usize..70) {
            let _ = mend(&bytes);
            let _ = closing_brace(&bytes);
            match next_boundary(&bytes, from) {
                Ok(at) => prop_assert_eq!(bytes.get(at - 1), Some(&b'}')),
                Err(at) => prop_assert!(at <= bytes.len()),
            }
        }
    }
}
