use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What is counted. Labels are few and fixed: no name of a repository and nothing else that a client chooses.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<Labels, Counter>,
    seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    /// Requests that are being answered.
    pub(crate) in_flight: Gauge,
    /// Bytes of content that were given out.
    pub(crate) bytes_out: Counter,
    /// Bytes of content that came in.
    pub(crate) bytes_in: Counter,
    /// Logins that failed.
    pub(crate) logins_failed: Counter,
    /// Connections that are open.
    pub(crate) connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

/// Seconds until the headers of an answer: half a millisecond to half a minute.
fn buckets() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0,
    ])
}

impl Metrics {
    /// Registers everything under `registry_`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(buckets as fn() -> Histogram),
            in_flight: Gauge::default(),
            bytes_out: Counter::default(),
            bytes_in: Counter::default(),
            logins_failed: Counter::default(),
            connections: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("registry");
        registry.register("requests", "Requests by route, method and status", metrics.requests.clone());
        registry.register("headers_seconds", "Time until the headers of an answer", metrics.seconds.clone());
        registry.register("in_flight", "Requests that are being answered", metrics.in_flight.clone());
        registry.register("content_out_bytes", "Bytes of content given out", metrics.bytes_out.clone());
        registry.register("content_in_bytes", "Bytes of content taken in", metrics.bytes_in.clone());
        registry.register("logins_failed", "Logins that failed", metrics.logins_failed.clone());
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        metrics
    }

    /// Gives each family a sample, for the page that lists them all: those without one are not written.
    pub fn sample(&self) {
        self.answered("base", &axum::http::Method::GET, 200, 0.0);
    }

    pub(crate) fn answered(
        &self,
        route: &'static str,
        method: &axum::http::Method,
        status: u16,
        seconds: f64,
    ) {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        self.requests.get_or_create(&Labels { route, method, status }).inc();
        self.seconds.get_or_create(&RouteLabel { route }).observe(seconds);
    }
}
