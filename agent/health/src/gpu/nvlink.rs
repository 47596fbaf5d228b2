//! NVLink: which links are up, and their errors.

use serde::{Deserialize, Serialize};

use super::Surroundings;
use super::counters::Counters;
use super::reading::{GpuReadings, Reading};
use crate::{Check, Severity, Status};

const STATE: &str = "gpu_nvlink";
const ERRORS: &str = "gpu_nvlink_errors";
/// Of DCGM's diagnostic: checksum errors a second that a link may have.
const CRC_A_SECOND: f64 = 100.0;
/// What the names of boards say whose links are always all connected: modules on a baseboard.
const MODULES: [&str; 7] = ["SXM", "HBM3", "H200", "B200", "B300", "H20", "HGX"];
/// Boards in slots, which have links only where a bridge joins two of them, and modules that also stand alone.
const BOARDS: [&str; 3] = ["PCIe", "NVL", "GH200"];

/// One link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number.
    pub link: u32,
    /// Whether it is up.
    pub active: bool,
}

/// What one link has counted; `None` where this generation does not count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkErrors {
    /// The link's number.
    pub link: u32,
    /// Packets with a wrong checksum.
    pub crc: Option<u64>,
    /// Packets sent again.
    pub replay: Option<u64>,
    /// Times that the link was trained anew.
    pub recovery: Option<u64>,
    /// Times that this failed (NVLink 5).
    pub recovery_failed: Option<u64>,
    /// Packets that were received damaged or could not be taken (NVLink 5).
    pub receive: Option<u64>,
}

pub(super) fn check(gpu: &GpuReadings, around: &Surroundings) -> Vec<Check> {
    let state = state(gpu, around);
    let links = gpu.links.value();
    if links.is_some_and(|links| links.iter().any(|link| link.active)) {
        vec![state, errors(gpu)]
    } else {
        vec![state]
    }
}

fn state(gpu: &GpuReadings, around: &Surroundings) -> Check {
    let target = gpu.target();
    let Some(links) = gpu.links.value() else {
        let missing = gpu.links.missing(STATE, &target, "the state of its NVLinks");
        return missing.unwrap_or_else(|| Check::not_applicable(STATE, target, "no NVLink"));
    };
    if links.is_empty() {
        return Check::not_applicable(STATE, target, "no NVLink");
    }
    let down: Vec<String> =
        links.iter().filter(|link| !link.active).map(|link| link.link.to_string()).collect();
    let active = (links.len() - down.len()) as u64;
    let all = links.len() as u64;
    if gpu.is_mig() && active < all {
        return Check::not_applicable(
            STATE,
            target,
            format!("{active} of {all} links up; instances (MIG) do not use them"),
        );
    }
    let expected = match around.expected_links {
        Some(expected) => expected,
        None if is_module(gpu) => all,
        None => around.most_links(gpu),
    };
    if active == 0 && around.is_only_gpu && around.expected_links.is_none() {
        // As a virtual machine gets one of several: its links are switched off then.
        let detail = format!("none of {all} links is up; the only GPU of a machine needs none");
        return Check::not_applicable(STATE, target, detail);
    }
    let check = |detail: String| {
        Check::ok(STATE, &*target, detail).found(active, "links").expected(expected)
    };
    if active < expected {
        return check(format!("{active} of {expected} links up; down: {}", down.join(", "))).but(
            Status::Critical,
            Severity::Isolate,
            "drain the node; look for XID 74 or 144 to 150 in `dmesg`; reset the GPU and restart nvidia-fabricmanager; have the GPU or the baseboard inspected if the links stay down",
        );
    }
    if active == 0 {
        let detail = format!("none of {all} links is up: no bridge to another GPU");
        return Check::not_applicable(STATE, target, detail);
    }
    check(format!("{active} of {all} links up"))
}

/// Whether it is a module on a baseboard, whose links are all connected.
fn is_module(gpu: &GpuReadings) -> bool {
    let name = gpu.identity.name.as_deref().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    has(&MODULES) && !has(&BOARDS)
}

fn errors(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let links = &gpu.counters.links;
    if links.is_empty() {
        return Check::unknown(
            ERRORS,
            target,
            "its NVLinks tell no error counters",
            "look at nvidia-smi nvlink -e; a newer driver may tell them",
        );
    }
    let sum = |counter: fn(&LinkErrors) -> Option<u64>| {
        links.iter().filter_map(counter).fold(0_u64, u64::saturating_add)
    };
    let [crc, replay, recovery] =
        [sum(|link| link.crc), sum(|link| link.replay), sum(|link| link.recovery)];
    let [failed, receive] = [sum(|link| link.recovery_failed), sum(|link| link.receive)];
    let all = [crc, replay, recovery, receive].into_iter().fold(0_u64, u64::saturating_add);
    let detail = format!(
        "{} links: {crc} checksum errors, {replay} replays, {recovery} recoveries ({failed} failed), {receive} errors on receipt",
        links.len()
    );
    let check = Check::ok(ERRORS, target, detail).found(all, "errors");
    if failed > 0 {
        return check.found(failed, "failed recoveries").expected(0_u64).but(
            Status::Critical,
            Severity::Reset,
            "drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX; have the link inspected if it fails again",
        );
    }
    let growth = gpu.later.as_ref().and_then(|later| Growth::between(&gpu.counters, later));
    let inspect = "see which link it is with nvidia-smi nvlink -e; have connectors or cables inspected if it goes on";
    if let Some(growth) = growth {
        let detail = format!("{}; {:.0} more a second now", check.detail, growth.all_a_second);
        if growth.crc_a_second > CRC_A_SECOND {
            return Check { detail, ..check }.expected(0_u64).but(
                Status::Critical,
                Severity::Triage,
                inspect,
            );
        }
        if growth.all_a_second > 0.0 {
            return Check { detail, ..check }.expected(0_u64).but(
                Status::Warning,
                Severity::Monitor,
                inspect,
            );
        }
    }
    if recovery > 0 {
        return check.found(recovery, "recoveries").expected(0_u64).but(
            Status::Warning,
            Severity::Monitor,
            inspect,
        );
    }
    check
}

/// How fast errors come between two looks.
struct Growth {
    crc_a_second: f64,
    all_a_second: f64,
}

impl Growth {
    fn between(first: &Counters, later: &Counters) -> Option<Self> {
        let seconds = first.window_ms(later)? as f64 / 1e3;
        let (mut crc, mut all) = (0_u64, 0_u64);
        for now in &later.links {
            let Some(before) = first.links.iter().find(|link| link.link == now.link) else {
                continue;
            };
            let grown = |counter: fn(&LinkErrors) -> Option<u64>| {
                counter(now)
                    .zip(counter(before))
                    .map_or(0, |(now, before)| now.saturating_sub(before))
            };
            let of_crc = grown(|link| link.crc);
            let others = [
                grown(|link| link.replay),
                grown(|link| link.recovery),
                grown(|link| link.receive),
            ];
            crc = crc.saturating_add(of_crc);
            all = others.into_iter().fold(all.saturating_add(of_crc), u64::saturating_add);
        }
        Some(Self { crc_a_second: crc as f64 / seconds, all_a_second: all as f64 / seconds })
    }
}

/// Links that are up, zero where nothing is told.
pub(super) fn active(gpu: &GpuReadings) -> u64 {
    let links = match &gpu.links {
        Reading::Value(links) => links.as_slice(),
        _ => &[],
    };
    links.iter().filter(|link| link.active).count() as u64
}
