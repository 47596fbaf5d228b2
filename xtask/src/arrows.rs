//! Which crate may depend on which: the arrows of ARCHITECTURE.md, checked against the manifests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Every crate of the workspace, its folder, and the crates of ours (and fenced-in libraries) that it
/// may depend on. Tests may depend on everything, so dev-dependencies are not looked at.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("perfagent-recording", "agent/recording", &[]),
    ("perfagent-spool", "agent/spool", &[]),
    ("perfagent-inject", "agent/inject", &["perfagent-spool"]),
    (
        "perfagent-collect",
        "agent/collect",
        &["perfagent-recording", "perfagent-spool", "nvml-wrapper"],
    ),
    ("perfagent-import", "agent/import", &["perfagent-recording"]),
    ("perfagent-export", "agent/export", &["perfagent-recording"]),
    ("perfagent-analysis", "agent/analysis", &["perfagent-recording"]),
    (
        "perfagent-advisor",
        "agent/advisor",
        &["perfagent-recording", "perfagent-analysis", "perfagent-predictor"],
    ),
    ("perfagent-predictor", "agent/predictor", &[]),
    ("perfagent-regress", "agent/regress", &["perfagent-recording"]),
    ("perfagent-history", "agent/history", &["perfagent-recording", "perfagent-regress"]),
    (
        "perfagent-health",
        "agent/health",
        &["perfagent-recording", "perfagent-kernels", "perfagent-regress", "nvml-wrapper"],
    ),
    (
        "perfagent-exporter",
        "agent/exporter",
        &["perfagent-recording", "perfagent-analysis", "perfagent-health", "nvml-wrapper"],
    ),
    ("perfagent-kernels", "kernels", &["cudarc", "nvml-wrapper"]),
    (
        "perfagent",
        "agent/cli",
        &[
            "perfagent-recording",
            "perfagent-collect",
            "perfagent-import",
            "perfagent-export",
            "perfagent-analysis",
            "perfagent-advisor",
            "perfagent-predictor",
            "perfagent-regress",
            "perfagent-history",
            "perfagent-health",
            "perfagent-exporter",
            "perfagent-kernels",
        ],
    ),
    ("perfagent-bench", "benchsuite", &["perfagent-kernels", "tch", "torch-sys", "nvtx"]),
    (
        "perfagent-gui",
        "gui",
        &[
            "perfagent-recording",
            "perfagent-analysis",
            "perfagent-advisor",
            "perfagent-import",
            "perfagent-predictor",
            "eframe",
            "egui",
        ],
    ),
    ("perfagent-tests", "tests", &[]),
    ("perfagent-fake-gpu", "tests/fake-gpu", &[]),
    ("perfagent-fuzz", "tests/fuzz", &[]),
    ("perfagent-naive", "tests/naive", &[]),
    ("xtask", "xtask", &["perfagent-predictor", "perfagent-regress"]),
];

/// Libraries that only the crates which list them above may use.
const FENCED: &[&str] = &["tch", "torch-sys", "nvml-wrapper", "eframe", "egui", "cudarc", "nvtx"];

/// Every arrow that points the wrong way, and every crate that the table does not know.
pub(crate) fn broken(root: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let members = members(root)?;
    for member in &members {
        if !ARROWS.iter().any(|(_, folder, _)| folder == member) {
            broken.push(format!(
                "{member}: a crate without a place in xtask/src/arrows.rs and ARCHITECTURE.md"
            ));
        }
    }
    for (name, folder, allowed) in ARROWS {
        let manifest = root.join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("{}: cannot be read", manifest.display()))?;
        let manifest: toml::Table =
            text.parse().with_context(|| format!("{}: is not TOML", manifest.display()))?;
        for dependency in dependencies(&manifest) {
            let ours = ARROWS.iter().any(|(name, ..)| *name == dependency);
            let fenced = FENCED.contains(&dependency.as_str());
            if (ours || fenced) && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{folder}/Cargo.toml: {name} must not depend on {dependency}"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            broken.push(format!("{folder}/Cargo.toml: says no `[lints] workspace = true`"));
        }
    }
    Ok(broken)
}

fn members(root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml cannot be read")?;
    let manifest: toml::Table = text.parse().context("Cargo.toml is not TOML")?;
    let members =
        manifest["workspace"]["members"].as_array().context("Cargo.toml lists no members")?;
    Ok(members.iter().filter_map(|member| member.as_str().map(str::to_owned)).collect())
}

/// Normal and build dependencies, also those of one platform only.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut tables: Vec<&toml::Value> = Vec::new();
    let sections = ["dependencies", "build-dependencies"];
    tables.extend(sections.iter().filter_map(|section| manifest.get(*section)));
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        for target in targets.values() {
            tables.extend(sections.iter().filter_map(|section| target.get(*section)));
        }
    }
    let mut names = BTreeSet::new();
    for table in tables.into_iter().filter_map(toml::Value::as_table) {
        for (name, value) in table {
            let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
            names.insert(package.to_owned());
        }
    }
    names.into_iter().collect()
}
