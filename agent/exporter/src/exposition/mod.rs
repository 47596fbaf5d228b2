//! Metrics as text: the Prometheus format 0.0.4 and `OpenMetrics` 1.0.

mod accept;
mod family;
mod text;

pub(crate) use accept::Form;
pub(crate) use family::{Family, Kind, Page};
