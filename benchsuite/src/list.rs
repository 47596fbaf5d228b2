//! `perfagent-bench list`: what can be trained.

use std::fmt::Write as _;

use serde_json::json;

use crate::shape::{Family, IMAGE_PRESETS, presets};

/// The table, or one JSON document (`perfagent.bench-list/1`).
pub(crate) fn render(as_json: bool) -> String {
    if as_json {
        let of_images = IMAGE_PRESETS.iter().map(|preset| {
            json!({
                "model": Family::Images.name(),
                "preset": preset.name,
                "params": preset.shape.parameters(),
                "shape": preset.shape,
                "micro_batch": preset.micro_batch,
                "about": preset.about,
            })
        });
        let all: Vec<_> = presets()
            .iter()
            .map(|preset| {
                json!({
                    "model": preset.shape.architecture.name(),
                    "preset": preset.name,
                    "params": preset.shape.parameters(),
                    "shape": preset.shape,
                    "micro_batch": preset.micro_batch,
                    "about": preset.about,
                })
            })
            .chain(of_images)
            .collect();
        return format!("{:#}\n", json!({ "schema": "perfagent.bench-list/1", "presets": all }));
    }
    let mut text = format!(
        "{:<6} {:<12} {:>13}  {:>6} {:>6} {:>5} {:>5} {:>6}  {}\n",
        "model", "preset", "parameters", "layers", "hidden", "heads", "seq", "vocab", "meant for"
    );
    for preset in presets() {
        let shape = preset.shape;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<6} {:<12} {:>13}  {:>6} {:>6} {:>5} {:>5} {:>6}  {}",
            shape.architecture.name(),
            preset.name,
            shape.parameters(),
            shape.layers,
            shape.hidden,
            shape.heads,
            shape.seq,
            shape.vocab,
            preset.about
        );
    }
    let _ = writeln!(
        text,
        "\n{:<8} {:<12} {:>11}  {:>6} {:>5} {:>6} {:>7}  meant for",
        "model", "preset", "parameters", "blocks", "width", "pixels", "classes"
    );
    for preset in IMAGE_PRESETS {
        let shape = preset.shape;
        let _ = writeln!(
            text,
            "{:<8} {:<12} {:>11}  {:>6} {:>5} {:>6} {:>7}  {}",
            Family::Images.name(),
            preset.name,
            shape.parameters(),
            shape.block_count(),
            shape.width,
            shape.image_size,
            shape.classes,
            preset.about
        );
    }
    text
}
