//! Plots: one description that is drawn in the window and written as SVG by the same geometry
//! ([`geometry`]), so that what is exported is what was seen.

mod draw;
mod geometry;
mod svg;
mod ticks;

use egui::Color32;

pub use draw::Touched;

/// How values become lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; what is not above zero cannot be shown.
    Log,
}

/// An axis.
#[derive(Clone)]
pub struct Axis {
    /// What it shows, with its unit.
    pub label: String,
    /// How.
    pub scale: Scale,
    /// A value in words, for ticks and for the pointer.
    pub format: fn(f64) -> String,
    /// From where to where; what the layers need, with some room, when absent.
    pub range: Option<(f64, f64)>,
    /// Ticks in words in place of figures: categories.
    pub ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// An axis of figures.
    #[must_use]
    pub fn new(label: impl Into<String>, scale: Scale, format: fn(f64) -> String) -> Self {
        Self { label: label.into(), scale, format, range: None, ticks: None }
    }

    /// From where to where.
    #[must_use]
    pub const fn range(mut self, from: f64, to: f64) -> Self {
        self.range = Some((from, to));
        self
    }

    /// With categories, each at its place.
    #[must_use]
    pub fn categories(mut self, ticks: Vec<(f64, String)>) -> Self {
        self.ticks = Some(ticks);
        self
    }
}

/// How a point looks: states are told by shape, not by colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// A filled circle.
    #[default]
    Circle,
    /// An empty circle.
    Ring,
    /// A filled square.
    Square,
    /// A filled diamond.
    Diamond,
    /// A filled triangle.
    Triangle,
    /// Two crossed lines.
    Cross,
}

/// A point that can be clicked.
#[derive(Clone, Debug)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// Where.
    pub y: f64,
    /// Its size, points of the screen.
    pub radius: f32,
    /// What the pointer shows.
    pub hover: String,
}

/// A rectangle that can be clicked.
#[derive(Clone, Debug)]
pub struct Bar {
    /// From left to right.
    pub x: (f64, f64),
    /// From the lower to the upper edge.
    pub y: (f64, f64),
    /// What the pointer shows.
    pub hover: String,
}

/// What is drawn over each other, in order.
#[derive(Clone)]
pub enum Layer {
    /// A line through points in order; a point that is not a number interrupts it.
    Line {
        /// In the legend; none when empty.
        name: String,
        /// Its colour.
        colour: Color32,
        /// x and y.
        points: Vec<[f64; 2]>,
        /// Interrupted, to be told from others without colour.
        dashed: bool,
    },
    /// The stretch between a lower and an upper line.
    Band {
        /// In the legend; none when empty.
        name: String,
        /// Its colour, drawn transparent.
        colour: Color32,
        /// x, lower and upper y.
        points: Vec<[f64; 3]>,
    },
    /// Single points.
    Points {
        /// In the legend; none when empty.
        name: String,
        /// Their colour.
        colour: Color32,
        /// Their look.
        marker: Marker,
        /// Where they are.
        points: Vec<Point>,
    },
    /// Rectangles.
    Bars {
        /// In the legend; none when empty.
        name: String,
        /// Their colour.
        colour: Color32,
        /// Where they are.
        bars: Vec<Bar>,
    },
    /// A line from edge to edge, with its name beside it.
    Level {
        /// What it means.
        name: String,
        /// Its colour.
        colour: Color32,
        /// The value.
        at: f64,
        /// A value of the x axis.
        vertical: bool,
    },
}

/// A plot.
#[derive(Clone)]
pub struct Chart {
    /// What it shows; the suggested name of an exported file.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From below.
    pub y: Axis,
    /// What is drawn.
    pub layers: Vec<Layer>,
}

impl Layer {
    fn name(&self) -> &str {
        match self {
            Self::Line { name, .. }
            | Self::Band { name, .. }
            | Self::Points { name, .. }
            | Self::Bars { name, .. }
            | Self::Level { name, .. } => name,
        }
    }

    const fn colour(&self) -> Color32 {
        match self {
            Self::Line { colour, .. }
            | Self::Band { colour, .. }
            | Self::Points { colour, .. }
            | Self::Bars { colour, .. }
            | Self::Level { colour, .. } => *colour,
        }
    }

    /// All values along x, and all along y.
    fn values(&self) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Line { points, .. } => {
                (points.iter().map(|at| at[0]).collect(), points.iter().map(|at| at[1]).collect())
            }
            Self::Band { points, .. } => (
                points.iter().map(|at| at[0]).collect(),
                points.iter().flat_map(|at| [at[1], at[2]]).collect(),
            ),
            Self::Points { points, .. } => {
                (points.iter().map(|at| at.x).collect(), points.iter().map(|at| at.y).collect())
            }
            Self::Bars { bars, .. } => (
                bars.iter().flat_map(|bar| [bar.x.0, bar.x.1]).collect(),
                bars.iter().flat_map(|bar| [bar.y.0, bar.y.1]).collect(),
            ),
            Self::Level { at, vertical: true, .. } => (vec![*at], Vec::new()),
            Self::Level { at, .. } => (Vec::new(), vec![*at]),
        }
    }
}
