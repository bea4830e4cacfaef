//! Images that are huge, deep or circular: an answer in bounded time and memory, and never a clean bill for
//! what was not read.

use crate::room::{Ran, Room, base, image, known, payload, says, verdict};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use test_support::{
    Blob, Compression, Image, IndexBuilder, Layer, LayerBuilder, RawHeader, media_type, sha256_digest,
};

/// Runs a command and tells the most memory that it held, in MiB, as the kernel counted.
fn peak(command: &mut Command) -> (Ran, u64) {
    let out = tempfile::NamedTempFile::new().unwrap();
    let err = tempfile::NamedTempFile::new().unwrap();
    let mut child = command
        .stdout(Stdio::from(out.reopen().unwrap()))
        .stderr(Stdio::from(err.reopen().unwrap()))
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut peak = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) >> 10);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("it did not end within two minutes");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path()).unwrap();
    (Ran { code: status.code().unwrap_or(-1), out: read(&out), err: read(&err) }, peak)
}

fn check(image: &Image, codes: &[i32]) -> Ran {
    let room = Room::new();
    let locator = room.layout("image", image);
    let (ran, peak) = peak(&mut room.scan_command(&locator, &["--format", "json", "--jobs", "2"]));
    assert!(codes.contains(&ran.code), "{ran:?}");
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    assert!(peak < 256, "{peak} MiB");
    assert_eq!(ran.code == 2, ran.out.is_empty(), "{ran:?}");
    ran
}

#[test]
fn a_bomb_of_zeros_is_read_or_refused_within_the_memory_of_any_other_layer() {
    const PIECE: usize = 64 << 20;
    const PIECES: usize = 6;
    let header = RawHeader::ustar("opt/zeros", b'0', (PIECE * PIECES) as u64).build();
    let end = LayerBuilder::new().dir("opt", 0o755).file("opt/x", 0o755, payload()).build();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let zeros = compression.apply(&vec![0; PIECE]);
        let mut stored = compression.apply(&header);
        for _ in 0..PIECES {
            stored.extend(&zeros);
        }
        stored.extend(compression.apply(&end));
        assert!(stored.len() < PIECE * PIECES / 100);
        let bomb = Layer::new(Vec::new()).compression(compression).stored(stored);
        let ran = check(&image().layer(base()).layer(bomb).build(), &[1, 3]);
        let report = ran.json();
        // Read to the end, what lies behind the zeros is found; else the limit is named.
        let found = known(&report) == [("/opt/x".to_owned(), false)];
        assert!(found != says(&report, "limit-reached"), "{report:#}");
    }
}

#[test]
fn a_zstd_window_beyond_reason_is_not_allocated() {
    // A frame header that asks for a window of two gigabytes: magic, descriptor, window of exponent 21.
    let frame = [&0xfd2f_b528_u32.to_le_bytes()[..], &[0x00, 21 << 3, 0x01, 0, 0]].concat();
    let layer = Layer::new(Vec::new()).compression(Compression::Zstd).stored(frame);
    let ran = check(&image().layer(layer).build(), &[3]);
    assert!(ran.out.contains("limit-reached") || ran.out.contains("window"), "{ran:?}");
}

#[test]
fn a_long_history_is_read_and_an_endless_one_refused() {
    let with_history = |length: usize| {
        let long = move |config: &mut Value| {
            let entry = json!({"created_by": "RUN true", "empty_layer": true});
            config["history"].as_array_mut().unwrap().extend(std::iter::repeat_n(entry, length));
        };
        image().layer(base().file("opt/x", 0o755, payload())).patch_config(long).build()
    };
    check(&with_history(50_000), &[1]);
    let refused = check(&with_history(100_000), &[2]);
    assert!(refused.err.contains("more than 262144 values"), "{refused:?}");
}

#[test]
fn a_configuration_of_any_shape_is_bounded() {
    for field in ["Env", "Entrypoint", "Cmd", "Labels", "ExposedPorts", "Volumes"] {
        let value = match field {
            "Env" | "Entrypoint" | "Cmd" => json!(vec!["A=b"; 200_000]),
            _ => Value::Object((0..100_000).map(|at| (at.to_string(), json!({}))).collect()),
        };
        let room = Room::new();
        let image = image().config(|config| config.set(field, value)).layer(base()).build();
        let ran = room.scan(&room.layout("image", &image), &["--format", "json"]);
        assert!(!ran.err.contains("panicked") && ran.code >= 0, "{field}: {}", ran.err);
        assert_eq!(ran.code == 2, ran.out.is_empty(), "{field}");
    }
}

/// An index around an image or index.
fn around(inner: Image) -> Image {
    IndexBuilder::new().image_without_platform(inner).build()
}

#[test]
fn indexes_in_indexes_end_somewhere_and_hide_nothing() {
    let harmful = || image().layer(base().file("opt/x", 0o755, payload())).build();
    let nested = |depth: usize| (0..depth).fold(harmful(), |inner, _| around(inner));
    check(&nested(2), &[1]);
    let room = Room::new();
    let ran = room.scan(&room.layout("image", &nested(10)), &["--format", "json"]);
    assert!([1, 2, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.out.contains("nested-index") || ran.err.contains("too many indexes"), "{ran:?}");
}

#[test]
fn an_index_that_names_one_image_a_thousand_times_is_bounded() {
    let one = image().layer(base()).build();
    let entry = one.descriptor();
    let many = (0..5_000).fold(IndexBuilder::new().image(one), |index, _| index.entry(entry.clone()));
    check(&many.build(), &[2, 3]);
}

#[test]
fn an_index_that_claims_to_hold_itself_ends() {
    // No document can hold its own digest; what can be built is an entry whose bytes are the index again.
    let one = image().layer(base()).build();
    let own = json!({"mediaType": media_type::OCI_INDEX, "digest": sha256_digest(b"itself"), "size": 700});
    let index = IndexBuilder::new().image(one).entry(own).build();
    let room = Room::new();
    let locator = room.layout("image", &index);
    let Blob { bytes, .. } = &index.blobs()[index.digest()];
    let decoy = sha256_digest(b"itself").replacen(':', "/", 1);
    room.write(&format!("image/blobs/{decoy}"), bytes);
    let ran = room.scan(&locator, &["--format", "json"]);
    assert!([2, 3].contains(&ran.code), "{ran:?}");
    assert!(ran.out.contains("digest-mismatch") || ran.err.contains("digest"), "{ran:?}");
}

#[test]
fn links_that_lead_in_circles_are_followed_to_no_end() {
    let circles = || {
        base()
            .symlink("a", "b")
            .symlink("b", "a")
            .symlink("self", "self")
            .symlink("usr/loop", "../usr/loop/x")
            .symlink("up", "../../../../..")
            .hardlink("hard", "hard")
    };
    for start in ["/a", "/self", "/usr/loop", "/up/up/up/up/usr/bin/app", "/hard", "/a/b/c", "."] {
        let image = test_support::ImageBuilder::new()
            .config(|config| config.entrypoint(&[start]).workdir("/a"))
            .layer(circles())
            .layer(LayerBuilder::new().file("self/x", 0o755, payload()).file("a/x", 0o755, payload()))
            .build();
        let ran = check(&image, &[0, 1, 3]);
        let report = ran.json();
        assert!(!known(&report).is_empty() && verdict(&report) != "clean", "{start}: {report:#}");
    }
}

#[test]
fn a_chain_of_links_and_scripts_of_any_length_ends() {
    let links = (0..3_000).fold(base(), |layer, at| layer.symlink(format!("l{at}"), format!("l{}", at + 1)));
    let scripts = (0..500).fold(links, |layer, at| {
        layer.file(format!("s{at}"), 0o755, format!("#!/bin/sh\n/s{}\n/s{at}\n/s0\n", at + 1))
    });
    for start in ["/l0", "/s0"] {
        let image = test_support::ImageBuilder::new()
            .config(|config| config.entrypoint(&[start]))
            .layer(scripts.clone())
            .build();
        check(&image, &[0, 3]);
    }
}

#[test]
fn a_header_that_promises_the_world_gets_nothing() {
    for size in [u64::MAX, i64::MAX as u64, 1 << 50, 1 << 33] {
        let layer = base().raw(RawHeader::gnu("opt/x", b'0', 0).size_base256(size).build()).without_end();
        check(&image().layer(layer).build(), &[3]);
        let name = base().raw(RawHeader::gnu("././@LongLink", b'L', 0).size_base256(size).build());
        check(&image().layer(name.without_end()).build(), &[3]);
    }
}
