//! What a name must contain for an expression to match it: told at once for all expressions, so that few of them are tried.

use regex_syntax::hir::{Hir, HirKind};

/// Texts of which every match contains one, in lower case; `None` where nothing of the kind can be told.
pub(super) fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => plain(hir).map(|text| vec![text]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Alternation(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(required).collect();
            Some(all?.into_iter().flatten().collect())
        }
        HirKind::Concat(parts) => of_sequence(parts),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// The most telling part of a sequence: adjacent characters are one text.
fn of_sequence(parts: &[Hir]) -> Option<Vec<String>> {
    let mut best = None;
    let mut text = String::new();
    for part in parts {
        if let Some(more) = plain(part) {
            text.push_str(&more);
            continue;
        }
        // A place between two characters, such as a word's boundary, does not part them.
        if matches!(part.kind(), HirKind::Look(_)) {
            continue;
        }
        better(&mut best, Some(vec![std::mem::take(&mut text)]));
        better(&mut best, required(part));
    }
    better(&mut best, Some(vec![text]));
    best
}

/// The set whose shortest text is longer tells more.
fn better(best: &mut Option<Vec<String>>, other: Option<Vec<String>>) {
    let length =
        |set: &Option<Vec<String>>| set.iter().flatten().map(String::len).min().unwrap_or(0);
    if length(&other) > length(best) {
        *best = other;
    }
}

/// A literal, or one letter in both its cases; in lower case.
fn plain(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_ascii_lowercase()).ok(),
        HirKind::Class(class) => {
            let letters: Vec<u8> = match class {
                regex_syntax::hir::Class::Bytes(bytes) => {
                    bytes.iter().flat_map(|range| range.start()..=range.end()).take(3).collect()
                }
                regex_syntax::hir::Class::Unicode(_) => return None,
            };
            let [upper, lower] = letters[..] else { return None };
            let is_one = upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower;
            is_one.then(|| char::from(lower).to_string())
        }
        _ => None,
    }
}

/// Every text that matches, in lower case, where they are few and case does not count; `None` where they are not.
pub(super) fn complete(hir: &Hir) -> Option<Vec<String>> {
    /// More than this are not written out.
    const MOST: usize = 64;
    let texts = match hir.kind() {
        HirKind::Empty => vec![String::new()],
        HirKind::Literal(_) | HirKind::Class(_) => {
            let text = plain(hir)?;
            // A letter that is not a class of both cases counts as it is written.
            let is_free = matches!(hir.kind(), HirKind::Class(_))
                || !text.bytes().any(|byte| byte.is_ascii_alphabetic());
            vec![is_free.then_some(text)?]
        }
        HirKind::Capture(capture) => complete(&capture.sub)?,
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (0, Some(1)) => {
            let mut texts = complete(&repetition.sub)?;
            texts.push(String::new());
            texts
        }
        HirKind::Alternation(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(complete).collect();
            all?.into_iter().flatten().collect()
        }
        HirKind::Concat(parts) => {
            let mut texts = vec![String::new()];
            for part in parts {
                let ends = complete(part)?;
                let longer = texts
                    .iter()
                    .flat_map(|text| ends.iter().map(move |end| format!("{text}{end}")));
                texts = longer.take(MOST + 1).collect();
            }
            texts
        }
        HirKind::Look(_) | HirKind::Repetition(_) => return None,
    };
    (texts.len() <= MOST).then_some(texts)
}

#[cfg(test)]
mod tests {
    use regex_syntax::ParserBuilder;
    use regex_syntax::hir::Hir;

    use super::{complete, required};

    fn parsed(expression: &str) -> Hir {
        ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).unwrap()
    }

    fn of(expression: &str) -> Option<Vec<String>> {
        required(&parsed(expression))
    }

    #[test]
    fn what_may_match_is_written_out_where_case_does_not_count() {
        for (expression, texts) in [
            ("(?i)Flash|fmha", &["flash", "fmha"][..]),
            ("(?i)im2(?:d2)?col|_", &["im2d2col", "im2col", "_"]),
            ("::", &["::"]),
        ] {
            assert_eq!(complete(&parsed(expression)).unwrap(), texts, "{expression}");
        }
        for expression in ["gemm", r"(?i)\bsgd", "(?i)a*", "(?i)a.b", "^_", "(?i)[a-z]"] {
            assert_eq!(complete(&parsed(expression)), None, "{expression}");
        }
    }

    #[test]
    fn what_every_match_contains() {
        for (expression, texts) in [
            ("gemm", &["gemm"][..]),
            ("(?i)Flash|fmha", &["lash", "mha"]),
            (r"(?i)\bsgd", &["sgd"]),
            ("^nccl[A-Z][a-z]*Kernel", &["kernel"]),
            ("(?i)(?:one|two)_?shot_?all_?reduce", &["reduce"]),
            ("(?:abc)+x", &["abc"]),
            ("a(bcd|efg)h", &["bcd", "efg"]),
        ] {
            assert_eq!(of(expression).unwrap(), texts, "{expression}");
        }
        for expression in ["", "a*", "x|[0-9]", r"\bx?\b", "(abc)?", "."] {
            assert_eq!(of(expression), None, "{expression}");
        }
    }
}
