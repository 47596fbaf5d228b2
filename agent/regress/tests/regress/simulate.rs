//! Simulated noise of several kinds, from a fixed seed.

/// A kind of noise around 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noise {
    /// Independent and normal, σ = 1.
    Normal,
    /// Log-normal, σ of the logarithm 1.
    LogNormal,
    /// AR(1) with ρ = 0.3.
    Correlated3,
    /// AR(1) with ρ = 0.5.
    Correlated5,
    /// Student's t with 3 degrees of freedom.
    HeavyTailed,
    /// Normal, rounded to whole σ.
    Quantised,
    /// A random walk; no level at all.
    #[allow(dead_code, reason = "not every user of this file times it")]
    Walk,
}

/// Those under which a false alarm is one.
pub(crate) const NOISES: [Noise; 6] = [
    Noise::Normal,
    Noise::LogNormal,
    Noise::Correlated3,
    Noise::Correlated5,
    Noise::HeavyTailed,
    Noise::Quantised,
];

/// A source of random numbers: xorshift64*, which is not the one that the crate itself uses.
pub(crate) struct Simulation(u64);

impl Simulation {
    pub(crate) fn new(seed: u64) -> Self {
        let mut simulation = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9_7f4a_7c15);
        for _ in 0..8 {
            simulation.uniform();
        }
        simulation
    }

    /// In 0..1, both excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (bits as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn series(&mut self, noise: Noise, n: usize) -> Vec<f64> {
        let mut before = self.normal();
        (0..n)
            .map(|_| {
                let normal = self.normal();
                100.0
                    + match noise {
                        Noise::Normal => normal,
                        Noise::LogNormal => normal.exp(),
                        Noise::Correlated3 => {
                            before = 0.3 * before + (1.0_f64 - 0.09).sqrt() * normal;
                            before
                        }
                        Noise::Correlated5 => {
                            before = 0.5 * before + (1.0_f64 - 0.25).sqrt() * normal;
                            before
                        }
                        Noise::HeavyTailed => {
                            let square: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
                            normal / (square / 3.0).sqrt()
                        }
                        Noise::Quantised => normal.round(),
                        Noise::Walk => {
                            before += normal;
                            before
                        }
                    }
            })
            .collect()
    }
}
