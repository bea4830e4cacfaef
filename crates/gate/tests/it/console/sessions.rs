//! Logging in, staying so, and the end of it.
use super::{Browser, FORM, add_user, form, gate};
use crate::running::{PASSWORD, Running};
use reqwest::Method;
use serde_json::json;

#[test]
fn whoever_logs_in_has_a_session_until_they_log_out() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    let mut browser = Browser::new(&gate);
    let login = browser.page("/console/login");
    assert!(login.contains("name=\"password\"") && !login.contains("admin"), "{login}");
    for (name, password) in [("admin", "not the password"), ("nobody", PASSWORD), ("", ""), ("<b>x</b>", "x")]
    {
        let answer = browser.log_in(name, password, "");
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().get("set-cookie").is_none());
        let page = answer.text().unwrap();
        assert!(
            page.contains("wrong") && !page.contains("<b>x</b>") && !page.contains("not the password"),
            "{page}"
        );
    }
    let answer = browser.log_in("admin", PASSWORD, "/console/journal?after=3");
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/console/journal?after=3");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (pair, flags) = cookie.split_once("; ").unwrap();
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Strict");
    let (name, id) = pair.split_once('=').unwrap();
    assert_eq!((name, id.len()), ("roadstead-console", 64));
    assert!(browser.page("/console").contains("admin"));

    // Another login is another session, and ends the one that the browser showed.
    let before = Browser { gate: &gate, cookie: browser.cookie.clone() };
    assert_eq!(browser.log_in("admin", PASSWORD, "").status(), 303);
    assert!(browser.cookie != before.cookie);
    assert_eq!(before.get("/console/journal").status(), 303);

    let left = Browser { gate: &gate, cookie: browser.cookie.clone() };
    let answer = browser.send("/console/logout", &[]);
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/console/login".parse().unwrap())
    );
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(left.get("/console").status(), 303, "the server has forgotten it, whatever the browser keeps");
}

#[test]
fn over_tls_the_cookie_is_bound_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let config = "public-url = \"https://gate.example\"\n[tls]\nmode = \"proxy\"\n";
    let (gate, _) = Running::set_up(folder.path(), config);
    let mut browser = Browser::new(&gate);
    let answer = browser.log_in("admin", PASSWORD, "");
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-roadstead-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    // One that a page of a plain connection could have set is none.
    let plain = Browser { gate: &gate, cookie: browser.cookie.replace("__Host-", "") };
    assert_eq!(plain.get("/console").status(), 303);
}

#[test]
fn tries_at_both_doors_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", false);
    let mut browser = Browser::new(&gate);
    let mut tries = 0;
    let limited = loop {
        // At the one door and the other by turns.
        let status = if tries % 2 == 0 {
            browser.log_in("eve", "a guess of somebody", "").status().as_u16()
        } else {
            gate.token("eve", "a guess of somebody", "registry:admin:*").unwrap_err()
        };
        tries += 1;
        assert!(tries < 100, "nobody limits them");
        if status == 429 {
            break tries;
        }
        assert_eq!(status, 401);
    };
    assert!(limited > 2, "{limited}");
    for _ in 0..2 {
        assert_eq!(
            browser.log_in("eve", PASSWORD, "").status(),
            429,
            "nor is the right one looked at meanwhile"
        );
        assert_eq!(gate.token("eve", PASSWORD, "registry:admin:*"), Err(429));
    }
}

#[test]
fn robots_have_no_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let fields =
        json!({ "name": "ci", "expires": null, "grants": [{ "repositories": "**", "actions": ["pull"] }] });
    let (_, robot) = gate.ask(Method::POST, "/api/v1/robots", &admin, Some(fields));
    let mut browser = Browser::new(&gate);
    let answer = browser.log_in("robot+ci", robot["secret"].as_str().unwrap(), "");
    assert_eq!(answer.status(), 403);
    assert!(answer.headers().get("set-cookie").is_none());
}

#[test]
fn a_session_ends_with_the_account_and_with_its_rights() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let change = |fields| gate.ask(Method::PATCH, "/api/v1/users/eve", &admin, Some(fields)).0;
    for fields in
        [json!({ "disabled": true }), json!({ "admin": false }), json!({ "password": "another password" })]
    {
        assert_eq!(change(json!({ "disabled": false, "admin": true, "password": PASSWORD })), 204);
        let eve = Browser::of(&gate, "eve");
        assert_eq!(eve.get("/console/journal").status(), 200);
        assert_eq!(change(fields.clone()), 204);
        let answer = eve.get("/console/journal");
        assert_eq!(answer.status(), 303, "{fields}");
        assert_eq!(answer.headers()["location"], "/console/login?next=/console/journal");
    }
    assert_eq!(gate.ask(Method::DELETE, "/api/v1/users/eve", &admin, None).0, 204);
    assert_eq!(Browser::new(&gate).log_in("eve", PASSWORD, "").status(), 401);
}

#[test]
fn logins_stand_in_the_journal_and_secrets_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let eve = Browser::of(&gate, "eve");
    let (_, journal) = gate.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    let journal = journal.to_string();
    assert!(journal.contains("user:eve"), "{journal}");
    let id = eve.cookie.split_once('=').unwrap().1;
    for secret in [id, PASSWORD, &eve.csrf()] {
        assert!(!journal.contains(secret));
    }
    let database = std::fs::read(folder.path().join("data/roadstead.db")).unwrap();
    let log = std::fs::read(folder.path().join("data/roadstead.db-wal")).unwrap_or_default();
    for bytes in [database, log] {
        assert!(!bytes.windows(id.len()).any(|part| part == id.as_bytes()), "a session is no row");
    }
}

/// What `docker pull` prints when an image is held is opened in a browser, which comes from nowhere or from another site.
#[test]
fn the_page_of_a_denial_leads_a_browser_to_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    let digest = format!("sha256:{}", "a".repeat(64));
    let told = format!("/q/team/app@{digest}");
    let page = format!("/console/image?repository=team/app&digest={digest}");
    let plain = gate.get(&told);
    assert_eq!(plain.status(), 200);
    assert!(plain.text().unwrap().contains("/api/v1/image?repository=team/app"));
    let mut browser = Browser::new(&gate);
    let answer = browser.get(&told);
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"].to_str().unwrap(), page);
    let answer = browser.get(&page);
    assert_eq!(answer.status(), 303);
    let login = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(
        login,
        format!("/console/login?next=/console/image%3Frepository%3Dteam/app%26digest%3D{digest}")
    );
    let form = browser.page(&login);
    assert!(
        form.contains(&page.replace('&', "&#38;")) || form.contains(&page.replace('&', "&amp;")),
        "{form}"
    );
    assert_eq!(browser.log_in("admin", PASSWORD, &page).headers()["location"].to_str().unwrap(), page);
    // From another site the browser shows no cookie at first: it is sent once more, and not asked to log in again.
    let stranger = Browser::new(&gate);
    let request = stranger.request(Method::GET, &page).header("sec-fetch-site", "cross-site");
    let answer = request.send().unwrap();
    assert_eq!(answer.status(), 200);
    let again = answer.text().unwrap();
    assert!(again.contains(&format!("content=\"0;url={}\"", page.replace('&', "&amp;"))), "{again}");
    assert_eq!(gate.get("/q/nothing").status(), 404);
    assert_eq!(browser.get("/").headers()["location"], "/console");
    assert_eq!(gate.get("/").status(), 404);
}

#[test]
fn no_address_leads_out_of_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/v2/",
        "javascript:alert(1)",
        "/console/login",
        "/console\r\nx: y",
    ] {
        let mut browser = Browser::new(&gate);
        let answer = browser.log_in("admin", PASSWORD, next);
        assert_eq!(answer.headers()["location"], "/console", "{next}");
        let page = Browser::new(&gate).page(&format!("/console/login?next={}", super::encoded(next)));
        assert!(!page.contains("evil") && !page.contains("alert"), "{page}");
        let again = browser.get(&format!("/console/login?next={}", super::encoded(next)));
        assert_eq!(
            (again.status().as_u16(), &again.headers()["location"]),
            (303, &"/console".parse().unwrap())
        );
    }
}

#[test]
fn logging_in_is_no_matter_of_another_site() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, _) = gate(folder.path(), "");
    let fields = form(&[("name", "admin"), ("password", PASSWORD)]);
    let browser = Browser::new(&gate);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = browser.request(Method::POST, "/console/login").header("content-type", FORM);
        let answer = request.header(name, value).body(fields.clone()).send().unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
        assert!(answer.headers().get("set-cookie").is_none());
    }
}
