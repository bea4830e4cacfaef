use crate::changes::Change;
use crate::clock::Clock;
use crate::error::SandboxError;
use crate::message::{self, Answer, Ask, Ending, Further};
use crate::network::Doors;
use crate::report::LONGEST;
use crate::spec::{Spec, Start};
use crate::warden::ARGUMENT;
use events::Event;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The sandbox of one run.
#[derive(Debug)]
pub struct Sandbox;

/// A run that goes on. Dropping it kills all that is in it and waits until nothing is left.
#[derive(Debug)]
pub struct Run {
    steward: Mutex<Child>,
    control: Mutex<Option<OwnedFd>>,
    lifeline: Mutex<Option<OwnedFd>>,
    ending: Mutex<File>,
    events: Mutex<Option<Events>>,
    doors: Mutex<Option<Doors>>,
    further: Mutex<Option<FurtherDoors>>,
    output: Mutex<Option<JoinHandle<[Kept; 2]>>>,
    clock: Clock,
    limitations: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Why: as the tracer says it, or `killed`.
    pub why: String,
    /// How the first process ended, where it did by itself.
    pub first: Option<events::Ended>,
    /// What was written to standard output.
    pub stdout: Kept,
    /// What was written to standard error.
    pub stderr: Kept,
}

/// The beginning of a stream that was longer, or all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// What was kept.
    pub bytes: Vec<u8>,
    /// How much there was.
    pub length: u64,
}

impl Sandbox {
    /// Makes a sandbox and has its first process about to start: it goes on by itself, and what it does comes out
    /// of [`Run::events`].
    ///
    /// The program that calls this must call [`crate::warden_main`] at the beginning of its `main`.
    ///
    /// # Errors
    /// When a step is refused. Nothing is left of it then.
    pub fn start(spec: &Spec) -> Result<Run, SandboxError> {
        let made = |step| move |source: std::io::Error| SandboxError::Spawn { step, source };
        let refused = |step| move |errno: Errno| SandboxError::Spawn { step, source: errno.into() };
        let kind = SocketType::SEQPACKET;
        let (control, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
            .map_err(refused("make a pair of sockets"))?;
        let (further, further_in) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
            .map_err(refused("make a pair of sockets"))?;
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(refused("make a pipe"));
        let (events, events_in) = pipe()?;
        // Room for some thousands of events, so that the guest need not wait for a reader at each.
        let _ = rustix::pipe::fcntl_setpipe_size(&events, 1 << 20);
        let (ending, ending_in) = pipe()?;
        let (output, output_in) = pipe()?;
        let (errors, errors_in) = pipe()?;
        // The guest's users may open what they write to anew, as `/dev/stdout` and `/proc/1/fd/1`.
        for stream in [&output_in, &errors_in] {
            let _ = rustix::fs::fchmod(stream, rustix::fs::Mode::from(0o666));
        }
        let (lifeline_out, lifeline) = pipe()?;
        let ahead = spec.time.ahead.saturating_mul(1_000_000_000);
        let clock = Clock::begin(ahead).map_err(refused("make the clock"))?;
        let memory = message::in_memory(spec).map_err(made("write the specification"))?;
        let mut steward = Command::new("/proc/self/exe")
            .arg(ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(made("start the program again; is /proc mounted?"))?;
        let handed = [
            memory.as_fd(),
            clock.memory(),
            events_in.as_fd(),
            ending_in.as_fd(),
            output_in.as_fd(),
            errors_in.as_fd(),
            lifeline_out.as_fd(),
            further_in.as_fd(),
        ];
        let said = message::send(&control, &message::Job::Run, &handed);
        drop((events_in, ending_in, output_in, errors_in, lifeline_out, further_in));
        let ready = said.map_err(|_| SandboxError::Gone).and_then(|()| hear(&control));
        let ready = ready.and_then(|(answer, with)| match answer {
            Answer::Ready { limitations, tcp, udp, raw, packets, inward, named } => {
                Ok((limitations, doors(with, [tcp, udp, raw, packets, inward, named])))
            }
            Answer::Failed(failure) => Err(SandboxError::Step(failure)),
            _ => Err(SandboxError::Garbled),
        });
        let (limitations, doors) = match ready {
            Ok(ready) => ready,
            Err(error) => {
                drop((lifeline, control));
                let _ = steward.wait();
                return Err(error);
            }
        };
        let most = spec.limits.output;
        let output = std::thread::spawn(move || drain([output, errors], most));
        Ok(Run {
            steward: Mutex::new(steward),
            control: Mutex::new(Some(control)),
            lifeline: Mutex::new(Some(lifeline)),
            ending: Mutex::new(ending.into()),
            events: Mutex::new(Some(Events {
                from: BufReader::with_capacity(64 << 10, events.into()),
                line: Vec::new(),
            })),
            doors: Mutex::new(Some(doors)),
            further: Mutex::new(Some(FurtherDoors(further))),
            output: Mutex::new(Some(output)),
            clock,
            limitations,
        })
    }
}

impl Run {
    /// The sockets of the guest's network; once only.
    pub fn doors(&self) -> Option<Doors> {
        lock(&self.doors).take()
    }

    /// Doors that are opened while the run goes on, where not every port is open from the start; once only. Whoever
    /// answers the guest should take them in a thread of its own.
    pub fn further_doors(&self) -> Option<FurtherDoors> {
        lock(&self.further).take()
    }

    /// What happens, as it happens; once only. A run whose events nobody reads stands still.
    pub fn events(&self) -> Option<Events> {
        lock(&self.events).take()
    }

    /// The clock that the guest is shown.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// What this sandbox cannot do here, each as a sentence for people: none where it can do all.
    pub fn limitations(&self) -> &[String] {
        &self.limitations
    }

    /// Starts another process in the guest, as `docker exec` does.
    ///
    /// # Errors
    /// When it cannot be started, or the run is over.
    pub fn start_more(&self, start: &Start) -> Result<(), SandboxError> {
        let control = lock(&self.control);
        let control = control.as_ref().ok_or(SandboxError::Over)?;
        message::ask_start(control, start).map_err(|_| SandboxError::Over)?;
        match hear(control).map_err(|_| SandboxError::Over)?.0 {
            Answer::Started => Ok(()),
            Answer::Failed(failure) if failure.errno == libc::ESRCH => Err(SandboxError::Over),
            Answer::Failed(failure) => Err(SandboxError::Step(failure)),
            _ => Err(SandboxError::Garbled),
        }
    }

    /// Ends the run in order: what is left is killed, and the record says `why`.
    pub fn end(&self, why: &str) {
        if let Some(control) = lock(&self.control).as_ref() {
            let _ = message::send(control, &Ask::End { why: why.to_owned() }, &[]);
        }
    }

    /// Kills everything at once. What was not yet told is lost, and the record ends without a `Finished`.
    pub fn kill(&self) {
        lock(&self.lifeline).take();
    }

    /// Waits until the run has ended.
    pub fn wait(&self) -> Finished {
        let mut bytes = Vec::new();
        let _ = (&*lock(&self.ending)).take(1 << 16).read_to_end(&mut bytes);
        let ending = postcard::from_bytes(&bytes).unwrap_or(Ending { why: "killed".to_owned(), first: None });
        let output = lock(&self.output).take().and_then(|output| output.join().ok());
        let [stdout, stderr] = output.unwrap_or_default();
        Finished { why: ending.why, first: ending.first, stdout, stderr }
    }

    /// What the run left behind in its file system; ask when it has ended.
    ///
    /// # Errors
    /// When the run goes on, or was killed.
    pub fn changes(&self) -> Result<Changes<'_>, SandboxError> {
        let control = lock(&self.control);
        match control.as_ref().map(|control| message::send(control, &Ask::Changes, &[])) {
            Some(Ok(())) => Ok(Changes { control, over: false }),
            _ => Err(SandboxError::Over),
        }
    }

    /// Ends what is left, and sees that nothing is.
    ///
    /// # Errors
    /// When something is.
    pub fn close(self) -> Result<(), SandboxError> {
        self.shut()
    }

    fn shut(&self) -> Result<(), SandboxError> {
        lock(&self.lifeline).take();
        lock(&self.control).take();
        let ended = lock(&self.steward).wait();
        match ended.ok().and_then(|status| status.code()) {
            Some(0) => Ok(()),
            _ => {
                Err(SandboxError::Remains("control groups named roadstead-* below /sys/fs/cgroup".to_owned()))
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.shut();
    }
}

/// Doors that are opened during a run: waits for the next, and ends with the run.
#[derive(Debug)]
pub struct FurtherDoors(OwnedFd);

impl Iterator for FurtherDoors {
    type Item = Doors;

    fn next(&mut self) -> Option<Doors> {
        let (Further { tcp }, with) = message::receive(&self.0, RecvFlags::empty()).ok()??;
        let count = with.len();
        Some(doors(with, if tcp { [count, 0, 0, 0, 0, 0] } else { [0, count, 0, 0, 0, 0] }))
    }
}

/// The events of a run, in order. After an error nothing more comes.
#[derive(Debug)]
pub struct Events {
    from: BufReader<File>,
    line: Vec<u8>,
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).ok()?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST {
            return None;
        }
        self.line.clear();
        let read = self.from.by_ref().take(length as u64).read_to_end(&mut self.line).ok()?;
        (read == length).then_some(())?;
        postcard::from_bytes(&self.line).ok()
    }
}

/// The changes of a run.
#[derive(Debug)]
pub struct Changes<'a> {
    control: MutexGuard<'a, Option<OwnedFd>>,
    over: bool,
}

impl Iterator for Changes<'_> {
    type Item = Result<Change, SandboxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let heard = self.control.as_ref().ok_or(SandboxError::Over).and_then(hear);
        let change = match heard {
            Ok((Answer::Change(entry), with)) => {
                return Some(Ok(Change { entry, content: with.into_iter().next().map(File::from) }));
            }
            Ok((Answer::NoMore, _)) => None,
            Ok((Answer::Failed(failure), _)) => Some(Err(SandboxError::Step(failure))),
            Ok(_) => Some(Err(SandboxError::Garbled)),
            Err(error) => Some(Err(error)),
        };
        self.over = true;
        change
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        // What was not heard would be taken for the answer to the next question.
        while self.next().is_some() {}
    }
}

fn hear(control: impl AsFd) -> Result<(Answer, Vec<OwnedFd>), SandboxError> {
    match message::receive(control, RecvFlags::empty()) {
        Ok(Some(heard)) => Ok(heard),
        Ok(None) => Err(SandboxError::Gone),
        Err(Errno::BADMSG) => Err(SandboxError::Garbled),
        Err(_) => Err(SandboxError::Gone),
    }
}

fn doors(with: Vec<OwnedFd>, [tcp, udp, raw, packets, inward, named]: [usize; 6]) -> Doors {
    let mut with = with.into_iter();
    let tcp = with.by_ref().take(tcp).map(Into::into).collect();
    let udp = with.by_ref().take(udp).map(Into::into).collect();
    let mut raw: Vec<_> = with.by_ref().take(raw).collect();
    let raw6 = if raw.len() > 1 { raw.pop() } else { None };
    let packets = with.by_ref().take(packets).collect::<Vec<_>>().pop();
    let inward = with.by_ref().take(inward).collect();
    let named = with.take(named).collect();
    Doors { tcp, udp, raw4: raw.pop(), raw6, packets, inward, named }
}

/// Reads both streams to their ends and keeps the beginning of each: a guest that is not read would stand still.
fn drain(streams: [OwnedFd; 2], most: u64) -> [Kept; 2] {
    let mut kept = [Kept::default(), Kept::default()];
    let mut open = [true, true];
    let mut bytes = vec![0; 64 << 10];
    while open.contains(&true) {
        let mut watched: Vec<_> = streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        let places: Vec<usize> = (0..2).filter(|place| open[*place]).collect();
        let mut asked: Vec<_> = places.iter().map(|place| watched[*place].clone()).collect();
        watched.clear();
        if !matches!(poll(&mut asked, None), Ok(_) | Err(Errno::INTR)) {
            break;
        }
        for (place, watched) in places.into_iter().zip(&asked) {
            if watched.revents().is_empty() {
                continue;
            }
            match rustix::io::read(&streams[place], &mut bytes) {
                Ok(0) => open[place] = false,
                Ok(read) => {
                    let kept = &mut kept[place];
                    let room =
                        usize::try_from(most.saturating_sub(kept.bytes.len() as u64)).unwrap_or(usize::MAX);
                    kept.bytes.extend(bytes.iter().take(read.min(room)));
                    kept.length = kept.length.saturating_add(read as u64);
                }
                Err(error) if std::io::Error::from(error).kind() == ErrorKind::Interrupted => {}
                Err(_) => open[place] = false,
            }
        }
    }
    kept
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
