//! Trees of distributions as they come, in which nothing may be found.

use super::*;
use crate::analyzers::preload::Preloads;
use crate::analyzers::privilege::Privilege;
use crate::analyzers::start::Start;

/// Nothing that counts, and nothing that was not looked at.
fn check(image: &Fixture) {
    for analyzer in [&Persistence as &dyn ImageAnalyzer, &Preloads, &Privilege, &Start] {
        let out = image.run(analyzer);
        let counts: Vec<_> = out.findings.iter().filter(|finding| finding.role != Context).collect();
        assert!(counts.is_empty(), "{}: {counts:?}", analyzer.name());
        assert!(out.gaps.is_empty(), "{}: {:?}", analyzer.name(), out.gaps);
    }
}

const DEBIAN: &[(&str, u32, &str)] = &[
    (
        "etc/cron.d/e2scrub_all",
        0o644,
        "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n",
    ),
    (
        "etc/cron.daily/apt-compat",
        0o755,
        "#!/bin/sh\nset -e\n[ -x /usr/lib/apt/apt.systemd.daily ] || exit 0\nexec /usr/lib/apt/apt.systemd.daily\n",
    ),
    ("etc/cron.daily/dpkg", 0o755, "#!/bin/sh\ncd /var/backups && dpkg-db-backup\n"),
    ("usr/lib/apt/apt.systemd.daily", 0o755, "#!/bin/sh\napt-get update\n"),
    (
        "usr/lib/systemd/system/apt-daily.service",
        0o644,
        "[Service]\nType=oneshot\nExecStart=/usr/lib/apt/apt.systemd.daily update\n",
    ),
    ("etc/init.d/hwclock.sh", 0o755, "#!/bin/sh\ncase \"$1\" in start) /sbin/hwclock --systz;; esac\n"),
    ("etc/pam.d/common-auth", 0o644, "auth [success=1 default=ignore] pam_unix.so nullok\n"),
    ("usr/lib/x86_64-linux-gnu/security/pam_unix.so", 0o644, "\x7fELF pam"),
    ("usr/bin/su", 0o4755, "\x7fELF su"),
    ("usr/bin/mount", 0o4755, "\x7fELF mount"),
    ("usr/bin/passwd", 0o4755, "\x7fELF passwd"),
    ("usr/bin/chage", 0o2755, "\x7fELF chage"),
    ("usr/bin/bash", 0o755, "\x7fELF bash"),
    ("usr/lib/udev/rules.d/60-x.rules", 0o644, "ACTION==\"add\", RUN+=\"/usr/bin/true\"\n"),
    (
        "usr/lib/python3.11/sitecustomize.py",
        0o644,
        "# install the apport exception handler\ntry:\n    import apport_python_hook\nexcept ImportError:\n    pass\nelse:\n    apport_python_hook.install()\n",
    ),
];

/// What Debian's packages make when they are installed, so that none of them owns it.
const DEBIAN_UNOWNED: &[(&str, u32, &str)] = &[
    ("root/.bashrc", 0o644, "# ~/.bashrc\n# eval \"$(dircolors)\"\n# alias ls='ls $LS_OPTIONS'\n"),
    (
        "root/.profile",
        0o644,
        "if [ \"$BASH\" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\nmesg n 2> /dev/null || true\n",
    ),
    (
        "etc/profile",
        0o644,
        "if [ \"$(id -u)\" -eq 0 ]; then\n  PATH=\"/usr/bin\"\nfi\nfor i in $(run-parts --list /etc/profile.d); do\n  . $i\ndone\n",
    ),
    ("etc/sudoers.d/README", 0o440, "# nothing\n"),
    ("etc/rc.local", 0o755, "#!/bin/sh -e\nexit 0\n"),
    (
        "usr/local/lib/python3.11/site-packages/distutils-precedence.pth",
        0o644,
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim(); \n",
    ),
    ("opt/google/chrome/chrome-sandbox", 0o4755, "\x7fELF chrome"),
];

#[test]
fn a_stock_debian_is_silent() {
    let mut image = Fixture::new();
    let owned: Vec<(&str, &[u8])> = DEBIAN.iter().map(|(path, _, text)| (*path, text.as_bytes())).collect();
    image.package("debian", &owned);
    for (path, mode, text) in DEBIAN.iter().chain(DEBIAN_UNOWNED) {
        image.file(path, *mode, text.as_bytes());
    }
    image.symlink("bin", "usr/bin").symlink("lib", "usr/lib").symlink("usr/bin/sh", "bash");
    image.start(&[], &["bash"]);
    check(&image);
    let out = image.run(&Persistence);
    assert!(out.findings.is_empty(), "{:?}", out.findings);
    // The same with what a service of its own adds.
    image.layer().file("app/main", 0o755, &elf()).start(&["/app/main"], &[]);
    check(&image);
}

#[test]
fn a_stock_alpine_is_silent() {
    let mut image = Fixture::new();
    let crontab = "# do daily/weekly/monthly maintenance\n# min\thour\tday\tmonth\tweekday\tcommand\n*/15\t*\t*\t*\t*\trun-parts /etc/periodic/15min\n0\t2\t*\t*\t*\trun-parts /etc/periodic/daily\n";
    let inittab = "::sysinit:/sbin/openrc sysinit\ntty1::respawn:/sbin/getty 38400 tty1\n";
    let profile = "export PATH=/bin\nfor script in /etc/profile.d/*.sh ; do\n\tif [ -r \"$script\" ] ; then\n\t\t. \"$script\"\n\tfi\ndone\n";
    let files: [(&str, u32, &[u8]); 5] = [
        ("etc/crontabs/root", 0o600, crontab.as_bytes()),
        ("etc/inittab", 0o644, inittab.as_bytes()),
        ("etc/profile", 0o644, profile.as_bytes()),
        ("bin/busybox", 0o755, b"\x7fELF busybox"),
        ("bin/bbsuid", 0o4111, b"\x7fELF bbsuid"),
    ];
    let owned: Vec<(&str, &[u8])> = files.iter().map(|(path, _, bytes)| (*path, *bytes)).collect();
    image.package("alpine", &owned);
    for (path, mode, bytes) in files {
        image.file(path, mode, bytes);
    }
    image.symlink("bin/sh", "/bin/busybox").symlink("var/spool/cron/crontabs", "/etc/crontabs");
    image.start(&[], &["/bin/sh"]);
    check(&image);
    assert!(image.run(&Persistence).findings.is_empty());
}

#[test]
fn a_stock_tree_without_its_database_is_silent() {
    let mut image = Fixture::new();
    for (path, mode, text) in DEBIAN.iter().chain(DEBIAN_UNOWNED) {
        image.file(path, *mode, text.as_bytes());
    }
    image.symlink("bin", "usr/bin").symlink("lib", "usr/lib").start(&[], &["bash"]);
    check(&image);
}
