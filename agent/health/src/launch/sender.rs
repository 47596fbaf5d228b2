//! Hands a node's report to the node of rank 0, as often as it takes until a deadline.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::report::{Answer, Report};

/// One attempt to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(300);

/// Why a report was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The other side wants none of it.
    #[error("{at}: refused this node's report: {why}")]
    Refused {
        /// Where.
        at: String,
        /// In its words.
        why: String,
    },
    /// Nobody took it in time.
    #[error(
        "{at}: did not take this node's report within {seconds} s ({last}); rank 0 listens there: look whether it runs, \
         whether the name is that of its node, and whether a firewall is between"
    )]
    Late {
        /// Where.
        at: String,
        /// How long it was tried.
        seconds: u64,
        /// What the last attempt came to.
        last: String,
    },
}

/// Hands `report` to `HOST:PORT`. Returns when it was taken or refused, or at the deadline: even a name server that hangs
/// is not waited for.
///
/// # Errors
/// Says why it was not taken.
pub fn hand_over(at: &str, report: &Report, patience: Duration) -> Result<(), NotTaken> {
    let deadline = Instant::now() + patience;
    let mut last = "no attempt came to an end".to_owned();
    match attempts(at.to_owned(), report, deadline) {
        Ok(attempts) => loop {
            match attempts.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(Answer::Taken)) => return Ok(()),
                Ok(Ok(Answer::Refused(why))) => {
                    return Err(NotTaken::Refused { at: at.to_owned(), why });
                }
                Ok(Err(said)) => last = said,
                Err(_) => break,
            }
        },
        Err(error) => last = error.to_string(),
    }
    Err(NotTaken::Late { at: at.to_owned(), seconds: patience.as_secs(), last })
}

/// Tries in a thread of its own; each attempt's end comes out.
fn attempts(
    at: String,
    report: &Report,
    deadline: Instant,
) -> io::Result<Receiver<Result<Answer, String>>> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    let (sender, ends) = sync_channel(1);
    thread::Builder::new().name("health-report".to_owned()).spawn(move || {
        while Instant::now() < deadline {
            let end = attempt(&at, &line, deadline).map_err(|error| error.to_string());
            let done = end.is_ok();
            if sender.send(end).is_err() || done {
                return;
            }
            thread::park_timeout(PAUSE);
        }
    })?;
    Ok(ends)
}

fn attempt(at: &str, line: &[u8], deadline: Instant) -> io::Result<Answer> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut last = io::Error::other("the name has no address");
    for address in at.to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, CONNECT.min(left())) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        stream.set_write_timeout(Some(left()))?;
        stream.write_all(line)?;
        stream.set_read_timeout(Some(left()))?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(1 << 12)).read_until(b'\n', &mut answer)?;
        return serde_json::from_slice(&answer)
            .map_err(|_| io::Error::other("what listens there is no perfagent health"));
    }
    Err(last)
}
