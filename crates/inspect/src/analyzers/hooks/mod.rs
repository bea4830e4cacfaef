//! Hooks: files that something starts or loads by itself, without being named in the configuration of the image.
//! Tables of jobs, service descriptions, libraries forced into every program, lines that an interpreter runs.
//!
//! Here is read where they lie and what they order, without judgement. `start` follows them, `persist`, `preload`
//! and `privilege` judge them.

mod environment;
mod parse;
mod places;
mod pth;
mod standing;
#[cfg(test)]
mod tests;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageView, Want};
use layers::{Entry, Kind, Place, normalize_path};
use serde::{Deserialize, Serialize};

pub(crate) use environment::{Loads, heeds, settings};
pub(crate) use parse::forced_libraries;
pub use places::{HookKind, kind_of};
pub use standing::{Standing, standing};

/// What a table of hooks orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookFacts {
    /// Its orders, in the order of its lines.
    pub orders: Vec<Order>,
    /// Whether it is longer, or orders more, than is kept here.
    pub cut: bool,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its line, the first is 1.
    pub line: u32,
    /// What is ordered.
    pub what: What,
}

/// What a hook orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A line for the shell.
    Shell(Vec<u8>),
    /// A library to be forced into every program.
    Library(Vec<u8>),
    /// A line of Python, with what is known of its shape.
    Python(Shape, Vec<u8>),
    /// A program that a log-in runs.
    LogIn(Vec<u8>),
    /// A program, or a directory of programs, that the kernel's helpers or git run.
    Helper(Vec<u8>),
    /// A key that is let in, by its kind, its end and its comment, and whether the world has its other half.
    Key(Vec<u8>, bool),
    /// A host that package managers and runtimes ask for software, and the address that it is mapped to.
    Host(Vec<u8>, Vec<u8>),
    /// An account that may run everything as everybody without a password.
    Sudoer(Vec<u8>),
}

/// Which shape a line of Python in a `.pth` file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// One that build tools write, word for word but for the name of the package.
    Known,
    /// It imports a module of the installed ones and calls at most a function of it without arguments.
    Plain,
    /// Anything else.
    Other,
}

/// Reads tables of hooks.
#[derive(Debug)]
pub struct Hooks;

/// Largest table that is read whole. Distributions' largest has a few kilobytes.
const MAX_TABLE: u64 = 256 << 10;

impl FileAnalyzer for Hooks {
    fn name(&self) -> &'static str {
        "hooks"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if entry.kind == Kind::File && head.starts_with(b"#!") && entry.size <= MAX_TABLE {
            return Want::Whole(MAX_TABLE);
        }
        match kind_of(&entry.path) {
            Some(kind) if entry.kind == Kind::File && kind.is_table() && entry.size > 0 => {
                // Lists that block advertisements are long, and only a mapping of few hosts matters.
                if entry.size > MAX_TABLE { Want::AtHand } else { Want::Whole(MAX_TABLE) }
            }
            _ => Want::Nothing,
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        match kind_of(&file.entry.path) {
            Some(kind) if kind.is_table() => {
                let mut read = parse::table(kind, &file.entry.path, file.bytes);
                read.cut |= !file.whole;
                facts.push(Fact::Hook(read));
            }
            _ => {
                let read = parse::forced_libraries(file.bytes);
                if !read.orders.is_empty() {
                    facts.push(Fact::Hook(read));
                }
            }
        }
        Ok(())
    }
}

/// A hook of the merged tree.
#[derive(Debug, Clone)]
pub struct Hook {
    /// What starts or loads it.
    pub kind: HookKind,
    /// Where it lies, in normal form.
    pub path: Vec<u8>,
    /// Its place.
    pub place: Place,
    /// How it stands to the packages.
    pub standing: Standing,
}

/// Most hooks of an image that are followed and judged. A whole Debian server has a few hundred.
const MAX_HOOKS: usize = 4096;

/// The hooks of an image: what nobody vouches for first, so that the rest cannot crowd it out. The flag says
/// whether there are more.
pub fn listed(image: &ImageView<'_>) -> (Vec<Hook>, bool) {
    let mut hooks = Vec::new();
    let linked = linked_directories(image);
    let python_path = environment::python_path(&image.config.config);
    for (real, place) in image.tree.iter() {
        let mut path = real.clone();
        let kind = kind_of(&path).or_else(|| {
            // What lies behind a linked directory is found there under the directory's own name.
            linked.iter().find_map(|(directory, target)| {
                let rest = real.strip_prefix(target.as_slice()).filter(|rest| rest.starts_with(b"/"))?;
                path = [directory.as_bytes(), rest].concat();
                kind_of(&path)
            })
        });
        let Some(kind) = kind else { continue };
        // Agents keep theirs in directories that a variable has to name first.
        if kind == HookKind::PythonSite {
            let directory = places::directory_of(&path);
            if !places::is_python_library(directory) && !python_path.iter().any(|named| named == directory) {
                continue;
            }
        }
        let Some((_, at)) = image.tree.resolve(&path).ok() else { continue };
        let file = image.tree.entry(image.tree.content(at)).is_some_and(|entry| entry.kind == Kind::File);
        if file {
            let standing = standing(image, &real, place);
            hooks.push(Hook { kind, path, place, standing });
        }
    }
    hooks.sort_by_key(|hook| hook.standing == Standing::Genuine);
    let more = hooks.get(MAX_HOOKS).is_some_and(|hook| hook.standing != Standing::Genuine);
    hooks.truncate(MAX_HOOKS);
    (hooks, more)
}

/// The command of a line of a table of jobs, by where the table is a hook: what lies elsewhere is read without a
/// user in front of the command, which the system's own tables have.
pub(crate) fn command_of<'t>(image: &ImageView<'_>, hook: &Hook, line: &'t [u8]) -> &'t [u8] {
    let place = image.tree.resolve(&hook.path).ok().map(|(_, place)| image.tree.content(place));
    let entry = place.and_then(|place| image.tree.entry(place));
    let loose = entry.is_some_and(|entry| kind_of(entry.path) == Some(HookKind::LooseTable));
    if loose && parse::has_user(&hook.path) { parse::after_words(line, 1) } else { line }
}

/// Directories of hooks that are links, or lie behind one, with what they lead to.
fn linked_directories(image: &ImageView<'_>) -> Vec<(&'static str, Vec<u8>)> {
    const DIRECTORIES: [&str; 17] = [
        "docker-entrypoint.d",
        "docker-entrypoint-initdb.d",
        "etc/cont-init.d",
        "etc/cron.d",
        "etc/cron.daily",
        "etc/cron.hourly",
        "etc/cron.monthly",
        "etc/cron.weekly",
        "etc/crontabs",
        "etc/init.d",
        "etc/my_init.d",
        "etc/pam.d",
        "etc/profile.d",
        "etc/services.d",
        "etc/supervisor/conf.d",
        "etc/systemd/system",
        "var/spool/cron/crontabs",
    ];
    let resolved = DIRECTORIES.iter().filter_map(|directory| {
        let target = directory_target(image, directory.as_bytes());
        (target != directory.as_bytes() && !target.is_empty()).then_some((*directory, target))
    });
    resolved.collect()
}

/// Where a directory lies. One that no entry describes is there all the same, so links to it are followed by hand.
fn directory_target(image: &ImageView<'_>, directory: &[u8]) -> Vec<u8> {
    const MAX_LINKS: usize = 8;
    let mut path = directory.to_vec();
    for _ in 0..MAX_LINKS {
        if let Ok((target, _)) = image.tree.resolve(&path) {
            return target;
        }
        let entry = image.tree.get(&path).and_then(|place| image.tree.entry(place));
        let Some(entry) = entry.filter(|entry| entry.kind == Kind::Symlink) else { break };
        let base = if entry.link.starts_with(b"/") { b"".as_slice() } else { places::directory_of(&path) };
        path = normalize_path(&[base, b"/", entry.link].concat()).0;
    }
    path
}

/// The orders of the table at a place, links followed. None where it was not read as one, as behind a link that
/// leads to a place of another kind.
pub fn facts<'a>(image: &ImageView<'a>, hook: &Hook) -> Option<&'a HookFacts> {
    let (_, place) = image.tree.resolve(&hook.path).ok()?;
    // The same bytes order other things elsewhere: a script is no list of libraries.
    let entry = image.tree.entry(image.tree.content(place))?;
    let kind = kind_of(entry.path);
    let handed = hook.kind == HookKind::CronTable && kind == Some(HookKind::LooseTable);
    if kind != Some(hook.kind) && !handed {
        return None;
    }
    image.facts(place).find_map(|fact| match fact {
        Fact::Hook(facts) => Some(facts),
        _ => None,
    })
}
