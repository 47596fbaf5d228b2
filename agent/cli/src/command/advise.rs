//! `perfagent advise`: what to change, each fact traced to the recording.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use perfagent_advisor::{Advice, CEILINGS_SCHEMA, Ceilings, advise};
use perfagent_predictor::plan::Plan;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::{advice, plan, summaries};

/// Say what a run lost and what to change
///
/// Several recordings are taken as parts of one run, for example one a node. Where the model is known (--model, --job, or the
/// recorded command line), arrangements of the same global batch are predicted and the best suggested, with 90 % intervals.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent advise run.perfdb\n  perfagent ceilings --device cpu --quick -o ceilings.json && perfagent advise run.perfdb --ceilings ceilings.json\n  perfagent advise run.perfdb --model config.json --job job.json --gpus 64 --nodes 8\n  perfagent advise run.perfdb --model config.json --job job.json --emit deepspeed > ds_config.json"
)]
pub(crate) struct Args {
    /// The recordings, or traces of other tools, as `perfagent import` takes them
    #[arg(value_name = "RUN.perfdb|TRACE", required = true)]
    recordings: Vec<PathBuf>,
    /// Hold operators and collectives against what the device can do, and predict with it: an answer of `perfagent
    /// ceilings`, measured there
    #[arg(long, value_name = "ceilings.json")]
    ceilings: Option<PathBuf>,
    /// Answer as JSON (perfagent.advice/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    plan: plan::Args,
}

/// The advice with the plan.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    advice: &'a Advice,
    /// Which arrangement is best.
    plan: Option<&'a Plan>,
    /// Why there is no plan.
    no_plan: Option<&'a str>,
    /// Where the job of the plan comes from.
    job_from: &'a [String],
}

/// Prints the advice.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ceilings = args.ceilings.as_deref().map(read).transpose()?;
    let report = summaries::report(summaries::of_files(&args.recordings)?)?;
    let advice = advise(&report, ceilings.as_ref());
    let planned = args.plan.plan(&report, &args.recordings, args.ceilings.as_deref())?;
    if args.plan.emit(&planned, printer)? {
        return Ok(Exit::Success);
    }
    if args.json {
        printer.json(&Answer {
            advice: &advice,
            plan: planned.plan.as_ref().ok(),
            no_plan: planned.plan.as_ref().err().map(String::as_str),
            job_from: &planned.told,
        })?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        advice::page(&advice, &planned).print(form, printer)?;
    }
    Ok(Exit::Success)
}

/// Reads an answer of `perfagent ceilings`.
fn read(path: &Path) -> anyhow::Result<Ceilings> {
    const REMEDY: &str = "write one with perfagent ceilings -o ceilings.json";
    let name = path.display();
    let text = fs::read_to_string(path)
        .with_context(|| format!("{name}: cannot be read as ceilings; {REMEDY}"))?;
    let document: Value =
        serde_json::from_str(&text).with_context(|| format!("{name}: is no JSON; {REMEDY}"))?;
    match document.get("schema").and_then(Value::as_str) {
        Some(CEILINGS_SCHEMA) => {}
        Some(other) => bail!("{name}: is {other}, not {CEILINGS_SCHEMA}; {REMEDY}"),
        None => bail!("{name}: has no \"schema\", so these are no ceilings; {REMEDY}"),
    }
    serde_json::from_value(document)
        .with_context(|| format!("{name}: does not hold what {CEILINGS_SCHEMA} should; {REMEDY}"))
}
