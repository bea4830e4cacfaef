//! Images of packages, built once and kept with the other products of the build.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether images can be built. Says so where they cannot, and fails where they must be.
#[expect(clippy::print_stderr, reason = "whoever runs the tests looks there")]
pub(crate) fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        assert!(
            std::env::var_os("CI").is_none(),
            "only root may build images of packages, and CI scans them"
        );
        eprintln!("SKIPPED: only root may build images of packages, so none of them was scanned");
    }
    is_root
}

/// An OCI layout with a tag for each package, all on one layer with a small Debian.
pub(crate) struct Images {
    folder: PathBuf,
}

/// Changes with the recipe, so that no image of an older one is taken for it.
const NAME: &str = "debian-packages-1";

const BASE: &str = r#"
debootstrap --variant=minbase bookworm "$F/base" >"$F/debootstrap.log" || { tail "$F/debootstrap.log"; exit 1; }
printf '#!/bin/sh\nexit 101\n' >"$F/base/usr/sbin/policy-rc.d"; chmod 755 "$F/base/usr/sbin/policy-rc.d"
rm -f "$F"/base/var/cache/apt/archives/*.deb
cp /etc/resolv.conf "$F/base/etc/resolv.conf"
unshare --mount --pid --fork --kill-child chroot "$F/base" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin apt-get -qq update
tar -C "$F/base" --numeric-owner --exclude=./var/lib/apt/lists/* --exclude=./etc/resolv.conf --exclude=./dev/* -cf "$F/base.tar" .
"#;

/// The layer of a package is what the installation left in the upper directory of an overlay.
const PACKAGE: &str = r#"
W=$(mktemp -d -p "$F"); mkdir "$W/up" "$W/work" "$W/root"
trap 'umount "$W/root" 2>/dev/null || true; rm -rf "$W"' EXIT
mount -t overlay overlay -o "lowerdir=$F/base,upperdir=$W/up,workdir=$W/work" "$W/root"
R="$W/root" P="$1" unshare --mount --pid --fork --kill-child sh -euc '
    mount --make-rprivate /; mount -t proc proc "$R/proc"; mount --bind /dev "$R/dev"
    exec chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$P"
' >"$F/apt.log" 2>&1 || { tail -n 20 "$F/apt.log"; exit 1; }
umount "$W/root"
tar -C "$W/up" --numeric-owner --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./etc/resolv.conf \
    --exclude=./dev --exclude=./proc --exclude=./tmp -cf "$F/layer.tar" .
"#;

impl Images {
    pub(crate) fn open(cache: &Path) -> Self {
        let images = Self { folder: cache.join(NAME) };
        if !images.folder.join("base.digest").is_file() {
            let _ = fs::remove_dir_all(&images.folder);
            fs::create_dir_all(images.folder.join("layout/blobs/sha256")).expect("a directory for images");
            images.sh(BASE, "");
            let digest = images.keep(&images.folder.join("base.tar"));
            fs::write(images.folder.join("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
                .expect("a layout");
            fs::write(images.folder.join("base.digest"), digest).expect("a digest");
        }
        images
    }

    /// The image of a package that starts with these words and variables.
    pub(crate) fn with(&self, package: &str, start: &[&str], environment: &[&str]) -> String {
        let known = self.folder.join(format!("{package}.digest"));
        let layer = fs::read_to_string(&known).unwrap_or_else(|_| {
            self.sh(PACKAGE, package);
            let digest = self.keep(&self.folder.join("layer.tar"));
            fs::write(&known, &digest).expect("a digest");
            digest
        });
        let base = fs::read_to_string(self.folder.join("base.digest")).expect("a digest");
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "config": { "Entrypoint": start, "Env": environment },
            "rootfs": { "type": "layers", "diff_ids": [base, layer] },
            "history": [
                { "created_by": "debootstrap minbase bookworm" },
                { "created_by": format!("apt-get install --no-install-recommends {package}") }
            ]
        });
        let layer = |digest: &str| {
            let size = fs::metadata(self.blob(digest)).expect("a layer").len();
            json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.document("application/vnd.oci.image.config.v1+json", &config),
            "layers": [layer(&base), layer(config["rootfs"]["diff_ids"][1].as_str().expect("a digest"))]
        });
        let mut tagged = self.document("application/vnd.oci.image.manifest.v1+json", &manifest);
        tagged["annotations"] = json!({ "org.opencontainers.image.ref.name": package });
        let index = json!({ "schemaVersion": 2, "manifests": [tagged] });
        fs::write(self.folder.join("layout/index.json"), index.to_string()).expect("an index");
        format!("oci:{}:{package}", self.folder.join("layout").display())
    }

    fn sh(&self, script: &str, argument: &str) {
        let status = Command::new("sh")
            .args(["-euc", script, "sh", argument])
            .env("F", &self.folder)
            .status()
            .expect("a shell");
        assert!(status.success(), "{status}: {argument}");
    }

    /// Moves an archive to where its digest says.
    fn keep(&self, archive: &Path) -> String {
        let digest = format!("sha256:{}", hex(&Sha256::digest(fs::read(archive).expect("a layer"))));
        fs::rename(archive, self.blob(&digest)).expect("a layer that is kept");
        digest
    }

    fn document(&self, media_type: &str, document: &Value) -> Value {
        let bytes = document.to_string();
        let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        fs::write(self.blob(&digest), bytes).expect("a document");
        descriptor
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("layout/blobs").join(digest.replace(':', "/"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
