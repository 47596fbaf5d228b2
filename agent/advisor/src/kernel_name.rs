//! What the names of kernels tell: which units multiply, and which kernels only copy or convert.

/// Which units of a GPU a product, convolution or attention runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tensor cores (AMD: matrix cores).
    Tensor,
    /// The ordinary cores, in numbers that tensor cores could multiply.
    Ordinary,
    /// The name does not tell.
    Unknown,
}

/// What a kernel that computes nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Changes the element type.
    Cast,
    /// Changes the order of the dimensions.
    Layout,
    /// Copies; of some, the name does not tell whether the type changes.
    Copy,
}

/// What multiplies no matrices although its name looks like it, waits for memory whatever the unit, or counts in fp64.
const NO_PRODUCT: [&str; 18] = [
    "splitkreduce",
    "splitk_reduce",
    "gemv",
    "gemmk1",
    "dot_kernel",
    "depthwise",
    "dgemm",
    "d884",
    "computeoffsets",
    "computeboffsets",
    "generatewinograd",
    "im2col",
    "col2im",
    "reshape_and_cache",
    "split_embedding",
    "epilogue::",
    "scal_kernel",
    "bounds_check_indices",
];

/// Tensor cores by the shapes of their instructions, by the libraries that know no others, and by types that only they multiply.
const TENSOR: [&str; 28] = [
    "tensorop",
    "wmma",
    "hmma",
    "gmma",
    "imma",
    "mfma",
    "16816",
    "s1688",
    "h1688",
    "i16832",
    "s884",
    "h884",
    "tf32",
    "bf16",
    "bfloat16",
    "f16f16",
    "nvjet",
    "flash_fwd",
    "flash_bwd",
    "fmha",
    "_mi16x16",
    "_mi32x32",
    "_mi4x4",
    "e4m3",
    "e5m2",
    "e2m1",
    "mxfp",
    "fp8",
];

/// Products of fp32 (or fp16) on ordinary cores.
const ORDINARY: [&str; 9] = [
    "sgemm",
    "scudnn",
    "simt",
    "f32f32_f32f32_f32",
    "dgrad_engine<float",
    "wgrad_alg0_engine<float",
    "wgrad_alg1_engine<float",
    "convolve_common_engine_float",
    "cgemm",
];

/// Which units a kernel runs on; `None` of a kernel that multiplies nothing, by its category and name.
pub(crate) fn unit(category: &str, name: &str) -> Option<Unit> {
    if !matches!(category, "matmul" | "convolution" | "attention") {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    // FBGEMM's kernels for embeddings carry its name, too.
    if has(&NO_PRODUCT) || (name.contains("fbgemm_gpu::") && !name.contains("cutlass")) {
        return None;
    }
    Some(if has(&TENSOR) {
        Unit::Tensor
    } else if has(&ORDINARY) {
        Unit::Ordinary
    } else {
        Unit::Unknown
    })
}

/// Whether a product reads its rows one or two numbers at a time: CUTLASS, of which cuBLAS takes kernels where its own do not fit,
/// names after `align` how many.
pub(crate) fn is_unaligned(name: &str) -> bool {
    ["_align1", "_align2"].iter().any(|word| {
        name.match_indices(word)
            .any(|(at, _)| !name.as_bytes().get(at + word.len()).is_some_and(u8::is_ascii_digit))
    })
}

/// Conversions, by kernels of PyTorch, `MIOpen`, cuDNN, vLLM and XLA, and operators of PyTorch.
const CASTS: [&str; 14] = [
    "castTensor",
    "convertTensor",
    "convert_element_type",
    "aten::_to_copy",
    "aten::to",
    "wrapped_convert",
    "loop_convert",
    "_fp8_quant",
    "fp8rowwise_to_float",
    "float_to_hfp8",
    "hfp8_to_float",
    "_fp8_qparam",
    "per_token_group_quant",
    "quantize_with_block_size",
];

/// Changes of layout.
const LAYOUTS: [&str; 5] =
    ["nchwtonhwc", "nhwctonchw", "batched_transpose", "transpose_readwrite", "permute_kernel"];

/// What a kernel or operator moves without computing; `None` of all others.
pub(crate) fn moves(name: &str) -> Option<Move> {
    let name = name.to_ascii_lowercase();
    let has = |word: &str| name.contains(&word.to_ascii_lowercase());
    let is_direct = has("direct_copy_kernel") || has("copy_device_to_device");
    // PyTorch names its conversions between 16 bits and 32 after the type that comes out.
    let is_typed = has("_copy_kernel_cuda") && !is_direct;
    // Its copies take this way only when the type changes.
    let is_dynamic = is_direct && (has("loadwithcast") || has("storewithcast"));
    let is_operator =
        |word: &&str| if word.starts_with("aten::") { name == **word } else { has(word) };
    if is_typed || is_dynamic || is_inductors_cast(&name) || CASTS.iter().any(is_operator) {
        Some(Move::Cast)
    } else if LAYOUTS.iter().any(|word| has(word)) {
        Some(Move::Layout)
    } else if is_direct || matches!(&*name, "aten::copy_" | "aten::clone" | "aten::contiguous") {
        Some(Move::Copy)
    } else {
        None
    }
}

/// `triton_poi_fused__to_copy_7`: a kernel of torch.compile that does nothing else.
fn is_inductors_cast(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("triton_poi_fused__to_copy_") else { return false };
    rest.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Move, Unit, is_unaligned, moves, unit};

    #[test]
    fn alignment_is_told_by_names() {
        for (name, expected) in [
            (
                "cutlass::Kernel2<cutlass_75_tensorop_bf16_s1688gemm_bf16_128x128_tn_align1>(cutlass",
                true,
            ),
            ("cutlass_80_tensorop_f16_s16816gemm_f16_64x64_32x6_nn_align2", true),
            ("cutlass_80_wmma_tensorop_bf16_s161616gemm_bf16_16x16_128x2_tn_align8", false),
            ("cutlass_80_tensorop_i16832gemm_s8_64x64_64x6_tn_align16", false),
            ("nvjet_tst_128x256_64x4_1x2_h_bz_coopA_NTT", false),
        ] {
            assert_eq!(is_unaligned(name), expected, "{name}");
        }
    }

    #[test]
    fn units_are_told_by_names() {
        for (name, expected) in [
            ("volta_sgemm_64x64_tn", Some(Unit::Ordinary)),
            ("ampere_sgemm_32x32_sliced1x4_tn", Some(Unit::Ordinary)),
            ("cutlass_80_simt_sgemm_128x64_8x5_nn_align1", Some(Unit::Ordinary)),
            ("sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize32x32x8", Some(Unit::Ordinary)),
            ("sm80_xmma_fprop_implicit_gemm_indexed_tf32f32_tf32f32_f32", Some(Unit::Tensor)),
            ("cutlass_80_tensorop_s1688gemm_256x64_16x4_tn_align1", Some(Unit::Tensor)),
            ("Cijk_Alik_Bljk_BBS_BH_MT32x32x256_MI16x16x1_SN", Some(Unit::Tensor)),
            ("nvjet_tst_128x256_64x4_1x2_h_bz_coopA_NTT", Some(Unit::Tensor)),
            ("void gemv2N_kernel<int, int, float>", None),
            ("void cublasLt::splitKreduce_kernel<32, 16, int, __nv_bfloat16>", None),
            ("cutlass_80_tensorop_d884gemm_64x32_16x4_nn", None),
            ("attn_fwd", Some(Unit::Unknown)),
        ] {
            assert_eq!(unit("matmul", name), expected, "{name}");
        }
        assert_eq!(unit("elementwise", "volta_sgemm"), None);
    }

    #[test]
    fn copies_and_conversions_are_told_by_names() {
        let direct =
            "void at::native::unrolled_elementwise_kernel<at::native::direct_copy_kernel_cuda(";
        for (name, expected) in [
            (format!("{direct}at::native::memory::LoadWithCast<1>"), Some(Move::Cast)),
            (format!("{direct}at::native::memory::LoadWithoutCast"), Some(Move::Copy)),
            (
                "at::native::bfloat16_copy_kernel_cuda(at::TensorIterator&)".to_owned(),
                Some(Move::Cast),
            ),
            ("triton_poi_fused__to_copy_7".to_owned(), Some(Move::Cast)),
            ("triton_poi_fused__to_copy_add_7".to_owned(), None),
            ("void cudnn::ops::nchwToNhwcKernel<float>".to_owned(), Some(Move::Layout)),
            ("SubTensorOpWithCastTensor1d".to_owned(), Some(Move::Cast)),
            ("aten::_to_copy".to_owned(), Some(Move::Cast)),
            ("aten::topk".to_owned(), None),
            ("vectorized_elementwise_kernel<AddFunctor, LoadWithCast>".to_owned(), None),
            ("CatArrayBatchedCopy".to_owned(), None),
        ] {
            assert_eq!(moves(&name), expected, "{name}");
        }
    }
}
