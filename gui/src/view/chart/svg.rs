//! A plot as an SVG file that needs nothing else.

use egui::{Align2, Color32, Pos2, Rect, Vec2};

use super::geometry::{Geometry, Mark, TEXT};
use super::{Chart, Marker};
use crate::palette::Palette;

impl Chart {
    /// The plot as the text of an SVG file of this size.
    #[must_use]
    pub fn svg(&self, size: Vec2, palette: &Palette) -> String {
        let title = 22.0;
        let rect = Rect::from_min_max(Pos2::new(8.0, title), (size - Vec2::splat(8.0)).to_pos2());
        let geometry = Geometry::new(self, rect, palette);
        let mut lines = vec![
            format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" font-family="sans-serif" font-size="{TEXT}">"#,
                size.x, size.y
            ),
            format!(r#"<rect width="100%" height="100%" {}/>"#, fill(palette.canvas)),
            format!(
                r#"<text x="12" y="15" font-weight="bold" {}>{}</text>"#,
                fill(palette.text),
                escaped(&self.title)
            ),
        ];
        lines.extend(geometry.frame.iter().map(element));
        let area = geometry.area;
        lines.push(format!(
            r#"<clipPath id="area"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath><g clip-path="url(#area)">"#,
            area.left(),
            area.top(),
            area.width(),
            area.height()
        ));
        lines.extend(geometry.marks.iter().map(element));
        lines.push("</g></svg>\n".into());
        lines.join("\n")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn paint(attribute: &str, colour: Color32) -> String {
    let [r, g, b, a] = colour.to_srgba_unmultiplied();
    let opacity = f32::from(a) / 255.0;
    format!(r#"{attribute}="rgb({r},{g},{b})" {attribute}-opacity="{opacity:.2}""#)
}

fn fill(colour: Color32) -> String {
    paint("fill", colour)
}

fn points(all: impl Iterator<Item = Pos2>) -> String {
    all.map(|at| format!("{:.1},{:.1}", at.x, at.y)).collect::<Vec<_>>().join(" ")
}

fn element(mark: &Mark) -> String {
    match mark {
        Mark::Line { points: all, width, colour, dashed } => {
            let dash = if *dashed { r#" stroke-dasharray="6 4""# } else { "" };
            format!(
                r#"<polyline points="{}" fill="none" stroke-width="{width}" {}{dash}/>"#,
                points(all.iter().copied()),
                paint("stroke", *colour)
            )
        }
        Mark::Strip { upper, lower, colour } => {
            let around = upper.iter().chain(lower.iter().rev()).copied();
            format!(r#"<polygon points="{}" {}/>"#, points(around), fill(*colour))
        }
        Mark::Rect { rect, colour } => format!(
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" {}/>"#,
            rect.left(),
            rect.top(),
            rect.width(),
            rect.height(),
            fill(*colour)
        ),
        Mark::Point { at, radius, marker, colour } => point(*at, *radius, *marker, *colour),
        Mark::Text { at, anchor, text, colour, upright } => {
            label(*at, *anchor, text, *colour, *upright)
        }
    }
}

fn point(at: Pos2, radius: f32, marker: Marker, colour: Color32) -> String {
    let (x, y, r) = (at.x, at.y, radius);
    let corners = |corners: &[(f32, f32)]| {
        let all = corners.iter().map(|&(dx, dy)| Pos2::new(x + dx * r, y + dy * r));
        format!(r#"<polygon points="{}" {}/>"#, points(all), fill(colour))
    };
    match marker {
        Marker::Circle => format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r}" {}/>"#, fill(colour)),
        Marker::Ring => format!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r}" fill="none" stroke-width="1.5" {}/>"#,
            paint("stroke", colour)
        ),
        Marker::Square => corners(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Marker::Diamond => corners(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]),
        Marker::Triangle => corners(&[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)]),
        Marker::Cross => format!(
            r#"<path d="M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}" stroke-width="2" {}/>"#,
            x - r,
            y - r,
            x + r,
            y + r,
            x - r,
            y + r,
            x + r,
            y - r,
            paint("stroke", colour)
        ),
    }
}

fn label(at: Pos2, anchor: Align2, text: &str, colour: Color32, upright: bool) -> String {
    let across = match anchor.x() {
        egui::Align::Min => "start",
        egui::Align::Center => "middle",
        egui::Align::Max => "end",
    };
    // Text is placed by its base line.
    let down = match anchor.y() {
        egui::Align::Min => TEXT * 0.9,
        egui::Align::Center => TEXT * 0.35,
        egui::Align::Max => -TEXT * 0.2,
    };
    let (x, y) = (at.x, at.y + down);
    let turned = if upright {
        String::new()
    } else {
        format!(r#" transform="rotate(-90 {x:.1} {:.1})""#, at.y)
    };
    format!(
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{across}" {}{turned}>{}</text>"#,
        fill(colour),
        escaped(text)
    )
}

#[cfg(test)]
mod tests {
    use egui::{Theme, vec2};

    use super::super::{Axis, Bar, Chart, Layer, Marker, Point, Scale};
    use crate::palette::Palette;

    fn words(value: f64) -> String {
        format!("{value}")
    }

    #[test]
    fn every_layer_is_in_the_file_which_is_well_formed() {
        let palette = Palette::of(Theme::Light);
        let colour = palette.curves[0];
        let point = Point { x: 10.0, y: 3.0, radius: 4.0, hover: String::new() };
        let chart = Chart {
            title: "a < b & \"c\"".into(),
            x: Axis::new("size", Scale::Log, words),
            y: Axis::new("rate", Scale::Linear, words),
            layers: vec![
                Layer::Line {
                    name: "line".into(),
                    colour,
                    points: vec![[1.0, 1.0], [f64::NAN, 2.0], [10.0, 2.0], [100.0, 3.0]],
                    dashed: true,
                },
                Layer::Band {
                    name: "band".into(),
                    colour,
                    points: vec![[1.0, 0.5, 2.0], [9.0, 1.0, 3.0]],
                },
                Layer::Points {
                    name: "points".into(),
                    colour,
                    marker: Marker::Cross,
                    points: vec![point],
                },
                Layer::Bars {
                    name: "bars".into(),
                    colour,
                    bars: vec![Bar { x: (1.0, 5.0), y: (0.0, 2.0), hover: String::new() }],
                },
                Layer::Level { name: "limit".into(), colour, at: 2.5, vertical: false },
            ],
        };
        let svg = chart.svg(vec2(600.0, 300.0), palette);
        let parsed = roxmltree::Document::parse(&svg).unwrap();
        let count = |tag: &str| parsed.descendants().filter(|node| node.has_tag_name(tag)).count();
        // The crosses of the points and of the legend; the band.
        assert_eq!((count("path"), count("polygon"), count("circle")), (2, 1, 0));
        for text in
            ["a < b & \"c\"", "line", "band", "points", "bars", "limit", "size", "rate", "100"]
        {
            let found = parsed.descendants().any(|node| node.text() == Some(text));
            assert!(found, "{text}");
        }
    }
}
