//! One event of a trace, with the arguments that a recording has a place for.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;

use crate::value::{Int, Json, Triple, Words, Written};

/// An event as it is written. A key that is there twice makes it unreadable.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    /// Phase: `X` complete, `i` instant, `M` metadata, `s` and `f` the ends of an arrow.
    pub(crate) ph: Words<'a>,
    /// Category.
    pub(crate) cat: Words<'a>,
    pub(crate) name: Words<'a>,
    /// Process; of GPU operations, the device.
    pub(crate) pid: Written<'a>,
    /// Thread; of GPU operations, the stream.
    pub(crate) tid: Written<'a>,
    /// Start in decimal microseconds.
    pub(crate) ts: Option<Written<'a>>,
    /// Length in decimal microseconds.
    pub(crate) dur: Option<Written<'a>>,
    pub(crate) args: Args<'a>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum EventKey {
    Ph,
    Cat,
    Name,
    Pid,
    Tid,
    Ts,
    Dur,
    Args,
    #[serde(other)]
    Other,
}

impl EventKey {
    const fn name(self) -> &'static str {
        match self {
            Self::Ph => "ph",
            Self::Cat => "cat",
            Self::Name => "name",
            Self::Pid => "pid",
            Self::Tid => "tid",
            Self::Ts => "ts",
            Self::Dur => "dur",
            Self::Args => "args",
            Self::Other => "",
        }
    }
}

impl<'a> Event<'a> {
    /// Reads the event at the beginning of a text, over what was there, and returns how many bytes it takes.
    pub(crate) fn read<R: Read<'a>>(
        &mut self,
        mut deserializer: serde_json::Deserializer<R>,
    ) -> Result<usize, serde_json::Error> {
        InPlace(self).deserialize(&mut deserializer)?;
        Ok(deserializer.into_iter::<IgnoredAny>().byte_offset())
    }
}

/// Reads a value where it is: an event is large, and there are millions.
struct InPlace<'e, T>(&'e mut T);

impl<'de: 'a, 'a> DeserializeSeed<'de> for InPlace<'_, Event<'a>> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for InPlace<'_, Event<'a>> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(event) = self;
        let mut seen = 0_u16;
        while let Some(key) = map.next_key::<EventKey>()? {
            let bit = 1 << key as u16;
            if seen & bit != 0 && key != EventKey::Other {
                return Err(A::Error::duplicate_field(key.name()));
            }
            seen |= bit;
            match key {
                EventKey::Ph => event.ph = map.next_value()?,
                EventKey::Cat => event.cat = map.next_value()?,
                EventKey::Name => event.name = map.next_value()?,
                EventKey::Pid => event.pid = map.next_value()?,
                EventKey::Tid => event.tid = map.next_value()?,
                EventKey::Ts => event.ts = map.next_value()?,
                EventKey::Dur => event.dur = map.next_value()?,
                EventKey::Args => map.next_value_seed(InPlace(&mut event.args))?,
                EventKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
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
            fn read<'de: 'a, A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
                while let Some(key) = map.next_key::<Key>()? {
                    match key {
                        $(Key::$field => self.$field = map.next_value()?,)+
                        Key::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(())
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

impl<'de: 'a, 'a> DeserializeSeed<'de> for InPlace<'_, Args<'a>> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for InPlace<'_, Args<'a>> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.read(map)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Event;

    fn read(text: &str) -> serde_json::Result<Event<'_>> {
        let mut event = Event::default();
        let length = event.read(serde_json::Deserializer::from_str(text))?;
        assert_eq!(length, text.len());
        Ok(event)
    }

    #[test]
    fn a_kernel_of_today() {
        let text = r#"{"ph": "X", "cat": "kernel", "name": "gemm<\"a\">", "pid": 0, "tid": 7, "ts": 12.345, "dur": 1.5,
            "args": {"queued": 0, "device": 0, "stream": 7, "correlation": 42, "grid": [1, 2, 3], "nested": {"device": 9},
                     "Collective name": "allreduce", "In msg nelems": 10, "dtype": "Float", "Process Group Name": "0"}}"#;
        let event = read(text).unwrap();
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
        let event =
            read(r#"{"ph": "i", "pid": "Spans", "args": [], "ts": null, "s": "g"}"#).unwrap();
        assert_eq!((event.pid.0, event.ts.is_none()), ("Spans", true));
        let error = read(r#"{"ph": "X", "ts": 1, "ts": 2}"#).unwrap_err().to_string();
        assert!(error.starts_with("duplicate field `ts`"), "{error}");
        assert!(read(r#"{"ph": "X", "s": 1, "s": 2}"#).is_ok());
    }
}
