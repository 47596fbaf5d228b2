//! Bars with a name and a figure, one below the other; a click on one leads to its place.

use egui::{Align2, Color32, FontId, Pos2, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use crate::palette::Palette;

/// Height of a row, points.
const HEIGHT: f32 = 22.0;

/// The column of names is never wider than this, points.
const WIDEST_NAME: f32 = 230.0;

/// One bar.
pub(crate) struct Bar {
    /// What it is.
    pub(crate) name: String,
    /// Its figure with its unit.
    pub(crate) figure: String,
    /// Its length, 0 to 1.
    pub(crate) share: f64,
    /// Its colour.
    pub(crate) colour: Color32,
    /// What a click leads to; empty where it leads nowhere.
    pub(crate) leads: String,
}

/// Shows the bars in the width that there is; the one that was clicked.
pub(crate) fn show(ui: &mut Ui, bars: &[Bar]) -> Option<usize> {
    let width = ui.available_width();
    let font = FontId::proportional(13.0);
    let wide = |text: &str| {
        ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::GRAY).size().x
    };
    let names = bars.iter().map(|bar| wide(&bar.name)).fold(0.0, f32::max);
    let figures = bars.iter().map(|bar| wide(&bar.figure)).fold(0.0, f32::max);
    let names = names.min(WIDEST_NAME).min(width * 0.45);
    let longest = bars.iter().map(|bar| bar.share).fold(0.0, f64::max);
    let mut clicked = None;
    for (index, bar) in bars.iter().enumerate() {
        let sense = if bar.leads.is_empty() { Sense::hover() } else { Sense::click() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), sense);
        paint(
            ui,
            rect,
            bar,
            (names, figures, longest),
            (response.hovered() || response.has_focus()) && sense.senses_click(),
        );
        let mut said = format!("{}, {}", bar.name, bar.figure);
        let role = if bar.leads.is_empty() { Role::Label } else { Role::Button };
        if !bar.leads.is_empty() {
            said = format!("{said}: {}", bar.leads);
        }
        response.widget_info(|| WidgetInfo::labeled(role, true, &said));
        if response.clicked() {
            clicked = Some(index);
        }
        let hint = if bar.leads.is_empty() {
            bar.name.clone()
        } else {
            format!("{}\n{}", bar.name, bar.leads)
        };
        response.on_hover_text(hint);
    }
    clicked
}

fn paint(
    ui: &Ui,
    rect: Rect,
    bar: &Bar,
    (names, figures, longest): (f32, f32, f64),
    hovered: bool,
) {
    let palette = Palette::of(ui.ctx().theme());
    let painter = ui.painter_at(rect);
    if hovered {
        painter.rect_filled(rect, 3.0, palette.grid);
    }
    let left = rect.left() + 4.0;
    let mut job = egui::text::LayoutJob::simple_singleline(
        bar.name.clone(),
        FontId::proportional(13.0),
        palette.text,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width(names);
    let galley = painter.layout_job(job);
    let middle = rect.center().y;
    painter.galley(Pos2::new(left, middle - galley.size().y / 2.0), galley, palette.text);
    let right = rect.right() - 4.0;
    let font = FontId::proportional(13.0);
    painter.text(Pos2::new(right, middle), Align2::RIGHT_CENTER, &bar.figure, font, palette.text);
    let (from, to) = (left + names + 10.0, right - figures - 10.0);
    if to > from + 4.0 && longest > 0.0 {
        let length = (to - from) * (bar.share / longest).clamp(0.0, 1.0) as f32;
        let filled = Rect::from_x_y_ranges(
            from..=from + length.max(1.0),
            rect.top() + 4.0..=rect.bottom() - 4.0,
        );
        painter.rect_filled(filled, 2.0, bar.colour);
    }
}
