//! Layers of Debian packages, installed once each and kept with the other products of the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Changes with the recipe, so that no layer of an older one is taken for it.
const NAME: &str = "debian-services-1";

/// What must be there, or the honest half cannot be built.
pub(crate) fn missing() -> Option<String> {
    ["debootstrap", "tar", "unshare", "chroot", "mount"]
        .iter()
        .find(|program| test_support::peer(program).is_none())
        .map(|program| format!("`{program}` is missing, which builds images of packages"))
}

const BASE: &str = r#"
debootstrap --variant=minbase bookworm "$F/base" >"$F/debootstrap.log" || { tail "$F/debootstrap.log"; exit 1; }
printf '#!/bin/sh\nexit 101\n' >"$F/base/usr/sbin/policy-rc.d"; chmod 755 "$F/base/usr/sbin/policy-rc.d"
printf 'force-unsafe-io\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/info/*\n' \
    >"$F/base/etc/dpkg/dpkg.cfg.d/quick"
rm -rf "$F"/base/var/cache/apt/archives/*.deb "$F"/base/usr/share/man "$F"/base/usr/share/locale/* "$F"/base/usr/share/doc/*
for section in 1 2 3 4 5 6 7 8; do mkdir -p "$F/base/usr/share/man/man$section"; done
cp /etc/resolv.conf "$F/base/etc/resolv.conf"
unshare --mount --pid --fork --kill-child chroot "$F/base" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin apt-get -qq update
tar -C "$F/base" --numeric-owner --exclude=./var/lib/apt/lists/* --exclude=./etc/resolv.conf --exclude=./dev/* -cf "$F/base.part" .
mv "$F/base.part" "$F/base.tar"
"#;

/// The layer of packages is what the installation left in the upper directory of an overlay.
const PACKAGE: &str = r#"
mkdir -p "$F/layers"
W=$(mktemp -d -p "$F"); mkdir "$W/up" "$W/work" "$W/root"
trap 'umount "$W/root" 2>/dev/null || true; rm -rf "$W"' EXIT
mount -t overlay overlay -o "lowerdir=$F/base,upperdir=$W/up,workdir=$W/work" "$W/root"
R="$W/root" P="$2" unshare --mount --pid --fork --kill-child sh -euc '
    mount --make-rprivate /; mount -t proc proc "$R/proc"; mount --bind /dev "$R/dev"
    exec chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends $P
' >"$F/apt-$1.log" 2>&1 || { tail -n 20 "$F/apt-$1.log"; exit 1; }
umount "$W/root"
# What the overlay marks as removed is no file of a layer.
find "$W/up" -type c -delete
tar -C "$W/up" --numeric-owner --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./etc/resolv.conf \
    --exclude=./dev --exclude=./proc --exclude=./tmp -cf "$F/layers/$1.part" .
mv "$F/layers/$1.part" "$F/layers/$1.tar"
"#;

/// The layers of an image with these packages: the base, and what installing them adds.
pub(crate) fn layers(name: &str, packages: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(NAME);
    let base = folder.join("base.tar");
    // One makes the base, and the others wait for it; what they put on top of it, they put there at the same time.
    static BASE_TURN: Mutex<()> = Mutex::new(());
    let turn = BASE_TURN.lock().unwrap();
    if !base.is_file() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        sh(&folder, BASE, &[]);
    }
    drop(turn);
    if packages.is_empty() {
        return vec![base];
    }
    let layer = folder.join("layers").join(format!("{name}.tar"));
    if !layer.is_file() {
        sh(&folder, PACKAGE, &[name, packages]);
    }
    vec![base, layer]
}

fn sh(folder: &Path, script: &str, arguments: &[&str]) {
    let status = Command::new("sh")
        .args(["-euc", script, "sh"])
        .args(arguments)
        .env("F", folder)
        .status()
        .expect("a shell");
    assert!(status.success(), "{status}: {arguments:?}");
}
