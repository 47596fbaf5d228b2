//! The numbers of a job, completed and checked: GPUs, degrees, batch sizes.

use perfagent_predictor::Job;

use super::Refused;

/// What products are calculated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Fp32,
    Tf32,
    Bf16,
    Fp16,
    Fp8,
    Mxfp8,
    Nvfp4,
}

/// What is computed again in backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recompute {
    None,
    Selective,
    Full,
}

/// What lives in the host's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offload {
    None,
    Optimizer,
    OptimizerAndParams,
}

/// A job without gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrangement {
    pub(super) nodes: u64,
    pub(super) gpus_per_node: u64,
    pub(super) dp: u64,
    pub(super) tp: u64,
    pub(super) pp: u64,
    pub(super) cp: u64,
    pub(super) ep: u64,
    pub(super) vpp: u64,
    pub(super) micro_batch: u64,
    pub(super) accumulate: u64,
    /// `micro_batch` × `accumulate` × `dp`.
    pub(super) global_batch: u64,
    pub(super) zero: u64,
    pub(super) precision: Precision,
    pub(super) recompute: Recompute,
    pub(super) offload: Offload,
}

impl Arrangement {
    /// Completes what follows from the rest and refuses what does not go together.
    pub(super) fn of(job: &Job) -> Result<Self, Refused> {
        let (cluster, run) = (&job.cluster, &job.run);
        let degree = |name: &str, value: Option<u64>| match value {
            Some(0) => Err(Refused(format!("run.{name}: is 0; give at least 1"))),
            value => Ok(value.unwrap_or(1)),
        };
        let (tp, pp, cp) = (degree("tp", run.tp)?, degree("pp", run.pp)?, degree("cp", run.cp)?);
        let (ep, vpp) = (degree("ep", run.ep)?, degree("vpp", run.vpp)?);
        let nodes = degree("nodes", cluster.nodes)?;
        let replica = product("run", [tp, pp, cp])?;
        let gpus = match (cluster.gpus_per_node, run.dp) {
            (Some(gpus), _) => product("cluster", [gpus, nodes, 1])?,
            (None, Some(dp)) => product("run", [dp, replica, 1])?,
            (None, None) => {
                return Err(Refused(
                    "the job names neither cluster.gpus_per_node nor run.dp; give one, so that the batch can be divided"
                        .to_owned(),
                ));
            }
        };
        let dp = gpus / replica;
        let stated = run.dp.unwrap_or(dp);
        if dp == 0 || gpus % replica != 0 || stated != dp {
            let of = run.dp.map_or_else(String::new, |dp| format!("dp {dp} × "));
            return Err(Refused(format!(
                "{of}tp {tp} × pp {pp} × cp {cp} does not make {gpus} GPUs; correct run or cluster"
            )));
        }
        if gpus % nodes != 0 {
            return Err(Refused(format!(
                "cluster.nodes: {gpus} GPUs are not divisible by {nodes} machines; correct it"
            )));
        }
        let (micro_batch, accumulate, global_batch) = batches(job, dp)?;
        let zero = run.zero.unwrap_or(0);
        if zero > 3 {
            return Err(Refused(format!("run.zero: {zero} is no ZeRO stage; give 0 to 3")));
        }
        Ok(Self {
            nodes,
            gpus_per_node: gpus / nodes,
            dp,
            tp,
            pp,
            cp,
            ep,
            vpp,
            micro_batch,
            accumulate,
            global_batch,
            zero,
            precision: precision(run.precision.as_deref())?,
            recompute: recompute(run.recompute.as_deref())?,
            offload: offload(run.offload.as_deref())?,
        })
    }

    /// GPUs of the job.
    pub(super) fn gpus(&self) -> u64 {
        self.nodes * self.gpus_per_node
    }
}

/// Micro-batch, accumulation and global batch from at least two of them, or from the micro-batch alone.
fn batches(job: &Job, dp: u64) -> Result<(u64, u64, u64), Refused> {
    let run = &job.run;
    let all = [run.micro_batch, run.grad_accum, run.global_batch];
    if all.contains(&Some(0)) {
        return Err(Refused("run: a batch size of 0 trains nothing; give at least 1".to_owned()));
    }
    let divided = |global: u64, by: u64, what: &str| {
        let by = product("run", [by, dp, 1])?;
        if global.is_multiple_of(by) {
            return Ok(global / by);
        }
        Err(Refused(format!(
            "run.global_batch: {global} is not divisible by {what} × {dp} replicas = {by}; correct one of them"
        )))
    };
    let (micro, accumulate) = match (run.micro_batch, run.grad_accum, run.global_batch) {
        (Some(micro), Some(accumulate), _) => (micro, accumulate),
        (Some(micro), None, None) => (micro, 1),
        (Some(micro), None, Some(global)) => {
            (micro, divided(global, micro, &format!("micro_batch {micro}"))?)
        }
        (None, Some(accumulate), Some(global)) => {
            (divided(global, accumulate, &format!("grad_accum {accumulate}"))?, accumulate)
        }
        (None, ..) => {
            return Err(Refused(
                "run.micro_batch: is not stated and does not follow from the rest; give it"
                    .to_owned(),
            ));
        }
    };
    let global = product("run", [micro, accumulate, dp])?;
    match run.global_batch {
        Some(stated) if stated != global => Err(Refused(format!(
            "run: micro_batch {micro} × grad_accum {accumulate} × {dp} replicas = {global}, not global_batch {stated}; \
             correct one of them"
        ))),
        _ => Ok((micro, accumulate, global)),
    }
}

fn product(place: &str, factors: [u64; 3]) -> Result<u64, Refused> {
    let product = factors.into_iter().try_fold(1_u64, u64::checked_mul);
    product.ok_or_else(|| Refused(format!("{place}: its numbers are too large; correct them")))
}

fn precision(stated: Option<&str>) -> Result<Precision, Refused> {
    Ok(match stated.unwrap_or("bf16") {
        "fp32" => Precision::Fp32,
        "tf32" => Precision::Tf32,
        "bf16" => Precision::Bf16,
        "fp16" => Precision::Fp16,
        "fp8" => Precision::Fp8,
        "mxfp8" => Precision::Mxfp8,
        "nvfp4" => Precision::Nvfp4,
        other => {
            return Err(Refused(format!(
                "run.precision: {other} is not known; give fp32, tf32, bf16, fp16, fp8, mxfp8 or nvfp4"
            )));
        }
    })
}

fn recompute(stated: Option<&str>) -> Result<Recompute, Refused> {
    Ok(match stated.unwrap_or("none") {
        "none" => Recompute::None,
        "selective" => Recompute::Selective,
        "full" => Recompute::Full,
        other => {
            return Err(Refused(format!(
                "run.recompute: {other} is not known; give none, selective or full"
            )));
        }
    })
}

fn offload(stated: Option<&str>) -> Result<Offload, Refused> {
    Ok(match stated.unwrap_or("none") {
        "none" => Offload::None,
        "optimizer" => Offload::Optimizer,
        "optimizer+params" => Offload::OptimizerAndParams,
        other => {
            return Err(Refused(format!(
                "run.offload: {other} is not known; give none, optimizer or optimizer+params"
            )));
        }
    })
}
