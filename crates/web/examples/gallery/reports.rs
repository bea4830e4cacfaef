//! Two reports: an image of 2021 that mines for strangers, and the one before it.

use model::{
    ChainStep, Class, Coverage, Detection, Detonation, Digest, Finding, FlowLine, Gap, ImageSummary,
    LayerRef, LayerSummary, ProcessLine, REPORT_SCHEMA, Report, Role, RunLine, Severity, Stage, Timing, Tool,
    Verdict,
};

/// Through which every text goes.
pub(crate) type Say<'a> = &'a dyn Fn(&str) -> String;

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

pub(crate) static CATALOGUE: [Detection; 10] = [
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

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::sha256([byte; 32])
}

pub(crate) fn name_of(byte: u8) -> String {
    digest(byte).to_string()
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
