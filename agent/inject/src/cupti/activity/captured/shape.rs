//! A record in words, without what differs from run to run: times, correlation ids, addresses, registers.

use perfagent_spool::{NO_STREAM, Record};

pub(super) fn of(record: &Record<'_>, name: &str) -> String {
    let stream = |stream: u32| match stream {
        NO_STREAM => "no stream".to_owned(),
        stream => format!("stream {stream}"),
    };
    let within = |graph: u32| if graph == 0 { "" } else { ", of a graph" };
    match *record {
        Record::Kernel {
            device,
            context,
            stream,
            grid,
            block,
            static_smem,
            dynamic_smem,
            graph,
            ..
        } => format!(
            "kernel {name}: grid {grid:?}, block {block:?}, shared {static_smem} + {dynamic_smem}, device {device}, \
             context {context}, stream {stream}{}",
            within(graph)
        ),
        Record::Memcpy {
            device,
            context,
            stream,
            bytes,
            kind,
            src_kind,
            dst_kind,
            peer_device,
            graph,
            ..
        } => format!(
            "copy of {bytes} bytes: kind {kind}, from memory {src_kind} to {dst_kind}, device {device}, peer \
             {peer_device}, context {context}, stream {stream}{}",
            within(graph)
        ),
        Record::Memset { device, context, stream, bytes, value, graph, .. } => format!(
            "fill of {bytes} bytes with {value}: device {device}, context {context}, stream {stream}{}",
            within(graph)
        ),
        Record::GraphLaunch { device, context, stream, .. } => {
            format!("graph: device {device}, context {context}, stream {stream}")
        }
        Record::Api { tid, result, .. } => format!("call of {name}: result {result}, thread {tid}"),
        Record::Memory { device, context, stream: of, bytes, freed, kind, pool, .. } => format!(
            "{} of {bytes} bytes: memory {kind}, device {device}, context {context}, {}{}",
            if freed { "release" } else { "allocation" },
            stream(of),
            if pool == 0 { "" } else { ", of a pool" }
        ),
        Record::MemoryPool { device, operation, size, used, .. } => {
            format!("pool: operation {operation}, {used} of {size} bytes used, device {device}")
        }
        Record::Synchronization { kind, context, stream: of, event, .. } => format!(
            "synchronisation: kind {kind}, context {context}, {}{}",
            stream(of),
            if event == 0 { "" } else { ", an event" }
        ),
        Record::Overhead { kind, tid, correlation, .. } => format!(
            "overhead: kind {kind:#x}{}{}",
            if tid == 0 { "" } else { ", of a thread" },
            if correlation == 0 { "" } else { ", of a call" }
        ),
        Record::Context { context, device, null_stream } => {
            format!("context {context}: device {device}, null stream {null_stream}")
        }
        Record::Stream { context, stream, priority, flag } => {
            format!("stream {stream}: context {context}, priority {priority}, flag {flag}")
        }
        Record::ExternalCorrelation { .. } => "external correlation".to_owned(),
        ref other => format!("{other:?}"),
    }
}
