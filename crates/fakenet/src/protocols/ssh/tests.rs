use super::parse::{Reader, number, offer, public_of};
use crate::testing::{Bed, Loopback, SEED, named, present, run, world};
use proptest::prelude::*;

fn check(command: &str, told: &[&str]) {
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, crate::Canaries::new(SEED).get("file-ssh-key")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let options = format!(
        "-F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {} root@127.0.0.1",
        key.display(),
        loopback.tcp.port()
    );
    let (_, text) = run("sh", &["-c", &command.replace("OPTIONS", &options)]);
    for expect in told {
        if let Some(expect) = expect.strip_prefix("output ") {
            assert!(text.contains(expect), "{text} {:#?}", loopback.told());
        } else {
            loopback.check(expect);
        }
    }
}

#[test]
fn openssh_uses_a_key_that_lies_in_the_guest() {
    if !present("ssh") || !named() {
        return;
    }
    for cipher in ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr", "aes256-ctr"] {
        check(
            &format!("ssh -c {cipher} -m hmac-sha2-256 OPTIONS id"),
            &[
                "output uid=0(root)",
                "ssh: client SSH-2.0-OpenSSH",
                "(file-ssh-key)",
                "canary file-ssh-key Plain",
                "ssh: exec id",
            ],
        );
    }
    check("echo 'uname -a; exit' | ssh -T OPTIONS", &["ssh: typed uname -a; exit"]);
}

#[test]
fn passwords_are_told() {
    if !present("ssh") || !present("setsid") || !named() {
        return;
    }
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let ask = directory.path().join("ask");
    std::fs::write(&ask, "#!/bin/sh\necho hunter2\n").unwrap();
    std::fs::set_permissions(&ask, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let command = format!(
        "SSH_ASKPASS={} SSH_ASKPASS_REQUIRE=force setsid -w ssh -F none -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=3 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {} admin@127.0.0.1 true",
        ask.display(),
        loopback.tcp.port()
    );
    run("sh", &["-c", &command]);
    loopback.check("ssh: password admin hunter2");
    // The sixth is right.
    run("sh", &["-c", &command]);
    loopback.check("ssh: accepted admin");
    loopback.check("ssh: exec true");
}

#[test]
fn silent_clients_are_greeted() {
    let bed = Bed::new();
    bed.says("10.42.3.9:22", &[(b"", "SSH-2.0-OpenSSH"), (b"SSH-2.0-Go\r\n", "curve25519")]);
    bed.check("protocol ssh");
}

#[test]
fn parts_are_read() {
    assert_eq!(number(&[0, 0, 0x80]), [0, 0, 0, 2, 0, 0x80]);
    assert_eq!(number(&[0, 1]), [0, 0, 0, 1, 1]);
    assert_eq!(Reader(&[0, 0, 0, 9, 1]).string(), None);
    assert!(public_of(crate::Canaries::new(SEED).get("file-ssh-key")).is_some_and(|blob| blob.len() == 51));
    assert!(public_of("").is_none());
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        offer(&bytes);
        offer(&[&[20][..], &[0; 16], &bytes].concat());
        static BED: std::sync::OnceLock<Bed> = std::sync::OnceLock::new();
        let bed = BED.get_or_init(Bed::new);
        bed.guest("10.42.3.9:22", |mut stream| async move {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(&[&b"SSH-2.0-x\r\n"[..], &bytes].concat()).await;
        });
    }
}
