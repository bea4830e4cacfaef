use inspect::analyzers::indicators::Listed;
use inspect::{FactSink, FileAnalyzer, FileView, Want, decode};
use layers::{Entry, Kind};
use rustix::time::{ClockId, clock_gettime};

/// What one reader spent on one file and all that was decoded out of it.
pub(crate) struct Cost {
    pub(crate) reader: &'static str,
    /// The processor's time, which others on the machine do not lengthen.
    pub(crate) seconds: f64,
}

/// Shows a file to every analyzer and to the decoder, as the engine does, and all of it, whatever its size.
pub(crate) fn cost(path: &str, bytes: &[u8]) -> Vec<Cost> {
    let entry = Entry {
        path: path.into(),
        kind: Kind::File,
        mode: 0o755,
        size: bytes.len() as u64,
        ..Entry::default()
    };
    let mut costs = Vec::new();
    let (decoded, seconds) = timed(|| decode::stages(bytes));
    costs.push(Cost { reader: "decode", seconds });
    for analyzer in readers() {
        let ((), seconds) = timed(|| {
            look(
                analyzer,
                &FileView {
                    entry: &entry,
                    bytes,
                    whole: true,
                    stages: &[],
                    signs: inspect::Signs::of(bytes),
                },
            );
            if analyzer.reads_stages() {
                for (stage, number) in decoded.stages.iter().zip(1..) {
                    let steps = decoded.path(number);
                    look(
                        analyzer,
                        &FileView {
                            entry: &entry,
                            bytes: &stage.bytes,
                            whole: true,
                            stages: &steps,
                            signs: inspect::Signs::of(&stage.bytes),
                        },
                    );
                }
            }
        });
        costs.push(Cost { reader: analyzer.name(), seconds });
    }
    costs
}

fn readers() -> impl Iterator<Item = &'static dyn FileAnalyzer> {
    inspect::file_analyzers().iter().copied().chain([&Listed as &dyn FileAnalyzer])
}

fn look(analyzer: &dyn FileAnalyzer, file: &FileView<'_>) {
    let head = file.bytes.get(..file.bytes.len().min(4 << 10)).unwrap_or_default();
    if analyzer.wants(file.entry, head) != Want::Nothing {
        let _ = analyzer.analyze(file, &mut FactSink::default());
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    let result = work();
    (result, now() - start)
}
