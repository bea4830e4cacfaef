use super::*;
use crate::{Grant, Identity, Rights};
use proptest::prelude::*;

fn rights(grants: &[(&str, &[Action], &[&str])]) -> Rights {
    let grant = |(pattern, actions, upstreams): &(&str, &[Action], &[&str])| Grant {
        repositories: pattern.parse().unwrap(),
        actions: actions.to_vec(),
        upstreams: upstreams.iter().map(|name| name.parse().unwrap()).collect(),
    };
    Rights { grants: grants.iter().map(grant).collect(), ..Rights::default() }
}

fn alice(grants: &[(&str, &[Action], &[&str])]) -> Principal {
    Principal::new("user:alice".parse().unwrap(), rights(grants))
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

/// What is permitted in a hosted repository, as names of actions.
fn check(principal: &Principal, repository: &str, expect: &str) {
    let repository = name(repository);
    let allowed: Vec<_> =
        Action::ALL.into_iter().filter(|action| authorize(principal, &repository, *action).is_ok()).collect();
    let names: Vec<_> = allowed.iter().map(|action| action.name()).collect();
    assert_eq!(names.join(" "), expect, "{principal} in {repository}");
    for action in allowed {
        let permit = authorize(principal, &repository, action).unwrap();
        assert_eq!((permit.repository(), permit.action(), permit.upstream()), (&repository, action, None));
        assert_eq!((permit.holder(), permit.principal()), (principal, principal.as_str()));
    }
}

#[test]
fn what_no_grant_gives_is_refused() {
    let nobody = alice(&[]);
    check(&nobody, "team/app", "");
    let alice = alice(&[
        ("team/*", &[Action::Pull, Action::Push], &[]),
        ("team/app", &[Action::Delete], &[]),
        ("docker.io/**", &[Action::Pull], &["docker.io"]),
    ]);
    check(&alice, "team/app", "pull push delete");
    check(&alice, "team/other", "pull push");
    check(&alice, "team/app/deep", "");
    check(&alice, "team", "");
    check(&alice, "teams/app", "");
    check(&alice, "docker.io/library/nginx", "pull");
    check(&alice, "docker.io.evil.example/x", "");
    check(&alice, "docker.io", "");
}

#[test]
fn to_push_is_not_to_overwrite() {
    let pusher = alice(&[("**", &[Action::Push], &[])]);
    check(&pusher, "a", "push");
    let editor = alice(&[("**", &[Action::Overwrite], &[])]);
    check(&editor, "a", "overwrite");
}

#[test]
fn an_administrator_may_do_everything_and_the_gate_reads_nothing() {
    let admin = Principal::new("user:root".parse().unwrap(), Rights { admin: true, ..Rights::default() });
    check(&admin, "a/b", "pull push overwrite delete quarantine-read");
    assert!(admin.is_admin() && admin.may_list());
    check(&Principal::gate(), "a/b", "push overwrite");
    assert!(!Principal::gate().is_admin() && !Principal::gate().may_list());
}

#[test]
fn everybody_pulls_at_most_and_nothing_unless_it_is_opened() {
    check(&Principal::anonymous(Vec::new()), "a", "");
    let open = rights(&[("public/**", &Action::ALL, &["*"])]);
    check(&Principal::anonymous(open.grants.clone()), "public/a", "pull");
    check(&Principal::anonymous(open.grants.clone()), "private/a", "");
    let disguised = Rights { admin: true, catalog: true, ..open };
    let anonymous = Principal::new(Identity::Anonymous, disguised);
    check(&anonymous, "public/a", "pull");
    assert!(!anonymous.is_admin() && !anonymous.may_list());
}

#[test]
fn a_refusal_tells_strangers_to_log_in_and_others_what_is_missing() {
    let refused = |principal: &Principal| authorize(principal, &name("a"), Action::Pull).unwrap_err();
    assert!(matches!(refused(&Principal::anonymous(Vec::new())), Refusal::Authenticate { .. }));
    let forbidden = refused(&alice(&[]));
    assert_eq!(
        forbidden.to_string(),
        "user:alice has no right to pull in a; ask an administrator for a grant"
    );
}

/// Whether pulling, or another action, through an upstream is permitted.
fn check_through(principal: &Principal, upstream: &str, action: Action, expect: Result<(), &str>) {
    let upstream: Upstream = upstream.parse().unwrap();
    let result = authorize_through(principal, &name("docker.io/library/nginx"), &upstream, action);
    match (&result, expect) {
        (Ok(permit), Ok(())) => assert_eq!(permit.upstream(), Some(&upstream)),
        (Err(refusal), Err(text)) => assert!(refusal.to_string().contains(text), "{refusal}"),
        _ => panic!("{principal} through {upstream}: {result:?}"),
    }
}

#[test]
fn an_upstream_is_a_right_of_its_own() {
    let pull = [Action::Pull];
    let all = alice(&[("docker.io/**", &Action::ALL, &["*"])]);
    check_through(&all, "docker.io", Action::Pull, Ok(()));
    check_through(&all, "docker.io", Action::Delete, Ok(()));
    check_through(&all, "docker.io", Action::Push, Err("takes no pushes"));
    check_through(&all, "docker.io", Action::Overwrite, Err("takes no pushes"));
    let one = alice(&[("docker.io/**", &pull, &["docker.io"])]);
    check_through(&one, "docker.io", Action::Pull, Ok(()));
    check_through(&one, "ghcr.io", Action::Pull, Err("the upstream ghcr.io"));
    check_through(&one, "docker.io.evil", Action::Pull, Err("the upstream docker.io.evil"));
    check_through(&alice(&[("**", &pull, &[])]), "docker.io", Action::Pull, Err("use the upstream"));
    // The right to an upstream counts where its grant does.
    let elsewhere = alice(&[("**", &pull, &[]), ("team/**", &pull, &["*"])]);
    check_through(&elsewhere, "docker.io", Action::Pull, Err("use the upstream"));
    let apart = alice(&[("**", &pull, &[]), ("docker.io/**", &[], &["docker.io"])]);
    check_through(&apart, "docker.io", Action::Pull, Ok(()));
    check_through(&alice(&[("**", &[], &["*"])]), "docker.io", Action::Pull, Err("no right to pull"));
    check_through(&Principal::gate(), "docker.io", Action::Push, Ok(()));
    check_through(&Principal::gate(), "docker.io", Action::Pull, Err("no right"));
    let open = rights(&[("**", &pull, &[])]).grants;
    check_through(&Principal::anonymous(open), "docker.io", Action::Pull, Err("log in"));
    let open = rights(&[("**", &pull, &["docker.io"])]).grants;
    check_through(&Principal::anonymous(open), "docker.io", Action::Pull, Ok(()));
}

#[test]
fn actions_are_written_as_grants_write_them() {
    for action in Action::ALL {
        assert_eq!(action.name().parse(), Ok(action));
        assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{action}\""));
    }
    for text in ["", "*", "PULL", "pull ", "quarantineread"] {
        assert!(text.parse::<Action>().is_err(), "{text}");
    }
}

fn names() -> impl Strategy<Value = String> {
    "[a-c]{1,2}(/[a-c]{1,2}){0,3}"
}

fn patterns() -> impl Strategy<Value = String> {
    "([a-c]{1,2}|\\*)(/([a-c]{1,2}|\\*)){0,2}(/\\*\\*)?"
}

/// The meaning of a pattern, said in another way.
fn named(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["**"], [_, ..]) => true,
        (["*", rest @ ..], [_, names @ ..]) => named(rest, names),
        ([part, rest @ ..], [component, names @ ..]) => part == component && named(rest, names),
        _ => false,
    }
}

proptest! {
    /// No permit without a grant that names the repository and the action.
    #[test]
    fn no_grant_no_permit(
        grants in prop::collection::vec((patterns(), prop::sample::subsequence(Action::ALL.to_vec(), 0..5)), 0..4),
        repository in names(),
        at in 0..5_usize,
    ) {
        let action = Action::ALL[at];
        let grant = |(pattern, actions): &(String, Vec<Action>)| Grant {
            repositories: pattern.parse().unwrap(),
            actions: actions.clone(),
            upstreams: Vec::new(),
        };
        let rights = Rights { grants: grants.iter().map(grant).collect(), ..Rights::default() };
        let principal = Principal::new("robot:ci".parse().unwrap(), rights);
        let components: Vec<_> = repository.split('/').collect();
        let expect = grants.iter().any(|(pattern, actions)| {
            actions.contains(&action) && named(&pattern.split('/').collect::<Vec<_>>(), &components)
        });
        prop_assert_eq!(authorize(&principal, &name(&repository), action).is_ok(), expect);
        let through = authorize_through(&principal, &name(&repository), &"hub".parse().unwrap(), action);
        prop_assert!(through.is_err());
    }
}
