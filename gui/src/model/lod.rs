//! Level of detail: a lane and a scale give the strips to draw, at most a few per pixel column.
//!
//! Three ways, chosen by density:
//! * few events on the screen: each is a strip of its own, the ones under two pixels merged;
//! * many, and buckets of the lane's [`super::mip`] fit into a pixel: columns from the buckets;
//! * many, but the buckets are longer than a pixel: the events are walked, and where hundreds share
//!   a pixel the rest of that pixel is jumped over.

use super::lane::Lane;
use super::tint::Tint;
use super::viewport::Scale;

/// Heights that a strip can have: how much of its time is busy, in eighths.
pub const FULL: u8 = 8;

/// Events of one pixel that are looked at before the rest of the pixel is estimated.
const LOOKED_AT: u32 = 64;

/// A rectangle of one colour in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strip {
    /// Its first pixel.
    pub x0: i32,
    /// The pixel behind its last; always greater than `x0`.
    pub x1: i32,
    /// What it is drawn as.
    pub tint: Tint,
    /// Busy eighths of its time, 1 to [`FULL`].
    pub fill: u8,
    /// The event, when the strip is exactly one; `None` where several were merged.
    pub event: Option<u32>,
}

/// Appends the strips of `lane` on `scale` (in physical pixels) to `strips`, from left to right.
pub fn strips(lane: &Lane, scale: &Scale, strips: &mut Vec<Strip>) {
    let view = scale.view();
    let visible = lane.touching(view.start(), view.end());
    let many = visible.len() as f64 > 2.0 * scale.width();
    match lane
        .mip()
        .filter(|_| many)
        .and_then(|mip| Some((mip, mip.level_for(scale.ns_per_pixel())?)))
    {
        Some((mip, level)) => {
            let mut columns = Columns::new(scale, strips);
            let length = level.bucket_ns();
            let first = (view.start() - mip.origin()).div_euclid(length).max(0) as usize;
            for (index, bucket) in level.buckets().iter().enumerate().skip(first) {
                let start = mip.origin() + index as i64 * length;
                if start >= view.end() {
                    break;
                }
                let column = columns.column_of(start + length / 2);
                columns.add(
                    column,
                    level.busy_ns(bucket) as f64,
                    length as f64,
                    bucket.tint,
                    bucket.count > 0,
                );
            }
            columns.finish();
        }
        None => walk(lane, visible, scale, strips),
    }
}

fn walk(lane: &Lane, visible: std::ops::Range<usize>, scale: &Scale, strips: &mut Vec<Strip>) {
    let mut columns = Columns::new(scale, strips);
    let width = columns.width;
    let ns_per_pixel = scale.ns_per_pixel();
    let mut index = visible.start;
    while index < visible.end {
        let (start, end, tint) = lane.drawn(index);
        let x0 = pixel(scale.x(start), width);
        let x1 = pixel(scale.x(end), width);
        if x1 - x0 >= 2 {
            columns.single(Strip { x0, x1, tint, fill: FULL, event: Some(index as u32) });
            index += 1;
            continue;
        }
        // Up to three columns: an event of one pixel and a half rarely begins on an edge.
        let (from, to) = (scale.x(start).max(0.0), scale.x(end).min(f64::from(width)));
        let first = columns.column_of(start);
        let last = (to.ceil() as i32 - 1).clamp(first, width - 1);
        let mut seen = 0;
        for column in first..=last {
            let share = (to.min(f64::from(column + 1)) - from.max(f64::from(column))).max(0.0);
            seen = columns.add(column, share * ns_per_pixel, ns_per_pixel, tint, true);
        }
        index += 1;
        if seen >= LOOKED_AT {
            let next = scale.time(f64::from(last + 1));
            index = lane.first_from_near(index..visible.end, next);
        }
    }
    columns.finish();
}

/// The edge nearest to `x`, not further than just outside of the screen.
fn pixel(x: f64, width: i32) -> i32 {
    x.round().clamp(-1.0, f64::from(width) + 1.0) as i32
}

/// Gathers short events by pixel column and joins equal neighbours into one strip.
struct Columns<'a> {
    scale: &'a Scale,
    width: i32,
    strips: &'a mut Vec<Strip>,
    column: i32,
    busy: f64,
    time: f64,
    longest: f64,
    tint: Tint,
    seen: u32,
    /// The event of the column, while it is the only one.
    pending: Option<Strip>,
}

impl<'a> Columns<'a> {
    fn new(scale: &'a Scale, strips: &'a mut Vec<Strip>) -> Self {
        let width = scale.width().ceil() as i32;
        Self {
            scale,
            width,
            strips,
            column: i32::MIN,
            busy: 0.0,
            time: 0.0,
            longest: -1.0,
            tint: Tint::default(),
            seen: 0,
            pending: None,
        }
    }

    fn column_of(&self, time: i64) -> i32 {
        (self.scale.x(time).floor().clamp(0.0, f64::from(self.width - 1))) as i32
    }

    /// Adds busy time to a column and tells how many events it has seen. `time` is how long the stretch
    /// is that `busy` is a part of.
    fn add(&mut self, column: i32, busy: f64, time: f64, tint: Tint, any: bool) -> u32 {
        if column != self.column {
            self.close();
            self.column = column;
        }
        self.busy += busy;
        // Walked events know the pixel's length, buckets only their own.
        self.time = if self.time + time > self.scale.ns_per_pixel() * 1.5 {
            self.time
        } else {
            self.time + time
        };
        if any {
            self.seen += 1;
            if busy > self.longest {
                self.longest = busy;
                self.tint = tint;
            }
        }
        self.seen
    }

    /// Appends a strip that is wide enough to stand alone.
    fn single(&mut self, strip: Strip) {
        self.close();
        self.flush();
        self.strips.push(strip);
    }

    fn close(&mut self) {
        if self.seen > 0 {
            let share = if self.time > 0.0 { (self.busy / self.time).clamp(0.0, 1.0) } else { 0.0 };
            let fill = 1 + (share * f64::from(FULL - 1)).round() as u8;
            let strip =
                Strip { x0: self.column, x1: self.column + 1, tint: self.tint, fill, event: None };
            match &mut self.pending {
                Some(run)
                    if run.x1 == strip.x0 && run.tint == strip.tint && run.fill == strip.fill =>
                {
                    run.x1 = strip.x1;
                }
                _ => {
                    self.flush();
                    self.pending = Some(strip);
                }
            }
        }
        self.column = i32::MIN;
        self.busy = 0.0;
        self.time = 0.0;
        self.longest = -1.0;
        self.seen = 0;
    }

    fn flush(&mut self) {
        self.strips.extend(self.pending.take());
    }

    fn finish(mut self) {
        self.close();
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FULL, Strip, strips};
    use crate::model::lane::{Event, Lane};
    use crate::model::names::NameId;
    use crate::model::tint::{Category, Tint};
    use crate::model::viewport::{Scale, Viewport};

    const ORIGIN: i64 = 1_700_000_000_000_000_000;

    fn lane(steps: impl IntoIterator<Item = (i64, i64)>) -> Lane {
        let mut now = ORIGIN;
        let mut events = Vec::new();
        for (index, (gap, length)) in steps.into_iter().enumerate() {
            let tint = Tint::new(Category::ALL[index % 5], "");
            events.push(Event::new(now + gap, now + gap + length, NameId(0), tint, index));
            now += gap + length;
        }
        let mut levels = Lane::split(events);
        assert_eq!(levels.lanes.len(), 1);
        levels.lanes.remove(0)
    }

    fn draw(lane: &Lane, start: i64, length: i64, width: f64) -> Vec<Strip> {
        let mut found = Vec::new();
        strips(
            lane,
            &Scale::new(Viewport::new(ORIGIN + start, ORIGIN + start + length), width),
            &mut found,
        );
        found
    }

    #[test]
    fn a_short_event_in_a_long_view_is_one_pixel() {
        let found = draw(&lane([(500_000_000, 1)]), 0, 1_000_000_000, 1000.0);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].x0, found[0].x1, found[0].fill), (500, 501, 1));
    }

    #[test]
    fn a_wide_event_is_exact_and_clipped_to_the_screen() {
        let found = draw(&lane([(0, 1000)]), 250, 500, 100.0);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].x0, found[0].x1, found[0].event), (-1, 101, Some(0)));
    }

    #[test]
    fn dense_lanes_cost_columns_not_events() {
        let lane = lane((0..1_000_000).map(|_| (300, 700)));
        for length in [1_000_000_000, 50_000_000, 10_000_000, 2_000_000] {
            let found = draw(&lane, 0, length, 1600.0);
            assert!(found.len() <= 1600 * 2, "{} strips", found.len());
            let covered: i32 = found.iter().map(|strip| strip.x1 - strip.x0).sum();
            assert!(covered > 1500 || length == 2_000_000, "{covered} pixels at {length} ns");
        }
    }

    #[test]
    fn a_burst_in_a_sparse_lane_is_not_walked_to_its_end() {
        // A million events in 1 ms of a lane that lasts 100 s: the buckets are far longer than the burst.
        let lane = lane((0..1_000_000).map(|_| (0, 1)).chain([(100_000_000_000, 5)]));
        let found = draw(&lane, 0, 2_000_000, 1000.0);
        let covered: i32 = found.iter().map(|strip| strip.x1 - strip.x0).sum();
        assert_eq!(covered, 500);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever the way, a pixel is drawn when an event is in it, and not when none is near.
        #[test]
        fn strips_agree_with_looking_at_each_event(
            // Two events at one moment, of which one has no length, would be on two lanes.
            steps in prop::collection::vec((0_i64..3000, 1_i64..1000), 1..6000),
            from in 0.0_f64..1.0, share in 0.001_f64..1.0,
        ) {
            let lane = lane(steps.iter().copied());
            let whole: i64 = steps.iter().map(|(gap, length)| gap + length).sum::<i64>() + 1;
            let length = ((whole as f64 * share) as i64).max(100);
            let start = ((whole - length) as f64 * from) as i64;
            let width = 300;
            let found = draw(&lane, start, length, f64::from(width));
            let mut drawn = vec![false; width as usize];
            for pair in found.windows(2) {
                prop_assert!(pair[0].x0 <= pair[1].x0, "{:?}", pair);
            }
            for strip in &found {
                prop_assert!(strip.x1 > strip.x0 && (1..=FULL).contains(&strip.fill));
                for x in strip.x0.max(0)..strip.x1.min(width) {
                    drawn[x as usize] = true;
                }
            }
            let pixel_ns = length as f64 / f64::from(width);
            for x in 0..width {
                let near = |slack: f64| {
                    let from = ORIGIN + start + ((f64::from(x) - slack) * pixel_ns) as i64;
                    let to = ORIGIN + start + ((f64::from(x) + 1.0 + slack) * pixel_ns) as i64;
                    !lane.touching(from, to).is_empty()
                };
                let within = (-1..=1).any(|by| drawn.get((x + by) as usize).copied().unwrap_or(false));
                prop_assert!(!drawn[x as usize] || near(1.5), "pixel {} drawn without an event", x);
                prop_assert!(!near(0.0) || within, "pixel {} left out", x);
            }
        }
    }
}
