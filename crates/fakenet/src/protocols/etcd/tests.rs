use crate::testing::Bed;

fn check(to: &str, request: &str, expect: &str, told: &str) {
    let bed = Bed::new();
    let expect = expect
        .strip_prefix('$')
        .map_or(expect.to_owned(), |name| bed.shared.world.canaries.get(name).to_owned());
    bed.says(
        to,
        &[(format!("{request} HTTP/1.1\r\nHost: e\r\nContent-Length: 0\r\n\r\n").as_bytes(), &expect)],
    );
    bed.check(told);
}

#[test]
fn keys_are_given() {
    check("10.42.3.5:2379", "GET /version", "3.5.9", "etcd: GET /version");
    check("10.42.3.5:2379", "GET /v2/keys/?recursive=true", "$etcd-value", "etcd: GET /v2/keys/");
    check("10.42.3.5:8080", "POST /v3/kv/range", "kvs", "etcd: POST /v3/kv/range");
}
