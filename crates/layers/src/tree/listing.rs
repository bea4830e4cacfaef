use super::arena::{Arena, ROOT};
use std::cmp::Ordering;

/// Walks all live nodes in the byte order of their paths.
///
/// `a-b` sorts between `a` and `a/c`, so a directory takes two places among its siblings: its own, and that of
/// what is below it, which sorts as if the name ended in a slash.
#[derive(Debug)]
pub(super) struct Listing<'a, 't> {
    arena: &'a Arena<'t>,
    open: Vec<Step>,
    path: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    node: u32,
    /// The length of the path of the directory that the node is in, with its slash.
    above: usize,
    /// What is below the node, instead of the node.
    below: bool,
}

impl<'a, 't> Listing<'a, 't> {
    pub(super) fn new(arena: &'a Arena<'t>) -> Self {
        let step = |below| Step { node: ROOT, above: 0, below };
        Self { arena, open: vec![step(true), step(false)], path: Vec::new() }
    }

    /// Puts what is in a directory on the stack, last first.
    fn descend(&mut self, node: u32) {
        let (arena, above, start) = (self.arena, self.path.len(), self.open.len());
        for node in arena.children(node) {
            self.open.push(Step { node, above, below: false });
            if arena.children(node).next().is_some() {
                self.open.push(Step { node, above, below: true });
            }
        }
        let steps = self.open.get_mut(start..).unwrap_or_default();
        steps.sort_unstable_by(|left, right| order(arena, right, left));
    }
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

impl Iterator for Listing<'_, '_> {
    type Item = (Vec<u8>, u32);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(step) = self.open.pop() {
            self.path.truncate(step.above);
            self.path.extend_from_slice(self.arena.name(step.node));
            if !step.below {
                return Some((self.path.clone(), step.node));
            }
            if step.node != ROOT {
                self.path.push(b'/');
            }
            self.descend(step.node);
        }
        None
    }
}
