use super::taste;
use crate::testing::{Loopback, present, run, world};

fn check(bytes: &[u8], is: bool) {
    assert_eq!(taste(bytes, 5432) > 80, is, "{bytes:?}");
}

#[test]
fn startups_are_known() {
    check(&[0, 0, 0, 8, 4, 210, 22, 47], true);
    check(b"\0\0\0\x10\0\x03\0\0user\0a\0\0", true);
    check(b"\0\0\0\x08", false);
    check(b"", false);
}

#[test]
fn psql_is_let_in() {
    if !present("psql") {
        return;
    }
    for mode in ["disable", "require"] {
        let loopback = Loopback::new(world());
        let url = format!("postgresql://app:hunter2@127.0.0.1:{}/prod?sslmode={mode}", loopback.tcp.port());
        let (worked, text) = run("psql", &["-X", &url, "-c", "COPY x FROM PROGRAM 'id'"]);
        assert!(worked, "{text} {:#?}", loopback.told());
        loopback.check("postgres: login app hunter2 prod");
        loopback.check("postgres: COPY x FROM PROGRAM 'id'");
    }
}
