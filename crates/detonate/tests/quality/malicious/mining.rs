use super::{bash, c, perl, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "mining";

const TALK: &str = r#"
import json, socket, ssl, struct, sys, hashlib
def talk(host, port, tls=False):
    s = socket.create_connection((host, port), 10)
    if tls:
        context = ssl._create_unverified_context()
        s = context.wrap_socket(s, server_hostname=None)
    f = s.makefile('rw')
    def ask(message):
        f.write(json.dumps(message) + '\n'); f.flush()
    def hear():
        line = f.readline()
        return json.loads(line) if line else {}
    return ask, hear
"#;

fn monero(host: &str, port: u16, tls: bool, account: &str) -> String {
    let tls = if tls { "True" } else { "False" };
    format!(
        "{TALK}\nask, hear = talk({host:?}, {port}, {tls})\n\
         ask({{'id': 1, 'jsonrpc': '2.0', 'method': 'login', 'params': {{'login': {account:?}, 'pass': 'x', 'agent': 'w/1', 'algo': ['rx/0']}}}})\n\
         job = hear()['result']['job']\n\
         ask({{'id': 2, 'jsonrpc': '2.0', 'method': 'submit', 'params': {{'id': '1', 'job_id': job['job_id'], 'nonce': '00000001', 'result': '00' * 32}}}})\n\
         print(hear())\n"
    )
}

pub(super) fn cases() -> Vec<Case> {
    let login = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"x","agent":"w/1"}}"#;
    let bitcoin = format!(
        "{TALK}\nask, hear = talk('192.0.2.50', 3333)\n\
         ask({{'id': 1, 'method': 'mining.subscribe', 'params': ['cg/4']}}); hear()\n\
         ask({{'id': 2, 'method': 'mining.authorize', 'params': ['1BoatSLRHtKNngkdXEeobR76b53LETtpyT.w', 'x']}})\n\
         print(hear(), hear(), hear())\n"
    );
    let ethereum = format!(
        "{TALK}\nask, hear = talk('eth.pool.example', 4444)\n\
         ask({{'id': 1, 'jsonrpc': '2.0', 'method': 'eth_submitLogin', 'params': ['0x52908400098527886E0F7030069857D2E4169EE7']}}); hear()\n\
         ask({{'id': 2, 'method': 'eth_getWork', 'params': []}}); print(hear())\n"
    );
    vec![
        sh(GROUP, "monero login, netcat", &["D-MIN-STRATUM"], &format!("(echo '{login}'; sleep 2) | nc xmr.pool.example 443")),
        bash(
            GROUP,
            "monero login, bash",
            &["D-MIN-STRATUM"],
            &format!("exec 5<>/dev/tcp/198.51.100.23/80; echo '{login}' >&5; read -t 5 a <&5; echo \"$a\"; sleep 1"),
        ),
        python(GROUP, "monero share, python", &["D-MIN-SUBMIT"], &monero("pool.invalid", 3333, false, "someone")),
        perl(
            GROUP,
            "monero share, perl",
            &["D-MIN-SUBMIT"],
            r#"use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => '203.0.113.9:14444') or die;
               print $s '{"id":1,"method":"login","params":{"login":"abc","pass":"y"}}', "\n"; $s->flush; my $l = <$s>; $l =~ /"job_id":"(\w+)"/;
               print $s '{"id":2,"method":"submit","params":{"id":"1","job_id":"', $1, '","nonce":"aabbccdd","result":"', '00' x 32, '"}}', "\n"; $s->flush; print scalar <$s>;"#,
        ),
        python(GROUP, "monero in TLS, python", &["D-MIN-SUBMIT"], &monero("203.0.113.77", 443, true, "48abc")),
        sh(
            GROUP,
            "monero in TLS, openssl",
            &["D-MIN-STRATUM"],
            &format!("(echo '{login}'; sleep 2) | openssl s_client -quiet -connect pool.example:8443"),
        )
        .with(&[Tool::Openssl]),
        python(GROUP, "bitcoin, python", &["D-MIN-STRATUM"], &bitcoin),
        c(
            GROUP,
            "bitcoin, c",
            &["D-MIN-STRATUM"],
            r#"int main() { int s = dial("198.51.100.4", 25); char b[4096];
               const char *one = "{\"id\": 7, \"method\": \"mining.subscribe\", \"params\": []}\n", *two = "{\"params\": [\"acc.1\", \"p\"], \"id\": 8, \"method\": \"mining.authorize\"}\n";
               write(s, one, strlen(one)); read(s, b, sizeof b); write(s, two, strlen(two)); read(s, b, sizeof b); sleep(1); return 0; }"#,
        ),
        python(GROUP, "ethereum, python", &["D-MIN-STRATUM"], &ethereum),
        sh(
            GROUP,
            "ethereum, netcat",
            &["D-MIN-STRATUM"],
            r#"(echo '{"worker":"r1","jsonrpc":"2.0","params":["0x8617E340B3D01FA5F11F306F4090FD50E238070D","x"],"id":2,"method":"eth_submitLogin"}'; sleep 1; echo '{"id":5,"jsonrpc":"2.0","method":"eth_getWork","params":[]}'; sleep 1) | nc 192.0.2.200 9999"#,
        ),
        c(
            GROUP,
            "memory of RandomX and a listed pool, c",
            &["D-MIN-RXMEM", "D-MIN-POOLDNS"],
            r#"#include <netdb.h>
               int main() { mmap(0, 256 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
               mmap(0, 2181038016 + 70000, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
               for (int i = 0; i < 2; i++) mmap(0, 2 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
               gethostbyname("xmr.pool.example"); dial("203.0.113.8", 443); sleep(1); return 0; }"#,
        ),
        python(
            GROUP,
            "memory of RandomX and a listed pool, python",
            &["D-MIN-RXMEM", "D-MIN-POOLDNS"],
            "import mmap, socket, time\nkeep = [mmap.mmap(-1, 256 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)] + [mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(4)]\n\
             socket.create_connection(('xmr.pool.example', 5555), 5)\ntime.sleep(1)\n",
        ),
        sh(
            GROUP,
            "tunes the host and asks a listed pool, shell",
            &["D-MIN-TUNE"],
            "echo 1280 > /proc/sys/vm/nr_hugepages; echo 0 > /proc/sys/kernel/nmi_watchdog; nc -w 2 xmr.pool.example 443 </dev/null",
        ),
        c(
            GROUP,
            "tunes the host and asks a listed pool, c",
            &["D-MIN-TUNE"],
            r#"#include <netdb.h>
               int main() { open("/dev/cpu/0/msr", O_RDWR); open("/proc/sys/vm/nr_hugepages", O_WRONLY); gethostbyname("xmr.pool.example"); return 0; }"#,
        ),
        python(
            GROUP,
            "status to a controller, python",
            &["D-MIN-CC"],
            "import urllib.request, json\nbody = json.dumps({'client_status': {'client_id': 'h1', 'hashrate_short': 100.0, 'hashrate_medium': 90.0, 'current_status': 'RUNNING'}}).encode()\n\
             print(urllib.request.urlopen(urllib.request.Request('http://203.0.113.40:3344/client/setClientStatus?clientId=h1', body, {'Content-Type': 'application/json'}), timeout=5).status)\n",
        ),
        sh(
            GROUP,
            "status to a controller, curl",
            &["D-MIN-CC"],
            r#"curl -s -m 5 -d '{"client_status":{"client_id":"z","hashrate_highest":7}}' https://cc.example:8443/client/setClientStatus?clientId=z"#,
        )
        .with(&[Tool::Curl]),
    ]
}
