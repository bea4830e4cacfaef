use super::*;
use proptest::prelude::*;

fn check(pattern: &str, valid: bool) {
    match pattern.parse::<Pattern>() {
        Ok(parsed) => assert!(valid && parsed.to_string() == pattern, "{pattern}"),
        Err(error) => assert!(!valid, "{error}"),
    }
}

#[test]
fn patterns_have_whole_components() {
    for pattern in ["a", "a/b", "*", "**", "a/*", "a/*/b", "a/**", "*/*/**", "docker.io/library/nginx"] {
        check(pattern, true);
    }
    for pattern in
        ["", "/", "a/", "/a", "***", "a*", "*a/b", "a/**/b", "**/a", "A", "a b", "..", "a/../b", "a:b", "é"]
    {
        check(pattern, false);
    }
    check(&"a".repeat(256), false);
}

#[test]
fn unknown_fields_are_refused() {
    let read = |text: &str| serde_json::from_str::<Rights>(text);
    let grant = r#"{"repositories":"a/*","actions":["pull"],"upstreams":["*","docker.io"]}"#;
    let rights = read(&format!(r#"{{"grants":[{grant}]}}"#)).unwrap();
    assert_eq!(rights.grants[0].upstreams.len(), 2);
    assert_eq!(read("{}").unwrap(), Rights::default());
    for text in [
        r#"{"admn":true}"#,
        r#"{"grants":[{"repositories":"a","actions":["pull"],"except":["a"]}]}"#,
        r#"{"grants":[{"repositories":"a","actions":["write"]}]}"#,
        r#"{"grants":[{"repositories":"a*","actions":["pull"]}]}"#,
        r#"{"grants":[{"repositories":"a","actions":["pull"],"upstreams":["A"]}]}"#,
        r#"{"grants":[{"actions":["pull"]}]}"#,
        r#"{"grants":[{"repositories":"a"}]}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn upstreams_have_plain_names() {
    for name in ["docker.io", "ghcr", "a-b_c", "0"] {
        assert!(name.parse::<Upstream>().is_ok(), "{name}");
    }
    for name in ["", "*", ".a", "-a", "A", "a:b", "a/b", "a b", "é"] {
        assert!(name.parse::<Upstream>().is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}", near in "[a-b*/.]{0,12}") {
        for text in [text, near] {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string(), text.clone());
            }
            let _ = text.parse::<Upstreams>();
        }
    }

    #[test]
    fn the_pattern_of_a_name_names_it_alone(one in "[a-b]{1,2}(/[a-b]){0,2}", other in "[a-b]{1,2}(/[a-b]){0,2}") {
        let (one, other): (RepositoryName, RepositoryName) = (one.parse().unwrap(), other.parse().unwrap());
        prop_assert!(Pattern::exact(&one).names(&one) && Pattern::everything().names(&one));
        prop_assert_eq!(Pattern::exact(&one).names(&other), one == other);
    }
}
