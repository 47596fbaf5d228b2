//! What other programs put before, between and behind the benchmark's own words.

/// A line without what `mpirun --tag-output`, `srun --label` or a log collector put before it.
pub(super) fn without_label(line: &str) -> &str {
    for mark in ["<stdout>:", "<stderr>:", "<stddiag>:"] {
        if let Some((_, rest)) = line.split_once(mark) {
            return rest;
        }
    }
    if let Some((label, rest)) = line.split_once(": ")
        && is_number(label.trim())
    {
        return rest;
    }
    // An ISO date and time, as containers' logs have them.
    match line.split_once(' ') {
        Some((first, rest)) if is_iso_moment(first) => rest,
        _ => line,
    }
}

/// A line without the message of NCCL in it, which may begin anywhere: `   1024   256   float   sumhost:71:93 [0] NCCL INFO …`.
/// `hosts` are the known machines: where a name touches a number, only they tell where it begins.
pub(super) fn without_messages<'a>(line: &'a str, hosts: &[String]) -> &'a str {
    let Some(mark) = ["NCCL INFO", "NCCL WARN", "NCCL TRACE", "NCCL CALL", "NCCL ERROR"]
        .iter()
        .filter_map(|mark| line.find(mark))
        .min()
    else {
        return line;
    };
    let before = &line[..mark];
    let mut from = 0;
    for word in before.split_inclusive(' ') {
        if let Some(place) = origin(word.trim_end(), from == 0, hosts) {
            // A date before it is NCCL's too.
            let kept = &before[..from + place];
            return match kept.rfind('[') {
                Some(bracket) if kept[bracket..].trim_end().ends_with(']') => &kept[..bracket],
                _ => kept,
            };
        }
        from += word.len();
    }
    before
}

/// Where in `word` the origin of a message begins, `host:pid:tid`. At the beginning of a line nothing stands before it.
fn origin(word: &str, begins_line: bool, hosts: &[String]) -> Option<usize> {
    let mut parts = word.rsplitn(3, ':');
    let (tid, pid, host) = (parts.next()?, parts.next()?, parts.next()?);
    if !is_number(tid) || !is_number(pid) || host.is_empty() {
        return None;
    }
    if begins_line {
        return Some(0);
    }
    if let Some(known) = hosts.iter().find(|known| host.ends_with(known.as_str())) {
        return Some(host.len() - known.len());
    }
    // Without a blank between: `sumhost`, `-1host`, `0.00host`, `N/Ahost`.
    let words = ["sum", "prod", "max", "min", "avg", "mulsum", "none", "N/A"];
    if let Some(touching) = words.iter().find(|touching| host.starts_with(**touching)) {
        return Some(touching.len());
    }
    Some(
        host.len()
            - host.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')).len(),
    )
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_iso_moment(word: &str) -> bool {
    let date = word.split_once('T').map(|(date, _)| date).unwrap_or_default();
    date.len() == 10 && date.split('-').count() == 3 && date.split('-').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::{without_label, without_messages};

    #[test]
    fn labels_are_taken_off() {
        for line in [
            "[1,0]<stdout>:#  size",
            "[prterun-n1-77@1,0]<stdout>:#  size",
            "0: #  size",
            " 12: #  size",
            "2024-11-23T12:23:29.95Z #  size",
            "Sat Nov 23 12:23:29 2024[1,3]<stderr>:#  size",
            "#  size",
        ] {
            assert_eq!(without_label(line), "#  size", "{line}");
        }
        assert_eq!(without_label("host: 12"), "host: 12");
    }

    #[test]
    fn messages_are_cut_off_wherever_they_begin() {
        let hosts = ["10node".to_owned()];
        for (line, left) in [
            ("  8  2  float  sumhost-1:71:93 [0] NCCL INFO x", "  8  2  float  sum"),
            ("  8  2  float  sum  -1host:71:93 [0] NCCL INFO x", "  8  2  float  sum  -1"),
            ("  8  2  float  sum  -110node:71:93 [0] NCCL WARN x", "  8  2  float  sum  -1"),
            ("  8 N/Ahost:1:2 [3] NCCL INFO y", "  8 N/A"),
            ("  8  2 [2024-11-23 12:00:00] host:1:2 [3] init.cc:1 NCCL WARN y", "  8  2 "),
            ("host:1:2 [3] NCCL INFO y", ""),
            ("10.0.0.7:1:2 [3] NCCL INFO y", ""),
            ("no message", "no message"),
        ] {
            assert_eq!(without_messages(line, &hosts), left, "{line}");
        }
    }
}
