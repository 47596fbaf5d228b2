//! NVRTC: compiles the CUDA C++ sources of this crate into device code, also on a machine without a GPU.
#![expect(unsafe_code, reason = "calls into NVRTC")]

use std::ffi::{CStr, CString, c_char, c_void};

use cudarc::nvrtc::{result, sys};

use super::{cache, library};
use crate::CeilingError;

/// A CUDA C++ source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its file, from the top of the repository.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

pub(super) const STREAM: Source =
    Source { file: "kernels/src/cuda/stream.cu", text: include_str!("stream.cu") };
pub(super) const EMPTY: Source =
    Source { file: "kernels/src/cuda/empty.cu", text: include_str!("empty.cu") };
pub(super) const BANDWIDTH: Source =
    Source { file: "kernels/src/cuda/bandwidth.cu", text: include_str!("bandwidth.cu") };
pub(super) const PEAK: Source =
    Source { file: "kernels/src/cuda/peak.cu", text: include_str!("peak.cu") };
pub(super) const RANDOM: Source =
    Source { file: "kernels/src/cuda/random.cu", text: include_str!("random.cu") };
pub(super) const PATTERN: Source =
    Source { file: "kernels/src/cuda/pattern.cu", text: include_str!("pattern.cu") };

/// All sources, for the check that they compile.
pub const SOURCES: [Source; 6] = [STREAM, EMPTY, BANDWIDTH, PEAK, RANDOM, PATTERN];

const SYMBOLS: [&str; 9] = [
    "nvrtcVersion",
    "nvrtcCreateProgram",
    "nvrtcCompileProgram",
    "nvrtcDestroyProgram",
    "nvrtcGetCUBIN",
    "nvrtcGetCUBINSize",
    "nvrtcGetErrorString",
    "nvrtcGetProgramLog",
    "nvrtcGetProgramLogSize",
];

/// The run-time compiler, loaded.
#[derive(Clone, Debug)]
pub struct Compiler {
    version: String,
}

impl Compiler {
    /// Loads NVRTC: the library that `PERFAGENT_NVRTC` names, else the linker's, else that of a CUDA toolkit or of a
    /// Python environment.
    pub fn find() -> Result<Self, CeilingError> {
        let missing = |searched| CeilingError::NoCompiler { searched };
        // SAFETY: loads NVRTC, whose initialisers only set up the compiler.
        let is_present = || unsafe { sys::is_culib_present() };
        library::provide(
            "libnvrtc.so",
            Some("libnvrtc-builtins.so"),
            "PERFAGENT_NVRTC",
            is_present,
        )
        .map_err(missing)?;
        // SAFETY: the library is there, so this does not panic; it is never unloaded.
        let library = unsafe { sys::culib() };
        for symbol in SYMBOLS {
            // SAFETY: the pointer is only looked at, never called.
            if unsafe { library.get::<*const c_void>(symbol.as_bytes()) }.is_err() {
                return Err(missing(format!(
                    "the one that was found is too old, it has no {symbol}"
                )));
            }
        }
        let (mut major, mut minor) = (0, 0);
        // SAFETY: NVRTC writes two numbers into live variables.
        let told = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) }.result();
        let version = told.map_or_else(|_| "unknown".to_owned(), |()| format!("{major}.{minor}"));
        Ok(Self { version })
    }

    /// Its version, such as `13.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Device code of `source` for `architecture`, from the user's cache or compiled and put there.
    pub(super) fn cached(
        &self,
        source: &Source,
        architecture: &str,
    ) -> Result<Vec<u8>, CeilingError> {
        let key = [&self.version, architecture, source.file, source.text];
        cache::get_or(cache::folder().as_deref(), &key, || self.compile(source, architecture))
    }

    /// Compiles `source` into device code for `architecture`, such as `sm_90`.
    pub fn compile(&self, source: &Source, architecture: &str) -> Result<Vec<u8>, CeilingError> {
        let refused = |said: String| CeilingError::Compile {
            file: source.file,
            version: self.version.clone(),
            architecture: architecture.to_owned(),
            said,
        };
        let text = CString::new(source.text).map_err(|error| refused(error.to_string()))?;
        let name = CString::new(source.file).map_err(|error| refused(error.to_string()))?;
        let program = Program(
            result::create_program(&text, Some(&name))
                .map_err(|error| refused(format!("{:?}", error.0)))?,
        );
        let options = [format!("--gpu-architecture={architecture}"), "--std=c++17".to_owned()];
        // SAFETY: the program was created above and is destroyed only when it leaves this function.
        if let Err(error) = unsafe { result::compile_program(program.0, &options) } {
            // SAFETY: as above.
            let log = unsafe { result::get_program_log(program.0) }.unwrap_or_default();
            let log = text_of(&log);
            return Err(refused(if log.is_empty() { format!("{:?}", error.0) } else { log }));
        }
        let failed = |error: result::NvrtcError| refused(format!("{:?}", error.0));
        let mut size = 0;
        // SAFETY: the program was compiled; NVRTC writes one number into a live variable.
        unsafe { sys::nvrtcGetCUBINSize(program.0, &raw mut size) }.result().map_err(failed)?;
        let mut image = vec![0_u8; size];
        // SAFETY: the buffer has the size that NVRTC asked for.
        unsafe { sys::nvrtcGetCUBIN(program.0, image.as_mut_ptr().cast::<c_char>()) }
            .result()
            .map_err(failed)?;
        Ok(image)
    }
}

struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: created by `create_program`, destroyed once, here. Nothing can be done should that fail.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// The text up to its NUL.
fn text_of(characters: &[c_char]) -> String {
    let bytes: Vec<u8> = characters.iter().map(|character| character.cast_unsigned()).collect();
    CStr::from_bytes_until_nul(&bytes)
        .map(|text| text.to_string_lossy().trim().to_owned())
        .unwrap_or_default()
}
