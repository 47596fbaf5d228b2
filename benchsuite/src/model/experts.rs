//! A mixture of experts: every token goes to the `top_k` experts that its router likes best (Mixtral: their weights
//! are the softmax over those alone). No token is dropped.

use tch::{Kind, Tensor};

use super::blocks::Attend;
use super::{BlockOutput, Model};
use crate::failure::Result;

impl Model {
    /// A block; with `balance`, the loss that spreads tokens over its experts.
    pub(super) fn moe_block(
        &self,
        weights: &[Tensor],
        x: &Tensor,
        attend: Attend<'_>,
        balance: bool,
    ) -> Result<BlockOutput> {
        let x = self.llama_attention(weights, x, attend)?;
        let weights = &weights[3..];
        let inner = self.enter(&self.norm(weights, &x)?)?;
        let answer = self.experts(&weights[1..], &inner, balance)?;
        let out = match &self.tensor_parallel {
            Some(parallel) => parallel.leave(&answer.x)?,
            None => answer.x,
        };
        Ok(BlockOutput { x: x.f_add(&out)?, ..answer })
    }

    /// The experts' sum for `x`, `[batch, seq, hidden]`: this rank's part of it where experts are divided.
    fn experts(&self, weights: &[Tensor], x: &Tensor, balance: bool) -> Result<BlockOutput> {
        let [router, up, down] = weights else { unreachable!("the layout of a block") };
        let (batch, seq, hidden) = x.size3()?;
        let (experts, top_k) = (self.shape.experts, self.shape.top_k);
        let tokens = x.f_reshape([-1, hidden])?;
        // What the router says to x every rank says alike; together it must count once.
        let asked = match &self.tensor_parallel {
            Some(parallel) => parallel.share_of_gradient(&tokens)?,
            None => tokens.shallow_clone(),
        };
        let scores = asked.f_linear(router, None::<&Tensor>)?.f_to_kind(Kind::Float)?;
        let (best, chosen) = scores.f_topk(top_k, -1, true, false)?;
        let shares = best.f_softmax(-1, Kind::Float)?;
        let balance = balance.then(|| spread(&scores, &chosen, batch)).transpose()?;
        let shares = match &self.tensor_parallel {
            Some(parallel) => parallel.sum_gradients(&shares)?,
            None => shares,
        };
        let shares = shares.f_to_kind(self.kind)?.f_view([-1])?;

        // Tokens in the order of their experts, each as often as it was sent.
        let (sorted, order) = chosen.f_view([-1])?.f_sort(0, false)?;
        let counts = sorted.f_bincount(None::<&Tensor>, experts)?;
        let counts = Vec::<i64>::try_from(counts).map_err(crate::failure::Failure::from)?;
        let rows = order.f_divide_scalar_mode(top_k, "floor")?.f_to_kind(Kind::Int64)?;
        let sent = tokens.f_index_select(0, &rows)?;
        let mut answers = Vec::with_capacity(counts.len());
        let mut begin = 0;
        for (expert, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let expert = expert as i64;
            let wide =
                sent.f_narrow(0, begin, count)?.f_linear(&up.f_get(expert)?, None::<&Tensor>)?;
            answers.push(self.activated(&wide, &down.f_get(expert)?, None)?);
            begin += count;
        }
        let used = answers.len();
        let answers = Tensor::f_cat(&answers, 0)?;
        let weighted = answers.f_mul(&shares.f_index_select(0, &order)?.f_unsqueeze(1)?)?;
        let out = tokens.f_zeros_like()?.f_index_add(0, &rows, &weighted)?;
        let experts = used as i64;
        Ok(BlockOutput { x: out.f_view([batch, seq, hidden])?, balance, experts })
    }
}

/// The loss of Switch Transformers (Fedus et al. 2021): E times the sum over experts of the part of the tokens that went
/// there and the mean probability of going there; 1 when even. Taken over each sequence and averaged, so that it does not
/// depend on how a batch is divided into micro-batches and ranks.
fn spread(scores: &Tensor, chosen: &Tensor, batch: i64) -> Result<Tensor> {
    let (experts, top_k) = (scores.size()[1], chosen.size()[1]);
    let probability = scores.f_softmax(-1, Kind::Float)?.f_view([batch, -1, experts])?;
    let probability = probability.f_mean_dim(1, false, Kind::Float)?;
    let went = chosen.f_view([batch, -1])?;
    let part = Tensor::f_zeros([batch, experts], (Kind::Float, scores.device()))?;
    let one = went.f_ones_like()?.f_to_kind(Kind::Float)?;
    let part = part.f_scatter_add(1, &went, &one)?;
    let sent = (went.size()[1] / top_k * top_k) as f64;
    let product = part.f_mul(&probability)?.f_sum(Kind::Float)?;
    Ok(product.f_mul_scalar(experts as f64 / (sent * batch as f64))?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn an_even_spread_costs_one_and_a_single_expert_all() {
        let even = Tensor::zeros([8, 4], (Kind::Float, Device::Cpu));
        let chosen = Tensor::from_slice(&[0i64, 1, 2, 3, 0, 1, 2, 3]).view([8, 1]);
        assert!((spread(&even, &chosen, 2).unwrap().double_value(&[]) - 1.0).abs() < 1e-6);
        let one = Tensor::from_slice(&[50f32, 0.0, 0.0, 0.0]).repeat([8, 1]);
        let chosen = Tensor::zeros([8, 1], (Kind::Int64, Device::Cpu));
        assert!((spread(&one, &chosen, 2).unwrap().double_value(&[]) - 4.0).abs() < 1e-5);
    }

    #[test]
    fn it_does_not_depend_on_how_sequences_are_batched() {
        tch::manual_seed(3);
        let scores = Tensor::randn([12, 4], (Kind::Float, Device::Cpu));
        let chosen = scores.topk(2, -1, true, false).1;
        let whole = spread(&scores, &chosen, 2).unwrap().double_value(&[]);
        let halves: f64 = (0..2)
            .map(|at| {
                let part = |of: &Tensor| of.narrow(0, at * 6, 6);
                spread(&part(&scores), &part(&chosen), 1).unwrap().double_value(&[])
            })
            .sum();
        assert!((whole - halves / 2.0).abs() < 1e-6);
    }
}
