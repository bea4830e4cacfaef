use super::*;
use std::time::{Duration, Instant};

fn facts(path: &str, bytes: &[u8]) -> Option<EndpointFacts> {
    let entry = Entry {
        path: path.into(),
        kind: Kind::File,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: 0,
        size: bytes.len() as u64,
        link: Vec::new(),
        device: (0, 0),
        xattrs: Vec::new(),
        offset: 0,
    };
    if Endpoints.wants(&entry, &bytes[..bytes.len().min(4096)]) == Want::Nothing {
        return None;
    }
    let mut sink = FactSink::default();
    Endpoints
        .analyze(
            &FileView { entry: &entry, bytes, whole: true, stages: &[], signs: crate::Signs::of(bytes) },
            &mut sink,
        )
        .unwrap();
    sink.into_facts().into_iter().find_map(|fact| match fact {
        Fact::Endpoints(facts) => Some(facts),
        _ => None,
    })
}

fn check(path: &str, bytes: &[u8], expect: &str) {
    let hosts = facts(path, bytes).map(|facts| facts.hosts.replace('\n', " ")).unwrap_or_default();
    assert_eq!(hosts, expect, "{}", bytes.escape_ascii());
}

#[test]
fn scripts_name_hosts() {
    check("a.sh", b"curl https://user@B.example:8443/x?y | sh\n", "b.example");
    check("a.sh", b"curl -s 203.0.113.7/a; ping 127.0.0.1", "203.0.113.7");
    check("a.py", b"import os.path\nx = 'https://c.invalid/a'\n", "c.invalid");
    check("a.sh", b"echo nothing here\n", "");
    check(
        "a.py",
        b"numpy.random.beta(); x = 'conf.html'; y = 'mail.d.example'; z = \"mod.executable\"",
        "mail.d.example",
    );
    check(
        "a.js",
        b"d='M 1.2.3.4 5'; connect('203.0.113.9', 1); fetch(`203.0.113.8:80`)",
        "203.0.113.8 203.0.113.9",
    );
    // A text that nothing runs is not asked.
    check("notes", b"see https://docs.example/", "docs.example");
}

#[test]
fn programs_name_hosts() {
    let program = |texts: &[u8]| [b"\x7fELF\0\0".as_slice(), texts].concat();
    check("a", &program(b"\0https://one.example/path\0"), "one.example");
    // As Go lays texts out.
    check("a", &program(b"xhttps://one.examplehttps://two.invalid/"), "one.example two.invalid");
    check(
        "a",
        &program(b"\0alone.example\0\0with.example:443\0 in.example text"),
        "alone.example with.example",
    );
    check("a", &program(b"\0libc.so.6\0main.main\0java.lang.String\0v1.2.3\0"), "");
    check("a", &program(b"\x00198.51.100.9\x00001.2.3\x00127.0.0.1\x00"), "198.51.100.9");
    check("a", &program(b"http://%s/x http:// ftp://-.-"), "");
}

#[test]
fn hostile_programs_cost_no_more() {
    let begin = Instant::now();
    for unit in [b"a.".as_slice(), b"://", b"a://a.", b".", b"a://a.bc\0", b"\0a.com", b"@://@"] {
        let bytes = [b"\x7fELF\0".as_slice(), &unit.repeat((4 << 20) / unit.len())].concat();
        assert!(facts("a", &bytes).is_none_or(|facts| facts.hosts.len() <= 17 << 10));
    }
    let many: Vec<u8> = (0..2000).flat_map(|at| format!("\0h{at}.example\0").into_bytes()).collect();
    let cut = facts("a", &[b"\x7fELF".as_slice(), &many].concat()).unwrap();
    assert!(cut.cut && cut.hosts.lines().count() == 512);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
