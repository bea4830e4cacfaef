//! The ground that cases stand on: a shell with its tools, interpreters, a client, a compiler, each a layer made of
//! the programs of the machine that tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use test_support::LayerBuilder;

/// A layer of the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Busybox,
    Bash,
    Python,
    Perl,
    Curl,
    Openssl,
    Ssh,
    Node,
    Compiler,
}

/// What must be there, or no case can run.
pub(crate) fn missing() -> Option<String> {
    let root = rustix::process::geteuid().is_root();
    let programs = ["/bin/busybox", "/usr/bin/python3.11", "/usr/bin/perl", "/usr/bin/curl", "/usr/bin/cc"];
    if !root {
        return Some("only root may detonate images in the way that is measured here".to_owned());
    }
    programs
        .iter()
        .find(|program| !Path::new(program).exists())
        .map(|program| format!("{program} is missing"))
}

/// The layer of a tool, made once.
pub(crate) fn layer(tool: Tool) -> Arc<Vec<u8>> {
    static MADE: Mutex<BTreeMap<Tool, Arc<Vec<u8>>>> = Mutex::new(BTreeMap::new());
    Arc::clone(MADE.lock().unwrap().entry(tool).or_insert_with(|| Arc::new(make(tool))))
}

/// Whether a tool's programs are on this machine.
pub(crate) fn has(tool: Tool) -> bool {
    match tool {
        Tool::Node => Path::new("/usr/bin/node").exists(),
        Tool::Ssh => Path::new("/usr/bin/ssh").exists(),
        _ => true,
    }
}

const APPLETS: &str = "sh cat ls id echo sleep mount umount nc wget rm mkdir mv chmod cp touch setsid head tail tr env true date \
    grep sed crond tar gzip base64 printf ps kill killall pkill nslookup timeout dd ping uname hostname find xargs awk od hexdump \
    ln sort cut seq nohup mknod insmod chown stat test wc rev xxd telnet tee crontab fold chroot unshare usleep yes which df free \
    nproc ifconfig ip whoami adduser su expr md5sum mkfifo";

fn make(tool: Tool) -> Vec<u8> {
    match tool {
        Tool::Busybox => busybox(),
        Tool::Bash => files(&["/usr/bin/bash"], &[]),
        Tool::Python => files(&["/usr/bin/python3.11"], &["/usr/lib/python3.11"]),
        Tool::Perl => files(
            &["/usr/bin/perl"],
            &["/usr/lib/x86_64-linux-gnu/perl-base", "/usr/lib/x86_64-linux-gnu/perl/5.36.0"],
        ),
        Tool::Curl => files(&["/usr/bin/curl", "/etc/ssl/certs/ca-certificates.crt"], &[]),
        Tool::Openssl => files(&["/usr/bin/openssl", "/etc/ssl/certs/ca-certificates.crt"], &[]),
        Tool::Ssh => files(&["/usr/bin/ssh"], &[]),
        Tool::Node => files(&["/usr/bin/node"], &[]),
        Tool::Compiler => {
            files(&["/usr/bin/gcc", "/usr/bin/as", "/usr/bin/ld", &gcc("cc1"), &gcc("collect2")], &[])
        }
    }
}

fn gcc(program: &str) -> String {
    let output = Command::new("gcc").arg(format!("-print-prog-name={program}")).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn busybox() -> Vec<u8> {
    let mut layer = LayerBuilder::new()
        .dir("bin", 0o755)
        .file("bin/busybox", 0o755, fs::read("/bin/busybox").unwrap())
        .dir("etc", 0o755)
        .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
        .file("etc/group", 0o644, "root:x:0:\napp:x:1000:\n")
        .file("etc/shadow", 0o640, "root:*:19000:0:99999:7:::\n")
        .file("etc/profile", 0o644, "export PATH\n")
        .dir("root", 0o700)
        .dir("home", 0o755)
        .owner(1000, 1000)
        .dir("home/app", 0o755)
        .owner(0, 0)
        .dir("usr", 0o755)
        .dir("usr/sbin", 0o755)
        .dir("var", 0o755)
        .symlink("var/run", "/run")
        .dir("var/log", 0o755)
        .file("var/log/wtmp", 0o644, "0123456789")
        .file(
            "var/log/auth.log",
            0o644,
            "Nov 1 00:00:00 host sshd[1]: Server listening on 0.0.0.0 port 22.\n",
        )
        .dir("var/tmp", 0o1777)
        .dir("run", 0o755)
        .dir("usr/lib", 0o755)
        .dir("usr/share", 0o755)
        .dir("usr/bin", 0o755)
        .dir("tmp", 0o1777);
    for applet in APPLETS.split_whitespace() {
        layer = layer.symlink(format!("bin/{applet}"), "busybox");
    }
    layer.build()
}

/// Programs with the libraries that they load, and directories.
fn files(programs: &[&str], directories: &[&str]) -> Vec<u8> {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    for program in programs {
        paths.insert(PathBuf::from(program));
        paths.extend(libraries(Path::new(program)));
    }
    for directory in directories {
        walk(Path::new(directory), &mut paths);
    }
    let extensions: Vec<PathBuf> =
        paths.iter().filter(|path| path.extension().is_some_and(|end| end == "so")).cloned().collect();
    for extension in extensions {
        paths.extend(libraries(&extension));
    }
    let mut layer = LayerBuilder::new();
    for path in &paths {
        let Ok(content) = fs::read(path) else { continue };
        let mode = fs::metadata(path).map_or(0o644, |data| data.permissions().mode() & 0o755);
        layer = layer.file(path.to_string_lossy().trim_start_matches('/').as_bytes(), mode, content);
    }
    if programs.contains(&"/usr/bin/python3.11") {
        layer = layer.symlink("usr/bin/python3", "python3.11");
    }
    layer.build()
}

/// What the loader says that a program needs.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|word| PathBuf::from(word.trim_end_matches(':')))
        .filter(|path| path.exists() && path != program)
        .collect()
}

/// Directories of a language's library that no case needs.
const LEFT_OUT: [&str; 9] = [
    "test",
    "idlelib",
    "lib2to3",
    "ensurepip",
    "pydoc_data",
    "distutils",
    "dist-packages",
    "Encode",
    "unicore",
];

fn walk(directory: &Path, paths: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        if path.is_dir() {
            if !LEFT_OUT.contains(&&*name) && !name.starts_with("config-") {
                walk(&path, paths);
            }
        } else if path.is_file() {
            paths.insert(path);
        }
    }
}

/// A static program out of C.
pub(crate) fn compile(source: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("p.c"), directory.path().join("p"));
    fs::write(&from, source).unwrap();
    let output = Command::new("cc")
        .args(["-static", "-O1", "-s", "-w", "-pthread", "-o"])
        .arg(&to)
        .arg(&from)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(&to).unwrap()
}
