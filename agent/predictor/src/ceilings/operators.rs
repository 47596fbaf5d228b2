//! Operators beside products, by their measured shapes.

use std::collections::BTreeMap;

use super::document::OfShape;
use super::line::Line;
use super::surface::Surface;

/// Times of operators in one format.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Operators {
    /// Forward and backward of operators of rows, over elements.
    of_rows: BTreeMap<String, (Line, Line)>,
    attention: Option<(Attention, Attention)>,
}

/// Seconds of attention: by the scores and their width, and a start.
#[derive(Clone, Debug, PartialEq)]
struct Attention {
    /// Seconds a score and element of its width: the mean in logarithms.
    each: f64,
    left: Surface<3>,
}

impl Attention {
    /// Of shapes, `[batch, heads, seq, width]`, with their seconds.
    fn of(points: &[([f64; 4], f64)]) -> Option<Self> {
        let of_each: Vec<([f64; 3], f64)> = points
            .iter()
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(shape, seconds)| (place(*shape), (seconds / work(*shape)).ln()))
            .collect();
        if of_each.is_empty() {
            return None;
        }
        let mean = of_each.iter().map(|(_, left)| left).sum::<f64>() / of_each.len() as f64;
        let left = of_each.into_iter().map(|(place, left)| (place, left - mean)).collect();
        Some(Self { each: mean.exp(), left: Surface::new(left) })
    }

    fn seconds(&self, shape: [f64; 4]) -> f64 {
        self.each * work(shape) * self.left.at(place(shape)).exp()
    }
}

fn work([batch, heads, seq, width]: [f64; 4]) -> f64 {
    batch * heads * seq * seq * width
}

/// Where a shape is among others: sequences side by side tell less than how long and wide they are.
fn place([batch, heads, seq, width]: [f64; 4]) -> [f64; 3] {
    [0.3 * (batch * heads).ln(), seq.ln(), width.ln()]
}

impl Operators {
    /// Those of this format.
    pub(super) fn of(rows: &[OfShape], dtype: &str) -> Self {
        let mut of_rows = BTreeMap::<String, (Vec<(f64, f64)>, Vec<(f64, f64)>)>::new();
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.dtype == dtype) {
            let ahead = row.forward.median_ns / 1e9;
            let back = row.backward.as_ref().map(|time| time.median_ns / 1e9);
            if let Ok(shape) = <[f64; 4]>::try_from(row.shape.clone()) {
                forward.push((shape, ahead));
                backward.extend(back.map(|back| (shape, back)));
                continue;
            }
            let elements = row.shape.iter().product();
            let (lines, back_lines) = of_rows.entry(row.operator.clone()).or_default();
            lines.push((elements, ahead));
            back_lines.extend(back.map(|back| (elements, back)));
        }
        Self {
            of_rows: of_rows
                .into_iter()
                .map(|(name, (ahead, back))| (name, (Line::of(ahead), Line::of(back))))
                .collect(),
            attention: Attention::of(&forward).zip(Attention::of(&backward)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of_rows.is_empty()
    }

    /// Seconds of an operator of rows with so many elements; none if it was not measured.
    pub(crate) fn forward(&self, name: &str, elements: f64) -> Option<f64> {
        self.of_rows.get(name).map(|(line, _)| line.seconds(elements))
    }

    /// The same of its gradient.
    pub(crate) fn backward(&self, name: &str, elements: f64) -> Option<f64> {
        let line = self.of_rows.get(name).map(|(_, line)| line)?;
        (!line.is_empty()).then(|| line.seconds(elements))
    }

    /// Seconds that it takes to wake the threads for an operator, beyond what one takes right after another.
    pub(crate) fn waking(&self) -> f64 {
        let Some((asleep, _)) = self.of_rows.get("add_after_a_pause") else { return 0.0 };
        let Some((size, after)) = asleep.first() else { return 0.0 };
        (after - self.forward("add", size).unwrap_or(after)).max(0.0)
    }

    /// Seconds of causal attention, `[batch, heads, seq, width]`, forward and backward.
    pub(crate) fn attention(&self, shape: [f64; 4]) -> Option<(f64, f64)> {
        let (ahead, back) = self.attention.as_ref()?;
        Some((ahead.seconds(shape), back.seconds(shape)))
    }
}
