use super::*;

fn check(parts: &[&str], expect: Result<&str, Refused>) {
    let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
    let mut claims = Claims::default();
    let taken = claims.push(&parts, Promise::None, false, &mut Allowance::default());
    let path = claims.iter().next().map(|claim| String::from_utf8(claim.path.to_vec()).unwrap());
    assert_eq!(taken.map(|()| path.unwrap_or_default()), expect.map(str::to_owned), "{parts:?}");
}

#[test]
fn a_path_has_one_spelling() {
    check(&["/usr/bin/ls"], Ok("usr/bin/ls"));
    check(&["./usr//bin/./ls"], Ok("usr/bin/ls"));
    check(&["usr/bin", "ls"], Ok("usr/bin/ls"));
    check(&["/usr/bin/", "ls"], Ok("usr/bin/ls"));
    check(&["", "bin"], Ok("bin"));
    check(&["a b/ "], Ok("a b/ "));
    check(&["/usr/..hidden"], Ok("usr/..hidden"));
    check(&["/."], Err(Refused::Root));
    check(&[""], Err(Refused::Root));
    check(&["/usr/../etc/shadow"], Err(Refused::Path("a path with a part `..`")));
    check(&["/usr/\0"], Err(Refused::Path("a path with a NUL byte")));
    let (fits, long) = ("x".repeat(MAX_PATH), "x".repeat(MAX_PATH + 1));
    check(&[&fits], Ok(&fits));
    check(&[&long], Err(Refused::Path("a path longer than 4,096 bytes")));
    check(&["/".repeat(MAX_PATH).as_str(), "ls"], Err(Refused::Path("a path longer than 4,096 bytes")));
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let mut claims = Claims::default();
    let mut allowance = Allowance { paths: 2, bytes: 100, packages: 1 };
    let target = vec![b't'; MAX_PATH];
    let mut push = |path: &[u8], promise| claims.push(&[path], promise, false, &mut allowance);
    assert_eq!(push(b"a", Promise::Md5([7; 16])), Ok(()));
    assert!(push(b"b/../c", Promise::None).is_err());
    assert!(push(b"b", Promise::Symlink(&target)).is_err());
    assert_eq!(push(&[b'x'; 90], Promise::None), Err(Refused::Full));
    assert!(!allowance.take_package(100) && allowance.take_package(1) && !allowance.take_package(1));
    let held: Vec<_> = claims.iter().map(|claim| (claim.path.to_vec(), claim.promise)).collect();
    assert_eq!(held, [(b"a".to_vec(), Promise::Md5([7; 16]))]);
}

#[test]
fn a_damaged_table_ends_where_it_breaks() {
    let mut claims = Claims::default();
    for path in [b"a".as_slice(), b"b"] {
        claims.push(&[path], Promise::Sha1([1; 20]), true, &mut Allowance::default()).unwrap();
    }
    claims.promises.truncate(30);
    assert_eq!(claims.iter().count(), 1);
    claims.names.clear();
    assert_eq!(claims.iter().count(), 0);
}
