use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pipeline::Watch;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A bar on standard error while an image is pulled and read. There is none in a pipe, and none with
/// `--quiet`.
pub(crate) struct Progress {
    drawing: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts drawing.
    pub(crate) fn start(watch: Arc<Watch>, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self { drawing: None };
        }
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = std::thread::spawn(move || draw(&watch, &seen));
        Self { drawing: Some((ended, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, thread)) = self.drawing.take() {
            ended.store(true, Ordering::Relaxed);
            // A bar that failed to draw is no reason to fail.
            let _ = thread.join();
        }
    }
}

fn draw(watch: &Watch, ended: &AtomicBool) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bar:28} {bytes}/{total_bytes} {prefix}")
    {
        bar.set_style(style);
    }
    while !ended.load(Ordering::Relaxed) {
        let expected = watch.expected.load(Ordering::Relaxed);
        let read = watch.progress.bytes.load(Ordering::Relaxed);
        // A declared size is the attacker's: the bar never claims an end before there is one.
        bar.set_length(expected.max(read));
        bar.set_position(read);
        bar.set_message(watch.stage());
        bar.set_prefix(format!("{} files", watch.progress.files.load(Ordering::Relaxed)));
        bar.tick();
        std::thread::sleep(Duration::from_millis(80));
    }
    bar.finish_and_clear();
}
