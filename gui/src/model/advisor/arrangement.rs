//! How a job is arranged, as the sliders show it: what follows from other values follows at once.

use perfagent_predictor::{Cluster, Gpu, Job, Model, Run};

/// The precisions that can be chosen.
pub const PRECISIONS: [&str; 5] = ["fp32", "tf32", "fp16", "bf16", "fp8"];
/// What can be recomputed.
pub const RECOMPUTE: [&str; 3] = ["none", "selective", "full"];
/// What can be kept in the host's memory.
pub const OFFLOAD: [&str; 3] = ["none", "optimizer", "optimizer+params"];
/// Sequences of a pass at most.
pub const MOST_MICRO: u64 = 1024;
/// Passes of a step at most.
pub const MOST_PASSES: u64 = 4096;

/// The values of the sliders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrangement {
    /// All of it; degrees and batches are stated, and go together if [`Arrangement::settle`] found no fault.
    pub run: Run,
    /// Whether the global batch stays when anything else changes.
    pub keeps_batch: bool,
}

impl Arrangement {
    /// The arrangement of a job with nothing left open.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        let mut arrangement = Self { run: job.run.clone(), keeps_batch: true };
        let run = &mut arrangement.run;
        for degree in [&mut run.tp, &mut run.pp, &mut run.cp, &mut run.grad_accum] {
            degree.get_or_insert(1);
        }
        run.zero.get_or_insert(0);
        run.precision.get_or_insert_with(|| "bf16".to_owned());
        run.recompute.get_or_insert_with(|| "none".to_owned());
        run.offload.get_or_insert_with(|| "none".to_owned());
        let dp = replicas(run, &job.cluster).unwrap_or(1);
        let share = job.run.global_batch.map_or(1, |global| (global / dp).max(1));
        let micro = *run.micro_batch.get_or_insert(1);
        if let Some(global) = job.run.global_batch
            && job.run.grad_accum.is_none()
            && micro > 0
        {
            run.grad_accum = Some((share / micro).max(1));
            run.global_batch = Some(global);
        }
        run.global_batch = None;
        arrangement.settle(&job.cluster, false);
        arrangement
    }

    /// Lets what follows from other values follow. With `keep` (and [`Arrangement::keeps_batch`]) the passes follow from the global
    /// batch, else the global batch from the passes.
    pub fn settle(&mut self, cluster: &Cluster, keep: bool) {
        let run = &mut self.run;
        let Some(dp) = replicas(run, cluster) else {
            run.dp = None;
            return;
        };
        run.dp = Some(dp);
        if run.tp.unwrap_or(1) > 1 {
            run.sequence_parallel.get_or_insert(true);
        }
        let micro = run.micro_batch.unwrap_or(1).max(1);
        match run.global_batch {
            Some(global) if keep && self.keeps_batch => {
                run.grad_accum = Some((global / (micro * dp)).max(1));
            }
            _ => run.global_batch = Some(micro * run.grad_accum.unwrap_or(1).max(1) * dp),
        }
    }

    /// Takes all values of a point, which has the global batch of the plan.
    pub fn take(&mut self, run: &Run, cluster: &Cluster) {
        self.run = run.clone();
        self.run.offload.get_or_insert_with(|| "none".to_owned());
        self.settle(cluster, true);
    }

    /// What does not go together, with what to do.
    #[must_use]
    pub fn fault(&self, cluster: &Cluster) -> Option<String> {
        let run = &self.run;
        let Some(dp) = replicas(run, cluster) else {
            let degrees = [run.tp, run.pp, run.cp].map(|degree| degree.unwrap_or(1));
            return Some(format!(
                "TP {} × PP {} × CP {} does not divide the {} GPUs: choose smaller degrees",
                degrees[0],
                degrees[1],
                degrees[2],
                gpus(cluster)
            ));
        };
        let micro = run.micro_batch.unwrap_or(1);
        let global = run.global_batch?;
        (micro * run.grad_accum.unwrap_or(1) * dp != global).then(|| {
            format!(
                "A global batch of {global} cannot be split into micro-batches of {micro} on {dp} replicas: choose another micro-batch, or let the global batch change"
            )
        })
    }

    /// The job that is arranged like this.
    #[must_use]
    pub fn job(&self, base: &Job) -> Job {
        let mut run = self.run.clone();
        run.offload = run.offload.filter(|offload| offload != "none");
        Job { run, ..base.clone() }
    }
}

/// GPUs in all.
#[must_use]
pub fn gpus(cluster: &Cluster) -> u64 {
    cluster.gpus_per_node.unwrap_or(1).max(1).saturating_mul(cluster.nodes.unwrap_or(1).max(1))
}

/// Data-parallel replicas; `None` where the degrees do not divide the GPUs.
fn replicas(run: &Run, cluster: &Cluster) -> Option<u64> {
    let degrees = [run.tp, run.pp, run.cp].map(|degree| degree.unwrap_or(1).max(1));
    let model = degrees.into_iter().fold(1, u64::saturating_mul);
    let gpus = gpus(cluster);
    gpus.is_multiple_of(model).then(|| gpus / model)
}

/// Tensor-parallel degrees that divide the heads and fit into a machine, the present one among them.
#[must_use]
pub fn tensor_degrees(job: &Job, run: &Run) -> Vec<u64> {
    let (model, on_node) = (&job.model, job.cluster.gpus_per_node.unwrap_or(1).max(1));
    let divides = |of: Option<u64>, by: u64| of.is_none_or(|of| of.is_multiple_of(by));
    let fits = |degree: &u64| {
        on_node.is_multiple_of(*degree)
            && divides(model.heads, *degree)
            && divides(model.kv_heads, *degree)
    };
    with_own([1, 2, 4, 8, 16].into_iter().filter(fits).collect(), run.tp)
}

/// Pipeline stages that divide the layers and the GPUs, the present number among them.
#[must_use]
pub fn pipeline_degrees(job: &Job, run: &Run) -> Vec<u64> {
    let layers = job.model.layers.unwrap_or(1);
    let gpus = gpus(&job.cluster);
    let fits = |degree: &u64| layers.is_multiple_of(*degree) && gpus.is_multiple_of(*degree);
    with_own((1..=layers.min(64)).filter(fits).collect(), run.pp)
}

/// The precisions that the GPU has.
#[must_use]
pub fn precisions(job: &Job, run: &Run) -> Vec<String> {
    let gpu = job.cluster.gpu.as_deref().and_then(Gpu::find);
    let has = |precision: &&str| match *precision {
        "fp8" => gpu.is_none_or(|gpu| gpu.fp8_rate.is_some()),
        "tf32" => gpu.is_none_or(|gpu| gpu.tf32_rate.is_some()),
        _ => true,
    };
    let mut found: Vec<String> =
        PRECISIONS.iter().filter(|name| has(name)).map(|name| (*name).to_owned()).collect();
    if let Some(own) = &run.precision
        && !found.contains(own)
    {
        found.push(own.clone());
    }
    found
}

fn with_own(mut degrees: Vec<u64>, own: Option<u64>) -> Vec<u64> {
    if let Some(own) = own
        && !degrees.contains(&own)
    {
        degrees.push(own);
        degrees.sort_unstable();
    }
    degrees
}

/// What differs between two arrangements: the field's label, as it is, as it would be.
#[must_use]
pub fn changes(from: &Run, to: &Run) -> Vec<(&'static str, String, String)> {
    let fields = |run: &Run| {
        let number = |value: Option<u64>| value.unwrap_or(1).to_string();
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let switch =
            |value: Option<bool>| if value == Some(true) { "on" } else { "off" }.to_owned();
        [
            ("Micro-batch", number(run.micro_batch)),
            ("Accumulation", number(run.grad_accum)),
            ("ZeRO", run.zero.unwrap_or(0).to_string()),
            ("TP", number(run.tp)),
            ("PP", number(run.pp)),
            ("CP", number(run.cp)),
            ("Recompute", word(&run.recompute)),
            ("Offload", word(&run.offload)),
            ("Precision", run.precision.clone().unwrap_or_else(|| "bf16".to_owned())),
            ("Fused loss", switch(run.fused_loss)),
            ("CUDA graphs", switch(run.cuda_graphs)),
            ("Channels last", switch(run.channels_last)),
        ]
    };
    fields(from)
        .into_iter()
        .zip(fields(to))
        .filter(|((_, old), (_, new))| old != new)
        .map(|((label, old), (_, new))| (label, old, new))
        .collect()
}

/// An arrangement in a few words: `micro-batch 4 × 8, ZeRO 1, TP 2, bf16`.
#[must_use]
pub fn in_words(run: &Run) -> String {
    let mut words = vec![format!(
        "micro-batch {} × {}",
        run.micro_batch.unwrap_or(1),
        run.grad_accum.unwrap_or(1)
    )];
    let zero = run.zero.unwrap_or(0);
    if zero > 0 {
        words.push(format!("ZeRO {zero}"));
    }
    for (label, degree) in [("TP", run.tp), ("PP", run.pp), ("CP", run.cp)] {
        if let Some(degree) = degree.filter(|&degree| degree > 1) {
            words.push(format!("{label} {degree}"));
        }
    }
    words.push(run.precision.clone().unwrap_or_else(|| "bf16".to_owned()));
    for (label, value) in [("recompute", &run.recompute), ("offload", &run.offload)] {
        if let Some(value) = value.as_deref().filter(|value| *value != "none") {
            words.push(format!("{label} {value}"));
        }
    }
    if run.fused_loss == Some(true) {
        words.push("fused loss".to_owned());
    }
    if run.cuda_graphs == Some(true) {
        words.push("CUDA graphs".to_owned());
    }
    words.join(", ")
}

/// A model in a few words: `llama, 32 layers × 4096, 2048 tokens`.
#[must_use]
pub fn model_in_words(model: &Model) -> String {
    let arch = model.arch.as_deref().unwrap_or("model");
    let mut words = vec![arch.to_owned()];
    if let (Some(layers), Some(hidden)) = (model.layers, model.hidden) {
        words.push(format!("{layers} layers × {hidden}"));
    }
    if let Some(seq) = model.seq {
        words.push(format!("{seq} tokens"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::{Cluster, Job, Model, Run};

    use super::{Arrangement, changes, in_words, pipeline_degrees, precisions, tensor_degrees};

    fn job() -> Job {
        Job {
            cluster: Cluster {
                gpu: Some("A100".to_owned()),
                gpus_per_node: Some(8),
                nodes: Some(2),
                ..Cluster::default()
            },
            model: Model {
                layers: Some(24),
                heads: Some(16),
                kv_heads: Some(4),
                ..Model::default()
            },
            run: Run { micro_batch: Some(2), global_batch: Some(128), ..Run::default() },
            ..Job::default()
        }
    }

    #[test]
    fn passes_follow_from_the_global_batch() {
        let job = job();
        let mut arrangement = Arrangement::of(&job);
        let run = &arrangement.run;
        assert_eq!((run.dp, run.grad_accum, run.global_batch), (Some(16), Some(4), Some(128)));
        arrangement.run.tp = Some(2);
        arrangement.settle(&job.cluster, true);
        let run = &arrangement.run;
        assert_eq!((run.dp, run.grad_accum, run.global_batch), (Some(8), Some(8), Some(128)));
        assert_eq!(run.sequence_parallel, Some(true));
        assert_eq!(arrangement.fault(&job.cluster), None);
        arrangement.run.micro_batch = Some(3);
        arrangement.settle(&job.cluster, true);
        let told = arrangement.fault(&job.cluster).unwrap();
        assert!(told.contains("128") && told.contains("micro-batches of 3"), "{told}");
        arrangement.keeps_batch = false;
        arrangement.settle(&job.cluster, true);
        assert_eq!(arrangement.fault(&job.cluster), None);
        assert_eq!(arrangement.run.global_batch, Some(3 * 5 * 8));
    }

    #[test]
    fn degrees_that_do_not_divide_the_gpus_are_a_fault() {
        let job = job();
        let mut arrangement = Arrangement::of(&job);
        arrangement.run.pp = Some(3);
        arrangement.settle(&job.cluster, true);
        let told = arrangement.fault(&job.cluster).unwrap();
        assert!(told.contains("PP 3") && told.contains("16 GPUs"), "{told}");
    }

    #[test]
    fn menus_hold_what_the_model_and_the_machines_allow() {
        let job = job();
        let run = Arrangement::of(&job).run;
        assert_eq!(tensor_degrees(&job, &run), [1, 2, 4]);
        assert_eq!(pipeline_degrees(&job, &run), [1, 2, 4, 8]);
        assert!(!precisions(&job, &run).contains(&"fp8".to_owned()));
        let odd = Run { tp: Some(3), ..run };
        assert_eq!(tensor_degrees(&job, &odd), [1, 2, 3, 4]);
    }

    #[test]
    fn differences_and_arrangements_are_told_in_words() {
        let from = Arrangement::of(&job()).run;
        let to = Run { zero: Some(1), micro_batch: Some(4), ..from.clone() };
        let told = changes(&from, &to);
        assert_eq!(
            told,
            [
                ("Micro-batch", "2".to_owned(), "4".to_owned()),
                ("ZeRO", "0".to_owned(), "1".to_owned())
            ]
        );
        assert_eq!(in_words(&to), "micro-batch 4 × 4, ZeRO 1, bf16");
    }
}
