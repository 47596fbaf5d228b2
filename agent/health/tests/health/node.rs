//! A node in a folder.

use std::fs;
use std::time::Duration;

use perfagent_health::gpu::probe::Probe;
use perfagent_health::gpu::{EccMode, GpuIdentity, GpuReadings, Reading};
use perfagent_health::{Health, Options, examine};
use tempfile::TempDir;

/// The folder, and the GPUs that NVML shows.
pub(crate) struct Node {
    root: TempDir,
    pub(crate) gpus: Vec<GpuReadings>,
}

impl Node {
    /// An empty machine.
    pub(crate) fn at(root: TempDir) -> Self {
        Self { root, gpus: Vec::new() }
    }

    /// Two memory controllers, two CPUs, one InfiniBand and one Ethernet port, two GPUs; up for a day.
    pub(crate) fn well() -> Self {
        let mut node = Self::at(tempfile::tempdir().unwrap());
        node.put("proc/uptime", "86400.00 1000.00");
        node.put("proc/meminfo", "MemTotal: 1048576000 kB\nMemAvailable: 943718400 kB\n");
        node.put("proc/interrupts", "  CPU0 CPU1\nMCE:  0  0   Machine check exceptions\n");
        node.put("proc/mounts", "/dev/root / ext4 rw 0 0\nnas:/home /home nfs4 rw 0 0\n");
        for controller in ["mc0", "mc1"] {
            node.put(&format!("sys/devices/system/edac/mc/{controller}/ce_count"), "1");
            node.put(&format!("sys/devices/system/edac/mc/{controller}/ue_count"), "0");
        }
        let port = "sys/class/infiniband/mlx5_0/ports/1";
        node.put(&format!("{port}/state"), "4: ACTIVE");
        node.put(&format!("{port}/phys_state"), "5: LinkUp");
        node.put(&format!("{port}/rate"), "400 Gb/sec (4X NDR)");
        for counter in ["symbol_error", "link_downed", "port_rcv_errors"] {
            node.put(&format!("{port}/counters/{counter}"), "1");
        }
        let port = "sys/class/net/eth0";
        for (file, text) in [
            ("device/vendor", "0x15b3"),
            ("type", "1"),
            ("flags", "0x1003"),
            ("operstate", "up"),
            ("speed", "100000"),
            ("carrier_down_count", "1"),
            ("statistics/rx_errors", "0"),
            ("statistics/tx_errors", "0"),
            ("statistics/rx_packets", "123456789"),
            ("statistics/tx_packets", "987654321"),
        ] {
            node.put(&format!("{port}/{file}"), text);
        }
        node.put("sys/class/net/lo/type", "772");
        node.put(
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build",
        );
        for place in ["0000:18:00.0", "0000:9b:00.0"] {
            node.put(&format!("sys/bus/pci/devices/{place}/vendor"), "0x10de");
            node.put(&format!("sys/bus/pci/devices/{place}/class"), "0x030200");
            node.put(&format!("proc/driver/nvidia/gpus/{place}/information"), "Model: H200");
        }
        // An NVSwitch, which is no GPU.
        node.put("sys/bus/pci/devices/0000:05:00.0/vendor", "0x10de");
        node.put("sys/bus/pci/devices/0000:05:00.0/class", "0x068000");
        node.put("dev/kmsg", "6,0,0,-;Linux version 6\n6,1,5000000,-;NVRM: loading NVIDIA\n");
        node.gpus = vec![well_gpu(0), well_gpu(1)];
        node
    }

    pub(crate) fn put(&self, file: &str, text: &str) {
        let path = self.root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.root.path().join(file)).unwrap();
    }

    /// With NVML's answers in the form in which the child process gives them.
    pub(crate) fn examine(&self) -> Health {
        let mut lines = vec![serde_json::json!({"calling": "nvmlInit"})];
        let count = self.gpus.len();
        lines.push(serde_json::json!({"started": {"driver": "580.82.07", "count": count}}));
        lines.extend(self.gpus.iter().map(|gpu| serde_json::json!({"gpu": gpu})));
        lines.push(serde_json::json!("end"));
        let answers: Vec<String> = lines.iter().map(ToString::to_string).collect();
        self.put("answers", &answers.join("\n"));
        let answers = self.root.path().join("answers");
        self.examine_with("/bin/cat", &[answers.to_str().unwrap()], Duration::from_secs(20))
    }

    /// With this program in the place of the child process.
    pub(crate) fn examine_with(
        &self,
        program: &str,
        arguments: &[&str],
        time_limit: Duration,
    ) -> Health {
        let arguments = arguments.iter().copied().map(str::to_owned).collect();
        examine(&Options {
            root: self.root.path().to_owned(),
            time_limit,
            probe: Probe { program: program.into(), arguments },
        })
    }
}

/// A GPU without a fault, idle.
pub(crate) fn well_gpu(index: u32) -> GpuReadings {
    let place = ["0000:18:00.0", "0000:9b:00.0"][index as usize];
    GpuReadings {
        identity: GpuIdentity {
            index,
            name: Some("NVIDIA H200".to_owned()),
            uuid: Some(format!("GPU-{index}")),
            pci: Some(place.to_owned()),
            vbios: Some("96.00.89.00.01".to_owned()),
        },
        handle: Reading::Value(()),
        recovery_action: Reading::Value(0),
        ecc_mode: Reading::Value(EccMode { current: true, pending: true }),
        ecc_uncorrected: Reading::Value(0),
        ecc_corrected: Reading::Value(0),
        rows_remapped_corrected: Reading::Value(0),
        rows_remapped_uncorrected: Reading::Value(0),
        remap_pending: Reading::Value(0),
        remap_failed: Reading::Value(0),
        retirement_pending: Reading::NotSupported,
        throttle_reasons: Reading::Value(1),
        temperature_c: Reading::Value(30),
        slowdown_c: Reading::Value(89),
        memory_temperature_c: Reading::Value(35),
        memory_max_c: Reading::Value(95),
        pcie_generation: Reading::Value(1),
        pcie_generation_max: Reading::Value(5),
        pcie_width: Reading::Value(16),
        pcie_width_max: Reading::Value(16),
        pcie_replays: Reading::Value(0),
        persistence: Reading::Value(true),
        utilization_pct: Reading::Value(0),
    }
}
