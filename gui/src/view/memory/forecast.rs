//! What other micro-batches would take; and what must be told for that, where the recording does not.

use egui::{ComboBox, Label, RichText, Role, TextEdit, Ui, WidgetInfo};

use super::heading;
use crate::model::document::Document;
use crate::model::memory::forecast::{Forecast, NoForecast, Point, Told, forecast, gpus};
use crate::model::overview::facts::commands;
use crate::model::whose::Process;
use crate::palette::Palette;
use crate::units;
use crate::view::bar_rows::{self, Bar};

/// The forecast for the recording of a process.
pub(super) fn work(
    document: &Document,
    process: Process,
    told: &Told,
) -> Result<Forecast, NoForecast> {
    let Some(source) = document.sources.get(process.0) else {
        return Err(NoForecast::Refused("nothing is open".to_owned()));
    };
    forecast(&source.report, &commands(document), told)
}

pub(super) fn show(ui: &mut Ui, forecast: Option<&Result<Forecast, NoForecast>>, told: &mut Told) {
    heading(ui, "Other micro-batches", "forecast of the peak");
    match forecast {
        None => {
            ui.weak("The forecast is being worked out");
        }
        Some(Ok(forecast)) => points(ui, forecast),
        Some(Err(NoForecast::Lacking(lacking))) => {
            let text = format!(
                "The recording does not tell {}; say it here for a forecast",
                lacking.join(", ")
            );
            ui.add(Label::new(text).wrap());
        }
        Some(Err(NoForecast::Refused(why))) => {
            let warning = Palette::of(ui.ctx().theme()).warning;
            ui.add(
                Label::new(RichText::new(format!("! No forecast: {why}")).color(warning)).wrap(),
            );
        }
    }
    ui.add_space(6.0);
    // Only once it is known whether something must be told: a header remembers how it began.
    if let Some(forecast) = forecast {
        let header = egui::CollapsingHeader::new("The job").default_open(forecast.is_err());
        header.show(ui, |ui| job(ui, told));
    }
}

fn points(ui: &mut Ui, forecast: &Forecast) {
    let palette = Palette::of(ui.ctx().theme());
    let most = forecast.points.iter().map(|point| point.peak.p50).fold(1.0, f64::max);
    let bar = |point: &Point| Bar {
        name: format!(
            "Micro-batch {}{}",
            point.micro_batch,
            if point.is_present { ", as it is" } else { "" }
        ),
        figure: format!(
            "{} ({} to {}){}",
            units::bytes(point.peak.p50),
            units::bytes(point.peak.p05),
            units::bytes(point.peak.p95),
            point
                .oom
                .map_or_else(String::new, |oom| format!(", out of memory {:.0} %", oom * 100.0))
        ),
        share: point.peak.p50 / most,
        colour: if point.is_present { palette.curves[0] } else { palette.curves[5] },
        leads: String::new(),
    };
    let bars: Vec<Bar> = forecast.points.iter().map(bar).collect();
    bar_rows::show(ui, &bars);
    let basis = if forecast.is_measured {
        "Beside the recorded peak; in brackets what nine of ten runs are within"
    } else {
        "By the formulas alone, as the recording tells no peak of the allocator; in brackets what nine of ten runs are within"
    };
    ui.add(Label::new(RichText::new(basis).color(palette.weak)).wrap());
    if !forecast.sources.is_empty() {
        egui::CollapsingHeader::new("What the forecast rests on").show(ui, |ui| {
            for source in &forecast.sources {
                ui.add(Label::new(source).wrap());
            }
        });
    }
}

fn job(ui: &mut Ui, told: &mut Told) {
    let width = ui.available_width();
    field(
        ui,
        "Options of the job",
        &mut told.options,
        "--num-layers 24 --hidden-size 2048 --seq-length 4096 --micro-batch-size 4",
        width,
    );
    field(
        ui,
        "Configuration of the model",
        &mut told.model_file,
        "path of a config.json of Hugging Face",
        width,
    );
    ui.horizontal_wrapped(|ui| {
        ui.label("GPU");
        let text = if told.gpu.is_empty() { "as recorded" } else { &told.gpu }.to_owned();
        let combo = ComboBox::from_id_salt("gpu").selected_text(&text).show_ui(ui, |ui| {
            ui.selectable_value(&mut told.gpu, String::new(), "as recorded");
            for name in gpus() {
                ui.selectable_value(&mut told.gpu, name.to_owned(), name);
            }
        });
        combo.response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, true, "GPU of the forecast");
            info.current_text_value = Some(text.clone());
            info
        });
    });
}

fn field(ui: &mut Ui, name: &str, text: &mut String, hint: &str, width: f32) {
    ui.label(name);
    let edit = TextEdit::singleline(text).hint_text(hint).desired_width(width);
    let response = ui.add(edit).on_hover_text(hint);
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, name));
}
