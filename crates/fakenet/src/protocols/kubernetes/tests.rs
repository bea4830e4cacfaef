use crate::testing::{Bed, Loopback, present, run, world};

fn check(token: Option<&str>, request: &str, body: &str, expect: &str, told: &str) {
    let bed = Bed::new();
    let token = token
        .map(|name| format!("Authorization: Bearer {}\r\n", bed.shared.world.canaries.get(name)))
        .unwrap_or_default();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: kubernetes.default.svc\r\n{token}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bed.says("10.96.0.1:443", &[(request.as_bytes(), expect)]);
    bed.check(told);
}

#[test]
fn tokens_that_lie_in_the_guest_open_the_cluster() {
    check(None, "GET /version", "", "v1.28.5", "kubernetes: list /version");
    check(
        None,
        "GET /api/v1/namespaces/default/secrets",
        "",
        "system:anonymous",
        "kubernetes: list secrets in default",
    );
    let token = Some("kube-service-token");
    check(
        token,
        "GET /api/v1/namespaces/kube-system/secrets",
        "",
        "password",
        "kubernetes: list secrets in kube-system (kube-service-token)",
    );
    check(token, "GET /api/v1/namespaces/default/secrets", "", "password", "canary kube-service-token Plain");
    check(token, "GET /api/v1/pods", "", "PodList", "kubernetes: list pods");
    let body = r#"{"kind":"Pod","spec":{"hostPID":true,"containers":[{"image":"x","securityContext":{"privileged": true}}],"volumes":[{"hostPath":{"path":"/"}}]}}"#;
    check(
        token,
        "POST /api/v1/namespaces/default/pods",
        body,
        "201",
        "kubernetes: create pods in default privileged hostPID hostPath=/ (kube-service-token)",
    );
    check(
        None,
        "POST /apis/batch/v1/namespaces/default/cronjobs",
        "{}",
        "403",
        "kubernetes: create cronjobs in default",
    );
}

#[test]
fn the_real_client_believes_it() {
    if !present("kubectl") {
        return;
    }
    let loopback = Loopback::new(world());
    let token = crate::Canaries::new(crate::testing::SEED).get("kube-config-token").to_owned();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{}', insecure-skip-tls-verify: true, tls-server-name: kubernetes.default.svc}}}}]\nusers: [{{name: u, user: {{token: '{token}'}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n",
        loopback.tcp.port()
    );
    std::fs::write(&config, text).unwrap();
    let config = format!("--kubeconfig={}", config.display());
    let cache = format!("--cache-dir={}", directory.path().display());
    let (_, text) = run("kubectl", &[&config, &cache, "get", "--raw", "/api/v1/namespaces/default/secrets"]);
    assert!(text.contains("db-credentials"), "{text} {:#?}", loopback.told());
    loopback.check("kubernetes: list secrets in default (kube-config-token)");
    loopback.check("canary kube-config-token Plain");
}
