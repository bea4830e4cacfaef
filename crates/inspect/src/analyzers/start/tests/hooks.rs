use super::elf;
use crate::analyzers::fixture::Fixture;
use crate::analyzers::start::Start;
use crate::{Reached, Root};
use model::Role;

/// An image that starts a program of its own, with the programs that hooks wait for.
fn image(start: &[&str]) -> Fixture {
    let mut image = Fixture::new();
    let programs = [
        "app",
        "supercronic",
        "systemd",
        "node_exporter",
        "service",
        "crontab",
        "sh",
        "bash",
        "cron",
        "crond",
        "python3.11",
        "node",
        "java",
        "supervisord",
        "nginx",
        "init",
        "git",
    ];
    for name in programs {
        image.file(&format!("usr/bin/{name}"), 0o755, &elf());
    }
    image.file("opt/x", 0o755, &elf()).file("opt/lib.so", 0o755, &elf()).file("opt/x.js", 0o644, b"1");
    image.start(start, &[]);
    image
}

/// From which root, and how surely, the program of the hook is reached.
fn way(image: &Fixture, path: &str) -> Option<(Root, bool)> {
    let chain = image.run(&Start).chain;
    let found = chain.iter().find(|reached| reached.path == path.as_bytes())?;
    let mut at = found;
    while let Some(from) = at.from {
        assert!(from < chain.len());
        at = &chain[from];
    }
    assert_eq!((at.root, at.certain), (found.root, found.certain));
    assert_eq!(at.how.contains(", if "), !at.certain, "{}", at.how);
    Some((found.root, found.certain))
}

fn check(start: &[&str], hook: &str, text: &str, expect: Option<(Root, bool)>) {
    let mut image = image(start);
    image.file(hook, 0o644, text.as_bytes());
    assert_eq!(way(&image, "opt/x"), expect, "{hook} from {start:?}");
}

#[test]
fn hooks_lead_to_what_they_run() {
    let cron = |certain| Some((Root::Cron, certain));
    let init = |certain| Some((Root::Init, certain));
    check(&["app"], "etc/cron.d/x", "* * * * * root /opt/x -q\n", cron(false));
    check(&["cron", "-f"], "etc/cron.d/x", "* * * * * root /opt/x -q\n", cron(true));
    check(&["sh", "-c", "cron && app"], "etc/crontab", "@reboot root sh -c '/opt/x &'\n", cron(true));
    check(&["crond"], "etc/crontabs/root", "* * * * * /opt/x\n", cron(true));
    check(&["crond"], "etc/periodic/15min/x", "#!/bin/sh\n/opt/x\n", cron(true));
    check(&["crontab"], "app/crontab", "* * * * * /opt/x\n", cron(false));
    check(&["supercronic"], "app/crontab", "* * * * * /opt/x\n", cron(true));
    check(&["app"], "etc/cron.hourly/x", "#!/bin/sh\nexec /opt/x\n", cron(false));
    check(&["app"], "var/spool/cron/atjobs/a1", "#!/bin/sh\n/opt/x\n", cron(false));
    check(&["app"], "root/.bashrc", "/opt/x &\n", Some((Root::Shell, false)));
    check(&["app"], "etc/profile.d/x.sh", "/opt/x\n", Some((Root::Shell, false)));
    check(&["app"], "etc/rc.local", "#!/bin/sh\n/opt/x\n", init(false));
    check(&["init"], "etc/rc.local", "#!/bin/sh\n/opt/x\n", init(true));
    check(&["init"], "etc/inittab", "::once:/opt/x\n", init(true));
    check(&["service", "x", "start"], "etc/init.d/x", "#!/bin/sh\n/opt/x\n", Some((Root::Start, true)));
    check(&["service", "y", "start"], "etc/init.d/x", "#!/bin/sh\n/opt/x\n", init(false));
    check(&["app"], "etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x\n", init(false));
    check(&["systemd"], "lib/systemd/system/x.service", "[Service]\nExecStart=/opt/x\n", init(true));
    check(&["supervisord"], "etc/supervisord.conf", "[program:x]\ncommand=/opt/x\n", init(true));
    check(&["app"], "etc/supervisor/conf.d/x.conf", "[program:x]\ncommand=/opt/x\n", init(false));
    let python = "import subprocess; subprocess.Popen(['/opt/x'])\n";
    for (start, certain) in [("app", false), ("python3.11", true)] {
        let expect = Some((Root::Interpreter, certain));
        check(&[start], "usr/lib/python3/dist-packages/x.pth", python, expect);
        check(&[start], "usr/lib/python3.11/sitecustomize.py", python, expect);
        check(&[start], "srv/venv/lib/python3.11/site-packages/x.pth", python, expect);
        // The Python below /usr/local is another one.
        check(
            &[start],
            "usr/local/lib/python3.9/site-packages/x.pth",
            python,
            Some((Root::Interpreter, false)),
        );
    }
}

#[test]
fn directories_of_scripts_are_run_where_the_start_speaks_of_them() {
    let entry =
        "#!/bin/sh\nfind \"/docker-entrypoint.d/\" -type f | while read -r f; do \"$f\"; done\nexec app\n";
    for (text, certain) in [(entry, true), ("#!/bin/sh\nexec app\n", false)] {
        let mut image = image(&["/entry.sh"]);
        image.file("entry.sh", 0o755, text.as_bytes());
        image.file("docker-entrypoint.d/40-x.sh", 0o755, b"#!/bin/sh\n/opt/x\n");
        assert_eq!(way(&image, "opt/x"), Some((Root::InitDirectory, certain)));
    }
    let mut image = image(&["/init"]);
    image.file("init", 0o755, b"#!/bin/sh\nexec s6-svscan\n");
    image.file("etc/rc.local", 0o755, b"#!/bin/sh\n/opt/lib.so\n");
    image.file("etc/services.d/x/run", 0o755, b"#!/bin/sh\nexec /opt/x\n");
    assert_eq!(way(&image, "opt/x"), Some((Root::InitDirectory, true)));
    assert_eq!(way(&image, "opt/lib.so"), Some((Root::Init, false)));
}

#[test]
fn a_table_of_the_application_is_read_where_it_is_linked() {
    for (hook, text) in [
        ("etc/cron.d/app", "* * * * * root /opt/x\n"),
        ("var/spool/cron/crontabs/root", "* * * * * /opt/x\n"),
    ] {
        let mut image = image(&["cron"]);
        image.file("app/crontab", 0o644, text.as_bytes()).symlink(hook, "/app/crontab");
        assert_eq!(way(&image, "opt/x"), Some((Root::Cron, true)), "{hook}");
    }
}

#[test]
fn hooks_behind_a_linked_directory_are_followed() {
    let mut image = image(&["app"]);
    image.file("opt/daily/x", 0o755, b"#!/bin/sh\n/opt/x\n").symlink("etc/cron.daily", "/opt/daily");
    assert_eq!(way(&image, "opt/x"), Some((Root::Cron, false)));
}

#[test]
fn a_script_that_runs_may_start_what_another_hook_waits_for() {
    let mut image = image(&["/entry.sh"]);
    image.file("entry.sh", 0o755, b"#!/bin/sh\nrun-all /etc/my_init.d\n");
    image.file("etc/my_init.d/cron.sh", 0o755, b"#!/bin/sh\ncron\n");
    image.file("etc/cron.d/x", 0o644, b"* * * * * root /opt/x\n");
    assert_eq!(way(&image, "opt/x"), Some((Root::Cron, true)));
}

#[test]
fn the_environment_leads_to_what_it_loads() {
    for (start, variable, path, expect) in [
        ("app", "LD_PRELOAD=/opt/lib.so", "opt/lib.so", (Root::Preload, true)),
        ("bash", "BASH_ENV=/opt/x", "opt/x", (Root::Shell, true)),
        ("app", "BASH_ENV=/opt/x", "opt/x", (Root::Shell, false)),
        (
            "node",
            "NODE_OPTIONS=--max-old-space-size=1 --require /opt/x.js",
            "opt/x.js",
            (Root::Interpreter, true),
        ),
        ("node", "NODE_OPTIONS=--import=./x.js", "opt/x.js", (Root::Interpreter, true)),
        ("node_exporter", "NODE_OPTIONS=-r /opt/x.js", "opt/x.js", (Root::Interpreter, false)),
        ("app", "NODE_OPTIONS=-r /opt/x.js", "opt/x.js", (Root::Interpreter, false)),
        ("java", "JAVA_TOOL_OPTIONS=-Xmx1g -javaagent:/opt/x=a", "opt/x", (Root::Interpreter, true)),
        ("git", "GIT_SSH_COMMAND=/opt/x -i key", "opt/x", (Root::Interpreter, true)),
    ] {
        let mut image = image(&[start]);
        image.env(variable).config.config.working_dir = "/opt".to_owned();
        assert_eq!(way(&image, path), Some(expect), "{variable}");
    }
    let mut image = image(&["app"]);
    image.file("etc/ld.so.preload", 0o644, b"/opt/lib.so\n");
    assert_eq!(way(&image, "opt/lib.so"), Some((Root::Preload, true)));
}

#[test]
fn the_way_from_the_configuration_comes_first_and_stays_certain() {
    let mut image = image(&["/opt/x"]);
    image.file("etc/cron.d/x", 0o644, b"* * * * * root /opt/x\n");
    let chain = image.run(&Start).chain;
    assert_eq!(chain[0].path, b"opt/x");
    assert_eq!(way(&image, "opt/x"), Some((Root::Start, true)));
    image.view(|view| {
        let out = image.run(&Start);
        let place = |path: &str| view.tree.get(path.as_bytes()).unwrap();
        assert!(out.reaches(view, place("opt/x")));
        assert!(!out.reaches(view, place("etc/cron.d/x")));
        let certain = |reached: &Reached| reached.certain;
        assert_eq!(out.way_to(view, place("etc/cron.d/x")).map(certain), Some(false));
        assert_eq!(out.way_to(view, place("usr/bin/app")), None);
    });
}

#[test]
fn what_hides_behind_a_hook_is_told_and_weaker_without_its_daemon() {
    for (start, severity, reachable) in
        [("app", model::Severity::Medium, None), ("cron", model::Severity::High, Some(true))]
    {
        let mut image = image(&[start]);
        image.file("var/tmp/x", 0o755, &elf()).file("etc/cron.d/x", 0o644, b"* * * * * root /var/tmp/x\n");
        let found = image.run(&Start).findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].id, "S-CFG-HIDDENRUN");
        assert_eq!(
            (found[0].severity, found[0].role, found[0].reachable),
            (severity, Role::Corroborates, reachable)
        );
        assert!(
            found[0].explanation.starts_with("Line 1 of /etc/cron.d/x runs it."),
            "{}",
            found[0].explanation
        );
    }
}

#[test]
fn many_hooks_shorten_no_way_and_the_unowned_ones_come_first() {
    let mut image = image(&["app"]);
    let scripts: Vec<(String, Vec<u8>)> = (0..1500)
        .map(|number| (format!("etc/init.d/s{number}"), format!("#!/bin/sh\n/opt/p{number}\n").into_bytes()))
        .collect();
    let owned: Vec<(&str, &[u8])> =
        scripts.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
    for (path, text) in &owned {
        image.file(path, 0o755, text);
    }
    image.package("services", &owned).file("etc/init.d/zz", 0o755, b"#!/bin/sh\n/opt/x\n");
    let out = image.run(&Start);
    assert!(out.gaps.is_empty(), "{:?}", out.gaps);
    assert!(out.chain.iter().any(|reached| reached.path == b"opt/x"));
    assert_eq!(out.chain[0].path, b"usr/bin/app");
    assert!(out.chain.len() <= 3 * 512);
    // More than is followed, and nobody vouches for them: that is said.
    let mut image = self::image(&["app"]);
    for (path, text) in &owned {
        image.file(path, 0o755, text);
    }
    assert_eq!(image.run(&Start).gaps.len(), 1);
}

#[test]
fn circles_of_hooks_end() {
    let mut image = image(&["bash", "-c", "app"]);
    image.env("BASH_ENV=/root/.bashrc");
    image.file("root/.bashrc", 0o644, b". /root/.profile\nbash -c /etc/rc.local\n");
    image.file("root/.profile", 0o644, b". /root/.bashrc\n").file(
        "etc/rc.local",
        0o755,
        b"#!/bin/bash\n/etc/rc.local\n",
    );
    image.symlink("etc/cron.d", "/etc/cron.d").symlink("etc/crontab", "/etc/crontab");
    assert!(way(&image, "etc/rc.local").is_some());
}
