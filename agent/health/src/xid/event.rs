//! A line of the driver about an XID: `NVRM: Xid (PCI:0000:9b:00): 119, pid=1, name=x, TEXT`.

use crate::host::kernel_log::Message;

/// One such line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Domain, bus and device: `0000:9b:00`.
    pub(super) pci: String,
    pub(super) code: u32,
    /// All that follows the number.
    pub(super) text: String,
    /// Microseconds from the kernel's start.
    pub(super) at_us: u64,
}

impl Event {
    /// The event that `message` tells, if it does.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let (_, rest) = message.text.split_once("NVRM: Xid (")?;
        let (place, rest) = rest.split_once("): ")?;
        let pci = place.strip_prefix("PCI:").unwrap_or(place);
        let pci = pci.split_ascii_whitespace().next()?;
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (code, text) = rest.split_at(digits);
        Some(Self {
            pci: pci.to_ascii_lowercase(),
            code: code.parse().ok()?,
            text: text.trim_start_matches([',', ' ']).to_owned(),
            at_us: message.at_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Event;
    use crate::host::kernel_log::Message;

    fn of(text: &str) -> Option<(String, u32, String)> {
        let event = Event::of(&Message { at_us: 0, text: text.to_owned() })?;
        Some((event.pci, event.code, event.text))
    }

    #[test]
    fn every_form_of_the_line_is_understood() {
        for (line, pci, code, text) in [
            (
                "NVRM: Xid (PCI:0000:10:1c): 63, pid=1896, Row Remapper: New row",
                "0000:10:1c",
                63,
                "pid=1896, Row Remapper: New row",
            ),
            (
                "NVRM: Xid (PCI:0008:01:00): 79, GPU has fallen off the bus.",
                "0008:01:00",
                79,
                "GPU has fallen off the bus.",
            ),
            ("NVRM: Xid (0000:9B:00): 31", "0000:9b:00", 31, ""),
            ("NVRM: Xid (PCI:0000:9b:00 GPU-I:05): 13, pid=1", "0000:9b:00", 13, "pid=1"),
        ] {
            assert_eq!(of(line), Some((pci.to_owned(), code, text.to_owned())), "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "NVRM: GPU at PCI:0000:9b:00: GPU-509665ad",
            "NVRM: Xid (PCI:0000:66:00): abc, pid=1",
            "NVRM: Xid (PCI:0000:66:00): 99999999999, pid=1",
            "NVRM: Xid ",
            "",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn damaged_lines_never_panic(cut in 0_usize..60, tail in "\\PC{0,20}") {
            let line = "NVRM: Xid (PCI:0000:9b:00): 119, pid=1, name=x, Timeout after 6s";
            let _ = of(&format!("{}{tail}", &line[..cut.min(line.len())]));
        }
    }
}
