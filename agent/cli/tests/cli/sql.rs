//! Queries: formats, values of every kind, and mistakes.

use crate::command::run;
use crate::fixture::cpu_folder;

const TOTALS: &str = "SELECT value AS name, count(*) AS calls, sum(end_ns - start_ns) / 1e6 AS total_ms, \
    NULL AS missing FROM operators JOIN strings ON strings.id = name_id GROUP BY name";

#[test]
fn rows_in_every_format() {
    let folder = cpu_folder();
    let ask =
        |format| run(folder.path(), &["sql", "run.perfdb", TOTALS, "--format", format]).answer();
    insta::assert_snapshot!(ask("table"), @r"
    name         calls  total_ms  missing
    -----------  -----  --------  -------
    aten::addmm      6     360.0
    ");
    insta::assert_snapshot!(ask("csv"), @r"
    name,calls,total_ms,missing
    aten::addmm,6,360.0,
    ");
    insta::assert_snapshot!(ask("json"), @r#"
    {
      "schema": "perfagent.sql/1",
      "columns": ["name","calls","total_ms","missing"],
      "rows": [
        {"name":"aten::addmm","calls":6,"total_ms":360.0,"missing":null}
      ]
    }
    "#);
}

#[test]
fn values_survive_json_exactly() {
    let folder = cpu_folder();
    let query = "SELECT 9223372036854775807 AS big, 'a\"b' || char(10) AS text, x'00ff' AS bytes, 9e999 AS inf, 1 AS big";
    let answer = run(folder.path(), &["sql", "run.perfdb", query, "--format", "json"]).answer();
    let document: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let expected = serde_json::json!(
        [{"big": 9_223_372_036_854_775_807_i64, "text": "a\"b\n", "bytes": "00ff", "inf": null, "big:1": 1}]
    );
    assert_eq!(document["rows"], expected);
}

#[test]
fn an_answer_without_rows_is_an_answer() {
    let folder = cpu_folder();
    let query = "SELECT id FROM kernels";
    let ask =
        |format| run(folder.path(), &["sql", "run.perfdb", query, "--format", format]).answer();
    assert_eq!(ask("table"), "id\n--\n");
    assert_eq!(ask("csv"), "id\n");
    let document: serde_json::Value = serde_json::from_str(&ask("json")).unwrap();
    assert_eq!(document["rows"], serde_json::json!([]));
}

#[test]
fn long_answers_keep_their_columns() {
    let folder = cpu_folder();
    let query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n";
    let answer = run(folder.path(), &["sql", "run.perfdb", query]).answer();
    assert_eq!(answer.lines().count(), 2002);
    assert_eq!(answer.lines().last(), Some("2000"));
}

#[test]
fn tables_can_be_listed() {
    let folder = cpu_folder();
    let tables = run(folder.path(), &["sql", "run.perfdb", ".tables", "--format", "csv"]).answer();
    for table in ["strings", "operators", "collectives", "losses"] {
        assert!(tables.lines().any(|line| line == table), "{table} is not in: {tables}");
    }
}

#[test]
fn mistakes_in_sql_are_one_line() {
    let folder = cpu_folder();
    for query in [
        "SELEC 1",
        "SELECT no_such_column FROM operators",
        "SELECT\n  * FROM\n no_such_table",
        "DELETE FROM operators",
        "CREATE TABLE t (x)",
        "SELECT 1; SELECT 2",
        "SELECT abs(-9223372036854775808)",
        "",
        " ; ",
        "/* only a remark */",
    ] {
        for format in ["table", "json"] {
            run(folder.path(), &["sql", "run.perfdb", query, "--format", format])
                .refusal("run.perfdb");
        }
    }
    let count = run(
        folder.path(),
        &["sql", "run.perfdb", "SELECT count(*) FROM operators", "--format", "csv"],
    );
    assert_eq!(count.answer(), "count(*)\n6\n");
}
