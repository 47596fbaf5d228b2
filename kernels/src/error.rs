//! What can keep a device from being measured, each with the place and the remedy.

/// Why a device could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeilingError {
    /// The arrays would not fit beside what the machine already does.
    #[error(
        "cpu: three arrays of {array_bytes} bytes, beyond the caches, do not fit in the {available_bytes} bytes of memory that are free; stop other programs, or bind perfagent to fewer caches with taskset"
    )]
    TooLittleMemory {
        /// Bytes of one array.
        array_bytes: u64,
        /// Bytes of free memory.
        available_bytes: u64,
    },
    /// The operating system refused.
    #[error("{device}: cannot {doing}: {source}; {remedy}")]
    System {
        /// The device.
        device: String,
        /// What was tried.
        doing: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A kernel ran, but its result is wrong.
    #[error(
        "{device}: {kernel} computed {found} where {expected} was due, so its time means nothing; test the memory (`memtester`, `nvidia-smi -q -d ECC`)"
    )]
    WrongResult {
        /// The device.
        device: String,
        /// The kernel.
        kernel: &'static str,
        /// What the array holds.
        found: f64,
        /// What it should hold.
        expected: f64,
    },
    /// There is no CUDA driver.
    #[error(
        "cuda: no CUDA driver: libcuda.so.1 is in none of the linker's directories; install the NVIDIA driver (in a container: docker run --gpus all), or measure the processor with --device cpu"
    )]
    NoDriver,
    /// The driver is older than what this program speaks.
    #[error(
        "cuda: the CUDA driver has no {symbol}, it is too old; install driver 570 (CUDA 12.8) or newer"
    )]
    OldDriver {
        /// The first function that is missing.
        symbol: &'static str,
    },
    /// The device number is beyond those of the machine.
    #[error("cuda:{ordinal}: no such device, the driver shows {count}; see `nvidia-smi -L`")]
    NoSuchDevice {
        /// The number that was asked for.
        ordinal: u32,
        /// How many devices there are.
        count: i32,
    },
    /// The driver refused a call.
    #[error("{device}: cannot {doing}: the CUDA driver says {said}; see `nvidia-smi`")]
    Driver {
        /// The device.
        device: String,
        /// What was tried.
        doing: &'static str,
        /// The driver's error.
        said: String,
    },
    /// A library of NVIDIA's refused a call.
    #[error(
        "{device}: cannot {doing}: {library} says {said}; see `nvidia-smi`, and whether library and driver are of one CUDA version"
    )]
    Library {
        /// The device.
        device: String,
        /// What was tried.
        doing: &'static str,
        /// The library.
        library: &'static str,
        /// Its error.
        said: String,
    },
    /// There is no run-time compiler.
    #[error(
        "cuda: NVRTC, which compiles the kernels, was not found ({searched}); pip install nvidia-cuda-nvrtc, or name the library in PERFAGENT_NVRTC"
    )]
    NoCompiler {
        /// Where it was looked for.
        searched: String,
    },
    /// The run-time compiler refused a source.
    #[error(
        "{file}: NVRTC {version} does not compile it for {architecture}: {said}; install an NVRTC that knows this device, or report this"
    )]
    Compile {
        /// The source file.
        file: &'static str,
        /// The compiler's version.
        version: String,
        /// The architecture, such as `sm_90`.
        architecture: String,
        /// The compiler's log.
        said: String,
    },
}
