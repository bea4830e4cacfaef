use crate::quarantine::Place;
use crate::query::Query;
use crate::request::Request;
use crate::{Refusal, Registry, Route, caller, routes};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Method, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
/// What Docker's clients look for.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));

/// The registry as a service: everything below `/v2/`, and `/token`. What is neither is refused here as well, so a router
/// that it is merged into decides about its own paths alone.
pub fn router(registry: Registry) -> Router {
    Router::new()
        .fallback(move |request: axum::extract::Request| {
            let registry = registry.clone();
            async move { answer(&registry, request).await }
        })
        // Of forms only: bodies of uploads and manifests are read by other means, with bounds of their own.
        .layer(axum::extract::DefaultBodyLimit::max(routes::token::LARGEST_FORM))
}

/// Answers one request: counts it, gives it a number, and lets nothing but a [`Refusal`] or a route's answer out.
async fn answer(registry: &Registry, request: axum::extract::Request) -> Response<Body> {
    let started = Instant::now();
    let id = request_id();
    let method = request.method().clone();
    let route = Route::parse(request.uri().path());
    let token = request.uri().path() == routes::token::PATH;
    let kind = if token { "token" } else { route.as_ref().map_or("none", Route::kind) };
    let span = tracing::info_span!("request", %id, %method, route = kind, repository = tracing::field::Empty, who = tracing::field::Empty);
    registry.metrics.in_flight.inc();
    let counted = InFlight(registry);
    let answered = async {
        if token {
            routes::token::answer(registry, request).await
        } else {
            routed(registry, request, route).await
        }
    };
    let mut response = match answered.instrument(span.clone()).await {
        Ok(response) => response,
        Err(refusal) => {
            tracing::debug!(parent: &span, ?refusal, "refused");
            refusal.answer(method == Method::HEAD)
        }
    };
    drop(counted);
    let headers = response.headers_mut();
    headers.insert(VERSION.0, VERSION.1);
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    registry.metrics.answered(kind, &method, status, seconds);
    tracing::info!(parent: &span, status, seconds, "answered");
    response
}

/// Counts down even where the client goes away and the future is dropped.
struct InFlight<'a>(&'a Registry);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}

/// Finds out who asks before anything else is looked at: to nobody, a path that does not exist looks as one that does.
async fn routed(
    registry: &Registry,
    request: axum::extract::Request,
    route: Result<Route, crate::RouteError>,
) -> Result<Response<Body>, Refusal> {
    let address = peer(&request);
    let (parts, body) = request.into_parts();
    let caller = caller::find(registry, &parts.headers, address).await?;
    tracing::Span::current().record("who", caller.principal().as_str());
    let route = match route {
        Ok(route) => route,
        Err(_) if caller.is_nobody() => return Err(caller::challenge(registry, &parts.headers, &[], None)),
        Err(error) => return Err(error.into()),
    };
    let query = Query::parse(&parts.uri)?;
    let (place, route) = placed(registry, route, &query)?;
    let namespace = query.one("ns")?.filter(|_| place.namespace_used).map(HeaderValue::try_from);
    if let Some(repository) = route.repository() {
        tracing::Span::current().record("repository", repository.as_str());
    }
    let request = Request { method: parts.method, headers: parts.headers, query, caller, place };
    let mut response = routes::to(registry, &request, body, route).await?;
    if let Some(Ok(namespace)) = namespace {
        response.headers_mut().insert(NAMESPACE, namespace);
    }
    Ok(response)
}

/// Where the repository of a route lies; routes without one lie nowhere, and get a place that permits nothing.
fn placed(registry: &Registry, route: Route, query: &Query) -> Result<(Place, Route), Refusal> {
    static NOWHERE: LazyLock<Option<model::RepositoryName>> = LazyLock::new(|| "nowhere".parse().ok());
    let namespace = query.one("ns")?;
    match route.repository() {
        Some(name) => {
            let place = registry.quarantine.place(name, namespace);
            let route =
                if place.repository == *name { route } else { route.within(place.repository.clone()) };
            Ok((place, route))
        }
        None => {
            let nowhere = NOWHERE.as_ref().ok_or_else(|| {
                Refusal::new(crate::Code::Unknown, "the registry is built wrongly: report it")
            })?;
            Ok((Place::hosted(nowhere), route))
        }
    }
}

/// Who is connected; where nobody said, all share one place in the count of failures.
pub(crate) fn peer(request: &axum::extract::Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// The number of a request: what this process drew at its start, and a count. It is no secret.
fn request_id() -> String {
    static START: LazyLock<u64> = LazyLock::new(|| {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(std::process::id())
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}-{:x}", *START, COUNT.fetch_add(1, Ordering::Relaxed))
}
