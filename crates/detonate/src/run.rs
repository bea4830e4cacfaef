use crate::decoys::{self, Engine};
use crate::merge::{Inlet, Recorder};
use crate::novelty::Novelty;
use crate::plan::Planned;
use crate::remains::{Remains, Writing};
use crate::stage::Staged;
use crate::visit::Visits;
use crate::{DetonateError, Image, Settings, environment, persona};
use events::{Act, Content, HostAct, Source, SpoolHead};
use fakenet::{Authority, Canaries, Names, World};
use model::Gap;
use sandbox::{
    EntryKind, Limits, Network, Owners, Root, Run, Sandbox, Scratch, Spec, Start, Stdin, TimePolicy,
};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What is told of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its name in the plan.
    pub name: String,
    /// Why it ended.
    pub ended: String,
    /// How many events it made.
    pub events: u64,
    /// How long it took, in milliseconds of the host's clock.
    pub milliseconds: u64,
    /// How much waiting was skipped, in seconds.
    pub skipped: u64,
    /// Where its record lies.
    pub record: PathBuf,
    /// What this sandbox could not do here.
    pub limitations: Vec<String>,
    /// The beginning of what it wrote to standard output and error; raw bytes.
    pub output: Vec<u8>,
    /// Ports on which it was listening, in order.
    pub served: Vec<u16>,
}

/// A run that took place.
pub(crate) struct Done {
    pub(crate) summary: RunSummary,
    pub(crate) gaps: Vec<Gap>,
    /// What it left, where it is kept.
    pub(crate) remains: Option<Remains>,
}

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long the guest may be idle before a run is ended: with waiting skipped, such a run has nothing more to show.
const QUIET: Duration = Duration::from_secs(2);
/// How long it must have done nothing before what the plan adds is started ahead of its time.
const CALM: Duration = Duration::from_millis(600);
/// How long a run may only repeat itself: by then the guest's clock has gone round many times. The first run is
/// looked at longest, since the others are there for what differs from it.
const REPEATING: Duration = Duration::from_secs(8);
const REPEATING_AGAIN: Duration = Duration::from_secs(4);
/// How long a run goes on at least, and how much waiting must have been skipped, until it need not repeat itself to end.
const DAYS_IN: Duration = Duration::from_secs(30);
const DAY: u64 = 86_400_000_000_000;
/// How much waiting must have been skipped meanwhile, in nanoseconds.
const ROUND: u64 = 60_000_000_000;
/// The longest file of the run's changes that is kept for scanning, and how many of them.
const LONGEST_CHANGE: u64 = 64 << 20;
const MOST_CHANGES: usize = 2000;

/// Runs one run of the plan to its end.
pub(crate) fn run(
    image: &Image<'_>,
    staged: &Staged,
    planned: &Planned,
    settings: &Settings,
    left: Duration,
    before: Option<&Remains>,
) -> Result<Done, DetonateError> {
    let directory = settings.scratch.join(file_name(&planned.context.name));
    let made =
        |source| DetonateError::Stage { directory: model::escape_text(&directory.to_string_lossy()), source };
    std::fs::create_dir_all(&directory).map_err(made)?;
    std::fs::create_dir_all(settings.captures()).map_err(made)?;
    let canaries = Canaries::new(settings.seed);
    let now = SystemTime::now();
    let authority = Authority::new(now).map_err(DetonateError::Authority)?;
    let mut spec = spec(image, staged, planned, settings, &canaries, &authority, left);
    if let Some(before) = before.filter(|_| planned.again) {
        spec.root.lower.splice(0..0, before.roots.iter().cloned());
    }
    let run = Sandbox::start(&spec).map_err(DetonateError::Sandbox)?;
    // The guest runs already: until there is a network to answer it, its clock does not jump past its questions.
    let unanswered = run.clock().hold();
    let record = directory.join("events");
    let head = SpoolHead {
        run: planned.context.name.clone(),
        engine: settings.engine.name().to_owned(),
        image: image.name.clone(),
    };
    let novelty = Arc::new(Novelty::default());
    let (recorder, inlet) = Recorder::begin(&record, &head, run.clock(), Arc::clone(&novelty))?;
    let mut doors = run.doors();
    let inward = doors.as_mut().map(|doors| std::mem::take(&mut doors.inward)).unwrap_or_default();
    let named = doors.as_mut().map(|doors| std::mem::take(&mut doors.named)).unwrap_or_default();
    let (visits, engine) = (Visits::new(inward), Engine::new(named));
    let server = serve(&run, doors, image, planned, settings, canaries, authority, inlet.clone())?;
    drop(unanswered);
    inlet.seen(Source::Host, Act::Host(HostAct::Began { run: planned.context.name.clone() }));

    let started = Instant::now();
    let mut gaps = Vec::new();
    let outcome = std::thread::scope(|scope| {
        let traced = inlet.clone();
        let served = &visits;
        let events = run.events();
        let reader = scope.spawn(move || {
            let mut finished = None;
            for event in events.into_iter().flatten() {
                if let Act::Host(HostAct::Finished { why }) = &event.act {
                    finished = Some(why.clone());
                }
                served.see(&event.act);
                traced.traced(event);
            }
            finished
        });
        let ended_by_us = drive(&run, planned, settings, started, &visits, &novelty, &mut gaps, || {
            visits.make(scope, &inlet);
            engine.take(|| visits.socket());
            reader.is_finished()
        });
        let finished = reader.join().unwrap_or(None);
        (finished, ended_by_us)
    });
    let ended = run.wait();
    let skipped = run.clock().skipped() / 1_000_000_000;
    let below = before.filter(|_| planned.again);
    let mut kept =
        planned.keeps.then(|| Writing::begin(image, directory.join("remains"), below).ok()).flatten();
    changes(&run, &inlet, &settings.captures(), &mut kept, &mut gaps);
    let remains = kept.and_then(|kept| kept.finish().ok());
    if let Some(server) = server {
        let transcript = server.stop();
        if transcript.lost > 0 {
            let why = events::LostWhy::Wire;
            inlet.seen(Source::Wire, Act::Host(HostAct::Lost { why, count: transcript.lost }));
        }
    }
    let limitations = run.limitations().to_vec();
    drop(inlet);
    let events = recorder.finish(&record)?;
    if outcome.0.is_none() {
        gaps.push(Gap::new(
            format!("run `{}`", planned.context.name),
            "its record ends without saying how the run ended; what it did last is not known",
        ));
    }
    let output = [ended.stdout.bytes, ended.stderr.bytes].concat();
    run.close().map_err(DetonateError::Sandbox)?;
    let why = outcome.1.unwrap_or_else(|| outcome.0.unwrap_or(ended.why));
    Ok(Done {
        summary: RunSummary {
            name: planned.context.name.clone(),
            ended: why,
            events,
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            skipped,
            record,
            limitations,
            output,
            served: visits.served(),
        },
        gaps,
        remains,
    })
}

/// A name for a directory out of the name of a run. The image has a say in names of runs, so what is left of one is
/// made unlike all others by its digest.
fn file_name(name: &str) -> String {
    let kept = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let digest = Sha256::digest(name.as_bytes());
    let digest = digest.iter().take(6).map(|byte| format!("{byte:02x}"));
    kept.take(60).chain(['-']).chain(digest.collect::<String>().chars()).collect()
}

fn spec(
    image: &Image<'_>,
    staged: &Staged,
    planned: &Planned,
    settings: &Settings,
    canaries: &Canaries,
    authority: &Authority,
    left: Duration,
) -> Spec {
    let hostname = hostname(&settings.seed);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(0).saturating_add(planned.ahead);
    let mut persona = persona::files(staged, canaries, authority, &planned.home, seconds);
    persona.push(decoys::rival());
    Spec {
        engine: settings.engine.clone(),
        root: Root { lower: vec![staged.root.clone()], owners: Owners::Sandbox, scratch: Scratch::Memory },
        start: Start {
            probe: planned.context.name.clone(),
            argv: planned.argv.clone(),
            env: environment::environment(image.config, &planned.home, &hostname, canaries),
            cwd: PathBuf::from(&planned.directory),
            user: planned.user.clone(),
            stdin: Stdin::Null,
        },
        hostname,
        network: Some(Network::default()),
        limits: Limits { wall: planned.most.min(left), ..Limits::default() },
        time: TimePolicy { ahead: planned.ahead, ..TimePolicy::default() },
        persona,
        captures: Some(settings.captures()),
        decoys: decoys::decoys(planned.context.neutral, planned.hidden),
    }
}

/// Twelve digits, as container engines name hosts.
fn hostname(seed: &[u8; 32]) -> String {
    seed.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The guest's calendar, for what tells the time over the network.
struct GuestClock(sandbox::Clock);

impl fakenet::Clock for GuestClock {
    fn now(&self) -> SystemTime {
        let nanoseconds = u64::try_from(self.0.calendar()).unwrap_or(0);
        UNIX_EPOCH + Duration::from_nanos(nanoseconds)
    }

    fn hold(&self) -> Box<dyn Send> {
        Box::new(self.0.hold())
    }
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the world that the guest is shown")]
fn serve(
    run: &Run,
    doors: Option<sandbox::Doors>,
    image: &Image<'_>,
    planned: &Planned,
    settings: &Settings,
    canaries: Canaries,
    authority: Authority,
    inlet: Inlet,
) -> Result<Option<fakenet::Server>, DetonateError> {
    let Some(doors) = doors else { return Ok(None) };
    let clock: Arc<dyn fakenet::Clock> = Arc::new(GuestClock(run.clock()));
    let mut world = World::new(clock, settings.seed).map_err(DetonateError::Authority)?;
    world.canaries = canaries;
    world.authority = Arc::new(authority);
    world.persona.hostname = hostname(&settings.seed);
    world.names = if planned.hidden {
        // In the run in which nothing may give the sandbox away, names that nobody registered do not exist.
        Names::OnlyPlausible { also: environment::configured_hosts(image.config) }
    } else {
        Names::ResolveAll
    };
    world.captures = Some(settings.captures());
    if planned.context.name == behavior::AS_CONFIGURED {
        world.pcapng.clone_from(&settings.pcap);
    }
    let doors = fakenet::Doors {
        tcp: doors.tcp,
        udp: doors.udp,
        raw4: doors.raw4.map(Into::into),
        raw6: doors.raw6.map(Into::into),
        packets: doors.packets,
    };
    let server = fakenet::serve(doors, world, move |act| {
        let source = if matches!(act, Act::Host(_)) { Source::Host } else { Source::Wire };
        inlet.seen(source, act);
    });
    server.map(Some).map_err(DetonateError::Network)
}

/// Starts what the plan adds, and ends the run when it has nothing more to show. Says why, where it was ended here.
#[expect(clippy::too_many_arguments, reason = "each is watched for another reason to end the run")]
fn drive(
    run: &Run,
    planned: &Planned,
    settings: &Settings,
    started: Instant,
    visits: &Visits,
    novelty: &Novelty,
    gaps: &mut Vec<Gap>,
    is_over: impl Fn() -> bool,
) -> Option<String> {
    let mut further = planned.further.clone();
    further.sort_by_key(|further| further.after);
    let mut further = further.into_iter().peekable();
    let repeating = if planned.keeps { REPEATING } else { REPEATING_AGAIN };
    let (mut new, mut skipped) = (novelty.last(), 0);
    let (mut jumped, mut guest) = (Instant::now(), 0);
    // Who is silent under gVisor may only be waiting: nothing is skipped there.
    let skips = settings.engine == sandbox::Engine::Native;
    while !is_over() {
        std::thread::sleep(LOOK);
        while let Some(next) = further
            .next_if(|next| started.elapsed() >= next.after || (novelty.silent() >= CALM && !visits.go_on()))
        {
            let start = Start {
                probe: next.name.clone(),
                argv: next.argv,
                env: Vec::new(),
                cwd: PathBuf::from(&planned.directory),
                user: planned.user.clone(),
                stdin: Stdin::Null,
            };
            if let Err(error) = run.start_more(&start) {
                // A run that is over has no more to show; else a person is told.
                if !matches!(error, sandbox::SandboxError::Over) {
                    gaps.push(Gap::new(format!("`{}` in the run", next.name), model::error_chain(&error)));
                }
            }
        }
        if settings.is_cancelled() {
            run.end("cancelled");
            return Some("cancelled".to_owned());
        }
        let now = run.clock().skipped();
        if now != guest {
            (guest, jumped) = (now, Instant::now());
        }
        let last = novelty.last();
        if last != new {
            (new, skipped) = (last, now);
        }
        if further.peek().is_some() || visits.go_on() {
            continue;
        }
        let alike = last.elapsed();
        let went_round = alike >= repeating && now.saturating_sub(skipped) >= ROUND;
        // The clock of who wakes up all the time goes round slowly. Who computes is not waited for in vain.
        let wakes = skips && alike >= 2 * repeating && !novelty.computes();
        let idle = jumped.elapsed().min(run.clock().calm()).min(novelty.idle().unwrap_or_default());
        // There is always something new in a service that asks for names: days of it are enough.
        let for_days = started.elapsed() >= DAYS_IN && now >= DAY && !novelty.computes();
        let why = if went_round || wakes || for_days {
            if went_round || wakes { "it only repeated itself" } else { "it went on for days" }
        } else if skips && idle >= QUIET {
            "nothing more happened"
        } else {
            continue;
        };
        run.end(why);
        return Some(why.to_owned());
    }
    None
}

/// Notes what the run left behind, and keeps what may be code or data of a next stage.
fn changes(run: &Run, inlet: &Inlet, captures: &Path, kept: &mut Option<Writing<'_>>, gaps: &mut Vec<Gap>) {
    let Ok(changes) = run.changes() else { return };
    for (number, change) in changes.enumerate() {
        let Ok(mut change) = change else { break };
        if let Some(Err(_)) = kept.as_mut().map(|kept| kept.add(&change.entry, change.content.as_mut())) {
            *kept = None;
        }
        if let Some(file) = &mut change.content {
            let _ = std::io::Seek::rewind(file);
        }
        let removed = matches!(change.entry.kind, EntryKind::Removed);
        let content = match (&change.entry.kind, change.content) {
            (EntryKind::File { length }, Some(file))
                if *length <= LONGEST_CHANGE && number < MOST_CHANGES =>
            {
                keep(file, captures).ok()
            }
            _ => None,
        };
        if matches!(change.entry.kind, EntryKind::Unread) {
            gaps.push(Gap::new(
                format!("/{} after the run", model::escape_bytes(&change.entry.path)),
                "too deep or too much to be looked at",
            ));
            continue;
        }
        let path = events::bounded(&[b"/", change.entry.path.as_slice()].concat());
        inlet.seen(Source::Host, Act::Host(HostAct::Changed { path, removed, content }));
    }
}

fn keep(mut file: std::fs::File, captures: &Path) -> std::io::Result<Content> {
    let mut bytes = Vec::new();
    file.by_ref().take(LONGEST_CHANGE).read_to_end(&mut bytes)?;
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let name: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = captures.join(name);
    if !path.exists() {
        std::fs::write(path, &bytes)?;
    }
    Ok(Content { sha256, length: bytes.len() as u64, kept: true })
}
