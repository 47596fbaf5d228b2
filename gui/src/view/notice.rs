//! Short words to the user in a corner of the window: what was copied, what was written, what failed.

use std::sync::Arc;

use egui::{Align2, Area, Context, Frame, Id, Order, RichText, Role, WidgetInfo, vec2};

use crate::palette::Palette;

/// Words that are shown at once at most.
const MOST: usize = 4;

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words, one line.
    pub text: String,
    /// Something did not work.
    pub warning: bool,
}

type Notices = Arc<Vec<Notice>>;

fn slot() -> Id {
    Id::unique("perfagent notices")
}

fn add(ctx: &Context, notice: Notice) {
    ctx.data_mut(|data| {
        let notices: &mut Notices = data.get_temp_mut_or_default(slot());
        let notices = Arc::make_mut(notices);
        notices.retain(|other| *other != notice);
        notices.push(notice);
        let surplus = notices.len().saturating_sub(MOST);
        notices.drain(..surplus);
    });
    ctx.request_repaint();
}

/// Says that something was done.
pub(crate) fn say(ctx: &Context, text: impl Into<String>) {
    add(ctx, Notice { text: text.into(), warning: false });
}

/// Says that something did not work, and what to do.
pub(crate) fn warn(ctx: &Context, text: impl Into<String>) {
    add(ctx, Notice { text: text.into(), warning: true });
}

/// What is being said.
#[must_use]
pub fn current(ctx: &Context) -> Vec<Notice> {
    ctx.data(|data| data.get_temp::<Notices>(slot())).map_or_else(Vec::new, |all| all.to_vec())
}

/// Shows what there is to say until it is clicked away: a clock would repaint an idle window, and take
/// words from those who read slowly.
pub(crate) fn show(ctx: &Context) {
    let notices = current(ctx);
    if notices.is_empty() {
        return;
    }
    let palette = Palette::of(ctx.theme());
    let mut read = None;
    Area::new(slot())
        .anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -12.0))
        .order(Order::Foreground)
        .show(ctx, |ui| {
            ui.set_max_width(420.0);
            for (index, notice) in notices.iter().enumerate() {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.horizontal(|ui| {
                        let text = if notice.warning {
                            RichText::new(format!("! {}", notice.text)).color(palette.warning)
                        } else {
                            RichText::new(&notice.text)
                        };
                        ui.add(egui::Label::new(text).wrap());
                        let button = ui.small_button("×").on_hover_text("Dismiss");
                        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Dismiss"));
                        if button.clicked() {
                            read = Some(index);
                        }
                    });
                });
            }
        });
    if let Some(index) = read {
        ctx.data_mut(|data| {
            let notices: &mut Notices = data.get_temp_mut_or_default(slot());
            Arc::make_mut(notices).remove(index);
        });
    }
}
