//! The files that Roadstead lists are the files that runtimes show.
//!
//! A Debian root file system is built with `debootstrap` and changed layer by layer as `apt` and its users change
//! one. For every number of layers from the bottom, `roadstead files` must list what `umoci unpack` leaves on
//! the disk and what `podman` mounts: the same paths with the same kind, mode, owner, size, link target and
//! content. Hand-made layers of odd shape are compared with umoci alone: overlay runtimes unpack each layer by itself and
//! see other links than those that lie below it. A difference is a place where an attacker hides a file.

mod chance;
mod image;
mod listing;
mod odd;
mod peers;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::path::Path;
use test_support::ImageBuilder;

#[test]
fn the_files_of_every_layer_are_those_that_umoci_and_podman_show() {
    if !peers::are_here(&["debootstrap", "umoci", "skopeo", "buildah", "podman", "runc", "python3"]) {
        return;
    }
    let image = image::built(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let ours: Vec<_> = (1..=image.layers).map(|layers| listing::ours(&image.whole(), layers)).collect();
    for (below, above) in ours.iter().zip(&ours[1..]) {
        assert!(below.len() > 3_000, "{} paths are no Debian", below.len());
        assert_ne!(below, above, "a layer that changes nothing compares nothing");
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (ours, layers) in ours.iter().zip(1..) {
                let found = listing::differences(
                    ours,
                    &must(peers::umoci(&image.upto(layers))),
                    &format!("umoci, {layers} layers"),
                );
                assert_eq!(found, "");
            }
        });
        let podman = peers::Podman::new(&image.upto(1));
        for (ours, layers) in ours.iter().zip(1..) {
            let found = listing::differences(
                ours,
                &podman.list(&image.upto(layers)),
                &format!("podman, {layers} layers"),
            );
            assert_eq!(found, "");
        }
    });
}

#[test]
fn layers_of_odd_shape_are_read_as_umoci_unpacks_them() {
    if !peers::are_here(&["umoci"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory for images");
    let mut found = String::new();
    for (number, (what, layers)) in odd::images().into_iter().enumerate() {
        let layout = folder.path().join(number.to_string());
        let count = layers.len();
        let image = layers.into_iter().fold(ImageBuilder::new(), ImageBuilder::layer).build();
        image.write_oci_layout(&layout, Some("odd")).expect("an image");
        let tagged = format!("{}:odd", layout.display());
        found += &listing::differences(&listing::ours(&tagged, count), &must(peers::umoci(&tagged)), what);
    }
    assert_eq!(found, "");
}

#[test]
fn layers_by_chance_are_read_as_umoci_unpacks_them() {
    if !peers::are_here(&["umoci"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory for images");
    let (number, refused) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&chance::layers(), |layers| {
            number.set(number.get() + 1);
            let layout = folder.path().join(number.get().to_string());
            let image =
                layers.iter().fold(ImageBuilder::new(), |image, steps| image.layer(chance::archive(steps)));
            image.build().write_oci_layout(&layout, Some("chance")).expect("an image");
            let tagged = format!("{}:chance", layout.display());
            match peers::umoci(&tagged) {
                Ok(theirs) => {
                    let found = listing::differences(&listing::ours(&tagged, layers.len()), &theirs, "umoci");
                    prop_assert_eq!(found, "");
                }
                // A link to nothing, a file as a directory: what it refuses, it does not run.
                Err(_) => refused.set(refused.get() + 1),
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(refused.get() < number.get() / 2, "{} of {} refused", refused.get(), number.get());
}

fn must<T>(of_peer: Result<T, String>) -> T {
    of_peer.unwrap_or_else(|said| panic!("{said}"))
}
