//! Step times beside PyTorch's.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Bench, list, markdown, number, text};
use crate::bench::Training;
use crate::statistics::{median, median_interval};

pub(super) fn measure(bench: &Bench) -> Result<Value> {
    let mut rows = Vec::new();
    for (model, preset, precision) in
        [("gpt", "micro", "fp32"), ("gpt", "micro", "bf16"), ("llama", "micro", "fp32")]
    {
        let training = Training::of(model, preset, precision);
        let ratios = training.ratios(&bench.programs, &bench.folder)?;
        let interval = median_interval(&ratios);
        rows.push(json!({
            "model": model,
            "preset": preset,
            "precision": precision,
            "ratios": ratios,
            "median": median(&ratios),
            "low": interval.map(|(low, _)| low),
            "high": interval.map(|(_, high)| high),
        }));
    }
    Ok(json!({ "rows": rows }))
}

pub(super) fn render(result: &Value) -> Result<String> {
    let row = |row: &Value| -> Result<Vec<String>> {
        Ok(vec![
            format!("{} {} {}", text(row, "model")?, text(row, "preset")?, text(row, "precision")?),
            format!("{:.3}", number(row, "median")?),
            format!("{:.3} to {:.3}", number(row, "low")?, number(row, "high")?),
            list(row, "ratios")?.len().to_string(),
        ])
    };
    let rows = list(result, "rows")?.iter().map(row).collect::<Result<Vec<_>>>()?;
    Ok(markdown(&["model", "step time by PyTorch's", "95 % interval", "pairs"], &rows))
}
