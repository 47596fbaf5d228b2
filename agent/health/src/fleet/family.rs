//! Metrics that one fault makes worse together.

use std::fmt;

/// What part of a node a metric is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// Arithmetic and training.
    Compute,
    /// The GPU's own memory.
    Memory,
    /// Between host and GPU.
    HostLink,
    /// Between GPUs and between nodes.
    Interconnect,
    /// Starting kernels.
    Launch,
    /// Another benchmark of this name.
    Other(String),
}

impl Family {
    pub(super) fn of(metric: &str) -> Self {
        let name = metric.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        // The order decides: "allreduce" of a model's step is communication, "host memory copies" are of the link.
        if has(&[
            "nccl",
            "rccl",
            "reduce",
            "gather",
            "alltoall",
            "all_to_all",
            "broadcast",
            "nvlink",
            "p2p",
            "peer",
            "ib-",
            "ib_",
            "rdma",
            "gpu_to_gpu",
            "device_to_device",
            "infiniband",
        ]) {
            Self::Interconnect
        } else if has(&["h2d", "d2h", "htod", "dtoh", "host", "pcie", "cpu_to_gpu", "to_cpu"]) {
            Self::HostLink
        } else if has(&["launch"]) {
            Self::Launch
        } else if has(&[
            "gemm",
            "matmul",
            "matrix",
            "flop",
            "train",
            "inference",
            "models/",
            "tensor",
            "mul_cost",
            "burn",
            "step",
        ]) {
            Self::Compute
        } else if has(&["memory", "mem-", "mem_", "stream", "hbm", "d2d", "dtod"]) {
            Self::Memory
        } else {
            let benchmark = metric.split('/').next().unwrap_or(metric);
            Self::Other(benchmark.to_owned())
        }
    }

    /// How its benchmarks spread over equal machines that are well, as a share. Single launches and messages between machines
    /// depend on what else runs.
    pub(super) fn usual_spread(&self) -> f64 {
        match self {
            Self::Compute | Self::Memory | Self::HostLink => 0.01,
            Self::Interconnect | Self::Other(_) => 0.02,
            Self::Launch => 0.05,
        }
    }

    /// Where to look.
    pub(super) fn action(&self, gpu: Option<u32>) -> String {
        let of = gpu.map_or_else(String::new, |gpu| format!(" -i {gpu}"));
        match self {
            Self::Compute => format!("look at clocks, power caps and throttle reasons (nvidia-smi -q -d PERFORMANCE,CLOCK,POWER{of}), then measure again; drain it if it stays"),
            Self::Memory => format!("look at ECC errors and remapped rows (nvidia-smi -q -d ECC,ROW_REMAPPER{of}), then measure again; drain it if it stays"),
            Self::HostLink => format!("look at the width and generation of its PCIe link under load and at NUMA binding (nvidia-smi -q{of}, lspci -vv), then measure again"),
            Self::Interconnect => format!("look at links and their error counters (nvidia-smi nvlink -s{of}, nvidia-smi nvlink -e{of}, ibstat), then measure again"),
            Self::Launch => "look at the processor: its frequency governor, other processes, NUMA binding; then measure again".to_owned(),
            Self::Other(_) => "measure again; drain it if it stays".to_owned(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compute => "compute",
            Self::Memory => "GPU memory",
            Self::HostLink => "the link to the host",
            Self::Interconnect => "links to other GPUs",
            Self::Launch => "kernel launches",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn metrics_of_different_tools_fall_into_the_same_families() {
        for (name, family) in [
            ("gemm-flops/FP64", Family::Compute),
            ("gpu_matmul_bf16", Family::Compute),
            ("resnet_models/pytorch-resnet50/throughput_train_float32", Family::Compute),
            ("mem-bw/H2D_Mem_BW", Family::HostLink),
            ("mem-bw/D2D_Mem_BW", Family::Memory),
            ("gpu_memory_bandwidth", Family::Memory),
            ("nccl-bw/allreduce_8_busbw", Family::Interconnect),
            ("ib-loopback/IB_write_512_Avg_0", Family::Interconnect),
            ("host_to_device_memcpy_ce", Family::HostLink),
            ("device_to_device_memcpy_read_ce", Family::Interconnect),
            ("kernel-launch/event_overhead", Family::Launch),
            ("disk/seq_read", Family::Other("disk".to_owned())),
        ] {
            assert_eq!(Family::of(name), family, "{name}");
        }
    }
}
