use super::hello::{Hello, looks};
use crate::testing::{Loopback, kinds, present, run, world};
use crate::{Authority, Shifted, World};
use proptest::prelude::*;
use std::sync::Arc;

fn check(arguments: &[&str], expect: &str) {
    let loopback = Loopback::new(world());
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), "").unwrap();
    let port = loopback.tcp.port().to_string();
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("PORT", &port)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(arguments[0], &arguments[1..]);
    loopback.check(expect);
}

#[test]
fn certificates_are_made_for_whoever_is_asked() {
    if !present("curl") {
        return;
    }
    let given = world();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, given.authority.pem()).unwrap();
    let loopback = Loopback::new(given);
    let port = loopback.tcp.port();
    for (name, version) in
        [("c2.example", "--http1.1"), ("two.example", "--http2"), ("old.example", "--tls-max=1.2")]
    {
        let version = if version == "--tls-max=1.2" { vec!["--tls-max", "1.2"] } else { vec![version] };
        let (worked, text) = run(
            "curl",
            &[
                &[
                    "-fsS",
                    "--cacert",
                    ca.to_str().unwrap(),
                    "--resolve",
                    &format!("{name}:{port}:127.0.0.1"),
                    &format!("https://{name}:{port}/a.json"),
                ][..],
                &version,
            ]
            .concat(),
        );
        assert!(worked && text.contains("success"), "{name}: {text} {:#?}", loopback.told());
        loopback.check(&format!("tls Some(\"{name}\") accepted=true t1"));
        loopback.check(&format!("http GET {name} /a.json 200 json tls=true"));
    }
    // By its address, without a name.
    let (worked, text) =
        run("curl", &["-fsS", "--cacert", ca.to_str().unwrap(), &format!("https://127.0.0.1:{port}/a.json")]);
    assert!(worked, "{text}");
    loopback.check("tls None accepted=true");
}

#[test]
fn who_refuses_is_told() {
    check(
        &["curl", "-fsS", "--resolve", "pinned.example:PORT:127.0.0.1", "https://pinned.example:PORT/"],
        "tls Some(\"pinned.example\") accepted=false",
    );
}

#[test]
fn openssl_speaks_and_old_greetings_are_told() {
    if !present("openssl") {
        return;
    }
    let loopback = Loopback::new(world());
    let at = format!("127.0.0.1:{}", loopback.tcp.port());
    let command = format!(
        "echo '{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"m\"]}}' | timeout 5 openssl s_client -quiet -connect {at} -servername pool.example 2>/dev/null | head -c 20"
    );
    let (_, text) = run("sh", &["-c", &command]);
    assert!(text.contains('{'), "{text}");
    loopback.check("pool Bitcoin subscribe");
}

#[test]
fn certificates_follow_the_guests_clock() {
    if !present("openssl") {
        return;
    }
    let offset = Arc::new(std::sync::atomic::AtomicU64::new(3 * 365 * 86_400 * 1_000_000_000));
    let clock = Arc::new(Shifted(Arc::clone(&offset)));
    let authority = Arc::new(Authority::new(crate::Clock::now(&*clock)).unwrap());
    let loopback = Loopback::new(World { clock, authority, ..world() });
    let dates = || {
        let command = format!(
            "echo | timeout 5 openssl s_client -connect 127.0.0.1:{} -servername x.example 2>/dev/null | openssl x509 -noout -checkend 0 -startdate -enddate; date -u +%Y",
            loopback.tcp.port()
        );
        run("sh", &["-c", &command]).1
    };
    let text = dates();
    let year: u32 = text.lines().next_back().unwrap().trim().parse().unwrap();
    assert!(
        (year + 2..=year + 3)
            .any(|year| text.contains(&format!("notBefore={}", "")) && text.contains(&year.to_string())),
        "{text}"
    );
    let before = text;
    offset.store(4 * 365 * 86_400 * 1_000_000_000, std::sync::atomic::Ordering::Relaxed);
    assert_ne!(dates(), before);
}

#[test]
fn keys_stand_in_the_packet_file() {
    if !present("curl") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.pcapng");
    let mut loopback = Loopback::new(World { pcapng: Some(path.clone()), ..world() });
    run(
        "curl",
        &["-kfsS", "--http1.1", &format!("https://127.0.0.1:{}/secret-page.json", loopback.tcp.port())],
    );
    loopback.check("secret-page.json 200");
    let transcript = loopback.server.take().unwrap().stop();
    assert_eq!(transcript.lost, 0);
    let bytes = std::fs::read(&path).unwrap();
    // Blocks: each says its length twice, and they fill the file.
    let mut at = 0;
    let mut blocks = Vec::new();
    while at < bytes.len() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let length = word(at + 4) as usize;
        assert_eq!(word(at + length - 4) as usize, length);
        blocks.push(word(at));
        at += length;
    }
    assert_eq!(blocks[..3], [0x0a0d_0d0a, 1, 1]);
    let secrets = blocks.iter().filter(|kind| **kind == 10).count();
    assert!(secrets >= 4 && blocks.iter().filter(|kind| **kind == 6).count() > 6, "{blocks:?}");
    if present("tshark") {
        let (worked, text) = run(
            "tshark",
            &["-r", path.to_str().unwrap(), "-Y", "http", "-T", "fields", "-e", "http.request.uri"],
        );
        assert!(worked && text.contains("/secret-page.json"), "{text}");
    }
}

#[test]
fn greetings_are_fingerprinted() {
    // The greeting of FoxIO's own example is long; this one is short, and every part of it is known.
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 6, 0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
    let name = [0, 0, 0, 7, 0, 5, 0, 0, 2, b'a', b'b'];
    let alpn = [0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
    let versions = [0, 43, 0, 3, 2, 3, 4];
    body.extend(((name.len() + alpn.len() + versions.len()) as u16).to_be_bytes());
    body.extend(name);
    body.extend(alpn);
    body.extend(versions);
    let hello = Hello::parse(&body).unwrap();
    assert_eq!(hello.name.as_deref(), Some(&b"ab"[..]));
    assert_eq!(hello.protocols, [b"h2".to_vec()]);
    assert!(hello.fingerprint.starts_with("t13d0203h2_"), "{}", hello.fingerprint);
}

#[test]
fn nothing_that_is_not_tls_looks_like_it() {
    assert!(looks(&[22, 3, 1, 2, 0, 1]) && looks(&[22]));
    assert!(!looks(b"GET /x") && !looks(&[22, 2]) && !looks(&[22, 3, 1, 0, 5, 2]));
    let loopback = Loopback::new(world());
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(loopback.tcp).unwrap();
    stream.write_all(&[22, 3, 1, 0, 8, 1, 0, 0, 4, 9, 9, 9, 9]).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let _ = stream.read(&mut [0; 64]);
    loopback.check("accepted=false");
    assert!(!kinds(&loopback.acts).is_empty());
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        Hello::parse(&bytes);
        looks(&bytes);
        let whole = [&[3, 3][..], &[0; 32], &[0, 0, 2, 0x13, 1, 1, 0], &bytes].concat();
        Hello::parse(&whole);
    }
}
