//! What honest builds leave in the history and in the tree.

use crate::group;
use crate::shape::{Planted, Shape, clean};
use test_support::standin;

fn web() -> Planted {
    Planted::debian().cmd(&["python3", "-m", "http.server"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "builds",
        vec![
            clean("installers in the history", |_| {
                web()
                .history("RUN /bin/sh -c curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y # buildkit")
                .history("RUN /bin/sh -c curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs # buildkit")
                .history("RUN /bin/sh -c curl -o- https://raw.githubusercontent.com/nvm-sh/nvm/v0.40.1/install.sh | bash # buildkit")
                .history("RUN /bin/sh -c curl https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-3 | bash # buildkit")
                .history("RUN /bin/sh -c curl -fsSL https://get.docker.com | sh # buildkit")
            }),
            clean("verified download in the history", |_| {
                web().script("usr/local/bin/gosu2", standin::program("an honest switch of users")).made_by(
                "RUN /bin/sh -c set -eux; wget -O /usr/local/bin/gosu \"https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64\"; wget -O /usr/local/bin/gosu.asc \"https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64.asc\"; gpg --batch --verify /usr/local/bin/gosu.asc /usr/local/bin/gosu; chmod +x /usr/local/bin/gosu; gosu nobody true # buildkit",
            )
            }),
            clean("compiler in the history", |_| {
                web().history("RUN /bin/sh -c apt-get update && apt-get install -y gcc make && ./configure && make -j\"$(nproc)\" && make install && apt-get purge -y gcc make # buildkit")
            }),
            clean("packages removed again", |_| {
                Planted::debian()
                    .base(|layer| layer.file("usr/bin/gcc", 0o755, standin::program("an honest compiler")))
                    .layer(|layer| layer.whiteout("usr/bin/gcc"))
                    .cmd(&["python3"])
            }),
            clean("reproducible times", |_| {
                web()
                    .layer(|layer| layer.mtime(0).file("srv/a.txt", 0o644, "a").file("srv/b.txt", 0o644, "b"))
            }),
            clean("source of packages of a vendor", |_| {
                web()
                .file("etc/apt/sources.list.d/vendor.list", "deb [signed-by=/usr/share/keyrings/vendor.gpg] https://packages.vendor.example/apt stable main\n")
                .file("usr/share/keyrings/vendor.gpg", b"\x99\x01\x0d\x04")
            }),
            clean("maintainer's scripts", |_| {
                web().base(|layer| {
                layer
                    .file("var/lib/dpkg/info/curl.postinst", 0o755, "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then ldconfig; update-alternatives --install /usr/bin/c c /usr/bin/curl 10; fi\n")
                    .file("var/lib/dpkg/info/cron.prerm", 0o755, "#!/bin/sh\nset -e\nif [ -x /etc/init.d/cron ]; then invoke-rc.d cron stop || true; fi\n")
            })
            }),
            clean("schedules of the distribution", |_| {
                Planted::alpine()
                .base(|layer| layer.dir("etc/crontabs", 0o755).file("etc/crontabs/root", 0o600, "*/15\t*\t*\t*\t*\trun-parts /etc/periodic/15min\n0\t*\t*\t*\t*\trun-parts /etc/periodic/hourly\n"))
                .cmd(&["crond", "-f"])
            }),
            clean("policy against services in a build", |_| {
                web().base(|layer| layer.file("usr/sbin/policy-rc.d", 0o755, "#!/bin/sh\nexit 101\n"))
            }),
            clean("development image", |_| {
                web().file("etc/sudoers.d/vscode", "vscode ALL=(root) NOPASSWD:ALL\n").config(|c| {
                    c.user("vscode").label("devcontainer.metadata", "[{\"remoteUser\":\"vscode\"}]")
                })
            }),
            clean("secrets that are examples", |_| {
                web().file("srv/.env.example", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nDATABASE_URL=postgres://user:password@localhost/db\n")
            }),
            clean("packed single program", |_| {
                Planted::scratch().script("tool", standin::program_with(&["UPX!", "$Info: This file is packed with the UPX executable packer http://upx.sf.net $"], 4096)).entry(&["/tool"])
            }),
        ],
    )
}
