//! The exporter itself: what it can see, and how old that is.

use crate::exposition::{Kind, Page};
use crate::moment::Moment;
use crate::sample::Failure;
use crate::state::{KernelLogState, Session, State};

pub(super) fn add(page: &mut Page, state: &State, now: Moment) {
    let nvml = &state.nvml;
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    page.family("perfagent_exporter", Kind::Info, "", "The exporter.").add(version, 1.0);
    let flag = |holds: bool| f64::from(u8::from(holds));
    page.gauge("perfagent_exporter_nvml_up", "1: NVML answers. 0: no metrics of GPUs.")
        .add(vec![], flag(nvml.session == Session::Up));
    for reason in Failure::ALL {
        let labels = || vec![("reason", reason.name().to_owned())];
        let is_now = matches!(&nvml.session, Session::Down(now, _) if *now == reason);
        page.gauge("perfagent_exporter_nvml_down", "1: NVML does not answer for this reason.")
            .add(labels(), flag(is_now));
        let help = "How often NVML failed and was started anew, by reason.";
        page.family("perfagent_exporter_nvml_failures", Kind::Counter, "", help)
            .add(labels(), nvml.failures.get(&reason).copied().unwrap_or_default() as f64);
    }
    if let Some(at) = nvml.at {
        for (name, help, value) in [
            (
                "perfagent_exporter_sample_age_seconds",
                "How long ago the GPUs were last looked at, when this was answered.",
                at.age_s(now),
            ),
            (
                "perfagent_exporter_sample_timestamp_seconds",
                "When that was, since the Unix epoch.",
                at.unix_s,
            ),
            (
                "perfagent_exporter_sample_duration_seconds",
                "How long it took to look at all GPUs.",
                nvml.took_s,
            ),
        ] {
            page.family(name, Kind::Gauge, "seconds", help).add(vec![], value);
        }
    }
    if state.kernel_log != KernelLogState::Unread {
        let help = "1: XIDs of the kernel log are seen. 0: only those that NVML tells.";
        page.gauge("perfagent_exporter_kernel_log_readable", help)
            .add(vec![], flag(state.kernel_log == KernelLogState::Read));
    }
    page.gauge(
        "perfagent_exporter_recordings_unreadable",
        "Recordings among the newest that could not be read.",
    )
    .add(vec![], state.recordings_unreadable as f64);
    page.family("perfagent_exporter_scrapes", Kind::Counter, "", "Scrapes that were answered.")
        .add(vec![], state.scrapes as f64);
}
