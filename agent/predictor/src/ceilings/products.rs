//! Matrix products by their measured shapes.

use super::document::Product;
use super::surface::Surface;

/// Times of products in one format, as a layer takes them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Products {
    forward: Times,
    /// With the second factor read along n, and with the first one along m, where those were measured.
    input_gradient: Option<Times>,
    weight_gradient: Option<Times>,
    /// Operations a second of the fastest that was measured.
    pub(crate) best: f64,
}

/// Times of products of one layout. The law is that of a device whose every product works on sides that are a little
/// longer than those that count (tiles, start-up of sums), at one rate, and after a start: `2 (m + a)(n + b)(k + c) / rate + start`.
#[derive(Clone, Debug, PartialEq)]
struct Times {
    /// Elements by which each side is too long.
    edges: [f64; 3],
    /// Operations a second of endless sides.
    rate: f64,
    /// Seconds of no work.
    start: f64,
    left: Surface<3>,
    /// Operations a second of the fastest that was measured.
    best: f64,
}

/// Rounds of the search; the steps are halved after each that finds nothing better.
const ROUNDS: usize = 60;

/// Products of gradients, as the document calls them.
const OF_INPUT: &str = "input_gradient";
const OF_MATRIX: &str = "weight_gradient";

impl Products {
    /// Of the shapes that were measured; none without any.
    pub(super) fn of(shapes: &[Product]) -> Option<Self> {
        let of = |sweep: &str| Times::of(shapes, |of| of == sweep);
        let forward = Times::of(shapes, |of| of != OF_INPUT && of != OF_MATRIX)?;
        let best = forward.best;
        let (input_gradient, weight_gradient) = (of(OF_INPUT), of(OF_MATRIX));
        Some(Self { forward, input_gradient, weight_gradient, best })
    }

    /// Seconds of an `m`×`k` by `k`×`n` product.
    pub(crate) fn seconds(&self, m: f64, n: f64, k: f64) -> f64 {
        self.forward.seconds(m, n, k)
    }

    /// The same as the gradient of a layer's input is made.
    pub(crate) fn input_gradient(&self, m: f64, n: f64, k: f64) -> f64 {
        self.input_gradient.as_ref().unwrap_or(&self.forward).seconds(m, n, k)
    }

    /// The same as the gradient of its matrix is made.
    pub(crate) fn weight_gradient(&self, m: f64, n: f64, k: f64) -> f64 {
        self.weight_gradient.as_ref().unwrap_or(&self.forward).seconds(m, n, k)
    }

    /// By how many doublings of its sides the nearest shape that was measured is away.
    pub(crate) fn doublings(&self, m: f64, n: f64, k: f64) -> f64 {
        self.forward.left.doublings([m, n, k].map(|side| side.max(1.0).ln()))
    }
}

impl Times {
    /// Of the shapes that were measured in these sweeps; none without any.
    fn of(shapes: &[Product], is_of: impl Fn(&str) -> bool) -> Option<Self> {
        let points: Vec<([f64; 3], f64)> = shapes
            .iter()
            .filter(|shape| is_of(&shape.sweep))
            .filter(|shape| shape.median_tflops > 0.0 && shape.m * shape.n * shape.k > 0.0)
            .map(|shape| {
                let sides = [shape.m, shape.n, shape.k];
                (sides, operations(sides) / (shape.median_tflops * 1e12))
            })
            .collect();
        let best =
            points.iter().map(|(sides, seconds)| operations(*sides) / seconds).fold(0.0, f64::max);
        if points.is_empty() {
            return None;
        }
        // Logarithms of edges, rate and start.
        let mut law = [16.0_f64.ln(), 16.0_f64.ln(), 16.0_f64.ln(), best.ln(), 2e-6_f64.ln()];
        let cost = |law: &[f64; 5]| -> f64 {
            points
                .iter()
                .map(|(sides, seconds)| robust((seconds / seconds_of(law, *sides)).ln()))
                .sum()
        };
        let mut least = cost(&law);
        let mut step = 1.0;
        for _ in 0..ROUNDS {
            let before = least;
            for place in 0..law.len() {
                for by in [step, -step] {
                    let mut other = law;
                    other[place] += by;
                    let cost = cost(&other);
                    if cost < least {
                        (least, law) = (cost, other);
                    }
                }
            }
            if least >= before {
                step *= 0.5;
            }
        }
        let left = points
            .iter()
            .map(|(sides, seconds)| (sides.map(f64::ln), (seconds / seconds_of(&law, *sides)).ln()))
            .collect();
        let edges = [law[0].exp(), law[1].exp(), law[2].exp()];
        let (rate, start) = (law[3].exp(), law[4].exp());
        Some(Self { edges, rate, start, left: Surface::new(left), best })
    }

    /// Seconds of an `m`×`k` by `k`×`n` product.
    fn seconds(&self, m: f64, n: f64, k: f64) -> f64 {
        let sides = [m, n, k].map(|side| side.max(1.0));
        let worked_on: f64 = sides.iter().zip(self.edges).map(|(side, edge)| side + edge).product();
        let law = 2.0 * worked_on / self.rate + self.start;
        law * self.left.at(sides.map(f64::ln)).exp()
    }
}

fn operations([m, n, k]: [f64; 3]) -> f64 {
    2.0 * m * n * k
}

/// What a law, logarithms of edges, rate and start, says of these sides.
fn seconds_of(law: &[f64; 5], sides: [f64; 3]) -> f64 {
    let worked_on: f64 = sides.iter().zip(law).map(|(side, edge)| side + edge.exp()).product();
    2.0 * worked_on / law[3].exp() + law[4].exp()
}

/// A square that grows only as a line from a tenth on, so that one shape with an unlucky algorithm does not bend the law.
fn robust(left: f64) -> f64 {
    let far = 0.1;
    if left.abs() <= far { left * left } else { far * (2.0 * left.abs() - far) }
}
