//! Every row of a recording as text, with names instead of numbers of texts.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

/// The columns that hold numbers of texts.
const TEXTS: [&str; 7] =
    ["name_id", "domain_id", "category_id", "shapes_id", "kind_id", "source_id", "types_id"];

/// All rows but the texts, table after table, without columns that are NULL.
pub(crate) fn rows(path: &Path) -> String {
    let database = Connection::open(path).unwrap();
    let all = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut text = String::new();
    for table in all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
        if ["strings", "meta", "spool_progress"].contains(&table.as_str()) {
            continue;
        }
        let mut statement =
            database.prepare(&format!("SELECT * FROM {table} ORDER BY id")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let mut line = format!("{table}:");
            for (index, column) in columns.iter().enumerate() {
                let value = match row.get(index).unwrap() {
                    Value::Null => continue,
                    Value::Integer(id) if TEXTS.contains(&column.as_str()) => {
                        if id == 0 {
                            continue;
                        }
                        let sql = format!("SELECT value FROM strings WHERE id = {id}");
                        format!("`{}`", all(&sql)[0])
                    }
                    Value::Integer(number) => number.to_string(),
                    Value::Real(number) => number.to_string(),
                    Value::Text(text) => format!("`{text}`"),
                    Value::Blob(_) => "blob".to_owned(),
                };
                if value != "``" {
                    line.extend([" ", column, "=", &value]);
                }
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}
