//! The shapes that pictures are made of.

use std::fmt::{self, Write as _};

use crate::markup::Markup;

/// A place or length, to a tenth of a unit.
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero makes the negative zero positive.
        let tenths = (self.0 * 10.0).round() + 0.0;
        if tenths % 10.0 == 0.0 {
            write!(f, "{:.0}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

/// Where words stand in relation to their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn class(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Middle => "m",
            Self::End => "e",
        }
    }
}

/// A point in the picture.
pub(super) type Place = (f64, f64);

/// Words at a place on their base line.
pub(super) fn words(
    markup: &mut Markup,
    (x, y): Place,
    anchor: Anchor,
    class: &str,
    text: impl fmt::Display,
) {
    let class = format!("{} {class}", anchor.class());
    let (x, y, class) = (Px(x), Px(y), class.trim());
    if class.is_empty() {
        markup.words("text", &[("x", &x), ("y", &y)], text);
    } else {
        markup.words("text", &[("x", &x), ("y", &y), ("class", &class)], text);
    }
}

/// A straight line.
pub(super) fn line(markup: &mut Markup, (x1, y1): Place, (x2, y2): Place, class: &str) {
    let path = format!("M{} {}L{} {}", Px(x1), Px(y1), Px(x2), Px(y2));
    markup.empty("path", &[("class", &class), ("d", &path)]);
}

/// What a path through places is.
pub(super) fn outline(places: impl Iterator<Item = Place>) -> String {
    let mut path = String::new();
    for (x, y) in places {
        let step = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a String cannot fail.
        let _ = write!(path, "{step}{} {}", Px(x), Px(y));
    }
    path
}

/// A line through places.
pub(super) fn path(markup: &mut Markup, class: &str, places: impl Iterator<Item = Place>) {
    let path = outline(places);
    if !path.is_empty() {
        markup.empty("path", &[("class", &class), ("d", &path)]);
    }
}

/// A box, with what is said about it when one points at it.
pub(super) fn area(
    markup: &mut Markup,
    (x, y): Place,
    (width, height): (f64, f64),
    class: &str,
    hint: &str,
) {
    let (x, y, width, height) = (Px(x), Px(y), Px(width), Px(height));
    markup.element(
        "rect",
        &[("x", &x), ("y", &y), ("width", &width), ("height", &height), ("class", &class)],
        |markup| {
            if !hint.is_empty() {
                markup.words("title", &[], hint);
            }
        },
    );
}

/// The kinds of marks, to be told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Circle,
    Square,
    Diamond,
    Triangle,
    Down,
}

/// In the order in which groups of points take them.
pub(super) const MARKS: [Mark; 5] =
    [Mark::Circle, Mark::Square, Mark::Diamond, Mark::Triangle, Mark::Down];

/// Classes of the lines of such groups, and of what is filled.
pub(super) const LINES: [&str; MARKS.len()] = ["l0", "l1", "l2", "l3", "l5"];
pub(super) const FILLS: [&str; MARKS.len()] = ["k0", "k1", "k2", "k3", "k5"];

/// A mark around a place.
pub(super) fn mark(
    markup: &mut Markup,
    mark: Mark,
    (x, y): Place,
    radius: f64,
    class: &str,
    hint: &str,
) {
    let r = radius;
    let corners: &[Place] = match mark {
        Mark::Circle => &[],
        Mark::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Mark::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        Mark::Triangle => &[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)],
        Mark::Down => &[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)],
    };
    let hinted = |markup: &mut Markup| {
        if !hint.is_empty() {
            markup.words("title", &[], hint);
        }
    };
    if corners.is_empty() {
        let (x, y, r) = (Px(x), Px(y), Px(r));
        markup.element("circle", &[("cx", &x), ("cy", &y), ("r", &r), ("class", &class)], hinted);
        return;
    }
    let mut path = outline(corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)));
    path.push('Z');
    markup.element("path", &[("class", &class), ("d", &path)], hinted);
}

/// How wide words are at most, in a font of 12 units. Nobody can know before they are set; wide characters count twice.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(|character| if character >= '\u{1100}' { 12.5 } else { 7.0 }).sum()
}

#[cfg(test)]
mod tests {
    use super::Px;

    #[test]
    fn places_are_short() {
        assert_eq!(
            [12.04, 12.05, -0.01, 300.0].map(|x| Px(x).to_string()),
            ["12", "12.1", "0", "300"]
        );
    }
}
