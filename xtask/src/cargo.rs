//! Starts cargo with libtorch in its environment.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::libclang;
use crate::libtorch::{self, Libtorch};
use crate::{nvrtc, python, shell};

/// A cargo that can build the whole workspace.
pub(crate) struct Cargo {
    torch: Libtorch,
    clang: Vec<(&'static str, String)>,
    /// The Python packages that the tests record; not there before the first `cargo xtask test` or `setup`.
    python: Option<PathBuf>,
    /// The Python packages that check manifests and shell files.
    checkers: Option<PathBuf>,
    /// Clippy is the compiler of our crates, and what it warns of are errors.
    linted: bool,
}

/// Finds or fetches libtorch for cargo.
pub(crate) fn with_libtorch() -> Result<Cargo> {
    Ok(Cargo {
        torch: libtorch::find_or_fetch()?,
        clang: libclang::environment()?,
        python: python::folder().ok(),
        checkers: python::checkers().ok(),
        linted: false,
    })
}

/// The same, with clippy as the compiler of our crates: `cargo clippy` beside an ordinary build would compile all of them,
/// and check all dependencies, a second time.
pub(crate) fn linted() -> Result<Cargo> {
    anyhow::ensure!(
        shell::exists("clippy-driver"),
        "clippy is not installed: `rustup component add clippy`"
    );
    Ok(Cargo { linted: true, ..with_libtorch()? })
}

impl Cargo {
    /// One line for people: which libtorch is used.
    pub(crate) fn describe(&self) -> String {
        self.torch.describe()
    }

    /// `cargo ARGUMENTS…`, not started yet.
    pub(crate) fn command(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = plain(arguments);
        command
            .env("LIBTORCH", &self.torch.link_folder)
            .env("PERFAGENT_TORCH_LIB", &self.torch.library_folder)
            // torch's wheels have used the C++11 ABI since 2.6.
            .env("LIBTORCH_CXX11_ABI", "1")
            .envs(self.clang.iter().map(|(name, value)| (name, value)))
            .envs(self.python.iter().map(|folder| ("PERFAGENT_TEST_PYTHON", folder)))
            .envs(self.checkers.iter().map(|folder| ("PERFAGENT_TEST_CHECKERS", folder)))
            // `cargo run` sets this for its child; passing it on would rebuild what depends on it.
            .env_remove("CARGO_MANIFEST_DIR");
        if self.linted {
            command
                .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
                // How `cargo clippy -- ARGUMENTS` hands its arguments to the driver.
                .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
        }
        // One that the developer has chosen stays.
        if std::env::var_os("PERFAGENT_NVRTC").is_none() {
            command.envs(nvrtc::library().map(|library| ("PERFAGENT_NVRTC", library)));
        }
        command
    }

    /// Runs cargo on the terminal.
    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Result<()> {
        shell::run(&mut self.command(arguments))
    }

    /// Builds the programs (perfagent, perfagent-gui, perfagent-bench and libperfagent.so) and returns
    /// the folder that they are in.
    pub(crate) fn build_programs(&self, release: bool) -> Result<PathBuf> {
        let mut arguments = vec!["build"];
        if release {
            arguments.push("--release");
            for package in ["perfagent", "perfagent-inject", "perfagent-gui", "perfagent-bench"] {
                arguments.extend(["-p", package]);
            }
        } else {
            // Exactly what the tests build: any smaller choice would select other features of the shared
            // dependencies and compile half of them a second time.
            arguments.extend(["--workspace", "--all-targets"]);
        }
        self.run(&arguments)?;
        programs(release)
    }
}

/// The folder that built programs are in.
pub(crate) fn programs(release: bool) -> Result<PathBuf> {
    Ok(target_folder()?.join(if release { "release" } else { "debug" }))
}

/// `cargo ARGUMENTS…` for what needs no libtorch, not started yet.
pub(crate) fn plain(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(shell::workspace())
        .args(arguments)
        // `cargo run` sets this for its child; passing it on would rebuild what depends on it.
        .env_remove("CARGO_MANIFEST_DIR");
    command
}

/// Builds the recorder, the library, the stand-in for a GPU and the target program, optimised, and returns the folder
/// that they are in. None of it needs libtorch.
pub(crate) fn build_agent() -> Result<PathBuf> {
    let packages = ["-p", "perfagent", "-p", "perfagent-inject", "-p", "perfagent-fake-gpu"];
    let what = ["build", "--release", "--lib", "--bins", "--examples"];
    shell::run(&mut plain(what.iter().chain(&packages)))?;
    programs(true)
}

/// Where cargo puts what it builds.
fn target_folder() -> Result<PathBuf> {
    let metadata = shell::read(&mut plain(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("reading cargo metadata")?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(folder.into())
}
