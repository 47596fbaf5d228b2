//! One folder with all that `tests/gpu/run` needs on a machine that has a GPU and no Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::{cargo, shell};

/// What such machines take in one transfer.
const MOST_BYTES: u64 = 60 << 20;
const PROGRAMS: [&str; 3] = ["perfagent", "perfagent-bench", "libperfagent.so"];
const MANIFEST: &str = "manifest.json";

/// Make the folder that runs on a machine with a GPU and no Rust
///
/// Builds perfagent, perfagent-bench and libperfagent.so optimised, without debug information, and puts them beside
/// tests/gpu. There, start FOLDER/tests/gpu/run OUT. The programs find the libtorch of that machine's python3.
#[derive(clap::Args)]
pub(crate) struct GpuBundle {
    /// The folder to make; an earlier bundle there is replaced [default: target/gpu-bundle]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

impl GpuBundle {
    /// Builds, gathers and says what it has made.
    pub(crate) fn run(&self) -> Result<()> {
        let output = self
            .output
            .clone()
            .unwrap_or_else(|| shell::workspace().join("target").join("gpu-bundle"));
        check_place(&output)?;
        let staging = beside(&output)?;
        let programs = build()?;
        let bundle = gather(&programs, &staging, MOST_BYTES).inspect_err(|_| {
            let _ = fs::remove_dir_all(&staging);
        })?;
        if output.exists() {
            fs::remove_dir_all(&output)
                .with_context(|| format!("{}: cannot be replaced", output.display()))?;
        }
        fs::rename(&staging, &output)
            .with_context(|| format!("{}: cannot be made", output.display()))?;
        for (file, bytes) in &bundle.files {
            println!("{bytes:>11}  {file}");
        }
        println!(
            "{:>11}  bytes together, at most {MOST_BYTES}\nneeds {} of the machine that it runs on",
            total(&bundle.files),
            bundle.needs.join(" and ")
        );
        println!("There: {}/tests/gpu/run OUT_DIR", output.display());
        Ok(())
    }
}

/// What a bundle is made of.
struct Bundle {
    /// Its files, named from its folder, with their sizes in bytes.
    files: Vec<(String, u64)>,
    /// The newest versions of the C and C++ libraries that its programs need.
    needs: Vec<String>,
}

/// Builds the programs so that they name no folder of this machine: libtorch is found through the library path.
fn build() -> Result<PathBuf> {
    let cargo = cargo::with_libtorch()?;
    shell::run(
        cargo
            .command(["build", "--release"])
            .args(["-p", "perfagent", "-p", "perfagent-inject", "-p", "perfagent-bench"])
            .env("PERFAGENT_TORCH_LIB", "$ORIGIN"),
    )?;
    cargo::programs(true)
}

/// Fills `staging`, with at most `most` bytes.
fn gather(programs: &Path, staging: &Path, most: u64) -> Result<Bundle> {
    let bin = staging.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("{}: cannot be made", bin.display()))?;
    let mut machine_code = Vec::new();
    for name in PROGRAMS {
        let copy = bin.join(name);
        fs::copy(programs.join(name), &copy)
            .with_context(|| format!("{}: cannot be copied", programs.join(name).display()))?;
        shell::run(Command::new("strip").arg("--strip-debug").arg(&copy))
            .context("`strip` comes with the C compiler's binutils")?;
        machine_code.extend(
            fs::read(&copy).with_context(|| format!("{}: cannot be read", copy.display()))?,
        );
    }
    copy_tree(&shell::workspace().join("tests/gpu"), &staging.join("tests/gpu"))?;
    let needs: Vec<String> = ["GLIBC_", "GLIBCXX_"]
        .iter()
        .filter_map(|prefix| {
            newest(&machine_code, prefix).map(|version| format!("{prefix}{version}"))
        })
        .collect();
    let git = |arguments: &[&str]| {
        shell::read(Command::new("git").current_dir(shell::workspace()).args(arguments))
    };
    let manifest = json!({
        "schema": "perfagent.gpu-bundle/1",
        "commit": git(&["rev-parse", "HEAD"]).unwrap_or_default().trim(),
        "changed_since": !git(&["status", "--porcelain"]).unwrap_or_default().trim().is_empty(),
        "architecture": std::env::consts::ARCH,
        "needs": needs,
    });
    let path = staging.join(MANIFEST);
    fs::write(&path, format!("{manifest:#}\n"))
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    let mut files = Vec::new();
    list(staging, staging, &mut files)?;
    files.sort();
    if total(&files) > most {
        bail!(
            "the bundle has {} bytes, more than {most}; its largest file is {}",
            total(&files),
            files.iter().max_by_key(|(_, bytes)| *bytes).map_or("", |(name, _)| name)
        );
    }
    Ok(Bundle { files, needs })
}

/// Only an earlier bundle, or nothing, may be where the new one goes.
fn check_place(output: &Path) -> Result<()> {
    let is_free = !output.exists()
        || output.join(MANIFEST).is_file()
        || output.is_dir() && output.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if !is_free {
        bail!(
            "{}: is there already and is no bundle; choose another place with -o",
            output.display()
        );
    }
    Ok(())
}

fn beside(output: &Path) -> Result<PathBuf> {
    let name = output.file_name().context("-o names no folder")?.to_string_lossy();
    Ok(output.with_file_name(format!("{name}.{}.partial", std::process::id())))
}

/// Copies a folder without what Python leaves behind.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{}: cannot be made", to.display()))?;
    let entries =
        fs::read_dir(from).with_context(|| format!("{}: cannot be read", from.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("{}: cannot be read", from.display()))?.path();
        let Some(name) = path.file_name() else { continue };
        let target = to.join(name);
        if path.is_dir() {
            if name != "__pycache__" {
                copy_tree(&path, &target)?;
            }
        } else {
            fs::copy(&path, &target)
                .with_context(|| format!("{}: cannot be copied", path.display()))?;
        }
    }
    Ok(())
}

/// All files below `folder`, named from `root`, with their sizes.
fn list(folder: &Path, root: &Path, files: &mut Vec<(String, u64)>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))?
    {
        let path = entry.with_context(|| format!("{}: cannot be read", folder.display()))?.path();
        if path.is_dir() {
            list(&path, root, files)?;
        } else {
            let bytes = path
                .metadata()
                .with_context(|| format!("{}: cannot be read", path.display()))?
                .len();
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push((name, bytes));
        }
    }
    Ok(())
}

fn total(files: &[(String, u64)]) -> u64 {
    files.iter().map(|(_, bytes)| bytes).sum()
}

/// The newest version among symbol versions such as `GLIBC_2.34` in the bytes of a program.
fn newest(bytes: &[u8], prefix: &str) -> Option<String> {
    let found = bytes.windows(prefix.len()).enumerate().filter(|(_, at)| *at == prefix.as_bytes());
    let versions = found.filter_map(|(start, _)| {
        let rest = &bytes[start + prefix.len()..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        // In the table of symbol versions each stands between two zeros; elsewhere it is text.
        let stands_alone = start > 0 && bytes[start - 1] == 0 && rest.get(length) == Some(&0);
        let text = std::str::from_utf8(&rest[..length]).ok().filter(|_| stands_alone)?;
        let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() > 1)
    });
    let parts: Vec<String> = versions.max()?.iter().map(ToString::to_string).collect();
    Some(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, PROGRAMS, check_place, copy_tree, gather, list, newest};

    #[test]
    fn versions_are_compared_as_numbers() {
        let bytes = b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.4\0GLIBC_PRIVATE\0GLIBCXX_3.4.29\0in a text: GLIBC_9.9 ";
        assert_eq!(newest(bytes, "GLIBC_").as_deref(), Some("2.34"));
        assert_eq!(newest(bytes, "GLIBCXX_").as_deref(), Some("3.4.29"));
        assert_eq!(newest(b"none", "GLIBC_"), None);
    }

    #[test]
    fn only_an_earlier_bundle_is_replaced() {
        let folder = std::env::temp_dir().join(format!("perfagent-bundle-{}", std::process::id()));
        let from = folder.join("from");
        std::fs::create_dir_all(from.join("__pycache__")).unwrap();
        std::fs::write(from.join("__pycache__/a.pyc"), "x").unwrap();
        std::fs::write(from.join("run"), "four").unwrap();
        assert!(check_place(&folder.join("absent")).is_ok());
        assert!(check_place(&from).is_err(), "somebody's folder");
        copy_tree(&from, &folder.join("to")).unwrap();
        let mut files = Vec::new();
        list(&folder.join("to"), &folder.join("to"), &mut files).unwrap();
        assert_eq!(files, [("run".to_owned(), 4)]);
        std::fs::write(from.join("manifest.json"), "{}").unwrap();
        assert!(check_place(&from).is_ok());
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// The test itself stands for the three programs: machine code with debug information.
    #[test]
    fn a_bundle_has_the_programs_the_checks_and_a_manifest() {
        let folder = std::env::temp_dir().join(format!("perfagent-gather-{}", std::process::id()));
        let (programs, staging) = (folder.join("programs"), folder.join("staging"));
        std::fs::create_dir_all(&programs).unwrap();
        let own = std::env::current_exe().unwrap();
        for name in PROGRAMS {
            std::fs::copy(&own, programs.join(name)).unwrap();
        }
        let bundle = gather(&programs, &staging, MOST_BYTES).unwrap();
        let has = |name: &str| bundle.files.iter().any(|(file, bytes)| file == name && *bytes > 0);
        for name in ["bin/libperfagent.so", "tests/gpu/run", "tests/gpu/checks/launches.py"] {
            assert!(has(name), "{name} is missing: {:?}", bundle.files);
        }
        assert!(bundle.needs[0].starts_with("GLIBC_2."), "{:?}", bundle.needs);
        let manifest = std::fs::read_to_string(staging.join("manifest.json")).unwrap();
        assert!(manifest.contains("perfagent.gpu-bundle/1") && manifest.contains("\"commit\""));
        let stripped = staging.join("bin/perfagent").metadata().unwrap().len();
        assert!(stripped < own.metadata().unwrap().len(), "debug information is gone");
        std::fs::remove_dir_all(&staging).unwrap();
        let refused = gather(&programs, &staging, 1000).err().unwrap().to_string();
        assert!(refused.contains("more than 1000") && refused.contains("bin/"), "{refused}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
