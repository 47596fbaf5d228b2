//! The CUDA C++ sources compile, for every architecture that a supported GPU has.

use perfagent_kernels::cuda::{Compiler, SOURCES};
use perfagent_kernels::{CeilingError, Device, Effort, measure};

/// Turing, Ampere, Ada, Hopper, Blackwell.
const ARCHITECTURES: [&str; 7] = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"];

/// NVRTC, or why there is none. One that `PERFAGENT_NVRTC` names, as `cargo xtask test` does, must load.
fn compiler() -> Result<Compiler, String> {
    Compiler::find().map_err(|error| {
        assert!(std::env::var_os("PERFAGENT_NVRTC").is_none(), "{error}");
        format!("{error}; or `cargo xtask setup`, which fetches it from the network")
    })
}

#[test]
fn the_sources_compile() {
    let compiler = match compiler() {
        Ok(compiler) => compiler,
        Err(reason) => return println!("skipped: {reason}"),
    };
    for source in &SOURCES {
        for architecture in ARCHITECTURES {
            let image = compiler.compile(source, architecture).unwrap();
            assert!(image.starts_with(b"\x7fELF"), "{} for {architecture}", source.file);
        }
    }
}

/// A kernel that the sources no longer have would be missed on a GPU only.
#[test]
fn every_kernel_that_is_launched_is_in_the_device_code() {
    let compiler = match compiler() {
        Ok(compiler) => compiler,
        Err(reason) => return println!("skipped: {reason}"),
    };
    for (file, names) in [
        (
            "stream.cu",
            &["stream_copy", "stream_scale", "stream_add", "stream_triad", "stream_fill"][..],
        ),
        (
            "bandwidth.cu",
            &[
                "bandwidth_fill",
                "bandwidth_read",
                "bandwidth_write",
                "bandwidth_copy",
                "bandwidth_triad",
            ],
        ),
        ("peak.cu", &["peak_fp32", "peak_fp64"]),
        ("random.cu", &["random_fp32", "random_fp16", "random_bf16", "random_fp8_e4m3"]),
        ("empty.cu", &["empty"]),
    ] {
        let source = SOURCES.iter().find(|source| source.file.ends_with(file)).unwrap();
        let image = compiler.compile(source, "sm_90").unwrap();
        for name in names {
            let symbol = format!("\0{name}\0");
            let found = image.windows(symbol.len()).any(|bytes| bytes == symbol.as_bytes());
            assert!(found, "{file} has no {name}");
        }
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_place() {
    let compiler = match compiler() {
        Ok(compiler) => compiler,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let source = perfagent_kernels::cuda::Source { file: "broken.cu", text: "int main( {" };
    let refused = compiler.compile(&source, "sm_90").unwrap_err().to_string();
    assert!(refused.contains("broken.cu(1): error"), "{refused}");
}

/// Never a panic: a figure where there is a GPU, a reason where there is none.
#[test]
fn a_cuda_device_is_measured_or_refused() {
    match measure(Device::Cuda(0), Effort::Quick) {
        Ok(ceilings) => {
            assert!(ceilings.memory_bandwidth.kernels.iter().all(|rate| rate.median_gbps > 0.0));
        }
        Err(error) => {
            assert!(
                !matches!(error, CeilingError::WrongResult { .. } | CeilingError::Compile { .. }),
                "{error}"
            );
            println!("skipped: {error}");
        }
    }
}

#[test]
fn a_device_beyond_the_last_is_refused() {
    let refused = measure(Device::Cuda(4_000_000_000), Effort::Quick).unwrap_err();
    assert!(refused.to_string().starts_with("cuda"), "{refused}");
}
