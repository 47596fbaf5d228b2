//! Many arrangements of one global batch: tokens a second against memory, and the best of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use perfagent_advisor::start::Start;
use perfagent_predictor::Run;
use perfagent_predictor::plan::{Plan, Point, Wishes, survey};

use super::given::predictor;

/// Probability of running out of memory up to which an arrangement counts as one that fits.
pub const MOST_OOM: f64 = 0.05;

/// The plot is divided into so many cells each way; of a cell one arrangement of each kind is kept.
const CELLS: f64 = 48.0;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The recorded job, with what was measured of it.
    pub start: Start,
    /// GPUs in all and machines, where the user wants others.
    pub gpus: Option<(u64, u64)>,
    /// What was measured of the device, the document's text.
    pub ceilings: Option<Arc<str>>,
}

/// The arrangements.
#[derive(Clone, Debug, PartialEq)]
pub struct Landscape {
    /// The best of them, and why.
    pub plan: Plan,
    /// Those to draw, the front among them.
    pub spots: Vec<Spot>,
}

/// One arrangement in the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// The arrangement.
    pub run: Run,
    /// Expected tokens a second.
    pub tokens_per_s: f64,
    /// Expected peak memory, bytes.
    pub peak_bytes: f64,
    /// Probability of running out of memory.
    pub oom: f64,
    /// What it is in the plot.
    pub kind: Kind,
}

/// What a spot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Fits, and none is faster with less memory.
    Front,
    /// Fits.
    Fits,
    /// Probably runs out of memory.
    Full,
}

/// All arrangements that framework and machines allow. Takes up to seconds: for a worker.
///
/// # Errors
/// Why there are none, in one line.
pub fn landscape(request: &Request) -> Result<Landscape, String> {
    let predictor = predictor(request.ceilings.as_ref())?;
    let wishes = Wishes {
        gpus: request.gpus.map(|(gpus, _)| gpus),
        nodes: request.gpus.map(|(_, nodes)| nodes),
        memory_limit: None,
        most_oom: MOST_OOM,
    };
    let Start { job, observed, .. } = &request.start;
    let found = survey(&predictor, job, *observed, &wishes).map_err(|why| why.0)?;
    let spots = spots(&found.plan.front, &found.points);
    Ok(Landscape { plan: found.plan, spots })
}

fn spots(front: &[Point], points: &[Point]) -> Vec<Spot> {
    let mut spots: Vec<Spot> = front.iter().map(|point| spot(point, Kind::Front)).collect();
    let (tokens, peaks) = (
        Scale::of(points.iter().map(|point| point.tokens_per_s)),
        Scale::of(points.iter().map(|point| point.peak_mem_bytes)),
    );
    let mut cells: BTreeMap<(Kind, u32, u32), &Point> = BTreeMap::new();
    for point in points.iter().filter(|point| !front.contains(point)) {
        let kind = if point.oom_probability <= MOST_OOM { Kind::Fits } else { Kind::Full };
        let cell = (kind, tokens.cell(point.tokens_per_s), peaks.cell(point.peak_mem_bytes));
        let kept = cells.entry(cell).or_insert(point);
        if point.tokens_per_s > kept.tokens_per_s {
            *kept = point;
        }
    }
    spots.extend(cells.into_iter().map(|((kind, ..), point)| spot(point, kind)));
    spots
}

fn spot(point: &Point, kind: Kind) -> Spot {
    Spot {
        run: point.run.clone(),
        tokens_per_s: point.tokens_per_s,
        peak_bytes: point.peak_mem_bytes,
        oom: point.oom_probability,
        kind,
    }
}

/// Cells of equal ratio between the least and the greatest value.
struct Scale {
    least: f64,
    most: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (least, most) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        Self { least, most }
    }

    fn cell(&self, value: f64) -> u32 {
        let whole = (self.most / self.least).ln().max(f64::MIN_POSITIVE);
        ((value / self.least).ln() / whole * CELLS).clamp(0.0, CELLS) as u32
    }
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::Run;
    use perfagent_predictor::plan::Point;

    use super::{Kind, spots};

    fn point(tokens_per_s: f64, peak_mem_bytes: f64, oom_probability: f64) -> Point {
        let run = Run { micro_batch: Some(tokens_per_s as u64), ..Run::default() };
        Point { run, tokens_per_s, peak_mem_bytes, oom_probability }
    }

    #[test]
    fn of_arrangements_that_lie_on_each_other_one_is_drawn() {
        let front = [point(100.0, 10.0, 0.0)];
        let mut points = front.to_vec();
        for step in 0..10_000 {
            let oom = if step % 2 == 0 { 0.0 } else { 0.9 };
            points.push(point(50.0 + f64::from(step % 100) / 1e6, 20.0, oom));
        }
        points.push(point(1.0, 1000.0, 1.0));
        let spots = spots(&front, &points);
        let count = |kind| spots.iter().filter(|spot| spot.kind == kind).count();
        assert_eq!((count(Kind::Front), count(Kind::Fits)), (1, 1));
        assert_eq!(count(Kind::Full), 2);
        let fits = spots.iter().find(|spot| spot.kind == Kind::Fits).unwrap();
        assert!((fits.tokens_per_s - 50.000_098).abs() < 1e-9);
    }
}
