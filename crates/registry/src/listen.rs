use crate::Registry;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Bytes of answers that a connection holds before the client takes them: with sixty-four pulls at once this is what a
/// registry's memory is made of.
const WRITE_BUFFER: usize = 256 << 10;
/// How long connections have to end when the server stops.
const GRACE: Duration = Duration::from_secs(20);

/// Where a registry listens.
#[derive(Debug)]
pub struct Listening {
    /// The address, with the port that was given where none was asked for.
    pub address: SocketAddr,
    /// Ends when all connections have.
    pub served: tokio::task::JoinHandle<()>,
}

/// Listens for plain HTTP and answers until `stop` ends, then lets connections finish. For TLS, accept connections
/// elsewhere and give them to [`connection`].
///
/// # Errors
/// The address cannot be listened on.
pub async fn listen(
    registry: &Registry,
    router: Router,
    address: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let registry = registry.clone();
    let served = tokio::spawn(accept(registry, router, listener, stop));
    Ok(Listening { address, served })
}

async fn accept(
    registry: Registry,
    router: Router,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let places = Arc::new(Semaphore::new(registry.settings.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // A connection waits in the kernel's queue rather than in memory when there are too many.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors: others have to end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Answers are written in whole pieces; waiting for more would only make them late.
        let _ = stream.set_nodelay(true);
        let watched = graceful.watcher();
        let (registry, router) = (registry.clone(), router.clone());
        tokio::spawn(async move {
            registry.metrics.connections.inc();
            let served = connection(&registry, router, stream, peer, Some(watched)).await;
            registry.metrics.connections.dec();
            if let Err(error) = served {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were cut off as they did not end in time");
    }
}

/// Answers on one connection, HTTP/1.1 or HTTP/2 as its first bytes say, with the limits of the settings.
///
/// # Errors
/// The connection broke off, or what came was no HTTP.
pub async fn connection<Stream>(
    registry: &Registry,
    router: Router,
    stream: Stream,
    peer: SocketAddr,
    graceful: Option<hyper_util::server::graceful::Watcher>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router.layer(axum::Extension(ConnectInfo(peer))));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(registry.settings.header_time)
        .max_buf_size(WRITE_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(32 << 10)
        .max_send_buf_size(WRITE_BUFFER)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    match graceful {
        Some(watcher) => watcher.watch(connection).await,
        None => connection.await,
    }
}
