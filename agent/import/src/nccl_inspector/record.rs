//! One object of the output.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::decimal::nanos_of_micros;
use crate::value::{Int, Words, Written};

/// An object as it is written, as far as it is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) header: Option<Header<'a>>,
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) coll_perf: Option<Performance<'a>>,
    #[serde(borrow)]
    pub(super) p2p_perf: Option<Performance<'a>>,
    pub(super) dump_stats: Option<Statistics>,
    /// Version 4.3 and later: steps of the proxy.
    #[serde(borrow)]
    pub(super) proxy_trace: Option<&'a RawValue>,
}

/// The communicator.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    pub(super) rank: Int,
    pub(super) n_ranks: Int,
}

/// The process.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) dump_timestamp_us: Written<'a>,
    #[serde(borrow)]
    pub(super) hostname: Words<'a>,
    pub(super) pid: Int,
}

/// What was lost in the ring of a communicator since its last dump.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Statistics {
    pub(super) coll_dropped_since_last_dump: Int,
    pub(super) p2p_dropped_since_last_dump: Int,
}

/// A collective or a transfer between two ranks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Performance<'a> {
    #[serde(borrow, alias = "p2p")]
    pub(super) coll: Words<'a>,
    #[serde(alias = "p2p_sn")]
    pub(super) coll_sn: Int,
    #[serde(alias = "p2p_msg_size_bytes")]
    pub(super) coll_msg_size_bytes: Int,
    #[serde(borrow, alias = "p2p_exec_time_us")]
    pub(super) coll_exec_time_us: Written<'a>,
    #[serde(borrow, alias = "p2p_timing_source")]
    pub(super) coll_timing_source: Words<'a>,
    #[serde(borrow, alias = "p2p_algobw_gbs")]
    pub(super) coll_algobw_gbs: Written<'a>,
    #[serde(borrow)]
    pub(super) event_trace_ts: Option<Instants<'a>>,
}

/// When things happened, in µs on the processor's clock; 0 is never.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Instants<'a> {
    #[serde(borrow, alias = "p2p_start_ts")]
    pub(super) coll_start_ts: Written<'a>,
    #[serde(borrow)]
    pub(super) kernel_events: Vec<KernelInstants<'a>>,
}

/// The same of one channel of the kernel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KernelInstants<'a> {
    #[serde(borrow)]
    pub(super) kernel_start_ts: Written<'a>,
}

impl Instants<'_> {
    /// When the call began, ns.
    pub(super) fn call(&self) -> Option<i64> {
        instant(self.coll_start_ts)
    }

    /// When the first channel of the kernel began, ns.
    pub(super) fn kernel(&self) -> Option<i64> {
        self.kernel_events.iter().filter_map(|channel| instant(channel.kernel_start_ts)).min()
    }
}

/// An instant in ns; `None` for 0 and what is none.
pub(super) fn instant(Written(micros): Written<'_>) -> Option<i64> {
    nanos_of_micros(micros).map(|nanos| nanos.value).filter(|&nanos| nanos > 0)
}
