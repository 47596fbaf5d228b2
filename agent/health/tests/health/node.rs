//! A node in a folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use perfagent_health::gpu::probe::Probe;
use perfagent_health::gpu::{
    Counters, Fabric, GpuIdentity, GpuReadings, Held, Link, LinkErrors, Mode, Reading, RowReserve,
    SramErrors,
};
use perfagent_health::{Expectation, Health, Options, examine};
use tempfile::TempDir;

/// The folder, and the GPUs that NVML shows.
pub(crate) struct Node {
    root: TempDir,
    pub(crate) gpus: Vec<GpuReadings>,
    pub(crate) expected: Expectation,
}

impl Node {
    /// An empty machine.
    pub(crate) fn at(root: TempDir) -> Self {
        Self { root, gpus: Vec::new(), expected: Expectation::default() }
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
        node.put("sys/module/nvidia_peermem/version", "580.82.07");
        node.put("proc/4711/comm", "nv-fabricmanage");
        node.put("proc/self/ns/.keep", "");
        symlink("pid:[4026531836]", node.root.path().join("proc/self/ns/pid")).unwrap();
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
        let path = self.root.path().join(file);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// With NVML's answers in the form in which the child process gives them.
    pub(crate) fn examine(&self) -> Health {
        let mut lines = vec![serde_json::json!({"calling": "nvmlInit"})];
        let count = self.gpus.len();
        lines.push(serde_json::json!({"started": {"driver": "580.82.07", "library": "13.580.82.07", "count": count}}));
        lines.extend(self.gpus.iter().map(|gpu| serde_json::json!({"gpu": gpu})));
        lines.push(serde_json::json!("end"));
        let answers: Vec<String> = lines.iter().map(ToString::to_string).collect();
        self.put("answers", &answers.join("\n"));
        self.examine_with_answers("answers")
    }

    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.root.path().join(file)).unwrap()
    }

    /// With the answers of this file.
    pub(crate) fn examine_with_answers(&self, file: &str) -> Health {
        let answers = self.root.path().join(file);
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
            expected: self.expected.clone(),
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
        ecc_mode: Reading::Value(Mode { current: true, pending: true }),
        ecc_uncorrected: Reading::Value(0),
        ecc_corrected: Reading::Value(0),
        ecc_corrected_dram: Reading::Value(0),
        sram: Reading::Value(SramErrors::default()),
        rows_remapped_corrected: Reading::Value(0),
        rows_remapped_uncorrected: Reading::Value(0),
        remap_pending: Reading::Value(0),
        remap_failed: Reading::Value(0),
        row_reserve: Reading::Value(RowReserve { max: 640, ..RowReserve::default() }),
        retired_pages: Reading::NotSupported,
        retirement_pending: Reading::NotSupported,
        throttle_reasons: Reading::Value(1),
        temperature_c: Reading::Value(30),
        slowdown_c: Reading::Value(89),
        memory_temperature_c: Reading::Value(35),
        memory_max_c: Reading::Value(95),
        margin_c: Reading::Value(57),
        slowdown_margin_c: Reading::Value(-2),
        sm_clock_mhz: Reading::Value(345),
        sm_clock_max_mhz: Reading::Value(1980),
        memory_clock_mhz: Reading::Value(3201),
        memory_clock_max_mhz: Reading::Value(3201),
        application_clock_mhz: Reading::Value(1980),
        application_clock_default_mhz: Reading::Value(1980),
        pcie_generation: Reading::Value(1),
        pcie_generation_max: Reading::Value(5),
        pcie_generation_gpu: Reading::Value(5),
        pcie_width: Reading::Value(16),
        pcie_width_max: Reading::Value(16),
        links: Reading::Value((0..18).map(|link| Link { link, active: true }).collect()),
        fabric: Reading::Value(Fabric { state: 3, status: 0, health: Some(0xaa) }),
        mig: Reading::Value(Mode { current: false, pending: false }),
        compute_mode: Reading::Value(0),
        processes: Reading::Value(Vec::new()),
        memory_used_bytes: Reading::Value(600 << 20),
        persistence: Reading::Value(true),
        utilization_pct: Reading::Value(0),
        counters: counters(),
        later: Some(Counters { at_ms: 500, ..counters() }),
    }
}

fn counters() -> Counters {
    let zero = || Reading::Value(0);
    let link = |link| LinkErrors {
        link,
        crc: Some(0),
        replay: Some(0),
        recovery: Some(0),
        ..LinkErrors::default()
    };
    Counters {
        at_ms: 0,
        held: Held {
            hardware_thermal_ns: zero(),
            power_brake_ns: zero(),
            software_thermal_ns: zero(),
            thermal_ns: zero(),
            power_ns: zero(),
        },
        pcie_replays: zero(),
        links: (0..18).map(link).collect(),
    }
}
