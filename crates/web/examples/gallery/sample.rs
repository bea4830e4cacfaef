//! Every page once, the way a gate fills it that holds the images of 2021. Every text goes through `say`, so that tests can
//! put another in its place.

#[path = "reports.rs"]
mod reports;

use model::Verdict;
pub(crate) use reports::catalogue;
use reports::{CATALOGUE, Say, clean, digest, miner, name_of};
use web::{Frame, Moment, Notice, State, Viewer, Work};

/// 2026-11-28, 15:34:07.
const NOW: i64 = 1_795_880_047_000;

const fn ago(minutes: i64) -> Moment {
    Moment(NOW - minutes * 60_000)
}

/// Every page, by name.
pub(crate) fn pages(say: Say<'_>) -> Vec<(&'static str, String)> {
    let frame = frame(say);
    let notice =
        |done, message: &str| Frame { notice: Some(Notice { done, message: say(message) }), ..frame.clone() };
    let stranger = Frame { viewer: None, ..frame.clone() };
    let malicious = image(say, State::Denied);
    let held = web::Image { others: Vec::new(), barred: false, ..image(say, State::Quarantined) };
    let working = web::Image {
        report: None,
        verdict: None,
        rule: String::new(),
        message: String::new(),
        decided: None,
        decided_by: String::new(),
        companions: Vec::new(),
        approvals: Vec::new(),
        history: Vec::new(),
        barred: false,
        not_to_approve: Some(say(
            "the image was not looked at yet; approve it when it is known what speaks against it",
        )),
        work: Some(Work { doing: say("reading"), percent: Some(40) }),
        ..image(say, State::Quarantined)
    };
    let released = web::Image {
        report: Some(clean(say)),
        verdict: Some(Verdict::Clean),
        barred: false,
        may_decide: true,
        rule: say("clean"),
        message: say("nothing speaks against it"),
        pull: Some(say(&format!("docker pull gate.example:5000/team/app@{}", name_of(9)))),
        not_to_approve: Some(say("the image is released already")),
        ..image(say, State::Released)
    };
    let coverage = {
        let mut coverage = web::Coverage::new(CATALOGUE.iter().collect());
        coverage.add_image(["T1496.001", "T1071", "T1564.001"]);
        coverage.add_image(["T1552.001"]);
        coverage
    };
    let empty = web::Queue { rows: Vec::new(), next: None, ..queue(say, 0) };
    vec![
        ("login", web::login(&stranger, &login(say))),
        ("problem", web::problem(&frame, &problem(say))),
        ("queue", web::queue(&notice(true, "The image team/app was approved."), &queue(say, 9))),
        ("queue-rows", web::queue_rows(&queue(say, 9))),
        ("queue-empty", web::queue(&frame, &empty)),
        ("image-malicious", web::image(&frame, &malicious, &catalogue)),
        (
            "image-held",
            web::image(&notice(false, "Write why, for whoever reads it in a year."), &held, &catalogue),
        ),
        ("image-working", web::image(&frame, &working, &catalogue)),
        ("image-standing", web::image_standing(&working)),
        ("image-released", web::image(&frame, &released, &catalogue)),
        ("comparison", web::comparison(&frame, &comparison(say))),
        ("search", web::search(&frame, &search(say))),
        ("coverage", web::coverage(&frame, &coverage)),
        ("exceptions", web::exceptions(&frame, &exceptions(say))),
        ("journal", web::journal(&frame, &journal(say))),
        ("accounts", web::accounts(&frame, &accounts(say))),
        ("upstreams", web::upstreams(&frame, &upstreams(say))),
        ("health", web::health(&frame, &health(say))),
    ]
}

pub(crate) fn frame(say: Say<'_>) -> Frame {
    Frame {
        viewer: Some(Viewer { name: say("alice"), is_admin: true }),
        csrf: say("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        notice: None,
        version: say("0.1.0"),
    }
}

fn login(say: Say<'_>) -> web::Login {
    web::Login {
        name: say("alice"),
        provider: Some(say("Example SSO")),
        next: say("/console/health"),
        message: Some(say("That name and password do not belong together.")),
    }
}

fn problem(say: Say<'_>) -> web::Problem {
    web::Problem {
        status: 404,
        message: say("There is no image team/app@sha256:1234 here."),
        advice: say("Look for it by its repository; a tag may point to another one by now."),
    }
}

pub(crate) fn queue(say: Say<'_>, rows: usize) -> web::Queue {
    let row = |at: usize| {
        let state = State::ALL[at % 4];
        let work = match at {
            0 => Some(Work { doing: say("fetching"), percent: Some(40) }),
            4 => Some(Work { doing: say("running"), percent: None }),
            _ => None,
        };
        let looked_at = work.is_none();
        web::Row {
            repository: say([
                "hub/700888880a0/golang",
                "team/app",
                "hub/azurenql/openjdk",
                "hub/library/nginx",
            ][at % 4]),
            digest: say(&name_of((at % 200) as u8 + 9)),
            tags: vec![say("1.25"), say("latest")],
            state,
            verdict: looked_at.then_some(
                [Verdict::Suspicious, Verdict::Clean, Verdict::Malicious, Verdict::Incomplete][at % 4],
            ),
            rule: say(["", "clean", "malicious", "person"][at % 4]),
            message: say([
                "",
                "nothing speaks against it",
                "S-MIN-HASH: a known miner is started by the entrypoint",
                "a newer rule convicts it: S-MIN-HASH in layer 4",
            ][at % 4]),
            first_seen: ago(7 * at as i64),
            work,
        }
    };
    web::Queue {
        state: None,
        repository: say("hub/*"),
        counts: web::Counts { quarantined: 12, released: 3_120, denied: 41, revoked: 2 },
        rows: (0..rows).map(row).collect(),
        last: say("team/app@sha256:00"),
        next: Some(say(&format!("team/app@{}", name_of(9)))),
    }
}

pub(crate) fn image(say: Say<'_>, state: State) -> web::Image {
    web::Image {
        repository: say("hub/700888880a0/golang"),
        digest: say(&name_of(0x11)),
        tags: vec![say("e2e26c727b88"), say("latest")],
        state,
        verdict: Some(Verdict::Malicious),
        rule: say("malicious"),
        message: say(
            "The image starts a program that mines Monero for somebody else: /usr/lib/.x/ld in layer 4 (S-MIN-HASH).",
        ),
        decided_by: say("policy"),
        decided: Some(ago(3)),
        first_seen: ago(5),
        came_by: say("upstream hub"),
        pull: None,
        work: None,
        barred: true,
        report: Some(miner(say)),
        companions: vec![
            web::Companion {
                kind: say("signature"),
                digest: say(&name_of(0x21)),
                size: 1_412,
                by: say("this gate"),
            },
            web::Companion {
                kind: say("attestation: scan report"),
                digest: say(&name_of(0x22)),
                size: 48_120,
                by: say("this gate"),
            },
        ],
        approvals: vec![web::Approval {
            by: say("bob"),
            reason: say("we need it for the demonstration on Monday"),
            time: ago(100),
            counts: false,
        }],
        approvals_needed: 2,
        history: vec![
            web::Decision {
                time: ago(3),
                what: say("denied"),
                by: say("policy"),
                rule: say("malicious"),
                message: say("S-MIN-HASH: a known miner"),
                entry: Some(4_711),
            },
            web::Decision {
                time: ago(5),
                what: say("quarantined"),
                by: say("upstream hub"),
                rule: String::new(),
                message: say("it came by a pull"),
                entry: None,
            },
        ],
        others: vec![web::Other { digest: say(&name_of(0x12)), tags: vec![say("1.24")] }],
        may_decide: true,
        not_to_approve: (state != State::Quarantined)
            .then(|| say("the image is refused, and an approval releases what is held")),
    }
}

fn comparison(say: Say<'_>) -> web::Comparison {
    let side = |digest, state, report| web::Compared {
        repository: say("hub/700888880a0/golang"),
        digest: say(digest),
        state,
        report,
    };
    web::Comparison {
        old: side(&name_of(0x12), State::Released, clean(say)),
        new: side(&name_of(0x11), State::Denied, miner(say)),
    }
}

fn search(say: Say<'_>) -> web::Search {
    let hit = |what: &str, place: &str, state, verdict| web::Hit {
        repository: say("hub/700888880a0/golang"),
        digest: say(&name_of(0x11)),
        state,
        verdict,
        what: say(what),
        place: say(place),
    };
    web::Search {
        query: say("4873e560df68ad96c3de08164b139b09"),
        hits: vec![
            hit("md5 of a file", "/usr/lib/.x/ld", State::Denied, Some(Verdict::Malicious)),
            hit("finding", "S-MIN-HASH", State::Revoked, None),
        ],
        from: 100,
        is_cut: true,
        next: Some(200),
    }
}

fn exceptions(say: Say<'_>) -> web::Exceptions {
    let states = [
        web::ExceptionState::Waiting,
        web::ExceptionState::InForce,
        web::ExceptionState::Expired,
        web::ExceptionState::Withdrawn,
    ];
    let exception = |(at, state): (usize, web::ExceptionState)| web::Exception {
        id: at as i64 + 1,
        rule: Some(say("suspicious")),
        content: (at % 2 == 0).then(|| say(&name_of(0x31))),
        repositories: (at % 2 == 1).then(|| say("team/*")),
        path: Some(say("/app/test/fixtures/id_rsa")),
        gap: (at == 3).then(|| say("layer 3")),
        reason: say("It is a key of the test fixtures and opens nothing."),
        asked_by: say("user:alice"),
        asked: ago(2_000),
        approved_by: (at > 0).then(|| say("user:bob")),
        expires: Moment(NOW + 86_400_000 * 30),
        state,
        may_approve: at == 0,
        may_withdraw: at < 2,
    };
    web::Exceptions {
        list: states.into_iter().enumerate().map(exception).collect(),
        of_all: true,
        asked: web::Asked {
            content: say(&name_of(0x31)),
            rule: say("suspicious"),
            repositories: say("team/*"),
            path: say("/app/test"),
            gap: say("layer 3"),
            reason: say("It is a key of the test fixtures."),
            expires: say("2027-01-31"),
        },
    }
}

fn journal(say: Say<'_>) -> web::Journal {
    let entry = |number: i64| web::Entry {
        number,
        time: ago(4_720 - number),
        kind: say(["released", "denied", "login"][number as usize % 3]),
        body: say("{\"by\":\"policy\",\"rule\":\"malicious\",\"verdict\":\"malicious\"}"),
        image: (number % 3 != 2).then(|| (say("hub/700888880a0/golang"), say(&name_of(number as u8)))),
        hash: say(&digest(number as u8).hex()),
    };
    web::Journal {
        entries: (4_700..4_712).rev().map(entry).collect(),
        head: 4_711,
        broken: Some(4_710),
        older: Some(4_600),
        newer: Some(4_800),
    }
}

fn accounts(say: Say<'_>) -> web::Accounts {
    web::Accounts {
        users: vec![
            web::User {
                name: say("alice"),
                is_admin: true,
                created: ago(90_000),
                is_viewer: true,
                ..web::User::default()
            },
            web::User {
                name: say("bob"),
                provider: Some(say("Example SSO")),
                created: ago(80_000),
                ..web::User::default()
            },
            web::User {
                name: say("mallory"),
                is_disabled: true,
                is_admin: true,
                created: ago(70_000),
                ..web::User::default()
            },
        ],
        robots: vec![
            web::Robot {
                name: say("ci"),
                scopes: vec![say("team/* pull, push"), say("hub/* pull")],
                expires: Some(Moment(NOW + 86_400_000)),
                created_by: say("alice"),
                created: ago(60_000),
                ..web::Robot::default()
            },
            web::Robot {
                name: say("old"),
                scopes: vec![say("team/old pull")],
                expires: Some(ago(10)),
                is_expired: true,
                created_by: say("alice"),
                created: ago(60_000),
                ..web::Robot::default()
            },
        ],
        grants: vec![web::Grant {
            principal: say("user:bob"),
            repositories: say("team/*"),
            actions: vec![say("pull"), say("push")],
            created_by: say("alice"),
            created: ago(60_000),
        }],
        actions: ["pull", "push", "overwrite", "delete", "quarantine-read"].map(say).into(),
        new_secret: Some(web::NewSecret { name: say("ci"), secret: say("rsr_0123456789abcdef") }),
        may_change: true,
        has_password: true,
    }
}

fn upstreams(say: Say<'_>) -> web::Upstreams {
    web::Upstreams {
        list: vec![
            web::Upstream {
                name: say("hub"),
                addresses: vec![say("https://registry-1.docker.io"), say("https://mirror.example")],
                has_login: true,
                allow: vec![say("library/*"), say("bitnami/*")],
                deny: vec![say("*/xmrig*")],
                signature_keys: 2,
                minimum_age: say("3 days"),
            },
            web::Upstream {
                name: say("quay"),
                addresses: vec![say("https://quay.io")],
                ..web::Upstream::default()
            },
        ],
    }
}

fn health(say: Say<'_>) -> web::Health {
    web::Health {
        version: say("0.1.0"),
        rules: say(&name_of(0xee)),
        policy: say(&name_of(0xef)),
        feeds: vec![say(&format!("miners@{}", digest(0xfe).short()))],
        uptime: 277_300,
        checks: vec![
            web::Check { name: say("store"), works: true, message: String::new() },
            web::Check {
                name: say("sandbox"),
                works: false,
                message: say("user namespaces are switched off; roadstead doctor says what to do"),
            },
        ],
        counts: web::Counts { quarantined: 12, released: 3_120, denied: 41, revoked: 2 },
        jobs: vec![
            web::Jobs { kind: say("analyse"), waiting: 3, running: 2 },
            web::Jobs { kind: say("fetch"), waiting: 0, running: 1 },
        ],
        disks: vec![
            web::Disk { what: say("blobs"), used: 52_000_000_000, free: Some(120_000_000_000) },
            web::Disk { what: say("cache"), used: 800_000_000, free: None },
        ],
        upkeep: vec![
            web::Upkeep {
                what: say("collect garbage"),
                last: Some(ago(55)),
                result: say("12 blobs, 1.2 GiB"),
            },
            web::Upkeep { what: say("check blobs"), last: None, result: String::new() },
        ],
    }
}
