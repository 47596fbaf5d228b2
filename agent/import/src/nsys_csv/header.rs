//! Which columns a trace has, in which units.

use super::fields::Fields;
use crate::decimal::scaled;

/// Which of the traces a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Gpu,
    Api,
}

/// A column that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Start,
    Duration,
    Correlation,
    Grid(u8),
    Block(u8),
    Registers,
    Bytes,
    Device,
    Context,
    Stream,
    Name,
    Result,
    Pid,
    Tid,
    ThreadName,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// How many fields each row has.
    pub(crate) fields: usize,
    /// Where columns stand, and what their numbers must be multiplied with.
    columns: Vec<(Column, usize, u64)>,
}

impl Header {
    /// Understands a line that is the header of one of the traces.
    pub(crate) fn parse(record: &Fields) -> Option<Self> {
        if !record.get(0)?.starts_with("Start") {
            return None;
        }
        let mut columns = Vec::new();
        for (place, field) in record.iter().enumerate() {
            let (name, unit) = name_and_unit(field);
            let Some(column) = column(&name) else { continue };
            let factor = match column {
                Column::Start | Column::Duration => time_unit(unit?)?,
                Column::Bytes => unit.map_or(Some(1), size_unit)?,
                _ => 1,
            };
            columns.push((column, place, factor));
        }
        let has = |wanted| columns.iter().any(|(column, ..)| *column == wanted);
        let kind = match (has(Column::Stream), has(Column::Tid)) {
            (true, _) => Kind::Gpu,
            (_, true) => Kind::Api,
            _ => return None,
        };
        let whole = has(Column::Start) && has(Column::Duration) && has(Column::Name);
        whole.then_some(Self { kind, fields: record.len(), columns })
    }

    /// The text of a column; `None` where it is missing or not applicable.
    pub(crate) fn text<'a>(&self, record: &'a Fields, wanted: Column) -> Option<&'a str> {
        let (_, place, _) = self.columns.iter().find(|(column, ..)| *column == wanted)?;
        let text = record.get(*place)?.trim_ascii();
        let told = !text.is_empty() && text != "-" && !text.eq_ignore_ascii_case("n/a");
        told.then_some(text)
    }

    /// The number in a column in its basic unit; `Err` with the text that is none. Lengths and sizes are none below 0.
    pub(crate) fn number(
        &self,
        record: &Fields,
        wanted: Column,
    ) -> Result<Option<(i64, bool)>, String> {
        let Some(text) = self.text(record, wanted) else { return Ok(None) };
        let is_length = matches!(wanted, Column::Duration | Column::Bytes);
        let read = scaled(text, self.factor(wanted));
        let read = read.filter(|(number, _)| *number >= 0 || !is_length);
        read.map(Some).ok_or_else(|| text.chars().take(40).collect())
    }

    /// What the numbers of a column are multiplied with.
    pub(crate) fn factor(&self, wanted: Column) -> u64 {
        let found = self.columns.iter().find(|(column, ..)| *column == wanted);
        found.map_or(1, |(.., factor)| *factor)
    }
}

/// Whether a text has such a header among its first lines. Lines of the program's own may stand before it.
pub(crate) fn is_in(head: &[u8]) -> bool {
    const LINES: usize = 40;
    head.split(|&byte| byte == b'\n').take(LINES).any(|line| {
        if !line.starts_with(b"Start") && !line.starts_with(b"\"Start") {
            return false;
        }
        let mut fields = Fields::default();
        str::from_utf8(line).is_ok_and(|line| fields.split(line.trim_end()))
            && Header::parse(&fields).is_some()
    })
}

/// `Start (ns)` or `Start [ns]` or `Start(ns)`, the name in lower case.
fn name_and_unit(field: &str) -> (String, Option<&str>) {
    let field = field.trim().trim_start_matches('\u{feff}');
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some((name, unit)) =
            field.strip_suffix(close).and_then(|text| text.rsplit_once(open))
        {
            return (name.trim().to_ascii_lowercase(), Some(unit.trim()));
        }
    }
    (field.to_ascii_lowercase(), None)
}

fn column(name: &str) -> Option<Column> {
    Some(match name {
        "start" => Column::Start,
        "duration" => Column::Duration,
        "corrid" => Column::Correlation,
        "grdx" => Column::Grid(0),
        "grdy" => Column::Grid(1),
        "grdz" => Column::Grid(2),
        "blkx" => Column::Block(0),
        "blky" => Column::Block(1),
        "blkz" => Column::Block(2),
        "reg/trd" => Column::Registers,
        "bytes" => Column::Bytes,
        "device" => Column::Device,
        "ctx" => Column::Context,
        "strm" => Column::Stream,
        "name" => Column::Name,
        "result" => Column::Result,
        "pid" => Column::Pid,
        "tid" => Column::Tid,
        "thread name" => Column::ThreadName,
        _ => return None,
    })
}

/// Nanoseconds in a unit.
fn time_unit(unit: &str) -> Option<u64> {
    Some(match unit.to_lowercase().as_str() {
        "ns" | "nsec" => 1,
        "us" | "usec" | "µs" | "μs" => 1_000,
        "ms" | "msec" => 1_000_000,
        "s" | "sec" => 1_000_000_000,
        _ => return None,
    })
}

/// Bytes in a unit.
fn size_unit(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Column, Fields, Header, Kind, is_in};

    fn header(line: &str) -> Option<Header> {
        let mut fields = Fields::default();
        assert!(fields.split(line));
        Header::parse(&fields)
    }

    #[test]
    fn headers_of_every_age_and_unit() {
        for (line, kind, factors) in [
            (
                "Start (ns),Duration (ns),CorrId,Bytes (MB),Device,Ctx,GreenCtx,Strm,Name",
                Kind::Gpu,
                [1, 1_000_000],
            ),
            ("Start(nsec),Duration(nsec),CorrId,Bytes(byte),Strm,Name", Kind::Gpu, [1, 1]),
            ("Start [us],Duration [us],CorrId,Bytes [KiB],Strm,Name", Kind::Gpu, [1000, 1024]),
            (
                "Start (sec),Duration (sec),Name,Result,CorrID,PID,TID,T-Pri,Thread Name",
                Kind::Api,
                [1_000_000_000, 1],
            ),
        ] {
            let found = header(line).unwrap();
            assert_eq!(found.kind, kind, "{line}");
            assert_eq!(
                [found.factor(Column::Start), found.factor(Column::Bytes)],
                factors,
                "{line}"
            );
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "Time (%),Total Time (ns),Instances,Name",
            "Start (ns),End (ns),Duration (ns),Name,PID",
            "Start (fortnights),Duration (ns),Strm,Name",
            "Start,Duration,Strm,Name",
            "1,2,3",
            "",
        ] {
            assert_eq!(header(line), None, "{line}");
        }
        assert!(is_in(
            b"\nNOTICE: x\nProcessing [a] with [b]...\nStart (ns),Duration (ns),Strm,Name\n"
        ));
        assert!(!is_in(b"# nccl-tests\nStart here\n"));
    }
}
