//! What this program tells a recorder through NVTX. The text forms are documented in `NVTX.md`.
//! With no recorder loaded every call is a few nanoseconds.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::sync::LazyLock;

use nvtx::Domain;
use nvtx::domain::{LocalRange, Range};

static TRAINING: LazyLock<Domain> = LazyLock::new(|| Domain::new(c"perfagent"));
static COLLECTIVES: LazyLock<Domain> = LazyLock::new(|| Domain::new(c"perfagent.collective"));

/// A range on this thread, closed when dropped.
pub(crate) type Span = LocalRange<'static>;

/// A range that ends on whichever thread drops it and may overlap others.
pub(crate) type Open = Range<'static>;

/// Opens a phase: `step`, `data`, `forward`, `prefill`, …
/// `index` is the 0-based step, the micro-batch within it, or of inference the number of sequences.
pub(crate) fn span(name: &'static CStr, index: u64) -> Span {
    TRAINING.local_range(TRAINING.event_attributes_builder().message(name).payload(index).build())
}

/// Marks the loss of this rank's share of the step's batch.
pub(crate) fn loss(value: f64) {
    TRAINING.mark(TRAINING.event_attributes_builder().message(c"loss").payload(value).build());
}

/// Marks what kind of run this is: one mark, `run {json}`.
pub(crate) fn run(json: &str) {
    if let Ok(text) = CString::new(format!("run {json}")) {
        TRAINING.mark(TRAINING.event_attributes_builder().message(text).build());
    }
}

/// Opens a request that is served, of this 0-based number.
pub(crate) fn request(number: u64) -> Open {
    TRAINING.range(TRAINING.event_attributes_builder().message(c"request").payload(number).build())
}

/// Opens a collective; it ends on whichever thread drops the range.
pub(crate) fn collective(text: &str, sequence: u64) -> Range<'static> {
    // The texts are made of digits and names: no NUL can be in them.
    let text = CString::new(text).unwrap_or_default();
    COLLECTIVES
        .range(COLLECTIVES.event_attributes_builder().message(text).payload(sequence).build())
}

/// Names this thread, once.
pub(crate) fn name_thread(name: &'static CStr) {
    thread_local!(static NAMED: Cell<bool> = const { Cell::new(false) });
    if !NAMED.replace(true) {
        nvtx::name_current_thread(name);
    }
}
