//! HTTP/1.1 and HTTP/2, plain and inside of TLS. Whoever claims a request answers it: clouds, clusters, registries,
//! package indexes; what nobody claims gets something of the type that it asks for.

mod answer;
mod parse;
#[cfg(test)]
mod tests;
mod upgrade;

pub use answer::DEAD_DROP;
pub(crate) use answer::{Answer, date};
pub(crate) use parse::{Asked, unescape};

use crate::recorder::Flow;
use crate::server::{Ended, Shared};
use crate::talk::Talk;
use bytes::Bytes;
use events::{Http, WireKind, bounded};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const METHODS: &[&str] = &[
    "GET ",
    "POST ",
    "PUT ",
    "HEAD ",
    "DELETE ",
    "OPTIONS ",
    "PATCH ",
    "CONNECT ",
    "TRACE ",
    "PROPFIND ",
    "SEARCH ",
    "PRI ",
    "M-SEARCH ",
    "LINK ",
    "UNLINK ",
    "REPORT ",
    "MKCOL ",
    "LOCK ",
];

/// How long a guest may take for the head of a request: what sends a byte a minute is cut off.
const HEAD: Duration = Duration::from_secs(15);

/// The longest head that is read.
const HEAD_BYTES: usize = 128 << 10;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    let Some(method) = METHODS.iter().find(|method| {
        let length = method.len().min(bytes.len());
        length > 0 && method.as_bytes().get(..length) == bytes.get(..length)
    }) else {
        return 0;
    };
    if bytes.len() > method.len() { 90 } else { 30 }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    while talk.ahead.len() < 4 {
        talk.more().await?;
    }
    let second = talk.ahead.starts_with(b"PRI ");
    let connection = Arc::new(Connection {
        flow: Arc::clone(&talk.flow),
        shared: Arc::clone(&talk.shared),
        tls: talk.tls,
        port: talk.port,
        depth: talk.depth,
        requests: AtomicU64::new(0),
    });
    if second {
        talk.flow.tell(WireKind::Protocol("http2".into()));
    }
    let io = TokioIo::new(talk.into_stream());
    let service = service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let served = if second {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(HEAD_BYTES as u32)
            .max_pending_accept_reset_streams(20)
            .keep_alive_interval(Some(Duration::from_secs(60)))
            .serve_connection(io, service)
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .half_close(true)
            .serve_connection(io, service)
            .with_upgrades()
            .await
    };
    served.map_err(io::Error::other)
}

pub(super) struct Connection {
    pub(super) flow: Arc<Flow>,
    pub(super) shared: Arc<Shared>,
    pub(super) tls: bool,
    pub(super) port: u16,
    pub(super) depth: u8,
    requests: AtomicU64,
}

impl Connection {
    async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        let upgrade = upgrade::wanted(&request).then(|| hyper::upgrade::on(&mut request));
        let (head, body) = request.into_parts();
        let most = self.shared.world.limits.body as usize;
        let (body, length) = if upgrade.is_some() { (Vec::new(), 0) } else { read(body, most).await };
        if length > body.len() as u64 {
            self.shared.recorder.lost(1);
        }
        let asked = Asked::new(head, body, length, self.tls, self.port, &self.flow);
        // Heads of HTTP/2 are compressed and bodies are cut into frames: canaries are looked for in what was meant.
        self.flow.watch_whole(&asked.text());
        self.flow.watch_whole(&asked.body);
        let many = self.requests.fetch_add(1, Ordering::Relaxed) >= self.shared.world.limits.requests;
        let answer = match upgrade {
            _ if many => Answer::text(429, "too many requests\n"),
            Some(upgraded) => upgrade::begin(&self, &asked, upgraded),
            None => answer::answer(&asked, &self.shared),
        };
        if many {
            self.shared.recorder.lost(1);
        } else {
            self.tell(&asked, &answer);
        }
        respond(answer, self.shared.world.clock.seconds())
    }

    fn tell(&self, asked: &Asked<'_>, answer: &Answer) {
        let recorder = &self.flow.recorder;
        let body = (!asked.body.is_empty()).then(|| {
            let mut content = recorder.keep(&asked.body);
            content.length = asked.length;
            content
        });
        let content = (!answer.body.is_empty()).then(|| recorder.serving(&answer.body, answer.served));
        self.flow.tell(WireKind::Http(Box::new(Http {
            method: bounded(asked.method.as_bytes()),
            host: bounded(asked.host.as_bytes()),
            target: bounded(asked.target.as_bytes()),
            agent: bounded(asked.agent.as_bytes()),
            tls: self.tls,
            body,
            body_start: bounded(&asked.body),
            status: answer.status,
            served: answer.served.into(),
            content,
        })));
    }
}

/// Reads a body; what is longer than what is kept is read and counted.
async fn read(mut body: Incoming, most: usize) -> (Vec<u8>, u64) {
    let (mut all, mut length) = (Vec::new(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            length += data.len() as u64;
            let room = most.saturating_sub(all.len()).min(data.len());
            all.extend_from_slice(data.get(..room).unwrap_or_default());
        }
    }
    (all, length)
}

fn respond(answer: Answer, seconds: u64) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    let date = date(seconds);
    for (name, value) in answer.headers.iter().map(|(name, value)| (*name, value)).chain([("date", &date)]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value.as_str())) {
            headers.append(name, value);
        }
    }
    response
}
