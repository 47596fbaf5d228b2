//! The curves under the timeline: memory above, utilisation (or what else was sampled) below, on the
//! same axis of time.

use egui::{
    Align2, ComboBox, FontId, Pos2, Rect, RichText, Role, Sense, Stroke, Ui, UiBuilder, WidgetInfo,
    vec2,
};
use egui_plot::{Line, Plot, PlotPoint, VLine};

use super::chart::{Axis, Chart, Layer, Scale};
use super::context_menu;
use super::export::{self, Picture};
use super::pointer;
use super::timeline::{GUTTER, MARGIN};
use crate::model::series::{Quantity, Series};
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Height of a plot that has room, points.
pub(crate) const PLOT_HEIGHT: f32 = 92.0;

/// True when there is anything to plot.
pub(crate) fn any(session: &Session) -> bool {
    !session.document.series.is_empty()
}

/// Shows both plots.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let others: Vec<_> =
        quantities(session).into_iter().filter(|&other| other != Quantity::Memory).collect();
    let memory = session.document.series.iter().any(|series| series.quantity == Quantity::Memory);
    let plots = usize::from(memory) + usize::from(!others.is_empty());
    // Or the panel would shrink a little in every frame, as plots are cut to whole pixels; whole points, or it would grow.
    ui.set_min_height(ui.available_height().floor());
    let height = (ui.available_height() / plots.max(1) as f32).max(40.0);
    ui.spacing_mut().item_spacing.y = 0.0;
    if memory {
        plot(ui, session, Quantity::Memory, &[], height);
    }
    if !others.is_empty() {
        plot(ui, session, session.lower_quantity, &others, height);
    }
}

fn quantities(session: &Session) -> Vec<Quantity> {
    let mut found: Vec<_> = session.document.series.iter().map(|series| series.quantity).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn plot(ui: &mut Ui, session: &mut Session, quantity: Quantity, choices: &[Quantity], height: f32) {
    let palette = Palette::of(ui.ctx().theme());
    let (whole, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let right = (whole.right() - MARGIN).max(whole.left() + GUTTER + 10.0);
    let area = Rect::from_x_y_ranges(
        whole.left() + GUTTER..=right,
        whole.top() + 3.0..=whole.bottom() - 3.0,
    );
    let gutter = Rect::from_x_y_ranges(whole.left() + 8.0..=area.left() - 6.0, area.y_range());
    ui.scope_builder(UiBuilder::new().max_rect(gutter).id_salt((quantity, "legend")), |ui| {
        ui.shrink_clip_rect(gutter);
        legend(ui, session, palette, quantity, choices);
    });
    ui.scope_builder(UiBuilder::new().max_rect(area).id_salt((quantity, "plot")), |ui| {
        draw(ui, session, palette, quantity, area);
    });
}

/// The curves of a quantity with their colours, which depend on the order only.
fn curves(session: &Session, palette: &Palette, quantity: Quantity) -> Vec<(usize, egui::Color32)> {
    let of_quantity = session
        .document
        .series
        .iter()
        .enumerate()
        .filter(|(_, series)| series.quantity == quantity);
    of_quantity
        .enumerate()
        .map(|(order, (index, _))| (index, palette.curves[order % palette.curves.len()]))
        .collect()
}

fn legend(
    ui: &mut Ui,
    session: &mut Session,
    palette: &Palette,
    quantity: Quantity,
    choices: &[Quantity],
) {
    ui.spacing_mut().item_spacing = vec2(6.0, 1.0);
    if choices.len() > 1 {
        ui.name_inputs("What the lower plot shows", |ui| {
            ComboBox::from_id_salt("quantity").selected_text(quantity.label()).show_ui(ui, |ui| {
                for &choice in choices {
                    ui.selectable_value(&mut session.lower_quantity, choice, choice.label());
                }
            });
        });
    } else {
        ui.label(RichText::new(quantity.label()).strong());
    }
    egui::ScrollArea::vertical().id_salt(quantity).auto_shrink(false).show(ui, |ui| {
        for (index, colour) in curves(session, palette, quantity) {
            let Some(series) = session.document.series.get(index) else { continue };
            let hidden = session.hidden_curves.contains(&series.label);
            let value = match session.pointer_time {
                Some(time) => series.value_at(time),
                None => Some(series.peak()),
            };
            let value = value.map_or_else(String::new, |value| quantity.format(value));
            let prefix =
                if session.pointer_time.is_none() && !value.is_empty() { "max " } else { "" };
            let (rect, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::click());
            response.widget_info(|| {
                WidgetInfo::selected(
                    Role::CheckBox,
                    true,
                    !hidden,
                    format!("{} {prefix}{value}", series.label),
                )
            });
            let text = if hidden { palette.weak } else { palette.text };
            let swatch = Rect::from_center_size(
                Pos2::new(rect.left() + 6.0, rect.center().y),
                vec2(12.0, 3.0),
            );
            if hidden {
                ui.painter().rect_stroke(
                    swatch,
                    0.0,
                    Stroke::new(1.0, palette.weak),
                    egui::StrokeKind::Inside,
                );
            } else {
                ui.painter().rect_filled(swatch, 0.0, colour);
            }
            let font = FontId::proportional(11.0);
            let right = Pos2::new(rect.right(), rect.center().y);
            let value = format!("{prefix}{value}");
            let taken =
                ui.painter().text(right, Align2::RIGHT_CENTER, value, font.clone(), palette.weak);
            let left = Pos2::new(rect.left() + 17.0, rect.center().y);
            let room = rect.with_max_x(taken.left() - 6.0);
            let painter = ui.painter().with_clip_rect(room.intersect(ui.clip_rect()));
            painter.text(left, Align2::LEFT_CENTER, &series.label, font, text);
            if response.clicked() {
                let label = series.label.clone();
                if !session.hidden_curves.remove(&label) {
                    session.hidden_curves.insert(label);
                }
            }
        }
    });
}

fn draw(ui: &mut Ui, session: &mut Session, palette: &Palette, quantity: Quantity, area: Rect) {
    let origin = session.document.whole().start();
    let seconds = |time: i64| time.saturating_sub(origin) as f64 / 1e9;
    let pixels = area.width() * ui.ctx().pixels_per_point();
    let lines: Vec<(&Series, egui::Color32, Vec<[f64; 2]>)> = curves(session, palette, quantity)
        .into_iter()
        .filter_map(|(index, colour)| Some((session.document.series.get(index)?, colour)))
        .filter(|(series, _)| !session.hidden_curves.contains(&series.label))
        .map(|(series, colour)| {
            (series, colour, series.points(session.view, origin, pixels as usize))
        })
        .collect();
    // The axis is that of the whole recording: a curve must not jump while moving through time.
    let peak = lines.iter().map(|(series, ..)| series.peak()).fold(0.0, f64::max);
    let top = if peak > 0.0 { peak * 1.12 } else { 1.0 };
    let pointer_time = session.pointer_time;
    let view = session.view;
    ui.painter().rect_filled(area, 0.0, palette.canvas);
    let shown = Plot::new(("curves", quantity))
        .width(area.width())
        .height(area.height())
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_y(false)
        .cursor_color(egui::Color32::TRANSPARENT)
        .set_margin_fraction(vec2(0.0, 0.0))
        .label_formatter(|_| None)
        .sense(Sense::click_and_drag())
        .show(ui, |plot| {
            plot.set_plot_bounds_x(seconds(view.start())..=seconds(view.end()));
            plot.set_plot_bounds_y(0.0..=top);
            for (series, colour, points) in lines {
                plot.line(
                    Line::new(series.label.as_str(), points)
                        .color(colour)
                        .width(1.5)
                        .allow_hover(false),
                );
            }
            if let Some(time) = pointer_time {
                plot.vline(
                    VLine::new("pointer", seconds(time))
                        .color(palette.cursor)
                        .width(1.0)
                        .allow_hover(false),
                );
            }
        });
    // The scale in words: the full height and half of it.
    let painter = ui.painter_at(area);
    for share in [1.0, 0.5] {
        let y = shown.transform.position_from_point(&PlotPoint::new(0.0, peak * share)).y;
        painter.hline(area.x_range(), y, Stroke::new(1.0, palette.grid));
        let text = quantity.format(peak * share);
        let at = Pos2::new(area.right() - 3.0, y + 1.0);
        let galley = painter.layout_no_wrap(text, FontId::proportional(10.0), palette.weak);
        let rect = Align2::RIGHT_TOP.anchor_size(at, galley.size());
        painter.rect_filled(rect.expand2(vec2(2.0, 0.0)), 2.0, palette.canvas.gamma_multiply(0.85));
        painter.galley(rect.min, galley, palette.weak);
    }
    shown.response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Canvas,
            true,
            format!("{} over time, up to {}", quantity.label(), quantity.format(peak)),
        )
    });
    save_menu(&shown.response, session, palette, quantity, area);
    pointer::navigate(ui, &shown.response, area, session);
}

/// The menu saves the picture of what is in sight.
fn save_menu(
    response: &egui::Response,
    session: &Session,
    palette: &Palette,
    quantity: Quantity,
    area: Rect,
) {
    context_menu::show(response, |ui| {
        let title = format!("{} over time", quantity.label());
        if ui.button("Save as SVG…").clicked() {
            let chart = chart(session, palette, quantity, title.clone());
            let svg = chart.svg(area.size().max(vec2(640.0, 240.0)), palette);
            export::request(ui.ctx(), &title, Picture::Svg(svg));
            ui.close();
        }
        if ui.button("Save as PNG…").clicked() {
            let with_legend = area.with_min_x(area.left() - GUTTER);
            export::request(ui.ctx(), &title, Picture::Screen(with_legend));
            ui.close();
        }
    });
}

/// The curves in sight as a plot of its own.
fn chart(session: &Session, palette: &Palette, quantity: Quantity, title: String) -> Chart {
    let origin = session.document.whole().start();
    let view = session.view;
    let seconds = |time: i64| time.saturating_sub(origin) as f64 / 1e9;
    let layers = curves(session, palette, quantity)
        .into_iter()
        .filter_map(|(index, colour)| Some((session.document.series.get(index)?, colour)))
        .filter(|(series, _)| !session.hidden_curves.contains(&series.label))
        .map(|(series, colour)| Layer::Line {
            name: series.label.clone(),
            colour,
            points: series.points(view, origin, 1_000),
            dashed: false,
        })
        .collect();
    let x = Axis::new("Time", Scale::Linear, |time| units::duration((time * 1e9) as i64));
    Chart {
        title,
        x: x.range(seconds(view.start()), seconds(view.end())),
        y: Axis::new(quantity.label(), Scale::Linear, quantity.formatter()),
        layers,
    }
}
