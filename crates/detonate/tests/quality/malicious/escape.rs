use super::{c, python, sh};
use crate::case::Case;
use crate::tools::Tool;

const GROUP: &str = "escape";

pub(super) fn cases() -> Vec<Case> {
    vec![
        sh(GROUP, "mounts the host's disk, shell", &["D-ESC-MOUNT", "D-ESC-PROC1"], "mkdir -p /mnt/h; mknod /dev/vda1 b 254 1; mount /dev/vda1 /mnt/h; chroot /mnt/h sh -c id; cat /dev/vda1 | head -c 1").suspicious(),
        c(
            GROUP,
            "mounts the host's disk, c",
            &["D-ESC-MOUNT", "D-ESC-PROC1"],
            r#"int main() { mkdir("/h", 0755); mount("/dev/sda1", "/h", "ext4", 0, ""); mount("/dev/nvme0n1p1", "/h", "ext4", 0, ""); open("/dev/sda", O_RDONLY); return 0; }"#,
        )
        .suspicious(),
        sh(
            GROUP,
            "release agent of a control group, shell",
            &["D-ESC-CGROUP"],
            "mkdir -p /tmp/c; mount -t cgroup -o rdma cgroup /tmp/c; mkdir -p /tmp/c/x; echo 1 > /tmp/c/x/notify_on_release; echo /cmd > /tmp/c/release_agent",
        ),
        python(
            GROUP,
            "release agent of a control group, python",
            &["D-ESC-CGROUP"],
            "for p in ('/sys/fs/cgroup/memory/release_agent', '/sys/fs/cgroup/rdma/release_agent', '/sys/fs/cgroup/release_agent'):\n    try: open(p, 'w').write('/x')\n    except OSError as e: print(e)\n",
        ),
        sh(GROUP, "handler of crashes, shell", &["D-ESC-KHOOK"], "echo '|/usr/sbin/x %p' > /proc/sys/kernel/core_pattern"),
        c(
            GROUP,
            "handler of module requests, c",
            &["D-ESC-KHOOK"],
            r#"int main() { int f = open("/proc/sys/kernel/modprobe", O_WRONLY); write(f, "/tmp/m", 6); f = open("/sys/kernel/uevent_helper", O_WRONLY); write(f, "/x", 2); return 0; }"#,
        ),
        sh(
            GROUP,
            "engine's socket, curl",
            &["D-ESC-SOCK"],
            r#"curl -s -m 5 --unix-socket /var/run/docker.sock -X POST -H 'Content-Type: application/json' -d '{"Image":"alpine","HostConfig":{"Privileged":true,"Binds":["/:/host"]}}' http://localhost/containers/create"#,
        )
        .with(&[Tool::Curl]),
        python(
            GROUP,
            "engine's socket, python",
            &["D-ESC-SOCK"],
            "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/run/docker.sock')\nbody = b'{\"Image\":\"busybox\",\"Cmd\":[\"sh\"],\"HostConfig\":{\"Binds\":[\"/:/mnt\"],\"PidMode\":\"host\"}}'\n\
             s.sendall(b'POST /v1.40/containers/create HTTP/1.1\\r\\nHost: d\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)\ns.settimeout(3)\nprint(s.recv(1000))\n",
        ),
        sh(GROUP, "module of the kernel, shell", &["D-ESC-KMOD"], "echo x > /tmp/m.ko; insmod /tmp/m.ko"),
        c(
            GROUP,
            "module of the kernel, c",
            &["D-ESC-KMOD"],
            r#"int main() { char b[64] = {0}; syscall(SYS_init_module, b, sizeof b, ""); int f = open("/proc/self/exe", O_RDONLY); syscall(SYS_finit_module, f, "", 0); return 0; }"#,
        ),
        c(
            GROUP,
            "program in the kernel and packets, c",
            &["D-ESC-BPF"],
            r#"int main() { union bpf_attr a; memset(&a, 0, sizeof a); a.prog_type = BPF_PROG_TYPE_KPROBE; a.insn_cnt = 2; syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof a); syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a); return 0; }"#,
        )
        .suspicious(),
        python(
            GROUP,
            "program in the kernel, python",
            &["D-ESC-BPF"],
            "import ctypes\nlibc = ctypes.CDLL(None)\nbuf = ctypes.create_string_buffer(128)\nprint(libc.syscall(321, 5, buf, 128))\n",
        )
        .suspicious(),
        c(
            GROUP,
            "code into another process, c",
            &["D-ESC-PTRACE"],
            r#"int main() { int p = fork(); if (!p) { sleep(3); _exit(0); } if (!fork()) { usleep(1000); ptrace(PTRACE_ATTACH, p, 0, 0); ptrace(PTRACE_POKETEXT, p, main, 0); _exit(0); } wait(0); wait(0); return 0; }"#,
        )
        .suspicious(),
        python(
            GROUP,
            "code into another process, python",
            &["D-ESC-PTRACE"],
            "import ctypes, os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(5); os._exit(0)\nlibc = ctypes.CDLL(None)\nbuf = ctypes.create_string_buffer(8)\nclass V(ctypes.Structure): _fields_ = [('b', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n\
             v = V(ctypes.addressof(buf), 8)\nprint(libc.process_vm_writev(pid, ctypes.byref(v), 1, ctypes.byref(v), 1, 0))\nos.kill(pid, 9)\n",
        )
        .suspicious(),
        sh(GROUP, "shell with its owner's rights, shell", &["D-ESC-SUIDUP"], "cp /bin/busybox /tmp/.s; chmod 4755 /tmp/.s").suspicious(),
        c(
            GROUP,
            "shell with its owner's rights, c",
            &["D-ESC-SUIDUP"],
            r#"int main() { int f = open("/var/tmp/.k", O_CREAT | O_WRONLY, 0755), g = open("/proc/self/exe", O_RDONLY), n; char b[4096]; while ((n = read(g, b, sizeof b)) > 0) write(f, b, n); fchown(f, 0, 0); fchmod(f, 06755); return 0; }"#,
        )
        .suspicious(),
        sh(GROUP, "runtime overwritten, shell", &["D-ESC-RUNC"], "sh -c 'exec 3>/proc/self/exe'; for i in 1 2 3; do echo x > /proc/1/exe; done"),
        c(
            GROUP,
            "runtime overwritten, c",
            &["D-ESC-RUNC"],
            r#"int main() { int f = open("/proc/self/exe", O_PATH); char p[64]; sprintf(p, "/proc/self/fd/%d", f); for (int i = 0; i < 5; i++) { int w = open(p, O_WRONLY | O_TRUNC); if (w >= 0) return 0; } open("/proc/self/exe", O_WRONLY); return 0; }"#,
        ),
        sh(GROUP, "memory of the machine, shell", &["D-ESC-PROC1"], "mknod /dev/mem c 1 1 2>/dev/null; dd if=/dev/mem of=/dev/null bs=16 count=1; cat /proc/1/root/etc/shadow; dd if=/proc/kcore bs=8 count=1 of=/dev/null"),
        python(GROUP, "memory of the machine, python", &["D-ESC-PROC1"], "for p in ('/dev/mem', '/proc/kcore', '/dev/sda'):\n    try: open(p, 'rb').read(8)\n    except OSError as e: print(e)\n"),
    ]
}
