//! Images with a byte changed or an end missing, all over: whatever it hits, the image no longer passes.

use crate::room::{Ran, Room, base, files_below, image};
use std::path::Path;
use test_support::{Compression, Image, Layer, LayerBuilder};

fn small() -> Image {
    let more = LayerBuilder::new().dir("etc", 0o755).file("etc/a", 0o644, b"a").symlink("etc/b", "a");
    image().layer(base()).layer(Layer::from(more).compression(Compression::Zstd)).build()
}

/// Positions all over a file, its first and last bytes among them.
fn positions(length: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| at * (length - 1) / (count - 1))
}

fn check(room: &Room, locator: &str, what: &str) {
    let Ran { code, out, err } = room.scan(locator, &["--format", "json"]);
    assert!([2, 3].contains(&code), "{what}: {code} {out} {err}");
    assert_eq!(code == 2, out.is_empty(), "{what}: {out}");
    assert!(!err.contains("panicked") && err.is_empty() == (code == 3), "{what}: {err}");
}

fn damage(path: &Path, count: usize, mut check: impl FnMut(&str)) {
    let whole = std::fs::read(path).unwrap();
    for at in positions(whole.len(), count) {
        for bit in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            std::fs::write(path, &bytes).unwrap();
            check(&format!("{} ^ {bit:#x} at {at}", path.display()));
        }
        std::fs::write(path, &whole[..at]).unwrap();
        check(&format!("{} cut at {at}", path.display()));
    }
    std::fs::write(path, &whole).unwrap();
}

#[test]
fn no_changed_byte_and_no_missing_end_of_a_blob_passes() {
    let room = Room::new();
    let locator = room.layout("image", &small());
    assert_eq!(room.scan(&locator, &[]).code, 0, "whole, it passes");
    for blob in files_below(&room.path("image/blobs")) {
        damage(&blob, 9, |what| check(&room, &locator, what));
    }
    assert_eq!(room.scan(&locator, &[]).code, 0, "whole again, it passes again");
}

#[test]
fn no_missing_end_of_an_archive_passes() {
    let room = Room::new();
    let built = small();
    for (transport, whole) in
        [("docker-archive:", built.docker_archive(&["a:1"])), ("oci-archive:", built.oci_archive(None))]
    {
        let path = room.write("image.tar", &whole);
        let locator = format!("{transport}{}", path.display());
        assert_eq!(room.scan(&locator, &[]).code, 0, "{transport} whole, it passes");
        // Without the two blocks of zeros that end it, every member is there.
        for at in positions(whole.len() - 1024, 25) {
            std::fs::write(&path, &whole[..at]).unwrap();
            check(&room, &locator, &format!("{transport} cut at {at}"));
        }
    }
}

#[test]
fn an_archive_with_a_changed_byte_never_ends_badly() {
    let room = Room::new();
    let whole = small().docker_archive(&["a:1"]);
    let path = room.write("image.tar", &whole);
    for at in positions(whole.len(), 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&path, &bytes).unwrap();
        let ran = room.scan(&format!("docker-archive:{}", path.display()), &["--format", "json"]);
        assert!((0..=3).contains(&ran.code) && !ran.err.contains("panicked"), "{at}: {ran:?}");
        assert_eq!(ran.code == 2, ran.out.is_empty(), "{at}: {ran:?}");
    }
}
