//! What the driver demands to recover a GPU: in NVML's recovery-action field and in the lines of XID 154.

use crate::{Check, Severity, Status};

/// NVML's `nvmlDeviceGpuRecoveryAction_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecoveryAction {
    None,
    Reset,
    Reboot,
    DrainPeers,
    DrainAndReset,
    Other(u64),
}

impl RecoveryAction {
    pub(crate) fn of_code(code: u64) -> Self {
        match code {
            0 => Self::None,
            1 => Self::Reset,
            2 => Self::Reboot,
            3 => Self::DrainPeers,
            4 => Self::DrainAndReset,
            other => Self::Other(other),
        }
    }

    /// The new action in `GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)`. The words differ
    /// between drivers, the numbers do not.
    pub(crate) fn of_line(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(" to 0x")?;
        let digits = rest.find(|character: char| !character.is_ascii_hexdigit());
        let code = &rest[..digits.unwrap_or(rest.len())];
        u64::from_str_radix(code, 16).ok().map(Self::of_code)
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Reset => "reset the GPU".to_owned(),
            Self::Reboot => "reboot the node".to_owned(),
            Self::DrainPeers => "drain peer-to-peer traffic".to_owned(),
            Self::DrainAndReset => "drain, then reset the GPU".to_owned(),
            Self::Other(code) => format!("action {code}"),
        }
    }

    /// Gives `check` the status that this action stands for.
    pub(crate) fn apply(self, check: Check) -> Check {
        let check = Check { detail: format!("{}; now: {}", check.detail, self.name()), ..check };
        let (status, severity, action) = match self {
            Self::None => return check,
            Self::Reset => (
                Status::Critical,
                Severity::Reset,
                "drain the node and reset the GPU: nvidia-smi --gpu-reset -i INDEX",
            ),
            Self::Reboot => (Status::Critical, Severity::Reset, "drain the node and reboot it"),
            Self::DrainPeers => (
                Status::Critical,
                Severity::Reset,
                "stop the programs that use peer-to-peer transfers with this GPU, then look again",
            ),
            Self::DrainAndReset => (
                Status::Critical,
                Severity::Reset,
                "let running programs end, start none, then reset the GPU: nvidia-smi --gpu-reset -i INDEX",
            ),
            Self::Other(_) => (
                Status::Warning,
                Severity::Triage,
                "read GPU Recovery Action in `nvidia-smi -q` of a newer driver",
            ),
        };
        check.but(status, severity, action)
    }
}

#[cfg(test)]
mod tests {
    use super::RecoveryAction;

    #[test]
    fn the_new_action_is_read_from_the_line() {
        for (line, action) in [
            (
                "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)",
                RecoveryAction::Reset,
            ),
            (
                "GPU recovery action changed from 0x0 (None) to 0x2 (OS Reboot)",
                RecoveryAction::Reboot,
            ),
            ("GPU recovery action changed from 0x1 (PF FLR) to 0x0 (None)", RecoveryAction::None),
            ("GPU recovery action changed from 0x0 (None) to 0x1f", RecoveryAction::Other(31)),
        ] {
            assert_eq!(RecoveryAction::of_line(line), Some(action), "{line}");
        }
        assert_eq!(RecoveryAction::of_line("something else to 0x"), None);
    }
}
