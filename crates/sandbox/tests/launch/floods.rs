//! Guests that do much of one thing: the run ends in its time, and what was too much is said.

use crate::Test;
use crate::guest::{Ran, begin, finish, run, spec};
use crate::host::untouched;
use crate::network::answer;
use events::{Act, FileOp, HostAct};
use sandbox::{Limits, Spec};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("floods_of_events", floods_of_events),
    ("floods_without_end", floods_without_end),
    ("floods_of_connections", floods_of_connections),
    ("floods_of_questions", floods_of_questions),
    ("all_is_stopped", all_is_stopped),
    ("names_that_are_no_text", names_that_are_no_text),
];

fn limited(limits: Limits, script: &str) -> Spec {
    Spec { limits, ..spec(script) }
}

/// Nobody comes to answer, or answers.
fn flood(script: &str, answered: bool) -> Ran {
    let limits = Limits { wall: Duration::from_secs(20), ..spec("").limits };
    let run = begin(&limited(limits, script));
    let doors = run.doors().unwrap();
    let (began, mut kept) = (Instant::now(), None);
    if answered {
        answer(doors);
    } else {
        kept = Some(doors);
    }
    let ran = finish(&run);
    drop(kept);
    run.close().unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    ran
}

fn floods_of_events() {
    untouched(|| {
        let limits = Limits { events: 5_000, ..spec("").limits };
        let ran = run(&limited(limits, "while :; do : < /etc/passwd; done"));
        assert_eq!(ran.finished.why, "too many events");
        assert!(ran.events.len() < 5_010, "{}", ran.events.len());
        let lost = ran.events.iter().any(|event| matches!(&event.act, Act::Host(HostAct::Lost { .. })));
        assert!(lost, "what was lost is not told");
    });
}

fn floods_without_end() {
    untouched(|| {
        let limits = Limits { wall: Duration::from_secs(2), output: 10_000, ..spec("").limits };
        let began = Instant::now();
        let ran = run(&limited(limits, "yes & yes >&2"));
        assert_eq!(ran.finished.why, "time is over");
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        let kept = (ran.finished.stdout.bytes.len(), ran.finished.stderr.bytes.len());
        assert_eq!(kept, (10_000, 10_000));
        assert!(ran.finished.stdout.length > 10_000);
    });
}

fn floods_of_connections() {
    untouched(|| {
        for answered in [true, false] {
            let ran = flood("escapes flood tcp 3000", answered);
            assert_eq!(ran.text(), "flooded\n", "{}", ran.errors());
            let told = ran.events.iter().filter(|event| matches!(&event.act, Act::Net(_))).count();
            assert!(told >= 6000, "{told} events of sockets");
        }
    });
}

fn floods_of_questions() {
    untouched(|| {
        for answered in [true, false] {
            let ran = flood("escapes flood udp 20000", answered);
            assert_eq!(ran.text(), "flooded\n", "{}", ran.errors());
            let told = ran.events.iter().filter(|event| matches!(&event.act, Act::Net(_))).count();
            assert!(told >= 20_000, "{told} events of sockets");
        }
    });
}

/// A guest in which everything stands still does not outlive its time.
fn all_is_stopped() {
    untouched(|| {
        let limits = Limits { wall: Duration::from_secs(4), ..spec("").limits };
        let began = Instant::now();
        let ran = run(&limited(
            limits,
            "escapes tracer; exec sh -c 'kill -STOP $$; sleep 86400 & kill -STOP $!; wait'",
        ));
        assert!(ran.text().starts_with("stopped all\n"), "{} {}", ran.text(), ran.errors());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?} {}", began.elapsed(), ran.finished.why);
    });
}

fn names_that_are_no_text() {
    let ran = run(&spec("escapes names"));
    assert_eq!(ran.text(), "named\n", "{}", ran.errors());
    let longest = [b'n'; 255];
    let names: [&[u8]; 7] =
        [b"a\nb", b"\xff\xfe", b"\x1b[2J", b"-rf", b"..x", b"\xe2\x80\xaetxt.exe", &longest];
    for name in names {
        let path = [&b"tmp/"[..], name].concat();
        let changed = ran.changes.iter().any(|change| change.entry.path == path);
        let told = ran.events.iter().any(|event| match &event.act {
            Act::File(act) => {
                matches!(act.op, FileOp::Open { create: true, .. })
                    && act.path[..] == [b"/", &path[..]].concat()
            }
            _ => false,
        });
        assert!(changed && told, "{}: changed {changed}, told {told}", name.escape_ascii());
    }
}
