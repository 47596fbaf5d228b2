//! A steady load of records, for measurements and soaks: cheap to make, so that what is measured is the recording.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cupti::{cuptiActivityEnable, emit_many, now};
use crate::version::Version;

/// The kernel names of a step of training: as long as those of PyTorch's and cuBLAS's kernels are.
const NAMES: [&CStr; 16] = [
    c"_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_11FillFunctorIfEESt5arrayIPcLm1EEEEviT0_T1_",
    c"_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_15CUDAFunctor_addIfEESt5arrayIPcLm3EEEEviT0_T1_",
    c"_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_13BinaryFunctorIfffNS0_15binary_internal10MulFunctorIfEEEESt5arrayIPcLm3EEEEviT0_T1_",
    c"_ZN2at6native29vectorized_elementwise_kernelILi4EZZZNS0_14GeluCUDAKernelImplERNS_18TensorIteratorBaseENS0_8GeluTypeEENKUlvE_clEvENKUlvE0_clEvEUlfE_St5arrayIPcLm2EEEEviT0_T1_",
    c"_ZN2at6native18elementwise_kernelILi128ELi2EZNS0_22gpu_kernel_impl_nocastIZZZNS0_23direct_copy_kernel_cudaERNS_18TensorIteratorBaseEENKUlvE1_clEvENKUlvE5_clEvEUlfE_EEvS4_RKT_EUliE_EEviT1_",
    c"_ZN2at6native13reduce_kernelILi512ELi1ENS0_8ReduceOpIfNS0_14func_wrapper_tIfZNS0_11sum_functorIfffEclERNS_14TensorIteratorEEUlffE_EEjfLi4EEEEEvT1_",
    c"_ZN2at6native12_GLOBAL__N_125multi_tensor_apply_kernelINS1_18TensorListMetadataILi4EEENS1_20FusedAdamMathFunctorIfLi4ELb0EEEJPKfddddddS8_S8_EEEvT_T0_DpT1_",
    c"_ZN2at6native12_GLOBAL__N_142vectorized_layer_norm_kernelIffEEviT0_PKT_S5_S5_PS2_S6_PS4_",
    c"_ZN2at6native43_GLOBAL__N__00000000_10_SoftMax_cu_9f978f6319cunn_SoftMaxForwardILi4EfffNS1_22SoftMaxForwardEpilogueEEEvPT2_PKT0_i",
    c"_ZN5flash16flash_fwd_kernelI23Flash_fwd_kernel_traitsILi64ELi128ELi128ELi4ELb0ELb0EN7cutlass10bfloat16_tE19Flash_kernel_traitsILi64ELi128ELi128ELi4ES3_EELb0ELb1ELb0ELb0ELb1ELb1ELb0EEEvNS_16Flash_fwd_paramsE",
    c"_ZN5flash34flash_bwd_dq_dk_dv_loop_seqk_parallel_kernelI23Flash_bwd_kernel_traitsILi64ELi64ELi128ELi8ELi2ELi4ELi4ELb1ELb0EN7cutlass10bfloat16_tEEEvNS_16Flash_bwd_paramsE",
    c"_ZN7cutlass13device_kernelINS_4gemm6kernel13GemmUniversalIN4cute5tupleIJiiiiEEENS1_10collective13CollectiveMmaINS1_34MainloopSm90TmaGmmaWarpSpecializedEEEEEEEvNT_6ParamsE",
    c"sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_warpgroupsize1x1x1_execute_segment_k_off_kernel__5x_cublas",
    c"nvjet_tst_128x256_64x4_1x2_h_bz_coopA_TNT",
    c"triton_red_fused__to_copy_add_native_layer_norm_native_layer_norm_backward_sum_17",
    c"_Z9fake_gemmPKfS0_Pfi",
];
/// The longest record that is made.
const LONGEST: usize = 224;

/// Records made so far: kernels, copies and fills, external correlations.
static MADE: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Which records there are, of every twenty.
fn kind_of(number: u64, mix: u32) -> u32 {
    match (mix, number % 20) {
        (1, 3 | 13) => 39,
        (1 | 2, 5 | 15) => 1,
        (1 | 2, 10) => 2,
        _ => 10,
    }
}

/// Makes `count` records that have just ended. `mix` is 0 for kernels only, 1 for kernels, copies, fills and external
/// correlations, 2 for those without the latter. Records are numbered by their correlation ids.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_load(count: u64, mix: u32) {
    if mix == 1 {
        // As the profiler plugin of NCCL has it.
        cuptiActivityEnable(39);
    }
    let first: u64 = MADE.iter().map(|made| made.load(Ordering::Relaxed)).sum();
    let now = now();
    let mut made = [0; 3];
    let lengths = [1, 2, 10, 39].map(|kind| (kind, Version::played().length_of(kind).unwrap_or(0)));
    emit_many(count, LONGEST, |number, record| {
        let index = first + number;
        let kind = kind_of(index, mix);
        let length = lengths.iter().find(|(of, _)| *of == kind).map_or(0, |(_, length)| *length);
        record[..length].fill(0);
        record[0] = kind as u8;
        let end = now.saturating_sub((count - number) * 100);
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        put(16, &(end - 90).to_le_bytes());
        put(24, &end.to_le_bytes());
        let correlation = (index as u32).to_le_bytes();
        match kind {
            10 => {
                made[0] += 1;
                let name = NAMES[(index.wrapping_mul(0x9e37_79b9) >> 7) as usize % NAMES.len()];
                put(6, &40_u16.to_le_bytes());
                put(44, &1_u32.to_le_bytes());
                put(48, &7_u32.to_le_bytes());
                for (at, value) in [(52, 1024_u32), (56, 8), (60, 1), (64, 256), (68, 1), (72, 1)] {
                    put(at, &value.to_le_bytes());
                }
                put(80, &49152_u32.to_le_bytes());
                put(92, &correlation);
                put(104, &(name.as_ptr().expose_provenance() as u64).to_le_bytes());
            }
            39 => {
                made[2] += 1;
                put(4, &5_u32.to_le_bytes());
                put(8, &index.to_le_bytes());
                put(16, &correlation);
            }
            _ => {
                made[1] += 1;
                put(8, &4096_u64.to_le_bytes());
                put(36, &1_u32.to_le_bytes());
                put(40, &8_u32.to_le_bytes());
                put(44, &correlation);
                if kind == 1 {
                    put(4, &[1, 1, 3, 0]);
                }
            }
        }
        length
    });
    for (total, made) in MADE.iter().zip(made) {
        total.fetch_add(made, Ordering::Relaxed);
    }
}

/// How many records of this sort were made: 0 kernels, 1 copies and fills, 2 external correlations.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_made(sort: u32) -> u64 {
    MADE.get(sort as usize).map_or(0, |made| made.load(Ordering::Relaxed))
}
