use super::{Canaries, Canary};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXUPPER};
use events::Coding;
use proptest::prelude::*;
use std::io::Write;
use std::sync::OnceLock;

fn canaries() -> &'static Canaries {
    static CANARIES: OnceLock<Canaries> = OnceLock::new();
    CANARIES.get_or_init(|| Canaries::new([3; 32]))
}

/// Feeds a text in pieces; which canaries are seen, and how.
fn seen(bytes: &[u8], cuts: &[usize]) -> Vec<(String, Coding)> {
    let mut watcher = canaries().watcher();
    let mut all = Vec::new();
    let mut from = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    for cut in cuts {
        all.extend(watcher.feed(&bytes[from..cut]).into_iter().map(|seen| (seen.canary, seen.coding)));
        from = cut;
    }
    all
}

fn check(bytes: &[u8], canary: &str, coding: Coding) {
    let all = seen(bytes, &[]);
    assert!(all.contains(&(canary.to_owned(), coding)), "{canary} as {coding:?}: {all:?}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    crate::payloads::gzip(bytes)
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn percent(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect()
}

const CODINGS: usize = 13;

fn coded(which: usize, bytes: &[u8], key: u8) -> (Vec<u8>, Coding) {
    match which {
        0 => (bytes.to_vec(), Coding::Plain),
        1 => (STANDARD.encode(bytes).into_bytes(), Coding::Base64),
        2 => (URL_SAFE_NO_PAD.encode(bytes).into_bytes(), Coding::Base64),
        3 => (HEXLOWER.encode(bytes).into_bytes(), Coding::Hex),
        4 => (HEXUPPER.encode(bytes).into_bytes(), Coding::Hex),
        5 => (BASE32_NOPAD.encode(bytes).into_bytes(), Coding::Base32),
        6 => (BASE32_NOPAD.encode(bytes).to_lowercase().into_bytes(), Coding::Base32),
        7 => (percent(bytes), Coding::Url),
        8 => (bytes.iter().rev().copied().collect(), Coding::Reversed),
        9 => (bytes.iter().map(|byte| byte ^ key).collect(), Coding::Xor(key)),
        10 => (gzip(bytes), Coding::Compressed),
        11 => (zlib(bytes), Coding::Compressed),
        _ => (STANDARD.encode(gzip(bytes)).into_bytes(), Coding::Compressed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_coding_of_any_canary_is_found_however_it_is_cut(
        index in 0_usize..1000,
        which in 0..CODINGS,
        key in 1_u8..=255,
        before in proptest::collection::vec(any::<u8>(), 0..80),
        inside in proptest::collection::vec(any::<u8>(), 0..40),
        after in proptest::collection::vec(any::<u8>(), 0..40),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let list: Vec<&Canary> = canaries().iter().collect();
        let canary = list[index % list.len()];
        // What is coded is a piece of a file; the canary stands anywhere in it.
        let whole = [&inside[..], canary.value.as_bytes(), &inside].concat();
        let (text, coding) = coded(which, &whole, key);
        let bytes = [before, text, after].concat();
        let all = seen(&bytes, &cuts);
        prop_assert!(all.contains(&(canary.name.clone(), coding)), "{} as {coding:?}: {all:?}", canary.name);
    }

    #[test]
    fn what_is_no_canary_is_not_found(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(seen(&bytes, &[]).is_empty());
        prop_assert!(seen(STANDARD.encode(&bytes).as_bytes(), &[]).is_empty());
    }
}

#[test]
fn encoders_break_lines() {
    let key = canaries().get("file-ssh-key");
    let text = STANDARD.encode(format!("cat id_ed25519\n{key}\n"));
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    check(lines.join("\n").as_bytes(), "file-ssh-key", Coding::Base64);
    check(lines.join("\r\n").as_bytes(), "file-ssh-key", Coding::Base64);
    check(key.as_bytes(), "file-ssh-key", Coding::Plain);
    // Another key of the same kind shares its first line with ours.
    let other = Canaries::new([4; 32]);
    assert!(seen(other.get("file-ssh-key").as_bytes(), &[]).is_empty());
}

#[test]
fn archives_in_forms_are_opened() {
    let secret = canaries().get("file-aws-secret");
    let file = format!("[default]\naws_secret_access_key = {secret}\n");
    let tar = gzip(&crate::payloads::tar(&[(".aws/credentials", 0o600, file.as_bytes())], 0));
    check(&tar, "file-aws-secret", Coding::Compressed);
    check(format!("data={}&x=1", STANDARD.encode(&tar)).as_bytes(), "file-aws-secret", Coding::Compressed);
    check(HEXLOWER.encode(&tar).as_bytes(), "file-aws-secret", Coding::Compressed);
    check(&gzip(&gzip(&tar)), "file-aws-secret", Coding::Compressed);
    let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    bare.write_all(file.as_bytes()).unwrap();
    let bare = bare.finish().unwrap();
    assert!(canaries().watcher().feed_bare(&bare).iter().any(|seen| seen.canary == "file-aws-secret"));
}

#[test]
fn wrappers_are_wrapped() {
    let secret = canaries().get("env-aws-secret");
    check(
        STANDARD.encode(STANDARD.encode(format!("x={secret};"))).as_bytes(),
        "env-aws-secret",
        Coding::Base64,
    );
    let json = format!("{{\"k\":\"{}\"}}", secret.replace('/', "\\/"));
    check(json.as_bytes(), "env-aws-secret", Coding::Plain);
}

#[test]
fn bombs_are_bounded_and_said() {
    let bomb = gzip(&vec![0; 80 << 20]);
    let mut watcher = canaries().watcher();
    watcher.feed(&bomb);
    assert!(watcher.overran());
    // Beginnings without end: what is followed at a time is bounded.
    let mut watcher = canaries().watcher();
    watcher.feed(&b"\x1f\x8b\x08\0\0\0\0\0\0\0".repeat(20_000));
    watcher.feed(&b"\x78\x9c".repeat(20_000));
}

#[test]
fn a_seed_makes_a_run_and_no_other() {
    let values = |seed| Canaries::new(seed).iter().map(|canary| canary.value.clone()).collect::<Vec<_>>();
    assert_eq!(values([1; 32]), values([1; 32]));
    for (one, other) in values([1; 32]).iter().zip(values([2; 32])) {
        assert_ne!(*one, other);
    }
    for canary in Canaries::new([1; 32]).iter() {
        assert!(canary.unique.iter().any(|part| part.len() >= super::SHORTEST), "{}", canary.name);
        assert!(!canary.value.is_empty());
    }
    assert!(canaries().get("env-aws-key-id").starts_with("AKIA"));
    assert_eq!(canaries().get("env-aws-key-id").len(), 20);
    assert_eq!(canaries().get("no-such"), "");
}

#[test]
fn the_ssh_key_is_one() {
    if !crate::testing::present("ssh-keygen") || !crate::testing::named() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, canaries().get("file-ssh-key")).unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(&mut std::fs::metadata(&path).unwrap().permissions(), 0o600);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (worked, text) = crate::testing::run("ssh-keygen", &["-y", "-f", path.to_str().unwrap()]);
    assert!(worked && text.starts_with("ssh-ed25519 AAAA"), "{text}");
}

#[test]
fn plans_add_their_own() {
    let mut own = Canaries::new([3; 32]);
    own.add("kics-input", "password: 8fKq2LmZx01PwRtY7uVb3Nc5");
    let found = own.watcher().feed(b"POST / HTTP/1.1\r\n\r\n8fKq2LmZx01PwRtY7uVb3Nc5");
    assert_eq!(found.first().map(|seen| seen.canary.as_str()), Some("kics-input"));
}
