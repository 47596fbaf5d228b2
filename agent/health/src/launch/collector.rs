//! The node of rank 0 takes the reports of all others, until a deadline.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Place;
use super::report::{Answer, MOST_BYTES, Report};

/// Connections at one time; whoever comes on top of them tries again.
const MOST_CONNECTIONS: usize = 1024;
/// After the deadline, for what connections tell about their ends.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What a thread of a connection needs.
const STACK: usize = 256 << 10;

/// How long, and for whom to wait.
#[derive(Clone, Debug)]
pub struct Wait {
    /// When no more is waited for.
    pub deadline: Instant,
    /// The same in words.
    pub patience: Duration,
    /// Where the others report to, as they know it.
    pub at: String,
}

/// Reports that come in.
#[derive(Debug)]
pub struct Collector {
    arrivals: Receiver<Arrival>,
    place: Place,
    wait: Wait,
}

/// What has come in.
#[derive(Clone, Debug)]
pub struct Collected {
    /// One a node, those that are missing among them, in the order of the ranks.
    pub reports: Vec<Report>,
    /// How many of them never came.
    pub missing: usize,
    /// What was odd, in words.
    pub remarks: Vec<String>,
}

enum Arrival {
    /// With the connection that waits for the answer.
    Report(Box<Report>, TcpStream),
    Odd(String),
}

impl Collector {
    /// Listens on a port of all addresses of this node.
    ///
    /// # Errors
    /// When that cannot be done, as when another program has the port.
    pub fn listen(port: u16, place: &Place, wait: Wait) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        // A kernel without IPv6 has only the other.
        let listener = match TcpListener::bind(any) {
            Err(error) if error.kind() != ErrorKind::AddrInUse => {
                TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?
            }
            bound => bound?,
        };
        Self::on(listener, place, wait)
    }

    fn on(listener: TcpListener, place: &Place, wait: Wait) -> io::Result<Self> {
        let (sender, arrivals) = sync_channel(64);
        let expected = Arc::new(Expected {
            run: place.run.clone(),
            size: place.size,
            deadline: wait.deadline,
            open: AtomicUsize::new(0),
        });
        thread::Builder::new().name("health-gather".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else {
                    // As with too many open files: the next one may do.
                    thread::park_timeout(Duration::from_millis(50));
                    continue;
                };
                if Instant::now() >= expected.deadline {
                    return;
                }
                serve(stream, &expected, &sender);
            }
        })?;
        Ok(Self { arrivals, place: place.clone(), wait })
    }

    /// Takes what comes until all ranks' nodes have reported or the time is over; `own` is this node's report.
    #[must_use]
    pub fn collect(self, own: Report) -> Collected {
        let mut reports = vec![own];
        let mut remarks = Vec::new();
        while ranks(&reports) < self.place.size {
            let left = self.wait.deadline.saturating_duration_since(Instant::now());
            match self.arrivals.recv_timeout(left) {
                Ok(Arrival::Report(report, peer)) => take(&mut reports, *report, &peer),
                Ok(Arrival::Odd(said)) => remarks.push(said),
                Err(_) => break,
            }
        }
        // Who was still silent at the deadline is told by its connection just after it.
        let last = Instant::now() + LAST_WORDS;
        while ranks(&reports) < self.place.size
            && let Ok(arrival) =
                self.arrivals.recv_timeout(last.saturating_duration_since(Instant::now()))
        {
            match arrival {
                Arrival::Report(report, peer) => take(&mut reports, *report, &peer),
                Arrival::Odd(said) => remarks.push(said),
            }
        }
        let missing = self.missing(&reports);
        let count = missing.len();
        reports.extend(missing);
        reports.sort_by_key(|report| report.rank);
        remarks.sort();
        remarks.dedup();
        Collected { reports, missing: count, remarks }
    }

    /// A report that says so for each node that sent none.
    fn missing(&self, reports: &[Report]) -> Vec<Report> {
        let Place { size, nodes, .. } = &self.place;
        let left = size.saturating_sub(ranks(reports));
        if left == 0 {
            return Vec::new();
        }
        let Wait { at, patience, .. } = &self.wait;
        let said = format!("sent no report within {} s", patience.as_secs());
        let action = format!(
            "look whether the node is up and reaches {at}, then run `perfagent health` on it; --wait for slow ones"
        );
        let missing = |host: String, rank| Report::missing(host, rank, &said, &action);
        if reports.iter().all(|report| nodes.contains(&report.host)) {
            let came = |node: &&String| reports.iter().any(|report| report.host == **node);
            let names = nodes.iter().filter(|node| !came(node));
            return names.map(|name| missing(name.clone(), *size)).collect();
        }
        let each = reports[0].local_size;
        if self.place.by_node && each > 0 && reports.iter().all(|report| report.local_size == each)
        {
            let count = size / each;
            let came = |node: usize| reports.iter().any(|report| report.rank / each == node);
            let numbers = (0..count).filter(|node| !came(*node));
            return numbers
                .map(|node| missing(format!("node-{node}-of-{count}"), node * each))
                .collect();
        }
        vec![missing(format!("nodes-of-{left}-ranks"), *size)]
    }
}

/// How many ranks are on the nodes that have reported.
fn ranks(reports: &[Report]) -> usize {
    reports.iter().map(|report| report.local_size).sum()
}

/// A node that repeats its report, as when it did not hear that it was taken, has one all the same.
fn take(reports: &mut Vec<Report>, report: Report, peer: &TcpStream) {
    match reports.iter_mut().find(|known| known.rank == report.rank) {
        Some(known) => *known = report,
        None => reports.push(report),
    }
    // Here, as this process may end with the last report: a thread of its own could come too late.
    say(peer, &Answer::Taken);
}

/// What connections have in common.
struct Expected {
    run: Option<String>,
    size: usize,
    deadline: Instant,
    open: AtomicUsize,
}

/// Reads a connection in a thread of its own, so that one that is slow or silent holds no other up.
fn serve(stream: TcpStream, expected: &Arc<Expected>, sender: &SyncSender<Arrival>) {
    if expected.open.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
        expected.open.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let (own, sender) = (Arc::clone(expected), sender.clone());
    let started = thread::Builder::new().stack_size(STACK).spawn(move || {
        let arrival = receive(stream, &own, &sender);
        own.open.fetch_sub(1, Ordering::Relaxed);
        if let Err(said) = arrival {
            let _ = sender.send(Arrival::Odd(said));
        }
    });
    if started.is_err() {
        expected.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes one line; fails with what was odd about the peer, which hears of it too.
fn receive(
    stream: TcpStream,
    expected: &Expected,
    sender: &SyncSender<Arrival>,
) -> Result<(), String> {
    let peer = stream
        .peer_addr()
        .map_or_else(|_| "somebody".to_owned(), |peer| peer.ip().to_canonical().to_string());
    let line =
        line(&stream, expected.deadline).map_err(|said| format!("{peer} connected and {said}"))?;
    match Report::read(&line, expected.run.as_deref(), expected.size) {
        Ok(report) => {
            // When it is too late, nobody answers, and the peer finds out.
            let _ = sender.send(Arrival::Report(Box::new(report), stream));
            Ok(())
        }
        Err(why) => {
            let said = format!("{peer} was refused: {why}");
            say(&stream, &Answer::Refused(why));
            Err(said)
        }
    }
}

/// Answers a peer. Few bytes on a new connection never wait; the peer may be gone.
fn say(mut stream: &TcpStream, answer: &Answer) {
    let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
    let _ = stream.write_all(&answer.line());
}

/// The line, however slowly it comes, until the deadline.
fn line(stream: &TcpStream, deadline: Instant) -> Result<Vec<u8>, String> {
    let mut reader = BufReader::new(stream.take(MOST_BYTES));
    let mut line = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(format!("sent {} bytes of a report, not all of it", line.len()));
        }
        // One piece at a time, so that a peer that drips is asked for the time after each.
        let piece = match reader.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return Err(format!("sent {} bytes of a report, not all of it", line.len())),
        };
        if piece.is_empty() {
            return Err(format!("sent {} bytes and no whole report", line.len()));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(piece.len(), |end| end + 1);
        line.extend_from_slice(&piece[..length]);
        reader.consume(length);
        if end.is_some() {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests;
