//! Logging in through an identity provider, which lies where a test tells it to.

use crate::running::{PASSWORD, Running};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use test_support::{FakeRegistry, Response, RunningRegistry};

/// What the provider says of whoever comes next.
#[derive(Clone)]
struct Person {
    claims: Value,
    nonce: String,
}

struct Provider {
    server: RunningRegistry,
    next: Arc<Mutex<Person>>,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    fn start() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let next = Arc::new(Mutex::new(Person { claims: json!({}), nonce: String::new() }));
        let person = Arc::clone(&next);
        let server = FakeRegistry::new().intercept(move |request| {
            let base = format!("http://{}", request.header("host"));
            let document = match request.path.as_str() {
                "/.well-known/openid-configuration" => json!({
                    "issuer": base,
                    "authorization_endpoint": format!("{base}/authorize"),
                    "token_endpoint": format!("{base}/token"),
                    "jwks_uri": format!("{base}/keys"),
                }),
                "/keys" => {
                    let point = pair.public_key().as_ref();
                    json!({ "keys": [{
                        "kty": "EC", "crv": "P-256", "use": "sig", "kid": "1",
                        "x": encode(&point[1..33]), "y": encode(&point[33..65]),
                    }] })
                }
                "/token" => {
                    let body = String::from_utf8_lossy(&request.body);
                    assert!(body.contains("grant_type=authorization_code") && body.contains("code_verifier="), "{body}");
                    assert_eq!(request.header("authorization"), "Basic cm9hZHN0ZWFkOmElMjBzZWNyZXQ=");
                    let person = person.lock().unwrap().clone();
                    let mut claims = json!({
                        "iss": base, "sub": "u1", "aud": "roadstead", "nonce": person.nonce,
                        "iat": now(), "exp": now() + 300, "preferred_username": "eve",
                    });
                    for (name, value) in person.claims.as_object().unwrap() {
                        claims[name] = value.clone();
                    }
                    let head = encode(json!({ "alg": "ES256", "kid": "1" }).to_string());
                    let message = format!("{head}.{}", encode(claims.to_string()));
                    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
                    json!({ "access_token": "x", "token_type": "Bearer", "id_token": format!("{message}.{}", encode(signature)) })
                }
                _ => return None,
            };
            Some(Response::new(200).header("Content-Type", "application/json").body(document.to_string()))
        });
        Self { server: server.start(), next }
    }

    fn configured(&self) -> String {
        let issuer = self.server.host();
        format!(
            "public-url = \"http://gate.example\"\n[oidc]\nissuer = \"http://{issuer}\"\nclient-id = \"roadstead\"\n\
             client-secret = \"a secret\"\nallow-private = true\n\
             [[oidc.groups]]\nname = \"platform\"\nadmin = true\n\
             [[oidc.groups]]\nname = \"team\"\ngrants = [{{ repositories = \"team/*\", actions = [\"pull\"] }}]\n"
        )
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A parameter of an address.
fn parameter(url: &str, name: &str) -> String {
    let (_, rest) = url.split_once(&format!("{name}=")).unwrap();
    rest.split('&').next().unwrap().to_owned()
}

/// A browser that goes to the provider and comes back: the status, and what it was given.
fn log_in(
    running: &Running,
    provider: &Provider,
    claims: Value,
    cheat: impl Fn(&mut String, &mut String),
) -> (u16, Value) {
    let begun = running.get("/auth/oidc/login");
    assert_eq!(begun.status(), 303, "{:?}", begun.text());
    let to = begun.headers()["location"].to_str().unwrap().to_owned();
    let mut cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(to.contains("code_challenge_method=S256"), "{to}");
    assert!(to.contains("%2Fauth%2Foidc%2Fcallback"), "{to}");
    *provider.next.lock().unwrap() = Person { claims, nonce: parameter(&to, "nonce") };
    let mut state = parameter(&to, "state");
    cheat(&mut cookie, &mut state);
    let url = running.url(&format!("/auth/oidc/callback?code=abc&state={state}"));
    let answer = running.client.get(url).header("cookie", cookie).send().unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().unwrap()).unwrap())
}

#[test]
fn groups_decide_what_somebody_may_and_are_asked_for_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    let (running, admin) = Running::set_up(folder.path(), &provider.configured());
    let log_in = |groups: Value| log_in(&running, &provider, json!({ "groups": groups }), |_, _| {});

    let (status, answer) = log_in(json!(["platform", "team"]));
    assert_eq!(status, 200, "{answer}");
    let token = answer["token"].as_str().unwrap();
    let (status, users) = running.ask(Method::GET, "/api/v1/users", token, None);
    assert_eq!(status, 200, "{users}");
    let (_, grants) = running.ask(Method::GET, "/api/v1/grants", token, None);
    assert_eq!(grants["grants"][0]["repositories"], "team/*", "{grants}");

    // Who left a group has lost what it gave (CVE-2025-23208).
    let (status, answer) = log_in(json!([]));
    assert_eq!(status, 200, "{answer}");
    let token = answer["token"].as_str().unwrap();
    assert_eq!(running.ask(Method::GET, "/api/v1/users", token, None).0, 403);
    let (_, grants) = running.ask(Method::GET, "/api/v1/grants", &admin, None);
    assert_eq!(grants["grants"], json!([]));

    let (_, users) = running.ask(Method::GET, "/api/v1/users", &admin, None);
    let name =
        users["users"].as_array().unwrap().iter().find(|user| user["identity"].is_object()).unwrap()["name"]
            .clone();
    let path = format!("/api/v1/users/{}", name.as_str().unwrap());
    assert_eq!(running.ask(Method::PATCH, &path, &admin, Some(json!({ "disabled": true }))).0, 204);
    assert_eq!(log_in(json!(["platform"])).0, 403);
    assert_eq!(running.token(name.as_str().unwrap(), PASSWORD, "registry:admin:*"), Err(401));
}

/// What the token for a scope opens: the status of the repository's list of tags, or of the login.
fn tags(running: &Running, login: &Value, repository: &str) -> u16 {
    let (name, secret) = (login["username"].as_str().unwrap(), login["password"].as_str().unwrap());
    match running.token(name, secret, &format!("repository:{repository}:pull")) {
        Ok(token) => running.ask(Method::GET, &format!("/v2/{repository}/tags/list"), &token, None).0,
        Err(status) => status,
    }
}

/// Pushes a manifest to an empty repository, so that there is something to list.
fn fill(running: &Running, repository: &str) {
    let token = running.token("admin", PASSWORD, &format!("repository:{repository}:pull,push")).unwrap();
    crate::running::push(running, &token, repository, "1", &crate::core::clean(repository));
}

#[test]
fn a_login_opens_the_registry_with_the_rights_of_its_groups_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    let (running, admin) = Running::set_up(folder.path(), &provider.configured());
    fill(&running, "team/app");
    fill(&running, "other/app");
    let log_in = |groups: Value| {
        let (status, answer) = log_in(&running, &provider, json!({ "groups": groups }), |_, _| {});
        assert_eq!(status, 200, "{answer}");
        (answer["registry"].clone(), answer["token"].as_str().unwrap().to_owned())
    };
    let (first, token) = log_in(json!(["team"]));
    assert!(first["password"].as_str().unwrap().starts_with("rdst_login_"), "{first}");
    assert_eq!(tags(&running, &first, "team/app"), 200);
    // Of a group that the person is not in, and to do what the group does not give.
    assert_eq!(tags(&running, &first, "other/app"), 403);
    let (name, secret) = (first["username"].as_str().unwrap(), first["password"].as_str().unwrap());
    let pushing = running.token(name, secret, "repository:team/app:push").unwrap();
    assert_eq!(running.send(Method::POST, "/v2/team/app/blobs/uploads/", Some(&pushing), None).status(), 403);
    let administering = running.token(name, secret, "registry:admin:*").unwrap();
    assert_eq!(running.ask(Method::GET, "/api/v1/users", &administering, None).0, 403);
    // Directly as well, as some clients do; and with nothing that is nearly it.
    let basic = |name: &str, secret: &str| {
        let url = running.url("/v2/team/app/tags/list");
        running.client.get(url).basic_auth(name, Some(secret)).send().unwrap().status().as_u16()
    };
    assert_eq!(basic(name, secret), 200);
    assert_eq!(basic("admin", secret), 401);
    assert_eq!(basic(name, &secret.replace("login", "robot")), 401);
    assert_eq!(basic(name, &secret[..secret.len() - 1]), 401);
    // It is listed, by oneself too, and the secret is nowhere.
    let (_, listed) = running.ask(Method::GET, "/api/v1/logins", &admin, None);
    assert_eq!(listed["logins"][0]["name"], first["username"], "{listed}");
    let (status, own) = running.ask(Method::GET, "/api/v1/me/login", &token, None);
    assert_eq!((status, &own["expires"]), (200, &first["expires"]));
    let (_, journal) = running.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    assert!(!format!("{listed}{own}{journal}").contains("rdst_login_"));

    // Another login, in another group: the secret of the one before has not got its rights, and opens nothing.
    let (second, token) = log_in(json!([]));
    assert_eq!(tags(&running, &first, "team/app"), 401);
    assert_eq!(tags(&running, &second, "team/app"), 403);
    // Whoever ends it has ended what was got by it.
    assert_eq!(running.ask(Method::DELETE, "/api/v1/me/login", &token, None).0, 204);
    assert_eq!(running.ask(Method::GET, "/api/v1/me", &token, None).0, 401);
    let (third, _) = log_in(json!(["team"]));
    let (name, secret) = (third["username"].as_str().unwrap(), third["password"].as_str().unwrap());
    assert_eq!(basic(name, secret), 200);
    let path = format!("/api/v1/logins/{name}");
    assert_eq!(running.ask(Method::DELETE, &path, &admin, None).0, 204);
    assert_eq!(running.ask(Method::DELETE, &path, &admin, None).0, 404);
    assert_eq!(basic(name, secret), 401);
    let (status, told) = running.ask(Method::GET, "/api/v1/me/login", &admin, None);
    assert_eq!(status, 404, "{told}");
}

/// As people do it.
#[test]
fn skopeo_logs_in_with_the_secret_of_a_login() {
    let Some(skopeo) = test_support::peer("skopeo") else { return };
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    // Skopeo goes where it is sent for tokens, and there is no gate.example. The port is free as far as the system knows; who
    // takes it meanwhile makes the test fail, not pass.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let config = provider.configured().replace("gate.example", &at.to_string());
    let config = format!("listen = \"{at}\"\n{config}");
    let (running, _) = Running::set_up(folder.path(), &config);
    fill(&running, "team/app");
    let (_, answer) = log_in(&running, &provider, json!({ "groups": ["team"] }), |_, _| {});
    let registry = &answer["registry"];
    let authfile = folder.path().join("auth.json");
    let run = |arguments: &[&str]| {
        let done = std::process::Command::new(&skopeo).args(arguments).output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let at = at.to_string();
    let (ok, said) = run(&[
        "login",
        "--tls-verify=false",
        "--authfile",
        authfile.to_str().unwrap(),
        "--username",
        registry["username"].as_str().unwrap(),
        "--password",
        registry["password"].as_str().unwrap(),
        &at,
    ]);
    assert!(ok, "{said}");
    let list = |name: &str| {
        let name = format!("docker://{at}/{name}");
        run(&["list-tags", "--tls-verify=false", "--authfile", authfile.to_str().unwrap(), &name])
    };
    let (ok, said) = list("team/app");
    assert!(ok, "{said}");
    assert!(!list("other/app").0);
}

#[test]
fn a_login_is_of_the_browser_that_began_it_and_of_our_provider() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    let running = Running::start(folder.path(), &provider.configured());
    let to = running.get("/auth/oidc/login").headers()["location"].to_str().unwrap().to_owned();
    assert!(to.contains("redirect_uri=http%3A%2F%2Fgate.example%2Fauth%2Foidc%2Fcallback"), "{to}");
    let check = |claims: Value, cheat: &dyn Fn(&mut String, &mut String), expect: u16| {
        let (status, told) = log_in(&running, &provider, claims.clone(), cheat);
        assert_eq!(status, expect, "{claims}: {told}");
        assert!(told["token"].is_string() == (expect == 200), "{told}");
    };
    check(json!({}), &|_, _| {}, 200);
    check(json!({}), &|cookie, _| "roadstead-login=other".clone_into(cookie), 403);
    check(json!({}), &|cookie, _| cookie.clear(), 403);
    check(json!({}), &|_, state| "other".clone_into(state), 403);
    check(json!({ "nonce": "other" }), &|_, _| {}, 403);
    check(json!({ "aud": "other" }), &|_, _| {}, 403);
    check(json!({ "iss": "https://other.example" }), &|_, _| {}, 403);
    check(json!({ "exp": 1 }), &|_, _| {}, 403);
    // Without a provider there are no such paths.
    let folder = tempfile::tempdir().unwrap();
    let without = Running::start(folder.path(), "");
    assert_eq!(without.get("/auth/oidc/login").status(), 401);
}

/// A login that began at the console ends there: with a session, and no token.
#[test]
fn a_login_of_the_console_ends_in_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start();
    let (running, _) = Running::set_up(folder.path(), &provider.configured());
    let page = running.get("/console/login").text().unwrap();
    assert!(page.contains("/console/login/provider"), "{page}");
    let go = |begin: &str, claims: Value| {
        let begun = running.get(begin);
        assert_eq!(begun.status(), 303, "{:?}", begun.text());
        let to = begun.headers()["location"].to_str().unwrap().to_owned();
        let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        *provider.next.lock().unwrap() = Person { claims, nonce: parameter(&to, "nonce") };
        let url = running.url(&format!("/auth/oidc/callback?code=abc&state={}", parameter(&to, "state")));
        running.client.get(url).header("cookie", cookie).send().unwrap()
    };
    let get = |cookie: &str, path: &str| {
        let request = running.client.get(running.url(path)).header("cookie", cookie);
        request.send().unwrap()
    };
    let admins = json!({ "groups": ["platform"] });
    let answer = go("/console/login/provider?next=/console/journal", admins.clone());
    assert_eq!(answer.status(), 200, "{:?}", answer.text());
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("roadstead-console="), "{cookie}");
    let body = answer.text().unwrap();
    // By a page, as a browser that comes from the provider shows a strict cookie only when a page of ours sends it.
    assert!(body.contains("content=\"0;url=/console/journal\"") && !body.contains("token"), "{body}");
    let journal = get(&cookie, "/console/journal");
    assert_eq!(journal.status(), 200);
    let journal = journal.text().unwrap();
    let (_, rest) = journal.split_once("rdst_login_").unwrap();
    let secret = format!(
        "rdst_login_{}",
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap()
    );
    let (_, rest) = journal.split_once("the name ").unwrap();
    let name = rest.split(' ').next().unwrap().to_owned();
    assert!(running.token(&name, &secret, "registry:admin:*").is_ok());
    assert!(!get(&cookie, "/console/journal").text().unwrap().contains("rdst_login_"), "it is shown once");

    // The next login ends this one with all that was got by it, and has the rights of its groups.
    let answer = go("/auth/oidc/login?console", json!({ "groups": ["team"] }));
    let second = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(answer.text().unwrap().contains("content=\"0;url=/console\""));
    assert_eq!(get(&cookie, "/console/journal").status(), 303);
    assert_eq!(running.token(&name, &secret, "registry:admin:*"), Err(401));
    assert_eq!(get(&second, "/console").status(), 200);
    assert_eq!(get(&second, "/console/journal").status(), 404);

    // Who is not let in is told so on the page where one logs in.
    let answer = go("/console/login/provider?next=//evil.example", json!({ "aud": "other" }));
    assert_eq!(answer.status(), 403);
    assert!(answer.headers().get("set-cookie").is_none());
    let body = answer.text().unwrap();
    assert!(body.contains("name=\"password\"") && !body.contains("evil"), "{body}");
    let answer = go("/console/login/provider?next=https://evil.example", admins);
    assert!(answer.text().unwrap().contains("content=\"0;url=/console\""));
}
