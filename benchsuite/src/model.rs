//! The forward pass of a GPT-2: pre-norm blocks, causal attention, a head tied to the embedding.

use tch::{Kind, Reduction, Tensor};

use crate::failure::Result;
use crate::parameters::{POSITIONS, TOKENS, block};
use crate::shape::Shape;

const EPSILON: f64 = 1e-5;

/// Mean cross-entropy of predicting `targets` from `inputs`, both `[batch, seq]`, in nats a token.
/// `weights` are in the order of `Parameters`, in fp32 or bf16. Norm statistics are fp32 inside
/// libtorch's kernel whatever the weights are; logits are widened to fp32 before the softmax.
pub(crate) fn loss(
    shape: &Shape,
    weights: &[Tensor],
    inputs: &Tensor,
    targets: &Tensor,
) -> Result<Tensor> {
    let seq = inputs.size()[1];
    let positions = weights[POSITIONS].f_narrow(0, 0, seq)?;
    let mut x =
        Tensor::f_embedding(&weights[TOKENS], inputs, -1, false, false)?.f_add(&positions)?;
    for layer in 0..shape.layers as usize {
        let weights = &weights[block(layer)..block(layer + 1)];
        x = x.f_add(&attention(shape, &weights[..6], &x)?)?;
        x = x.f_add(&feed_forward(&weights[6..], &x)?)?;
    }
    let x = norm(&weights[block(shape.layers as usize)..], &x)?;
    let logits = x.f_linear(&weights[TOKENS], None::<&Tensor>)?;
    let logits = logits.f_view([-1, shape.vocab])?.f_to_kind(Kind::Float)?;
    let targets = targets.f_view([-1])?;
    Ok(logits.f_cross_entropy_loss(&targets, None::<&Tensor>, Reduction::Mean, -100, 0.0)?)
}

fn attention(shape: &Shape, weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let (batch, seq, hidden) = x.size3()?;
    let qkv = norm(weights, x)?.f_linear(&weights[2], Some(&weights[3]))?;
    // [batch, seq, 3·hidden] → three of [batch, heads, seq, width of a head]
    let parts = qkv
        .f_view([batch, seq, 3, shape.heads, hidden / shape.heads])?
        .f_permute([2, 0, 3, 1, 4])?
        .f_unbind(0)?;
    let mixed = Tensor::f_scaled_dot_product_attention(
        &parts[0],
        &parts[1],
        &parts[2],
        None::<&Tensor>,
        0.0,
        true,
        None,
        false,
    )?;
    let mixed = mixed.f_transpose(1, 2)?.f_reshape([batch, seq, hidden])?;
    Ok(mixed.f_linear(&weights[4], Some(&weights[5]))?)
}

fn feed_forward(weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let wide = norm(weights, x)?.f_linear(&weights[2], Some(&weights[3]))?.f_gelu("tanh")?;
    Ok(wide.f_linear(&weights[4], Some(&weights[5]))?)
}

fn norm(weights: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let hidden = weights[0].size();
    Ok(x.f_layer_norm(&hidden, Some(&weights[0]), Some(&weights[1]), EPSILON, true)?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::parameters::Parameters;

    fn tiny() -> (Shape, Parameters) {
        let shape = Shape { layers: 2, hidden: 16, heads: 2, seq: 6, vocab: 300 };
        (shape, Parameters::new(&shape, 3, 1, Device::Cpu).unwrap())
    }

    #[test]
    fn an_untrained_model_is_as_unsure_as_a_uniform_guess() {
        let (shape, parameters) = tiny();
        let ids = Tensor::arange(12, (Kind::Int64, Device::Cpu)).view([2, 6]);
        for bf16 in [false, true] {
            let weights = parameters.working_copy(bf16).unwrap();
            let mean = loss(&shape, &weights, &ids, &(&ids + 1)).unwrap();
            assert_eq!(mean.kind(), Kind::Float);
            assert!((mean.double_value(&[]) - 300f64.ln()).abs() < 0.05, "{mean:?}");
        }
    }

    #[test]
    fn no_token_sees_the_future() {
        // With targets only at position 0 the loss must not depend on later inputs.
        let (shape, parameters) = tiny();
        let weights = parameters.working_copy(false).unwrap();
        let targets = Tensor::from_slice(&[7i64, -100, -100, -100, -100, -100]).view([1, 6]);
        let first_loss = |last: i64| {
            let ids = Tensor::from_slice(&[1i64, 2, 3, 4, 5, last]).view([1, 6]);
            loss(&shape, &weights, &ids, &targets).unwrap().double_value(&[])
        };
        assert!((first_loss(9) - first_loss(250)).abs() < 1e-12);
    }

    #[test]
    fn every_weight_gets_a_gradient() {
        let (shape, parameters) = tiny();
        let ids = Tensor::arange(12, (Kind::Int64, Device::Cpu)).view([2, 6]);
        let weights = parameters.working_copy(true).unwrap();
        loss(&shape, &weights, &ids, &(&ids + 1)).unwrap().backward();
        for (index, slot) in parameters.slots.iter().enumerate() {
            let gradient = parameters.gradients.narrow(0, slot.offset, slot.len);
            assert!(gradient.abs().sum(Kind::Float).double_value(&[]) > 0.0, "tensor {index}");
        }
    }
}
