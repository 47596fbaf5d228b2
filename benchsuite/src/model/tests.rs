//! What must hold of every model, whatever its numbers are.

use super::*;
use crate::options::Recompute;
use crate::parallel::GradientSync;
use crate::parameters::{Parameters, Plan};
use crate::shape::find;
use crate::stage::{Stage, State};

const ALL: [Architecture; 3] = [Architecture::Gpt, Architecture::Llama, Architecture::Moe];

fn tiny(architecture: Architecture) -> Shape {
    let nano = find(architecture, "nano").unwrap().shape;
    Shape { layers: 2, hidden: 16, heads: 4, head_dim: 4, ffn: 24, seq: 6, vocab: 300, ..nano }
}

struct Rig {
    parameters: Parameters,
    stage: Stage,
    sync: GradientSync,
}

fn rig(shape: &Shape, kind: Kind, recompute: Recompute, loss: LossKind) -> Rig {
    let plan = Plan { kind, ..Plan::alone(shape.layers as usize + 2) };
    let parameters = Parameters::new(shape, 3, plan, Device::Cpu).unwrap();
    let model = Model::new(shape, (kind, None), recompute, None, Device::Cpu).unwrap();
    let stage = Stage::new(model, &parameters, shape.tied, recompute, loss);
    let sync = GradientSync::new(&parameters, None, 1);
    Rig { parameters, stage, sync }
}

fn ids(shape: &Shape) -> Tensor {
    Tensor::arange(2 * shape.seq, (Kind::Int64, Device::Cpu)).view([2, shape.seq])
}

/// The loss of predicting the next number, and the gradients of all units.
fn pass(rig: &mut Rig, shape: &Shape) -> (f64, Tensor) {
    let (inputs, targets) = (ids(shape), ids(shape) + 1);
    rig.parameters.zero_gradients().unwrap();
    let mut state = State { parameters: &mut rig.parameters, gather: None, sync: &mut rig.sync };
    let held = rig.stage.forward(&mut state, &inputs, true).unwrap();
    let (loss, gradient) =
        rig.stage.loss(&mut state, &held.x, &targets, (Some(1.0), true)).unwrap();
    let _ = rig.stage.backward(&mut state, held, gradient.unwrap(), (1.0, true)).unwrap();
    (loss.double_value(&[]), rig.parameters.gradients.as_ref().unwrap().copy())
}

#[test]
fn an_untrained_model_is_as_unsure_as_a_uniform_guess() {
    for architecture in ALL {
        for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
            let shape = tiny(architecture);
            let mut rig = rig(&shape, kind, Recompute::None, LossKind::Chunked);
            let (loss, _) = pass(&mut rig, &shape);
            assert!((loss - 300f64.ln()).abs() < 0.05, "{architecture:?} {kind:?}: {loss}");
        }
    }
}

#[test]
fn no_token_sees_the_future() {
    let _no_graph = tch::no_grad_guard();
    for architecture in ALL {
        let shape = tiny(architecture);
        let mut rig = rig(&shape, Kind::Float, Recompute::None, LossKind::Chunked);
        let mut stream = |last: i64| {
            let ids = Tensor::from_slice(&[1i64, 2, 3, 4, 5, last]).view([1, 6]);
            let mut state =
                State { parameters: &mut rig.parameters, gather: None, sync: &mut rig.sync };
            rig.stage.forward(&mut state, &ids, false).unwrap().x
        };
        let difference = (stream(9) - stream(250)).abs().amax([0, 2], false);
        let difference = Vec::<f64>::try_from(difference.to_kind(Kind::Double)).unwrap();
        // Products of other numbers of rows may be rounded otherwise.
        assert!(difference[..5].iter().all(|d| *d < 1e-6), "{architecture:?} {difference:?}");
        assert!(difference[5] > 1e-3, "{architecture:?} {difference:?}");
    }
}

#[test]
fn every_weight_gets_a_gradient() {
    for architecture in ALL {
        for tied in [true, false] {
            let shape =
                Shape { tied: tied || architecture == Architecture::Gpt, ..tiny(architecture) };
            let mut rig = rig(&shape, Kind::BFloat16, Recompute::None, LossKind::Chunked);
            let _ = pass(&mut rig, &shape);
            for unit in &rig.parameters.units {
                for (at, slot) in unit.slots.iter().enumerate() {
                    let gradient = unit.gradient_of(at).unwrap().unwrap();
                    let sum = gradient.abs().sum(Kind::Float).double_value(&[]);
                    assert!(sum > 0.0, "{architecture:?} {}", slot.name);
                }
            }
        }
    }
}

#[test]
fn computing_again_and_chunks_change_nothing_but_rounding() {
    for architecture in ALL {
        let shape = tiny(architecture);
        let (loss, gradients) =
            pass(&mut rig(&shape, Kind::Float, Recompute::None, LossKind::Full), &shape);
        for (recompute, kind) in [
            (Recompute::Full, LossKind::Full),
            (Recompute::Selective, LossKind::Full),
            (Recompute::None, LossKind::Chunked),
        ] {
            let (other, changed) = pass(&mut rig(&shape, Kind::Float, recompute, kind), &shape);
            assert!((loss - other).abs() < 1e-5, "{architecture:?}: {loss} {other}");
            let error = (&gradients - changed).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{architecture:?}: {error}");
        }
    }
}

/// The gradient of the loss by its definition, for some numbers of each tensor.
#[test]
fn gradients_are_slopes() {
    tch::set_num_threads(1);
    for architecture in ALL {
        let shape = tiny(architecture);
        let mut rig = rig(&shape, Kind::Float, Recompute::Full, LossKind::Chunked);
        let (_, _) = pass(&mut rig, &shape);
        let slopes: Vec<Tensor> = rig
            .parameters
            .units
            .iter()
            .map(|unit| unit.gradient.as_ref().unwrap().copy())
            .collect();
        for (at, slopes) in slopes.iter().enumerate() {
            for slot in rig.parameters.units[at].slots.clone() {
                if slot.name.contains("router") {
                    // Its gradient has a part of the loss that spreads tokens, which `pass` does not return.
                    continue;
                }
                let place = slot.offset
                    + slopes
                        .narrow(0, slot.offset, slot.len)
                        .abs()
                        .argmax(0, false)
                        .int64_value(&[]);
                let step = 3e-3;
                let mut loss_at = |change: f64| {
                    let _ = rig.parameters.units[at].full.narrow(0, place, 1).g_add_scalar_(change);
                    pass(&mut rig, &shape).0
                };
                let slope = (loss_at(step) - loss_at(-2.0 * step)) / (2.0 * step);
                loss_at(step);
                let expected = slopes.double_value(&[place]);
                assert!(
                    (slope - expected).abs() < 0.05 * expected.abs().max(0.01),
                    "{architecture:?} {}: {slope} {expected}",
                    slot.name
                );
            }
        }
    }
}
