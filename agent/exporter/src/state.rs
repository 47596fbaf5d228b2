//! What is known at this moment, shared between those who find out and those who tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::examination::Examination;
use crate::log::{Event, EventLog, Level};
use crate::moment::Moment;
use crate::recordings::RunFigures;
use crate::sample::{Failure, GpuSample, GpuState};
use crate::xids::{Witness, Xids};

/// How it stands with NVML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// The first answer has not come yet.
    Starting,
    /// It answers.
    Up,
    /// It does not: why, and in which words.
    Down(Failure, String),
}

/// What came from NVML.
#[derive(Clone, Debug, PartialEq)]
pub struct NvmlState {
    /// How it stands.
    pub session: Session,
    /// The driver's version.
    pub driver: Option<String>,
    /// GPUs that NVML counts; `None` while it does not answer.
    pub count: Option<u32>,
    /// The most that it ever counted.
    pub most: u32,
    /// The last look, empty while NVML does not answer.
    pub gpus: Vec<GpuSample>,
    /// When that was; `None` before the first.
    pub at: Option<Moment>,
    /// How long it took, seconds.
    pub took_s: f64,
    /// How often NVML failed, by why.
    pub failures: BTreeMap<Failure, u64>,
    /// The GPUs as they were last seen, also while they are gone.
    pub known: BTreeMap<u32, GpuSample>,
}

impl NvmlState {
    /// NVML has counted the GPUs.
    pub(crate) fn started(&mut self, driver: Option<String>, count: u32) {
        self.driver = driver;
        self.count = Some(count);
        self.most = self.most.max(count);
    }

    /// The known GPU at this place.
    #[must_use]
    pub fn at_place(&self, place: &str) -> Option<&GpuSample> {
        self.known.values().find(|gpu| gpu.place().as_deref() == Some(place))
    }
}

/// Whether the kernel log can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelLogState {
    /// Nobody has looked yet.
    Unread,
    /// It can.
    Read,
    /// It cannot, and why.
    Refused(String),
}

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// GPUs.
    pub nvml: NvmlState,
    /// XIDs.
    pub xids: Xids,
    /// Where they come from.
    pub kernel_log: KernelLogState,
    /// The last examination of the node.
    pub examination: Option<Examination>,
    /// Examinations without an answer.
    pub examinations_failed: u64,
    /// The newest recordings, the newest first.
    pub recordings: Vec<RunFigures>,
    /// Recordings of these that cannot be read.
    pub recordings_unreadable: u64,
    /// Answered scrapes.
    pub scrapes: u64,
}

impl Default for State {
    fn default() -> Self {
        let nvml = NvmlState {
            session: Session::Starting,
            driver: None,
            count: None,
            most: 0,
            gpus: Vec::new(),
            at: None,
            took_s: 0.0,
            failures: BTreeMap::new(),
            known: BTreeMap::new(),
        };
        Self {
            nvml,
            xids: Xids::default(),
            kernel_log: KernelLogState::Unread,
            examination: None,
            examinations_failed: 0,
            recordings: Vec::new(),
            recordings_unreadable: 0,
            scrapes: 0,
        }
    }
}

/// The state, with the log of what happens to it.
pub struct Shared {
    state: Mutex<State>,
    log: Arc<EventLog>,
}

impl Shared {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(log: impl Into<Arc<EventLog>>) -> Self {
        Self { state: Mutex::default(), log: log.into() }
    }

    /// Looks at the state, or changes it. Nothing that can take its time may happen within.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells whoever reads the log.
    pub fn log(&self, event: &Event) {
        self.log.write(event);
    }

    /// All GPUs have been looked at.
    pub(crate) fn sampled(&self, gpus: Vec<GpuSample>, took_s: f64) {
        let mut events = Vec::new();
        self.change(|state| {
            let nvml = &mut state.nvml;
            if let Session::Down(reason, _) = &nvml.session {
                let text = format!("NVML answers again, {} GPUs", gpus.len());
                events.push(
                    Event::new(Level::Info, "driver-back", text).label("reason", reason.name()),
                );
            }
            for gpu in &gpus {
                let before = nvml.known.get(&gpu.index).map(|before| &before.state);
                events.extend(change_of(gpu, before));
                let mut now = gpu.clone();
                if let Some(before) = nvml.known.remove(&gpu.index) {
                    // A GPU that is lost does not say who it is.
                    now.uuid = now.uuid.or(before.uuid);
                    now.name = now.name.or(before.name);
                    now.pci = now.pci.or(before.pci);
                    now.minor = now.minor.or(before.minor);
                }
                nvml.known.insert(gpu.index, now);
            }
            nvml.session = Session::Up;
            nvml.gpus = gpus;
            nvml.at = Some(Moment::now());
            nvml.took_s = took_s;
        });
        for event in &events {
            self.log(event);
        }
    }

    /// NVML does not answer, or not any more.
    pub(crate) fn nvml_failed(&self, reason: Failure, said: &str) {
        let is_new = self.change(|state| {
            let nvml = &mut state.nvml;
            let now = Session::Down(reason, said.to_owned());
            let is_new = nvml.session != now;
            nvml.session = now;
            *nvml.failures.entry(reason).or_default() += 1;
            // What was seen before says nothing about now.
            nvml.gpus.clear();
            nvml.count = None;
            is_new
        });
        if is_new {
            let text = format!("NVML does not answer: {said}");
            self.log(&Event::new(Level::Error, "driver-lost", text).label("reason", reason.name()));
        }
    }

    /// NVML has told of an XID.
    pub(crate) fn xid_of_nvml(&self, gpu: Option<u32>, code: Option<u32>) {
        let Some(code) = code else { return };
        let place = self.change(|state| {
            let known = gpu.and_then(|gpu| state.nvml.known.get(&gpu));
            known.and_then(GpuSample::place)
        });
        let place = place.or_else(|| gpu.map(|gpu| format!("GPU {gpu}"))).unwrap_or_default();
        self.xid(&place, code, Witness::Nvml, Moment::now().unix_s, "");
    }

    /// Somebody has told of an XID.
    pub(crate) fn xid(&self, place: &str, code: u32, witness: Witness, unix_s: f64, said: &str) {
        let (is_more, known) = self.change(|state| {
            let is_more = state.xids.add(place, code, witness, unix_s);
            (is_more, state.nvml.at_place(place).cloned())
        });
        if !is_more || witness == Witness::EarlierLog {
            return;
        }
        let xid = perfagent_health::Catalogue::built_in().find(code);
        let name = xid.map_or("unknown to NVIDIA's catalogue", |xid| xid.name.as_str());
        let mut event =
            Event::new(Level::Error, "xid", format!("XID {code} {name} on the GPU at {place}"))
                .label("xid", code.to_string())
                .label("pci_bus_id", place);
        if let Some(known) = known {
            event = event.label("gpu", known.index.to_string());
            event = event.label("uuid", known.uuid.as_deref().unwrap_or_default());
        }
        if !said.is_empty() {
            event = event.label("driver_said", said);
        }
        self.log(&event);
    }
}

/// What is new about a GPU, in one line.
fn change_of(gpu: &GpuSample, before: Option<&GpuState>) -> Option<Event> {
    let before = before.unwrap_or(&GpuState::Answers);
    if before == &gpu.state {
        return None;
    }
    let index = gpu.index;
    let (level, action, text) = match &gpu.state {
        GpuState::Answers => (Level::Info, "gpu-back", format!("GPU {index} answers again")),
        GpuState::Lost => (
            Level::Error,
            "gpu-lost",
            format!("GPU {index} is lost: look for its XID, reset it or power-cycle the node"),
        ),
        GpuState::Refused(said) => {
            (Level::Error, "gpu-lost", format!("NVML gives no access to GPU {index}: {said}"))
        }
    };
    Some(Event::new(level, action, text).label("gpu", index.to_string()))
}
