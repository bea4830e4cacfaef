//! The gate's requests and metrics as pages for people and as OpenAPI for programs, written from tables that tests hold
//! against the code.

mod operations;

use operations::{ADMIN, HARBOR, OIDC, OPERATIONS, TOKENS};
use prometheus_client::registry::Registry as Counted;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// One request that is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// Below the place where its group lies.
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) what: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) body: &'static [Field],
    /// The status of success.
    pub(crate) status: u16,
    /// What then comes back.
    pub(crate) answer: &'static str,
}

/// Something that a request says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) meaning: &'static str,
}

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Name,
    Secret,
    Repository,
    Digest,
    Time,
    Number,
    Id,
    Flag,
    List,
    Grants,
    Scope,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Anybody,
    Somebody,
    Admin,
    Harbor,
    Metrics,
}

/// A group of requests: its heading, where it lies, what holds for all of it.
const GROUPS: [(&str, &str, &str, &[Operation]); 5] = [
    ("Health and metrics", "", "", OPERATIONS),
    ("Tokens", "", "Docker's token service, as clients of registries use it.", TOKENS),
    (
        "Administration",
        crate::admin::BASE,
        "In JSON, with a token as `Authorization: Bearer`; name and password are not taken. A field that is not in the list is an \
         error. Bodies are at most 64 KiB.",
        ADMIN,
    ),
    ("Logins through an identity provider", crate::oidc::BASE, "Where `oidc.issuer` is set.", OIDC),
    (
        "Scanner of a Harbor",
        crate::harbor::BASE,
        "Where `harbor.enabled` is set: version 1 of the pluggable scanner API. `harbor.secret` is the password of Basic, Bearer, \
         or `X-ScannerAdapter-API-Key`.",
        HARBOR,
    ),
];

impl Who {
    fn told(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Somebody => "somebody with an account",
            Self::Admin => "administrators",
            Self::Harbor => "`harbor.secret`",
            Self::Metrics => "`metrics.token`, or the loopback",
        }
    }

    fn security(self) -> Value {
        match self {
            Self::Anybody => json!([]),
            Self::Somebody | Self::Admin => json!([{ "token": [] }]),
            Self::Metrics => json!([{ "metrics": [] }, {}]),
            Self::Harbor => json!([{ "harborBasic": [] }, { "harborBearer": [] }, { "harborKey": [] }]),
        }
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Text | Self::Name | Self::Repository => json!({ "type": "string" }),
            Self::Secret => json!({ "type": "string", "format": "password" }),
            Self::Digest => {
                json!({ "type": "string", "pattern": "^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$" })
            }
            Self::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
            Self::Number => json!({ "type": "integer", "minimum": 0 }),
            Self::Id => json!({ "type": "integer" }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::List => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Grants => json!({ "type": "array", "items": { "type": "object" } }),
            Self::Scope => json!({ "type": "object" }),
        }
    }
}

/// `docs/reference/api.md`.
pub fn api_page() -> String {
    let mut page = String::from(
        "# API of the gate\n\nWritten by `cargo xtask reference` from the program. [openapi.json](openapi.json) has the same for \
         programs. Below `/v2/` the gate is a registry as the\n[OCI distribution specification](https://github.com/opencontainers/distribution-spec) \
         1.1 describes it.\n\nErrors are `{\"errors\": [{\"code\", \"message\", \"detail\"}]}`, as registries have them.\n",
    );
    for (heading, base, note, operations) in GROUPS {
        let _ = write!(page, "\n## {heading}\n");
        if !note.is_empty() {
            let _ = write!(page, "\n{note}\n");
        }
        page.push_str("\n| request | for | what it does | answer |\n|---|---|---|---|\n");
        for operation in operations {
            let Operation { method, path, who, what, status, answer, .. } = operation;
            let answer = if answer.is_empty() { format!("{status}") } else { format!("{status}: {answer}") };
            let _ = writeln!(page, "| `{method} {base}{path}` | {} | {what} | {answer} |", who.told());
        }
        for operation in
            operations.iter().filter(|operation| !(operation.query.is_empty() && operation.body.is_empty()))
        {
            let Operation { method, path, query, body, .. } = operation;
            let _ = write!(
                page,
                "\n`{method} {base}{path}`\n\n| field | in | must be there | meaning |\n|---|---|---|---|\n"
            );
            for (fields, place) in [(query, "query"), (body, "body")] {
                for field in *fields {
                    let must = if field.required { "yes" } else { "no" };
                    let _ = writeln!(page, "| `{}` | {place} | {must} | {} |", field.name, field.meaning);
                }
            }
        }
    }
    page
}

/// `docs/reference/openapi.json`: OpenAPI 3.1.
pub fn openapi() -> String {
    let mut paths: Map<String, Value> = Map::new();
    for (heading, base, _, operations) in GROUPS {
        for operation in operations {
            let path = paths.entry(format!("{base}{}", operation.path)).or_insert_with(|| json!({}));
            path[operation.method.to_lowercase()] = described(heading, base, operation);
        }
    }
    let bearer = |what: &str| json!({ "type": "http", "scheme": "bearer", "description": what });
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roadstead",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the gate answers besides the OCI distribution specification 1.1 below /v2/.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" },
                "token": bearer("A token of /token for the scope registry:admin:*"),
                "metrics": bearer("metrics.token of the configuration"),
                "harborBasic": { "type": "http", "scheme": "basic" },
                "harborBearer": bearer("harbor.secret of the configuration"),
                "harborKey": { "type": "apiKey", "in": "header", "name": "X-ScannerAdapter-API-Key" },
            },
            "schemas": {
                "Errors": {
                    "type": "object",
                    "required": ["errors"],
                    "properties": { "errors": { "type": "array", "items": {
                        "type": "object",
                        "required": ["code", "message"],
                        "properties": { "code": { "type": "string" }, "message": { "type": "string" }, "detail": {} },
                    } } },
                },
            },
        },
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn described(group: &str, base: &str, operation: &Operation) -> Value {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = operation.query.iter().map(|field| {
        json!({
            "name": field.name, "in": "query", "required": field.required, "description": field.meaning,
            "schema": field.kind.schema(),
        })
    });
    let name = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let id: String =
        format!("{}{base}{}", operation.method.to_lowercase(), operation.path).chars().map(name).collect();
    let what = if operation.answer.is_empty() { "Done" } else { operation.answer };
    let mut made = json!({
        "operationId": id,
        "tags": [group],
        "summary": operation.what,
        "security": if operation.path == "/token" { json!([{ "basic": [] }, {}]) } else { operation.who.security() },
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            operation.status.to_string(): { "description": what },
            "default": {
                "description": "Why not",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
            },
        },
    });
    if !operation.body.is_empty() {
        let properties: Map<String, Value> = operation
            .body
            .iter()
            .map(|field| {
                let mut schema = field.kind.schema();
                schema["description"] = field.meaning.into();
                (field.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> =
            operation.body.iter().filter(|field| field.required).map(|field| field.name).collect();
        // What Harbor adds in later versions is no reason to refuse it.
        let closed = operation.who != Who::Harbor;
        let schema = json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": !closed });
        made["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    made
}

/// `docs/reference/metrics.md`, from what the gate registers when it starts.
pub fn metrics_page() -> String {
    let mut page = String::from(
        "# Metrics\n\nWritten by `cargo xtask reference` from what the gate registers. `GET /metrics` answers in the text of OpenMetrics, \
         to the loopback, or to whoever shows `metrics.token` as Bearer. No label holds anything that a client chooses.\n\n\
         | metric | kind | labels | what it counts |\n|---|---|---|---|\n",
    );
    let mut registry = Counted::with_prefix("roadstead");
    let metrics = crate::metrics::Metrics::new(&mut registry);
    metrics.sample();
    registry::Metrics::new(&mut registry).sample();
    let mut text = String::new();
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    let mut rows = std::collections::BTreeSet::new();
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let kind =
            lines.iter().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap_or_default();
        let sample = lines.iter().find(|line| line.starts_with(name));
        let labels =
            sample.and_then(|line| line.split_once('{')?.1.split_once('}')).map(|(labels, _)| labels);
        let names =
            labels.into_iter().flat_map(|labels| labels.split(',')).filter_map(|pair| pair.split('=').next());
        let names: Vec<String> = names.filter(|name| *name != "le").map(|name| format!("`{name}`")).collect();
        let told = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        rows.insert(format!("| `{told}` | {kind} | {} | {} |", names.join(", "), help.trim_end_matches('.')));
    }
    for row in rows {
        page.push_str(&row);
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests;
