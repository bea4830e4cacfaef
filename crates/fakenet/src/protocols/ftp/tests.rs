use super::parse::verb;
use crate::dispatch;
use crate::testing::Bed;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn check(line: &[u8], expect: (&str, &str)) {
    let (verb, rest) = verb(line);
    assert_eq!((verb.as_str(), rest.as_str()), expect);
}

#[test]
fn lines_are_taken_apart() {
    check(b"retr a b.sh", ("RETR", "a b.sh"));
    check(b"", ("", ""));
}

async fn tell(control: &mut tokio::io::DuplexStream, text: &str, expect: &str) -> String {
    control.write_all(text.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.contains(expect) {
        let mut chunk = [0; 512];
        let count = control.read(&mut chunk).await.unwrap();
        assert!(count > 0);
        heard.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
    }
    heard
}

#[test]
fn logins_and_files_are_told() {
    let bed = Bed::new();
    let shared = Arc::clone(&bed.shared);
    bed.guest("198.51.100.21:21", |mut control| async move {
        tell(&mut control, "", "220").await;
        tell(&mut control, "USER bot\r\n", "331").await;
        tell(&mut control, "PASS hunter2\r\n", "230").await;
        for (command, sent) in [("RETR x86.elf\r\n", ""), ("STOR loot\r\n", "the loot")] {
            let passive = tell(&mut control, "PASV\r\n", "227").await;
            let numbers: Vec<u16> =
                passive.split(['(', ')']).nth(1).unwrap().split(',').map(|it| it.parse().unwrap()).collect();
            let to = format!("198.51.100.21:{}", numbers[4] * 256 + numbers[5]);
            control.write_all(command.as_bytes()).await.unwrap();
            let (mut near, far) = tokio::io::duplex(1 << 17);
            let flow = shared.recorder.open(
                "10.42.3.17:5".parse().unwrap(),
                to.parse().unwrap(),
                false,
                shared.watcher.again(),
            );
            dispatch::serve(dispatch::begin(far, flow, Arc::clone(&shared))).await;
            near.write_all(sent.as_bytes()).await.unwrap();
            near.shutdown().await.unwrap();
            let mut got = Vec::new();
            near.read_to_end(&mut got).await.unwrap();
            assert_eq!(got.starts_with(b"\x7fELF"), sent.is_empty());
        }
        control.write_all(b"QUIT\r\n").await.unwrap();
        let mut rest = Vec::new();
        control.read_to_end(&mut rest).await.unwrap();
    });
    bed.check("ftp: login bot hunter2");
    bed.check("ftp: RETR x86.elf");
    bed.check("ftp: stored 8 bytes");
}
