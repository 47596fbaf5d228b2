//! What other micro-batches would take of memory: the predictor's answers for the job that the recording is of.

use perfagent_advisor::start::{read_command_line, read_model, start};
use perfagent_analysis::Report;
use perfagent_predictor::{Gpu, Interval, Job, Predictor};

/// Micro-batches that are looked at, as multiples of the present one.
const TIMES: [(u64, u64); 6] = [(1, 4), (1, 2), (1, 1), (2, 1), (4, 1), (8, 1)];

/// What a user says of the job beyond the recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    /// Options as the launcher takes them: `--num-layers 24 --micro-batch-size 4`.
    pub options: String,
    /// The path of a model's `config.json`.
    pub model_file: String,
    /// The GPU, by its name in the table of datasheets.
    pub gpu: String,
}

/// What one micro-batch would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Sequences (or images) of a pass.
    pub micro_batch: u64,
    /// Peak memory of the fullest GPU, bytes, with its 90 % interval.
    pub peak: Interval,
    /// How probable it is that the job runs out of memory, 0 to 1.
    pub oom: Option<f64>,
    /// The one that was recorded.
    pub is_present: bool,
}

/// What all of them would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// From the smallest micro-batch on.
    pub points: Vec<Point>,
    /// Where the job's fields come from, and what was assumed, a sentence each.
    pub sources: Vec<String>,
    /// The recorded peak was used: the forecast is by how much others differ from it.
    pub is_measured: bool,
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoForecast {
    /// Of these the recording says nothing.
    Lacking(Vec<&'static str>),
    /// What the user told cannot be used, or the job cannot be predicted: one line.
    Refused(String),
}

/// GPUs whose datasheets are known.
pub fn gpus() -> impl Iterator<Item = &'static str> {
    Gpu::known()
}

/// The forecast for the job of `report`, whose processes were started with `commands`.
///
/// # Errors
/// What is missing, or why not.
pub fn forecast(report: &Report, commands: &[String], told: &Told) -> Result<Forecast, NoForecast> {
    let job = job(told).map_err(NoForecast::Refused)?;
    let begun = start(report, commands, job);
    let lacking = lacking(&begun.job);
    if !lacking.is_empty() {
        return Err(NoForecast::Lacking(lacking));
    }
    let (job, mut sources) = (begun.job, begun.told);
    let predictor = Predictor::built_in().map_err(NoForecast::Refused)?;
    let present = job.run.micro_batch.or(job.run.global_batch).unwrap_or(1).max(1);
    let measured = begun.observed.peak_bytes.filter(|&bytes| bytes > 0.0);
    let anchor = match measured {
        Some(bytes) => Some(
            predictor
                .anchor(&with_micro_batch(&job, present, present), None, Some(bytes))
                .map_err(NoForecast::Refused)?,
        ),
        None => None,
    };
    let mut points: Vec<Point> = Vec::new();
    let mut refused = None;
    for (times, part) in TIMES {
        let micro_batch = present * times / part;
        if micro_batch == 0 || points.iter().any(|point| point.micro_batch == micro_batch) {
            continue;
        }
        let other = with_micro_batch(&job, present, micro_batch);
        let answer = anchor.as_ref().map_or_else(
            || predictor.predict(&other),
            |anchor| predictor.predict_beside(anchor, &other),
        );
        let is_present = micro_batch == present;
        if is_present {
            sources.extend(answer.assumed.iter().cloned());
        }
        match answer.peak_mem_bytes {
            Some(peak) => {
                points.push(Point { micro_batch, peak, oom: answer.oom_probability, is_present });
            }
            None => refused = answer.refused.or(refused),
        }
    }
    if points.is_empty() {
        let why = refused.unwrap_or_else(|| "the predictor knows no memory of this job".to_owned());
        return Err(NoForecast::Refused(why));
    }
    points.sort_by_key(|point| point.micro_batch);
    Ok(Forecast { points, sources, is_measured: anchor.is_some() })
}

fn job(told: &Told) -> Result<Job, String> {
    let mut job = read_command_line(&told.options);
    let path = told.model_file.trim();
    if !path.is_empty() {
        let text = std::fs::read_to_string(path)
            .map_err(|why| format!("{path}: cannot be read as a model's configuration: {why}"))?;
        let value = serde_json::from_str(&text).map_err(|why| {
            format!("{path}: is no JSON, so it is no model's configuration: {why}")
        })?;
        let model = read_model(&value).map_err(|why| format!("{path}: {why}"))?;
        job = job.or(&Job { model, ..Job::default() });
    }
    if !told.gpu.trim().is_empty() {
        job.cluster.gpu = Some(told.gpu.trim().to_owned());
    }
    Ok(job)
}

/// What a forecast needs and nothing tells.
fn lacking(job: &Job) -> Vec<&'static str> {
    let (model, run) = (&job.model, &job.run);
    let language = !model.is_of_images();
    let needs = [
        (job.cluster.gpu.is_none(), "the GPU"),
        (language && model.layers.is_none(), "the number of layers (--num-layers)"),
        (language && model.hidden.is_none(), "the width of the model (--hidden-size)"),
        (language && model.seq.is_none(), "the length of a sequence (--seq-length)"),
        (
            run.micro_batch.is_none() && run.global_batch.is_none(),
            "the micro-batch (--micro-batch-size)",
        ),
    ];
    needs.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what).collect()
}

/// The job with another micro-batch, and as many passes as come nearest to the same global batch.
fn with_micro_batch(job: &Job, present: u64, micro_batch: u64) -> Job {
    let mut job = job.clone();
    let dp = job.run.dp.unwrap_or(1).max(1);
    let passes = job
        .run
        .grad_accum
        .or_else(|| job.run.global_batch.map(|global| global.div_ceil(present * dp)));
    let passes = (passes.unwrap_or(1).max(1) * present).div_ceil(micro_batch).max(1);
    job.run.micro_batch = Some(micro_batch);
    job.run.grad_accum = Some(passes);
    job.run.global_batch = Some(micro_batch * dp * passes);
    job
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::Job;

    use super::{Told, job, lacking, with_micro_batch};

    #[test]
    fn what_is_missing_is_named() {
        let told = Told {
            options: "--num-layers 24 --hidden-size 2048 --micro-batch-size 4".into(),
            ..Told::default()
        };
        let job = job(&told).unwrap();
        assert_eq!(lacking(&job), ["the GPU", "the length of a sequence (--seq-length)"]);
        let why =
            super::job(&Told { model_file: "/nowhere/config.json".into(), ..told }).unwrap_err();
        assert!(why.starts_with("/nowhere/config.json: cannot be read"), "{why}");
    }

    #[test]
    fn another_micro_batch_keeps_the_global_batch_where_it_can() {
        let mut job = Job::default();
        (job.run.dp, job.run.grad_accum) = (Some(2), Some(8));
        let double = with_micro_batch(&job, 4, 8).run;
        assert_eq!((double.grad_accum, double.global_batch), (Some(4), Some(64)));
        let more = with_micro_batch(&job, 4, 64).run;
        assert_eq!((more.grad_accum, more.global_batch), (Some(1), Some(128)));
    }
}
