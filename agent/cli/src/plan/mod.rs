//! What `perfagent advise` says of configurations: from a recording and what the user adds to a plan.

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use perfagent_advisor::emit::{EmitFormat, emit};
use perfagent_advisor::start::{self, Start};
use perfagent_analysis::Report;
use perfagent_predictor::plan::{Observed, Plan, Wishes, plan};
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

    /// The plan for the run of `report`.
    pub(crate) fn plan(&self, report: &Report, recordings: &[PathBuf]) -> anyhow::Result<Planned> {
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
        let Start { job, observed, told } = start::start(report, &commands(recordings), job);
        let (job, observed) = match &self.emit {
            Some(tool) => for_tool(tool, job, observed),
            None => (job, observed),
        };
        let wishes = Wishes {
            gpus: self.gpus,
            nodes: self.nodes,
            memory_limit: self.memory_limit.map(|bytes| bytes as f64),
            most_oom: self.oom_risk / 100.0,
        };
        let predictor = predict::predictor(None)?;
        let plan = lacking(&job)
            .map_or_else(|| plan(&predictor, &job, observed, &wishes).map_err(|why| why.0), Err);
        if let (Err(why), true) = (&plan, self.is_asked()) {
            return Err(anyhow!("no configuration can be suggested: {why}"));
        }
        Ok(Planned { plan, told })
    }

    /// Prints the first suggestion that the tool can be told (else the job as it is) as it takes it; `false` if that was not asked for.
    pub(crate) fn emit(&self, planned: &Planned, printer: &mut Printer) -> anyhow::Result<bool> {
        let Some(tool) = &self.emit else { return Ok(false) };
        let format: EmitFormat = tool.parse().map_err(|why: String| anyhow!(why))?;
        let Ok(plan) = &planned.plan else { return Ok(false) };
        // The best that the tool can be told: another one may need a pipeline, of which it knows nothing.
        let of_front = plan
            .front
            .iter()
            .rev()
            .map(|point| Job { run: point.run.clone(), ..plan.base.clone() });
        let suggested = plan.suggestions.iter().map(|suggestion| suggestion.job.clone());
        let jobs = suggested.chain(of_front).chain([plan.base.clone()]);
        let mut refusal = None;
        let emitted = jobs.into_iter().find_map(|job| match emit(format, &job) {
            Ok(emitted) => Some(emitted),
            Err(refused) => {
                refusal.get_or_insert(refused);
                None
            }
        });
        let emitted = match (emitted, refusal) {
            (Some(emitted), _) => emitted,
            (None, Some(refused)) => return Err(anyhow!("{refused}")),
            (None, None) => return Ok(false),
        };
        printer.answer(&emitted.text)?;
        for note in &emitted.notes {
            printer.note(note);
        }
        Ok(true)
    }
}

/// The job as a tool would run it: DeepSpeed and FSDP know data parallelism alone. What was measured of another arrangement
/// tells nothing then.
fn for_tool(tool: &str, job: Job, observed: Observed) -> (Job, Observed) {
    let framework = match tool {
        "deepspeed" => "deepspeed",
        "fsdp" | "torchrun" => "fsdp",
        _ => return (job, observed),
    };
    let run = &job.run;
    let is_split = [run.tp, run.pp, run.cp].iter().any(|degree| degree.unwrap_or(1) > 1);
    if !is_split {
        return (job, observed);
    }
    let mut job = job;
    let run = &mut job.run;
    if run.global_batch.is_none() {
        run.global_batch =
            run.micro_batch.zip(run.dp).map(|(micro, dp)| micro * run.grad_accum.unwrap_or(1) * dp);
    }
    (run.tp, run.pp, run.cp, run.vpp, run.dp) = (None, None, None, None, None);
    run.framework = Some(framework.to_owned());
    (job, Observed::default())
}

/// What must be known and is not, with the remedy.
fn lacking(job: &Job) -> Option<String> {
    let model = &job.model;
    if job.cluster.gpu.is_none() {
        return Some(
            "the run was on no GPU; name the GPU to plan for with --gpu, such as --gpu H100"
                .to_owned(),
        );
    }
    if model.layers.is_none() || model.hidden.is_none() {
        return Some("the model's shape is not known; name its configuration with --model config.json, or the job with --job job.json".to_owned());
    }
    if model.seq.is_none() {
        return Some("the length of a sequence is not known; say it in --job job.json, {\"model\":{\"seq\":4096}}".to_owned());
    }
    if job.run.micro_batch.is_none() && job.run.global_batch.is_none() {
        return Some("the batch is not known; say it in --job job.json, {\"run\":{\"micro_batch\":4,\"global_batch\":256}}".to_owned());
    }
    None
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
