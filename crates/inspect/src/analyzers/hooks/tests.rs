use super::pth::shape;
use super::*;

fn read(path: &str, text: &[u8]) -> HookFacts {
    parse::table(kind_of(path.as_bytes()).expect(path), path.as_bytes(), text)
}

/// The orders of a table as `line: text`.
fn check(path: &str, text: &str, expect: &[&str]) {
    let facts = read(path, text.as_bytes());
    assert!(!facts.cut, "{path}");
    let orders: Vec<String> = facts
        .orders
        .iter()
        .map(|order| {
            let show = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            let what = match &order.what {
                What::Shell(text)
                | What::Library(text)
                | What::LogIn(text)
                | What::Helper(text)
                | What::Sudoer(text) => show(text),
                What::Python(shape, text) => format!("{shape:?} {}", show(text)),
                What::Key(text, known) => format!("{} {known}", show(text)),
                What::Host(name, address) => format!("{} {}", show(name), show(address)),
            };
            format!("{}: {what}", order.line)
        })
        .collect();
    assert_eq!(orders, expect, "{path}");
}

#[test]
fn hooks_are_known_by_where_they_lie() {
    use HookKind as K;
    for (path, kind) in [
        ("etc/ld.so.preload", K::Preload),
        ("docker-entrypoint.d/40-x.sh", K::InitDirectory),
        ("docker-entrypoint-initdb.d/init", K::InitDirectory),
        ("etc/cont-init.d/10-x", K::InitDirectory),
        ("etc/services.d/app/run", K::InitDirectory),
        ("etc/s6-overlay/s6-rc.d/app/run", K::InitDirectory),
        ("etc/my_init.d/x.sh", K::InitDirectory),
        ("etc/crontab", K::CronTable),
        ("etc/cron.d/app", K::CronTable),
        ("var/spool/cron/crontabs/www-data", K::CronTable),
        ("etc/crontabs/root", K::CronTable),
        ("etc/anacrontab", K::CronTable),
        ("etc/cron.hourly/x", K::CronScript),
        ("etc/periodic/15min/x", K::CronScript),
        ("var/spool/cron/atjobs/a0001", K::AtJob),
        ("etc/profile.d/x.sh", K::Profile),
        ("root/.bashrc", K::Profile),
        ("home/app/.profile", K::Profile),
        ("var/lib/postgresql/.bash_profile", K::Profile),
        ("etc/rc.local", K::RcScript),
        ("etc/rc.d/init.d/x", K::RcScript),
        ("etc/local.d/x.start", K::RcScript),
        ("etc/inittab", K::Inittab),
        ("usr/lib/systemd/system/x.service", K::Unit),
        ("etc/systemd/system/multi-user.target.wants/x.service", K::Unit),
        ("root/.config/systemd/user/x.service", K::Unit),
        ("etc/supervisor/conf.d/x.conf", K::Supervisor),
        ("opt/app/supervisord.conf", K::Supervisor),
        ("usr/lib/python3/dist-packages/x.pth", K::PythonPath),
        ("app/.venv/lib/python3.12/site-packages/x.pth", K::PythonPath),
        ("usr/lib/python3.11/sitecustomize.py", K::PythonSite),
        ("etc/pam.d/sshd", K::PamConfig),
        ("lib/x86_64-linux-gnu/security/pam_x.so", K::PamModule),
        ("usr/lib/security/pam_x.so", K::PamModule),
        ("lib/udev/rules.d/99-x.rules", K::KernelHook),
        ("etc/gitconfig", K::GitConfig),
        ("etc/sudoers.d/app", K::Sudoers),
        ("home/app/.ssh/authorized_keys", K::SshKeys),
        ("opt/rootfs/etc/hosts", K::Hosts),
    ] {
        assert_eq!(kind_of(path.as_bytes()), Some(kind), "{path}");
    }
    for path in [
        "",
        "etc",
        "etc/cron.d/.placeholder",
        "etc/profile.d/README",
        "models/resnet.pth",
        "home/app/src/.bashrc",
        "docker-entrypoint-initdb.d/schema.sql.gz",
        "docker-entrypoint.d/default.conf.template",
        "usr/share/doc/cron/examples/crontab",
        "etc/services.d/app/data/x",
        "usr/share/git-core/templates/hooks/pre-commit.sample",
    ] {
        assert_eq!(kind_of(path.as_bytes()), None, "{path}");
    }
}

#[test]
fn tables_give_their_orders() {
    check(
        "etc/crontab",
        "PATH=/bin\n17 * * * * root cd / && /opt/x\n# 1 2 3 4 5 root /y\n@reboot app /z %in\n",
        &["2: cd / && /opt/x", "4: /z"],
    );
    check(
        "var/spool/cron/crontabs/root",
        "*/5 * * * *\tphp -f cron.php\n0 0 * * * date +\\%F\n",
        &["1: php -f cron.php", "2: date +\\%F"],
    );
    check(
        "etc/anacrontab",
        "1 5 cron.daily run-parts /etc/cron.daily\n@monthly 45 m /opt/x\n",
        &["1: run-parts /etc/cron.daily", "2: /opt/x"],
    );
    check(
        "etc/systemd/system/x.service",
        "[Service]\nExecStartPre=-/bin/true\nExecStart=@+/opt/x \\\n  --flag\nRestart=always\n",
        &["2: /bin/true", "3: /opt/x  --flag"],
    );
    check(
        "etc/supervisor/conf.d/x.conf",
        "[program:x]\ncommand = /opt/x --y ; why\n[unix_http_server]\ncommand=/no\n",
        &["2: /opt/x --y"],
    );
    check(
        "etc/inittab",
        "::respawn:-/bin/sh\nid:3:initdefault:\nt:2345:once:/opt/x -y\n",
        &["1: /bin/sh", "3: /opt/x -y"],
    );
    check(
        "etc/ld.so.preload",
        "/a.so:/b.so # /c.so\n\t/d.so /e.so\n",
        &["1: /a.so", "1: /b.so", "2: /d.so", "2: /e.so"],
    );
    check(
        "etc/pam.d/sshd",
        "auth required pam_unix.so\n#auth optional pam_exec.so /no\nauth optional pam_exec.so quiet expose_authtok /opt/x\n",
        &["3: /opt/x"],
    );
    check(
        "etc/udev/rules.d/x.rules",
        "ACTION==\"add\", RUN+=\"/opt/x arg\"\nATTR{run}=\"1\"\n",
        &["1: /opt/x"],
    );
    check(
        "etc/binfmt.d/x.conf",
        ":qemu-arm:M::\\x7fELF:\\xff:/usr/bin/qemu-arm:F\n",
        &["1: /usr/bin/qemu-arm"],
    );
    check(
        "etc/modprobe.d/x.conf",
        "blacklist floppy\ninstall dccp /bin/true\ninstall usb /opt/x\n",
        &["3: /opt/x"],
    );
    check("etc/gitconfig", "[user]\n\tname = x\n[core]\n\thooksPath = \"/opt/hooks\"\n", &["4: /opt/hooks"]);
    check(
        "etc/sudoers",
        "Defaults env_reset\n%sudo ALL=(ALL:ALL) ALL\napp ALL=(ALL) NOPASSWD:ALL\nb ALL=NOPASSWD: SETENV: ALL\nc ALL=(root) NOPASSWD: /bin/mount\n",
        &["3: app", "4: b"],
    );
    check(
        "root/.ssh/authorized_keys",
        "# none\nfrom=\"192.0.2.1\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA0123456789 me@host.example\n",
        &["2: ssh-ed25519 ...AAAAIA0123456789 me@host.example false"],
    );
    check(
        "srv/root/etc/hosts",
        "127.0.0.1 localhost\n203.0.113.7 registry-1.docker.io x.example\n",
        &["2: registry-1.docker.io 203.0.113.7"],
    );
}

#[test]
fn the_known_lines_of_python_are_known_by_their_content() {
    let nspkg = "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('sphinxcontrib', 'x'));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');m = has_mfs and sys.modules.setdefault('sphinxcontrib.x', importlib.util.module_from_spec(importlib.machinery.PathFinder.find_spec('sphinxcontrib.x', [os.path.dirname(p)])));m = m or sys.modules.setdefault('sphinxcontrib.x', types.ModuleType('sphinxcontrib.x'));mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p);m and setattr(sys.modules['sphinxcontrib'], 'x', m)";
    let old = "import sys,types,os; p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('ruamel',)); ie = os.path.exists(os.path.join(p,'__init__.py')); m = not ie and sys.modules.setdefault('ruamel',types.ModuleType('ruamel')); mp = (m or []) and m.__dict__.setdefault('__path__',[]); (p not in mp) and mp.append(p)";
    for line in [
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack').add_shim(); ",
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'stdlib') == 'local'; enabled and __import__('_distutils_hack').add_shim();",
        nspkg,
        old,
        "import __editable___app_0_1_0_finder; __editable___app_0_1_0_finder.install()",
        "import coverage; coverage.process_startup()",
        "import sys; exec('import os\\n\\nif os.getenv(\"COVERAGE_PROCESS_START\") or os.getenv(\"COVERAGE_PROCESS_CONFIG\"):\\n try:\\n  import coverage\\n except:\\n  pass\\n else:\\n  coverage.process_startup(slug=\"pth\")')",
        "import _virtualenv",
        "import sys; sys.__plen = len(sys.path)",
        "import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]; p=getattr(sys,'__egginsert',0); sys.path[p:p]=new; sys.__egginsert = p+len(new)",
    ] {
        assert_eq!(shape(line.as_bytes()), Shape::Known, "{line}");
    }
    let on_demand = "import os; exec('try: __import__(\"agent\").auto_install() if os.environ.get(\"AGENT\") else None\\nexcept ImportError: pass')";
    for line in [
        "import agent",
        "import a.b, c",
        "import agent; agent.start()",
        "import os; from a.b import c; c()",
        on_demand,
    ] {
        assert_eq!(shape(line.as_bytes()), Shape::Plain, "{line}");
    }
    let long = format!("import coverage; {}", "coverage.process_startup();".repeat(1000));
    for line in [
        "import os; os.system('id')",
        "import os, subprocess; subprocess.Popen(['/opt/x'])",
        "import base64; exec(base64.b64decode('cHJpbnQoMSk='))",
        "import os; exec(\"a = 1\")",
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = 1; enabled and __import__('evil').add_shim();",
        "import os; enabled and __import__('_distutils_hack').run()",
        "import coverage; coverage.process_startup(); open('/tmp/x', 'w')",
        "import __editable___x_finder; __editable___x_finder.install('/x')",
        "import coverage # \u{202e}",
        "import os; 'unclosed",
        "import sys; exec('import os\\nos.system(\"id\")')",
        "import sys; exec('import coverage\\x0aid()')",
        "import sys; exec('import coverage' + x + 'import coverage')",
        &nspkg.replace("types.ModuleType", "open"),
        &on_demand.replace("\"agent\"", "\"os\").system(\"id\""),
        &on_demand.replace("\"AGENT\"", "\"A\") or open(\"/x\""),
        &long,
    ] {
        assert_eq!(shape(line.as_bytes()), Shape::Other, "{line}");
    }
    check(
        "usr/lib/python3/dist-packages/x.pth",
        "/opt/lib\n# import x\n  import a\nimportant\n",
        &["3: Plain import a"],
    );
    check(
        "usr/lib/python3/sitecustomize.py",
        "# site\ntry:\n    import coverage\n    coverage.process_startup()\nexcept ImportError:\n    pass\n",
        &["3: Known import coverage"],
    );
    check("usr/lib/python3/sitecustomize.py", "import agent\nopen('/x')\n", &["2: Other open('/x')"]);
}

#[test]
fn hostile_tables_are_bounded() {
    let paths = [
        "etc/ld.so.preload",
        "etc/crontab",
        "etc/inittab",
        "etc/systemd/system/x.service",
        "etc/supervisord.conf",
        "etc/gitconfig",
        "usr/lib/python3/dist-packages/x.pth",
        "usr/lib/python3/sitecustomize.py",
        "etc/pam.d/x",
        "etc/udev/rules.d/x.rules",
        "etc/binfmt.d/x.conf",
        "etc/sudoers",
        "root/.ssh/authorized_keys",
        "etc/hosts",
    ];
    let texts: Vec<Vec<u8>> = vec![
        vec![b'a'; 10 << 20],
        vec![b'\n'; 200_000],
        b"* ".repeat(200_000),
        b"* * * * * * x\n".repeat(20_000),
        b"import x;".repeat(20_000),
        b"import x\n".repeat(20_000),
        b"[a]\nExecStart=x\\\n".repeat(20_000),
        b"RUN=\"/x\"".repeat(20_000),
        b"pam_exec.so /x ".repeat(20_000),
        b"x NOPASSWD: ALL,".repeat(20_000),
        b"AAAA ".repeat(20_000),
        b"192.0.2.1 pypi.org\n".repeat(20_000),
        b":::::::\0\xff\xfe".repeat(20_000),
        b"'".repeat(200_000),
        Vec::new(),
        b"=".to_vec(),
        b"[".to_vec(),
    ];
    for path in paths {
        for text in &texts {
            let facts = read(path, text);
            assert!(facts.orders.len() <= 128, "{path}");
        }
    }
    assert!(read("etc/crontab", &b"* * * * * * x\n".repeat(1000)).cut);
    assert!(read("etc/ld.so.preload", &vec![b'a'; 10 << 20]).cut);
}
