use super::*;
use crate::{Context, Fact, Policy};
use model::{Gap, Role, Severity, Verdict};
use proptest::prelude::*;

fn image() -> Context {
    let fact = |id: &str, severity, role, path: &str| Fact {
        id: id.to_owned(),
        title: String::new(),
        severity,
        role,
        path: path.to_owned(),
        layer: Some(3),
        content: None,
        reachable: Some(true),
        dynamic: false,
        axis: None,
        excepted: false,
    };
    let mut image = Context::new("team/app".parse().unwrap(), Verdict::Suspicious);
    image.tags = vec!["latest".to_owned(), "1.2".to_owned()];
    image.findings = vec![
        fact("S-MIN-HASH", Severity::Critical, Role::Convicts, "/usr/bin/x"),
        fact("S-PER-CRON", Severity::Low, Role::Context, ""),
    ];
    image.gaps = vec![Gap::new("layer 1", "cut short")];
    image.labels.insert("team".to_owned(), "red".to_owned());
    image
}

/// What a condition says of [`image`], or part of the reason why it is none or fails.
fn check(text: &str, expect: Result<bool, &str>) {
    let policy = Policy::built_in(0).unwrap();
    let image = image();
    let scope = scope(&Seen { context: &image, policy: &policy, lifted: &[] });
    let result = Expression::read(text).and_then(|expression| expression.holds(&scope));
    match (&result, expect) {
        (Ok(holds), Ok(expect)) if *holds == expect => {}
        (Err(why), Err(expect)) if why.contains(expect) => {}
        _ => panic!("{text}: {result:?}, not {expect:?}"),
    }
}

#[test]
fn conditions_are_understood() {
    check("true", Ok(true));
    check("verdict == 'suspicious'", Ok(true));
    check("verdict != \"suspicious\" || hosted", Ok(true));
    check("hosted && upstream == ''", Ok(true));
    check("size(findings) == 2 && findings.size() == 2", Ok(true));
    check("findings.exists(f, f.level >= 4 && f.reachable == 'yes')", Ok(true));
    check("findings.all(f, f.counts)", Ok(false));
    check("findings.exists_one(f, f.path.startsWith('/usr/'))", Ok(true));
    check("size(findings.filter(f, f.role == 'context')) == 1", Ok(true));
    check("'S-PER-CRON' in findings.map(f, f.id)", Ok(true));
    check("findings.map(f, f.level > 1, f.id).exists(id, id == 'S-PER-CRON')", Ok(false));
    check("'latest' in tags && !('x' in tags) && tags[0] == 'latest'", Ok(true));
    check("'team' in labels && labels['team'] == 'red' && labels.team == 'red'", Ok(true));
    check("has(labels.team) && !has(labels.other)", Ok(true));
    check("labels.exists(name, name == 'team')", Ok(true));
    check("gaps.exists(g, g.what.contains('layer'))", Ok(true));
    check("repository.matches('^team/[a-z]+$')", Ok(true));
    check("(1 + 2) * 3 - 4 / 2 % 3 > -1", Ok(true));
    check("hosted ? verdict == 'suspicious' : false", Ok(true));
    check("repository in ['team/app', 'team/other']", Ok(true));
    check("verdict in []", Ok(false));
    check("detonation_due || trusted_base || detonated || size(lifted) > 0", Ok(false));
    check("first_seen_hours < minimum_age_hours", Ok(false));
    check("// a comment\ntrue", Ok(true));
}

#[test]
fn what_is_unknown_or_means_nothing_is_an_error_when_it_is_read() {
    for name in ["vredict", "image", "findingz", "now", "request", "_", "true_", "f"] {
        check(&format!("{name} == 'x'"), Err("there is no variable"));
    }
    check(
        "findings.exists(f, f.sevrity == 'high')",
        Err("there is no field sevrity; there are id, severity"),
    );
    check("findings.exists(f, g.id == '')", Err("there is no variable g"));
    check("findings.exists(f, true) && f.id == ''", Err("there is no variable f"));
    check("verdict.name == ''", Err("has no fields"));
    check("has(verdict)", Err("invalid argument"));
    check("findings.exists(f, has(f.id))", Err("always there"));
    for call in [
        "now()",
        "env('HOME')",
        "http.get('x')",
        "verdict.lowerAscii() == ''",
        "timestamp('x') == ''",
        "int('1') == 1",
        "type(verdict) == ''",
        "dyn(verdict) == ''",
        "verdict.size2() == 1",
        "duration('1s') == ''",
    ] {
        check(call, Err("there is no"));
    }
    for kind in ["verdict", "size(findings)", "findings", "labels", "findings[0]", "'x'", "1", "[]", "[true]"]
    {
        check(kind, Err("a condition gives a boolean"));
    }
    for mixed in [
        "verdict == 1",
        "verdict == true",
        "hosted == 'yes'",
        "verdict > 'clean'",
        "verdict + 'x' == 'x'",
        "findings == findings",
        "findings[0] == findings[1]",
        "verdict && true",
        "!verdict",
        "-hosted",
        "1 in tags",
        "'x' in verdict",
        "tags['x'] == ''",
        "labels[0] == ''",
        "verdict.contains(1)",
        "size(1) == 1",
        "[] + [] == []",
        "tags + tags == tags",
        "findings.exists(f, f)",
        "findings.all(f, f.id)",
    ] {
        check(mixed, Err("cannot be used with"));
    }
    check("true ? 1 : 'x'", Err("differ in type"));
    check("'x' in ['x', 1]", Err("differ in type"));
    check("verdict.exists(v, true)", Err("no list to go through"));
    check("findings.exists(verdict, true)", Err("taken already"));
    check("findings.exists(f, tags.exists(f, true))", Err("taken already"));
    check("findings.exists(f.id, true)", Err("simple name"));
    for literal in ["1.5 > 1.0", "b'x' == b'x'", "null == null", "1u == 1u"] {
        check(literal, Err("literal"));
    }
    for map in ["{'a': 1}.size() == 1", "Thing{a: 1} == 1", "{}.size() == 0"] {
        check(map, Err("makes a map"));
    }
    for syntax in [
        "",
        " ",
        "verdict ==",
        "verdict = 'x'",
        "(",
        ")",
        "'",
        "verdict == 'x' extra",
        "a.?b",
        "tags[?0]",
        "[?verdict]",
        "x => y",
        "`a`",
    ] {
        check(syntax, Err(""));
    }
    check("verdict.matches(repository)", Err("has to be a literal"));
    check("verdict.matches('(')", Err("regex"));
    check(&format!("verdict.matches('{}')", "a".repeat(201)), Err("longer than 200"));
    check("matches(verdict, 'x')", Err("cannot be used with"));
}

#[test]
fn errors_on_the_way_are_errors() {
    check("labels['other'] == 'x'", Err("No such key"));
    check("tags[7] == 'x'", Err(""));
    check("tags[-1] == 'x'", Err(""));
    check("1 / size(pua) == 1", Err("Division by zero"));
    check("1 % size(pua) == 1", Err("zero"));
    check("9223372036854775807 + size(tags) > 0", Err("verflow"));
    check("-9223372036854775808 - size(tags) < 0", Err("verflow"));
    check("findings.all(f, labels[f.id] == 'x')", Err("No such key"));
    // What does not have to be known to know the answer is not asked for.
    check("'other' in labels && labels['other'] == 'x'", Ok(false));
    check("labels['other'] == 'x' && false", Ok(false));
}

#[test]
fn nothing_takes_long() {
    check("findings.exists(f, findings.exists(g, f.id == g.id))", Err("steps"));
    check("findings.all(f, gaps.all(g, true))", Err("steps"));
    check("findings.map(f, f.id).exists(a, findings.exists(g, g.id == a))", Err("steps"));
    check("findings.exists(f, f.path.matches('x'))", Err("steps"));
    check("findings.exists(f, f.id in pua)", Err("steps"));
    check("tags.exists(t, t.matches('x'))", Err("steps"));
    check("tags.exists(t, pua.exists(p, p == t))", Err("steps"));
    check("findings.exists(f, f.id in ['S-A-B', 'S-C-D'] && f.path.contains('/x'))", Ok(false));
    check(&"a".repeat(4097), Err("longer than 4096"));
}

#[test]
fn nothing_is_nested_too_deep() {
    let around = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    check(&around("(", "true", ")", 10), Ok(true));
    for text in [
        around("(", "true", ")", 1000),
        around("[", "true", "]", 1000),
        around("!", "true", "", 4000),
        around("! ", "true", "", 2000),
        around("-", "1", " > 0", 100),
        around("size([", "1", "]) == 1", 300),
        around("true ? true : ", "true", "", 280),
        "(".repeat(4096),
        "[".repeat(4096),
        "'x'.contains(".repeat(300),
    ] {
        assert!(Expression::read(&text).is_err(), "{text}");
    }
    for text in [
        around("1 + ", "1", "", 1000) + " > 0",
        around("verdict", "", ".a", 1500),
        around("", "tags", "[0]", 1000),
        around("1 - ", "1", "", 900) + " > 0",
        around("true == ", "true", "", 400),
        around("", "'x'", ".contains('x')", 250),
    ] {
        let _ = Expression::read(&text);
    }
    // Long, and flat.
    check(&around("true && ", "true", "", 500), Ok(true));
}

#[test]
fn the_largest_image_is_decided_in_seconds() {
    let mut image = image();
    image.findings = vec![image.findings[1].clone(); 20_000];
    let policy = Policy::built_in(0).unwrap();
    let start = std::time::Instant::now();
    let scope = scope(&Seen { context: &image, policy: &policy, lifted: &[] });
    let bound = start.elapsed();
    let text = "findings.all(f, f.id != 'x' && f.severity != 'critical' && !f.path.startsWith('/opt') && f.level < 4)";
    assert_eq!(Expression::read(text).unwrap().holds(&scope), Ok(true));
    println!("bound in {bound:?}, with one loop {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 20);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in ".{0,60}",
        near in "(verdict|findings|labels|tags|f|true|'x'|1|\\.exists\\(f, |\\.id|size\\(|\\)|\\(|\\[|\\]| && | == | in | \\? | : |!|-|\\+| ){0,14}",
    ) {
        let policy = Policy::built_in(0).unwrap();
        let image = image();
        let scope = scope(&Seen { context: &image, policy: &policy, lifted: &[] });
        for text in [text, near] {
            if let Ok(expression) = Expression::read(&text) {
                // What was understood gives a boolean, or an error of values.
                if let Err(why) = expression.holds(&scope) {
                    prop_assert!(!why.contains("overload") && !why.contains("boolean") && !why.contains("ndeclared"), "{}: {}", text, why);
                }
            }
        }
    }
}
