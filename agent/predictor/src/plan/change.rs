//! What differs between two arrangements.

use serde::{Deserialize, Serialize};

use crate::job::{Job, Run};

/// One field that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field of `run`.
    pub field: String,
    /// As it is.
    pub from: String,
    /// As it is suggested.
    pub to: String,
}

/// The fields of `run` that differ, in a fixed order; what follows from others is left out.
pub(super) fn between(old: &Job, new: &Job) -> Vec<Change> {
    fields(&old.run)
        .into_iter()
        .zip(fields(&new.run))
        .filter(|((_, from), (_, to))| from != to)
        .map(|((field, from), (_, to))| Change { field: field.to_owned(), from, to })
        .collect()
}

fn fields(run: &Run) -> [(&'static str, String); 12] {
    let number = |value: Option<u64>, otherwise: u64| value.unwrap_or(otherwise).to_string();
    let switch = |value: Option<bool>| if value == Some(true) { "on" } else { "off" }.to_owned();
    let word = |value: &Option<String>, otherwise: &str| {
        value.clone().unwrap_or_else(|| otherwise.to_owned())
    };
    [
        ("micro_batch", number(run.micro_batch, 1)),
        ("grad_accum", number(run.grad_accum, 1)),
        ("tp", number(run.tp, 1)),
        ("pp", number(run.pp, 1)),
        ("cp", number(run.cp, 1)),
        ("zero", number(run.zero, 0)),
        ("recompute", word(&run.recompute, "none")),
        ("offload", word(&run.offload, "none")),
        ("precision", word(&run.precision, "bf16")),
        ("channels_last", run.channels_last.unwrap_or(false).to_string()),
        ("fused_loss", switch(run.fused_loss)),
        ("cuda_graphs", switch(run.cuda_graphs)),
    ]
}
