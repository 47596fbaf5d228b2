//! The job that a recording is of, with what the user says where the recording does not tell.

use std::path::Path;
use std::sync::Arc;

use perfagent_advisor::Ceilings;
use perfagent_advisor::start::{self, Start};
use perfagent_analysis::Report;
use perfagent_predictor::plan::Observed;
use perfagent_predictor::{Calibration, Job, Model, Predictor, Run};

use super::Arrangement;
use crate::model::document::Document;

/// What the user says of the job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The model, with what it is called.
    pub model: Option<(String, Model)>,
    /// Tokens of a sequence.
    pub seq: Option<u64>,
    /// The GPU.
    pub gpu: Option<String>,
    /// GPUs a machine.
    pub gpus_per_node: Option<u64>,
    /// Machines.
    pub nodes: Option<u64>,
    /// The framework.
    pub framework: Option<String>,
    /// How the run was arranged when it was recorded, where the recording does not tell.
    pub recorded: Option<Run>,
}

/// What is told where the recording does not say how many sequences a pass had.
pub const NO_BATCH: &str = "not in the recording: the micro-batch. Set the sliders to what was run and press \"This was recorded\"; \
     predictions then go by what was measured";

/// What is known of the job.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The job as it was recorded, with what was measured of it.
    pub start: Start,
    /// The same on the machines that the user wants, with nothing left open that the sliders show.
    pub job: Job,
    /// What must be said before anything can be predicted.
    pub lacking: Option<Lacking>,
}

/// What is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// On which GPU.
    Gpu,
    /// The model's shape.
    Model,
    /// The length of a sequence.
    Sequence,
}

impl Lacking {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Gpu => "The run was on no GPU: choose the GPU to plan for",
            Self::Model => {
                "The recording does not tell the model: choose one, or give its config.json"
            }
            Self::Sequence => "The length of a sequence is not known: enter it",
        }
    }
}

/// The command lines of the recorded processes, each once.
#[must_use]
pub fn commands(document: &Document) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let processes = document.sources.iter().flat_map(|source| &source.recording.processes);
    for process in processes {
        if !process.command.is_empty() && !commands.contains(&process.command) {
            commands.push(process.command.clone());
        }
    }
    commands
}

/// The job of a report and its command lines, with what the user gives; `processor` is the one that ceilings were measured of.
#[must_use]
pub fn known(
    report: &Report,
    commands: &[String],
    given: &Given,
    processor: Option<&str>,
) -> Known {
    let mut own = Job::default();
    if let Some((_, model)) = &given.model {
        own.model = model.clone();
    }
    own.model.seq = given.seq.or(own.model.seq);
    own.cluster.gpu.clone_from(&given.gpu);
    if let Some(run) = &given.recorded {
        own.run = Run { dp: None, ..run.clone() };
        own.run.offload = own.run.offload.filter(|offload| offload != "none");
    }
    own.run.framework = given.framework.clone().or(own.run.framework);
    let mut start = start::start(report, commands, own);
    if let Some(processor) = processor {
        start = start.on_processor(report, processor);
    }
    let run = &mut start.job.run;
    if run.micro_batch.is_none() && run.global_batch.is_none() {
        run.micro_batch = Some(1);
        // What was measured says nothing as long as it is not known of what.
        start.observed = Observed::default();
        start.told.push(NO_BATCH.to_owned());
    }
    let mut job = start.job.clone();
    job.cluster.gpus_per_node = given.gpus_per_node.or(job.cluster.gpus_per_node);
    job.cluster.nodes = given.nodes.or(job.cluster.nodes);
    if job.cluster != start.job.cluster {
        // On other machines the global batch stays, as in a plan.
        job.run.global_batch = Arrangement::of(&start.job).run.global_batch;
        (job.run.grad_accum, job.run.dp) = (None, None);
    }
    let lacking = lacking(&job);
    Known { start, job, lacking }
}

fn lacking(job: &Job) -> Option<Lacking> {
    let model = &job.model;
    if job.cluster.gpu.is_none() {
        return Some(Lacking::Gpu);
    }
    if model.is_of_images() {
        return None;
    }
    if model.layers.is_none() || model.hidden.is_none() {
        return Some(Lacking::Model);
    }
    model.seq.is_none().then_some(Lacking::Sequence)
}

/// The model of a configuration file of Hugging Face.
///
/// # Errors
/// What is wrong with the file, in one line.
pub fn read_model(path: &Path) -> Result<Model, String> {
    const REMEDY: &str = "give the config.json of a transformer on Hugging Face";
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}; {REMEDY}"))?;
    let config = serde_json::from_str(&text)
        .map_err(|error| format!("{name}: is no JSON ({error}); {REMEDY}"))?;
    start::read_model(&config).map_err(|why| format!("{name}: {why}; {REMEDY}"))
}

/// The predictor, with what was measured of a device if there is a document of it.
///
/// # Errors
/// Why it cannot be made, in one line.
pub fn predictor(ceilings: Option<&Arc<str>>) -> Result<Predictor, String> {
    use std::sync::LazyLock;
    static OWN: LazyLock<Result<Calibration, String>> = LazyLock::new(Calibration::built_in);
    let predictor = Predictor::new(OWN.clone()?);
    match ceilings {
        Some(text) => {
            let ceilings = perfagent_predictor::Ceilings::parse(text)
                .map_err(|why| format!("The ceilings: {why}"))?;
            Ok(predictor.with_ceilings(ceilings))
        }
        None => Ok(predictor),
    }
}

/// The ceilings as findings are held against them; `None` of what is no such document.
#[must_use]
pub fn ceilings_of_findings(text: &str) -> Option<Ceilings> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::Run;

    use super::{Given, Lacking, known};

    fn given(name: &str) -> Given {
        let (name, model) =
            perfagent_advisor::start::known_models().find(|(of, _)| of == name).unwrap();
        Given { model: Some((name, model)), ..Given::default() }
    }

    #[test]
    fn what_the_recording_does_not_tell_is_asked_for_in_turn() {
        let report = perfagent_analysis::report_many(&[]);
        let lacking = |given: &Given| known(&report, &[], given, None).lacking;
        assert_eq!(lacking(&Given::default()), Some(Lacking::Gpu));
        let with_gpu = Given { gpu: Some("H100".to_owned()), ..Given::default() };
        assert_eq!(lacking(&with_gpu), Some(Lacking::Model));
        let with_model = Given { gpu: Some("H100".to_owned()), ..given("gpt gpt2-124m") };
        assert_eq!(lacking(&with_model), None);
    }

    #[test]
    fn a_models_configuration_is_read_or_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let config = r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256}"#;
        std::fs::write(&path, config).unwrap();
        let model = super::read_model(&path).unwrap();
        assert_eq!((model.layers, model.kv_heads), (Some(32), Some(8)));
        // It does not say how long sequences are.
        let given = Given {
            model: Some(("config".to_owned(), model)),
            gpu: Some("H100".to_owned()),
            ..Given::default()
        };
        let report = perfagent_analysis::report_many(&[]);
        assert_eq!(known(&report, &[], &given, None).lacking, Some(Lacking::Sequence));
        for text in ["{}", "x"] {
            std::fs::write(&path, text).unwrap();
            let told = super::read_model(&path).unwrap_err();
            assert!(told.contains("config.json") && told.contains("Hugging Face"), "{told}");
        }
    }

    #[test]
    fn what_was_recorded_can_be_said_by_the_user() {
        let report = perfagent_analysis::report_many(&[]);
        let given = Given { gpu: Some("H100".to_owned()), ..given("gpt gpt2-124m") };
        let told =
            |known: &super::Known| known.start.told.iter().any(|told| told == super::NO_BATCH);
        let unknown = known(&report, &[], &given, None);
        assert!(told(&unknown));
        assert_eq!(unknown.job.run.micro_batch, Some(1));
        let run = Run { micro_batch: Some(6), dp: Some(99), ..unknown.job.run };
        let said = known(&report, &[], &Given { recorded: Some(run), ..given }, None);
        assert!(!told(&said));
        assert_eq!((said.start.job.run.micro_batch, said.start.job.run.dp), (Some(6), Some(1)));
    }

    #[test]
    fn the_command_line_tells_the_model_and_the_user_the_machines() {
        let report = perfagent_analysis::report_many(&[]);
        let command =
            ["perfagent-bench gpt --preset gpt2-124m --micro-batch 4 --accumulate 2".to_owned()];
        let given = Given {
            gpu: Some("H100".to_owned()),
            gpus_per_node: Some(8),
            nodes: Some(2),
            ..Given::default()
        };
        let known = known(&report, &command, &given, None);
        assert_eq!(known.lacking, None);
        assert_eq!((known.job.model.layers, known.job.run.micro_batch), (Some(12), Some(4)));
        assert_eq!(known.job.cluster.gpus_per_node, Some(8));
        // The recorded job keeps the machines that it was measured on.
        assert_eq!(known.start.job.cluster.gpus_per_node, Some(1));
    }
}
