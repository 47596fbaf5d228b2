//! cuBLASLt: found at run time, then asked for the algorithm that its heuristic takes for a product.
#![expect(unsafe_code, reason = "calls into cuBLASLt")]

use std::ffi::c_void;
use std::ptr;

use cudarc::cublaslt::{result, sys};
use cudarc::driver::{CudaSlice, DevicePtr as _};

use super::dtype::Dtype;

use crate::cuda::driver::Gpu;
use crate::cuda::library;
use crate::{CeilingError, Shape};

/// What PyTorch gives cuBLASLt on Hopper, doubled.
const WORKSPACE_BYTES: usize = 64 << 20;
/// `CUBLAS_OP_T` of `cublas_api.h`, which cudarc's bindings leave out.
const TRANSPOSED: i32 = 1;
const SYMBOLS: [&str; 14] = [
    "cublasLtCreate",
    "cublasLtDestroy",
    "cublasLtGetVersion",
    "cublasLtMatmul",
    "cublasLtMatmulAlgoGetHeuristic",
    "cublasLtMatmulDescCreate",
    "cublasLtMatmulDescDestroy",
    "cublasLtMatmulDescSetAttribute",
    "cublasLtMatmulPreferenceCreate",
    "cublasLtMatmulPreferenceDestroy",
    "cublasLtMatmulPreferenceSetAttribute",
    "cublasLtMatrixLayoutCreate",
    "cublasLtMatrixLayoutDestroy",
    "cublasLtMatrixLayoutSetAttribute",
];

/// The library, loaded. Says why not in one line with the remedy.
pub(super) fn find() -> Result<(), String> {
    let missing = |searched: String| {
        format!(
            "cuBLASLt, which multiplies matrices, was not found ({searched}); pip install nvidia-cublas, or name the library in PERFAGENT_CUBLASLT"
        )
    };
    // SAFETY: loads cuBLASLt, whose initialisers only set it up.
    library::provide("libcublasLt.so", None, "PERFAGENT_CUBLASLT", || unsafe {
        sys::is_culib_present()
    })
    .map_err(missing)?;
    // SAFETY: the library is there, so this does not panic; it is never unloaded.
    let library = unsafe { sys::culib() };
    for symbol in SYMBOLS {
        // SAFETY: the pointer is only looked at, never called.
        if unsafe { library.get::<*const c_void>(symbol.as_bytes()) }.is_err() {
            return Err(missing(format!("the one that was found has no {symbol}")));
        }
    }
    Ok(())
}

/// The library at work on one device.
pub(super) struct Lt<'a> {
    gpu: &'a Gpu,
    handle: sys::cublasLtHandle_t,
    workspace: CudaSlice<u8>,
}

/// Addresses of the matrices on the device.
#[derive(Clone, Copy)]
pub(super) struct Matrices {
    /// `k` by `m`, column by column: the first factor, transposed.
    pub(super) a: u64,
    /// `k` by `n`, column by column.
    pub(super) b: u64,
    /// `m` by `n`, column by column.
    pub(super) d: u64,
}

impl<'a> Lt<'a> {
    /// Only after [`find`].
    pub(super) fn start(gpu: &'a Gpu) -> Result<Self, CeilingError> {
        let workspace = gpu
            .stream
            .alloc_zeros(WORKSPACE_BYTES)
            .map_err(gpu.refused("allocate cuBLASLt's workspace"))?;
        let handle = result::create_handle().map_err(|error| refused(gpu, error))?;
        Ok(Self { gpu, handle, workspace })
    }

    /// Such as `13.0.2`.
    pub(super) fn version() -> String {
        // SAFETY: takes nothing and returns a number.
        let version = unsafe { sys::cublasLtGetVersion() };
        // Since 11 ten thousands are major, hundreds minor.
        format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100)
    }

    /// How to multiply matrices of this shape; `None` where the library has no algorithm for it.
    pub(super) fn plan(
        &self,
        dtype: Dtype,
        shape: Shape,
    ) -> Result<Option<Plan<'_>>, CeilingError> {
        match Plan::new(self, dtype, shape) {
            Ok(plan) => Ok(Some(plan)),
            Err(result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_NOT_SUPPORTED)) => Ok(None),
            Err(error) => Err(refused(self.gpu, error)),
        }
    }
}

impl Drop for Lt<'_> {
    fn drop(&mut self) {
        // SAFETY: created by `start`, destroyed once, here. Nothing can be done should that fail.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

fn refused(gpu: &Gpu, error: result::CublasError) -> CeilingError {
    CeilingError::Library {
        device: gpu.device().to_owned(),
        doing: "multiply matrices",
        library: "cuBLASLt",
        said: format!("{:?}", error.0),
    }
}

/// A descriptor that is destroyed when it is let go.
struct Owned<T: Copy>(T, unsafe fn(T) -> Result<(), result::CublasError>);

impl<T: Copy> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: created once and destroyed once, here, by its own function.
        let _ = unsafe { (self.1)(self.0) };
    }
}

/// How to multiply matrices of one shape.
pub(super) struct Plan<'a> {
    lt: &'a Lt<'a>,
    product: Owned<sys::cublasLtMatmulDesc_t>,
    a: Owned<sys::cublasLtMatrixLayout_t>,
    b: Owned<sys::cublasLtMatrixLayout_t>,
    d: Owned<sys::cublasLtMatrixLayout_t>,
    algorithm: sys::cublasLtMatmulAlgo_t,
}

impl<'a> Plan<'a> {
    fn new(lt: &'a Lt<'a>, dtype: Dtype, shape: Shape) -> Result<Self, result::CublasError> {
        let compute = match dtype {
            Dtype::Tf32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let product = Owned(
            result::create_matmul_desc(compute, sys::cudaDataType::CUDA_R_32F)?,
            result::destroy_matmul_desc,
        );
        // SAFETY: the descriptor is alive, and the attribute is an operation.
        unsafe {
            result::set_matmul_desc_attribute(
                product.0,
                sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA,
                ptr::from_ref(&TRANSPOSED).cast(),
                size_of_val(&TRANSPOSED),
            )?;
        }
        let layout = |dtype: Dtype, rows: u64, columns: u64| {
            let made = result::create_matrix_layout(kind(dtype), rows, columns, rows as i64)?;
            Ok::<_, result::CublasError>(Owned(made, result::destroy_matrix_layout))
        };
        let a = layout(dtype, shape.k, shape.m)?;
        let b = layout(dtype, shape.k, shape.n)?;
        let d = layout(dtype.output(), shape.m, shape.n)?;
        let preference = Owned(result::create_matmul_pref()?, result::destroy_matmul_pref);
        // SAFETY: the preference is alive, and the attribute is a size.
        unsafe {
            result::set_matmul_pref_attribute(
                preference.0,
                sys::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                ptr::from_ref(&WORKSPACE_BYTES).cast(),
                size_of_val(&WORKSPACE_BYTES),
            )?;
        }
        // SAFETY: all descriptors are alive; the result lies where the third matrix would.
        let found = unsafe {
            result::get_matmul_algo_heuristic(
                lt.handle,
                product.0,
                a.0,
                b.0,
                d.0,
                d.0,
                preference.0,
            )?
        };
        Ok(Self { lt, product, a, b, d, algorithm: found.algo })
    }

    /// Puts one product on the device's stream.
    ///
    /// # Safety
    ///
    /// The matrices must be as large as the shape and the format of the plan say.
    pub(super) unsafe fn multiply(&self, matrices: Matrices) -> Result<(), CeilingError> {
        let gpu = self.lt.gpu;
        let (one, zero) = (1_f32, 0_f32);
        let (workspace, _read) = self.lt.workspace.device_ptr(&gpu.stream);
        // SAFETY: descriptors and workspace are alive, the caller vouches for the matrices; factors are fp32, as the
        // descriptor says.
        let done = unsafe {
            result::matmul(
                self.lt.handle,
                self.product.0,
                ptr::from_ref(&one).cast(),
                ptr::from_ref(&zero).cast(),
                matrices.a as *const c_void,
                self.a.0,
                matrices.b as *const c_void,
                self.b.0,
                matrices.d as *const c_void,
                self.d.0,
                matrices.d as *mut c_void,
                self.d.0,
                &raw const self.algorithm,
                workspace as *mut c_void,
                WORKSPACE_BYTES,
                gpu.stream.cu_stream().cast(),
            )
        };
        done.map_err(|error| refused(gpu, error))
    }
}

fn kind(dtype: Dtype) -> sys::cudaDataType {
    match dtype {
        Dtype::Fp32 | Dtype::Tf32 => sys::cudaDataType::CUDA_R_32F,
        Dtype::Fp16 => sys::cudaDataType::CUDA_R_16F,
        Dtype::Bf16 => sys::cudaDataType::CUDA_R_16BF,
        Dtype::Fp8 => sys::cudaDataType::CUDA_R_8F_E4M3,
    }
}
