//! GPUs of one node side by side: of equal boards one that is set up otherwise is the odd one out.

use std::collections::BTreeMap;

use super::reading::{GpuReadings, Reading};
use crate::{Check, Severity, Status};

const NAME: &str = "gpu_uniformity";

/// What should be the same on all GPUs of one name, and the value in words where it is told.
type Property = (&'static str, fn(&GpuReadings) -> Option<String>);

const PROPERTIES: [Property; 7] = [
    ("VBIOS", |gpu| gpu.identity.vbios.clone()),
    ("widest PCI Express link", |gpu| told(&gpu.pcie_width_max)),
    ("fastest PCI Express link", |gpu| told(&gpu.pcie_generation_max)),
    ("ECC", |gpu| gpu.ecc_mode.value().map(|mode| on(mode.current))),
    ("MIG", |gpu| gpu.mig.value().map(|mode| on(mode.current))),
    ("compute mode", |gpu| told(&gpu.compute_mode)),
    ("highest SM clock", |gpu| told(&gpu.sm_clock_max_mhz)),
];

fn told<T: ToString>(reading: &Reading<T>) -> Option<String> {
    reading.value().map(ToString::to_string)
}

fn on(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

/// One check of the node; `None` with fewer than two GPUs to compare.
pub(super) fn check(gpus: &[GpuReadings]) -> Option<Check> {
    let asked: Vec<&GpuReadings> = gpus.iter().filter(|gpu| gpu.handle.value().is_some()).collect();
    if asked.len() < 2 {
        return None;
    }
    let mut differences = Vec::new();
    let mut groups: BTreeMap<&str, Vec<&GpuReadings>> = BTreeMap::new();
    for gpu in &asked {
        groups.entry(gpu.identity.name.as_deref().unwrap_or("?")).or_default().push(gpu);
    }
    if groups.len() > 1 {
        let counts = groups.iter().map(|(name, gpus)| format!("{} {name}", gpus.len()));
        differences.push(format!("different GPUs: {}", counts.collect::<Vec<_>>().join(", ")));
    }
    for gpus in groups.values() {
        differences.extend(PROPERTIES.iter().filter_map(|property| difference(property, gpus)));
    }
    let detail = if differences.is_empty() {
        format!("{} GPUs are alike", asked.len())
    } else {
        differences.join("; ")
    };
    let check = Check::ok(NAME, "host", detail).found(differences.len() as u64, "differences");
    let check = check.expected(0_u64);
    Some(if differences.is_empty() {
        check
    } else {
        check.but(
            Status::Warning,
            Severity::Config,
            "bring firmware and settings of the odd GPU in line with the others, or have its slot inspected; harmless where it is meant so",
        )
    })
}

/// `VBIOS: 96.00 on 7, 95.02 on GPU 3`.
fn difference((name, value): &Property, gpus: &[&GpuReadings]) -> Option<String> {
    let mut by_value: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for gpu in gpus {
        by_value.entry(value(gpu)?).or_default().push(gpu.identity.index);
    }
    if by_value.len() < 2 {
        return None;
    }
    let words = by_value.iter().map(|(value, indices)| {
        let indices: Vec<String> = indices.iter().map(u32::to_string).collect();
        format!("{value} on GPU {}", indices.join(" "))
    });
    Some(format!("{name}: {}", words.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::Status;
    use crate::gpu::{GpuIdentity, GpuReadings, Reading};

    fn gpu(index: u32, name: &str, vbios: &str) -> GpuReadings {
        GpuReadings {
            identity: GpuIdentity {
                index,
                name: Some(name.to_owned()),
                vbios: Some(vbios.to_owned()),
                ..GpuIdentity::default()
            },
            handle: Reading::Value(()),
            ..GpuReadings::default()
        }
    }

    #[test]
    fn the_odd_one_out_is_named() {
        assert_eq!(check(&[gpu(0, "H200", "1")]), None);
        let alike = [gpu(0, "H200", "1"), gpu(1, "H200", "1")];
        assert_eq!(check(&alike).unwrap().status, Status::Ok);
        let odd = check(&[gpu(0, "H200", "1"), gpu(1, "H200", "1"), gpu(2, "H200", "2")]).unwrap();
        assert_eq!(odd.status, Status::Warning);
        assert_eq!(odd.detail, "VBIOS: 1 on GPU 0 1, 2 on GPU 2");
        let mixed = check(&[gpu(0, "H200", "1"), gpu(1, "T4", "2")]).unwrap();
        assert_eq!(mixed.detail, "different GPUs: 1 H200, 1 T4");
    }

    #[test]
    fn what_a_gpu_does_not_tell_is_no_difference() {
        let mut silent = gpu(1, "H200", "1");
        silent.identity.vbios = None;
        assert_eq!(check(&[gpu(0, "H200", "1"), silent]).unwrap().status, Status::Ok);
    }
}
