//! What a release consists of: one archive with the program and what belongs to it, its checksum, and the files that the
//! container is made of. The same commit and the same program give the same bytes.

mod archive;
mod elf;

use anyhow::{Context, Result, bail, ensure};
use archive::Entry;
use elf::Linkage;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is built for, and how it is linked so that it needs nothing of the machine that it runs on.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const FLAGS: (&str, &str) =
    ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static");
/// Where Debian keeps the certificates by which registries are verified.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where each shell looks for completions, below the prefix that a release is unpacked to.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/roadstead"),
    ("zsh", "share/zsh/site-functions/_roadstead"),
    ("fish", "share/fish/vendor_completions.d/roadstead.fish"),
];

/// Writes `target/dist`.
///
/// # Errors
/// Where the program cannot be built or run, or a file cannot be written.
pub(crate) fn run(root: &Path, binary: Option<&Path>) -> Result<()> {
    let binary = match binary {
        Some(binary) => binary.to_owned(),
        None => build(root)?,
    };
    let program = std::fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let linkage = elf::linkage(&program)?;
    println!("{}", linkage.told());
    let version = version(&binary)?;
    let name = format!("roadstead-{version}-{}", linkage.target());
    let dist = root.join("target/dist");
    if dist.exists() {
        std::fs::remove_dir_all(&dist).context("cannot remove the last target/dist")?;
    }
    std::fs::create_dir_all(&dist).context("cannot make target/dist")?;
    let bytes = archive::write(&name, contents(root, &binary, program.clone())?, date(root)?)?;
    let file = format!("{name}.tar.gz");
    std::fs::write(dist.join(&file), &bytes)?;
    std::fs::write(dist.join("SHA256SUMS"), format!("{}  {file}\n", hex(&Sha256::digest(&bytes))))?;
    println!("target/dist/{file}: {} bytes", bytes.len());
    match linkage {
        Linkage::Static => image(&dist.join("image"), &program)?,
        Linkage::Dynamic { .. } => println!(
            "no target/dist/image: a container made of nothing else cannot start a program that needs a C library"
        ),
    }
    Ok(())
}

/// Builds the program, static where the C library is there to be linked; says why where not.
fn build(root: &Path) -> Result<PathBuf> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["build", "--release", "--locked", "--package", "roadstead"]);
    let mut folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    match without_static()? {
        None => {
            command.args(["--target", TARGET]).env(FLAGS.0, FLAGS.1);
            folder.push(TARGET);
        }
        Some(why) => println!("not built static: {why}"),
    }
    ensure!(command.status().context("cannot run cargo")?.success(), "the program was not built");
    Ok(folder.join("release/roadstead"))
}

/// Why this machine builds no static program; none where it does.
fn without_static() -> Result<Option<String>> {
    const LIBRARY: &str = "libc.a";
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).exists() {
        return Ok(Some(format!("the target {TARGET} is missing: rustup target add {TARGET}")));
    }
    // A compiler that does not find the file gives the name back.
    let library = output(Command::new("cc").arg(format!("-print-file-name={LIBRARY}")))?;
    Ok((library.trim() == LIBRARY).then(|| format!("{LIBRARY} is missing: apt-get install libc6-dev")))
}

/// Everything in the archive, below its folder.
fn contents(root: &Path, binary: &Path, program: Vec<u8>) -> Result<Vec<Entry>> {
    let read = |path: &str| std::fs::read(root.join(path)).with_context(|| format!("cannot read {path}"));
    let mut entries = vec![
        Entry { path: "bin/roadstead".to_owned(), mode: 0o755, bytes: program },
        Entry::text("LICENSE", read("LICENSE")?),
        Entry::text("README.md", read("README.md")?),
        Entry::text("CHANGELOG.md", read("CHANGELOG.md")?),
        Entry::text("lib/systemd/system/roadstead.service", read("packaging/roadstead.service")?),
    ];
    for (shell, path) in SHELLS {
        let script = output(Command::new(binary).args(["completions", shell]))?;
        entries.push(Entry::text(path, script.into_bytes()));
    }
    let pages = tempfile::tempdir()?;
    output(Command::new(binary).arg("manual").arg(pages.path()))?;
    for page in std::fs::read_dir(pages.path())? {
        let page = page?;
        let path = format!("share/man/man1/{}", page.file_name().to_string_lossy());
        entries.push(Entry::text(&path, std::fs::read(page.path())?));
    }
    Ok(entries)
}

/// What `packaging/Containerfile` copies: the program, the certificates of this machine, and the folders that it writes to.
fn image(folder: &Path, program: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let place = |path: &str, mode: u32, bytes: Option<&[u8]>| -> Result<()> {
        let path = folder.join(path);
        match bytes {
            Some(bytes) => {
                std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
                std::fs::write(&path, bytes)?;
            }
            None => std::fs::create_dir_all(&path)?,
        }
        Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?)
    };
    place("usr/bin/roadstead", 0o755, Some(program))?;
    place("tmp", 0o1777, None)?;
    place("var/lib/roadstead", 0o700, None)?;
    match std::fs::read(CERTIFICATES) {
        Ok(bytes) => place("etc/ssl/certs/ca-certificates.crt", 0o644, Some(&bytes))?,
        Err(_) => println!("target/dist/image has no {CERTIFICATES}: the container can verify no upstream"),
    }
    Ok(())
}

/// The version that the program says of itself, which has to be that of the checkout.
fn version(binary: &Path) -> Result<String> {
    let said = output(Command::new(binary).arg("--version"))?;
    let version = said.trim().strip_prefix("roadstead ").unwrap_or_default().to_owned();
    if version != env!("CARGO_PKG_VERSION") {
        bail!(
            "{} is version {version:?}, and the checkout is {}",
            binary.display(),
            env!("CARGO_PKG_VERSION")
        );
    }
    Ok(version)
}

/// Seconds since 1970 that files in the archive are dated with: `SOURCE_DATE_EPOCH`, or the day of the commit.
#[expect(
    clippy::disallowed_methods,
    reason = "what all tools for reproducible builds read, from nowhere else"
)]
fn date(root: &Path) -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))?,
    };
    text.trim().parse().with_context(|| format!("{text:?} is no number of seconds"))
}

fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot run {shown}"))?;
    ensure!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
