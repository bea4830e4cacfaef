//! The two registries, each on a port of its own with its data on the same disk.

use anyhow::{Context as _, Result, bail};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A registry that runs until it is dropped.
pub(super) struct Running {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Running {
    /// Starts what `command` makes of an address that is free, and waits until it listens.
    /// What it says on its standard error goes into `log`, where one is named.
    pub(super) fn start(mut command: impl FnMut(SocketAddr) -> Command, log: Option<&Path>) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = command(address);
        let shown = format!("{command:?}");
        let stderr = match log {
            Some(path) => Stdio::from(std::fs::File::create(path)?),
            None => Stdio::null(),
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot run {shown}"))?;
        let mut running = Self { child, address };
        let patience = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > patience || running.child.try_wait()?.is_some() {
                bail!("{shown} does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// The largest size in memory so far, in MiB.
    pub(super) fn peak_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        Ok(kib.context("no VmHWM in the status of a registry")? / 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's `docker-registry`, with its data in `dir` and no authentication, which only spares it work.
pub(super) fn docker_registry(dir: &Path) -> Result<Running> {
    let config = dir.join("config.yml");
    Running::start(
        |address| {
            let text = format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {address}}}\n",
                dir.join("data").display()
            );
            // A file that cannot be written shows at once: the registry does not start.
            let _ = std::fs::write(&config, text);
            let mut command = Command::new("docker-registry");
            command.arg("serve").arg(&config);
            command
        },
        None,
    )
}
