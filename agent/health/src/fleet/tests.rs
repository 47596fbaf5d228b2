//! The whole document of a small fleet.

use perfagent_recording::Timestamp;

use super::read::{Source, read};
use super::{Gathered, Settings, judge};

fn row(node: &str, value: f64, code: u32) -> String {
    let ranks: Vec<String> = (0..4)
        .map(|rank| {
            let value = if rank == 2 { value } else { 100.0 + f64::from(rank) / 10.0 };
            format!(r#""gemm-flops/FP16:{rank}":{value},"mem-bw/D2D_Mem_BW:{rank}":1118.0"#)
        })
        .collect();
    format!(r#"{{"node":"{node}",{},"mem-bw/return_code":{code}}}"#, ranks.join(","))
}

#[test]
fn the_document_of_a_small_fleet() {
    let values = [100.0, 100.3, 99.8, 100.1, 99.9, 70.0];
    let mut rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(number, value)| row(&format!("n{number}"), *value, u32::from(number == 3)))
        .collect();
    rows.push(r#"{"node":"n6","gemm-flops/FP16:0""#.to_owned());
    let mut gathered = Gathered { expected: vec!["n7".to_owned()], ..Gathered::default() };
    read(Source { name: "rows.jsonl", node: None }, rows.join("\n").as_bytes(), &mut gathered);
    let now = Timestamp::from_unix_nanos(1_795_780_800_000_000_000);
    insta::assert_json_snapshot!(judge(gathered, &Settings::default(), now));
}
