//! Opens images in registries, honest and hostile.
use crate::support::{anomalies, layer_bytes, open_text, refuses};
use base64::Engine as _;
use serde_json::json;
use source::{Error, Mirror, Opened, Options};
use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;
use test_support::{
    Compression, FakeRegistry, Image, ImageBuilder, Layer, LayerBuilder, Request, Response, RunningRegistry,
};

/// An image whose one layer is incompressible enough to be cut into pieces.
fn image() -> Image {
    let content: Vec<u8> =
        (0..40_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let tar = LayerBuilder::new().file("app", 0o755, content).build();
    ImageBuilder::new().layer(Layer::new(tar).compression(Compression::None)).build()
}

fn options(hosts: &[&RunningRegistry]) -> Options {
    let mut options =
        Options { plain_http: hosts.iter().map(|host| host.host()).collect(), ..Options::default() };
    options.limits.backoff = Duration::from_millis(1);
    options
}

fn serve(answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> RunningRegistry {
    FakeRegistry::new().image("team/app", "1", &image()).intercept(answer).start()
}

fn pull(registry: &RunningRegistry) -> Result<Opened, Error> {
    open_text(&registry.reference("team/app:1"), &options(&[registry]))
}

fn is_blob(request: &Request) -> bool {
    request.path.contains("/blobs/") && !request.path.ends_with(&test_support::sha256_hex(image().config()))
}

fn layer_of(opened: &Opened) -> Vec<u8> {
    layer_bytes(&opened.images[0]).remove(0)
}

fn layer_error(registry: &RunningRegistry) -> String {
    let opened = pull(registry).unwrap();
    match opened.images[0].layers[0].open() {
        Ok(mut layer) => layer.read_to_end(&mut Vec::new()).unwrap_err().to_string(),
        Err(error) => error.chain(),
    }
}

#[test]
fn an_image_is_pulled_by_tag_and_by_digest() {
    let built = image();
    let registry = serve(|_| None);
    let pinned = format!("docker://{}@{}", registry.reference("team/app"), built.digest());
    for text in [registry.reference("team/app:1"), pinned] {
        let opened = open_text(&text, &options(&[&registry])).unwrap();
        assert_eq!(opened.digest.unwrap().to_string(), built.digest());
        assert_eq!(opened.images[0].config_bytes, built.config());
        assert_eq!(opened.images[0].layers[0].stamp(), None);
        assert_eq!(layer_of(&opened), built.archives()[0]);
        assert_eq!((opened.anomalies.len(), opened.gaps.len()), (0, 0));
    }
    refuses(open_text(&registry.reference("team/app:2"), &options(&[&registry])), "check the name");
    assert!(registry.requests().iter().all(|request| request.header("user-agent").starts_with("roadstead/")));
}

#[test]
fn http_is_spoken_only_where_it_was_asked_for() {
    let registry = serve(|_| None);
    let mut without = options(&[]);
    without.limits.attempts = 1;
    refuses(open_text(&registry.reference("team/app:1"), &without), "cannot reach");
    assert!(registry.requests().iter().all(|request| request.method != "GET"));
}

/// A registry that wants a token from `realm` and hands it out itself.
fn guarded(realm: impl Fn(&Request) -> String + Send + Sync + 'static) -> RunningRegistry {
    serve(move |request| {
        if request.path == "/token" {
            return Some(Response::new(200).body(r#"{"token":"abc"}"#));
        }
        (request.header("authorization") != "Bearer abc").then(|| {
            let challenge =
                format!("Bearer realm=\"{}\",service=\"s&x\",scope=\"repository:all:*\"", realm(request));
            Response::new(401).header("WWW-Authenticate", &challenge)
        })
    })
}

fn own_realm(request: &Request) -> String {
    format!("http://{}/token", request.header("host"))
}

fn docker_config(registry: &RunningRegistry, entry: &serde_json::Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(json!({"auths": {registry.host(): entry}}).to_string().as_bytes()).unwrap();
    file
}

fn user_hunter2() -> String {
    base64::engine::general_purpose::STANDARD.encode("user:hunter2")
}

#[test]
fn a_refusal_is_told_in_the_registrys_own_words() {
    let says = |status: u16, body: &str| {
        let body = body.to_owned();
        let answer = move |_: &Request| {
            Some(Response::new(status).header("Retry-After", "7200").body(body.as_bytes()))
        };
        pull(&serve(answer))
    };
    let denied = r#"{"errors":[{"code":"DENIED","message":"x is denied by the rule malicious"}]}"#;
    refuses(says(403, denied), "1: x is denied by the rule malicious");
    refuses(says(429, denied), "by the rule malicious");
    refuses(says(403, r#"{"errors":[{"message":"a\u001b[2Jb"}]}"#), "1: a\\u{1b}[2Jb");
    // What is no message is none, and nobody is shown a book.
    for body in ["", "{", "{}", r#"{"errors":[]}"#, r#"{"errors":[{"message":" "}]}"#] {
        refuses(says(403, body), "wants credentials");
    }
    let book = |letters: usize| format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "a".repeat(letters));
    refuses(says(403, &book(2000)), "aaa…");
    refuses(says(403, &book(100_000)), "wants credentials");
    // Who is not logged in has to be told that.
    refuses(says(401, denied), "it asks for some");
}

#[test]
fn a_token_is_fetched_once_and_for_pulling_only() {
    let registry = guarded(own_realm);
    assert_eq!(layer_of(&pull(&registry).unwrap()), image().archives()[0]);
    let requests = registry.requests();
    let tokens: Vec<&Request> = requests.iter().filter(|request| request.path == "/token").collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].query, "service=s%26x&scope=repository%3Ateam%2Fapp%3Apull");
    assert_eq!(tokens[0].header("authorization"), "");
}

#[test]
fn credentials_buy_the_token() {
    let registry = guarded(own_realm);
    let file = docker_config(&registry, &json!({"auth": user_hunter2()}));
    let given = Options { docker_config: Some(file.path().to_owned()), ..options(&[&registry]) };
    open_text(&registry.reference("team/app:1"), &given).unwrap();
    for request in registry.requests() {
        let expect = match request.path.as_str() {
            "/token" => format!("Basic {}", user_hunter2()),
            _ if request.earlier == 0 && request.path.ends_with("/1") => String::new(),
            _ => "Bearer abc".to_owned(),
        };
        assert_eq!(request.header("authorization"), expect, "{}", request.path);
    }

    let file = docker_config(&registry, &json!({"identitytoken": "id&x"}));
    let given = Options { docker_config: Some(file.path().to_owned()), ..options(&[&registry]) };
    open_text(&registry.reference("team/app:1"), &given).unwrap();
    let requests = registry.requests();
    let post = requests.iter().find(|request| request.method == "POST").unwrap();
    let form = String::from_utf8(post.body.clone()).unwrap();
    assert!(form.starts_with("grant_type=refresh_token&service=s%26x&client_id=roadstead&"), "{form}");
    assert!(form.ends_with("refresh_token=id%26x"), "{form}");
}

#[test]
fn a_token_service_on_another_host_sees_nothing() {
    let thief = serve(|_| Some(Response::new(200).body(r#"{"token":"abc"}"#)));
    let realm = format!("http://{}/token", thief.host().replace("127.0.0.1", "localhost"));
    let named = realm.clone();
    let registry = guarded(move |_| realm.clone());
    let file = docker_config(&registry, &json!({"auth": user_hunter2()}));
    let mut given = Options { docker_config: Some(file.path().to_owned()), ..options(&[&registry]) };
    given.plain_http.push("localhost".to_owned());
    let text = registry.reference("team/app:1");
    refuses(open_text(&text, &given), "another host, which would see the credentials");
    assert_eq!(thief.requests().len(), 0);

    given.token_realms.push("localhost".to_owned());
    open_text(&text, &given).unwrap();
    assert_eq!(thief.requests().len(), 1);

    given.plain_http.retain(|host| host != "localhost");
    refuses(open_text(&text, &given), "HTTP without TLS was not asked for");
    let odd = guarded(|_| "nonsense".to_owned());
    refuses(pull(&odd), "is no address");
    assert!(named.contains("localhost"));
}

#[test]
fn what_a_token_service_answers_is_bounded() {
    let answer = |body: Vec<u8>, status: u16| {
        serve(move |request| match request.path.as_str() {
            "/token" => Some(Response::new(status).body(&body)),
            _ => {
                let challenge = format!("Bearer realm=\"{}\"", own_realm(request));
                Some(Response::new(401).header("WWW-Authenticate", &challenge))
            }
        })
    };
    refuses(pull(&answer(vec![b' '; 2 << 20], 200)), "longer than the limit of 1048576 bytes");
    refuses(pull(&answer(b"{}".to_vec(), 200)), "gave no token");
    refuses(pull(&answer(br#"{"token":"a\r\nb"}"#.to_vec(), 200)), "gave no token");
    refuses(pull(&answer(b"{}".to_vec(), 403)), "403");
    refuses(pull(&answer(br#"{"token":"refused"}"#.to_vec(), 200)), "answered 401");
    refuses(pull(&serve(|_| Some(Response::new(401)))), "there are none");
}

#[test]
fn a_redirect_never_carries_credentials_to_another_host() {
    let storage = serve(|_| None);
    let target = storage.host().replace("127.0.0.1", "localhost");
    let registry = serve(move |request| match request.header("authorization") {
        "" => Some(Response::new(401).header("WWW-Authenticate", "Basic realm=x")),
        _ => is_blob(request)
            .then(|| Response::new(307).header("Location", &format!("http://{target}{}", request.path))),
    });
    let file = docker_config(&registry, &json!({"username": "user", "password": "hunter2"}));
    let mut given =
        Options { docker_config: Some(file.path().to_owned()), ..options(&[&registry, &storage]) };
    given.plain_http.push("localhost".to_owned());
    let open = |given: &Options| open_text(&registry.reference("team/app:1"), given).unwrap();
    // The storage lies in a private network and was not named.
    let error = open(&given).images[0].layers[0].open().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("inside a private network"), "{error}");
    assert_eq!(storage.requests().len(), 0);

    given.redirect_hosts.push("localhost".to_owned());
    assert_eq!(layer_of(&open(&given)), image().archives()[0]);
    let seen = storage.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("authorization"), "");
    assert_eq!(
        registry.requests().last().unwrap().header("authorization"),
        format!("Basic {}", user_hunter2())
    );
}

#[test]
fn redirects_have_an_end_and_a_scheme() {
    let to = |location: fn(&Request) -> String| {
        layer_error(&serve(move |request| {
            is_blob(request).then(|| Response::new(302).header("Location", &location(request)))
        }))
    };
    assert!(to(|request| request.path.clone()).contains("more than 5 times"));
    assert!(to(|_| "http://localhost:1/".to_owned()).contains("HTTP without TLS was not asked for"));
    assert!(to(|_| "file:///etc/passwd".to_owned()).contains("no scheme to fetch from"));
    assert!(to(|_| "https://user:secret@example.org/".to_owned()).contains("user name"));
    assert!(to(|_| "https://[".to_owned()).contains("without saying where"));
    assert!(to(|_| "https://169.254.169.254/latest/meta-data".to_owned()).contains("private network"));
}

#[test]
fn a_broken_stream_goes_on_where_it_broke() {
    let whole = serve(|request| {
        let broken = is_blob(request) && request.earlier < 5;
        let range = request.range_start().unwrap_or(0);
        broken.then(|| {
            let bytes = image().archives()[0].clone();
            let response = Response::new(if range == 0 { 200 } else { 206 });
            response
                .header("Content-Range", &format!("bytes {range}-{}/{}", bytes.len() - 1, bytes.len()))
                .body(&bytes[range..])
                .cut(20_000)
        })
    });
    assert_eq!(layer_of(&pull(&whole).unwrap()), image().archives()[0]);
    let starts: Vec<_> =
        whole.requests().iter().filter(|request| is_blob(request)).map(Request::range_start).collect();
    assert_eq!(starts, [None, Some(20_000), Some(40_000), Some(60_000), Some(80_000), Some(100_000)]);

    // This one knows no ranges and sends everything each time.
    let simple = serve(|request| {
        is_blob(request).then(|| {
            let response = Response::new(200).body(&image().archives()[0]);
            if request.earlier < 3 { response.cut(50_000 * (request.earlier + 1)) } else { response }
        })
    });
    assert_eq!(layer_of(&pull(&simple).unwrap()), image().archives()[0]);
}

#[test]
fn a_stream_that_never_ends_well_is_given_up() {
    let stuck =
        serve(|request| is_blob(request).then(|| Response::new(200).body(&image().archives()[0]).cut(100)));
    assert!(layer_error(&stuck).contains("at byte 100"));
    let resumptions = stuck.requests().iter().filter(|request| is_blob(request)).count();
    assert!(resumptions <= 40, "{resumptions}");
}

#[test]
fn a_lying_length_or_range_is_refused() {
    let long = serve(|request| is_blob(request).then(|| Response::new(200).body(vec![0; 1 << 20])));
    assert!(layer_error(&long).contains("it sends 1048576 bytes"));
    let other = serve(|request| {
        is_blob(request).then(|| match request.range_start() {
            None => Response::new(200).body(&image().archives()[0]).cut(1000),
            Some(_) => Response::new(206).header("Content-Range", "bytes 0-9/10").body("0123456789"),
        })
    });
    assert!(layer_error(&other).contains("another part"));
    let short = serve(|request| {
        is_blob(request).then(|| match request.range_start() {
            None => Response::new(200).body(&image().archives()[0][..1000]),
            Some(_) => Response::new(416),
        })
    });
    assert!(layer_error(&short).contains("416"));
}

#[test]
fn a_busy_registry_is_waited_for() {
    let busy = serve(|request| match request.earlier {
        0 => Some(Response::new(429).header("Retry-After", "0")),
        1 => Some(Response::new(503)),
        _ => None,
    });
    assert_eq!(layer_of(&pull(&busy).unwrap()), image().archives()[0]);
    let begin = std::time::Instant::now();
    refuses(pull(&serve(|_| Some(Response::new(429).header("Retry-After", "7200")))), "rate limit");
    assert!(begin.elapsed() < Duration::from_secs(30));
    let down = serve(|_| Some(Response::new(500)));
    refuses(pull(&down), "out of order");
    assert_eq!(down.requests().len(), 5);
}

#[test]
fn a_document_is_bounded_and_believed_by_its_digest_only() {
    let manifests = |body: Vec<u8>| {
        serve(move |request| request.path.contains("/manifests/").then(|| Response::new(200).body(&body)))
    };
    refuses(pull(&manifests(vec![b' '; 5 << 20])), "longer than the limit of 4194304 bytes");
    refuses(pull(&manifests(b"<html>".to_vec())), "not readable JSON");
    let registry = manifests(image().manifest().to_vec());
    let other = test_support::sha256_digest(b"other");
    refuses(
        open_text(&registry.reference(&format!("team/app@{other}")), &options(&[&registry])),
        "hashes to",
    );
    let digest = other.clone();
    let liar = serve(move |request| {
        let response = Response::new(200).header("Docker-Content-Digest", &digest).body(image().manifest());
        request.path.contains("/manifests/").then_some(response)
    });
    refuses(pull(&liar), "hashes to");
    let config = serve(|request| {
        (request.path.contains("/blobs/") && !is_blob(request)).then(|| Response::new(200).body("{}"))
    });
    refuses(pull(&config), "hashes to");
    let typed = serve(|request| {
        let index = test_support::media_type::OCI_INDEX;
        request
            .path
            .contains("/manifests/")
            .then(|| Response::new(200).header("Content-Type", index).body(image().manifest()))
    });
    refuses(pull(&typed), "readers would differ");
    let broken = serve(|request| {
        let first = request.path.contains("/manifests/") && request.earlier == 0;
        first.then(|| Response::new(200).body(image().manifest()).cut(10))
    });
    assert_eq!(pull(&broken).unwrap().images.len(), 1);
}

#[test]
fn a_mirror_is_asked_first_and_believed_no_more() {
    let registry = serve(|_| None);
    let with = |mirror: &RunningRegistry| Options {
        mirrors: vec![Mirror {
            registry: registry.host(),
            base_url: format!("http://{}/hub", mirror.host()),
        }],
        ..options(&[&registry])
    };
    let text = registry.reference("team/app:1");
    let prefixed = serve(|request| {
        let path = request.path.strip_prefix("/hub")?;
        let digest = path.rsplit('/').next()?;
        let digest = if digest == "1" { image().digest().to_owned() } else { digest.to_owned() };
        image().blobs().get(&digest).map(|blob| Response::new(200).body(&blob.bytes))
    });
    let opened = open_text(&text, &with(&prefixed)).unwrap();
    assert_eq!(layer_of(&opened), image().archives()[0]);
    assert_eq!(opened.name.unwrap().to_string(), text);
    assert_eq!(registry.requests().len(), 0);
    let ns = format!("ns={}", registry.host().replace(':', "%3A"));
    assert!(prefixed.requests().iter().all(|request| request.query == ns));

    let empty = serve(|_| Some(Response::new(404)));
    assert_eq!(layer_of(&open_text(&text, &with(&empty)).unwrap()), image().archives()[0]);
    let pinned = format!("{}@{}", registry.reference("team/app"), image().digest());
    let lying = serve(|_| Some(Response::new(200).body("{}")));
    assert_eq!(open_text(&pinned, &with(&lying)).unwrap().images.len(), 1);
}

#[test]
fn a_foreign_layer_is_fetched_from_the_registry_or_not_at_all() {
    let elsewhere = serve(|_| Some(Response::new(200)));
    let url = format!("http://{}/layer", elsewhere.host());
    let layer = || Layer::new(LayerBuilder::new().build()).urls(&[&url]);
    let built = ImageBuilder::new().layer(layer()).layer(layer().absent().stored(b"gone")).build();
    let registry = FakeRegistry::new().image("a", "1", &built).start();
    let opened = open_text(&registry.reference("a:1"), &options(&[&registry, &elsewhere])).unwrap();
    assert_eq!(anomalies(&opened), ["foreign-layer", "foreign-layer"]);
    assert!(opened.images[0].layers[0].open().is_ok());
    let error = opened.images[0].layers[1].open().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("never followed"), "{error}");
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn a_cancelled_stream_ends() {
    let registry = serve(|_| None);
    let given = options(&[&registry]);
    let opened = open_text(&registry.reference("team/app:1"), &given).unwrap();
    let mut layer = opened.images[0].layers[0].open().unwrap();
    layer.read_exact(&mut [0; 10]).unwrap();
    given.cancelled.store(true, Ordering::Relaxed);
    assert!(layer.read(&mut [0; 10]).unwrap_err().to_string().contains("cancelled"));
}
