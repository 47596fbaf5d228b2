//! Published runs of networks for images, which nothing is fitted to: what the formulas are held against.

use serde::Deserialize;

use crate::job::{Cluster, Job, Model, Run};

/// The figures that this crate carries.
const OWN: &str = include_str!("../../../../data/resnet_runs.toml");

/// A run and how long a step of it took.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRun {
    /// Short name of where it was published.
    pub source: String,
    /// The run.
    pub job: Job,
    /// Measured, seconds of a step.
    pub step_s: f64,
}

/// A run of which only is known whether it fitted into the memory of its GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFit {
    /// The run.
    pub job: Job,
    /// Memory of the card, bytes.
    pub memory_bytes: f64,
    /// Whether it did.
    pub fitted: bool,
}

/// A run of which the memory is known, beyond weights, gradients and momentum.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePeak {
    /// The run.
    pub job: Job,
    /// Measured, bytes.
    pub bytes: f64,
}

/// All that was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Where from: short name, title and address.
    pub sources: Vec<[String; 3]>,
    /// Steps.
    pub runs: Vec<ImageRun>,
    /// What fitted and what did not.
    pub fits: Vec<ImageFit>,
    /// The memory of one.
    pub peak: ImagePeak,
}

#[derive(Deserialize)]
struct File {
    source: Vec<Source>,
    largest: Largest,
    peak: Peak,
}

/// Network, GPU, GPUs, images of a GPU and step, precision, channels last, seconds of a step.
type Row = (String, String, u64, u64, String, bool, f64);

#[derive(Deserialize)]
struct Source {
    name: String,
    title: String,
    url: String,
    runs: Vec<Row>,
}

#[derive(Deserialize)]
struct Largest {
    gpu: String,
    memory_bytes: f64,
    precision: String,
    fitted: Vec<(String, u64)>,
    did_not: Vec<(String, u64)>,
}

#[derive(Deserialize)]
struct Peak {
    gpu: String,
    arch: String,
    images: u64,
    precision: String,
    bytes: f64,
}

impl Images {
    /// The figures that this crate carries.
    ///
    /// # Errors
    ///
    /// Never, unless `data/resnet_runs.toml` was damaged before it was compiled in: then what is wrong with it.
    pub fn published() -> Result<Self, String> {
        let File { source, largest, peak } =
            toml::from_str(OWN).map_err(|error| format!("data/resnet_runs.toml: {error}"))?;
        let sources = source
            .iter()
            .map(|source| [&source.name, &source.title, &source.url].map(String::clone))
            .collect();
        let runs = source.into_iter().flat_map(|Source { name, runs, .. }| {
            runs.into_iter().map(move |row| ImageRun {
                source: name.clone(),
                step_s: row.6,
                job: job(&row.0, &row.1, row.2, row.3, &row.4, row.5),
            })
        });
        let fits = [(largest.fitted, true), (largest.did_not, false)];
        let fits = fits.into_iter().flat_map(|(rows, fitted)| {
            rows.into_iter().map(move |(arch, images)| (arch, images, fitted))
        });
        let fits = fits.map(|(arch, images, fitted)| ImageFit {
            job: job(&arch, &largest.gpu, 1, images, &largest.precision, true),
            memory_bytes: largest.memory_bytes,
            fitted,
        });
        Ok(Self {
            sources,
            runs: runs.collect(),
            fits: fits.collect(),
            peak: ImagePeak {
                job: job(&peak.arch, &peak.gpu, 1, peak.images, &peak.precision, false),
                bytes: peak.bytes,
            },
        })
    }
}

fn job(arch: &str, gpu: &str, gpus: u64, images: u64, precision: &str, channels_last: bool) -> Job {
    Job {
        id: None,
        cluster: Cluster {
            gpu: Some(gpu.to_owned()),
            gpus_per_node: Some(gpus),
            nodes: Some(1),
            interconnect: None,
        },
        model: Model {
            arch: Some(arch.to_owned()),
            hidden: Some(64),
            vocab: Some(1000),
            image_size: Some(224),
            ..Model::default()
        },
        run: Run {
            framework: Some("pytorch".to_owned()),
            global_batch: Some(gpus * images),
            micro_batch: Some(images),
            grad_accum: Some(1),
            dp: Some(gpus),
            zero: Some(0),
            precision: Some(precision.to_owned()),
            optimizer: Some("sgd".to_owned()),
            recompute: Some("none".to_owned()),
            channels_last: Some(channels_last),
            ..Run::default()
        },
    }
}
