//! XIDs 144 to 150 of fifth-generation NVLink: which unit, which error, what follows. The line reads
//! `NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000 …)`.

use serde::Deserialize;

use super::catalogue::Policy;
use crate::{Severity, Status};

/// From this number on a status is a number, before it a set of bits.
const FIRST_WITH_NUMBERS: u32 = 149;

/// One row of NVIDIA's table: XID, unit, its number in ten and in seven bits, sub-code, status, severity, immediate
/// action, what to investigate.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row(
    pub(super) u32,
    pub(super) String,
    pub(super) u32,
    pub(super) u32,
    pub(super) u32,
    pub(super) u32,
    pub(super) String,
    pub(super) String,
    pub(super) String,
);

impl Row {
    fn is_fatal(&self) -> bool {
        self.6 != "Non-fatal"
    }

    /// Whether it is of this unit: named so in the line, or else numbered so in its first word.
    fn is_of(&self, text: &str, information: u32) -> bool {
        let named = |unit: &str| {
            text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .any(|word| word == unit)
        };
        self.1.split('/').any(named)
            || self.2 == information & 0x3ff
            || self.3 == information & 0x7f
    }

    /// What follows.
    pub(super) fn policy(&self) -> Policy {
        let reset = "drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX";
        let look = self.investigation();
        let (status, severity, action) = match self.7.as_str() {
            "RESET_GPU" => (Status::Critical, Severity::Reset, format!("{reset}; {look}")),
            "XID_154_EVAL" => (
                Status::Warning,
                Severity::Triage,
                format!("do what XID 154 of the same GPU demands; {look}"),
            ),
            _ if self.is_fatal() => (Status::Warning, Severity::Triage, look.to_owned()),
            _ if self.8 == "IGNORE" => (Status::Ok, Severity::Monitor, look.to_owned()),
            _ => (Status::Warning, Severity::Monitor, look.to_owned()),
        };
        Policy { status, severity, action, fatal: None }
    }

    /// NVIDIA's investigatory action in words.
    fn investigation(&self) -> &'static str {
        match self.8.as_str() {
            "IGNORE" => "nothing more to look at",
            "CONTACT_SUPPORT" => "if it comes again, collect nvidia-bug-report.sh and ask NVIDIA",
            "INVESTIGATE_LINK_SI" => {
                "if it comes again, have the connectors of the link inspected: its signal is poor"
            }
            "INVESTIGATE_LINK_SI_AND_CABLES" => {
                "have connectors and cables of the link inspected: its signal is poor"
            }
            "INVESTIGATE_SW_USER" => {
                "find who took the link down: a reset, the fabric manager, an operator"
            }
            "INVESTIGATE_SW_USER_LINK_SI" => {
                "find who took the link down, else have its connectors inspected"
            }
            "INVESTIGATE_PEER_DEVICE" => "look at the device at the other end of the link",
            "INVESTIGATE_HOST" => "look for errors of the host: power, PCI Express, a reboot",
            "SYMPATHETIC_REPORT_SOLO" => {
                "it mostly follows from an error elsewhere: look for an earlier XID; report it if there is none"
            }
            "REPORT_ISSUE" => "report it to NVIDIA if it comes more than once a day",
            _ => "follow NVIDIA's flow for NVLink failures",
        }
    }

    /// `unit NETIR_LINK_EVT, sub-code 4, Link Fatal`.
    pub(super) fn words(&self) -> String {
        format!("unit {}, sub-code {}, status {:#x}: {}", self.1, self.4, self.5, self.6)
    }
}

/// The row that a line is of; of several bits that are set, the worst.
pub(super) fn decode<'rows>(rows: &'rows [Row], code: u32, text: &str) -> Option<&'rows Row> {
    let (information, status) = words(text)?;
    let sub_code = information >> 20 & 0x3f;
    let of_unit = || {
        rows.iter().filter(|row| row.0 == code && row.4 == sub_code && row.is_of(text, information))
    };
    if let Some(row) = of_unit().find(|row| row.5 == status) {
        return Some(row);
    }
    let bit = |row: &&Row| code < FIRST_WITH_NUMBERS && row.5 & status != 0;
    of_unit().filter(bit).max_by_key(|row| row.policy().status)
}

/// The first two words in brackets.
fn words(text: &str) -> Option<(u32, u32)> {
    let (_, brackets) = text.rsplit_once("(0x")?;
    let mut words = brackets.split_once(')')?.0.split_ascii_whitespace();
    let number = |word: &str| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    Some((number(words.next()?)?, number(words.next()?)?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Row, decode};
    use crate::xid::Catalogue;
    use crate::{Severity, Status};

    fn row(code: u32, text: &str) -> Option<&'static Row> {
        decode(&Catalogue::built_in().nvlink5, code, text)
    }

    #[test]
    fn a_link_that_went_down_tells_its_sub_code() {
        let line =
            "NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000 0x00000000)";
        let found = row(149, line).unwrap();
        assert_eq!((found.4, found.8.as_str()), (4, "INVESTIGATE_LINK_SI"));
        assert_eq!(found.policy().status, Status::Critical);
        // The same from a driver that names no unit: ten bits say which it is.
        assert_eq!(row(149, "(0x004505c6 0x00000000)").unwrap().4, 4);
    }

    #[test]
    fn of_several_errors_the_worst_counts() {
        let both = row(145, "RLW_TAGSTATE Fatal XC0 i0 Link 01 (0x00000102 0x00000003)").unwrap();
        assert_eq!((both.5, both.policy().status), (2, Status::Critical));
        let one = row(145, "RLW_TAGSTATE Nonfatal XC0 i0 Link 01 (0x00000102 0x00000001)").unwrap();
        assert_eq!((one.policy().status, one.policy().severity), (Status::Ok, Severity::Monitor));
    }

    #[test]
    fn what_is_in_no_row_is_left_to_the_line() {
        for line in ["", "NETIR_LINK_EVT Fatal", "(0x", "(0x1)", "(0xzz 0x0)", "X (0x03f505c6 0x7)"]
        {
            assert!(row(149, line).is_none(), "{line}");
        }
    }

    /// Each row, written as a line in both forms, is found again; against the catalogue as another project carries it,
    /// where that material is there.
    #[test]
    fn every_row_of_the_table_is_decoded() {
        let rows = &Catalogue::built_in().nvlink5;
        assert_eq!(rows.len(), 91);
        for row in rows {
            for unit in [row.2, row.3] {
                let information = row.4 << 20 | unit;
                let line = format!(
                    "{} {} XC0 i0 Link 01 ({information:#010x} {:#010x})",
                    row.1, row.6, row.5
                );
                let found = decode(rows, row.0, &line).unwrap();
                assert_eq!((found.4, found.5, &found.7), (row.4, row.5, &row.7), "{line}");
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = root.join("../shared/data/health/nvidia_xid/xid_catalog.json");
        let Ok(text) = fs::read_to_string(&path) else {
            return println!("skipped: {} is not there", path.display());
        };
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        let theirs = theirs["nvlink5"].as_array().unwrap();
        assert_eq!(theirs.len(), rows.len());
        for (row, their) in rows.iter().zip(theirs) {
            let text = |key: &str| their[key].as_str().unwrap();
            let bits = |key: &str, from: usize, to: usize| {
                u32::from_str_radix(&text(key)[from..to], 2).unwrap()
            };
            assert_eq!(u64::from(row.0), their["xid"].as_u64().unwrap());
            assert_eq!(row.1, text("unit"));
            assert_eq!((row.2, row.3), (bits("intrinfo_v1", 22, 32), bits("intrinfo_v2", 25, 32)));
            assert_eq!(row.4, bits("intrinfo_v1", 6, 12));
            assert_eq!(format!("{:#010x}", row.5), text("error_status"));
            assert_eq!(row.7, text("resolution"));
            let resets = row.7 == "RESET_GPU";
            assert_eq!(row.policy().status == Status::Critical, resets, "{row:?}");
        }
    }
}
