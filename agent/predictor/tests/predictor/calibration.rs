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

#[test]
fn a_damaged_file_is_told_in_one_line_that_says_what_is_wrong() {
    let text = text();
    let head = &text[..text.find("[constants").unwrap()];
    let constants = |tables: &str| format!("{head}{tables}\n[time_spreads]\n[memory_spreads]\n[time_factors]\n[memory_factors]\n");
    let cases = [
        String::new(),
        text[..text.len() / 3].to_owned(),
        text.replacen("perfagent.calibration/1", "perfagent.calibration/9", 1),
        text.replacen("[ranges]", "[ranges", 1),
        text.replacen("[ranges]", "[rangs]", 1),
        text.replacen("p05 = -", "p05 = minus ", 1),
        constants("[constants.product_share]\nall = -0.5"),
        constants("[constants.product_share]\nall = nan"),
        constants("[constants.product_share]\nhopper = 1.1"),
        constants("[constants.product_share]\nall = 0.5\nhoper = 1.1"),
        constants("[constants.product_shares]\nall = 0.5"),
        constants("[constants.product_share]\nall = 0.5").replacen("[time_spreads]", "[time_spreads.all]\np05 = 1.0\np95 = -1.0\njobs = 3", 1),
        constants("[constants.product_share]\nall = 0.5").replacen("[time_factors]", "[time_factors]\n\"megatron/tp1\" = inf", 1),
        constants("[constants.product_share]\nall = 0.5").replacen("gpus = [", "gpus = [-", 1),
    ];
    let told: Vec<String> = cases.iter().map(|case| Calibration::parse(case).unwrap_err()).collect();
    assert!(told.iter().all(|why| !why.contains('\n')), "{told:?}");
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn constants_that_are_left_out_are_as_before_measurements() {
    let text = text();
    let head = &text[..text.find("[constants").unwrap()];
    let empty = format!("{head}[constants]\n[time_spreads]\n[memory_spreads]\n[time_factors]\n[memory_factors]\n");
    let predictor = perfagent_predictor::Predictor::new(Calibration::parse(&empty).unwrap());
    let job = crate::jobs::llama();
    crate::jobs::check(&job, &predictor.predict(&job));
}
