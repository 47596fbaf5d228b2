//! What can be measured, and its name on a command line.

use std::fmt;
use std::str::FromStr;

/// A device to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processors of this machine, all together: `cpu`.
    Cpu,
    /// The CUDA device of this number: `cuda:0`.
    Cuda(u32),
}

/// A name that no device has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{name}` is no device; write cpu, cuda or cuda:N")]
pub struct DeviceNameError {
    name: String,
}

impl FromStr for Device {
    type Err = DeviceNameError;

    /// `cpu`, `cuda:N`, or `cuda` for the first one.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wrong = || DeviceNameError { name: name.to_owned() };
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Self::Cuda).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn names_are_read_and_written_alike() {
        for (name, device) in
            [("cpu", Device::Cpu), ("cuda:0", Device::Cuda(0)), ("cuda:15", Device::Cuda(15))]
        {
            assert_eq!(name.parse(), Ok(device));
            assert_eq!(device.to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for wrong in ["", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:+1", "cuda:99999999999", "CPU"]
        {
            let refused = wrong.parse::<Device>().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{wrong}`")), "{refused}");
        }
    }
}
