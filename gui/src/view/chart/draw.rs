//! A plot in the window.

use egui::{
    Align2, Color32, FontId, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind,
    Ui, Vec2, WidgetInfo, epaint, vec2,
};

use super::geometry::{Geometry, Mark, TEXT};
use super::{Chart, Layer, Marker};
use crate::palette::Palette;
use crate::view::context_menu;
use crate::view::export::{self, Picture};

/// How near the pointer must be to a point, points.
const NEAR: f32 = 9.0;

/// What happened to a plot in this frame.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// The layer and the item of it that was clicked.
    pub clicked: Option<(usize, usize)>,
    /// The values at the place that was clicked.
    pub clicked_at: Option<(f64, f64)>,
    /// The layer and the item under the pointer.
    pub hovered: Option<(usize, usize)>,
}

impl Chart {
    /// Shows the plot in a rectangle of this size. Its menu exports it.
    pub fn show(&self, ui: &mut Ui, size: Vec2) -> Touched {
        let palette = Palette::of(ui.ctx().theme());
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let geometry = Geometry::new(self, rect, palette);
        if ui.is_rect_visible(rect) {
            let painter = ui.painter_at(rect);
            paint(&painter, &geometry.frame);
            paint(
                &painter.with_clip_rect(geometry.area.intersect(ui.clip_rect())),
                &geometry.marks,
            );
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.summary()));
        self.menu(&response, rect, palette);
        self.touched(ui, &response, &geometry, palette)
    }

    /// What a screen reader says.
    fn summary(&self) -> String {
        let items: usize = self
            .layers
            .iter()
            .map(|layer| match layer {
                Layer::Points { points, .. } => points.len(),
                Layer::Bars { bars, .. } => bars.len(),
                _ => 1,
            })
            .sum();
        format!("{}, {} over {}, {items} items", self.title, self.y.label, self.x.label)
    }

    fn menu(&self, response: &Response, rect: Rect, palette: &Palette) {
        context_menu::show(response, |ui| {
            if ui.button("Save as SVG…").clicked() {
                let size = rect.size() + vec2(16.0, 30.0);
                export::request(ui.ctx(), &self.title, Picture::Svg(self.svg(size, palette)));
                ui.close();
            }
            if ui.button("Save as PNG…").clicked() {
                export::request(ui.ctx(), &self.title, Picture::Screen(rect));
                ui.close();
            }
        });
    }

    fn touched(
        &self,
        ui: &Ui,
        response: &Response,
        geometry: &Geometry,
        palette: &Palette,
    ) -> Touched {
        let mut touched = Touched::default();
        let Some(pointer) = response.hover_pos().filter(|&at| geometry.area.contains(at)) else {
            return touched;
        };
        if let Some((layer, item, text)) = self.under(geometry, pointer) {
            touched.hovered = Some((layer, item));
            if let Layer::Points { points, .. } = &self.layers[layer] {
                let at = geometry.place(points[item].x, points[item].y);
                let stroke = Stroke::new(1.5, palette.selection);
                ui.painter_at(geometry.area).circle_stroke(at, points[item].radius + 2.5, stroke);
            }
            if !text.is_empty() {
                response.clone().on_hover_text_at_pointer(text);
            }
        }
        if response.clicked() {
            touched.clicked = touched.hovered;
            touched.clicked_at = Some(geometry.value(pointer));
        }
        touched
    }

    /// The item under the pointer, the uppermost first, with what is to be said of it.
    fn under(&self, geometry: &Geometry, pointer: Pos2) -> Option<(usize, usize, String)> {
        let nearest = |places: &mut dyn Iterator<Item = (usize, Pos2, f32)>| {
            places
                .map(|(item, at, radius)| (item, at.distance(pointer) - radius))
                .filter(|&(_, distance)| distance <= NEAR)
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(item, _)| item)
        };
        self.layers.iter().enumerate().rev().find_map(|(index, layer)| match layer {
            Layer::Points { points, .. } => {
                let item =
                    nearest(&mut points.iter().enumerate().map(|(item, point)| {
                        (item, geometry.place(point.x, point.y), point.radius)
                    }))?;
                Some((index, item, points[item].hover.clone()))
            }
            Layer::Bars { bars, .. } => {
                let under = |rect: Rect| rect.expand(1.0).contains(pointer);
                let item = bars.iter().position(|bar| under(geometry.bar(bar)))?;
                Some((index, item, bars[item].hover.clone()))
            }
            Layer::Line { name, points, .. } => {
                let item = nearest(
                    &mut points
                        .iter()
                        .enumerate()
                        .map(|(item, at)| (item, geometry.place(at[0], at[1]), 0.0)),
                )?;
                let [x, y] = points[item];
                let text = format!("{name}\n{}, {}", (self.x.format)(x), (self.y.format)(y));
                Some((index, item, text.trim_start().to_owned()))
            }
            Layer::Band { .. } | Layer::Level { .. } => None,
        })
    }
}

fn paint(painter: &Painter, marks: &[Mark]) {
    for mark in marks {
        match mark {
            Mark::Line { points, width, colour, dashed: false } => {
                painter.add(Shape::line(points.clone(), Stroke::new(*width, *colour)));
            }
            Mark::Line { points, width, colour, dashed: true } => {
                painter.extend(Shape::dashed_line(points, Stroke::new(*width, *colour), 6.0, 4.0));
            }
            Mark::Strip { upper, lower, colour } => strip(painter, upper, lower, *colour),
            Mark::Rect { rect, colour } => {
                painter.rect_filled(*rect, 0.0, *colour);
            }
            Mark::Point { at, radius, marker, colour } => {
                point(painter, *at, *radius, *marker, *colour);
            }
            Mark::Text { at, anchor, text, colour, upright } => {
                label(painter, *at, *anchor, text, *colour, *upright);
            }
        }
    }
}

fn strip(painter: &Painter, upper: &[Pos2], lower: &[Pos2], colour: Color32) {
    let mut mesh = epaint::Mesh::default();
    for (a, b) in upper.iter().zip(lower) {
        mesh.colored_vertex(*a, colour);
        mesh.colored_vertex(*b, colour);
    }
    for corner in (0..mesh.vertices.len() as u32).step_by(2).skip(1) {
        mesh.add_triangle(corner - 2, corner - 1, corner);
        mesh.add_triangle(corner - 1, corner, corner + 1);
    }
    painter.add(mesh);
}

fn point(painter: &Painter, at: Pos2, radius: f32, marker: Marker, colour: Color32) {
    let corners = |corners: &[(f32, f32)]| {
        let all = corners.iter().map(|&(x, y)| at + vec2(x, y) * radius).collect();
        Shape::convex_polygon(all, colour, Stroke::NONE)
    };
    let stroke = Stroke::new(2.0, colour);
    match marker {
        Marker::Circle => {
            painter.circle_filled(at, radius, colour);
        }
        Marker::Ring => {
            painter.circle_stroke(at, radius, Stroke::new(1.5, colour));
        }
        Marker::Square => {
            let rect = Rect::from_center_size(at, Vec2::splat(radius * 1.8));
            painter.rect(rect, 0.0, colour, Stroke::NONE, StrokeKind::Inside);
        }
        Marker::Diamond => {
            painter.add(corners(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]));
        }
        Marker::Triangle => {
            painter.add(corners(&[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)]));
        }
        Marker::Cross => {
            for (from, to) in [((-1.0, -1.0), (1.0, 1.0)), ((-1.0, 1.0), (1.0, -1.0))] {
                let place = |(x, y): (f32, f32)| at + vec2(x, y) * radius;
                painter.line_segment([place(from), place(to)], stroke);
            }
        }
    }
}

fn label(painter: &Painter, at: Pos2, anchor: Align2, text: &str, colour: Color32, upright: bool) {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(TEXT), colour);
    if upright {
        let rect = anchor.anchor_size(at, galley.size());
        painter.galley(rect.min, galley, colour);
        return;
    }
    // Read from below: turned by a quarter around its middle.
    let start = at + vec2(-galley.size().y / 2.0, galley.size().x / 2.0);
    let shape =
        epaint::TextShape::new(start, galley, colour).with_angle(-std::f32::consts::FRAC_PI_2);
    painter.add(shape);
}
