//! Help is an answer; mistakes are one line.

use crate::command::run;
use crate::fixture::cpu_folder;

const COMMANDS: [&[&str]; 32] = [
    &["record"],
    &["recover"],
    &["import"],
    &["export"],
    &["doctor"],
    &["report"],
    &["sql"],
    &["schema"],
    &["advise"],
    &["predict"],
    &["explain"],
    &["tune"],
    &["compare"],
    &["changepoints"],
    &["ci"],
    &["ci", "gate"],
    &["ci", "init"],
    &["history"],
    &["history", "add"],
    &["history", "import"],
    &["history", "list"],
    &["history", "show"],
    &["history", "export"],
    &["history", "check"],
    &["bench"],
    &["bench", "list"],
    &["bench", "run"],
    &["gui"],
    &["ceilings"],
    &["health"],
    &["exporter"],
    &["health", "gather"],
];

#[test]
fn every_command_answers_help_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for words in COMMANDS {
        let arguments: Vec<_> = words.iter().copied().chain(["--help"]).collect();
        let help = run(folder.path(), &arguments).answer();
        let example = format!("Example:\n  perfagent {}", words[0]);
        assert!(help.contains(&example), "{words:?}: {help}");
        assert!(help.contains("Usage: perfagent"), "{words:?}: {help}");
    }
}

#[test]
fn the_front_page_lists_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["--help"]).answer();
    for command in COMMANDS.iter().map(|words| words[0]) {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in: {help}");
    }
    assert!(run(folder.path(), &["--version"]).answer().starts_with("perfagent "));
}

#[test]
fn without_a_command_the_help_is_shown_as_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &[] as &[&str]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("Usage: perfagent"), "{}", outcome.stderr);
}

#[test]
fn mistakes_are_one_line() {
    let folder = cpu_folder();
    let mistakes: [(&[&str], &str); 26] = [
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["report"], "RUN.perfdb"),
        (&["report", "run.perfdb", "--jsn"], "--json"),
        (&["report", "run.perfdb", "--json", "--markdown"], "cannot be used with"),
        (&["report", "run.perfdb", "--rank", "7"], "its ranks are 0, 1"),
        (&["sql", "run.perfdb"], "SQL"),
        (&["sql", "run.perfdb", "SELECT 1", "--format", "xml"], "table, csv, json"),
        (&["export", "run.perfdb", "-o", "out"], "--format"),
        (
            &["export", "run.perfdb", "--format", "pdf", "-o", "out"],
            "chrome, parquet, csv, speedscope",
        ),
        (&["export", "run.perfdb", "--format", "csv", "-o", "-"], "name a directory with -o"),
        (&["bench", "run", "gpt", "--device", "tpu"], "cpu, cuda"),
        (&["bench", "run", "gpt", "--fresh"], "gpt: is a model, and --fresh is for suites"),
        (&["bench", "run", "ci", "--force"], "--fresh starts over"),
        (&["bench", "run", "ci", "--", "--nice", "1"], "--nice: is no option of a suite's cases"),
        (&["bench", "run", "ci", "--json", "--markdown"], "cannot be used with"),
        (&["bench", "run", "missing.toml"], "missing.toml: cannot be read"),
        (&["bench", "run", "./run.perfdb"], "run.perfdb: "),
        (&["ceilings", "--device", "tpu"], "write cpu, cuda or cuda:N"),
        (&["health", "--exit-style", "lsf"], "nagios, npd"),
        (&["health", "--timeout", "soon"], "a number of seconds"),
        (&["health", "--timeout", "0"], "a number of seconds"),
        (&["compare", "run.perfdb"], "NEW.perfdb"),
        (&["compare", "run.perfdb", "--"], "NEW.perfdb"),
        (&["compare", "run.perfdb", "--", "run.perfdb", "--threshold", "-1"], "--threshold"),
        (&["changepoints"], "SERIES.json"),
    ];
    for (arguments, place) in mistakes {
        run(folder.path(), arguments).refusal(place);
    }
}

#[test]
fn the_schema_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let page = run(folder.path(), &["schema"]).answer();
    assert_eq!(page, perfagent_recording::markdown());
}
