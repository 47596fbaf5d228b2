//! Records of GPU work: devices, kernels, copies.

use std::fmt::Write as _;

use perfagent_recording::WriteError;
use perfagent_recording::table::{Copy, CopyKind, Device, Kernel};
use perfagent_spool::{MonotonicNs, Record};

use super::{Decoder, Tables};

/// What copies and fills have in common.
struct Transfer {
    start: MonotonicNs,
    end: MonotonicNs,
    place: (u32, u32, u32),
    kind: CopyKind,
    bytes: u64,
    correlation: u32,
    graph: u32,
    graph_node: u64,
}

impl Decoder {
    /// Writes a record of GPU work, or of what surrounds it.
    pub(super) fn apply_gpu(
        &mut self,
        record: &Record<'_>,
        tables: &mut Tables,
    ) -> Result<(), WriteError> {
        match *record {
            Record::Device { ordinal, name, uuid, total_bytes, sm_count, cc_major, cc_minor } => {
                tables.add_device(Device {
                    process_id: self.source.process,
                    ordinal: i64::from(ordinal),
                    uuid: uuid_text(uuid),
                    name: self.names.text(name).to_owned(),
                    total_bytes: known(total_bytes),
                    sm_count: known(sm_count.into()),
                    cc_major: known(cc_major.into()),
                    cc_minor: (cc_major > 0).then_some(i64::from(cc_minor)),
                })
            }
            Record::Kernel {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                name,
                grid,
                block,
                registers,
                static_smem,
                dynamic_smem,
                graph,
                graph_node,
            } => {
                let (start_ns, end_ns) = self.interval(start, end);
                if !self.source.window.holds(start_ns) {
                    return Ok(());
                }
                let process_id = self.source.process;
                let (device_id, stream_id) = tables.stream(process_id, device, context, stream)?;
                let name_id = self.text(tables, name)?;
                let [grid_x, grid_y, grid_z] = grid.map(|blocks| Some(i64::from(blocks)));
                let [block_x, block_y, block_z] = block.map(|threads| Some(i64::from(threads)));
                tables.writer.append(&Kernel {
                    process_id,
                    device_id,
                    stream_id,
                    start_ns,
                    end_ns,
                    name_id,
                    correlation: Some(i64::from(correlation)),
                    grid_x,
                    grid_y,
                    grid_z,
                    block_x,
                    block_y,
                    block_z,
                    registers: Some(i64::from(registers)),
                    static_shared_bytes: Some(i64::from(static_smem)),
                    dynamic_shared_bytes: Some(i64::from(dynamic_smem)),
                    graph: known(graph.into()),
                    graph_node: known(graph_node),
                })?;
                // The kernels of a graph's launch share one correlation id, and no call belongs to them.
                if graph != 0 {
                    return Ok(());
                }
                self.nccl_kernel(tables, name, (start_ns, end_ns), stream_id, correlation)
            }
            Record::Memcpy {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                bytes,
                kind,
                graph,
                graph_node,
                ..
            } => self.transfer(
                tables,
                &Transfer {
                    start,
                    end,
                    place: (device, context, stream),
                    kind: copy_kind(kind),
                    bytes,
                    correlation,
                    graph,
                    graph_node,
                },
            ),
            Record::Memset {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                bytes,
                graph,
                graph_node,
                ..
            } => self.transfer(
                tables,
                &Transfer {
                    start,
                    end,
                    place: (device, context, stream),
                    kind: CopyKind::Memset,
                    bytes,
                    correlation,
                    graph,
                    graph_node,
                },
            ),
            _ => self.apply_driver(record, tables),
        }
    }

    fn transfer(&mut self, tables: &mut Tables, transfer: &Transfer) -> Result<(), WriteError> {
        let (start_ns, end_ns) = self.interval(transfer.start, transfer.end);
        if !self.source.window.holds(start_ns) {
            return Ok(());
        }
        let (device, context, stream) = transfer.place;
        let process_id = self.source.process;
        let (device_id, stream_id) = tables.stream(process_id, device, context, stream)?;
        tables.writer.append(&Copy {
            process_id,
            device_id,
            stream_id,
            start_ns,
            end_ns,
            kind: transfer.kind,
            bytes: transfer.bytes as i64,
            correlation: Some(i64::from(transfer.correlation)),
            graph: known(transfer.graph.into()),
            graph_node: known(transfer.graph_node),
        })
    }
}

/// In the records 0 stands for "none".
fn known(value: u64) -> Option<i64> {
    (value != 0).then_some(value as i64)
}

/// CUPTI's number for the direction of a copy.
fn copy_kind(kind: u8) -> CopyKind {
    match kind {
        1 => CopyKind::HtoD,
        2 => CopyKind::DtoH,
        8 => CopyKind::DtoD,
        9 => CopyKind::HtoH,
        10 => CopyKind::PtoP,
        _ => CopyKind::Other,
    }
}

/// A UUID as the driver's tools print it; `None` when it was not told.
fn uuid_text(uuid: [u8; 16]) -> Option<String> {
    if uuid == [0; 16] {
        return None;
    }
    let mut text = "GPU".to_owned();
    for (index, byte) in uuid.iter().enumerate() {
        if [0, 4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::uuid_text;

    #[test]
    fn a_uuid_reads_as_the_driver_prints_it() {
        let uuid = std::array::from_fn(|index| 0xa0 + index as u8);
        assert_eq!(uuid_text(uuid).as_deref(), Some("GPU-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"));
        assert_eq!(uuid_text([0; 16]), None);
    }
}
