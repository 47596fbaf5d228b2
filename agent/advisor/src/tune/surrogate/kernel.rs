//! How far two candidates tell about each other.

/// A factor that all have in common, an effect of each parameter, and a part in which they act together.
///
/// Effects that add up (in the logarithm: that multiply) are what settings of a training job mostly do, and they are learned
/// from few trials, as each trial tells about every parameter; the joint part takes what is left. Values are logarithms
/// of standard deviations and lengths.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kernel {
    /// Where these values were expected.
    middle: Middle,
    offset: f64,
    /// One a parameter.
    effects: Vec<f64>,
    joint: f64,
    length: f64,
    noise: f64,
}

/// What is expected of the standard deviations before anything is measured, as logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Middle {
    offset: f64,
    effect: f64,
    joint: f64,
}

/// How far standard deviations may be from what is expected of them. Expectations that are wrong altogether (another device,
/// another model) are wrong by one factor, of any size: the first measurements tell which.
const OFFSET_SPREAD: f64 = 1.0;
const EFFECT_SPREAD: f64 = 0.8;
const JOINT_SPREAD: f64 = 0.7;
/// Of what a parameter does, the part that depends on the others.
const JOINT_SHARE: f64 = 1.0 / 3.0;
/// The middle and the spread of a length, of the whole range of a number, and of noise.
const LENGTH: (f64, f64) = (-0.2, 0.4);
const NOISE: (f64, f64) = (-3.9, 0.6);
/// Of candidates that differ in a word, in the joint part.
const OTHER_WORD: f64 = 0.5;
const STEPS: [f64; 3] = [0.8, 0.4, 0.2];
const ROUNDS: usize = 3;

impl Kernel {
    /// What is expected before anything is measured: the standard deviations of the factor that all have in common, and of
    /// what each of the `parameters` does.
    pub(super) fn expected(parameters: usize, offset: f64, effect: f64) -> Self {
        let middle =
            Middle { offset: offset.ln(), effect: effect.ln(), joint: (effect * JOINT_SHARE).ln() };
        Self {
            middle,
            offset: middle.offset,
            effects: vec![middle.effect; parameters],
            joint: middle.joint,
            length: LENGTH.0,
            noise: NOISE.0,
        }
    }

    /// The standard deviation of a measurement.
    pub(super) fn noise(&self) -> f64 {
        self.noise.exp()
    }

    /// Of two candidates at these distances.
    pub(super) fn covariance(&self, distances: impl Iterator<Item = Option<f64>>) -> f64 {
        let length = self.length.exp();
        let mut sum = (2.0 * self.offset).exp();
        let mut together = (2.0 * self.joint).exp();
        for (effect, distance) in self.effects.iter().zip(distances) {
            let alike = distance.map_or(0.0, |distance| matern(distance / length));
            sum += (2.0 * effect).exp() * alike;
            together *= if distance.is_some() { alike } else { OTHER_WORD };
        }
        sum + together
    }

    /// The kernel near this one under which `likelihood`, a logarithm, is greatest, weighed with what is expected. Looked for
    /// along one value after the other, so the same input gives the same answer.
    pub(super) fn fitted(mut self, likelihood: impl Fn(&Self) -> Option<f64>) -> Self {
        let score = |kernel: &Self| {
            likelihood(kernel)
                .filter(|value| value.is_finite())
                .map(|value| value + kernel.plausibility())
        };
        let Some(mut best) = score(&self) else { return self };
        for step in STEPS {
            for _ in 0..ROUNDS {
                let before = best;
                for at in 0..self.effects.len() + 4 {
                    for change in [step, -step] {
                        let mut other = self.clone();
                        *other.value(at) += change;
                        if let Some(found) = score(&other).filter(|found| *found > best) {
                            (self, best) = (other, found);
                            break;
                        }
                    }
                }
                if best <= before {
                    break;
                }
            }
        }
        self
    }

    fn value(&mut self, at: usize) -> &mut f64 {
        match at {
            0 => &mut self.noise,
            1 => &mut self.length,
            2 => &mut self.joint,
            3 => &mut self.offset,
            at => &mut self.effects[at - 4],
        }
    }

    /// The logarithm of how probable it is by what is expected.
    fn plausibility(&self) -> f64 {
        let far =
            |value: f64, (middle, spread): (f64, f64)| -0.5 * ((value - middle) / spread).powi(2);
        let Middle { offset, effect, joint } = self.middle;
        let effects: f64 = self.effects.iter().map(|of| far(*of, (effect, EFFECT_SPREAD))).sum();
        effects
            + far(self.offset, (offset, OFFSET_SPREAD))
            + far(self.joint, (joint, JOINT_SPREAD))
            + far(self.length, LENGTH)
            + far(self.noise, NOISE)
    }
}

/// The Matérn function of smoothness 5/2: twice differentiable, as cost curves are between their kinks.
fn matern(distance: f64) -> f64 {
    let scaled = 5.0_f64.sqrt() * distance;
    (1.0 + scaled + scaled * scaled / 3.0) * (-scaled).exp()
}

#[cfg(test)]
mod tests {
    use super::Kernel;

    #[test]
    fn likeness_falls_with_distance_and_with_other_words() {
        let kernel = Kernel::expected(2, 0.1, 0.3);
        let of = |distances: [Option<f64>; 2]| kernel.covariance(distances.into_iter());
        let same = of([Some(0.0), Some(0.0)]);
        let near = of([Some(0.2), Some(0.0)]);
        let far = of([Some(1.0), Some(0.0)]);
        let other = of([Some(1.0), None]);
        assert!(same > near && near > far && far > other && other > 0.0);
    }

    #[test]
    fn the_fit_climbs_and_stays_where_nothing_is_better() {
        let kernel = Kernel::expected(1, 1.0, 0.3);
        let flat = kernel.clone().fitted(|_| Some(0.0));
        assert_eq!(flat, kernel);
        // A likelihood that asks for more noise gets it.
        let noisy = kernel.clone().fitted(|kernel| Some(20.0 * kernel.noise().ln()));
        assert!(noisy.noise() > 3.0 * kernel.noise());
        assert_eq!(kernel.clone().fitted(|_| None), kernel);
    }
}
