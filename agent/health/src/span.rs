//! Lengths of time in words.

/// `3.2 h`.
pub(crate) fn span(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds > 0.0 && seconds < 0.05 => format!("{:.1} ms", seconds * 1e3),
        seconds if seconds > 0.0 && seconds < 2.0 => format!("{seconds:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86_400.0),
    }
}
