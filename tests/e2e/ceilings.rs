//! What the processors can do at most, and a run held against it.

use perfagent_tests::Bed;
use serde_json::Value;

#[test]
fn ceilings_of_the_processor_feed_the_advice() {
    let bed = Bed::new();
    let measure = ["ceilings", "--device", "cpu", "--quick", "-o", "ceilings.json", "--json"];
    let ceilings = bed.perfagent(measure).success().json();
    products_are_plausible(&ceilings["cpu"]["matrix_products"]);
    let operators = &ceilings["cpu"]["operators"];
    assert_eq!(operators["reason"], Value::Null);
    assert!(operators["rows"].as_array().unwrap().len() > 50, "{operators}");
    let collectives = &ceilings["cpu"]["collectives"];
    // Two ranks need two cores.
    if collectives["reason"].is_null() {
        collectives_are_plausible(collectives);
    } else {
        println!("skipped: {}", collectives["reason"]);
    }

    let mut record: Vec<String> =
        ["record", "-o", "run.perfdb", "--"].iter().map(|word| (*word).to_owned()).collect();
    let options =
        "--layers 2 --hidden 64 --heads 4 --seq 64 --vocab 512 --micro-batch 2 --nproc 2 --steps 6";
    record.extend(bed.training(options));
    let _ = bed.perfagent(&record).success();
    let words = ["advise", "run.perfdb", "--ceilings", "ceilings.json", "--json"];
    let advice = bed.perfagent(words).success().json();
    let fact = |name: &str| {
        let facts = advice["facts"].as_array().unwrap();
        facts.iter().find(|fact| fact["name"] == name).unwrap().clone()
    };
    the_run_is_predicted(&bed, &advice);
    // Types and shapes of operators are recorded, so their work and its least time are known.
    let operators = fact("operator_efficiency");
    assert_ne!(operators["verdict"], "unknown", "{operators}");
    assert_eq!(operators["evidence"][0]["recording"], "run.perfdb");
    let used = figure(&operators, "least_by_measured_time_pct");
    assert!(used > 0.0 && used <= 100.0, "{operators}");
    if collectives["reason"].is_null() {
        let fact = fact("collective_efficiency");
        assert_ne!(fact["verdict"], "unknown", "{fact}");
        assert!(figure(&fact, "time_by_the_line_ns") > 0.0, "{fact}");
    }
}

/// The job is known from its command line, the processor from its ceilings.
fn the_run_is_predicted(bed: &Bed, advice: &Value) {
    let plan = &advice["plan"];
    assert_eq!(plan["base"]["cluster"]["gpu"], "cpu", "{}", advice["no_plan"]);
    assert_eq!(plan["base"]["model"]["hidden"], 64);
    let predicted = plan["base_prediction"]["step_s"]["p50"].as_f64().unwrap();
    // From a quiet machine to one that ten others use.
    assert!((1e-4..1.0).contains(&predicted), "{plan}");
    std::fs::write(bed.path("job.jsonl"), plan["base"].to_string()).unwrap();
    let with = ["predict", "job.jsonl", "--ceilings", "ceilings.json"];
    let answer = bed.perfagent(with).success().json();
    assert_eq!(answer["refused"], Value::Null);
    let answer = bed.perfagent(["predict", "job.jsonl"]).success().json();
    let refused = answer["refused"].as_str().unwrap();
    assert!(refused.contains("perfagent ceilings --device cpu"), "{refused}");
}

fn figure(fact: &Value, name: &str) -> f64 {
    let figures = fact["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["name"] == name).unwrap()["value"].as_f64().unwrap()
}

fn products_are_plausible(products: &Value) {
    assert_eq!(products["reason"], Value::Null, "{products}");
    let dtypes = products["dtypes"].as_array().unwrap();
    let names: Vec<_> = dtypes.iter().map(|row| row["dtype"].as_str().unwrap()).collect();
    assert_eq!(names, ["fp32", "bf16", "fp16"]);
    for row in dtypes {
        let best = row["best"]["median_tflops"].as_f64().unwrap();
        // From a busy core without vector units to a socket with matrix units.
        assert!(1e-4 < best && best < 1e3, "{row}");
        for shape in row["shapes"].as_array().unwrap() {
            assert!(shape["median_tflops"].as_f64().unwrap() <= best, "{shape}");
            let [m, n, k] = ["m", "n", "k"].map(|name| shape[name].as_f64().unwrap());
            let operations = 2.0 * m * n * k * shape["in_a_row"].as_f64().unwrap();
            assert!((shape["operations"].as_f64().unwrap() / operations - 1.0).abs() < 1e-9);
        }
    }
}

fn collectives_are_plausible(collectives: &Value) {
    let curves = collectives["curves"].as_array().unwrap();
    let of_two: Vec<_> = curves.iter().filter(|curve| curve["ranks"] == 2).collect();
    let names: Vec<_> = of_two.iter().map(|curve| curve["collective"].as_str().unwrap()).collect();
    assert_eq!(names, ["all_reduce", "all_gather", "reduce_scatter", "broadcast"]);
    for curve in of_two {
        let fit = &curve["fit"];
        assert!(fit["alpha_us"].as_f64().unwrap() >= 0.0, "{curve}");
        let points = curve["points"].as_array().unwrap();
        let time = |point: &Value| point["median_ns"].as_f64().unwrap();
        let (small, large) = (&points[0], &points[points.len() - 1]);
        assert!(time(small) > 0.0 && time(small) < time(large), "{curve}");
    }
}
