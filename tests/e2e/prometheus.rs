//! The exporter, scraped by a real Prometheus: the alerts fire, and the dashboard finds what it asks for.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use perfagent_tests::prometheus::Prometheus;
use perfagent_tests::{Bed, finish};
use serde_json::Value;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name)
}

/// An exporter on a machine on which something happens to the GPUs.
struct Exporter {
    child: Child,
    address: String,
}

impl Exporter {
    fn start(bed: &Bed, script: &str, arguments: &[&str]) -> Self {
        let test = std::env::current_exe().unwrap();
        let library = test.parent().unwrap().join("libperfagent_fake_gpu.so");
        let libraries = bed.path("lib");
        fs::create_dir(&libraries).unwrap();
        symlink(library, libraries.join("libnvidia-ml.so.1")).unwrap();
        let mut command = bed.program("perfagent");
        command.env("LD_LIBRARY_PATH", libraries).env("FAKE_NVML", script);
        command.args(["exporter", "--listen", "127.0.0.1:0", "--interval", "1"]).args(arguments);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("perfagent: metrics at http://");
        let address = address.and_then(|rest| rest.strip_suffix("/metrics")).unwrap().to_owned();
        Self { child, address }
    }

    fn page(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rules() -> PathBuf {
    data("prometheus/perfagent.rules.yml")
}

/// What Prometheus's own checker says of a page.
fn lint(page: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool; `cargo xtask setup` installs Prometheus");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{page}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_rules_are_sound() {
    let _ = finish(Command::new("promtool").args(["check", "rules"]).arg(rules())).success();
}

/// XID 79, then the GPU is gone: the alerts that should fire do, and those that should not do not.
#[test]
fn a_gpu_that_falls_off_the_bus_raises_its_alerts() {
    let bed = Bed::new();
    let exporter = Exporter::start(
        &bed,
        "gpus=8 xid=3:79@6000 lost=3@6500 reasons=5:0x80",
        &["--health-interval", "2"],
    );
    let prometheus = Prometheus::start(&exporter.address, &rules());
    let firing = |name: &'static str| {
        move |prometheus: &Prometheus| prometheus.firing().iter().any(|alert| alert == name)
    };
    prometheus
        .until("scraping", |prometheus| !prometheus.query("perfagent_gpus_present").is_empty());
    for alert in ["PerfagentGpuMissing", "PerfagentXid", "PerfagentNodeCritical"] {
        prometheus.until(alert, firing(alert));
    }
    for alert in [
        "PerfagentDriverHangs",
        "PerfagentDriverDown",
        "PerfagentExporterDown",
        "PerfagentSampleOld",
    ] {
        assert!(!firing(alert)(&prometheus), "{alert}: {:?}", prometheus.firing());
    }
    let xid = prometheus.query("perfagent_health_xid_total");
    assert_eq!((&xid[0]["metric"]["xid"], &xid[0]["metric"]["gpu"]), (&"79".into(), &"3".into()));
    // The type of a metric is known from OpenMetrics, which Prometheus asks for.
    assert_eq!(prometheus.query("up{job=\"perfagent\"} == 1").len(), 1);
}

/// Every expression of the dashboard is understood, and has data where the machine can have some.
#[test]
fn the_dashboard_finds_what_it_asks_for() {
    let bed = Bed::new();
    let small =
        "--layers 1 --hidden 32 --heads 2 --seq 32 --vocab 300 --micro-batch 2 --steps 3 --nproc 2";
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--"]).args(bed.training(small));
    let _ = finish(&mut record).success();
    let exporter = Exporter::start(
        &bed,
        "gpus=8 gpm ecc=2:5 xid=1:31@100 reasons=4:0x40",
        &["--health-interval", "2", "--recordings", "."],
    );
    let prometheus = Prometheus::start(&exporter.address, &rules());
    for series in [
        "perfagent_recording_step_seconds",
        "perfagent_health_check_status",
        "perfagent_health_xid_total",
    ] {
        prometheus.until(series, |prometheus| !prometheus.query(series).is_empty());
    }
    // A rate needs two scrapes.
    let rate = "rate(perfagent_gpu_energy_joules_total[5m])";
    prometheus.until(rate, |prometheus| !prometheus.query(rate).is_empty());
    lint(&exporter.page());
    let text = fs::read_to_string(data("grafana/perfagent.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$instance", ".*").replace("$gpu", ".*");
            let found = prometheus.query(&expression);
            let absent = expression.contains("nvlink");
            assert!(absent || !found.is_empty(), "{}: nothing for {expression}", panel["title"]);
            asked += 1;
        }
    }
    assert!(asked >= 25, "{asked}");
}
