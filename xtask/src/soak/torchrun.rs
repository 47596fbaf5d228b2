//! A real torch program under torchrun.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::shell;
use crate::stage::{self, Stage};

/// The program: data-parallel steps of a small network over gloo, each marked by NVTX as PyTorch does it.
const PROGRAM: &str = r#"
import sys, torch, torch.distributed as dist
import nvtx
dist.init_process_group("gloo")
torch.manual_seed(1)
torch.set_num_threads(1)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(
    torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 256)))
optimizer = torch.optim.AdamW(model.parameters())
for step in range(int(sys.argv[1])):
    with nvtx.annotate("step", payload=step):
        x = torch.randn(64, 256)
        with nvtx.annotate("forward"):
            loss = torch.nn.functional.mse_loss(model(x), x)
        with nvtx.annotate("backward"):
            loss.backward()
        with nvtx.annotate("optimizer"):
            optimizer.step()
            optimizer.zero_grad()
dist.destroy_process_group()
"#;

/// A torch program of several ranks under torchrun, on processors; fetches torch once
#[derive(clap::Args)]
pub(crate) struct Torchrun {
    /// Ranks
    #[arg(long, default_value_t = 4)]
    nproc: u64,
    /// Steps
    #[arg(long, default_value_t = 500)]
    steps: u64,
    /// What pip installs, once, into the user's cache; with the CUDA libraries that it needs to start that is 3 GB
    #[arg(long, default_value = "torch==2.11.0")]
    torch: String,
}

impl Torchrun {
    /// Runs it and looks at what was recorded.
    pub(super) fn run(&self) -> Result<()> {
        let stage = Stage::new("torchrun", None)?;
        println!("{}", stage::machine());
        let venv = shell::cache()?.join("torch-venv");
        if !venv.join("bin/torchrun").is_file() {
            install(&venv, &self.torch)?;
        }
        let program = stage.path("train.py");
        fs::write(&program, PROGRAM).context("the program cannot be written")?;
        let recording = stage.path("run.perfdb");
        shell::run(
            stage
                .perfagent()
                .args(["record", "--force", "-o"])
                .arg(&recording)
                .arg("--")
                .arg(venv.join("bin/torchrun"))
                .args(["--nproc-per-node", &self.nproc.to_string()])
                .arg(&program)
                .arg(self.steps.to_string())
                .env("OMP_NUM_THREADS", "1")
                .stdin(Stdio::null()),
        )?;
        shell::run(stage.perfagent().arg("report").arg(&recording))?;
        let sql = "SELECT rank, count(*) AS n FROM ranges JOIN processes ON processes.id = process_id \
                   JOIN strings ON strings.id = name_id WHERE value = 'step' GROUP BY rank ORDER BY rank";
        let ranks = stage.query(&recording, sql)?;
        let steps: Vec<u64> = ranks.iter().filter_map(|row| row["n"].as_u64()).collect();
        let (lost, text) = stage.losses(&recording)?;
        println!("steps recorded a rank: {steps:?}; lost: {text}");
        if steps != vec![self.steps; self.nproc as usize] || lost > 0 {
            bail!("each of {} ranks made {} steps", self.nproc, self.steps);
        }
        Ok(())
    }
}

fn install(venv: &Path, torch: &str) -> Result<()> {
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "numpy", "nvtx", torch]);
    shell::run(&mut pip)
}
