use super::*;
use proptest::prelude::*;

fn check(text: &str, valid: bool) {
    match text.parse::<Identity>() {
        Ok(identity) => assert!(valid && identity.to_string() == text, "{text}"),
        Err(error) => assert!(!valid, "{error}"),
    }
}

#[test]
fn an_identity_is_written_in_one_way() {
    for text in [
        "anonymous",
        "gate",
        "user:alice",
        "robot:ci-1",
        "oidc:8f3@https://id.example/r",
        "oidc:a@b@https://id.example",
    ] {
        check(text, true);
    }
    for text in [
        "",
        "root",
        "alice",
        "user:",
        "user:Alice",
        "user:a b",
        "user:user:a",
        "robot:-x",
        "admin:a",
        "oidc:",
        "oidc:a",
        "oidc:@https://x",
        "oidc:a@",
        "oidc:a\u{202e}@https://x",
        "anonymous:",
        "gate:x",
    ] {
        check(text, false);
    }
    check(&format!("user:{}", "a".repeat(65)), false);
    check(&format!("oidc:{}@https://x", "a".repeat(256)), false);
}

#[test]
fn a_login_is_a_user_or_a_robot_and_nothing_else() {
    let login = |name: &str| Identity::of_login(name).ok().map(|identity| identity.to_string());
    assert_eq!(login("alice").as_deref(), Some("user:alice"));
    assert_eq!(login("robot+ci").as_deref(), Some("robot:ci"));
    for name in ["", "robot+", "robot+robot+ci", "gate:", "oidc:a@b", "user:alice", "alice\0", "ALICE"] {
        assert_eq!(login(name), None, "{name}");
    }
    // No login ends as the gate or as nobody, whatever name it takes.
    assert_eq!(login("gate").as_deref(), Some("user:gate"));
    assert_eq!(login("anonymous").as_deref(), Some("user:anonymous"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}", near in "(user|robot|oidc):[a-z@:.]{0,12}") {
        for text in [text, near] {
            if let Ok(identity) = text.parse::<Identity>() {
                prop_assert_eq!(identity.to_string(), text.clone());
            }
            let _ = Identity::of_login(&text);
        }
    }
}
