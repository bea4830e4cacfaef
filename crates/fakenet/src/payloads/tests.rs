use super::{Id, Machine, Wanted, choose, elf, shell_script};
use crate::testing::{present, run};
use std::os::unix::fs::PermissionsExt;

fn check(path: &str, accept: &str, agent: &str, expect: &str) {
    let wanted = Wanted { path, accept, agent, seconds: 1_700_000_000 };
    let payload = choose(&wanted, &Id::new("test", 1));
    assert_eq!(format!("{} {}", payload.what, payload.media_type), expect, "{path} {accept} {agent}");
    // Every body is another one.
    assert_ne!(payload.bytes, choose(&wanted, &Id::new("test", 2)).bytes);
}

#[test]
fn what_is_asked_for_is_served() {
    check("/i.sh", "*/*", "curl/8.5", "script text/x-shellscript");
    check("/d/", "*/*", "curl/8.5", "script text/plain; charset=utf-8");
    check("/", "*/*", "Wget/1.21", "script text/plain; charset=utf-8");
    check("/", "text/html,*/*", "Mozilla/5.0", "page text/html; charset=utf-8");
    check("/xmrig-6.21.0-linux-static-x64.tar.gz", "*/*", "curl/8.5", "archive application/gzip");
    check("/a.zip", "*/*", "", "archive application/zip");
    check("/bot.x86_64", "*/*", "Wget/1.21", "elf application/octet-stream");
    check("/kworker-linux-arm64", "*/*", "curl/8.5", "elf application/octet-stream");
    check("/v1/config", "application/json", "python-requests/2.31", "json application/json");
    check("/stage.py", "*/*", "python-urllib/3.11", "script text/x-python");
    check("/logo.png", "*/*", "curl/8.5", "image image/png");
    check("/list.txt", "*/*", "curl/8.5", "text text/plain");
}

#[test]
fn programs_and_scripts_run_and_do_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let script = write("script", &shell_script(&Id::new("test", 1)));
    assert_eq!(run("sh", &[&script]), (true, String::new()));
    assert_eq!(run("sh", &["-c", &format!(". {script}; echo still here")]), (true, "still here\n".into()));
    if cfg!(target_arch = "x86_64") {
        let program = write("program", &elf(Machine::X86_64, &Id::new("test", 1)));
        assert_eq!(run(&program, &[]), (true, String::new()));
    }
}

#[test]
fn archives_are_read_by_others() {
    let directory = tempfile::tempdir().unwrap();
    let id = Id::new("test", 3);
    for (name, program, list) in [
        ("xmrig.tar.gz", "tar", vec!["-tzvf"]),
        ("a.tar", "tar", vec!["-tvf"]),
        ("a.zip", "python3", vec!["-m", "zipfile", "-t"]),
    ] {
        if !present(program) {
            continue;
        }
        let path = directory.path().join(name);
        let wanted = Wanted { path: &format!("/{name}"), accept: "", agent: "", seconds: 1_700_000_000 };
        std::fs::write(&path, choose(&wanted, &id).bytes).unwrap();
        let (worked, text) = run(program, &[&list[..], &[path.to_str().unwrap()]].concat());
        assert!(worked, "{name}: {text}");
        assert!(program != "tar" || text.contains("install.sh"), "{text}");
    }
}
