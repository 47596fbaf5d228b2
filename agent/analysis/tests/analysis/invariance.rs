//! What the figures of a rank do not depend on.

use perfagent_analysis::report::Rank;
use perfagent_analysis::{Report, report, report_many};
use proptest::prelude::*;

use crate::random::{Event, events, recording};

const ALL: [i64; 3] = [0, 1, 2];

/// The figures of every rank, without where its rows are.
fn figures(report: Report) -> Vec<Rank> {
    let place = |rank| Rank { process_id: 0, recording_path: String::new(), ..rank };
    report.ranks.into_iter().map(place).collect()
}

/// What differs, figure by figure, the order of the rows included.
fn differences(left: &[Rank], right: &[Rank]) -> Vec<String> {
    let documents = [left, right].map(|ranks| serde_json::to_value(ranks).unwrap());
    let mut found = perfagent_naive::differences(&documents[0], &documents[1]);
    if found.is_empty() && left != right {
        found.push(format!("the order of rows: {} and {}", documents[0], documents[1]));
    }
    found
}

fn shuffled() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
}

proptest! {
    #[test]
    fn the_order_of_the_rows((events, shuffled) in shuffled(), gpu in any::<bool>()) {
        let of = |events: &[Event]| figures(report(&recording(events, gpu, &ALL), "any"));
        prop_assert_eq!(differences(&of(&shuffled), &of(&events)), Vec::<String>::new());
    }

    /// One file of all ranks, or one file each, in any order.
    #[test]
    fn the_files_that_the_ranks_are_in(events in events(), gpu in any::<bool>(), last in 0_usize..3) {
        let whole = figures(report(&recording(&events, gpu, &ALL), "whole"));
        let mut files = ALL.map(|rank| (recording(&events, gpu, &[rank]), format!("rank-{rank}")));
        files.swap(last, 2);
        let parts: Vec<_> = files.iter().map(|(recording, path)| (recording, path.as_str())).collect();
        let mut parts = figures(report_many(&parts));
        // In a file of its own, a process without GPU operations is one of a run without a GPU.
        parts.retain(|part| whole.iter().any(|rank| rank.rank == part.rank));
        prop_assert_eq!(differences(&parts, &whole), Vec::<String>::new());
    }

    #[test]
    fn other_ranks(events in events(), gpu in any::<bool>()) {
        let two = figures(report(&recording(&events, gpu, &[0, 2]), "any"));
        let three = figures(report(&recording(&events, gpu, &ALL), "any"));
        for rank in two {
            // Where only the new rank has GPU operations, the others are none.
            if let Some(same) = three.iter().find(|other| other.rank == rank.rank) {
                prop_assert_eq!(differences(std::slice::from_ref(same), &[rank]), Vec::<String>::new());
            }
        }
    }
}
