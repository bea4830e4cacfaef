use crate::{ImageView, Outcome, image_analyzers, run_analyzer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs all image analyzers: `start`, whom the others ask what is reached; then the others side by side, on so many
/// threads; then the one that asks what these found. What comes out stands in their order, whoever was done first.
pub fn run_analyzers(threads: usize, image: &ImageView<'_>, out: &mut Outcome) {
    let [first, beside @ .., last] = image_analyzers() else { return };
    run_analyzer(*first, image, out);
    let outcomes: Vec<Mutex<Outcome>> = beside.iter().map(|_| Mutex::default()).collect();
    let (next, chain) = (AtomicUsize::new(0), &out.chain);
    let work = || {
        let mut mine = Outcome { chain: chain.clone(), ..Outcome::default() };
        let take = || next.fetch_add(1, Ordering::Relaxed);
        while let Some((analyzer, slot)) = beside.iter().zip(&outcomes).nth(take()) {
            run_analyzer(*analyzer, image, &mut mine);
            let chain = std::mem::take(&mut mine.chain);
            let done = std::mem::replace(&mut mine, Outcome { chain, ..Outcome::default() });
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = done;
        }
    };
    std::thread::scope(|scope| {
        (1..threads.min(beside.len())).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    for outcome in outcomes {
        let done = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        out.findings.extend(done.findings);
        out.gaps.extend(done.gaps);
        out.failed |= done.failed;
    }
    run_analyzer(*last, image, out);
}
