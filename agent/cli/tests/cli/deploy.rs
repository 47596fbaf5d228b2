//! The files in `data/deploy`: what their own tools say of them, and whether what they start exists.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{outcome, perfagent, run};
use crate::workflow::all_parsed;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

const MANIFESTS: [&str; 3] =
    ["kubernetes/daemonset.yaml", "kubernetes/job.yaml", "kubernetes/node-problem-detector.yaml"];

/// The object of this kind in a manifest.
fn object(manifest: &str, kind: &str) -> Value {
    let objects = all_parsed(&text(manifest));
    objects.into_iter().find(|object| object["kind"] == kind).unwrap()
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// Where the checkers are that `cargo xtask test` installs.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn checkers() -> Option<PathBuf> {
    let folder = std::env::var_os("PERFAGENT_TEST_CHECKERS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: no checkers; run the tests with `cargo xtask test`");
    }
    folder
}

/// Runs a checker, whose words are in the message when it finds something.
fn checked(command: &mut Command) -> String {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = child.spawn().unwrap().wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let said = said.concat();
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

#[test]
fn manifests_keep_to_kubernetes_own_schemas() {
    let Some(folder) = checkers() else { return };
    for version in ["1.28", "1.37"] {
        let mut check = Command::new("python3");
        check.env("PYTHONPATH", &folder).args(["-m", "kubernetes_validate", "--strict"]);
        check.args(["--kubernetes-version", version]).args(MANIFESTS.map(file));
        let said = checked(&mut check);
        let objects = MANIFESTS.iter().map(|name| all_parsed(&text(name)).len());
        assert_eq!(said.matches(" passed ").count(), objects.sum::<usize>(), "{said}");
    }
}

#[test]
fn shell_files_have_no_pitfalls() {
    let Some(folder) = checkers() else { return };
    let scripts = ["slurm/health_check.sh", "slurm/prolog.sh"].map(file);
    let _ = checked(Command::new(folder.join("bin/shellcheck")).args(scripts));
}

/// No pod is privileged, keeps a capability but the one that reads the kernel log, or can write to its own files.
#[test]
fn pods_have_the_least_privileges() {
    for (manifest, kind) in MANIFESTS.into_iter().zip(["DaemonSet", "Job", "DaemonSet"]) {
        let pod = &object(manifest, kind)["spec"]["template"]["spec"];
        assert_eq!(pod["runtimeClassName"], "nvidia", "{manifest}");
        assert!(pod.get("hostIPC").is_none(), "{manifest}");
        let first = pod.get("initContainers").and_then(Value::as_array).into_iter().flatten();
        for container in pod["containers"].as_array().unwrap().iter().chain(first) {
            let rights = &container["securityContext"];
            assert!(rights.get("privileged").is_none(), "{manifest}");
            assert_eq!(rights["allowPrivilegeEscalation"], false, "{manifest}");
            assert_eq!(rights["readOnlyRootFilesystem"], true, "{manifest}");
            assert_eq!(rights["capabilities"]["drop"], serde_json::json!(["ALL"]), "{manifest}");
            let added = rights["capabilities"].get("add");
            assert!(
                added.is_none_or(|added| *added == serde_json::json!(["SYSLOG"])),
                "{manifest}"
            );
        }
    }
}

/// A pod that is found by its name, on the port that is open, and as many of them as are waited for.
#[test]
fn the_jobs_numbers_and_names_agree() {
    let service = object("kubernetes/job.yaml", "Service");
    let job = object("kubernetes/job.yaml", "Job");
    let (spec, name) = (&job["spec"], job["metadata"]["name"].as_str().unwrap());
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let args = words(&container["args"]);
    let count = &spec["completions"];
    assert_eq!(&spec["parallelism"], count);
    assert!(args.contains(&format!("--nnodes={count}")), "{args:?}");
    assert_eq!(pod["subdomain"], service["metadata"]["name"]);
    assert_eq!(service["spec"]["selector"]["job-name"], name);
    assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
    let (domain, port) = (pod["subdomain"].as_str().unwrap(), &service["spec"]["ports"][0]["port"]);
    assert!(args.contains(&format!("--gather-at={name}-0.{domain}:{port}")), "{args:?}");
    assert_eq!(&container["ports"][0]["containerPort"], port);
    let folder = tempfile::tempdir().unwrap();
    // All options are known, or this is refused.
    let help = run(folder.path(), &[&args[..], &["--help".to_owned()]].concat());
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
}

/// The plug-in's own command: in time, in a line that is not cut, with a code that means something to it.
#[test]
fn the_plug_in_of_node_problem_detector_can_be_run() {
    let map = object("kubernetes/node-problem-detector.yaml", "ConfigMap");
    let plugin: Value =
        serde_json::from_str(map["data"]["perfagent.json"].as_str().unwrap()).unwrap();
    let rule = &plugin["rules"][0];
    assert_eq!(rule["condition"], plugin["conditions"][0]["type"]);
    let folder = tempfile::tempdir().unwrap();
    let said = outcome(perfagent(folder.path()).args(words(&rule["args"])));
    assert!((0..=2).contains(&said.code), "{}", said.code);
    assert_eq!(said.stdout.lines().count(), 1, "{}", said.stdout);
    let most = plugin["pluginConfig"]["max_output_length"].as_u64().unwrap();
    assert!(said.stdout.trim().len() as u64 <= most, "{}", said.stdout);
    // It ends by itself before it is killed.
    let words = words(&rule["args"]);
    let own: f64 =
        words[words.iter().position(|word| word == "--timeout").unwrap() + 1].parse().unwrap();
    let limit: f64 = rule["timeout"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(own + 2.0 < limit, "{own} {limit}");
    // And is where the init container puts it.
    let pod =
        &object("kubernetes/node-problem-detector.yaml", "DaemonSet")["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0]["command"][2], rule["path"]);
}

/// The script of the `DaemonSet` examines at once, and ends when it is asked to.
#[test]
fn the_daemonsets_script_runs_and_ends() {
    let container = &object("kubernetes/daemonset.yaml", "DaemonSet")["spec"]["template"]["spec"]["containers"]
        [0];
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("health");
    let script = words(&container["args"])[0]
        .replace("/var/lib/perfagent/health", documents.to_str().unwrap());
    let program = assert_cmd::cargo::cargo_bin("perfagent");
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let shell = words(&container["command"]);
    let mut child = Command::new(&shell[0])
        .args(&shell[1..])
        .arg(script)
        .envs([("PATH", path.as_str()), ("NODE_NAME", "gpu7"), ("INTERVAL_S", "600")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !documents.join("gpu7.json").exists() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let _ = checked(Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn systemd_takes_the_units() {
    if Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status().is_err() {
        return println!("skipped: no systemd-analyze");
    }
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("perfagent");
    let units = ["perfagent-health.service", "perfagent-health.timer"].map(|name| {
        let unit = text(&format!("systemd/{name}"));
        let unit = unit.replace("/usr/local/bin/perfagent", program.to_str().unwrap());
        let path = folder.path().join(name);
        std::fs::write(&path, unit).unwrap();
        path
    });
    assert_eq!(checked(Command::new("systemd-analyze").arg("verify").args(units)), "");
}

/// The image has the program where the manifests look for it, made by the compiler that the workspace asks for.
#[test]
fn the_image_is_the_one_that_the_manifests_name() {
    let image = text("Dockerfile");
    assert!(image.contains(" /usr/local/bin/perfagent\n"), "{image}");
    let workspace = std::fs::read_to_string(file("../../Cargo.toml")).unwrap();
    let workspace: toml::Table = workspace.parse().unwrap();
    let compiler = workspace["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(image.contains(&format!("FROM rust:{compiler}-")), "{image}");
    let version = workspace["workspace"]["package"]["version"].as_str().unwrap();
    for manifest in MANIFESTS {
        assert!(text(manifest).contains(&format!("image: perfagent:{version}\n")), "{manifest}");
    }
}
