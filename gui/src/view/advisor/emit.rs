//! The arrangement of the sliders in the words of a tool.

use egui::{ScrollArea, TextEdit, Ui};
use perfagent_advisor::emit::{EmitFormat, emit};

use crate::palette::Palette;
use crate::session::Session;
use crate::view::notice;

/// What a format is called.
const fn label(format: EmitFormat) -> &'static str {
    match format {
        EmitFormat::DeepSpeed => "DeepSpeed",
        EmitFormat::Fsdp => "FSDP (Accelerate)",
        EmitFormat::Megatron => "Megatron-LM",
        EmitFormat::Torchrun => "torchrun",
    }
}

/// Shows the choice and the text.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let Some(job) = session.advisor.job() else {
        ui.label("Say which model was trained on which GPU, then its configuration can be written");
        return;
    };
    let format = session.advisor.format.get_or_insert(EmitFormat::DeepSpeed);
    let mut copy = false;
    ui.horizontal_wrapped(|ui| {
        for one in EmitFormat::ALL {
            ui.selectable_value(format, one, label(one));
        }
        copy = ui.button(format!("Copy as {}", label(*format))).clicked();
    });
    match emit(*format, &job) {
        Ok(emitted) => {
            if copy {
                ui.ctx().copy_text(emitted.text.clone());
                notice::say(ui.ctx(), format!("Configuration for {} copied", label(*format)));
            }
            for note in &emitted.notes {
                ui.weak(note);
            }
            ScrollArea::horizontal().id_salt("emitted").show(ui, |ui| {
                let mut text = emitted.text.as_str();
                let field =
                    TextEdit::multiline(&mut text).code_editor().desired_width(f32::INFINITY);
                let response = ui.add(field);
                response.widget_info(|| {
                    let name = format!("Configuration for {}", label(*format));
                    egui::WidgetInfo::labeled(egui::Role::MultilineTextInput, true, name)
                });
            });
        }
        Err(why) => {
            let colour = Palette::of(ui.ctx().theme()).warning;
            ui.colored_label(colour, format!("Cannot be written for {}: {why}", label(*format)));
        }
    }
}
