//! Every record comes back as it was written.

use perfagent_spool::{LossCause, MonotonicNs, Payload, RealtimeNs, Record, RingReader};
use proptest::prelude::*;

use crate::small_ring;

fn time() -> impl Strategy<Value = MonotonicNs> {
    any::<u64>().prop_map(MonotonicNs)
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        Just(Payload::None),
        any::<u64>().prop_map(Payload::U64),
        any::<i64>().prop_map(Payload::I64),
        any::<i32>().prop_map(|value| Payload::F64(f64::from(value) / 7.0)),
    ]
}

/// The fields that GPU operations share.
fn gpu() -> impl Strategy<Value = ((MonotonicNs, MonotonicNs), [u32; 4], (u32, u64))> {
    ((time(), time()), any::<[u32; 4]>(), any::<(u32, u64)>())
}

/// What CUPTI tells beside the operations of the GPU.
fn host() -> impl Strategy<Value = Record<'static>> {
    let span = || (time(), time());
    prop_oneof![
        (time(), any::<[u32; 4]>(), any::<[u64; 3]>(), any::<(bool, u8)>()).prop_map(
            |(
                time,
                [device, context, stream, correlation],
                [address, bytes, pool],
                (freed, kind),
            )| {
                Record::Memory {
                    time,
                    device,
                    context,
                    stream,
                    correlation,
                    address,
                    bytes,
                    freed,
                    kind,
                    pool,
                }
            }
        ),
        (time(), any::<[u32; 2]>(), any::<[u64; 3]>(), any::<u8>()).prop_map(
            |(time, [device, correlation], [address, size, used], operation)| {
                Record::MemoryPool { time, device, correlation, address, operation, size, used }
            }
        ),
        (span(), any::<u8>(), any::<[u32; 4]>(), any::<[u32; 2]>()).prop_map(
            |(
                (start, end),
                kind,
                [context, stream, event, correlation],
                [recorded_by, recorded_on],
            )| {
                Record::Synchronization {
                    start,
                    end,
                    kind,
                    context,
                    stream,
                    event,
                    correlation,
                    recorded_by,
                    recorded_on,
                }
            }
        ),
        (span(), any::<[u32; 3]>()).prop_map(|((start, end), [kind, tid, correlation])| {
            Record::Overhead { start, end, kind, tid, correlation }
        }),
        (span(), any::<[u32; 5]>()).prop_map(
            |((start, end), [device, context, stream, correlation, graph])| {
                Record::GraphLaunch { start, end, device, context, stream, correlation, graph }
            }
        ),
        (time(), any::<(u32, u8)>()).prop_map(|(time, (name, state))| Record::Capture {
            time,
            name,
            state
        }),
        any::<[u32; 3]>().prop_map(|[context, device, null_stream]| Record::Context {
            context,
            device,
            null_stream
        }),
        any::<([u32; 3], i32)>().prop_map(|([context, stream, flag], priority)| {
            Record::Stream { context, stream, priority, flag }
        }),
    ]
}

fn record() -> impl Strategy<Value = Record<'static>> {
    let named = || (time(), any::<[u32; 5]>(), payload());
    prop_oneof![
        (any::<u32>(), ".{0,40}").prop_map(|(id, text)| Record::String { id, text: text.leak() }),
        any::<[u32; 2]>().prop_map(|[tid, name]| Record::ThreadName { tid, name }),
        any::<[u32; 2]>().prop_map(|[domain, name]| Record::Domain { domain, name }),
        any::<[u32; 3]>().prop_map(|[domain, category, name]| Record::Category {
            domain,
            category,
            name
        }),
        named().prop_map(|(time, [tid, domain, category, color, name], payload)| {
            Record::RangePush { time, tid, domain, category, color, name, payload }
        }),
        (time(), any::<[u32; 2]>()).prop_map(|(time, [tid, domain])| Record::RangePop {
            time,
            tid,
            domain
        }),
        (named(), any::<u64>()).prop_map(
            |((time, [tid, domain, category, color, name], payload), id)| {
                Record::RangeStart { time, tid, id, domain, category, color, name, payload }
            }
        ),
        (time(), any::<u32>(), any::<u64>()).prop_map(|(time, tid, id)| Record::RangeEnd {
            time,
            tid,
            id
        }),
        named().prop_map(|(time, [tid, domain, category, color, name], payload)| {
            Record::Mark { time, tid, domain, category, color, name, payload }
        }),
        (any::<([u32; 2], [i32; 3])>(), any::<u64>(), any::<u8>()).prop_map(
            |(([communicator, name], [rank, ranks, nodes]), hash, version)| {
                Record::NcclCommunicator { communicator, hash, name, rank, ranks, nodes, version }
            }
        ),
        (time(), any::<[u32; 6]>(), any::<(u64, Option<u64>, u64)>(), any::<(i32, bool, bool)>())
            .prop_map(
                |(
                    time,
                    [tid, communicator, op, dtype, user_dtype, correlation],
                    (count, sequence, plan),
                    (peer, kernel, captured),
                )| Record::NcclCall {
                    time,
                    tid,
                    communicator,
                    op,
                    dtype,
                    user_dtype,
                    count,
                    sequence,
                    peer,
                    plan,
                    correlation,
                    kernel,
                    captured,
                }
            ),
        any::<(u32, u64)>()
            .prop_map(|(correlation, id)| Record::ExternalCorrelation { correlation, id }),
        (any::<u64>(), time(), time()).prop_map(|(plan, start, end)| Record::NcclTimes {
            plan,
            start,
            end
        }),
        host(),
        (any::<[u32; 5]>(), any::<[u8; 16]>(), any::<u64>()).prop_map(
            |([ordinal, name, sm_count, cc_major, cc_minor], uuid, total_bytes)| {
                Record::Device { ordinal, name, uuid, total_bytes, sm_count, cc_major, cc_minor }
            }
        ),
        (gpu(), any::<([u32; 3], [u32; 3])>(), any::<(u16, [u32; 3])>()).prop_map(
            |(
                ((start, end), [device, context, stream, correlation], (graph, graph_node)),
                (grid, block),
                (registers, [name, static_smem, dynamic_smem]),
            )| Record::Kernel {
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
                graph_node
            }
        ),
        (gpu(), any::<(u64, i32)>(), any::<[u8; 3]>()).prop_map(
            |(
                ((start, end), [device, context, stream, correlation], (graph, graph_node)),
                (bytes, peer_device),
                [kind, src_kind, dst_kind],
            )| Record::Memcpy {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                bytes,
                kind,
                src_kind,
                dst_kind,
                peer_device,
                graph,
                graph_node
            }
        ),
        (gpu(), any::<(u64, u32)>()).prop_map(
            |(
                ((start, end), [device, context, stream, correlation], (graph, graph_node)),
                (bytes, value),
            )| Record::Memset {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                bytes,
                value,
                graph,
                graph_node
            }
        ),
        ((time(), time()), any::<[u32; 3]>(), any::<i32>()).prop_map(
            |((start, end), [tid, correlation, name], result)| Record::Api {
                start,
                end,
                tid,
                correlation,
                name,
                result
            }
        ),
        (time(), any::<i64>()).prop_map(|(monotonic, realtime)| Record::Anchor {
            monotonic,
            realtime: RealtimeNs(realtime)
        }),
        (time(), any::<u32>()).prop_map(|(time, text)| Record::Note { time, text }),
        ((time(), time()), 0..LossCause::ALL.len(), any::<u64>()).prop_map(
            |((start, end), cause, count)| Record::Gap {
                start,
                end,
                cause: LossCause::ALL[cause],
                count
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_record_comes_back(records in prop::collection::vec(record(), 0..150)) {
        let (_dir, mut writer) = small_ring();
        for record in &records {
            prop_assert!(writer.push(record));
        }
        let mut reader = RingReader::open(writer.path()).unwrap();
        let mut index = 0;
        let outcome = reader.read(usize::MAX, &mut |record| {
            assert_eq!(record, records[index]);
            index += 1;
        });
        prop_assert_eq!((outcome.records, outcome.corrupt, outcome.drained), (records.len(), 0, true));
    }
}
