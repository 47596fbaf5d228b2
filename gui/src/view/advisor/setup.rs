//! Model and machines: what the recording says, and what the user says where it does not tell.

use std::path::PathBuf;

use egui::{CollapsingHeader, ComboBox, DragValue, Grid, Role, TextEdit, Ui, WidgetInfo};
use perfagent_advisor::start::known_models;
use perfagent_predictor::{Framework, Gpu};

use crate::model::advisor::arrangement::model_in_words;
use crate::model::advisor::given::read_model;
use crate::palette::Palette;
use crate::session::Session;
use crate::view::ceilings;

/// What the fields hold.
#[derive(Default)]
pub(super) struct State {
    config: String,
    wanted: Option<PathBuf>,
}

/// Shows what is known and the fields.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    take_model(ui, session);
    let Some(known) = session.advisor.known.clone() else { return };
    let lacking = known.lacking;
    if let Some(lacking) = lacking {
        ui.strong("What would another configuration bring?");
        ui.colored_label(Palette::of(ui.ctx().theme()).warning, lacking.remedy());
    }
    let cluster = &known.job.cluster;
    let summary = match lacking {
        None => format!(
            "{} on {} × {}",
            model_in_words(&known.job.model),
            crate::model::advisor::arrangement::gpus(cluster),
            cluster.gpu.as_deref().unwrap_or("GPU")
        ),
        Some(_) => "Model and machines".to_owned(),
    };
    // Opened by itself while something is missing, and left to the user after that.
    let header = CollapsingHeader::new("Model and machines").id_salt(("setup", lacking.is_some()));
    if lacking.is_none() {
        ui.label(summary);
    }
    header.default_open(lacking.is_some()).show(ui, |ui| {
        fields(ui, session, &known.job);
        ui.weak(match session.roofline.ceilings.measured(ui.ctx()) {
            Some(ceilings) => format!("Ceilings: {}", ceilings.label()),
            None => "Measured ceilings that are loaded in the roofline are used for predictions too; runs on processors need them".to_owned(),
        });
        for told in &known.start.told {
            ui.weak(capital(told));
        }
    });
}

fn fields(ui: &mut Ui, session: &mut Session, job: &perfagent_predictor::Job) {
    let recorded = ceilings::device(&session.document).map(ToOwned::to_owned);
    let state = &mut session.advisor;
    Grid::new("setup").num_columns(2).spacing([8.0, 4.0]).show(ui, |ui| {
        ui.label("Model");
        let shown = state.given.model.as_ref().map_or_else(
            || if job.model.layers.is_some() { "As recorded" } else { "Choose a model" }.to_owned(),
            |(name, _)| name.clone(),
        );
        ui.name_inputs("Model", |ui| {
            ComboBox::from_id_salt("model").width(190.0).truncate().selected_text(shown).show_ui(
                ui,
                |ui| {
                    if ui.selectable_label(state.given.model.is_none(), "As recorded").clicked() {
                        (state.given.model, state.setup.wanted) = (None, None);
                    }
                    for (name, model) in known_models() {
                        let chosen = state.given.model.as_ref().is_some_and(|(of, _)| *of == name);
                        if ui.selectable_label(chosen, &name).clicked() {
                            state.given.model = Some((name, model));
                            state.setup.wanted = None;
                        }
                    }
                },
            );
        });
        ui.end_row();
        ui.label("config.json");
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut state.setup.config)
                .hint_text("Path of a model's config.json")
                .desired_width(140.0);
            let response = ui.add(field);
            response
                .widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of config.json"));
            let entered =
                response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if ui.button("Load").clicked() || entered {
                let path = state.setup.config.trim();
                state.setup.wanted = (!path.is_empty()).then(|| PathBuf::from(path));
                state.config = crate::computed::Computed::default();
            }
        });
        ui.end_row();
        ui.label("Sequence");
        let mut seq = job.model.seq.unwrap_or(0);
        number(ui, "Tokens of a sequence", &mut seq, &mut state.given.seq, 1 << 24);
        ui.end_row();
        ui.label("GPU");
        let of_recording =
            recorded.map_or_else(|| "Choose a GPU".to_owned(), |name| format!("Recorded: {name}"));
        let shown = state.given.gpu.clone().unwrap_or_else(|| of_recording.clone());
        ui.name_inputs("GPU", |ui| {
            ComboBox::from_id_salt("gpu").width(190.0).truncate().selected_text(shown).show_ui(
                ui,
                |ui| {
                    ui.selectable_value(&mut state.given.gpu, None, of_recording);
                    for name in Gpu::known() {
                        ui.selectable_value(&mut state.given.gpu, Some(name.to_owned()), name);
                    }
                },
            );
        });
        ui.end_row();
        ui.label("GPUs a node");
        let mut gpus = job.cluster.gpus_per_node.unwrap_or(1);
        number(ui, "GPUs a node", &mut gpus, &mut state.given.gpus_per_node, 64);
        ui.end_row();
        ui.label("Nodes");
        let mut nodes = job.cluster.nodes.unwrap_or(1);
        number(ui, "Nodes", &mut nodes, &mut state.given.nodes, 4096);
        ui.end_row();
        ui.label("Framework");
        let own = job.run.framework.clone();
        let shown = own.map_or_else(
            || "Not told: as all together".to_owned(),
            |name| Framework::find(&name).name().to_owned(),
        );
        ui.name_inputs("Framework", |ui| {
            ComboBox::from_id_salt("framework")
                .width(190.0)
                .truncate()
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut state.given.framework, None, "As recorded");
                    for framework in
                        ["fsdp", "deepspeed", "megatron", "nemo", "nanotron", "perfagent-bench"]
                    {
                        let value = Some(framework.to_owned());
                        ui.selectable_value(&mut state.given.framework, value, framework);
                    }
                });
        });
        ui.end_row();
    });
    if let Some(Err(why)) = state.config.value().filter(|_| state.setup.wanted.is_some()) {
        ui.colored_label(Palette::of(ui.ctx().theme()).warning, format!("Not read: {why}"));
    }
}

/// With a capital letter.
fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A number that is the user's once it was changed.
fn number(ui: &mut Ui, name: &str, value: &mut u64, given: &mut Option<u64>, most: u64) {
    let before = *value;
    // What is not known is shown as 0, and stays so until it is set.
    let least = u64::from(before > 0);
    ui.name_inputs(name, |ui| {
        let field =
            DragValue::new(value).range(least..=most).update_while_editing(false).custom_formatter(
                |value, _| {
                    if value > 0.0 { format!("{value:.0}") } else { "?".to_owned() }
                },
            );
        let response = ui.add(field);
        if response.changed() && *value != before {
            *given = Some(*value);
        }
    });
}

/// The model of a configuration file, once it is read.
fn take_model(ui: &Ui, session: &mut Session) {
    let state = &mut session.advisor;
    let Some(path) = state.setup.wanted.clone() else { return };
    let file = path.clone();
    if let Some(Ok(model)) = state.config.get(&path, ui.ctx(), move || read_model(&file)) {
        let name = path.display().to_string();
        if state.given.model.as_ref().is_none_or(|(of, before)| *of != name || before != model) {
            state.given.model = Some((name, model.clone()));
        }
    }
}
