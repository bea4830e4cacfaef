//! Connections: accepted within bounds, encrypted, spoken to in HTTP/1 or 2, and let go of in good order.
//!
//! A public port is where slow and greedy clients arrive. Everything that a connection can wait for has a limit: the TLS
//! handshake, the head of a request, silence in both directions, the number of connections as a whole and from one
//! address, streams and headers of HTTP/2.

mod watched;

use crate::Error;
use crate::config::Limits;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use watched::Watched;

/// Bytes of answers that a connection holds before the client takes them: with many pulls at once this is what the memory of
/// a registry is made of.
const WRITE_BUFFER: usize = 256 << 10;

/// How the server listens.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) limits: Limits,
    /// Whether a proxy in front says whom a request comes from.
    pub(crate) trusts_proxy: bool,
    /// How many connections are open, for metrics.
    pub(crate) open: Gauge,
}

/// Listens where it is told.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// Serves until it is told to stop; then lets running requests end, for as long as the limit says. Gives how many
/// connections had to be cut.
pub(crate) async fn serve(listening: Listening, router: Router, mut stop: watch::Receiver<bool>) -> usize {
    let Listening { listener, tls, limits, trusts_proxy, open } = listening;
    let acceptor = tls.map(TlsAcceptor::from);
    let all = Arc::new(Semaphore::new(limits.connections));
    let crowd = Arc::new(Crowd::default());
    let http = Arc::new(http(&limits));
    loop {
        // Who finds the house full waits in the queue of the system, not in ours.
        let seat = tokio::select! {
            seat = Arc::clone(&all).acquire_owned() => match seat {
                Ok(seat) => seat,
                Err(_) => break,
            },
            () = asked(&mut stop) => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
            () = asked(&mut stop) => break,
        };
        let Some(place) = crowd.enter(peer.ip(), limits.connections_per_address) else {
            tracing::debug!(peer = %peer.ip(), "too many connections from one address");
            continue;
        };
        let (acceptor, http, router) = (acceptor.clone(), Arc::clone(&http), router.clone());
        let (limits, stop, open) = (limits.clone(), stop.clone(), open.clone());
        tokio::spawn(async move {
            let _held = (seat, place, Counted::new(&open));
            let caller = Caller { peer, trusts_proxy };
            connection(stream, caller, acceptor, &http, router, &limits, stop).await;
        });
    }
    drop(listener);
    let everyone = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let drained = tokio::time::timeout(limits.drain.0, all.acquire_many(everyone)).await;
    if drained.is_ok() { 0 } else { limits.connections - all.available_permits() }
}

fn http(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout.0.max(Duration::from_millis(1)))
        .max_headers(100)
        .max_buf_size(WRITE_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        // Who does not answer a ping is gone; who opens streams only to reset them (CVE-2023-44487) is cut by h2 itself.
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(256)
        .max_header_list_size(64 << 10)
        .max_send_buf_size(WRITE_BUFFER)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}

/// Who is at the other end.
#[derive(Clone, Copy)]
struct Caller {
    peer: SocketAddr,
    trusts_proxy: bool,
}

impl Caller {
    /// Whom a request comes from: the other end or, where that is our proxy, whom it heard last.
    fn of(&self, headers: &hyper::HeaderMap) -> SocketAddr {
        if !self.trusts_proxy {
            return self.peer;
        }
        let last =
            headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let last = last.and_then(|value| value.rsplit(',').next()).map(str::trim);
        let address = last.and_then(|text| text.parse::<IpAddr>().ok());
        address.map_or(self.peer, |address| SocketAddr::new(address, 0))
    }
}

async fn connection(
    stream: TcpStream,
    caller: Caller,
    acceptor: Option<TlsAcceptor>,
    http: &Builder<TokioExecutor>,
    router: Router,
    limits: &Limits,
    stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let stream = Watched::new(stream, limits.header_timeout.0, limits.idle_timeout.0);
    match acceptor {
        None => talk(stream, caller, http, router, stop).await,
        Some(acceptor) => {
            match tokio::time::timeout(limits.header_timeout.0, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => talk(stream, caller, http, router, stop).await,
                Ok(Err(error)) => tracing::debug!(peer = %caller.peer.ip(), %error, "no TLS"),
                Err(_) => tracing::debug!(peer = %caller.peer.ip(), "the TLS handshake took too long"),
            }
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Caller,
    http: &Builder<TokioExecutor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let peer = caller.of(request.headers());
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = asked(&mut stop) => {
            // HTTP/1 ends after the running request, HTTP/2 after the running streams.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %caller.peer.ip(), error = model::escape_text(&error.to_string()), "a connection broke");
    }
}

/// Comes back once the server is asked to stop, or whoever could ask is gone.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Out of descriptors or memory: accepting again at once would only burn the processor.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections; is the limit of open files too low?");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A connection that is counted as open.
struct Counted(Gauge);

impl Counted {
    fn new(open: &Gauge) -> Self {
        open.inc();
        Self(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How many connections each address has.
#[derive(Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// A connection's place in the crowd, given back when it ends.
struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    fn enter(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let address = neighbourhood(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { crowd: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: in IPv6 a whole /64, as that is what one machine has.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests;
