//! Operations of the GPU: kernels, copies, fills, whole graphs.
#![expect(unsafe_code, reason = "names are read where CUPTI keeps them")]

use std::ffi::CStr;

use perfagent_spool::Record;

use super::super::kernel_name;
use super::super::layout::GraphTrace;
use super::super::session::Session;
use super::super::sys::{Kernel, Memcpy, Memset, PeerMemcpy};
use super::Clock;
use crate::writer::Writer;

/// `CUPTI_ACTIVITY_MEMCPY_KIND_PTOP`: between two devices.
const PEER_TO_PEER: u8 = 10;

pub(super) fn kernel(
    session: &Session,
    writer: &mut Writer,
    clock: Clock,
    kernel: &Kernel,
) -> Option<Record<'static>> {
    let (start, end) = clock.span(kernel.start, kernel.end)?;
    let name = if kernel.name.is_null() {
        0
    } else {
        // SAFETY: names of kernels are texts ended by 0 that CUPTI keeps while the process lives.
        let name = unsafe { CStr::from_ptr(kernel.name) };
        writer.strings.id_at(&mut writer.ring, name, || kernel_name::shown(name))
    };
    if kernel.graph != 0 {
        session.graphs.count();
    }
    Some(Record::Kernel {
        start,
        end,
        device: kernel.device,
        context: kernel.context,
        stream: kernel.stream,
        correlation: kernel.correlation,
        name,
        grid: kernel.grid,
        block: kernel.block,
        registers: kernel.registers,
        static_smem: kernel.static_smem,
        dynamic_smem: kernel.dynamic_smem,
        graph: kernel.graph,
        graph_node: kernel.graph_node,
    })
}

pub(super) fn memcpy(clock: Clock, copy: &Memcpy) -> Option<Record<'static>> {
    let (start, end) = clock.span(copy.start, copy.end)?;
    Some(Record::Memcpy {
        start,
        end,
        device: copy.device,
        context: copy.context,
        stream: copy.stream,
        correlation: copy.correlation,
        bytes: copy.bytes,
        kind: copy.copy_kind,
        src_kind: copy.src_kind,
        dst_kind: copy.dst_kind,
        peer_device: -1,
        graph: copy.graph,
        graph_node: copy.graph_node,
    })
}

pub(super) fn peer_memcpy(clock: Clock, copy: &PeerMemcpy) -> Option<Record<'static>> {
    let (start, end) = clock.span(copy.start, copy.end)?;
    // The copy is listed on one of its two devices; the other one is the peer.
    let other = if copy.dst_device == copy.device { copy.src_device } else { copy.dst_device };
    Some(Record::Memcpy {
        start,
        end,
        device: copy.device,
        context: copy.context,
        stream: copy.stream,
        correlation: copy.correlation,
        bytes: copy.bytes,
        kind: if copy.copy_kind == 0 { PEER_TO_PEER } else { copy.copy_kind },
        src_kind: copy.src_kind,
        dst_kind: copy.dst_kind,
        peer_device: other as i32,
        graph: copy.graph,
        graph_node: copy.graph_node,
    })
}

pub(super) fn memset(clock: Clock, fill: &Memset) -> Option<Record<'static>> {
    let (start, end) = clock.span(fill.start, fill.end)?;
    Some(Record::Memset {
        start,
        end,
        device: fill.device,
        context: fill.context,
        stream: fill.stream,
        correlation: fill.correlation,
        bytes: fill.bytes,
        value: fill.value,
        graph: fill.graph,
        graph_node: fill.graph_node,
    })
}

pub(super) fn graph(clock: Clock, launch: &GraphTrace) -> Option<Record<'static>> {
    let (start, end) = clock.span(launch.start, launch.end)?;
    Some(Record::GraphLaunch {
        start,
        end,
        device: launch.device,
        context: launch.context,
        stream: launch.stream,
        correlation: launch.correlation,
        graph: launch.graph,
    })
}
