//! Finds libtorch 2.11 or fetches it, and makes it linkable without CUDA.
//!
//! tch 0.24 is made for libtorch 2.11. If the Python on the PATH has torch 2.11 (CPU or CUDA), that
//! one is used. Else the wheels are fetched by package name into the user's cache, once: torch itself
//! without its CUDA half, and the two small NVIDIA libraries that `libtorch_cpu.so` of that build
//! names as needed. The wheel's `libtorch.so` would pull in `libtorch_cuda.so`, so the linker is shown
//! a folder of links in which `libtorch.so` is a one-line linker script instead.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::shell;
use crate::wheel::Wheel;

/// The version that tch 0.24 binds to.
const VERSION: &str = "2.11.0";

const WHEELS: [Wheel; 3] = [
    Wheel {
        package: "torch",
        version: VERSION,
        bytes: 530_600_000,
        wanted: &[
            "torch/include/*",
            "torch/lib/libtorch_cpu.so",
            "torch/lib/libc10.so",
            "torch/lib/libgomp*",
            "torch/lib/libshm.so",
            "torch/lib/libtorch_global_deps.so",
            "torch/version.py",
        ],
    },
    Wheel {
        package: "nvidia-cuda-cupti",
        version: "13.0.85",
        bytes: 10_700_000,
        wanted: &["nvidia/*/lib/libcupti.so*"],
    },
    Wheel {
        package: "nvidia-cuda-runtime",
        version: "13.0.96",
        bytes: 2_300_000,
        wanted: &["nvidia/*/lib/libcudart.so*"],
    },
];

/// A libtorch that the workspace can be built with.
pub(crate) struct Libtorch {
    /// What `LIBTORCH` is set to: `include/` and `lib/` as the linker should see them.
    pub(crate) link_folder: PathBuf,
    /// Where the libraries really are; goes into the program's run path.
    pub(crate) library_folder: PathBuf,
    origin: String,
}

impl Libtorch {
    /// One line for people.
    pub(crate) fn describe(&self) -> String {
        format!("{} in {}", self.origin, self.library_folder.display())
    }
}

/// The libtorch of the Python environment, or the cached one, or a freshly fetched one.
pub(crate) fn find_or_fetch() -> Result<Libtorch> {
    let cache = shell::cache()?;
    if let Some((version, torch)) = torch_of_python() {
        return shadow(&cache, &torch, format!("torch {version} of python3"));
    }
    let site = cache.join(format!("torch-{VERSION}"));
    if !is_complete(&site) {
        fetch(&cache, &site)?;
    }
    shadow(&cache, &site.join("torch"), format!("torch {VERSION} from the package index"))
}

/// Version and package folder of torch in the `python3` of the PATH, when it is the right release.
fn torch_of_python() -> Option<(String, PathBuf)> {
    // Asks the packaging metadata: importing torch would take seconds.
    const ASK: &str = "import importlib.metadata as m, importlib.util as u
print(m.version('torch'))
print(u.find_spec('torch').submodule_search_locations[0])";
    let child = Command::new("python3")
        .args(["-c", ASK])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (version, folder) = text.trim().split_once('\n')?;
    let release = version.split('+').next()?;
    let folder = PathBuf::from(folder);
    let usable = release == VERSION && folder.join("lib/libtorch_cpu.so").is_file();
    usable.then(|| (version.to_owned(), folder))
}

fn is_complete(site: &Path) -> bool {
    site.join("complete").is_file() && site.join("torch/lib/libtorch_cpu.so").is_file()
}

fn fetch(cache: &Path, site: &Path) -> Result<()> {
    let wheels = cache.join("wheels");
    fs::create_dir_all(&wheels)
        .with_context(|| format!("{}: cannot be created", wheels.display()))?;
    eprintln!("xtask: fetching libtorch {VERSION} (about 550 MB, once) into {}", cache.display());
    // Unpacked beside its final place and renamed, so that an interrupted run leaves no half libtorch.
    let staging = cache.join(format!("torch-{VERSION}.{}.partial", std::process::id()));
    let unpacked = WHEELS.iter().try_for_each(|wheel| {
        let file = wheel.fetch(&wheels)?;
        wheel.unpack(&file, &staging)
    });
    let finished = unpacked.and_then(|()| {
        fs::write(staging.join("complete"), VERSION).context("marking libtorch complete")?;
        if site.exists() {
            fs::remove_dir_all(site)
                .with_context(|| format!("{}: cannot be replaced", site.display()))?;
        }
        match fs::rename(&staging, site) {
            // Another xtask was faster: its result is as good.
            Err(_) if is_complete(site) => Ok(()),
            renamed => renamed.with_context(|| format!("{}: cannot be created", site.display())),
        }
    });
    if finished.is_err() {
        let _ = fs::remove_dir_all(&staging);
    }
    finished?;
    for wheel in &WHEELS {
        // The wheels have served; the unpacked half is what is needed from now on.
        if let Ok(file) = wheel.fetch(&wheels) {
            let _ = fs::remove_file(file);
        }
    }
    Ok(())
}

/// Makes the folder that the linker is shown.
fn shadow(cache: &Path, torch: &Path, origin: String) -> Result<Libtorch> {
    let library_folder = torch.join("lib");
    let link_folder = cache.join("link").join(fingerprint(torch));
    let lib = link_folder.join("lib");
    if !lib.join("libtorch.so").is_file() || !link_folder.join("include/torch").exists() {
        let _ = fs::remove_dir_all(&link_folder);
        fs::create_dir_all(&lib)
            .with_context(|| format!("{}: cannot be created", lib.display()))?;
        let link = |from: PathBuf, to: PathBuf| {
            symlink(&from, &to).with_context(|| format!("{}: cannot be linked", to.display()))
        };
        link(torch.join("include"), link_folder.join("include"))?;
        for name in ["libtorch_cpu.so", "libc10.so"] {
            if !library_folder.join(name).is_file() {
                bail!("{}: no {name} in it; reinstall torch {VERSION}", library_folder.display());
            }
            link(library_folder.join(name), lib.join(name))?;
        }
        fs::write(lib.join("libtorch.so"), "INPUT(-ltorch_cpu)\n")
            .context("writing the linker script")?;
    }
    Ok(Libtorch { link_folder, library_folder, origin })
}

/// A name for the link folder of a libtorch: its path without what file names cannot hold.
fn fingerprint(torch: &Path) -> String {
    torch.to_string_lossy().trim_matches('/').replace('/', "-")
}
