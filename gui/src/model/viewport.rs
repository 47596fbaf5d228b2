//! Which stretch of time is on the screen, and how pixels and nanoseconds relate.
//!
//! Positions are differences to the start of the view, taken in integers first: a recording's times
//! are beyond what a double can tell apart.

use super::lane::FURTHEST_TIME;

/// The shortest stretch that can be shown, ns.
pub const SHORTEST_VIEW: i64 = 64;

/// A stretch of time, ns; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewport {
    start: i64,
    end: i64,
}

impl Viewport {
    /// The stretch from `start` to `end`, made longer when it is too short to be shown.
    #[must_use]
    pub fn new(start: i64, end: i64) -> Self {
        let start = start.clamp(-FURTHEST_TIME, FURTHEST_TIME);
        let end = end.clamp(start, FURTHEST_TIME + SHORTEST_VIEW);
        let missing = (SHORTEST_VIEW - (end - start)).max(0);
        Self { start: start - missing / 2, end: end + missing - missing / 2 }
    }

    /// Its first nanosecond.
    #[must_use]
    pub const fn start(self) -> i64 {
        self.start
    }

    /// The nanosecond behind its last.
    #[must_use]
    pub const fn end(self) -> i64 {
        self.end
    }

    /// Its length, ns.
    #[must_use]
    pub const fn length(self) -> i64 {
        self.end - self.start
    }

    /// With a margin of this share of its length on both sides.
    #[must_use]
    pub fn with_margin(self, share: f64) -> Self {
        let margin = (self.length() as f64 * share) as i64;
        Self::new(self.start - margin, self.end + margin)
    }

    /// Longer or shorter by `factor`, so that `fixed` (0 at the start, 1 at the end) stays where it is,
    /// and not longer than four times `whole`.
    #[must_use]
    pub fn zoomed(self, factor: f64, fixed: f64, whole: Self) -> Self {
        let longest = whole.length().saturating_mul(4).clamp(SHORTEST_VIEW, FURTHEST_TIME);
        let length = self.length() as f64;
        let wanted = (length * factor).clamp(SHORTEST_VIEW as f64, longest as f64);
        let start = self.start.saturating_add(((length - wanted) * fixed).round() as i64);
        Self::new(start, start.saturating_add(wanted.round() as i64)).kept_near(whole)
    }

    /// Moved by a share of its length, keeping some of `whole` in sight.
    #[must_use]
    pub fn panned(self, share: f64, whole: Self) -> Self {
        let by = (self.length() as f64 * share).round() as i64;
        Self { start: self.start.saturating_add(by), end: self.end.saturating_add(by) }
            .kept_near(whole)
    }

    /// Moved so that `time` is in the middle.
    #[must_use]
    pub fn centred(self, time: i64) -> Self {
        let by = time - (self.start + self.length() / 2);
        Self { start: self.start + by, end: self.end + by }
    }

    /// Moved back until at least a tenth of it shows a part of `whole`.
    fn kept_near(self, whole: Self) -> Self {
        let overlap = (self.length() / 10).min(whole.length());
        let lowest = whole.start - self.length() + overlap;
        let highest = whole.end - overlap;
        let by = self.start.clamp(lowest.min(highest), highest.max(lowest)) - self.start;
        Self { start: self.start + by, end: self.end + by }
    }
}

/// A viewport on a row of pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    view: Viewport,
    width: f64,
}

impl Scale {
    /// The viewport stretched over `width` pixels; which pixels (points or physical) is the caller's choice.
    #[must_use]
    pub fn new(view: Viewport, width: f64) -> Self {
        Self { view, width: width.max(1.0) }
    }

    /// The viewport.
    #[must_use]
    pub const fn view(&self) -> Viewport {
        self.view
    }

    /// The width, pixels.
    #[must_use]
    pub const fn width(&self) -> f64 {
        self.width
    }

    /// Nanoseconds a pixel.
    #[must_use]
    pub fn ns_per_pixel(&self) -> f64 {
        self.view.length() as f64 / self.width
    }

    /// The pixel of a time; outside of 0..width when it is not on the screen.
    #[must_use]
    pub fn x(&self, time: i64) -> f64 {
        time.saturating_sub(self.view.start) as f64 * (self.width / self.view.length() as f64)
    }

    /// The time of a pixel, ns.
    #[must_use]
    pub fn time(&self, x: f64) -> i64 {
        self.view.start.saturating_add((x * self.ns_per_pixel()).round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SHORTEST_VIEW, Scale, Viewport};

    const DAY: i64 = 1_700_000_000_000_000_000;

    #[test]
    fn an_empty_stretch_becomes_visible() {
        assert_eq!(Viewport::new(5, 5).length(), SHORTEST_VIEW);
        assert_eq!(Viewport::new(9, 3).length(), SHORTEST_VIEW);
    }

    #[test]
    fn a_nanosecond_is_told_apart_in_the_year_2023() {
        let scale = Scale::new(Viewport::new(DAY, DAY + 100), 1000.0);
        assert!((scale.x(DAY + 1) - 10.0).abs() < 1e-9);
        assert_eq!(scale.time(10.0), DAY + 1);
    }

    proptest! {
        #[test]
        fn zooming_keeps_the_fixed_point(factor in 0.1_f64..10.0, fixed in 0.2_f64..0.8) {
            let whole = Viewport::new(DAY, DAY + 1_000_000_000);
            let view = Viewport::new(DAY + 400_000_000, DAY + 600_000_000);
            let before = Scale::new(view, 1.0).time(fixed);
            let after = view.zoomed(factor, fixed, whole);
            let drift = (Scale::new(after, 1.0).time(fixed) - before).abs();
            prop_assert!(drift <= 2, "{} ns", drift);
        }

        #[test]
        fn nothing_loses_the_recording(moves in prop::collection::vec((0.01_f64..20.0, -5.0_f64..5.0), 1..40)) {
            let whole = Viewport::new(DAY, DAY + 1_000_000);
            let mut view = whole;
            for (factor, share) in moves {
                view = view.zoomed(factor, 0.5, whole).panned(share, whole);
                prop_assert!(view.length() >= SHORTEST_VIEW);
                prop_assert!(view.length() <= whole.length() * 4 + 1);
                prop_assert!(view.end() > whole.start() && view.start() < whole.end());
            }
        }
    }
}
