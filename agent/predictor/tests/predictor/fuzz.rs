//! Damaged lines: they are read or not, and what is read is answered.

use perfagent_predictor::Job;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::jobs::{check, line, predictor};

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(u64::MAX)),
        Just(json!(1e14)),
        Just(json!(1e308)),
        Just(json!(-1)),
        Just(json!(0.5)),
        Just(json!("")),
        Just(json!("8 x 1e309 Gb/s domain of ")),
        Just(json!("0 gb/s")),
        Just(json!("domain of 0")),
        Just(json!("-8 omni-path links")),
        Just(json!("nan gb/s")),
        Just(json!(["x"])),
        Just(json!({"x": 1})),
        any::<u64>().prop_map(|number| json!(number)),
        (0_u64..100).prop_map(|number| json!(number)),
        "[a-z0-9 /×]{0,12}".prop_map(|word| json!(word)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_values_in_some_fields_are_read_or_not_and_answered(
        changes in prop::collection::vec((0_usize..36, odd()), 1..4),
    ) {
        let mut line = line();
        for (place, value) in changes {
            let rooms = line.as_object_mut().unwrap().values_mut().filter_map(Value::as_object_mut);
            let mut fields: Vec<&mut Value> = rooms.flat_map(|room| room.values_mut()).collect();
            let place = place % fields.len();
            *fields[place] = value;
        }
        if let Ok(job) = serde_json::from_value::<Job>(line) {
            check(&job, &predictor().predict(&job));
        }
    }

    #[test]
    fn bytes_that_are_changed_left_out_or_added_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 1..6),
    ) {
        let mut bytes = line().to_string().into_bytes();
        for (index, kind, byte) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if let Ok(job) = serde_json::from_slice::<Job>(&bytes) {
            check(&job, &predictor().predict(&job));
        }
    }
}
