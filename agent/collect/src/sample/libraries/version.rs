//! The version of a library, from what lies beside it.
//!
//! From the surest to the least sure: PyTorch's own note, the Python distribution or the Conda package that the file is
//! part of, the number at the end of its name. A number that is only that of the interface (`libcudart.so.12`) is what is
//! left where nothing else tells: it is the major version.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::known::{ALL, Known};

/// Lists of the files of a distribution that are longer than this are not searched.
const MOST_OF_A_LIST: u64 = 16 << 20;

/// The version of the library `name` in the file `path`, of a process whose root directory is `root`.
pub(super) fn of(name: &str, root: &Path, path: &Path) -> Option<String> {
    let known = ALL.iter().find(|known| known.name == name)?;
    let within = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let own = (name == "torch").then(|| torch(&within(path))).flatten();
    own.or_else(|| {
        path.ancestors().skip(1).find_map(|folder| match folder.file_name()?.to_str()? {
            "site-packages" | "dist-packages" => {
                distribution(known, &within(folder), path.strip_prefix(folder).ok()?)
            }
            "lib" => conda(known, &within(folder.parent()?)),
            _ => None,
        })
    })
    .or_else(|| numbered(path))
}

/// Of `torch/lib/libtorch_cpu.so`: the wheel has `torch/version.py`, the archive of libtorch `build-version`.
fn torch(path: &Path) -> Option<String> {
    let folder = path.parent()?.parent()?;
    let noted = text(&folder.join("version.py")).and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        line.split(['\'', '"']).nth(1).map(str::to_owned)
    });
    noted.or_else(|| text(&folder.join("build-version"))).and_then(|found| plausible(found.trim()))
}

/// The version of the distribution in `packages` that has the file `part`.
fn distribution(known: &Known, packages: &Path, part: &Path) -> Option<String> {
    let mut candidates: Vec<(String, PathBuf)> = fs::read_dir(packages)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name().to_str()?.to_owned();
            let (name, version) = file.strip_suffix(".dist-info")?.split_once('-')?;
            let name = name.to_ascii_lowercase().replace(['-', '.'], "_");
            // `nvidia_nccl_cu13` is NCCL, `torchvision` is not torch.
            let is_it = known.distributions.iter().any(|start| {
                name.strip_prefix(start).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with("_cu") || rest.starts_with(char::is_numeric)
                })
            });
            is_it.then(|| (version.to_owned(), entry.path()))
        })
        .collect();
    candidates.sort();
    if let [(version, _)] = &candidates[..] {
        return plausible(version);
    }
    let part = part.to_str()?;
    let has_it = |folder: &Path| {
        let list = text(&folder.join("RECORD")).unwrap_or_default();
        list.lines().any(|line| {
            line.trim_start_matches('"')
                .strip_prefix(part)
                .is_some_and(|rest| rest.starts_with([',', '"']))
        })
    };
    let (version, _) = candidates.iter().find(|(_, folder)| has_it(folder))?;
    plausible(version)
}

/// The version of the Conda package in the environment `prefix`.
fn conda(known: &Known, prefix: &Path) -> Option<String> {
    let mut found: Vec<String> = fs::read_dir(prefix.join("conda-meta"))
        .ok()?
        .flatten()
        .filter_map(|entry| {
            // `cuda-cudart-12.4.127-0.json`: name, version, build.
            let file = entry.file_name().to_str()?.strip_suffix(".json")?.to_owned();
            let (package, _build) = file.rsplit_once('-')?;
            let (name, version) = package.rsplit_once('-')?;
            known.conda.contains(&name).then(|| version.to_owned())
        })
        .collect();
    found.sort();
    plausible(found.first()?)
}

/// The number at the end of a file's name: `libnccl.so.2.30.7`, `python3.11`.
fn numbered(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let number = match file.split_once(".so.") {
        // `libpython3.11.so.1.0`: its number is in front.
        Some((stem, number)) if !stem.contains("python") => number,
        found => {
            let stem = found.map_or(file, |(stem, _)| stem);
            &stem[stem.find("python")? + "python".len()..]
        }
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (number.split('.').all(is_number)).then(|| number.to_owned())
}

/// A version, where it looks like one: what lies on a disk may be anything.
fn plausible(version: &str) -> Option<String> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-!".contains(&byte);
    let fits = version.len() <= 64 && version.bytes().all(is_fit);
    (fits && version.starts_with(|first: char| first.is_ascii_digit())).then(|| version.to_owned())
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_OF_A_LIST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::of;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn each_way_of_installing_tells_its_version() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let packages = "venv/lib/python3.12/site-packages";
        put(root, &format!("{packages}/nvidia_nccl_cu13-2.30.7.dist-info/RECORD"), "");
        put(root, &format!("{packages}/torch/version.py"), "x = 1\n__version__ = '2.11.0+cu130'\n");
        put(root, &format!("{packages}/torch-2.11.0.dist-info/RECORD"), "");
        put(root, &format!("{packages}/torchvision-0.26.dist-info/RECORD"), "");
        for (generation, version) in [("12", "12.8.90"), ("13", "13.0.96")] {
            put(
                root,
                &format!(
                    "{packages}/nvidia_cuda_runtime_cu{generation}-{version}.dist-info/RECORD"
                ),
                &format!("nvidia/cu{generation}/lib/libcudart.so.{generation},sha256=x,1\n"),
            );
        }
        put(root, "opt/libtorch/build-version", "2.10.0+cpu\n");
        put(root, "conda/conda-meta/cudnn-9.1.0.70-h1.json", "{}");
        put(root, "conda/conda-meta/history", "");
        let of = |name, path: &str| of(name, root, Path::new(path));
        let there = |path: &str| format!("/{packages}/{path}");
        for (name, path, version) in [
            ("nccl", there("nvidia/nccl/lib/libnccl.so.2"), Some("2.30.7")),
            ("torch", there("torch/lib/libtorch_cpu.so"), Some("2.11.0+cu130")),
            ("torch", "/opt/libtorch/lib/libtorch_cpu.so".into(), Some("2.10.0+cpu")),
            ("torch", "/elsewhere/libtorch_cpu.so".into(), None),
            ("cuda_runtime", there("nvidia/cu13/lib/libcudart.so.13"), Some("13.0.96")),
            ("cuda_runtime", there("nvidia/cu12/lib/libcudart.so.12"), Some("12.8.90")),
            ("cuda_runtime", there("other/libcudart.so.11.0"), Some("11.0")),
            (
                "cuda_runtime",
                "/usr/local/cuda/lib64/libcudart.so.12.4.127".into(),
                Some("12.4.127"),
            ),
            ("nccl", "/usr/lib/x86_64-linux-gnu/libnccl.so.2.21.5".into(), Some("2.21.5")),
            ("nccl", "/usr/lib/libnccl.so.debug".into(), None),
            ("cudnn", "/conda/lib/libcudnn.so.9".into(), Some("9.1.0.70")),
            ("python", "/usr/bin/python3.11".into(), Some("3.11")),
            ("python", "/usr/lib/libpython3.12.so.1.0".into(), Some("3.12")),
        ] {
            assert_eq!(of(name, &path).as_deref(), version, "{name} {path}");
        }
    }

    #[test]
    fn what_is_no_version_is_not_taken_for_one() {
        let root = tempfile::tempdir().unwrap();
        let file = "opt/libtorch/build-version";
        for text in ["", "unknown", "2.1\u{1b}[31m", &"9".repeat(65), "\n"] {
            put(root.path(), file, text);
            let found = of("torch", root.path(), Path::new("/opt/libtorch/lib/libtorch_cpu.so"));
            assert_eq!(found, None, "{text:?}");
        }
    }
}
