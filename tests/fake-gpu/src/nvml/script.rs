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
    pub(super) value: i64,
    pub(super) time: Time,
}

/// Words that set what a GPU answers to a number, `WORD=GPU:NUMBER@MS-MS`, with what they stand for.
const LEVELS: [&str; 36] = [
    // Memory: errors that ECC could not correct and that it did, in all; those of on-chip memory, and whether they
    // are too many for NVIDIA; rows that wait to be replaced or could not be; banks with one spare row and with none.
    "ecc",
    "corrected",
    "sram",
    "sram_corrected",
    "sram_threshold",
    "remap_pending",
    "remap_failed",
    "spare_low",
    "spare_none",
    // Bits of reasons for low clocks; percent of the time for which they are held down: power brake, heat by
    // hardware and by software.
    "reasons",
    "brake",
    "hot_hardware",
    "hot_software",
    // °C, of the memory, left to the highest; MHz now and set for programs; percent.
    "temperature",
    "memory_temperature",
    "margin",
    "clock",
    "app_clock",
    "utilization",
    // PCI Express; replays a second.
    "pcie_gen",
    "pcie_width",
    "replays",
    // The number of a link that is down; errors a second of link 0: checksums, replays; recoveries in all, failed ones.
    "link_down",
    "link_crc",
    "link_replay",
    "link_recovery",
    "link_recovery_failed",
    // The fabric's state, how it ended, its health.
    "fabric",
    "fabric_status",
    "fabric_health",
    // Modes, and what the driver demands.
    "mig",
    "mig_pending",
    "compute",
    "persistence",
    "ecc_mode",
    "recovery",
];
/// Words that may be there several times for one GPU: processes, bytes in use.
const SEVERAL: [&str; 2] = ["process", "memory"];

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
    levels: Vec<(String, Happening)>,
    /// The fifth generation of NVLink, which counts other errors.
    pub(super) nvlink5: bool,
    pub(super) library: Option<String>,
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
        match word {
            "gpm" => self.gpm = true,
            "nvlink5" => self.nvlink5 = true,
            _ => return self.add_with_value(word),
        }
        Some(())
    }

    fn add_with_value(&mut self, word: &str) -> Option<()> {
        let (verb, rest) = word.split_once('=')?;
        let (what, time) = rest.split_once('@').unwrap_or((rest, "0"));
        let time = Time::parse(time)?;
        let happening = || {
            let (gpu, value) = what.split_once(':')?;
            let value = match value.strip_prefix("0x") {
                Some(digits) => i64::from_str_radix(digits, 16).ok()?,
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
            "library" => self.library = Some(what.to_owned()),
            _ if LEVELS.contains(&verb) || SEVERAL.contains(&verb) => {
                self.levels.push((verb.to_owned(), happening()?));
            }
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

    fn of<'play>(
        &'play self,
        word: &'play str,
        gpu: u32,
    ) -> impl Iterator<Item = &'play Happening> {
        let is_meant =
            move |(of, happening): &&(String, Happening)| of == word && happening.gpu == gpu;
        self.levels.iter().filter(is_meant).map(|(_, happening)| happening)
    }

    /// What the script says of a GPU now, if it says anything.
    pub(super) fn level(&self, word: &str, gpu: u32) -> Option<i64> {
        assert!(LEVELS.contains(&word), "{word} is no word of the script");
        let now = elapsed();
        self.of(word, gpu).filter(|happening| happening.time.holds(now)).map(|it| it.value).last()
    }

    /// The same, or zero.
    pub(super) fn count(&self, word: &str, gpu: u32) -> u64 {
        self.level(word, gpu).unwrap_or(0).max(0).unsigned_abs()
    }

    /// All numbers that the script gives to a word of which there may be several.
    pub(super) fn all(&self, word: &str, gpu: u32) -> Vec<u64> {
        assert!(SEVERAL.contains(&word), "{word} is no word of the script");
        let now = elapsed();
        let held = self.of(word, gpu).filter(|happening| happening.time.holds(now));
        held.map(|happening| happening.value.max(0).unsigned_abs()).collect()
    }

    /// Whether a GPU has this number among those of a word: a link that is down.
    pub(super) fn has(&self, word: &str, gpu: u32, number: u32) -> bool {
        let now = elapsed();
        self.of(word, gpu)
            .any(|happening| happening.time.holds(now) && happening.value == i64::from(number))
    }

    /// What has come together of so much a second, while it lasted.
    pub(super) fn accumulated(&self, word: &str, gpu: u32, each_second: f64) -> u64 {
        let now = elapsed();
        let seconds = |time: Time| {
            let until = time.to.map_or(now, |to| to.min(now));
            until.saturating_sub(time.from).as_secs_f64()
        };
        let of_one = |it: &Happening| it.value as f64 * each_second * seconds(it.time);
        self.of(word, gpu).map(of_one).sum::<f64>() as u64
    }
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
            "gpus=2 gpm hang=nvmlInit_v2@0-1 hang=nvmlDeviceGetName/1 refuse=nvmlDeviceGetName:3 lost=1@99999 xid=0:79@20 ecc=1:2 reasons=0:0x40@5-10 margin=0:-3 process=0:7 process=0:8 link_down=1:4 link_down=1:17",
        )
        .unwrap();
        assert_eq!((script.gpus, script.gpm), (2, true));
        assert_eq!(script.stage("nvmlDeviceGetName", Some(0)), Some(3));
        assert_eq!(script.stage("nvmlDeviceGetUUID", Some(1)), None);
        assert_eq!((script.count("ecc", 1), script.count("ecc", 0)), (2, 0));
        assert_eq!((script.level("margin", 0), script.level("margin", 1)), (Some(-3), None));
        assert_eq!(script.all("process", 0), [7, 8]);
        assert!(script.has("link_down", 1, 17) && !script.has("link_down", 1, 3));
        assert_eq!(script.xids[0].time, Time { from: Duration::from_millis(20), to: None });
        for wrong in ["gpu=2", "link_up=1:2", "mig=0", "xid=79@20", "hang=x@soon", "gpus"] {
            assert!(Script::parse(wrong).is_err(), "{wrong}");
        }
    }
}
