use super::*;
use events::{
    Act, Bytes, CanarySeen, Coding, ConnectionId, Descriptor, Dns, Event, Exec, FileAct, FileOp, HostAct,
    NetAct, NetOp, Origin, Peer, ProcessAct, Source, WireAct, WireKind,
};
use model::{Class, Role, Severity, Stage};
use std::net::SocketAddr;

const MILLI: u64 = 1_000_000;

/// Events, one a millisecond; the guest's clock is an hour ahead from the moment at which waiting was skipped.
#[derive(Default)]
struct Scene(Vec<Event>, u64);

impl Scene {
    fn note(mut self, act: Act) -> Self {
        let real = (self.0.len() as u64 + 1) * MILLI;
        if let Act::Host(HostAct::Skipped { nanoseconds }) = &act {
            self.1 += nanoseconds;
        }
        let number = self.0.len() as u64;
        self.0.push(Event { number, real, guest: real + self.1, source: Source::Call, act });
        self
    }

    fn born(self, process: u32, parent: u32, leader: u32) -> Self {
        let [process, parent, leader] = [process, parent, leader].map(Process);
        self.note(Act::Process(ProcessAct::Born {
            process,
            parent,
            pid: process.0 + 100,
            thread: leader != process,
            leader,
        }))
    }

    fn exec(self, process: u32, words: &[&[u8]]) -> Self {
        let nothing = || Descriptor::Null;
        self.note(Act::Process(ProcessAct::Exec(Box::new(Exec {
            process: Process(process),
            asked: Bytes::from(words[0].to_vec()),
            program: Bytes::from(words[0].to_vec()),
            origin: Origin::Image,
            content: None,
            interpreter: None,
            arguments: words.iter().map(|word| Bytes::from(word.to_vec())).collect(),
            arguments_length: 0,
            environment: Vec::new(),
            directory: Bytes::from(b"/".to_vec()),
            euid: 0,
            standard: [nothing(), nothing(), nothing()],
            result: 0,
        }))))
    }

    fn file(self, process: u32, op: FileOp, path: &str) -> Self {
        let path = Bytes::from(path.as_bytes().to_vec());
        self.note(Act::File(FileAct {
            process: Process(process),
            op,
            path,
            origin: Origin::Written,
            result: 0,
        }))
    }

    fn wire(self, connection: u64, kind: WireKind) -> Self {
        let (from, mut to) = ends();
        if matches!(kind, WireKind::Dns(_)) {
            to = "10.0.0.1:53".parse().unwrap();
        }
        self.note(Act::Wire(WireAct { connection: ConnectionId(connection), from, to, kind }))
    }

    fn run(self) -> (RunContext, Record) {
        let context = RunContext {
            name: "as configured".into(),
            platform: "linux/amd64".into(),
            ..RunContext::default()
        };
        (context, Record::of(self.0))
    }
}

fn ends() -> (SocketAddr, SocketAddr) {
    ("10.0.0.2:40000".parse().unwrap(), "203.0.113.7:3333".parse().unwrap())
}

/// A script that starts a program, whose thread connects, asks and lets a canary go, and waits an hour.
fn scene() -> (RunContext, Record) {
    let (from, to) = ends();
    let connect = NetOp::Connect { to: Peer::Inet(to), from: Some(Peer::Inet(from)) };
    Scene::default()
        .born(1, 0, 1)
        .exec(1, &[b"/bin/sh", b"/start.sh"])
        .born(2, 1, 2)
        .exec(2, &[b"/usr/lib/\x1b[2Jld\xff", b"-o"])
        .born(3, 2, 2)
        .note(Act::Net(NetAct { process: Process(3), op: connect, descriptor: 3, result: 0 }))
        .wire(
            6,
            WireKind::Dns(Dns {
                name: Bytes::from(b"pool.invalid".to_vec()),
                kind: 1,
                answers: vec!["203.0.113.7".into()],
                over: "udp".into(),
            }),
        )
        .wire(7, WireKind::Opened { datagram: false })
        .note(Act::Host(HostAct::Skipped { nanoseconds: 3_600_000 * MILLI }))
        .file(3, FileOp::Wrote { bytes: 5 }, "/tmp/a")
        .file(3, FileOp::Rename(Bytes::from(b"/tmp/0".to_vec())), "/tmp/a")
        .wire(
            7,
            WireKind::Canary(CanarySeen { canary: "aws-key-file".into(), coding: Coding::Base64, offset: 4 }),
        )
        .wire(7, WireKind::Closed { sent: 10, received: 20 })
        .note(Act::Process(ProcessAct::Exit { process: Process(2), ended: Ended::Code(3) }))
        .run()
}

fn finding(evidence: &[(&str, &str)]) -> Finding {
    let mut finding = Finding {
        id: "D-MIN-STRATUM".into(),
        title: "Speaks to a pool".into(),
        severity: Severity::Critical,
        role: Role::Convicts,
        class: Class::Net,
        stage: Stage::Dynamic,
        techniques: Vec::new(),
        platform: String::new(),
        layer: None,
        path: None,
        content: None,
        reachable: None,
        evidence: Vec::new(),
        explanation: "why".into(),
        axis: None,
        exception: None,
    };
    for (kind, value) in evidence {
        finding = finding.with_evidence(kind, value, None);
    }
    finding
}

fn written(runs: &[(RunContext, Record)], findings: &[Finding], most: u64) -> Value {
    let mut out = Vec::new();
    within(runs, findings, most, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn events(trace: &Value) -> &Vec<Value> {
    trace["traceEvents"].as_array().unwrap()
}

/// That there is one event of this phase and name, on this track and at this millisecond; what else it says.
fn check<'t>(trace: &'t Value, phase: &str, name: &str, (track, at): (u64, f64)) -> &'t Value {
    let found: Vec<&Value> =
        events(trace).iter().filter(|event| event["ph"] == phase && event["name"] == name).collect();
    let names: Vec<&str> = events(trace).iter().filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(found.len(), 1, "{phase} {name}: {names:#?}");
    let event = found[0];
    let [group, number] = ["pid", "tid"].map(|field| event[field].as_u64().unwrap());
    assert_eq!(
        (group, number - group, event["ts"].as_f64()),
        (1_000_000, track, Some(at * 1000.0)),
        "{event}"
    );
    &event["args"]
}

#[test]
fn lives_and_connections_last_and_deeds_are_moments() {
    let trace = written(&[scene()], &[], MOST_EVENTS);
    let first = check(&trace, "X", "/bin/sh /start.sh", (1, 1.0));
    assert_eq!((&first["parent"], &first["ended"]), (&json!(0), &json!("alive when the run ended")));
    let program = "/usr/lib/\\u{1b}[2Jld\\xff";
    let second = check(&trace, "X", &format!("{program} -o"), (2, 3.0));
    assert_eq!((&second["parent"], &second["parent command"]), (&json!(1), &json!("/bin/sh /start.sh")));
    assert_eq!((&second["threads"], &second["ended"]), (&json!(2), &json!("code 3")));
    check(&trace, "i", &format!("exec {program}"), (2, 4.0));
    // A thread's deeds stand on the track of its process.
    check(&trace, "i", "DNS pool.invalid", (2, 7.0));
    check(&trace, "i", "canary aws-key-file left for pool.invalid", (2, 12.0));
    let begin = check(&trace, "b", "connection pool.invalid:3333", (2, 8.0));
    assert_eq!((&begin["process"], &begin["bytes received"]), (&json!(2), &json!(20)));
    check(&trace, "e", "connection pool.invalid:3333", (2, 13.0));
    let joined = events(&trace).iter().filter(|event| event["id2"]["local"] == "0x7").count();
    assert_eq!(joined, 2);
    let names = events(&trace).iter().filter(|event| event["name"] == "thread_name");
    let names: Vec<&str> = names.filter_map(|event| event["args"]["name"].as_str()).collect();
    assert!(names.contains(&format!("2 of 1: {program} -o").as_str()), "{names:?}");
}

#[test]
fn what_the_sandbox_put_beside_the_image_says_so() {
    let probe = HostAct::Probe { name: crate::decoys::NAME.into(), process: Process(1) };
    let scene = Scene::default().born(1, 0, 1).exec(1, &[b"/bin/rival"]).note(Act::Host(probe));
    let trace = written(&[scene.run()], &[], MOST_EVENTS);
    check(&trace, "X", "decoy: /bin/rival", (1, 1.0));
}

#[test]
fn a_step_of_a_file_is_told_once_by_the_name_that_it_had() {
    let trace = written(&[scene()], &[], MOST_EVENTS);
    assert_eq!(check(&trace, "i", "write /tmp/a", (2, 10.0))["what"], "5 bytes");
    assert_eq!(check(&trace, "i", "rename /tmp/a", (2, 11.0))["what"], "to /tmp/0");
    assert!(events(&trace).iter().all(|event| event["name"] != "write /tmp/0"));
}

#[test]
fn the_two_clocks_are_kept_apart() {
    let trace = written(&[scene()], &[], MOST_EVENTS);
    let ahead = check(&trace, "C", "guest's clock ahead, s", (SANDBOX.into(), 9.0));
    assert_eq!(ahead, &json!({ "seconds": 3600.0 }));
    let before = check(&trace, "i", "DNS pool.invalid", (2, 7.0));
    let after = check(&trace, "i", "write /tmp/a", (2, 10.0));
    let clock = |args: &Value| args["guest's clock, s"].as_f64().unwrap();
    assert_eq!((clock(before), clock(after)), (0.007, 3600.01));
    assert!(trace["otherData"]["clock"].as_str().unwrap().contains("host's clock in microseconds"));
}

#[test]
fn findings_stand_where_their_evidence_points() {
    let run = ("run", "as configured");
    let check_place = |evidence: &[(&str, &str)], at: f64, placed: &str| {
        let trace = written(&[scene()], &[finding(evidence)], MOST_EVENTS);
        let args = check(&trace, "i", "D-MIN-STRATUM Speaks to a pool", (FINDINGS.into(), at));
        assert!(args["placed"].as_str().unwrap().contains(placed), "{args}");
    };
    check_place(&[run, ("host", "pool.invalid:3333")], 8.0, "connection");
    check_place(&[run, ("command", "/bin/sh /start.sh")], 2.0, "command");
    check_place(&[run, ("since", "9 s")], 14.0, "end of the run");
    let trace = written(&[scene()], &[finding(&[("run", "another")])], MOST_EVENTS);
    assert!(events(&trace).iter().all(|event| event["cat"] != "finding"));
}

#[test]
fn a_million_events_are_cut_with_a_note_and_all_text_is_bounded() {
    let long = "x".repeat(4000);
    let mut many = Scene::default().born(1, 0, 1).exec(1, &[b"/bin/sh", long.as_bytes()]);
    for number in 0..5000 {
        many = many.file(1, FileOp::Wrote { bytes: 1 }, &format!("/tmp/{number}-{long}"));
    }
    let many = [many.run()];
    let whole = written(&many, &[], MOST_EVENTS);
    let all = events(&whole).len() as u64;
    assert!(all > 5000 && whole["otherData"]["events left out"] == 0);
    let longest = events(&whole).iter().map(|event| event.to_string().len()).max().unwrap();
    assert!(longest < 4000, "{longest}");
    let cut = written(&many, &[], 100);
    assert_eq!(events(&cut).len(), 101);
    let left = all - 100;
    let note = format!("not shown: {left} further events; a timeline has at most 100");
    assert_eq!(events(&cut).last().unwrap()["name"], note.as_str());
    assert_eq!(cut["otherData"]["events left out"], left);
    // What is not in the record is said as well.
    let lost = HostAct::Lost { why: events::LostWhy::TooMany, count: 9 };
    let lost = written(&[Scene::default().note(Act::Host(lost)).run()], &[], MOST_EVENTS);
    check(&lost, "i", "not recorded: more events than a run may have", (SANDBOX.into(), 1.0));
}

#[test]
fn several_runs_are_several_groups() {
    let trace = written(&[scene(), scene()], &[], MOST_EVENTS);
    let groups: std::collections::BTreeSet<u64> =
        events(&trace).iter().filter_map(|event| event["pid"].as_u64()).collect();
    assert_eq!(groups.into_iter().collect::<Vec<_>>(), [1_000_000, 2_000_000]);
    // No viewer takes a track of the one for a track of the other.
    let of = |group: u64| {
        let tracks = events(&trace).iter().filter(move |event| event["pid"] == group);
        tracks.filter_map(|event| event["tid"].as_u64()).collect::<std::collections::BTreeSet<u64>>()
    };
    assert!(of(1_000_000).is_disjoint(&of(2_000_000)));
    assert_eq!(events(&written(&[], &[], MOST_EVENTS)).len(), 0);
}
