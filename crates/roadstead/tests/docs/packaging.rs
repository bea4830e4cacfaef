//! What is shipped beside the program is held against it: the unit of systemd, the container, the chart, the action.

use crate::{chart, commands, shell, yaml};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(at(name)).unwrap()
}

/// Values of a unit's key, in their order.
fn unit(key: &str) -> Vec<String> {
    let text = read("roadstead.service");
    let values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

#[test]
fn the_unit_starts_what_there_is_and_leaves_open_what_guests_need() {
    for line in unit("ExecStart").into_iter().chain(unit("ExecStartPre")) {
        for command in shell::commands(&line) {
            commands::is_possible(&command).unwrap();
        }
    }
    assert_eq!((unit("ExecStart").len(), unit("ExecStartPre").len()), (1, 1));
    for (key, expect) in [
        ("User", "roadstead"),
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
    ] {
        assert_eq!(unit(key), [expect], "{key}");
    }
    // Each of these breaks the sandbox or blinds it, and its comment says how.
    let text = read("roadstead.service");
    for closed in [
        "RestrictNamespaces",
        "ProtectKernelTunables",
        "ProtectKernelLogs",
        "ProtectProc",
        "ProtectControlGroups",
        "ProtectHostname",
        "SystemCallFilter",
        "SystemCallArchitectures",
        "RestrictAddressFamilies",
        "MemoryDenyWriteExecute",
        "RestrictSUIDSGID",
        "LockPersonality",
    ] {
        assert!(unit(closed).is_empty(), "{closed} is set");
        assert!(
            text.lines().any(|line| line.starts_with(&format!("# {closed}"))),
            "{closed} is not explained"
        );
    }
}

#[test]
fn systemd_takes_the_unit() {
    // Not every machine that runs tests has systemd, and no container needs to.
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("SKIPPED: systemd-analyze is not installed, so the unit was not shown to it");
        return;
    };
    assert!(version.status.success());
    // The program lies elsewhere here, and the account does not exist: what is left to complain of is the unit.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("roadstead.service");
    let text = read("roadstead.service").replace("/usr/bin/roadstead", env!("CARGO_BIN_EXE_roadstead"));
    let check = |text: &str| {
        std::fs::write(&copy, text).unwrap();
        let output =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Other units of the machine are no matter of ours.
        said.lines().filter(|line| line.contains("roadstead")).map(str::to_owned).collect::<Vec<_>>()
    };
    let said = check(&text);
    assert!(said.is_empty(), "{said:#?}");
    assert!(!check(&text.replace("KillMode=mixed", "KilMode=mixed")).is_empty(), "it does not look");
}

#[test]
fn the_container_has_one_program_and_a_user() {
    let text = read("Containerfile").replace("\\\n", " ");
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let of = |name: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::trim).collect()
    };
    let known = ["FROM", "COPY", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"];
    for line in &lines {
        let word = line.split(' ').next().unwrap_or_default();
        assert!(known.contains(&word), "{line}");
    }
    assert_eq!(of("FROM"), ["scratch"]);
    let user: u32 = of("USER")[0].split(':').next().unwrap().parse().unwrap();
    assert!(user > 0);
    let words = |name: &str| -> Vec<String> { serde_json::from_str(of(name)[0]).unwrap() };
    let command = [words("ENTRYPOINT"), words("CMD")].concat();
    commands::is_possible(&command).unwrap();
    // What it says by variables is a configuration that the program takes.
    let variables = of("ENV")[0].split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let said = check_config("", &[], variables);
    assert!(said.contains("listen = \"0.0.0.0:5000\"") && said.contains("mode = \"self-made\""), "{said}");
}

/// What `serve --check-config` prints for a file of this content and these variables.
fn check_config<'a>(
    text: &str,
    files: &[(&str, &str)],
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut text = text.to_owned();
    for (place, content) in files {
        let path = folder.path().join(place.replace('/', "_"));
        std::fs::write(&path, content).unwrap();
        text = text.replace(place, &path.display().to_string());
    }
    let file = folder.path().join("gate.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command.args(["serve", "--check-config", "--config"]).arg(&file).env_clear().envs(variables);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The values of the chart with some others in their place.
fn values(more: &Value) -> Value {
    let mut values = yaml::read(&read("helm/roadstead/values.yaml")).unwrap().remove(0);
    for (name, value) in more.as_object().unwrap() {
        values[name] = value.clone();
    }
    values
}

fn fits(values: &Value) -> bool {
    let schema: Value = serde_json::from_str(&read("helm/roadstead/values.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(values)
}

#[test]
fn the_values_of_the_chart_are_described() {
    assert!(fits(&values(&json!({}))));
    let names = |value: &Value| -> Vec<String> {
        let fields = value.as_object().unwrap().keys().filter(|name| *name != "global");
        fields.cloned().collect()
    };
    let schema: Value = serde_json::from_str(&read("helm/roadstead/values.schema.json")).unwrap();
    let (mut described, mut there) = (names(&schema["properties"]), names(&values(&json!({}))));
    described.sort();
    there.sort();
    assert_eq!(described, there);
    for wrong in [
        json!({"publicUrl": "http://gate.example"}),
        json!({"image": {"repository": "x", "tag": "latest", "pullPolicy": "Always"}}),
        json!({"storage": {"size": "100", "className": ""}}),
        json!({"replicas": 2}),
        json!({"selfMadeTls": "yes"}),
    ] {
        assert!(!fits(&values(&wrong)), "{wrong}");
    }
}

#[test]
fn the_chart_gives_what_a_cluster_needs() {
    for more in [
        json!({}),
        json!({"selfMadeTls": false, "existingSecret": "gate", "storage": {"size": "1Ti", "className": "fast"}}),
        json!({"networkPolicy": {"enabled": false, "from": [], "to": []}, "tolerations": [{"operator": "Exists"}]}),
        json!({"networkPolicy": {"enabled": true, "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "to": []}}),
    ] {
        let values = values(&more);
        assert!(fits(&values), "{more}");
        let documents = chart::render(&at("helm/roadstead"), &values).unwrap();
        check_documents(&documents, &values);
    }
}

fn check_documents(documents: &[Value], values: &Value) {
    let of = |kind: &str| documents.iter().find(|document| document["kind"] == kind);
    for document in documents {
        assert!(document["apiVersion"].is_string() && document["metadata"]["name"] == "gate", "{document}");
    }
    let set = &of("StatefulSet").unwrap()["spec"];
    let pod = &set["template"];
    assert_eq!(set["replicas"], 1);
    assert_eq!(set["selector"]["matchLabels"], pod["metadata"]["labels"]);
    let spec = &pod["spec"];
    assert_eq!(
        (&spec["automountServiceAccountToken"], &spec["securityContext"]["runAsNonRoot"]),
        (&false.into(), &true.into())
    );
    let container = &spec["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));

    // What is mounted is there, and what is there is mounted.
    let names = |list: &Value| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let mut names: Vec<String> = items.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let claims = set["volumeClaimTemplates"].as_array().unwrap();
    let mut volumes = names(&spec["volumes"]);
    volumes.extend(claims.iter().map(|claim| claim["metadata"]["name"].as_str().unwrap().to_owned()));
    volumes.sort();
    assert_eq!(names(&container["volumeMounts"]), volumes);
    let secret = values["existingSecret"].as_str().unwrap();
    assert_eq!(volumes.contains(&"secrets".to_owned()), !secret.is_empty());

    // The service leads to the pods, and the probes to the port.
    let service = &of("Service").unwrap()["spec"];
    assert_eq!(service["selector"], set["selector"]["matchLabels"]);
    let port = &container["ports"][0];
    assert_eq!((&service["ports"][0]["targetPort"], &port["containerPort"]), (&port["name"], &5000.into()));
    let scheme = if values["selfMadeTls"] == true { "HTTPS" } else { "HTTP" };
    for (probe, path) in
        [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
    {
        let get = &container[probe]["httpGet"];
        assert_eq!(
            (&get["path"], &get["port"], &get["scheme"]),
            (&path.into(), &port["name"], &scheme.into()),
            "{probe}"
        );
    }
    match of("NetworkPolicy") {
        Some(policy) => {
            assert_eq!(policy["spec"]["podSelector"]["matchLabels"], set["selector"]["matchLabels"])
        }
        None => assert_eq!(values["networkPolicy"]["enabled"], false),
    }
    assert_eq!(of("ServiceAccount").unwrap()["automountServiceAccountToken"], false);

    // The program takes the configuration as it would find it in the pod.
    let data = &of("ConfigMap").unwrap()["data"];
    let variables = container["env"].as_array().unwrap();
    let variables =
        variables.iter().map(|pair| (pair["name"].as_str().unwrap(), pair["value"].as_str().unwrap()));
    let policy = [("/etc/roadstead/policy.toml", data["policy.toml"].as_str().unwrap())];
    let said = check_config(data["gate.toml"].as_str().unwrap(), &policy, variables);
    assert!(said.contains("public-url = \"https://gate.example\""), "{said}");
    let mode = if values["selfMadeTls"] == true { "self-made" } else { "proxy" };
    assert!(said.contains(&format!("mode = \"{mode}\"")), "{said}");
    let arguments = container["args"].as_array().unwrap();
    let arguments = arguments.iter().map(|word| word.as_str().unwrap().to_owned());
    commands::is_possible(&std::iter::once("roadstead".to_owned()).chain(arguments).collect::<Vec<_>>())
        .unwrap();
}

#[test]
fn the_action_puts_no_input_into_a_script() {
    let action = yaml::read(&read("action/action.yml")).unwrap().remove(0);
    let inputs: Vec<&String> = action["inputs"].as_object().unwrap().keys().collect();
    let mut used = Vec::new();
    for step in action["runs"]["steps"].as_array().unwrap() {
        let Some(script) = step["run"].as_str() else {
            used.push(step.to_string());
            continue;
        };
        assert!(!script.contains("${{"), "{script}");
        assert_eq!(step["shell"], "bash");
        used.push(step["env"].to_string() + &step["if"].to_string());
        // Bash reads it, and what it calls of the program is there.
        let read = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    }
    for input in inputs {
        assert!(
            used.iter().any(|step| step.contains(&format!("inputs.{input}"))),
            "{input} is used by no step"
        );
    }
    // What GitHub fetches of others is named by a version, and nothing else is fetched without its digest.
    for step in action["runs"]["steps"].as_array().unwrap() {
        let uses = step["uses"].as_str().unwrap_or("a@v1");
        assert!(uses.split_once('@').is_some_and(|(_, version)| version.starts_with('v')), "{uses}");
    }
}

/// The script of a step, run as a runner does, with these inputs.
fn run_step(id: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let action = yaml::read(&read("action/action.yml")).unwrap().remove(0);
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == id || step["name"] == id).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_roadstead"), folder.path().join("roadstead")).unwrap();
    std::fs::create_dir(folder.path().join("image")).unwrap();
    let output = folder.path().join("output");
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", folder.path().display(), others.display());
    let ran = Command::new("bash")
        .args(["-c", step["run"].as_str().unwrap()])
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("GITHUB_OUTPUT", &output)
        .envs(variables.iter().copied())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = std::fs::read_to_string(output).unwrap_or_default() + &String::from_utf8_lossy(&ran.stderr);
    let escaped = folder.path().join("escaped").exists();
    assert!(!escaped, "an input was run as a command");
    (ran.status.code().unwrap(), said)
}

#[test]
fn the_action_tells_the_verdict_by_its_exit_code() {
    let scan = |image: &str, fail_on: &str| {
        let variables = [
            ("IMAGE", image),
            ("FAIL_ON", fail_on),
            ("DETONATE", "false"),
            ("EXCEPTIONS", ""),
            ("SARIF", "r.sarif"),
        ];
        run_step("scan", &variables)
    };
    let check = |image: &str, fail_on: &str, expect: &str| {
        let (code, said) = scan(image, fail_on);
        assert!(code == 0 && said.contains(&format!("exit-code={expect}\n")), "{image}: {code} {said}");
    };
    check("dir:image", "malicious", "0");
    check("dir:gone", "malicious", "2");
    check("dir:image", "$(touch escaped)", "2");
    check("dir:image; touch escaped", "malicious", "2");
    check("--help", "malicious", "2");
    for code in ["0", "1", "2", "3"] {
        assert_eq!(run_step("Verdict", &[("CODE", code)]).0.to_string(), code);
    }
    let fetch = |version: &str, sha256: &str| {
        run_step("Fetch the release", &[("VERSION", version), ("SHA256", sha256)]).0
    };
    assert_eq!(fetch("1.0.0; touch escaped", ""), 2);
    assert_eq!(fetch("1.0.0", ""), 2, "nothing is fetched without its digest");
}
