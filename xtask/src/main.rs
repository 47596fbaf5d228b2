//! Set-up, demo, test and tidy for perfagent: everything that a developer or CI types.
//!
//! `cargo xtask` is the only place that knows where libtorch comes from. It finds or fetches it, and
//! hands the environment to the cargo that it starts, so that nobody exports a variable by hand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to its terminal"
)]

mod arrows;
mod bench;
mod calibrate;
mod cargo;
mod demo;
mod generated;
mod gpu_bundle;
mod jobs;
mod libclang;
mod libtorch;
mod nvrtc;
mod python;
mod shell;
mod soak;
mod stage;
mod statistics;
mod system;
mod tables;
mod test;
mod tidy;
mod wheel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the perfagent workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or fetch libtorch and what the tests need, and say where it is
    Setup,
    /// Build, record two data-parallel ranks of a small GPT, print the report, leave demo.perfdb
    Demo(demo::Demo),
    /// Everything that CI runs: format, clippy, tidy, spelling, all tests, the demo at a small size
    Test(test::Test),
    /// Check what compilers do not: module docs, file sizes, crate arrows, generated files
    Tidy,
    /// Rewrite the files that are generated from the code
    Generate,
    /// Make the README's tables of the benchmark anew, from stored runs or new ones
    Tables(tables::Tables),
    /// Fit the predictor's constants to measured jobs and write data/calibration.toml
    Calibrate(calibrate::Calibrate),
    /// Measure, interleaved and repeated
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Run for a long time what tests run shortly: floods, kills, damaged input, a real torch program; not for CI
    #[command(subcommand)]
    Soak(soak::Soak),
    /// Make the folder that runs on a machine with a GPU and no Rust
    GpuBundle(gpu_bundle::GpuBundle),
    /// Run cargo with libtorch in its environment, e.g. `cargo xtask cargo build --workspace`
    Cargo {
        /// What to pass to cargo
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Setup => setup(),
        Task::Demo(demo) => demo.run(),
        Task::Test(test) => test.run(),
        Task::Tidy => tidy::run(None),
        Task::Generate => generated::write(),
        Task::Tables(tables) => tables.run(),
        Task::Calibrate(calibrate) => calibrate.run(),
        Task::Bench(bench) => bench.run(),
        Task::Soak(soak) => soak.run(),
        Task::GpuBundle(bundle) => bundle.run(),
        Task::Cargo { arguments } => cargo::with_libtorch().and_then(|cargo| cargo.run(&arguments)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn setup() -> anyhow::Result<()> {
    println!("libtorch: {}", cargo::with_libtorch()?.describe());
    system::require_window_packages()?;
    println!("window tests: software drivers and Xvfb are installed");
    system::require_launcher_packages()?;
    println!("launcher tests: Open MPI and Slurm are installed");
    system::require_monitoring_packages()?;
    println!("exporter tests: Prometheus is installed");
    nvrtc::require()?;
    if let Some(library) = nvrtc::library() {
        println!("CUDA sources: compiled by {}", library.display());
    }
    python::require()?;
    println!("Python tests: {}", python::folder()?.display());
    Ok(())
}
