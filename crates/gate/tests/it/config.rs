//! The configuration: what is written about it.

/// The page is written from the table that flags and variables are read by.
#[test]
fn the_reference_is_the_table() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(written == gate::config::reference_page(), "{page} is not current: run cargo xtask reference");
}

/// A configuration that is shown, with secrets redacted, is one that can be read again.
#[test]
fn what_is_shown_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[upstreams.\"docker.io\"]\nallow = [\"library/*\"]\nminimum-age = \"3d\"\n\
                [[webhooks]]\nname = \"chat\"\nurl = \"https://hooks.example/x\"\nsecret = \"shared\"\n";
    let config = crate::running::config(folder.path(), text).unwrap();
    let shown = config.shown();
    assert!(shown.contains("\"3d\"") && !shown.contains("shared"), "{shown}");
    let again = crate::running::config(folder.path(), &shown).unwrap();
    assert_eq!(again.shown(), shown);
}
