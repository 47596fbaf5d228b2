//! From CUPTI's records to ours.
#![expect(unsafe_code, reason = "records are read where CUPTI wrote them")]

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::Ordering;

use perfagent_spool::{LossCause, MonotonicNs, RealtimeNs, Record};

use super::session::Session;
use super::sys::{
    EXTERNAL_KIND, ExternalCorrelation, KIND_CONCURRENT_KERNEL, KIND_EXTERNAL_CORRELATION,
    KIND_MEMCPY, KIND_MEMCPY2, KIND_MEMSET, Kernel, MAX_LIMIT_REACHED, Memcpy, Memset, PeerMemcpy,
    SUCCESS,
};
use crate::writer::Writer;

/// `CUPTI_ACTIVITY_MEMCPY_KIND_PTOP`: between two devices.
const PEER_TO_PEER: u8 = 10;

/// Room that the records of one buffer need at most, with some names.
const RESERVE_BYTES: u64 = 1 << 20;

/// Writes the records of all filled buffers.
pub(super) fn drain(session: &Session, writer: &mut Writer) {
    let clock = Clock::of(session);
    // While the ring is full, buffers wait in their queue, and are counted when that is full too.
    while writer.may_write(RESERVE_BYTES.min(writer.ring.capacity() / 2))
        && let Some(buffer) = session.buffers.next_filled()
    {
        let mut record = ptr::null_mut();
        let status = loop {
            // SAFETY: the buffer came back from CUPTI with this many bytes of records, and only we have it.
            let status = unsafe {
                (session.api.next_record)(buffer.pointer(), buffer.bytes, &raw mut record)
            };
            if status != SUCCESS || record.is_null() {
                break status;
            }
            // SAFETY: CUPTI answered with a record inside the buffer.
            unsafe { write(writer, clock, record) };
        };
        if status != MAX_LIMIT_REACHED {
            writer.ring.count_loss(LossCause::UnknownRecord, 1);
        }
        session.buffers.recycle(buffer);
    }
}

/// How the times of records become ours.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Nanoseconds to subtract.
    ahead: i64,
}

impl Clock {
    fn of(session: &Session) -> Self {
        if session.monotonic.load(Ordering::Relaxed) {
            return Self { ahead: 0 };
        }
        Self { ahead: RealtimeNs::now().0.wrapping_sub(MonotonicNs::now().0 as i64) }
    }

    /// The two times, or `None` when CUPTI had no memory to note them, or they make no sense.
    fn span(self, start: u64, end: u64) -> Option<(MonotonicNs, MonotonicNs)> {
        let ours = |time: u64| MonotonicNs((time as i64).wrapping_sub(self.ahead) as u64);
        (start != 0 && end >= start).then(|| (ours(start), ours(end)))
    }
}

/// Writes the record at `record`.
///
/// # Safety
/// CUPTI put a record of the kind that it begins with there.
unsafe fn write(writer: &mut Writer, clock: Clock, record: *const u8) {
    // SAFETY: every record begins with its kind.
    let kind: u32 = unsafe { read(record) };
    let record = match kind {
        // SAFETY: (all five) the kind tells the structure, of which ours are prefixes.
        KIND_CONCURRENT_KERNEL => kernel_record(writer, clock, &unsafe { read(record) }),
        // SAFETY: see above.
        KIND_MEMCPY => memcpy_record(clock, &unsafe { read(record) }),
        // SAFETY: see above.
        KIND_MEMCPY2 => peer_memcpy_record(clock, &unsafe { read(record) }),
        // SAFETY: see above.
        KIND_MEMSET => memset_record(clock, &unsafe { read(record) }),
        KIND_EXTERNAL_CORRELATION => {
            // SAFETY: see above.
            let ExternalCorrelation { external_kind, id, correlation, .. } =
                unsafe { read(record) };
            // Other tools of the process may push ids of their own kinds.
            if external_kind != EXTERNAL_KIND {
                return;
            }
            Some(Record::ExternalCorrelation { correlation, id })
        }
        _ => {
            writer.ring.count_loss(LossCause::UnknownRecord, 1);
            return;
        }
    };
    if let Some(record) = record {
        writer.ring.push(&record);
    } else {
        writer.ring.count_loss(LossCause::ZeroTimestamp, 1);
    }
}

/// Copies a structure out of a buffer of CUPTI, wherever it stands there.
///
/// # Safety
/// There is a `T` at `record`, and any bytes are a valid `T`.
unsafe fn read<T: Copy>(record: *const u8) -> T {
    // SAFETY: the caller's promise; an unaligned read asks for nothing more.
    unsafe { ptr::read_unaligned(record.cast()) }
}

fn kernel_record(writer: &mut Writer, clock: Clock, kernel: &Kernel) -> Option<Record<'static>> {
    let (start, end) = clock.span(kernel.start, kernel.end)?;
    let name = if kernel.name.is_null() {
        0
    } else {
        // SAFETY: names of kernels are texts ended by 0 that CUPTI keeps while the process lives.
        let name = unsafe { CStr::from_ptr(kernel.name) };
        writer.strings.id_as(&mut writer.ring, name.to_bytes(), demangled)
    };
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

fn memcpy_record(clock: Clock, copy: &Memcpy) -> Option<Record<'static>> {
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

fn peer_memcpy_record(clock: Clock, copy: &PeerMemcpy) -> Option<Record<'static>> {
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

fn memset_record(clock: Clock, fill: &Memset) -> Option<Record<'static>> {
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

/// A kernel's name as its author wrote it, or as it is when it is no C++ name.
fn demangled(name: &[u8]) -> String {
    let as_it_is = || String::from_utf8_lossy(name).into_owned();
    // Bounded, because demangling can grow a name without limit.
    if name.len() > 8192 || !name.starts_with(b"_Z") {
        return as_it_is();
    }
    cpp_demangle::Symbol::new(name)
        .ok()
        .and_then(|symbol| symbol.demangle().ok())
        .unwrap_or_else(as_it_is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled_where_they_can_be() {
        assert_eq!(demangled(b"_Z3addPfS_i"), "add(float*, float*, int)");
        assert_eq!(demangled(b"triton_poi_fused_0"), "triton_poi_fused_0");
        assert_eq!(demangled(b"_Znonsense"), "_Znonsense");
    }

    #[test]
    fn spans_without_times_are_refused() {
        let clock = Clock { ahead: 100 };
        assert_eq!(clock.span(0, 0), None);
        assert_eq!(clock.span(500, 400), None);
        assert_eq!(clock.span(300, 300), Some((MonotonicNs(200), MonotonicNs(200))));
    }
}
