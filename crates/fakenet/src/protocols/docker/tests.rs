use crate::testing::{Bed, Loopback, present, run, world};

fn check(to: &str, request: &str, body: &str, expect: &str, told: &str) {
    let bed = Bed::new();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bed.says(to, &[(request.as_bytes(), expect)]);
    bed.check(told);
}

#[test]
fn what_a_guest_wants_of_the_host_is_told() {
    let daemon = "172.17.0.1:2375";
    check(daemon, "GET /_ping", "", "OK", "docker: GET /_ping");
    check(daemon, "GET /v1.43/containers/json", "", "postgres:16", "docker: GET /containers/json");
    let body = r#"{"Image":"alpine","Cmd":["chroot","/mnt","sh","-c","id"],"HostConfig":{"Binds":["/:/mnt"],"Privileged":true,"PidMode":"host","Mounts":[]}}"#;
    check(
        daemon,
        "POST /v1.24/containers/create?name=x",
        body,
        "201",
        r#"docker: create image=alpine command=["chroot","/mnt","sh","-c","id"] privileged=true binds=["/:/mnt"] pidmode=host"#,
    );
    check("10.0.0.9:8000", "POST /v1.24/containers/create", "{}", "201", "docker: create");
    check(daemon, "POST /containers/41d7/exec", r#"{"Cmd":["id"]}"#, "Id", "docker: exec [\"id\"]");
    check(
        daemon,
        "POST /images/create?fromImage=evil%2Fminer&tag=latest",
        "",
        "Downloaded",
        "docker: pull evil/miner",
    );
    // A path of somebody else's service is nothing of ours.
    let bed = Bed::new();
    bed.says("203.0.113.4:80", &[(b"GET /containers/json HTTP/1.1\r\nHost: shop.example\r\n\r\n", "200")]);
    assert!(!bed.told().iter().any(|line| line.starts_with("docker")));
}

#[test]
fn the_real_client_believes_it() {
    if !present("docker") {
        return;
    }
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    loopback.server.as_ref().unwrap().serve_unix(listener).unwrap();
    let host = format!("unix://{}", path.display());
    let (_, text) = run("docker", &["-H", &host, "ps", "--format", "{{.Image}}"]);
    assert!(text.contains("postgres:16"), "{text}");
    let (_, text) = run("docker", &["-H", &host, "create", "--privileged", "-v", "/:/host", "alpine", "id"]);
    assert!(text.contains("41d7e2a9"), "{text}");
    loopback.check("privileged=true binds=[\"/:/host\"]");
}
