//! XIDs as counters.

use perfagent_health::Catalogue;

use super::gpu;
use crate::examination::status_name;
use crate::exposition::{Kind, Page};
use crate::state::State;

/// Each number on each GPU, and the sum on each GPU, which is there before the first.
pub(super) fn add(page: &mut Page, state: &State) {
    for (place, code, count) in state.xids.iter() {
        let mut labels = match state.nvml.at_place(place) {
            Some(known) => gpu::labels(known),
            None => Vec::new(),
        };
        labels.push(("pci_bus_id", place.to_owned()));
        labels.push(("xid", code.to_string()));
        let catalogue = Catalogue::built_in();
        if let Some(xid) = catalogue.find(code) {
            labels.push(("name", xid.name.clone()));
        }
        labels.push(("status", status_name(catalogue.least_status(code)).to_owned()));
        page.family(
            "perfagent_health_xid",
            Kind::Counter,
            "",
            "XIDs by number since the kernel's start, as far as its log reaches back: of kernel log and NVML.",
        )
        .add(labels.clone(), count.total() as f64);
        page.family(
            "perfagent_health_xid_last_seen_timestamp_seconds",
            Kind::Gauge,
            "seconds",
            "When the last one came, since the Unix epoch.",
        )
        .add(labels, count.last_unix_s);
    }
    for known in state.nvml.known.values() {
        let Some(place) = known.place() else { continue };
        page.family(
            "perfagent_health_xid_any",
            Kind::Counter,
            "",
            "XIDs of any number, 0 before the first.",
        )
        .add(gpu::labels(known), state.xids.of_place(&place) as f64);
    }
}
