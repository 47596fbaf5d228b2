//! What is expected of every candidate after what has been measured: a Gaussian process.

mod axes;
mod cholesky;
mod kernel;

pub(super) use axes::Axes;
pub(super) use perfagent_predictor::normal::{density, probability};

use cholesky::Cholesky;
use kernel::Kernel;

/// A mean and a standard deviation, of the logarithm of what is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Belief {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

/// How far the prior may be off, standard deviations of the logarithm, > 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Doubt {
    /// A factor that all candidates have in common.
    pub(super) offset: f64,
    /// What each parameter does beyond what is expected of it.
    pub(super) effect: f64,
}

/// A fitted process.
#[derive(Debug)]
pub(super) struct Surrogate<'a> {
    axes: &'a Axes,
    /// What was expected of every candidate before, as a logarithm.
    prior: &'a [f64],
    measured: &'a [Measured],
    kernel: Kernel,
    factor: Cholesky,
    /// The inverse of the covariance times what is left of the measurements without the prior.
    weights: Vec<f64>,
}

/// A measurement: the place of its candidate, and the logarithm of what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) candidate: usize,
    pub(super) value: f64,
}

impl<'a> Surrogate<'a> {
    /// Fits it: the kernel under which the measurements are most probable. `None` when the arithmetic fails, as with values
    /// that are not finite.
    pub(super) fn fit(
        axes: &'a Axes,
        prior: &'a [f64],
        doubt: Doubt,
        measured: &'a [Measured],
    ) -> Option<Self> {
        let start = Kernel::expected(axes.count(), doubt.offset, doubt.effect);
        let rest: Vec<f64> = measured.iter().map(|one| one.value - prior[one.candidate]).collect();
        let kernel = start.fitted(|kernel| {
            let factor = Cholesky::of(&covariance(axes, kernel, measured))?;
            let weights = factor.solve(&rest);
            let fit: f64 = rest.iter().zip(&weights).map(|(rest, weight)| rest * weight).sum();
            Some(-0.5 * fit - factor.log_of_diagonal())
        });
        let factor = Cholesky::of(&covariance(axes, &kernel, measured))?;
        let weights = factor.solve(&rest);
        weights.iter().all(|weight| weight.is_finite()).then_some(Self {
            axes,
            prior,
            measured,
            kernel,
            factor,
            weights,
        })
    }

    /// What is believed of a candidate: of what it does, without what a single measurement adds.
    pub(super) fn believe(&self, candidate: usize) -> Belief {
        let with: Vec<f64> = self
            .measured
            .iter()
            .map(|one| self.kernel.covariance(self.axes.between(candidate, one.candidate)))
            .collect();
        let moved: f64 = with.iter().zip(&self.weights).map(|(with, weight)| with * weight).sum();
        let known: f64 = self.factor.half_solve(&with).iter().map(|value| value * value).sum();
        let all = self.kernel.covariance(self.axes.between(candidate, candidate));
        Belief { mean: self.prior[candidate] + moved, deviation: (all - known).max(1e-12).sqrt() }
    }

    /// The standard deviation of one measurement.
    pub(super) fn noise(&self) -> f64 {
        self.kernel.noise()
    }

    /// What would be believed of each measurement without it, of the measurement itself.
    pub(super) fn leave_one_out(&self) -> Vec<Belief> {
        let precision = self.factor.diagonal_of_inverse();
        let pairs = self.measured.iter().zip(&self.weights).zip(precision);
        pairs
            .map(|((one, weight), precision)| Belief {
                mean: one.value - weight / precision,
                deviation: (1.0 / precision).max(0.0).sqrt(),
            })
            .collect()
    }
}

/// Of the measurements with each other, row by row, up to the diagonal.
fn covariance(axes: &Axes, kernel: &Kernel, measured: &[Measured]) -> Vec<Vec<f64>> {
    let noise = kernel.noise() * kernel.noise();
    let row = |(at, one): (usize, &Measured)| {
        let entry = |(other_at, other): (usize, &Measured)| {
            let own = if at == other_at { noise } else { 0.0 };
            own + kernel.covariance(axes.between(one.candidate, other.candidate))
        };
        measured.iter().enumerate().take(at + 1).map(entry).collect()
    };
    measured.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Parameter, Space};
    use super::{Axes, Doubt, Measured, Surrogate};

    /// Measurements of a sum of effects: what was not measured follows from them.
    #[test]
    fn effects_that_add_up_are_learned_from_few_measurements() {
        let lists = ["b=1,2,4,8,16,32", "t=1,2", "p=x,y"];
        let space =
            Space::new(lists.map(|list| Parameter::parse(list).unwrap()).to_vec(), None).unwrap();
        let axes = Axes::of(&space);
        let truth: Vec<f64> = space
            .candidates()
            .iter()
            .map(|one| {
                let b = one.number("b").unwrap() as f64;
                let t = one.number("t").unwrap() as f64;
                (b / (b + 2.0)).ln() + 0.5 * t.ln()
                    - if one.get("p") == Some("y") { 0.4 } else { 0.0 }
            })
            .collect();
        let measured: Vec<_> = [0, 5, 10, 15, 20, 22, 7, 13]
            .map(|candidate| Measured { candidate, value: truth[candidate] + 3.0 })
            .to_vec();
        let prior = vec![0.0; truth.len()];
        let surrogate =
            Surrogate::fit(&axes, &prior, Doubt { offset: 2.0, effect: 0.3 }, &measured).unwrap();
        let (mut worst, mut outside) = (0.0_f64, 0);
        for (at, truth) in truth.iter().enumerate() {
            let belief = surrogate.believe(at);
            worst = worst.max((belief.mean - truth - 3.0).abs());
            outside += u32::from((belief.mean - truth - 3.0).abs() > 2.5 * belief.deviation);
        }
        assert!(worst < 0.12, "{worst}");
        assert!(outside <= 1, "{outside}");
        for (belief, one) in surrogate.leave_one_out().iter().zip(&measured) {
            assert!((belief.mean - one.value).abs() < 4.0 * belief.deviation);
        }
    }

    #[test]
    fn a_measurement_is_believed_and_values_that_are_none_are_not() {
        let space = Space::new(vec![Parameter::parse("b=1,2,4").unwrap()], None).unwrap();
        let axes = Axes::of(&space);
        let prior = [0.0, 1.0, 2.0];
        let doubt = Doubt { offset: 5.0, effect: 0.3 };
        let one = [Measured { candidate: 1, value: 11.0 }];
        let surrogate = Surrogate::fit(&axes, &prior, doubt, &one).unwrap();
        let belief = surrogate.believe(1);
        assert!((belief.mean - 11.0).abs() < 0.05 && belief.deviation < 0.1, "{belief:?}");
        // The prior's ratios hold where nothing was measured.
        assert!((surrogate.believe(2).mean - 12.0).abs() < 0.1);
        let none = [Measured { candidate: 0, value: f64::NAN }];
        assert!(Surrogate::fit(&axes, &prior, doubt, &none).is_none());
    }
    /// One measurement at a hundredth of a prior that was sure to 10 %: the others are a hundredth too, not a tenth.
    #[test]
    fn a_prior_that_is_wrong_altogether_is_corrected_at_once() {
        let space = Space::new(
            ["b=1,2,4,8", "t=1,2"].map(|list| Parameter::parse(list).unwrap()).to_vec(),
            None,
        )
        .unwrap();
        let axes = Axes::of(&space);
        let prior: Vec<f64> = (0..8).map(|at| f64::from(at) * 0.1 + 9.0).collect();
        let far = 100_f64.ln();
        let one = [Measured { candidate: 0, value: prior[0] - far }];
        let doubt = Doubt { offset: 0.06, effect: 0.06 };
        let surrogate = Surrogate::fit(&axes, &prior, doubt, &one).unwrap();
        for (at, prior) in prior.iter().enumerate() {
            let belief = surrogate.believe(at);
            let expected = prior - far;
            assert!((belief.mean - expected).abs() < 0.25, "{at}: {belief:?}, {expected}");
            assert!(belief.deviation < 1.0, "{belief:?}");
        }
    }
}
