//! Libraries whose version matters for speed, by the names of their files.

/// One of them.
pub(super) struct Known {
    /// What the recording calls it.
    pub(super) name: &'static str,
    /// Its files begin so, and go on with `.so`, `-` or a digit.
    files: &'static [&'static str],
    /// Python distributions that carry it begin so, in lower case with `_` for `-`.
    pub(super) distributions: &'static [&'static str],
    /// Conda packages that carry it.
    pub(super) conda: &'static [&'static str],
}

const fn known(
    name: &'static str,
    files: &'static [&'static str],
    distributions: &'static [&'static str],
    conda: &'static [&'static str],
) -> Known {
    Known { name, files, distributions, conda }
}

/// In no order that matters: no file is of two.
pub(super) const ALL: [Known; 15] = [
    known(
        "cuda_runtime",
        &["libcudart"],
        &["nvidia_cuda_runtime"],
        &["cuda-cudart", "cudatoolkit"],
    ),
    known("cublas", &["libcublas"], &["nvidia_cublas"], &["libcublas"]),
    known("cudnn", &["libcudnn"], &["nvidia_cudnn"], &["cudnn", "libcudnn"]),
    known("nccl", &["libnccl"], &["nvidia_nccl"], &["nccl"]),
    known("nccl_net", &["libnccl-net"], &[], &["aws-ofi-nccl"]),
    known("nvshmem", &["libnvshmem_host"], &["nvidia_nvshmem"], &["libnvshmem"]),
    known("torch", &["libtorch_cpu"], &["torch"], &["pytorch", "libtorch"]),
    known("triton", &["libtriton"], &["triton", "pytorch_triton"], &["triton"]),
    known(
        "transformer_engine",
        &["libtransformer_engine"],
        &["transformer_engine"],
        &["transformer-engine"],
    ),
    known(
        "flash_attn",
        &["flash_attn_2_cuda", "flash_attn_3_cuda"],
        &["flash_attn"],
        &["flash-attn"],
    ),
    known("jax", &["xla_cuda_plugin", "xla_extension"], &["jax_cuda", "jaxlib"], &["jaxlib"]),
    known("mkl", &["libmkl_rt", "libmkl_core"], &["mkl"], &["mkl"]),
    known("openblas", &["libopenblas", "libscipy_openblas"], &[], &["libopenblas"]),
    known("mpi", &["libmpi"], &[], &["openmpi", "mpich"]),
    known("python", &["python3", "libpython3"], &[], &["python"]),
];

/// What the recording calls the library in this file.
pub(super) fn name(path: &str) -> Option<&'static str> {
    let file = path.rsplit('/').next()?;
    let goes_on = |rest: &str| {
        rest.is_empty() || rest.starts_with(".so") || rest.starts_with(['.', '-', '_', 'L', '6'])
    };
    let is_it = |known: &&Known| {
        known.files.iter().any(|stem| file.strip_prefix(stem).is_some_and(goes_on))
    };
    // The network plugins of NCCL begin as NCCL does.
    ALL.iter().filter(is_it).max_by_key(|known| known.files[0].len()).map(|known| known.name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn files_are_known_by_their_beginning() {
        for (path, known) in [
            ("/opt/nvidia/lib/libcudart.so.13.0.96", Some("cuda_runtime")),
            ("/x/libcudart-d0da41ae.so.11.0", Some("cuda_runtime")),
            ("/x/libcublasLt.so.12", Some("cublas")),
            ("/x/libcudnn_graph.so.9", Some("cudnn")),
            ("/x/libnccl.so.2.30.7", Some("nccl")),
            ("/x/libnccl-net.so", Some("nccl_net")),
            ("/x/torch/lib/libtorch_cpu.so", Some("torch")),
            ("/x/torch/lib/libtorch_cuda.so", None),
            ("/usr/bin/python3.11", Some("python")),
            ("/x/libpython3.12.so.1.0", Some("python")),
            ("/x/flash_attn_2_cuda.cpython-312-x86_64-linux-gnu.so", Some("flash_attn")),
            ("/x/libmpi.so.40.30.4", Some("mpi")),
            ("/x/libmpicxx.so", None),
            ("/x/libscipy_openblas64_-8fb3d286.so", Some("openblas")),
            ("/usr/lib/libc.so.6", None),
            ("", None),
        ] {
            assert_eq!(name(path), known, "{path}");
        }
    }
}
