//! Layers by chance: few names, so that entries meet each other often.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use test_support::LayerBuilder;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Dir(String),
    File(String, u32, String),
    Symlink(String, String),
    Hardlink(String, String),
    Fifo(String),
    Whiteout(String),
    Opaque(String),
}

/// Every directory has the mode that one without an entry gets. Where a layer first brings something into a
/// directory and then whites the directory out, umoci keeps the mode that lower layers gave it, and in the other
/// order it does not; the image-spec knows no order.
const IMPLIED: u32 = 0o755;

/// Up to three layers of up to nine entries.
pub(crate) fn layers() -> impl Strategy<Value = Vec<Vec<Step>>> {
    vec(vec(step(), 1..10), 1..4)
}

/// The archive of one layer.
pub(crate) fn archive(steps: &[Step]) -> LayerBuilder {
    steps.iter().fold(LayerBuilder::new(), |layer, step| match step {
        Step::Dir(path) => layer.dir(path, IMPLIED),
        Step::File(path, mode, content) => layer.file(path, *mode, content),
        Step::Symlink(path, target) => layer.symlink(path, target),
        Step::Hardlink(path, target) => layer.hardlink(path, target),
        Step::Fifo(path) => layer.fifo(path),
        Step::Whiteout(path) => layer.whiteout(path),
        Step::Opaque(path) => layer.opaque(path),
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => folder().prop_map(Step::Dir),
        7 => (path(), mode(), "[0-9]{0,3}").prop_map(|(path, mode, text)| Step::File(path, mode, text)),
        2 => (path(), target()).prop_map(|(path, target)| Step::Symlink(path, target)),
        1 => (path(), path()).prop_map(|(path, target)| Step::Hardlink(path, target)),
        1 => path().prop_map(Step::Fifo),
        3 => prop_oneof![path(), folder()].prop_map(Step::Whiteout),
        1 => folder().prop_map(Step::Opaque),
    ]
}

fn folder() -> impl Strategy<Value = String> {
    vec(select(vec!["a", "b"]), 1..=3).prop_map(|names| names.join("/"))
}

/// Seldom with a name that directories have: runtimes refuse an entry below a file.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![1 => Just("a"), 8 => select(vec!["x", "y"])];
    prop_oneof![
        1 => name.clone().prop_map(str::to_string),
        3 => (folder(), name).prop_map(|(folder, name)| folder + "/" + name),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let names = vec(select(vec!["a", "b", "x", "..", "."]), 1..=3);
    (any::<bool>(), names)
        .prop_map(|(rooted, names)| if rooted { "/" } else { "" }.to_string() + &names.join("/"))
}

fn mode() -> impl Strategy<Value = u32> {
    select(vec![0o755, 0o644, 0o700, 0o4755, 0o1777])
}
