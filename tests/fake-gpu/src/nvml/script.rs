//! What the GPUs go through, from `FAKE_NVML`.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) const NOT_SUPPORTED: u32 = 3;
pub(super) const GPU_IS_LOST: u32 = 15;

/// From when until when, after the first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) from: Duration,
    pub(super) to: Option<Duration>,
}

impl Time {
    /// `MS` or `MS-MS`.
    fn parse(text: &str) -> Option<Self> {
        let ms = |text: &str| Some(Duration::from_millis(text.parse().ok()?));
        match text.split_once('-') {
            Some((from, to)) => Some(Self { from: ms(from)?, to: Some(ms(to)?) }),
            None => Some(Self { from: ms(text)?, to: None }),
        }
    }

    fn holds(self, now: Duration) -> bool {
        now >= self.from && self.to.is_none_or(|to| now < to)
    }
}

/// Something that happens to a GPU: a number and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Happening {
    pub(super) gpu: u32,
    pub(super) value: u64,
    pub(super) time: Time,
}

/// The whole play.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) gpus: u32,
    pub(super) gpm: bool,
    /// The function, the GPU if it is only that one's, when.
    hangs: Vec<(String, Option<u32>, Time)>,
    refusals: Vec<(String, u64, Time)>,
    lost: Vec<Happening>,
    pub(super) xids: Vec<Happening>,
    uncorrected: Vec<Happening>,
    reasons: Vec<Happening>,
}

impl Script {
    fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self { gpus: 1, ..Self::default() };
        for word in text.split_whitespace() {
            script.add(word).ok_or_else(|| format!("FAKE_NVML: cannot be read: {word}"))?;
        }
        Ok(script)
    }

    fn add(&mut self, word: &str) -> Option<()> {
        if word == "gpm" {
            self.gpm = true;
            return Some(());
        }
        let (verb, rest) = word.split_once('=')?;
        let (what, time) = rest.split_once('@').unwrap_or((rest, "0"));
        let time = Time::parse(time)?;
        let happening = || {
            let (gpu, value) = what.split_once(':')?;
            let value = match value.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok()?,
                None => value.parse().ok()?,
            };
            Some(Happening { gpu: gpu.parse().ok()?, value, time })
        };
        match verb {
            "gpus" => self.gpus = what.parse().ok()?,
            "hang" => {
                let (name, gpu) = match what.split_once('/') {
                    Some((name, gpu)) => (name, Some(gpu.parse().ok()?)),
                    None => (what, None),
                };
                self.hangs.push((name.to_owned(), gpu, time));
            }
            "refuse" => {
                let (name, code) = what.split_once(':')?;
                self.refusals.push((name.to_owned(), code.parse().ok()?, time));
            }
            "lost" => self.lost.push(Happening { gpu: what.parse().ok()?, value: 0, time }),
            "xid" => self.xids.push(happening()?),
            "ecc" => self.uncorrected.push(happening()?),
            "reasons" => self.reasons.push(happening()?),
            _ => return None,
        }
        Some(())
    }

    /// What the call answers instead of its value, after hanging as long as it is to.
    pub(super) fn stage(&self, name: &str, gpu: Option<u32>) -> Option<u32> {
        let is_meant = |of: &Option<u32>| of.is_none() || *of == gpu;
        let hangs = self.hangs.iter().filter(|(hanging, of, _)| hanging == name && is_meant(of));
        for (.., time) in hangs {
            while time.holds(elapsed()) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
        let now = elapsed();
        let refused =
            self.refusals.iter().find(|(refused, _, time)| refused == name && time.holds(now));
        if let Some((_, code, _)) = refused {
            return Some(*code as u32);
        }
        gpu.filter(|gpu| self.is_lost(Some(*gpu))).map(|_| GPU_IS_LOST)
    }

    /// Whether this GPU, or any, is lost by now.
    pub(super) fn is_lost(&self, gpu: Option<u32>) -> bool {
        let now = elapsed();
        self.lost.iter().any(|lost| gpu.is_none_or(|gpu| gpu == lost.gpu) && lost.time.holds(now))
    }

    pub(super) fn uncorrected(&self, gpu: u32) -> u64 {
        sum(&self.uncorrected, gpu)
    }

    pub(super) fn reasons(&self, gpu: u32) -> u64 {
        sum(&self.reasons, gpu)
    }
}

fn sum(happenings: &[Happening], gpu: u32) -> u64 {
    let now = elapsed();
    happenings
        .iter()
        .filter(|happening| happening.gpu == gpu && happening.time.holds(now))
        .map(|happening| happening.value)
        .sum()
}

/// The play of this process.
///
/// # Panics
/// When `FAKE_NVML` cannot be read: a test with a slip of the pen must not pass.
pub(super) fn script() -> &'static Script {
    static SCRIPT: OnceLock<Script> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        elapsed();
        let text = std::env::var("FAKE_NVML").unwrap_or_default();
        Script::parse(&text).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// Time since the first call.
pub(super) fn elapsed() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_understood_and_no_other() {
        let script = Script::parse(
            "gpus=2 gpm hang=nvmlInit_v2@0-1 hang=nvmlDeviceGetName/1 refuse=nvmlDeviceGetName:3 lost=1@99999 xid=0:79@20 ecc=1:2 reasons=0:0x40@5-10",
        )
        .unwrap();
        assert_eq!((script.gpus, script.gpm), (2, true));
        assert_eq!(script.stage("nvmlDeviceGetName", Some(0)), Some(3));
        assert_eq!(script.stage("nvmlDeviceGetUUID", Some(1)), None);
        assert_eq!((script.uncorrected(1), script.uncorrected(0)), (2, 0));
        assert_eq!(script.reasons[0].value, 0x40);
        assert_eq!(script.xids[0].time, Time { from: Duration::from_millis(20), to: None });
        for wrong in ["gpu=2", "xid=79@20", "hang=x@soon", "gpus"] {
            assert!(Script::parse(wrong).is_err(), "{wrong}");
        }
    }
}
