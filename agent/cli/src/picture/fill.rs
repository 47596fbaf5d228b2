//! How parts are told apart: by colour, and by pattern where they are of different kinds.
//!
//! The colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any of the common kinds of colour
//! blindness tell apart.

use super::shape::{Place, area, width, words};
use super::{WIDTH, shape};
use crate::markup::Markup;
use crate::page::shortened;

/// How many plain colours there are.
pub(crate) const COLOURS: usize = 7;

/// What an area is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// One of the [`COLOURS`] plain colours; more begin anew.
    Colour(usize),
    /// Stripes that rise.
    Rising,
    /// Stripes that fall.
    Falling,
    /// Dots.
    Dotted,
    /// Nothing but an outline.
    Hollow,
}

impl Fill {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Colour(number) => ["k0", "k1", "k2", "k3", "k4", "k5", "k6"][number % COLOURS],
            Self::Rising => "pr",
            Self::Falling => "pf",
            Self::Dotted => "pd",
            Self::Hollow => "ph",
        }
    }
}

/// What one of the parts of a picture is.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What it is called.
    pub(crate) name: String,
    /// How it is drawn.
    pub(crate) fill: Fill,
}

const LINE: f64 = 20.0;

/// Longest name in a legend.
const NAME: usize = 40;

/// The names of the parts with their places, and how high all of them are.
fn layout(parts: &[Part]) -> (Vec<(String, Place)>, f64) {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = Vec::new();
    for part in parts {
        let name = shortened(&part.name, NAME);
        let needed = 18.0 + width(&name) + 14.0;
        if x > 0.0 && x + needed > WIDTH {
            (x, y) = (0.0, y + LINE);
        }
        places.push((name, (x, y)));
        x += needed;
    }
    let height = if places.is_empty() { 0.0 } else { y + LINE + 4.0 };
    (places, height)
}

/// How high the legend of these parts is.
pub(super) fn legend_height(parts: &[Part]) -> f64 {
    layout(parts).1
}

/// Draws the legend at the top.
pub(super) fn legend(markup: &mut Markup, parts: &[Part]) {
    let (places, _) = layout(parts);
    for (part, (name, (x, y))) in parts.iter().zip(places) {
        area(markup, (x + 0.5, y + 2.5), (12.0, 12.0), part.fill.class(), "");
        words(markup, (x + 18.0, y + 13.0), shape::Anchor::Start, "", name);
    }
}

/// The patterns, once a page, before the first picture.
pub(crate) fn patterns(markup: &mut Markup) {
    markup.element(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("width", &0),
            ("height", &0),
            ("aria-hidden", &"true"),
            ("class", &"defs"),
        ],
        |markup| {
            markup.element("defs", &[], |markup| {
                pattern(markup, "pr", "M-1 1L1 -1M0 6L6 0M5 7L7 5");
                pattern(markup, "pf", "M-1 5L1 7M0 0L6 6M5 -1L7 1");
                pattern(markup, "pd", "M1.5 1.5h1.6v1.6h-1.6zM4.5 4.5h1.6v1.6h-1.6z");
            });
        },
    );
    markup.line();
}

fn pattern(markup: &mut Markup, name: &str, path: &str) {
    markup.element(
        "pattern",
        &[
            ("id", &format_args!("fill-{name}")),
            ("width", &6),
            ("height", &6),
            ("patternUnits", &"userSpaceOnUse"),
        ],
        |markup| {
            markup.empty("rect", &[("width", &6), ("height", &6), ("class", &"ground")]);
            markup.empty("path", &[("class", &format_args!("l{name}")), ("d", &path)]);
        },
    );
}
