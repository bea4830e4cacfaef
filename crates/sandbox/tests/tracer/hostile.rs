//! Guests that want to be lost from sight, or to break who watches them.

use crate::guest::Program::{C, Python, Shell};
use crate::guest::{Guest, check, line, look};
use std::time::{Duration, Instant};

const HEAD: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <unistd.h>
"#;

#[track_caller]
fn c(body: &str, expect: &[&str]) -> String {
    check(C(&format!("{HEAD}{body}")), expect)
}

#[test]
fn other_doors_are_shut_and_seen() {
    let said = c(
        r#"int main(){ long r; __asm__ volatile("int $0x80":"=a"(r):"a"(5),"b"("/etc/passwd"),"c"(0),"d"(0):"memory");
         printf("%ld\n",r); r=syscall(0x40000000|257,-100,"/etc/passwd",0); printf("%ld %d\n",r,errno); return 0; }"#,
        &["int80 0x5 = -38 refused", "x32 0x40000101 = -38 refused", "!lost"],
    );
    assert_eq!(said, "-38\n-1 38\n");
}

#[test]
fn no_child_is_born_unseen() {
    c(
        r#"int f(void*a){ execl("/bin/true","both",0); _exit(1); } char stack[65536];
         int main(){ int st;
         if(!syscall(SYS_clone,CLONE_UNTRACED|SIGCHLD,0,0,0,0)){ execl("/bin/true","untraced",0); _exit(1);} wait(&st);
         if(!vfork()){ execl("/bin/true","vforked",0); _exit(1);} wait(&st);
         clone(f,stack+65536,CLONE_VM|CLONE_VFORK|CLONE_UNTRACED|SIGCHLD,0); wait(&st);
         if(!fork()){ setsid(); if(!fork()){ setsid(); execl("/bin/true","orphan",0);} _exit(0);} wait(&st);
         if(!syscall(SYS_clone,CLONE_PARENT|SIGCHLD,0,0,0,0)){ execl("/bin/true","sibling",0); _exit(1);}
         struct { unsigned long f[11]; } a={{CLONE_UNTRACED,0,0,0,SIGCHLD}}; long r=syscall(435,&a,88);
         if(!r) execl("/bin/true","third",0); printf("%ld %d\n",r,errno); while(wait(&st)>0); return 0; }"#,
        &[
            "exec * image = 0 [untraced]",
            "exec * image = 0 [vforked]",
            "exec * image = 0 [both]",
            "exec * image = 0 [orphan]",
            "clone * = 0",
            "!exec * [third]",
            "!lost",
        ],
    );
}

#[test]
fn a_thread_may_become_a_program() {
    c(
        r#"void*f(void*a){ execl("/bin/echo","echo","from a thread",0); return 0; } void*g(void*a){ for(;;) getppid(); }
         int main(){ pthread_t t; for(int i=0;i<20;i++) pthread_create(&t,0,g,0); pthread_create(&t,0,f,0); for(;;) pause(); }"#,
        &[
            "born * thread of 1",
            "exec 1 /usr/bin/echo image = 0 [echo from a thread]",
            "exit 1 Code(0)",
            "!lost",
        ],
    );
}

#[test]
fn many_processes_come_and_go() {
    let said = c(
        r#"int n; void d(int k){ int st; if(!k) _exit(0); if(!fork()){ d(k-1); } wait(&st); _exit(0); }
         void*f(void*a){ return 0; }
         int main(){ int st; for(int i=0;i<1500;i++){ if(!fork()) _exit(i&7); if(i%3==0) wait(&st); } while(wait(&st)>0) n++;
         if(!fork()) d(300); wait(&st); for(int i=0;i<300;i++){ pthread_t t; pthread_create(&t,0,f,0); if(i&1) pthread_join(t,0); }
         for(int i=0;i<200;i++){ pid_t p=fork(); if(!p) for(;;){ close(open("/etc/passwd",0)); } if(i%4) usleep(300); kill(p,9); waitpid(p,&st,0); }
         printf("%d\n",n); return 0; }"#,
        &["born 1501 ", "exit 1501 ", "exit 2000 ", "!lost"],
    );
    assert_eq!(said, "1000\n");
}

#[test]
fn long_and_odd_command_lines() {
    let guest = Guest::new(&Python(
        "import os\n\
         if not os.fork(): os.execve('/bin/true',[b'x'*100000,b'\\xff\\n\\x1b',b'']+[b'y'*1000]*100,{'LD_PRELOAD':'z'*5000,'AWS':'1'})\n\
         os.wait()\n\
         if not os.fork(): os.execve('/bin/true',[b'a']*20000,{})\n\
         os.wait()\n\
         try: os.execve('/bin/none',[b'y'*100000,b'q'],{})\n\
         except OSError: pass\n\
         try: os.execve('/bin/'+'n'*5000,[b'y'],{})\n\
         except OSError: pass",
    ));
    let told = guest.run();
    look(&told, &["exec * = -2", "!lost"]);
    let execs: Vec<_> = told
        .events
        .iter()
        .filter_map(|event| match &event.act {
            events::Act::Process(events::ProcessAct::Exec(exec)) => Some(exec),
            _ => None,
        })
        .collect();
    let long = execs.iter().find(|exec| exec.arguments_length > 200_000).unwrap();
    assert_eq!((long.arguments_length, long.arguments.len()), (200_106, 1));
    assert!(long.arguments.iter().all(|word| word.len() <= events::MAX_BYTES));
    let many = execs.iter().find(|exec| exec.arguments_length == 40_000).unwrap();
    assert_eq!(many.arguments.len(), events::MAX_WORDS);
    assert!(
        execs.iter().any(|exec| exec.arguments.first().is_some_and(|word| word.len() == events::MAX_BYTES))
    );
}

#[test]
fn memory_that_changes_under_the_tracer() {
    // Another thread swaps the path between two: where the descriptor leads is told whatever was read.
    let guest = Guest::new(&C(&format!(
        "{HEAD}{}",
        r#"char p[64]; volatile int stop; void*f(void*a){ while(!stop){ memcpy(p,"/etc/passwd",12); memcpy(p,"/etc/shells",12); } return 0; }
         int main(){ pthread_t t; char b[64],l[64]; int n=0; memcpy(p,"/etc/shells",12); pthread_create(&t,0,f,0);
         for(int i=0;i<3000;i++){ int d=open(p,0); if(d<0) continue; sprintf(b,"/proc/self/fd/%d",d); ssize_t k=readlink(b,l,63); l[k>0?k:0]=0;
         if(!strcmp(l,"/etc/passwd")) n++; close(d); } stop=1; printf("%d\n",n); return 0; }"#
    )));
    let told = guest.run();
    let seen = told.events.iter().map(line).filter(|line| line == "open r /etc/passwd image = 0").count();
    let opened: usize = String::from_utf8(told.said).unwrap().trim().parse().unwrap();
    assert!(seen >= opened, "{seen} of {opened}");
}

#[test]
fn signals_and_stops_go_through() {
    let said = c(
        r#"int k; void h(int s){ k++; }
         int main(){ int st; signal(SIGTRAP,h); signal(SIGSEGV,h); raise(SIGTRAP); __asm__ volatile("int3"); printf("%d\n",k);
         pid_t p=fork(); if(!p){ raise(SIGSTOP); _exit(7);} waitpid(p,&st,WUNTRACED); printf("%d\n",WIFSTOPPED(st));
         kill(p,SIGCONT); waitpid(p,&st,0); printf("%d\n",WEXITSTATUS(st));
         p=fork(); if(!p) for(;;); for(int i=0;i<200;i++){ kill(p,SIGSTOP); kill(p,SIGCONT);} kill(p,SIGKILL); waitpid(p,&st,0); printf("%d\n",WTERMSIG(st));
         for(int s=SIGRTMIN;s<SIGRTMAX;s++){ signal(s,h); raise(s);} printf("%d\n",k);
         p=fork(); if(!p){ ptrace(PTRACE_TRACEME,0,0,0); _exit(3);} waitpid(p,&st,0); printf("%d\n",WEXITSTATUS(st));
         FILE*f=fopen("/proc/self/status","r"); char l[256]; while(fgets(l,256,f)) if(!strncmp(l,"TracerPid",9)) printf("%s",l);
         return 0; }"#,
        &["open r /proc/self/status kernel = 0", "ptrace ", "!lost"],
    );
    assert_eq!(said, "2\n1\n7\n9\n32\n3\nTracerPid:\t0\n");
}

#[test]
fn filters_of_the_guest_do_not_lead_past_the_tracer() {
    let said = c(
        r#"int main(){ struct sock_filter f[]={BPF_STMT(BPF_LD|BPF_W|BPF_ABS,0),
          BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,SYS_getppid,0,1),BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_TRACE|0x100),
          BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,425,0,1),BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_TRACE|0x100),
          BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K,SYS_openat,0,1),BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_TRACE|0x326),
          BPF_STMT(BPF_RET|BPF_K,SECCOMP_RET_ALLOW)}; struct sock_fprog p={8,f};
         prctl(PR_SET_NO_NEW_PRIVS,1,0,0,0); long r=syscall(SYS_seccomp,1,0,&p); printf("%ld\n",r);
         r=syscall(SYS_getppid); printf("%ld %d\n",r,errno); r=syscall(425,1,0); printf("%ld %d\n",r,errno);
         r=open("/etc/passwd",0); printf("%ld\n",r); return 0; }"#,
        &["seccomp 0x1 = 0", "io_uring_setup 0x1 = -38 refused", "!lost"],
    );
    assert!(said.starts_with("0\n-1 38\n-1 38\n"), "{said}");
}

#[test]
fn everything_is_killed_and_closed() {
    c(
        r#"int main(){ for(int i=0;i<5;i++) if(!fork()) for(;;) pause(); if(!fork()){ kill(-1,9); _exit(0);} sleep(1);
         syscall(436,0,~0U,0); pid_t p=fork(); if(!p) execl("/bin/true","closed",0); waitpid(p,0,0); kill(1,9); kill(1,SIGSTOP); kill(getpid(),15); return 0; }"#,
        &["kill 0xffffffff = 0", "exit 2 Signal(9)", "exec * [closed] closed,closed,closed", "!lost"],
    );
}

#[test]
fn a_run_ends_at_its_limits() {
    let mut guest = Guest::new(&Shell("while :; do : </etc/passwd; done"));
    guest.alone.limits.events = 500;
    let told = guest.run();
    assert_eq!(told.outcome.why, "too many events");
    assert!(told.count <= 503 && told.events.iter().map(line).any(|line| line.starts_with("lost")));

    let mut guest = Guest::new(&Shell("(setsid sh -c 'while :; do :; done') & while :; do :; done"));
    guest.alone.limits.wall = Duration::from_millis(700);
    let began = Instant::now();
    let told = guest.run();
    assert_eq!(told.outcome.why, "time is over");
    assert!(began.elapsed() < Duration::from_secs(4));
    look(&told, &["limit"]);
}
