//! Measured training jobs, one JSON object a line: what the predictor is fitted to and tested on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use perfagent_predictor::fit::{Sample, weigh};
use perfagent_predictor::{Job, Measured};
use serde::Deserialize;

/// Where published jobs lie beside the repository, if they do.
pub(crate) const PUBLISHED: &str = "../shared/data/jobs/calibration.jsonl";

/// What a line holds beside the job.
#[derive(Deserialize)]
struct Line {
    kind: Option<String>,
    measured: Measured,
    #[serde(flatten)]
    job: Job,
}

/// Jobs of a file.
pub(crate) struct Jobs {
    /// Those that can be predicted.
    pub(crate) samples: Vec<Sample>,
    /// The same as they stand in the file, with those that are refused.
    pub(crate) all: Vec<Job>,
    /// Reasons of refusal with how many have them.
    pub(crate) refused: BTreeMap<String, usize>,
    /// What tells configurations apart, by job.
    pub(crate) configurations: BTreeMap<String, String>,
}

impl Jobs {
    /// Reads `file`, else the published ones.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self> {
        let path =
            file.map_or_else(|| crate::shell::workspace().join(PUBLISHED), Path::to_path_buf);
        let name = path.display().to_string();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{name}: cannot be read; name a file of jobs with --jobs"))?;
        let mut jobs = Self {
            samples: Vec::new(),
            all: Vec::new(),
            refused: BTreeMap::new(),
            configurations: BTreeMap::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("{name}, line {}: is no measured job", number + 1))?;
            let source = line.kind.as_deref().unwrap_or("jobs");
            match Sample::of(&line.job, &line.measured, source) {
                Ok(sample) => jobs.samples.push(sample),
                Err(why) => *jobs.refused.entry(why).or_default() += 1,
            }
            let key = serde_json::to_string(&(&line.job.cluster, &line.job.model, &line.job.run))?;
            jobs.configurations.insert(line.job.id.clone().unwrap_or_default(), key);
            jobs.all.push(line.job);
        }
        weigh(&mut jobs.samples);
        Ok(jobs)
    }
}
