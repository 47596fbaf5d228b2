//! Candidates as points: a coordinate for each parameter that varies.

use super::super::Space;

/// Coordinates of all candidates.
#[derive(Debug)]
pub(in super::super) struct Axes {
    kinds: Vec<Kind>,
    /// One row a candidate.
    points: Vec<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// From 0 to 1 over the values of the parameter.
    Number,
    /// The number of the word in the list.
    Word,
}

impl Axes {
    /// Numbers are placed by their logarithm where none is zero, so that doubling counts alike everywhere.
    pub(in super::super) fn of(space: &Space) -> Self {
        let mut kinds = Vec::new();
        let mut points = vec![Vec::new(); space.candidates().len()];
        for parameter in space.parameters().iter().filter(|parameter| parameter.values.len() > 1) {
            let numbers: Option<Vec<f64>> = parameter
                .values
                .iter()
                .map(|value| value.parse().ok().filter(|number: &f64| number.is_finite()))
                .collect();
            let coordinates = if let Some(numbers) = &numbers {
                kinds.push(Kind::Number);
                spread(numbers)
            } else {
                kinds.push(Kind::Word);
                (0..parameter.values.len()).map(|at| at as f64).collect()
            };
            for (candidate, point) in space.candidates().iter().zip(&mut points) {
                let value = candidate.get(&parameter.name);
                let at = parameter.values.iter().position(|known| Some(known.as_str()) == value);
                point.push(at.map_or(0.0, |at| coordinates[at]));
            }
        }
        Self { kinds, points }
    }

    /// How many parameters vary.
    pub(in super::super) fn count(&self) -> usize {
        self.kinds.len()
    }

    /// Distances of two candidates along each axis; of different words, none.
    pub(super) fn between(
        &self,
        one: usize,
        other: usize,
    ) -> impl Iterator<Item = Option<f64>> + '_ {
        let pairs = self.points[one].iter().zip(&self.points[other]);
        self.kinds.iter().zip(pairs).map(|(kind, (one, other))| {
            let distance = (one - other).abs();
            match kind {
                Kind::Number => Some(distance),
                Kind::Word => (distance == 0.0).then_some(0.0),
            }
        })
    }

    /// How alike two candidates are, 0 to 1: for what fails in neighbourhoods.
    pub(in super::super) fn likeness(&self, one: usize, other: usize) -> f64 {
        let distance: f64 = self.between(one, other).map(|distance| distance.unwrap_or(1.0)).sum();
        (-3.0 * distance).exp()
    }
}

fn spread(numbers: &[f64]) -> Vec<f64> {
    let logarithmic = numbers.iter().all(|number| *number > 0.0);
    let place = |number: &f64| if logarithmic { number.log2() } else { *number };
    let places: Vec<f64> = numbers.iter().map(place).collect();
    let low = places.iter().copied().fold(f64::INFINITY, f64::min);
    let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = if high > low { high - low } else { 1.0 };
    places.iter().map(|place| (place - low) / width).collect()
}
