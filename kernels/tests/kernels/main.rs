//! The CUDA C++ sources compile, for every architecture that a supported GPU has.

use perfagent_kernels::cuda::{Compiler, SOURCES};
use perfagent_kernels::{CeilingError, Device, measure};

/// Turing, Ampere, Ada, Hopper, Blackwell.
const ARCHITECTURES: [&str; 6] = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100"];

#[test]
fn the_sources_compile() {
    let compiler = match Compiler::find() {
        Ok(compiler) => compiler,
        Err(error) => return println!("skipped: {error}"),
    };
    for source in &SOURCES {
        for architecture in ARCHITECTURES {
            let image = compiler.compile(source, architecture).unwrap();
            assert!(image.starts_with(b"\x7fELF"), "{} for {architecture}", source.file);
        }
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_place() {
    let compiler = match Compiler::find() {
        Ok(compiler) => compiler,
        Err(error) => return println!("skipped: {error}"),
    };
    let source = perfagent_kernels::cuda::Source { file: "broken.cu", text: "int main( {" };
    let refused = compiler.compile(&source, "sm_90").unwrap_err().to_string();
    assert!(refused.contains("broken.cu(1): error"), "{refused}");
}

/// Never a panic: a figure where there is a GPU, a reason where there is none.
#[test]
fn a_cuda_device_is_measured_or_refused() {
    match measure(Device::Cuda(0)) {
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
    let refused = measure(Device::Cuda(4_000_000_000)).unwrap_err();
    assert!(refused.to_string().starts_with("cuda"), "{refused}");
}
