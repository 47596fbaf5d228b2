//! Where a suite runs: what N stands for, and what its results must not be mixed with.

use std::fs;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// What a suite can use of a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    pub(crate) cores: u64,
    pub(crate) gpus: u64,
}

impl Surroundings {
    /// How many ranks can have a device of their own: GPUs where they are meant, else processor cores.
    pub(crate) fn devices(self, device: Option<&str>) -> u64 {
        let on_gpus = match device {
            Some("cpu") => false,
            Some("cuda") => true,
            _ => self.gpus > 0,
        };
        // At least one, so that a case is there and is refused with its reason.
        if on_gpus { self.gpus.max(1) } else { self.cores }
    }
}

/// A machine and the software on it, as far as results depend on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) host: String,
    pub(crate) cpu: Option<String>,
    /// Logical cores that this process may use.
    pub(crate) cores: u64,
    pub(crate) memory_bytes: Option<i64>,
    /// Names of the GPUs, in the driver's order.
    pub(crate) gpus: Vec<String>,
    /// Version of NVIDIA's driver.
    pub(crate) driver: Option<String>,
    pub(crate) perfagent: String,
    /// Version of libtorch, where the benchmark has told it.
    pub(crate) torch: Option<String>,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let host = perfagent_collect::this_host();
        Self {
            host: host.name,
            cpu: host.cpu_model,
            cores: available_parallelism().map_or(1, |cores| cores.get() as u64),
            memory_bytes: host.memory_bytes,
            gpus: gpus(),
            driver: host.driver_version,
            perfagent: env!("CARGO_PKG_VERSION").to_owned(),
            torch: None,
        }
    }

    /// What of it a suite can use.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings { cores: self.cores, gpus: self.gpus.len() as u64 }
    }

    /// In what it differs from `other` so that their results are not of one series. Memory is told but may vary: virtual
    /// machines differ in it from boot to boot.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let facts = |machine: &Self| {
            let cores = machine.cores.to_string();
            let gpus = match machine.gpus.as_slice() {
                [] => "none".to_owned(),
                gpus => gpus.join(", "),
            };
            let known = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "none".to_owned());
            [
                ("host", machine.host.clone()),
                ("processor", known(&machine.cpu)),
                ("number of cores", cores),
                ("list of GPUs", gpus),
                ("driver", known(&machine.driver)),
                ("perfagent", machine.perfagent.clone()),
            ]
        };
        let mut pairs = facts(self).into_iter().zip(facts(other));
        let ((name, here), (_, there)) = pairs.find(|((_, here), (_, there))| here != there)?;
        Some(format!("the {name} was {there} then and is {here} now"))
    }
}

/// Names of the GPUs that NVIDIA's driver knows.
fn gpus() -> Vec<String> {
    let Ok(folder) = fs::read_dir("/proc/driver/nvidia/gpus") else { return Vec::new() };
    let mut gpus: Vec<_> = folder
        .filter_map(Result::ok)
        .map(|entry| {
            let text = fs::read_to_string(entry.path().join("information")).unwrap_or_default();
            (entry.file_name(), model(&text).unwrap_or("unknown").to_owned())
        })
        .collect();
    gpus.sort();
    gpus.into_iter().map(|(_, name)| name).collect()
}

/// The model in the driver's description of a GPU.
fn model(information: &str) -> Option<&str> {
    information.lines().find_map(|line| line.strip_prefix("Model:")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{Machine, Surroundings, model};

    #[test]
    fn ranks_have_gpus_where_those_are_meant() {
        let here = Surroundings { cores: 16, gpus: 4 };
        assert_eq!(
            [Some("cpu"), Some("cuda"), Some("auto"), None].map(|device| here.devices(device)),
            [16, 4, 4, 4]
        );
        let here = Surroundings { cores: 16, gpus: 0 };
        assert_eq!([Some("cuda"), None].map(|device| here.devices(device)), [1, 16]);
    }

    #[test]
    fn another_machine_is_told_and_the_same_is_not() {
        let this = Machine::this();
        assert!(this.cores >= 1 && !this.host.is_empty());
        let told_torch =
            Machine { torch: Some("2.11".to_owned()), memory_bytes: None, ..this.clone() };
        assert_eq!(this.difference(&told_torch), None);
        let other = Machine { gpus: vec!["NVIDIA H200".to_owned(); 2], ..this.clone() };
        let told = this.difference(&other).unwrap();
        assert_eq!(told, "the list of GPUs was NVIDIA H200, NVIDIA H200 then and is none now");
    }

    #[test]
    fn the_driver_names_its_gpus() {
        let text = "Model: \t\t NVIDIA H200\nIRQ:   \t\t 251\nGPU UUID: \t GPU-1\n";
        assert_eq!((model(text), model("IRQ: 1")), (Some("NVIDIA H200"), None));
    }
}
