//! The suites that come with the program.

use std::path::Path;

use super::case::Suite;
use super::file;
use super::option::Options;
use super::place::Surroundings;

/// A suite of `data/suites`.
#[derive(Debug)]
pub(crate) struct Builtin {
    /// Its name, also in its text.
    pub(crate) name: &'static str,
    /// To be copied and edited.
    pub(crate) text: &'static str,
}

/// All of them.
pub(crate) const BUILTIN: [Builtin; 5] = [
    Builtin { name: "ci", text: include_str!("../../../../data/suites/ci.toml") },
    Builtin { name: "precision", text: include_str!("../../../../data/suites/precision.toml") },
    Builtin { name: "zero", text: include_str!("../../../../data/suites/zero.toml") },
    Builtin { name: "scaling", text: include_str!("../../../../data/suites/scaling.toml") },
    Builtin { name: "inference", text: include_str!("../../../../data/suites/inference.toml") },
];

impl Builtin {
    /// The suite that is called `name`.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        BUILTIN.iter().find(|builtin| builtin.name == name)
    }

    /// Its cases on a machine.
    pub(crate) fn read(
        &self,
        surroundings: Surroundings,
        overrides: &Options,
    ) -> anyhow::Result<Suite> {
        let origin = format!("the suite {}", self.name);
        file::parse(&origin, Path::new(""), self.text, surroundings, overrides)
    }
}

#[cfg(test)]
mod tests {
    use super::{BUILTIN, Builtin};
    use crate::suite::option::Options;
    use crate::suite::place::Surroundings;

    #[test]
    fn every_suite_can_be_read_wherever_it_is() {
        for (cores, gpus) in [(1, 0), (2, 0), (128, 8)] {
            for builtin in &BUILTIN {
                let suite = builtin.read(Surroundings { cores, gpus }, &Options::new()).unwrap();
                assert_eq!(suite.name, builtin.name);
                assert!(!suite.about.is_empty() && suite.count().0 > 0);
            }
        }
    }

    #[test]
    fn scaling_goes_up_to_what_there_is() {
        let surroundings = Surroundings { cores: 16, gpus: 8 };
        let scaling = Builtin::find("scaling").unwrap();
        let most = |device: &str| {
            let overrides = Options::from_iter([("device".to_owned(), device.into())]);
            let suite = scaling.read(surroundings, &overrides).unwrap();
            suite.cases.iter().filter_map(|case| case.options["ranks"].as_u64()).max()
        };
        assert_eq!((most("cpu"), most("cuda")), (Some(16), Some(8)));
    }
}
