//! `perfagent bench list`: what can be trained, and the suites.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::PERFAGENT_BENCH;
use crate::exit::Exit;
use crate::page::{Cell, Form, Page, Table};
use crate::printer::Printer;
use crate::suite::{BUILTIN, Machine, Options};

/// Answers with what `perfagent-bench` has, and the suites.
pub(super) fn run(json: bool, printer: &mut Printer) -> anyhow::Result<Exit> {
    let program = PERFAGENT_BENCH.find()?;
    let answer = Command::new(&program)
        .arg("list")
        .args(json.then_some("--json"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output);
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            bail!("{}: cannot be started: {failure}; build it again", program.display())
        }
    };
    if !answer.status.success() {
        printer.answer(String::from_utf8_lossy(&answer.stdout))?;
        return Ok(Exit::Target(answer.status.code().unwrap_or(1) as u8));
    }
    let surroundings = Machine::this().surroundings();
    let mut suites = Vec::new();
    for builtin in &BUILTIN {
        let suite = builtin.read(surroundings, &Options::new())?;
        let (count, more) = suite.count();
        suites.push((suite, count, more));
    }
    if json {
        let document = serde_json::from_slice::<Value>(&answer.stdout);
        let mut document = document.with_context(|| {
            format!(
                "{}: does not answer `list --json` with JSON; build it again",
                program.display()
            )
        })?;
        document["suites"] = suites
            .iter()
            .map(|(suite, count, more)| {
                json!({ "suite": suite.name, "cases": count, "open_ended": more, "about": suite.about })
            })
            .collect();
        printer.json(&document)?;
        return Ok(Exit::Success);
    }
    printer.answer(String::from_utf8_lossy(&answer.stdout))?;
    let mut table = Table::new(vec!["suite", "cases here", "meant for"]);
    for (suite, count, more) in suites {
        let count = format!("{count}{}", if more { " and more" } else { "" });
        table.row(vec![Cell::name(suite.name), Cell::text(count), Cell::text(suite.about)]);
    }
    let mut page = Page::default();
    page.section("Suites, for `perfagent bench run SUITE`");
    page.table(table);
    page.print(Form::Text, printer)?;
    Ok(Exit::Success)
}
