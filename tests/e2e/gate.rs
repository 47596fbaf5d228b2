//! The gate of two builds over real training: what is planted fails it, what is equal does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use perfagent_tests::Bed;
use serde_json::Value;

/// The program `train` of a side: a short run of two ranks that meet at so many more barriers a step than they need.
fn put(bed: &Bed, side: &str, barriers: u32) {
    let words = bed.training(
        "--device cpu --layers 1 --hidden 16 --heads 2 --seq 16 --vocab 512 --micro-batch 1 --nproc 2 --steps 40 \
         --peak-tflops 0.1",
    );
    fs::create_dir(bed.path(side)).unwrap();
    let file = bed.path(side).join("train");
    let text = format!(
        "#!/bin/sh\nif [ $1 = slower ]; then more={barriers}; else more=0; fi\nexec {} --barriers $more\n",
        words.join(" ")
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_planted_synchronisation_fails_the_gate_and_the_same_training_does_not() {
    let bed = Bed::new();
    put(&bed, "base", 0);
    put(&bed, "new", 1);
    let done = bed.perfagent([
        "ci",
        "gate",
        "--base",
        "base",
        "--new",
        "new",
        "-o",
        "results",
        "--runs",
        "4",
        "--warm-up",
        "0",
        "--confirm",
        "4",
        "--case",
        "slower=./train slower",
        "--case",
        "same=./train same",
    ]);
    assert_eq!(done.status.code(), Some(1), "{}\n{}", done.stdout, done.stderr);
    let text = fs::read_to_string(bed.path("results/gate.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let [slower, same] = &document["cases"].as_array().unwrap()[..] else { panic!("{document}") };

    // A barrier a step is told by the count of collectives, which a busy machine does not change, twice.
    assert_eq!(slower["verdict"], "regression", "{slower}");
    let alarms = slower["alarms"].as_array().unwrap();
    let is_barrier = |alarm: &&Value| {
        alarm["first"]["name"] == "collective_count"
            && alarm["first"]["subject"] == "barrier float32 init of 2"
    };
    let barrier = alarms.iter().find(is_barrier).unwrap_or_else(|| panic!("{slower}"));
    assert_eq!(barrier["verdict"], "regression");
    assert_eq!(barrier["again"]["new"]["runs"], 4);

    assert_ne!(same["verdict"], "regression", "{same}");
    assert_eq!(document["verdict"], "regression");
}
