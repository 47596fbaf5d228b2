//! What a device reaches, against what its maker states.
//!
//! Floors are shares of the datasheet. They lie a tenth below the least that sound devices were measured at: copies in
//! device memory reach 0.80 (A100) to 0.87 (H100) of the stated bandwidth, matrix products in 16 bits 0.78 (B200) to 0.87
//! (A100) and in fp8 0.71 to 0.76 of the stated rate (ml-engineering's tables of accelerators and of the "maximum achievable
//! matmul FLOPS", Azure's AI benchmarking guide), page-locked copies over PCI Express 0.83 of the link, all-reduce within a
//! node 0.77 of one direction of NVLink. Products in other formats and ordinary multiply-adds have no such table and get the
//! least of these floors.

use serde::Deserialize;
use serde_json::Value;

use super::{Link, Part};
use crate::{Check, Severity, Status};

/// Share of the stated bandwidth of memory that a copy must reach.
const MEMORY: f64 = 0.72;
/// The same of rates of arithmetic.
const ARITHMETIC: f64 = 0.70;
const ARITHMETIC_8_BITS: f64 = 0.63;
/// Share of the link's rate that page-locked copies must reach.
const HOST: f64 = 0.70;
/// Share of one direction of NVLink that the bus bandwidth of the largest all-reduce must reach.
const ALL_REDUCE: f64 = 0.65;
/// Pairs of GPUs are alike: less than this share of their median is a pair that is not.
const PEER: f64 = 0.70;

/// The part of a document of ceilings that is judged.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ceilings {
    memory_bandwidth: Memory,
    datasheet: Option<Datasheet>,
    nvlink_gbps: Option<f64>,
    cuda: Option<Cuda>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Memory {
    kernels: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
    median_gbps: f64,
}

#[derive(Debug, Deserialize)]
struct Datasheet {
    name: String,
    figures: Vec<Figure>,
}

#[derive(Debug, Deserialize)]
struct Figure {
    what: String,
    measured: f64,
    stated: f64,
    unit: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cuda {
    copies: Vec<Named>,
    peer_copies: Peers,
    collectives: Collectives,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Peers {
    peers: Vec<Peer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Peer {
    device: String,
    copies: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Collectives {
    curves: Vec<Curve>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Curve {
    collective: String,
    ranks: u64,
    points: Vec<Point>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Point {
    bytes: u64,
    bus_gbps: f64,
}

pub(super) fn checks(target: &str, part: &Part<Value>, link: Option<Link>) -> Vec<Check> {
    let read = part.done("memory_bandwidth", target).and_then(|document| {
        Ceilings::deserialize(document).map_err(|error| {
            Box::new(Check::unknown(
                "memory_bandwidth",
                target,
                format!("the measurement's answer is not understood: {error}"),
                "use the programs of one version",
            ))
        })
    });
    let ceilings = match read {
        Ok(ceilings) => ceilings,
        Err(check) => return vec![*check],
    };
    let mut checks = vec![memory(target, &ceilings)];
    if let Some(sheet) = &ceilings.datasheet {
        let arithmetic =
            sheet.figures.iter().filter_map(|figure| arithmetic(target, sheet, figure));
        checks.extend(arithmetic);
    }
    if let Some(cuda) = &ceilings.cuda {
        checks.extend(copies(target, cuda, link));
        checks.extend(peers(target, cuda));
        checks.extend(all_reduce(target, cuda, ceilings.nvlink_gbps));
    }
    checks
}

/// A rate against a floor, which is so much of a rate that is stated.
fn against(
    (name, target): (&'static str, &str),
    (value, unit): (f64, &'static str),
    (share, stated): (f64, f64),
    of: &str,
) -> Check {
    let reached = 100.0 * value / stated;
    let detail = format!("{value:.1} {unit}, {reached:.0} % of {stated:.0} {unit} {of}");
    let check = Check::ok(name, target, detail).found(value, unit).expected(round(share * stated));
    if value >= share * stated {
        return check;
    }
    check.but(
        Status::Critical,
        Severity::Isolate,
        format!(
            "take it out of use unless something explains it (power limit, locked clocks, heat, other work); sound ones reach {:.0} %",
            100.0 * share
        ),
    )
}

/// To a tenth: floors are no exact numbers.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A rate that nothing is stated for.
fn measured(name: &'static str, target: &str, value: f64, unit: &'static str) -> Check {
    let detail = format!("{value:.1} {unit}; nothing states what to expect here, other nodes do");
    Check::not_applicable(name, target, detail).found(value, unit)
}

fn memory(target: &str, ceilings: &Ceilings) -> Check {
    const NAME: &str = "memory_bandwidth";
    let copy = ceilings.memory_bandwidth.kernels.iter().find(|kernel| kernel.name == "copy");
    let Some(copy) = copy.filter(|copy| copy.median_gbps > 0.0) else {
        return Check::unknown(NAME, target, "no copy was measured", "repeat it");
    };
    let sheet = ceilings.datasheet.as_ref();
    let stated = sheet.and_then(|sheet| {
        sheet.figures.iter().find(|figure| figure.what == "memory copy" && figure.stated > 0.0)
    });
    match (sheet, stated) {
        (Some(sheet), Some(figure)) => against(
            (NAME, target),
            (copy.median_gbps, "GB/s"),
            (MEMORY, figure.stated),
            &format!("that its maker states of the {}", sheet.name),
        ),
        _ => measured(NAME, target, copy.median_gbps, "GB/s"),
    }
}

fn arithmetic(target: &str, sheet: &Datasheet, figure: &Figure) -> Option<Check> {
    if figure.unit != "TFLOP/s" || figure.stated <= 0.0 {
        return None;
    }
    let name = match figure.what.as_str() {
        "fp64 matrix product" => "matrix_product_fp64",
        "fp32 matrix product" => "matrix_product_fp32",
        "tf32 matrix product" => "matrix_product_tf32",
        "fp16 matrix product" => "matrix_product_fp16",
        "bf16 matrix product" => "matrix_product_bf16",
        "fp8_e4m3 matrix product" => "matrix_product_fp8",
        "fp64 multiply-add" => "multiply_add_fp64",
        "fp32 multiply-add" => "multiply_add_fp32",
        _ => return None,
    };
    let share = if matches!(name, "matrix_product_fp16" | "matrix_product_bf16") {
        ARITHMETIC
    } else {
        ARITHMETIC_8_BITS
    };
    let of = format!("that its maker states of the {}", sheet.name);
    Some(against((name, target), (figure.measured, "TFLOP/s"), (share, figure.stated), &of))
}

fn copies(target: &str, cuda: &Cuda, link: Option<Link>) -> Vec<Check> {
    let rows = cuda.copies.iter().filter_map(|copy| {
        let name = match copy.name.as_str() {
            "host_to_device" => "host_to_device",
            "device_to_host" => "device_to_host",
            _ => return None,
        };
        Some(match link {
            Some(link) => against(
                (name, target),
                (copy.median_gbps, "GB/s"),
                (HOST, link.gbps()),
                &format!("of its slot ({} lanes at {} GT/s)", link.width, link.gigatransfers),
            ),
            None => measured(name, target, copy.median_gbps, "GB/s"),
        })
    });
    rows.collect()
}

/// The slowest pair of this GPU against the median of its pairs.
fn peers(target: &str, cuda: &Cuda) -> Option<Check> {
    const NAME: &str = "peer_to_peer";
    let mut rates: Vec<(f64, &str)> = Vec::new();
    for peer in &cuda.peer_copies.peers {
        rates.extend(peer.copies.iter().map(|copy| (copy.median_gbps, peer.device.as_str())));
    }
    rates.sort_by(|left, right| left.0.total_cmp(&right.0));
    let &(least, peer) = rates.first()?;
    let median = rates[rates.len() / 2].0;
    if rates.len() < 4 {
        return Some(measured(NAME, target, least, "GB/s"));
    }
    Some(against(
        (NAME, target),
        (least, "GB/s"),
        (PEER, median),
        &format!("of its median pair, with {peer}"),
    ))
}

fn all_reduce(target: &str, cuda: &Cuda, nvlink_gbps: Option<f64>) -> Option<Check> {
    const NAME: &str = "all_reduce";
    let curves = cuda.collectives.curves.iter().filter(|curve| curve.collective == "all_reduce");
    let curve = curves.max_by_key(|curve| curve.ranks)?;
    let point = curve.points.last()?;
    let of = format!(
        "of one direction of NVLink, {} GPUs, {:.0} MiB",
        curve.ranks,
        point.bytes as f64 / 1_048_576.0
    );
    Some(match nvlink_gbps.filter(|_| curve.ranks > 1) {
        Some(both) => {
            against((NAME, target), (point.bus_gbps, "GB/s"), (ALL_REDUCE, both / 2.0), &of)
        }
        None => measured(NAME, target, point.bus_gbps, "GB/s"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Link, Part, checks};
    use crate::Status;

    fn document(share: f64) -> serde_json::Value {
        json!({
            "memory_bandwidth": {"kernels": [
                {"name": "copy", "median_gbps": 3350.0 * share}, {"name": "triad", "median_gbps": 1.0}
            ]},
            "datasheet": {"name": "H100 SXM", "figures": [
                {"what": "memory copy", "measured": 3350.0 * share, "stated": 3350.0, "unit": "GB/s"},
                {"what": "bf16 matrix product", "measured": 989.0 * share, "stated": 989.0, "unit": "TFLOP/s"},
                {"what": "int4 matrix product", "measured": 1.0, "stated": 989.0, "unit": "TFLOP/s"},
            ]},
            "nvlink_gbps": 900.0,
            "cuda": {
                "copies": [{"name": "host_to_device", "median_gbps": 63.0 * share}],
                "peer_copies": {"peers": [
                    {"device": "cuda:1", "copies": [
                        {"name": "to_peer", "median_gbps": 300.0}, {"name": "from_peer", "median_gbps": 301.0}]},
                    {"device": "cuda:2", "copies": [
                        {"name": "to_peer", "median_gbps": 299.0}, {"name": "from_peer", "median_gbps": 300.0 * share}]},
                ]},
                "collectives": {"curves": [
                    {"collective": "all_reduce", "ranks": 2, "points": [{"bytes": 1, "bus_gbps": 1.0}]},
                    {"collective": "all_reduce", "ranks": 8, "points": [
                        {"bytes": 1024, "bus_gbps": 1.0}, {"bytes": 1 << 30, "bus_gbps": 450.0 * share}]},
                ]}
            }
        })
    }

    fn judged(share: f64) -> Vec<(&'static str, Status)> {
        let link = Some(Link { gigatransfers: 32.0, width: 16 });
        let found = checks("GPU 0", &Part::Done(document(share)), link);
        found.into_iter().map(|check| (check.name, check.status)).collect()
    }

    #[test]
    fn what_sound_gpus_reach_is_ok_and_half_of_it_is_not() {
        let names = [
            "memory_bandwidth",
            "matrix_product_bf16",
            "host_to_device",
            "peer_to_peer",
            "all_reduce",
        ];
        assert_eq!(judged(0.8), names.map(|name| (name, Status::Ok)));
        assert_eq!(judged(0.5), names.map(|name| (name, Status::Critical)));
    }

    #[test]
    fn what_nothing_is_stated_for_has_a_value_and_no_weight() {
        let plain =
            json!({"memory_bandwidth": {"kernels": [{"name": "copy", "median_gbps": 21.5}]}});
        let found = checks("cpu", &Part::Done(plain), None);
        let [check] = &found[..] else { panic!("{found:?}") };
        assert_eq!((check.status, check.counts()), (Status::Unknown, false));
        assert_eq!(check.value, Some(21.5.into()));
    }

    #[test]
    fn what_was_not_measured_is_never_ok() {
        for (part, status) in [
            (Part::Failed("no driver".to_owned()), Status::Unknown),
            (Part::Skipped("no time was left".to_owned()), Status::Unknown),
            (Part::Hung(60.0), Status::Critical),
            (Part::Wrong("triad computed 3 where 4 was due".to_owned()), Status::Critical),
            (Part::Done(json!({"memory_bandwidth": 7})), Status::Unknown),
            (Part::Done(json!({})), Status::Unknown),
        ] {
            let found = checks("GPU 0", &part, None);
            assert!(found.iter().all(|check| check.status == status && check.counts()), "{part:?}");
        }
    }
}
