//! What Slurm says of a node: the text of `scontrol show node NAME`.

/// As much of it as matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// It takes no new jobs until somebody gives it back.
    pub(super) drained: bool,
    /// Why, in somebody's words; empty where nobody gave any.
    pub(super) reason: String,
}

impl Node {
    /// `None` where the text tells no state.
    pub(super) fn read(text: &str) -> Option<Self> {
        let states = text.split_ascii_whitespace().find_map(|word| word.strip_prefix("State="))?;
        // `IDLE*+DRAIN`: a base state and flags; the star says that the node does not answer.
        let drained = states.split('+').any(|state| {
            matches!(
                state.trim_end_matches(|mark: char| !mark.is_ascii_alphabetic()),
                "DRAIN" | "DRAINED" | "DRAINING"
            )
        });
        let reason = text.lines().find_map(|line| line.trim_start().strip_prefix("Reason="));
        // `WORDS [USER@TIME]`
        let words = |reason: &str| match reason.rsplit_once(" [") {
            Some((words, who)) if who.contains('@') && who.ends_with(']') => words.to_owned(),
            _ => reason.to_owned(),
        };
        Some(Self {
            drained,
            reason: reason.map(|reason| words(reason.trim())).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn state_and_reason_are_read() {
        let text = "NodeName=gpu01 Arch=x86_64 CoresPerSocket=1 \n   CPUAlloc=0\n   State=IDLE+DRAIN ThreadsPerCore=1\n   \
                    Reason=bad [DIMM] in slot 3 [root@2026-11-27T22:00:00]\n   Comment=x\n";
        let node = Node::read(text).unwrap();
        assert_eq!(node, Node { drained: true, reason: "bad [DIMM] in slot 3".to_owned() });
        for (states, drained) in [
            ("IDLE", false),
            ("DOWN*", false),
            ("MIXED*+DRAIN", true),
            ("DOWN+DRAIN+NOT_RESPONDING", true),
            ("IDLE+PLANNED", false),
            ("DRAINED*", true),
        ] {
            let node = Node::read(&format!("NodeName=a\n   State={states} Weight=1\n")).unwrap();
            assert_eq!((node.drained, node.reason.as_str()), (drained, ""), "{states}");
        }
        assert_eq!(Node::read("Node nowhere not found"), None);
    }
}
