use super::taste;
use crate::testing::Bed;

fn check(bytes: &[u8], is: bool) {
    assert_eq!(taste(bytes, 9001) > 0, is, "{bytes:?}");
}

#[test]
fn cells_and_directories_are_known() {
    check(&[0, 0, 7, 0, 6, 0, 3, 0, 4, 0, 5], true);
    check(&[0, 0, 7, 0, 0], false);
    check(&[0, 0, 7, 0, 200, 0], false);
    check(b"GET", false);
    let bed = Bed::new();
    bed.says("198.51.100.3:9001", &[(&[0, 0, 7, 0, 4, 0, 4, 0, 5], "\u{7}")]);
    bed.check("tor: VERSIONS");
    bed.says(
        "198.51.100.3:9030",
        &[(b"GET /tor/status-vote/current/consensus-microdesc.z HTTP/1.0\r\n\r\n", "404")],
    );
    bed.check("tor: GET /tor/status-vote/current/consensus-microdesc.z");
}
