//! `MLflow`'s tracking server over REST (`/api/2.0/mlflow/…`). Plain HTTP: TLS would need C, and servers stand in the same network.
//!
//! A token is taken from `MLFLOW_TRACKING_TOKEN`, the experiment's name from `MLFLOW_EXPERIMENT_NAME`, as `MLflow`'s own client does.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PushError, mlflow_folder, place};
use crate::recordings::RunFigures;

/// A request may take so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// A server takes so many metrics and parameters at once.
const MOST_METRICS: usize = 1000;
const MOST_PARAMS: usize = 100;

/// Makes a run and logs everything to it. Returns where the run can be seen.
pub(super) fn push(uri: &str, run: &RunFigures) -> Result<String, PushError> {
    let server = Server::new(uri);
    let experiment = server.experiment(&mlflow_folder::experiment())?;
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    let created = server.post(
        "runs/create",
        &json!({
            "experiment_id": experiment,
            "run_name": place::name(run),
            "start_time": ms(run.end_unix_s - run.duration_s),
            "tags": [{"key": "mlflow.source.name", "value": "perfagent record"}],
        }),
    )?;
    let info = &created["run"]["info"];
    let id = info["run_id"].as_str().or(info["run_uuid"].as_str());
    let id = id.ok_or_else(|| server.odd("runs/create", &created))?;
    let params: Vec<_> =
        run.job.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let metrics: Vec<_> = mlflow_folder::metrics(run)
        .into_iter()
        .map(|(key, value, at, step)| json!({"key": key, "value": value, "timestamp": at, "step": step}))
        .collect();
    for params in params.chunks(MOST_PARAMS) {
        server.post("runs/log-batch", &json!({"run_id": id, "params": params}))?;
    }
    for metrics in metrics.chunks(MOST_METRICS) {
        server.post("runs/log-batch", &json!({"run_id": id, "metrics": metrics}))?;
    }
    let end = json!({"run_id": id, "status": "FINISHED", "end_time": ms(run.end_unix_s)});
    server.post("runs/update", &end)?;
    Ok(format!("{uri}/#/experiments/{experiment}/runs/{id}"))
}

struct Server<'a> {
    uri: &'a str,
    agent: ureq::Agent,
    token: Option<String>,
}

impl<'a> Server<'a> {
    fn new(uri: &'a str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build();
        let token = std::env::var("MLFLOW_TRACKING_TOKEN").ok().filter(|token| !token.is_empty());
        Self { uri, agent: config.into(), token }
    }

    /// The identifier of the experiment of this name, which is made if there is none.
    fn experiment(&self, name: &str) -> Result<String, PushError> {
        const FIND: &str = "experiments/get-by-name";
        const MAKE: &str = "experiments/create";
        let url = format!("{}/api/2.0/mlflow/{FIND}", self.uri);
        let mut request = self.agent.get(&url).query("experiment_name", name);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let (status, answer) = self.read(request.call())?;
        if status != 404 {
            let answer = self.taken(FIND, status, &answer)?;
            let id = answer["experiment"]["experiment_id"].as_str();
            return id.map(str::to_owned).ok_or_else(|| self.odd(FIND, &answer));
        }
        let made = self.post(MAKE, &json!({ "name": name }))?;
        let id = made["experiment_id"].as_str();
        id.map(str::to_owned).ok_or_else(|| self.odd(MAKE, &made))
    }

    fn post(&self, call: &'static str, body: &Value) -> Result<Value, PushError> {
        let url = format!("{}/api/2.0/mlflow/{call}", self.uri);
        let mut request = self.agent.post(&url).header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let (status, answer) = self.read(request.send(body.to_string()))?;
        self.taken(call, status, &answer)
    }

    fn read(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(u16, String), PushError> {
        let unreached = |error: ureq::Error| PushError::Unreached {
            uri: self.uri.to_owned(),
            said: error.to_string(),
        };
        let mut response = response.map_err(unreached)?;
        let status = response.status().as_u16();
        Ok((status, response.body_mut().read_to_string().map_err(unreached)?))
    }

    fn taken(&self, call: &'static str, status: u16, answer: &str) -> Result<Value, PushError> {
        let json = serde_json::from_str::<Value>(answer);
        match json {
            Ok(answer) if (200..300).contains(&status) => Ok(answer),
            json => {
                let said = json.ok().and_then(|json| json["message"].as_str().map(str::to_owned));
                let said = said.unwrap_or_else(|| answer.chars().take(200).collect());
                let uri = self.uri.to_owned();
                Err(PushError::Refused { uri, call, status, said })
            }
        }
    }

    fn odd(&self, call: &'static str, answer: &Value) -> PushError {
        let said = format!("an answer without an identifier: {answer}");
        PushError::Refused { uri: self.uri.to_owned(), call, status: 200, said }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, sync_channel};

    use serde_json::Value;

    use super::push;
    use crate::tracker::wandb::tests::run;

    /// A server that gives these answers, one a request, and tells what it was asked.
    fn server(answers: Vec<(u16, &'static str)>) -> (String, Receiver<(String, Value)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = sync_channel(64);
        std::thread::spawn(move || {
            let mut answers = answers.into_iter().peekable();
            while answers.peek().is_some() {
                let mut stream = BufReader::new(listener.accept().unwrap().0);
                loop {
                    let (mut first, mut length) = (String::new(), 0);
                    if stream.read_line(&mut first).unwrap_or(0) == 0 {
                        break;
                    }
                    loop {
                        let mut line = String::new();
                        stream.read_line(&mut line).unwrap();
                        if line.trim().is_empty() {
                            break;
                        }
                        if let Some(value) =
                            line.to_ascii_lowercase().strip_prefix("content-length:")
                        {
                            length = value.trim().parse().unwrap();
                        }
                    }
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).unwrap();
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    sender.send((first.trim().to_owned(), body)).unwrap();
                    let Some((status, answer)) = answers.next() else { return };
                    let text = format!(
                        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
                        answer.len()
                    );
                    stream.get_mut().write_all(text.as_bytes()).unwrap();
                }
            }
        });
        (uri, asked)
    }

    #[test]
    fn a_run_is_made_filled_and_finished() {
        let (uri, asked) = server(vec![
            (404, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"none"}"#),
            (200, r#"{"experiment_id":"7"}"#),
            (200, r#"{"run":{"info":{"run_id":"abc"}}}"#),
            (200, "{}"),
            (200, "{}"),
            (200, "{}"),
        ]);
        let place = push(&uri, &run()).unwrap();
        assert_eq!(place, format!("{uri}/#/experiments/7/runs/abc"));
        let asked: Vec<_> = asked.iter().take(6).collect();
        let calls: Vec<_> = asked
            .iter()
            .map(|(first, _)| {
                first.split(' ').nth(1).unwrap().trim_start_matches("/api/2.0/mlflow/").to_owned()
            })
            .collect();
        assert_eq!(
            calls,
            [
                "experiments/get-by-name?experiment_name=perfagent",
                "experiments/create",
                "runs/create",
                "runs/log-batch",
                "runs/log-batch",
                "runs/update"
            ]
        );
        assert_eq!(asked[2].1["experiment_id"], "7");
        assert_eq!(asked[3].1["params"][1]["value"], "bf16");
        let metrics = asked[4].1["metrics"].as_array().unwrap();
        assert_eq!(metrics[1]["key"], "step_time_s");
        assert_eq!(
            (&metrics[1]["step"], &metrics[1]["timestamp"]),
            (&1.into(), &1_772_366_399_500_i64.into())
        );
        assert_eq!(asked[5].1["status"], "FINISHED");
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let (uri, _asked) = server(vec![(403, r#"{"message":"no permission"}"#)]);
        let said = push(&uri, &run()).unwrap_err().to_string();
        assert_eq!(said, format!("{uri}: answers 403 to experiments/get-by-name: no permission"));
        let (uri, _asked) = server(vec![(502, "<html>bad gateway</html>")]);
        assert!(push(&uri, &run()).unwrap_err().to_string().contains("answers 502"));
        let said = push("http://127.0.0.1:1", &run()).unwrap_err().to_string();
        assert!(said.starts_with("http://127.0.0.1:1: does not answer"), "{said}");
    }
}
