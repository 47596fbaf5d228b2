//! Fetches Python wheels by package name and unpacks the part of them that is needed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::shell;

/// A wheel on the package index, and which of its files are wanted.
pub(crate) struct Wheel {
    /// Package name.
    pub(crate) package: &'static str,
    /// Exact version.
    pub(crate) version: &'static str,
    /// Size of the download in bytes, for the progress bar.
    pub(crate) bytes: u64,
    /// Paths inside the wheel that are unpacked, as shell patterns.
    pub(crate) wanted: &'static [&'static str],
}

impl Wheel {
    /// How the file's name begins.
    fn prefix(&self) -> String {
        format!("{}-{}", self.package.replace('-', "_"), self.version)
    }

    /// The wheel among the files that a user (or an earlier run) has put into `folder`.
    fn find(&self, folder: &Path) -> Option<PathBuf> {
        let prefix = self.prefix();
        let mut found: Vec<_> = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
                // Anything between the version and the tags is a local version such as `+cpu`.
                name.strip_prefix(prefix.as_str())
                    .is_some_and(|rest| rest.starts_with(['-', '+', '%']))
                    && name.ends_with(".whl")
            })
            .collect();
        found.sort();
        found.pop()
    }

    /// Brings the wheel into `folder` unless it is there, and returns its path.
    pub(crate) fn fetch(&self, folder: &Path) -> Result<PathBuf> {
        if let Some(path) = self.find(folder) {
            return Ok(path);
        }
        let staging = folder.join("downloading");
        fs::create_dir_all(&staging)
            .with_context(|| format!("{}: cannot be created", staging.display()))?;
        let mut command = Command::new("python3");
        command
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"])
            // The wheel for a fixed Python, whatever the local one: only its libraries and headers are used.
            .args(["--only-binary=:all:", "--python-version", "3.12"])
            .args(platforms())
            .arg("--dest")
            .arg(folder)
            .arg(format!("{}=={}", self.package, self.version))
            // pip writes to its temporary folder first: there the progress can be seen.
            .env("TMPDIR", &staging)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().with_context(|| {
            format!("`{}` could not be started; install python3 with pip", shell::spelled(&command))
        })?;
        let downloaded = self.watch(child, &staging);
        // The staging folder holds nothing of value.
        let _ = fs::remove_dir_all(&staging);
        let succeeded = downloaded?;
        if let (true, Some(path)) = (succeeded, self.find(folder)) {
            return Ok(path);
        }
        bail!(
            "{}=={} could not be downloaded (is there a network?); on a machine that has one run\n    \
             python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 {} {}=={}\n\
             and put the file {}-*.whl into {}",
            self.package,
            self.version,
            platforms().join(" "),
            self.package,
            self.version,
            self.prefix(),
            folder.display()
        )
    }

    /// Shows a progress bar until pip ends; true when it succeeded.
    fn watch(&self, mut child: Child, staging: &Path) -> Result<bool> {
        let style = ProgressStyle::with_template(
            "{prefix:>24} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )
        .context("progress bar")?;
        let bar = ProgressBar::new(self.bytes).with_style(style).with_prefix(self.package);
        loop {
            if let Some(status) = child.try_wait().context("waiting for pip")? {
                bar.finish_and_clear();
                return Ok(status.success());
            }
            bar.set_position(size_below(staging).min(self.bytes));
            #[expect(clippy::disallowed_methods, reason = "the pace of a progress bar")]
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Unpacks the wanted files of the wheel into `site` and compares each with the hash that the
    /// wheel's own RECORD gives it.
    pub(crate) fn unpack(&self, wheel: &Path, site: &Path) -> Result<()> {
        let mut command = Command::new("python3");
        command.arg("-c").arg(UNPACK).arg(wheel).arg(site).args(self.wanted);
        shell::run(&mut command).with_context(|| {
            format!(
                "{}: cannot be unpacked or is damaged; delete it and try again",
                wheel.display()
            )
        })
    }
}

/// Reads a wheel with nothing but Python's standard library; a wheel is a zip file with a RECORD of
/// SHA-256 sums.
const UNPACK: &str = r"
import base64, csv, fnmatch, hashlib, io, os, sys, zipfile
path, site, patterns = sys.argv[1], sys.argv[2], sys.argv[3:]
with zipfile.ZipFile(path) as wheel:
    record = next(n for n in wheel.namelist() if n.endswith('.dist-info/RECORD'))
    sums = {row[0]: row[1] for row in csv.reader(io.TextIOWrapper(wheel.open(record), 'utf-8')) if row}
    wanted = [n for n in wheel.namelist()
              if not n.endswith('/') and any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    if not wanted:
        sys.exit('nothing that is needed is in ' + path)
    for name in wanted:
        target = os.path.join(site, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        digest = hashlib.sha256()
        with wheel.open(name) as source, open(target, 'wb') as sink:
            while block := source.read(1 << 20):
                digest.update(block)
                sink.write(block)
        found = 'sha256=' + base64.urlsafe_b64encode(digest.digest()).decode().rstrip('=')
        if found != sums.get(name):
            sys.exit(f'{path}: {name} does not match its checksum')
";

fn platforms() -> Vec<String> {
    let arch = std::env::consts::ARCH;
    ["manylinux_2_28", "manylinux_2_25", "manylinux_2_17", "manylinux2014"]
        .iter()
        .map(|platform| format!("--platform={platform}_{arch}"))
        .collect()
}

fn size_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
