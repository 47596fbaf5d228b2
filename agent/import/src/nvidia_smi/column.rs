//! The columns of a query, and what perfagent's own sampler calls the same quantities.

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    Timestamp,
    Index,
    Uuid,
    BusId,
    Name,
    /// A quantity that is sampled.
    Metric(Metric),
    /// A reason why clocks are held down: `Active` or `Not Active`.
    State(&'static str),
    /// Something else that can be queried.
    Other,
}

/// A quantity as a recording has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// The unit in the file, and what its values are multiplied by.
    pub(super) written: &'static str,
    scale: f64,
}

const MIB: f64 = 1_048_576.0;

/// The name in a query, the counter, its unit, and the unit in the file.
const METRICS: [(&str, &str, &str, &str); 29] = [
    ("utilization.gpu", "gpu_utilization", "pct", "%"),
    ("utilization.memory", "memory_utilization", "pct", "%"),
    ("utilization.encoder", "encoder_utilization", "pct", "%"),
    ("utilization.decoder", "decoder_utilization", "pct", "%"),
    ("memory.used", "memory_used", "bytes", "MiB"),
    ("memory.free", "memory_free", "bytes", "MiB"),
    ("memory.reserved", "memory_reserved", "bytes", "MiB"),
    ("power.draw", "power", "W", "W"),
    ("power.draw.average", "power_average", "W", "W"),
    ("power.draw.instant", "power_instant", "W", "W"),
    ("power.limit", "power_limit", "W", "W"),
    ("enforced.power.limit", "power_limit_enforced", "W", "W"),
    ("clocks.sm", "sm_clock", "MHz", "MHz"),
    ("clocks.current.sm", "sm_clock", "MHz", "MHz"),
    ("clocks.mem", "memory_clock", "MHz", "MHz"),
    ("clocks.current.memory", "memory_clock", "MHz", "MHz"),
    ("clocks.gr", "graphics_clock", "MHz", "MHz"),
    ("clocks.current.graphics", "graphics_clock", "MHz", "MHz"),
    ("clocks.video", "video_clock", "MHz", "MHz"),
    ("clocks.current.video", "video_clock", "MHz", "MHz"),
    ("temperature.gpu", "temperature", "C", ""),
    ("temperature.memory", "memory_temperature", "C", ""),
    ("fan.speed", "fan_speed", "pct", "%"),
    ("ecc.errors.corrected.volatile.total", "ecc_corrected", "count", ""),
    ("ecc.errors.uncorrected.volatile.total", "ecc_uncorrected", "count", ""),
    ("pcie.link.gen.current", "pcie_generation", "count", ""),
    ("pcie.link.gen.gpucurrent", "pcie_generation", "count", ""),
    ("pcie.link.width.current", "pcie_width", "count", ""),
    ("encoder.stats.sessionCount", "encoder_sessions", "count", ""),
];

/// Reasons by the end of their name: it begins with `clocks_throttle_reasons.` or, since 2023, `clocks_event_reasons.`.
const REASONS: [(&str, &str); 8] = [
    ("gpu_idle", "throttle_idle"),
    ("applications_clocks_setting", "throttle_application_clocks"),
    ("sw_power_cap", "throttle_power_cap"),
    ("hw_slowdown", "throttle_hw_slowdown"),
    ("sync_boost", "throttle_sync_boost"),
    ("sw_thermal_slowdown", "throttle_sw_thermal"),
    ("hw_thermal_slowdown", "throttle_hw_thermal"),
    ("hw_power_brake_slowdown", "throttle_power_brake"),
];

/// Names in queries of what is no quantity over time, as far as they tell a heading from other text.
const OTHERS: [&str; 8] = [
    "driver_version",
    "count",
    "serial",
    "pstate",
    "memory.total",
    "vbios_version",
    "compute_mode",
    "power.max_limit",
];

impl Column {
    /// The column with this heading: `power.draw [W]`.
    pub(super) fn of_heading(heading: &str) -> Self {
        let name = plain(heading);
        match name {
            "timestamp" => return Self::Timestamp,
            "index" => return Self::Index,
            "uuid" | "gpu_uuid" => return Self::Uuid,
            "pci.bus_id" | "gpu_bus_id" => return Self::BusId,
            "name" | "gpu_name" => return Self::Name,
            _ => {}
        }
        if let Some((_, name, unit, written)) = METRICS.iter().find(|metric| metric.0 == name) {
            let scale = if *written == "MiB" { MIB } else { 1.0 };
            return Self::Metric(Metric { name, unit, written, scale });
        }
        let reason = ["clocks_throttle_reasons.", "clocks_event_reasons."]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        let known = REASONS.iter().find(|(end, _)| Some(*end) == reason);
        known.map_or(Self::Other, |(_, counter)| Self::State(counter))
    }
}

/// The columns of a line, when it is a heading.
pub(super) fn columns(line: &str) -> Option<Vec<Column>> {
    let headings: Vec<&str> = line.split(',').map(plain).collect();
    let columns: Vec<Column> = headings.iter().map(|heading| Column::of_heading(heading)).collect();
    let is_sampled = |column: &&Column| matches!(column, Column::Metric(_) | Column::State(_));
    let known = columns.iter().zip(&headings);
    let known = known.filter(|(column, name)| **column != Column::Other || OTHERS.contains(name));
    (columns.iter().any(|column| is_sampled(&column)) && known.count() >= 2).then_some(columns)
}

/// A heading without its unit.
fn plain(heading: &str) -> &str {
    let heading = heading.trim();
    heading.split_once(" [").map_or(heading, |(name, _)| name)
}

impl Metric {
    /// The value of a cell: `38.74 W`, or without its unit; `None` for what is no number in that unit.
    pub(super) fn value(&self, cell: &str) -> Option<f64> {
        let (number, unit) = cell.split_once(' ').unwrap_or((cell, self.written));
        let value = number.parse::<f64>().ok()? * self.scale;
        (unit.trim() == self.written && value.is_finite()).then_some(value)
    }

    /// Whether its values carry a unit, when the file has units.
    pub(super) const fn has_unit(&self) -> bool {
        !self.written.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, columns};

    #[test]
    fn headings_and_their_units() {
        let of = |text: &str| columns(text).map(|columns| columns.len());
        assert_eq!(of("timestamp, index, power.draw [W], utilization.gpu [%]"), Some(4));
        assert_eq!(of("memory.used [MiB],power.draw"), Some(2));
        assert_eq!(of("2024/11/23 12:23:29.950, 0, 38.74 W, 92 %"), None);
        assert_eq!(of("name, size"), None);
        assert_eq!(of("power.draw [W]"), None);
        let Column::Metric(used) = Column::of_heading("memory.used [MiB]") else { panic!() };
        assert_eq!(
            (used.name, used.value("3 MiB"), used.value("3")),
            ("memory_used", Some(3_145_728.0), Some(3_145_728.0))
        );
        for none in ["3 W", "[N/A]", "nan", "inf", "1e305 MiB"] {
            assert_eq!(used.value(none), None, "{none}");
        }
        assert_eq!(
            Column::of_heading("clocks_event_reasons.sw_power_cap"),
            Column::State("throttle_power_cap")
        );
    }
}
