//! What the processors of a machine can do at most.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Bench, list, markdown, number, text};
use crate::shell;

pub(super) fn measure(bench: &Bench) -> Result<Value> {
    let mut command = bench.program("perfagent");
    command.args(["ceilings", "--device", "cpu", "--quick", "--json"]);
    let mut result: Value =
        serde_json::from_str(&shell::read(&mut command)?).context("the answer of ceilings")?;
    result["host"] = "vm".into();
    Ok(result)
}

pub(super) fn render(result: &Value) -> Result<String> {
    let mut rows = Vec::new();
    for kernel in list(&result["memory_bandwidth"], "kernels")? {
        rows.push(vec![
            format!("memory, STREAM {}", text(kernel, "name")?),
            format!("{:.1} GB/s", number(kernel, "median_gbps")?),
            String::new(),
        ]);
    }
    let cpu = &result["cpu"];
    for row in list(&cpu["matrix_products"], "dtypes")? {
        let best = &row["best"];
        let [m, n, k] = ["m", "n", "k"].map(|side| best[side].as_u64().unwrap_or(0));
        rows.push(vec![
            format!("matrix product, {}", text(row, "dtype")?),
            format!("{:.1} GFLOP/s", number(best, "median_tflops")? * 1e3),
            format!("{m} × {n} × {k}"),
        ]);
    }
    for curve in cpu["collectives"]["curves"].as_array().into_iter().flatten() {
        let fit = &curve["fit"];
        rows.push(vec![
            format!("{} of {} ranks", text(curve, "collective")?, number(curve, "ranks")?),
            format!("{:.2} GB/s", number(fit, "gbps")?),
            format!(
                "{:.0} µs + bytes / rate, off by {:.0} %",
                number(fit, "alpha_us")?,
                100.0 * number(fit, "relative_error")?
            ),
        ]);
    }
    Ok(markdown(&["what", "rate", "of"], &rows))
}
