//! The menu of a plot, a row or a table: a right click opens it, and, while the keyboard is on it, the menu key or Shift+F10.

use egui::{Key, Modifiers, Popup, Response, SetOpenCommand, StrokeKind, Ui};

/// Shows the menu while it is open, and where the keyboard is.
pub(crate) fn show(response: &Response, add: impl FnOnce(&mut Ui)) {
    let id = Popup::default_response_id(response);
    let focused = response.has_focus();
    let pressed = focused
        && response.ctx.input_mut(|input| {
            input.consume_key(Modifiers::NONE, Key::Menu)
                || input.consume_key(Modifiers::SHIFT, Key::F10)
        });
    if focused {
        let painter = response.ctx.layer_painter(response.layer_id);
        let stroke = response.ctx.global_style().visuals.selection.stroke;
        let rect = response.rect.intersect(response.interact_rect);
        painter.rect_stroke(rect, 2.0, stroke, StrokeKind::Inside);
    }
    // A menu that a key has opened has no place of the pointer.
    let by_key = response.ctx.data_mut(|data| {
        let by_key = data.get_temp_mut_or_default::<bool>(id);
        *by_key = (*by_key || pressed) && !response.secondary_clicked();
        *by_key
    });
    let mut popup = Popup::context_menu(response);
    if by_key {
        popup = popup.at_position(response.interact_rect.center());
    }
    if pressed {
        popup = popup.open_memory(Some(SetOpenCommand::Bool(true)));
    }
    popup.show(add);
}
