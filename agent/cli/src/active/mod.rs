//! `perfagent health --active`: which devices are loaded, with what, and for how long. Measuring and judging are
//! `perfagent_health::active`'s.

mod corpus;
mod training;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use perfagent_health::active::{
    Answered, Earlier, Measured, Part, ask, earlier, judge, link, others,
};
use perfagent_health::gpu::GpuIdentity;
use perfagent_health::{Check, Health};

use crate::printer::Printer;

/// Memory of the host that is tested; a GPU's is tested as a whole.
const HOST_BYTES: u64 = 1 << 30;
/// Shares of a device's time: the test of its memory may begin patterns for so long, and with its ceilings take so long.
const MEMORY_SHARE: f64 = 0.15;
const ANSWER_SHARE: f64 = 0.6;

/// What of it is wanted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Load the GPUs too: memory patterns, bandwidth, matrix products, copies, all-reduce, a short training with a checksum
    ///
    /// Refused while others work there. Takes the devices one after the other and the whole machine meanwhile; changes no
    /// setting. What the time does not suffice for is unknown.
    #[arg(long)]
    active: bool,
    /// What is loaded
    #[arg(long, value_name = "gpus|cpu", default_value = "gpus", requires = "active")]
    device: Devices,
    /// Only these parts
    #[arg(long, value_name = "PART", value_delimiter = ',', requires = "active")]
    only: Vec<Stage>,
    /// Seconds that all of it may take
    #[arg(long, value_name = "S", default_value_t = 600, requires = "active",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    budget: u64,
    /// Load the devices though others use them; their figures are not to be trusted then
    #[arg(long, requires = "active")]
    force: bool,
    /// Documents of this node from earlier (perfagent health --active --json), against which rates are held
    #[arg(long, value_name = "FILE|DIR", requires = "active")]
    before: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Devices {
    Gpus,
    Cpu,
}

/// Parts that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Stage {
    Memory,
    Ceilings,
    Training,
}

/// A device that is loaded.
struct Target {
    name: String,
    /// As `--device` of the child and of perfagent-bench.
    device: String,
    /// CUDA shall see these, in this order.
    visible: Option<String>,
    /// CUDA shall see this one alone while it trains.
    alone: Option<String>,
    pci: Option<String>,
}

impl Args {
    /// Adds the active checks to those of a passive examination, if they are asked for.
    pub(crate) fn extend(&self, found: Health, printer: &mut Printer) -> anyhow::Result<Health> {
        if !self.active {
            return Ok(found);
        }
        let before = self.earlier(&found.host)?;
        let targets = self.targets(&found.gpus);
        if targets.is_empty() {
            let check = Check::unknown(
                "active",
                "host",
                "no GPU was found, so none was loaded",
                "see the check gpu_count; --device cpu loads the processors instead",
            );
            return Ok(found.with(vec![check]));
        }
        let alone = self.alone()?;
        let stages: BTreeSet<Stage> = if self.only.is_empty() {
            [Stage::Memory, Stage::Ceilings, Stage::Training].into()
        } else {
            self.only.iter().copied().collect()
        };
        let end = Instant::now() + Duration::from_secs(self.budget);
        let mut measured = Vec::new();
        for (index, target) in targets.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(targets.len() - index).unwrap_or(1);
            printer.note(format!("{}: up to {} s", target.name, share.as_secs()));
            measured.push(measure(target, &stages, share)?);
        }
        let mut checks = judge(&measured, &before);
        // What nobody wanted is no finding.
        checks.retain(|check| stages.contains(&stage_of(check.name)));
        checks.insert(0, alone);
        Ok(found.with(checks))
    }

    fn targets(&self, gpus: &[GpuIdentity]) -> Vec<Target> {
        if self.device == Devices::Cpu {
            return vec![Target {
                name: "cpu".to_owned(),
                device: "cpu".to_owned(),
                visible: None,
                alone: None,
                pci: None,
            }];
        }
        // CUDA counts in another order than NVML, and may be shown a part: UUIDs name what is meant.
        let visible: Option<Vec<&str>> = gpus.iter().map(|gpu| gpu.uuid.as_deref()).collect();
        let visible = visible.map(|uuids| uuids.join(","));
        let target = |(ordinal, gpu): (usize, &GpuIdentity)| Target {
            name: format!("GPU {}", gpu.index),
            device: format!("cuda:{ordinal}"),
            visible: visible.clone(),
            alone: gpu.uuid.clone(),
            pci: gpu.pci.clone(),
        };
        gpus.iter().enumerate().map(target).collect()
    }

    /// That nobody else works there; refused where somebody does.
    fn alone(&self) -> anyhow::Result<Check> {
        const NAME: &str = "exclusive_use";
        let (busy, hidden) = others(Path::new("/"), self.device == Devices::Gpus);
        let named: Vec<String> = busy
            .iter()
            .map(|one| match one.pid {
                Some(pid) => format!("process {pid}: {}", one.what),
                None => one.what.clone(),
            })
            .collect();
        if !named.is_empty() && !self.force {
            bail!(
                "health --active: others work on this node ({}); wait until they have ended, or load it all the same with --force",
                named.join("; ")
            );
        }
        Ok(if !named.is_empty() {
            Check::unknown(
                NAME,
                "host",
                format!("others worked on this node meanwhile: {}", named.join("; ")),
                "repeat when the node is free",
            )
        } else if hidden > 0 {
            Check::unknown(
                NAME,
                "host",
                format!(
                    "of {hidden} processes of other users it is not known whether they use a GPU"
                ),
                "run it as root",
            )
        } else {
            Check::ok(NAME, "host", "nobody else works here")
        })
    }

    fn earlier(&self, host: &str) -> anyhow::Result<Vec<Earlier>> {
        let mut values = Vec::new();
        for path in &self.before {
            let files = if path.is_dir() { documents(path)? } else { vec![path.clone()] };
            for file in files {
                let name = file.display();
                let text = std::fs::read(&file)
                    .with_context(|| format!("{name}: cannot be read; correct --before"))?;
                let document = serde_json::from_slice(&text).map_err(|error| {
                    anyhow::anyhow!("{name}: is no JSON ({error}); leave it out of --before")
                })?;
                let found = earlier(&document, host)
                    .map_err(|why| anyhow::anyhow!("{name}: {why}; leave it out of --before"))?;
                values.extend(found);
            }
        }
        Ok(values)
    }
}

/// The JSON files of a folder, in order of their names.
fn documents(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{}: cannot be listed; correct --before", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    Ok(files)
}

fn stage_of(check: &str) -> Stage {
    match check {
        "memory_pattern" => Stage::Memory,
        "training_checksum" | "training_step" | "sustained_clocks" => Stage::Training,
        _ => Stage::Ceilings,
    }
}

fn measure(target: &Target, stages: &BTreeSet<Stage>, share: Duration) -> anyhow::Result<Measured> {
    let begun = Instant::now();
    let answered = if stages.contains(&Stage::Memory) || stages.contains(&Stage::Ceilings) {
        let mut command = own_program()?;
        command.args(["active-answer", "--device", &target.device]);
        if stages.contains(&Stage::Memory) {
            let bytes = if target.device == "cpu" { HOST_BYTES } else { u64::MAX };
            let seconds = share.mul_f64(MEMORY_SHARE).as_secs().to_string();
            command.args(["--memory-bytes", &bytes.to_string(), "--memory-seconds", &seconds]);
        }
        if stages.contains(&Stage::Ceilings) {
            command.arg("--ceilings");
        }
        show(&mut command, target.visible.as_deref());
        let part =
            if stages.contains(&Stage::Training) { share.mul_f64(ANSWER_SHARE) } else { share };
        ask(&mut command, begun + part)
    } else {
        let left_out = "it was not asked for";
        Answered {
            memory: Part::Skipped(left_out.to_owned()),
            ceilings: Part::Skipped(left_out.to_owned()),
        }
    };
    let training = if stages.contains(&Stage::Training) {
        training::twice(target, begun + share)?
    } else {
        Vec::new()
    };
    Ok(Measured {
        target: target.name.clone(),
        memory: answered.memory,
        ceilings: answered.ceilings,
        link: target.pci.as_deref().and_then(|place| link(Path::new("/"), place)),
        training,
    })
}

fn own_program() -> anyhow::Result<Command> {
    let program = std::env::current_exe()
        .context("perfagent: its own path cannot be found; start it by its full path")?;
    Ok(Command::new(program))
}

/// Which GPUs CUDA shall see, in which order.
fn show(command: &mut Command, uuids: Option<&str>) {
    if let Some(uuids) = uuids {
        command.env("CUDA_VISIBLE_DEVICES", uuids);
    }
}
