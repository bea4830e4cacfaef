use super::elf;
use crate::analyzers::fixture::Fixture;
use crate::analyzers::start::Start;

fn chain(image: &Fixture) -> Vec<String> {
    image.run(&Start).chain.iter().map(|reached| model::escape_bytes(&reached.path)).collect()
}

/// An image with the usual interpreters and wrappers, and one program to be reached.
fn image() -> Fixture {
    let mut image = Fixture::new();
    for name in [
        "sh", "bash", "env", "tini", "gosu", "timeout", "nohup", "nice", "perl", "node", "java", "su",
        "busybox",
    ] {
        image.file(&format!("usr/bin/{name}"), 0o755, &elf());
    }
    image.symlink("bin", "usr/bin").file("usr/local/bin/python3.11", 0o755, &elf());
    image.symlink("usr/local/bin/python3", "python3.11").file("opt/miner", 0o755, &elf());
    image
}

/// Whether a start leads to `/opt/miner`.
fn check(start: &[&str], files: &[(&str, &str)], expect: bool) {
    let mut image = image();
    for (path, text) in files {
        image.file(path, 0o755, text.as_bytes());
    }
    image.config.config.working_dir = "/srv".to_owned();
    image.env("TOOLS=/opt").start(start, &[]);
    let chain = chain(&image);
    assert_eq!(chain.iter().any(|path| path == "opt/miner"), expect, "{start:?} {files:?}: {chain:?}");
}

#[test]
fn wrappers_lead_to_what_they_wrap() {
    check(&["/opt/miner"], &[], true);
    check(&["tini", "--", "/opt/miner"], &[], true);
    check(&["tini", "-g", "-e", "143", "--", "gosu", "nobody", "/opt/miner"], &[], true);
    check(
        &["env", "-i", "A=b", "nice", "-n", "19", "timeout", "-k", "5", "60", "/opt/miner", "-o"],
        &[],
        true,
    );
    check(&["/usr/bin/env", "-S", "nohup /opt/miner"], &[], true);
    check(&["su", "nobody", "-s", "/bin/sh", "-c", "exec /opt/miner"], &[], true);
    check(&["busybox", "sh", "-c", "/opt/miner"], &[], true);
    check(&["/lib64/ld-linux-x86-64.so.2", "--library-path", "/x", "/opt/miner"], &[], true);
    check(&["start-stop-daemon", "--start", "--exec", "/opt/miner", "--", "-o"], &[], true);
    check(&["echo", "/opt/miner"], &[], false);
    check(&["gosu", "/opt/miner"], &[], false);
    check(&["../opt/miner"], &[], true);
}

#[test]
fn a_script_too_long_to_be_seen_as_one_is_a_gap() {
    let check = |path: &str, start: &[&str], len: usize, expect: usize| {
        let mut image = image();
        let text = format!("{}/opt/miner\n", "true\n".repeat(len / 5));
        image.file(path, 0o644, text.as_bytes()).start(start, &[]);
        let out = image.run(&Start);
        assert_eq!(out.gaps.len(), expect, "{path} {start:?} {len}: {:?}", out.gaps);
    };
    check("opt/run", &["sh", "/opt/run"], 60_000, 0);
    check("opt/run", &["sh", "/opt/run"], 70_000, 1);
    check("opt/run.sh", &["sh", "/opt/run.sh"], 70_000, 0);
    // Nobody runs it.
    check("opt/run", &["cat", "/opt/run"], 70_000, 0);
}

#[test]
fn shell_lines_are_followed() {
    check(&["/bin/sh", "-c", "cd /opt && ./miner"], &[], true);
    check(&["bash", "-euxo", "pipefail", "-c", "$TOOLS/miner -o pool"], &[], true);
    check(&["sh", "-c", "exec \"$@\"", "sh", "/opt/miner"], &[], true);
    check(&["sh", "-c", "eval '/opt/miner'"], &[], true);
    check(&["sh", "-c", "echo /opt/miner"], &[], false);
    check(&["sh", "-c", "# /opt/miner"], &[], false);
}

#[test]
fn scripts_are_followed_through_their_interpreters() {
    check(&["/run.sh"], &[("run.sh", "#!/bin/sh\nexec /opt/miner\n")], true);
    check(&["sh", "run.sh"], &[("srv/run.sh", "/opt/miner\n")], true);
    check(&["/a.sh"], &[("a.sh", "#!/bin/bash\n. /b.sh\n"), ("b.sh", "/opt/miner\n")], true);
    check(&["/a.sh", "/opt/miner"], &[("a.sh", "#!/bin/bash\nset -e\nexec \"$@\"\n")], true);
    check(&["/a.sh", "start"], &[("a.sh", "#!/bin/sh\ncase $1 in\n start) /opt/miner ;;\nesac\n")], true);
    check(&["/a.sh"], &[("a.sh", "#!/bin/sh\n\"$(dirname \"$0\")\"/opt/miner\n")], true);
    check(&["python3", "dao.py"], &[("srv/dao.py", "import os\nos.system('/opt/miner -o x')\n")], true);
    check(
        &["/dao.py"],
        &[("dao.py", "#!/usr/bin/env python3\nimport subprocess as s\ns.Popen(['/opt/miner'])\n")],
        true,
    );
    check(
        &["python3", "-um", "app"],
        &[
            ("srv/app/__main__.py", "from . import work\n"),
            ("srv/app/work.py", "import os\nos.execv('/opt/miner', ['x'])\n"),
        ],
        true,
    );
    check(
        &["python3", "-m", "pkg"],
        &[("usr/local/lib/python3.11/site-packages/pkg/__main__.py", "import os; os.popen('/opt/miner')\n")],
        true,
    );
    check(&["python3", "-c", "import os; os.system('/opt/miner')"], &[], true);
    check(
        &["node", "."],
        &[
            ("srv/index.js", "require('./lib/x')\n"),
            ("srv/lib/x.js", "const { spawn } = require('child_process');\nspawn('/opt/miner', ['-o'])\n"),
        ],
        true,
    );
    check(&["perl", "/x.pl"], &[("x.pl", "system(\"/opt/miner\", \"-o\");\n")], true);
    check(
        &["gunicorn", "-w", "4", "web:app"],
        &[("srv/web.py", "import os\nos.system('/opt/miner')\n")],
        true,
    );
}

#[test]
fn what_only_looks_like_a_start_is_not_followed() {
    check(
        &["python3", "dao.py"],
        &[("srv/dao.py", "# os.system('/opt/miner')\nprint('/opt/miner')\n")],
        false,
    );
    check(&["python3", "dao.py"], &[("srv/other.py", "import os\nos.system('/opt/miner')\n")], false);
    check(&["sh", "/a.sh"], &[("a.sh", "cat <<EOF\n/opt/miner\nEOF\n")], false);
    check(&["node", "/x.js"], &[("x.js", "/re/.exec('/opt/miner')\n")], false);
}

#[test]
fn links_of_all_kinds_are_followed() {
    let mut image = image();
    image
        .symlink("usr/bin/worker", "/etc/alternatives/worker")
        .symlink("etc/alternatives/worker", "../../opt/miner");
    image.start(&["worker"], &[]);
    assert_eq!(chain(&image), ["opt/miner"]);
    image.symlink("loop", "loop").start(&["/loop"], &[]);
    assert_eq!(chain(&image), [""; 0]);
}

#[test]
fn the_chain_says_how_each_file_is_reached() {
    let mut image = image();
    image
        .file("dao.py", 0o644, b"import os\n\nos.system('/opt/miner')\n")
        .start(&["python3", "/dao.py"], &[]);
    let walk = image.run(&Start).chain;
    let told: Vec<_> = walk.iter().map(|step| (step.path.as_slice(), step.how.as_str(), step.from)).collect();
    assert_eq!(
        told,
        [
            (b"usr/local/bin/python3.11".as_slice(), "ENTRYPOINT python3 /dao.py", None),
            (b"dao.py", "ENTRYPOINT python3 /dao.py", None),
            (b"usr/bin/sh", "line 3 of /dao.py runs it", Some(1)),
            (b"opt/miner", "line 3 of /dao.py runs it", Some(1)),
        ]
    );
}

#[test]
fn circles_and_crowds_come_to_an_end() {
    let mut image = image();
    image.file("a.sh", 0o755, b"#!/bin/sh\n/b.sh\n\"$0\" again\n").file(
        "b.sh",
        0o755,
        b"#!/bin/sh\n/a.sh x\n/b.sh $RANDOM\n",
    );
    image.start(&["/a.sh"], &[]);
    assert_eq!(chain(&image).len(), 3);
    let mut image = Fixture::new();
    for number in 0..800 {
        let script = format!("#!/nowhere\n/s{}.sh\n/s{}.sh\n", number * 2 + 1, number * 2 + 2);
        image.file(&format!("s{number}.sh"), 0o755, script.replace("nowhere", "bin/sh").as_bytes());
    }
    image.start(&["/s0.sh"], &[]);
    assert_eq!(chain(&image).len(), 512);
    assert_eq!(image.run(&Start).gaps.len(), 1);
}

#[test]
fn a_large_application_is_no_gap() {
    let mut image = image();
    let all: String = (0..2000).map(|number| format!("import m{number}\n")).collect();
    image.file("app.py", 0o755, all.as_bytes()).start(&["python3", "/app.py"], &[]);
    for number in 0..2000 {
        image.file(&format!("m{number}.py"), 0o644, b"import os, m1\n");
    }
    let out = image.run(&Start);
    assert_eq!((out.chain.len(), out.gaps.len()), (512, 0));
}

#[test]
fn arguments_that_multiply_come_to_an_end() {
    let mut image = image();
    let long = "x".repeat(1000);
    let script = "#!/bin/sh\nsh -c 'sh -c \"$0\" \"$0\" \"$@\" \"$@\" \"$@\"' \"$@\" \"$@\" \"$@\"\n\"$0\" \"$@\" \"$@\"\n/b.sh \"$@\" \"$@\"\n";
    image.file("a.sh", 0o755, script.as_bytes()).file("b.sh", 0o755, script.as_bytes());
    image.start(&["/a.sh", "sh -c \"$0\" \"$@\" \"$@\"", &long, &long], &[]);
    assert_eq!(chain(&image), ["a.sh", "usr/bin/sh", "b.sh"]);
}

#[test]
fn a_script_that_is_not_read_to_its_end_is_a_gap() {
    let many: String = (0..4000).map(|number| format!("/p{number}\n")).collect();
    let mut image = image();
    image
        .file("many.sh", 0o755, many.as_bytes())
        .file("run.sh", 0o755, b"/bin/true\n")
        .start(&["sh", "/run.sh"], &[]);
    assert_eq!(image.run(&Start).gaps, []);
    image.start(&["sh", "/many.sh"], &[]);
    let gaps = image.run(&Start).gaps;
    assert!(gaps.len() == 1 && gaps[0].why.contains("/many.sh"), "{gaps:?}");
}

#[test]
fn the_health_check_is_part_of_the_start() {
    let mut image = image();
    image.start(&["/usr/bin/sh"], &[]);
    image.config.config.healthcheck.test = ["CMD-SHELL", "/opt/miner || exit 1"].map(str::to_owned).into();
    assert_eq!(chain(&image), ["usr/bin/sh", "opt/miner"]);
    image.config.config.healthcheck.test = ["CMD", "/opt/miner"].map(str::to_owned).into();
    assert_eq!(chain(&image), ["usr/bin/sh", "opt/miner"]);
    image.config.config.healthcheck.test = ["NONE"].map(str::to_owned).into();
    assert_eq!(chain(&image), ["usr/bin/sh"]);
}
