//! What another site cannot do, and what stands on every answer.
use super::{Browser, FORM, clean, form, gate, pushed};
use crate::running::Running;
use reqwest::Method;
use reqwest::blocking::Response;

/// Every page, and every form.
const PAGES: [&str; 15] = [
    "/console",
    "/console/rows",
    "/console/login",
    "/console/image",
    "/console/image/standing",
    "/console/image/report",
    "/console/image/report.html",
    "/console/compare",
    "/console/search",
    "/console/coverage",
    "/console/exceptions",
    "/console/journal",
    "/console/accounts",
    "/console/upstreams",
    "/console/health",
];
const FORMS: [&str; 15] = [
    "/console/logout",
    "/console/image/approve",
    "/console/image/deny",
    "/console/image/revoke",
    "/console/image/rescan",
    "/console/exceptions/ask",
    "/console/exceptions/approve",
    "/console/exceptions/withdraw",
    "/console/accounts/users",
    "/console/accounts/users/change",
    "/console/accounts/robots",
    "/console/accounts/robots/change",
    "/console/accounts/grants",
    "/console/accounts/grants/revoke",
    "/console/accounts/password",
];

fn check_headers(answer: &Response, path: &str) {
    let header = |name: &str| {
        let mut all = answer.headers().get_all(name).iter();
        let value = all.next().map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        assert!(all.next().is_none(), "{path}: {name} stands there twice");
        value
    };
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{path}: {policy}"
    );
    if policy.contains("unsafe") {
        assert!(policy.ends_with("; sandbox"), "{path}: {policy}");
    }
    for (name, expect) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(header(name), expect, "{path}");
    }
    let kept = header("cache-control");
    let is_asset = path.starts_with("/console/assets/") && answer.status() == 200;
    assert_eq!(kept, if is_asset { "public, max-age=31536000, immutable" } else { "no-store" }, "{path}");
}

#[test]
fn every_answer_has_its_headers_and_nobody_sees_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    let (nobody, somebody) = (Browser::new(&gate), Browser::of(&gate, "admin"));
    let query = format!("?repository=held/app&digest={}", image.digest());
    let compare = format!("?old=held/app@{0}&new=held/app@{0}", image.digest());
    for path in PAGES {
        let answer = nobody.get(path);
        check_headers(&answer, path);
        let expect = match path {
            "/console/login" => 200,
            "/console/rows" | "/console/image/standing" => 401,
            _ => 303,
        };
        assert_eq!(answer.status(), expect, "{path}");
        let query = match path {
            path if path.starts_with("/console/image") => query.as_str(),
            "/console/compare" => compare.as_str(),
            _ => "",
        };
        let answer = somebody.get(&format!("{path}{query}"));
        check_headers(&answer, path);
        assert_eq!(answer.status(), if path == "/console/login" { 303 } else { 200 }, "{path}");
    }
    for path in FORMS {
        let answer =
            nobody.request(Method::POST, path).header("content-type", FORM).body("a=b").send().unwrap();
        check_headers(&answer, path);
        assert_eq!(answer.status(), 303, "{path}");
        let answer = somebody.get(path);
        check_headers(&answer, path);
        assert_eq!(answer.status(), 404, "{path} is no page");
    }
    let page = somebody.page("/console");
    let assets: Vec<&str> = page.split('"').filter(|part| part.starts_with("/console/assets/")).collect();
    assert!(assets.len() >= 2, "{page}");
    for path in assets {
        let answer = nobody.get(path);
        check_headers(&answer, path);
        assert_eq!(answer.status(), 200, "{path}");
    }
    for path in
        ["/console/assets/0000000000000000/console.css", "/console/nothing", "/console/image/nothing/x"]
    {
        let answer = somebody.get(path);
        check_headers(&answer, path);
        assert_eq!(answer.status(), 404, "{path}");
    }
}

/// What a form sends that would be done, were it from a page of ours.
fn asked<'a>(digest: &'a str, csrf: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("repository", "held/app"), ("digest", digest), ("reason", "looked at it by hand"), ("csrf", csrf)]
}

fn state(gate: &Running, admin: &str, digest: &str) -> String {
    let path = format!("/api/v1/image?repository=held/app&digest={digest}");
    gate.ask(Method::GET, &path, admin, None).1["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_form_of_another_site_or_session_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    let (browser, other) = (Browser::of(&gate, "admin"), Browser::of(&gate, "admin"));
    let (csrf, others) = (browser.csrf(), other.csrf());
    assert_ne!(csrf, others);
    let send = |csrf: &str, kind: &str, headers: &[(&str, &str)]| {
        let mut request = browser.request(Method::POST, "/console/image/deny").header("content-type", kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(form(&asked(image.digest(), csrf))).send().unwrap().status().as_u16()
    };
    let same = ("sec-fetch-site", "same-origin");
    let own = gate.url("");
    let check = |csrf: &str, kind: &str, headers: &[(&str, &str)], expect: u16| {
        assert_eq!(send(csrf, kind, headers), expect, "{kind} {headers:?}");
        assert_eq!(state(&gate, &admin, image.digest()), "quarantined", "{kind} {headers:?}");
    };
    check("", FORM, &[same], 403);
    check(&others, FORM, &[same], 403);
    check(&csrf[..63], FORM, &[same], 403);
    check(&csrf.to_uppercase(), FORM, &[same], 403);
    check(browser.cookie.split_once('=').unwrap().1, FORM, &[same], 403);
    check(&csrf, FORM, &[("sec-fetch-site", "cross-site")], 403);
    check(&csrf, FORM, &[("sec-fetch-site", "same-site")], 403);
    check(&csrf, FORM, &[("sec-fetch-site", "none")], 403);
    check(&csrf, FORM, &[("origin", "https://evil.example")], 403);
    check(&csrf, FORM, &[("origin", "null")], 403);
    check(&csrf, FORM, &[("origin", &own), ("origin", "https://evil.example")], 403);
    check(&csrf, FORM, &[same, ("sec-fetch-site", "cross-site")], 403);
    check(&csrf, "text/plain", &[same], 400);
    check(&csrf, "multipart/form-data; boundary=x", &[same], 400);
    check(&csrf, "application/json", &[same], 400);
    // Ours, as browsers of today and of before send it.
    assert_eq!(send(&csrf, FORM, &[("origin", &own)]), 303);
    assert_eq!(state(&gate, &admin, image.digest()), "denied");
    assert_eq!(send(&csrf, FORM, &[same]), 303);
    let large = browser.request(Method::POST, "/console/image/deny").header("content-type", FORM);
    let large = large.body(format!("csrf={csrf}&reason={}", "a".repeat(1 << 20))).send();
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == 400));
}

#[test]
fn what_was_done_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    let browser = Browser::of(&gate, "admin");
    let fields = [("repository", "held/app"), ("digest", image.digest()), ("reason", "looked at it by hand")];
    let answer = browser.send("/console/image/deny", &fields);
    let to = answer.headers()["location"].to_str().unwrap().to_owned();
    // What a page asks for by itself does not take it away.
    browser.page(&to.replace("/console/image?", "/console/image/standing?"));
    browser.page("/console/rows");
    assert!(browser.page(&to).contains("The image is denied: entry "));
    assert!(!browser.page(&to).contains("The image is denied: entry "));
    let page = browser.sends("/console/image/deny", &[fields[0], fields[1], ("reason", "no")]);
    assert!(page.contains("reason is shorter than 10 characters"), "{page}");
}
