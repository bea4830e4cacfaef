//! Images of real packages: each of some fifty Debian packages, among them the tools that scanners most like to
//! accuse, is installed on a small Debian as `apt-get` installs it. None of them may be called suspicious, let alone
//! malicious.

mod image;

use std::path::Path;
use std::process::Command;

/// Package, and the command that an image of it would start.
const PACKAGES: [(&str, &[&str]); 54] = [
    ("postgresql", &["/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/15/main"]),
    ("nginx", &["nginx", "-g", "daemon off;"]),
    ("redis-server", &["redis-server", "--protected-mode", "no"]),
    ("python3", &["python3"]),
    ("nodejs", &["node"]),
    ("openjdk-17-jre-headless", &["java", "-version"]),
    ("golang-go", &["go", "version"]),
    ("nmap", &["nmap", "--version"]),
    ("clamav", &["clamscan", "--version"]),
    ("yara", &["yara", "--version"]),
    ("libjemalloc2", &["bash"]),
    ("fakeroot", &["fakeroot", "bash"]),
    ("apache2", &["apachectl", "-D", "FOREGROUND"]),
    ("mariadb-server", &["mariadbd"]),
    ("memcached", &["memcached", "-u", "nobody"]),
    ("haproxy", &["haproxy", "-f", "/etc/haproxy/haproxy.cfg"]),
    ("openssh-server", &["/usr/sbin/sshd", "-D"]),
    ("cron", &["cron", "-f"]),
    ("supervisor", &["supervisord", "-n"]),
    ("php-cli", &["php", "-S", "0.0.0.0:80"]),
    ("ruby", &["ruby"]),
    ("git", &["git", "daemon"]),
    ("gcc", &["gcc"]),
    ("tcpdump", &["tcpdump"]),
    ("socat", &["socat", "-V"]),
    ("netcat-openbsd", &["nc", "-h"]),
    ("tor", &["tor"]),
    ("proxychains4", &["bash"]),
    ("stress-ng", &["stress-ng", "--cpu", "1"]),
    ("monero", &["monerod", "--non-interactive"]),
    ("masscan", &["masscan", "--version"]),
    ("hydra", &["hydra"]),
    ("chkrootkit", &["chkrootkit"]),
    ("rkhunter", &["rkhunter", "--check"]),
    ("unhide", &["unhide", "proc"]),
    ("tini", &["tini", "--", "bash"]),
    ("faketime", &["faketime", "now", "bash"]),
    ("eatmydata", &["eatmydata", "bash"]),
    ("s6", &["s6-svscan", "/etc/services"]),
    ("runit", &["runsvdir", "/etc/service"]),
    ("dnsmasq", &["dnsmasq", "-k"]),
    ("rclone", &["rclone", "version"]),
    ("php-fpm", &["php-fpm8.2", "--nodaemonize"]),
    ("varnish", &["varnishd", "-F", "-f", "/etc/varnish/default.vcl"]),
    ("luajit", &["luajit", "-v"]),
    ("pypy3", &["pypy3", "--version"]),
    ("mono-runtime", &["mono", "--version"]),
    ("erlang-base", &["erl", "-noshell"]),
    ("qemu-user-static", &["qemu-arm-static", "--version"]),
    ("libnss-wrapper", &["bash"]),
    ("fail2ban", &["fail2ban-server", "-f"]),
    ("modsecurity-crs", &["bash"]),
    ("lynis", &["lynis", "audit", "system"]),
    ("sqlmap", &["sqlmap", "--version"]),
];

/// Packages that are there to be loaded into every program, and the variable by which images do so.
const PRELOADED: [(&str, &str); 2] = [
    ("libjemalloc2", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"),
    ("libnss-wrapper", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libnss_wrapper.so"),
];

#[test]
fn nothing_of_the_distribution_is_accused() {
    let programs = ["debootstrap", "tar", "unshare", "chroot", "mount"];
    if !image::is_root() || !programs.iter().all(|program| test_support::peer(program).is_some()) {
        return;
    }
    let images = image::Images::open(Path::new(env!("CARGO_TARGET_TMPDIR")));
    // The layer below all of them is read once in each run, and never believed from an earlier one.
    let cache = tempfile::tempdir().expect("a directory for facts");
    let mut accused = Vec::new();
    for (package, start) in PACKAGES {
        let environment =
            PRELOADED.iter().filter(|(owner, _)| *owner == package).map(|(_, variable)| *variable);
        let reference = images.with(package, start, &environment.collect::<Vec<_>>());
        let output = Command::new(assert_cmd::cargo::cargo_bin!("roadstead"))
            .args(["scan", "--quiet", "--format", "json", "--cache-dir"])
            .arg(cache.path())
            .arg(&reference)
            .output()
            .expect("the program");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{package}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        });
        let counting: Vec<String> = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finding| finding["role"] != "context")
            .map(|finding| format!("{} {} {}", finding["id"], finding["path"], finding["explanation"]))
            .collect();
        let verdict = report["verdict"].as_str().unwrap_or_default();
        if matches!(verdict, "malicious" | "suspicious") || !counting.is_empty() {
            accused.push(format!("{package}: {verdict}\n  {}", counting.join("\n  ")));
        }
        // What was not read is no accusation, and must not go unseen either.
        if verdict == "incomplete" {
            accused.push(format!("{package}: {:#}", report["gaps"]));
        }
    }
    assert!(accused.is_empty(), "{} of {}:\n{}", accused.len(), PACKAGES.len(), accused.join("\n"));
}
