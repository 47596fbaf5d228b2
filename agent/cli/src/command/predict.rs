//! `perfagent predict`: what jobs would take.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use perfagent_predictor::{Calibration, Ceilings, Job, Prediction, Predictor};

use crate::exit::Exit;
use crate::output;
use crate::printer::Printer;

/// Predict step time and memory of training jobs
///
/// Reads jobs, one JSON object a line (cluster, model, run), and answers one line a job in the same order: step time, tokens a
/// second and peak memory with 90 % intervals, the probability of running out of memory, what both are made of, and what was
/// assumed. What was measured of a job is not read. A job that cannot be predicted is answered with the reason in "refused".
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent predict jobs.jsonl -o predictions.jsonl
  perfagent ceilings --device cpu -o ceilings.json && perfagent predict jobs.jsonl --ceilings ceilings.json
  echo '{\"cluster\":{\"gpu\":\"H100\",\"gpus_per_node\":8,\"nodes\":1},\"model\":{\"arch\":\"llama\",\"layers\":32,\"hidden\":4096,\"ffn\":14336,\"heads\":32,\"kv_heads\":8,\"vocab\":128256,\"seq\":8192},\"run\":{\"framework\":\"megatron\",\"micro_batch\":1,\"global_batch\":128,\"dp\":4,\"tp\":2,\"zero\":1,\"precision\":\"bf16\"}}' | perfagent predict -")]
pub(crate) struct Args {
    /// The jobs, - for standard input
    #[arg(value_name = "JOBS.jsonl|-")]
    jobs: PathBuf,
    /// Write the answers to this file
    #[arg(short, long, value_name = "OUT.jsonl")]
    output: Option<PathBuf>,
    /// Use constants that were fitted to other jobs, in the form of data/calibration.toml
    #[arg(long, value_name = "calibration.toml")]
    calibration: Option<PathBuf>,
    /// What was measured of the jobs' device: an answer of `perfagent ceilings`. With one of a processor, jobs of
    /// perfagent-bench on "cpu" are predicted too
    #[arg(long, value_name = "ceilings.json")]
    ceilings: Option<PathBuf>,
}

/// Prints the predictions.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let predictor = measured(predictor(args.calibration.as_deref())?, args.ceilings.as_deref())?;
    let mut file = args.output.as_deref().map(|path| output::begin(path, "-o")).transpose()?;
    let (name, lines) = open(&args.jobs)?;
    let mut unread = 0_usize;
    for (number, line) in lines.split(b'\n').enumerate() {
        let line = line.with_context(|| format!("{name}: cannot be read further"))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match read(&line) {
            Ok(job) => predictor.predict(&job),
            Err(error) => {
                unread += 1;
                let said = sentence(&error, number + 1);
                printer.note(format!(
                    "{name}, {said}; each line is one JSON object with cluster, model and run"
                ));
                Prediction::refused(id(&line), said)
            }
        };
        let answer = serde_json::to_string(&answer)?;
        match &mut file {
            Some(file) => file.line(&answer)?,
            None => printer.line(answer)?,
        }
    }
    if let Some(file) = file {
        file.finish_lines()?;
    }
    Ok(if unread > 0 { Exit::Usage } else { Exit::Success })
}

/// The predictor with the constants of `file`, else its own.
pub(crate) fn predictor(file: Option<&Path>) -> anyhow::Result<Predictor> {
    const REMEDY: &str = "write one with cargo xtask calibrate, or leave --calibration out";
    let Some(path) = file else {
        return Predictor::built_in().map_err(|why| anyhow!("the built-in calibration: {why}"));
    };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{name}: cannot be read as a calibration; {REMEDY}"))?;
    let calibration =
        Calibration::parse(&text).map_err(|why| anyhow!("{name}: {why}; {REMEDY}"))?;
    Ok(Predictor::new(calibration))
}

/// The predictor with what was measured of a device, if a file says so.
pub(crate) fn measured(predictor: Predictor, file: Option<&Path>) -> anyhow::Result<Predictor> {
    let Some(path) = file else { return Ok(predictor) };
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{name}: cannot be read as ceilings; write them with perfagent ceilings -o {name}")
    })?;
    let ceilings = Ceilings::parse(&text).map_err(|why| anyhow!("{name}: {why}"))?;
    Ok(predictor.with_ceilings(ceilings))
}

fn open(path: &Path) -> anyhow::Result<(String, Box<dyn BufRead>)> {
    if path == Path::new("-") {
        return Ok(("standard input".to_owned(), Box::new(BufReader::new(stdin()))));
    }
    let name = path.display().to_string();
    anyhow::ensure!(
        !path.is_dir(),
        "{name}: is a directory; name a file of jobs, one JSON object a line"
    );
    let file = File::open(path).with_context(|| {
        format!("{name}: cannot be opened; name a file of jobs, or - for standard input")
    })?;
    Ok((name, Box::new(BufReader::new(file))))
}

/// The job of a line; serde would take an array for one, too.
fn read(line: &[u8]) -> serde_json::Result<Job> {
    if line.trim_ascii_start().first() == Some(&b'[') {
        return Err(serde::de::Error::custom("an array where an object is expected"));
    }
    serde_json::from_slice(line)
}

/// What serde says, with the line of the file in place of that of the object.
fn sentence(error: &serde_json::Error, line: usize) -> String {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    format!("line {line}, column {}: {said}", error.column())
}

/// The id of a line that is an object, if nothing else of it is as it should be.
fn id(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<serde_json::Value>(line).ok()?.get("id")?.as_str().map(str::to_owned)
}
