use crate::protocols::http::Asked;
use serde_json::Value;

/// The path without its version; none where it is not the daemon's.
pub(super) fn path<'a>(asked: &'a Asked<'_>) -> Option<&'a str> {
    let (versioned, path) = unversioned(&asked.path);
    // Port 0 stands for the socket.
    let door = matches!(asked.port, 0 | 2375 | 2376 | 4243);
    let known = [
        "/containers/",
        "/images/",
        "/exec/",
        "/_ping",
        "/info",
        "/version",
        "/volumes",
        "/networks",
        "/events",
        "/build",
        "/auth",
        "/swarm",
        "/services",
    ];
    let ours = known.iter().any(|begin| path.starts_with(begin));
    (door || versioned && ours).then_some(path)
}

/// `/v1.43/containers/json` is `/containers/json`.
fn unversioned(path: &str) -> (bool, &str) {
    let rest = path.strip_prefix("/v1.").and_then(|rest| rest.split_once('/'));
    match rest {
        Some((number, _)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (true, path.get(4 + number.len()..).unwrap_or(path))
        }
        _ => (false, path),
    }
}

/// What is asked for, in one line: for a container, with all that reaches out of it.
pub(super) fn what(asked: &Asked<'_>, path: &str) -> String {
    let body = asked.json();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if path == "/containers/create" {
        let host = body.get("HostConfig").cloned().unwrap_or_default();
        let mut line = String::from("create");
        for (name, value) in [
            ("image", body.get("Image")),
            ("command", body.get("Cmd")),
            ("entrypoint", body.get("Entrypoint")),
        ] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                line.push_str(&format!(" {name}={}", text(value)));
            }
        }
        for name in [
            "Privileged",
            "Binds",
            "Mounts",
            "PidMode",
            "NetworkMode",
            "IpcMode",
            "UsernsMode",
            "CapAdd",
            "Devices",
            "SecurityOpt",
        ] {
            let value = host.get(name).unwrap_or(&Value::Null);
            let empty = matches!(value, Value::Null | Value::Bool(false))
                || value.as_str() == Some("")
                || value.as_array().is_some_and(Vec::is_empty);
            if !empty {
                line.push_str(&format!(" {}={}", name.to_lowercase(), text(value)));
            }
        }
        return line;
    }
    if path.ends_with("/exec") && asked.method == "POST" {
        return format!("exec {}", text(body.get("Cmd").unwrap_or(&Value::Null)));
    }
    if path == "/images/create" {
        return format!("pull {}", asked.parameter("fromImage").unwrap_or_default());
    }
    format!("{} {path}", asked.method)
}
