//! A process on its way to become the guest's program.

use super::groups::Groups;
use super::rights;
use super::root::{self, Laid};
use crate::calls;
use crate::error::{Failure, Step};
use crate::gvisor::{self, Runtime};
use crate::network::Made;
use crate::spec::{Limits, Start, Stdin};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the first process needs to know.
pub(super) struct Place<'a> {
    pub(super) groups: &'a Groups,
    pub(super) laid: &'a Laid,
    pub(super) hostname: &'a str,
    pub(super) limits: Limits,
    pub(super) output: BorrowedFd<'a>,
    pub(super) errors: BorrowedFd<'a>,
    /// Whether the guest has one user only.
    pub(super) one_user: bool,
    /// To the tracer, where it answers calls.
    pub(super) door: Option<BorrowedFd<'a>>,
    /// Where gVisor runs the guest.
    pub(super) runtime: Option<&'a Runtime>,
}

/// A process that only has to give up its rights.
pub(super) struct Prepared {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    /// What it gives up; nothing where it becomes gVisor, which does that itself.
    rights: Option<Rights>,
}

struct Rights {
    limits: Limits,
    limited: Vec<&'static str>,
    user: crate::spec::User,
    one_user: bool,
    door: Option<OwnedFd>,
}

/// The two ends of what stands at standard input.
pub(super) struct Input {
    pub(super) ours: OwnedFd,
    /// Held, so that the pipe never ends.
    pub(super) theirs: Option<OwnedFd>,
}

/// Opens what a process is to have at its standard input.
pub(super) fn stdin(kind: Stdin) -> Result<Input, Failure> {
    let step = "make standard input";
    match kind {
        Stdin::Null => Ok(Input { ours: File::open("/dev/null").step(step)?.into(), theirs: None }),
        Stdin::Open => {
            let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).step(step)?;
            Ok(Input { ours, theirs: Some(theirs) })
        }
    }
}

/// The namespaces of the guest, for those who join later.
pub(super) struct Joined {
    spaces: Vec<(OwnedFd, LinkNameSpaceType)>,
    limited: Vec<&'static str>,
    door: Option<OwnedFd>,
    pub(super) runtime: Option<Runtime>,
}

impl Joined {
    pub(super) fn of(
        first: Pid,
        network: &Made,
        limited: &[&'static str],
        door: Option<OwnedFd>,
        runtime: Option<Runtime>,
    ) -> std::io::Result<Self> {
        let mut spaces = vec![(network.guest.try_clone()?, LinkNameSpaceType::Network)];
        if runtime.is_some() {
            // The others are gVisor's own affair.
            return Ok(Self { spaces, limited: limited.to_vec(), door, runtime });
        }
        for (name, kind) in [
            ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
            ("ipc", LinkNameSpaceType::InterProcessCommunication),
            ("cgroup", LinkNameSpaceType::ControlGroup),
            ("mnt", LinkNameSpaceType::Mount),
        ] {
            let space = File::open(format!("/proc/{}/ns/{name}", first.as_raw_nonzero()))?;
            spaces.push((space.into(), kind));
        }
        Ok(Self { spaces, limited: limited.to_vec(), door, runtime })
    }

    /// Says what is started next, before a process is split off for it.
    pub(super) fn announce(&self, start: &Start) -> Result<(), Failure> {
        self.runtime.as_ref().map_or(Ok(()), |runtime| runtime.announce(start))
    }
}

/// The first process: makes the namespaces that are its own and furnishes the root.
pub(super) fn first(place: &Place<'_>, start: &Start, stdin: BorrowedFd<'_>) -> Result<Prepared, Failure> {
    join_groups(&place.groups.doors)?;
    if let Some(runtime) = place.runtime {
        return beneath(runtime, runtime.run()?, [stdin, place.output, place.errors]);
    }
    let own = UnshareFlags::NEWNS | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC | UnshareFlags::NEWCGROUP;
    calls::unshare(own).step("make the guest's namespaces")?;
    rustix::system::sethostname(place.hostname.as_bytes()).step("set the host name")?;
    root::furnish(place.laid)?;
    root::enter(&place.laid.root)?;
    let standard = [stdin, place.output, place.errors];
    prepare(start, standard, &place.limits, place.groups.limited.clone(), place.one_user, place.door)
}

/// A further process: joins the first one's namespaces, as `docker exec` does.
pub(super) fn more(
    joined: &Joined,
    doors: &[OwnedFd],
    start: &Start,
    standard: [BorrowedFd<'_>; 3],
    limits: &Limits,
    one_user: bool,
) -> Result<Prepared, Failure> {
    join_groups(doors)?;
    for (space, kind) in &joined.spaces {
        move_into_link_name_space(space.as_fd(), Some(*kind)).step("join the guest's namespaces")?;
    }
    if let Some(runtime) = &joined.runtime {
        return beneath(runtime, runtime.exec()?, standard);
    }
    let door = joined.door.as_ref().map(AsFd::as_fd);
    prepare(start, standard, limits, joined.limited.clone(), one_user, door)
}

/// A process that becomes gVisor's program, which the guest's run on.
fn beneath(
    runtime: &Runtime,
    arguments: Vec<CString>,
    standard: [BorrowedFd<'_>; 3],
) -> Result<Prepared, Failure> {
    gvisor::furnish()?;
    let _ = rustix::process::setsid();
    put(standard)?;
    let environment = vec![c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    Ok(Prepared { program: runtime.program(), arguments, environment, rights: None })
}

/// Says that it is ready, waits to be released, and becomes the program. It never comes back.
pub(super) fn run(prepared: Result<Prepared, Failure>, gate: &OwnedFd, words: &OwnedFd) -> ! {
    let say = |said: Result<(), Failure>| {
        let _ = rustix::io::write(words, &postcard::to_allocvec(&said).unwrap_or_default());
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => {
            say(Err(failure));
            calls::leave(125);
        }
    };
    say(Ok(()));
    if !opened(gate) {
        calls::leave(125);
    }
    let Prepared { program, arguments, environment, rights } = prepared;
    calls::plain_signals();
    calls::keep_standard_only();
    let given_up = rights.map_or(Ok(()), |Rights { limits, limited, user, one_user, door }| {
        rights::give_up(&user, &limits, &limited, one_user, door.as_ref().map(AsFd::as_fd))
    });
    if let Err(failure) = given_up {
        say(Err(failure));
        calls::leave(125);
    }
    let errno = calls::execve(&program, &arguments, &environment);
    // As a runtime says it: the guest's own failure, not ours.
    let text =
        format!("exec: {}: {}\n", program.to_string_lossy().escape_debug(), std::io::Error::from(errno));
    let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
    calls::leave(if errno == Errno::NOENT { 127 } else { 126 })
}

/// Waits at the gate; false where whoever could open it is gone.
fn opened(gate: &OwnedFd) -> bool {
    let mut byte = [0];
    loop {
        match rustix::io::read(gate, &mut byte) {
            Err(Errno::INTR) => {}
            result => return result == Ok(1),
        }
    }
}

fn join_groups(doors: &[OwnedFd]) -> Result<(), Failure> {
    for door in doors {
        rustix::io::write(door, b"0").step("join the run's control groups")?;
    }
    Ok(())
}

/// Puts the standard descriptors and the directory in their places, and finds the program.
fn prepare(
    start: &Start,
    standard: [BorrowedFd<'_>; 3],
    limits: &Limits,
    limited: Vec<&'static str>,
    one_user: bool,
    door: Option<BorrowedFd<'_>>,
) -> Result<Prepared, Failure> {
    let _ = rustix::process::setsid();
    put(standard)?;
    let cwd = if start.cwd.as_os_str().is_empty() { Path::new("/") } else { &start.cwd };
    let step = format!("enter the working directory {}", cwd.display().to_string().escape_debug());
    let cwd = super::planting::start_directory(cwd).step(&step)?;
    rustix::process::fchdir(cwd).step(&step)?;
    let strings = |words: &[Vec<u8>]| -> Result<Vec<CString>, Failure> {
        let strings: Result<_, _> = words.iter().map(|word| CString::new(word.as_slice())).collect();
        strings.map_err(|_| Failure::new("take a command line with a zero byte in it", Errno::INVAL))
    };
    let arguments = strings(&start.argv)?;
    let environment = strings(&start.env)?;
    let asked = arguments.first().ok_or_else(|| Failure::new("start an empty command line", Errno::INVAL))?;
    let program = find(asked, &start.env);
    let door = door.map(|door| door.try_clone_to_owned()).transpose().step("hold the way to the tracer")?;
    let rights = Rights { limits: limits.clone(), limited, user: start.user.clone(), one_user, door };
    Ok(Prepared { program, arguments, environment, rights: Some(rights) })
}

fn put([stdin, output, errors]: [BorrowedFd<'_>; 3]) -> Result<(), Failure> {
    let step = "put standard descriptors in place";
    rustix::stdio::dup2_stdin(stdin).step(step)?;
    rustix::stdio::dup2_stdout(output).step(step)?;
    rustix::stdio::dup2_stderr(errors).step(step)
}

/// The first file of this name in `PATH` that may be run, or the name itself: the attempt will say what is wrong.
fn find(asked: &CString, environment: &[Vec<u8>]) -> CString {
    let path = environment.iter().find_map(|variable| variable.strip_prefix(b"PATH="));
    let path = path.unwrap_or(b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if asked.as_bytes().contains(&b'/') || asked.is_empty() {
        return asked.clone();
    }
    for directory in path.split(|byte| *byte == b':') {
        let directory = if directory.is_empty() { b"." } else { directory };
        let at = Path::new(OsStr::from_bytes(directory)).join(OsStr::from_bytes(asked.as_bytes()));
        let runs = std::fs::metadata(&at).is_ok_and(|found| {
            use std::os::unix::fs::PermissionsExt;
            found.is_file() && found.permissions().mode() & 0o111 != 0
        });
        if let (true, Ok(found)) = (runs, CString::new(at.as_os_str().as_bytes())) {
            return found;
        }
    }
    asked.clone()
}
