//! The sliders and menus.

use egui::{Checkbox, ComboBox, Grid, Slider, Ui};

use crate::model::advisor::Arrangement;
use crate::model::advisor::arrangement::{
    MOST_MICRO, MOST_PASSES, OFFLOAD, RECOMPUTE, changes, in_words, pipeline_degrees, precisions,
    tensor_degrees,
};
use crate::model::advisor::given::NO_BATCH;
use crate::palette::Palette;
use crate::session::Session;

/// Shows them.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let state = &mut session.advisor;
    let (Some(known), Some(mut now)) = (state.known.clone(), state.arrangement.clone()) else {
        return;
    };
    let job = &known.job;
    let present = Arrangement::of(&known.start.job);
    ui.horizontal_wrapped(|ui| {
        ui.strong("Arrangement");
        let is_own = changes(&present.run, &now.run).is_empty();
        let back = ui.add_enabled(!is_own, egui::Button::new("Back to the recorded one"));
        if back.on_hover_text(in_words(&present.run)).clicked() {
            let keeps_batch = now.keeps_batch;
            now = Arrangement::of(job);
            now.keeps_batch = keeps_batch;
        }
    });
    if known.start.told.iter().any(|told| told == NO_BATCH) || state.given.recorded.is_some() {
        ui.horizontal_wrapped(|ui| {
            let said = state.given.recorded.as_ref() == Some(&now.run);
            let button = ui.add_enabled(!said, egui::Button::new("This was recorded"));
            let hint = "The sliders show how the recorded run was arranged, which the recording does not tell";
            if button.on_hover_text(hint).clicked() {
                state.given.recorded = Some(now.run.clone());
            }
            if state.given.recorded.is_none() {
                ui.weak("How the run was arranged is not recorded: set it first");
            }
        });
    }
    let before = now.clone();
    let run = &mut now.run;
    let mut accumulated = false;
    Grid::new("arrangement").num_columns(2).spacing([8.0, 5.0]).show(ui, |ui| {
        let mut micro = run.micro_batch.unwrap_or(1);
        if slider(
            ui,
            "Micro-batch",
            "Sequences (or images) of a GPU in one pass",
            &mut micro,
            MOST_MICRO,
        ) {
            run.micro_batch = Some(micro);
        }
        let mut passes = run.grad_accum.unwrap_or(1);
        if slider(
            ui,
            "Accumulation",
            "Passes of a step, whose gradients are added",
            &mut passes,
            MOST_PASSES,
        ) {
            run.grad_accum = Some(passes);
            accumulated = true;
        }
        let zero = [0, 1, 2, 3].map(|stage: u64| (stage, stage.to_string()));
        row(
            ui,
            "ZeRO stage",
            "What data-parallel ranks share: 1 optimizer, 2 gradients, 3 weights",
            &mut run.zero,
            &zero,
        );
        let degrees = |all: Vec<u64>| -> Vec<(u64, String)> {
            all.into_iter().map(|degree| (degree, degree.to_string())).collect()
        };
        let (tensor, stages) =
            (degrees(tensor_degrees(job, run)), degrees(pipeline_degrees(job, run)));
        row(ui, "Tensor parallel", "GPUs that share each layer", &mut run.tp, &tensor);
        row(ui, "Pipeline parallel", "Stages of layers", &mut run.pp, &stages);
        let words = |all: &[&str]| -> Vec<(String, String)> {
            all.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect()
        };
        row(
            ui,
            "Recompute",
            "Activations that are calculated again in the backward pass",
            &mut run.recompute,
            &words(&RECOMPUTE),
        );
        row(ui, "Offload", "What lives in the host's memory", &mut run.offload, &words(&OFFLOAD));
        let formats: Vec<_> =
            precisions(job, run).into_iter().map(|name| (name.clone(), name)).collect();
        row(ui, "Precision", "What products are calculated in", &mut run.precision, &formats);
    });
    ui.horizontal_wrapped(|ui| {
        switch(
            ui,
            "Fused loss",
            "The loss is taken without keeping the logits",
            &mut run.fused_loss,
        );
        switch(ui, "CUDA graphs", "Layers are launched as captured graphs", &mut run.cuda_graphs);
    });
    ui.add(Checkbox::new(&mut now.keeps_batch, "Keep the global batch")).on_hover_text(
        "Accumulation follows from the other values; without it the global batch does",
    );
    if accumulated {
        // Who sets the passes wants another batch.
        now.keeps_batch = false;
    }
    if now != before {
        now.settle(&job.cluster, true);
    }
    let run = &now.run;
    ui.weak(format!(
        "Global batch {}, {} data-parallel replicas",
        run.global_batch.unwrap_or(0),
        run.dp.map_or_else(|| "no whole number of".to_owned(), |dp| dp.to_string())
    ));
    if let Some(fault) = now.fault(&job.cluster) {
        ui.colored_label(Palette::of(ui.ctx().theme()).warning, fault);
    }
    state.arrangement = Some(now);
}

fn slider(ui: &mut Ui, label: &str, hint: &str, value: &mut u64, most: u64) -> bool {
    ui.label(label).on_hover_text(hint);
    let mut changed = false;
    ui.name_inputs(label, |ui| {
        ui.spacing_mut().slider_width = 120.0;
        changed = ui.add(Slider::new(value, 1..=most).logarithmic(true)).changed();
    });
    ui.end_row();
    changed
}

fn row<T: Clone + PartialEq>(
    ui: &mut Ui,
    label: &str,
    hint: &str,
    value: &mut Option<T>,
    choices: &[(T, String)],
) {
    ui.label(label).on_hover_text(hint);
    let shown = choices.iter().find(|(choice, _)| Some(choice) == value.as_ref());
    let shown = shown.map_or("?", |(_, name)| name.as_str());
    ui.name_inputs(label, |ui| {
        ComboBox::from_id_salt(label).width(120.0).selected_text(shown).show_ui(ui, |ui| {
            for (choice, name) in choices {
                ui.selectable_value(value, Some(choice.clone()), name);
            }
        });
    });
    ui.end_row();
}

fn switch(ui: &mut Ui, label: &str, hint: &str, value: &mut Option<bool>) {
    let mut on = *value == Some(true);
    if ui.add(Checkbox::new(&mut on, label)).on_hover_text(hint).changed() {
        *value = Some(on);
    }
}
