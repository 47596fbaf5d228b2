//! A job with nothing left open: what was not stated is filled in and told.

use std::sync::Arc;

use crate::ceilings::Ceilings;
use crate::conv;
use crate::framework::Framework;
use crate::gpu::Gpu;
use crate::job::Job;
use crate::network::Network;
use crate::shape::Shape;

/// Recomputation of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recompute {
    None,
    Selective,
    Full,
}

/// What products are calculated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Fp32,
    Tf32,
    Half,
    Fp8,
    Block8,
    Fp4,
}

/// What lives in host memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offload {
    None,
    Optimizer,
    OptimizerAndParameters,
}

/// A job as the formulas take it. Degrees and sizes are `f64` since they only ever multiply.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of a job by itself")]
pub(crate) struct Setup {
    pub gpu: Arc<Gpu>,
    /// What was measured of it.
    pub ceilings: Option<Arc<Ceilings>>,
    pub framework: Framework,
    pub network: Network,
    /// GPUs on a machine, machines, and GPUs in all.
    pub on_node: f64,
    pub nodes: f64,
    pub world: f64,
    pub shape: Shape,
    /// Its name of the architecture, small letters.
    pub arch: String,
    pub global_batch: f64,
    pub micro_batch: f64,
    /// Passes of a step.
    pub passes: f64,
    pub dp: f64,
    pub tp: f64,
    pub pp: f64,
    pub cp: f64,
    pub ep: f64,
    pub vpp: f64,
    pub zero: u64,
    pub sequence_parallel: bool,
    pub precision: Precision,
    /// Whether 16 bits are those of IEEE half precision.
    pub is_fp16: bool,
    /// Bytes of a gradient as it is accumulated and reduced.
    pub grad_bytes: f64,
    /// Bytes of a gradient in 16 bits that stays beside the one that accumulates in fp32.
    pub grad_beside: f64,
    pub recompute: Recompute,
    pub flash: bool,
    /// Of networks for images, whether the channels of a pixel lie next to each other.
    pub channels_last: bool,
    pub offload: Offload,
    pub optimizer_8bit: bool,
    pub sgd: bool,
    pub fused_loss: bool,
    pub cuda_graphs: bool,
    /// Of a rank on a processor, if stated.
    pub threads: Option<f64>,
    pub assumed: Vec<String>,
    /// Whether something that decides the time was assumed.
    pub guessed: bool,
}

impl Setup {
    /// Fills in what `job` leaves open, or says why it cannot be predicted.
    pub(crate) fn of(job: &Job) -> Result<Self, String> {
        Self::on(job, None)
    }

    /// The same for a device of which there are ceilings, if the job is on such a one.
    pub(crate) fn on(job: &Job, ceilings: Option<&Arc<Ceilings>>) -> Result<Self, String> {
        let mut assumed = Vec::new();
        let run = &job.run;
        let name = job.cluster.gpu.as_deref().ok_or("cluster.gpu is not stated")?;
        let measured = ceilings.filter(|ceilings| ceilings.are_of(name));
        let gpu = match measured {
            Some(ceilings) => Some(Arc::clone(ceilings.gpu())),
            None => Gpu::shared(name),
        };
        let gpu = gpu.ok_or_else(|| unknown(name, ceilings))?;
        if let (Some(ceilings), None) = (ceilings, measured) {
            assumed.push(format!("ceilings are of {}, not of {name}: not used", ceilings.name()));
        }
        let framework = run.framework.as_deref().map_or_else(
            || {
                assumed.push("run.framework: constants of all frameworks together".to_owned());
                Framework::Other
            },
            Framework::find,
        );
        let arch = job.model.arch.as_deref().unwrap_or_default().to_lowercase();
        if gpu.is_processor() && arch.starts_with("resnet") {
            return Err(format!(
                "model.arch {arch:?}: networks for images are not predicted on processors; name a GPU"
            ));
        }
        if gpu.is_processor() && framework != Framework::Benchmark {
            return Err(format!(
                "run.framework {:?}: on a processor only perfagent-bench can be predicted, whose work is known; say \"perfagent-bench\", or name a GPU",
                run.framework.as_deref().unwrap_or_default()
            ));
        }
        let positive = |name: &str, value: Option<u64>| match value {
            Some(0) => Err(format!("{name} is 0")),
            other => Ok(other.map(|value| value as f64)),
        };
        let on_node =
            positive("cluster.gpus_per_node", job.cluster.gpus_per_node)?.unwrap_or_else(|| {
                assumed.push("cluster.gpus_per_node: 1".to_owned());
                1.0
            });
        let nodes = positive("cluster.nodes", job.cluster.nodes)?.unwrap_or_else(|| {
            assumed.push("cluster.nodes: 1".to_owned());
            1.0
        });
        let world = on_node * nodes;
        let shape = Shape::of(job, &mut assumed)?;

        let degree =
            |name: &str, value: Option<u64>| Ok::<_, String>(positive(name, value)?.unwrap_or(1.0));
        let cp = degree("run.cp", run.cp)?;
        let pp = degree("run.pp", run.pp)?;
        let tp = match (positive("run.tp", run.tp)?, positive("run.dp", run.dp)?) {
            (Some(tp), _) => tp,
            (None, Some(dp)) => {
                let tp = shared_out(world, dp * pp * cp, "run.dp × run.pp × run.cp")?;
                assumed.push(format!("run.tp: {tp:.0}, the GPUs by the other degrees"));
                tp
            }
            (None, None) => 1.0,
        };
        let dp = match positive("run.dp", run.dp)? {
            Some(dp) => dp,
            None => shared_out(world, tp * pp * cp, "run.tp × run.pp × run.cp")?,
        };
        let used = dp * tp * pp * cp;
        if (used - world).abs() > 0.5 {
            return Err(format!(
                "the degrees do not multiply out: run.dp {dp} × run.tp {tp} × run.pp {pp} × run.cp {cp} = {used} GPUs, the cluster has {world}"
            ));
        }
        let ep = degree("run.ep", run.ep)?;
        if let Some(experts) = shape.experts
            && ep > experts
        {
            return Err(format!("run.ep {ep} is more than the {experts} experts"));
        }
        if pp > shape.layers {
            return Err(format!("run.pp {pp} is more than the {} layers", shape.layers));
        }

        let vpp = degree("run.vpp", run.vpp)?;
        // The embedding and the head can be parts by themselves.
        if vpp > 1.0 && pp * vpp > shape.layers + 2.0 {
            return Err(format!(
                "run.pp {pp} × run.vpp {vpp} = {} parts are more than the {} layers, embedding and head",
                pp * vpp,
                shape.layers
            ));
        }

        let micro = positive("run.micro_batch", run.micro_batch)?;
        let accumulated = positive("run.grad_accum", run.grad_accum)?;
        let global = positive("run.global_batch", run.global_batch)?;
        let (micro_batch, passes, global_batch) = match (micro, accumulated, global) {
            (Some(micro), Some(passes), Some(global)) => (micro, passes, global),
            (Some(micro), Some(passes), None) => (micro, passes, micro * passes * dp),
            (Some(micro), None, Some(global)) => {
                (micro, (global / (micro * dp)).ceil().max(1.0), global)
            }
            (None, Some(passes), Some(global)) => {
                let micro = global / (passes * dp);
                if micro.fract() != 0.0 || micro < 1.0 {
                    return Err(format!(
                        "run.global_batch {global} is no multiple of run.grad_accum {passes} × run.dp {dp}"
                    ));
                }
                (micro, passes, global)
            }
            (Some(micro), None, None) => {
                assumed.push("run.grad_accum: 1".to_owned());
                (micro, 1.0, micro * dp)
            }
            (None, None, Some(global)) => {
                assumed.push("run.micro_batch: 1".to_owned());
                (1.0, (global / dp).ceil().max(1.0), global)
            }
            (None, _, None) => {
                return Err("neither run.micro_batch nor run.global_batch is stated".to_owned());
            }
        };
        let expected = micro_batch * passes * dp;
        if expected > global_batch * 1.5 + 1.0 || expected < global_batch / 1.5 - 1.0 {
            return Err(format!(
                "the batch does not multiply out: run.micro_batch {micro_batch} × run.grad_accum {passes} × run.dp {dp} = {expected}, run.global_batch is {global_batch}"
            ));
        }

        let precision = match run.precision.as_deref().map(str::to_lowercase).as_deref() {
            Some("fp32" | "float32") => Precision::Fp32,
            Some("tf32") => Precision::Tf32,
            // As Composer and Lightning call mixed precision.
            Some(
                "fp16" | "bf16" | "float16" | "bfloat16" | "amp_bf16" | "amp_fp16" | "bf16-mixed"
                | "16-mixed",
            ) => Precision::Half,
            // Scaling by the tensor, by a row or over time is one kind of product.
            Some("fp8" | "fp8-cs" | "fp8-ds" | "amp_fp8") => Precision::Fp8,
            Some("mxfp8" | "fp8-mx") => Precision::Block8,
            Some("nvfp4" | "mxfp4") => Precision::Fp4,
            Some(other) => {
                return Err(format!(
                    "run.precision {other:?} is not known; one of fp32, tf32, fp16, bf16, fp8, mxfp8, nvfp4"
                ));
            }
            None if framework == Framework::Benchmark => {
                assumed.push("run.precision: fp32".to_owned());
                Precision::Fp32
            }
            None => {
                assumed.push("run.precision: bf16".to_owned());
                Precision::Half
            }
        };
        if let Some(ceilings) = measured.filter(|ceilings| ceilings.is_of_processor()) {
            let format = run.precision.as_deref().unwrap_or("fp32").to_lowercase();
            if ceilings.products(&format).is_none() {
                return Err(format!(
                    "run.precision {format:?}: the ceilings of {} have no products in it; perfagent ceilings measures those that the processor has",
                    ceilings.name()
                ));
            }
        }
        if matches!(precision, Precision::Fp8 | Precision::Block8 | Precision::Fp4)
            && gpu.fp8_rate.is_none()
        {
            let precision = run.precision.as_deref().unwrap_or_default();
            return Err(format!(
                "run.precision {precision:?}: {} has no products in 8 bits",
                gpu.name
            ));
        }
        let grad_bytes = match run.grad_dtype.as_deref() {
            Some("fp32") => 4.0,
            Some("fp16" | "bf16") => 2.0,
            Some(other) => {
                return Err(format!(
                    "run.grad_dtype {other:?} is not known; one of fp32, fp16, bf16"
                ));
            }
            // Autocast, as it is used with images, leaves weights and gradients in fp32.
            None if shape.images.is_some() => 4.0,
            None => match (precision, framework) {
                (Precision::Fp32 | Precision::Tf32, _)
                | (_, Framework::Nanotron | Framework::Nemo | Framework::Benchmark) => 4.0,
                _ => 2.0,
            },
        };
        let recompute = match run.recompute.as_deref() {
            Some("full") => Recompute::Full,
            Some("selective") => Recompute::Selective,
            Some("none") | None => Recompute::None,
            Some(other) => {
                return Err(format!(
                    "run.recompute {other:?} is not known; one of none, selective, full"
                ));
            }
        };
        let offload = match run.offload.as_deref() {
            None | Some("none") => Offload::None,
            Some("optimizer") => Offload::Optimizer,
            Some("optimizer+params") => Offload::OptimizerAndParameters,
            Some(other) => {
                return Err(format!(
                    "run.offload {other:?} is not known; one of optimizer, optimizer+params"
                ));
            }
        };
        let zero = run.zero.unwrap_or_else(|| {
            let zero = u64::from(framework == Framework::Nemo);
            assumed.push(format!("run.zero: {zero}"));
            zero
        });
        if zero > 3 {
            return Err(format!("run.zero {zero} is not a stage; one of 0, 1, 2, 3"));
        }
        let flash = run.flash_attention.unwrap_or_else(|| {
            if shape.images.is_some() {
                return false;
            }
            let flash = !matches!(framework, Framework::MegatronDeepSpeed);
            assumed.push(format!("run.flash_attention: {flash}"));
            flash
        });
        let mut guessed = run.recompute.is_none() || run.framework.is_none();
        let mut optimizer = run.optimizer.as_deref().unwrap_or("adamw").to_lowercase();
        let mut channels_last = false;
        if shape.images.is_some() {
            if run.optimizer.is_none() {
                "sgd".clone_into(&mut optimizer);
                assumed.push("run.optimizer: sgd".to_owned());
            }
            channels_last = run.channels_last.unwrap_or_else(|| {
                assumed.push("run.channels_last: false".to_owned());
                false
            });
            guessed = run.channels_last.is_none();
        }
        if run.recompute.is_none() {
            assumed.push("run.recompute: none".to_owned());
        }
        let is_fp16 = matches!(
            run.precision.as_deref().map(str::to_lowercase).as_deref(),
            Some("fp16" | "float16" | "amp_fp16" | "16-mixed")
        );
        let is_bf16 = precision == Precision::Half && !is_fp16;
        let setup = Self {
            network: Network::of(job, &gpu),
            gpu,
            ceilings: measured.cloned(),
            framework,
            on_node,
            nodes,
            world,
            shape,
            arch: job.model.arch.as_deref().unwrap_or("gpt").to_lowercase(),
            global_batch,
            micro_batch,
            passes,
            dp,
            tp,
            pp,
            cp,
            ep,
            vpp,
            zero,
            sequence_parallel: run
                .sequence_parallel
                .unwrap_or(tp > 1.0 && framework != Framework::Benchmark),
            is_fp16,
            precision,
            grad_bytes,
            grad_beside: beside(framework, is_bf16, zero, grad_bytes),
            recompute,
            flash,
            channels_last,
            offload,
            optimizer_8bit: optimizer.contains("8bit"),
            sgd: optimizer.starts_with("sgd"),
            fused_loss: run.fused_loss.unwrap_or(false),
            cuda_graphs: run.cuda_graphs.unwrap_or(false),
            threads: positive("run.threads", run.threads)?,
            assumed,
            guessed,
        };
        let refusal = setup.shape.images.as_ref().and_then(|_| conv::refusal(&setup));
        refusal.map_or(Ok(setup), Err)
    }

    /// Tokens that a GPU works on in a pass.
    pub(crate) fn tokens(&self) -> f64 {
        self.micro_batch * self.shape.seq / self.cp
    }

    /// By how many the residual stream is split over the tensor-parallel group.
    pub(crate) fn stream_split(&self) -> f64 {
        if self.sequence_parallel { self.tp } else { 1.0 }
    }
}

/// Why there is nothing to predict with.
fn unknown(name: &str, ceilings: Option<&Arc<Ceilings>>) -> String {
    if name.eq_ignore_ascii_case("cpu") {
        return "cluster.gpu \"cpu\": a processor is predicted by its measurements; make them with perfagent ceilings --device cpu -o ceilings.json and name them with --ceilings ceilings.json".to_owned();
    }
    let measured = ceilings.map_or_else(
        || "; of another device, processors too, perfagent ceilings -o ceilings.json makes measurements for --ceilings".to_owned(),
        |ceilings| format!("; the ceilings are of {}", ceilings.name()),
    );
    let known = Gpu::known().collect::<Vec<_>>().join(", ");
    format!("cluster.gpu {name:?} has no datasheet; known are {known}{measured}")
}

/// The degree that is left when `used` of the GPUs of the `world` are spoken for.
fn shared_out(world: f64, used: f64, what: &str) -> Result<f64, String> {
    let left = world / used;
    if left < 1.0 || left.fract() != 0.0 {
        return Err(format!("{what} = {used} does not divide the {world} GPUs of the cluster"));
    }
    Ok(left)
}

/// `DeepSpeed`'s `BF16_Optimizer` adds gradients in bf16 to those in fp32 after each backward pass and fills the former with
/// zeros instead of giving them back. Its optimizers for fp16 and for stages 2 and 3 of ZeRO are others.
fn beside(framework: Framework, is_bf16: bool, zero: u64, grad_bytes: f64) -> f64 {
    let deepspeed = matches!(framework, Framework::DeepSpeed | Framework::MegatronDeepSpeed);
    if deepspeed && is_bf16 && zero < 2 && grad_bytes > 2.0 { 2.0 } else { 0.0 }
}
