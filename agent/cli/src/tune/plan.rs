//! What is searched: the command's placeholders, their values, what is measured.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use perfagent_advisor::tune::{Expression, Parameter, Settings, Space, Surroundings, Template};
use perfagent_predictor::Job;
use serde::{Deserialize, Serialize};

use crate::suite::Machine;

/// What the user has asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) command: Vec<String>,
    pub(crate) vary: Vec<Parameter>,
    pub(crate) global_batch: Option<u64>,
    pub(crate) metric: Option<String>,
    pub(crate) minimise: bool,
    pub(crate) tokens_per_step: Option<String>,
    pub(crate) job: Option<Job>,
    pub(crate) settings: Settings,
}

/// What trials have in common: only with the same may a search be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// As it was given, with placeholders.
    pub(crate) command: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) global_batch: Option<u64>,
    pub(crate) objective: Objective,
    pub(crate) minimise: bool,
    pub(crate) job: Option<Job>,
    pub(crate) seed: u64,
    pub(crate) machine: Machine,
}

/// What is measured of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub(crate) enum Objective {
    /// A number in the JSON file that the command writes.
    Json {
        /// As `/ranks/0/peak`; `None`: tokens a second, else samples a second, of `perfagent-bench`.
        pointer: Option<String>,
    },
    /// The steps that the command marks.
    Steps {
        /// How many tokens one has.
        tokens: Option<String>,
    },
}

/// Placeholders that are filled for each trial anew.
const OWN: [&str; 2] = ["json", "trial"];

impl Plan {
    /// Checks what was asked for and completes it.
    pub(crate) fn of(request: &Request, machine: Machine) -> anyhow::Result<Self> {
        let template = Template::parse(&request.command);
        let here = machine.surroundings();
        let surroundings = Surroundings { cores: here.cores, gpus: here.gpus };
        let mut parameters = Vec::new();
        // In the user's order first, then in the command's.
        for parameter in &request.vary {
            let name = &parameter.name;
            ensure!(
                !OWN.contains(&name.as_str()),
                "--vary {name}: is filled for each trial; leave it out"
            );
            ensure!(
                !parameters.iter().any(|known: &Parameter| known.name == *name),
                "--vary {name}: is given twice; give all values in one list"
            );
            ensure!(
                template.names().contains(&name.as_str()),
                "--vary {name}: the command has no {{{name}}}; write it where the value belongs"
            );
            parameters.push(parameter.clone());
        }
        for name in template.names() {
            let is_known = OWN.contains(&name) || parameters.iter().any(|known| known.name == name);
            if is_known || (name == "accumulate" && request.global_batch.is_some()) {
                continue;
            }
            parameters.push(Parameter::built_in(name, surroundings).ok_or_else(|| {
                anyhow!(
                    "{{{name}}}: has no values of its own; give --vary {name}=V1,V2,… (or write {{{{{name}}}}} for the braces \
                     themselves)"
                )
            })?);
        }
        if request.global_batch.is_some() {
            ensure!(
                template.names().contains(&"accumulate"),
                "--global-batch: the command has no {{accumulate}}, which follows from it; write it where it belongs"
            );
        }
        ensure!(
            parameters.iter().any(|parameter| parameter.values.len() > 1),
            "{}: has nothing that varies; write for example {{micro_batch}} for a number, or give --vary NAME=V1,V2",
            request.command.first().map_or("the command", String::as_str)
        );
        let objective = objective(request, &template, &parameters)?;
        Ok(Self {
            command: request.command.clone(),
            parameters,
            global_batch: request.global_batch,
            objective,
            minimise: request.minimise,
            job: request.job.clone(),
            seed: request.settings.seed,
            machine,
        })
    }

    /// All that can be tried.
    pub(crate) fn space(&self) -> anyhow::Result<Space> {
        Space::new(self.parameters.clone(), self.global_batch).map_err(|told| anyhow!(told))
    }

    /// The command with placeholders. `perfagent-bench` is asked for its result where the user has not.
    pub(crate) fn template(&self) -> Template {
        let mut command = self.command.clone();
        if asks_for_json(&self.command) == Some(false)
            && matches!(self.objective, Objective::Json { .. })
        {
            command.extend(["--json".to_owned(), "{json}".to_owned()]);
        }
        Template::parse(&command)
    }

    /// In what it differs from another, in a few words.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let differs = [
            (self.command != other.command, "the command"),
            (self.parameters != other.parameters, "the values of --vary"),
            (self.global_batch != other.global_batch, "--global-batch"),
            (
                self.objective != other.objective || self.minimise != other.minimise,
                "what is measured",
            ),
            (self.job != other.job, "--job"),
            (self.seed != other.seed, "--seed"),
        ];
        let named = differs.iter().find(|(differs, _)| *differs);
        named
            .map(|(_, what)| format!("{what} was another"))
            .or_else(|| self.machine.difference(&other.machine))
    }

    /// The unit of what is measured.
    pub(crate) fn unit(&self) -> String {
        match &self.objective {
            Objective::Json { pointer: None } | Objective::Steps { tokens: Some(_) } => {
                "tokens/s".to_owned()
            }
            Objective::Json { pointer: Some(pointer) } => {
                pointer.trim_start_matches('/').to_owned()
            }
            Objective::Steps { tokens: None } => "steps/s".to_owned(),
        }
    }

    /// Whether tokens a second are measured.
    pub(crate) fn is_in_tokens(&self) -> bool {
        match &self.objective {
            Objective::Json { pointer } => {
                pointer.as_deref().is_none_or(|pointer| pointer == "/tokens_per_s")
            }
            Objective::Steps { tokens } => tokens.is_some(),
        }
    }

    /// Whether more of it is work done in less time, which the analytic prior knows about.
    pub(crate) fn is_throughput(&self) -> bool {
        let named = match &self.objective {
            Objective::Json { pointer } => pointer
                .as_deref()
                .is_none_or(|pointer| matches!(pointer, "/tokens_per_s" | "/samples_per_s")),
            Objective::Steps { tokens } => tokens.is_some() || self.global_batch.is_some(),
        };
        named && !self.minimise
    }
}

/// Of `perfagent-bench`: whether it is asked for its result.
fn asks_for_json(command: &[String]) -> Option<bool> {
    let program = Path::new(command.first()?).file_name()?;
    (program == "perfagent-bench")
        .then(|| command.iter().any(|word| word == "--json" || word.starts_with("--json=")))
}

fn objective(
    request: &Request,
    template: &Template,
    parameters: &[Parameter],
) -> anyhow::Result<Objective> {
    let asks = asks_for_json(&request.command);
    let writes_json = template.names().contains(&"json");
    if let Some(text) = &request.tokens_per_step {
        ensure!(
            request.metric.is_none(),
            "--tokens-per-step: counts the steps of the recording, and --metric reads a file; give one of the two"
        );
        let expression =
            Expression::parse(text).map_err(|told| anyhow!("--tokens-per-step {told}"))?;
        for name in expression.names() {
            let known = parameters.iter().find(|known| known.name == name);
            let is_number =
                |known: &Parameter| known.values.iter().all(|value| value.parse::<f64>().is_ok());
            let derived = name == "accumulate" && request.global_batch.is_some();
            ensure!(
                derived || known.is_some_and(is_number),
                "--tokens-per-step {text}: {name} is no parameter with numbers for values; give the number itself"
            );
        }
        return Ok(Objective::Steps { tokens: Some(text.clone()) });
    }
    if writes_json || asks == Some(false) {
        let pointer = request.metric.as_ref().map(|metric| {
            if metric.starts_with('/') { metric.clone() } else { format!("/{metric}") }
        });
        return Ok(Objective::Json { pointer });
    }
    if let Some(metric) = &request.metric {
        bail!(
            "--metric {metric}: is read from the file that the command writes; put {{json}} where it takes that file's name"
        );
    }
    let sizes = ["micro_batch", "accumulate", "seq", "nproc", "tp", "pp"];
    let resized = parameters.iter().find(|one| {
        let kept = request.global_batch.is_some() && one.name != "seq";
        one.values.len() > 1 && sizes.contains(&one.name.as_str()) && !kept
    });
    if let Some(resized) = resized {
        bail!(
            "{{{}}}: changes what a step does, so steps a second cannot be compared; give --tokens-per-step \
             '{{micro_batch}}*{{accumulate}}*2048', keep --global-batch, or put {{json}} where the command takes the name of a \
             file for its result",
            resized.name
        );
    }
    Ok(Objective::Steps { tokens: None })
}

/// Reads the job of `--job`: one line as `perfagent predict` takes it.
pub(crate) fn read_job(path: &Path) -> anyhow::Result<Job> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{shown}: cannot be read as a job; write one line as perfagent predict takes it")
    })?;
    serde_json::from_str(&text).with_context(|| {
        format!("{shown}: is no job; write one JSON object with cluster, model and run, as perfagent predict takes it")
    })
}

#[cfg(test)]
mod tests {
    use perfagent_advisor::tune::{Parameter, Settings};

    use super::{Objective, Plan, Request};
    use crate::suite::Machine;

    fn request(command: &str) -> Request {
        Request {
            command: command.split(' ').map(str::to_owned).collect(),
            vary: Vec::new(),
            global_batch: None,
            metric: None,
            minimise: false,
            tokens_per_step: None,
            job: None,
            settings: Settings { budget: 5, tolerance: 0.02, seed: 1, minimise: false },
        }
    }

    fn plan(request: &Request) -> anyhow::Result<Plan> {
        Plan::of(request, Machine::this())
    }

    #[test]
    fn the_benchmark_is_asked_for_its_result() {
        let plan = plan(&request("/x/perfagent-bench gpt --micro-batch {micro_batch}")).unwrap();
        assert_eq!(plan.objective, Objective::Json { pointer: None });
        let words = plan.template().fill(|name| Some(name.to_uppercase()));
        assert_eq!(words[3..], ["MICRO_BATCH", "--json", "JSON"]);
        let asked = request("perfagent-bench gpt --micro-batch {micro_batch} --json {json}");
        assert_eq!(
            Plan::of(&asked, Machine::this()).unwrap().template().names(),
            ["micro_batch", "json"]
        );
    }

    #[test]
    fn what_cannot_be_searched_is_told_in_a_line() {
        let vary = |text: &str| vec![Parameter::parse(text).unwrap()];
        let of = |command: &str, change: fn(&mut Request)| {
            let mut request = request(command);
            change(&mut request);
            plan(&request).unwrap_err().to_string()
        };
        let none = |_: &mut Request| {};
        for (told, says) in [
            (of("run --x 1", none), "run: has nothing that varies"),
            (of("run {lr} {json}", none), "{lr}: has no values of its own; give --vary lr="),
            (of("run {micro_batch}", none), "give --tokens-per-step"),
            (of("run {recompute} {zero}", |r| r.metric = Some("x".into())), "put {json} where"),
            (of("run {micro_batch} {json}", |r| r.global_batch = Some(8)), "has no {accumulate}"),
            (
                of("run {zero}", |r| r.tokens_per_step = Some("{recompute}".into())),
                "recompute is no parameter",
            ),
            (of("run {zero}", |r| r.tokens_per_step = Some("2+".into())), "is no product"),
        ] {
            assert!(told.contains(says) && !told.contains('\n'), "{told}");
        }
        let mut request = request("run {zero} {json}");
        request.vary = vary("other=1,2");
        assert!(plan(&request).unwrap_err().to_string().contains("the command has no {other}"));
        request.vary = vary("json=1,2");
        assert!(plan(&request).unwrap_err().to_string().contains("is filled for each trial"));
    }

    #[test]
    fn steps_of_one_size_need_no_tokens() {
        let plan = plan(&request("run --zero {zero}")).unwrap();
        assert_eq!(plan.objective, Objective::Steps { tokens: None });
        assert_eq!(plan.unit(), "steps/s");
    }
}
