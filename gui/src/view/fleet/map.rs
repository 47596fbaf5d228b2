//! Nodes and GPUs by state: a row a node, a square a GPU. Only rows in sight are laid out.

use egui::{
    Align2, FontId, Label, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, TextEdit, Ui,
    WidgetInfo, pos2, vec2,
};

use super::loaded::Loaded;
use super::{State, colour};
use crate::model::fleet::document::Status;
use crate::model::fleet::grid::{Order, choose, gpu_status, gpu_words};
use crate::palette::Palette;
use crate::units;

/// Height of a row, points.
const ROW: f32 = 24.0;
/// Width of a square with its gap, points.
const SQUARE: f32 = 21.0;
/// Room for the state in words, points.
const STATE: f32 = 86.0;
/// Least room for the name, points.
const NAME: f32 = 96.0;
/// Squares in a row at most; further GPUs are told in words.
const MOST: usize = 16;

pub(super) fn show(ui: &mut Ui, state: &mut State, loaded: &Loaded) {
    filters(ui, state, loaded);
    if state.chosen.as_ref().is_none_or(|(choice, _)| *choice != state.choice) {
        state.chosen = Some((state.choice.clone(), choose(&loaded.fleet, &state.choice)));
    }
    let Some((_, chosen)) = state.chosen.clone() else { return };
    if chosen.is_empty() {
        ui.add(
            Label::new("No node is in these states and has this text in its name or findings")
                .wrap(),
        );
        return;
    }
    let squares = loaded.most_gpus.min(MOST);
    let name = (ui.available_width() * 0.24).clamp(NAME, 200.0);
    heading(ui, squares, name);
    ScrollArea::vertical().id_salt("nodes").auto_shrink(false).show_rows(
        ui,
        ROW - ui.spacing().item_spacing.y,
        chosen.len(),
        |ui, rows| {
            for row in rows {
                let Some(&at) = chosen.get(row) else { continue };
                self::row(ui, state, loaded, at, (squares, name));
            }
        },
    );
}

fn filters(ui: &mut Ui, state: &mut State, loaded: &Loaded) {
    ui.horizontal_wrapped(|ui| {
        for (status, count) in Status::ALL.into_iter().zip(loaded.counts) {
            let mut shown = !state.choice.hidden.contains(&status);
            let label = format!(
                "{} {} {}",
                status.sign(),
                units::count(count as u64),
                status.word().to_lowercase()
            );
            let response = ui.toggle_value(&mut shown, label);
            response.clone().on_hover_text("Show or hide nodes in this state");
            if response.clicked() {
                if shown {
                    state.choice.hidden.remove(&status);
                } else {
                    state.choice.hidden.insert(status);
                }
            }
        }
        ui.separator();
        let field = TextEdit::singleline(&mut state.choice.text)
            .hint_text("Name or finding")
            .desired_width(118.0);
        ui.add(field).widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter nodes"));
        ui.selectable_value(&mut state.choice.order, Order::WorstFirst, "Worst first");
        ui.selectable_value(&mut state.choice.order, Order::ByName, "By name");
    });
}

fn heading(ui: &mut Ui, squares: usize, name: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let palette = Palette::of(ui.ctx().theme());
    let text = |x: f32, anchor: Align2, text: String| {
        let at = pos2(rect.left() + x, rect.center().y);
        ui.painter_at(rect).text(at, anchor, text, FontId::proportional(11.0), palette.weak);
    };
    text(4.0, Align2::LEFT_CENTER, "State".to_owned());
    text(STATE, Align2::LEFT_CENTER, "Node".to_owned());
    for gpu in 0..squares {
        let x = STATE + name + (gpu as f32 + 0.5) * SQUARE;
        text(x - 2.0, Align2::CENTER_CENTER, gpu.to_string());
    }
    if squares > 0 {
        let x = STATE + name + squares as f32 * SQUARE + 6.0;
        text(x, Align2::LEFT_CENTER, "GPU; first finding".to_owned());
    }
}

fn row(ui: &mut Ui, state: &mut State, loaded: &Loaded, at: usize, (squares, name): (usize, f32)) {
    let palette = Palette::of(ui.ctx().theme());
    let Some(node) = loaded.fleet.nodes.get(at) else { return };
    let height = ROW - ui.spacing().item_spacing.y;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let first = node.findings.first();
    let said = || {
        let found = first.map_or_else(String::new, |finding| format!(", {}", finding.detail));
        format!("{}, {}{found}", node.name, node.verdict.word().to_lowercase())
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, said()));
    let painter = ui.painter_at(rect);
    if state.selected == Some(at) {
        painter.rect_filled(rect, 2.0, ui.visuals().selection.bg_fill.gamma_multiply(0.5));
    } else if response.hovered() {
        painter.rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
    }
    let font = FontId::proportional(12.5);
    let middle = rect.center().y;
    square(
        ui,
        palette,
        Rect::from_min_size(pos2(rect.left() + 2.0, middle - 8.5), vec2(17.0, 17.0)),
        node.verdict,
    );
    let word = node.verdict.word();
    painter.text(
        pos2(rect.left() + 23.0, middle),
        Align2::LEFT_CENTER,
        word,
        FontId::proportional(12.5),
        palette.text,
    );
    let clipped = |from: f32, to: f32| {
        let clip = Rect::from_min_max(
            pos2(rect.left() + from, rect.top()),
            pos2(rect.left() + to, rect.bottom()),
        );
        ui.painter_at(clip.intersect(rect))
    };
    clipped(STATE, STATE + name - 4.0).text(
        pos2(rect.left() + STATE, middle),
        Align2::LEFT_CENTER,
        cut(&node.name, name - 6.0),
        font.clone(),
        palette.text,
    );
    let begin = STATE + name;
    let mut clicked_gpu = None;
    for gpu in 0..node.gpus.min(squares) {
        let corner = pos2(rect.left() + begin + gpu as f32 * SQUARE, middle - 8.5);
        let place = Rect::from_min_size(corner, vec2(17.0, 17.0));
        let gpu_response = ui.interact(place, response.id.with(gpu), Sense::click());
        gpu_response.widget_info(|| WidgetInfo::labeled(Role::Button, true, gpu_words(node, gpu)));
        square(ui, palette, place, gpu_status(node, gpu));
        if state.selected == Some(at) && state.gpu == Some(gpu) {
            painter.rect_stroke(
                place.expand(1.0),
                2.0,
                Stroke::new(1.5, palette.selection),
                StrokeKind::Outside,
            );
        }
        if gpu_response.hovered() {
            gpu_response.clone().on_hover_text(gpu_words(node, gpu));
        }
        if gpu_response.clicked() {
            clicked_gpu = Some(gpu);
        }
    }
    let after = begin + squares as f32 * SQUARE + 6.0;
    let more = node.gpus.saturating_sub(squares);
    let mut text = if more > 0 { format!("and {more} more GPUs. ") } else { String::new() };
    text += first.map_or("", |finding| finding.detail.as_str());
    clipped(after, rect.width()).text(
        pos2(rect.left() + after, middle),
        Align2::LEFT_CENTER,
        cut(&text, rect.width() - after - 4.0),
        FontId::proportional(11.5),
        palette.weak,
    );
    if response.clicked() || clicked_gpu.is_some() {
        state.selected = Some(at);
        state.gpu = clicked_gpu;
        state.metric = None;
    }
    if response.hovered() && clicked_gpu.is_none() {
        response.on_hover_text(said());
    }
}

/// A text that is not longer than there is room for, points.
fn cut(text: &str, room: f32) -> String {
    /// How wide a character is on the wide side, points.
    const CHARACTER: f32 = 6.4;
    let most = (room / CHARACTER).max(0.0) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A state as a square with its sign.
fn square(ui: &Ui, palette: &Palette, place: Rect, status: Status) {
    let back = colour(palette, status);
    let painter = ui.painter();
    // What is well recedes: an outline with a dot. What is not stands out.
    if status == Status::Ok {
        let stroke = Stroke::new(1.0, back.gamma_multiply(0.8));
        painter.rect_stroke(place.shrink(0.5), 2.0, stroke, StrokeKind::Inside);
        painter.circle_filled(place.center(), 2.0, back);
        return;
    }
    painter.rect_filled(place, 2.0, back);
    let centre: Pos2 = place.center();
    let font = FontId::proportional(13.0);
    painter.text(centre, Align2::CENTER_CENTER, status.sign(), font, Palette::text_on(back));
}
