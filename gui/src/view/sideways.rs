//! What may be wider than its place: scrolled from side to side there, rather than cut off.

use egui::{ScrollArea, Ui};

/// Shows something that is scrolled from side to side where it is too wide.
pub(crate) fn sideways<R>(ui: &mut Ui, id: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    ScrollArea::horizontal().id_salt(id).auto_shrink([false, false]).show(ui, add).inner
}
