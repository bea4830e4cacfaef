//! Opening of files that are only to be read: the tracer opens the file in the guest's root, tells where that led, and
//! puts the descriptor into the guest, which does not open anything. So the record and what the guest has are one,
//! whatever its memory or its tree have become meanwhile, and the guest waits once and not twice.
//!
//! Who waits for that is heard by a thread for each filter, as the tracer's own waits for tracees; it does nothing
//! but with all that the tracer has in its hands. What it cannot answer is made again as a call that is traced.

use super::absent::{Known, ONLY_READS};
use super::listener::{Asked, Listener};
use super::origin::hash;
use super::paths::{join, link};
use super::{Tracer, arch, files, kernel, memory};
use crate::calls::Resting;
use crate::message;
use events::{FileAct, LostWhy, MAX_BYTES, bounded};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use rustix::process::Pid;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// In the upper half of the flags, of which the kernel reads the lower one: the call was handed back and is traced.
const MARK: u64 = 0x5d2c_0000;

/// Asks for the call to be made again, whatever signal is on its way.
const ERESTARTNOINTR: i32 = 513;
const ERESTARTSYS: i64 = 512;

/// Files that are opened here are not counted as the guest's memory: beyond so many more that are open on the whole
/// machine the guest opens them itself. It is looked at once in so many calls.
const MOST_FILES: u64 = 100_000;
const CALLS_BETWEEN_LOOKS: u32 = 4096;

/// Who asks, and what goes the long way.
#[derive(Debug)]
pub(super) struct Opens {
    listeners: Vec<Arc<Listener>>,
    /// Where the hand hears of all of them.
    ears: Option<Arc<OwnedFd>>,
    /// Where listeners come from.
    within: Option<OwnedFd>,
    /// The thread that is the hand.
    hand: Option<Pid>,
    handed_back: Vec<(Arc<Listener>, Asked)>,
    /// The thread that waits for tracees.
    tracing: i32,
    /// The mount of the guest's root.
    mount: Option<u64>,
    /// Directories on the way to which is a link.
    linked: Known,
    /// Whether there may be files that notice that they are opened: pipes with a name.
    pub(super) careful: bool,
    calls: u32,
    files_before: Option<u64>,
    full: bool,
    /// Whether the run is over, so that nothing is answered any more.
    over: bool,
}

impl Opens {
    pub(super) fn new(mut hand: Option<&mut Hand>) -> Self {
        Self {
            listeners: Vec::new(),
            within: hand.as_mut().and_then(|hand| hand.within.take()),
            ears: hand.as_ref().map(|hand| Arc::clone(&hand.ears)),
            hand: hand.and_then(|hand| Pid::from_raw(hand.number)),
            handed_back: Vec::new(),
            tracing: kernel::own_thread(),
            mount: None,
            linked: Known::new(),
            careful: false,
            calls: 0,
            files_before: None,
            full: false,
            over: false,
        }
    }

    /// Whether a call waits to be answered. It is taken only with the lock held, so that none is between.
    pub(super) fn owed(&self) -> bool {
        !self.handed_back.is_empty() || self.listeners.iter().any(|listener| listener.owes())
    }

    /// The thread that runs beside the tracer's own.
    pub(super) fn beside(&self) -> Option<Pid> {
        self.hand
    }

    pub(super) fn end(&mut self) {
        self.over = true;
    }

    /// Opens a file as it was asked for. Who has a lease on one may hold back whoever opens it: that is the guest's to
    /// wait for.
    fn open(
        &self,
        from: BorrowedFd<'_>,
        path: &[u8],
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, Errno> {
        let path = OsStr::from_bytes(path);
        let open = |flags| rustix::fs::openat2(from, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        if self.careful {
            let found = open(OFlags::PATH)?;
            let (kind, _) = kind(found.as_fd()).ok_or(Errno::BADF)?;
            if !matches!(kind, FileType::RegularFile | FileType::Directory) {
                return Err(Errno::OPNOTSUPP);
            }
        }
        open(flags | OFlags::NONBLOCK)
    }

    /// Has the hand hear of a listener, which will have the next place among them.
    fn hears(&self, listener: &Listener) -> bool {
        let place = epoll::EventData::new_u64(self.listeners.len() as u64);
        let added = |ears: &Arc<OwnedFd>| epoll::add(ears, listener, place, epoll::EventFlags::IN);
        self.ears.as_ref().is_some_and(|ears| added(ears).is_ok())
    }

    /// Whether files may be opened for the guest without filling the machine.
    fn has_room(&mut self) -> bool {
        if self.calls.is_multiple_of(CALLS_BETWEEN_LOOKS) {
            let open = open_files();
            let before = self.files_before.or(open);
            self.files_before = before;
            self.full = match (open, before) {
                (Some(open), Some(before)) => open > before.saturating_add(MOST_FILES),
                _ => true,
            };
        }
        self.calls = self.calls.wrapping_add(1);
        !self.full
    }
}

/// How many files are open on the machine.
fn open_files() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/file-nr").ok()?.split_whitespace().next()?.parse().ok()
}

/// A thread that answers who asks. It is started before the tracer, by a process that later cannot start any.
#[derive(Debug)]
pub struct Hand {
    thread: JoinHandle<()>,
    number: i32,
    tracer: SyncSender<Arc<Mutex<Tracer>>>,
    ears: Arc<OwnedFd>,
    /// Said to when there is nothing more to hear.
    enough: OwnedFd,
    /// Through which a process that has set its filter hands over what its calls are answered by, and where it comes.
    door: OwnedFd,
    within: Option<OwnedFd>,
    _resting: Resting,
}

/// What the ears hear of [`Hand::enough`]; all else are places among the listeners.
const ENOUGH: u64 = u64::MAX;

impl Hand {
    /// Starts it.
    ///
    /// # Errors
    /// When the system has no thread or no descriptor for it.
    pub fn begin() -> io::Result<Self> {
        let ears = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let enough = eventfd(0, EventfdFlags::CLOEXEC)?;
        epoll::add(&ears, &enough, epoll::EventData::new_u64(ENOUGH), epoll::EventFlags::IN)?;
        let flags = SocketFlags::CLOEXEC;
        let (door, within) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let (tracer, tracers) = sync_channel::<Arc<Mutex<Tracer>>>(1);
        let (say, said) = sync_channel(1);
        let hears = Arc::clone(&ears);
        let thread = std::thread::Builder::new().name("opens".to_owned()).spawn(move || {
            kernel::without_signals();
            let _ = say.send(kernel::own_thread());
            if let Ok(tracer) = tracers.recv() {
                serve(&hears, &tracer);
            }
        })?;
        // From here on it waits: for a tracer, in the kernel, or for the lock, and does all else with the lock held.
        let number = said.recv().map_err(io::Error::other)?;
        let (within, _resting) = (Some(within), Resting::begins());
        Ok(Self { thread, number, tracer, ears, enough, door, within, _resting })
    }

    /// For who is to set a filter.
    pub(crate) fn door(&self) -> BorrowedFd<'_> {
        self.door.as_fd()
    }
}

/// All that the tracer has, for one thread at a time.
pub(super) struct Shared {
    tracer: Arc<Mutex<Tracer>>,
    hand: Option<Hand>,
}

impl Shared {
    pub(super) fn new(tracer: Tracer, hand: Option<Hand>) -> Self {
        let tracer = Arc::new(Mutex::new(tracer));
        if let Some(hand) = &hand {
            let _ = hand.tracer.send(Arc::clone(&tracer));
        }
        Self { tracer, hand }
    }

    pub(super) fn hold(&self) -> MutexGuard<'_, Tracer> {
        hold(&self.tracer)
    }

    /// Waits until nobody else has it.
    pub(super) fn end(self) -> Tracer {
        if let Some(hand) = self.hand {
            let _ = rustix::io::write(&hand.enough, &1_u64.to_ne_bytes());
            let _ = hand.thread.join();
        }
        match Arc::try_unwrap(self.tracer) {
            Ok(tracer) => tracer.into_inner().unwrap_or_else(PoisonError::into_inner),
            Err(_) => unreachable!("the thread that had the other one has ended"),
        }
    }
}

fn hold(tracer: &Mutex<Tracer>) -> MutexGuard<'_, Tracer> {
    tracer.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(ears: &OwnedFd, tracer: &Mutex<Tracer>) {
    let mut heard =
        [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 1];
    loop {
        match epoll::wait(ears, &mut heard, None) {
            Ok(1) => {}
            Ok(_) | Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let (place, flags) = (heard[0].data.u64(), heard[0].flags);
        if place == ENOUGH {
            return;
        }
        let mut tracer = hold(tracer);
        let Some(listener) = tracer.opens.listeners.get(place as usize).map(Arc::clone) else { continue };
        if !flags.contains(epoll::EventFlags::IN) {
            // Nobody is left under this filter.
            let _ = epoll::delete(ears, &*listener);
        } else if let Some(asked) = listener.take() {
            tracer.asked(&listener, asked);
        }
    }
}

/// What opening came to: the path that was asked for, the file, and where it led where that is another one. Without a
/// file there is none.
struct Opened {
    path: Vec<u8>,
    file: Option<OwnedFd>,
    led: Option<Vec<u8>>,
}

impl Tracer {
    /// The guest's first program is about to begin: its filter is set, and closes what it opened.
    pub(super) fn hear(&mut self, tid: i32) {
        let Some(within) = &self.opens.within else { return };
        // Its own is among them, as it was sent before.
        while let Ok(Some((_, listeners))) = message::receive::<bool>(within, RecvFlags::DONTWAIT) {
            for listener in listeners.into_iter().map(Listener::new) {
                if self.alarm.is_none() || !self.opens.hears(&listener) {
                    self.lost(LostWhy::Untraced);
                    return kernel::kill(tid);
                }
                self.opens.listeners.push(Arc::new(listener));
            }
        }
    }

    /// A call waits to be answered. Not by the thread that may ask anything of tracees.
    fn asked(&mut self, listener: &Arc<Listener>, asked: Asked) {
        if self.opens.over {
            return;
        }
        self.stops += 1;
        self.time.active();
        self.time.forget(asked.tid);
        if self.opened(listener, &asked).is_none() {
            self.opens.handed_back.push((Arc::clone(listener), asked));
            kernel::wake(self.opens.tracing);
        }
    }

    /// Opens a file in the guest's place. None where it has to do so itself: only who may search every directory is told
    /// here what it would be told, and only where the way leads over no other mount, whose files may be different
    /// ones for each who looks.
    fn opened(&mut self, listener: &Listener, asked: &Asked) -> Option<()> {
        let tid = asked.tid;
        let task = self.tasks.get_mut(tid)?;
        task.later = None;
        task.vforking = false;
        task.broken_off = false;
        let fresh = task.fresh;
        let searches = self.tasks.group(self.tasks.group_of(tid)).is_some_and(|group| group.searches);
        let [a, b, c, ..] = asked.arguments;
        let (directory, address, flags) = match asked.number {
            libc::SYS_open => (libc::AT_FDCWD, a, b),
            libc::SYS_openat => (a as i32, b, c),
            _ => return None,
        };
        if fresh
            || !searches
            || self.chrooted
            || flags & !u64::from(ONLY_READS) != 0
            || !self.opens.has_room()
        {
            return None;
        }
        let text = memory::text(tid, address).ok()?;
        let Opened { path, file, led } = self.open(tid, directory, &text, flags)?;
        let op = files::open(flags);
        let (process, origin) = (self.tasks.process(tid), self.origins.named(&path));
        let act = FileAct { process, op, path: bounded(&path), origin, result: 0 };
        let Some(file) = file else {
            if listener.refuse(asked, libc::ENOENT) {
                self.file_done(tid, act, i64::from(-libc::ENOENT));
            }
            return Some(());
        };
        let led = led.unwrap_or(path);
        match listener.give(asked, file.as_fd(), flags as i32 & libc::O_CLOEXEC != 0) {
            Ok(number) => self.file_led(tid, act, number.into(), Some(led)),
            // It was killed meanwhile, and its call never happened.
            Err(Errno::NOENT | Errno::SRCH | Errno::INPROGRESS) => {}
            Err(errno) => {
                if listener.refuse(asked, errno.raw_os_error()) {
                    self.file_done(tid, act, i64::from(-errno.raw_os_error()));
                }
            }
        }
        Some(())
    }

    /// Opens a path of the guest as it would be opened there.
    fn open(&mut self, tid: i32, directory: i32, text: &[u8], flags: u64) -> Option<Opened> {
        if text.is_empty() || text.len() >= MAX_BYTES {
            return None;
        }
        let flags = OFlags::from_bits_retain(flags as u32);
        let root = self.root.as_ref()?;
        let mount = match self.opens.mount {
            Some(mount) => mount,
            None => *self.opens.mount.insert(kind(root.as_fd())?.1),
        };
        let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let (path, file, direct) = if text.starts_with(b"/") {
            let resolve = resolve | ResolveFlags::IN_ROOT;
            // Where no link is on the way, the path itself is where it leads.
            let directory = hash(text.rsplitn(2, |&byte| byte == b'/').last().unwrap_or_default());
            let mut direct = is_plain(text) && !self.opens.linked.holds(directory);
            let links = if direct { ResolveFlags::NO_SYMLINKS } else { ResolveFlags::empty() };
            let mut file = self.opens.open(root.as_fd(), text, flags, resolve | links);
            if direct && matches!(file, Err(Errno::LOOP)) {
                self.opens.linked.note(directory);
                direct = false;
                file = self.opens.open(root.as_fd(), text, flags, resolve);
            }
            (text.to_vec(), file, direct)
        } else {
            let base = match directory {
                libc::AT_FDCWD => format!("/proc/{tid}/cwd"),
                descriptor => format!("/proc/{tid}/fd/{descriptor}"),
            };
            let way = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
            let base = rustix::fs::open(base, way, Mode::empty()).ok()?;
            if kind(base.as_fd())?.1 != mount {
                return None;
            }
            let place = link(&format!("/proc/self/fd/{}", base.as_raw_fd()))?;
            // A step above it is the kernel's to take.
            let resolve = resolve | ResolveFlags::BENEATH;
            (join(&place, text), self.opens.open(base.as_fd(), text, flags, resolve), false)
        };
        let file = match file {
            Ok(file) => file,
            Err(Errno::NOENT) => return Some(Opened { path, file: None, led: None }),
            Err(_) => return None,
        };
        let (kind, at) = kind(file.as_fd())?;
        if at != mount || !matches!(kind, FileType::RegularFile | FileType::Directory) {
            self.opens.careful = true;
            return None;
        }
        if !flags.contains(OFlags::NONBLOCK) {
            rustix::fs::fcntl_setfl(&file, flags).ok()?;
        }
        let led = match direct {
            true => None,
            false => Some(link(&format!("/proc/self/fd/{}", file.as_raw_fd()))?),
        };
        Some(Opened { path, file: Some(file), led })
    }

    /// Has the calls that cannot be answered be made again, and traced. Each task stops on its way out of the kernel.
    pub(super) fn hand_back(&mut self) {
        for (listener, asked) in std::mem::take(&mut self.opens.handed_back) {
            if kernel::interrupt(asked.tid)
                && let Some(task) = self.tasks.get_mut(asked.tid)
            {
                task.again = true;
            }
            listener.refuse(&asked, ERESTARTNOINTR);
        }
    }

    /// A task has stopped: where its call is to be made again, it is marked, so that the filter has it traced.
    pub(super) fn mark(&mut self, tid: i32) {
        let Some(task) = self.tasks.get_mut(tid).filter(|task| task.again) else { return };
        task.again = false;
        let Some((number, result, arguments)) = arch::interrupted(tid) else { return };
        let Some((which, flags)) = flags_of(number, &arguments) else { return };
        if result == i64::from(-ERESTARTNOINTR) && flags >> 32 == 0 {
            task.marked = task.marked.saturating_add(1);
            arch::set_argument(tid, which, flags | MARK << 32);
        }
    }

    /// Takes the mark off a call, as far as it is looked at here: gives which argument held it and what it is without.
    pub(super) fn unmark(&mut self, tid: i32, call: &mut kernel::Call) -> Option<(usize, u64)> {
        let task = self.tasks.get_mut(tid).filter(|task| task.marked > 0)?;
        let (which, flags) = flags_of(call.number.cast_signed(), &call.arguments)?;
        if flags >> 32 != MARK {
            return None;
        }
        task.marked -= 1;
        let flags = u64::from(flags as u32);
        *call.arguments.get_mut(which)? = flags;
        Some((which, flags))
    }

    /// A signal reaches a task. Where it was waiting to be answered, its call is made again after it, as nobody's opening
    /// of a plain file is ever broken off.
    pub(super) fn keep_asking(&mut self, tid: i32) {
        let ours = self.tasks.get(tid).is_some_and(|task| !task.broken_off);
        if self.opens.listeners.is_empty() || !ours {
            return;
        }
        if let Some((number, result, arguments)) = arch::interrupted(tid)
            && result == -ERESTARTSYS
            && flags_of(number, &arguments).is_some()
        {
            arch::set_result(tid, i64::from(-ERESTARTNOINTR));
        }
    }
}

/// Which argument of a call holds the flags of opening, and what it is.
fn flags_of(number: i64, arguments: &[u64; 6]) -> Option<(usize, u64)> {
    let which = match number {
        libc::SYS_open => 1,
        libc::SYS_openat => 2,
        _ => return None,
    };
    Some((which, *arguments.get(which)?))
}

/// What a file is, and on which mount.
fn kind(file: BorrowedFd<'_>) -> Option<(FileType, u64)> {
    let wanted = StatxFlags::TYPE | StatxFlags::MNT_ID;
    let found = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, wanted).ok()?;
    Some((FileType::from_raw_mode(found.stx_mode.into()), found.stx_mnt_id))
}

/// Whether a path that leads over no link is written as the kernel would write it.
fn is_plain(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').skip(1).all(|part| !matches!(part, b"" | b"." | b".."))
}
