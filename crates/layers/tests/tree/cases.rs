//! What the merged tree shows, tells and finds odd, case by case.

use crate::language::{layer, listing, notes};
use layers::{Change, EntryTable, Tree, Unresolved};

fn merged<T>(layers: &[&str], read: impl FnOnce(&Tree<'_>, String) -> T) -> T {
    let tables: Vec<EntryTable> = layers.iter().map(|text| layer(text)).collect();
    let (tree, anomalies) = Tree::merge(&tables.iter().collect::<Vec<_>>());
    read(&tree, notes(&anomalies))
}

/// The layers, what is shown, and what is odd.
fn check(layers: &[&str], expect: &str, odd: &str) {
    merged(layers, |tree, anomalies| {
        assert_eq!(listing(tree), expect, "{layers:?}");
        assert_eq!(anomalies, odd, "{layers:?}");
    });
}

#[test]
fn layers_lie_upon_each_other() {
    check(&[], "", "");
    check(&[""], "", "");
    check(&["a/; a/b f1", "a/; a/c f2"], "a/; a/b f1; a/c f2", "");
    check(&["a f1", "a f2"], "a f2", "");
    check(&["a/b/c f1"], "a/ *; a/b/ *; a/b/c f1", "");
    check(&["a/b f1; a/ d"], "a/; a/b f1", "");
    check(&["a-b f1; a/; a/c f2"], "a-b f1; a/; a/c f2", "");
    check(&["~ d @700; a"], "/; a", "");
}

#[test]
fn whiteouts_remove_what_is_below() {
    check(&["a f1; b f2", ".wh.a"], "b f2", "");
    check(&["a/; a/b/; a/b/c f1", ".wh.a"], "", "");
    check(&["a/; a/b f1", "a/.wh.b"], "a/", "");
    check(&["a f1", ".wh.a; a f2"], "a f2", "");
    check(&["a/; a/b f1", ".wh.a", "a/; a/c f2"], "a/; a/c f2", "");
    check(&["a f1"], "a f1", "");
    check(&["a", ".wh.b"], "a", "1:idle-whiteout .wh.b");
    check(&["a", "b/.wh.a; a/.wh.x"], "a", "1:idle-whiteout b/.wh.a; 1:idle-whiteout a/.wh.x");
    check(&["a", ".wh.a; .wh.a"], "", "1:idle-whiteout .wh.a");
}

#[test]
fn a_whiteout_spares_its_own_layer_wherever_it_stands() {
    check(&["a f1", "a f2; .wh.a"], "a f2", "1:odd-whiteout .wh.a");
    check(&["a/; a/b f1", ".wh.a; a/c f2"], "a/ *; a/c f2", "");
    check(&["a/; a/b f1", "a/c f2; .wh.a"], "a/ *; a/c f2", "");
    check(&["a/; a/b/; a/b/c f1", "a/b/d f2; .wh.a"], "a/ *; a/b/ *; a/b/d f2", "");
    check(&["a/; a/b/; a/b/c f1", "a/b/d f2; a/.wh.b; a/b/e f3"], "a/; a/b/ *; a/b/d f2; a/b/e f3", "");
}

#[test]
fn opaque_whiteouts_hide_what_is_below_wherever_they_stand() {
    for layer in ["a/; a/.wh..wh..opq; a/c f2", "a/; a/c f2; a/.wh..wh..opq", "a/.wh..wh..opq; a/c f2; a/ d"]
    {
        check(&["a/; a/b f1; a/d/; a/d/e f3", layer], "a/; a/c f2", "");
    }
    check(&["a/; a/b/; a/b/c f1", "a/b/d f2; a/.wh..wh..opq"], "a/; a/b/ *; a/b/d f2", "");
    check(&["a/; a/b/; a/b/c f1", "a/b/; a/b/d f2; a/.wh..wh..opq"], "a/; a/b/; a/b/d f2", "");
    check(&["a f1; b/; b/c f2", ".wh..wh..opq; d f3"], "d f3", "");
    check(&["a/; a/b f1", "a/.wh..wh..opq", "a/b f2"], "a/; a/b f2", "");
    check(&["a f1", "b/.wh..wh..opq"], "a f1", "");
}

#[test]
fn whiteouts_of_odd_shape_are_named() {
    check(&["a f1", ".wh.a f7"], "", "1:whiteout-content .wh.a");
    check(&["a f1", ".wh.a/ d"], "", "1:whiteout-content .wh.a");
    check(&["a f1", ".wh.a -> b"], "", "1:whiteout-content .wh.a");
    check(
        &["d/; d/a f1", "d/.wh.; d/.wh..; d/.wh..."],
        "d/; d/a f1",
        "1:odd-whiteout d/.wh.; 1:odd-whiteout d/.wh..; 1:odd-whiteout d/.wh...",
    );
    let odd = "0:odd-whiteout .wh..wh.aufs; 0:idle-whiteout .wh..wh.aufs";
    check(&[".wh..wh.aufs; a f1"], "a f1", odd);
    // containerd unpacks what lies below such names, so that it can run.
    let odd = "0:odd-whiteout .wh..wh.plnk/x";
    check(&[".wh..wh.plnk/x f1; .wh..wh.plnk/y"], ".wh..wh.plnk/ *; .wh..wh.plnk/x f1; .wh..wh.plnk/y", odd);
    check(&["a f1", "a c0:0"], "a c0:0", "1:odd-whiteout a");
    check(&["a/ %trusted.overlay.opaque"], "a/", "0:odd-whiteout a");
}

#[test]
fn one_kind_takes_the_place_of_another() {
    check(&["a/; a/b f1", "a f2"], "a f2", "");
    check(&["a f1", "a/; a/b f2"], "a/; a/b f2", "");
    check(&["a/; a/b f1; c/", "a -> c"], "a -> c; c/", "");
    check(&["a -> c; c/; c/x f1", "a/; a/b f2"], "a/; a/b f2; c/; c/x f1", "");
    check(&["a/; a/b f1", "a f2", "a/", "a/b f3"], "a/; a/b f3", "");
    check(&["a c1:3; b b8:0; c p"], "a c1:3; b b8:0; c p", "0:device a; 0:device b");
    check(&["a f1", "a ?"], "a f1", "");
    check(&["a f1", "~ f1"], "a f1", "1:file-parent");
}

#[test]
fn of_one_path_twice_the_last_one_wins() {
    check(&["a f1; a f2"], "a f2", "0:duplicate-path a");
    check(&["a/; a/b f1; a f2"], "a f2", "0:duplicate-path a");
    check(&["a/ d @755; a/ d @755"], "a/", "");
    check(&["a/ d @755; a/ d @4777"], "a/", "0:duplicate-path a");
    check(&["a f1", "a f2"], "a f2", "");
}

#[test]
fn hard_links_keep_their_content() {
    check(&["a f1; b = a"], "a f1; b f1", "");
    check(&["a f1; b = a; c = b"], "a f1; b f1; c f1", "");
    check(&["a f1; b = a", "a f2"], "a f2; b f1", "");
    check(&["a f1; b = a", ".wh.a"], "b f1", "");
    check(&["a f1", "b = a"], "a f1; b f1", "1:cross-layer-hardlink b");
    check(&["a f1", "a f2; b = a"], "a f2; b f2", "");
    check(&["a f1", "b = a; a f2"], "a f2; b f1", "1:cross-layer-hardlink b");
    check(&["a -> x; b = a"], "a -> x; b -> x", "");
    check(&["b = a; a f1"], "a f1; b = a", "0:dangling-hardlink b");
    check(&["a = a"], "a = a", "0:dangling-hardlink a");
    check(&["a/; b = a"], "a/; b = a", "0:dangling-hardlink b");
    check(&["a/; a/x f1; a = a/x"], "a = a/x", "0:duplicate-path a; 0:dangling-hardlink a");
    check(&["a f1", ".wh.a; b = a"], "b = a", "1:dangling-hardlink b");
    check(&["u/; u/a f1; l -> u; b = l/a"], "b f1; l -> u; u/; u/a f1", "");
    check(&["u/; l -> u; k = l; k/a f1"], "k -> u; l -> u; u/; u/a f1", "0:symlink-parent k/a");
}

#[test]
fn links_above_an_entry_are_followed_inside_the_root() {
    let base = "usr/; usr/bin/; bin -> usr/bin; usr/bin/a f1";
    let out = "bin -> usr/bin; usr/; usr/bin/; usr/bin/a";
    check(&[base, "bin/a f2; bin/b f3"], &format!("{out} f2; usr/bin/b f3"), "1:symlink-parent bin/a");
    check(&[base, "bin/.wh.a"], "bin -> usr/bin; usr/; usr/bin/", "1:symlink-parent bin/.wh.a");
    check(&[base, "bin/.wh..wh..opq"], "bin -> usr/bin; usr/; usr/bin/", "1:symlink-parent bin/.wh..wh..opq");
    check(&[base, "bin/; bin/c f4"], "bin/; bin/c f4; usr/; usr/bin/; usr/bin/a f1", "");
    check(
        &["d/; d/l -> ../../../e; d/l/x f1"],
        "d/; d/l -> ../../../e; e/ *; e/x f1",
        "0:symlink-parent d/l/x",
    );
    check(
        &["d/; d/l -> /e/./f/; d/l/x f1"],
        "d/; d/l -> /e/./f/; e/ *; e/f/ *; e/f/x f1",
        "0:symlink-parent d/l/x",
    );
    check(&["l -> no/../e; l/x f1"], "e/ *; e/x f1; l -> no/../e", "0:symlink-parent l/x");
    check(
        &["f f1; l -> f/no/../../e; l/x f2"],
        "e/ *; e/x f2; f f1; l -> f/no/../../e",
        "0:symlink-parent l/x",
    );
    check(&["l -> .; l/l/l/x f1"], "l -> .; x f1", "0:symlink-parent l/l/l/x");
}

#[test]
fn what_is_no_directory_makes_way_for_one() {
    check(&["a f1", "a/b f2; a/c f3"], "a/ *; a/b f2; a/c f3", "1:file-parent a/b");
    check(&["a f1; l -> a; l/b f2"], "a/ *; a/b f2; l -> a", "0:symlink-parent l/b; 0:file-parent l/b");
    check(&["a -> b; b -> a; a/x f1"], "a/ *; a/x f1; b -> a", "0:symlink-parent a/x");
    let long = format!("l -> {}; l/x f1", "e/".repeat(2048));
    check(&[&long], "l/ *; l/x f1", "");
}

#[test]
fn paths_resolve_as_in_the_kernel() {
    fn check(layers: &[&str], path: &str, expect: Result<&str, Unresolved>) {
        merged(layers, |tree, _| {
            let found = tree.resolve(path.as_bytes());
            let place = found.as_ref().ok().map(|(_, place)| *place);
            let found = found.map(|(path, _)| String::from_utf8_lossy(&path).into_owned());
            assert_eq!(found, expect.map(str::to_string), "{path} in {layers:?}");
            if let Ok(path) = expect {
                assert_eq!(tree.get(path.as_bytes()), place, "{path}");
            }
        });
    }
    let base = "~/ d; usr/; usr/bin/; bin -> usr/bin; usr/bin/sh -> dash; usr/bin/dash f1; up -> ../../bin";
    check(&[base], "", Ok(""));
    check(&[base], "bin/sh", Ok("usr/bin/dash"));
    check(&[base], "/up/./sh", Ok("usr/bin/dash"));
    check(&[base], "bin/../bin", Ok("usr/bin"));
    check(&[base], "bin/..", Ok("usr"));
    check(&[base], "bin/sh/", Err(Unresolved::Missing));
    check(&[base], "bin/dash/x", Err(Unresolved::Missing));
    check(&[base], "no/../bin", Err(Unresolved::Missing));
    check(&["a -> b; b -> a"], "a", Err(Unresolved::TooManyLinks));
    check(&["a -> ~"], "a", Err(Unresolved::Missing));
    let chain = |len: u32| (0..len).map(|n| format!("l{n} -> l{}; ", n + 1)).collect::<String>();
    check(&[&format!("{}l40 f1", chain(40))], "l0", Ok("l40"));
    check(&[&format!("{}l41 f1", chain(41))], "l0", Err(Unresolved::TooManyLinks));
}

#[test]
fn directories_that_no_entry_describes_are_found_too() {
    fn check(layers: &[&str], path: &str, expect: Option<&str>) {
        merged(layers, |tree, _| {
            let found = tree.directory(path.as_bytes());
            let found = found.map(|path| String::from_utf8_lossy(&path).into_owned());
            assert_eq!(found.as_deref(), expect, "{path} in {layers:?}");
        });
    }
    // Nothing but files and a link: what docker and podman unpack to all the same.
    let bare = "bin -> usr/bin; usr/bin/sh f1; usr/lib/a/b f2";
    check(&[bare], "bin", Some("usr/bin"));
    check(&[bare], "usr/lib/a", Some("usr/lib/a"));
    check(&[bare], "", Some(""));
    check(&[bare], "bin/sh", None);
    check(&[bare], "usr/share", None);
    check(&["usr/; usr/bin/; bin -> usr/bin"], "bin/.", Some("usr/bin"));
    check(&["a -> b; b -> a"], "a", None);
}

#[test]
fn the_last_component_is_not_followed_unasked() {
    merged(&["d/; l -> d; d/a -> b; d/b f1"], |tree, _| {
        let kind =
            |path: &str| tree.get(path.as_bytes()).and_then(|at| tree.entry(at)).map(|entry| entry.kind);
        assert_eq!(kind("l"), Some(layers::Kind::Symlink));
        assert_eq!(kind("l/a"), Some(layers::Kind::Symlink));
        assert_eq!(kind("l/b"), Some(layers::Kind::File));
        assert_eq!(kind("l/c"), None);
    });
}

#[test]
fn a_path_knows_its_history() {
    use Change::{Added, Opaque, ParentRemoved, Replaced, Whiteout};
    fn check(layers: &[&str], path: &str, expect: &[(u32, u32, Change)]) {
        merged(layers, |tree, _| {
            let events = tree.history(path.as_bytes());
            let events: Vec<_> = events.iter().map(|e| (e.place.layer, e.place.entry, e.change)).collect();
            assert_eq!(events, expect, "{path} in {layers:?}");
        });
    }
    check(&["a f1"], "a", &[(0, 0, Added)]);
    check(&["a f1"], "b", &[]);
    check(&["b f1", "a f1", ".wh.a", "a f2"], "a", &[(1, 0, Added), (2, 0, Whiteout), (3, 0, Added)]);
    check(&["a f1", "a f2; a f3"], "a", &[(0, 0, Added), (1, 0, Replaced), (1, 1, Replaced)]);
    check(&["d/; d/a f1", ".wh.d"], "d/a", &[(0, 1, Added), (1, 0, ParentRemoved)]);
    check(&["d/; d/a f1", "d f2"], "d/a", &[(0, 1, Added), (1, 0, ParentRemoved)]);
    check(&["d/; d/a f1", "d f2"], "d", &[(0, 0, Added), (1, 0, Replaced)]);
    check(&["d/; d/e/; d/e/a f1", "d/.wh..wh..opq"], "d/e/a", &[(0, 2, Added), (1, 0, Opaque)]);
    check(&["d/; d/a f1", "d/.wh..wh..opq; d/a f2"], "d/a", &[(0, 1, Added), (1, 0, Opaque), (1, 1, Added)]);
    check(&["d/; l -> d; l/a f1"], "d/a", &[(0, 2, Added)]);
    check(&["a f1", "a/b f1"], "a", &[(0, 0, Added), (1, 0, Replaced)]);
}

#[test]
fn what_is_shipped_and_not_shown_is_residue() {
    use Change::{Ignored, Opaque, ParentRemoved, Replaced, Whiteout};
    fn check(layers: &[&str], expect: &[((u32, u32), Change)]) {
        merged(layers, |tree, _| {
            let residue: Vec<_> =
                tree.residue().map(|(place, event)| ((place.layer, place.entry), event.change)).collect();
            assert_eq!(residue, expect, "{layers:?}");
        });
    }
    check(&["a f1"], &[]);
    check(&["a f1", ".wh.a"], &[((0, 0), Whiteout)]);
    check(&["a f1; a f2"], &[((0, 0), Replaced)]);
    check(&["d/; d/a f1", ".wh.d"], &[((0, 1), ParentRemoved)]);
    check(&["d/; d/a f1", "d/.wh..wh..opq"], &[((0, 1), Opaque)]);
    check(&["d/", "d/.wh..wh..opq"], &[]);
    check(&[".wh.a f7"], &[((0, 0), Ignored)]);
    check(&["a ?"], &[((0, 0), Ignored)]);
    check(&["~ f3"], &[((0, 0), Ignored)]);
    // The content is still shown under its other name.
    check(&["a f1; b = a", ".wh.a"], &[]);
    check(&["a f1; b = a", ".wh.a; .wh.b"], &[((0, 0), Whiteout), ((0, 1), Whiteout)]);
}

#[test]
fn many_anomalies_of_one_kind_are_counted() {
    let whiteouts: String = (0..1_500).map(|n| format!(".wh.{n};")).collect();
    let table = layer(&whiteouts);
    let (_, anomalies) = Tree::merge(&[&table, &table]);
    for layer in [0, 1] {
        let of_layer: Vec<_> = anomalies.iter().filter(|(at, _)| *at == layer).collect();
        assert!(of_layer.len() < 1_500, "{}", of_layer.len());
        let (_, last) = of_layer.last().expect("one that counts the others");
        let count = format!("{} more", 1_500 - (of_layer.len() - 1));
        assert!(last.detail.starts_with(&count), "{}", last.detail);
    }
}

#[test]
fn a_directory_without_an_entry_is_of_the_layer_that_brought_something_there() {
    merged(&["a/b/c f1", "d f1", "a/e f1"], |tree, _| {
        assert_eq!(tree.implied().collect::<Vec<_>>(), [(b"a".to_vec(), 2), (b"a/b".to_vec(), 0)]);
    });
}

#[test]
fn deep_paths_and_loops_end() {
    let deep = "d/".repeat(2_000) + "x";
    let link = format!("l -> {}; ", "d/".repeat(2_000));
    let layer = format!("{deep} f1; {link}l/y f2");
    merged(&[&layer, "l/.wh.x", "l/.wh.y", ".wh.d"], |tree, _| {
        assert_eq!(listing(tree), format!("l -> {}", "d/".repeat(2_000)));
        assert_eq!(tree.residue().count(), 2);
    });
}

#[test]
fn a_link_that_every_entry_follows_costs_a_bounded_number_of_steps() {
    let entries: String = (0..10_000).map(|n| format!("l{}/x{n} f1;", n % 2)).collect();
    let target = "./".repeat(2_040);
    let text = format!("l0 -> {target}; l1 -> {target}; {entries}");
    merged(&[&text], |tree, odd| {
        assert!(odd.contains("limit-reached"), "{odd}");
        assert_eq!(tree.iter().count() + tree.residue().count(), 10_002);
    });
}

#[test]
fn directories_without_entries_are_bounded() {
    let text: String = (0..200).map(|n| format!("{n}/{}x f1;", "d/".repeat(1_000))).collect();
    merged(&[&text], |tree, odd| {
        assert!(odd.contains("limit-reached"), "{odd}");
        assert_eq!(tree.iter().count() + tree.residue().count(), 200);
        assert!(tree.implied().all(|(_, layer)| layer == 0));
    });
}
