//! A device's ceilings as a page.

mod cuda;
mod shared;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod torch;

use perfagent_kernels::{Ceilings, Comparison, Conditions};

use crate::page::{Cell, Page, Table};
use crate::unit;

/// Lays them out, beside what the datasheet says if one is known.
pub(crate) fn page(ceilings: &Ceilings, comparison: Option<&Comparison>) -> Page {
    let mut page = Page::default();
    let name = ceilings.name.as_deref().unwrap_or("unnamed");
    page.title(format!("Ceilings of {}: {name}", ceilings.device));
    page.facts(facts(ceilings));
    match comparison {
        Some(comparison) => datasheet(&mut page, comparison),
        None if ceilings.cuda.is_some() => {
            page.paragraph(
                "No datasheet of this device is known; --datasheets names a file with one.",
            );
        }
        None => {}
    }
    let memory = &ceilings.memory_bandwidth;
    page.section("Memory bandwidth");
    page.table(tables::rates("kernel", &memory.kernels));
    page.paragraph(format!(
        "Arrays of {}. Bytes as in {}.",
        unit::bytes(memory.array_bytes as i64),
        memory.convention
    ));
    if let Some(cuda) = &ceilings.cuda {
        cuda::write(&mut page, cuda);
    }
    if let Some(cpu) = &ceilings.cpu {
        shared::products(&mut page, &cpu.matrix_products);
        shared::operators(&mut page, &cpu.operators);
        shared::collectives(&mut page, &cpu.collectives);
    }
    page.paragraph(method(ceilings));
    page
}

fn datasheet(page: &mut Page, comparison: &Comparison) {
    page.section("Measured and stated");
    let mut table = Table::new(["what", "measured", "stated", "share", "stated by"]);
    for figure in &comparison.figures {
        let source = figure.source.as_ref().map_or("", |source| source.url.as_str());
        let halved = if figure.halved { " (half of the sparse rate)" } else { "" };
        table.row([
            Cell::text(&figure.what),
            Cell::Figure(format!("{:.1} {}", figure.measured, figure.unit)),
            Cell::Figure(format!("{:.1} {}", figure.stated, figure.unit)),
            Cell::Figure(unit::percent(figure.pct)),
            Cell::Text(format!("{source}{halved}")),
        ]);
    }
    page.table(table);
    page.paragraph(format!("Medians, and the datasheet of the {}.", comparison.name));
}

/// How figures were taken, in two sentences.
fn method(ceilings: &Ceilings) -> String {
    let method = &ceilings.method;
    format!(
        "± is half of the interval that holds the true median with a probability of {} or more (order statistics). A measurement ends when that interval is no wider than {} of the median, or at a bound of repetitions or time.",
        unit::percent(method.confidence * 100.0),
        unit::percent(method.tight_within * 100.0),
    )
}

fn facts(ceilings: &Ceilings) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(cpu) = &ceilings.cpu {
        fact("CPUs", cpu.cpus.len().to_string());
        for cache in &cpu.caches {
            fact(
                &format!("L{} {} of {}", cache.level, cache.kind.to_lowercase(), cache.shared_by),
                unit::bytes(cache.size_bytes as i64),
            );
        }
    }
    let environment = &ceilings.environment;
    if let Some(cuda) = &ceilings.cuda {
        fact("memory", unit::bytes(cuda.total_bytes as i64));
        fact("L2 cache", unit::bytes(cuda.l2_cache_bytes as i64));
        fact("multiprocessors", cuda.multiprocessors.to_string());
        fact("compute capability", cuda.compute_capability.clone());
        let driver = environment.driver_version.as_deref();
        let driver = driver.map_or_else(String::new, |version| format!("{version}, "));
        fact("driver", format!("{driver}CUDA {}", cuda.driver_cuda_version));
        fact("NVRTC", cuda.nvrtc_version.clone());
        fact("host", environment.host_cpu.clone().unwrap_or_else(|| "unnamed".to_owned()));
        match (&ceilings.power.reason, environment.power_limit_watts) {
            (Some(reason), _) => fact("power", format!("unknown: {reason}")),
            (None, Some(limit)) => fact("power limit", format!("{limit} W")),
            (None, None) => {}
        }
        for (when, conditions) in
            [("before", &ceilings.power.before), ("after arithmetic", &ceilings.power.after)]
        {
            if let Some(conditions) = conditions {
                fact(when, condition(conditions));
            }
        }
    }
    if let Some(kernel) = &environment.kernel {
        fact("kernel", kernel.clone());
    }
    facts
}

/// `1980 MHz, memory 3201 MHz, 61 °C, held down by power cap`.
fn condition(conditions: &Conditions) -> String {
    let clock = |name: &str, clock: Option<u32>| clock.map(|mhz| format!("{name}{mhz} MHz"));
    let reasons = conditions.throttle_reasons.as_ref().map(|reasons| match reasons.as_slice() {
        [] => "clocks not held down".to_owned(),
        reasons => format!("clocks held down by: {}", reasons.join(", ")),
    });
    let parts = [
        clock("", conditions.sm_clock_mhz),
        clock("memory ", conditions.memory_clock_mhz),
        conditions.temperature_celsius.map(|celsius| format!("{celsius} °C")),
        reasons,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
