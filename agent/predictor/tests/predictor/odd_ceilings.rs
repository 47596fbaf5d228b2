//! Damaged ceilings: they are read or not, and jobs are answered by what is read.

use std::sync::OnceLock;

use perfagent_predictor::{Ceilings, Job, Predictor};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::benchmark::{made_up, nano, stored};
use crate::jobs::{check, line};

/// The stored ones of a processor, and made-up ones of a GPU.
fn documents() -> &'static [Value; 2] {
    static READ: OnceLock<[Value; 2]> = OnceLock::new();
    READ.get_or_init(|| {
        let gpu = made_up("cuda", "NVIDIA H100 80GB HBM3", |_| ());
        [stored("ceilings-cpu.json")["result"].clone(), serde_json::from_str(&gpu).unwrap()]
    })
}

/// Every value that holds no others.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Object(fields) => fields.values_mut().flat_map(leaves).collect(),
        Value::Array(items) => items.iter_mut().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(1e308)),
        Just(json!(1e-308)),
        Just(json!(u64::MAX)),
        Just(json!("fp32")),
        Just(json!([])),
        Just(json!({})),
        (0.0..1e6).prop_map(|number| json!(number)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_values_in_ceilings_are_read_or_not_and_jobs_answered(
        of_gpu in any::<bool>(),
        everywhere in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..5),
    ) {
        let mut document = documents()[usize::from(of_gpu)].clone();
        for (index, value) in changes {
            let mut leaves = leaves(&mut document);
            let place = index.index(leaves.len());
            // One figure that is off is smoothed away: all of a kind are not.
            let step = if everywhere { 7 } else { leaves.len() };
            for leaf in leaves.iter_mut().skip(place % step.max(1)).step_by(step.max(1)) {
                **leaf = value.clone();
            }
        }
        document["schema"] = json!("perfagent.ceilings/1");
        if let Ok(ceilings) = Ceilings::parse(&document.to_string()) {
            let predictor = Predictor::built_in().unwrap().with_ceilings(ceilings);
            for job in [nano(), line()] {
                let job: Job = serde_json::from_value(job).unwrap();
                check(&job, &predictor.predict(&job));
            }
        }
    }

    #[test]
    fn bytes_of_ceilings_that_are_changed_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = documents()[1].to_string().into_bytes();
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(ceilings) = Ceilings::parse(&String::from_utf8_lossy(&bytes)) {
            let job: Job = serde_json::from_value(line()).unwrap();
            check(&job, &Predictor::built_in().unwrap().with_ceilings(ceilings).predict(&job));
        }
    }
}
