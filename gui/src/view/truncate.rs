//! Texts cut to the room there is, so that every one can be laid out once and drawn without a clip
//! rectangle of its own (which would cost a draw call each).

/// As much of `text` as fits into `room` when a character is about `character` wide; `None` when not
/// even a few do.
#[must_use]
pub(crate) fn fitting(text: &str, room: f32, character: f32) -> Option<String> {
    const LEAST: usize = 3;
    let most = (room / character).floor().max(0.0) as usize;
    // Counting at most one more than fits: names can be kilobytes long.
    let length = text.chars().take(most + 1).count();
    if length <= most {
        return Some(text.to_owned());
    }
    (most > LEAST).then(|| text.chars().take(most - 1).chain(std::iter::once('…')).collect())
}

/// A kernel's name without its namespaces, templates and parameters; other names as they are.
#[must_use]
pub(crate) fn short_name(name: &str) -> &str {
    const ANONYMOUS: &str = "(anonymous namespace)::";
    let rest = name.rfind(ANONYMOUS).filter(|&at| !name[..at].contains('<'));
    let rest = rest.map_or(name, |at| &name[at + ANONYMOUS.len()..]);
    let rest = rest.strip_prefix("void ").unwrap_or(rest);
    match rest.find(['<', '(']) {
        Some(end) if end > 0 => {
            let bare = &rest[..end];
            bare.rsplit("::").next().filter(|last| !last.is_empty()).unwrap_or(bare)
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{fitting, short_name};

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        assert_eq!(fitting("forward", 70.0, 7.0).as_deref(), Some("forward"));
        assert_eq!(fitting("forward", 35.0, 7.0).as_deref(), Some("forw…"));
        assert_eq!(fitting("forward", 14.0, 7.0), None);
        assert_eq!(fitting("ok", 14.0, 7.0).as_deref(), Some("ok"));
    }

    #[test]
    fn kernel_names_lose_their_templates() {
        let name =
            "void at::native::vectorized_elementwise_kernel<4, at::native::AUnaryFunctor>(int)";
        assert_eq!(short_name(name), "vectorized_elementwise_kernel");
        assert_eq!(
            short_name("void at::native::(anonymous namespace)::layer_norm<float>(int)"),
            "layer_norm"
        );
        assert_eq!(short_name("aten::addmm"), "aten::addmm");
        assert_eq!(short_name("ncclDevKernel_AllReduce(x)"), "ncclDevKernel_AllReduce");
        assert_eq!(short_name("(no name)"), "(no name)");
    }
}
