//! The console in a real browser: what people see, decide, and cannot do.

mod accessible;
mod driver;
mod house;

use driver::{Browser, ENTER, TAB};
use house::{House, PASSWORD, page};
use serde_json::json;

/// Every page that an administrator can open.
const PAGES: &[(&str, &str)] = &[
    ("queue", "/console?state=all"),
    ("held", "/console?state=quarantined"),
    ("search", "/console/search?q=team"),
    ("coverage", "/console/coverage"),
    ("exceptions", "/console/exceptions"),
    ("journal", "/console/journal"),
    ("accounts", "/console/accounts"),
    ("upstreams", "/console/upstreams"),
    ("health", "/console/health"),
    (
        "missing",
        "/console/image?repository=no/such&digest=sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ),
];

#[test]
fn people_log_in_look_and_decide() {
    let Some(house) = House::open() else { return };
    let Some(browser) = Browser::open(&house.served.address) else { return };

    // Who has not logged in sees nothing, and comes back to where they wanted to go.
    browser.goto(&page("team/tool", &house.held));
    browser.fill("input[name=name]", "ann");
    browser.fill("input[name=password]", "not the password");
    browser.press("Log in");
    assert!(browser.here().starts_with("/console/login"), "{}", browser.here());
    browser.find("[role=alert]");
    // The browser notes the status, and nothing else.
    let noted = browser.complaints();
    assert!(noted.iter().all(|line| line.contains("401 (Unauthorized)")), "{noted:?}");
    browser.fill("input[name=name]", "ann");
    browser.fill("input[name=password]", PASSWORD);
    browser.press("Log in");
    browser.says("team/tool");
    assert!(browser.here().starts_with("/console/image?"), "{}", browser.here());

    // The queue shows what waits, and the image says why.
    browser.goto("/console?state=quarantined");
    browser.says("team/tool");
    assert!(!browser.text("main").contains("team/web"), "what is released does not wait");
    browser.goto(&page("team/tool", &house.held));
    browser.says("incomplete");

    // Who pushed it cannot approve of it; somebody else can, with a reason.
    browser.press("Approve");
    browser.fill("form[action='/console/image/approve'] [name=reason]", "we know this tool and its layer");
    browser.click("form[action='/console/image/approve'] button");
    browser.says("it was you who pushed it");

    let other = house.browser("ben").unwrap();
    other.goto(&page("team/tool", &house.held));
    other.press("Approve");
    other.fill("form[action='/console/image/approve'] [name=reason]", "short");
    other.click("form[action='/console/image/approve'] button");
    assert!(!other.text("body").contains("Done."), "a reason is a sentence");
    other.goto(&page("team/tool", &house.held));
    other.press("Approve");
    other.fill("form[action='/console/image/approve'] [name=reason]", "we know this tool and its layer");
    other.click("form[action='/console/image/approve'] button");
    other.says("Done.");
    let path = format!("/api/v1/image?repository=team/tool&digest={}", house.held.digest());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while house.admin("GET", &path, None).1["state"] != "released" {
        assert!(std::time::Instant::now() < until, "the approval released nothing");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    other.goto(&page("team/tool", &house.held));
    other.says("we know this tool and its layer");

    // What is released can be taken back, at once.
    other.press("Revoke");
    other
        .fill("form[action='/console/image/revoke'] [name=reason]", "the tool was found to be bad after all");
    other.click("form[action='/console/image/revoke'] button");
    other.says("Done.");
    assert_eq!(house.admin("GET", &path, None).1["state"], "revoked");
    // And refused, so that nobody asks again.
    other.press("Deny");
    other.fill("form[action='/console/image/deny'] [name=reason]", "nobody is to use this tool any more");
    other.click("form[action='/console/image/deny'] button");
    other.says("Done.");
    assert_eq!(house.admin("GET", &path, None).1["state"], "denied");
    other.goto("/console/journal");
    other.says("nobody is to use this tool any more");
    other.says("the tool was found to be bad after all");
    other.says("user:ben");

    for browser in [&browser, &other] {
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
    browser.press("Log out");
    browser.goto("/console");
    assert!(browser.here().starts_with("/console/login"), "{}", browser.here());
}

#[test]
fn who_may_not_sees_less() {
    let Some(house) = House::open() else { return };
    let Some(browser) = house.browser("dev") else { return };
    browser.goto("/console?state=all");
    browser.says("team/web");
    assert!(!browser.text("body").contains("other/app"), "of another team");
    for hidden in ["/console/journal", "/console/coverage", "/console/upstreams", "/console/health"] {
        assert!(browser.all(&format!("nav a[href='{hidden}']")).is_empty(), "{hidden}");
        browser.goto(hidden);
        assert!(!browser.text("body").contains("ann"), "{hidden}");
    }
    browser.goto(&page("other/app", &house.clean));
    assert!(!browser.text("body").contains("released"), "of another team");
    browser.goto(&page("team/miner", &house.miner));
    browser.says("malicious");
    for form in ["approve", "deny", "revoke", "rescan"] {
        assert!(browser.all(&format!("form[action='/console/image/{form}']")).is_empty(), "{form}");
    }
    // Not by hand either.
    let sent = browser.script_later(
        "const done = arguments[arguments.length - 1];
         const csrf = document.querySelector('input[name=csrf]').value;
         const query = new URLSearchParams(location.search);
         const body = new URLSearchParams({ csrf, repository: query.get('repository'), digest: query.get('digest'), reason: 'because I want to have it' });
         fetch('/console/image/approve', { method: 'POST', body }).then(answer => done(answer.status), error => done(String(error)));",
    );
    assert!([json!(403), json!(404)].contains(&sent), "{sent}");

    // They may ask, and change what is theirs.
    browser.goto(&page("team/tool", &house.held));
    browser.press("Ask for an exception");
    browser.fill("form[action='/console/exceptions/ask'] [name=reason]", "the broken layer is known to us");
    let soon = "const day = new Date(Date.now() + 90 * 86400000).toISOString().slice(0, 10);
         document.querySelector('[name=expires]').value = day; return null;";
    browser.script(soon, &json!([]));
    browser.press("Ask");
    browser.says("It holds when an administrator approves.");
    browser.says("waiting for a second person");
    browser.goto("/console/accounts");
    browser.press("Change it");
    browser.fill("input[name=current]", PASSWORD);
    browser.fill("input[name=password]", "another horse battery");
    browser.press("Change");
    assert!(browser.here().starts_with("/console/login"), "{}", browser.here());
    browser.fill("input[name=name]", "dev");
    browser.fill("input[name=password]", "another horse battery");
    browser.press("Log in");
    browser.says("team/web");
}

#[test]
fn everything_is_found_and_reached_by_keyboard() {
    let Some(house) = House::open() else { return };
    let Some(browser) = house.browser("ann") else { return };

    // By digest, by rule, by repository.
    for (words, expect) in
        [(house.miner.digest(), "team/miner"), ("S-MIN-RXCONST", "team/miner"), ("team/we", "team/web")]
    {
        browser.goto("/console/search");
        browser.fill("main input[name=q]", words);
        browser.keys(&[ENTER]);
        browser.says(expect);
        assert!(browser.here().starts_with("/console/search?q="), "{}", browser.here());
    }

    // The first thing that the keyboard comes to leads past the navigation.
    browser.goto("/console?state=denied");
    browser.keys(&[TAB]);
    let focused = || browser.script("return document.activeElement.textContent.trim();", &json!([]));
    assert_eq!(focused(), "Skip to the content");
    browser.keys(&[ENTER]);
    let link = format!("a[href*='{}']", house.miner.digest());
    browser.find(&link);
    // From there the image is reached by nothing but Tab, and its focus can be seen.
    let reached = (0..40).any(|_| {
        browser.keys(&[TAB]);
        browser.script("return document.activeElement.matches(arguments[0]);", &json!([link])) == json!(true)
    });
    assert!(reached, "the keyboard does not come to the image");
    let outline = browser.script(
        "const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' || style.boxShadow !== 'none';",
        &json!([]),
    );
    assert_eq!(outline, json!(true), "the focus is not shown");
    browser.keys(&[ENTER]);
    browser.says("malicious");
    assert!(browser.here().contains(house.miner.digest()), "{}", browser.here());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn every_page_is_for_everybody_and_runs_nothing_of_an_image() {
    let Some(house) = House::open() else { return };
    let axe = accessible::axe();
    let Some(mut browser) = Browser::open(&house.served.address) else { return };
    browser.goto("/console/login");
    if let Some(axe) = &axe {
        accessible::judge(&mut browser, axe, "login");
    }
    drop(browser);
    let Some(mut browser) = house.browser("ann") else { return };
    let images = [
        ("image-clean", page("team/web", &house.clean)),
        ("image-denied", page("team/miner", &house.miner)),
        ("image-held", page("team/tool", &house.held)),
        (
            "comparison",
            format!(
                "/console/compare?old=team/web@{}&new=team/miner@{}",
                house.clean.digest(),
                house.miner.digest()
            ),
        ),
    ];
    let pages = PAGES.iter().map(|(name, path)| (*name, (*path).to_owned())).chain(images);
    for (name, path) in pages {
        browser.goto(&path);
        browser.find("main h1");
        if let Some(axe) = &axe {
            accessible::judge(&mut browser, axe, name);
        }
        let ran = browser.script("return window.ran === undefined ? null : window.ran;", &json!([]));
        assert_eq!(ran, json!(null), "{name} ran what an image says");
        let strange = browser.script(
            "return [...document.querySelectorAll('script:not([src]), iframe, object, embed, base, [style], img[src=x]')].map(one => one.outerHTML.slice(0, 200));",
            &json!([]),
        );
        assert_eq!(strange, json!([]), "{name}");
        // The page of what is not there is answered with 404, which the browser notes and which is right.
        let complaints: Vec<String> = browser
            .complaints()
            .into_iter()
            .filter(|line| !(name == "missing" && line.contains("404")))
            .collect();
        assert_eq!(complaints, Vec::<String>::new(), "{name}");
    }
    let text = {
        browser.goto(&page("team/miner", &house.miner));
        browser.text("main")
    };
    let Some(mut dev) = house.browser("dev") else { return };
    let own = [
        ("own-accounts", "/console/accounts".to_owned()),
        ("own-exceptions", "/console/exceptions".to_owned()),
    ];
    for (name, path) in own.into_iter().chain([("own-image", page("team/tool", &house.held))]) {
        dev.goto(&path);
        dev.find("main h1");
        if let Some(axe) = &axe {
            accessible::judge(&mut dev, axe, name);
        }
    }
    assert!(text.contains("onerror"), "what the image says is shown as text:\n{text}");
    assert!(!text.chars().any(|character| ['\u{202e}', '\u{2066}', '\u{1b}', '\u{7}'].contains(&character)));
}
