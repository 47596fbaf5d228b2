//! Each NVLink by itself.

use super::raw::Raw;
use super::{Reading, reading};
use crate::gpu::{Link, LinkErrors};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::sys_exports::field_id;

/// `NVML_NVLINK_MAX_LINKS`: no GPU has more.
const MOST_LINKS: u32 = 18;

/// Every link that the GPU has. A GPU without links answers that it does not support the question.
pub(super) fn read(raw: &Raw<'_>) -> Reading<Vec<Link>> {
    let mut links = Vec::new();
    for link in 0..MOST_LINKS {
        match raw.link_is_active(link) {
            Ok(active) => links.push(Link { link, active }),
            Err(error) if links.is_empty() && link == 0 => return reading(Err(error)),
            // Beyond the last one.
            Err(NvmlError::InvalidArg | NvmlError::NotSupported) => break,
            Err(error) => return reading(Err(error)),
        }
    }
    Reading::Value(links)
}

/// What the links that are up have counted; nothing of those that do not tell.
pub(super) fn errors(raw: &Raw<'_>, links: &[Link]) -> Vec<LinkErrors> {
    let up = links.iter().filter(|link| link.active).map(|link| link.link);
    up.filter_map(|link| up_to_four(raw, link).or_else(|| fifth(raw, link))).collect()
}

/// The counters of NVLink 1 to 4.
fn up_to_four(raw: &Raw<'_>, link: u32) -> Option<LinkErrors> {
    let counter = |number| raw.link_counter(link, number).ok();
    let (replay, recovery, control, data) = (counter(0), counter(1), counter(2), counter(3));
    let crc = match (control, data) {
        (None, None) => None,
        (control, data) => Some(control.unwrap_or(0).saturating_add(data.unwrap_or(0))),
    };
    let told = replay.is_some() || recovery.is_some() || crc.is_some();
    told.then_some(LinkErrors { link, crc, replay, recovery, recovery_failed: None, receive: None })
}

/// The counters of NVLink 5.
fn fifth(raw: &Raw<'_>, link: u32) -> Option<LinkErrors> {
    let values = raw.values(
        [
            field_id::NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS,
            field_id::NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS,
            field_id::NVML_FI_DEV_NVLINK_COUNT_MALFORMED_PACKET_ERRORS,
            field_id::NVML_FI_DEV_NVLINK_COUNT_BUFFER_OVERRUN_ERRORS,
            field_id::NVML_FI_DEV_NVLINK_COUNT_RCV_ERRORS,
            field_id::NVML_FI_DEV_NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS,
        ],
        link,
    );
    let [recovery, recovery_failed, received @ ..] =
        values.map(|value| value.value().map(|count| count.max(&0).unsigned_abs()));
    let receive: Option<u64> = received.into_iter().flatten().reduce(u64::saturating_add);
    let told = recovery.is_some() || recovery_failed.is_some() || receive.is_some();
    told.then_some(LinkErrors { link, crc: None, replay: None, recovery, recovery_failed, receive })
}
