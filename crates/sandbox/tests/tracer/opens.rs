//! Files that the tracer opens for the guest: what is told and what the guest has must be the same file.

use crate::guest::Program::{C, Python};
use crate::guest::{Guest, is_root, line, look};

const HEAD: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
char link_[256]; int k;
const char *led(int d){ char b[64]; sprintf(b,"/proc/self/fd/%d",d); int n=readlink(b,link_,255); link_[n>0?n:0]=0; return link_; }
"#;

/// Runs a program of C; gives what it said and all that was told.
#[track_caller]
fn c(body: &str) -> (String, Vec<String>) {
    let told = Guest::new(&C(&format!("{HEAD}{body}"))).run();
    let said = look(&told, &["!lost"]);
    (said, told.events.iter().map(line).collect())
}

fn count(lines: &[String], wanted: &str) -> usize {
    lines.iter().filter(|line| *line == wanted).count()
}

/// Each opening is told once for what was asked for and, where that is another file, once for where it led: what a
/// guest was led to it says itself.
#[track_caller]
fn swapped(set_up: &str, swap: &str, open: &str, files: [&str; 2]) {
    let (said, lines) = c(&format!(
        r#"char p[64]; volatile int stop; void*f(void*a){{ while(!stop){{ {swap} }} return 0; }}
         int main(){{ pthread_t t; int n=0,m=0; {set_up} pthread_create(&t,0,f,0);
         for(int i=0;i<3000;i++){{ int d={open}; if(d<0) continue; char b[9]={{0}}; read(d,b,8); led(d);
         int first=!strcmp(link_,"{}"); if(!first && strcmp(link_,"{}")) printf("led to %s\n",link_);
         if(first) n++; else m++; close(d); }} stop=1; printf("%d %d\n",n,m); return 0; }}"#,
        files[0], files[1]
    ));
    let told = files.map(|file| count(&lines, &format!("open r {file} image = 0")).to_string());
    let written = files.map(|file| count(&lines, &format!("open r {file} written = 0")).to_string());
    let said: Vec<&str> = said.trim().split(' ').collect();
    assert!(said == told || said == written, "said {said:?}, told {told:?} or {written:?}");
}

#[test]
fn a_path_that_changes_is_read_once() {
    swapped(
        r#"memcpy(p,"/etc/passwd",12);"#,
        r#"memcpy(p,"/etc/passwd",12); memcpy(p,"/etc/shells",12);"#,
        "open(p,0)",
        ["/etc/passwd", "/etc/shells"],
    );
}

#[test]
fn a_link_that_changes_is_followed_once() {
    let place = if is_root() { "/srv" } else { "/tmp" };
    let link = format!("{place}/link");
    swapped(
        &format!(r#"symlink("/etc/passwd","{link}");"#),
        &format!(
            r#"symlink("/etc/shells","{link}2"); rename("{link}2","{link}"); symlink("/etc/passwd","{link}2"); rename("{link}2","{link}");"#
        ),
        &format!(r#"open("{link}",O_CLOEXEC)"#),
        ["/etc/passwd", "/etc/shells"],
    );
}

#[test]
fn a_descriptor_is_as_the_kernel_gives_it() {
    // Flags with a bit in the half that the kernel does not read are traced and opened by the guest itself.
    let (said, lines) = c(
        r#"int main(){ long f[]={0,O_CLOEXEC,O_NONBLOCK,O_NOCTTY,O_CLOEXEC|O_NONBLOCK}; int bad=0;
         for(int i=0;i<10;i++){ char*p=i<5?"/etc/passwd":"/etc"; long v=f[i%5]|(i<5?0:O_DIRECTORY);
          int a=syscall(SYS_openat,AT_FDCWD,p,v), b=syscall(SYS_openat,AT_FDCWD,p,v|1L<<40); struct stat x,y; fstat(a,&x); fstat(b,&y);
          bad+=a!=3||b!=4||fcntl(a,F_GETFL)!=fcntl(b,F_GETFL)||fcntl(a,F_GETFD)!=fcntl(b,F_GETFD)||x.st_ino!=y.st_ino||x.st_dev!=y.st_dev;
          if(fcntl(a,F_GETFL)!=fcntl(b,F_GETFL)) printf("%x %x\n",fcntl(a,F_GETFL),fcntl(b,F_GETFL));
          char l[256]; strcpy(l,led(a)); bad+=strcmp(l,led(b)); close(a); close(b); }
         printf("%d\n",bad); return 0; }"#,
    );
    assert_eq!(said, "0\n");
    assert_eq!(count(&lines, "open r /etc image = 0"), 10);
}

#[test]
fn errors_are_those_of_the_kernel() {
    let (said, lines) = c(
        r#"int main(){ char*p[]={"/etc/none","/etc/passwd/","/etc/passwd/x","","none","/proc/none","/proc/self/fd/77",0};
         symlink("/etc/passwd","/tmp/to"); symlink("/tmp/loop","/tmp/loop");
         for(char**q=p;*q;q++) printf("%d ",open(*q,0)<0?errno:0);
         printf("%d ",open("/etc/passwd",O_DIRECTORY)<0?errno:0);
         printf("%d ",open("/tmp/to",O_NOFOLLOW)<0?errno:0); printf("%d ",open("/tmp/loop",0)<0?errno:0);
         struct rlimit r={3,3}; setrlimit(RLIMIT_NOFILE,&r); printf("%d\n",open("/etc/passwd",0)<0?errno:0); return 0; }"#,
    );
    assert_eq!(said, "2 20 20 2 2 2 2 20 40 40 24\n");
    for wanted in
        ["open r /etc/none unknown = -2", "open r /tmp/to written = -40", "open r /etc/passwd unknown = -24"]
    {
        assert_eq!(count(&lines, wanted), 1, "{wanted}\n{}", lines.join("\n"));
    }
}

#[test]
fn what_only_the_guest_can_open_it_opens() {
    let (said, lines) = c(
        r#"int main(){ char b[64]={0}; mkdir("/tmp/in",0755); close(open("/tmp/in/a",O_CREAT|O_WRONLY,0644)); chdir("/tmp/in");
         for(int i=0;i<50;i++){ int d=open("/proc/self/comm",0); read(d,b,63); close(d); } printf("%s",b);
         int d=open("a",0); puts(led(d)); d=open("../in/a",0); puts(led(d)); int t=open("/tmp",0); d=openat(t,"in/a",0); puts(led(d));
         mkfifo("/tmp/pipe",0600); if(!fork()){ d=open("/tmp/pipe",O_WRONLY); write(d,"through",7); _exit(0);}
         d=open("/tmp/pipe",0); memset(b,0,64); read(d,b,63); puts(b); return 0; }"#,
    );
    assert_eq!(said, "guest\n/tmp/in/a\n/tmp/in/a\n/tmp/in/a\nthrough\n");
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("open r /proc/") && line.contains("comm")).count(),
        50
    );
    assert_eq!(lines.iter().filter(|line| line.starts_with("open r /tmp/pipe")).count(), 1);
}

#[test]
fn signals_do_not_break_off_what_is_opened() {
    let (said, _) = c(
        r#"void h(int s){ k++; } int main(){ struct sigaction a={0}; a.sa_handler=h; sigaction(SIGUSR1,&a,0); pid_t me=getpid();
         pid_t p=fork(); if(!p){ for(;;) kill(me,SIGUSR1); } int bad=0;
         for(int i=0;i<3000;i++){ int d=open(i%10?"/etc/passwd":"/proc/version",0); bad+=d!=3; close(d); }
         kill(p,9); printf("%d %d\n",bad,k>0); return 0; }"#,
    );
    assert_eq!(said, "0 1\n");
}

#[test]
fn who_asks_may_be_killed() {
    let (said, lines) = c(
        r#"int main(){ int st; for(int i=0;i<300;i++){ pid_t p=fork(); if(!p) for(;;){ close(open("/etc/passwd",0)); close(open("/proc/version",0)); }
         usleep(i%7*100); kill(p,9); waitpid(p,&st,0); } printf("over\n"); return 0; }"#,
    );
    assert_eq!(said, "over\n");
    assert!(!lines.iter().any(|line| line.starts_with("open") && line.contains("= -5")));
}

#[test]
fn others_than_root_open_for_themselves() {
    if !is_root() {
        eprintln!("skipped: a guest of one user cannot become another one");
        return;
    }
    let script = "import os
open('/srv/mine', 'w').close(); os.chmod('/srv/mine', 0o600)
def look():
    try: os.close(os.open('/srv/mine', os.O_RDONLY))
    except OSError as error: return error.errno
    return 0
said = [look()]
if os.fork() == 0:
    os.setresuid(1000, 1000, 1000)
    print(said, look(), flush=True)
    os._exit(0)
os.wait()
print(look())";
    let told = Guest::new(&Python(script)).run();
    let said = look(&told, &["open r /srv/mine written = 0", "open r /srv/mine written = -13", "!lost"]);
    assert_eq!(said, "[0] 13\n0\n");
}
