//! A series of results as `changepoints` takes it in: JSON or CSV.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use serde_json::Value;

/// One value a run, the oldest first.
#[derive(Debug, PartialEq)]
pub(crate) struct Series {
    /// The values.
    pub(crate) values: Vec<f64>,
    /// What each run is called, when the file says: a time, a commit.
    pub(crate) times: Option<Vec<String>>,
}

/// Reads a series. The format is told by the first character that is not white space: `[` and `{`
/// begin JSON, anything else a CSV file with a row of names.
pub(crate) fn read(path: &Path, column: &str) -> anyhow::Result<Series> {
    let name = path.display();
    if path.is_dir() {
        bail!("{name}: is a directory; name a JSON or CSV file");
    }
    let bytes = fs::read(path)
        .map_err(|error| anyhow!("{name}: cannot be read: {error}; check the path"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("{name}: byte {at} is not text; give a JSON array of numbers or a CSV file")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let series = match text.trim_start().chars().next() {
        None => bail!("{name}: is empty; give a JSON array of numbers or a CSV file"),
        Some('[' | '{') => json(text),
        Some(_) => csv(text, column),
    };
    series.with_context(|| format!("{name}"))
}

fn json(text: &str) -> anyhow::Result<Series> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| anyhow!("is not JSON: {error}; repair or write it again"))?;
    let (values, times) = match &document {
        Value::Object(fields) => {
            let values = fields.get("values").ok_or_else(|| {
                anyhow!(
                    "has no field \"values\"; give {{\"values\": [...]}} or an array of numbers"
                )
            })?;
            (values, fields.get("times").filter(|times| !times.is_null()))
        }
        array => (array, None),
    };
    let values = list(values, "values")?
        .iter()
        .enumerate()
        .map(|(index, value)| {
            value.as_f64().filter(|value| value.is_finite()).ok_or_else(|| {
                anyhow!("value {index} (counted from 0) is {value}, not a number; leave out runs without a result")
            })
        })
        .collect::<anyhow::Result<Vec<f64>>>()?;
    let times = times.map(|times| list(times, "times")).transpose()?.map(|times| {
        times
            .iter()
            .map(|time| time.as_str().map_or_else(|| time.to_string(), str::to_owned))
            .collect::<Vec<_>>()
    });
    series(values, times)
}

fn list<'a>(value: &'a Value, what: &str) -> anyhow::Result<&'a [Value]> {
    let list = value.as_array().map(Vec::as_slice);
    list.ok_or_else(|| anyhow!("\"{what}\" is not an array; give one entry a run"))
}

fn csv(text: &str, column: &str) -> anyhow::Result<Series> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| broken(&error))?.clone();
    let place = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
    let value_column = place(column).ok_or_else(|| {
        let names = names.iter().collect::<Vec<_>>().join(", ");
        anyhow!("has no column `{column}`; its columns are {names}; choose one with --column")
    })?;
    let time_column = ["time", "times", "date", "timestamp", "commit"].into_iter().find_map(place);
    let (mut values, mut times) = (Vec::new(), Vec::new());
    for row in reader.records() {
        let row = row.map_err(|error| broken(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = row.get(value_column).unwrap_or_default();
        let value: Option<f64> = cell.parse().ok();
        values.push(value.filter(|value| value.is_finite()).ok_or_else(|| {
            anyhow!("line {line}: `{cell}` in column `{column}` is not a finite number; leave out runs without a result")
        })?);
        times.extend(time_column.map(|column| row.get(column).unwrap_or_default().to_owned()));
    }
    series(values, time_column.map(|_| times))
}

fn broken(error: &csv::Error) -> anyhow::Error {
    anyhow!("is not CSV: {error}; repair or write it again")
}

fn series(values: Vec<f64>, times: Option<Vec<String>>) -> anyhow::Result<Series> {
    if let Some(times) = &times {
        ensure!(
            times.len() == values.len(),
            "has {} values and {} times; give one time a value, or none",
            values.len(),
            times.len()
        );
    }
    Ok(Series { values, times })
}

#[cfg(test)]
mod tests {
    use super::{csv, json};

    #[test]
    fn the_three_forms_hold_the_same() {
        let plain = json("[1, 2.5, -3e2]").unwrap();
        assert_eq!(plain.values, [1.0, 2.5, -300.0]);
        let dated = json(r#"{"values": [1, 2.5, -300], "times": ["a", 7, null]}"#).unwrap();
        assert_eq!(dated.values, plain.values);
        assert_eq!(dated.times.unwrap(), ["a", "7", "null"]);
        let table = csv("time,Value,other\na, 1 ,x\nb,2.5,y\nc,-3e2,z\n", "value").unwrap();
        assert_eq!(table.values, plain.values);
        assert_eq!(table.times.unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn the_place_of_a_mistake_is_told() {
        for (text, place) in [
            ("[1, null]", "value 1"),
            ("[1, 1e999]", "line 1 column"),
            ("[1, [2]]", "value 1"),
            ("{\"value\": 1}", "no field \"values\""),
            ("{\"values\": [1], \"times\": []}", "1 values and 0 times"),
            ("[1, 2", "line 1 column 5"),
        ] {
            let message = json(text).unwrap_err().to_string();
            assert!(message.contains(place), "{text}: {message}");
        }
        for (text, place) in [
            ("value\n1\nnan\n", "line 3"),
            ("value\n1\n\"\"\n", "line 3"),
            ("a,b\n1,2\n", "its columns are a, b"),
            ("a,value\n1,2\n3\n", "line: 3"),
        ] {
            let message = csv(text, "value").unwrap_err().to_string();
            assert!(message.contains(place), "{text}: {message}");
        }
    }
}
