//! One event of a trace, with the arguments that a recording has a place for.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::value::{Int, Json, Triple, Words, Written};

/// An event as it is written. A key that is there twice makes it unreadable.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event<'a> {
    /// Phase: `X` complete, `i` instant, `M` metadata, `s` and `f` the ends of an arrow.
    #[serde(borrow)]
    pub(crate) ph: Words<'a>,
    /// Category.
    #[serde(borrow)]
    pub(crate) cat: Words<'a>,
    #[serde(borrow)]
    pub(crate) name: Words<'a>,
    /// Process; of GPU operations, the device.
    #[serde(borrow)]
    pub(crate) pid: Written<'a>,
    /// Thread; of GPU operations, the stream.
    #[serde(borrow)]
    pub(crate) tid: Written<'a>,
    /// Start in decimal microseconds.
    #[serde(borrow)]
    pub(crate) ts: Option<Written<'a>>,
    /// Length in decimal microseconds.
    #[serde(borrow)]
    pub(crate) dur: Option<Written<'a>>,
    #[serde(borrow)]
    pub(crate) args: Args<'a>,
}

/// Declares the arguments that are read: the struct, its keys, and how it is read. Of a key that is
/// there twice the last value counts, as for most programs that read JSON.
macro_rules! args {
    ($($key:literal $(| $other:literal)? => $field:ident: $type:ty,)+) => {
        /// The arguments of an event.
        #[derive(Debug, Default)]
        pub(crate) struct Args<'a> {
            $(pub(crate) $field: $type,)+
        }

        #[derive(Deserialize)]
        #[serde(field_identifier)]
        #[expect(non_camel_case_types, reason = "named like the fields that they stand for")]
        enum Key {
            $(#[serde(rename = $key $(, alias = $other)?)] $field,)+
            #[serde(other)]
            Other,
        }

        impl<'a> Args<'a> {
            fn read<A: MapAccess<'a>>(mut map: A) -> Result<Self, A::Error> {
                let mut args = Self::default();
                while let Some(key) = map.next_key::<Key>()? {
                    match key {
                        $(Key::$field => args.$field = map.next_value()?,)+
                        Key::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(args)
            }
        }
    };
}

args! {
    "device" => device: Int,
    "stream" => stream: Int,
    "context" => context: Int,
    "correlation" => correlation: Int,
    "bytes" => bytes: Int,
    "grid" => grid: Triple,
    "block" => block: Triple,
    "registers per thread" => registers: Int,
    "graph id" => graph: Int,
    "graph node id" => graph_node: Int,
    "Collective name" => collective: Words<'a>,
    "dtype" => dtype: Words<'a>,
    "In msg nelems" => in_elements: Int,
    "Out msg nelems" => out_elements: Int,
    "Group size" => group_size: Int,
    "Process Group Name" => group: Words<'a>,
    "Seq" => group_sequence: Int,
    "Input Dims" | "Input dims" => shapes: Json<'a>,
    "Input type" => types: Json<'a>,
    "flops" => flops: Int,
    "Sequence number" => sequence: Int,
    "cuda_sync_kind" => sync_kind: Words<'a>,
    "wait_on_stream" => wait_on_stream: Int,
    "wait_on_cuda_event_record_corr_id" => recorded_by: Int,
    "wait_on_cuda_event_id" => wait_on_event: Int,
    "Device Type" => device_type: Int,
    "Device Id" => device_id: Int,
    "Bytes" => allocation: Int,
    "Addr" => address: Int,
    "Total Allocated" => total_allocated: Int,
    "Total Reserved" => total_reserved: Int,
    "name" => name: Words<'a>,
    // What `perfagent export` adds.
    "static shared memory" => static_shared: Int,
    "dynamic shared memory" => dynamic_shared: Int,
    "result" => result: Int,
    "host thread" => host_thread: Int,
    "nesting depth" => depth: Int,
    "end not seen" => open: Int,
    "nvtx domain" => domain: Words<'a>,
    "nvtx category" => nvtx_category: Words<'a>,
    "nvtx color" => color: Int,
    "nvtx payload" => payload: Json<'a>,
    "told apart" => told_apart: Int,
    "message bytes" => message_bytes: Int,
    "reported by" => source: Words<'a>,
    "timing" => timing: Words<'a>,
    "enqueued at" => enqueued: Option<Written<'a>>,
    "on device" => on_device: Int,
    "on stream" => on_stream: Int,
    "in context" => in_context: Int,
    "kernel correlation" => kernel_correlation: Int,
    "Device Bytes" => device_bytes: Int,
    "Kind" => kind: Words<'a>,
    "Site" => site: Words<'a>,
    "value" => value: Json<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Args<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfArgs;
        impl<'de> Visitor<'de> for OfArgs {
            type Value = Args<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Args<'de>, A::Error> {
                Args::read(map)
            }
            fn visit_unit<E: Error>(self) -> Result<Args<'de>, E> {
                Ok(Args::default())
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Args<'de>, E> {
                Ok(Args::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Args<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Args::default())
            }
        }
        deserializer.deserialize_any(OfArgs)
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    #[test]
    fn a_kernel_of_today() {
        let text = r#"{"ph": "X", "cat": "kernel", "name": "gemm<\"a\">", "pid": 0, "tid": 7, "ts": 12.345, "dur": 1.5,
            "args": {"queued": 0, "device": 0, "stream": 7, "correlation": 42, "grid": [1, 2, 3], "nested": {"device": 9},
                     "Collective name": "allreduce", "In msg nelems": 10, "dtype": "Float", "Process Group Name": "0"}}"#;
        let event: Event<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&*event.name.0, event.tid.0, event.ts.unwrap().0),
            ("gemm<\"a\">", "7", "12.345")
        );
        assert_eq!((event.args.device.0, event.args.correlation.0), (Some(0), Some(42)));
        assert_eq!(event.args.grid.0, [Some(1), Some(2), Some(3)]);
        assert_eq!((&*event.args.collective.0, event.args.in_elements.0), ("allreduce", Some(10)));
        assert_eq!(event.args.bytes.0, None);
    }

    #[test]
    fn odd_forms_are_no_errors_but_a_key_that_is_there_twice_is() {
        let event: Event<'_> = serde_json::from_str(
            r#"{"ph": "i", "pid": "Spans", "args": [], "ts": null, "s": "g"}"#,
        )
        .unwrap();
        assert_eq!((event.pid.0, event.ts.is_none()), ("Spans", true));
        assert!(serde_json::from_str::<Event<'_>>(r#"{"ph": "X", "ts": 1, "ts": 2}"#).is_err());
    }
}
