/* What a hostile guest does that a shell cannot. Each word prints one line. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void told(const char *what, long result) { printf("%s %s\n", what, result < 0 ? "refused" : "done"); }

static int talk(const char *kind, const char *host, int port) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  int is6 = strchr(host, ':') != 0;
  inet_pton(is6 ? AF_INET6 : AF_INET, host, is6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr);
  struct sockaddr *to = is6 ? (void *)&six : (void *)&four;
  socklen_t length = is6 ? sizeof six : sizeof four;
  int s = socket(is6 ? AF_INET6 : AF_INET, strcmp(kind, "udp") ? SOCK_STREAM : SOCK_DGRAM, 0);
  struct timeval five = {5, 0};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof five);
  if (connect(s, to, length)) return printf("connect: %s\n", strerror(errno)), 1;
  if (send(s, "hello", 5, 0) != 5) return printf("send: %s\n", strerror(errno)), 1;
  char text[300] = {0};
  long got = recv(s, text, sizeof text - 1, 0);
  if (got < 0) return printf("recv: %s\n", strerror(errno)), 1;
  return printf("%s\n", text), 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  const char *word = argv[1];
  if (!strcmp(word, "tcp") || !strcmp(word, "udp")) return talk(word, argv[2], atoi(argv[3]));
  if (!strcmp(word, "escape")) {
    /* Out of a changed root by a directory that was held open. */
    mkdir("/tmp/jail", 0755);
    int held = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/tmp/jail")) return told("chroot", -1), 0;
    fchdir(held);
    for (int i = 0; i < 200; i++) chdir("..");
    chroot(".");
    printf("%s\n", access(argv[2], F_OK) ? "inside" : "outside");
  } else if (!strcmp(word, "doors")) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory"); /* getpid of 32 bits */
    told("int80", result);
    told("x32", syscall(0x40000000 + SYS_getpid));
    char space[120] = {0};
    told("io_uring", syscall(SYS_io_uring_setup, 1, space));
    told("vsock", socket(40, SOCK_STREAM, 0));
    told("userns", unshare(CLONE_NEWUSER));
    told("listener", syscall(SYS_seccomp, 1, 8, space));
    told("bpf", syscall(SYS_bpf, 0, space, sizeof space));
    told("keyctl", syscall(SYS_keyctl, 0, 0, 0));
    told("module", syscall(SYS_init_module, space, 1, ""));
    told("mount", mount("none", "/tmp", "tmpfs", 0, ""));
    told("handle", syscall(SYS_open_by_handle_at, 3, space, 0));
    told("mknod", mknod("/tmp/disk", S_IFBLK | 0600, 254 << 8));
  } else if (!strcmp(word, "eat")) {
    for (long i = 0; i < atol(argv[2]); i++) {
      char *piece = malloc(1 << 20);
      if (!piece) return puts("no more"), 0;
      memset(piece, 1, 1 << 20);
    }
    puts("eaten");
  } else if (!strcmp(word, "deep")) {
    for (int i = 0; i < 2000; i++)
      if (mkdir("d", 0755) || chdir("d")) return puts("shallow"), 0;
    puts("deep");
  } else if (!strcmp(word, "events")) {
    /* One event by each call that makes memory runnable, three by each file. */
    long most = atol(argv[2]);
    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), name[64];
    for (long i = 0; i < most / 10; i++) {
      sprintf(name, "/tmp/%ld", i);
      close(open(name, O_CREAT | O_WRONLY, 0600));
      unlink(name);
    }
    for (long i = 0; i < most * 8 / 10; i++) mprotect(page, 4096, PROT_READ | PROT_EXEC);
  } else if (!strcmp(word, "waits")) {
    /* Waits for times of clocks, as locks do: none may be over before its time by the clock that is read. */
    int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME}, early = 0, nothing = 0;
    for (int i = 0; i < 30; i++) {
      int clock = clocks[i % 3];
      struct timespec until, now;
      clock_gettime(clock, &until);
      until.tv_nsec += 20000000;
      if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
      if (clock == CLOCK_BOOTTIME)
        clock_nanosleep(clock, TIMER_ABSTIME, &until, 0);
      else /* FUTEX_WAIT_BITSET, with FUTEX_CLOCK_REALTIME */
        syscall(SYS_futex, &nothing, clock == CLOCK_REALTIME ? 9 | 256 : 9, 0, &until, 0, -1);
      clock_gettime(clock, &now);
      early += now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec);
    }
    printf("%d early\n", early);
  }
  return 0;
}
