//! The images that the alert tells of, rebuilt from stand-ins: the same names, tags and ways of starting, and a
//! program hidden in another layer where the alert says so. Beside them stand three images as honest people
//! build them.
//!
//! The alert prints neither the launcher nor its pool. These are filled in as other campaigns of the kind had them,
//! with servers that cannot exist and wallets that nobody has the key of.

mod launchers;
mod packages;
mod without;

pub use without::Without;

use crate::standin;
use crate::standin::acting::Act;
use crate::{Image, ImageBuilder, Layer, LayerBuilder, md5_hex};
use launchers::Work;
use packages::{Package, with_apk, with_dpkg};

/// One image of the story.
#[derive(Debug, Clone)]
pub struct StoryImage {
    /// Its name, as Docker writes it.
    pub reference: String,
    /// The date on which the alert says that it was found; empty for the benign ones.
    pub detected: &'static str,
    /// What the alert says that it contains.
    pub contains: &'static str,
    /// The image.
    pub image: Image,
    /// MD5 of the stand-in for its miner, to be imported as a rule; none for the benign ones, and where hashes are
    /// left out.
    pub hashes: Vec<String>,
}

/// The five images of the alert, in its order.
pub fn five_images() -> Vec<StoryImage> {
    five_images_without(Without::default())
}

/// As [`five_images`], with something taken from them.
pub fn five_images_without(without: Without) -> Vec<StoryImage> {
    let launched = miner(without, "6.12.2", 442, 1);
    let direct = miner(without, "6.13.1", 443, 4);
    let story = |(user, repository, tag): (&str, &str, &str), detected, contains, image, miner: &[u8]| {
        let [user, repository] = [user, repository].map(|name| without.name(name));
        let tag = if without.names { "latest" } else { tag };
        StoryImage {
            reference: format!("{user}/{repository}:{tag}"),
            detected,
            contains,
            image,
            hashes: if without.hashes { Vec::new() } else { vec![md5_hex(miner)] },
        }
    };
    let launches = "dao.py, a hidden xmrig";
    vec![
        story(
            ("thanhtudo", "thanhtudo", "latest"),
            "2021-07-01",
            launches,
            told_by_arguments(without, &launched),
            &launched,
        ),
        story(
            ("thieunutre", "thieunutre", "latest"),
            "2021-07-15",
            launches,
            told_by_configuration(without, &launched),
            &launched,
        ),
        story(
            ("chanquaa", "chanquaa", "latest"),
            "2020-12-30",
            launches,
            told_by_file(without, &launched),
            &launched,
        ),
        story(
            ("c43602f9cc95", "openjdk", "0da242bd93b7f"),
            "2021-07-04",
            "xmrig",
            direct_image(
                without,
                "java",
                &direct,
                &[
                    "-o",
                    "203.0.113.66:443",
                    "-u",
                    &without.account(4),
                    "--tls",
                    "-t",
                    "4",
                    "--donate-level=1",
                ],
            ),
            &direct,
        ),
        story(
            ("700888880a0", "golang", "e2e26c727b88"),
            "2021-07-04",
            "xmrig",
            direct_image(
                without,
                "go",
                &direct,
                &["--url=pool.invalid:3333", "--user", &without.account(5), "--algo", "rx/0", "--threads=4"],
            ),
            &direct,
        ),
    ]
}

/// The stand-in for one build of the miner. Where a network answers, it logs in and submits a share.
fn miner(without: Without, version: &'static str, port: u16, whose: u8) -> Vec<u8> {
    let build = without.build(version);
    if without.engine {
        return standin::program(build);
    }
    let pool = ([203, 0, 113, 66], port);
    let account = without.account(whose);
    if without.names {
        return standin::acting_miner(&[build], pool, &account);
    }
    standin::acting_miner(&[&format!("XMRig {build}"), "xmrig.json", "donate.v2.xmrig.com"], pool, &account)
}

fn told_by_arguments(without: Without, miner: &[u8]) -> Image {
    let hidden = without.path("/usr/lib/.cache/ld");
    let work = Work { program: &hidden, pool: "203.0.113.66:442", account: &without.account(1) };
    let script = without.name("dao.py");
    let text = if without.orders { launchers::by_nothing(&hidden) } else { launchers::by_arguments(&work) };
    launched_image(
        &[(&hidden, 0o755, miner)],
        (&format!("/root/{script}"), &text),
        (&["python3", &script], "/root"),
    )
}

fn told_by_configuration(without: Without, miner: &[u8]) -> Image {
    let hidden = format!("/var/tmp/{}/{}", without.name(".x"), without.name("ld"));
    let work =
        Work { program: &hidden, pool: "stratum+ssl://pool.invalid:5555", account: &without.account(2) };
    let script = format!("/{}", without.name("dao.py"));
    let written = format!("/var/tmp/{}", without.name("config.json"));
    let text = match without.orders {
        true => launchers::by_nothing(&hidden),
        false => launchers::by_configuration(&work, &written),
    };
    launched_image(&[(&hidden, 0o755, miner)], (&script, &text), (&["python3", &script], "/"))
}

fn told_by_file(without: Without, miner: &[u8]) -> Image {
    let hidden = without.path("/usr/share/.fonts/fc");
    let configuration = without.path("/usr/share/.fonts/config.json");
    let script = without.path("/opt/dao.py");
    let told = launchers::configuration("pool.invalid:443", &without.account(3));
    if without.orders {
        let text = launchers::by_nothing(&hidden);
        return launched_image(&[(&hidden, 0o755, miner)], (&script, &text), (&[&script], "/"));
    }
    launched_image(
        &[(&hidden, 0o755, miner), (&configuration, 0o644, told.as_bytes())],
        (&script, &launchers::by_file(&hidden, &configuration)),
        (&[&script], "/"),
    )
}

/// Three images without harm: a Python web application on Debian packages behind an init and a shell
/// entrypoint, one static program from scratch, and a shell tool on Alpine packages.
pub fn benign_images() -> Vec<StoryImage> {
    let story = |reference: &str, contains, image| StoryImage {
        reference: reference.into(),
        detected: "",
        contains,
        image,
        hashes: Vec::new(),
    };
    vec![
        story("harbor-pilots/tide-table:1.4", "Python web application", web_image()),
        story("harbor-pilots/signal-lamp:2.0", "one static program", static_image()),
        story("harbor-pilots/log-book:3.1", "a shell tool", shell_image()),
    ]
}

/// Packages below a script that starts a program, which lies in a layer of its own above the script.
fn launched_image(
    hidden: &[(&str, u32, &[u8])],
    (script, text): (&str, &str),
    (start, workdir): (&[&str], &str),
) -> Image {
    let hidden_layer = hidden.iter().fold(LayerBuilder::new(), |layer, (path, mode, bytes)| {
        layer.file(path.trim_start_matches('/'), *mode, bytes)
    });
    let script_layer = LayerBuilder::new().file(script.trim_start_matches('/'), 0o755, text);
    let script_name = script.rsplit('/').next().unwrap_or(script);
    // What the script does is done by the interpreter's stand-in, since no interpreter is here to read it.
    let program = hidden.first().map_or("", |(path, ..)| *path);
    let acts = [Act::EndWithoutScript, Act::Become(program, &[program])];
    let python = standin::acting::program(&acts, &["stand-in for python3.11"], 0);
    ImageBuilder::new()
        .layer(Layer::from(debian_with(python)).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .history("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .layer(
            Layer::from(script_layer)
                .created_by(&format!("/bin/sh -c #(nop) COPY file:{script_name} in {script} ")),
        )
        .layer(Layer::from(hidden_layer).created_by("/bin/sh -c #(nop) COPY dir:lib in / "))
        .config(|config| config.entrypoint(start).workdir(workdir))
        .build()
}

/// Packages below a program that calls itself a language's tool and is started directly.
fn direct_image(without: Without, pretends: &str, miner: &[u8], told: &[&str]) -> Image {
    let (program, pretends) = (without.name("xmrig"), without.name(pretends));
    let layer = LayerBuilder::new().file(format!("usr/local/bin/{program}"), 0o755, miner);
    let layer = layer.symlink(format!("usr/local/bin/{pretends}"), &program);
    ImageBuilder::new()
        .layer(Layer::from(debian()).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .layer(
            Layer::from(layer)
                .created_by(&format!("/bin/sh -c #(nop) ADD file:{program} in /usr/local/bin ")),
        )
        .history(&format!("/bin/sh -c #(nop)  ENTRYPOINT [\"{program}\"]"))
        .config(|config| config.entrypoint(&[&program]).cmd(if without.orders { &[] } else { told }))
        .build()
}

fn web_image() -> Image {
    let application = LayerBuilder::new()
        .dir("srv", 0o755)
        .dir("srv/app", 0o755)
        .file("srv/app/__init__.py", 0o644, b"")
        .file("srv/app/__main__.py", 0o644, standin::web_application())
        .file("docker-entrypoint.sh", 0o755, standin::shell_entrypoint());
    ImageBuilder::new()
        .layer(Layer::from(debian()).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .layer(Layer::from(application).created_by("COPY . / # buildkit"))
        .history("ENTRYPOINT [\"tini\" \"--\" \"/docker-entrypoint.sh\"]")
        .history("CMD [\"serve\"]")
        .config(|config| {
            config
                .entrypoint(&["tini", "--", "/docker-entrypoint.sh"])
                .cmd(&["serve"])
                .workdir("/srv")
                .user("1000")
                .healthcheck(&["CMD", "python3", "-c", "print()"])
        })
        .build()
}

fn static_image() -> Image {
    let layer = LayerBuilder::new()
        .dir("etc", 0o755)
        .dir("etc/ssl", 0o755)
        .file("etc/ssl/README", 0o644, "Certificates are mounted here.\n")
        .file("signal-lamp", 0o755, standin::program_with(&["go1.26", "signal-lamp"], 4096));
    ImageBuilder::new()
        .layer(Layer::from(layer).created_by("COPY /out/ / # buildkit"))
        .history("ENTRYPOINT [\"/signal-lamp\"]")
        .config(|config| config.entrypoint(&["/signal-lamp"]).user("65532:65532").workdir("/"))
        .build()
}

fn shell_image() -> Image {
    let packages = [
        Package {
            name: "alpine-baselayout",
            version: "3.7.0-r0",
            files: vec![("etc/os-release", 0o644, os_release("alpine", "3.23"))],
        },
        Package {
            name: "busybox",
            version: "1.37.0-r20",
            files: vec![("bin/busybox", 0o755, standin::program("stand-in for busybox"))],
        },
    ];
    let tool = LayerBuilder::new()
        .dir("usr", 0o755)
        .dir("usr/local", 0o755)
        .dir("usr/local/bin", 0o755)
        .file("usr/local/bin/log-book", 0o755, "#!/bin/sh\nset -eu\nsort -u \"${1:-/data/log}\"\n");
    ImageBuilder::new()
        .layer(Layer::from(with_apk(LayerBuilder::new(), &packages).symlink("bin/sh", "/bin/busybox")))
        .layer(Layer::from(tool).created_by("COPY log-book /usr/local/bin/ # buildkit"))
        .history("CMD [\"log-book\"]")
        .config(|config| config.cmd(&["log-book"]))
        .build()
}

/// A small Debian: a shell, Python and an init, each owned by its package.
fn debian() -> LayerBuilder {
    debian_with(standin::program("stand-in for python3.11"))
}

/// The same with this stand-in for its interpreter.
fn debian_with(python: Vec<u8>) -> LayerBuilder {
    let program = |name: &str| standin::program(&format!("stand-in for {name}"));
    // The first lines of scripts ask it for the interpreter, and it is asked for no other program.
    let env =
        standin::acting::program(&[Act::BecomeToldProgram("/usr/bin/python3")], &["stand-in for env"], 0);
    let packages = [
        Package {
            name: "base-files",
            version: "12.4+deb12u12",
            files: vec![("usr/lib/os-release", 0o644, os_release("debian", "12"))],
        },
        Package { name: "dash", version: "0.5.12-2", files: vec![("usr/bin/dash", 0o755, program("dash"))] },
        Package {
            name: "coreutils",
            version: "9.1-1",
            files: vec![("usr/bin/env", 0o755, env), ("usr/bin/sort", 0o755, program("sort"))],
        },
        Package {
            name: "python3.11-minimal",
            version: "3.11.2-6+deb12u6",
            files: vec![("usr/bin/python3.11", 0o755, python)],
        },
        Package { name: "tini", version: "0.19.0-1", files: vec![("usr/bin/tini", 0o755, program("tini"))] },
    ];
    with_dpkg(LayerBuilder::new(), &packages)
        .dir("etc", 0o755)
        .symlink("etc/os-release", "../usr/lib/os-release")
        .symlink("bin", "usr/bin")
        .symlink("usr/bin/sh", "dash")
        .symlink("usr/bin/python3", "python3.11")
}

fn os_release(id: &str, version: &str) -> Vec<u8> {
    format!("ID={id}\nVERSION_ID=\"{version}\"\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_five_share_two_programs_and_nothing_is_left_to_chance() {
        let images = five_images();
        let names: Vec<&str> = images.iter().map(|story| story.reference.as_str()).collect();
        assert_eq!(
            names,
            [
                "thanhtudo/thanhtudo:latest",
                "thieunutre/thieunutre:latest",
                "chanquaa/chanquaa:latest",
                "c43602f9cc95/openjdk:0da242bd93b7f",
                "700888880a0/golang:e2e26c727b88"
            ]
        );
        let hashes: BTreeSet<&String> = images.iter().flat_map(|story| &story.hashes).collect();
        assert_eq!(hashes.len(), 2);
        assert!(five_images_without(Without::LISTED).iter().all(|story| story.hashes.is_empty()));
        let digests: BTreeSet<&str> = images.iter().map(|story| story.image.digest()).collect();
        assert_eq!(digests.len(), 5);
        for (once, again) in images.iter().zip(five_images()) {
            assert_eq!(once.image.digest(), again.image.digest());
        }
    }

    #[test]
    fn each_miner_lies_in_a_layer_and_in_no_benign_image() {
        let miners: BTreeSet<String> = five_images().into_iter().flat_map(|story| story.hashes).collect();
        let hashes = |image: &Image| -> BTreeSet<String> {
            let read = |layer: &Vec<u8>| {
                let mut archive = tar::Archive::new(layer.as_slice());
                let entries = archive.entries().unwrap().map(|entry| {
                    let mut bytes = Vec::new();
                    std::io::Read::read_to_end(&mut entry.unwrap(), &mut bytes).unwrap();
                    md5_hex(&bytes)
                });
                entries.collect::<Vec<_>>()
            };
            image.archives().iter().flat_map(read).collect()
        };
        for story in five_images() {
            assert!(
                story.hashes.iter().all(|hash| hashes(&story.image).contains(hash)),
                "{}",
                story.reference
            );
        }
        for story in benign_images() {
            assert!(hashes(&story.image).is_disjoint(&miners), "{}", story.reference);
        }
    }

    #[test]
    fn every_start_leads_to_a_file() {
        let bare = five_images_without(Without::LISTED);
        for story in five_images().into_iter().chain(bare).chain(benign_images()) {
            let config: model::ImageConfig = serde_json::from_slice(story.image.config()).unwrap();
            let words = config.config.entrypoint.iter().chain(&config.config.cmd);
            let start = words.into_iter().next().unwrap().trim_start_matches('/').to_owned();
            let found = story.image.archives().iter().any(|layer| {
                let mut archive = tar::Archive::new(layer.as_slice());
                archive.entries().unwrap().any(|entry| {
                    let entry = entry.unwrap();
                    entry.path().unwrap().ends_with(&start)
                })
            });
            assert!(found, "{}: {start}", story.reference);
        }
    }
}
