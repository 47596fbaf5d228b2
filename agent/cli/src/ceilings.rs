//! A device's ceilings as a page.

use perfagent_kernels::{Ceilings, Latency, Rate};

use crate::page::{Cell, Page, Table};
use crate::unit;

/// Lays them out.
pub(crate) fn page(ceilings: &Ceilings) -> Page {
    let mut page = Page::default();
    let name = ceilings.name.as_deref().unwrap_or("unnamed");
    page.title(format!("Ceilings of {}: {name}", ceilings.device));
    page.facts(facts(ceilings));
    let memory = &ceilings.memory_bandwidth;
    page.section("Memory bandwidth");
    page.table(rates("kernel", &memory.kernels));
    page.paragraph(format!(
        "Arrays of {}. Bytes as in {}.",
        unit::bytes(memory.array_bytes as i64),
        memory.convention
    ));
    if let Some(cuda) = &ceilings.cuda {
        page.section("Copies through page-locked memory");
        page.table(rates("copy", &cuda.copies));
        page.section("Launches of a kernel that does nothing");
        page.table(latencies(&cuda.launch));
    }
    page
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
    if let Some(cuda) = &ceilings.cuda {
        fact("memory", unit::bytes(cuda.total_bytes as i64));
        fact("L2 cache", unit::bytes(cuda.l2_cache_bytes as i64));
        fact("multiprocessors", cuda.multiprocessors.to_string());
        fact("compute capability", cuda.compute_capability.clone());
        fact("driver", format!("CUDA {}", cuda.driver_cuda_version));
        fact("NVRTC", cuda.nvrtc_version.clone());
    }
    facts
}

fn rates(what: &'static str, rates: &[Rate]) -> Table {
    let mut table = Table::new([what, "best", "median", "bytes", "repetitions"]);
    for rate in rates {
        table.row([
            Cell::Text(rate.name.to_owned()),
            Cell::Figure(unit::rate(rate.best_gbps)),
            Cell::Figure(unit::rate(rate.median_gbps)),
            Cell::Figure(unit::bytes(rate.bytes as i64)),
            Cell::Figure(rate.repetitions.to_string()),
        ]);
    }
    table
}

fn latencies(latencies: &[Latency]) -> Table {
    let mut table = Table::new(["what", "best", "median", "repetitions"]);
    for latency in latencies {
        table.row([
            Cell::Text(latency.name.to_owned()),
            Cell::Figure(unit::mean_duration(latency.best_ns)),
            Cell::Figure(unit::mean_duration(latency.median_ns)),
            Cell::Figure(latency.repetitions.to_string()),
        ]);
    }
    table
}
