use crate::World;
use crate::protocols::http::{Answer, Asked};
use serde_json::{Value, json};

pub(super) fn answer(asked: &Asked<'_>, known: bool, world: &World) -> Answer {
    let path = asked.path.trim_end_matches('/');
    let persona = &world.persona;
    match path {
        "/version" => {
            return Answer::json(
                200,
                &json!({
                    "major": "1", "minor": "28", "gitVersion": "v1.28.5-eks-5e0fdde", "platform": "linux/amd64",
                    "gitCommit": "95c835ee1111774fe5e8b327187034d8136720a0", "gitTreeState": "clean",
                    "buildDate": "2024-01-02T20:34:50Z", "goVersion": "go1.20.12", "compiler": "gc",
                }),
            );
        }
        "/healthz" | "/livez" | "/readyz" => return Answer::text(200, "ok"),
        _ => {}
    }
    if !known {
        let user = if asked.header("authorization").is_empty() { "system:anonymous" } else { "" };
        return if user.is_empty() {
            status(401, "Unauthorized", "Unauthorized")
        } else {
            status(
                403,
                "Forbidden",
                &format!("forbidden: User \"{user}\" cannot {} path \"{path}\"", asked.method.to_lowercase()),
            )
        };
    }
    if path == "/api" {
        return Answer::json(
            200,
            &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        );
    }
    if path == "/apis" {
        let group = |name: &str| {
            let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
            json!({"name": name, "versions": [version], "preferredVersion": version})
        };
        let groups = ["apps", "batch", "rbac.authorization.k8s.io", "authorization.k8s.io"].map(group);
        return Answer::json(200, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}));
    }
    if path == "/api/v1" {
        let resource = |(name, kind, namespaced): (&str, &str, bool)| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["create", "delete", "get", "list", "watch"]});
        let all = [
            ("pods", "Pod", true),
            ("secrets", "Secret", true),
            ("namespaces", "Namespace", false),
            ("nodes", "Node", false),
            ("configmaps", "ConfigMap", true),
            ("services", "Service", true),
        ];
        return Answer::json(
            200,
            &json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": all.map(resource)}),
        );
    }
    if asked.method == "POST" && path.contains("selfsubject") {
        let mut review = asked.json();
        if let Some(review) = review.as_object_mut() {
            let rules = json!([{"verbs": ["get", "list", "create"], "apiGroups": [""], "resources": ["secrets", "pods"]}]);
            review.insert(
                "status".into(),
                json!({"allowed": true, "resourceRules": rules, "nonResourceRules": [], "incomplete": false}),
            );
        }
        return Answer::json(201, &review);
    }
    match asked.method.as_str() {
        "GET" => {}
        "DELETE" => {
            return Answer::json(200, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}));
        }
        "POST" => return Answer::json(201, &asked.json()),
        _ => return Answer::json(200, &asked.json()),
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let item = |name: &str| json!({"name": name, "namespace": persona.namespace, "uid": "6f1d2c3e-4f5a-4978-8f2b-1c7d3e5a4906", "resourceVersion": "418291"});
    let list = |kind: &str, items: Vec<Value>| {
        Answer::json(
            200,
            &json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "9182736"}, "items": items}),
        )
    };
    match last {
        "namespaces" => list(
            "NamespaceList",
            ["default", "kube-system", &persona.namespace]
                .iter()
                .map(|name| json!({"metadata": {"name": name}, "status": {"phase": "Active"}}))
                .collect(),
        ),
        "secrets" => list("SecretList", vec![secret(world, &item("db-credentials"))]),
        "pods" => list(
            "PodList",
            vec![json!({
                "metadata": item(&persona.hostname), "spec": {"nodeName": persona.node, "containers": [{"name": "web", "image": "registry.example/web:41"}]},
                "status": {"phase": "Running", "podIP": persona.address.to_string(), "hostIP": "10.42.3.4"},
            })],
        ),
        "nodes" => list(
            "NodeList",
            vec![json!({
                "metadata": {"name": persona.node}, "status": {"addresses": [{"type": "InternalIP", "address": "10.42.3.4"}], "capacity": {"cpu": "8", "memory": "32780892Ki"},
                    "nodeInfo": {"kubeletVersion": "v1.28.5-eks-5e0fdde", "osImage": "Amazon Linux 2", "architecture": "amd64"}},
            })],
        ),
        _ if path.contains("/secrets/") => Answer::json(200, &secret(world, &item(last))),
        _ if path.contains("/namespaces/") && !path.contains("pods/") => list("List", Vec::new()),
        _ => status(404, "NotFound", "the server could not find the requested resource"),
    }
}

fn secret(world: &World, item: &Value) -> Value {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "kind": "Secret", "apiVersion": "v1", "type": "Opaque", "metadata": item,
        "data": {"username": encode("app"), "password": encode(world.canaries.get("kube-secret"))},
    })
}

fn status(code: u16, reason: &str, message: &str) -> Answer {
    Answer::json(
        code,
        &json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code,
        }),
    )
}
