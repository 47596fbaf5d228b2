//! Metrics over HTTP/1.
//!
//! hyper on one thread: connections cost no thread each, and each has a deadline, so that clients that are slow or silent hold
//! nobody up. `tiny_http` would be smaller, but knows no time limits, and keeps a thread for every client that does not finish
//! its request. A connection answers one request: keeping it open would save a scraper nothing worth a second state.

mod answer;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use std::{io, thread};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::metric::Style;
use crate::state::Shared;

/// Connections at a time; further ones wait with the kernel.
const MOST_CONNECTIONS: usize = 256;
/// How long the head of a request may take to arrive, and a connection altogether.
const HEAD: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
/// How long answers under way may take when the server is to end.
const LAST: Duration = Duration::from_secs(2);
/// After a connection could not be taken, as when there are no file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// A port that is taken already; connections wait there until [`Bound::serve`].
pub struct Bound {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

/// A running server; dropping it ends it.
pub struct Server {
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Bound {
    /// Where it listens: with the port that the system chose, if it was to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from `shared`, in a thread of its own.
    pub fn serve(self, shared: Arc<Shared>, style: Style) -> io::Result<Server> {
        let Self { runtime, listener, .. } = self;
        let (stop, stopped) = watch::channel(false);
        let style = Arc::new(style);
        let serve = move || runtime.block_on(serve(listener, stopped, shared, style));
        let thread = thread::Builder::new().name("http".to_owned()).spawn(serve)?;
        Ok(Server { stop, thread: Some(thread) })
    }
}

impl Server {
    /// Takes the port.
    pub fn bind(address: SocketAddr) -> io::Result<Bound> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        Ok(Bound { runtime, listener, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let Some(thread) = self.thread.take() else { return };
        // It ends by itself soon; a process that is to end does not depend on it.
        let (sender, ended) = sync_channel(1);
        let waiter = thread::Builder::new().name("http-end".to_owned()).spawn(move || {
            let _ = thread.join();
            let _ = sender.send(());
        });
        if waiter.is_ok() {
            let _ = ended.recv_timeout(2 * LAST);
        }
    }
}

async fn serve(
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
    shared: Arc<Shared>,
    style: Arc<Style>,
) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let taking = tokio::spawn(take(listener, Arc::clone(&room), shared, style));
    let mut stopped = stopped;
    // The sender gone is an end, too.
    let _ = stopped.wait_for(|stop| *stop).await;
    taking.abort();
    let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(LAST, room.acquire_many(all)).await;
}

async fn take(listener: TcpListener, room: Arc<Semaphore>, shared: Arc<Shared>, style: Arc<Style>) {
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (shared, style) = (Arc::clone(&shared), Arc::clone(&style));
                tokio::spawn(async move {
                    let _ = timeout(WHOLE, attend(stream, &shared, &style)).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Answers one request. What a client does wrong ends its connection and nothing else.
async fn attend(stream: TcpStream, shared: &Shared, style: &Style) {
    let answer = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
        Ok::<_, Infallible>(answer::answer(&request, shared, style))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
    // Half a screen is more than a scraper's head needs.
    builder.max_buf_size(16 << 10);
    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
}
