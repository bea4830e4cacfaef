use super::*;
use crate::{FileSums, Indicators, TextKind};

const MD5: &str = "0123456789abcdef0123456789abcdef";
const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Reads a feed, compares what became of its rows, and gives it ready for look-ups.
fn check(file_name: &str, text: &str, kind: Kind, accepted: u64, rejected: &[(&str, u64)]) -> Indicators {
    let (feed, imported) = import(text.as_bytes(), &Options::named(file_name)).unwrap();
    check_imported(&imported, kind, accepted, rejected);
    Indicators::new(vec![feed])
}

fn check_as(kind: Kind, text: &str, accepted: u64, rejected: &[(&str, u64)]) -> Indicators {
    let (feed, imported) = import(text.as_bytes(), &Options::named("feed").of_kind(kind)).unwrap();
    check_imported(&imported, kind, accepted, rejected);
    Indicators::new(vec![feed])
}

fn check_imported(imported: &Imported, kind: Kind, accepted: u64, rejected: &[(&str, u64)]) {
    assert_eq!((imported.kind, imported.accepted), (kind, accepted), "{imported:?}");
    assert_eq!(imported.rejected.len(), rejected.len(), "{imported:?}");
    for (part, count) in rejected {
        let found = imported.rejected.iter().find(|one| one.why.contains(part));
        assert_eq!(found.map(|one| one.count), Some(*count), "{part}: {imported:?}");
    }
}

fn refused(file_name: &str, bytes: &[u8], part: &str) {
    let error = import(bytes, &Options::named(file_name)).unwrap_err();
    assert!(error.to_string().contains(part), "{error}");
}

/// What is said of a file with one of these hashes.
fn said(indicators: &Indicators, hash: &str, size: u64) -> Option<(String, String)> {
    let bytes = crate::feed::unhex(hash.as_bytes()).unwrap();
    let md5 = bytes.as_slice().try_into().unwrap_or([0; 16]);
    let sha1: Option<[u8; 20]> = bytes.as_slice().try_into().ok();
    let sha256 = bytes.as_slice().try_into().unwrap_or([0; 32]);
    let sums = FileSums { md5: Some(&md5), sha1: sha1.as_ref(), sha256: &sha256, size };
    indicators.find_file(&sums).map(|hit| (hit.label.name.to_owned(), hit.label.origin.to_owned()))
}

fn named(indicators: &Indicators, hash: &str) -> Option<String> {
    said(indicators, hash, 7).map(|(name, _)| name)
}

fn listed(indicators: &Indicators, text: &str) -> Option<(TextKind, String)> {
    indicators.find_network(text).map(|hit| (hit.kind, hit.listed.to_owned()))
}

#[test]
fn plain_lists_are_read_line_by_line() {
    let list = format!(
        "\u{feff}# header\r\n{}, Linux.CoinMiner.xmrig # seen\r\n\n{SHA1}\tkinsing\n",
        MD5.to_uppercase()
    );
    let known = check("list.txt", &list, Kind::Hashes, 2, &[]);
    assert_eq!(named(&known, MD5).as_deref(), Some("Linux.CoinMiner.xmrig"));
    assert_eq!(named(&known, SHA1).as_deref(), Some("kinsing"));
    assert_eq!(named(&known, SHA256), None);
    assert!(known.needs_sha1());
}

#[test]
fn what_is_no_hash_is_counted_with_its_reason() {
    let list = format!(
        "{MD5}\nzz\n{}\nd41d8cd98f00b204e9800998ecf8427e\nE3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n\
         \x1b[31m\na\0b\n{}\n{SHA1}",
        "g".repeat(32),
        "x".repeat(10 << 20)
    );
    let (_, imported) = import(list.as_bytes(), &Options::named("list").of_kind(Kind::Hashes)).unwrap();
    check_imported(
        &imported,
        Kind::Hashes,
        2,
        &[("no hash", 2), ("hexadecimal", 1), ("empty file", 2), ("zero byte", 1), ("longer", 1)],
    );
    let shown: Vec<_> = imported.rejected.iter().flat_map(|one| &one.examples).collect();
    assert!(shown.iter().any(|one| one.row == 6 && one.text == "\\u{1b}[31m"), "{shown:?}");
    assert!(shown.iter().all(|one| one.text.len() < 400));
    let many = format!("{MD5}\n{}", "no\n".repeat(100));
    let (_, imported) = import(many.as_bytes(), &Options::named("list")).unwrap();
    assert_eq!((imported.rejects(), imported.rejected[0].examples.len()), (100, 3));
}

#[test]
fn encodings_that_are_not_read_are_named() {
    refused("list", b"\xff\xfe0\x001\x00", "UTF-16");
    refused("list", b"PK\x03\x04....", "unpack");
    refused("main.cvd", b"ClamAV-VDB:1 Jan", "unpack");
    refused("list", b"", "--kind");
    refused("list", b"# nothing but a comment\n", "--kind");
    refused("list", b"\x00\x01\x02", "--kind");
}

#[test]
fn what_looks_like_two_things_is_asked_for() {
    let clamav = format!("{MD5}:10:Unix.Trojan.A-1\n");
    refused("list.txt", clamav.as_bytes(), "clamav-allow");
    refused("list.txt", format!("sha256:{SHA256}\n").as_bytes(), "images or layers");
    check("list.hdb", &clamav, Kind::ClamavHashes, 1, &[]);
    check("list.fp", &clamav, Kind::ClamavAllow, 1, &[]);
}

#[test]
fn clamav_hashes_hold_for_their_size() {
    let list = format!("{MD5}:10:Unix.Coinminer.A-1\n{SHA256}:*:Unix.Trojan.B-2:73\n{SHA1}:x:C\n{MD5}\n");
    let known = check("a.hsb", &list, Kind::ClamavHashes, 2, &[("size", 1), ("hash:size:name", 1)]);
    assert_eq!(said(&known, MD5, 10).map(|said| said.0).as_deref(), Some("Unix.Coinminer.A-1"));
    assert_eq!(said(&known, MD5, 11), None);
    assert_eq!(said(&known, SHA256, 11).map(|said| said.0).as_deref(), Some("Unix.Trojan.B-2"));
}

#[test]
fn an_allow_list_corrects_entries_and_exempts_no_file() {
    let one = |name: &str, text: String| import(text.as_bytes(), &Options::named(name)).unwrap().0;
    let bad = || one("bad.hdb", format!("{MD5}:*:Bad\n"));
    let allow = || one("good.fp", format!("{MD5}:10:Good\n4873e560df68ad96c3de08164b139b09:*:Miner\n"));
    let known = Indicators::new(vec![bad(), allow()]);
    assert_eq!(said(&known, MD5, 10), None);
    assert!(said(&known, MD5, 11).is_some(), "of another size");
    assert!(said(&known, "4873e560df68ad96c3de08164b139b09", 1).is_some(), "what is built in stays");
    let other = Indicators::new(vec![bad(), allow(), one("more", format!("{SHA256} other\n"))]);
    let md5: [u8; 16] = crate::feed::unhex(MD5.as_bytes()).unwrap().try_into().unwrap();
    let sha256: [u8; 32] = crate::feed::unhex(SHA256.as_bytes()).unwrap().try_into().unwrap();
    let hit = other.find_file(&FileSums { md5: Some(&md5), sha1: None, sha256: &sha256, size: 10 });
    assert_eq!(hit.map(|hit| hit.label.name), Some("other"), "another hash still finds the file");
}

#[test]
fn clamav_patterns_are_taken_as_far_as_they_are_cheap() {
    let list = "Unix.A:6:*:6162636465\nUnix.B:0:EOF-20:61626364??66\nUnix.C:1:*:61626364\n\
                Unix.D:0:EP+0:61626364\nUnix.E:0:*:(61|62)63646566\nUnix.F:0:0:61626364:73:80\nbroken\n";
    let known = check(
        "a.ndb",
        list,
        Kind::ClamavPatterns,
        3,
        &[("other than ELF", 1), ("offset", 1), ("alternatives", 1), ("name:target", 1)],
    );
    assert!(known.patterns().is_some());
}

#[test]
fn malware_bazaar_is_read_in_both_widths() {
    let rest = r#""rep", "a,b.elf", "elf", "application/x-executable", "Mirai", "n/a", "n/a", "n/a""#;
    let header = r#"# "first_seen_utc","sha256_hash","md5_hash","sha1_hash","reporter","file_name","file_type_guess","mime_type","signature","clamav","vtpercent","imphash""#;
    let text = format!(
        "################\r\n# MalwareBazaar\r\n{header}\r\n\
         \"2026-01-02 03:04:05\", \"{SHA256}\", \"{MD5}\", \"{SHA1}\", {rest}, \"3:ab\", \"T1\"\r\n\
         \"2026-01-02 03:04:05\", \"{}\", \"n/a\", \"n/a\", {rest}\r\n\
         \"2026-01-02 03:04:05\", \"{SHA1}\", \"n/a\", \"n/a\", {rest}\r\n\
         \"2026-01-02 03:04:05\", \"n/a\", \"None\", \"\", {rest}\r\n\
         \"too\", \"few\"\r\n",
        "ab".repeat(32)
    );
    let known = check(
        "bazaar.csv",
        &text,
        Kind::MalwareBazaar,
        2,
        &[("another length", 1), ("no hash", 1), ("columns", 1)],
    );
    for hash in [SHA256, MD5, SHA1, &"ab".repeat(32)] {
        assert_eq!(said(&known, hash, 1), Some(("Mirai".to_owned(), "2026-01-02".to_owned())), "{hash}");
    }
    let bare: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    check("x", &bare, Kind::MalwareBazaar, 2, &[("another length", 1), ("no hash", 1), ("columns", 1)]);
}

#[test]
fn threat_fox_is_read_in_both_widths() {
    let old = |value: &str, kind: &str| {
        format!(
            "\"2026-01-02 03:04:05\", \"1\", \"{value}\", \"{kind}\", \"botnet_cc\", \"elf.kinsing\", \"None\", \"Kinsing\", \"\", \"75\", \"https://ref.example/1\", \"\", \"0\", \"rep\"\r\n"
        )
    };
    let new = |value: &str, kind: &str| old(value, kind).replace("\"75\", ", "\"75\", \"False\", ");
    let text = [
        "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"is_compromised\",\"reference\",\"tags\",\"anonymous\",\"reporter\"\r\n".to_owned(),
        old("192.0.2.1:3333", "ip:port"),
        new("Evil.example", "domain"),
        new("http://evil.invalid/a,b?c=1,2", "url"),
        new(SHA1, "sha256_hash"),
        new(SHA256, "sha256_hash"),
        old("8.8.8.8:53", "ip:port"),
        old("x@evil.example", "email"),
        new("github.com", "domain"),
    ]
    .concat();
    let known = check(
        "tf.csv",
        &text,
        Kind::ThreatFox,
        4,
        &[("another length", 1), ("everybody has", 1), ("type that is not", 1), ("used by everybody", 1)],
    );
    assert_eq!(said(&known, SHA256, 1), Some(("Kinsing".to_owned(), "https://ref.example/1".to_owned())));
    let hit = known.find_network("192.0.2.1:3333").unwrap();
    assert_eq!(
        (hit.kind, hit.label.name, hit.label.origin),
        (TextKind::Endpoint, "Kinsing", "https://ref.example/1")
    );
    assert_eq!(listed(&known, "192.0.2.1:80"), None);
    assert_eq!(
        listed(&known, "http://a.evil.example/x"),
        Some((TextKind::Domain, "evil.example".to_owned()))
    );
    assert_eq!(listed(&known, "http://evil.invalid/a,b?c=1,2").map(|hit| hit.0), Some(TextKind::Url));
    assert_eq!(listed(&known, "http://evil.invalid/a,b"), None);
}

#[test]
fn url_haus_gives_urls() {
    let text = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\r\n\
        \"1\",\"2026-01-02 03:04:05\",\"http://192.0.2.9:8080/bin.sh\",\"online\",\"2026\",\"malware_download\",\"elf,mirai\",\"https://urlhaus.example/1/\",\"r\"\r\n\
        \"2\",\"2026-01-02\",\"hxxps://raw[.]githubusercontent[.]com/a/b/x,y.sh\",\"offline\",\"None\",\"malware_download\",\"None\",\"https://urlhaus.example/2/\",\"r\"\r\n\
        \"3\",\"2026-01-02\",\"https://github.com/\",\"offline\",\"None\",\"malware_download\",\"None\",\"l\",\"r\"\r\n";
    let known = check("urlhaus.csv", text, Kind::UrlHaus, 2, &[("used by everybody", 1)]);
    let hit = known.find_network("http://192.0.2.9:8080/bin.sh?x=1").unwrap();
    assert_eq!((hit.label.name, hit.label.origin), ("elf,mirai", "https://urlhaus.example/1/"));
    assert!(listed(&known, "https://raw.githubusercontent.com/a/b/x,y.sh").is_some());
    assert!(listed(&known, "https://raw.githubusercontent.com/a/b/z.sh").is_none());
    assert!(listed(&known, "192.0.2.9").is_none());
}

#[test]
fn misp_events_say_what_is_meant_for_detection() {
    let attribute = |kind: &str, value: &str, more: &str| {
        format!(r#"{{"type":"{kind}","value":"{value}","to_ids":true{more}}}"#)
    };
    let attributes = [
        attribute("md5", MD5, ""),
        attribute("filename|sha256", &format!("x.sh|{SHA256}"), r#","comment":"c","Tag":[{"name":"t"}]"#),
        attribute("domain|ip", "evil.example|192.0.2.1", ""),
        attribute("ip-dst|port", "192.0.2.2|3333", ""),
        attribute("sha1", SHA1, r#","deleted":true"#),
        r#"{"type":"domain","value":"other.example","to_ids":false}"#.to_owned(),
        r#"{"type":"domain","value":"silent.example"}"#.to_owned(),
        attribute("sha256", SHA1, ""),
        attribute("user-agent", "x", ""),
    ]
    .join(",");
    let object = attribute("url", "http://evil.invalid/x", r#","deleted":"0""#);
    let text = format!(
        r#"{{"Event":{{"uuid":"u-1","info":"Kinsing miner","Attribute":[{attributes}],"Object":[{{"Attribute":[{object}]}},{{"deleted":"1","Attribute":[{object}]}}]}}}}"#
    );
    let counts = [("deleted", 2), ("to_ids", 2), ("another length", 1), ("type that is not", 1)];
    let known = check("e.json", &text, Kind::Misp, 5, &counts);
    assert_eq!(said(&known, MD5, 1), Some(("Kinsing miner".to_owned(), "u-1".to_owned())));
    assert!(named(&known, SHA256).is_some() && named(&known, SHA1).is_none());
    assert!(listed(&known, "evil.example").is_some() && listed(&known, "192.0.2.1").is_none());
    assert!(listed(&known, "192.0.2.2:3333").is_some() && listed(&known, "http://evil.invalid/x").is_some());
    check("r.json", &format!(r#"{{"response":[{text}]}}"#), Kind::Misp, 5, &counts);
    check("l.json", &format!("[{text}]"), Kind::Misp, 5, &counts);
}

#[test]
fn documents_that_are_something_else_are_refused() {
    refused("x", br#"{"Event":1}"#, "JSON");
    refused("x", br#"{"Event":{"info":"#, "JSON");
    refused("x", br#"{"a":1}"#, "--kind");
    refused("x", br#"{"type":"report","spec_version":"2.1"}"#, "no STIX bundle");
    refused("x", format!(r#"{{"Event":{}"#, "[".repeat(1 << 20)).as_bytes(), "JSON");
    refused("x", format!(r#"{{"type":"bundle","x":{}"#, r#"{"a":"#.repeat(1 << 20)).as_bytes(), "JSON");
}

#[test]
fn misp_hashes_name_their_event() {
    let event = "01234567-89ab-cdef-0123-456789abcdef";
    let known = check(
        "hashes.csv",
        &format!("{MD5},{event}\n{SHA256},{event}\nabc,{event}\n"),
        Kind::MispHashes,
        2,
        &[("no hash", 1)],
    );
    assert_eq!(said(&known, MD5, 1), Some((String::new(), event.to_owned())));
}

#[test]
fn stix_is_read_in_both_versions() {
    let indicator = |id: &str, pattern: &str, more: &str| {
        format!(r#"{{"type":"indicator","id":"indicator--{id}","name":"N{id}","pattern":"{pattern}"{more}}}"#)
    };
    let v21 = r#","spec_version":"2.1","pattern_type":"stix""#;
    let objects = [
        r#"{"type":"identity","id":"identity--1","name":"x"}"#.to_owned(),
        indicator(
            "1",
            &format!("[file:hashes.'SHA-256' = '{SHA256}'] OR [domain-name:value = 'evil.example']"),
            v21,
        ),
        indicator("2", &format!("[file:hashes.MD5 = '{MD5}']"), r#","labels":["malicious-activity"]"#),
        indicator("3", "[a:b = 'c'] FOLLOWEDBY [a:b = 'd']", v21),
        indicator("4", "[domain-name:value = 'gone.example']", r#","revoked":true"#),
        indicator("5", "rule x {}", r#","pattern_type":"yara""#),
        indicator("6", "[domain-name:value = 'good.example']", r#","indicator_types":["benign"]"#),
        indicator("7", "[ipv4-addr:value = '10.0.0.1']", v21),
    ]
    .join(",");
    let text = format!(r#"{{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[{objects}]}}"#);
    let known = check(
        "s.json",
        &text,
        Kind::Stix,
        3,
        &[
            ("several observations", 1),
            ("revoked", 1),
            ("another language", 1),
            ("benign", 1),
            ("everybody has", 1),
        ],
    );
    assert_eq!(said(&known, SHA256, 1), Some(("N1".to_owned(), "indicator--1".to_owned())));
    assert!(named(&known, MD5).is_some() && listed(&known, "x.evil.example:80").is_some());
    assert!(listed(&known, "gone.example").is_none() && listed(&known, "good.example").is_none());
}

#[test]
fn maltrail_lists_carry_their_reference() {
    let text = "# Copyright\n\n# Reference: https://ref.example/a\n\npool.example\n192.0.2.1:3333\n198.51.100.7\n\
                http://203.0.113.5\n/gate.php\n# Reference: https://ref.example/b\nother.example # why\n192.0.2.0/24\n\
                raw.githubusercontent.com\n";
    let known = check(
        "crypto_mining.txt",
        text,
        Kind::Network,
        5,
        &[("without a host", 1), ("range", 1), ("everybody", 1)],
    );
    assert_eq!(known.find_network("eu.pool.example:14444").unwrap().label.origin, "https://ref.example/a");
    assert_eq!(known.find_network("other.example").unwrap().label.origin, "https://ref.example/b");
    assert_eq!(listed(&known, "http://203.0.113.5/x").map(|hit| hit.0), Some(TextKind::Address));
    assert!(listed(&known, "192.0.2.1").is_none());
}

#[test]
fn hosts_files_name_hosts() {
    let text = "127.0.0.1 localhost\n0.0.0.0\tevil.example # why\n0.0.0.0 other.example\n";
    let known = check("hosts", text, Kind::Network, 2, &[("neither", 1)]);
    assert!(listed(&known, "evil.example").is_some() && listed(&known, "0.0.0.0").is_none());
}

#[test]
fn a_line_is_not_lost_behind_white_space() {
    let text = format!("{MD5}\n{}{SHA1}\n", " ".repeat(40_000));
    check("list", &text, Kind::Hashes, 1, &[("longer", 1)]);
}

#[test]
fn digests_of_images_and_layers_are_told_apart() {
    let text = format!(
        "registry.example/a/b@sha256:{SHA256} campaign\n{}\nsha512:aa\nsha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1\n",
        "AB".repeat(32)
    );
    let counts = [("no SHA-256", 1), ("digest of nothing", 1)];
    let images = check_as(Kind::Images, &text, 2, &counts);
    let layers = check_as(Kind::Layers, &text, 2, &counts);
    let digest: Digest = format!("sha256:{SHA256}").parse().unwrap();
    assert_eq!(images.find_image(&digest).map(|label| label.name), Some("campaign"));
    assert_eq!(images.find_layer(&digest), None);
    assert_eq!(layers.find_layer(&digest).map(|label| label.name), Some("campaign"));
    assert_eq!(layers.find_image(&Digest::sha512([0; 64])), None);
}

#[test]
fn the_gravest_feed_speaks_and_the_key_names_all() {
    let one = |name: &str, severity| {
        let options = Options { severity, ..Options::named(name) };
        import(format!("{MD5} {name}\n").as_bytes(), &options).unwrap().0
    };
    let known = Indicators::new(vec![one("weak", Severity::Low), one("strong", Severity::High)]);
    assert_eq!(named(&known, MD5).as_deref(), Some("strong"));
    assert_eq!(known.feeds().len(), 2);
    assert!(known.feeds()[0].starts_with("weak@sha256:"));
    let other = Indicators::new(vec![one("weak", Severity::Medium), one("strong", Severity::High)]);
    assert_ne!(known.key(), other.key());
}

proptest::proptest! {
    #[test]
    fn no_feed_panics(at in 0..Kind::ALL.len(), text in "(?s).{0,200}", bytes: Vec<u8>) {
        for input in [text.as_bytes(), &bytes] {
            let _ = import(input, &Options::named("x").of_kind(Kind::ALL[at]));
            let _ = import(input, &Options::named("x"));
        }
    }

    #[test]
    fn rows_are_accepted_or_rejected(rows in proptest::collection::vec("[a-z0-9.:/]{1,40}", 0..30)) {
        let text = rows.join("\n");
        let (_, imported) = import(text.as_bytes(), &Options::named("x").of_kind(Kind::Network)).unwrap();
        let taken = rows.iter().filter(|row| !row.starts_with("//")).count();
        proptest::prop_assert_eq!(imported.accepted + imported.rejects(), taken as u64);
    }
}
