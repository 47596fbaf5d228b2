//! The advisor: sliders, the plot of arrangements, suggestions, findings, configurations, trials.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use egui::{OutputCommand, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, SnapshotResults};
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::pane::Pane;

use crate::fixture::{cpu, gpu, job, settle, window_of};
use crate::pictures::can_draw;

fn shown(document: Document) -> Harness<'static, App> {
    window_of(document, Theme::Light, Pane::Advisor, (1440.0, 900.0), 1.0)
}

fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_label(label).click();
    settle(harness);
}

/// Chooses from a menu that is named by its label.
fn choose(harness: &mut Harness<'_, App>, menu: &str, choice: &str) {
    let boxes = harness.get_all_by_role_and_label(egui::accesskit::Role::ComboBox, menu);
    boxes.into_iter().next().unwrap().click();
    settle(harness);
    harness.get_by_role_and_label(egui::accesskit::Role::Button, choice).click();
    settle(harness);
}

fn figure(harness: &Harness<'_, App>, name: &str) -> String {
    let label = format!("{name} ");
    let found = harness.query_all_by_label_contains(&label).find_map(|node| {
        let node = node.accesskit_node();
        node.value().or_else(|| node.label()).filter(|text| text.starts_with(&label))
    });
    found.unwrap_or_default()
}

fn copied(harness: &Harness<'_, App>) -> Option<String> {
    harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn a_known_job_is_predicted_and_the_sliders_change_it() {
    let mut harness = shown(job());
    assert!(harness.query_by_label("Predicted beside the recording").is_some());
    // A step of 40 ms was measured: 4 × 2 × 4 sequences of 1,024 tokens.
    let before = figure(&harness, "Tokens/s");
    assert!(before.contains("82"), "{before}");
    let peak = figure(&harness, "Peak memory");
    choose(&mut harness, "Recompute", "full");
    assert_ne!(figure(&harness, "Peak memory"), peak);
    assert!(figure(&harness, "Change").contains('%'));
    click(&mut harness, "Back to the recorded one");
    assert_eq!(figure(&harness, "Peak memory"), peak);
}

#[test]
fn a_suggestion_sets_the_sliders() {
    let mut harness = shown(job());
    let name = "Set the sliders to suggestion 1";
    assert!(harness.query_by_label(name).is_some());
    let before = figure(&harness, "Tokens/s");
    click(&mut harness, name);
    assert!(harness.query_by_label("In the sliders to suggestion 1").is_some());
    assert_ne!(figure(&harness, "Tokens/s"), before);
}

#[test]
fn what_does_not_go_together_is_told_with_the_remedy() {
    let mut harness = shown(job());
    let session = harness.state_mut().session_mut().unwrap();
    session.advisor.set(|run| run.micro_batch = Some(3));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("cannot be split into micro-batches of 3").is_some());
    click(&mut harness, "Keep the global batch");
    assert!(harness.query_by_label_contains("cannot be split").is_none());
}

#[test]
fn a_model_that_the_recording_does_not_tell_is_asked_for() {
    let mut harness = shown(gpu());
    assert!(harness.query_by_label_contains("does not tell the model").is_some());
    assert!(harness.query_by_label("Arrangement").is_none());
    choose(&mut harness, "Model", "gpt gpt2-124m");
    assert!(harness.query_by_label("Arrangement").is_some());
    assert!(figure(&harness, "Tokens/s").len() > "Tokens/s ".len());
    // Of which batch the measured steps are is not known before it is said.
    assert!(harness.query_by_label("Predicted").is_some());
    click(&mut harness, "This was recorded");
    assert!(harness.query_by_label("Predicted beside the recording").is_some());
}

#[test]
fn a_run_without_a_gpu_asks_for_the_gpu_to_plan_for() {
    let mut harness = shown(cpu());
    assert!(harness.query_by_label_contains("choose the GPU").is_some());
    choose(&mut harness, "GPU", "V100 SXM2 16 GB");
    assert!(harness.query_by_label_contains("does not tell the model").is_some());
}

#[test]
fn a_finding_leads_to_its_evidence() {
    let mut harness = shown(job());
    click(&mut harness, "Findings");
    harness
        .get_all_by_label_contains("rank ")
        .find(|node| node.accesskit_node().role() == egui::accesskit::Role::Button)
        .unwrap()
        .click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let told = perfagent_gui::view::notice::current(&harness.ctx);
    assert!(session.range.is_some() || session.search.name.is_some(), "{told:?}");
}

#[test]
fn the_arrangement_is_copied_in_the_words_of_a_tool() {
    let mut harness = shown(job());
    click(&mut harness, "Configuration");
    harness.get_by_label("Copy as DeepSpeed").click();
    harness.step();
    let text = copied(&harness).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["train_micro_batch_size_per_gpu"], 4);
    settle(&mut harness);
    click(&mut harness, "Megatron-LM");
    harness.get_by_label("Copy as Megatron-LM").click();
    harness.step();
    assert!(copied(&harness).unwrap().contains("--micro-batch-size 4"));
}

#[test]
fn the_search_is_started_followed_and_its_trials_shown() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("perfagent");
    let trials = folder.path().join("trials");
    let journal = concat!(
        r#"{"schema":"perfagent.tune/1","kind":"search","objective":{"from":"json","pointer":null}}"#,
        "\n",
        r#"{"schema":"perfagent.tune/1","kind":"trial","number":1,"candidate":{"micro_batch":"4"},"predicted":null,"status":"ok","value":90000.0}"#,
        "\n",
        r#"{"schema":"perfagent.tune/1","kind":"trial","number":2,"candidate":{"micro_batch":"8"},"predicted":{"p05":90000.0,"p50":99000.0,"p95":110000.0},"status":"ok","value":101000.0}"#
    );
    let script = format!(
        "#!/bin/sh\nmkdir -p {0}\ncat > {0}/tune.jsonl <<'E'\n{journal}\nE\necho \"perfagent: trial 2: 101,000 tokens/s\" >&2\n",
        trials.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut harness = shown(job());
    click(&mut harness, "Run it");
    let line = harness.get_by_label("Command line of tune").accesskit_node().value().unwrap();
    assert!(
        line.contains("perfagent tune --budget 12") && line.contains("--vary micro_batch=4,1,2,8"),
        "{line}"
    );
    assert!(line.ends_with("--zero {zero} --steps 6"), "{line}");
    let advisor = &mut harness.state_mut().session_mut().unwrap().advisor;
    advisor.run_with(program);
    advisor.keep_trials_in(&trials);
    harness.get_all_by_label("Run it").last().unwrap().click();
    let begun = Instant::now();
    while harness.query_by_label("The search is over").is_none() {
        assert!(begun.elapsed().as_secs() < 30, "the search does not end");
        harness.step();
        std::thread::yield_now();
    }
    click(&mut harness, "Show the trials");
    assert!(harness.query_by_label_contains("1 of 1 measured within").is_some());
    assert!(harness.query_by_label_contains("Predicted against measured").is_some());
    assert!(harness.query_by_label_contains("2, micro_batch 8").is_some());
}

/// The program itself, beside the tests of a whole build.
fn perfagent() -> Option<std::path::PathBuf> {
    let tests = std::env::current_exe().ok()?;
    let program = tests.parent()?.parent()?.join("perfagent");
    program.is_file().then_some(program)
}

#[test]
fn a_real_search_is_run_and_its_best_is_the_fastest() {
    let Some(program) = perfagent() else {
        eprintln!("skipped: perfagent itself is not built");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Fastest at 8, and out of memory from 16 on.
    let target = folder.path().join("target.sh");
    let script = "[ $1 -ge 16 ] && { echo 'torch.OutOfMemoryError: CUDA out of memory' >&2; exit 1; }\n\
                  echo \"{\\\"tokens_per_s\\\": $((1000 * $1)).5}\" > \"$2\"\n";
    std::fs::write(&target, script).unwrap();
    let mut harness = shown(job());
    click(&mut harness, "Run it");
    harness.get_by_label("Program to tune").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    let command = format!("sh {} {{micro_batch}} {{json}}", target.display());
    harness.get_by_label("Program to tune").type_text(&command);
    settle(&mut harness);
    let line = harness.get_by_label("Command line of tune").accesskit_node().value().unwrap();
    assert!(line.ends_with("target.sh {micro_batch} {json}"), "{line}");
    let advisor = &mut harness.state_mut().session_mut().unwrap().advisor;
    advisor.run_with(program);
    advisor.keep_trials_in(&folder.path().join("trials"));
    settle(&mut harness);
    harness.get_all_by_label("Run it").last().unwrap().click();
    let begun = Instant::now();
    while harness.query_by_label("The search is over").is_none() {
        let failed = harness.query_by_label_contains("The search failed");
        assert!(failed.is_none(), "{:?}", failed.map(|node| node.accesskit_node().label()));
        assert!(begun.elapsed().as_secs() < 120, "the search does not end");
        harness.step();
        std::thread::yield_now();
    }
    click(&mut harness, "Show the trials");
    let trial = |text: &str| harness.query_all_by_label_contains(text).next().is_some();
    assert!(trial("micro_batch 8") && trial("micro_batch 4"));
    let journal = std::fs::read_to_string(folder.path().join("trials/tune.jsonl")).unwrap();
    assert!(journal.contains("8000.5") && journal.contains("\"out_of_memory\""), "{journal}");
}

#[test]
fn public_traces_are_shown_or_ask_for_what_they_do_not_tell() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    for name in [
        "kineto/h100_bert_small.json.gz",
        "kineto/v100_resnet50_2021.json.gz",
        "kineto/mi300x_resnet_rccl.json.gz",
        "kineto/cpu_only_rank34.json.gz",
        "nsys/mfu_2gpu_3_25.sqlite",
        "nccl/nccl_allgather.log",
        "../../data/h200/profiler/bf16.trace.json.gz",
    ] {
        let path = match name.strip_prefix("../../") {
            Some(own) => Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(own),
            None => folder.join(name),
        };
        if !path.exists() {
            eprintln!("skipped: {} is absent", path.display());
            continue;
        }
        let document = perfagent_gui::job::load(&[path], &|_| {}).unwrap();
        let mut harness = shown(document);
        assert!(
            harness.query_by_label_contains("What would another configuration bring").is_some(),
            "{name}"
        );
        for pane in [Pane::Roofline, Pane::Communication] {
            harness.state_mut().session_mut().unwrap().open(pane);
            settle(&mut harness);
        }
    }
}

#[test]
fn a_click_on_an_arrangement_of_the_plot_sets_the_sliders() {
    let mut harness = shown(job());
    let before = figure(&harness, "Tokens/s");
    let plot = harness.get_by_label_contains("Throughput against memory").rect();
    // The points lie in the left third; a row of places crosses some.
    for across in 0..40 {
        let at = plot.left_top() + egui::vec2(90.0 + 6.0 * across as f32, plot.height() * 0.55);
        harness.event(egui::Event::PointerMoved(at));
        harness.step();
        for pressed in [true, false] {
            harness.event(egui::Event::PointerButton {
                pos: at,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
        }
        settle(&mut harness);
        if figure(&harness, "Tokens/s") != before {
            return;
        }
    }
    panic!("no point was hit");
}

#[test]
fn the_micro_batch_follows_its_slider() {
    let mut harness = shown(job());
    let peak = figure(&harness, "Peak memory");
    let sliders = harness.get_all_by_role_and_label(egui::accesskit::Role::Slider, "Micro-batch");
    let rect = sliders.into_iter().next().unwrap().rect();
    let at = egui::pos2(rect.left() + 70.0, rect.center().y);
    harness.event(egui::Event::PointerMoved(at));
    harness.step();
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        harness.step();
    }
    settle(&mut harness);
    assert_ne!(figure(&harness, "Peak memory"), peak);
}

#[test]
fn pictures() {
    if !can_draw() {
        return;
    }
    let mut results = SnapshotResults::new();
    for (name, theme, size, scale, tab) in [
        ("advisor_light", Theme::Light, (1440.0, 900.0), 1.0, "Suggestions"),
        ("advisor_dark", Theme::Dark, (1280.0, 720.0), 1.0, "Findings"),
        ("advisor_run_light", Theme::Light, (1280.0, 720.0), 1.0, "Run it"),
        ("advisor_small", Theme::Light, (640.0, 360.0), 2.0, "Suggestions"),
    ] {
        let mut harness = window_of(job(), theme, Pane::Advisor, size, scale);
        click(&mut harness, tab);
        harness.snapshot(name);
        results.extend(harness.take_snapshot_results());
    }
}
