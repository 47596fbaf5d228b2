//! From a plot to lines, rectangles and texts at places, for the screen and for files alike.

use egui::{Align2, Color32, Pos2, Rect, Vec2, pos2, vec2};

use super::ticks::ticks;
use super::{Axis, Bar, Chart, Layer, Marker, Scale};
use crate::palette::Palette;

/// Size of all texts, points.
pub(super) const TEXT: f32 = 11.0;
/// How wide a character of them is, points; on the wide side.
const CHARACTER: f32 = 6.2;
/// Height of a line of text, points.
const LINE: f32 = 16.0;

/// One thing to draw.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    Line {
        points: Vec<Pos2>,
        width: f32,
        colour: Color32,
        dashed: bool,
    },
    /// A strip between an upper and a lower line of as many points.
    Strip {
        upper: Vec<Pos2>,
        lower: Vec<Pos2>,
        colour: Color32,
    },
    Rect {
        rect: Rect,
        colour: Color32,
    },
    Point {
        at: Pos2,
        radius: f32,
        marker: Marker,
        colour: Color32,
    },
    Text {
        at: Pos2,
        anchor: Align2,
        text: String,
        colour: Color32,
        upright: bool,
    },
}

/// A plot at its place.
pub(super) struct Geometry {
    /// Where values are.
    pub(super) area: Rect,
    /// Axes, ticks, grid and legend.
    pub(super) frame: Vec<Mark>,
    /// The layers, cut to the area when drawn.
    pub(super) marks: Vec<Mark>,
    /// Where the names of levels are.
    names: Vec<Rect>,
    x: Span,
    y: Span,
}

/// The values between two edges.
#[derive(Clone, Copy)]
struct Span {
    from: f64,
    to: f64,
    scale: Scale,
}

impl Span {
    fn share(self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Log => (value / self.from).ln() / (self.to / self.from).ln(),
        }
    }

    fn value(self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.from + share * (self.to - self.from),
            Scale::Log => self.from * (self.to / self.from).powf(share),
        }
    }

    /// The span of an axis, for these values.
    fn of(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let scale = axis.scale;
        if let Some((from, to)) = axis.range
            && from < to
            && (scale == Scale::Linear || from > 0.0)
        {
            return Self { from, to, scale };
        }
        let shown = |value: &f64| value.is_finite() && (scale == Scale::Linear || *value > 0.0);
        let (mut least, mut greatest) = values
            .filter(shown)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if least > greatest {
            (least, greatest) = (1.0, 10.0);
        }
        match scale {
            Scale::Linear => {
                let room = if greatest > least {
                    (greatest - least) * 0.06
                } else {
                    least.abs().max(1.0) * 0.5
                };
                // From zero where zero is near anyway: heights are then shares.
                let from = if least >= 0.0 && least < greatest * 0.5 { 0.0 } else { least - room };
                Self { from, to: greatest + room, scale }
            }
            Scale::Log => {
                let room = (greatest / least).powf(0.05).max(1.3);
                Self { from: least / room, to: greatest * room, scale }
            }
        }
    }
}

fn width(text: &str) -> f32 {
    text.chars().count() as f32 * CHARACTER
}

impl Geometry {
    /// Lays a plot out in a rectangle.
    pub(super) fn new(chart: &Chart, rect: Rect, palette: &Palette) -> Self {
        let values: Vec<(Vec<f64>, Vec<f64>)> = chart.layers.iter().map(Layer::values).collect();
        let x = Span::of(&chart.x, values.iter().flat_map(|(x, _)| x.iter().copied()));
        let y = Span::of(&chart.y, values.iter().flat_map(|(_, y)| y.iter().copied()));
        let mut frame = Vec::new();
        let legend = legend(chart, rect, palette, &mut frame);
        let below = LINE * if chart.x.label.is_empty() { 1.4 } else { 2.4 };
        let top = rect.top() + legend + 4.0;
        let bottom = (rect.bottom() - below).max(top + 10.0);
        let rows = ((bottom - top) / 34.0) as usize;
        let y_ticks = ticks(&chart.y, (y.from, y.to), rows);
        let widest = y_ticks.iter().map(|(_, text)| width(text)).fold(0.0, f32::max);
        let widest = widest.min(rect.width() * 0.4);
        let beside = if chart.y.label.is_empty() { 0.0 } else { LINE };
        let left = rect.left() + widest + beside + 8.0;
        let right = (rect.right() - 10.0).max(left + 10.0);
        let area = Rect::from_min_max(pos2(left, top), pos2(right, bottom));
        let mut geometry = Self { area, frame, marks: Vec::new(), names: Vec::new(), x, y };
        geometry.axes(chart, &y_ticks, rect, palette);
        for layer in &chart.layers {
            geometry.layer(layer, palette);
        }
        geometry
    }

    /// The place of a value.
    pub(super) fn place(&self, x: f64, y: f64) -> Pos2 {
        // Far outside is as good as infinitely far, and safe to draw.
        let far = |share: f64| share.clamp(-50.0, 50.0) as f32;
        pos2(
            self.area.left() + far(self.x.share(x)) * self.area.width(),
            self.area.bottom() - far(self.y.share(y)) * self.area.height(),
        )
    }

    /// The values at a place.
    pub(super) fn value(&self, at: Pos2) -> (f64, f64) {
        let x = f64::from((at.x - self.area.left()) / self.area.width());
        let y = f64::from((self.area.bottom() - at.y) / self.area.height());
        (self.x.value(x), self.y.value(y))
    }

    pub(super) fn bar(&self, bar: &Bar) -> Rect {
        Rect::from_two_pos(self.place(bar.x.0, bar.y.0), self.place(bar.x.1, bar.y.1))
    }

    fn axes(&mut self, chart: &Chart, y_ticks: &[(f64, String)], rect: Rect, palette: &Palette) {
        let area = self.area;
        self.frame.push(Mark::Rect { rect: area, colour: palette.canvas });
        let line = |points: [Pos2; 2]| Mark::Line {
            points: points.to_vec(),
            width: 1.0,
            colour: palette.line,
            dashed: false,
        };
        for (value, text) in y_ticks {
            let y = self.place(self.x.from, *value).y;
            if y < area.top() - 0.5 || y > area.bottom() + 0.5 {
                continue;
            }
            self.frame.push(line([pos2(area.left(), y), pos2(area.right(), y)]));
            let room = (area.left() - rect.left() - 6.0).max(0.0);
            self.text(
                pos2(area.left() - 5.0, y),
                Align2::RIGHT_CENTER,
                &cut(text, room),
                palette.weak,
            );
        }
        let x_ticks = ticks(&chart.x, (self.x.from, self.x.to), (area.width() / 80.0) as usize);
        let mut free = f32::NEG_INFINITY;
        for (value, text) in &x_ticks {
            let x = self.place(*value, self.y.from).x;
            if x < area.left() - 0.5 || x > area.right() + 0.5 {
                continue;
            }
            self.frame.push(line([pos2(x, area.top()), pos2(x, area.bottom())]));
            let half = width(text) / 2.0;
            let centre = x.clamp(rect.left() + half, (rect.right() - half).max(rect.left() + half));
            if centre - half >= free {
                self.text(
                    pos2(centre, area.bottom() + 4.0),
                    Align2::CENTER_TOP,
                    text,
                    palette.weak,
                );
                free = centre + half + 6.0;
            }
        }
        if !chart.x.label.is_empty() {
            let at = pos2(area.center().x, rect.bottom() - 2.0);
            self.text(at, Align2::CENTER_BOTTOM, &cut(&chart.x.label, rect.width()), palette.text);
        }
        if !chart.y.label.is_empty() {
            let at = pos2(rect.left() + TEXT * 0.6, area.center().y);
            self.frame.push(Mark::Text {
                at,
                anchor: Align2::CENTER_CENTER,
                text: cut(&chart.y.label, area.height()),
                colour: palette.text,
                upright: false,
            });
        }
    }

    fn text(&mut self, at: Pos2, anchor: Align2, text: &str, colour: Color32) {
        self.frame.push(Mark::Text { at, anchor, text: text.to_owned(), colour, upright: true });
    }

    fn layer(&mut self, layer: &Layer, palette: &Palette) {
        match layer {
            Layer::Line { colour, points, dashed, .. } => {
                let shown = |at: &[f64; 2]| {
                    at.iter().all(|value| value.is_finite())
                        && (self.x.scale == Scale::Linear || at[0] > 0.0)
                        && (self.y.scale == Scale::Linear || at[1] > 0.0)
                };
                let runs: Vec<Vec<Pos2>> = points
                    .split(|at| !shown(at))
                    .map(|run| run.iter().map(|at| self.place(at[0], at[1])).collect())
                    .collect();
                for points in runs.into_iter().filter(|run: &Vec<Pos2>| run.len() > 1) {
                    self.marks.push(Mark::Line {
                        points,
                        width: 1.6,
                        colour: *colour,
                        dashed: *dashed,
                    });
                }
            }
            Layer::Band { colour, points, .. } => self.marks.push(Mark::Strip {
                upper: points.iter().map(|at| self.place(at[0], at[2])).collect(),
                lower: points.iter().map(|at| self.place(at[0], at[1])).collect(),
                colour: colour.gamma_multiply(0.25),
            }),
            Layer::Points { colour, marker, points, .. } => {
                for point in points {
                    let at = self.place(point.x, point.y);
                    let (radius, marker, colour) = (point.radius, *marker, *colour);
                    self.marks.push(Mark::Point { at, radius, marker, colour });
                }
            }
            Layer::Bars { colour, bars, .. } => {
                for bar in bars {
                    self.marks.push(Mark::Rect { rect: self.bar(bar), colour: *colour });
                }
            }
            Layer::Level { name, colour, at, vertical } => {
                let (from, to) = if *vertical {
                    let x = self.place(*at, self.y.from).x;
                    (pos2(x, self.area.top()), pos2(x, self.area.bottom()))
                } else {
                    let y = self.place(self.x.from, *at).y;
                    (pos2(self.area.left(), y), pos2(self.area.right(), y))
                };
                let (points, colour) = (vec![from, to], *colour);
                self.marks.push(Mark::Line { points, width: 1.5, colour, dashed: true });
                let near_end = from.x + width(name) + 6.0 > self.area.right();
                let (at, anchor) = match (vertical, near_end) {
                    (true, false) => (from + vec2(4.0, 2.0), Align2::LEFT_TOP),
                    (true, true) => (from + vec2(-4.0, 2.0), Align2::RIGHT_TOP),
                    (false, _) if from.y - LINE < self.area.top() => {
                        (from + vec2(4.0, 2.0), Align2::LEFT_TOP)
                    }
                    (false, _) => (from + vec2(4.0, -2.0), Align2::LEFT_BOTTOM),
                };
                let at = self.free(at, anchor, name, *vertical);
                let (text, colour) = (name.clone(), palette.text);
                self.marks.push(Mark::Text { at, anchor, text, colour, upright: true });
            }
        }
    }
}

impl Geometry {
    /// A place for the name of a level that no other one has: further down beside a vertical line, further right on others.
    fn free(&mut self, at: Pos2, anchor: Align2, name: &str, vertical: bool) -> Pos2 {
        let size = vec2(width(name), LINE);
        let step = if vertical { vec2(0.0, LINE) } else { vec2(size.x + 12.0, 0.0) };
        let places = (0..8).map(|steps| at + step * steps as f32);
        let is_free = |place: &Pos2| {
            let rect = anchor.anchor_size(*place, size);
            self.area.expand(2.0).contains_rect(rect)
                && !self.names.iter().any(|other| other.intersects(rect))
        };
        // Where there is none, two names over each other still tell that there are two.
        let place = places.clone().find(is_free).unwrap_or(at);
        self.names.push(anchor.anchor_size(place, size));
        place
    }
}

/// A text that is not longer than there is room for, points.
fn cut(text: &str, room: f32) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let most = ((room / CHARACTER) as usize).saturating_sub(1);
    let kept: String = text.chars().take(most).collect();
    format!("{kept}…")
}

/// Puts the names of the layers into lines above the plot and returns their height, points.
fn legend(chart: &Chart, rect: Rect, palette: &Palette, frame: &mut Vec<Mark>) -> f32 {
    let named: Vec<&Layer> = chart
        .layers
        .iter()
        .filter(|layer| !layer.name().is_empty() && !matches!(layer, Layer::Level { .. }))
        .collect();
    if named.len() < 2 {
        return 0.0;
    }
    let mut at = rect.left_top() + vec2(4.0, LINE / 2.0);
    for layer in named {
        let name = cut(layer.name(), rect.width() - 30.0);
        let long = width(&name) + 34.0;
        if at.x + long > rect.right() && at.x > rect.left() + 4.0 {
            at = pos2(rect.left() + 4.0, at.y + LINE);
        }
        let colour = layer.colour();
        frame.push(match layer {
            Layer::Points { marker, .. } => {
                Mark::Point { at: at + vec2(8.0, 0.0), radius: 4.0, marker: *marker, colour }
            }
            Layer::Line { dashed, .. } => Mark::Line {
                points: vec![at, at + vec2(16.0, 0.0)],
                width: 2.0,
                colour,
                dashed: *dashed,
            },
            _ => Mark::Rect {
                rect: Rect::from_center_size(at + vec2(8.0, 0.0), Vec2::new(14.0, 8.0)),
                colour,
            },
        });
        frame.push(Mark::Text {
            at: at + vec2(20.0, 0.0),
            anchor: Align2::LEFT_CENTER,
            text: name,
            colour: palette.text,
            upright: true,
        });
        at.x += long;
    }
    at.y + LINE / 2.0 - rect.top()
}

#[cfg(test)]
mod tests {
    use egui::{Align2, Color32, Rect, Theme, pos2, vec2};

    use super::{Geometry, LINE, Mark, width};
    use crate::palette::Palette;
    use crate::view::chart::{Axis, Chart, Layer, Scale};

    /// Lines close to each other had their names on top of each other.
    #[test]
    fn names_of_near_levels_do_not_overlap() {
        let level = |name: &str, at, vertical| {
            let (name, colour) = (name.to_owned(), Color32::RED);
            Layer::Level { name, colour, at, vertical }
        };
        let layers = vec![
            level("median", 50.0, true),
            level("mean of all", 50.1, true),
            level("99th percentile", 50.2, true),
            level("limit", 7.0, false),
            level("budget", 7.01, false),
            Layer::Line {
                name: String::new(),
                colour: Color32::BLUE,
                points: vec![[0.0, 0.0], [100.0, 10.0]],
                dashed: false,
            },
        ];
        let axis = || Axis::new("", Scale::Linear, |value| value.to_string());
        let (x, y) = (axis(), axis());
        let chart = Chart { title: "levels".into(), x, y, layers };
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(600.0, 300.0));
        let geometry = Geometry::new(&chart, rect, Palette::of(Theme::Light));
        let placed = |mark: &Mark| match mark {
            Mark::Text { at, anchor, text, .. } => {
                Some(Align2::anchor_size(*anchor, *at, vec2(width(text), LINE)))
            }
            _ => None,
        };
        let names: Vec<Rect> = geometry.marks.iter().filter_map(placed).collect();
        assert_eq!(names.len(), 5);
        for (index, name) in names.iter().enumerate() {
            assert!(geometry.area.expand(2.0).contains_rect(*name), "{name}");
            assert!(names[..index].iter().all(|other| !other.intersects(*name)), "{names:?}");
        }
    }
}
