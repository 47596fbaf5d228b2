//! `perfagent exporter`: live metrics of this node.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use perfagent_exporter::examination::{self, Examining};
use perfagent_exporter::log::{EventLog, Target};
use perfagent_exporter::recordings::{self, Folder};
use perfagent_exporter::sample::{self, Supervision};
use perfagent_exporter::state::{Session, Shared};
use perfagent_exporter::{Server, Style, Textfile, kernel_log};

use crate::exit::Exit;
use crate::printer::Printer;

const DEFAULT_LISTEN: &str = "0.0.0.0:9939";
/// How long the examination of the node may take before it says itself what did not answer.
const EXAMINATION: Duration = Duration::from_millis(4500);
/// How often the folder of the recordings is looked at, and how long one of them may take.
const RECORDINGS: Duration = Duration::from_secs(15);
const RECORDING: Duration = Duration::from_mins(5);
/// How long the first answer waits for the first look at the GPUs, which wakes those without persistence mode.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Tell Prometheus how this node and its GPUs are, until ended
///
/// Serves metrics over HTTP at /metrics, in the Prometheus text format or as OpenMetrics, whichever is asked for; or writes
/// them to a file for node_exporter's textfile collector. A scrape is answered from the last sample and never waits for a
/// GPU. GPUs are asked by a process of its own: when a driver hangs or goes away its metrics vanish,
/// perfagent_exporter_nvml_up says 0, and they return when it does.
///
/// Without root the kernel log may not be readable: then only XIDs that NVML tells are counted, and
/// perfagent_exporter_kernel_log_readable says 0.
#[expect(
    clippy::doc_markdown,
    reason = "help is shown as it stands here, and names of metrics are no code"
)]
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent exporter
  perfagent exporter --listen 127.0.0.1:9939 --dcgm-compat --recordings /scratch/runs
  perfagent exporter --textfile /var/lib/node_exporter/textfile_collector/perfagent.prom --interval 15
  perfagent exporter --logs /var/log/perfagent.json")]
pub(crate) struct Args {
    /// Where to answer scrapes [default: 0.0.0.0:9939]; port 0 lets the system choose one
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "textfile")]
    listen: Option<String>,
    /// Write the metrics to this file instead, whose name ends in .prom; it is removed at the end
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
    /// Seconds between two looks at the GPUs
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds)]
    interval: Duration,
    /// Seconds between two examinations of the node, as `perfagent health` makes them
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    health_interval: Duration,
    /// Show step time, tokens/s, MFU, exposed communication and bus bandwidth of the newest recordings in this folder
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
    /// Add dcgm-exporter's names (DCGM_FI_…) and labels, for dashboards that are there already
    #[arg(long)]
    dcgm_compat: bool,
    /// GPUs that this node should have [default: those that the PCI bus and the driver show]
    #[arg(long, value_name = "N")]
    expected_gpus: Option<u64>,
    /// Append what happens (XIDs, changed health, a driver that is lost) to this file, one JSON line in the Elastic Common
    /// Schema each; `-` is standard output
    #[arg(long, value_name = "FILE")]
    logs: Option<PathBuf>,
}

/// Runs until SIGTERM, SIGINT or SIGHUP.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    // What is wrong with the arguments is told before anything is started.
    let textfile = args.textfile.as_deref().map(Textfile::at).transpose()?;
    let address = address(args.listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
    let ended = signals()?;
    let host = perfagent_health::host_name();
    let log = Arc::new(EventLog::new(target(args.logs.as_deref()), &host));
    let shared = Arc::new(Shared::new(Arc::clone(&log)));
    let style = Style {
        host,
        dcgm: args.dcgm_compat,
        expected_gpus: args.expected_gpus,
        valid_s: (3 * args.interval).as_secs_f64().max(30.0),
    };
    // Bound before anything else is started: an address that is taken is the likeliest mistake.
    let server = match &textfile {
        Some(_) => None,
        None => Some(Server::bind(address).with_context(|| {
            format!("{address}: cannot listen there; choose another address with --listen")
        })?),
    };
    start(args, &shared).context("a thread cannot be started; see `ulimit -u`")?;
    first_look(&shared, &ended);
    match (textfile, server) {
        (Some(file), _) => write(&file, args, &shared, &style, &ended, printer),
        (None, Some(server)) => {
            let address = server.address();
            let server = server.serve(Arc::clone(&shared), style);
            let server = server.context("a thread cannot be started; see `ulimit -u`")?;
            printer.note(format!("metrics at http://{address}/metrics"));
            while !has_ended(&ended, args.interval) {
                complain(&log, printer);
            }
            drop(server);
        }
        (None, None) => {}
    }
    complain(&log, printer);
    Ok(Exit::Success)
}

/// Starts everything that finds something out.
fn start(args: &Args, shared: &Arc<Shared>) -> anyhow::Result<()> {
    let program = std::env::current_exe()
        .context("perfagent: its own path cannot be found; start it by its full path")?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let interval = args.interval.as_millis().to_string();
    let supervision = Supervision {
        program: program.clone(),
        arguments: words(&["nvml-sample", "--interval-ms", &interval]),
        interval: args.interval,
    };
    sample::start(supervision, Arc::clone(shared))?;
    kernel_log::start("/".into(), args.interval, Arc::clone(shared))?;
    let limit = EXAMINATION.as_secs_f64().to_string();
    let examining = Examining {
        program: program.clone(),
        arguments: words(&["health", "--json", "--timeout", &limit]),
        interval: args.health_interval,
        limit: EXAMINATION,
    };
    examination::start(examining, Arc::clone(shared))?;
    if let Some(path) = &args.recordings {
        let folder = Folder {
            path: path.clone(),
            interval: RECORDINGS,
            program,
            arguments: words(&["run-figures"]),
            limit: RECORDING,
        };
        recordings::start(folder, Arc::clone(shared))?;
    }
    Ok(())
}

/// The metrics of a node that starts are not to lack GPUs that it has.
fn first_look(shared: &Shared, ended: &Receiver<()>) {
    let patience = Instant::now() + FIRST_LOOK;
    let is_starting = || shared.change(|state| state.nvml.session == Session::Starting);
    while is_starting() && Instant::now() < patience {
        if has_ended(ended, Duration::from_millis(50)) {
            // Told again to whoever waits next.
            return;
        }
    }
}

/// Writes the file at each interval. A full disk is told once, and again after it was not full.
fn write(
    file: &Textfile,
    args: &Args,
    shared: &Shared,
    style: &Style,
    ended: &Receiver<()>,
    printer: &mut Printer,
) {
    let mut said = None;
    loop {
        let error = file.write(shared, style).err().map(|error| error.to_string());
        if said != error {
            match &error {
                Some(error) => printer.note(error),
                None if said.is_some() => printer.note("the textfile is written again"),
                None => {}
            }
            said = error;
        }
        if has_ended(ended, args.interval) {
            break;
        }
    }
    file.remove();
}

fn complain(log: &EventLog, printer: &mut Printer) {
    if let Some(complaint) = log.complaint() {
        printer.note(format!(
            "{complaint}; events are lost; free some space or choose another place with --logs"
        ));
    }
}

/// Waits for the end, but no longer than this.
fn has_ended(ended: &Receiver<()>, within: Duration) -> bool {
    !matches!(ended.recv_timeout(within), Err(RecvTimeoutError::Timeout))
}

/// A channel that closes at the first signal that ends the process, so that everybody who waits for it hears of it.
fn signals() -> anyhow::Result<Receiver<()>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])
        .context("signals cannot be waited for")?;
    let (sender, ended) = sync_channel::<()>(0);
    let wait = move || {
        let _ = signals.forever().next();
        drop(sender);
        // The second one ends the process at once, as if nobody had asked for them.
        if let Some(signal) = signals.forever().next() {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .context("a thread cannot be started; see `ulimit -u`")?;
    Ok(ended)
}

fn target(logs: Option<&Path>) -> Target {
    match logs {
        None => Target::None,
        Some(path) if path.as_os_str() == "-" => Target::Output,
        Some(path) => Target::File(path.to_owned()),
    }
}

/// `ADDR:PORT`; without an address all of them.
fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let found = whole.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.with_context(|| {
        format!(
            "--listen {text}: is no address with a port; write 127.0.0.1:9939, [::]:9939 or :9939"
        )
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds between 0.1 and 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{address, seconds};

    #[test]
    fn addresses_and_times_are_checked() {
        assert_eq!(address(":9939").unwrap().to_string(), "0.0.0.0:9939");
        assert_eq!(address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for text in ["", "9939", "127.0.0.1", "127.0.0.1:99999", "a b:1"] {
            let said = address(text).unwrap_err().to_string();
            assert!(said.contains("is no address with a port"), "{said}");
        }
        assert!(seconds("0.5").is_ok());
        for text in ["0", "-1", "NaN", "1e9", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
