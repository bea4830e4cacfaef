use crate::Canaries;
use crate::protocols::http::Asked;
use std::net::Ipv4Addr;

pub(super) fn ours(asked: &Asked<'_>) -> bool {
    let named = asked.host == "kubernetes"
        || asked.host.starts_with("kubernetes.")
        || asked.host.contains(".eks.amazonaws.com");
    let address = asked.to.ip() == Ipv4Addr::new(10, 96, 0, 1);
    let path =
        ["/api/v1", "/apis/", "/openapi/v2", "/openapi/v3"].iter().any(|begin| asked.path.starts_with(begin));
    let bare = matches!(
        asked.path.as_str(),
        "/api" | "/apis" | "/version" | "/healthz" | "/livez" | "/readyz" | "/metrics"
    );
    named
        || address
        || asked.port == 6443
        || path && bearer(asked).is_some() && asked.path.contains("namespaces")
        || asked.port == 8001 && (path || bare)
}

fn bearer(asked: &Asked<'_>) -> Option<String> {
    asked.header("authorization").strip_prefix("Bearer ").map(str::to_owned)
}

/// Which of our tokens a request carries.
pub(super) fn token(asked: &Asked<'_>, canaries: &Canaries) -> Option<&'static str> {
    let bearer = bearer(asked)?;
    ["kube-service-token", "kube-config-token", "kube-node-token"]
        .into_iter()
        .find(|name| canaries.get(name) == bearer)
}

/// Verb, resource and place: `list secrets in kube-system`, `create pods in default privileged hostPath=/`.
pub(super) fn what(asked: &Asked<'_>) -> String {
    let path = asked.path.trim_start_matches('/');
    // `api/v1/…` or `apis/batch/v1/…`.
    let version = match path.split('/').next() {
        Some("api") => 2,
        Some("apis") => 3,
        _ => usize::MAX,
    };
    let mut parts: Vec<&str> = path.split('/').skip(version).filter(|part| !part.is_empty()).collect();
    let mut place = String::new();
    if parts.first() == Some(&"namespaces") && parts.len() > 2 {
        place = format!(" in {}", parts.get(1).unwrap_or(&""));
        parts.drain(..2);
    }
    let verb = match (asked.method.as_str(), parts.len()) {
        ("GET", 0 | 1) => "list",
        ("GET", _) => "get",
        ("POST", _) => "create",
        ("PUT" | "PATCH", _) => "update",
        ("DELETE", _) => "delete",
        _ => "other",
    };
    let resource = if parts.is_empty() { format!("/{path}") } else { parts.join("/") };
    format!("{verb} {resource}{place}{}", wishes(&asked.body))
}

/// What a pod that is to be made asks of its node.
fn wishes(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(1 << 20)).unwrap_or_default())
        .replace([' ', '\n', '\r'], "");
    let mut out = String::new();
    for (sign, name) in [
        ("\"privileged\":true", " privileged"),
        ("\"hostPID\":true", " hostPID"),
        ("\"hostNetwork\":true", " hostNetwork"),
        ("\"hostIPC\":true", " hostIPC"),
    ] {
        if text.contains(sign) {
            out.push_str(name);
        }
    }
    for part in text.split("\"hostPath\":{\"path\":\"").skip(1).take(4) {
        out.push_str(&format!(" hostPath={}", part.split('"').next().unwrap_or_default()));
    }
    out
}
