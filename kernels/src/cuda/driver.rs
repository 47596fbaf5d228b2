//! The CUDA driver: found before it is used, so that a machine without one is told so instead of panicking.
#![expect(unsafe_code, reason = "calls into the CUDA driver")]

use std::ffi::{c_char, c_void};
use std::fmt::Write as _;
use std::sync::Arc;

use cudarc::driver::sys::{self, CUdevice_attribute};
use cudarc::driver::{CudaContext, CudaEvent, CudaFunction, CudaStream, DriverError, result};
use cudarc::nvrtc::Ptx;

use super::compiler::{Compiler, Source};
use crate::CeilingError;

/// Every driver function that the measurements come to. cudarc panics at a missing one, so all are looked for first.
const SYMBOLS: [&str; 49] = [
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGet",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDeviceGetAttribute",
    "cuDeviceTotalMem_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxSetCurrent",
    "cuCtxGetCurrent",
    "cuEventCreate",
    "cuEventQuery",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuEventElapsedTime_v2",
    "cuEventDestroy_v2",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuLaunchKernel",
    "cuMemAlloc_v2",
    "cuMemAllocAsync",
    "cuMemFree_v2",
    "cuMemFreeAsync",
    "cuMemFreeHost",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
    "cuCtxEnablePeerAccess",
    "cuDeviceCanAccessPeer",
    "cuDeviceGetUuid_v2",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuMemcpyDtoH_v2",
    "cuMemcpyPeerAsync",
    "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags",
    "cuStreamBeginCapture_v2",
    "cuStreamCreate",
    "cuStreamEndCapture",
];

/// One CUDA device, ready to work.
pub(super) struct Gpu {
    device: String,
    pub(super) context: Arc<CudaContext>,
    pub(super) stream: Arc<CudaStream>,
}

/// What a device says of itself.
pub(super) struct Properties {
    pub(super) name: String,
    /// As NVML spells it: `GPU-` and the number in hexadecimal.
    pub(super) uuid: String,
    pub(super) capability: (i32, i32),
    pub(super) multiprocessors: i32,
    pub(super) total_bytes: u64,
    pub(super) l2_cache_bytes: u64,
    pub(super) driver_cuda_version: String,
}

impl Gpu {
    /// Starts the driver on the device of this number.
    pub(super) fn open(ordinal: u32) -> Result<Self, CeilingError> {
        // SAFETY: loads libcuda, whose initialisers are those of any CUDA program.
        if !unsafe { sys::is_culib_present() } {
            return Err(CeilingError::NoDriver);
        }
        // SAFETY: the library is there, so this does not panic; it is never unloaded.
        let library = unsafe { sys::culib() };
        for symbol in SYMBOLS {
            // SAFETY: the pointer is only looked at, never called.
            if unsafe { library.get::<*const c_void>(symbol.as_bytes()) }.is_err() {
                return Err(CeilingError::OldDriver { symbol });
            }
        }
        let device = format!("cuda:{ordinal}");
        let refused = |doing| refusal(&device, doing);
        let count = CudaContext::device_count().map_err(refused("start the CUDA driver"))?;
        if i32::try_from(ordinal).map_or(true, |ordinal| ordinal >= count) {
            return Err(CeilingError::NoSuchDevice { ordinal, count });
        }
        let context =
            CudaContext::new(ordinal as usize).map_err(refused("make a context on the device"))?;
        // SAFETY: memory is used on the stream that it was allocated on; on another one only after both have been waited
        // for.
        unsafe { context.disable_event_tracking() };
        let stream = context.default_stream();
        Ok(Self { device, context, stream })
    }

    /// The device as it was asked for.
    pub(super) fn device(&self) -> &str {
        &self.device
    }

    /// Turns a driver's error into one that names this device and what was tried.
    pub(super) fn refused(&self, doing: &'static str) -> impl Fn(DriverError) -> CeilingError + '_ {
        refusal(&self.device, doing)
    }

    pub(super) fn properties(&self) -> Result<Properties, CeilingError> {
        self.read_properties().map_err(self.refused("read the device's properties"))
    }

    fn read_properties(&self) -> Result<Properties, DriverError> {
        let capability = self.context.compute_capability()?;
        let mut version = 0;
        // SAFETY: the driver writes one number into a live variable.
        unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
        Ok(Properties {
            name: self.context.name()?,
            uuid: spelled(self.context.uuid()?.bytes.map(c_char::cast_unsigned)),
            capability,
            multiprocessors: self
                .context
                .attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            total_bytes: self.context.total_mem()? as u64,
            l2_cache_bytes: self
                .context
                .attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?
                as u64,
            driver_cuda_version: format!("{}.{}", version / 1000, version % 1000 / 10),
        })
    }

    /// Compiles `source` for this device and finds its functions.
    pub(super) fn functions<const N: usize>(
        &self,
        compiler: &Compiler,
        source: &Source,
        names: [&'static str; N],
    ) -> Result<[CudaFunction; N], CeilingError> {
        let (major, minor) = self
            .context
            .compute_capability()
            .map_err(self.refused("read the compute capability"))?;
        let image = compiler.cached(source, &format!("sm_{major}{minor}"))?;
        let module = self
            .context
            .load_module(Ptx::from_binary(image))
            .map_err(self.refused("load the kernels"))?;
        let mut found = Vec::with_capacity(N);
        for name in names {
            found.push(module.load_function(name).map_err(self.refused("find a kernel"))?);
        }
        found.try_into().map_err(|_| CeilingError::Driver {
            device: self.device.clone(),
            doing: "find a kernel",
            said: "fewer functions than the source has".to_owned(),
        })
    }

    /// How many blocks of a kernel the device holds at once.
    pub(super) fn held(&self, kernel: &CudaFunction, block: u32) -> Result<u32, CeilingError> {
        let of_one = kernel
            .occupancy_max_active_blocks_per_multiprocessor(block, 0, None)
            .map_err(self.refused("ask how many blocks a multiprocessor holds"))?;
        let multiprocessors = self.properties()?.multiprocessors.max(1).cast_unsigned();
        Ok(multiprocessors * of_one.max(1))
    }

    /// An event that keeps its time.
    pub(super) fn event(&self) -> Result<CudaEvent, CeilingError> {
        self.context
            .new_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT))
            .map_err(self.refused("make an event"))
    }
}

/// How many devices the driver shows.
pub(super) fn count() -> usize {
    CudaContext::device_count().ok().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

fn spelled(uuid: [u8; 16]) -> String {
    let mut text = "GPU-".to_owned();
    for (place, byte) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn refusal<'a>(device: &'a str, doing: &'static str) -> impl Fn(DriverError) -> CeilingError + 'a {
    move |error| CeilingError::Driver { device: device.to_owned(), doing, said: described(error) }
}

/// `CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)`.
fn described(error: DriverError) -> String {
    let text = |part: Result<&std::ffi::CStr, _>| {
        part.map(|text| text.to_string_lossy().into_owned()).ok()
    };
    match (text(error.error_name()), text(error.error_string())) {
        (Some(name), Some(sentence)) => format!("{name} ({sentence})"),
        (Some(name), None) => name,
        _ => format!("error {:?}", error.0),
    }
}

/// The time between two recorded events, once the second has passed.
pub(super) fn elapsed(
    gpu: &Gpu,
    start: &CudaEvent,
    end: &CudaEvent,
) -> Result<std::time::Duration, CeilingError> {
    let milliseconds = start.elapsed_ms(end).map_err(gpu.refused("time a kernel"))?;
    Ok(std::time::Duration::from_secs_f64(f64::from(milliseconds.max(0.0)) / 1e3))
}

/// Free and total device memory in bytes.
pub(super) fn memory(gpu: &Gpu) -> Result<(usize, usize), CeilingError> {
    gpu.context
        .bind_to_thread()
        .and_then(|()| result::mem_get_info())
        .map_err(gpu.refused("ask for the free memory"))
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn a_uuid_is_spelled_as_nvml_does() {
        let bytes = std::array::from_fn(|place| place as u8 * 17);
        assert_eq!(spelled(bytes), "GPU-00112233-4455-6677-8899-aabbccddeeff");
    }
}
