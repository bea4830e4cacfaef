//! What runs did, reduced to what two runs of one image have in common: no process numbers, no chosen ports, no
//! temporary names, nothing that is drawn by lot. It is what images are compared by.

use crate::{AS_CONFIGURED, Flow, Record, RunContext, SECOND_START};
use events::{NetOp, Origin, Peer, WireKind};
use std::collections::{BTreeMap, BTreeSet};

/// Something that was done, without what differs from run to run. All texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A program was started.
    Started {
        /// Its path.
        program: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// A host was spoken to.
    Contacted {
        /// Its name, or the address where none is known.
        host: String,
        /// The port; none for one of those that systems choose by themselves.
        port: Option<u16>,
    },
    /// A name was asked for.
    Asked {
        /// The name.
        name: String,
    },
    /// A port was opened for others.
    Listened {
        /// The port; none for one of those that systems choose by themselves.
        port: Option<u16>,
    },
    /// A file was written that is still there, outside of where programs keep what they work with.
    Wrote {
        /// Its path.
        path: String,
    },
}

/// The deeds of the runs of an image, each with the names of the runs that show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deeds {
    /// What was done.
    pub done: BTreeMap<Deed, BTreeSet<String>>,
    /// Whether there was more than is kept.
    pub cut: bool,
}

/// Most deeds that are kept.
const MOST: usize = 20_000;
/// More bare addresses than this at one port, or names below one domain, are drawn by lot.
const MANY: usize = 16;
/// What stands for addresses that are drawn by lot.
const DRAWN: &str = "many addresses";
/// The first of the ports that systems choose by themselves.
const CHOSEN: u16 = 32_768;

/// The deeds of runs.
pub fn deeds(runs: &[(RunContext, Record)]) -> Deeds {
    let mut all = Deeds::default();
    for (context, record) in runs {
        let run = model::escape_text(&context.name);
        for deed in of(record, is_planned(&context.name)) {
            if all.done.len() >= MOST && !all.done.contains_key(&deed) {
                all.cut = true;
                continue;
            }
            all.done.entry(deed).or_default().insert(run.clone());
        }
    }
    all
}

/// Whether a run starts what the plan chose, and not what the image is for: that is no deed of the image's.
fn is_planned(run: &str) -> bool {
    !run.starts_with(AS_CONFIGURED) && run != SECOND_START
}

fn of(record: &Record, planned: bool) -> BTreeSet<Deed> {
    let mut deeds = BTreeSet::new();
    // What the plan started by itself comes first: everything else descends from it.
    let execs = record.execs_of_image();
    let started = execs.iter().skip(usize::from(planned)).map(|named| &named.exec.what);
    deeds.extend(
        started
            .filter(|exec| exec.result == 0)
            .map(|exec| Deed::Started { program: steady_path(&exec.program), origin: exec.origin }),
    );
    deeds.extend(contacted(record));
    deeds.extend(asked(record));
    deeds.extend(listened(record));
    let written = record.files().filter(|(path, history)| is_told(path) && history.is_left());
    deeds.extend(written.map(|(path, _)| Deed::Wrote { path: steady_parts(&model::escape_bytes(path)) }));
    deeds
}

/// Whom the guest spoke to. A sweep goes through addresses that it draws; asking for names is told by the names.
fn contacted(record: &Record) -> BTreeSet<Deed> {
    let mut bare: BTreeMap<Option<u16>, BTreeSet<String>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for flow in record.flows().filter(|flow| !is_question(flow) && !flow.to.ip().is_loopback()) {
        let port = steady_port(flow.to.port());
        if flow.is_bare() {
            bare.entry(port).or_default().insert(flow.host());
        } else {
            found.insert(Deed::Contacted { host: steady_name(&flow.host()), port });
        }
    }
    for (port, hosts) in bare {
        let drawn = hosts.len() > MANY;
        let hosts = if drawn { BTreeSet::from([DRAWN.to_owned()]) } else { hosts };
        found.extend(hosts.into_iter().map(|host| Deed::Contacted { host, port }));
    }
    found
}

/// Asking for names where everybody asks.
fn is_question(flow: &Flow) -> bool {
    flow.to.port() == 53 && flow.steps.iter().any(|step| matches!(step.what, WireKind::Dns(_)))
}

fn asked(record: &Record) -> BTreeSet<Deed> {
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let steps = record.flows().flat_map(|flow| &flow.steps);
    for step in steps {
        if let WireKind::Dns(dns) = &step.what {
            let name = steady_name(&model::escape_bytes(&dns.name));
            let domain = name.split_once('.').map_or("", |(_, domain)| domain).to_owned();
            below.entry(domain).or_default().insert(name);
        }
    }
    let mut found = BTreeSet::new();
    for (domain, names) in below {
        if names.len() > MANY {
            found.insert(Deed::Asked { name: format!("*.{domain}") });
        } else {
            found.extend(names.into_iter().map(|name| Deed::Asked { name }));
        }
    }
    found
}

fn listened(record: &Record) -> BTreeSet<Deed> {
    let mut bound = BTreeMap::new();
    let mut found = BTreeSet::new();
    for act in record.sockets().iter().map(|noted| &noted.what).filter(|act| act.result >= 0) {
        let socket = (record.leader(act.process), act.descriptor);
        match &act.op {
            NetOp::Bind(Peer::Inet(at)) => {
                bound.insert(socket, at.port());
            }
            NetOp::Listen => {
                let port = bound.get(&socket).copied().filter(|port| *port != 0);
                found.insert(Deed::Listened { port: port.and_then(steady_port) });
            }
            _ => {}
        }
    }
    found
}

/// Places where programs keep what they work with, and the kernel's own.
fn is_told(path: &[u8]) -> bool {
    const WORK: [&[u8]; 6] = [b"/tmp/", b"/var/", b"/proc/", b"/sys/", b"/dev/", b"/run/"];
    path.starts_with(b"/") && !WORK.iter().any(|place| path.starts_with(place))
}

fn steady_port(port: u16) -> Option<u16> {
    (port < CHOSEN).then_some(port)
}

/// A path whose temporary parts are taken out: what `mktemp` and its kin make up below the directories for it.
fn steady_path(path: &[u8]) -> String {
    const TEMPORARY: [&[u8]; 5] = [b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/run/", b"/proc/"];
    let shown = model::escape_bytes(path);
    if !TEMPORARY.iter().any(|place| path.starts_with(place)) {
        return shown;
    }
    steady_parts(&shown)
}

fn steady_parts(path: &str) -> String {
    path.split('/').map(steady_part).collect::<Vec<_>>().join("/")
}

/// `tmp.Xk2eVq9aTz` and `tmpk3x_9qzab.py` are `tmp*` and `tmp*.py`, `build-7f3a9c21` is `build-*`, and a number is any
/// number.
fn steady_part(part: &str) -> String {
    if let Some(rest) = part.strip_prefix("tmp") {
        let rest = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
        let drawn = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let (drawn, ending) = rest.split_at(drawn.unwrap_or(rest.len()));
        if drawn.len() >= 6 {
            return format!("tmp*{ending}");
        }
    }
    let (stem, end) = part.split_at(part.rfind(['.', '-', '_']).map_or(0, |at| at + 1));
    if is_made_up(end) { format!("{stem}*") } else { without_numbers(part) }
}

/// Six letters and more with two of: small letters, capitals, digits between them.
fn is_made_up(text: &str) -> bool {
    let has = |which: fn(&char) -> bool| text.chars().any(|letter| which(&letter));
    let digit = text.chars().take(text.len().saturating_sub(2)).any(|letter| letter.is_ascii_digit());
    let capital = text.chars().skip(1).any(|letter| letter.is_ascii_uppercase());
    text.len() >= 6
        && text.chars().all(|letter| letter.is_ascii_alphanumeric())
        && ((digit && has(char::is_ascii_alphabetic)) || (capital && has(char::is_ascii_lowercase)))
}

/// A name with the labels taken out that carry data: a canary, a piece of a file, a number of a session.
fn steady_name(name: &str) -> String {
    let carries = |label: &&str| {
        let digits = label.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        label.len() >= 32 || (label.len() >= 16 && digits > 0) || digits >= 5
    };
    let lower = name.to_lowercase();
    let labels: Vec<&str> = lower.split('.').map(|label| if carries(&label) { "*" } else { label }).collect();
    labels.join(".")
}

fn without_numbers(text: &str) -> String {
    let mut steady = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_ascii_digit() {
            true if steady.ends_with('0') => {}
            true => steady.push('0'),
            false => steady.push(letter),
        }
    }
    steady
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{FIRST, Scene, text};
    use events::{FileOp, NetAct, Source};

    /// What one scene does that another does not.
    fn check(old: &Scene, new: &Scene, expect: &[Deed]) {
        let of = |scene: &Scene| deeds(&[(scene.run.clone(), scene.record())]).done;
        let known = of(old);
        let new: Vec<Deed> = of(new).into_keys().filter(|deed| !known.contains_key(deed)).collect();
        assert_eq!(new, expect);
    }

    fn app() -> Scene {
        Scene::of(&["/usr/bin/app"])
    }

    fn with(act: impl Fn(&mut Scene)) -> Scene {
        let mut scene = app();
        act(&mut scene);
        scene
    }

    #[test]
    fn programs_are_told_by_path_and_origin() {
        let starts = |path: &str, origin| {
            with(|scene| {
                let child = scene.born(FIRST);
                scene.exec(child, &[path], origin);
            })
        };
        let started = |program: &str, origin| Deed::Started { program: program.to_owned(), origin };
        check(&app(), &starts("/bin/id", Origin::Image), &[started("/bin/id", Origin::Image)]);
        check(&app(), &starts("/usr/bin/app", Origin::Image), &[]);
        check(&app(), &starts("/usr/bin/app", Origin::Written), &[started("/usr/bin/app", Origin::Written)]);
        let (one, other) = ("/tmp/tmp.Xk2eVq9aTz/x", "/tmp/tmp.9bQrT1yyWe/x");
        check(&starts(one, Origin::Written), &starts(other, Origin::Written), &[]);
        check(&app(), &starts(one, Origin::Written), &[started("/tmp/tmp*/x", Origin::Written)]);
        check(
            &starts("/tmp/x", Origin::Written),
            &starts("/tmp/y", Origin::Written),
            &[started("/tmp/y", Origin::Written)],
        );
        let probe = with(|scene| scene.run.name = "probe app".into());
        let none = Scene::starting(&["/other"]);
        check(&none, &probe, &[]);
        // The decoy that the sandbox puts beside is not the image's, whoever of both is first.
        let mut beside = Scene::starting(&["/other"]);
        let decoy = beside.born(events::Process(0));
        beside.exec(decoy, &["/var/tmp/.cache/xmrig"], Origin::Planted);
        check(&none, &beside, &[]);
        let mut before = Scene::beside("/var/tmp/.cache/xmrig");
        before.run.name = "start /x".into();
        let other = before.born(events::Process(0));
        before.exec(other, &["/x"], Origin::Image);
        check(&none, &before, &[]);
        let bait = with(|scene| {
            let child = scene.born(FIRST);
            scene.exec(child, &["/root/backup.sh"], Origin::Planted);
        });
        check(&app(), &bait, &[started("/root/backup.sh", Origin::Planted)]);
        let failed = with(|scene| scene.exec_with_result(FIRST, &["/bin/no"], Origin::Image, -2));
        check(&app(), &failed, &[]);
    }

    #[test]
    fn hosts_are_told_by_name_and_port_but_those_that_are_drawn_by_lot() {
        let contacts = |name, to: &str| with(|scene| assert!(scene.connect(FIRST, name, to) > 0));
        let contacted = |host: &str, port| Deed::Contacted { host: host.to_owned(), port };
        check(
            &app(),
            &contacts(Some("a.example"), "198.18.1.1:443"),
            &[contacted("a.example", Some(443)), Deed::Asked { name: "a.example".to_owned() }],
        );
        // The address behind a name is ours, and a port that a system chooses says nothing.
        check(
            &contacts(Some("a.example"), "198.18.1.1:443"),
            &contacts(Some("a.example"), "198.18.9.9:443"),
            &[],
        );
        check(
            &contacts(Some("a.example"), "198.18.1.1:41000"),
            &contacts(Some("a.example"), "198.18.1.1:52000"),
            &[],
        );
        check(&app(), &contacts(None, "192.0.2.7:22"), &[contacted("192.0.2.7", Some(22))]);
        check(&app(), &contacts(None, "127.0.0.1:6379"), &[]);
        let sweep = |first: u8| {
            with(|scene| {
                for at in first..first + 40 {
                    scene.connect(FIRST, None, &format!("192.0.2.{at}:2375"));
                }
            })
        };
        check(&sweep(1), &sweep(101), &[]);
        check(&app(), &sweep(1), &[contacted(DRAWN, Some(2375))]);
    }

    #[test]
    fn names_are_told_without_what_they_carry() {
        let asks = |name: &str| with(|scene| assert!(scene.connect(FIRST, Some(name), "198.18.1.1:53") > 0));
        let asked = |name: &str| {
            [Deed::Contacted { host: name.to_owned(), port: Some(53) }, Deed::Asked { name: name.to_owned() }]
        };
        check(&asks("AKIA2222OOOO3333PPPP.t.example"), &asks("akia7777bbbb8888cccc.t.example"), &[]);
        check(&app(), &asks("AKIA2222OOOO3333PPPP.t.example"), &asked("*.t.example"));
        check(&asks("s441686148.t.example"), &asks("s63627970.t.example"), &[]);
        check(&asks("node7.t.example"), &asks("node8.t.example"), &asked("node8.t.example"));
        check(&asks("a.example"), &asks("b.example"), &asked("b.example"));
    }

    #[test]
    fn ports_that_are_opened() {
        let listens = |at: &str| {
            with(|scene| {
                let at = Peer::Inet(at.parse().unwrap());
                scene.net(FIRST, NetOp::Bind(at));
                scene.net(FIRST, NetOp::Listen);
            })
        };
        check(&app(), &listens("0.0.0.0:8080"), &[Deed::Listened { port: Some(8080) }]);
        check(&listens("0.0.0.0:8080"), &listens("127.0.0.1:8080"), &[]);
        check(&listens("0.0.0.0:40000"), &listens("0.0.0.0:0"), &[]);
        let failed = with(|scene| {
            let act = NetAct { process: FIRST, op: NetOp::Listen, descriptor: 3, result: -98 };
            scene.note(Source::Call, events::Act::Net(act));
        });
        check(&app(), &failed, &[]);
    }

    #[test]
    fn files_are_told_that_are_left_outside_of_places_for_work() {
        let writes = |path: &str| with(|scene| scene.write(FIRST, path));
        let wrote = |path: &str| [Deed::Wrote { path: path.to_owned() }];
        check(&app(), &writes("/etc/cron.d/x"), &wrote("/etc/cron.d/x"));
        check(&writes("/app/log-2026-11-28"), &writes("/app/log-2027-01-03"), &[]);
        check(&writes("/root/tmp0in_pvvb"), &writes("/root/tmpanlej0mq"), &[]);
        check(&app(), &writes("/root/tmp0in_pvvb"), &wrote("/root/tmp*"));
        for path in ["/tmp/x", "/var/lib/app/x", "/proc/self/oom_adj", "/run/app.pid", "/dev/null"] {
            check(&app(), &writes(path), &[]);
        }
        let moved = with(|scene| {
            scene.write(FIRST, "/app/x.tmp");
            scene.file(FIRST, FileOp::Rename(text("/app/x")), "/app/x.tmp", Origin::Written);
        });
        check(&app(), &moved, &wrote("/app/x"));
        let removed = with(|scene| {
            scene.write(FIRST, "/app/x");
            scene.file(FIRST, FileOp::Unlink, "/app/x", Origin::Written);
        });
        check(&app(), &removed, &[]);
    }

    #[test]
    fn temporary_parts_of_paths() {
        let check = |part: &str, expect: &str| assert_eq!(steady_part(part), expect, "{part}");
        check("tmp.Xk2eVq9aTz", "tmp*");
        check("tmp.tweutfkmar", "tmp*");
        check("build-7f3a9c21", "build-*");
        check("tmpab3kx_9z", "tmp*");
        check("tmpk3x9qzab.py", "tmp*.py");
        check("tmpfs", "tmpfs");
        check("installer", "installer");
        check("python3.11", "python0.0");
        check("4711", "0");
        check("xmrig", "xmrig");
    }
}
