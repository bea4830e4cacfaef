//! The image that is compared: built once, kept with the other products of the build.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An OCI layout with one tag for each number of layers from the bottom: `upto-1`, `upto-2` and so on.
pub(crate) struct Image {
    layout: PathBuf,
    pub(crate) layers: usize,
}

impl Image {
    /// The first layers, as `DIR:TAG`.
    pub(crate) fn upto(&self, layers: usize) -> String {
        format!("{}:upto-{layers}", self.layout.display())
    }

    pub(crate) fn whole(&self) -> String {
        self.upto(self.layers)
    }
}

/// Changes with the recipe, so that no image of an older one is taken for it.
const NAME: &str = "peers-debian-2";

/// What happens to the root file system `$R` before a layer is taken of it. `$W` is a place for what the next
/// steps need. umoci takes these layers: a whiteout for each file that is gone.
const UMOCI_STEPS: [&str; 2] = [BASE, REMOVE];

/// Likewise. buildah takes these, from the upper directory of an overlay: opaque whiteouts, and whole directories
/// that are gone.
const BUILDAH_STEPS: [&str; 2] = [RETURN, RETURN_AGAIN];

/// The archive of one package is kept: it comes back after it was removed.
const BASE: &str = r#"
debootstrap --variant=minbase bookworm "$R" >"$W/debootstrap.log" || { tail "$W/debootstrap.log"; exit 1; }
cp "$R"/var/cache/apt/archives/tzdata_*.deb "$W/tzdata.deb"
rm -rf "$R"/var/cache/apt/archives/*.deb "$R"/var/lib/apt/lists/*
"#;

/// A package is purged, files go, and everything comes that a file system can hold.
const REMOVE: &str = r#"
chroot "$R" dpkg --force-depends --purge tzdata >"$W/dpkg.log" 2>&1
rm -r "$R/usr/share/doc/base-files" "$R/etc/issue"
echo 'demo:x:1000:1000::/home/demo:/bin/sh' >>"$R/etc/passwd"
install -d -m 1777 "$R/opt/app" "$R/opt/app/conf" "$R/opt/app/hard"
cd "$R/opt/app"
echo a >conf/a; echo b >conf/b
ln -s conf current; ln -s /opt/app/conf/a absolute; ln -s ../../../../../etc/passwd climbing; ln -s no dangling
echo hard >hard/one; ln hard/one hard/two; ln hard/one hard/three
ln current hard/link
mkfifo pipe
cp "$R/bin/ls" raised; chmod 6755 raised
cp "$R/bin/ls" capable
# cap_net_raw+ep, as `setcap` writes it.
python3 -c 'import os; os.setxattr("capable", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))'
echo x >"with spaces"; echo x >"$(printf 'line\nbreak')"; echo x >"$(printf 'latin-\344')"; echo x >'*?[\'
: >empty; truncate -s 3M holes; echo end >>holes
chown -R 1000:1000 conf; chown -h 1001:1002 current; chmod 0 empty
"#;

/// The package comes back; a directory becomes a file, a link a directory, and names of hard links part.
const RETURN: &str = r#"
cp "$W/tzdata.deb" "$R/tzdata.deb"
chroot "$R" env DEBIAN_FRONTEND=noninteractive LC_ALL=C dpkg --install /tzdata.deb >"$W/dpkg.log" 2>&1
rm "$R/tzdata.deb"
mv "$R/usr/share/common-licenses" "$R/usr/share/licences"
cd "$R/opt/app"
rm -r conf; echo file >conf
rm current; mkdir current; echo x >current/x
rm hard/one; echo changed >>hard/two
chmod 0755 raised; chown 5:6 capable
"#;

/// What changed its kind becomes what it was.
const RETURN_AGAIN: &str = r#"
cd "$R/opt/app"
rm conf; mkdir conf; echo c >conf/c; ln conf/c conf/d
rm -r current; ln -s conf current
ln hard/two hard/four
rm -r "$R/usr/share/locale"; ln -s licences "$R/usr/share/locale"
rm pipe; mkdir pipe
"#;

/// An image as [`Image`] describes it, from an earlier run if there was one.
pub(crate) fn built(cache: &Path) -> Image {
    let layout = cache.join(NAME);
    if !layout.join("index.json").is_file() {
        let work = tempfile::tempdir_in(cache).expect("a directory to build in");
        build(work.path());
        fs::rename(work.path().join("layout"), &layout).expect("an image that is kept");
    }
    let tags = read(&layout.join("index.json"));
    let layers = tags["manifests"].as_array().map_or(0, Vec::len);
    Image { layout, layers }
}

fn build(work: &Path) {
    sh(
        work,
        r#"umoci init --layout "$L"; umoci new --image "$L:all"; umoci unpack --image "$L:all" "$W/bundle""#,
    );
    for step in UMOCI_STEPS {
        sh(work, &format!("R=$W/bundle/rootfs\n{step}"));
        sh(work, r#"umoci repack --refresh-bundle --image "$L:all" "$W/bundle""#);
    }
    sh(work, STORE);
    for step in BUILDAH_STEPS {
        sh(work, &format!("{CHANGE}{step}"));
        sh(work, COMMIT);
    }
    sh(work, FETCH);
    sh(work, r#"mkdir -p "$W/doc/new"; echo new >"$W/doc/new/file""#);
    sh(work, r#"umoci insert --image "$L:all" --opaque "$W/doc" /usr/share/doc"#);
    // The directories above are not in this layer.
    sh(work, r#"umoci insert --image "$L:all" "$W/doc" /opt/fresh/deep/doc"#);
    sh(work, r#"umoci insert --image "$L:all" --whiteout /usr/share/zoneinfo; umoci gc --layout "$L""#);
    tag(&work.join("layout"));
}

/// Brings the image into a storage of its own: with overlays, or with copies where the kernel mounts none.
const STORE: &str = r#"
for driver in overlay vfs; do
    target="containers-storage:[$driver@$W/storage+$W/run]localhost/peer:now"
    skopeo copy --quiet "oci:$L:all" "$target" && break
done
echo "exec buildah --root '$W/storage' --runroot '$W/run' --storage-driver $driver \"\$@\"" >"$W/buildah"
echo "$target" >"$W/stored"
"#;

const CHANGE: &str = r#"
sh "$W/buildah" from --pull-never localhost/peer:now >"$W/container"
R=$(sh "$W/buildah" mount "$(cat "$W/container")")
"#;

const COMMIT: &str =
    r#"sh "$W/buildah" commit --quiet --rm "$(cat "$W/container")" localhost/peer:now >/dev/null"#;

const FETCH: &str = r#"
skopeo copy --quiet "$(cat "$W/stored")" "oci:$L:all"
sh "$W/buildah" rm --all >/dev/null
umount "$W/storage/overlay" 2>/dev/null || true
"#;

fn sh(work: &Path, script: &str) {
    let status = Command::new("sh")
        .args(["-euc", script])
        .current_dir(work)
        .env("W", work)
        .env("L", work.join("layout"))
        .status()
        .expect("a shell");
    assert!(status.success(), "{status} of: {script}");
}

/// Puts one tag for each number of layers in the place of the one that there is.
fn tag(layout: &Path) {
    let index = read(&layout.join("index.json"));
    let mut tagged = index["manifests"].as_array().expect("manifests").iter();
    let name = "/annotations/org.opencontainers.image.ref.name";
    let manifest = tagged.find(|tagged| tagged.pointer(name) == Some(&json!("all"))).expect("the tag");
    let manifest = read(&blob(layout, manifest));
    let config = read(&blob(layout, &manifest["config"]));
    let all = manifest["layers"].as_array().expect("layers").clone();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("diffIDs").clone();
    assert_eq!(all.len(), UMOCI_STEPS.len() + BUILDAH_STEPS.len() + 3, "layers of the image");
    assert_eq!(all.len(), diff_ids.len(), "layers and diffIDs");
    let mut tags = Vec::new();
    for layers in 1..=all.len() {
        let mut config = config.clone();
        config["rootfs"]["diff_ids"] = json!(diff_ids[..layers]);
        config.as_object_mut().expect("an object").remove("history");
        let mut manifest = manifest.clone();
        manifest["config"] = write(layout, "application/vnd.oci.image.config.v1+json", &config);
        manifest["layers"] = json!(all[..layers]);
        let mut tag = write(layout, "application/vnd.oci.image.manifest.v1+json", &manifest);
        tag["annotations"] = json!({ "org.opencontainers.image.ref.name": format!("upto-{layers}") });
        tags.push(tag);
    }
    let index = json!({ "schemaVersion": 2, "manifests": tags });
    fs::write(layout.join("index.json"), index.to_string()).expect("an index");
}

fn write(layout: &Path, media_type: &str, document: &Value) -> Value {
    let bytes = document.to_string();
    let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let descriptor =
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() });
    fs::write(blob(layout, &descriptor), bytes).expect("a blob");
    descriptor
}

fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().expect("a digest");
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
