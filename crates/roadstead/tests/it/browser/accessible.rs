//! Pages for everybody: judged by axe-core, the engine that most tools for accessibility stand on.

use super::driver::Browser;
use std::path::PathBuf;

/// Where axe-core lies, as one script; none where it is not there.
///
/// # Panics
/// Where `CI` is set and it is missing: pages that nobody judged prove nothing.
pub(crate) fn axe() -> Option<String> {
    let named = std::env::var_os("ROADSTEAD_TEST_AXE").map(PathBuf::from);
    let found = named.and_then(|path| std::fs::read_to_string(path).ok());
    if found.is_none() {
        let excused = std::env::var_os("NO_AXE").is_some() || std::env::var_os("CI").is_none();
        assert!(excused, "ROADSTEAD_TEST_AXE names no axe.min.js, and CI judges pages by it");
        eprintln!(
            "SKIPPED: pages are NOT judged by axe-core, whose axe.min.js ROADSTEAD_TEST_AXE has to name"
        );
    }
    found
}

/// Judges the page that is shown, by all rules of WCAG 2.2 up to AA and by axe's best practices; in both schemes, and on a
/// telephone.
pub(crate) fn judge(browser: &mut Browser, axe: &str, name: &str) {
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)] {
        browser.prefers(scheme);
        browser.size(width, 900);
        browser.script(axe, &serde_json::json!([]));
        let found = browser.script_later(
            "const done = arguments[arguments.length - 1];
             axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(
               found => done(found.violations.map(one => [one.id, one.help, one.nodes.slice(0, 5).map(node => node.html.slice(0, 300))])),
               error => done([['axe failed', String(error), []]]));",
        );
        assert_eq!(found, serde_json::json!([]), "{name}, {scheme}, {width} wide: {found:#}");
        browser.picture(&format!("{name}-{scheme}-{width}"));
    }
    // The page itself must not be wider than the screen: only tables scroll, in a region of their own.
    let too_wide = browser.script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth;",
        &serde_json::json!([]),
    );
    assert_eq!(too_wide, 0, "{name} is wider than a telephone");
    browser.prefers("light");
    browser.size(1280, 900);
}
