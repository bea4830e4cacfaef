//! Layers that no honest builder writes, or only some do.

use test_support::LayerBuilder;

/// Images by what is odd about them.
pub(crate) fn images() -> Vec<(&'static str, Vec<LayerBuilder>)> {
    vec![
        ("parents without entries", vec![new().file("a/b/c", 0o644, "1").file("a/d", 0o600, "2")]),
        ("a parent after its child", vec![new().file("a/b", 0o644, "1").dir("a", 0o710)]),
        (
            "files through a link",
            vec![merged_usr(), new().file("bin/a", 0o700, "2").file("bin/b", 0o4755, "3")],
        ),
        ("a whiteout through a link", vec![merged_usr(), new().whiteout("bin/a")]),
        (
            "an opaque whiteout through a link",
            vec![merged_usr(), new().opaque("bin").file("bin/n", 0o644, "2")],
        ),
        ("a directory over a link", vec![merged_usr(), new().dir("bin", 0o755).file("bin/c", 0o644, "2")]),
        ("a link over a directory", vec![merged_usr(), new().symlink("usr", "etc").dir("etc", 0o755)]),
        (
            "a link that climbs",
            vec![new().dir("d", 0o755).symlink("d/l", "../../../e").file("d/l/x", 0o644, "1")],
        ),
        ("a link to nothing yet", vec![new().symlink("l", "/e/./f/").file("l/x", 0o644, "1")]),
        (
            "a link past what is missing",
            vec![new().dir("e", 0o755).symlink("l", "no/../e").file("l/x", 0o644, "1")],
        ),
        (
            "a link past a file",
            vec![
                file()
                    .symlink("l", "a/..")
                    .symlink("m", "a/no/../../e")
                    .file("l/x", 0o644, "1")
                    .file("m/y", 0o644, "2"),
            ],
        ),
        ("a link to its own directory", vec![new().symlink("l", ".").file("l/l/x", 0o644, "1")]),
        (
            "links to links",
            vec![new().dir("d", 0o755).symlink("l", "m").symlink("m", "/d").file("l/x", 0o644, "1")],
        ),
        ("a hard link into a lower layer", vec![file(), new().hardlink("b", "a")]),
        ("a hard link before its file changes", vec![file(), new().hardlink("b", "a").file("a", 0o600, "2")]),
        ("a hard link after its file changed", vec![file(), new().file("a", 0o600, "2").hardlink("b", "a")]),
        ("a hard link whose file goes", vec![file().hardlink("b", "a"), new().whiteout("a")]),
        ("a hard link to a link", vec![file().symlink("l", "a").hardlink("b", "l")]),
        ("a hard link through a link", vec![merged_usr(), new().hardlink("b", "bin/a")]),
        ("a whiteout before its path", vec![file(), new().whiteout("a").file("a", 0o644, "2")]),
        ("a whiteout after its path", vec![file(), new().file("a", 0o644, "2").whiteout("a")]),
        ("a whiteout before what is below", vec![tree(), new().whiteout("d").file("d/n", 0o644, "2")]),
        ("a whiteout after what is below", vec![tree(), new().file("d/n", 0o644, "2").whiteout("d")]),
        ("a whiteout of nothing", vec![file(), new().whiteout("b").whiteout("c/d").whiteout("a/b")]),
        (
            "a whiteout that comes back",
            vec![tree(), new().whiteout("d"), new().dir("d", 0o700).file("d/n", 0o644, "2")],
        ),
        (
            "an opaque whiteout at first",
            vec![tree(), new().opaque("d").dir("d", 0o755).file("d/n", 0o644, "2")],
        ),
        (
            "an opaque whiteout at last",
            vec![tree(), new().dir("d", 0o755).file("d/n", 0o644, "2").opaque("d")],
        ),
        ("an opaque whiteout above", vec![tree(), new().file("d/e/n", 0o644, "2").opaque("d")]),
        ("an opaque root", vec![tree(), new().opaque("").file("n", 0o644, "2")]),
        ("one file twice", vec![new().file("a", 0o644, "1").file("a", 0o600, "22")]),
        ("a file, then a directory", vec![file().dir("a", 0o755).file("a/b", 0o644, "2")]),
        ("a directory, then a file", vec![tree().file("d", 0o644, "2")]),
        ("one directory twice", vec![tree().dir("d", 0o1777)]),
        ("a file over a directory", vec![tree(), new().file("d", 0o644, "2"), new().dir("d", 0o750)]),
        (
            "whiteouts below a new file",
            vec![tree(), new().file("d", 0o644, "2").whiteout("d/f").whiteout("d/e")],
        ),
        ("a whiteout with content", vec![file(), new().file(".wh.a", 0o644, "hidden")]),
        ("a whiteout that is a directory", vec![file(), new().dir(".wh.a", 0o755)]),
        ("metadata of AUFS", vec![file().file(".wh..wh.aufs", 0o644, "").file(".wh..wh.plnk/x", 0o644, "2")]),
        ("a name of many dots", vec![file().file("...", 0o644, "2").file("..a/..b", 0o644, "3")]),
        ("slashes and dots", vec![new().file("./a//b/./c", 0o644, "1").file("/d/../e", 0o644, "2")]),
        ("names of odd bytes", vec![new().file(b"\xff\x1b[2J", 0o644, "1").file("a\nb", 0o644, "2")]),
        (
            "all kinds",
            vec![new().fifo("p").device("z", 1, 3).owner(7, 8).file("s", 0o6755, "1").dir("t", 0o1777)],
        ),
    ]
}

fn new() -> LayerBuilder {
    LayerBuilder::new()
}

fn file() -> LayerBuilder {
    new().file("a", 0o755, "1")
}

fn tree() -> LayerBuilder {
    new().dir("d", 0o755).file("d/f", 0o644, "1").dir("d/e", 0o755).file("d/e/g", 0o644, "2")
}

/// As Debian lays out its root.
fn merged_usr() -> LayerBuilder {
    new().dir("usr", 0o755).dir("usr/bin", 0o755).symlink("bin", "usr/bin").file("usr/bin/a", 0o755, "1")
}
