//! What the arrangement is expected to take.

use egui::{CollapsingHeader, Grid, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};
use perfagent_predictor::Interval;

use crate::model::advisor::Outlook;
use crate::model::advisor::outlook::fit_in_words;
use crate::model::advisor::part::{self, Part};
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Shows the figures.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let state = &session.advisor;
    let images = state.known.as_ref().is_some_and(|known| known.job.model.is_of_images());
    let Some(outlook) = state.outlook.value() else {
        ui.weak("Predicting");
        return;
    };
    let title = if outlook.is_anchored { "Predicted beside the recording" } else { "Predicted" };
    ui.horizontal_wrapped(|ui| {
        ui.strong(title);
        ui.weak("90 % intervals");
    });
    if let Some(why) = &outlook.prediction.refused {
        ui.colored_label(
            Palette::of(ui.ctx().theme()).warning,
            format!("Cannot be predicted: {why}"),
        );
        return;
    }
    figures(ui, outlook, if images { "Images/s" } else { "Tokens/s" });
    breakdown(ui, outlook);
}

fn figures(ui: &mut Ui, outlook: &Outlook, rate: &str) {
    let prediction = &outlook.prediction;
    Grid::new("predicted").num_columns(2).spacing([10.0, 4.0]).show(ui, |ui| {
        if let Some(tokens) = prediction.tokens_per_s {
            figure(ui, rate, tokens, rounded);
        }
        if let Some(change) = outlook.change_pct.filter(|change| change.p50.abs() > 0.005) {
            ui.label("Change");
            let text = format!("{:+.1} % ({:+.1} to {:+.1})", change.p50, change.p05, change.p95);
            said(ui, "Change", &text, true);
            ui.end_row();
        }
        if let Some(step) = prediction.step_s {
            figure(ui, "Step", step, |seconds| units::duration((seconds * 1e9) as i64));
        }
        if let Some(peak) = prediction.peak_mem_bytes {
            figure(ui, "Peak memory", peak, units::bytes);
        }
        if let Some(oom) = prediction.oom_probability {
            ui.label("Out of memory");
            let text = format!("{} · {}", probability(oom), fit_in_words(oom));
            said(ui, "Out of memory", &text, true);
            ui.end_row();
        }
    });
    if let Some(peak) = prediction.peak_mem_bytes.filter(|_| outlook.memory_bytes.is_finite()) {
        memory_bar(ui, peak, outlook.memory_bytes);
    }
}

/// The interval of the peak on a bar as long as the GPU's memory.
fn memory_bar(ui: &mut Ui, peak: Interval, limit: f64) {
    let palette = Palette::of(ui.ctx().theme());
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width().min(320.0), 16.0), Sense::hover());
    let whole = limit.max(peak.p95) * 1.04;
    let x = |bytes: f64| rect.left() + rect.width() * (bytes / whole) as f32;
    let bar = |from: f64, to: f64| {
        Rect::from_x_y_ranges(x(from)..=x(to), rect.top() + 3.0..=rect.bottom() - 3.0)
    };
    let painter = ui.painter_at(rect);
    painter.rect_filled(bar(0.0, limit), 2.0, palette.line);
    painter.rect_filled(bar(0.0, peak.p50), 2.0, palette.curves[0]);
    painter.rect_filled(bar(peak.p05, peak.p95), 2.0, palette.curves[5].gamma_multiply(0.6));
    painter.vline(x(peak.p50), rect.y_range(), (2.0, palette.text));
    painter.vline(x(limit), rect.y_range(), (2.0, palette.warning));
    let text = format!(
        "Peak {} ({} to {}) of {} that a program can have",
        units::bytes(peak.p50),
        units::bytes(peak.p05),
        units::bytes(peak.p95),
        units::bytes(limit)
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, &text));
    response.on_hover_text(&text);
    ui.weak(format!("of {} that a program can have", units::bytes(limit)));
}

fn breakdown(ui: &mut Ui, outlook: &Outlook) {
    let prediction = &outlook.prediction;
    let time = part::of_time(prediction);
    CollapsingHeader::new("Where the step goes").show(ui, |ui| {
        parts(ui, "time", &time, |seconds| units::duration((seconds * 1e9) as i64));
    });
    let memory = part::of_memory(prediction);
    CollapsingHeader::new("What the memory is for").show(ui, |ui| {
        parts(ui, "memory", &memory, units::bytes);
    });
    let assumed = &prediction.assumed;
    if !assumed.is_empty() {
        CollapsingHeader::new(format!("Assumed ({})", assumed.len())).id_salt("assumed").show(
            ui,
            |ui| {
                for assumed in assumed {
                    ui.label(assumed);
                }
            },
        );
    }
}

fn parts(ui: &mut Ui, id: &str, parts: &[Part], format: impl Fn(f64) -> String) {
    let palette = Palette::of(ui.ctx().theme());
    Grid::new(id).num_columns(3).spacing([8.0, 2.0]).show(ui, |ui| {
        for part in parts {
            ui.label(&part.name);
            ui.label(format(part.value));
            let (rect, _) = ui.allocate_exact_size(vec2(70.0, 10.0), Sense::hover());
            let width = rect.width() * part.share.clamp(0.0, 1.0) as f32;
            let bar = Rect::from_min_size(rect.min, vec2(width, rect.height()));
            ui.painter().rect_filled(bar, 1.0, palette.curves[0]);
            ui.end_row();
        }
    });
}

fn figure(ui: &mut Ui, label: &str, value: Interval, format: impl Fn(f64) -> String) {
    ui.label(label);
    let interval = format!("{} to {}", format(value.p05), format(value.p95));
    ui.horizontal_wrapped(|ui| {
        said(ui, label, &format(value.p50), true);
        ui.weak(interval);
    });
    ui.end_row();
}

/// A figure that a screen reader says with its label.
fn said(ui: &mut Ui, label: &str, text: &str, strong: bool) {
    let shown = if strong { RichText::new(text).strong() } else { RichText::new(text) };
    let response = ui.label(shown);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label} {text}")));
}

/// Three to four digits that count, with thousands apart.
pub(super) fn rounded(value: f64) -> String {
    let value = value.max(0.0);
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let unit = 10.0_f64.powf((value.log10().floor() - 3.0).max(0.0));
    units::count(((value / unit).round() * unit) as u64)
}

/// A probability that is never told as certain.
pub(super) fn probability(value: f64) -> String {
    match 100.0 * value {
        percent if percent < 1.0 => "under 1 %".to_owned(),
        percent if percent > 99.0 => "over 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::{probability, rounded};

    #[test]
    fn rates_have_digits_that_count() {
        assert_eq!(rounded(123_456.0), "123,500");
        assert_eq!(rounded(1234.4), "1,234");
        assert_eq!(rounded(12.34), "12.3");
    }

    #[test]
    fn nothing_is_certain() {
        assert_eq!(probability(0.0), "under 1 %");
        assert_eq!(probability(0.123), "12 %");
        assert_eq!(probability(1.0), "over 99 %");
    }
}
