//! Checks that need no GPU.

use std::fs;
use std::path::{Path, PathBuf};

use perfagent_spool::{DEFAULT_CAPACITY, MIN_CAPACITY, MonotonicNs, ProcessIdentity, RingWriter};

use super::Check;
use crate::library::Library;

pub(super) fn library() -> Check {
    match Library::find() {
        Ok(library) => Check::ok("library", library.path().display().to_string()),
        Err(error) => {
            Check::missing("library", error.to_string(), "cargo build -p perfagent-inject")
        }
    }
    .essential()
}

pub(super) fn nvtx() -> Check {
    Check::ok(
        "nvtx",
        "ranges, marks and operators of any program that uses NVTX version 3; needs no GPU",
    )
}

/// Makes a ring, as a recorded process would.
pub(super) fn spool(folder: &Path) -> Check {
    let place = absolute(folder);
    let remedy = format!(
        "record into a writable directory: perfagent record -o DIR/run.perfdb, instead of {place}"
    );
    let probe = folder.join(format!(".perfagent-doctor-{}", std::process::id()));
    if let Err(error) = fs::create_dir(&probe) {
        return Check::missing("spool", format!("{place}: cannot be written to: {error}"), remedy)
            .essential();
    }
    let made = RingWriter::create(&probe, MIN_CAPACITY, &ProcessIdentity::of_this_process());
    // The probe is ours; should its removal fail, the message of the next run says so.
    let _ = fs::remove_dir_all(&probe);
    match made {
        Ok(_) => Check::ok("spool", format!("{place}: rings can be made")),
        Err(error) => Check::missing("spool", error.to_string(), remedy),
    }
    .essential()
}

pub(super) fn disk_space(folder: &Path) -> Check {
    let place = absolute(folder);
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let processes = free / DEFAULT_CAPACITY;
            let detail = format!(
                "{place}: {:.1} GB free, room for the rings of {processes} processes",
                free as f64 / 1e9
            );
            if processes >= 16 {
                Check::ok("disk_space", detail)
            } else {
                Check::warning(
                    "disk_space",
                    detail,
                    format!(
                        "free some space, or use smaller rings: export PERFAGENT_SPOOL_BYTES={}",
                        8 << 20
                    ),
                )
            }
        }
        Err(error) => {
            Check::warning("disk_space", format!("{place}: {error}"), format!("mkdir -p {place}"))
        }
    }
}

/// A clock that the kernel must be asked for makes every event dearer.
pub(super) fn clock() -> Check {
    const READINGS: u64 = 1000;
    let start = MonotonicNs::now();
    for _ in 0..READINGS {
        std::hint::black_box(MonotonicNs::now());
    }
    let cost = MonotonicNs::now().0.saturating_sub(start.0) / READINGS;
    let source =
        fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let source = source.map_or_else(|_| "unknown source".to_owned(), |name| name.trim().to_owned());
    let detail = format!("{source}, {cost} ns a reading");
    if cost < 250 {
        Check::ok("clock", detail)
    } else {
        let remedy =
            "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource";
        Check::warning(
            "clock",
            format!("{detail}: every recorded event costs that much more"),
            remedy,
        )
    }
}

/// A program of this project, beside the running one or in `PATH`.
pub(super) fn program(name: &'static str, without: &str, build: &str) -> Check {
    let own = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = own
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    match found {
        Some(path) => Check::ok(name, path.display().to_string()),
        None => {
            Check::missing(name, format!("not found beside perfagent or in PATH: {without}"), build)
        }
    }
}

pub(super) fn display() -> Check {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (set("WAYLAND_DISPLAY"), set("DISPLAY")) {
        (Some(display), _) => Check::ok("display", format!("Wayland, {display}")),
        (None, Some(display)) => Check::ok("display", format!("X11, {display}")),
        (None, None) => Check::missing(
            "display",
            "neither DISPLAY nor WAYLAND_DISPLAY is set: the window cannot open here",
            "copy the recording to a desktop machine and run: perfagent gui RUN.perfdb",
        ),
    }
}

fn absolute(folder: &Path) -> String {
    folder.canonicalize().unwrap_or_else(|_| PathBuf::from(folder)).display().to_string()
}
