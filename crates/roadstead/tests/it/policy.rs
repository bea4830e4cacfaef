//! Policies, looked at before a gate takes them into use.

use crate::room::Room;

/// Runs `policy ARGS` and compares the exit code, and one part of what it says.
fn check(room: &Room, args: &[&str], code: i32, expect: &str) {
    let ran = room.run(&[&["policy"], args].concat());
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    assert!(format!("{}{}", ran.out, ran.err).contains(expect), "{args:?}: {ran:?}");
}

#[test]
fn a_policy_is_checked_before_it_is_used() {
    let room = Room::new();
    check(&room, &["test"], 0, " 0 failed");
    let shown = room.run(&["policy", "show"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    room.write("own.toml", &shown.out);
    check(&room, &["lint", "own.toml"], 0, "nothing to remark");
    check(&room, &["test", "own.toml"], 0, " 0 failed");

    room.write("open.toml", shown.out.replacen("effect = \"hold\"", "effect = \"allow\"", 1));
    check(&room, &["lint", "open.toml"], 1, "lets in an image that is suspicious");
    room.write("failing.toml", shown.out.replacen("expect = \"deny\"", "expect = \"allow\"", 1));
    check(&room, &["test", "failing.toml"], 1, "malicious images are denied: expected allow");
    check(&room, &["lint", "failing.toml"], 1, "error: the test");
    room.write("misspelt.toml", shown.out.replacen("verdict ==", "verdcit ==", 1));
    check(&room, &["lint", "misspelt.toml"], 1, "verdcit");
    check(&room, &["test", "misspelt.toml"], 2, "verdcit");
    check(&room, &["lint", "gone.toml"], 2, "cannot read the policy gone.toml");
}
