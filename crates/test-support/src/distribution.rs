use crate::peer;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Debian's `docker-registry` over a folder, until it is dropped.
#[derive(Debug)]
pub struct Distribution {
    child: Child,
    /// Where it listens, as `127.0.0.1:PORT`.
    pub host: String,
}

impl Distribution {
    /// Starts one and waits until it listens; none where the program is not installed. What it says is in `registry.log`
    /// of the folder.
    ///
    /// # Panics
    /// Where it does not start, or the folder cannot be written to.
    pub fn start(folder: &Path) -> Option<Self> {
        let program = peer("docker-registry")?;
        let host = format!("127.0.0.1:{}", free_port());
        let (config, root) = (folder.join("registry.yml"), folder.join("registry"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {host}}}\n",
            root.display()
        );
        std::fs::write(&config, text).expect("a folder to write to");
        let log = std::fs::File::create(folder.join("registry.log")).expect("a folder to write to");
        let command = &mut Command::new(program);
        let command = command.arg("serve").arg(&config).stdout(log.try_clone().expect("a file")).stderr(log);
        let child = command.spawn().expect("docker-registry can be run");
        let mut running = Self { child, host };
        let start = Instant::now();
        while std::net::TcpStream::connect(&running.host).is_err() {
            let ended = running.child.try_wait().expect("a child").is_some();
            assert!(!ended && start.elapsed() < Duration::from_secs(60), "docker-registry does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(running)
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback that is free, for a server that has to be told one. None of those that the system gives to
/// connections which go out: one of them could have it before the server is there.
///
/// # Panics
/// Where 12,000 ports are taken.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Programs that run at the same time begin at different ports.
    let first = (std::process::id() % 480) as u16 * 25;
    let mut ports =
        std::iter::repeat_with(|| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed) % 12_000) % 12_000);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.by_ref().take(12_000).find(is_free).expect("a port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_others_each_time() {
        let (first, second) = (free_port(), free_port());
        assert_ne!(first, second);
        assert!([first, second].iter().all(|port| (20_000..32_000).contains(port)));
    }
}
