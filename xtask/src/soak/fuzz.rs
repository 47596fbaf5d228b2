//! Damaged input for every reader and parser.

use anyhow::Result;

use crate::{cargo, shell};

/// Crates with such tests, all of which are named `…fuzz…`.
const CRATES: [&str; 6] = [
    "perfagent",
    "perfagent-spool",
    "perfagent-inject",
    "perfagent-collect",
    "perfagent-import",
    "perfagent-health",
];

/// Damaged input for the ring's reader, for the decoders and for every parser of records in the library
///
/// The same tests run in CI with few inputs. Input N of seed S is always the same: what fails names both, and
/// `PERFAGENT_FUZZ_SEED=S PERFAGENT_FUZZ_FIRST=N PERFAGENT_FUZZ_INPUTS=1 cargo test NAME` repeats it. Of inputs that are read
/// together, as rows of one file are, it names the first and how many they are.
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// Inputs of each test
    #[arg(long, default_value_t = 10_000_000)]
    inputs: u64,
    /// Decides the inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Fuzz {
    /// Runs the tests, optimised but with all checks.
    pub(super) fn run(&self) -> Result<()> {
        let mut command = cargo::plain(["test", "--release", "--no-fail-fast", "--lib", "--tests"]);
        for name in CRATES {
            command.args(["-p", name]);
            for check in ["debug-assertions", "overflow-checks"] {
                command.args(["--config", &format!("profile.release.package.{name}.{check}=true")]);
            }
        }
        command
            .args(["--", "fuzz", "--nocapture", "--test-threads", "2"])
            .env("PERFAGENT_FUZZ_INPUTS", self.inputs.to_string())
            .env("PERFAGENT_FUZZ_SEED", self.seed.to_string());
        shell::run(&mut command)
    }
}
