use crate::testing::Bed;

fn check(query: &[u8], expect: &str) {
    let bed = Bed::new();
    let mut login = vec![0; 32];
    login.extend(b"root\0\0mysql_native_password\0");
    let login = [&[login.len() as u8, 0, 0, 1][..], &login].concat();
    let query = [&[query.len() as u8 + 1, 0, 0, 0, 3][..], query].concat();
    bed.says("10.42.3.8:3306", &[(b"", "mysql_native_password"), (&login, "\u{2}"), (&query, "\u{1}")]);
    bed.check("mysql: login root");
    bed.check(expect);
}

#[test]
fn logins_and_queries_are_told() {
    check(b"SELECT load_file('/etc/passwd')", "mysql: SELECT load_file('/etc/passwd')");
}
