//! The images that the alert tells of, rebuilt from stand-ins: the same names, tags and ways of starting, and a
//! program hidden in another layer where the alert says so. Beside them stand three images as honest people
//! build them.

mod packages;

use crate::standin;
use crate::{Image, ImageBuilder, Layer, LayerBuilder, md5_hex};
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
    /// MD5 of the stand-in for its miner, to be imported as a rule; none for the benign ones.
    pub hashes: Vec<String>,
}

/// The five images of the alert, in its order.
pub fn five_images() -> Vec<StoryImage> {
    let launched = standin::program("stand-in for the program that dao.py starts");
    let direct = standin::program("stand-in for the program that runs by itself");
    let story = |reference: &str, detected, contains, image, miner: &[u8]| StoryImage {
        reference: reference.into(),
        detected,
        contains,
        image,
        hashes: vec![md5_hex(miner)],
    };
    vec![
        story(
            "thanhtudo/thanhtudo:latest",
            "2021-07-01",
            "dao.py, which starts a hidden xmrig",
            launched_image("/usr/lib/.cache/ld", &launched, "/root/dao.py", &["python3", "dao.py"], "/root"),
            &launched,
        ),
        story(
            "thieunutre/thieunutre:latest",
            "2021-07-15",
            "dao.py, which starts a hidden xmrig",
            launched_image("/var/tmp/.x/ld", &launched, "/dao.py", &["python3", "/dao.py"], "/"),
            &launched,
        ),
        story(
            "chanquaa/chanquaa:latest",
            "2020-12-30",
            "dao.py, which starts a hidden xmrig",
            launched_image("/usr/share/.fonts/fc", &launched, "/opt/dao.py", &["/opt/dao.py"], "/"),
            &launched,
        ),
        story(
            "c43602f9cc95/openjdk:0da242bd93b7f",
            "2021-07-04",
            "xmrig",
            direct_image("java", &direct),
            &direct,
        ),
        story("700888880a0/golang:e2e26c727b88", "2021-07-04", "xmrig", direct_image("go", &direct), &direct),
    ]
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
        story("harbor-pilots/tide-table:1.4", "a Python web application", web_image()),
        story("harbor-pilots/signal-lamp:2.0", "one static program", static_image()),
        story("harbor-pilots/log-book:3.1", "a shell tool", shell_image()),
    ]
}

/// Packages below a script that starts a program, which lies in a layer of its own above the script.
fn launched_image(hidden: &str, miner: &[u8], script: &str, start: &[&str], workdir: &str) -> Image {
    let name_at = hidden.rfind('/').unwrap_or(0);
    let hidden_layer = LayerBuilder::new().dir(hidden[..name_at].trim_start_matches('/'), 0o755).file(
        hidden.trim_start_matches('/'),
        0o755,
        miner,
    );
    let script_layer =
        LayerBuilder::new().file(script.trim_start_matches('/'), 0o755, standin::launcher(hidden));
    let start: Vec<String> = start.iter().map(|&word| word.into()).collect();
    let workdir = workdir.to_owned();
    ImageBuilder::new()
        .layer(Layer::from(debian()).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .history("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .layer(
            Layer::from(script_layer).created_by(&format!("/bin/sh -c #(nop) COPY file:dao.py in {script} ")),
        )
        .layer(Layer::from(hidden_layer).created_by("/bin/sh -c #(nop) COPY dir:lib in / "))
        .config(move |config| {
            let words: Vec<&str> = start.iter().map(String::as_str).collect();
            config.entrypoint(&words).workdir(&workdir)
        })
        .build()
}

/// Packages below a program that calls itself a language's tool and is started directly.
fn direct_image(pretends: &str, miner: &[u8]) -> Image {
    let path = format!("usr/local/bin/{pretends}");
    let xmrig = LayerBuilder::new().file("usr/local/bin/xmrig", 0o755, miner).symlink(&path, "xmrig");
    ImageBuilder::new()
        .layer(Layer::from(debian()).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .layer(Layer::from(xmrig).created_by("/bin/sh -c #(nop) ADD file:xmrig in /usr/local/bin "))
        .history("/bin/sh -c #(nop)  ENTRYPOINT [\"xmrig\"]")
        .config(|config| config.entrypoint(&["xmrig"]))
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
    let program = |name: &str| standin::program(&format!("stand-in for {name}"));
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
            files: vec![("usr/bin/env", 0o755, program("env")), ("usr/bin/sort", 0o755, program("sort"))],
        },
        Package {
            name: "python3.11-minimal",
            version: "3.11.2-6+deb12u6",
            files: vec![("usr/bin/python3.11", 0o755, program("python3.11"))],
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
        for story in five_images().into_iter().chain(benign_images()) {
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
