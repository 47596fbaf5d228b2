//! Which format a scrape asks for.

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The Prometheus text format, 0.0.4: what every scraper and `node_exporter`'s textfile collector understand.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Form {
    /// What the `Accept` header of a request prefers; without a wish, or with one that nobody can meet, Prometheus's text.
    #[must_use]
    pub(crate) fn accepted(header: &str) -> Self {
        let mut best = (0.0_f64, Self::Prometheus);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut version) = (1.0, None);
            for part in parts {
                let Some((name, value)) = part.split_once('=') else { continue };
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => quality = value.trim().parse().unwrap_or(0.0),
                    "version" => version = Some(value.trim().trim_matches('"')),
                    _ => {}
                }
            }
            let form = match (kind.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => Self::OpenMetrics,
                ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => Self::Prometheus,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, form);
            }
        }
        best.1
    }

    /// For the header `Content-Type`.
    #[must_use]
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Form;

    #[test]
    fn the_wish_of_each_scraper_is_met() {
        for (header, form) in [
            ("", Form::Prometheus),
            ("*/*", Form::Prometheus),
            ("text/html, */*;q=0.8", Form::Prometheus),
            ("application/openmetrics-text", Form::OpenMetrics),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Form::OpenMetrics,
            ),
            // Prometheus 3 with protobuf.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Form::OpenMetrics,
            ),
            ("text/plain;version=0.0.4, application/openmetrics-text;q=0.5", Form::Prometheus),
            ("application/openmetrics-text;q=0", Form::Prometheus),
            ("application/openmetrics-text;version=9.0.0", Form::Prometheus),
        ] {
            assert_eq!(Form::accepted(header), form, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_has_an_answer(header in "[a-z/*;=q.,0-9 \"]{0,80}") {
            let _ = Form::accepted(&header);
        }
    }
}
