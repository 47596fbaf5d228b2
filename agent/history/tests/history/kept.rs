//! What is added comes back.

use perfagent_history::{Added, Fact, Run, Selection, Store};
use perfagent_recording::Timestamp;

use crate::support::{NOW, PATIENCE, add, run};

#[test]
fn a_run_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let environment = vec![Fact { name: "gpu".into(), value: Some("H100".into()), decisive: true }];
    let told = Run {
        time: Timestamp::from_unix_nanos(-5),
        time_is_told: true,
        environment,
        ..run("abc", 0.1 + 0.2)
    };
    assert_eq!(add(&path, std::slice::from_ref(&told)).unwrap(), [Added::New(1)]);
    let store = Store::open(&path).unwrap();
    let stored = store.runs(&Selection::default()).unwrap().remove(0);
    assert_eq!((stored.id, stored.added, stored.metrics), (1, NOW, 2));
    let measurements = store.measurements(1).unwrap();
    assert_eq!(Run { measurements, ..stored.run }, told);
    let values: Vec<f64> = store.values(1).unwrap().iter().map(|found| found.value).collect();
    assert_eq!(values, [0.1 + 0.2 + 1.0, (0.1 + 0.2) / 3.0]);
    assert!(!folder.path().join("history.db-journal").exists(), "one file");
    assert!(store.run(2).unwrap_err().to_string().contains("has no run 2"));
}

#[test]
fn the_same_figures_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    add(&path, &[run("a", 1.0), run("b", 1.0)]).unwrap();
    let again = add(&path, &[run("a", 1.0), run("a", 2.0), run("a", 2.0)]).unwrap();
    assert_eq!(again, [Added::Known(1), Added::New(3), Added::Known(3)]);
    let commits = |path| {
        let runs = Store::open(path).unwrap().runs(&Selection::default()).unwrap();
        runs.iter().map(|stored| (stored.id, stored.run.commit.clone())).collect::<Vec<_>>()
    };
    assert_eq!(commits(&path), [(1, "a".to_owned()), (2, "b".to_owned()), (3, "a".to_owned())]);
    let mut store = Store::open_or_create(&path, PATIENCE).unwrap();
    assert_eq!(store.add(&[run("a", 5.0)], true, NOW, PATIENCE).unwrap(), [Added::New(4)]);
    drop(store);
    // The number of a run that is gone is not given again.
    assert_eq!(commits(&path), [(2, "b".to_owned()), (4, "a".to_owned())]);
}

#[test]
fn all_or_none_of_several_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let refused = add(&path, &[run("a", 1.0), run("b", f64::NAN)]).unwrap_err();
    assert!(refused.to_string().contains("step_time: sample 0"), "{refused}");
    assert!(Store::open(&path).unwrap().runs(&Selection::default()).unwrap().is_empty());
}

#[test]
fn runs_are_selected_by_what_they_are_known_by() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let branch = Run { branch: "fix".into(), ..run("ab12", 2.0) };
    let machine = Run { machine: "node-2".into(), ..run("abc", 3.0) };
    add(&path, &[run("abc", 1.0), branch, machine]).unwrap();
    let store = Store::open(&path).unwrap();
    let ids = |wanted: &Selection| {
        store.runs(wanted).unwrap().iter().map(|stored| stored.id).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ids(&Selection { commit: some("ab"), ..Selection::default() }), [1, 2, 3]);
    assert_eq!(ids(&Selection { commit: some("abc"), ..Selection::default() }), [1, 3]);
    assert_eq!(ids(&Selection { branch: some("fix"), ..Selection::default() }), [2]);
    assert_eq!(ids(&Selection { machine: some("node-2"), ..Selection::default() }), [3]);
    assert!(ids(&Selection { suite: some("c"), ..Selection::default() }).is_empty());
}

#[test]
fn names_that_mean_something_to_sqlite_are_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:history.db?mode=memory"] {
        let path = folder.path().join(name);
        add(&path, &[run("a", 1.0)]).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "{name}");
        assert_eq!(Store::open(&path).unwrap().runs(&Selection::default()).unwrap().len(), 1);
    }
}
