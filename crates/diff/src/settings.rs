use model::{Change, ChangeKind, RunConfig, Severity, State};
use std::collections::BTreeMap;

/// What the runtime is asked to do now and was not before.
pub(crate) fn compare(old: &RunConfig, new: &RunConfig, platform: &str, changes: &mut Vec<Change>) {
    let mut add = |name: &str, then: Option<String>, now: Option<String>, severity, what: &str| {
        if then == now {
            return;
        }
        let state =
            |value: Option<String>| value.map(|value| State { value: Some(value), ..State::default() });
        changes.push(Change {
            platform: platform.to_owned(),
            name: Some(model::escape_text(name)),
            before: state(then),
            after: state(now),
            ..Change::new(ChangeKind::SettingChanged, severity, what)
        });
    };
    let starts = "The image starts something else.";
    add("Entrypoint", words(&old.entrypoint), words(&new.entrypoint), Severity::High, starts);
    add("Cmd", words(&old.cmd), words(&new.cmd), Severity::High, starts);
    let check = words(&new.healthcheck.test);
    let severity = if check.is_some() { Severity::High } else { Severity::Medium };
    let runs = "The health check runs something else, for as long as the container lives.";
    add("Healthcheck", words(&old.healthcheck.test), check, severity, runs);
    let (severity, what) = if is_root(&new.user) && !is_root(&old.user) {
        (Severity::High, "It runs as root, which it did not.")
    } else {
        (Severity::Medium, "It runs as another user.")
    };
    add("User", text(&old.user), text(&new.user), severity, what);
    let (then, now) = (environment(old), environment(new));
    for name in then.keys().chain(now.keys().filter(|name| !then.contains_key(*name))) {
        let value = |of: &BTreeMap<&str, &str>| of.get(name).map(|value| model::escape_text(value));
        let (severity, what) = match is_telling(name) {
            true if now.contains_key(name) => (Severity::High, "It decides what programs load, run or ask."),
            _ if *name == "PATH" => (Severity::Medium, "Programs are looked for elsewhere."),
            _ => (Severity::Low, "The environment is another."),
        };
        add(&format!("Env {name}"), value(&then), value(&now), severity, what);
    }
    let others = [
        ("WorkingDir", text(&old.working_dir), text(&new.working_dir)),
        ("StopSignal", text(&old.stop_signal), text(&new.stop_signal)),
        ("Shell", words(&old.shell), words(&new.shell)),
        ("Volumes", keys(&old.volumes), keys(&new.volumes)),
        ("ExposedPorts", keys(&old.exposed_ports), keys(&new.exposed_ports)),
    ];
    for (name, then, now) in others {
        add(name, then, now, Severity::Low, "The runtime is asked for something else.");
    }
    let builds = "Images that are built on this one run it.";
    add("OnBuild", words(&old.on_build), words(&new.on_build), Severity::Medium, builds);
}

/// A list of words as one text that no other list gives.
fn words(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let plain = !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte));
            if plain {
                word.clone()
            } else {
                format!("'{}'", model::escape_text(word).replace('\'', "'\\''"))
            }
        })
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| model::escape_text(text))
}

fn keys<T>(map: &BTreeMap<String, T>) -> Option<String> {
    let keys: Vec<String> = map.keys().map(|key| model::escape_text(key)).collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

/// The last of several values of one name is the one that programs see.
fn environment(config: &RunConfig) -> BTreeMap<&str, &str> {
    config.env.iter().map(|variable| variable.split_once('=').unwrap_or((variable, ""))).collect()
}

fn is_root(user: &str) -> bool {
    matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root")
}

/// Whether a variable makes programs load or run something, or ask somebody else than they would.
fn is_telling(name: &str) -> bool {
    const NAMES: [&str; 26] = [
        "BASH_ENV",
        "ENV",
        "PROMPT_COMMAND",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "PERL5OPT",
        "PERL5LIB",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "JAVA_OPTS",
        "GCONV_PATH",
        "OPENSSL_CONF",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "SSL_CERT_FILE",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "GOPROXY",
    ];
    let upper = name.to_ascii_uppercase();
    upper.starts_with("LD_")
        || upper.starts_with("GIT_")
        || upper.starts_with("NPM_CONFIG_REGISTRY")
        || NAMES.contains(&upper.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expect: &[&str]) {
        let config = |text: &str| serde_json::from_str::<RunConfig>(text).unwrap();
        let mut changes = Vec::new();
        compare(&config(old), &config(new), "linux/amd64", &mut changes);
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                let value = |state: &Option<State>| {
                    state.as_ref().and_then(|state| state.value.clone()).unwrap_or_else(|| "-".to_owned())
                };
                let name = change.name.as_deref().unwrap();
                format!(
                    "{} {name}: {} > {}",
                    change.severity.name(),
                    value(&change.before),
                    value(&change.after)
                )
            })
            .collect();
        assert_eq!(told, expect, "{old} {new}");
    }

    #[test]
    fn what_the_runtime_is_asked_is_compared() {
        check("{}", "{}", &[]);
        check(
            r#"{"Entrypoint":["/a","b c"]}"#,
            r#"{"Entrypoint":["/a","b","c"]}"#,
            &["high Entrypoint: /a 'b c' > /a b c"],
        );
        check(r#"{"Cmd":["x"]}"#, "{}", &["high Cmd: x > -"]);
        check(r#"{"User":"app"}"#, r#"{"User":"0:0"}"#, &["high User: app > 0:0"]);
        check(r#"{"User":""}"#, r#"{"User":"app"}"#, &["medium User: - > app"]);
        check(
            r#"{"Env":["A=1","PATH=/bin"]}"#,
            r#"{"Env":["A=2","PATH=/tmp:/bin","LD_PRELOAD=/x.so","https_proxy=http://p.example"]}"#,
            &[
                "low Env A: 1 > 2",
                "medium Env PATH: /bin > /tmp:/bin",
                "high Env LD_PRELOAD: - > /x.so",
                "high Env https_proxy: - > http://p.example",
            ],
        );
        check(r#"{"Env":["LD_PRELOAD=/x.so"]}"#, "{}", &["low Env LD_PRELOAD: /x.so > -"]);
        check("{}", r#"{"Healthcheck":{"Test":["CMD","/x"]}}"#, &["high Healthcheck: - > CMD /x"]);
        check(r#"{"Volumes":{"/a":{}}}"#, r#"{"Volumes":{"/a":{},"/b":{}}}"#, &["low Volumes: /a > /a /b"]);
        check("{}", r#"{"ExposedPorts":{"22/tcp":{}}}"#, &["low ExposedPorts: - > 22/tcp"]);
        check("{}", r#"{"OnBuild":"RUN x"}"#, &["medium OnBuild: - > 'RUN x'"]);
        check("{}", "{\"Cmd\":[\"a\\u001b[2J\"]}", &["high Cmd: - > 'a\\u{1b}[2J'"]);
    }
}
