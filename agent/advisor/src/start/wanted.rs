//! What a plan needs of a job, and the job as a tool would run it.

use perfagent_predictor::plan::Observed;

use super::Start;
use crate::emit::EmitFormat;

impl Start {
    /// What must be known for a plan and is not, with the remedy.
    #[must_use]
    pub fn lacking(&self) -> Option<String> {
        let (model, run) = (&self.job.model, &self.job.run);
        let why = if self.job.cluster.gpu.is_none() {
            "the run was on no GPU; name the GPU to plan for with --gpu, such as --gpu H100, or what was measured of this processor with --ceilings (perfagent ceilings --device cpu -o ceilings.json)"
        } else if !model.is_of_images() && (model.layers.is_none() || model.hidden.is_none()) {
            "the model's shape is not known; name its configuration with --model config.json, or the job with --job job.json"
        } else if !model.is_of_images() && model.seq.is_none() {
            "the length of a sequence is not known; say it in --job job.json, {\"model\":{\"seq\":4096}}"
        } else if run.micro_batch.is_none() && run.global_batch.is_none() {
            "the batch is not known; say it in --job job.json, {\"run\":{\"micro_batch\":4,\"global_batch\":256}}"
        } else {
            return None;
        };
        Some(why.to_owned())
    }

    /// The job as a tool would run it: only Megatron's arguments know more than data parallelism. What was measured of
    /// another arrangement tells nothing then.
    #[must_use]
    pub fn for_tool(self, format: EmitFormat) -> Self {
        let framework = match format {
            EmitFormat::DeepSpeed => "deepspeed",
            EmitFormat::Fsdp | EmitFormat::Torchrun => "fsdp",
            EmitFormat::Megatron => return self,
        };
        let degrees = [self.job.run.tp, self.job.run.pp, self.job.run.cp];
        if degrees.iter().all(|degree| degree.unwrap_or(1) <= 1) {
            return self;
        }
        let mut start = Self { observed: Observed::default(), ..self };
        let run = &mut start.job.run;
        if run.global_batch.is_none() {
            let micro_batches = run.micro_batch.zip(run.dp);
            run.global_batch =
                micro_batches.map(|(micro, dp)| micro * run.grad_accum.unwrap_or(1) * dp);
        }
        (run.tp, run.pp, run.cp, run.vpp, run.dp) = (None, None, None, None, None);
        run.framework = Some(framework.to_owned());
        start
    }
}
