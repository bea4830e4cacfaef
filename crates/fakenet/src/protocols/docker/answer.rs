use crate::World;
use crate::protocols::http::{Answer, Asked};
use serde_json::json;

/// A container that runs on this daemon, and the one that a guest makes.
const RUNNING: &str = "8f2b1c7d3e5a4906b1d2c3e4f5a69788f2b1c7d3e5a4906b1d2c3e4f5a697880";
const MADE: &str = "41d7e2a9c0b35f6881d2c3e4f5a69788c0b35f6881d2c3e4f5a69788c0b35f68";

pub(super) fn answer(asked: &Asked<'_>, path: &str, world: &World) -> Answer {
    let made = world.clock.seconds().saturating_sub(9 * 86400);
    let answer = match (asked.method.as_str(), path) {
        (_, "/_ping") => Answer::text(200, "OK"),
        ("GET", "/version") => Answer::json(
            200,
            &json!({
                "Platform": {"Name": "Docker Engine - Community"}, "Version": "24.0.7", "ApiVersion": "1.43",
                "MinAPIVersion": "1.12", "GitCommit": "311b9ff", "GoVersion": "go1.20.10", "Os": "linux", "Arch": "amd64",
                "KernelVersion": "5.15.0-91-generic", "BuildTime": "2023-10-26T09:08:02.000000000+00:00",
            }),
        ),
        ("GET", "/info") => Answer::json(
            200,
            &json!({
                "ID": "7TJZ:QK5O:2W3X", "Containers": 7, "ContainersRunning": 6, "Images": 23, "Driver": "overlay2", "NCPU": 8,
                "MemTotal": 33_567_834_112_u64, "Name": world.persona.node, "ServerVersion": "24.0.7", "OperatingSystem": "Ubuntu 22.04.3 LTS",
                "OSType": "linux", "Architecture": "x86_64", "KernelVersion": "5.15.0-91-generic", "DockerRootDir": "/var/lib/docker",
                "CgroupDriver": "systemd", "CgroupVersion": "2", "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"],
            }),
        ),
        ("GET", "/containers/json") => Answer::json(
            200,
            &json!([{
                "Id": RUNNING, "Names": ["/postgres"], "Image": "postgres:16", "Command": "docker-entrypoint.sh postgres",
                "Created": made, "State": "running", "Status": "Up 9 days", "Ports": [], "Labels": {}, "Mounts": [],
            }]),
        ),
        ("GET", "/images/json") => Answer::json(
            200,
            &json!([
                {"Id": format!("sha256:{RUNNING}"), "RepoTags": ["postgres:16"], "Created": made, "Size": 431_822_101, "Containers": 1},
                {"Id": format!("sha256:{MADE}"), "RepoTags": ["alpine:latest", "ubuntu:22.04"], "Created": made, "Size": 7_377_000, "Containers": 0},
            ]),
        ),
        ("POST", "/containers/create") => Answer::json(201, &json!({"Id": MADE, "Warnings": []})),
        ("POST", "/images/create") => {
            let image = asked.parameter("fromImage").unwrap_or_default();
            let lines = [
                json!({"status": format!("Pulling from {image}")}),
                json!({"status": format!("Status: Downloaded newer image for {image}")}),
            ];
            Answer::new(200, "application/json", lines.map(|line| format!("{line}\r\n")).concat(), "docker")
        }
        ("POST", _) if path.ends_with("/exec") => Answer::json(201, &json!({"Id": MADE})),
        ("POST", _) if path.starts_with("/exec/") && path.ends_with("/start") => {
            stream(b"uid=0(root) gid=0(root) groups=0(root)\n")
        }
        ("POST", _) if path.ends_with("/wait") => Answer::json(200, &json!({"StatusCode": 0})),
        ("POST", _) if path.starts_with("/containers/") => Answer::empty(204),
        ("GET", _) if path.starts_with("/exec/") => {
            Answer::json(200, &json!({"ID": MADE, "Running": false, "ExitCode": 0}))
        }
        ("GET", _) if path.ends_with("/logs") => stream(b"\n"),
        ("GET", _) if path.starts_with("/containers/") && path.ends_with("/json") => Answer::json(
            200,
            &json!({
                "Id": RUNNING, "Name": "/postgres", "Created": super::super::imds::stamp(made),
                "State": {"Status": "running", "Running": true, "Pid": 2217, "ExitCode": 0},
                "Config": {"Hostname": "8f2b1c7d3e5a", "Image": "postgres:16", "Tty": false,
                    "Env": [format!("POSTGRES_PASSWORD={}", world.canaries.get("docker-container-env"))]},
                "HostConfig": {"NetworkMode": "default", "Privileged": false}, "Mounts": [],
                "NetworkSettings": {"IPAddress": "172.17.0.2"},
            }),
        ),
        ("GET", _) if path.starts_with("/images/") => Answer::json(
            200,
            &json!({
                "Id": format!("sha256:{MADE}"), "RepoTags": ["alpine:latest"], "Os": "linux", "Architecture": "amd64", "Size": 7_377_000,
                "Config": {"Cmd": ["/bin/sh"]},
            }),
        ),
        ("GET", "/networks") => {
            Answer::json(200, &json!([{"Name": "bridge", "Id": MADE, "Driver": "bridge", "Scope": "local"}]))
        }
        ("GET", "/volumes") => Answer::json(200, &json!({"Volumes": [], "Warnings": []})),
        ("DELETE", _) => Answer::empty(204),
        ("POST", _) => Answer::json(200, &json!({"Id": MADE})),
        _ => Answer::json(404, &json!({"message": "page not found"})),
    };
    answer
        .with("api-version", "1.43")
        .with("docker-experimental", "false")
        .with("server", "Docker/24.0.7 (linux)")
        .with("ostype", "linux")
}

/// Output of a container: a head of eight bytes before each piece.
fn stream(bytes: &[u8]) -> Answer {
    let mut body = vec![1, 0, 0, 0];
    body.extend((bytes.len() as u32).to_be_bytes());
    body.extend(bytes);
    Answer::new(200, "application/vnd.docker.multiplexed-stream", body, "docker")
}
