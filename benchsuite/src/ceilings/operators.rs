//! What training is made of beside products, each over a few shapes: forward as training calls it, and backward.

use std::time::{Duration, Instant};

use perfagent_kernels::cpu::Torch;
use perfagent_kernels::{Effort, Latency, OfShape, Operators, Stop, sample};
use tch::{Device, Kind, Tensor};

use crate::failure::Result;
use crate::shim::{self, AdamWNumbers, Updated};

/// A repetition lasts so long at least: shorter ones would measure the clock.
const LEAST_REPETITION: Duration = Duration::from_micros(200);
const MOST_IN_A_ROW: u32 = 512;
/// What one thread does alone between operators that all of them share, about.
const PAUSE: Duration = Duration::from_micros(100);
/// The width of rows, and of those of logits.
const WIDTH: i64 = 512;
const VOCABULARY: i64 = 2048;

const DTYPES: [(&str, Kind); 2] = [("fp32", Kind::Float), ("bf16", Kind::BFloat16)];

/// An operator of rows: its tensors from a number of rows, and what it makes of them.
struct Operator {
    name: &'static str,
    width: i64,
    /// Whether backward is timed: in the same graph as training has it.
    has_gradient: bool,
    make: fn(&[i64], Kind) -> Result<Vec<Tensor>>,
    call: fn(&[Tensor]) -> Result<Tensor>,
}

fn random(shape: &[i64], kind: Kind) -> Result<Tensor> {
    Ok(Tensor::f_randn(shape, (Kind::Float, Device::Cpu))?.f_to_kind(kind)?)
}

fn last(shape: &[i64]) -> i64 {
    shape.last().copied().unwrap_or(1)
}

/// The operators of rows, in the form in which the models call them.
const OF_ROWS: [Operator; 10] = [
    // Of so few numbers that only the calls take time, those of autograd too.
    Operator {
        name: "linear",
        width: 16,
        has_gradient: true,
        make: |shape, kind| {
            let side = last(shape);
            Ok(vec![
                random(&[1, 1, side], kind)?,
                random(&[side, side], kind)?,
                random(&[side], kind)?,
            ])
        },
        call: |x| Ok(x[0].f_linear(&x[1], Some(&x[2]))?),
    },
    Operator {
        name: "add",
        width: WIDTH,
        has_gradient: false,
        make: |shape, kind| Ok(vec![random(shape, kind)?, random(shape, kind)?]),
        call: |x| Ok(x[0].f_add(&x[1])?),
    },
    Operator {
        name: "accumulate",
        width: WIDTH,
        has_gradient: false,
        make: |shape, kind| Ok(vec![random(shape, kind)?, random(shape, kind)?]),
        call: |x| Ok(tch::no_grad(|| x[0].detach().f_add_(&x[1]))?),
    },
    Operator {
        name: "column_sum",
        width: WIDTH,
        has_gradient: false,
        make: |shape, kind| Ok(vec![random(shape, kind)?]),
        call: |x| Ok(x[0].f_sum_dim_intlist(&[0][..], true, x[0].kind())?),
    },
    Operator {
        name: "cast",
        width: WIDTH,
        has_gradient: false,
        make: |shape, _| Ok(vec![random(shape, Kind::Float)?]),
        call: |x| Ok(x[0].f_to_kind(Kind::BFloat16)?),
    },
    Operator {
        name: "gelu",
        width: WIDTH,
        has_gradient: true,
        make: |shape, kind| Ok(vec![random(shape, kind)?]),
        call: |x| Ok(x[0].f_gelu("tanh")?),
    },
    Operator {
        name: "gate",
        width: WIDTH,
        has_gradient: true,
        make: |shape, kind| Ok(vec![random(&[shape[0], 2 * shape[1]], kind)?]),
        call: |x| {
            let halves = x[0].f_chunk(2, -1)?;
            Ok(halves[0].f_silu()?.f_mul(&halves[1])?)
        },
    },
    Operator {
        name: "layer_norm",
        width: WIDTH,
        has_gradient: true,
        make: |shape, kind| {
            let width = [last(shape)];
            Ok(vec![random(shape, kind)?, random(&width, kind)?, random(&width, kind)?])
        },
        call: |x| {
            Ok(x[0].f_layer_norm([last(&x[0].size())], Some(&x[1]), Some(&x[2]), 1e-5, true)?)
        },
    },
    Operator {
        name: "rms_norm",
        width: WIDTH,
        has_gradient: true,
        make: |shape, kind| Ok(vec![random(shape, kind)?, random(&[last(shape)], kind)?]),
        call: |x| Ok(x[0].f_rms_norm([last(&x[0].size())], Some(&x[1]), 1e-5)?),
    },
    Operator {
        name: "rotary",
        width: WIDTH,
        has_gradient: true,
        make: |shape, kind| {
            // Heads of 64, as many as the width has.
            let (rows, heads) = (shape[0], shape[1] / 64);
            let angles = [rows, 64];
            let x = random(&[1, heads, rows, 64], kind)?;
            Ok(vec![x, random(&angles, kind)?, random(&angles, kind)?])
        },
        call: |x| {
            let (cosines, sines) = (x[1].detach(), x[2].detach());
            let swapped = x[0].f_roll([32], [3])?;
            Ok(x[0].f_mul(&cosines)?.f_addcmul(&swapped, &sines)?)
        },
    },
];

/// Batch, heads, length and head width.
const ATTENTIONS: [[i64; 4]; 8] = [
    [1, 1, 16, 32],
    [8, 4, 128, 32],
    [2, 4, 128, 64],
    [4, 8, 256, 32],
    [2, 4, 256, 64],
    [1, 4, 256, 128],
    [2, 8, 512, 64],
    [1, 4, 1024, 64],
];

/// All operators; `threads` is what libtorch has been told.
pub(super) fn measure(effort: Effort, threads: usize) -> Result<Operators> {
    tch::manual_seed(2);
    let mut rows = Vec::new();
    let counts: &[i64] = effort.choose(&[1, 16, 128, 1024, 8192], &[1, 64, 1024, 8192]);
    for (dtype, kind) in DTYPES {
        for operator in &OF_ROWS {
            let counts = if operator.name == "linear" { &counts[..1] } else { counts };
            for count in counts {
                let shape = [*count, operator.width];
                let tensors = (operator.make)(&shape, kind)?;
                let call = || (operator.call)(&tensors);
                let has = operator.has_gradient;
                rows.push(one((operator.name, dtype), &shape, (&tensors, has), call, effort)?);
            }
        }
        for shape in ATTENTIONS {
            let [batch, heads, seq, width] = shape;
            let tensors = [random(&[batch, seq, 3 * heads * width], kind)?];
            let call = || attention(&tensors[0], shape);
            rows.push(one(("attention", dtype), &shape, (&tensors, true), call, effort)?);
        }
    }
    rows.push(after_a_pause(effort)?);
    for count in counts {
        rows.push(cross_entropy(*count, effort)?);
        rows.push(adamw(*count, effort)?);
    }
    Ok(Operators {
        convention: Torch::OPERATORS_CONVENTION.into(),
        threads: Some(threads),
        library: Some(format!("libtorch {}", shim::torch_version())),
        reason: None,
        rows,
    })
}

/// Attention of the joint product for queries, keys and values, `[batch, seq, 3·heads·width]`, as the models have it.
fn attention(qkv: &Tensor, [batch, heads, seq, width]: [i64; 4]) -> Result<Tensor> {
    let parts = qkv.f_view([batch, seq, 3 * heads, width])?.f_transpose(1, 2)?;
    let part = |place: i64| parts.f_narrow(1, place * heads, heads);
    let (q, k, v, none) = (part(0)?, part(1)?, part(2)?, None::<&Tensor>);
    let mixed = Tensor::f_scaled_dot_product_attention(&q, &k, &v, none, 0.0, true, None, false)?;
    Ok(mixed.f_transpose(1, 2)?.f_reshape([batch, seq, heads * width])?)
}

/// What becomes of logits: their logarithms, the losses, and the gradient in their place.
fn cross_entropy(rows: i64, effort: Effort) -> Result<OfShape> {
    let shape = [rows, VOCABULARY];
    let logits = random(&shape, Kind::Float)?;
    let targets = Tensor::f_zeros([rows, 1], (Kind::Int64, Device::Cpu))?;
    let minus = Tensor::f_full([rows, 1], -1.0, (Kind::Float, Device::Cpu))?;
    let call = || {
        let mut logs = logits.f_log_softmax(-1, Kind::Float)?;
        drop(logs.f_gather(1, &targets, false)?.f_sum(Kind::Float)?);
        let _ = logs.f_exp_()?;
        let _ = logs.f_scatter_add_(1, &targets, &minus)?;
        Ok(logs.f_mul_scalar_(1e-3)?)
    };
    one(("cross_entropy", "fp32"), &shape, (&[], false), call, effort)
}

/// The same addition after something that one thread does alone: the others have gone to sleep and must be woken.
fn after_a_pause(effort: Effort) -> Result<OfShape> {
    let shape = [128, WIDTH];
    let tensors = [random(&shape, Kind::Float)?, random(&shape, Kind::Float)?];
    let stop = Stop { least: 100, ..Stop::point(effort) };
    let samples = sample(&stop, || {
        let pause = Instant::now();
        while pause.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        drop(tensors[0].f_add(&tensors[1])?);
        Ok::<_, crate::failure::Failure>(start.elapsed())
    })?;
    Ok(OfShape {
        operator: "add_after_a_pause".into(),
        dtype: "fp32".into(),
        shape: shape.map(|side| side as u64).to_vec(),
        forward: Latency::new("forward", &samples, 1),
        backward: None,
    })
}

fn adamw(rows: i64, effort: Effort) -> Result<OfShape> {
    let shape = [rows, WIDTH];
    let tensor = || random(&shape, Kind::Float);
    let updated = [Updated {
        parameter: tensor()?,
        gradient: tensor()?,
        memory: vec![tensor()?, tensor()?.f_abs()?],
    }];
    let step = Tensor::f_ones([], (Kind::Float, Device::Cpu))?;
    let numbers = AdamWNumbers { lr: 1e-6, beta1: 0.9, beta2: 0.95, weight_decay: 0.0, eps: 1e-8 };
    let call = || {
        shim::adamw(&updated, &step, numbers)?;
        Ok(step.shallow_clone())
    };
    one(("adamw", "fp32"), &shape, (&[], false), call, effort)
}

/// Times one operator of these tensors, and with `has_gradient` its backward.
fn one(
    (operator, dtype): (&'static str, &'static str),
    shape: &[i64],
    (tensors, has_gradient): (&[Tensor], bool),
    call: impl Fn() -> Result<Tensor>,
    effort: Effort,
) -> Result<OfShape> {
    for tensor in tensors {
        let _ = tensor.f_set_requires_grad(has_gradient)?;
    }
    drop(call()?);
    let start = Instant::now();
    let made = call()?;
    let first = start.elapsed();
    let in_a_row = LEAST_REPETITION.as_nanos().div_ceil(first.as_nanos().max(1));
    let in_a_row = in_a_row.clamp(1, u128::from(MOST_IN_A_ROW)) as u32;
    let stop = Stop::point(effort);
    let samples = sample(&stop, || {
        let start = Instant::now();
        for _ in 0..in_a_row {
            drop(call()?);
        }
        Ok::<_, crate::failure::Failure>(start.elapsed())
    })?;
    let forward = Latency::new("forward", &samples, in_a_row);
    let backward = if has_gradient {
        let gradient = tch::no_grad(|| made.f_ones_like())?;
        let samples = sample(&stop, || {
            let graphs = (0..in_a_row).map(|_| call()).collect::<Result<Vec<_>>>()?;
            let mut spent = Duration::ZERO;
            for graph in graphs {
                for tensor in tensors {
                    shim::set_grad(tensor, None)?;
                }
                let start = Instant::now();
                shim::backward(&[(&graph, Some(&gradient))])?;
                spent += start.elapsed();
            }
            Ok::<_, crate::failure::Failure>(spent)
        })?;
        Some(Latency::new("backward", &samples, in_a_row))
    } else {
        None
    };
    let shape = shape.iter().map(|side| *side as u64).collect();
    Ok(OfShape { operator: operator.into(), dtype: dtype.into(), shape, forward, backward })
}

#[cfg(test)]
mod tests {
    use perfagent_kernels::{Effort, OfShape};

    use super::{OF_ROWS, adamw, cross_entropy, measure};

    /// Which of two sizes takes longer is the machine's business: where both are launches and little else, as a
    /// thousand weights are, a busy processor decides.
    #[test]
    fn every_operator_is_timed_at_growing_sizes() {
        let operators = measure(Effort::Quick, 1).unwrap();
        assert!(operators.rows.iter().all(|row| row.forward.best_ns > 0.0));
        assert!(operators.rows.iter().all(|row| row.forward.best_ns <= row.forward.median_ns));
        for operator in OF_ROWS.iter().filter(|operator| operator.name != "linear") {
            let of: Vec<_> =
                operators.rows.iter().filter(|row| row.operator == operator.name).collect();
            assert!(of.iter().all(|row| row.backward.is_some() == operator.has_gradient));
            let elements = |row: &OfShape| row.shape.iter().product::<u64>();
            let (least, most) = (elements(of[0]), elements(of[of.len() / 2 - 1]));
            assert!(most > least, "{}: {most} {least}", operator.name);
        }
        assert!(adamw(4096, Effort::Quick).unwrap().forward.best_ns > 0.0);
        assert_eq!(cross_entropy(4, Effort::Quick).unwrap().shape, [4, 2048]);
    }
}
