//! The tracer, with small programs of our own as guests.
#![allow(clippy::unwrap_used)]

mod absent;
mod calls;
mod guest;
mod hostile;
mod opens;
mod time;

/// A user of the host that is nobody.
const NOBODY: u32 = 12_345;

/// The same again without rights, where the guest has a user namespace: one test beside the other, as a machine with
/// few processors runs them twice at a time already.
#[test]
fn without_rights() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !guest::is_root() {
        return;
    }
    let directory = tempfile::Builder::new().prefix("tracer").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("tracer");
    std::fs::copy("/proc/self/exe", &program).unwrap();
    let mut again = std::process::Command::new(program);
    again
        .args(["absent::", "calls::", "hostile::", "opens::", "time::", "--test-threads=1"])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/");
    let told = again.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
}
