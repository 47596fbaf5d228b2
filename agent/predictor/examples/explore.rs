use perfagent_predictor::{
    Job, Measured,
    fit::{Fitted, Row},
};
use std::collections::BTreeMap;
#[derive(serde::Deserialize)]
struct Line {
    kind: String,
    measured: Measured,
    #[serde(flatten)]
    job: Job,
}
fn main() {
    let text = std::fs::read_to_string("/work/shared/data/jobs/calibration.jsonl").unwrap();
    let folds: usize = std::env::args().nth(1).map_or(0, |s| s.parse().unwrap());
    let mut rows = Vec::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let Some(step) = line.measured.step_s else { continue };
        match Row::of(&line.job, step) {
            Ok(row) => {
                let m = &line.job.model;
                let group = format!(
                    "{}/{:?}/{:?}/{:?}",
                    line.kind,
                    m.hidden,
                    if line.kind.starts_with("llm") { None } else { m.layers },
                    m.experts
                );
                rows.push((line.kind, line.job.id.unwrap(), group, row));
            }
            Err(why) => *refused.entry(format!("{}: {why}", line.kind)).or_default() += 1,
        }
    }
    eprintln!("{} rows, refused {refused:#?}", rows.len());
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for r in &rows {
        *counts.entry(r.0.clone()).or_default() += 1.0;
    }
    for r in &mut rows {
        r.3.weight = (200.0 / counts[&r.0]).sqrt().min(3.0);
    }
    let mut predicted = vec![0.0; rows.len()];
    let start = std::time::Instant::now();
    let all: Vec<&Row> = rows.iter().map(|r| &r.3).collect();
    let fitted = Fitted::fit(&all, 40, 0.08);
    eprintln!("fit {:?} cost {}", start.elapsed(), fitted.cost(&all, 0.08));
    if folds == 0 {
        for (i, r) in rows.iter().enumerate() {
            predicted[i] = fitted.predict(&r.3);
        }
    } else {
        let mut groups: Vec<&String> = rows.iter().map(|r| &r.2).collect();
        groups.sort();
        groups.dedup();
        for fold in 0..folds {
            let held = |g: &String| groups.binary_search(&g).unwrap() % folds == fold;
            let train: Vec<&Row> = rows.iter().filter(|r| !held(&r.2)).map(|r| &r.3).collect();
            let fitted = Fitted::fit(&train, 25, 0.08);
            for (i, r) in rows.iter().enumerate() {
                if held(&r.2) {
                    predicted[i] = fitted.predict(&r.3);
                }
            }
        }
        eprintln!("cv {:?}", start.elapsed());
    }
    let mut by: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (p, r) in predicted.iter().zip(&rows) {
        by.entry(&r.0).or_default().push((p.ln() - r.3.target()).exp() - 1.0);
    }
    for (kind, errors) in &mut by {
        let mut abs: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
        abs.sort_by(f64::total_cmp);
        errors.sort_by(f64::total_cmp);
        eprintln!(
            "{kind:26} n {:5} median |e| {:.3} p90 {:.3} bias {:+.3}",
            abs.len(),
            abs[abs.len() / 2],
            abs[abs.len() * 9 / 10],
            errors[errors.len() / 2]
        );
    }
    for (name, chunk) in perfagent_predictor::fit::describe(&fitted) {
        eprintln!("{name:28} {chunk}");
    }
    for (p, r) in predicted.iter().zip(&rows) {
        let parts: BTreeMap<_, _> = r.3.parts(&fitted.slots, &fitted.vector).into_iter().collect();
        println!("{}", serde_json::json!({"id": r.1, "pred": p, "parts": parts}));
    }
}
