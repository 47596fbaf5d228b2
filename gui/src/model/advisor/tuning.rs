//! The command line of `perfagent tune` for the open run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_advisor::tune::{Parameter, Surroundings, Template};
use perfagent_predictor::{Cluster, Job, Run};

use super::words::{join, split};

/// Options of training programs and the placeholders of `perfagent tune` that stand for their values.
const OPTIONS: [(&str, &str); 20] = [
    ("micro-batch", "micro_batch"),
    ("micro-batch-size", "micro_batch"),
    ("per-device-train-batch-size", "micro_batch"),
    ("accumulate", "accumulate"),
    ("gradient-accumulation-steps", "accumulate"),
    ("zero", "zero"),
    ("zero-stage", "zero"),
    ("tp", "tp"),
    ("tensor-model-parallel-size", "tp"),
    ("pp", "pp"),
    ("pipeline-model-parallel-size", "pp"),
    ("precision", "precision"),
    ("recompute", "recompute"),
    ("recompute-granularity", "recompute"),
    ("offload", "offload"),
    ("threads", "threads"),
    ("nproc", "nproc"),
    ("nproc-per-node", "nproc"),
    ("batch", "micro_batch"),
    ("batch-size", "micro_batch"),
];

/// Those that are searched unless the user wants others: what the sliders show.
const SEARCHED: [&str; 8] =
    ["micro_batch", "accumulate", "zero", "tp", "pp", "precision", "recompute", "offload"];

/// What the user can change of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// The program's command line, with placeholders.
    pub command: String,
    /// Values of placeholders that the user has written, by name; empty for those that follow from the arrangement.
    pub values: BTreeMap<String, String>,
    /// Trials at most.
    pub budget: u32,
    /// Where trials are kept.
    pub folder: String,
    /// Tokens of a step, where the program prints no result; empty for none.
    pub tokens_per_step: String,
}

impl Tuning {
    /// For the command that was recorded.
    #[must_use]
    pub fn of(command: &str, job: &Job) -> Self {
        let tokens = job.run.global_batch.zip(job.model.seq);
        let tokens_per_step = match tokens {
            Some((global, seq)) if !prints_result(command) => format!("{global}*{seq}"),
            _ => String::new(),
        };
        Self {
            command: template(command),
            values: BTreeMap::new(),
            budget: 12,
            folder: folder(command),
            tokens_per_step,
        }
    }

    /// The placeholders of the command that have values, in order.
    ///
    /// # Errors
    /// Why the command cannot be read.
    pub fn placeholders(&self) -> Result<Vec<String>, String> {
        let words = split(&self.command)?;
        let own = ["json", "trial"];
        let names = Template::parse(&words);
        Ok(names
            .names()
            .into_iter()
            .filter(|name| !own.contains(name))
            .map(str::to_owned)
            .collect())
    }

    /// The values of a placeholder: the user's, else the present one and its neighbours; empty where nothing is known of it.
    #[must_use]
    pub fn values_of(&self, name: &str, run: &Run, cluster: &Cluster) -> String {
        match self.values.get(name) {
            Some(values) => values.clone(),
            None => own_values(name, run, cluster),
        }
    }

    /// What follows `perfagent` on the command line.
    ///
    /// # Errors
    /// What is missing, in one line.
    pub fn arguments(&self, run: &Run, cluster: &Cluster) -> Result<Vec<String>, String> {
        let words = split(&self.command)?;
        if words.is_empty() {
            return Err("Enter the command that trains".to_owned());
        }
        let names = self.placeholders()?;
        if names.is_empty() {
            return Err(
                "Nothing in the command varies: write {micro_batch} where the number belongs"
                    .to_owned(),
            );
        }
        let mut arguments = vec!["tune".to_owned()];
        arguments.extend(["--budget".to_owned(), self.budget.to_string()]);
        arguments.extend(["--dir".to_owned(), self.folder_of_trials().display().to_string()]);
        // The passes then follow from the micro-batch.
        let global = run.global_batch.filter(|_| names.iter().any(|name| name == "accumulate"));
        if let Some(global) = global {
            arguments.extend(["--global-batch".to_owned(), global.to_string()]);
        }
        if !self.tokens_per_step.trim().is_empty() {
            let tokens = self.tokens_per_step.trim().to_owned();
            arguments.extend(["--tokens-per-step".to_owned(), tokens]);
        }
        for name in names.iter().filter(|name| global.is_none() || *name != "accumulate") {
            let values = self.values_of(name, run, cluster);
            if values.trim().is_empty() {
                return Err(format!("{{{name}}} has no values: enter them with commas between"));
            }
            let text = format!("{name}={}", values.trim());
            let parameter = Parameter::parse(&text)?;
            arguments.push("--vary".to_owned());
            arguments.push(format!("{}={}", parameter.name, parameter.values.join(",")));
        }
        arguments.push("--".to_owned());
        arguments.extend(words);
        Ok(arguments)
    }

    /// Where the trials will be.
    #[must_use]
    pub fn folder_of_trials(&self) -> PathBuf {
        let folder = self.folder.trim();
        PathBuf::from(if folder.is_empty() { "trials.perfdb-tune" } else { folder })
    }

    /// The whole line, to be pasted into a shell.
    ///
    /// # Errors
    /// As [`Tuning::arguments`].
    pub fn line(&self, run: &Run, cluster: &Cluster) -> Result<String, String> {
        let mut words = vec!["perfagent".to_owned()];
        words.extend(self.arguments(run, cluster)?);
        Ok(join(&words))
    }
}

/// The folder that `perfagent tune` chooses by itself: benchmarks that train on the source tree leave out what has `.perfdb` in its
/// name.
fn folder(command: &str) -> String {
    let program = split(command).ok().and_then(|words| words.into_iter().next());
    let name = program.as_deref().map(Path::new).and_then(Path::file_name);
    name.map_or_else(String::new, |name| format!("{}.perfdb-tune", name.to_string_lossy()))
}

/// Whether a program tells what it reached by itself.
fn prints_result(command: &str) -> bool {
    command.contains("perfagent-bench")
}

/// A recorded command with placeholders for the values of the options that are known; what was recorded by perfagent is without
/// the recorder.
#[must_use]
pub fn template(command: &str) -> String {
    let Ok(words) = split(command) else { return command.to_owned() };
    let mut found = Vec::with_capacity(words.len());
    let mut next: Option<&str> = None;
    for word in words {
        if let Some(name) = next.take()
            && !word.starts_with("--")
        {
            found.push(format!("{{{name}}}"));
            continue;
        }
        let option = word.strip_prefix("--").unwrap_or("");
        let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
        let plain = name.replace('_', "-");
        let known = OPTIONS.iter().find(|(option, _)| *option == plain).map(|(_, known)| *known);
        match (known.filter(|name| SEARCHED.contains(name)), value) {
            (Some(known), Some(_)) => found.push(format!("--{name}={{{known}}}")),
            (known, None) => {
                next = known;
                found.push(word);
            }
            (None, Some(_)) => found.push(word),
        }
    }
    join(&found)
}

/// The present value of a placeholder first, where the search begins, then the others that are usually tried.
fn own_values(name: &str, run: &Run, cluster: &Cluster) -> String {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let present = match name {
        "micro_batch" => number(run.micro_batch),
        "accumulate" => number(run.grad_accum),
        "zero" => number(run.zero),
        "tp" => number(run.tp),
        "pp" => number(run.pp),
        "nproc" => number(cluster.gpus_per_node),
        "precision" => run.precision.clone(),
        "recompute" => run.recompute.clone(),
        "offload" => run.offload.clone().or_else(|| Some("none".to_owned())),
        _ => None,
    };
    let surroundings = Surroundings { cores: 1, gpus: cluster.gpus_per_node.unwrap_or(1) };
    let usual = Parameter::built_in(name, surroundings).map(|parameter| parameter.values);
    let mut values: Vec<String> = present.into_iter().collect();
    for value in usual.into_iter().flatten() {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.join(",")
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::{Cluster, Job, Model, Run};

    use super::{Tuning, template};

    fn job() -> Job {
        Job {
            cluster: Cluster { gpus_per_node: Some(4), ..Cluster::default() },
            model: Model { seq: Some(2048), ..Model::default() },
            run: Run {
                micro_batch: Some(8),
                grad_accum: Some(2),
                global_batch: Some(64),
                precision: Some("bf16".to_owned()),
                ..Run::default()
            },
            ..Job::default()
        }
    }

    #[test]
    fn values_of_known_options_become_placeholders() {
        assert_eq!(
            template(
                "torchrun --nproc-per-node 4 train.py --micro-batch 8 --lr=0.1 --precision=bf16"
            ),
            "torchrun --nproc-per-node 4 train.py --micro-batch {micro_batch} --lr=0.1 --precision={precision}"
        );
        assert_eq!(template("x --zero --offload"), "x --zero --offload");
        assert_eq!(
            template("x --per_device_train_batch_size 4"),
            "x --per_device_train_batch_size {micro_batch}"
        );
    }

    #[test]
    fn the_line_begins_the_search_at_the_present_arrangement() {
        let job = job();
        let mut tuning =
            Tuning::of("python train.py --micro-batch 8 --accumulate 2 --mode 'a b'", &job);
        let line = tuning.line(&job.run, &job.cluster).unwrap();
        assert_eq!(
            line,
            "perfagent tune --budget 12 --dir python.perfdb-tune --global-batch 64 --tokens-per-step '64*2048' --vary micro_batch=8,1,2,4,16,32 -- \
             python train.py --micro-batch {micro_batch} --accumulate {accumulate} --mode 'a b'"
        );
        tuning.values.insert("micro_batch".to_owned(), " 8, 16".to_owned());
        tuning.folder = "trials".to_owned();
        let line = tuning.line(&job.run, &job.cluster).unwrap();
        assert!(
            line.contains("--dir trials") && line.contains("--vary micro_batch=8,16 "),
            "{line}"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let job = job();
        let mut tuning = Tuning::of("", &job);
        assert!(tuning.line(&job.run, &job.cluster).unwrap_err().contains("command"));
        tuning.command = "python train.py".to_owned();
        assert!(tuning.line(&job.run, &job.cluster).unwrap_err().contains("{micro_batch}"));
        tuning.command = "python train.py --x {x}".to_owned();
        assert!(tuning.line(&job.run, &job.cluster).unwrap_err().contains("{x} has no values"));
        tuning.command = "python 'train.py".to_owned();
        assert!(tuning.line(&job.run, &job.cluster).unwrap_err().contains("not closed"));
    }
}
