//! A square a node, so that a thousand are seen at once.

use super::fill::{Part, legend, legend_height};
use super::shape::{Anchor, area, line, words};
use super::{Figures, Fill, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;

/// Squares of one kind of thing.
#[derive(Debug)]
pub(crate) struct Grid {
    /// What the fills mean.
    pub(crate) parts: Vec<Part>,
    /// The things, in the order in which they are looked for.
    pub(crate) squares: Vec<Square>,
}

/// One thing.
#[derive(Debug)]
pub(crate) struct Square {
    /// Its name.
    pub(crate) name: String,
    /// The number of its part.
    pub(crate) part: usize,
    /// Whether it is to be seen first: it gets a cross.
    pub(crate) is_marked: bool,
    /// What is said of it when one points at it.
    pub(crate) hint: String,
}

/// Room for the name of the first of a row.
const LEFT: f64 = 150.0;
const NAME: usize = 19;
/// Squares in a row where there are few, and where there are many.
const FEW: usize = 16;
const MANY: usize = 40;
/// Things that still count as few.
const LIMIT: usize = 128;
/// Rows of the table of exact figures.
const MOST_ROWS: usize = 1000;

impl Grid {
    fn columns(&self) -> usize {
        if self.squares.len() <= LIMIT { FEW } else { MANY }
    }

    fn side(&self) -> f64 {
        ((WIDTH - LEFT) / self.columns() as f64).min(30.0)
    }

    pub(super) fn height(&self) -> f64 {
        let rows = self.squares.len().div_ceil(self.columns());
        legend_height(&self.parts) + rows as f64 * self.side() + 8.0
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        legend(markup, &self.parts);
        let (top, side) = (legend_height(&self.parts), self.side());
        for (row, squares) in self.squares.chunks(self.columns()).enumerate() {
            let y = top + row as f64 * side;
            if let Some(first) = squares.first() {
                let name = shortened(&first.name, NAME);
                words(markup, (LEFT - 8.0, y + side / 2.0 + 4.0), Anchor::End, "tick", name);
            }
            for (column, square) in squares.iter().enumerate() {
                let x = LEFT + column as f64 * side;
                let class = self.parts.get(square.part).map_or("ph", |part| part.fill.class());
                let inner = side - 2.0;
                area(markup, (x + 1.0, y + 1.0), (inner, inner), class, &square.hint);
                if square.is_marked {
                    let (near, far) = (side * 0.28, side * 0.72);
                    line(markup, (x + near, y + near), (x + far, y + far), "axis");
                    line(markup, (x + near, y + far), (x + far, y + near), "axis");
                }
            }
            markup.line();
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let row = |square: &Square| {
            let part = self.parts.get(square.part).map_or("", |part| part.name.as_str());
            vec![square.name.clone(), part.to_owned()]
        };
        Figures {
            headings: vec!["node".to_owned(), "verdict".to_owned()],
            rows: self.squares.iter().take(MOST_ROWS).map(row).collect(),
        }
    }
}

impl Fill {
    /// By how bad something is: fine, to be seen to, not known, bad.
    pub(crate) const BY_WEIGHT: [Self; 4] =
        [Self::Colour(2), Self::Colour(1), Self::Dotted, Self::Colour(3)];
}
