//! A Prometheus on this machine, for one test: its own configuration, its own port, and nothing left behind.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(2);

/// The running server; dropping it stops it.
pub struct Prometheus {
    folder: tempfile::TempDir,
    child: Child,
    address: String,
}

impl Prometheus {
    /// Starts it with one target, `HOST:PORT`, and the rules in this file, which are evaluated each second and wait for nothing.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(target: &str, rules: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = fs::read_to_string(rules).expect("the rules");
        let impatient: Vec<_> = text
            .lines()
            .map(
                |line| {
                    if line.trim_start().starts_with("for: ") { "        for: 0s" } else { line }
                },
            )
            .collect();
        fs::write(folder.path().join("rules.yml"), impatient.join("\n")).expect("the rules");
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n\
             - job_name: perfagent\n  static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), configuration).expect("the configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        drop(listener);
        let said = fs::File::create(folder.path().join("said")).expect("a log");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "prometheus", "--config.file=prometheus.yml"])
            .args(["--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a log"))
            .stderr(said)
            .spawn()
            .unwrap_or_else(|error| panic!("setpriv prometheus: {error}"));
        let prometheus = Self { folder, child, address };
        prometheus.until("ready", |prometheus| {
            prometheus.get("/-/ready").is_some_and(|answer| answer.contains("Ready"))
        });
        prometheus
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// When it does not in time; what Prometheus has said is in the message.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let said = || fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
            assert!(
                Instant::now() < deadline,
                "not {what}; `cargo xtask setup` installs Prometheus\n{}",
                said()
            );
            std::thread::park_timeout(Duration::from_millis(300));
        }
    }

    /// The series that an expression has now.
    ///
    /// # Panics
    /// When Prometheus does not understand it.
    #[must_use]
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.json(&format!("/api/v1/query?query={}", encoded(expression)));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().expect("series").clone()
    }

    /// The alerts that fire, by name.
    #[must_use]
    pub fn firing(&self) -> Vec<String> {
        let answer = self.json("/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect()
    }

    fn json(&self, path: &str) -> Value {
        let body = self.get(path).unwrap_or_default();
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// The body of the answer; `None` where there is none yet.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An expression in a URL.
fn encoded(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            url.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
