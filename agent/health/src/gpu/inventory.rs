//! Which GPUs should be here, and which are: the PCI bus, the driver, NVML.

use super::probe::{Answer, Failure, Outcome};
use crate::root::Root;
use crate::{Check, Expectation, Severity, Status};

const COUNT: &str = "gpu_count";
const DRIVER: &str = "nvidia_driver";
const LIBRARY: &str = "driver_library";
const NVML: &str = "nvml";
const TARGET: &str = "host";
const LOST: &str = "drain the node; look for XID 79 in `dmesg`, power-cycle the node, have the missing GPU inspected";

/// What the system shows without the driver's help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence {
    /// NVIDIA's display and 3D controllers on the PCI bus.
    on_bus: u64,
    /// Those that the loaded driver has taken; `None` without a driver.
    driven: Option<u64>,
    /// The kernel module's version.
    version: Option<String>,
}

impl Presence {
    /// Looks at `/sys/bus/pci` and `/proc/driver/nvidia`.
    pub(super) fn find(root: &Root) -> Self {
        // Class 0x0300xx is a display controller, 0x0302xx a 3D controller.
        let on_bus = root.pci_devices("0x10de", "0x030").len() as u64;
        let version = root.text("proc/driver/nvidia/version").and_then(|text| version_in(&text));
        let driven = version.is_some().then(|| root.names("proc/driver/nvidia/gpus").len() as u64);
        Self { on_bus, driven, version }
    }
}

/// The first word that looks like `550.54.15` in the module's own line.
fn version_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("Module"))?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = |word: &&str| word.contains('.') && word.split('.').all(is_number);
    line.split_ascii_whitespace().find(is_version).map(ToOwned::to_owned)
}

pub(super) fn check(presence: &Presence, answer: &Answer, expected: &Expectation) -> Vec<Check> {
    let mut checks = vec![driver(presence), nvml(presence, answer), library(presence, answer)];
    checks.push(match expected.gpus {
        Some(expected) => count_of(expected, presence, answer),
        None => count(presence, answer),
    });
    checks
}

/// The library's own version ends with the driver's that it belongs to: `13.580.82.07`.
fn library(presence: &Presence, answer: &Answer) -> Check {
    let (Some(module), Some(library)) = (&presence.version, &answer.library) else {
        return match answer.outcome {
            Outcome::Refused(Failure::Mismatch) => Check::ok(
                LIBRARY,
                TARGET,
                "the kernel module is of another version than the libraries",
            )
            .but(
                Status::Critical,
                Severity::Reset,
                "drain the node and reboot it: the driver was updated under a running system",
            ),
            _ => Check::not_applicable(LIBRARY, TARGET, "kernel module or library is not there"),
        };
    };
    let matches = library == module || library.ends_with(&format!(".{module}"));
    let detail = format!("kernel module {module}, libnvidia-ml {library}");
    let check = Check::ok(LIBRARY, TARGET, detail).found(library.as_str(), None);
    let check = check.expected(module.as_str());
    if matches {
        return check;
    }
    check.but(
        Status::Warning,
        Severity::Config,
        "bring them to one version: reboot after an update of the driver, or start the container anew with the host's libraries",
    )
}

/// Against what somebody has said.
fn count_of(expected: u64, presence: &Presence, answer: &Answer) -> Check {
    let Some(shown) = answer.count.map(u64::from) else {
        let on_bus = presence.on_bus;
        let detail = format!("NVML does not answer; {on_bus} GPUs on the PCI bus");
        return Check::unknown(COUNT, TARGET, detail, "mend what the check nvml says")
            .expected(expected);
    };
    let detail = format!("NVML shows {shown} GPUs, the PCI bus {}", presence.on_bus);
    let check = Check::ok(COUNT, TARGET, detail).found(shown, "GPUs").expected(expected);
    if shown < expected {
        return check.but(Status::Critical, Severity::Isolate, LOST);
    }
    if shown > expected {
        return check.but(
            Status::Warning,
            Severity::Config,
            "there are more GPUs than expected: correct --expect-gpus or the file of --expect",
        );
    }
    check
}

fn driver(presence: &Presence) -> Check {
    match (&presence.version, presence.on_bus) {
        (Some(version), _) => Check::ok(DRIVER, TARGET, format!("kernel module {version}"))
            .found(version.as_str(), None),
        (None, 0) => Check::not_applicable(
            DRIVER,
            TARGET,
            "no NVIDIA device on the PCI bus and no NVIDIA kernel module",
        ),
        (None, gpus) => {
            Check::ok(DRIVER, TARGET, format!("{gpus} GPUs on the PCI bus, but no kernel module"))
                .but(
                    Status::Critical,
                    Severity::Config,
                    "load the driver: modprobe nvidia; install it if that fails, see `dmesg`",
                )
        }
    }
}

fn nvml(presence: &Presence, answer: &Answer) -> Check {
    let here = presence.on_bus > 0 || presence.version.is_some();
    let check = |detail: String| Check::ok(NVML, TARGET, detail);
    match &answer.outcome {
        Outcome::Complete => {
            let driver = answer.driver.as_deref().unwrap_or("of unknown version");
            check(format!("answers, driver {driver}"))
        }
        Outcome::Refused(Failure::NoLibrary | Failure::NoDriver) if !here => {
            Check::not_applicable(NVML, TARGET, "no NVIDIA device and no NVIDIA driver here")
        }
        Outcome::Refused(Failure::NoLibrary) => Check::unknown(
            NVML,
            TARGET,
            "libnvidia-ml.so.1 cannot be loaded, so nothing is known of the GPUs",
            "install the driver's user-space libraries; in a container start it with: docker run --gpus all",
        ),
        Outcome::Refused(Failure::NoDriver) => check("the kernel module is not loaded".to_owned())
            .but(Status::Critical, Severity::Config, "load the driver: modprobe nvidia"),
        Outcome::Refused(Failure::Mismatch) => {
            check("kernel module and library are of different versions".to_owned()).but(
                Status::Critical,
                Severity::Reset,
                "drain the node and reboot it: the driver was updated under a running system",
            )
        }
        Outcome::Refused(Failure::Other(said)) => {
            let action = "see `nvidia-smi` and `dmesg`; reboot if the driver is stuck";
            check(format!("cannot be started: {said}")).but(
                Status::Critical,
                Severity::Triage,
                action,
            )
        }
        Outcome::Hung(calling) => check(format!("hangs in {calling}")).but(
            Status::Critical,
            Severity::Reset,
            "drain the node and reboot it; collect nvidia-bug-report.sh first if it still answers",
        ),
        Outcome::Died(calling) => check(format!("crashed in {calling}")).but(
            Status::Critical,
            Severity::Triage,
            "see `nvidia-smi` and `dmesg`; reinstall the driver",
        ),
        Outcome::NotStarted(said) => Check::unknown(
            NVML,
            TARGET,
            format!("the process that asks NVML did not start: {said}"),
            "see the limits of this shell with `ulimit -a`",
        ),
    }
}

fn count(presence: &Presence, answer: &Answer) -> Check {
    let on_bus = presence.on_bus;
    let Some(shown) = answer.count.map(u64::from) else {
        let detail =
            format!("{on_bus} GPUs on the PCI bus; NVML counts none because it does not answer");
        return match (&answer.outcome, on_bus, &presence.version) {
            (Outcome::Refused(Failure::NoLibrary | Failure::NoDriver), 0, None) => Check::unknown(
                COUNT,
                TARGET,
                "no NVIDIA GPU was found, so none was checked",
                "if this node should have GPUs: lspci -d 10de:, and in a container docker run --gpus all",
            )
            .found(0_u64, "GPUs"),
            _ => Check::unknown(COUNT, TARGET, detail, "mend what the check nvml says").expected(on_bus),
        };
    };
    let check = |detail: String| Check::ok(COUNT, TARGET, detail).found(shown, "GPUs");
    let expected = presence.driven.unwrap_or(on_bus);
    if shown < expected {
        return check(format!("NVML shows {shown} of the {expected} GPUs that the driver has"))
            .expected(expected)
            .but(Status::Critical, Severity::Isolate, LOST);
    }
    let detail = format!("NVML shows {shown} GPUs, the PCI bus {on_bus}");
    if shown == 0 {
        let action = "lspci -d 10de:, and in a container docker run --gpus all";
        return Check::unknown(COUNT, TARGET, detail, action).found(0_u64, "GPUs");
    }
    if shown < on_bus {
        // A container that was given some of the GPUs looks like a node that lost the others.
        let action =
            "run on the host, where all GPUs can be seen; there, look for XID 79 in `dmesg`";
        return Check::unknown(COUNT, TARGET, detail, action).found(shown, "GPUs").expected(on_bus);
    }
    check(detail).expected(expected)
}

#[cfg(test)]
mod tests {
    use super::{COUNT, LIBRARY, Presence, check, library as library_check, version_in};
    use crate::gpu::probe::{Answer, Failure, Outcome};
    use crate::{Expectation, Severity, Status};

    fn presence(on_bus: u64, driven: Option<u64>) -> Presence {
        Presence { on_bus, driven, version: driven.map(|_| "580.82.07".to_owned()) }
    }

    fn answer(outcome: Outcome, count: Option<u32>) -> Answer {
        Answer { count, ..Answer::without_gpus(outcome) }
    }

    /// Status and severity of driver, NVML and count.
    fn of(presence: &Presence, answer: &Answer) -> Vec<(Status, Severity)> {
        let mut checks = check(presence, answer, &Expectation::default());
        checks.retain(|check| check.name != LIBRARY);
        checks.iter().map(|check| (check.status, check.severity)).collect()
    }

    #[test]
    fn what_somebody_expects_counts_more_than_what_the_driver_has() {
        let of = |expected, shown| {
            let expected = Expectation { gpus: Some(expected), ..Expectation::default() };
            let answer = answer(Outcome::Complete, Some(shown));
            let checks = check(&presence(7, Some(7)), &answer, &expected);
            let check = checks.into_iter().find(|check| check.name == COUNT).unwrap();
            (check.status, check.severity)
        };
        assert_eq!(of(8, 7), (Status::Critical, Severity::Isolate));
        assert_eq!(of(7, 7), (Status::Ok, Severity::None));
        assert_eq!(of(4, 7), (Status::Warning, Severity::Config));
    }

    #[test]
    fn a_library_of_another_driver_is_told() {
        let of = |library: Option<&str>| {
            let mut answer = answer(Outcome::Complete, Some(8));
            answer.library = library.map(str::to_owned);
            library_check(&presence(8, Some(8)), &answer).status
        };
        assert_eq!(of(Some("13.580.82.07")), Status::Ok);
        assert_eq!(of(Some("580.82.07")), Status::Ok);
        assert_eq!(of(Some("12.550.54.15")), Status::Warning);
        assert_eq!(of(None), Status::Unknown);
    }

    #[test]
    fn a_machine_without_gpus_is_unknown_not_ok() {
        let refused = answer(Outcome::Refused(Failure::NoLibrary), None);
        assert_eq!(
            of(&presence(0, None), &refused),
            [
                (Status::Unknown, Severity::None),
                (Status::Unknown, Severity::None),
                (Status::Unknown, Severity::Config)
            ]
        );
    }

    #[test]
    fn gpus_without_a_driver_are_critical() {
        let refused = answer(Outcome::Refused(Failure::NoDriver), None);
        let found = of(&presence(8, None), &refused);
        assert_eq!(found[0], (Status::Critical, Severity::Config));
        assert_eq!(found[1], (Status::Critical, Severity::Config));
        assert_eq!(found[2].0, Status::Unknown);
    }

    #[test]
    fn a_lost_gpu_is_told_from_one_that_is_not_shared_with_a_container() {
        let seven = answer(Outcome::Complete, Some(7));
        assert_eq!(of(&presence(8, Some(8)), &seven)[2], (Status::Critical, Severity::Isolate));
        assert_eq!(of(&presence(8, Some(7)), &seven)[2], (Status::Unknown, Severity::Config));
        let all = answer(Outcome::Complete, Some(8));
        assert_eq!(of(&presence(8, Some(8)), &all)[2].0, Status::Ok);
    }

    #[test]
    fn a_hang_a_crash_and_a_mismatch_are_critical() {
        for (outcome, severity) in [
            (Outcome::Hung("reading GPU 3".to_owned()), Severity::Reset),
            (Outcome::Died("nvmlInit".to_owned()), Severity::Triage),
            (Outcome::Refused(Failure::Mismatch), Severity::Reset),
            (Outcome::Refused(Failure::Other("odd".to_owned())), Severity::Triage),
        ] {
            let found = of(&presence(8, Some(8)), &answer(outcome, None));
            assert_eq!(found[1], (Status::Critical, severity));
            assert_eq!(found[2].0, Status::Unknown);
        }
    }

    #[test]
    fn both_kinds_of_kernel_module_tell_their_version() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release";
        assert_eq!(version_in(closed).as_deref(), Some("550.54.15"));
        assert_eq!(version_in(open).as_deref(), Some("580.82.07"));
    }
}
