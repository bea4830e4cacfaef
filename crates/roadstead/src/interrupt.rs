use anyhow::{Context as _, bail};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// A flag that Ctrl-C and a request to end set. Every stage looks at it and ends by returning, so that
/// temporary files go the way they always go.
pub(crate) fn flag() -> anyhow::Result<Arc<AtomicBool>> {
    if let Some(flag) = FLAG.get() {
        return Ok(Arc::clone(flag));
    }
    let flag = Arc::clone(FLAG.get_or_init(Arc::default));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || set.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    Ok(flag)
}

/// How long the stages have to end by themselves. None keeps anything on its way out, so whatever goes on
/// after this is waiting: for a registry that has fallen silent, or for a device.
const GRACE: Duration = Duration::from_secs(2);
/// How long a server has, whose clients may end what they began.
static PATIENCE: OnceLock<Duration> = OnceLock::new();
const LOOK: Duration = Duration::from_millis(50);
/// As much as the main thread of a program has.
const STACK: usize = 8 << 20;

/// Waits longer than usual for this command to end by itself.
pub(crate) fn be_patient(patience: Duration) {
    let _ = PATIENCE.set(patience);
}

/// Runs a command and gives its result. A person who asked to stop never waits for a server's timeout: what
/// then does not end is left to end with the process.
pub(crate) fn run(command: impl FnOnce() -> anyhow::Result<u8> + Send + 'static) -> anyhow::Result<u8> {
    let (done, result) = channel();
    std::thread::Builder::new()
        .name("command".to_owned())
        .stack_size(STACK)
        .spawn(move || done.send(command()))
        .context("cannot start a thread")?;
    let mut asked = None;
    loop {
        match result.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => {
                if FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
                    && asked.get_or_insert_with(Instant::now).elapsed()
                        > PATIENCE.get().copied().unwrap_or(GRACE)
                {
                    return Err(pipeline::Error::Cancelled.into());
                }
            }
            // The panic has said what it was; the exit code still says that there is no verdict.
            Err(RecvTimeoutError::Disconnected) => bail!("the program failed; please report the lines above"),
        }
    }
}
