use super::*;
use model::{Class, History, Role, Severity};

type Expect<'a> = &'a [(&'a str, Role, Class)];

/// What the analyzer says of an image, in any order, each once.
fn check(build: impl FnOnce(&mut Fixture), expect: Expect<'_>) {
    let mut image = Fixture::new();
    build(&mut image);
    let findings = image.run(&Mining).findings;
    let mut found: Vec<_> =
        findings.iter().map(|finding| (finding.id.as_str(), finding.role, finding.class)).collect();
    found.sort_by_key(|(id, role, class)| (id.to_string(), *role, class.name()));
    found.dedup();
    assert_eq!(found, expect, "{findings:#?}");
}

use Class::{Config, File, Meta, Reach};
use Role::{Context, Convicts, Corroborates};

fn miner_line() -> String {
    format!("/tmp/nginx -o pool.example:443 -u {} -k\n", monero(18))
}

#[test]
fn a_command_in_the_configuration_convicts() {
    let line = ["--url", "192.0.2.1:443", "--threads", "4", "--tls", "--donate-level=1"];
    check(
        |image| {
            image.start(&["nginx"], &line);
        },
        &[("S-MIN-ARGV", Convicts, Config)],
    );
    check(
        |image| {
            image.start(&["/bin/sh", "-c", "exec nginx -o $P -u $W"], &[]);
            image.env("P=stratum+tcp://pool.example:3333").env(&format!("W={}", monero(18)));
        },
        &[
            ("S-MIN-ARGV", Convicts, Config),
            ("S-MIN-STRATUM", Corroborates, Config),
            ("S-MIN-XMRADDR", Corroborates, Config),
        ],
    );
    check(
        |image| {
            image.start(&["/app"], &[]);
            image.config.config.healthcheck.test =
                vec!["CMD-SHELL".into(), "x -a rx/0 -o pool.example:1".into()];
        },
        &[("S-MIN-ARGV", Convicts, Config)],
    );
    check(
        |image| {
            image.start(&["x", "--cc-url", "203.0.113.1:3344", "--cc-access-token", "t"], &[]);
        },
        &[("S-MIN-CC", Convicts, Config)],
    );
    check(
        |image| {
            image.start(&["curl", "-o", "a.txt", "-u", "user:password", "https://host.example:8443/a"], &[]);
            image.env("POOL_SIZE=5").env("PGHOST=db.example:5432");
        },
        &[],
    );
}

#[test]
fn the_history_alone_only_explains() {
    let history = |created_by: &str| {
        let history = History { created_by: created_by.to_owned(), ..History::default() };
        move |image: &mut Fixture| image.config.history.push(history)
    };
    check(history("RUN x -o pool.example:1 -a rx/0"), &[("S-MIN-ARGV", Context, Meta)]);
    check(history("RUN apk add xmrig"), &[("S-MIN-PKG", Context, Meta)]);
    check(history("RUN apk add curl"), &[]);
}

#[test]
fn a_command_in_a_file_counts_by_what_runs_it() {
    let script = format!("#!/bin/sh\n{}", miner_line());
    let wallet = |role, class| ("S-MIN-XMRADDR", role, class);
    check(
        |image| {
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[("S-MIN-ARGV", Convicts, Reach), wallet(Corroborates, Reach)],
    );
    check(
        |image| {
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/other"], &[]);
        },
        &[("S-MIN-ARGV", Corroborates, File), wallet(Corroborates, File)],
    );
    check(
        |image| {
            image.file("etc/cron.d/job", 0o644, format!("* * * * * root {}", miner_line()).as_bytes());
        },
        &[("S-MIN-ARGV", Convicts, Reach), wallet(Corroborates, Reach)],
    );
    for path in ["usr/share/doc/x/README", "app/tests/a.sh", "app/README.md", "usr/share/man/man1/x.1"] {
        check(
            |image| {
                image.file(path, 0o644, script.as_bytes());
            },
            &[("S-MIN-ARGV", Context, File), wallet(Context, File)],
        );
    }
    // Maintainers' scripts and libraries have names that only look like those of documentation.
    for path in ["var/lib/dpkg/info/x.postinst", "usr/lib/x.so.1"] {
        check(
            |image| {
                image.file(path, 0o644, script.as_bytes());
            },
            &[("S-MIN-ARGV", Corroborates, File), wallet(Corroborates, File)],
        );
    }
    // What is called documentation and is run is no documentation.
    check(
        |image| {
            image.file("docs/README.md", 0o755, script.as_bytes()).start(&["/docs/README.md"], &[]);
        },
        &[("S-MIN-ARGV", Convicts, Reach), wallet(Corroborates, Reach)],
    );
    // Nor do the words of a rule make a script one.
    let rule = format!("{script}\n# rule x {{ strings: $a condition: $a }}\n");
    check(
        |image| {
            image.file("run.sh", 0o755, rule.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[("S-MIN-ARGV", Convicts, Reach), wallet(Corroborates, Reach)],
    );
}

#[test]
fn what_a_script_takes_from_elsewhere_is_put_in() {
    check(
        |image| {
            let script = "#!/bin/sh\nexec /app/x -o \"$POOL\" -u me --coin \"$C\" --rig-id a\n";
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/run.sh"], &[]);
            image.env("POOL=pool.example:3333");
        },
        &[("S-MIN-ARGV", Convicts, Reach)],
    );
    // Most of a command stands in one line, and the rest of it elsewhere in a way that is not followed.
    check(
        |image| {
            let script = format!(
                "#!/bin/sh\nset -- stratum+tcp://pool.example:3333 {}\nexec /x -o $1 -u $2 --donate-level 1 --nicehash\n",
                monero(18)
            );
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[
            ("S-MIN-ARGV", Convicts, Reach),
            ("S-MIN-STRATUM", Corroborates, Reach),
            ("S-MIN-XMRADDR", Corroborates, Reach),
        ],
    );
    check(
        |image| {
            let script = format!(
                "#!/usr/bin/python3\nimport os\npool = 'stratum+tcp://pool.example:3333'\nw = '{}'\nos.system('/x ' + \
                 ' '.join(['-o', pool, '-u', w, '--nicehash']))\n",
                monero(18)
            );
            image.file("run.py", 0o755, script.as_bytes()).start(&["/run.py"], &[]);
        },
        &[
            ("S-MIN-ARGV", Convicts, Reach),
            ("S-MIN-STRATUM", Corroborates, Reach),
            ("S-MIN-XMRADDR", Corroborates, Reach),
        ],
    );
}

#[test]
fn a_removed_file_is_residue() {
    let mut image = Fixture::new();
    image.file("etc/cron.d/job", 0o644, format!("* * * * * root {}", miner_line()).as_bytes());
    image.layer().file("etc/cron.d/.wh.job", 0o644, b"");
    let findings = image.run(&Mining).findings;
    assert!(!findings.is_empty());
    assert!(findings.iter().all(model::Finding::is_residue), "{findings:#?}");
}

#[test]
fn a_configuration_convicts_where_the_start_leads_to_it() {
    let text = format!(
        r#"{{"donate-level": 1, "pools": [{{"url": "pool.example:3333", "user": "{}", "pass": "x", "keepalive": true}}]}}"#,
        monero(18)
    );
    let expect = |role, class| [("S-MIN-CONFIG", role, class), ("S-MIN-XMRADDR", Corroborates, File)];
    check(
        |image| {
            image.file("opt/c.json", 0o644, text.as_bytes()).start(&["/nginx", "-c", "/opt/c.json"], &[]);
        },
        &expect(Convicts, Reach),
    );
    check(
        |image| {
            image.file("opt/config.json", 0o644, text.as_bytes());
            image.file("opt/nginx", 0o755, b"\x7fELF").start(&["/opt/nginx"], &[]);
        },
        &expect(Convicts, Reach),
    );
    check(
        |image| {
            image.file("opt/c.json", 0o644, text.as_bytes()).start(&["/nginx"], &[]);
        },
        &expect(Corroborates, File),
    );
    // The configuration that a miner is published with names nobody's account.
    let template = text.replace(&monero(18), "YOUR_WALLET_ADDRESS");
    check(
        |image| {
            image.file("opt/c.json", 0o644, template.as_bytes()).start(&["/nginx", "-c", "/opt/c.json"], &[]);
        },
        &[("S-MIN-CONFIG", Corroborates, Reach)],
    );
}

#[test]
fn reference_data_only_explains() {
    let hosts: String = (0..100).map(|at| format!("0.0.0.0 p{at}.nanopool.org\n")).collect();
    check(
        |image| {
            image.file("etc/pihole/gravity.list", 0o644, hosts.as_bytes());
        },
        &[("S-MIN-POOL", Context, File)],
    );
    let falco = "- macro: minerpool\n  condition: (fd.sip.name in (xmr.nanopool.org))\n- rule: x\n  condition: \
                 proc.cmdline contains \"stratum+tcp://pool.example\"\n";
    check(
        |image| {
            image.file("etc/falco/falco_rules.yaml", 0o644, falco.as_bytes());
        },
        &[("S-MIN-POOL", Context, File), ("S-MIN-STRATUM", Context, File)],
    );
    let donate = format!("Donations: {}\n", monero(18));
    check(
        |image| {
            image.file("usr/share/doc/monero/README.md", 0o644, donate.as_bytes());
            let node = [b"\x7fELF".as_slice(), &[0; 64], donate.as_bytes(), b"\0"].concat();
            image.file("usr/bin/monerod", 0o755, &node);
        },
        &[("S-MIN-XMRADDR", Context, File)],
    );
    // A name in prose, and one in a table of popular sites.
    check(
        |image| {
            image.file("srv/top.csv", 0o644, b"1,example.com\n2,nanopool.org\n3,example.net\n");
        },
        &[("S-MIN-POOL", Context, File)],
    );
    check(
        |image| {
            image.file("srv/app.conf", 0o644, b"server = xmr-eu1.nanopool.org\n");
        },
        &[("S-MIN-POOL", Corroborates, File)],
    );
    check(
        |image| {
            image.file("srv/web3.txt", 0o644, b"pay to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa please\n");
        },
        &[],
    );
    check(
        |image| {
            let text = "stratum+tcp://pool.example:3333\n1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\n";
            image.file("srv/x.conf", 0o644, text.as_bytes());
        },
        &[("S-MIN-COINADDR", Context, File), ("S-MIN-STRATUM", Corroborates, File)],
    );
    // What a package promised, and still is.
    let rule = b"pool = stratum+tcp://pool.example:3333\n";
    check(
        |image| {
            image.file("usr/lib/scan/a.conf", 0o644, rule).package("scan", &[("usr/lib/scan/a.conf", rule)]);
        },
        &[("S-MIN-STRATUM", Context, File)],
    );
}

#[test]
fn what_is_done_for_a_miner_counts_where_it_is_run() {
    let run = |script: &'static str| {
        move |image: &mut Fixture| {
            image.file("run.sh", 0o755, format!("#!/bin/sh\n{script}\n").as_bytes()).start(&["/run.sh"], &[]);
        }
    };
    let lie = |script: &'static str| {
        move |image: &mut Fixture| {
            image.file("run.sh", 0o755, format!("#!/bin/sh\n{script}\n").as_bytes()).start(&["/other"], &[]);
        }
    };
    let clone = "git clone https://git.example/x/xmrig.git && cd xmrig && cmake . && make";
    check(run(clone), &[("S-MIN-BUILD", Corroborates, Reach)]);
    check(lie(clone), &[("S-MIN-BUILD", Context, File)]);
    check(run("apk add xmrig"), &[("S-MIN-PKG", Corroborates, Reach)]);
    check(lie("apk add xmrig"), &[("S-MIN-PKG", Context, File)]);
    check(run("./c -tou-accept -email a@b.example -pass x"), &[("S-MIN-DEPIN", Corroborates, Reach)]);
    check(
        |image| {
            image.start(&["/usr/bin/app"], &[]).env("ID=sdk-node-0123456789abcdef0123456789abcdef");
        },
        &[("S-MIN-DEPIN", Corroborates, Config)],
    );
    // The vendor's own image takes the account from whoever runs it.
    check(
        |image| {
            image.start(&["/usr/bin/client"], &["-tou-accept"]).env("CLIENT_EMAIL=");
        },
        &[],
    );
    // Databases ask for large pages too.
    let pages = "sysctl -w vm.nr_hugepages=1280";
    check(run(pages), &[("S-MIN-TUNE", Context, Reach)]);
    check(
        run("sysctl -w vm.nr_hugepages=1280\napk add xmrig"),
        &[("S-MIN-PKG", Corroborates, Reach), ("S-MIN-TUNE", Corroborates, Reach)],
    );
    let page = "<script>new Some.Anonymous('abcdefghijklmnopqrstuvwx').start()</script>";
    check(
        |image| {
            image.file("var/www/html/index.html", 0o644, page.as_bytes());
        },
        &[("S-MIN-WEB", Corroborates, File)],
    );
    check(
        |image| {
            image.file("srv/adblock/tests/index.html", 0o644, page.as_bytes());
        },
        &[("S-MIN-WEB", Context, File)],
    );
}

#[test]
fn rivals_are_killed_by_miners_and_by_those_who_clean_up() {
    let kills = "#!/bin/sh\npkill kinsing\npkill kdevtmpfsi\nkillall xmrig\n";
    check(
        |image| {
            image.file("run.sh", 0o755, kills.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[("S-MIN-RIVALS", Corroborates, Reach)],
    );
    let own = format!("{kills}/tmp/nginx -o pool.example:1 -a rx/0\n");
    check(
        |image| {
            image.file("run.sh", 0o755, own.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[("S-MIN-ARGV", Convicts, Reach), ("S-MIN-RIVALS", Convicts, Reach)],
    );
}

#[test]
fn workers_that_are_named_after_the_machine_are_told_beside_mining() {
    check(
        |image| {
            let script =
                "#!/bin/sh\nIP=$(curl -s ifconfig.me | tr . _)\n/x -o pool.example:1 -a rx/0 -u me -p $IP\n";
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[("S-MIN-ARGV", Convicts, Reach), ("S-MIN-WORKERTAG", Corroborates, Reach)],
    );
    check(
        |image| {
            let script = "#!/bin/sh\ncurl -s ifconfig.me | xargs update-dns --host $(hostname)\n";
            image.file("run.sh", 0o755, script.as_bytes()).start(&["/run.sh"], &[]);
        },
        &[],
    );
}

#[test]
fn installed_packages_of_miners_are_told() {
    check(
        |image| {
            image.package("xmrig", &[]);
        },
        &[("S-MIN-PKG", Corroborates, File)],
    );
    check(
        |image| {
            image.package("gnome-mines", &[]);
        },
        &[],
    );
}

#[test]
fn every_id_says_what_it_promises() {
    for detection in detections::ALL {
        assert!(detection.id.starts_with("S-MIN-") && detection.why.len() > 80, "{}", detection.id);
    }
    assert!(
        detections::ALL
            .iter()
            .filter(|detection| detection.role == Convicts)
            .all(|it| it.severity >= Severity::High)
    );
}
