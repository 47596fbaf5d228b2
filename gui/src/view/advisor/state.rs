//! What the advisor remembers, and the figures that it waits for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Ui;
use perfagent_advisor::Advice;
use perfagent_advisor::emit::EmitFormat;
use perfagent_analysis::Report;
use perfagent_predictor::{Job, Model, Run};

use super::{setup, trials, tune};
use crate::computed::Computed;
use crate::model::advisor::given::{commands, known};
use crate::model::advisor::landscape::Request;
use crate::model::advisor::outlook::Question;
use crate::model::advisor::{
    Arrangement, Given, Known, Landscape, Outlook, arrangement, landscape, outlook,
};
use crate::model::joined;
use crate::session::Session;

/// What a click leads to.
pub(super) enum Lead {
    Stretch(i64, i64),
    Name(String),
}

/// What is shown under the plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Suggestions,
    Findings,
    Configuration,
    Run,
    Trials,
}

impl Tab {
    pub(super) const ALL: [Self; 5] =
        [Self::Suggestions, Self::Findings, Self::Configuration, Self::Run, Self::Trials];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Suggestions => "Suggestions",
            Self::Findings => "Findings",
            Self::Configuration => "Configuration",
            Self::Run => "Run it",
            Self::Trials => "Trials",
        }
    }
}

/// What the recording says, once it is read.
pub(super) struct Basis {
    pub(super) report: Report,
    pub(super) commands: Vec<String>,
}

/// What the known job was made of.
#[derive(Clone, PartialEq)]
struct Origin {
    given: Given,
    processor: Option<String>,
    /// The basis by its address: a recording that grows gets another one.
    basis: usize,
}

/// What the view remembers.
#[derive(Default)]
pub struct State {
    pub(super) basis: Computed<(), Arc<Basis>>,
    pub(super) given: Given,
    pub(super) setup: setup::State,
    pub(super) config: Computed<PathBuf, Result<Model, String>>,
    origin: Option<Origin>,
    pub(super) known: Option<Known>,
    based_on: Option<Given>,
    pub(super) arrangement: Option<Arrangement>,
    pub(super) outlook: Computed<Question, Outlook>,
    pub(super) landscape: Computed<Request, Result<Arc<Landscape>, String>>,
    pub(super) advice: Computed<Option<Arc<str>>, Arc<Advice>>,
    /// What the user has chosen to see under the plot.
    pub(super) tab: Option<Tab>,
    pub(super) format: Option<EmitFormat>,
    pub(super) tune: tune::State,
    pub(super) trials: trials::State,
}

impl State {
    /// Changes the arrangement of the sliders, once there is one.
    pub fn set(&mut self, change: impl FnOnce(&mut Run)) {
        if let (Some(arrangement), Some(known)) = (&mut self.arrangement, &self.known) {
            change(&mut arrangement.run);
            arrangement.settle(&known.job.cluster, true);
        }
    }

    /// The recording has grown: what it says is read anew, while sliders stay and a search goes on.
    pub(crate) fn outdate(&mut self) {
        self.basis.outdate();
        self.advice.outdate();
    }

    /// Keeps the trials of a search in this folder.
    pub fn keep_trials_in(&mut self, folder: &Path) {
        self.tune.keep_in(folder);
    }

    /// Runs this program in place of the `perfagent` that is found.
    pub fn run_with(&mut self, program: PathBuf) {
        self.tune.program = Some(program);
    }

    /// What is shown under the plot: at first the suggestions, or what the recording tells by itself where none can be made.
    pub(super) fn shown(&self) -> Tab {
        let first = if self.arrangement.is_some() { Tab::Suggestions } else { Tab::Findings };
        self.tab.unwrap_or(first)
    }

    /// The job as the sliders arrange it.
    pub(super) fn job(&self) -> Option<Job> {
        Some(self.arrangement.as_ref()?.job(&self.known.as_ref()?.job))
    }
}

/// The text of measured ceilings, if there are any.
pub(super) fn ceilings(ui: &Ui, session: &mut Session) -> Option<Arc<str>> {
    session.roofline.ceilings.measured(ui.ctx())?.text().cloned()
}

/// Brings what is known up to date; false until the recording is read.
pub(super) fn prepare(ui: &Ui, session: &mut Session) -> bool {
    let ctx = ui.ctx();
    let measured = session.roofline.ceilings.measured(ctx);
    let state = &mut session.advisor;
    state.tune.poll(&mut state.trials);
    let document = Arc::clone(&session.document);
    let work = move || {
        let report = joined::report(&document).into_owned();
        Arc::new(Basis { report, commands: commands(&document) })
    };
    let Some(basis) = state.basis.get(&(), ctx, work).cloned() else { return false };
    let processor = measured
        .as_ref()
        .filter(|ceilings| !ceilings.is_gpu)
        .map(|ceilings| ceilings.device.clone());
    let origin =
        Origin { given: state.given.clone(), processor, basis: Arc::as_ptr(&basis) as usize };
    if state.origin.as_ref() != Some(&origin) {
        let found =
            known(&basis.report, &basis.commands, &origin.given, origin.processor.as_deref());
        arrange(state, &found, &origin.given);
        state.known = Some(found);
        state.origin = Some(origin);
    }
    if let Some(question) = question(state, measured.as_ref().and_then(|of| of.text().cloned())) {
        let asked = question.clone();
        state.outlook.get(&question, ctx, move || outlook(&asked));
    }
    true
}

/// The sliders for a job that has become known, or another one: they stay where only the machines are others.
fn arrange(state: &mut State, known: &Known, given: &Given) {
    if known.lacking.is_some() {
        (state.arrangement, state.based_on) = (None, None);
        return;
    }
    let of = Given { gpu: None, gpus_per_node: None, nodes: None, ..given.clone() };
    match (&mut state.arrangement, &state.based_on) {
        (Some(arrangement), Some(before)) if *before == of => {
            arrangement.settle(&known.job.cluster, true);
        }
        _ => state.arrangement = Some(Arrangement::of(&known.job)),
    }
    state.based_on = Some(of);
}

fn question(state: &State, ceilings: Option<Arc<str>>) -> Option<Question> {
    let known = state.known.as_ref()?;
    let job = state.job()?;
    Some(Question { start: complete(known), job, ceilings })
}

/// The recorded job with its batch stated, as predictions and plans need it.
fn complete(known: &Known) -> perfagent_advisor::start::Start {
    let mut start = known.start.clone();
    let arrangement = Arrangement::of(&start.job);
    start.job = arrangement.job(&start.job);
    start
}

/// The arrangements to choose from, as far as they are known.
pub(super) fn arrangements(
    ui: &Ui,
    session: &mut Session,
) -> Option<Result<Arc<Landscape>, String>> {
    let ceilings = ceilings(ui, session);
    let state = &mut session.advisor;
    let known = state.known.as_ref().filter(|known| known.lacking.is_none())?;
    let (own, wanted) = (&known.start.job.cluster, &known.job.cluster);
    let gpus = (own != wanted).then(|| (arrangement::gpus(wanted), wanted.nodes.unwrap_or(1)));
    let request = Request { start: complete(known), gpus, ceilings };
    let asked = request.clone();
    state.landscape.get(&request, ui.ctx(), move || landscape(&asked).map(Arc::new)).cloned()
}
