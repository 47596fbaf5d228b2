//! All trials of a search on a page, and as JSON.

use perfagent_advisor::tune::{Account, Outcome, Parameter, Stop, Trial};
use perfagent_predictor::Interval;
use serde::Serialize;

use super::journal::{Entry, SCHEMA};
use super::session::Session;
use crate::page::{Cell, Page, Table};
use crate::unit;

/// What `--json` prints.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    schema: &'static str,
    kind: &'static str,
    folder: String,
    command: &'a [String],
    unit: String,
    prior: &'a str,
    parameters: &'a [Parameter],
    candidates: usize,
    left_out: usize,
    stopped: &'a Stop,
    trials: Vec<Row<'a>>,
    best: Option<&'a Trial>,
    best_command: Option<Vec<String>>,
    /// The best by the first that was measured.
    improvement: Option<f64>,
    errors: perfagent_advisor::tune::Errors,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    /// What all other trials say of it.
    refitted: Option<Interval>,
}

/// The document of a session that has ended.
pub(crate) fn document<'a>(
    session: &'a Session,
    account: &'a Account,
    stopped: &'a Stop,
) -> Document<'a> {
    let rows = session.entries().iter().zip(&account.refitted);
    Document {
        schema: SCHEMA,
        kind: "result",
        folder: session.folder().display().to_string(),
        command: &session.plan.command,
        unit: session.plan.unit(),
        prior: session.search().prior().name(),
        parameters: session.space.parameters(),
        candidates: session.space.candidates().len(),
        left_out: session.space.left_out(),
        stopped,
        trials: rows.map(|(entry, refitted)| Row { entry, refitted: *refitted }).collect(),
        best: account.best.as_ref(),
        best_command: account.best.as_ref().map(|best| session.command(&best.candidate)),
        improvement: improvement(session, account),
        errors: account.errors,
    }
}

/// The page of a session that has ended.
pub(crate) fn page(session: &Session, account: &Account, stopped: &Stop) -> Page {
    let unit = session.plan.unit();
    let mut page = Page::default();
    page.title("perfagent tune");
    let candidates = session.space.candidates().len();
    page.facts(vec![
        ("trials".to_owned(), counts(session)),
        (
            "configurations".to_owned(),
            format!(
                "{candidates}, so {:.0} % were tried",
                100.0 * session.entries().len() as f64 / candidates as f64
            ),
        ),
        ("ended".to_owned(), why(stopped)),
        ("expected by".to_owned(), session.search().prior().name().to_owned()),
        ("folder".to_owned(), session.folder().display().to_string()),
    ]);
    if let Some(best) = &account.best {
        page.section("Best");
        let value = unit::known(best.outcome.value(), unit::significant);
        let mut facts =
            vec![("measured".to_owned(), format!("{value} {unit} in trial {}", best.number))];
        if let Some(improvement) = improvement(session, account) {
            let first = account.first.as_ref().map_or(0, |first| first.number);
            facts.push((
                "against the start".to_owned(),
                format!("× {improvement:.2} of trial {first}"),
            ));
        }
        facts.push(("configuration".to_owned(), configuration(session, best)));
        facts.push(("command".to_owned(), shell_line(&session.command(&best.candidate))));
        page.facts(facts);
    }
    page.section("Trials");
    page.table(trials(session, account, &unit));
    page.paragraph(
        "Expected: before the trial ran, fitted to the trials before it, with its 90 % interval. Refitted: what all other trials \
         say of it in the end.",
    );
    page.section("How right predictions were");
    page.items(errors(account));
    let reasons = reasons(session);
    if !reasons.is_empty() {
        page.section("Not measured");
        page.items(reasons);
    }
    page
}

fn trials(session: &Session, account: &Account, unit: &str) -> Table {
    let mut table = Table::new(vec![
        "trial",
        "configuration",
        "expected",
        "90 % interval",
        "measured",
        "error",
        "refitted",
        "status",
    ]);
    let best = account.best.as_ref().map(|best| best.number);
    for (entry, refitted) in session.entries().iter().zip(&account.refitted) {
        let Trial { number, predicted, outcome, .. } = &entry.trial;
        let error = predicted
            .zip(outcome.value())
            .map(|(predicted, value)| unit::change(100.0 * (predicted.p50 / value - 1.0)));
        let interval = predicted.map(|predicted| {
            format!("{} to {}", unit::significant(predicted.p05), unit::significant(predicted.p95))
        });
        let measured = outcome.value().map(|value| format!("{} {unit}", unit::significant(value)));
        let status = if Some(*number) == best { "best" } else { outcome.name() };
        table.row(vec![
            Cell::figure(number.to_string()),
            Cell::text(configuration(session, &entry.trial)),
            Cell::figure(unit::known(predicted.map(|one| one.p50), unit::significant)),
            Cell::figure(unit::known(interval, |text| text)),
            Cell::figure(unit::known(measured, |text| text)),
            Cell::figure(unit::known(error, |text| text)),
            Cell::figure(unit::known(refitted.map(|one| one.p50), unit::significant)),
            Cell::text(status),
        ]);
    }
    table
}

/// The values that vary.
fn configuration(session: &Session, trial: &Trial) -> String {
    let constant = |name: &str| {
        let parameter = session.space.parameters().iter().find(|one| one.name == name);
        parameter.is_some_and(|parameter| parameter.values.len() == 1)
    };
    let names = session.space.names().into_iter().filter(|name| !constant(name));
    let pairs = names.filter_map(|name| Some(format!("{name} {}", trial.candidate.get(name)?)));
    pairs.collect::<Vec<_>>().join(", ")
}

fn counts(session: &Session) -> String {
    let entries = session.entries();
    let count = |name: &str| entries.iter().filter(|one| one.trial.outcome.name() == name).count();
    let names = ["ok", "out of memory", "timed out", "failed"];
    let parts: Vec<_> = names
        .into_iter()
        .filter(|name| count(name) > 0)
        .map(|name| format!("{} {name}", count(name)))
        .collect();
    format!("{} of at most {}: {}", entries.len(), session.budget(), parts.join(", "))
}

fn why(stopped: &Stop) -> String {
    match stopped {
        Stop::Settled => "nothing that remains can be better by more than the tolerance".to_owned(),
        Stop::Exhausted => "everything that can run was tried".to_owned(),
        Stop::Budget => {
            "the budget is used; the same command with a larger --budget goes on".to_owned()
        }
        Stop::Alike { reason } => format!("every trial failed alike: {reason}"),
    }
}

/// How many times as good the best is as the first.
fn improvement(session: &Session, account: &Account) -> Option<f64> {
    let best = account.best.as_ref()?.outcome.value()?;
    let first = account.first.as_ref()?.outcome.value()?;
    Some(if session.plan.minimise { first / best } else { best / first })
}

fn errors(account: &Account) -> Vec<String> {
    let errors = &account.errors;
    let percent = |value: Option<f64>| unit::known(value, unit::percent);
    vec![
        format!("Before anything was fitted: median error {}.", percent(errors.prior_pct)),
        format!(
            "Fitted to the trials before, one trial ahead: median error {}; {} of {} in the 90 % interval.",
            percent(errors.ahead_pct),
            errors.held,
            errors.intervals
        ),
        format!(
            "Fitted in the end, each trial from all others: median error {}.",
            percent(errors.refitted_pct)
        ),
    ]
}

fn reasons(session: &Session) -> Vec<String> {
    let told = session.entries().iter().filter_map(|entry| {
        let Outcome::Ok { .. } = entry.trial.outcome else {
            let (number, name) = (entry.trial.number, entry.trial.outcome.name());
            let reason = entry.trial.outcome.reason().unwrap_or_default();
            return Some(format!("trial {number}: {name}: {reason}"));
        };
        None
    });
    told.collect()
}

/// The words as a shell takes them.
fn shell_line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
        if !word.is_empty() && word.bytes().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::shell_line;

    #[test]
    fn the_command_can_be_pasted() {
        let words = ["run", "--b=8", "a b", "it's", ""].map(str::to_owned);
        assert_eq!(shell_line(&words), "run --b=8 'a b' 'it'\\''s' ''");
    }
}
