//! A page as text.

use std::fmt::{self, Display, Write as _};

use super::{Family, Form, Kind, Page};

impl Page {
    /// The text that answers a scrape. Families without a value are left out.
    #[must_use]
    pub(crate) fn text(&self, form: Form) -> String {
        let mut text = String::with_capacity(1 << 16);
        // Writing to a String does not fail.
        let _ = self.write(form, &mut text);
        text
    }

    fn write(&self, form: Form, out: &mut String) -> fmt::Result {
        for family in self.families.iter().filter(|family| !family.samples.is_empty()) {
            write_family(family, form, out)?;
        }
        if form == Form::OpenMetrics {
            out.push_str("# EOF\n");
        }
        Ok(())
    }
}

fn write_family(family: &Family, form: Form, out: &mut String) -> fmt::Result {
    let suffix = match family.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::ForeignCounter => "",
    };
    // OpenMetrics names the family, the older format the samples.
    let (named, kind) = match (form, family.kind) {
        (_, Kind::Gauge) => ("", "gauge"),
        (Form::OpenMetrics, Kind::Counter) => ("", "counter"),
        (Form::OpenMetrics, Kind::ForeignCounter) => ("", "unknown"),
        (Form::OpenMetrics, Kind::Info) => ("", "info"),
        (Form::Prometheus, Kind::Counter | Kind::ForeignCounter) => (suffix, "counter"),
        (Form::Prometheus, Kind::Info) => (suffix, "gauge"),
    };
    let name = &family.name;
    writeln!(
        out,
        "# HELP {name}{named} {}",
        Escaped { text: &family.help, quotes: form == Form::OpenMetrics }
    )?;
    writeln!(out, "# TYPE {name}{named} {kind}")?;
    if form == Form::OpenMetrics && !family.unit.is_empty() {
        writeln!(out, "# UNIT {name} {}", family.unit)?;
    }
    for sample in &family.samples {
        write!(out, "{name}{suffix}")?;
        let mut separator = '{';
        for (label, value) in &sample.labels {
            write!(out, "{separator}{label}=\"{}\"", Escaped { text: value, quotes: true })?;
            separator = ',';
        }
        if separator == ',' {
            out.push('}');
        }
        writeln!(out, " {}", Number(sample.value))?;
    }
    Ok(())
}

/// Text within quotes or behind a name.
struct Escaped<'a> {
    text: &'a str,
    quotes: bool,
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.text.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.quotes => f.write_str("\\\"")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            value if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            value => Display::fmt(&value, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Form, Kind, Page};

    fn page() -> Page {
        let mut page = Page::default();
        let joules =
            page.family("power_used_joules", Kind::Counter, "joules", "Energy since \"boot\".");
        joules.add(vec![("gpu", "0".into()), ("name", "a\\b\"c\nd".into())], 1.5e9);
        page.family("build", Kind::Info, "", "Which.").add(vec![("version", "1".into())], 1.0);
        page.family("DCGM_FI_DEV_X", Kind::ForeignCounter, "", "Somebody else's.").add(vec![], 3.0);
        page.gauge("odd", "Odd.").add(vec![], f64::NEG_INFINITY);
        page.gauge("empty", "Nothing.");
        page
    }

    #[test]
    fn both_forms_say_the_same() {
        insta::assert_snapshot!("prometheus", page().text(Form::Prometheus));
        insta::assert_snapshot!("openmetrics", page().text(Form::OpenMetrics));
    }

    #[test]
    fn the_same_labels_twice_are_one_sample() {
        let mut page = Page::default();
        page.gauge("a", "A.").add(vec![("x", "1".into())], 1.0).add(vec![("x", "1".into())], 2.0);
        assert_eq!(page.text(Form::Prometheus), "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 2\n");
    }

    proptest! {
        #[test]
        fn no_label_breaks_out_of_its_line(value in "\\PC*|[\\n\\r\"\\\\]{0,9}") {
            let mut page = Page::default();
            page.gauge("a", "A.").add(vec![("x", value)], 1.0);
            let text = page.text(Form::Prometheus);
            prop_assert_eq!(text.matches('\n').count(), 3);
            let line = text.lines().last().unwrap();
            let is_whole = line.starts_with("a{x=\"") && line.ends_with("\"} 1");
            prop_assert!(is_whole, "{}", line);
        }
    }
}
