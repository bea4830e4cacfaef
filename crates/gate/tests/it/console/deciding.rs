//! What people decide over images by forms: with the rules of the administration, and in the journal.
use super::{Browser, add_user, clean, gate, grant, page_of, pushed, stands};
use crate::running::{Running, soon};
use reqwest::Method;
use test_support::{Image, ImageBuilder, Layer, LayerBuilder, standin};

const WHY: &str = "looked at it by hand";

fn decide(browser: &Browser<'_>, what: &str, repository: &str, image: &Image, why: &str) -> String {
    let fields = [("repository", repository), ("digest", image.digest()), ("reason", why)];
    browser.sends(&format!("/console/image/{what}"), &fields)
}

fn state(gate: &Running, admin: &str, repository: &str, image: &Image, state: &str) {
    stands(gate, admin, repository, image, |standing| standing["state"] == state);
}

#[test]
fn an_image_is_approved_by_somebody_else_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    let (own, eve) = (Browser::of(&gate, "admin"), Browser::of(&gate, "eve"));
    let page = own.page(&page_of("held/app", &image));
    for part in
        ["quarantined", "a person looks at it", "look", "/console/image/approve", "/console/image/deny"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = decide(&own, "approve", "held/app", &image, WHY);
    assert!(page.contains("It was you who pushed it") || page.contains("it was you who pushed it"), "{page}");
    let page = decide(&eve, "approve", "held/app", &image, "no");
    assert!(page.contains("reason is shorter than 10 characters"), "{page}");
    state(&gate, &admin, "held/app", &image, "quarantined");
    let page = decide(&eve, "approve", "held/app", &image, WHY);
    assert!(page.contains("You approved of the image"), "{page}");
    state(&gate, &admin, "held/app", &image, "released");
    let page = own.page(&page_of("held/app", &image));
    for part in ["docker pull ", "released", "user:eve", WHY, "approved", "cosign"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = decide(&eve, "approve", "held/app", &image, WHY);
    assert!(page.contains("the image is released already"), "{page}");
    let page = decide(&own, "revoke", "held/app", &image, "it is not what it says");
    assert!(page.contains("The release is taken back"), "{page}");
    state(&gate, &admin, "held/app", &image, "revoked");
    let page = decide(&own, "revoke", "held/app", &image, WHY);
    assert!(page.contains("deny it instead"), "{page}");
    // The journal has all of it, with who.
    let (_, journal) = gate.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    let entry = |kind: &str, by: &str| {
        let all = journal["entries"].as_array().unwrap();
        let by = format!("\"by\":\"{by}\"");
        all.iter().any(|entry| entry["kind"] == kind && entry["body"].as_str().unwrap().contains(&by))
    };
    assert!(entry("approve", "user:eve") && entry("revoke", "user:admin") && !entry("approve", "user:admin"));
    let page = own.page(&page_of("held/app", &image));
    assert!(page.contains("it is not what it says") && page.contains("revoked"), "{page}");
}

#[test]
fn an_image_is_denied_and_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    let image = clean("one");
    pushed(&gate, &admin, "team/app", "1", &image);
    let browser = Browser::of(&gate, "admin");
    decide(&browser, "deny", "team/app", &image, "nobody knows where it is from");
    state(&gate, &admin, "team/app", &image, "denied");
    assert!(browser.page("/console?state=denied").contains("nobody knows where it is from"));
    assert!(!browser.page("/console?state=released").contains(image.digest()));
    let page = decide(&browser, "rescan", "team/app", &image, "");
    assert!(page.contains("The image is looked at again"), "{page}");
    state(&gate, &admin, "team/app", &image, "released");
    let fields = [("repository", "team/none"), ("digest", image.digest()), ("reason", WHY)];
    assert_eq!(browser.send("/console/image/deny", &fields).status(), 404);
}

#[test]
fn an_exception_needs_two() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    let (own, eve) = (Browser::of(&gate, "admin"), Browser::of(&gate, "eve"));
    let about = format!("/console/exceptions?repository=held/app&digest={}", image.digest());
    assert!(own.page(&about).contains(&format!("value=\"{}\"", image.digest())));
    let ask = |fields: &[(&str, &str)]| own.sends("/console/exceptions/ask", fields);
    let soon = soon();
    let fields = [("rule", "look"), ("content", image.digest()), ("reason", "it is our own test")];
    let with = |expires| [&fields[..], &[("expires", expires)]].concat();
    for (fields, expect) in [
        (with("2020-01-01"), "expires is in the past"),
        (with("2999-01-01"), "an exception ends within a year"),
        (with("soon"), "expires: "),
        (with(""), "expires: "),
        (vec![("rule", "look"), ("content", "x"), ("reason", WHY), ("expires", &soon)], "content: "),
        (vec![("reason", WHY), ("expires", &soon)], ""),
    ] {
        let page = ask(&fields);
        assert!(page.contains(expect) && !page.contains("waiting for a second person"), "{expect}: {page}");
    }
    let page = ask(&with(&soon));
    assert!(
        page.contains("Exception 1 is asked for") && page.contains("waiting for a second person"),
        "{page}"
    );
    assert!(
        !page.contains("action=\"/console/exceptions/approve\""),
        "whoever asked is not offered it: {page}"
    );
    let page = own.sends("/console/exceptions/approve", &[("id", "1")]);
    assert!(page.contains("somebody else has to approve"), "{page}");
    assert!(eve.page("/console/exceptions").contains("action=\"/console/exceptions/approve\""));
    let page = eve.sends("/console/exceptions/approve", &[("id", "1")]);
    assert!(page.contains("Exception 1 holds") && page.contains("in force"), "{page}");
    state(&gate, &admin, "held/app", &image, "released");
    let page = own.sends("/console/exceptions/withdraw", &[("id", "1")]);
    assert!(page.contains("Exception 1 is withdrawn"), "{page}");
    assert_eq!(own.send("/console/exceptions/withdraw", &[("id", "1")]).status(), 404);
    assert_eq!(own.send("/console/exceptions/withdraw", &[("id", "x")]).status(), 400);
}

#[test]
fn whose_image_is_held_asks_for_its_repository_and_an_administrator_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    for name in ["dev", "ops"] {
        add_user(&gate, &admin, name, false);
    }
    grant(&gate, &admin, "dev", "held/app", "pull");
    grant(&gate, &admin, "ops", "held/**", "pull");
    let image = clean("one");
    pushed(&gate, &admin, "held/app", "1", &image);
    pushed(&gate, &admin, "held/other", "1", &image);
    let (own, dev, ops) = (Browser::of(&gate, "admin"), Browser::of(&gate, "dev"), Browser::of(&gate, "ops"));
    let page = dev.page(&page_of("held/app", &image));
    assert!(page.contains("action=\"/console/exceptions/ask\""), "{page}");
    assert!(page.contains("It waits for an administrator.") && !page.contains("/console/journal"), "{page}");
    let soon = soon();
    let ask = |repositories: &str| {
        let fields = [
            ("content", image.digest()),
            ("repositories", repositories),
            ("reason", "it is our own test"),
            ("expires", &soon),
        ];
        dev.sends("/console/exceptions/ask", &fields)
    };
    // What they do not see, what there is not, and what is more than one are refused with the same words.
    for repositories in ["", "held/**", "**", "held/other", "held/nothing"] {
        let page = ask(repositories);
        assert!(
            page.contains("name one repository that you may pull from or push to"),
            "{repositories}: {page}"
        );
        assert!(page.contains("You asked for none."), "{repositories}: {page}");
    }
    let page = ask("held/app");
    assert!(page.contains("Exception 1 is asked for. It holds when an administrator approves."), "{page}");
    assert!(page.contains("waiting for a second person"), "{page}");
    for change in ["approve", "withdraw"] {
        assert!(!page.contains(&format!("/console/exceptions/{change}")), "{change}: {page}");
        assert_eq!(dev.send(&format!("/console/exceptions/{change}"), &[("id", "1")]).status(), 404);
    }
    // Others do not see it, and whoever administers sees who asks.
    assert!(ops.page("/console/exceptions").contains("You asked for none."));
    assert!(own.page("/console/exceptions").contains("user:dev"));
    let page = own.sends("/console/exceptions/approve", &[("id", "1")]);
    assert!(page.contains("Exception 1 holds"), "{page}");
    state(&gate, &admin, "held/app", &image, "released");
    state(&gate, &admin, "held/other", &image, "quarantined");
    let page = dev.page("/console/exceptions");
    assert!(page.contains("in force") && !page.contains("user:admin"), "{page}");
    // Nobody buries the administrators.
    for _ in 0..20 {
        assert!(ask("held/app").contains("is asked for"));
    }
    let page = ask("held/app");
    assert!(page.contains("20 exceptions that you asked for wait for an administrator"), "{page}");
    assert!(!own.page("/console/exceptions").contains(">22<"), "{page}");
}

/// The form of an image that could not be read names what was not: an exception that names no gap lifts none.
#[test]
fn an_exception_of_the_form_of_an_unreadable_image_lifts_what_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let tar = LayerBuilder::new().file("app/tool", 0o755, standin::program("a tool")).build();
    let broken = [b"\x1f\x8b\x08".to_vec(), vec![7; 20_000]].concat();
    let image = ImageBuilder::new()
        .layer(Layer::new(tar.clone()))
        .layer(Layer::new(tar).stored(broken))
        .config(|config| config.entrypoint(&["/app/tool"]))
        .build();
    pushed(&gate, &admin, "team/tool", "1", &image);
    let (own, eve) = (Browser::of(&gate, "admin"), Browser::of(&gate, "eve"));
    let page = own.page(&page_of("team/tool", &image));
    let (_, choices) = page.split_once("name=\"gap\"").unwrap_or_else(|| panic!("no gap is offered: {page}"));
    let choices = choices.split("</select>").next().unwrap();
    let gaps: Vec<&str> =
        choices.split("value=\"").skip(2).map(|part| part.split('"').next().unwrap()).collect();
    assert!(!gaps.is_empty(), "{choices}");
    let soon = soon();
    for (at, gap) in gaps.iter().enumerate() {
        let gap = unescaped(gap);
        let fields = [
            ("content", image.digest()),
            ("gap", &gap),
            ("repositories", "team/tool"),
            ("reason", "the layer is known to be broken"),
            ("expires", &soon),
        ];
        own.sends("/console/exceptions/ask", &fields);
        let page = eve.sends("/console/exceptions/approve", &[("id", &(at + 1).to_string())]);
        assert!(page.contains("holds"), "{page}");
    }
    state(&gate, &admin, "team/tool", &image, "released");
}

/// A value as a browser reads it.
fn unescaped(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

/// Whatever is open is told while it goes on: the rows ask for themselves until it is done.
#[test]
fn what_is_worked_on_says_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = test_support::FakeRegistry::new().intercept(|request| {
        // The layers take their time.
        if request.path.contains("/blobs/") {
            std::thread::sleep(std::time::Duration::from_millis(1500));
        }
        None
    });
    let image = clean("slow");
    let upstream = upstream.image("team/app", "1", &image).start();
    let config = format!(
        "[upstreams.\"up.example\"]\nurl = \"http://{}\"\n[quarantine]\nwait = \"0s\"\n",
        upstream.host()
    );
    let (gate, admin) = gate(folder.path(), &config);
    let token = gate.token("admin", crate::running::PASSWORD, "repository:up.example/team/app:pull").unwrap();
    let pulled = gate.ask(Method::GET, "/v2/up.example/team/app/manifests/1", &token, None).0;
    assert_eq!(pulled, 429);
    let browser = Browser::of(&gate, "admin");
    let rows = browser.page("/console/rows?state=quarantined");
    assert!(rows.contains("up.example/team/app"), "{rows}");
    assert!(rows.contains("fetching") || rows.contains("queued") || rows.contains("starting"), "{rows}");
    assert!(rows.contains("data-refresh=\"/console/rows?state=quarantined\""), "{rows}");
    assert!(!rows.contains("<html"), "the rows alone: {rows}");
    stands(&gate, &admin, "up.example/team/app", &image, |standing| !standing["decision"].is_null());
    let rows = browser.page("/console/rows?state=all");
    assert!(rows.contains(image.digest()) && !rows.contains("fetching"), "{rows}");
}
