//! What `perfagent advise` says of configurations: from a recording and what the user adds to a plan.

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use perfagent_advisor::emit::{EmitFormat, emit_first};
use perfagent_advisor::start::{self, Start};
use perfagent_analysis::Report;
use perfagent_predictor::plan::{Plan, Wishes, plan};
use perfagent_predictor::{Job, Model};
use perfagent_recording::Reader;
use perfagent_recording::table::Process;
use serde_json::Value;

use crate::command::predict;
use crate::printer::Printer;

pub(crate) use page::write;

/// What is asked of configurations.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Configurations")]
pub(crate) struct Args {
    /// The model's shape, as its config.json on Hugging Face says it
    #[arg(long, value_name = "config.json")]
    model: Option<PathBuf>,
    /// What the recording does not say of the job, as `perfagent predict` takes it: cluster, model and run
    #[arg(long, value_name = "JOB.json")]
    job: Option<PathBuf>,
    /// Plan for this GPU instead of the recorded one
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
    /// GPUs in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    gpus: Option<u64>,
    /// Machines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    nodes: Option<u64>,
    /// Memory of a GPU that may be used
    #[arg(long, value_name = "BYTES")]
    memory_limit: Option<u64>,
    /// Probability of running out of memory that is accepted, percent
    #[arg(long, value_name = "PCT", default_value_t = 5.0)]
    oom_risk: f64,
    /// Print the first suggestion that a tool can be told in its words, and nothing else
    #[arg(long, value_name = "TOOL", value_parser = ["deepspeed", "fsdp", "megatron", "torchrun"])]
    emit: Option<String>,
}

/// A plan, or why there is none, and where its job comes from.
pub(crate) struct Planned {
    pub(crate) plan: Result<Plan, String>,
    pub(crate) told: Vec<String>,
}

impl Args {
    /// Whether the user asks for a plan in so many words: then none is a failure.
    fn is_asked(&self) -> bool {
        self.model.is_some()
            || self.job.is_some()
            || self.gpu.is_some()
            || self.gpus.is_some()
            || self.nodes.is_some()
            || self.memory_limit.is_some()
            || self.emit.is_some()
    }

    fn format(&self) -> anyhow::Result<Option<EmitFormat>> {
        let format = self.emit.as_deref().map(str::parse).transpose();
        format.map_err(|why: String| anyhow!(why))
    }

    /// The plan for the run of `report`, on a device of which there may be ceilings.
    pub(crate) fn plan(
        &self,
        report: &Report,
        recordings: &[PathBuf],
        ceilings: Option<&Path>,
    ) -> anyhow::Result<Planned> {
        ensure!(
            (0.0..=100.0).contains(&self.oom_risk),
            "--oom-risk {}: is a percentage from 0 to 100",
            self.oom_risk
        );
        let mut job = match &self.job {
            Some(path) => read_job(path)?,
            None => Job::default(),
        };
        if let Some(path) = &self.model {
            let model = Job { model: read_model(path)?, ..Job::default() };
            job = job.or(&model);
        }
        if let Some(gpu) = &self.gpu {
            job.cluster.gpu = Some(gpu.clone());
        }
        let own = predict::predictor(None)?;
        let mut start = start::start(report, &commands(recordings), job);
        // A document that findings can be held against may lack what predictions need.
        let predictor = predict::measured(own.clone(), ceilings).unwrap_or_else(|why| {
            start.told.push(format!("predictions are without ceilings: {why:#}"));
            own
        });
        if let Some(processor) = predictor.processor() {
            start = start.on_processor(report, processor);
        }
        if let Some(format) = self.format()? {
            start = start.for_tool(format);
        }
        let Start { job, observed, told } = &start;
        let wishes = Wishes {
            gpus: self.gpus,
            nodes: self.nodes,
            memory_limit: self.memory_limit.map(|bytes| bytes as f64),
            most_oom: self.oom_risk / 100.0,
        };
        let plan = start
            .lacking()
            .map_or_else(|| plan(&predictor, job, *observed, &wishes).map_err(|why| why.0), Err);
        if let (Err(why), true) = (&plan, self.is_asked()) {
            return Err(anyhow!("no configuration can be suggested: {why}"));
        }
        Ok(Planned { plan, told: told.clone() })
    }

    /// Prints the first suggestion that the tool can be told (else the job as it is) as it takes it; `false` if that was not asked for.
    pub(crate) fn emit(&self, planned: &Planned, printer: &mut Printer) -> anyhow::Result<bool> {
        let (Some(format), Ok(plan)) = (self.format()?, &planned.plan) else { return Ok(false) };
        let of_front = plan
            .front
            .iter()
            .rev()
            .map(|point| Job { run: point.run.clone(), ..plan.base.clone() });
        let suggested = plan.suggestions.iter().map(|suggestion| suggestion.job.clone());
        let jobs = suggested.chain(of_front).chain([plan.base.clone()]);
        let emitted = emit_first(format, jobs).map_err(|refused| anyhow!("{refused}"))?;
        printer.answer(&emitted.text)?;
        for note in &emitted.notes {
            printer.note(note);
        }
        Ok(true)
    }
}

/// The command lines of the recorded processes; none of what is no recording.
fn commands(recordings: &[PathBuf]) -> Vec<String> {
    let mut commands = Vec::new();
    for path in recordings {
        let Ok(processes) = Reader::open(path).and_then(|reader| reader.rows::<Process>()) else {
            continue;
        };
        for process in processes {
            if !process.command.is_empty() && !commands.contains(&process.command) {
                commands.push(process.command);
            }
        }
    }
    commands
}

fn read_json(path: &Path, what: &str) -> anyhow::Result<Value> {
    let name = path.display();
    let text =
        fs::read_to_string(path).with_context(|| format!("{name}: cannot be read as {what}"))?;
    serde_json::from_str(&text).with_context(|| format!("{name}: is no JSON, so it is not {what}"))
}

fn read_job(path: &Path) -> anyhow::Result<Job> {
    serde_json::from_value(read_json(path, "a job")?).with_context(|| {
        format!("{}: is no job; it is {{\"cluster\":{{…}},\"model\":{{…}},\"run\":{{…}}}} with the fields of perfagent predict", path.display())
    })
}

fn read_model(path: &Path) -> anyhow::Result<Model> {
    let config = read_json(path, "a model's configuration")?;
    start::read_model(&config).map_err(|why| {
        anyhow!("{}: {why}; a config.json of a transformer on Hugging Face has it", path.display())
    })
}
