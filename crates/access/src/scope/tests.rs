use super::*;
use proptest::prelude::*;

/// What a scope is read as: the repository with its actions, or the word for the rest.
fn check(text: &str, expect: Option<&str>) {
    let shown = parse_scopes([text]).ok().map(|scopes| {
        let shown = scopes.iter().map(|scope| match scope {
            Scope::Repository { name, actions } => {
                let actions: Vec<_> = actions.iter().map(|action| action.name()).collect();
                format!("{name}={}", actions.join(","))
            }
            other => format!("{other:?}").to_lowercase(),
        });
        shown.collect::<Vec<_>>().join(" ")
    });
    assert_eq!(shown.as_deref(), expect, "{text}");
}

#[test]
fn scopes_are_read_as_docker_writes_them() {
    check("repository:ns/app:pull,push", Some("ns/app=pull,push"));
    check("repository:app:pull", Some("app=pull"));
    check("repository:app:push,pull,pull", Some("app=pull,push"));
    check("repository:app:*", Some("app=pull,push,overwrite,delete,quarantine-read"));
    check("repository:app:pull,fly", Some("app=pull"));
    check("repository:app:", Some("app="));
    check("repository(plugin):app:pull", Some("app=pull"));
    check("repository:a:pull repository:b:push", Some("a=pull b=push"));
    check("repository:a:pull repository:a:pull ", Some("a=pull"));
    check("registry:catalog:*", Some("catalog"));
    check("registry:admin:*", Some("admin"));
    check("registry:catalog:pull", Some("unknown"));
    check("registry:other:*", Some("unknown"));
    check("repository:host.example:5000/a:pull", Some("unknown"));
    check("repository:A/B:pull", Some("unknown"));
    check("repository:../a:pull", Some("unknown"));
    check("queue:a:pull", Some("unknown"));
    check("", Some(""));
    for text in [
        "repository",
        "repository:a",
        ":a:pull",
        "repository::pull",
        "repository(:a:pull",
        "repository():a:pull",
        "repository):a:pull",
        "a b:c:d",
        "repository:ä:pull",
        "repository:a\0:pull",
        "(x):a:pull",
    ] {
        check(text, None);
    }
    check(&format!("repository:{}:pull", "a".repeat(600)), None);
    assert_eq!(
        parse_scopes(
            (0..33).map(|at| format!("repository:a{at}:pull")).collect::<Vec<_>>().iter().map(String::as_str)
        ),
        Err(ScopeError::Many)
    );
}

fn principal(rights: &str) -> Principal {
    Principal::new("user:alice".parse().unwrap(), serde_json::from_str(rights).unwrap())
}

fn check_grant(rights: &str, scopes: &str, expect: &str) {
    let granted = grant(&principal(rights), &parse_scopes([scopes]).unwrap());
    let shown: Vec<_> = granted
        .iter()
        .map(|access| format!("{}:{}:{}", access.kind, access.name, access.actions.join(",")))
        .collect();
    assert_eq!(shown.join(" "), expect, "{rights} {scopes}");
}

#[test]
fn a_token_gets_what_was_asked_for_and_granted() {
    let some = r#"{"grants":[{"repositories":"team/*","actions":["pull","push"]},
        {"repositories":"hub/**","actions":["pull"],"upstreams":["docker.io","ghcr"]}]}"#;
    check_grant(some, "repository:team/app:pull", "repository:team/app:pull");
    check_grant(some, "repository:team/app:pull,push,delete", "repository:team/app:pull,push");
    check_grant(some, "repository:team/app:*", "repository:team/app:pull,push");
    check_grant(some, "repository:other/app:pull", "");
    check_grant(
        some,
        "repository:hub/x:pull,push",
        "repository:hub/x:pull,use-upstream:docker.io,use-upstream:ghcr",
    );
    check_grant(some, "repository:hub/x:push", "");
    check_grant(some, "registry:catalog:* registry:admin:*", "");
    check_grant(some, "repository:team/a:pull repository:team/a:push", "repository:team/a:pull,push");
    check_grant(r#"{"catalog":true}"#, "registry:catalog:* registry:admin:*", "registry:catalog:*");
    let editor = r#"{"grants":[{"repositories":"a","actions":["pull","push","overwrite","delete","quarantine-read"]}]}"#;
    check_grant(editor, "repository:a:pull", "repository:a:pull,quarantine-read");
    check_grant(editor, "repository:a:push", "repository:a:push,overwrite,quarantine-read");
    check_grant(editor, "repository:a:delete", "repository:a:delete");
    let admin = r#"{"admin":true}"#;
    check_grant(admin, "repository:a:pull", "repository:a:pull,quarantine-read,use-upstream:*");
    check_grant(admin, "registry:catalog:* registry:admin:*", "registry:catalog:* registry:admin:*");
    check_grant(admin, "", "");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,100}", near in "(repository|registry)(\\([a-z]*\\))?:[a-c/:]{0,9}:[a-z,*]{0,12}") {
        let _ = parse_scopes([text.as_str()]);
        let _ = parse_scopes([near.as_str()]);
    }

    /// Nothing that was not asked for, but what comes with pulling and pushing; nothing that was not granted.
    #[test]
    fn never_more_than_both(
        asked in prop::sample::subsequence(Action::ALL.to_vec(), 0..5),
        granted in prop::sample::subsequence(Action::ALL.to_vec(), 0..5),
        same in any::<bool>(),
    ) {
        let rights = Rights {
            grants: vec![crate::Grant { repositories: "a/*".parse().unwrap(), actions: granted.clone(), upstreams: Vec::new() }],
            ..Rights::default()
        };
        let principal = Principal::new("user:a".parse().unwrap(), rights);
        let name = if same { "a/b" } else { "a/b/c" };
        let scopes = [Scope::Repository { name: name.parse().unwrap(), actions: asked.clone() }];
        for access in grant(&principal, &scopes) {
            prop_assert!(same);
            for action in access.actions {
                let action: Action = action.parse().unwrap();
                prop_assert!(granted.contains(&action));
                let comes_with = match action {
                    Action::Overwrite => asked.contains(&Action::Push),
                    Action::QuarantineRead => asked.contains(&Action::Pull) || asked.contains(&Action::Push),
                    _ => false,
                };
                prop_assert!(asked.contains(&action) || comes_with);
            }
        }
    }
}
