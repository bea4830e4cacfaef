use crate::error::Error;
use crate::options::{Login, Options};
use base64::Engine as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What proves to one host who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A user name and a password.
    Password { user: String, password: String },
    /// A token that buys access tokens (OAuth 2.0 refresh token).
    Identity(String),
    /// A token that is sent as it is.
    Registry(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Looks up the credentials for a registry, `host[:port]` or `docker.io`, and one of its repositories among those that
/// were given, and in the configuration file that was given. Without either there are none, and nothing else is asked.
///
/// # Errors
/// Where the file or a helper that it names cannot be read.
pub(crate) fn look_up(
    registry: &str,
    repository: &str,
    options: &Options,
) -> Result<Option<Credentials>, Error> {
    let given = options.logins.iter().find(|login| login.registry.eq_ignore_ascii_case(registry));
    if let Some(Login { user, password, .. }) = given {
        return Ok(Some(Credentials::Password { user: user.clone(), password: password.clone() }));
    }
    let Some(path) = &options.docker_config else { return Ok(None) };
    let fail = |why: String| Error::Credentials { host: crate::content::clip(registry), why };
    let file = crate::tar_index::open_regular(path)?;
    let mut text = Vec::new();
    file.take(MAX_CONFIG).read_to_end(&mut text).map_err(|source| Error::io(path, source))?;
    // The parser's own words could quote the file, and the file is secret.
    let config: Config = serde_json::from_slice(&text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        fail(format!("{} is no configuration of Docker at {place}", crate::content::show(path)))
    })?;
    let helper = config.cred_helpers.iter().find(|(key, _)| matches(key, registry, repository).is_some());
    if let Some(helper) = helper.map(|(_, helper)| helper).or(config.creds_store.as_ref())
        && let Some(found) = ask_helper(helper, registry).map_err(&fail)?
    {
        return Ok(Some(found));
    }
    config
        .auths
        .iter()
        .filter_map(|(key, entry)| Some((matches(key, registry, repository)?, entry)))
        .max_by_key(|(length, _)| *length)
        .map_or(Ok(None), |(_, entry)| entry.credentials().map_err(fail))
}

const MAX_CONFIG: u64 = 1 << 20;
const MAX_ANSWER: u64 = 64 << 10;
const HELPER_TIME: Duration = Duration::from_secs(30);

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Entry {
    fn credentials(&self) -> Result<Option<Credentials>, String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credentials::Identity(token)));
        }
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Credentials::Registry(token)));
        }
        if let (Some(user), Some(password)) = (given(&self.username), given(&self.password)) {
            return Ok(Some(Credentials::Password { user, password }));
        }
        let Some(auth) = given(&self.auth) else { return Ok(None) };
        let malformed = || "its auth is not the Base64 form of user:password".to_owned();
        let bytes = base64::engine::general_purpose::STANDARD.decode(auth.trim()).map_err(|_| malformed())?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let (user, password) = text.split_once(':').ok_or_else(malformed)?;
        let password = password.trim_end_matches('\0');
        Ok(Some(Credentials::Password { user: user.to_owned(), password: password.to_owned() }))
    }
}

/// How many characters of a registry's full name this key of the file names, where it names it. Keys are
/// hosts, hosts with a path (Podman), or old addresses such as `https://index.docker.io/v1/`.
fn matches(key: &str, registry: &str, repository: &str) -> Option<usize> {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = ["/v1/", "/v2/", "/v1", "/v2", "/"].iter().find_map(|end| key.strip_suffix(end)).unwrap_or(key);
    let (host, path) = key.split_once('/').map_or((key, ""), |(host, path)| (host, path));
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    let is_above = path.is_empty()
        || repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (host.eq_ignore_ascii_case(registry) && is_above).then_some(key.len())
}

/// Runs `docker-credential-NAME get` as Docker does, with the registry's own host and nothing else.
fn ask_helper(name: &str, registry: &str) -> Result<Option<Credentials>, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(format!("{} is no name of a credential helper", crate::content::clip(name)));
    }
    let program = format!("docker-credential-{name}");
    let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    answer_of(Command::new(&program).arg("get"), &program, server)
}

/// The credentials that a helper answers with when it is asked for a server.
fn answer_of(helper: &mut Command, program: &str, server: &str) -> Result<Option<Credentials>, String> {
    let mut child =
        helper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(
            |error| format!("{program} cannot be started ({error}); install it or remove it from the file"),
        )?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not want the name ends early; its answer tells.
        let _ = input.write_all(format!("{server}\n").as_bytes());
    }
    let output = child.stdout.take();
    let (send, answer) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.map(|output| output.take(MAX_ANSWER).read_to_end(&mut text));
        let _ = send.send(read.map(|read| read.map(|_| text)));
    });
    let text = answer.recv_timeout(HELPER_TIME);
    if text.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("{program} is lost ({error})"))?;
    let Ok(Some(Ok(text))) = text else {
        return Err(format!("{program} gave no answer within {} seconds", HELPER_TIME.as_secs()));
    };
    if !status.success() {
        return match text.windows(9).any(|part| part == b"not found") {
            true => Ok(None),
            false => Err(format!("{program} failed; run it by hand to see why")),
        };
    }
    let answer: Answer =
        serde_json::from_slice(&text).map_err(|_| format!("{program} gave no credentials"))?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credentials::Identity(answer.secret),
        _ => Credentials::Password { user: answer.username, password: answer.secret },
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, registry: &str, repository: &str, expect: Result<Option<&str>, &str>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        let options = Options { docker_config: Some(file.path().to_owned()), ..Options::default() };
        let shown = |found: Option<Credentials>| {
            found.map(|found| match found {
                Credentials::Password { user, password } => format!("{user}:{password}"),
                Credentials::Identity(token) => format!("identity {token}"),
                Credentials::Registry(token) => format!("registry {token}"),
            })
        };
        match (look_up(registry, repository, &options).map(shown), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found.as_deref(), expect, "{config}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            (found, _) => panic!("{config}: {found:?}"),
        }
    }

    #[test]
    fn credentials_are_found_for_their_own_host_only() {
        let auths = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"aHViOmh1bnRlcjI="},
            "quay.io":{"username":"quay","password":"q"},"quay.io/team":{"username":"team","password":"t"},
            "ghcr.io":{"identitytoken":"i"},"r.example:5000":{"registrytoken":"r"},"e.example":{}}}"#;
        check(auths, "docker.io", "library/nginx", Ok(Some("hub:hunter2")));
        check(auths, "quay.io", "other/app", Ok(Some("quay:q")));
        check(auths, "quay.io", "team/app", Ok(Some("team:t")));
        check(auths, "quay.io", "teamwork/app", Ok(Some("quay:q")));
        check(auths, "ghcr.io", "a", Ok(Some("identity i")));
        check(auths, "r.example:5000", "a", Ok(Some("registry r")));
        check(auths, "r.example", "a", Ok(None));
        check(auths, "evil.example", "quay.io/team", Ok(None));
        check(auths, "e.example", "a", Ok(None));
        check("{}", "quay.io", "a", Ok(None));
        check(r#"{"auths":{"a.example":{"auth":"!hunter2"}}}"#, "a.example", "a", Err("Base64"));
        check(r#"{"auths":{"a.example":"hunter2"}}"#, "a.example", "a", Err("line 1"));
        check(
            r#"{"credHelpers":{"a.example":"../x"}}"#,
            "a.example",
            "a",
            Err("no name of a credential helper"),
        );
        check(r#"{"credsStore":"surely-missing"}"#, "a.example", "a", Err("cannot be started"));
        check(r#"{"credHelpers":{"a.example":"surely-missing"}}"#, "b.example", "a", Ok(None));
    }

    fn check_helper(script: &str, expect: Result<Option<Credentials>, &str>) {
        let found = answer_of(Command::new("sh").args(["-c", script]), "helper", "r.example");
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{script}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, _) => panic!("{script}: {found:?}"),
        }
    }

    #[test]
    fn a_helper_is_asked_for_one_host() {
        let echo = r#"read host; printf '{"ServerURL":"x","Username":"u","Secret":"%s"}' "$host""#;
        let user = Credentials::Password { user: "u".to_owned(), password: "r.example".to_owned() };
        check_helper(echo, Ok(Some(user)));
        check_helper(
            r#"echo '{"Username":"<token>","Secret":"t"}'"#,
            Ok(Some(Credentials::Identity("t".to_owned()))),
        );
        check_helper("echo credentials not found in native keychain; exit 1", Ok(None));
        check_helper("exit 1", Err("failed"));
        check_helper("echo hunter2", Err("gave no credentials"));
    }

    #[test]
    fn credentials_are_never_shown() {
        let secret = Credentials::Password { user: "u".to_owned(), password: "hunter2".to_owned() };
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(look_up("quay.io", "a", &Options::default()).unwrap().is_none());
    }
}
