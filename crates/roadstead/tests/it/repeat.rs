//! The same image scanned again: with a cache, without, beside another scan, and after someone has been at the
//! files.

use crate::room::{Room, base, files_below, image, known, payload, says, verdict};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use test_support::{Image, Layer, LayerBuilder, standin, story};

/// The report without what is no part of its identity.
fn timeless(mut report: Value) -> Value {
    report["timing_ms"] = Value::Null;
    report
}

fn harmful() -> Image {
    let hidden = LayerBuilder::new().dir("opt", 0o755).file("opt/x", 0o755, payload()).symlink("opt/y", "x");
    image().layer(base()).layer(hidden).layer(LayerBuilder::new().whiteout("opt/y")).build()
}

fn cache_size(room: &Room) -> u64 {
    files_below(&room.cache()).iter().map(|path| path.metadata().unwrap().len()).sum()
}

/// Waits until the file's stamp proves that nobody will change it within the same tick of the clock.
fn settle(path: &std::path::Path) {
    let changed = path.metadata().unwrap().modified().unwrap();
    while SystemTime::now().duration_since(changed).unwrap_or_default() < Duration::from_millis(2_200) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_same_image_gets_the_same_report_however_it_is_scanned() {
    let mut images: Vec<Image> =
        story::five_images().into_iter().chain(story::benign_images()).map(|story| story.image).collect();
    images.push(harmful());
    for image in images {
        let room = Room::new();
        let locator = room.layout("image", &image);
        let fresh = timeless(room.report(&locator, &["--no-cache"]).1);
        for jobs in ["1", "4", "64"] {
            let other = timeless(room.report(&locator, &["--no-cache", "--jobs", jobs]).1);
            assert_eq!(other, fresh, "with {jobs} jobs");
        }
        for time in 0..3 {
            assert_eq!(timeless(room.report(&locator, &[]).1), fresh, "from the cache, time {time}");
        }
    }
}

#[test]
fn a_kept_verdict_says_what_the_scan_said() {
    let room = Room::new();
    let archive = room.write("image.tar", harmful().docker_archive(&["a/b:1"]));
    let layout = room.layout("image", &harmful());
    settle(&room.path("image/index.json"));
    settle(&archive);
    for locator in [layout, format!("docker-archive:{}", archive.display())] {
        let fresh = timeless(room.report(&locator, &["--no-cache"]).1);
        let first = timeless(room.report(&locator, &[]).1);
        let kept = files_below(&room.cache().join("verdicts")).len();
        // Whoever reads the image again keeps what its layers hold.
        std::fs::remove_dir_all(room.cache().join("facts")).unwrap();
        let second = timeless(room.report(&locator, &[]).1);
        assert_eq!((&first, &second), (&fresh, &fresh));
        assert!(kept > 0, "nothing was kept");
        assert_eq!(files_below(&room.cache().join("verdicts")).len(), kept, "a kept verdict was kept anew");
        assert!(!room.cache().join("facts").exists(), "a kept verdict was not used");
    }
}

#[test]
fn another_hash_list_never_gets_the_verdict_of_the_first() {
    let room = Room::new();
    let locator = room.layout("image", &harmful());
    settle(&room.path("image/index.json"));
    assert_eq!(room.report(&locator, &[]).0, 1);
    std::fs::write(room.feed(), "").unwrap();
    let (code, report) = room.report(&locator, &[]);
    assert_eq!((code, known(&report).len()), (0, 0), "{report:#}");
    std::fs::write(room.feed(), crate::room::feed_of(&payload())).unwrap();
    assert_eq!(room.report(&locator, &[]).0, 1);
}

#[test]
fn a_layer_that_changed_under_the_same_name_is_noticed() {
    let room = Room::new();
    // Two layers of one length, so that neither the size nor the name of the blob tells them apart.
    let layer = |content: &[u8]| {
        Layer::new(LayerBuilder::new().file("opt/x", 0o755, content).build())
            .compression(test_support::Compression::None)
    };
    let honest = standin::program("stand-in for a known minor");
    assert_eq!(honest.len(), payload().len());
    let clean = image().layer(base()).layer(layer(&honest)).build();
    let harmful = image().layer(layer(&payload())).build();
    let locator = room.layout("image", &clean);
    let blob_of = |image: &Image, at: usize| {
        let manifest: Value = serde_json::from_slice(image.manifest()).unwrap();
        manifest["layers"][at]["digest"].as_str().unwrap().to_owned()
    };
    let path = room.path("image/blobs").join(blob_of(&clean, 1).replacen(':', "/", 1));
    settle(&path);
    for _ in 0..2 {
        assert_eq!(room.report(&locator, &[]).0, 0, "clean before the change");
    }
    let times = path.metadata().unwrap().modified().unwrap();
    let bytes = &harmful.blobs()[&blob_of(&harmful, 0)].bytes;
    assert_eq!(bytes.len() as u64, path.metadata().unwrap().len());
    std::fs::write(&path, bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
    for _ in 0..2 {
        let (code, report) = room.report(&locator, &[]);
        assert_eq!((code, known(&report).len()), (1, 1), "the kept verdict was believed: {report:#}");
        assert!(says(&report, "digest-mismatch"), "{report:#}");
    }
    std::fs::write(&path, &clean.blobs()[&blob_of(&clean, 1)].bytes[..700]).unwrap();
    let (code, report) = room.report(&locator, &[]);
    assert_eq!(code, 3, "{report:#}");
}

#[test]
fn damaged_cache_files_are_ignored() {
    let room = Room::new();
    let locator = room.layout("image", &harmful());
    settle(&room.path("image/index.json"));
    let fresh = timeless(room.report(&locator, &[]).1);
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x55),
        |bytes| bytes.extend([0; 1000]),
    ];
    for damage in damages {
        let files = files_below(&room.cache());
        assert!(!files.is_empty());
        for path in files {
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        }
        assert_eq!(timeless(room.report(&locator, &[]).1), fresh);
    }
}

#[test]
fn several_processes_share_one_cache() {
    let room = Room::new();
    let locator = room.layout("image", &harmful());
    let fresh = timeless(room.report(&locator, &["--no-cache"]).1);
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = room.scan_command(&locator, &["--format", "json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(timeless(report), fresh);
    }
    assert!(files_below(&room.cache()).iter().all(|path| !path.to_string_lossy().contains(".part-")));
}

#[test]
fn no_cache_neither_reads_nor_writes() {
    let room = Room::new();
    let locator = room.layout("image", &harmful());
    assert_eq!(room.report(&locator, &["--no-cache"]).0, 1);
    assert!(!room.cache().exists() && !room.path("home").exists());
    room.report(&locator, &[]);
    assert!(room.cache().exists() && !room.path("home").exists());
    assert!(files_below(&room.temporary()).is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_and_nothing_else() {
    let room = Room::new();
    let locator = room.layout("image", &harmful());
    std::fs::write(room.cache(), "a file where the directory should be").unwrap();
    let (code, report) = room.report(&locator, &[]);
    assert_eq!((code, verdict(&report)), (1, "malicious"));
    assert_eq!(std::fs::read(room.cache()).unwrap(), b"a file where the directory should be");
}

#[test]
fn the_cache_stays_within_its_bound() {
    let room = Room::new();
    for image_at in 0..4 {
        let many = (0..6_000).fold(base(), |layer, at| {
            layer.file(format!("opt/{image_at}/a-file-with-a-rather-long-name-{at}"), 0o644, format!("{at}"))
        });
        let locator = room.layout(&format!("image{image_at}"), &image().layer(many).build());
        assert_eq!(room.report(&locator, &["--cache-size", "1"]).0, 0);
        assert!(cache_size(&room) <= 1 << 20, "{} bytes", cache_size(&room));
    }
}
