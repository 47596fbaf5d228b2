//! What two runs do differently.

use perfagent_analysis::{
    Difference, Rules, StepProfile, analyse, difference, merge, report, run_figures,
};
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
fn one_analysis_gives_report_and_steps() {
    let (base, new) = (run("abcabd", |_| 5), run("abxcabd", |_| 7));
    let [left, right] = [&base, &new].map(|recording| run_figures(recording, "run.perfdb"));
    assert_eq!(merge(vec![right.summary]), report(&new, "run.perfdb"));
    assert_eq!(Difference::between(&left.profile, &right.profile), of(&base, &new));
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

/// A step has `attention`, which launches one kernel within `layer`; in the second run it takes twice as long on the host and
/// its kernel 7 ns more, and `dropout` is new. What is outside of steps does not count.
#[test]
fn operators_appear_and_slow_down() {
    let run = |factor: i64, time: i64, with_dropout: bool| {
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        for number in 0..2 {
            let start = 1000 * number;
            run.range(rank, "main", ("", "step", Some(number)), (start, start + 900), Some(0));
            run.operator(rank, "main", "layer", (start, start + 100 + 20 * factor));
            run.operator(rank, "main", "attention", (start + 50, start + 50 + 20 * factor));
            run.call(rank, "main", "cudaLaunchKernel", (start + 60, start + 61), number);
            run.kernel(rank, (0, 7), "k", (start + 70, start + 70 + time), Some(number));
            if with_dropout {
                run.operator(rank, "main", "dropout", (start + 500, start + 510));
            }
        }
        run.operator(rank, "main", "layer", (2000, 2900));
        run.recording
    };
    let found = of(&run(1, 10, false), &run(2, 17, true));
    let rows: Vec<_> = found
        .operators
        .iter()
        .map(|row| {
            (
                row.name.as_str(),
                [row.base_count, row.new_count],
                [row.base_host_ns, row.new_host_ns, row.base_gpu_ns, row.new_gpu_ns],
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("attention", [1.0, 1.0], [20.0, 40.0, 10.0, 17.0]),
            ("dropout", [0.0, 1.0], [0.0, 10.0, 0.0, 0.0]),
            ("layer", [1.0, 1.0], [100.0, 100.0, 0.0, 0.0]),
        ]
    );
    assert!(found.operators[1].appeared() && !found.operators[1].vanished());
    assert_eq!(
        (found.operators[0].change_host_ns(), found.operators[0].change_gpu_ns()),
        (20.0, 7.0)
    );
}

/// Two runs of a side: their steps are taken together.
#[test]
fn runs_of_a_side_are_taken_together() {
    let profile = |recording: &Recording| {
        StepProfile::of(recording, &analyse(recording, Rules::built_in())[0])
    };
    let mut base = profile(&run("ab", |_| 4));
    base.add(profile(&run("ab", |_| 8)));
    let found = Difference::between(&base, &profile(&run("ab", |_| 5)));
    assert_eq!((found.base_steps, found.new_steps, found.common), (6, 3, 2));
    for row in &found.kernels {
        assert_eq!((row.base_count, row.base_ns, row.new_ns), (1.0, 6.0, 5.0), "{}", row.name);
    }
}
