//! Fitting the constants to measured jobs.

use crate::constants::{Constants, SPECS, Slot, slots};
use crate::framework::Framework;
use crate::gpu::Generation;
use crate::job::Job;
use crate::setup::Setup;
use crate::time;

/// A measured job, ready for a fit.
pub struct Row {
    setup: Setup,
    /// Natural logarithm of the measured step in seconds.
    target: f64,
    /// How much it counts.
    pub weight: f64,
}

impl Row {
    /// `None` of a job that is refused or has no time.
    pub fn of(job: &Job, step_s: f64) -> Result<Self, String> {
        Ok(Self { setup: Setup::of(job)?, target: step_s.ln(), weight: 1.0 })
    }
    /// Its family.
    pub fn key(&self) -> (Framework, Generation) {
        (self.setup.framework, self.setup.gpu.generation)
    }
    pub fn target(&self) -> f64 {
        self.target
    }
    /// parts for exploration
    pub fn parts(&self, slots: &[Slot], vector: &[f64]) -> Vec<(&'static str, f64)> {
        let constants =
            Constants::of(slots, vector, self.setup.framework, self.setup.gpu.generation);
        time::step(&self.setup, &constants).parts().to_vec()
    }
}

/// A fit's vector with the slots it belongs to.
pub struct Fitted {
    pub slots: Vec<Slot>,
    pub vector: Vec<f64>,
}

/// Residuals beyond this many deviations count less and less.
const ROBUST: f64 = 1.5;

fn residual(row: &Row, constants: &Constants) -> f64 {
    time::step(&row.setup, constants).total().ln() - row.target
}

impl Fitted {
    /// The priors.
    pub fn prior() -> Self {
        let slots = slots();
        let vector = slots.iter().map(prior).collect();
        Self { slots, vector }
    }

    pub fn predict(&self, row: &Row) -> f64 {
        let constants =
            Constants::of(&self.slots, &self.vector, row.setup.framework, row.setup.gpu.generation);
        time::step(&row.setup, &constants).total()
    }

    /// Levenberg-Marquardt with robust weights from the priors.
    pub fn fit(rows: &[&Row], rounds: usize, sigma: f64) -> Self {
        let mut fitted = Self::prior();
        let mut damping = 1e-2;
        let mut cost = fitted.cost(rows, sigma);
        for _ in 0..rounds {
            let (hessian, gradient) = fitted.normal(rows, sigma);
            let mut improved = false;
            for _ in 0..6 {
                let mut damped = hessian.clone();
                let n = gradient.len();
                for i in 0..n {
                    damped[i * n + i] *= 1.0 + damping;
                }
                let Some(step) = solve(&mut damped, &gradient) else {
                    damping *= 10.0;
                    continue;
                };
                let old = fitted.vector.clone();
                for (value, step) in fitted.vector.iter_mut().zip(&step) {
                    *value -= step.clamp(-1.0, 1.0);
                }
                let new = fitted.cost(rows, sigma);
                if new < cost {
                    improved = (cost - new) > 1e-5 * cost;
                    cost = new;
                    damping = (damping * 0.3).max(1e-6);
                    break;
                }
                fitted.vector = old;
                damping *= 4.0;
            }
            if !improved {
                break;
            }
        }
        fitted
    }

    pub fn cost(&self, rows: &[&Row], sigma: f64) -> f64 {
        let mut tables = Tables::new(self);
        let data: f64 = rows
            .iter()
            .map(|row| {
                let r = residual(row, tables.of(row.key())) / sigma;
                // Between squares and logarithms: Cauchy's.
                row.weight * ROBUST * ROBUST * (r / ROBUST).powi(2).ln_1p()
            })
            .sum();
        let prior: f64 = self
            .slots
            .iter()
            .zip(&self.vector)
            .map(|(slot, value)| ((value - prior(slot)) / spread(slot)).powi(2))
            .sum();
        data + prior
    }

    fn normal(&self, rows: &[&Row], sigma: f64) -> (Vec<f64>, Vec<f64>) {
        let n = self.vector.len();
        let mut hessian = vec![0.0; n * n];
        let mut gradient = vec![0.0; n];
        let mut families: std::collections::BTreeMap<(Framework, Generation), Vec<&Row>> =
            Default::default();
        for row in rows {
            families.entry(row.key()).or_default().push(row);
        }
        for ((framework, generation), rows) in families {
            let active: Vec<usize> = self
                .slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| match slot {
                    Slot::All(_) => true,
                    Slot::Framework(_, of) => *of == framework,
                    Slot::Generation(_, of) => *of == generation,
                })
                .map(|(i, _)| i)
                .collect();
            let base = Constants::of(&self.slots, &self.vector, framework, generation);
            // A factor moves the same constant as its global value does: one derivative a constant.
            let step = 1e-4_f64;
            let moved: Vec<Constants> = (0..SPECS.len())
                .map(|c| {
                    let mut m = base.clone();
                    m.0[c] *= step.exp();
                    m
                })
                .collect();
            let mut jacobian = vec![0.0; SPECS.len()];
            for row in rows {
                let r = residual(row, &base);
                let z = r / sigma;
                let w = row.weight / (1.0 + (z / ROBUST).powi(2)) / (sigma * sigma);
                for (c, moved) in moved.iter().enumerate() {
                    jacobian[c] = (residual(row, moved) - r) / step;
                }
                let of = |slot: usize| {
                    jacobian[match self.slots[slot] {
                        Slot::All(c) | Slot::Framework(c, _) | Slot::Generation(c, _) => c,
                    }]
                };
                for &i in &active {
                    let ji = of(i);
                    if ji == 0.0 {
                        continue;
                    }
                    gradient[i] += w * ji * r;
                    for &j in &active {
                        if j <= i {
                            hessian[i * n + j] += w * ji * of(j);
                        }
                    }
                }
            }
        }
        for i in 0..n {
            let spread = spread(&self.slots[i]);
            hessian[i * n + i] += 1.0 / (spread * spread);
            gradient[i] += (self.vector[i] - prior(&self.slots[i])) / (spread * spread);
            for j in 0..i {
                hessian[j * n + i] = hessian[i * n + j];
            }
        }
        (hessian, gradient)
    }
}

struct Tables<'a> {
    fitted: &'a Fitted,
    made: std::collections::BTreeMap<(Framework, Generation), Constants>,
}
impl<'a> Tables<'a> {
    fn new(fitted: &'a Fitted) -> Self {
        Self { fitted, made: Default::default() }
    }
    fn of(&mut self, key: (Framework, Generation)) -> &Constants {
        self.made
            .entry(key)
            .or_insert_with(|| Constants::of(&self.fitted.slots, &self.fitted.vector, key.0, key.1))
    }
}

fn prior(slot: &Slot) -> f64 {
    match *slot {
        Slot::All(index) => SPECS[index].prior.ln(),
        _ => 0.0,
    }
}

fn spread(slot: &Slot) -> f64 {
    match *slot {
        Slot::All(index) => SPECS[index].spread,
        Slot::Framework(index, _) | Slot::Generation(index, _) => 0.7 * SPECS[index].spread,
    }
}

/// Solves a symmetric positive definite system by Cholesky's decomposition.
fn solve(a: &mut [f64], b: &[f64]) -> Option<Vec<f64>> {
    let n = b.len();
    for j in 0..n {
        for k in 0..j {
            let f = a[j * n + k];
            if f != 0.0 {
                for i in j..n {
                    a[i * n + j] -= a[i * n + k] * f;
                }
            }
        }
        let d = a[j * n + j];
        if d <= 0.0 {
            return None;
        }
        let d = d.sqrt();
        for i in j..n {
            a[i * n + j] /= d;
        }
    }
    let mut x = b.to_vec();
    for i in 0..n {
        for k in 0..i {
            x[i] -= a[i * n + k] * x[k];
        }
        x[i] /= a[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            x[i] -= a[k * n + i] * x[k];
        }
        x[i] /= a[i * n + i];
    }
    Some(x)
}

/// For exploration: each constant with its values.
pub fn describe(fitted: &Fitted) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for (slot, value) in fitted.slots.iter().zip(&fitted.vector) {
        match *slot {
            Slot::All(i) => out.push((SPECS[i].name.to_owned(), format!("{:.4e}", value.exp()))),
            Slot::Framework(_, f) => {
                if value.abs() > 0.01 {
                    if let Some(last) = out.last_mut() {
                        last.1 += &format!(" {}×{:.2}", f.name(), value.exp());
                    }
                }
            }
            Slot::Generation(_, g) => {
                if value.abs() > 0.01 {
                    if let Some(last) = out.last_mut() {
                        last.1 += &format!(" {}×{:.2}", g.name(), value.exp());
                    }
                }
            }
        }
    }
    out
}
