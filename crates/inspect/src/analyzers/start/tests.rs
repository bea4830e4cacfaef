use super::*;
use crate::analyzers::fixture::Fixture;
use model::Role;

mod hooks;
mod reading;
mod walking;

/// The head of a program for the fixture's platform.
pub(super) fn elf() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[16] = 2;
    bytes[18] = 62;
    bytes
}

fn found(image: &Fixture) -> Vec<(String, String, Role)> {
    let found = image.run(&Start).findings.into_iter();
    found.map(|finding| (finding.id, finding.path.unwrap_or_default(), finding.role)).collect()
}

fn is(id: &str, path: &str, role: Role) -> (String, String, Role) {
    (id.to_owned(), path.to_owned(), role)
}

#[test]
fn a_start_that_no_layer_has_is_told() {
    let mut image = Fixture::new();
    image.file("usr/bin/other", 0o755, &elf()).start(&["server"], &["--port", "80"]);
    assert_eq!(found(&image), [is("S-CFG-NOSTART", "", Role::Context)]);
    image.start(&["/usr/bin/missing"], &[]);
    assert_eq!(found(&image), [is("S-CFG-NOSTART", "", Role::Context)]);
    // Found, empty, or on a system that is not followed: nothing to tell.
    image.start(&["other"], &[]);
    assert_eq!(found(&image), []);
    image.start(&[], &[]);
    assert_eq!(found(&image), []);
    image.start(&["cmd.exe"], &[]);
    image.platform = "windows/amd64".parse().unwrap();
    assert_eq!(found(&image), []);
    // A layer that was not read may have it.
    image.platform = "linux/amd64".parse().unwrap();
    assert_eq!(found(&image).len(), 1);
    image.gap();
    assert_eq!(found(&image), []);
}

fn check_hidden(path: &str, expect: bool) {
    let mut image = Fixture::new();
    image.file(path, 0o755, &elf()).start(&[&format!("/{path}")], &[]);
    let told = found(&image) == [is("S-CFG-HIDDENRUN", &format!("/{path}"), Role::Corroborates)];
    assert_eq!(told, expect, "{path}: {:?}", found(&image));
}

#[test]
fn hidden_programs_at_the_start_are_told() {
    for path in [
        "usr/lib/.x/ld",
        "usr/share/.fonts/fc",
        "usr/lib/.cache/ld",
        "var/tmp/a/b",
        "tmp/kworker",
        "dev/shm/x",
        "opt/.../run",
        "opt/.hidden",
        "usr/bin/ls ",
        "etc/.config/run",
        "root/.ssh/agent",
    ] {
        check_hidden(path, true);
    }
    for path in [
        "app/.venv/bin/gunicorn",
        "root/.cargo/bin/tool",
        "root/.local/bin/tool",
        "home/node/.nvm/versions/node/bin/node",
        "app/.output/server/index",
        "app/node_modules/.bin/vite",
        "usr/lib/x/ld",
        "opt/app...",
        "app/.next/standalone/server",
    ] {
        check_hidden(path, false);
    }
}

#[test]
fn a_hidden_program_that_a_package_owns_is_none() {
    let program = elf();
    let mut image = Fixture::new();
    image.file("usr/lib/.build/tool", 0o755, &program).start(&["/usr/lib/.build/tool"], &[]);
    assert_eq!(found(&image).len(), 1);
    image.package("tool", &[("usr/lib/.build/tool", &program)]);
    assert_eq!(found(&image), []);
}

#[test]
fn settings_that_a_script_loads_are_no_hidden_programs() {
    let mut image = Fixture::new();
    image.file("run.sh", 0o755, b"#!/bin/sh\n. /app/.env\n. /usr/lib/.x/env\n").start(&["/run.sh"], &[]);
    image.file("app/.env", 0o644, b"A=1\n").file("usr/lib/.x/env", 0o644, b"./go\n");
    assert_eq!(found(&image), [is("S-CFG-HIDDENRUN", "/usr/lib/.x/env", Role::Corroborates)]);
}

/// A service with its own entrypoint in a lower layer, and another script on top of it.
fn wrapped(script: &str) -> Fixture {
    let mut image = Fixture::new();
    image.file("docker-entrypoint.sh", 0o755, b"#!/bin/sh\nexec \"$@\"\n").file(
        "usr/sbin/nginx",
        0o755,
        &elf(),
    );
    image.layer().file("wrapper.sh", 0o755, script.as_bytes()).file("opt/agent", 0o755, &elf());
    image.start(&["/wrapper.sh"], &["nginx", "-g", "daemon off;"]);
    image
}

#[test]
fn a_start_wrapped_around_another_is_told() {
    for script in [
        "#!/bin/sh\n/opt/agent &\nexec \"$@\"\n",
        "#!/bin/sh\nnohup /opt/agent >/dev/null 2>&1 &\nexec /docker-entrypoint.sh \"$@\"\n",
        "#!/bin/sh\n(sleep 5; /opt/agent) &\nexec /docker-entrypoint.sh nginx\n",
        "#!/bin/bash\nwhile true; do\n  /opt/agent\n  sleep 60\ndone &\nexec \"$@\"\n",
    ] {
        let image = wrapped(script);
        assert_eq!(found(&image), [is("S-DLX-WRAPENTRY", "/opt/agent", Role::Corroborates)], "{script}");
    }
}

#[test]
fn two_services_in_one_script_only_explain() {
    // The second program is named, not wrapped.
    let image = wrapped("#!/bin/sh\n/opt/agent &\nexec nginx -g 'daemon off;'\n");
    assert_eq!(found(&image), [is("S-DLX-WRAPENTRY", "/opt/agent", Role::Context)]);
    // Script and program come with the service itself.
    let mut image = Fixture::new();
    image.file("start.sh", 0o755, b"#!/bin/sh\n/opt/agent &\nexec \"$@\"\n").file("opt/agent", 0o755, &elf());
    image.file("usr/sbin/nginx", 0o755, &elf()).start(&["/start.sh"], &["nginx"]);
    assert_eq!(found(&image), [is("S-DLX-WRAPENTRY", "/opt/agent", Role::Context)]);
}

#[test]
fn inits_and_package_programs_in_the_background_are_not_told() {
    // An init in front, a program of a package behind, and a script that waits for what it started.
    let mut image = wrapped("#!/bin/sh\n/opt/agent &\nexec \"$@\"\n");
    image.package("agent", &[("opt/agent", &elf())]);
    assert_eq!(found(&image), []);
    assert_eq!(found(&wrapped("#!/bin/sh\n/opt/agent\nexec \"$@\"\n")), []);
    assert_eq!(found(&wrapped("#!/bin/sh\n/opt/agent &\nwait\n")), []);
}
