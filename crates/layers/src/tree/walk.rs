use super::arena::{Arena, Name, ROOT, Shape};

/// How many symbolic links Linux follows in one path.
pub(super) const KERNEL_LINKS: u32 = 40;

/// How many containerd and umoci follow when they look for the place of an entry.
pub(super) const UNPACK_LINKS: u32 = 255;

/// The longest target that Linux stores in a symbolic link.
const LONGEST_TARGET: usize = 4095;

/// What a walk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Look, as the kernel does: what is missing ends the walk.
    Look { follow_last: bool },
    /// Find the directory for a new entry, as runtimes do that unpack into one root: links are followed, and
    /// directories that are missing are thought to be there. A file on the way counts only if the way does not
    /// climb out of it again.
    Place,
    /// The same without links, which stand in the way here as files do.
    PlaceLiterally,
}

/// Where a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At a live node.
    Node(u32),
    /// In this directory; the rest is in [`Walk::missing`] when placing.
    Missing(u32),
    /// At something that is no directory, with more of the path to go.
    Blocked(u32),
    /// At one link too many.
    TooManyLinks,
    /// The steps that links may cost in all are used up.
    OutOfSteps,
}

/// Walks paths through the tree inside its root. Kept from walk to walk for its buffers.
#[derive(Debug)]
pub(super) struct Walk<'p> {
    rests: Vec<Rest<'p>>,
    /// The directories that are not there yet, outermost first.
    pub(super) missing: Vec<Name<'p>>,
    /// The first symbolic link that was followed.
    pub(super) first_link: Option<u32>,
    /// How many components of link targets may still be walked. One long target can be named by every entry
    /// of a layer, so that a small layer would cost hours.
    pub(super) steps: u64,
}

/// What is left of the path, or of the target of a link on it.
#[derive(Debug)]
struct Rest<'p> {
    text: &'p [u8],
    at: usize,
    entry: u32,
    in_link: bool,
}

impl<'p> Rest<'p> {
    fn next(&mut self) -> Option<Name<'p>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        let end = self.at.saturating_add(len);
        self.at = end.saturating_add(1);
        let text = rest.get(..len).unwrap_or(rest);
        Some(Name { text, entry: self.entry, end: u32::try_from(end).ok()?, in_link: self.in_link })
    }
}

impl<'p> Walk<'p> {
    pub(super) fn new(steps: u64) -> Self {
        Self { rests: Vec::new(), missing: Vec::new(), first_link: None, steps }
    }

    /// Walks a path from the root. `entry` is the one in whose path it is written; it matters only for what
    /// is to be created.
    pub(super) fn run<'t: 'p>(
        &mut self,
        arena: &Arena<'t>,
        path: &'p [u8],
        entry: u32,
        purpose: Purpose,
    ) -> End {
        self.rests.clear();
        self.missing.clear();
        self.first_link = None;
        self.rests.push(Rest { text: path, at: 0, entry, in_link: false });
        let looking = matches!(purpose, Purpose::Look { .. });
        let most_links = if looking { KERNEL_LINKS } else { UNPACK_LINKS };
        let (mut here, mut links, mut blocked) = (ROOT, 0_u32, None);
        while let Some(rest) = self.rests.last_mut() {
            let Some(name) = rest.next() else {
                self.rests.pop();
                continue;
            };
            if rest.at >= rest.text.len() {
                // A slash at the end stays: it says that a directory is meant.
                if rest.text.ends_with(b"/") && !name.text.is_empty() {
                    rest.at = rest.text.len().saturating_sub(1);
                } else {
                    self.rests.pop();
                }
            }
            if name.in_link {
                let Some(left) = self.steps.checked_sub(1) else { return End::OutOfSteps };
                self.steps = left;
            }
            match name.text {
                b"" | b"." => continue,
                b".." => {
                    if self.missing.pop().is_none() {
                        here = arena.node(here).parent;
                    } else if self.missing.is_empty() {
                        blocked = None;
                    }
                    continue;
                }
                _ => {}
            }
            if !self.missing.is_empty() {
                self.missing.push(name);
                continue;
            }
            let Some(child) = arena.live_child(here, name.text) else {
                if looking {
                    return End::Missing(here);
                }
                self.missing.push(name);
                continue;
            };
            let is_last = self.rests.is_empty();
            match arena.shape(child) {
                Shape::Directory => here = child,
                Shape::Link(..) if is_last && purpose == (Purpose::Look { follow_last: false }) => {
                    return End::Node(child);
                }
                Shape::Link(entry, target)
                    if purpose != Purpose::PlaceLiterally
                        && !target.is_empty()
                        && target.len() <= LONGEST_TARGET =>
                {
                    links = links.saturating_add(1);
                    self.first_link.get_or_insert(child);
                    if links > most_links {
                        return End::TooManyLinks;
                    }
                    if target.starts_with(b"/") {
                        here = ROOT;
                    }
                    self.rests.push(Rest { text: target, at: 0, entry, in_link: true });
                }
                Shape::Other if is_last => return End::Node(child),
                Shape::Link(..) | Shape::Other if looking => return End::Blocked(child),
                Shape::Link(..) | Shape::Other => {
                    blocked = Some(child);
                    self.missing.push(name);
                }
            }
        }
        match blocked {
            Some(node) => End::Blocked(node),
            None if self.missing.is_empty() => End::Node(here),
            None => End::Missing(here),
        }
    }
}
