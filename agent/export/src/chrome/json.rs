//! Events of a trace as lines of JSON, written one by one.

use std::io::{self, Write};

/// A point or a length of time as decimal microseconds with all three decimals, as PyTorch writes it.
pub(crate) fn micros(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let magnitude = nanos.unsigned_abs();
    format!("{sign}{}.{:03}", magnitude / 1000, magnitude % 1000)
}

/// A number as JSON that reads back as the same number, with a point where it is no integer by type.
pub(crate) fn real(value: f64) -> String {
    if value.is_nan() {
        return "null".to_owned();
    }
    if value.is_infinite() {
        // JSON has no word for it.
        return if value > 0.0 { "\"inf\"" } else { "\"-inf\"" }.to_owned();
    }
    format!("{value:?}")
}

/// The events of a file.
pub(crate) struct Events<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
    base: i64,
    first: bool,
}

impl<'a> Events<'a> {
    /// Writes to `out`, times relative to `base`, ns since the Unix epoch.
    pub(crate) fn new(out: &'a mut dyn Write, base: i64) -> Self {
        Self { out, line: Vec::with_capacity(1 << 10), base, first: true }
    }

    /// Time as this file writes it.
    pub(crate) fn relative(&self, nanos: i64) -> String {
        micros(i128::from(nanos) - i128::from(self.base))
    }

    /// Begins an event of a phase on a track.
    pub(crate) fn begin(
        &mut self,
        phase: &str,
        category: &str,
        name: &str,
        (pid, tid): (i64, i64),
    ) -> Event<'_, 'a> {
        self.line.clear();
        self.line.extend(if self.first { b"\n  {" } else { b",\n  {" as &[u8] });
        self.first = false;
        let mut event = Event { events: self, in_arguments: false, fields: 0 };
        event.text("ph", phase);
        if !category.is_empty() {
            event.text("cat", category);
        }
        event.text("name", name);
        event.int("pid", pid);
        event.int("tid", tid);
        event
    }

    /// Begins a complete event.
    pub(crate) fn span(
        &mut self,
        category: &str,
        name: &str,
        track: (i64, i64),
        start: i64,
        end: i64,
    ) -> Event<'_, 'a> {
        let length = (i128::from(end) - i128::from(start)).max(0);
        let mut event = self.begin("X", category, name, track);
        event.time("ts", start);
        event.raw("dur", &micros(length));
        event
    }
}

/// An event that is being written: first its own fields, then its arguments.
pub(crate) struct Event<'e, 'a> {
    events: &'e mut Events<'a>,
    in_arguments: bool,
    fields: u32,
}

impl Event<'_, '_> {
    fn key(&mut self, key: &str) {
        let line = &mut self.events.line;
        if self.fields > 0 {
            line.extend(b", ");
        }
        self.fields += 1;
        // Keys are ours and hold nothing that has to be escaped.
        line.push(b'"');
        line.extend(key.as_bytes());
        line.extend(b"\": ");
    }

    /// What follows are arguments.
    pub(crate) fn arguments(&mut self) {
        if !self.in_arguments {
            self.key("args");
            self.events.line.push(b'{');
            (self.in_arguments, self.fields) = (true, 0);
        }
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.events.line.extend(json.as_bytes());
    }

    /// A value that is JSON already, under a key that is not ours.
    pub(crate) fn named(&mut self, key: &str, json: &str) {
        let escaped = serde_json::to_string(key).unwrap_or_default();
        let bare = escaped.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        self.raw(bare.unwrap_or_default(), json);
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        // Writing a text to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.events.line, text);
        // Perfetto takes every quote behind a backslash for part of the text, `\\"` too, and refuses the whole file.
        if text.ends_with('\\') {
            let line = &mut self.events.line;
            line.truncate(line.len() - r#"\\""#.len());
            line.extend(br#"\u005c""#);
        }
    }

    /// A text, unless it is empty.
    pub(crate) fn some_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        let _ = write!(self.events.line, "{value}");
    }

    /// A number, when it is known.
    pub(crate) fn some(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.int(key, value);
        }
    }

    /// A point in time, relative to the base of the file.
    pub(crate) fn time(&mut self, key: &str, nanos: i64) {
        let text = self.events.relative(nanos);
        self.raw(key, &text);
    }

    /// Writes it.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.arguments();
        self.events.line.extend(b"}}");
        self.events.out.write_all(&self.events.line)
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, micros, real};

    #[test]
    fn times_have_three_decimals() {
        let shown = [0, 7, 12_345, -12_345, -1].map(micros);
        assert_eq!(shown, ["0.000", "0.007", "12.345", "-12.345", "-0.001"]);
        assert_eq!(micros(i128::from(i64::MAX) * 2), "18446744073709551.614");
    }

    #[test]
    fn numbers_come_back() {
        for value in [0.0, -0.0, 5.0, 0.1, 1e300, -2.5e-310, f64::INFINITY, f64::NEG_INFINITY] {
            let text = real(value);
            let read: f64 = text.trim_matches('"').parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            assert!(text.parse::<i64>().is_err(), "{text} would come back as an integer");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
        assert_eq!(real(f64::NAN), "null");
    }

    #[test]
    fn an_event_is_a_line() {
        let mut out = Vec::new();
        let mut events = Events::new(&mut out, 1_000_000);
        let mut event = events.span("kernel", "f<\"x\">\n", (0, 7), 1_002_500, 1_002_000);
        event.arguments();
        event.int("stream", 7);
        event.some("bytes", None);
        event.end().unwrap();
        events.begin("M", "", "process_name", (1, 0)).end().unwrap();
        let wanted = "\n  {\"ph\": \"X\", \"cat\": \"kernel\", \"name\": \"f<\\\"x\\\">\\n\", \"pid\": 0, \"tid\": 7, \"ts\": 2.500, \
                      \"dur\": 0.000, \"args\": {\"stream\": 7}},\n  {\"ph\": \"M\", \"name\": \"process_name\", \"pid\": 1, \"tid\": 0, \"args\": {}}";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
