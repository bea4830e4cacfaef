//! What the tracer tells of programs, call by call.

use crate::guest::Program::{C, Python, Shell};
use crate::guest::{Guest, check, is_root, look};

#[test]
fn a_shell_and_its_children() {
    check(
        Shell("/bin/true; cat /etc/hostname >/tmp/out; exec /bin/false"),
        &[
            "born 1 of 0 pid 1",
            "exec 1 /usr/bin/dash image = 0 [/bin/sh -c",
            "born 2 of 1 pid 2",
            "exec 2 /usr/bin/true image = 0 [/bin/true] null,",
            "exit 2 Code(0)",
            "open wc /tmp/out written = 0",
            "open r /etc/hostname image = 0",
            "standard 1 1 file /tmp/out",
            "exec 1 /usr/bin/false image",
            "exit 1 Code(1)",
            "wrote * /tmp/out",
            "!host",
            "!lost",
        ],
    );
}

#[test]
fn what_was_written_is_told_from_what_was_there() {
    if !is_root() {
        eprintln!("skipped: an overlay of this machine's tree needs root");
        return;
    }
    check(
        Shell(
            "cp /bin/true /tmp/dropped; /tmp/dropped; cp /bin/true /dev/shm/other; chmod 755 /dev/shm/other;
             /dev/shm/other; printf '#!/bin/sh\\necho from a script\\n' >/tmp/script; chmod +x /tmp/script; /tmp/script;
             chmod 700 /usr/bin/env; env true; cp /bin/sleep '/tmp/a b'; '/tmp/a b' 5; rm '/tmp/a b'; rm -f /dev/shm/other
             mv /tmp/dropped /usr/bin/moved; moved; ln -s /usr/bin/moved /tmp/link; /tmp/link",
        ),
        &[
            "exec * /tmp/dropped written = 0",
            "exec * /dev/shm/other written = 0",
            "exec * /tmp/script written = 0 by /usr/bin/dash",
            "exec * /usr/bin/env image = 0",
            "exec * /tmp/a b written = 0 [/tmp/a b 5]",
            "exec * /usr/bin/moved written = 0 [moved]",
            "exec * /usr/bin/moved written = 0 [/tmp/link]",
            "unlink /tmp/a b written = 0",
            "rename to /usr/bin/moved /tmp/dropped written",
            "symlink to /usr/bin/moved /tmp/link",
            "mode(448) /usr/bin/env image",
            "captured 29",
            "skipped",
            "!lost",
        ],
    );
}

#[test]
fn what_an_interpreter_is_given_in_no_file_is_kept() {
    if !is_root() {
        eprintln!("skipped: an overlay of this machine's tree needs root");
        return;
    }
    let said = check(
        Shell(
            "echo 'echo from a pipe' | sh; sh -c 'echo on a line'; printf 'print(7 * 6)' | python3 -
             head -c 100000 /dev/zero | tr '\\0' '#' | sh; echo 'what is read is data, and no program of a shell' | sh -c 'cat >/dev/null'
             echo 'nor is this, as a program reads it that is no interpreter' | cat >/dev/null; echo end",
        ),
        &["captured 17", "captured 14", "captured 12", "captured 100000", "!captured 48", "!captured 58", "!lost"],
    );
    assert_eq!(said, "from a pipe\non a line\n42\nend\n");
}

#[test]
fn content_is_kept_of_what_is_run_and_removed() {
    let guest = Guest::new(&Python(
        "import os\n\
         fd=os.memfd_create('x',0);os.write(fd,b'#!/bin/sh\\necho hidden\\n')\n\
         if not os.fork(): os.execve(fd,['kworker'],{})\n\
         os.wait()\n\
         fd=os.memfd_create('y');os.write(fd,open('/bin/true','rb').read())\n\
         if not os.fork(): os.execve(fd,['[kthread]'],{})\n\
         os.wait()\n\
         open('/tmp/gone','w').write('I was here'*9);os.unlink('/tmp/gone')\n\
         open('/tmp/over','w').write('first');open('/tmp/over','w').write('second')\n\
         if not os.fork():\n\
          \x20open('/tmp/self','wb').write(open('/bin/true','rb').read());os.chmod('/tmp/self',0o755)\n\
          \x20fd=os.open('/tmp/self',os.O_RDONLY);os.unlink('/tmp/self');os.execve(fd,['self'],{})\n\
         os.wait()",
    ));
    let told = guest.run();
    let said = look(
        &told,
        &[
            "memfd_create * x = 0",
            "exec * /memfd:x (deleted) memory = 0 by /usr/bin/dash",
            "exec * /memfd:y (deleted) memory = 0 [[kthread]]",
            "exec * /tmp/self (deleted) deleted = 0 [self]",
            "captured 90",
            "captured 5",
            "captured 22",
            "wrote 90 /tmp/gone",
            "!lost",
        ],
    );
    assert_eq!(said, "hidden\n");
    let kept: Vec<Vec<u8>> = std::fs::read_dir(guest.captures.path())
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let binary = std::fs::read("/bin/true").unwrap();
    for wanted in [&b"first"[..], &b"I was here".repeat(9), &binary] {
        assert!(kept.iter().any(|kept| kept == wanted));
    }
}

#[test]
fn files_are_named() {
    if !is_root() {
        eprintln!("skipped: an overlay of this machine's tree needs root");
        return;
    }
    check(
        C(r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utime.h>
int main(){ struct timespec t[2]={{7,0},{8,0}}; int d,f; char big[64];
 mkdir("/tmp/d",0755); d=open("/tmp/d",O_DIRECTORY|O_PATH); chdir("/tmp/d");
 f=openat(d,"in",O_CREAT|O_RDWR,0600); ftruncate(f,100); fchmod(f,04755); fchown(f,0,0); close(f);
 truncate("in",3); utimensat(d,"in",t,0); link("in","two"); symlinkat("text",d,"sym"); rename("two","./three");
 renameat(d,"three",d,"four"); unlinkat(d,"four",0); mkdirat(d,"e",0700); rmdir("e"); mknod("fifo",S_IFIFO|0600,0);
 setxattr("in","security.capability","x",1,0); chmod("in",0111); open("/tmp/d/../d/in",O_WRONLY|O_TRUNC);
 open("a\nb\xff",O_CREAT|O_WRONLY,0600); openat(-5,"x",0); open((char*)8,0); access("/root/.aws/credentials",0);
 stat("/var/run/docker.sock",(void*)big); long how[3]={O_RDONLY,0,0}; syscall(437,d,"in",how,24L);
 mount("none","/mnt","tmpfs",0,""); umount2("/mnt",2); unlink("sym"); chroot("/tmp/d"); open("/in",0);
 syscall(452,-100,"/in",0777,0); return 0; }"#),
        &[
            "makedirectory /tmp/d written = 0",
            "open rwc /tmp/d/in written = 0",
            "truncate(100) /tmp/d/in",
            "mode(2541) /tmp/d/in written = 0",
            "owner(0, 0) /tmp/d/in",
            "truncate(3) /tmp/d/in",
            "times(8) /tmp/d/in",
            "link to /tmp/d/two /tmp/d/in",
            "symlink to text /tmp/d/sym",
            "rename to /tmp/d/three /tmp/d/two",
            "rename to /tmp/d/four /tmp/d/three",
            "unlink /tmp/d/four",
            "makedirectory /tmp/d/e",
            "removedirectory /tmp/d/e",
            "makenode(4480) /tmp/d/fifo",
            "attribute security.capability /tmp/d/in",
            "open w /tmp/d/../d/in written = 0",
            "open w /tmp/d/in written = 0",
            "open wc /tmp/d/a\\nb\\xff written = 0",
            "open r ?/x unknown = -9",
            "openat * = -14",
            "lost { why: unreadable, count: 1 }",
            "look /root/.aws/credentials",
            "look /var/run/docker.sock",
            "open r /tmp/d/in written = 0",
            "mount tmpfs none /mnt",
            "unmount /mnt",
            "root /tmp/d",
            "open r /tmp/d/in written = 0",
            "mode(511) /tmp/d/in",
        ],
    );
}

#[test]
fn sockets_are_named() {
    check(
        Python(
            "import socket,os\n\
             def t(f):\n\
             \x20try: return f()\n\
             \x20except OSError as e: return e\n\
             s=socket.socket();s.bind(('127.0.0.1',4444));s.listen()\n\
             c=socket.socket();c.connect(('127.0.0.1',4444));a,_=s.accept();a.send(b'x')\n\
             t(lambda: socket.socket().connect(('192.0.2.9',3333)))\n\
             u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);u.sendto(b'abc',('127.0.0.1',53))\n\
             u.sendmsg([b'de',b'f'],[],0,('127.0.0.1',123))\n\
             t(lambda: socket.socket(socket.AF_INET6).connect(('2001:db8::5',80)))\n\
             x=socket.socket(socket.AF_UNIX);t(lambda: x.connect('/var/run/docker.sock'));t(lambda: x.connect('\\0hidden'))\n\
             t(lambda: socket.socket(socket.AF_PACKET,socket.SOCK_RAW,3))\n\
             r=t(lambda: socket.socket(socket.AF_INET,socket.SOCK_RAW,1))\n\
             os.dup2(c.fileno(),0);os.dup2(c.fileno(),1);os.dup2(c.fileno(),2)\n\
             if not os.fork(): os.execv('/bin/sh',['sh','-c',':'])\n\
             os.wait()",
        ),
        &[
            "socket 2 1 0 = 0",
            "bind 127.0.0.1:4444 = 0",
            "listen = 0",
            "connect 127.0.0.1:4444 from us = 0",
            "accept 127.0.0.1 = 0",
            "connect 192.0.2.9:3333 = -101",
            "send 3 to 127.0.0.1:53 = 0",
            "send 3 to 127.0.0.1:123 = 0",
            "connect [2001:db8::5]:80 = -",
            "connect unix /var/run/docker.sock = -2",
            "connect unix \\x00hidden = -111",
            "socket 17 3 3 = ",
            "socket 2 3 1 = ",
            "standard 1 0 socket 127.0.0.1:4444",
            "exec * /usr/bin/dash image = 0 [sh -c :] socket 127.0.0.1:4444,socket 127.0.0.1:4444,socket 127.0.0.1:4444",
            "!lost",
        ],
    );
}

#[test]
fn calls_that_matter_are_told() {
    let said = check(
        C(r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
int main(){ char b[16]; struct iovec v={b,1}; cpu_set_t s; CPU_ZERO(&s); CPU_SET(0,&s); int st; pid_t p;
 prctl(PR_SET_NAME,"[kworker/0:1]"); prctl(PR_SET_DUMPABLE,0); prctl(PR_SET_DUMPABLE,1);
 errno=0; printf("traceme %ld",ptrace(PTRACE_TRACEME,0,0,0)); printf(" %ld\n",ptrace(PTRACE_TRACEME,0,0,0));
 if(!(p=fork())){ pause(); } printf("attach %ld\n",ptrace(PTRACE_ATTACH,p,0,0)); process_vm_readv(p,&v,1,&v,1,0);
 kill(p,SIGKILL); waitpid(p,&st,0);
 long r=unshare(CLONE_NEWUSER); printf("unshare %ld %d\n",r,errno); r=syscall(425,8,0); printf("uring %ld %d\n",r,errno);
 printf("bpf %ld\n",syscall(SYS_bpf,0,0,0)); syscall(SYS_init_module,0,0,"param"); syscall(SYS_keyctl,0,0,0,0,0);
 syscall(SYS_setns,0,0); printf("ns %ld\n",syscall(SYS_clone,CLONE_NEWPID|SIGCHLD,0,0,0,0));
 sched_setaffinity(0,sizeof s,&s); setpriority(PRIO_PROCESS,0,19); sethostname("x",1); syscall(SYS_userfaultfd,0);
 mmap(0,4096,7,MAP_PRIVATE|MAP_ANONYMOUS,-1,0); mmap(0,2080UL<<20,3,MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE,-1,0);
 void*m=mmap(0,4096,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0); mprotect(m,4096,5); madvise(m,4096,14); mlock(m,4096);
 syscall(SYS_personality,0xffffffff); syscall(SYS_reboot,0,0,0,0); syscall(SYS_iopl,3); setsid();
 r=syscall(SYS_seccomp,1,8,0); printf("listener %ld %d\n",r,errno); syscall(SYS_perf_event_open,0,0,0,0,0);
 setgid(0); setuid(0); fflush(stdout); raise(SIGTERM); return 0; }"#),
        &[
            "renamed 1 [kworker/0:1]",
            "prctl 0x4 = 0",
            "ptrace 0x0 = 0 refused",
            "ptrace 0x0 = -1 refused",
            "ptrace 0x10 at 2 = -1",
            "process_vm_readv 0x2 at 2 = 0",
            "kill 0x2 at 2 = 0",
            "exit 2 Signal(9)",
            "unshare 0x10000000 = -1 refused",
            "io_uring_setup 0x8 = -38 refused",
            "bpf 0x0 = -",
            "init_module 0x0 param = -",
            "keyctl ",
            "setns 0x0 = -1 refused",
            "clone 0x20000011 = -1 refused",
            "sched_setaffinity ",
            "setpriority ",
            "sethostname * x",
            "userfaultfd ",
            "mmap 0x0 = 0",
            "mprotect * = 0",
            "madvise * = ",
            "mlock ",
            "personality ",
            "iopl ",
            "setsid ",
            "seccomp 0x1 = -22 refused",
            "perf_event_open ",
            "setuid 0x0 = 0",
            "identity 1 0 0 0",
            "!lost",
        ],
    );
    assert_eq!(
        said.lines().take(4).collect::<Vec<_>>(),
        ["traceme 0 -1", "attach -1", "unshare -1 1", "uring -1 38"],
        "{said}"
    );
    assert!(said.contains("ns -1") && said.contains("listener -1 22"), "{said}");
}

#[test]
fn what_a_process_uses_is_sampled() {
    check(
        Python("import time\ne=time.process_time()+1.4\nwhile time.process_time()<e: pass"),
        &["used", "!hidden", "!skipped"],
    );
}

#[test]
fn all_processors_are_shown_and_given_to_who_computes() {
    let own = rustix::thread::sched_getaffinity(None).unwrap().count();
    let shown = format!("import os,time\nassert len(os.sched_getaffinity(0))=={own}\n");
    let ends_well = &["exit 1 Code(0)"];
    for chosen in 0..own.min(2) {
        let chooses = format!(
            "{shown}os.sched_setaffinity(0,[{chosen}])\nassert os.sched_getaffinity(0)=={{{chosen}}}"
        );
        check(Python(&chooses), ends_well);
    }
    // Whoever computes for seconds stops seldom: after a look or two its own list of processors is whole.
    let computes = format!(
        "{shown}e=time.process_time()+20\nn=0\nwhile n!={own} and time.process_time()<e:\n\
         \x20for i in range(3000000): pass\n\
         \x20list=[l for l in open('/proc/self/status') if l.startswith('Cpus_allowed:')][0].split()[1]\n\
         \x20n=bin(int(list.replace(',',''),16)).count('1')\n\
         assert n=={own},list"
    );
    check(Python(&computes), ends_well);
}

#[test]
fn a_process_that_hides_is_seen() {
    if !is_root() {
        eprintln!("skipped: mounting needs root");
        return;
    }
    // The filter refuses `mount`, so that the view is spoiled from outside.
    let mut guest =
        Guest::new(&Python("import time\ne=time.process_time()+2.5\nwhile time.process_time()<e: pass"));
    guest.alone.before = Some(|first| {
        // Until it stands in a tree of its own: what is mounted at its root is the overlay, and nothing else any more.
        let stands = |mounts: &str| {
            let fields = mounts.lines().map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>());
            fields.filter(|at| at.first() == Some(&"/")).eq([["/", "overlay"]])
        };
        while !stands(&std::fs::read_to_string(format!("/proc/{first}/mounts")).unwrap()) {
            std::thread::yield_now();
        }
        let hide = ["-m", "mount", "-t", "tmpfs", "none", "/proc/1"];
        let status = std::process::Command::new("nsenter").arg(format!("-t{first}")).args(hide).status();
        assert!(status.unwrap().success());
    });
    look(&guest.run(), &["hidden { process: process(1)", "used"]);
}
