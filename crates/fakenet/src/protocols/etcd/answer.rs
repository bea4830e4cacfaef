use crate::World;
use crate::protocols::http::{Answer, Asked};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const KEY: &str = "/registry/secrets/production/db-credentials";

pub(super) fn answer(asked: &Asked<'_>, world: &World) -> Answer {
    let value = world.canaries.get("etcd-value");
    let header = json!({"cluster_id": "14841639068965178418", "member_id": "10276657743932975437", "revision": "418291", "raft_term": "3"});
    match asked.path.as_str() {
        "/version" => Answer::json(200, &json!({"etcdserver": "3.5.9", "etcdcluster": "3.5.0"})),
        "/health" => Answer::json(200, &json!({"health": "true"})),
        path if path.ends_with("/kv/range") => Answer::json(
            200,
            &json!({
                "header": header, "count": "1",
                "kvs": [{"key": STANDARD.encode(KEY), "value": STANDARD.encode(value), "create_revision": "2", "mod_revision": "2", "version": "1"}],
            }),
        ),
        path if path.starts_with("/v3") => Answer::json(200, &json!({"header": header})),
        path if path.starts_with("/v2/keys") => Answer::json(
            200,
            &json!({"action": "get", "node": {
                "key": "/", "dir": true, "nodes": [{"key": KEY, "value": value, "modifiedIndex": 2, "createdIndex": 2}],
            }}),
        ),
        _ => Answer::text(404, "404 page not found\n"),
    }
}
