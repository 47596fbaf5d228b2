//! NVIDIA's catalogue as `data/xid.toml` carries it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::nvlink::{self, Row};
use crate::{Severity, Status};

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    // The file is part of the program; a test reads it, so that a slip in it never gets here.
    toml::from_str(include_str!("../../../../data/xid.toml")).unwrap_or_default()
});

/// A number that the catalogue does not have, or has without a meaning.
static UNLISTED: LazyLock<Policy> = LazyLock::new(|| Policy {
    status: Status::Warning,
    severity: Severity::Triage,
    action: "look the number up in NVIDIA's current catalogue; collect nvidia-bug-report.sh"
        .to_owned(),
    fatal: None,
});

/// The numbers, and what follows from each.
#[derive(Debug, Default, Deserialize)]
pub struct Catalogue {
    /// Where NVIDIA publishes it.
    pub source: String,
    /// The date of the edition.
    pub edition: String,
    reserved: Vec<u32>,
    #[serde(default)]
    pub(super) nvlink5: Vec<Row>,
    #[serde(rename = "xid")]
    xids: Vec<Xid>,
    policy: BTreeMap<String, Policy>,
}

/// One number.
#[derive(Debug, Deserialize)]
pub struct Xid {
    /// The number.
    pub code: u32,
    /// NVIDIA's identifier.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// NVIDIA's immediate action, by its identifier.
    pub nvidia: String,
    /// What follows for this number alone, where NVIDIA's action is a workflow.
    #[serde(flatten)]
    own: Option<Policy>,
}

/// What follows from an XID.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Policy {
    pub(super) status: Status,
    pub(super) severity: Severity,
    pub(super) action: String,
    /// What follows unless the line says that the error was not fatal.
    pub(super) fatal: Option<Box<Policy>>,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// What is known of a number; `None` where the catalogue gives it no meaning.
    #[must_use]
    pub fn find(&self, code: u32) -> Option<&Xid> {
        self.xids.iter().find(|xid| xid.code == code)
    }

    /// All numbers that the catalogue lists, with a meaning or without.
    pub fn codes(&self) -> impl Iterator<Item = u32> {
        self.xids.iter().map(|xid| xid.code).chain(self.reserved.iter().copied())
    }

    /// How bad this number is at least: of errors in links, whose lines say whether they were fatal, as if they were not.
    #[must_use]
    pub fn least_status(&self, code: u32) -> Status {
        self.policy(code, "Nonfatal").status
    }

    /// The row of NVIDIA's table of NVLink errors that a line is of.
    pub(super) fn nvlink_row(&self, code: u32, text: &str) -> Option<&Row> {
        nvlink::decode(&self.nvlink5, code, text)
    }

    /// What follows from this number in a line with this text.
    pub(super) fn policy(&self, code: u32, text: &str) -> &Policy {
        let known =
            self.find(code).and_then(|xid| xid.own.as_ref().or(self.policy.get(&xid.nvidia)));
        let policy = known.unwrap_or(&UNLISTED);
        match &policy.fatal {
            Some(fatal) if !text.contains("Nonfatal") && !text.contains("Non-fatal") => fatal,
            _ => policy,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::{Catalogue, Policy};
    use crate::{Severity, Status};

    fn read() -> Catalogue {
        toml::from_str(include_str!("../../../../data/xid.toml")).unwrap()
    }

    #[test]
    fn the_catalogue_is_sound() {
        let catalogue = read();
        assert!(catalogue.source.starts_with("https://docs.nvidia.com/"));
        assert_eq!(catalogue.edition, "2025-10-29");
        let codes: BTreeSet<u32> = catalogue.codes().collect();
        assert_eq!(codes.len(), catalogue.codes().count(), "a number twice");
        assert_eq!(codes, (1..=172).collect());
        for xid in &catalogue.xids {
            assert!(!xid.name.is_empty() && xid.meaning.len() > 10, "{xid:?}");
            let known = xid.own.is_some() || catalogue.policy.contains_key(&xid.nvidia);
            assert!(known, "{}: nothing follows from {}", xid.code, xid.nvidia);
        }
    }

    /// Nothing that NVIDIA answers with a reset or a reboot may pass as less than critical.
    #[test]
    fn what_nvidia_resets_is_critical() {
        let catalogue = Catalogue::built_in();
        for xid in &catalogue.xids {
            if matches!(xid.nvidia.as_str(), "RESET_GPU" | "RESTART_BM" | "RESTART_VM") {
                let policy = catalogue.policy(xid.code, "");
                assert_eq!(policy.status, Status::Critical, "{xid:?}");
            }
        }
        for code in [46, 62, 64, 79, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158] {
            assert_eq!(catalogue.policy(code, "").status, Status::Critical, "XID {code}");
        }
    }

    #[test]
    fn a_number_alone_says_the_least_that_it_means() {
        let least = |code| Catalogue::built_in().least_status(code);
        assert_eq!((least(79), least(149)), (Status::Critical, Status::Warning));
    }

    #[test]
    fn an_unlisted_number_is_never_ok() {
        for code in [0, 1, 52, 173, 4_000_000] {
            let Policy { status, severity, .. } = Catalogue::built_in().policy(code, "");
            assert_eq!((*status, *severity), (Status::Warning, Severity::Triage), "XID {code}");
        }
    }

    #[test]
    fn a_link_error_is_fatal_unless_it_says_otherwise() {
        let of = |text| Catalogue::built_in().policy(149, text).status;
        assert_eq!(of("NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6)"), Status::Critical);
        assert_eq!(of("NETIR_LINK_EVT Nonfatal XC0 i0 Link 08 (0x004505c6)"), Status::Warning);
        assert_eq!(of(""), Status::Critical);
    }

    /// Against the catalogue as another project carries it, where that material is there.
    #[test]
    fn actions_are_those_of_nvidias_catalogue() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = root.join("../shared/data/health/nvidia_xid/xid_catalog.json");
        let Ok(text) = fs::read_to_string(&path) else {
            return println!("skipped: {} is not there", path.display());
        };
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut compared = 0;
        for row in theirs["xids"].as_array().unwrap() {
            let code = row["xid"].as_u64().unwrap() as u32;
            let Some(xid) = Catalogue::built_in().find(code) else { continue };
            let action = row["immediate"].as_str().filter(|action| !action.is_empty());
            assert_eq!(xid.nvidia, action.unwrap_or("NONE_GIVEN"), "XID {code}");
            assert!(row["mnemonic"].as_str().unwrap().starts_with(&xid.name), "XID {code}");
            compared += 1;
        }
        assert_eq!(compared, 109);
    }
}
