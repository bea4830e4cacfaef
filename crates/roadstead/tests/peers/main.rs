//! The files that Roadstead lists are the files that runtimes show.
//!
//! A Debian root file system is built with `debootstrap` and changed layer by layer as `apt` and its users change
//! one. For every number of layers from the bottom, `roadstead files` must list what `umoci unpack` leaves on
//! the disk and what `podman` mounts: the same paths with the same kind, mode, owner, size, link target and
//! content. A difference is a place where an attacker hides a file.

mod image;
mod listing;
mod peers;

use std::path::Path;

#[test]
fn the_files_of_every_layer_are_those_that_umoci_and_podman_show() {
    let missing = peers::missing();
    if !missing.is_empty() {
        println!("SKIPPED: nothing was compared with umoci and podman, missing: {}", missing.join(", "));
        assert!(std::env::var_os("CI").is_none(), "missing where the comparison must not be left out");
        return;
    }
    let image = image::built(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let ours: Vec<_> = (1..=image.layers).map(|layers| listing::ours(&image.layout, layers)).collect();
    for (below, above) in ours.iter().zip(&ours[1..]) {
        assert!(below.len() > 3_000, "{} paths are no Debian", below.len());
        assert_ne!(below, above, "a layer that changes nothing compares nothing");
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (ours, layers) in ours.iter().zip(1..) {
                listing::assert_same(ours, &peers::umoci(&image, layers), &format!("umoci, {layers} layers"));
            }
        });
        let podman = peers::Podman::new(&image);
        for (ours, layers) in ours.iter().zip(1..) {
            listing::assert_same(ours, &podman.list(&image, layers), &format!("podman, {layers} layers"));
        }
    });
}
