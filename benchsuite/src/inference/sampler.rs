//! The choice of the next token.

use tch::{Kind, Tensor};

use crate::failure::Result;

/// Greedy, or drawn from the softmax of the logits divided by a temperature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    /// 0: greedy.
    pub temperature: f64,
}

impl Sampler {
    /// A token for each row of logits, `[rows, vocab]`, once the device has computed them. A drawn one follows from the
    /// row and its number of 0..1 alone (the inverse of the distribution function), whatever else is in the batch.
    pub(crate) fn choose(self, logits: &Tensor, uniform: &[f64]) -> Result<Vec<i64>> {
        let _no_graph = tch::no_grad_guard();
        let chosen = if self.temperature > 0.0 {
            let shares = logits.f_div_scalar(self.temperature)?.f_softmax(-1, Kind::Double)?;
            let sums = shares.f_cumsum(-1, Kind::Double)?;
            let at = Tensor::f_from_slice(uniform)?.f_to_device(logits.device())?.f_unsqueeze(1)?;
            // As many sums as are not above it are passed; rounding must not lead behind the last.
            let passed = sums.f_le_tensor(&at)?.f_sum_dim_intlist(1, false, Kind::Int64)?;
            passed.f_clamp_max(logits.size()[1] - 1)?
        } else {
            logits.f_argmax(-1, false)?
        };
        Ok(Vec::try_from(chosen)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_takes_the_likeliest() {
        let logits = Tensor::from_slice(&[0.0, 3.0, 1.0, 5.0, 4.0, 4.5]).view([2, 3]);
        let greedy = Sampler { temperature: 0.0 };
        assert_eq!(greedy.choose(&logits, &[0.9, 0.1]).unwrap(), [1, 0]);
    }

    #[test]
    fn tokens_are_drawn_as_often_as_the_softmax_says() {
        let weights = [1.0_f64, 2.0, 5.0];
        let temperature = 0.5;
        // A softmax at this temperature of these logits is in proportion to the weights.
        let logits = weights.map(|weight| temperature * weight.ln());
        let rows = 4000;
        let logits = Tensor::from_slice(&logits).view([1, 3]).repeat([rows, 1]);
        let uniform: Vec<f64> = (0..rows).map(|n| (n as f64 + 0.5) / rows as f64).collect();
        let drawn = Sampler { temperature }.choose(&logits, &uniform).unwrap();
        for (token, share) in [(0, 500), (1, 1000), (2, 2500)] {
            let count = drawn.iter().filter(|drawn| **drawn == token).count();
            assert!(count.abs_diff(share) <= 1, "{token}: {count}");
        }
    }

    #[test]
    fn the_end_of_the_distribution_is_a_token() {
        let logits = Tensor::from_slice(&[0.0_f32, 0.0, -200.0]).view([1, 3]);
        let drawn = Sampler { temperature: 1.0 }.choose(&logits, &[1.0]).unwrap();
        assert!((0..3).contains(&drawn[0]));
    }
}
