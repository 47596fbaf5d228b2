//! A node is loaded: real training, twice, to the same bits.

use perfagent_tests::Bed;
use serde_json::Value;

#[test]
fn two_equal_trainings_on_the_processors_give_the_same_bits() {
    let bed = Bed::new();
    let words =
        ["health", "--active", "--device", "cpu", "--only", "training", "--force", "--json"];
    // What others do on this machine is no business of the test, and nor is the rest of its health.
    let document = bed.perfagent(words.into_iter().chain(["--budget", "500"])).json();
    assert_eq!(document["schema"], "perfagent.health/1");
    let checks = document["checks"].as_array().unwrap();
    let check = |name: &str| -> &Value {
        let found = checks.iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {document}"))
    };
    let checksum = check("training_checksum");
    assert_eq!((&checksum["status"], &checksum["target"]), (&"ok".into(), &"cpu".into()));
    let detail = checksum["detail"].as_str().unwrap();
    assert_eq!(detail, "the same bits each time (all losses)");
    let digest = checksum["value"].as_str().unwrap();
    assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    let step = check("training_step");
    assert!(step["value"].as_f64().unwrap() > 0.0);
    assert_eq!((&step["unit"], &step["severity"]), (&"ns".into(), &"none".into()));
    assert!(["ok", "unknown"].contains(&check("exclusive_use")["status"].as_str().unwrap()));
    assert!(checks.iter().all(|check| check["name"] != "memory_pattern"), "nobody asked for it");
}
