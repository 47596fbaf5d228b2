//! Documents of `perfagent ceilings`: what a device of a node can do at most. One document a device; those of a node add up.

use serde::Deserialize;

use super::Source;
use super::moment::moment;
use crate::fleet::metric::Better;
use crate::fleet::node::{Measured, Report};

#[derive(Deserialize)]
struct Document {
    host: String,
    time: Option<String>,
    device: String,
    memory_bandwidth: Option<Bandwidth>,
    cpu: Option<Processor>,
    cuda: Option<Accelerator>,
}

#[derive(Deserialize)]
struct Bandwidth {
    kernels: Vec<Rate>,
}

#[derive(Deserialize)]
struct Rate {
    name: String,
    median_gbps: f64,
}

#[derive(Deserialize)]
struct Processor {
    matrix_products: Option<Products>,
}

#[derive(Deserialize)]
struct Accelerator {
    #[serde(default)]
    copies: Vec<Rate>,
    #[serde(default)]
    launch: Vec<Latency>,
    #[serde(default)]
    multiply_add: Vec<Peak>,
    matrix_products: Option<Products>,
}

#[derive(Deserialize)]
struct Products {
    #[serde(default)]
    dtypes: Vec<OfDtype>,
}

#[derive(Deserialize)]
struct OfDtype {
    dtype: String,
    best: Option<Compute>,
    sustained: Option<Compute>,
}

#[derive(Deserialize)]
struct Compute {
    median_tflops: f64,
}

#[derive(Deserialize)]
struct Peak {
    dtype: String,
    median_tflops: f64,
}

#[derive(Deserialize)]
struct Latency {
    name: String,
    median_ns: f64,
}

/// Reads one document.
pub(super) fn read(source: Source<'_>, place: &str, text: &str) -> Result<Report, String> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| format!("not in the form of its schema: {error}"))?;
    let device = match document.device.as_str() {
        "cpu" => None,
        cuda => {
            let ordinal = cuda.strip_prefix("cuda:").and_then(|ordinal| ordinal.parse().ok());
            Some(ordinal.ok_or_else(|| {
                format!("of the device {cuda:?}, which is neither cpu nor cuda:N")
            })?)
        }
    };
    let mut measured = Vec::new();
    let mut push = |what: &str, name: &str, value: f64, unit: &str, better| {
        if value.is_finite() && value > 0.0 {
            let metric = format!("ceilings/{what}/{name}");
            measured.push(Measured { metric, device, value, unit: Some(unit.to_owned()), better });
        }
    };
    for rate in document.memory_bandwidth.iter().flat_map(|found| &found.kernels) {
        push("memory_bandwidth", &rate.name, rate.median_gbps, "GB/s", Better::Higher);
    }
    let of_processor = document.cpu.as_ref().and_then(|cpu| cpu.matrix_products.as_ref());
    let of_gpu = document.cuda.as_ref().and_then(|cuda| cuda.matrix_products.as_ref());
    for product in of_processor.into_iter().chain(of_gpu).flat_map(|products| &products.dtypes) {
        // What lasts tells a weak cooling apart; without it what was best.
        if let Some(rate) = product.sustained.as_ref().or(product.best.as_ref()) {
            push("matrix_product", &product.dtype, rate.median_tflops, "TFLOP/s", Better::Higher);
        }
    }
    if let Some(cuda) = &document.cuda {
        for rate in &cuda.copies {
            push("copy", &rate.name, rate.median_gbps, "GB/s", Better::Higher);
        }
        for peak in &cuda.multiply_add {
            push("multiply_add", &peak.dtype, peak.median_tflops, "TFLOP/s", Better::Higher);
        }
        for latency in &cuda.launch {
            push("launch", &latency.name, latency.median_ns / 1000.0, "us", Better::Lower);
        }
    }
    if measured.is_empty() {
        return Err("a document of ceilings without a figure: its measurement failed".to_owned());
    }
    Ok(Report {
        node: document.host,
        source: format!("{}: {place}", source.name),
        form: "ceilings",
        time: document.time.as_deref().and_then(moment),
        measured,
        ..Report::default()
    })
}
