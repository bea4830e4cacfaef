use crate::cli::Keygen;
use crate::password;
use anyhow::{Context as _, bail};
use attest::ReleaseKey;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Makes a pair of keys, or takes one over. What a key is for is decided by who uses it, so any is made alike.
pub(crate) fn run(args: &Keygen) -> anyhow::Result<u8> {
    let (private, public) = (with(&args.output_key_prefix, ".key"), with(&args.output_key_prefix, ".pub"));
    // Before the password is asked for; the files themselves are made in a way that overwrites nothing.
    for path in [&private, &public] {
        if path.symlink_metadata().is_ok() {
            bail!("{} is there already; name another --output-key-prefix", shown(path));
        }
    }
    let key = match &args.import {
        Some(path) => super::sign::key(path)?,
        None => ReleaseKey::generate(),
    };
    let password = password::new()?;
    let sealed = key.to_encrypted_pem(password.as_bytes())?;
    write(&private, sealed.as_bytes(), 0o600)?;
    write(&public, key.public().to_pem()?.as_bytes(), 0o644)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "private key  {}  keep it, and the password apart from it", shown(&private))?;
    writeln!(out, "public key   {}  {}", shown(&public), key.public().fingerprint())?;
    Ok(0)
}

fn with(prefix: &Path, ending: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes a file that is not there, whole on the disk.
fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write {}", shown(path)))
}

pub(super) fn shown(path: &Path) -> String {
    model::escape_text(&path.to_string_lossy())
}
