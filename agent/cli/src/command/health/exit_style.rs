//! Whose convention the exit code of a verdict follows.

use perfagent_health::Status;

use crate::exit::Exit;

/// A convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ExitStyle {
    Nagios,
    Npd,
    Ci,
}

impl ExitStyle {
    /// The code of a verdict.
    pub(super) fn exit(self, verdict: Status) -> Exit {
        match self {
            Self::Ci => match verdict {
                Status::Ok | Status::Warning => Exit::Success,
                Status::Critical => Exit::No,
                Status::Unknown => Exit::Inconclusive,
            },
            Self::Nagios => Exit::Convention(match verdict {
                Status::Ok => 0,
                Status::Warning => 1,
                Status::Critical => 2,
                Status::Unknown => 3,
            }),
            Self::Npd => Exit::Convention(match verdict {
                Status::Ok => 0,
                Status::Warning | Status::Critical => 1,
                Status::Unknown => 2,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use perfagent_health::Status;

    use super::ExitStyle;

    #[test]
    fn each_style_has_its_codes() {
        let verdicts = [Status::Ok, Status::Warning, Status::Critical, Status::Unknown];
        for (style, codes) in [
            (ExitStyle::Ci, [0, 0, 1, 3]),
            (ExitStyle::Nagios, [0, 1, 2, 3]),
            (ExitStyle::Npd, [0, 1, 1, 2]),
        ] {
            for (verdict, code) in verdicts.into_iter().zip(codes) {
                let exit = format!("{:?}", ExitCode::from(style.exit(verdict)));
                assert_eq!(exit, format!("{:?}", ExitCode::from(code)), "{style:?} {verdict:?}");
            }
        }
    }
}
