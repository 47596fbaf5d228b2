//! The file of constants: as it is, and damaged.

use perfagent_predictor::Calibration;

/// The text of the crate's own.
fn text() -> String {
    Calibration::built_in().unwrap().text().unwrap()
}

#[test]
fn the_text_of_a_calibration_is_read_as_the_same() {
    let own = Calibration::built_in().unwrap();
    assert_eq!(Calibration::parse(&text()).unwrap(), own);
}

/// A small one, whose lines stay where they are.
const SMALL: &str = r#"schema = "perfagent.calibration/1"

[made]
command = "by hand"
from = "nothing"
refused = 0
jobs = {}

[ranges]
gpus = [1.0, 8.0]

[constants.product_share]
all = 0.5
hopper = 1.1

[time_spreads.all]
p05 = -0.2
p95 = 0.3
jobs = 40

[memory_spreads]

[time_factors]
"megatron/tp1" = 0.1

[memory_factors]
"#;

#[test]
fn a_damaged_file_is_told_in_one_line_that_says_what_is_wrong() {
    Calibration::parse(SMALL).unwrap();
    let damages = [
        ("perfagent.calibration/1", "perfagent.calibration/9"),
        ("[ranges]", "[ranges"),
        ("[ranges]", "[rangs]"),
        ("p05 = -0.2", "p05 = minus 0.2"),
        ("p05 = -0.2", "p05 = 0.4"),
        ("all = 0.5", "all = -0.5"),
        ("all = 0.5", "all = nan"),
        ("all = 0.5\n", ""),
        ("hopper", "hoper"),
        ("product_share", "product_shares"),
        ("tp1\" = 0.1", "tp1\" = inf"),
        ("gpus = [1.0", "gpus = [-1.0"),
        ("[memory_spreads]", "[memory_spread]"),
    ];
    let told = |text: &str| Calibration::parse(text).unwrap_err();
    let mut lines: Vec<String> = damages
        .iter()
        .map(|(old, new)| format!("{old:?} -> {new:?}: {}", told(&SMALL.replacen(old, new, 1))))
        .collect();
    lines.push(format!("empty: {}", told("")));
    lines.push(format!("half: {}", told(&SMALL[..SMALL.len() / 2])));
    assert!(lines.iter().all(|why| !why.contains('\n')), "{lines:?}");
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn constants_that_are_left_out_are_as_before_measurements() {
    let predictor = perfagent_predictor::Predictor::new(Calibration::parse(SMALL).unwrap());
    let mut job = crate::jobs::small();
    job.model.arch = None;
    crate::jobs::check(&job, &predictor.predict(&job));
    assert!(predictor.predict(&job).refused.is_none());
}
