//! Pictures of a page as inline SVG: bars, changes, series, levels over time, histograms, points, runs of two sides. Each carries its figures as a table too.
//!
//! Pictures hold what they show as numbers and are drawn only for a page that can show them.

mod bars;
mod changes;
mod curves;
mod fill;
mod frame;
mod grid;
mod histograms;
mod level;
mod points;
mod scale;
mod series;
mod shape;
mod sides;
mod trend;

pub(crate) use bars::{Bars, LABEL, Row};
pub(crate) use changes::{Change, Changes};
pub(crate) use curves::{Curve, Curves, MOST_CURVES, Stretch};
pub(crate) use fill::{COLOURS, Fill, Part};
pub(crate) use grid::{Grid, Square};
pub(crate) use histograms::{Histogram, Histograms, LABEL as HISTOGRAM_LABEL};
pub(crate) use level::Level;
pub(crate) use points::{Group, Point, Points};
pub(crate) use scale::Measure;
pub(crate) use series::{Series, Track};
pub(crate) use sides::{SideRow, Sides};
pub(crate) use trend::Trend;

use crate::markup::Markup;

/// Width of every picture in its own units; on the page it is as wide as there is room.
const WIDTH: f64 = 960.0;

/// A picture with what it is called and what is to be seen.
#[derive(Debug)]
pub(crate) struct Picture {
    title: String,
    description: String,
    drawing: Drawing,
}

/// What is drawn.
#[derive(Debug)]
pub(crate) enum Drawing {
    Bars(Bars),
    Series(Series),
    Level(Level),
    Curves(Curves),
    Histograms(Histograms),
    Points(Points),
    Changes(Changes),
    Sides(Sides),
    Trend(Trend),
    Grid(Grid),
}

/// The exact figures of a picture. Units are in the headings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Picture {
    /// A picture; `description` says what it shows to whom cannot see it, and how to read it.
    pub(crate) fn new(
        title: impl Into<String>,
        description: impl Into<String>,
        drawing: Drawing,
    ) -> Self {
        Self { title: title.into(), description: description.into(), drawing }
    }

    /// Its name.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// How to read it.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Its exact figures.
    pub(crate) fn figures(&self) -> Figures {
        match &self.drawing {
            Drawing::Bars(bars) => bars.figures(),
            Drawing::Series(series) => series.figures(),
            Drawing::Level(level) => level.figures(),
            Drawing::Curves(curves) => curves.figures(),
            Drawing::Histograms(histograms) => histograms.figures(),
            Drawing::Points(points) => points.figures(),
            Drawing::Changes(changes) => changes.figures(),
            Drawing::Sides(sides) => sides.figures(),
            Drawing::Trend(trend) => trend.figures(),
            Drawing::Grid(grid) => grid.figures(),
        }
    }

    /// Draws it; `number` tells it from the other pictures of the page.
    pub(crate) fn draw(&self, number: usize, markup: &mut Markup) {
        let (title, description) = (format!("t{number}"), format!("d{number}"));
        let height = match &self.drawing {
            Drawing::Bars(bars) => bars.height(),
            Drawing::Series(_) => series::HEIGHT,
            Drawing::Level(_) => level::HEIGHT,
            Drawing::Curves(_) => curves::HEIGHT,
            Drawing::Histograms(histograms) => histograms.height(),
            Drawing::Points(_) => points::HEIGHT,
            Drawing::Changes(changes) => changes.height(),
            Drawing::Sides(sides) => sides.height(),
            Drawing::Trend(_) => trend::HEIGHT,
            Drawing::Grid(grid) => grid.height(),
        };
        markup.element(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("viewBox", &format_args!("0 0 {WIDTH} {height}")),
                ("role", &"img"),
                ("aria-labelledby", &format_args!("{title} {description}")),
            ],
            |markup| {
                markup.words("title", &[("id", &title)], &self.title);
                markup.words("desc", &[("id", &description)], &self.description);
                match &self.drawing {
                    Drawing::Bars(bars) => bars.draw(markup),
                    Drawing::Series(series) => series.draw(markup),
                    Drawing::Level(level) => level.draw(markup),
                    Drawing::Curves(curves) => curves.draw(markup),
                    Drawing::Histograms(histograms) => histograms.draw(markup),
                    Drawing::Points(points) => points.draw(markup),
                    Drawing::Changes(changes) => changes.draw(markup),
                    Drawing::Sides(sides) => sides.draw(markup),
                    Drawing::Trend(trend) => trend.draw(markup),
                    Drawing::Grid(grid) => grid.draw(markup),
                }
            },
        );
    }
}

pub(crate) use fill::patterns;
