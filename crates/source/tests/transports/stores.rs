//! Opens images in the local stores of container engines: real ones where an engine is here to fill them, and
//! ones that are written as the engines write them.
use crate::support::{digest, has_peer, layer_bytes, open_text, refuses};
use base64::Engine as _;
use serde_json::json;
use source::Options;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use test_support::{Compression, Image, ImageBuilder, Layer, LayerBuilder};

fn image() -> Image {
    let base = LayerBuilder::new()
        .dir("usr", 0o755)
        .dir("usr/bin", 0o755)
        .file("usr/bin/app", 0o755, vec![7; 100_000])
        .file("usr/bin/".to_owned() + &"n".repeat(150), 0o644, b"long")
        .symlink("bin", "usr/bin")
        .file("bin/through", 0o644, b"a link")
        .hardlink("usr/bin/again", "usr/bin/app")
        .file("empty", 0o644, b"");
    let top = LayerBuilder::new().whiteout("usr/bin/app").file("etc", 0o600, b"not a directory");
    ImageBuilder::new()
        .layer(Layer::new(base.build()).compression(Compression::Zstd))
        .layer(top)
        .config(|config| config.entrypoint(&["/usr/bin/app"]))
        .build()
}

fn check(text: &str, options: &Options, built: &Image) {
    let opened = open_text(text, options).unwrap();
    assert_eq!(opened.images.len(), 1, "{text}");
    let image = &opened.images[0];
    assert_eq!(image.config.config.entrypoint, ["/usr/bin/app"]);
    let bytes = layer_bytes(image);
    assert_eq!(bytes.len(), built.archives().len());
    for ((layer, bytes), archive) in image.layers.iter().zip(&bytes).zip(built.archives()) {
        assert!(bytes == archive, "{text}: layer {} differs", layer.index);
        assert_eq!(layer.diff_id.unwrap(), digest(archive));
        assert_eq!(layer.digest, layer.diff_id);
        assert!(layer.gaps().is_empty(), "{:?}", layer.gaps());
    }
    assert!(opened.anomalies.is_empty(), "{:?}", opened.anomalies);
    assert!(opened.gaps.is_empty(), "{:?}", opened.gaps);
}

/// A directory that a store of overlays mounts onto itself, and leaves so.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nothing is mounted there without rights, or by another driver.
        let _ = Command::new("umount").arg(&self.0).stderr(std::process::Stdio::null()).status();
    }
}

#[test]
fn what_skopeo_stores_is_read_back_byte_for_byte() {
    if !has_peer("skopeo") {
        return;
    }
    let built = image();
    for driver in ["overlay", "vfs"] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let _store = Mounted(dir.path().join("root").join(driver));
        std::fs::create_dir(at("layout")).unwrap();
        built.write_oci_layout(Path::new(&at("layout")), Some("1")).unwrap();
        let store = format!("containers-storage:[{driver}@{}+{}]localhost/app:1", at("root"), at("run"));
        let copied = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet", &format!("oci:{}:1", at("layout")), &store])
            .output()
            .unwrap();
        if !copied.status.success() {
            println!("SKIPPED: skopeo cannot write a {driver} store here");
            assert!(std::env::var_os("CI").is_none(), "{}", String::from_utf8_lossy(&copied.stderr));
            continue;
        }
        let mut options = Options::default();
        options.storage.containers_storage = vec!["/nowhere".into(), at("root").into()];
        let manifest: serde_json::Value = serde_json::from_slice(built.manifest()).unwrap();
        let id = manifest["config"]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        for name in ["localhost/app:1", "app:1", id, &id[..12]] {
            check(&format!("containers-storage:{name}"), &options, &built);
        }
        refuses(open_text("containers-storage:other", &options), "it holds localhost/app:1");

        // A file that the store has lost is a gap, and the rest of its layer is read all the same.
        while let Some(file) = find(dir.path(), "through") {
            std::fs::remove_file(file).unwrap();
        }
        let opened = open_text("containers-storage:app:1", &options).unwrap();
        let layer = &opened.images[0].layers[0];
        let mut bytes = Vec::new();
        layer.open().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), built.archives()[0].len());
        assert_eq!(layer.gaps().len(), 1);
        assert!(layer.gaps()[0].what.ends_with("bin/through"));
    }
}

fn find(dir: &Path, name: &str) -> Option<std::path::PathBuf> {
    std::fs::read_dir(dir).ok()?.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => find(&path, name),
            false => (entry.file_name() == name).then_some(path),
        }
    })
}

/// Ends the daemon with the test.
struct Daemon(std::process::Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_containerd_stores_is_read_back_while_it_runs() {
    if !has_peer("containerd") || !has_peer("ctr") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let config = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = \"{}\"\n[ttrpc]\naddress = \"{}\"\n",
        at("root"),
        at("state"),
        at("c.sock"),
        at("t.sock")
    );
    std::fs::write(at("config.toml"), config).unwrap();
    let started = Command::new("containerd")
        .args(["-c", &at("config.toml")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _daemon = Daemon(started.unwrap());
    let socket = at("c.sock");
    let ctr = |words: &[&str]| Command::new("ctr").args(["-a", &socket]).args(words).output().unwrap();
    let begin = std::time::Instant::now();
    while !ctr(&["version"]).status.success() {
        if begin.elapsed().as_secs() > 30 {
            println!("SKIPPED: containerd does not start here");
            assert!(std::env::var_os("CI").is_none(), "containerd must start here");
            return;
        }
        std::thread::yield_now();
    }
    // containerd of that age knows no zstd.
    let built = ImageBuilder::new()
        .layer(LayerBuilder::new().file("a", 0o644, b"1"))
        .config(|config| config.entrypoint(&["/usr/bin/app"]))
        .build();
    std::fs::write(at("image.tar"), built.oci_archive(Some("1"))).unwrap();
    let imported =
        ctr(&["image", "import", "--no-unpack", "--base-name", "example.org/app", &at("image.tar")]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    // Enough of them that the names no longer fit into one page.
    for number in 0..60 {
        let target = format!("example.org/{}:{number}", "long/".repeat(20) + "name");
        assert!(ctr(&["image", "tag", "example.org/app:1", &target]).status.success());
    }
    let mut options = Options::default();
    options.storage.containerd = at("root").into();
    for name in ["example.org/app:1".to_owned(), format!("example.org/{}:59", "long/".repeat(20) + "name")] {
        let opened = open_text(&format!("containerd:{name}"), &options).unwrap();
        assert_eq!(opened.digest.unwrap().to_string(), built.digest());
        assert_eq!(opened.images[0].config_bytes, built.config());
        let layer = &opened.images[0].layers[0];
        assert_eq!(layer.digest.unwrap(), digest(&layer_bytes(&opened.images[0])[0]));
        assert!(layer.stamp().is_some());
    }
    refuses(open_text("containerd:other", &options), "example.org/app:1 in default");
}

/// Takes an archive apart as tar-split does: the files into a directory, everything else into notes.
fn split(archive: &[u8], files: &Path) -> Vec<u8> {
    let mut notes = String::new();
    let raw = |bytes: &[u8]| {
        let payload = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("{}\n", json!({"type": 2, "payload": payload, "position": 0}))
    };
    let mut done = 0;
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let entry = entry.unwrap();
        let (start, size) = (entry.raw_file_position() as usize, entry.size() as usize);
        let name = entry.path().unwrap().display().to_string();
        let path = files.join(&name);
        notes += &raw(&archive[done..start]);
        done = start + size;
        match entry.header().entry_type() {
            tar::EntryType::Directory => std::fs::create_dir_all(path).unwrap(),
            tar::EntryType::Symlink => {
                std::os::unix::fs::symlink(entry.link_name().unwrap().unwrap(), path).unwrap()
            }
            tar::EntryType::Regular if size > 0 => std::fs::write(path, &archive[start..done]).unwrap(),
            _ => {}
        }
        notes += &format!("{}\n", json!({"type": 1, "name": name, "size": size, "position": 1}));
    }
    notes += &raw(&archive[done..]);
    Compression::Gzip.apply(notes.as_bytes())
}

/// Writes an image as the Docker daemon keeps it.
fn docker_root(root: &Path, built: &Image) {
    let write = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let id = digest(built.config());
    let names = json!({"Repositories": {"app": {"app:1": id.to_string()}}});
    write("image/overlay2/repositories.json", names.to_string().as_bytes());
    write(&format!("image/overlay2/imagedb/content/sha256/{}", id.hex()), built.config());
    let mut chain = String::new();
    for (index, archive) in built.archives().iter().enumerate() {
        let diff_id = digest(archive).to_string();
        chain = match chain.as_str() {
            "" => diff_id,
            below => digest(format!("{below} {diff_id}").as_bytes()).to_string(),
        };
        let layer = format!("image/overlay2/layerdb/{}", chain.replacen(':', "/", 1));
        let files = root.join(format!("overlay2/cache{index}/diff"));
        std::fs::create_dir_all(&files).unwrap();
        write(&format!("{layer}/cache-id"), format!("cache{index}").as_bytes());
        write(&format!("{layer}/tar-split.json.gz"), &split(archive, &files));
    }
}

#[test]
fn the_files_of_the_docker_daemon_are_read_without_it() {
    let built = image();
    let dir = tempfile::tempdir().unwrap();
    docker_root(dir.path(), &built);
    let mut options = Options::default();
    options.storage.docker = dir.path().to_owned();
    options.storage.docker_socket = dir.path().join("no.sock");
    let id = digest(built.config()).hex();
    for name in ["app:1", "docker.io/library/app:1", &id, &id[..12], &format!("sha256:{id}")] {
        check(&format!("docker-daemon:{name}"), &options, &built);
    }
    refuses(open_text("docker-daemon:other", &options), "socket");

    std::fs::write(dir.path().join(format!("image/overlay2/imagedb/content/sha256/{id}")), b"{}").unwrap();
    refuses(open_text("docker-daemon:app:1", &options), "hashes to");
}

#[test]
fn a_store_cannot_lead_out_of_itself() {
    let built = image();
    let dir = tempfile::tempdir().unwrap();
    docker_root(dir.path(), &built);
    let first = digest(&built.archives()[0]).hex();
    let cache = dir.path().join("image/overlay2/layerdb/sha256").join(first).join("cache-id");
    let mut options = Options::default();
    options.storage.docker = dir.path().to_owned();
    for hostile in ["../../etc", "", "a/b"] {
        std::fs::write(&cache, hostile).unwrap();
        refuses(open_text("docker-daemon:app:1", &options), "cache-id is malformed");
    }
}

#[test]
fn the_docker_daemon_is_asked_where_its_files_cannot_be_read() {
    let built = image();
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let archive = built.docker_archive(&["app:1"]);
    let server = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            // Whoever only looks whether the socket answers sends nothing.
            let Some(line) = head.lines().next() else { continue };
            heads.push(line.to_owned());
            let (status, body) = match line.contains("/app:1/") {
                true => (200, archive.clone()),
                false => (404, br#"{"message":"No such image"}"#.to_vec()),
            };
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} _\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
                .unwrap();
            stream.write_all(&body).unwrap();
            if status == 404 {
                break;
            }
        }
        heads
    });
    let mut options = Options::default();
    options.storage.docker = dir.path().join("nothing");
    options.storage.docker_socket = socket;
    let opened = open_text("docker-daemon:app:1", &options).unwrap();
    assert_eq!(layer_bytes(&opened.images[0]), built.archives());
    refuses(open_text("docker-daemon:../../info", &options), "neither a reference nor an image id");
    refuses(open_text("docker-daemon:other", &options), "No such image");
    assert_eq!(server.join().unwrap(), ["GET /images/app:1/get HTTP/1.1", "GET /images/other/get HTTP/1.1"]);
}

#[test]
fn a_root_file_system_is_one_layer() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
    std::fs::write(dir.path().join("usr/bin/app"), b"1").unwrap();
    for text in [format!("dir:{}", dir.path().display()), dir.path().display().to_string()] {
        let opened = open_text(&text, &Options::default()).unwrap();
        assert_eq!(opened.digest, None);
        assert_eq!(opened.images[0].platform.os, "linux");
        let bytes = layer_bytes(&opened.images[0]).remove(0);
        let paths: Vec<String> = tar::Archive::new(bytes.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(paths, ["usr/", "usr/bin/", "usr/bin/app"]);
        assert_eq!(layer_bytes(&opened.images[0]).remove(0), bytes);
    }
    refuses(open_text("dir:/nowhere/at/all", &Options::default()), "cannot read /nowhere/at/all");
}
