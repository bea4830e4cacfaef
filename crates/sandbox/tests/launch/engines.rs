//! What holds whichever engine runs the guest: the same cases, once for each.

use crate::Test;
use crate::guest::{Ran, begin, finish, is_root, open_to_all, spec, start};
use crate::network::answer;
use events::{Act, Ended, FileOp, HostAct, LostWhy, NetOp, Peer, ProcessAct};
use sandbox::{Engine, EntryKind, Limits, Runsc, Spec, Start, User};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[("engine_native", || cases(Engine::Native)), ("engine_gvisor", gvisor)];

fn gvisor() {
    if !is_root() {
        println!("skipped: all of engine_gvisor: gVisor needs root here");
        return;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    match Runsc::find(directories.iter().map(PathBuf::as_path)) {
        Ok(runsc) => {
            let directory = tempfile::tempdir().unwrap();
            open_to_all(directory.path());
            let probed = sandbox::probe_gvisor(directory.path(), Ok(runsc.clone()));
            assert!(probed.there, "{}", probed.note);
            cases(Engine::Gvisor(runsc));
        }
        Err(error) => {
            // Who sets the machine up says so where it cannot have a gVisor that is new enough.
            let excused = std::env::var_os("CI").is_none() || std::env::var_os("NO_GVISOR").is_some();
            assert!(excused, "{error}");
            println!("skipped: all of engine_gvisor: {error}");
        }
    }
}

fn cases(engine: Engine) {
    let with = |script: &str| Spec { engine: engine.clone(), ..spec(script) };
    ends(&with);
    programs(&with);
    files(&with);
    network(&with);
    further(&with);
    limits(&with);
    ended_by_us(&with);
    no_way_out(&with);
}

type With<'a> = &'a dyn Fn(&str) -> Spec;

/// A run, with its network answered.
fn ran(spec: &Spec) -> Ran {
    let began = Instant::now();
    let run = begin(spec);
    answer(run.doors().unwrap());
    let ran = finish(&run);
    run.close().unwrap();
    let numbers: Vec<u64> = ran.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "events are numbered without holes");
    println!("  {} ... {:.2?}", String::from_utf8_lossy(spec.start.argv.last().unwrap()), began.elapsed());
    ran
}

/// Each event that a case may ask for, as a line.
fn lines(ran: &Ran) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |act: &Act| match act {
        Act::Process(ProcessAct::Exec(exec)) => {
            let words: Vec<String> = exec.arguments.iter().map(|word| text(word)).collect();
            let kept = if exec.content.is_some() { " kept" } else { "" };
            format!(
                "exec {} {:?}{kept} {} [{}]",
                text(&exec.program),
                exec.origin,
                exec.result,
                words.join(" ")
            )
        }
        Act::Process(ProcessAct::Identity { uid, euid, .. }) => format!("identity {uid} {euid}"),
        Act::Process(ProcessAct::Standard { number, descriptor, .. }) => {
            format!("standard {number} {descriptor:?}")
        }
        Act::File(file) => {
            let op = match &file.op {
                FileOp::Open { write, .. } => if *write { "write" } else { "read" }.to_owned(),
                FileOp::Wrote { bytes } => format!("wrote {bytes}"),
                FileOp::Rename(to) => format!("rename {}", text(to)),
                FileOp::Link(to) => format!("link {}", text(to)),
                FileOp::Symlink(to) => format!("symlink {}", text(to)),
                FileOp::Mode(mode) => format!("mode {mode:o}"),
                op => format!("{op:?}"),
            };
            format!("{} {op} {:?} {}", text(&file.path), file.origin, file.result.min(0))
        }
        Act::Net(net) => match &net.op {
            NetOp::Connect { to: Peer::Inet(to), .. } => format!("connect {to} {}", net.result),
            NetOp::SendTo { to: Peer::Inet(to), bytes } => format!("sendto {to} {bytes}"),
            NetOp::Make { family, .. } => format!("socket {family}"),
            NetOp::Listen => "listen".to_owned(),
            op => format!("{op:?}"),
        },
        Act::Kernel(call) => format!("{} {}", text(&call.name), call.result.unwrap_or(0)),
        Act::Host(HostAct::Probe { name, .. }) => format!("probe {name}"),
        Act::Host(HostAct::Lost { why, count }) => format!("lost {why:?} {count}"),
        Act::Host(HostAct::Limit { what }) => format!("limit {what}"),
        _ => String::new(),
    };
    ran.events.iter().map(|event| line(&event.act)).collect()
}

#[track_caller]
fn check(ran: &Ran, expect: &[&str]) {
    let lines = lines(ran);
    for expect in expect {
        let found = match expect.strip_prefix('!') {
            Some(unwanted) => !lines.iter().any(|line| line.starts_with(unwanted)),
            None => lines.iter().any(|line| line.starts_with(expect)),
        };
        assert!(found, "{expect}: {lines:#?} {:?} {}", ran.finished, ran.errors());
    }
}

fn ends(with: With<'_>) {
    let said = ran(&with("echo out; echo err >&2; hostname; id -u; echo $$; exit 7"));
    assert_eq!(said.finished.first, Some(Ended::Code(7)), "{} {}", said.finished.why, said.errors());
    assert_eq!((said.text().as_str(), said.errors().trim_end()), ("out\na1b2c3d4e5f6\n0\n1\n", "err"));
    assert_eq!(said.finished.why, "all processes ended");
    assert!(matches!(said.events.last().map(|event| &event.act), Some(Act::Host(HostAct::Finished { .. }))));
    let killed = ran(&with("sh -c 'kill -9 $$'; echo $?"));
    assert_eq!(killed.text(), "137\n");
    let user = User { uid: 1000, gid: 1000, groups: vec![2000] };
    let other = with("");
    let other =
        Spec { start: Start { user, ..start("id -u; id -G; echo x > /etc/motd || echo refused") }, ..other };
    let groups = if is_root() { "1000 2000" } else { "1000" };
    // A guest of one user owns all that is in it.
    let may = if is_root() { "refused\n" } else { "" };
    assert_eq!(ran(&other).text(), format!("1000\n{groups}\n{may}"));
}

/// Who was started by whom, and where the program came from.
fn programs(with: With<'_>) {
    let told = ran(&with(
        "cp /bin/busybox /tmp/dropped; chmod 755 /tmp/dropped; sh -c '/tmp/dropped true; :'; \
         printf '#!/bin/sh\\ntrue; /bin/true hello\\n' > /root/s; chmod +x /root/s; /root/s one; \
         mv /tmp/dropped /tmp/moved; /tmp/moved true; /not/there; rm /tmp/moved",
    ));
    check(
        &told,
        &[
            "exec /bin/busybox Image 0 [sh -c cp",
            "exec /tmp/dropped Written kept 0 [/tmp/dropped true]",
            "exec /tmp/moved Written kept 0 [/tmp/moved true]",
            "exec /root/s Written kept 0 [",
            "exec /bin/busybox Image 0 [/bin/true hello]",
            "probe entrypoint",
            "!lost",
        ],
    );
    // The one that was dropped descends from the first.
    let mut parents = std::collections::HashMap::new();
    let mut dropped = None;
    for event in &told.events {
        match &event.act {
            Act::Process(ProcessAct::Born { process, parent, .. }) => {
                parents.insert(process.0, parent.0);
            }
            Act::Process(ProcessAct::Exec(exec)) if exec.program.ends_with(b"/dropped") => {
                dropped = Some(exec.process.0)
            }
            _ => {}
        }
    }
    let mut at = dropped.unwrap();
    let mut steps = 0;
    while at != 1 {
        at = parents[&at];
        steps += 1;
    }
    assert!(steps >= 1 && parents[&1] == 0, "{parents:?}");
    let exits =
        told.events.iter().filter(|event| matches!(event.act, Act::Process(ProcessAct::Exit { .. }))).count();
    assert_eq!(exits, parents.len(), "each ends");
}

fn files(with: With<'_>) {
    let told = ran(&with(
        "cd /tmp; echo hello > a; mv a b; ln -s target l; mkdir d; chmod 711 d; cat /etc/motd > /dev/null; \
         cat /etc/none; rm b; echo more >> /etc/motd; echo 'left, 0x1 x' > 'with, 0x1 comma'; rm -r d; rm /etc/full/one",
    ));
    check(
        &told,
        &[
            "/tmp/a write Written 0",
            "/tmp/a wrote ",
            "/etc/motd wrote 11 Written",
            "/tmp/a rename /tmp/b",
            "/tmp/l symlink target",
            "/tmp/d MakeDirectory",
            "/tmp/d mode 711",
            "/etc/motd read Image 0",
            "/etc/none read Unknown -2",
            "/tmp/b Unlink",
            "/etc/motd write Written 0",
            "/tmp/d RemoveDirectory",
            "/etc/full/one Unlink",
            "!lost",
        ],
    );
    let changed: Vec<(String, bool)> = told
        .changes
        .iter()
        .map(|change| {
            let removed = matches!(change.entry.kind, EntryKind::Removed);
            (String::from_utf8_lossy(&change.entry.path).into_owned(), removed)
        })
        .collect();
    for expect in
        [("etc/motd", false), ("tmp/with, 0x1 comma", false), ("tmp/l", false), ("etc/full/one", true)]
    {
        assert!(changed.contains(&(expect.0.to_owned(), expect.1)), "{expect:?}: {changed:?}");
    }
    assert!(!changed.iter().any(|(path, _)| path == "tmp/b" || path == "etc/hosts"), "{changed:?}");
}

fn network(with: With<'_>) {
    let told = ran(&with(
        "guest tcp 203.0.113.77 4444; guest udp 198.51.100.9 53; guest tcp 169.254.169.254 80; guest tcp 172.17.0.1 2375; \
         nc -w 1 -u 192.0.2.53 53 < /etc/motd > /dev/null; \
         (cat /etc/motd | nc -l -p 4000 > /dev/null) & sleep 1; kill %1",
    ));
    let expect =
        "203.0.113.77:4444 hello\n198.51.100.9:53 hello\n169.254.169.254:80 hello\n172.17.0.1:2375 hello\n";
    assert_eq!(told.text(), expect, "{} {:?}", told.errors(), told.limitations);
    check(
        &told,
        &[
            "connect 203.0.113.77:4444 0",
            "connect 198.51.100.9:53 0",
            "connect 169.254.169.254:80 0",
            "socket 2",
            "listen",
        ],
    );
}

fn further(with: With<'_>) {
    let run = begin(&with("while ! test -e /tmp/go; do sleep 0.1; done; cat /tmp/go"));
    let second = Start { probe: "second".to_owned(), ..start("hostname > /tmp/x; mv /tmp/x /tmp/go") };
    run.start_more(&second).unwrap();
    let told = finish(&run);
    run.close().unwrap();
    assert_eq!(told.text(), "a1b2c3d4e5f6\n", "{}", told.errors());
    check(&told, &["probe entrypoint", "probe second", "exec /bin/busybox Image 0 [sh -c hostname", "!lost"]);
}

fn limits(with: With<'_>) {
    let plain = with("");
    let flood =
        Spec { limits: Limits { output: 1000, ..plain.limits.clone() }, ..with("yes | head -c 300000") };
    let told = ran(&flood);
    assert_eq!((told.finished.stdout.bytes.len(), told.finished.stdout.length), (1000, 300_000));
    let busy = Spec {
        limits: Limits { wall: Duration::from_secs(3), ..plain.limits.clone() },
        ..with("while :; do :; done")
    };
    let began = Instant::now();
    let told = ran(&busy);
    assert_eq!(told.finished.why, "time is over");
    check(&told, &["limit time"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let full = Spec {
        limits: Limits { disk: 8 << 20, ..plain.limits.clone() },
        ..with("dd if=/dev/zero of=/f bs=1M count=20 2>&1 | grep -c space")
    };
    let told = ran(&full);
    assert_eq!(told.text(), "1\n", "{}", told.errors());
    let few = Spec {
        limits: Limits { events: 300, ..plain.limits.clone() },
        ..with("while :; do /bin/true; cat /etc/motd; done > /dev/null")
    };
    let told = ran(&few);
    assert_eq!(told.finished.why, "too many events");
    let counted = told
        .events
        .iter()
        .any(|event| matches!(&event.act, Act::Host(HostAct::Lost { why: LostWhy::TooMany, .. })));
    assert!(counted, "{:#?}", lines(&told).last());
    let hog = Spec {
        limits: Limits { memory: 192 << 20, ..plain.limits.clone() },
        ..with("guest eat 800; echo $?")
    };
    let told = ran(&hog);
    assert!(!told.text().contains("eaten"), "{}", told.text());
}

fn ended_by_us(with: With<'_>) {
    let bomb = begin(&with("b() { b | b & b; }; b 2>/dev/null"));
    std::thread::sleep(Duration::from_millis(1500));
    bomb.end("bombed");
    let began = Instant::now();
    finish(&bomb);
    bomb.close().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let run = begin(&with("sleep 1000 & while :; do :; done"));
    std::thread::sleep(Duration::from_millis(500));
    run.kill();
    assert_eq!(run.wait().why, "killed");
    run.close().unwrap();
    let left = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!left.contains("/lib/docker/runsc"), "a mount is left");
}

/// Nothing of the host answers, and no packet of the guest's reaches it.
fn no_way_out(with: With<'_>) {
    let host = TcpListener::bind("0.0.0.0:0").unwrap();
    host.set_nonblocking(true).unwrap();
    let port = host.local_addr().unwrap().port();
    let told = ran(&with(&format!(
        "guest tcp 127.0.0.1 {port}; guest tcp 10.0.0.1 {port}; cat /proc/net/route | wc -l"
    )));
    let text = told.text();
    assert!(text.starts_with(&format!("connect: Connection refused\n10.0.0.1:{port} hello\n")), "{text}");
    assert!(host.accept().is_err(), "the guest reached the host");
}
