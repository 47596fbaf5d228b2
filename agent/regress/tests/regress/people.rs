//! Agreement with people on real series. Expected figures are this method's own; those of other tools on
//! the full public set of 31 series (14 of which are here) are asv 0.698 F1 and 0.613 covering, otava
//! 0.610 and 0.510, no changes at all 0.663 and 0.568.

use perfagent_regress::series::{Settings, changepoints};

use crate::annotated;

fn find(values: &[f64]) -> Vec<usize> {
    let found = changepoints(values, &Settings::default()).unwrap().changepoints;
    found.iter().map(|change| change.index).collect()
}

#[test]
fn the_series_that_people_annotated() {
    let Some(folder) = annotated::folder() else {
        println!("skipped: no folder shared/data/changepoints beside the repository");
        return;
    };
    let agreements = annotated::agreements(&folder, |_, values| find(values));
    assert!(agreements.len() >= 14, "only {} series", agreements.len());
    for (name, agreement) in &agreements {
        println!("{name}: {agreement:?}");
    }
    let mean = annotated::mean(&agreements);
    println!("mean: {mean:?}");
    let nothing = annotated::mean(&annotated::agreements(&folder, |_, _| Vec::new()));
    assert!(mean.f1 >= 0.76 && mean.f1 > nothing.f1 + 0.05, "{mean:?}, {nothing:?}");
    assert!(mean.cover >= 0.70 && mean.cover > nothing.cover + 0.05, "{mean:?}, {nothing:?}");
}

#[test]
fn the_series_whose_truth_is_known() {
    let Some(folder) = annotated::folder() else {
        println!("skipped: no folder shared/data/changepoints beside the repository");
        return;
    };
    for (name, truth) in
        [("quality_control_1", 146), ("quality_control_2", 97), ("quality_control_3", 179_usize)]
    {
        let found = find(&annotated::read(&folder.join(format!("tcpd/{name}.json"))));
        assert!(matches!(found[..], [index] if index.abs_diff(truth) <= 5), "{name}: {found:?}");
    }
}

/// 365 nightly results of a database, with one wild outlier at 10.
#[test]
fn the_database_benchmark() {
    let Some(folder) = annotated::folder() else {
        println!("skipped: no folder shared/data/changepoints beside the repository");
        return;
    };
    let found = find(&annotated::read(&folder.join("other/otava_tigerbeetle.json")));
    for truth in [15, 71, 95_usize] {
        assert!(found.iter().any(|index| index.abs_diff(truth) <= 2), "{truth}: {found:?}");
    }
    assert!(found.iter().all(|index| !(8..=12).contains(index)), "{found:?}");
}
