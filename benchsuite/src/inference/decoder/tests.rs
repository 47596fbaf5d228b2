//! With a cache and without: the same logits.

use super::*;
use crate::model::LossKind;
use crate::parallel::GradientSync;
use crate::parameters::{Parameters, Plan};
use crate::shape::{Architecture, find};
use crate::stage::{Stage, State};

const ALL: [Architecture; 3] = [Architecture::Gpt, Architecture::Llama, Architecture::Moe];
const SEED: u64 = 3;

/// Llama and the mixture have two heads of queries for each of keys.
fn tiny(architecture: Architecture) -> Shape {
    let nano = find(architecture, "nano").unwrap().shape;
    Shape { layers: 2, hidden: 16, heads: 4, head_dim: 4, ffn: 24, seq: 24, vocab: 300, ..nano }
}

fn prompt(seed: u64, len: usize) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| random.i64(0..300)).collect()
}

/// Logits after the last of these tokens by the forward pass of training, which knows no cache.
fn without_cache(shape: &Shape, kind: Kind, ids: &[i64]) -> Tensor {
    let _no_graph = tch::no_grad_guard();
    let plan = Plan { kind, ..Plan::alone(shape.layers as usize + 2) };
    let mut parameters = Parameters::new(shape, SEED, plan, Device::Cpu).unwrap();
    let model = Model::new(shape, (kind, None), Recompute::None, None, Device::Cpu).unwrap();
    let stage = Stage::new(model, &parameters, shape.tied, Recompute::None, LossKind::Full);
    let mut sync = GradientSync::new(&parameters, None, 1);
    let mut held = State { parameters: &mut parameters, gather: None, sync: &mut sync };
    let ids = Tensor::from_slice(ids).view([1, -1]);
    let x = stage.forward(&mut held, &ids, false).unwrap().x;
    let model = Model::new(shape, (kind, None), Recompute::None, None, Device::Cpu).unwrap();
    let weights = Weights::new(shape, SEED, kind, Device::Cpu).unwrap();
    let last = x.select(1, ids.size()[1] - 1);
    model.logits(&weights.norm, &last, &weights.matrix).unwrap().view([-1])
}

/// The largest difference, in standard deviations of the logits.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
    (&a - &b).abs().max().double_value(&[]) / b.std(false).double_value(&[])
}

/// Rounding alone may differ, as products of other numbers of rows are summed in another order. Each number format has
/// `epsilon`, the distance from 1 to the next number; two blocks make some tens of roundings in a row, which sums of many
/// numbers dampen: 1e-6, 0.025 and 0.003 were seen. With random weights attention is weak, so that mistakes are small, too:
/// heads that are mixed up are off by 1e-3 in fp32, a mask that is left out or a learned position by a tenth and more.
const FORMATS: [(Kind, f64); 3] =
    [(Kind::Float, 1.2e-7 * 100.0), (Kind::BFloat16, 7.8e-3 * 10.0), (Kind::Half, 9.8e-4 * 10.0)];

#[test]
fn decoding_with_the_cache_is_a_forward_pass_over_everything() {
    for architecture in ALL {
        for (kind, tolerance) in FORMATS {
            if architecture == Architecture::Moe && kind != Kind::Float {
                // Rounding may send a token to another expert, which is no small difference.
                continue;
            }
            let shape = tiny(architecture);
            let decoder = Decoder::new(&shape, SEED, (3, 24), (kind, Device::Cpu)).unwrap();
            // Of different lengths, so that one is padded and each stands at positions of its own.
            let mut sequences = [prompt(1, 9), prompt(2, 4), prompt(3, 1)];
            let prompts: Vec<&[i64]> = sequences.iter().map(Vec::as_slice).collect();
            let mut pass = decoder.prefill(0, &prompts).unwrap();
            for step in 0..8_u64 {
                for (row, sequence) in sequences.iter().enumerate() {
                    let expected = without_cache(&shape, kind, sequence);
                    let off = difference(&pass.logits.get(row as i64), &expected);
                    assert!(off < tolerance, "{architecture:?} {kind:?} {step} {row}: {off}");
                }
                let lengths: Vec<i64> = sequences.iter().map(|ids| ids.len() as i64).collect();
                let tokens: Vec<i64> = (0..3).map(|row| prompt(10 * step + row, 1)[0]).collect();
                for (sequence, token) in sequences.iter_mut().zip(&tokens) {
                    sequence.push(*token);
                }
                pass = decoder.decode(&tokens, &lengths).unwrap();
            }
        }
    }
}

/// What the test above would see if it were wrong.
#[test]
fn another_token_far_back_changes_the_logits_by_more_than_the_tolerance() {
    for architecture in ALL {
        let shape = tiny(architecture);
        let logits = |first: i64| {
            let mut ids = prompt(1, 12);
            ids[0] = first;
            without_cache(&shape, Kind::Float, &ids)
        };
        let off = difference(&logits(7), &logits(8));
        assert!(off > 10.0 * FORMATS[0].1, "{architecture:?}: {off}");
    }
}

#[test]
fn slots_are_filled_and_moved_without_a_trace() {
    for architecture in ALL {
        let shape = tiny(architecture);
        let options = (Kind::Float, Device::Cpu);
        let decoder = Decoder::new(&shape, SEED, (3, 24), options).unwrap();
        let (long, short, late) = (prompt(1, 12), prompt(2, 3), prompt(3, 5));
        let _ = decoder.prefill(0, &[&long, &short]).unwrap();
        let _ = decoder.decode(&[5, 6], &[12, 3]).unwrap();
        // The first one ends; the second takes its slot, and a third comes behind it, where others have been.
        decoder.replace(0, 1, 4).unwrap();
        let _ = decoder.prefill(1, &[&late]).unwrap();
        let pass = decoder.decode(&[8, 9], &[4, 5]).unwrap();
        for (row, ids) in
            [[&short[..], &[6, 8]].concat(), [&late[..], &[9]].concat()].iter().enumerate()
        {
            let expected = without_cache(&shape, Kind::Float, ids);
            let off = difference(&pass.logits.get(row as i64), &expected);
            assert!(off < FORMATS[0].1, "{architecture:?} {row}: {off}");
        }
    }
}

#[test]
fn only_experts_that_are_used_are_counted() {
    let shape = Shape { experts: 8, ..tiny(Architecture::Moe) };
    let decoder = Decoder::new(&shape, SEED, (4, 24), (Kind::Float, Device::Cpu)).unwrap();
    let one = decoder.prefill(0, &[&[3]]).unwrap();
    assert_eq!(one.experts, 2 * shape.top_k, "two blocks");
    let ids = prompt(4, 20);
    let many = decoder.prefill(0, &[&ids, &ids]).unwrap().experts;
    assert!(many > one.experts && many <= 2 * 8, "{many}");
    let gpt = Decoder::new(&tiny(Architecture::Gpt), SEED, (1, 4), (Kind::Float, Device::Cpu));
    assert_eq!(gpt.unwrap().prefill(0, &[&[3]]).unwrap().experts, 0);
}
