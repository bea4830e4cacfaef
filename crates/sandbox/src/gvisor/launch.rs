//! Starts `runsc`, and further processes in its container.

use super::bundle;
use crate::calls;
use crate::error::{Failure, Step};
use crate::spec::{Limits, Spec, Start};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// gVisor for one run: where its files lie, and where it speaks to us.
#[derive(Debug)]
pub(crate) struct Runtime {
    program: OwnedFd,
    place: PathBuf,
    pub(super) root: PathBuf,
    pub(super) sink: OwnedFd,
    pub(super) log: OwnedFd,
    limits: Limits,
    pub(super) first: Start,
    further: Mutex<Vec<Further>>,
    asked: AtomicUsize,
}

/// A process that is started in the container while it runs.
#[derive(Debug)]
pub(super) struct Further {
    pub(super) start: Start,
    /// Where `runsc` writes the number that it has in the guest.
    pub(super) number: PathBuf,
}

/// The container's name; each run has a directory of states of its own.
const NAME: &str = "guest";

/// Calls of which the log tells, since no trace point takes them apart.
const LOGGED: &str = "unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,\
     mknod,mknodat,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,truncate,ftruncate,utimensat,setxattr,mount,\
     umount2,chroot,pivot_root,listen,sendto,memfd_create,kill,tkill,tgkill,ptrace,process_vm_readv,process_vm_writev,\
     init_module,finit_module,delete_module,bpf,unshare,setns,io_uring_setup,userfaultfd,perf_event_open,add_key,\
     keyctl,reboot,kexec_load,sethostname,setdomainname,personality,swapon,acct,quotactl,iopl,ioperm";

impl Runtime {
    /// Writes what `runsc` reads, and opens what it speaks through, beside the tree at `root`.
    pub(crate) fn make(program: OwnedFd, spec: &Spec, root: &Path) -> Result<Self, Failure> {
        let step = "make a place for gVisor";
        let place = root.with_file_name("runsc");
        for directory in ["bundle", "state"] {
            std::fs::create_dir_all(place.join(directory)).step(step)?;
        }
        let container = bundle::container(root, &spec.hostname, &spec.start, &spec.limits)?;
        bundle::write(&place.join("bundle/config.json"), &container)?;
        let socket = place.join("points");
        bundle::write(&place.join("session.json"), &bundle::session(&socket))?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let sink = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).step(step)?;
        bind(&sink, &SocketAddrUnix::new(&socket).step(step)?).step(step)?;
        listen(&sink, 1).step(step)?;
        // A pipe with a name in place of a file: the log takes no room, and gVisor waits where we are slow.
        let log = place.join("log.boot");
        mknodat(CWD, &log, FileType::Fifo, Mode::from(0o600), 0).step(step)?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let log = rustix::fs::open(&log, flags, Mode::empty()).step(step)?;
        let _ = rustix::pipe::fcntl_setpipe_size(&log, 1 << 20);
        Ok(Self {
            program,
            place,
            root: root.to_owned(),
            sink,
            log,
            limits: spec.limits.clone(),
            first: spec.start.clone(),
            further: Mutex::default(),
            asked: AtomicUsize::new(0),
        })
    }

    /// The file of the program, which no name leads to in the guest's user namespace.
    pub(crate) fn program(&self) -> CString {
        CString::new(format!("/proc/self/fd/{}", self.program.as_raw_fd())).unwrap_or_default()
    }

    /// The command line that runs the container.
    pub(crate) fn run(&self) -> Result<Vec<CString>, Failure> {
        let (session, bundle) =
            (self.option("pod-init-config", "session.json"), self.option("bundle", "bundle"));
        let own = [
            "--platform=systrap",
            "--network=sandbox",
            "--overlay2=none",
            "--host-uds=open",
            &session,
            "--strace",
            &format!("--strace-syscalls={LOGGED}"),
            "--strace-log-size=64",
            &self.option("debug-log", "log.%COMMAND%"),
            "--debug-log-format=json",
            "run",
            &bundle,
            NAME,
        ];
        self.line(&own)
    }

    /// The command line that starts the process that was announced last.
    pub(crate) fn exec(&self) -> Result<Vec<CString>, Failure> {
        let number = self.asked.load(Ordering::Relaxed);
        let process = self.option("process", &format!("process{number}.json"));
        self.line(&["exec", &process, &self.option("internal-pid-file", &format!("number{number}")), NAME])
    }

    /// Writes down what is started next, before the process that starts it is split off.
    pub(crate) fn announce(&self, start: &Start) -> Result<(), Failure> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        bundle::write(
            &self.place.join(format!("process{number}.json")),
            &bundle::process(start, &self.limits)?,
        )?;
        let number = self.place.join(format!("number{number}"));
        self.further().push(Further { start: start.clone(), number });
        Ok(())
    }

    /// The processes that were announced and are not known to run.
    pub(super) fn further(&self) -> MutexGuard<'_, Vec<Further>> {
        self.further.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `runsc` has written down that the container runs: before, nothing can be started in it.
    pub(super) fn runs(&self) -> bool {
        let entries = std::fs::read_dir(self.place.join("state")).into_iter().flatten().flatten();
        let mut states = entries.map(|entry| entry.path());
        states.any(|path| {
            let state: Option<serde_json::Value> = serde_json::from_str(&written(&path)).ok();
            let status = state.as_ref().and_then(|state| state.get("status")?.as_str());
            path.extension().is_some_and(|end| end == "state") && status == Some("running")
        })
    }

    /// Why `runsc` gave up, in its own words.
    pub(super) fn reason(&self) -> Option<String> {
        const LONGEST: usize = 600;
        let log = written(&self.place.join("log.json"));
        let line: serde_json::Value = log.lines().rev().find_map(|line| serde_json::from_str(line).ok())?;
        Some(line.get("msg")?.as_str()?.escape_debug().take(LONGEST).collect())
    }

    fn option(&self, name: &str, file: &str) -> String {
        format!("--{name}={}", self.place.join(file).display())
    }

    fn line(&self, own: &[&str]) -> Result<Vec<CString>, Failure> {
        let state = self.option("root", "state");
        let log = self.option("log", "log.json");
        let all = ["runsc", &state, "--ignore-cgroups", &log, "--log-format=json"];
        let words = all.iter().chain(own).map(|word| CString::new(*word));
        words.collect::<Result<_, _>>().map_err(|_| Failure::new("write gVisor's command line", Errno::INVAL))
    }
}

/// What `runsc` has written to a file, as far as it is of a sensible length.
pub(super) fn written(path: &Path) -> String {
    const LONGEST: u64 = 1 << 20;
    let mut text = String::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(LONGEST).read_to_string(&mut text);
    }
    text
}

/// Has this process see itself and its network as `runsc` needs them: the process tree of its own namespace, and no
/// sign by which `runsc` takes a network namespace of a recent kernel for the host's.
pub(crate) fn furnish() -> Result<(), Failure> {
    calls::unshare(UnshareFlags::NEWNS).step("make a mount namespace for gVisor")?;
    let none: Option<&std::ffi::CStr> = None;
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", plain, none).step("mount /proc")?;
    let covered = "/proc/sys/net/core";
    if Path::new(covered).is_dir() {
        mount("tmpfs", covered, "tmpfs", plain, Some(c"size=0,mode=0755"))
            .step("cover /proc/sys/net/core")?;
    }
    Ok(())
}
