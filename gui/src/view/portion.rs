//! The bar under the top bar while only a part of a recording is open: which, the way to the others, and the setting that
//! decides how much a part is.

use egui::{DragValue, Panel, RichText, Role, Ui, WidgetInfo};

use super::pages::Asked;
use super::panes::Contents;
use crate::budget::{Budget, LEAST_BYTES};
use crate::palette::Palette;
use crate::units;

/// What the setting does.
pub(crate) const WHY: &str = "A recording that would need more memory is opened in parts, one stretch of time after the other";

const GIB: f64 = (1_u64 << 30) as f64;

/// Shows the bar where there is something to say.
pub(crate) fn show(ui: &mut Ui, contents: &mut Contents<'_>, budget: Budget) {
    let document = contents.session.as_deref().map(|session| &session.document);
    let Some(document) = document.filter(|document| document.portion.is_some()) else { return };
    let Some(portion) = &document.portion else { return };
    let palette = Palette::of(ui.ctx().theme());
    let mut asked = None;
    Panel::top("portion").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let which = format!("Part {} of {}", portion.number + 1, portion.count);
            ui.label(RichText::new(which).strong().color(palette.warning));
            let text = format!(
                "{} of {}: more does not fit in the memory for recordings",
                units::count(document.summary.events),
                units::counted(portion.events, "event")
            );
            ui.label(text).on_hover_text(WHY);
            asked = memory(ui, budget).map(Asked::Memory);
            let first = portion.number == 0;
            if ui.add_enabled(!first, egui::Button::new("Earlier")).clicked() {
                asked = Some(Asked::Part(portion.number - 1));
            }
            let last = portion.number + 1 >= portion.count;
            if ui.add_enabled(!last, egui::Button::new("Later")).clicked() {
                asked = Some(Asked::Part(portion.number + 1));
            }
        });
    });
    contents.asked.extend(asked);
}

/// The setting. The new one, when it was changed: while it is dragged or typed nothing is loaded.
pub(crate) fn memory(ui: &mut Ui, budget: Budget) -> Option<Budget> {
    let id = ui.scope_id().with("memory for recordings");
    let shown = budget.bytes() as f64 / GIB;
    let mut gib = ui.data(|data| data.get_temp(id)).unwrap_or(shown);
    let least = LEAST_BYTES as f64 / GIB;
    let value = DragValue::new(&mut gib)
        .range(least..=65_536.0)
        .speed(0.05)
        .max_decimals(2)
        .suffix(" GiB")
        .update_while_editing(false);
    let response = ui.add(value);
    response
        .widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, "Memory for recordings, GiB"));
    if response.dragged() {
        ui.data_mut(|data| data.insert_temp(id, gib));
        return None;
    }
    ui.data_mut(|data| data.remove::<f64>(id));
    ((gib - shown).abs() > 0.005).then(|| Budget::of_bytes((gib * GIB) as u64))
}
