//! Waiting is skipped, and every clock of the guest agrees about it.

use crate::guest::Program::{C, Python, Shell};
use crate::guest::{Guest, look};
use std::time::{Duration, Instant};

/// The longest that a test may really take: all of them wait for hours.
const SOON: Duration = Duration::from_secs(5);

/// Runs a program that says what it saw, and says it back. It must not take long.
#[track_caller]
fn check(program: crate::guest::Program<'_>, expect: &str) {
    let guest = Guest::new(&program);
    let began = Instant::now();
    let told = guest.run();
    let took = began.elapsed();
    let said = look(&told, &["!lost", "!limit"]);
    assert_eq!(said.trim_end(), expect);
    assert!(took < SOON, "{took:?}");
}

/// A program in C that waits by `body` and says how many hours that took by each clock.
#[track_caller]
fn waits(body: &str, expect: &str) {
    let source = format!(
        r#"
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double at(int c) {{ struct timespec t; clock_gettime(c,&t); return t.tv_sec+t.tv_nsec/1e9; }}
static double day(void) {{ struct timeval t; gettimeofday(&t,0); return t.tv_sec+t.tv_usec/1e6; }}
static double up(void) {{ struct sysinfo s; sysinfo(&s); return s.uptime; }}
static double ticks(void) {{ struct tms t; return times(&t)/100.0; }}
static double whole(void) {{ return time(0); }}
static volatile int rang; static void ring(int s) {{ rang++; }}
static struct timespec later(int c,int s) {{ struct timespec t; clock_gettime(c,&t); t.tv_sec+=s; return t; }}
int main() {{ double a=at(CLOCK_REALTIME),b=at(CLOCK_MONOTONIC),c=at(CLOCK_BOOTTIME),d=day(),e=up(),f=ticks(),g=whole();
 double w=at(CLOCK_MONOTONIC_RAW); long r=0; {{ {body} }}
 double h[]={{at(CLOCK_REALTIME)-a,at(CLOCK_MONOTONIC)-b,at(CLOCK_BOOTTIME)-c,day()-d,up()-e,ticks()-f,whole()-g,at(CLOCK_MONOTONIC_RAW)-w}};
 for(int i=0;i<8;i++) {{ double o=h[i]/3600; if(o<h[0]/3600-0.001||o>h[0]/3600+0.001) printf("clock %d differs: %f %f\n",i,o,h[0]/3600); }}
 if(at(CLOCK_PROCESS_CPUTIME_ID)>2) printf("computed\n");
 printf("%.2f hours, %ld\n",h[0]/3600,r); return 0; }}"#
    );
    check(C(&source), expect);
}

#[test]
fn calls_that_wait_for_a_time() {
    waits("r=sleep(86400);", "24.00 hours, 0");
    waits(
        "struct timespec t=later(CLOCK_MONOTONIC,7200); r=clock_nanosleep(CLOCK_MONOTONIC,1,&t,0);",
        "2.00 hours, 0",
    );
    waits(
        "struct timespec t=later(CLOCK_REALTIME,7200); r=clock_nanosleep(CLOCK_REALTIME,1,&t,0);",
        "2.00 hours, 0",
    );
    waits("r=poll(0,0,7200000);", "2.00 hours, 0");
    waits("struct timespec t={7200,0}; r=ppoll(0,0,&t,0);", "2.00 hours, 0");
    waits("struct timespec t={7200,0}; r=pselect(0,0,0,0,&t,0);", "2.00 hours, 0");
    waits("int e=epoll_create1(0); struct epoll_event v; r=epoll_wait(e,&v,1,7200000);", "2.00 hours, 0");
    waits(
        "int p[2]; pipe(p); fd_set s; FD_ZERO(&s); FD_SET(p[0],&s); struct timeval t={7200,0};
         r=select(p[0]+1,&s,0,0,&t); r+=10*FD_ISSET(p[0],&s)+100*t.tv_sec;",
        "2.00 hours, 0",
    );
    waits(
        "int x=0; struct timespec t={7200,0}; r=syscall(SYS_futex,&x,FUTEX_WAIT,0,&t,0,0); r=errno;",
        "2.00 hours, 110",
    );
}

#[test]
fn locks_queues_and_signals_with_a_time() {
    waits(
        "pthread_mutex_t m=PTHREAD_MUTEX_INITIALIZER; pthread_cond_t v=PTHREAD_COND_INITIALIZER; pthread_mutex_lock(&m);
         struct timespec t=later(CLOCK_REALTIME,3600); r=pthread_cond_timedwait(&v,&m,&t);",
        "1.00 hours, 110",
    );
    waits(
        "sigset_t s; sigemptyset(&s); sigaddset(&s,SIGUSR1); sigprocmask(0,&s,0); struct timespec t={3600,0};
         r=sigtimedwait(&s,0,&t); r=errno;",
        "1.00 hours, 11",
    );
    waits(
        "int i=semget(IPC_PRIVATE,1,0600); struct sembuf o={0,-1,0}; struct timespec t={3600,0};
         r=semtimedop(i,&o,1,&t); r=errno; semctl(i,0,IPC_RMID);",
        "1.00 hours, 11",
    );
}

/// Waits for a time of a clock, as virtual machines for Java and locks in C wait. The kernel's own clock must not be
/// ahead of the one that they read: their waits would be over before they began.
#[test]
fn waits_for_a_time_of_a_clock() {
    for (clock, operation) in [
        ("CLOCK_MONOTONIC", "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG"),
        ("CLOCK_REALTIME", "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME"),
    ] {
        waits(
            &format!(
                "int x=0; for(int k=0;k<4;k++){{ struct timespec t=later({clock},900);
                 r+=syscall(SYS_futex,&x,{operation},0,&t,0,-1)==-1&&errno==ETIMEDOUT; }}"
            ),
            "1.00 hours, 4",
        );
        waits(
            &format!(
                "pthread_mutex_t m=PTHREAD_MUTEX_INITIALIZER; pthread_cond_t v; pthread_condattr_t a; pthread_condattr_init(&a);
                 pthread_condattr_setclock(&a,{clock}); pthread_cond_init(&v,&a); pthread_mutex_lock(&m);
                 struct timespec t=later({clock},3600); r=pthread_cond_timedwait(&v,&m,&t);"
            ),
            "1.00 hours, 110",
        );
        waits(
            &format!(
                "int x=0; uint64_t w[3]={{0,(uint64_t)&x,2}}; struct timespec t=later({clock},3600);
                 r=syscall(449,w,1,0,&t,{clock}); r=errno;"
            ),
            "1.00 hours, 110",
        );
    }
    waits(
        "struct timespec t={7200,0}; int e=epoll_create1(0); struct epoll_event v; r=syscall(441,e,&v,1,&t,0,8);",
        "2.00 hours, 0",
    );
    waits(
        "unsigned long q=0; char v[64]; struct timespec t={7200,0}; syscall(SYS_io_setup,1,&q);
         r=syscall(SYS_io_getevents,q,1,1,v,&t);",
        "2.00 hours, 0",
    );
    waits(
        "struct timespec t=later(CLOCK_BOOTTIME,7200); r=clock_nanosleep(CLOCK_BOOTTIME,TIMER_ABSTIME,&t,0);",
        "2.00 hours, 0",
    );
    // Who was woken before his time and waits again without one is woken when somebody wakes him, and not before.
    waits(
        "int*y=mmap(0,4096,3,MAP_SHARED|MAP_ANONYMOUS,-1,0); pid_t p=fork();
         if(!p) { for(int k=0;k<3;k++) { sleep(600); syscall(SYS_futex,y,FUTEX_WAKE,1,0,0,0); sleep(600);
           syscall(SYS_futex,y,FUTEX_WAKE,1,0,0,0); } _exit(0); }
         for(int k=0;k<3;k++) { struct timespec t=later(CLOCK_MONOTONIC,900);
           r+=syscall(SYS_futex,y,FUTEX_WAIT_BITSET,0,&t,0,-1)==0; r+=10*(syscall(SYS_futex,y,FUTEX_WAIT_BITSET,0,0,0,-1)==0); }",
        "1.00 hours, 33",
    );
    // A parent waits as long as its child runs in its memory, by no call that says until when.
    waits("if(!vfork()) { sleep(3600); _exit(0); } r=wait(0)>0;", "1.00 hours, 1");
    // A time that has passed is not waited for.
    waits(
        "struct timespec t=later(CLOCK_MONOTONIC,-5); int x=0;
         r=syscall(SYS_futex,&x,FUTEX_WAIT_BITSET,0,&t,0,-1); r=errno;",
        "0.00 hours, 110",
    );
}

#[test]
fn timers() {
    waits("signal(SIGALRM,ring); alarm(3600); pause(); r=rang;", "1.00 hours, 1");
    waits("signal(SIGALRM,ring); alarm(3600); r=alarm(10); pause();", "0.00 hours, 3600");
    waits(
        "signal(SIGALRM,ring); struct itimerval i={{1800,0},{3600,0}},o; setitimer(0,&i,&o); while(rang<3) pause();
         getitimer(0,&o); r=o.it_interval.tv_sec+rang;",
        "2.00 hours, 1803",
    );
    waits(
        "int t=timerfd_create(CLOCK_MONOTONIC,0); struct itimerspec i={{0,0},{7200,0}}; timerfd_settime(t,0,&i,0);
         uint64_t n=0; read(t,&n,8); r=n;",
        "2.00 hours, 1",
    );
    waits(
        "int t=timerfd_create(CLOCK_REALTIME,0); struct itimerspec i={{600,0},later(CLOCK_REALTIME,600)};
         timerfd_settime(t,TFD_TIMER_ABSTIME,&i,0); struct pollfd p={t,POLLIN}; uint64_t n;
         for(int k=0;k<6;k++){ poll(&p,1,-1); read(t,&n,8); r+=n; }",
        "1.00 hours, 6",
    );
    waits(
        "signal(SIGUSR2,ring); struct sigevent e={0}; e.sigev_notify=SIGEV_SIGNAL; e.sigev_signo=SIGUSR2; timer_t t;
         timer_create(CLOCK_MONOTONIC,&e,&t); struct itimerspec i={{0,0},{3600,0}},o; timer_settime(t,0,&i,0);
         timer_gettime(t,&o); pause(); r=rang+o.it_value.tv_sec;",
        "1.00 hours, 3600",
    );
    waits(
        "sigset_t s; sigemptyset(&s); sigaddset(&s,SIGRTMIN); sigprocmask(0,&s,0); struct sigevent e={0}; timer_t t;
         e.sigev_notify=SIGEV_SIGNAL; e.sigev_signo=SIGRTMIN; e.sigev_value.sival_int=7; timer_create(CLOCK_REALTIME,&e,&t);
         struct itimerspec i={{0,0},later(CLOCK_REALTIME,3600)}; timer_settime(t,TIMER_ABSTIME,&i,0); siginfo_t n;
         sigwaitinfo(&s,&n); r=n.si_code==SI_TIMER?n.si_value.sival_int:-1;",
        "1.00 hours, 7",
    );
}

#[test]
fn several_wait_in_the_order_of_their_times() {
    check(
        Shell(
            "(sleep 3000; echo second) & (sleep 2000; echo first) & (sleep 4000; echo third) & wait; echo all",
        ),
        "first\nsecond\nthird\nall",
    );
    check(Shell("timeout 3600 sleep 7200; echo $?"), "124");
    check(Shell("timeout 7200 sleep 3600; echo $?"), "0");
    check(
        Shell("a=$(date +%s); for i in 1 2 3; do sleep 1000; done; b=$(date +%s); echo $(((b-a)/10))"),
        "300",
    );
    check(
        Python(
            "import threading,time,queue\n\
             a=time.monotonic();q=queue.Queue();e=threading.Event()\n\
             def f():\n\
             \x20time.sleep(5000);q.put(1)\n\
             t=threading.Thread(target=f);t.start()\n\
             try: q.get(timeout=1000)\n\
             except queue.Empty: print('empty',round((time.monotonic()-a)/100))\n\
             q.get(timeout=100000);print(round((time.monotonic()-a)/100));print(e.wait(2000));t.join()",
        ),
        "empty 10\n50\nFalse",
    );
}

#[test]
fn files_have_the_time_of_the_guest() {
    check(
        Shell(
            "touch /tmp/a; sleep 86400; touch /tmp/b; a=$(stat -c %Y /tmp/a); b=$(stat -c %Y /tmp/b); n=$(date +%s)
             echo $(((b-a)/100)) $(((n-b)/100)) $(find /tmp/a -mmin +1000) $(find /tmp/b -mmin -10)
             touch -d @$((n+5)) /tmp/c; echo $(($(stat -c %Y /tmp/c)-n))",
        ),
        "864 0 /tmp/a /tmp/b\n5",
    );
}

/// What is skipped is told, so that it is counted and not timed: nothing, while a thread computes, however little of a
/// processor it is given.
#[test]
fn who_computes_is_not_hurried() {
    let guest = Guest::new(&Python(
        "import threading,time\n\
         def f():\n\
         \x20while time.process_time()<.5: pass\n\
         t=threading.Thread(target=f);t.start();t.join(timeout=3600)\n\
         print(t.is_alive())",
    ));
    assert_eq!(look(&guest.run(), &["!skipped", "!lost"]), "False\n");
}

#[test]
fn who_is_answered_is_answered_in_time() {
    // A server that computes for its answer, and a client with a limit: the limit does not pass meanwhile.
    check(
        Python(
            "import socket,os,time\n\
             s=socket.socket();s.bind(('127.0.0.1',80));s.listen()\n\
             if not os.fork():\n\
             \x20c,_=s.accept()\n\
             \x20for i in range(5):\n\
             \x20\x20c.recv(9);e=time.process_time()+.05\n\
             \x20\x20while time.process_time()<e: pass\n\
             \x20\x20c.send(b'x')\n\
             \x20os._exit(0)\n\
             c=socket.create_connection(('127.0.0.1',80),timeout=5)\n\
             for i in range(5): c.send(b'y');print(c.recv(1))\n\
             a=time.time();c2=socket.create_connection(('127.0.0.1',80),timeout=600)\n\
             try: c2.recv(1)\n\
             except TimeoutError: print('timed out',round((time.time()-a)/60))",
        ),
        "b'x'\nb'x'\nb'x'\nb'x'\nb'x'\ntimed out 10",
    );
}

#[test]
fn a_stopped_process_goes_on() {
    check(
        Shell("sleep 5000 & p=$!; kill -STOP $p; sleep 100; kill -CONT $p; wait $p; echo $?; kill -9 $$"),
        "0",
    );
    check(Shell("sleep 5000 & sleep 1; kill $!; wait $! 2>/dev/null; echo $?"), "143");
}

/// Also: what would be skipped beyond the most of a run is really waited for.
#[test]
fn a_calendar_may_be_elsewhere() {
    let mut guest =
        Guest::new(&Shell("date +%Y; touch /tmp/x; stat -c %y /tmp/x | cut -c1-4; sleep 40000000; date +%Y"));
    guest.alone.limits.wall = Duration::from_secs(2);
    guest.alone.time.ahead = -20 * 365 * 86_400;
    let told = guest.run();
    let said = look(&told, &["limit"]);
    let years: Vec<i64> = said.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(years.len() == 2 && years[0] == years[1] && years[0] < 2015, "{said}");
}

#[test]
fn skipping_can_be_switched_off() {
    let mut guest = Guest::new(&Shell("sleep 1.2; alarm=1; date +%s"));
    guest.alone.time.skip = false;
    let began = Instant::now();
    let said = look(&guest.run(), &["!skipped", "!lost"]);
    assert!(began.elapsed() > Duration::from_secs(1));
    let host = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(said.trim().parse::<u64>().unwrap().abs_diff(host) < 5);
}
