//! Reports for tests: the story of a hidden miner, an image with nothing against it, and one whose every text
//! is an attack on whoever prints it.

use model::{
    Axes, Axis, ChainStep, Class, Coverage, Detection, Detonation, Digest, Exception, ExceptionState,
    ExceptionUse, Finding, FlowLine, Gap, ImageSummary, LayerRef, LayerSummary, ProcessLine, REPORT_SCHEMA,
    Report, Role, RunLine, Severity, Stage, Timing, Tool, Verdict, Vulnerable,
};

pub(crate) const HASH: Detection = Detection {
    id: "S-MIN-HASH",
    title: "Known miner",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1496.001"],
    why: "The file is, byte for byte, a program that is known to mine coins for strangers.",
    advice: "Do not run the image. Remove it wherever it was pulled and look for what else came from this publisher.",
};

const IMPERSONATES: Detection = Detection {
    id: "S-META-IMPERSON",
    title: "Official name under a foreign publisher",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1036.005"],
    why: "The repository carries the name of an official image and belongs to somebody else.",
    advice: "Use the official image.",
};

const UNOWNED: Detection = Detection {
    id: "S-PKG-UNOWNED",
    title: "Executable without a package",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &[],
    why: "No package of the image owns the file.",
    advice: "",
};

/// What the sample findings stand for.
pub(crate) fn catalogue(id: &str) -> Option<&'static Detection> {
    [&HASH, &IMPERSONATES, &UNOWNED].into_iter().find(|detection| detection.id == id)
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::sha256([byte; 32])
}

const INSTRUCTIONS: [&str; 5] = [
    "/bin/sh -c #(nop) ADD file:0d82cd095966e8ee78b593cb47a352eec842edb7bd9d9468e8a70154522447d1 in / ",
    "/bin/sh -c apt-get update && apt-get install -y python3 && rm -rf /var/lib/apt/lists/*",
    "/bin/sh -c useradd -m worker",
    "/bin/sh -c #(nop) COPY file:5e2d5f3c1c7c0b5fdc0f1ad0c1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4 in /dao.py ",
    "/bin/sh -c #(nop) COPY dir:7d9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829300aabbcc in /usr/lib/.x ",
];

fn layer(index: usize) -> LayerRef {
    LayerRef { index, digest: digest(index as u8 + 1), created_by: INSTRUCTIONS[index].to_owned() }
}

fn on_amd64(finding: Finding) -> Finding {
    Finding { platform: "linux/amd64".to_owned(), ..finding }
}

/// The shape of 2021: a script in one layer starts a miner hidden in another.
pub(crate) fn miner() -> Report {
    let found = Finding::of(&HASH, "The MD5 of this file is on the built-in list of known miners (xmrig).")
        .at_path(b"usr/lib/.x/ld")
        .with_evidence("md5", "4873e560df68ad96c3de08164b139b09", None)
        .with_evidence("sha256", &digest(0xab).hex(), None);
    let found = on_amd64(Finding { layer: Some(layer(4)), reachable: Some(true), ..found });
    let unowned = |path: &[u8], index| {
        let finding = Finding::of(&UNOWNED, "No package owns this executable.").at_path(path);
        on_amd64(Finding { layer: Some(layer(index)), ..finding })
    };
    let named = Finding::of(
        &IMPERSONATES,
        "golang is an official image; this one is published by 700888880a0, which is not its publisher.",
    )
    .with_evidence("field", "700888880a0/golang", None);
    let step = |step, what: &str, finding: Option<&str>| ChainStep {
        step,
        stage: Stage::Static,
        what: what.to_owned(),
        finding: finding.map(str::to_owned),
    };
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: Tool {
            version: "0.1.0".to_owned(),
            rules: digest(0xee).to_string(),
            feeds: vec![format!("miners@{}", digest(0xfe))],
        },
        image: ImageSummary {
            reference: "docker.io/700888880a0/golang:e2e26c727b88".to_owned(),
            digest: Some(digest(0x11)),
            platforms: vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()],
            layers: (0..5)
                .map(|index| LayerSummary {
                    platform: "linux/amd64".to_owned(),
                    index,
                    digest: digest(index as u8 + 1),
                    created_by: INSTRUCTIONS[index].to_owned(),
                    bytes: [76_800_000, 41_000_000, 1_536, 4_096, 3_562_920][index],
                    entries: [2_480, 620, 12, 1, 7][index],
                })
                .collect(),
        },
        verdict: Verdict::Malicious,
        summary: "Malicious: known miner at /usr/lib/.x/ld (md5 4873e560…), and the start of the image leads to it, \
                  but something was not looked at: layer 3 of linux/arm64 (512 bytes after the end of the archive)."
            .to_owned(),
        axes: Axes {
            pua: Vec::new(),
            hygiene: vec!["S-ESC-SUID".to_owned()],
            vulnerable: Vulnerable { critical: 1, high: 4 },
        },
        findings: vec![found, named, unowned(b"dao.py", 3), unowned(b"usr/lib/.x/ld", 4)],
        chain: vec![
            step(1, "ENTRYPOINT python3 dao.py (layer 3)", None),
            step(2, "/dao.py runs /usr/lib/.x/ld at line 12 (layer 4)", None),
            step(3, "/usr/lib/.x/ld is a known miner", Some("S-MIN-HASH")),
        ],
        gaps: vec![Gap::new("layer 3 of linux/arm64", "512 bytes after the end of the archive")],
        exceptions: Vec::new(),
        detonation: None,
        coverage: Coverage {
            layers: 5,
            files: 3120,
            bytes: 121_368_552,
            bytes_read: 121_368_040,
            runs: 0,
            events_dropped: 0,
        },
        timing_ms: Timing { total: 1240, static_: 1190, dynamic: 0 },
    }
}

/// The same with exceptions: one that holds for a finding, one for nothing, one that is over.
pub(crate) fn excepted() -> Report {
    let exception = |finding: &str, path: Option<&str>, image: &str, expires: &str| Exception {
        finding: finding.to_owned(),
        sha256: None,
        path: path.map(str::to_owned),
        image: Some(image.to_owned()),
        reason: "our own build puts it there".to_owned(),
        author: "platform team".to_owned(),
        expires: expires.parse().unwrap(),
    };
    let golang = "docker.io/700888880a0/golang";
    let held = exception("S-PKG-UNOWNED", Some("/usr/lib/.x/ld"), golang, "2027-01-31");
    let mut report = miner();
    report.findings[3].exception = Some(held.clone());
    report.findings[3].axis = Some(Axis::Hygiene);
    report.findings[3].content = Some(digest(0xab));
    report.exceptions = vec![
        ExceptionUse { exception: held, state: ExceptionState::Used, findings: 1 },
        ExceptionUse {
            exception: exception(
                "S-PER-CRON",
                Some("/etc/cron.d/backup"),
                "registry.example/team/app",
                "2027-01-31",
            ),
            state: ExceptionState::Unused,
            findings: 0,
        },
        ExceptionUse {
            exception: exception("S-META-IMPERSON", None, golang, "2026-01-31"),
            state: ExceptionState::Expired,
            findings: 1,
        },
    ];
    report
}

/// The same, run: it waits, starts what it wrote, and logs in at a pool.
pub(crate) fn detonated() -> Report {
    let process = |number, parent, command: &str, origin: &str| ProcessLine {
        run: 0,
        number,
        parent,
        milliseconds: u64::from(number) * 10,
        command: command.to_owned(),
        origin: origin.to_owned(),
    };
    let run = |name: &str, skipped_seconds| RunLine {
        name: name.to_owned(),
        platform: "linux/amd64".to_owned(),
        ended: "all processes ended".to_owned(),
        events: 1_204,
        milliseconds: 2_310,
        skipped_seconds,
    };
    let mut report = miner();
    report.detonation = Some(Detonation {
        engine: "native".to_owned(),
        runs: vec![run("as configured", 21_600), run("probe python3", 0)],
        processes: vec![
            process(1, 0, "python3 dao.py", "image"),
            process(2, 1, "/tmp/.x/ld -c /tmp/.x/c.json", "written"),
            process(3, 1, "sleep 21600", "image"),
        ],
        network: vec![FlowLine {
            run: 0,
            process: Some(2),
            milliseconds: 21_600_400,
            closed: None,
            host: "pool.invalid".to_owned(),
            port: 443,
            protocol: "stratum".to_owned(),
            sent: 212,
            received: 398,
            said: "login someone".to_owned(),
        }],
        not_exercised: vec!["probe node: an earlier run had convicted already".to_owned()],
        limitations: Vec::new(),
    });
    report.coverage.runs = 2;
    report
}

/// Nothing against it, everything read.
pub(crate) fn clean() -> Report {
    let miner = miner();
    Report {
        image: ImageSummary {
            reference: "docker.io/library/debian:12".to_owned(),
            platforms: vec!["linux/amd64".to_owned()],
            layers: miner.image.layers[..1].to_vec(),
            ..miner.image.clone()
        },
        verdict: Verdict::Clean,
        summary: "Nothing counts against this image; all 2,480 files in 1 layer of 1 platform were read."
            .to_owned(),
        axes: Axes::default(),
        findings: Vec::new(),
        chain: Vec::new(),
        gaps: Vec::new(),
        coverage: Coverage {
            layers: 1,
            files: 2480,
            bytes: 76_800_000,
            bytes_read: 76_800_000,
            ..Coverage::default()
        },
        ..miner
    }
}

/// Many findings of one kind.
pub(crate) fn many(count: usize) -> Report {
    let mut report = miner();
    let template = report.findings[3].clone();
    report.findings.extend(
        (0..count).map(|at| Finding { path: Some(format!("/opt/bin/tool{at:05}")), ..template.clone() }),
    );
    report
}

/// Pieces that mean something to a terminal, a browser, Markdown, XML, or a careless parser.
pub(crate) const ATTACKS: [&str; 14] = [
    "<script>alert(1)</script>",
    "::error file=a::owned %0A ##[error]owned ##vso[task.setvariable variable=x]y ##teamcity[x]",
    "\"><img src=x onerror=alert(1)>",
    "gnp.\u{202e}cod\u{2066}",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
    "zero\u{0}byte\r\nnew line\u{85}\u{2028}",
    "tag\u{e0041}\u{200b}\u{feff}",
    "]]> --> <!-- &amp; &lt; \u{fffe}\u{ffff}",
    "| pipe | `tick` ``` ~~~ **bold** _it_ [x](javascript:alert(1)) ![i](//x.example/i.png)",
    "@security-team #1 GH-1 https://x.example/a www.x.example user@x.example",
    "- list\n# head\n1. one\n> quote\n    code\n---\n\\",
    "{{7*7}} ${x} {% raw %}",
    "wide 漢字 👩‍👩‍👧 e\u{301}\u{301}\u{301}",
    "../../%2e%2e/%00?#:@ a b",
];

/// Every text of the report is all attacks at once; nothing was escaped beforehand.
pub(crate) fn hostile() -> Report {
    let evil = ATTACKS.join(" ");
    let long = format!("{evil}{}", "n".repeat(10_000));
    let mut report = excepted();
    report.tool.version.clone_from(&evil);
    report.tool.rules.clone_from(&evil);
    report.tool.feeds = vec![evil.clone()];
    report.image.reference.clone_from(&evil);
    report.image.platforms = vec![evil.clone(), "linux/amd64".to_owned()];
    report.summary.clone_from(&long);
    report.axes.pua = vec![evil.clone()];
    report.axes.hygiene = vec![evil.clone()];
    for layer in &mut report.image.layers {
        layer.platform.clone_from(&evil);
        layer.created_by.clone_from(&long);
    }
    for finding in &mut report.findings {
        for text in [&mut finding.title, &mut finding.explanation, &mut finding.platform] {
            text.clone_from(&evil);
        }
        finding.id = format!("S-{evil}");
        finding.techniques = vec![evil.clone()];
        finding.path = Some(format!("/{long}"));
        if let Some(layer) = &mut finding.layer {
            layer.created_by.clone_from(&long);
        }
        for piece in &mut finding.evidence {
            piece.kind.clone_from(&evil);
            piece.value.clone_from(&long);
        }
    }
    let held = report.findings.iter_mut().filter_map(|finding| finding.exception.as_mut());
    for exception in held.chain(report.exceptions.iter_mut().map(|used| &mut used.exception)) {
        for text in [&mut exception.finding, &mut exception.author, &mut exception.reason] {
            text.clone_from(&evil);
        }
        exception.path = Some(format!("/{long}"));
        exception.image = Some(evil.clone());
    }
    for step in &mut report.chain {
        step.what.clone_from(&long);
        step.finding = Some(evil.clone());
    }
    report.detonation = detonated().detonation.map(|mut detonation| {
        for run in &mut detonation.runs {
            run.name.clone_from(&evil);
            run.ended.clone_from(&long);
        }
        for process in &mut detonation.processes {
            process.command.clone_from(&long);
            process.origin.clone_from(&evil);
        }
        for flow in &mut detonation.network {
            for text in [&mut flow.host, &mut flow.protocol, &mut flow.said] {
                text.clone_from(&long);
            }
        }
        detonation.not_exercised = vec![long.clone()];
        detonation.limitations = vec![evil.clone()];
        detonation
    });
    report.gaps = vec![Gap { what: evil, why: long }];
    report
}
