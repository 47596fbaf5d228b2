//! The scale of the loss with fp16, whose smallest numbers gradients would fall below (Micikevicius et al. 2018): halved
//! when a gradient overflows, and that step skipped; doubled after many steps without.

use crate::failure::{Failure, Result};

/// Steps without an overflow before the scale grows.
const PATIENCE: u32 = 2000;
/// A scale that falls below this is no accident.
const SMALLEST: f64 = 1.0 / 1024.0;

/// What the loss is multiplied by before backward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossScaler {
    scale: f64,
    is_dynamic: bool,
    good: u32,
    /// Steps whose update was left out.
    pub skipped: u64,
}

impl LossScaler {
    /// Always 1.
    pub(crate) fn off() -> Self {
        Self { scale: 1.0, is_dynamic: false, good: 0, skipped: 0 }
    }

    /// At first `scale`.
    pub(crate) fn dynamic(scale: f64) -> Self {
        Self { scale, is_dynamic: true, good: 0, skipped: 0 }
    }

    /// The factor of this step.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Steps since the factor was changed.
    pub(crate) fn good(&self) -> u32 {
        self.good
    }

    /// Goes on where another has ended.
    pub(crate) fn go_on(&mut self, scale: f64, good: u32, skipped: u64) {
        if self.is_dynamic {
            (self.scale, self.good) = (scale, good);
        }
        self.skipped = skipped;
    }

    /// Whether the step is to be taken, by the norm of the scaled gradients of all ranks.
    pub(crate) fn accept(&mut self, norm: f64, step: u64) -> Result<bool> {
        if norm.is_finite() {
            self.good = self.good.saturating_add(1);
            if self.is_dynamic && self.good >= PATIENCE {
                self.scale *= 2.0;
                self.good = 0;
            }
            return Ok(true);
        }
        if !self.is_dynamic {
            return Err(Failure::run(format!(
                "the gradients of step {step} are not finite: training diverged; use a smaller --lr"
            )));
        }
        self.scale /= 2.0;
        self.good = 0;
        self.skipped += 1;
        if self.scale < SMALLEST {
            return Err(Failure::run(format!(
                "the gradients of step {step} overflow fp16 at any scale of the loss: use a smaller --lr, or --precision bf16"
            )));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_halves_and_patience_doubles() {
        let mut scaler = LossScaler::dynamic(1024.0);
        assert!(!scaler.accept(f64::INFINITY, 0).unwrap());
        assert!(!scaler.accept(f64::NAN, 1).unwrap());
        assert!((scaler.scale() - 256.0).abs() < 1e-9);
        for step in 0..u64::from(PATIENCE) {
            assert!(scaler.accept(1.0, step).unwrap());
        }
        assert!((scaler.scale() - 512.0).abs() < 1e-9);
        assert_eq!(scaler.skipped, 2);
    }

    #[test]
    fn a_hopeless_overflow_ends_the_run() {
        let mut scaler = LossScaler::dynamic(1.0);
        let failed = (0..20).find_map(|step| scaler.accept(f64::NAN, step).err()).unwrap();
        assert!(failed.to_string().contains("--precision bf16"), "{failed}");
        assert!(LossScaler::off().accept(f64::NAN, 3).unwrap_err().to_string().contains("step 3"));
    }
}
