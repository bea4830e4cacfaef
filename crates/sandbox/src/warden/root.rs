//! The guest's file system: layers below, a scratch directory above, nothing of the host.

use crate::changes::Planted;
use crate::error::{Failure, Step};
use crate::spec::{Persona, Scratch, Spec};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags, mount, mount_bind, mount_change,
    mount_remount, move_mount, unmount,
};
use std::ffi::CString;
use std::path::{Component, Path, PathBuf};

/// A root that is laid but not yet entered.
pub(super) struct Laid {
    /// The merged tree, in the warden's mount namespace.
    pub(super) root: PathBuf,
    pub(super) upper: OwnedFd,
    pub(super) lowers: Vec<OwnedFd>,
    pub(super) captures: Option<OwnedFd>,
    /// What the guest reads as its uptime, for the tracer to write.
    pub(super) uptime: Option<OwnedFd>,
    /// Files that are mounted over the kernel's: where they lie, and over which.
    covers: Vec<Cover>,
}

/// Where a file lies on the stage, and which of the kernel's files it covers.
type Cover = (PathBuf, PathBuf);

/// Directories that every root has; the first that is there is covered while the root is made.
const COVERED: &[&str] = &["/var", "/tmp", "/mnt", "/run", "/usr"];

/// The most layers whose directories have long names: all of them stand in one line of at most a page.
const MOST_LONG: usize = 60;

/// The most files in a scratch directory in memory.
const INODES: u32 = 400_000;

/// Lays the layers over each other.
pub(super) fn lay(spec: &Spec, trees: Vec<OwnedFd>, limitations: &mut Vec<String>) -> Result<Laid, Failure> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).step("make mounts private")?;
    let stage = COVERED.iter().map(Path::new).find(|path| path.is_dir());
    let stage = stage.ok_or_else(|| Failure::new("find a directory to cover", Errno::NOENT))?;
    let mut trees = trees.into_iter();
    let options = Some(c"mode=0755,size=64m");
    mount("tmpfs", stage, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options).step("mount a stage")?;
    // A guest reads these names in `/proc/mounts`: they are as Docker has them.
    let id = random("0123456789abcdef", 64)?;
    let docker = stage.join("lib/docker");
    let directory = |path: PathBuf| -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(&path).step("make a directory on the stage")?;
        Ok(path)
    };
    let mut attach = |at: &Path| {
        let tree = trees.next().ok_or_else(|| Failure::new("take a tree", Errno::BADF))?;
        move_mount(&tree, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).step("attach a tree")
    };
    let mut lower = String::new();
    let mut lowers = Vec::new();
    // An overlay wants at least one; an empty one changes nothing.
    let wanted = spec.root.lower.len().max(1);
    for number in 0..wanted {
        let long = random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 26)?;
        let short = stage.join(number.to_string());
        let at = directory(if wanted > MOST_LONG { short } else { docker.join("overlay2/l").join(long) })?;
        if spec.root.lower.get(number).is_some() {
            attach(&at)?;
        }
        lowers.push(open_directory(&at)?);
        let separator = if lower.is_empty() { "" } else { ":" };
        lower.push_str(&format!("{separator}{}", at.display()));
    }
    let scratch = directory(docker.join("overlay2").join(&id))?;
    match &spec.root.scratch {
        Scratch::Directory(_) => attach(&scratch)?,
        Scratch::Memory => {
            let options = format!("mode=0755,size={},nr_inodes={INODES}", spec.limits.disk);
            let options = CString::new(options).unwrap_or_default();
            mount("tmpfs", &scratch, "tmpfs", MountFlags::empty(), Some(&*options))
                .step("mount the scratch directory")?;
        }
    }
    let (upper, work) = (scratch.join("diff"), scratch.join("work"));
    for path in [&upper, &work] {
        match mkdirat(CWD, path, Mode::from(0o755)) {
            // A second start of the same container.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Failure::new("make a directory in the scratch directory", errno)),
        }
    }
    like_the_image(&upper, &lowers);
    let root = directory(docker.join("merged"))?;
    let options = format!("lowerdir={lower},upperdir={},workdir={}", upper.display(), work.display());
    overlay(&root, &options, limitations)?;
    let captures = spec.captures.as_ref().and_then(|_| trees.next());
    let (uptime, covers) = covers(spec, &directory(docker.join("containers").join(id))?)?;
    Ok(Laid { upper: open_directory(&upper)?, root, lowers, captures, uptime, covers })
}

/// The root directory of the merged tree is the upper one: it looks as that of the topmost layer.
fn like_the_image(upper: &Path, lowers: &[OwnedFd]) {
    let Some(found) = lowers.first().and_then(|top| rustix::fs::fstat(top).ok()) else { return };
    let (uid, gid) = (rustix::fs::Uid::from_raw(found.st_uid), rustix::fs::Gid::from_raw(found.st_gid));
    // In a guest with one user all belongs to it, whoever it belongs to in the image.
    let _ = rustix::fs::chown(upper, Some(uid), Some(gid));
    let _ = rustix::fs::chmod(upper, Mode::from(found.st_mode & 0o7777));
}

/// A word that nobody knows before.
fn random(letters: &str, length: usize) -> Result<String, Failure> {
    let mut bytes = vec![0; length];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()).step("draw a name")?;
    let letters = letters.as_bytes();
    Ok(bytes
        .iter()
        .filter_map(|byte| letters.get(usize::from(*byte) % letters.len()))
        .map(|byte| char::from(*byte))
        .collect())
}

/// Writes what is mounted over files of the kernel: the uptime, and what the persona has to say.
fn covers(spec: &Spec, stage: &Path) -> Result<(Option<OwnedFd>, Vec<Cover>), Failure> {
    let mut covers = Vec::new();
    let uptime = spec.time.uptime.as_secs();
    let said = Persona {
        path: PathBuf::from("/proc/uptime"),
        mode: 0o444,
        owner: (0, 0),
        bytes: format!("{uptime}.00 {uptime}.00\n").into_bytes(),
    };
    for (number, persona) in
        std::iter::once(&said).chain(spec.persona.iter().filter(|persona| covering(persona))).enumerate()
    {
        let at = stage.join(format!("cover{number}"));
        std::fs::write(&at, &persona.bytes).step("write what covers a file of the kernel")?;
        rustix::fs::chmod(&at, Mode::from(persona.mode & 0o444))
            .step("write what covers a file of the kernel")?;
        covers.push((at, persona.path.clone()));
    }
    let uptime = covers.first().and_then(|(at, _)| {
        // The guest's mount of it is read-only, this one is not.
        rustix::fs::chmod(at, Mode::from(0o644)).ok()?;
        openat(CWD, at, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()
    });
    Ok((uptime, covers))
}

/// Whether a planted file covers one of the kernel's.
pub(super) fn covering(persona: &Persona) -> bool {
    let plain = persona.path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    plain && (persona.path.starts_with("/proc") || persona.path.starts_with("/sys"))
}

/// Mounts the overlay. Its own marks are kept in attributes that a user namespace may write.
fn overlay(root: &Path, options: &str, limitations: &mut Vec<String>) -> Result<(), Failure> {
    let attempt = |extra: &str| {
        let options = CString::new(format!("{options}{extra}")).unwrap_or_default();
        mount("overlay", root, "overlay", MountFlags::empty(), Some(&*options))
    };
    if attempt(",userxattr").is_ok() {
        return Ok(());
    }
    attempt("").step("mount an overlay")?;
    limitations.push(
        "the scratch directory takes no attributes: renaming a directory of the image fails".to_owned(),
    );
    Ok(())
}

fn open_directory(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    openat(CWD, path, flags, Mode::empty()).step(&format!("open {}", path.display()))
}

impl Laid {
    /// Directories that the runtime makes where the image has none: nobody in the guest made them.
    pub(super) fn made_by_runtime(&self) -> Vec<Planted> {
        ["dev", "proc", "sys"]
            .iter()
            .filter_map(|name| Planted::now(self.upper.as_fd(), Path::new(name)))
            .collect()
    }
}

/// Nodes that a guest has in `/dev`, which are the host's own.
const NODES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Links that a guest has in `/dev`.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];

/// What container runtimes hide, as the runtime specification's defaults have it.
const MASKED: &[&str] = &[
    "proc/asound",
    "proc/acpi",
    "proc/interrupts",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/timer_list",
    "proc/timer_stats",
    "proc/sched_debug",
    "proc/scsi",
    "sys/firmware",
    "sys/devices/virtual/powercap",
];

/// What they let be read only.
const READ_ONLY: &[&str] = &["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Mounts what a runtime mounts over an image, in the guest's own mount namespace.
pub(super) fn furnish(laid: &Laid) -> Result<(), Failure> {
    let root = laid.root.as_path();
    for name in ["proc", "sys", "dev"] {
        match mkdirat(CWD, root.join(name), Mode::from(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Failure::new(format!("make /{name} in the image"), errno)),
        }
    }
    // An image whose /proc is a link would have us mount somewhere else: mounts never follow the last name there.
    let at = |name: &str| -> Result<PathBuf, Failure> {
        let path = root.join(name);
        let plain = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        if plain {
            Ok(path)
        } else {
            Err(Failure::new(format!("mount over /{name} of the image"), Errno::NOTDIR))
        }
    };
    let none: Option<&std::ffi::CStr> = None;
    mount("proc", at("proc")?, "proc", PLAIN, none).step("mount /proc")?;
    let sys = at("sys")?;
    if mount("sysfs", &sys, "sysfs", PLAIN | MountFlags::RDONLY, none).is_err() {
        mount("tmpfs", &sys, "tmpfs", PLAIN | MountFlags::RDONLY, Some(c"size=0,mode=0755"))
            .step("cover /sys")?;
    }
    let _ = mount("cgroup", sys.join("fs/cgroup"), "cgroup2", PLAIN | MountFlags::RDONLY, none);
    devices(&at("dev")?)?;
    mask(root)?;
    for (from, over) in &laid.covers {
        let at = root.join(over.strip_prefix("/").unwrap_or(over));
        // A kernel that does not have the file tells the guest nothing that would have to be covered.
        if std::fs::symlink_metadata(&at).is_ok_and(|found| found.is_file()) {
            let step = format!("cover {}", over.display());
            mount_bind(from, &at).step(&step)?;
            mount_remount(&at, MountFlags::BIND | MountFlags::RDONLY | PLAIN, c"").step(&step)?;
        }
    }
    Ok(())
}

fn devices(dev: &Path) -> Result<(), Failure> {
    let step = "make /dev";
    mount("tmpfs", dev, "tmpfs", MountFlags::NOSUID, Some(c"mode=0755,size=65536k")).step(step)?;
    for node in NODES {
        let at = dev.join(node);
        std::fs::File::create(&at).step(step)?;
        mount_bind(Path::new("/dev").join(node), &at).step(&format!("put /dev/{node} into the guest"))?;
    }
    for (name, target) in LINKS {
        std::os::unix::fs::symlink(target, dev.join(name)).step(step)?;
    }
    for name in ["pts", "shm", "mqueue"] {
        mkdirat(CWD, dev.join(name), Mode::from(0o755)).step(step)?;
    }
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Group 5 is the terminals' in every distribution, but a guest with one id does not have it.
    let terminals =
        |options: &std::ffi::CStr| mount("devpts", dev.join("pts"), "devpts", quiet, Some(options));
    terminals(c"newinstance,ptmxmode=0666,mode=0620,gid=5")
        .or_else(|_| terminals(c"newinstance,ptmxmode=0666,mode=0620"))
        .step("mount /dev/pts")?;
    mount("shm", dev.join("shm"), "tmpfs", PLAIN, Some(c"mode=1777,size=65536k")).step("mount /dev/shm")?;
    let none: Option<&std::ffi::CStr> = None;
    let _ = mount("mqueue", dev.join("mqueue"), "mqueue", PLAIN, none);
    Ok(())
}

fn mask(root: &Path) -> Result<(), Failure> {
    for name in READ_ONLY {
        let path = root.join(name);
        if path.exists() {
            let step = format!("make /{name} read-only");
            mount_bind(&path, &path).step(&step)?;
            mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY | PLAIN, c"").step(&step)?;
        }
    }
    for name in MASKED {
        let path = root.join(name);
        let Ok(found) = std::fs::symlink_metadata(&path) else { continue };
        let step = format!("hide /{name}");
        if found.is_dir() {
            mount("tmpfs", &path, "tmpfs", PLAIN | MountFlags::RDONLY, Some(c"size=0,mode=0755"))
                .step(&step)?;
        } else {
            mount_bind("/dev/null", &path).step(&step)?;
        }
    }
    Ok(())
}

/// Makes the laid tree the root, and everything else unreachable.
pub(super) fn enter(root: &Path) -> Result<(), Failure> {
    let step = "enter the guest's root";
    rustix::process::chdir(root).step(step)?;
    // The old root lands over the new one, and is taken away from there.
    rustix::process::pivot_root(".", ".").step(step)?;
    unmount(".", UnmountFlags::DETACH).step("take the host's file systems away")?;
    rustix::process::chdir("/").step(step)
}

/// Opens a place in a tree as if the tree were the root: links lead nowhere else.
pub(super) fn within(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = rustix::fs::ResolveFlags::IN_ROOT | rustix::fs::ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}
