//! A slowdown that is really there is found and explained, and equal runs are not flagged.

use perfagent_regress::compare::{Better, Family, Metric, Settings, Unit, Verdict, compare};
use perfagent_regress::gate::{Fresh, alarms, confirm};
use perfagent_tests::Bed;
use serde_json::Value;

/// Equal runs: any four stand against four others, and for a second look there are as many fresh ones.
const POOL: usize = 16;
/// Runs a side.
const SIDE: usize = POOL / 4;
/// Barriers that a step of five further runs has for nothing.
const MANY: u32 = 30;

/// Records a short run of two ranks that meet at so many barriers at the end of each step.
fn record(bed: &Bed, name: &str, barriers: u32) -> String {
    let file = format!("{name}.perfdb");
    let mut arguments: Vec<String> =
        ["record", "-o", &file, "--"].iter().map(|word| (*word).to_owned()).collect();
    arguments.extend(bed.training(&format!(
        "--device cpu --layers 1 --hidden 16 --heads 2 --seq 16 --vocab 512 --micro-batch 1 --nproc 2 --steps 40 \
         --peak-tflops 0.1 --barriers {barriers}"
    )));
    let _ = bed.perfagent(&arguments).success();
    file
}

/// The document of `perfagent compare`, and its exit code.
fn compared(bed: &Bed, base: &[String], new: &[String]) -> (Value, Option<i32>) {
    let words = ["compare", "--json"].into_iter().map(str::to_owned);
    let words = words.chain(base.iter().cloned()).chain(["--".to_owned()]);
    let done = bed.perfagent(words.chain(new.iter().cloned()));
    (done.json(), done.status.code())
}

fn row<'a>(document: &'a Value, name: &str, subject: Option<&str>) -> &'a Value {
    let rows = document["metrics"].as_array().unwrap();
    let is_it = |row: &&Value| row["name"] == name && row["subject"].as_str() == subject;
    rows.iter().find(is_it).unwrap_or_else(|| panic!("{name}: {document}"))
}

/// The part of the mean step that barriers made longer; all parts add up to its change.
fn barriers(document: &Value) -> (i64, i64) {
    let attribution = &document["attribution"];
    let rows = attribution["rows"].as_array().unwrap();
    let change = attribution["change_ns"].as_i64().unwrap();
    let sum: i64 = rows.iter().map(|row| row["change_ns"].as_i64().unwrap()).sum();
    assert_eq!(sum, change, "{attribution}");
    let barrier = rows.iter().find(|row| row["name"] == "barrier in init");
    let barrier = barrier.unwrap_or_else(|| panic!("{attribution}"));
    assert_eq!((&barrier["kind"], &barrier["base_ns"]), (&"communication".into(), &0.into()));
    (barrier["change_ns"].as_i64().unwrap(), change)
}

#[test]
fn a_planted_synchronisation_is_found_and_equal_runs_are_not_flagged() {
    let bed = Bed::new();
    let (mut pool, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does is much the same for all.
    for number in 0..POOL {
        pool.push(record(&bed, &format!("pool-{number}"), 0));
        if number % 4 == 0 {
            many.push(record(&bed, &format!("many-{number}"), MANY));
        }
        if number % 8 == 0 {
            one.push(record(&bed, &format!("one-{number}"), 1));
        }
    }

    // One barrier a step is told by the count, which nothing disturbs, however busy the machine is.
    let (document, code) = compared(&bed, &pool, &one);
    assert_eq!((code, &document["verdict"]), (Some(1), &"regression".into()));
    let subject = Some("barrier float32 init of 2");
    let count = row(&document, "collective_count", subject);
    assert_eq!(count["verdict"], "regression");
    let more = count["new"]["median"].as_f64().unwrap() - count["base"]["median"].as_f64().unwrap();
    assert!((more - 1.0).abs() < 1e-9, "{count}");
    assert!(barriers(&document).0 > 0);
    assert_eq!(document["losses"]["equal"], true, "barriers change no loss: {document}");

    // Many are seen in the time of the step, and are most of its change.
    let (document, code) = compared(&bed, &pool, &many);
    assert_eq!(code, Some(1));
    assert_eq!(row(&document, "step_time", None)["verdict"], "regression");
    let (barrier, change) = barriers(&document);
    assert!(barrier > 0 && 2 * barrier > change, "{barrier} of {change}");

    // At first sight at most 5 of 100 comparisons of equal sides are flagged: that is the accepted rate, and 11 are three
    // standard deviations above it. Of 400 such comparisons the gate, which looks at what alarmed a second time, may flag one.
    let (document, _) = compared(&bed, &pool[..POOL / 2], &pool[POOL / 2..]);
    let (alarmed, flagged) = flagged_of_100(&document);
    println!("of 100 comparisons of equal runs: {alarmed} alarmed, {flagged} were flagged");
    assert!(alarmed <= 11, "{alarmed} of 100 alarmed");
    assert!(flagged <= 1, "{flagged} of 100 flagged");
}

/// Deals the runs of the pool 100 times, as a gate has them: a first look, and a second one with fresh runs at what alarmed.
/// How often anything alarms, and how often it is told as a regression.
fn flagged_of_100(document: &Value) -> (usize, usize) {
    let metrics = metrics(document);
    // The interval decides no alarm.
    let settings = Settings { resamples: 100, ..Settings::default() };
    let (mut alarmed, mut flagged, mut state) = (0, 0, 1);
    for _ in 0..100 {
        let order = shuffled(&mut state);
        let sides: Vec<&[usize]> = order.chunks(SIDE).collect();
        let dealt: Vec<Metric> = metrics
            .iter()
            .map(|metric| Metric {
                base: values(metric, sides[0]),
                new: values(metric, sides[1]),
                ..metric.clone()
            })
            .collect();
        let names = (vec![String::new(); SIDE], vec![String::new(); SIDE]);
        let first = compare(names, &dealt, Vec::new(), false, &settings).unwrap();
        let again: Vec<_> = alarms(&first)
            .map(|row| {
                let is_it =
                    |metric: &&Metric| (&metric.name, &metric.subject) == (&row.name, &row.subject);
                let metric = metrics.iter().find(is_it).unwrap();
                let fresh = Fresh { base: values(metric, sides[2]), new: values(metric, sides[3]) };
                (row.clone(), fresh)
            })
            .collect();
        alarmed += usize::from(!again.is_empty());
        let confirmed = confirm(again, &settings).unwrap();
        flagged += usize::from(confirmed.iter().any(|one| one.verdict == Verdict::Regression));
    }
    (alarmed, flagged)
}

/// Every metric that all runs of the pool have, its values as the base of nothing yet.
fn metrics(document: &Value) -> Vec<Metric> {
    let metrics: Vec<Metric> = document["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let values =
                |side: &str| serde_json::from_value::<Vec<f64>>(row[side]["values"].clone());
            let all = [values("base").unwrap(), values("new").unwrap()].concat();
            let family: Family = serde_json::from_value(row["family"].clone()).unwrap();
            let better: Better = serde_json::from_value(row["better"].clone()).unwrap();
            let unit: Unit = serde_json::from_value(row["unit"].clone()).unwrap();
            let name = row["name"].as_str().unwrap().to_owned();
            let base = all.into_iter().map(|value| vec![value]).collect();
            let subject = row["subject"].as_str().map(str::to_owned);
            Metric { case: None, name, subject, unit, better, family, base, new: Vec::new() }
        })
        .filter(|metric| metric.base.len() == POOL)
        .collect();
    assert!(metrics.iter().any(|metric| metric.name == "step_time"), "{document}");
    metrics
}

/// The samples of these runs.
fn values(metric: &Metric, runs: &[usize]) -> Vec<Vec<f64>> {
    runs.iter().map(|&run| metric.base[run].clone()).collect()
}

/// The runs in another order each time, always the same.
fn shuffled(state: &mut u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..POOL).collect();
    for last in (1..POOL).rev() {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, (*state >> 33) as usize % (last + 1));
    }
    order
}
