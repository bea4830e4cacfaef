use super::arena::{Arena, ROOT};
use std::cmp::Ordering;

/// All live nodes in the byte order of their paths, sorted once for everybody who walks them.
///
/// `a-b` sorts between `a` and `a/c`, so a directory takes two places among its siblings: its own, and that of
/// what is below it, which sorts as if the name ended in a slash.
#[derive(Debug)]
pub(super) struct Listing {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    node: u32,
    /// The length of the path of the directory that the node is in, with its slash.
    above: u32,
    /// What is below the node, instead of the node.
    below: bool,
}

impl Listing {
    pub(super) fn new(arena: &Arena<'_>) -> Self {
        let step = |below| Step { node: ROOT, above: 0, below };
        let (mut open, mut steps, mut sorted) = (vec![step(true), step(false)], Vec::new(), Vec::new());
        while let Some(step) = open.pop() {
            steps.push(step);
            if step.below {
                descend(arena, step, &mut sorted);
                open.extend(sorted.drain(..).rev().map(|(_, step)| step));
            }
        }
        Self { steps }
    }

    /// The nodes with their paths.
    pub(super) fn iter<'a>(&'a self, arena: &'a Arena<'_>) -> impl Iterator<Item = (Vec<u8>, u32)> + 'a {
        let mut path = Vec::new();
        self.steps.iter().filter_map(move |step| {
            path.truncate(step.above as usize);
            path.extend_from_slice(arena.name(step.node));
            if !step.below {
                return Some((path.clone(), step.node));
            }
            if step.node != ROOT {
                path.push(b'/');
            }
            None
        })
    }
}

/// What is in a directory, in order. Beside each stands how its name begins, as most names differ there and lie far
/// apart in memory.
fn descend(arena: &Arena<'_>, step: Step, steps: &mut Vec<(u64, Step)>) {
    let slash = usize::from(step.node != ROOT);
    // No path is as long as four gigabytes: a table keeps fewer bytes of names.
    let above = step.above.saturating_add((arena.name(step.node).len() + slash) as u32);
    for node in arena.children(step.node) {
        let name = arena.name(node);
        steps.push((beginning(name, false), Step { node, above, below: false }));
        if arena.children(node).next().is_some() {
            steps.push((beginning(name, true), Step { node, above, below: true }));
        }
    }
    steps.sort_unstable_by(|(left_begins, left), (right_begins, right)| {
        left_begins.cmp(right_begins).then_with(|| order(arena, left, right))
    });
}

/// The first bytes that a name sorts by. Where those of two names differ, so do the names, in the same way.
fn beginning(name: &[u8], below: bool) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.iter().chain(below.then_some(&b'/'))).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

fn order(arena: &Arena<'_>, left: &Step, right: &Step) -> Ordering {
    let (left_name, right_name) = (arena.name(left.node), arena.name(right.node));
    let common = left_name.len().min(right_name.len());
    let (left_start, left_rest) = left_name.split_at(common);
    let (right_start, right_rest) = right_name.split_at(common);
    // One of the names is used up, and no name has a slash in it: the next byte decides.
    let next = |rest: &[u8], step: &Step| rest.first().copied().or_else(|| step.below.then_some(b'/'));
    left_start.cmp(right_start).then_with(|| next(left_rest, left).cmp(&next(right_rest, right)))
}
