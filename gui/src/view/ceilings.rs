//! Which ceilings figures are held against: those of the recorded device's datasheet, of another one's, or measured ones.
//! Roofline, communication and advisor share the choice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{ComboBox, Role, TextEdit, Ui, WidgetInfo};
use perfagent_predictor::Gpu;

use crate::computed::Computed;
use crate::model::ceilings::Ceilings;
use crate::model::document::Document;
use crate::palette::Palette;

/// What the choice remembers.
#[derive(Default)]
pub struct State {
    field: String,
    wanted: Option<PathBuf>,
    read: Computed<PathBuf, Result<Arc<Ceilings>, String>>,
    gpu: Option<String>,
    sheet: Option<(String, Option<Arc<Ceilings>>)>,
}

impl State {
    /// Reads measured ceilings from this file.
    pub fn open(&mut self, path: PathBuf) {
        self.field = path.display().to_string();
        self.wanted = Some(path);
    }

    /// The same, with another text in the field.
    pub fn open_as(&mut self, path: PathBuf, shown: &str) {
        self.open(path);
        shown.clone_into(&mut self.field);
    }

    /// The chosen ceilings; `None` where no device is known.
    pub fn current(&mut self, document: &Document, ctx: &egui::Context) -> Option<Arc<Ceilings>> {
        self.measured(ctx).or_else(|| self.datasheet(document))
    }

    /// Measured ones, once they are read.
    pub fn measured(&mut self, ctx: &egui::Context) -> Option<Arc<Ceilings>> {
        let path = self.wanted.clone()?;
        let file = path.clone();
        let read = self.read.get(&path, ctx, move || Ceilings::read(&file).map(Arc::new))?;
        read.as_ref().ok().cloned()
    }

    fn datasheet(&mut self, document: &Document) -> Option<Arc<Ceilings>> {
        let name = self.gpu.as_deref().or_else(|| device(document)).unwrap_or_default();
        if self.sheet.as_ref().is_none_or(|(of, _)| of != name) {
            self.sheet = Some((name.to_owned(), Ceilings::of_datasheet(name).map(Arc::new)));
        }
        self.sheet.as_ref().and_then(|(_, sheet)| sheet.clone())
    }

    /// Shows the choice in a line.
    pub(crate) fn show(&mut self, ui: &mut Ui, document: &Document) {
        self.take_dropped(ui);
        let current = self.current(document, ui.ctx());
        let label = current.as_ref().map_or_else(|| "None".to_owned(), |of| of.label());
        ui.label("Ceilings");
        ui.name_inputs("Ceilings", |ui| {
            ComboBox::from_id_salt("ceilings")
                .width(220.0)
                .truncate()
                .selected_text(label)
                .show_ui(ui, |ui| self.choices(ui, document));
        });
        let field = TextEdit::singleline(&mut self.field)
            .hint_text("Path of ceilings.json")
            .desired_width(170.0);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of ceilings"));
        let response = response.on_hover_text(
            "What perfagent ceilings -o ceilings.json measured on the device; a file with ceilings in its name can be dropped here",
        );
        let entered =
            response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if ui.button("Load ceilings").clicked() || entered {
            self.load();
        }
    }

    /// Says in a line why what was asked for cannot be read.
    pub(crate) fn error(&mut self, ui: &mut Ui) {
        let wanted = self.wanted.is_some() && !self.read.stale();
        if let Some(Err(why)) = self.read.value().filter(|_| wanted) {
            let colour = Palette::of(ui.ctx().theme()).warning;
            ui.colored_label(colour, format!("Not read: {why}"));
        }
    }

    fn load(&mut self) {
        let path = self.field.trim();
        self.wanted = (!path.is_empty()).then(|| PathBuf::from(path));
        // The same file may have been written anew.
        self.read = Computed::default();
    }

    fn choices(&mut self, ui: &mut Ui, document: &Document) {
        let own = device(document).map(ToOwned::to_owned);
        let mut choose = |ui: &mut Ui, label: String, gpu: Option<String>| {
            let chosen = self.wanted.is_none() && self.gpu == gpu;
            if ui.selectable_label(chosen, label).clicked() {
                (self.wanted, self.gpu) = (None, gpu);
            }
        };
        if let Some(own) = own {
            choose(ui, format!("Datasheet of the recorded {own}"), None);
        }
        for name in Gpu::known() {
            choose(ui, format!("Datasheet: {name}"), Some(name.to_owned()));
        }
    }

    /// Takes files that are dropped onto the window and are ceilings by their name, before it opens them as recordings.
    fn take_dropped(&mut self, ui: &Ui) {
        let is_one = |path: &Path| {
            let name = path.file_stem().map(|name| name.to_string_lossy().to_lowercase());
            name.is_some_and(|name| name.contains("ceilings"))
                && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
        };
        let mut found = None;
        ui.input_mut(|input| {
            input.raw.dropped_files.retain(|file| {
                let path = file.path();
                let takes = is_one(path);
                if takes {
                    found = Some(path.to_owned());
                }
                !takes
            });
        });
        if let Some(path) = found {
            self.open(path);
            self.read = Computed::default();
        }
    }
}

/// The GPU of the recording's first rank that has one.
pub(crate) fn device(document: &Document) -> Option<&str> {
    let ranks = document.sources.iter().flat_map(|source| &source.report.ranks);
    ranks
        .flat_map(|rank| &rank.devices)
        .map(|device| device.name.as_str())
        .find(|name| !name.is_empty())
}
