//! A guest without a sandbox around it, for tests and measurements of the tracer: the program runs on the host's own
//! tree, or on an overlay of it in namespaces. Nothing holds it back, so that only programs of our own may run so.
#![allow(unsafe_code)]

use super::Outcome;
use crate::clock::Clock;
use crate::context::Context;
use crate::filter;
use crate::report::Reporter;
use crate::spec::{Limits, TimePolicy};
use events::Event;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::ptr::null;

/// What runs, and how.
#[derive(Debug)]
pub struct Alone {
    /// Program and arguments; the program by its path.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub env: Vec<Vec<u8>>,
    /// An empty directory in which an overlay of the host's tree may be made; with it the guest has namespaces too.
    /// Who is not root cannot lay anything over a tree with mounts in it: its guest has an empty `/tmp` instead.
    pub overlay: Option<PathBuf>,
    /// Where content is kept.
    pub captures: Option<PathBuf>,
    /// Time.
    pub time: TimePolicy,
    /// Limits; of them the tracer keeps time and events.
    pub limits: Limits,
    /// Whether there is a tracer at all.
    pub traced: bool,
    /// Called with the pid of the guest before its program begins.
    pub before: Option<fn(i32)>,
}

/// What came of it.
#[derive(Debug)]
pub struct Told {
    /// What was told.
    pub events: Vec<Event>,
    /// How many events there were, also where they are not kept.
    pub count: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What it said on standard output and standard error.
    pub said: Vec<u8>,
}

impl Alone {
    /// A program by its path, with arguments.
    pub fn new<A: AsRef<[u8]>>(argv: &[A]) -> Self {
        Self {
            argv: argv.iter().map(|word| word.as_ref().to_vec()).collect(),
            env: vec![b"PATH=/usr/local/bin:/usr/bin:/bin".to_vec(), b"HOME=/root".to_vec()],
            overlay: None,
            captures: None,
            time: TimePolicy::default(),
            limits: Limits::default(),
            traced: true,
            before: None,
        }
    }

    /// Runs it to its end. `keep` says which events to keep.
    ///
    /// # Errors
    /// When the system refuses a step before the program begins.
    pub fn run(&self, keep: impl Fn(&Event) -> bool + Send + 'static) -> io::Result<Told> {
        let (events, sink) = pipe_with(PipeFlags::CLOEXEC)?;
        let clock = Clock::begin(self.time.ahead.saturating_mul(1_000_000_000))?;
        let report = Reporter::new(File::from(sink), clock.clone(), self.limits.events);
        let reader = std::thread::spawn(move || collect(File::from(events), keep));
        let out = rustix::fs::memfd_create("said", MemfdFlags::CLOEXEC)?;
        let (gate, opener) = pipe_with(PipeFlags::CLOEXEC)?;
        let (maps, mapped) = pipe_with(PipeFlags::CLOEXEC)?;
        let hand = super::Hand::begin()?;
        let plan = Plan::new(self, &out, &gate, &maps, hand.door().as_raw_fd())?;
        let first = plan.start()?;
        drop((gate, maps));
        if self.overlay.is_some() && !rustix::process::getuid().is_root() {
            let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
            std::fs::write(format!("/proc/{first}/setgroups"), "deny")?;
            std::fs::write(format!("/proc/{first}/uid_map"), format!("0 {uid} 1"))?;
            std::fs::write(format!("/proc/{first}/gid_map"), format!("0 {gid} 1"))?;
        }
        drop(mapped);
        let directory = |path: &PathBuf| {
            rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        };
        let upper = match &self.overlay {
            Some(overlay) => directory(&overlay.join("upper"))?,
            None => directory(&PathBuf::from("/proc/self/fdinfo"))?,
        };
        let pid = Pid::from_raw(first).ok_or(io::ErrorKind::NotFound)?;
        let mut context = Context {
            report,
            clock,
            time: self.time.clone(),
            limits: self.limits.clone(),
            captures: self.captures.as_ref().map(directory).transpose()?,
            upper,
            uptime: None,
            planted: vec![PathBuf::from("/tmp/planted")],
            probe: "alone".into(),
            on_connect: Box::new(|_, _| {}),
            hand: Some(hand),
            waiting: vec![(pid, opener)],
            orders: std::collections::VecDeque::new(),
            source: Box::new(|| None),
        };
        if let Some(before) = self.before {
            before(first);
        }
        let outcome = if self.traced {
            let (outcome, left) = super::run_in(pid, context);
            context = left;
            outcome
        } else {
            context.release(pid);
            let mut status = 0;
            // SAFETY: the call writes one number to `status`.
            unsafe { libc::waitpid(first, &raw mut status, libc::__WALL) };
            Outcome { why: "untraced".into(), first: Some(events::Ended::Code(libc::WEXITSTATUS(status))) }
        };
        context.report.finish();
        drop(context);
        let (events, count) = reader.join().map_err(|_| io::ErrorKind::Other)?;
        let mut said = Vec::new();
        let mut out = File::from(out);
        out.rewind()?;
        out.read_to_end(&mut said)?;
        Ok(Told { events, count, outcome, said })
    }
}

fn collect(mut from: File, keep: impl Fn(&Event) -> bool) -> (Vec<Event>, u64) {
    let mut from = io::BufReader::with_capacity(1 << 16, &mut from);
    let mut events = Vec::new();
    let mut count = 0;
    let mut length = [0; 4];
    let mut line = Vec::new();
    while from.read_exact(&mut length).is_ok() {
        line.resize(u32::from_le_bytes(length) as usize, 0);
        if from.read_exact(&mut line).is_err() {
            break;
        }
        count += 1;
        if let Ok(event) = postcard::from_bytes::<Event>(&line)
            && keep(&event)
        {
            events.push(event);
        }
    }
    (events, count)
}

/// All that the child needs, made before it is born: between its birth and its program it may only call the kernel.
struct Plan {
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    _words: Vec<CString>,
    filter: Vec<filter::Instruction>,
    plain: Vec<filter::Instruction>,
    overlay: Option<(CString, CString)>,
    rootless: bool,
    out: i32,
    gate: i32,
    maps: i32,
    door: i32,
    traced: bool,
}

impl Plan {
    fn new(alone: &Alone, out: &OwnedFd, gate: &OwnedFd, maps: &OwnedFd, door: i32) -> io::Result<Self> {
        let words = |words: &[Vec<u8>]| -> io::Result<Vec<CString>> {
            words.iter().map(|word| CString::new(word.clone()).map_err(io::Error::other)).collect()
        };
        let (argv, env) = (words(&alone.argv)?, words(&alone.env)?);
        let pointers = |words: &[CString]| {
            words.iter().map(|word| word.as_ptr()).chain(std::iter::once(null())).collect::<Vec<_>>()
        };
        let overlay = match &alone.overlay {
            None => None,
            Some(path) => {
                for part in ["upper", "work", "merged"] {
                    std::fs::create_dir(path.join(part))?;
                }
                let path = path.display();
                let options = format!("lowerdir=/,upperdir={path}/upper,workdir={path}/work");
                Some((CString::new(options)?, CString::new(format!("{path}/merged"))?))
            }
        };
        Ok(Self {
            argv: pointers(&argv),
            env: pointers(&env),
            _words: argv.into_iter().chain(env).collect(),
            filter: filter::answered(),
            plain: filter::program(),
            overlay,
            rootless: !rustix::process::getuid().is_root(),
            out: out.as_raw_fd(),
            gate: gate.as_raw_fd(),
            maps: maps.as_raw_fd(),
            door,
            traced: alone.traced,
        })
    }

    fn start(&self) -> io::Result<i32> {
        let mut flags = libc::SIGCHLD;
        if self.overlay.is_some() {
            flags |= libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWIPC;
            if self.rootless {
                flags |= libc::CLONE_NEWUSER;
            }
        }
        // SAFETY: without a stack of its own the child has a copy of this one, as after a fork. It calls only the
        // kernel until its program begins: other threads of this process may have held locks.
        let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
        match child {
            -1 => Err(io::Error::last_os_error()),
            0 => self.child(),
            child => Ok(child as i32),
        }
    }

    fn child(&self) -> ! {
        let mut byte = 0_u8;
        // SAFETY: only system calls, on memory that was made before the child was born and lives in its copy.
        unsafe {
            // The mapping of users is written by the parent before this pipe ends. Ends that the child inherited
            // itself are closed first.
            for descriptor in 3..1024 {
                if ![self.out, self.gate, self.maps, self.door].contains(&descriptor) {
                    libc::close(descriptor);
                }
            }
            libc::read(self.maps, (&raw mut byte).cast(), 1);
            if let Some((options, merged)) = &self.overlay
                && !if self.rootless { part() } else { isolate(options, merged) }
            {
                libc::_exit(125);
            }
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY);
            libc::dup2(null, 0);
            libc::dup2(self.out, 1);
            libc::dup2(self.out, 2);
            libc::read(self.gate, (&raw mut byte).cast(), 1);
            for descriptor in (3..1024).filter(|descriptor| *descriptor != self.door) {
                libc::close(descriptor);
            }
            libc::setsid();
            if self.traced {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                let set = |filter: &[filter::Instruction], flags: libc::c_ulong| {
                    let (len, filter) = (filter.len() as u16, filter.as_ptr().cast_mut().cast());
                    let program = libc::sock_fprog { len, filter };
                    libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
                };
                let listener = set(&self.filter, filter::LISTENING);
                let given =
                    if listener < 0 { set(&self.plain, 0) == 0 } else { self.hand_over(listener as i32) };
                if !given {
                    libc::_exit(126);
                }
            }
            if let Some(path) = self.argv.first() {
                libc::execve(*path, self.argv.as_ptr(), self.env.as_ptr());
            }
            libc::_exit(127)
        }
    }
}

impl Plan {
    /// Sends the tracer what it answers calls by.
    fn hand_over(&self, listener: i32) -> bool {
        let mut said = [1_u8];
        let mut words = libc::iovec { iov_base: said.as_mut_ptr().cast(), iov_len: 1 };
        // A header of what goes with the message, and the descriptor behind it.
        let mut with = [0_u64; 3];
        // SAFETY: the message and what it points to live on this stack until it is sent; the header is written to
        // memory that has its alignment and room for a descriptor.
        unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = &raw mut words;
            message.msg_iovlen = 1;
            message.msg_control = with.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(4) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(4) as _;
            libc::CMSG_DATA(header).cast::<i32>().write_unaligned(listener);
            libc::sendmsg(self.door, &raw const message, 0) == 1
        }
    }
}

/// Puts an overlay of the host's tree in its place.
///
/// # Safety
/// Only in a child that has a mount namespace of its own, and no other thread.
unsafe fn isolate(options: &CStr, merged: &CStr) -> bool {
    // SAFETY: only system calls with texts that live as long as the calls; the caller has its own mounts.
    unsafe {
        let none = null::<libc::c_char>();
        let nothing = null::<libc::c_void>();
        let private = libc::MS_REC | libc::MS_PRIVATE;
        if libc::mount(none, c"/".as_ptr(), none, private, nothing) != 0 {
            return false;
        }
        let overlay = c"overlay".as_ptr();
        if libc::mount(overlay, merged.as_ptr(), overlay, 0, options.as_ptr().cast()) != 0
            || libc::chdir(merged.as_ptr()) != 0
            || libc::mount(c"/dev".as_ptr(), c"dev".as_ptr(), none, libc::MS_BIND | libc::MS_REC, nothing)
                != 0
            || libc::mount(c"proc".as_ptr(), c"proc".as_ptr(), c"proc".as_ptr(), 0, nothing) != 0
            || libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) != 0
            || libc::umount2(c".".as_ptr(), libc::MNT_DETACH) != 0
            || libc::chdir(c"/".as_ptr()) != 0
        {
            return false;
        }
        raise_loopback();
        true
    }
}

/// Gives the guest its own `/proc` and an empty `/tmp`.
///
/// # Safety
/// As for [`isolate`].
unsafe fn part() -> bool {
    // SAFETY: as in `isolate`.
    unsafe {
        let none = null::<libc::c_char>();
        let nothing = null::<libc::c_void>();
        let (proc, tmpfs) = (c"proc".as_ptr(), c"tmpfs".as_ptr());
        if libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, nothing) != 0
            || libc::mount(proc, c"/proc".as_ptr(), proc, 0, nothing) != 0
            || libc::mount(tmpfs, c"/tmp".as_ptr(), tmpfs, 0, nothing) != 0
        {
            return false;
        }
        raise_loopback();
        true
    }
}

/// A guest may speak to itself.
fn raise_loopback() {
    // SAFETY: only system calls, on a request of the length that this one has.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        let mut request = [0_u8; 40];
        request[..2].copy_from_slice(b"lo");
        request[16] = libc::IFF_UP as u8;
        libc::ioctl(socket, libc::SIOCSIFFLAGS as _, request.as_mut_ptr());
        libc::close(socket);
    }
}
