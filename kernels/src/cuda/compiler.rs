//! NVRTC: compiles the CUDA C++ sources of this crate into device code, also on a machine without a GPU.
#![expect(unsafe_code, reason = "calls into NVRTC")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::{Path, PathBuf};

use cudarc::nvrtc::{result, sys};

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

/// All sources, for the check that they compile.
pub const SOURCES: [Source; 2] = [STREAM, EMPTY];

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
        match std::env::var_os("PERFAGENT_NVRTC").filter(|name| !name.is_empty()) {
            Some(named) => {
                let path = PathBuf::from(named);
                keep_loaded(&path).map_err(|said| {
                    missing(format!("PERFAGENT_NVRTC names {}: {said}", path.display()))
                })?;
            }
            // SAFETY: loads NVRTC, whose initialisers only set up the compiler.
            None if unsafe { sys::is_culib_present() } => {}
            None => {
                let candidates = candidates();
                // Of several the first that loads; one loaded by its path is found again by its name.
                candidates.iter().find(|path| keep_loaded(path).is_ok());
            }
        }
        // SAFETY: as above.
        if !unsafe { sys::is_culib_present() } {
            return Err(missing(
                "searched the linker's directories, CUDA_HOME, /usr/local/cuda* and the active Python environment"
                    .to_owned(),
            ));
        }
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

/// Loads a library for the rest of the process.
fn keep_loaded(path: &Path) -> Result<(), String> {
    // SAFETY: NVRTC's initialisers only set up the compiler; a file that is no NVRTC was named by the user.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
    std::mem::forget(library);
    Ok(())
}

/// Libraries outside of the linker's directories, newest version first.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for variable in ["CUDA_HOME", "CUDA_PATH"] {
        folders.extend(std::env::var_os(variable).map(|home| PathBuf::from(home).join("lib64")));
    }
    let toolkits = entries(Path::new("/usr/local")).into_iter();
    folders.extend(
        toolkits.filter(|path| name_of(path).starts_with("cuda")).map(|path| path.join("lib64")),
    );
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(environment) = std::env::var_os(variable) else { continue };
        for python in entries(&PathBuf::from(environment).join("lib")) {
            let packages = entries(&python.join("site-packages/nvidia")).into_iter();
            folders.extend(packages.map(|package| package.join("lib")));
        }
    }
    let mut found: Vec<_> = folders
        .iter()
        .flat_map(|folder| entries(folder))
        .filter(|path| name_of(path).starts_with("libnvrtc.so"))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(name_of(path)));
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    entries
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
