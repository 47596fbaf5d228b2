//! What two runs do differently.

use perfagent_analysis::{Difference, Rules, analyse, difference};
use perfagent_recording::Recording;
use proptest::prelude::*;

use crate::builder::Builder;
use crate::traces;

/// Three steps of a hundred nanoseconds; kernels by one letter each, with the length that `lasts` gives.
fn run(step: &str, lasts: impl Fn(char) -> i64) -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for number in 0..3 {
        let start = 1000 * number;
        run.range(rank, "main", ("", "step", Some(number)), (start, start + 900), Some(0));
        for (place, name) in step.chars().enumerate() {
            let (id, time) = (start + place as i64, start + 10 * place as i64);
            run.call(rank, "main", "cudaLaunchKernel", (time, time + 1), id);
            // They begin after the step has ended on the host.
            let time = time + 950;
            run.kernel(rank, (0, 7), &name.to_string(), (time, time + lasts(name)), Some(id));
        }
    }
    run.kernel(rank, (0, 7), "outside", (5000, 5100), None);
    run.recording
}

fn of(base: &Recording, new: &Recording) -> Difference {
    let (left, right) = (analyse(base, Rules::built_in()), analyse(new, Rules::built_in()));
    difference((base, &left[0]), (new, &right[0]))
}

#[test]
fn kernels_appear_vanish_and_slow_down() {
    let base = run("abcabd", |_| 5);
    let new = run("abcaxbd", |name| if name == 'a' { 9 } else { 5 });
    let found = of(&base, &new);
    assert_eq!((found.base_steps, found.new_steps), (3, 3));
    let rows: Vec<_> = found
        .kernels
        .iter()
        .map(|row| (row.name.as_str(), row.base_count, row.new_count, row.change_ns()))
        .collect();
    assert_eq!(rows[..2], [("a", 2.0, 2.0, 8.0), ("x", 0.0, 1.0, 5.0)]);
    assert!(rows[2..].iter().all(|row| row.3 == 0.0) && rows.len() == 5, "{rows:?}");
    assert!(found.kernels[1].appeared() && !found.kernels[0].appeared());
    assert_eq!((found.common, found.order.len()), (6, 1));
    let place = &found.order[0];
    assert_eq!((place.base_place, place.new_place), (4, 4));
    assert_eq!((place.base.as_slice(), place.new.as_slice()), (&[][..], &[1][..]));
    let back = of(&new, &base);
    assert!(back.kernels[1].vanished() && back.kernels[1].change_ns() < -4.9);
}

proptest! {
    /// Taking out what the first has alone and putting in what the second has turns one step into the other.
    #[test]
    fn differences_lead_from_one_to_the_other(base in "[a-e]{1,12}", new in "[a-e]{1,12}") {
        let found = of(&run(&base, |_| 1), &run(&new, |_| 1));
        let names = |kernels: &[usize]| -> String {
            kernels.iter().map(|&kernel| found.kernels[kernel].name.as_str()).collect()
        };
        let (mut text, mut at) = (String::new(), 0);
        for place in &found.order {
            text.push_str(&base[at..place.base_place]);
            prop_assert_eq!(text.len(), place.new_place);
            prop_assert_eq!(&base[place.base_place..][..place.base.len()], names(&place.base));
            text.push_str(&names(&place.new));
            at = place.base_place + place.base.len();
        }
        text.push_str(&base[at..]);
        prop_assert_eq!(text, new);
    }
}

#[test]
fn a_trace_does_not_differ_from_itself() {
    for name in traces::WITH_OPERATORS {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let found = of(&recording, &recording);
        assert!(found.order.is_empty(), "{name}");
        assert!(found.kernels.iter().all(|row| row.change_ns().abs() < 1e-9), "{name}");
        println!("{name}: {} kernels in a step, {} names", found.common, found.kernels.len());
    }
}
