use super::*;
use crate::Source;

/// The rules that hold for a file, by name; or why it was given up.
fn hits(analyzer: &dyn FileAnalyzer, path: &str, mode: u32, bytes: &[u8]) -> Result<Vec<String>, String> {
    let entry =
        Entry { path: path.into(), kind: Kind::File, mode, size: bytes.len() as u64, ..Entry::default() };
    if analyzer.wants(&entry, &bytes[..bytes.len().min(4096)]) == Want::Nothing {
        return Ok(vec!["not wanted".to_owned()]);
    }
    let mut facts = FactSink::default();
    analyzer.analyze(
        &FileView { entry: &entry, bytes, whole: true, stages: &[], signs: inspect::Signs::of(bytes) },
        &mut facts,
    )?;
    let mut names = Vec::new();
    for fact in facts.into_facts() {
        let Fact::Rules(facts) = fact else { panic!("{fact:?}") };
        names.extend(facts.hits.iter().map(|hit| hit.rule.clone()));
        if facts.cut {
            names.push("cut".to_owned());
        }
    }
    Ok(names)
}

fn pack(text: &str) -> Pack {
    Pack::compile("test", vec![Source { name: "x.yar".to_owned(), bytes: text.into() }]).unwrap()
}

const WORM: &str = "#!/bin/sh\nmasscan 192.0.2.0/24 -p2375\ncurl http://$h:2375/containers/create\n";

#[test]
fn the_rules_of_the_product_read_programs_and_texts_whatever_they_are_called() {
    let check = |path: &str, mode, bytes: &[u8], expect: &str| {
        assert_eq!(hits(&BuiltIn, path, mode, bytes).unwrap().join(" "), expect, "{path}");
    };
    check("opt/run", 0o644, WORM.as_bytes(), "WormDockerApiScript");
    check("opt/run.txt", 0o755, &WORM.as_bytes()[10..], "WormDockerApiScript");
    check("opt/run.py", 0o644, &WORM.as_bytes()[10..], "WormDockerApiScript");
    check("usr/share/doc/run.txt", 0o644, &WORM.as_bytes()[10..], "WormDockerApiScript");
    check("opt/run", 0o755, &[WORM.as_bytes(), b"\0"].concat(), "not wanted");
    check("opt/run", 0o755, b"short", "not wanted");
    let program = [b"\x7fELF\x02\x01\x01", WORM.as_bytes()].concat();
    check("opt/x", 0o644, &program, "WormDockerApi");
    check("opt/x", 0o644, b"\x7fELF", "");
}

#[test]
fn hostile_bytes_cost_bounded_time() {
    let started = std::time::Instant::now();
    let line =
        [b"#!/bin/sh\n".as_slice(), &b"$_GET[a](/containers/create 2375 masscan \"/:/\" ".repeat(80_000)]
            .concat();
    let elf = [b"\x7fELF\x02\x01\x01".as_slice(), &[0xff; 3 << 20]].concat();
    let endless = [b"<?php ".as_slice(), &b"eval(gzinflate(".repeat(200_000)].concat();
    for (path, bytes) in [("run", line), ("prog", elf), ("page.php", endless)] {
        for cut in [bytes.len(), bytes.len() / 2, 4097, 64, 17] {
            hits(&BuiltIn, path, 0o755, &bytes[..cut.min(bytes.len())]).unwrap();
        }
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn a_pack_reads_every_file_and_its_facts_are_bounded() {
    let one = pack(
        "rule a { strings: $a = \"word\" condition: $a and filename == \"x.bin\" and extension == \".bin\" }",
    );
    assert_eq!(hits(&one, "data/x.bin", 0o644, b"\0\0word\0").unwrap(), ["a"]);
    assert_eq!(hits(&one, "data/y.bin", 0o644, b"\0\0word\0").unwrap(), [""; 0]);
    assert_eq!(hits(&one, "data/x.bin", 0o644, b"").unwrap(), ["not wanted"]);
    let many: String =
        (0..200).map(|at| format!("rule r{at} {{ strings: $a = \"word\" condition: #a > 2 }}\n")).collect();
    let found = hits(&pack(&many), "x", 0o644, &b"word".repeat(100_000)).unwrap();
    assert_eq!((found.len(), found.last().map(String::as_str)), (65, Some("cut")));
    let mut facts = FactSink::default();
    let entry = Entry { kind: Kind::File, ..Entry::default() };
    let bytes = b"wordwordwordwordwordword".repeat(100);
    let view = FileView {
        entry: &entry,
        bytes: &bytes,
        whole: true,
        stages: &[],
        signs: inspect::Signs::of(&bytes),
    };
    pack("rule a { strings: $a = /(word)+/ $b = \"wo\" condition: all of them }")
        .analyze(&view, &mut facts)
        .unwrap();
    let Some(Fact::Rules(facts)) = facts.into_facts().pop() else { panic!("no facts") };
    let matches = &facts.hits[0].matches;
    assert_eq!((matches.len(), facts.hits[0].pack.as_str()), (4, "test/x.yar"));
    assert_eq!((matches[0].pattern.as_str(), matches[1].pattern.as_str()), ("$a", "$b"));
    assert!(matches.iter().all(|found| found.excerpt.len() <= 48));
}

#[test]
fn what_facts_depend_on_is_in_the_identity() {
    let none = RuleSet::default();
    let one = RuleSet::with(vec![pack("rule a { condition: true }")]);
    let other = RuleSet::with(vec![pack("rule a { condition: false }")]);
    assert!(none.identity().contains("sha256:"));
    assert_ne!(none.identity(), one.identity());
    assert_ne!(one.identity(), other.identity());
    assert_eq!((none.file_analyzers().len(), one.file_analyzers().len()), (1, 2));
}

#[test]
fn every_detection_is_declared_once_and_in_sentences() {
    let all = crate::detections();
    for detection in &all {
        assert_eq!(all.iter().filter(|other| other.id == detection.id).count(), 1, "{}", detection.id);
        assert!(detection.why.ends_with('.') && detection.advice.ends_with('.'), "{}", detection.id);
        assert!(!detection.techniques.is_empty() || detection.id.ends_with("-YARA-RULE"), "{}", detection.id);
        // The rules of the product never convict by what lies there alone.
        assert_ne!(detection.role, model::Role::Convicts, "{}", detection.id);
    }
    for rule in built_in::RULES {
        let convicts = rule.reached == Some(model::Role::Convicts);
        assert!(!convicts || rule.detection.id == "S-ESC-EXPLOIT", "{}", rule.name);
    }
}
