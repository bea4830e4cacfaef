/* Ways out of a container that were found in runtimes, kernels and configurations. Each try prints one line. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void told(const char *what, long result) { printf("%s %s\n", what, result < 0 ? "refused" : "done"); }

static long opens(const char *path, int how) {
  int descriptor = open(path, how | O_NONBLOCK | O_CLOEXEC);
  if (descriptor >= 0) close(descriptor);
  return descriptor;
}

/* Calls that reach the kernel that guest and host share. */
static void kernel(void) {
  char space[4096] = {0};
  struct timeval when = {1, 0};
  struct timespec then = {1, 0};
  struct timex change = {.modes = ADJ_OFFSET, .offset = 1};
  struct sched_param most = {99};
  struct rlimit files = {1UL << 40, 1UL << 40};
  told("init_module", syscall(SYS_init_module, space, sizeof space, ""));
  told("finit_module", syscall(SYS_finit_module, 0, "", 0));
  told("delete_module", syscall(SYS_delete_module, "x", O_NONBLOCK));
  told("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
  told("kexec_file_load", syscall(SYS_kexec_file_load, 0, 0, 0, 0, 0));
  told("bpf", syscall(SYS_bpf, 0, space, 72));
  told("perf_event_open", syscall(SYS_perf_event_open, space, 0, -1, -1, 0));
  told("userfaultfd", syscall(SYS_userfaultfd, 0));
  told("io_uring_setup", syscall(SYS_io_uring_setup, 1, space));
  told("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  told("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  told("request_key", syscall(SYS_request_key, "user", "x", 0, -3));
  told("swapon", syscall(SYS_swapon, "/tmp/swap", 0));
  told("acct", syscall(SYS_acct, "/tmp/acct"));
  told("quotactl", syscall(SYS_quotactl, 0x800007, "/", 0, space));
  told("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
  told("syslog", syscall(SYS_syslog, 3, space, sizeof space));
  told("iopl", syscall(SYS_iopl, 3));
  told("ioperm", syscall(SYS_ioperm, 0, 1, 1));
  told("settimeofday", syscall(SYS_settimeofday, &when, 0));
  told("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &then));
  told("adjtimex", syscall(SYS_adjtimex, &change));
  told("sethostname", sethostname("escaped", 7));
  told("setdomainname", setdomainname("escaped", 7));
  told("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
  told("personality", syscall(SYS_personality, 0x0040000));
  told("realtime", sched_setscheduler(0, SCHED_FIFO, &most));
  told("priority", setpriority(PRIO_PROCESS, 0, -20));
  told("setrlimit", setrlimit(RLIMIT_NOFILE, &files));
}

/* Namespaces and mounts. */
static void spaces(void) {
  static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,     CLONE_NEWPID,  CLONE_NEWNET,
                              CLONE_NEWIPC,  CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWUSER | CLONE_NEWNS};
  long most = -1;
  for (int i = 0; i < 8; i++) {
    long result = unshare(flags[i]);
    most = result > most ? result : most;
    result = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
    if (!result) _exit(0);
    most = result > most ? result : most;
  }
  told("unshare", most);
  unsigned long long three[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  long child = syscall(SYS_clone3, three, sizeof three);
  if (!child) _exit(0);
  told("clone3", child);
  told("setns", setns(open("/proc/self/ns/mnt", O_RDONLY), 0));
  mkdir("/tmp/m", 0755);
  /* A group of the first version, whose release_agent the host's root would run. */
  told("release_agent", mount("cgroup", "/tmp/m", "cgroup", 0, "memory"));
  told("cgroup2", mount("cgroup2", "/tmp/m", "cgroup2", 0, ""));
  told("proc", mount("proc", "/tmp/m", "proc", 0, ""));
  told("sysfs", mount("sysfs", "/tmp/m", "sysfs", 0, ""));
  told("bind", mount("/", "/tmp/m", 0, MS_BIND | MS_REC, 0));
  told("remount", mount(0, "/proc/sys", 0, MS_REMOUNT | MS_BIND, 0));
  told("shared", mount(0, "/", 0, MS_SHARED | MS_REC, 0));
  told("unmask", umount2("/proc/kcore", MNT_DETACH));
  told("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp/m"));
  told("open_tree", syscall(SYS_open_tree, -100, "/", 1));
  told("fsopen", syscall(SYS_fsopen, "proc", 0));
  told("move_mount", syscall(SYS_move_mount, -100, "/proc", -100, "/tmp/m", 0));
  told("mount_setattr", syscall(SYS_mount_setattr, -100, "/", 0, 0, 0));
}

/* Files of the kernel that change the host, and files that are not in the tree at all. */
static long written;
static int visit(const char *path, const struct stat *found, int kind, struct FTW *where) {
  if (kind == FTW_F && S_ISREG(found->st_mode) && opens(path, O_WRONLY) >= 0) {
    written++;
    fprintf(stderr, "%s\n", path);
  }
  return 0;
}

static void files(void) {
  struct {
    struct file_handle head;
    unsigned char rest[16];
  } handle = {{8, 1}, {2}};
  told("core_pattern", opens("/proc/sys/kernel/core_pattern", O_WRONLY));
  told("core_pattern by root", opens("/proc/1/root/proc/sys/kernel/core_pattern", O_WRONLY));
  told("modprobe", opens("/proc/sys/kernel/modprobe", O_WRONLY));
  told("sysrq", opens("/proc/sysrq-trigger", O_WRONLY));
  told("uevent_helper", opens("/sys/kernel/uevent_helper", O_WRONLY));
  told("group", opens("/sys/fs/cgroup/cgroup.procs", O_WRONLY));
  told("kmsg", opens("/dev/kmsg", O_RDONLY));
  told("mem", opens("/dev/mem", O_RDONLY));
  told("handle", syscall(SYS_open_by_handle_at, open("/etc/hosts", O_RDONLY), &handle, O_RDONLY));
  told("block node", mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
  told("character node", mknod("/tmp/memory", S_IFCHR | 0600, makedev(1, 1)));
  told("node of the image", opens("/bin/memory", O_RDONLY));
  told("null of the image", opens("/bin/null", O_RDONLY));
  nftw("/proc/sys", visit, 32, FTW_PHYS);
  nftw("/sys", visit, 32, FTW_PHYS);
  printf("writable %ld\n", written);
}

/* Processes of the host, by their numbers there. */
static void processes(pid_t host) {
  char path[64], space[64];
  struct iovec piece = {space, sizeof space};
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  told("attach", ptrace(PTRACE_ATTACH, host, 0, 0));
  told("seize", ptrace(PTRACE_SEIZE, host, 0, 0));
  told("kill", kill(host, 0));
  told("tgkill", syscall(SYS_tgkill, host, host, SIGSTOP));
  told("read", process_vm_readv(host, &piece, 1, &piece, 1, 0));
  told("pidfd", syscall(SYS_pidfd_open, host, 0));
  told("affinity", sched_setaffinity(host, sizeof set, &set));
  snprintf(path, sizeof path, "/proc/%d/mem", host);
  told("mem", opens(path, O_RDWR));
  snprintf(path, sizeof path, "/proc/%d/root", host);
  told("root", opens(path, O_PATH));
  /* Its own parent is who traces it. */
  told("parent", getppid() ? 0 : -1);
}

/* Sockets that are not the guest's own network. */
static void sockets(const char *name) {
  static const int families[] = {AF_ALG, AF_VSOCK, AF_KEY, AF_CAN, AF_TIPC, AF_BLUETOOTH, AF_XDP, AF_RDS, AF_NFC, AF_QIPCRTR, AF_SMC};
  long most = -1;
  for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
    for (int kind = SOCK_STREAM; kind <= SOCK_SEQPACKET; kind++) {
      long result = socket(families[i], kind, 0);
      most = result > most ? result : most;
    }
  told("families", most);
  struct sockaddr_un to = {AF_UNIX};
  strncpy(to.sun_path + 1, name, sizeof to.sun_path - 2);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  told("abstract", connect(s, (void *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
  } down = {{sizeof down, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1}, {AF_UNSPEC, 0, 1, 0, IFF_UP}};
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[512];
  } answer = {0};
  s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  send(s, &down, sizeof down, 0);
  recv(s, &answer, sizeof answer, 0);
  told("netlink", answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : 0);
  printf("links");
  struct if_nameindex *links = if_nameindex();
  for (int i = 0; links && links[i].if_index; i++) printf(" %s", links[i].if_name);
  puts("");
}

/* Descriptors that somebody left open, before anything else is opened. */
static void descriptors(void) {
  char text[300] = {0};
  int count = 0;
  for (int i = 3; i < 4096; i++) count += fcntl(i, F_GETFD) >= 0;
  readlink("/proc/self/cwd", text, sizeof text - 1);
  printf("%d open in %s\n", count, text);
}

/* A process that is about to be started in the guest is still a copy of the warden. */
static void watch(const char *until) {
  char path[64], link[300], bytes[4];
  struct iovec piece = {bytes, sizeof bytes};
  long found = 0, seen = 0;
  for (int over = 0; !over;) {
    over = !access(until, F_OK);
    for (int pid = 1; pid < 400; pid++) {
      if (pid == getpid() || kill(pid, 0)) continue;
      seen++;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      long length = readlink(path, link, sizeof link - 1);
      if (length < 0) continue;
      link[length] = 0;
      if (!strncmp(link, "/bin/", 5)) continue;
      found++;
      printf("%d is %s: exe %ld", pid, link, opens(path, O_RDONLY));
      snprintf(path, sizeof path, "/proc/%d/mem", pid);
      printf(" mem %ld", opens(path, O_RDONLY));
      snprintf(path, sizeof path, "/proc/%d/fd", pid);
      printf(" fd %ld", opens(path, O_RDONLY | O_DIRECTORY));
      printf(" ptrace %ld\n", ptrace(PTRACE_SEIZE, pid, 0, 0));
    }
  }
  printf("%s %ld\n", seen ? "watched" : "blind", found);
}

/* Signals and stops that would trouble who watches. */
static void tracer(void) {
  for (int i = 0; i < 6; i++)
    if (!fork()) {
      signal(SIGTERM, SIG_IGN);
      if (i & 1) setsid();
      if (i == 2) ptrace(PTRACE_SEIZE, getppid(), 0, 0);
      if (i == 3) ptrace(PTRACE_TRACEME, 0, 0, 0);
      for (int n = 0; n < 300; n++) {
        kill(0, n & 1 ? SIGTSTP : SIGCONT);
        syscall(SYS_tkill, getpid(), SIGSTOP);
        kill(-1, SIGCONT);
      }
      _exit(0);
    }
  for (int n = 0; n < 300; n++) kill(-1, n & 1 ? SIGSTOP : SIGCONT);
  kill(-1, SIGSTOP);
  puts("stopped all");
}

/* Names that are not text, and one that is too long to be told by its path. */
static void names(void) {
  char longest[256], path[300];
  memset(longest, 'n', 255);
  longest[255] = 0;
  const char *all[] = {"a\nb", "\xff\xfe", "\033[2J", "-rf", "..x", "\xe2\x80\xae" "txt.exe", longest};
  for (int i = 0; i < 7; i++) {
    snprintf(path, sizeof path, "/tmp/%s", all[i]);
    close(open(path, O_CREAT | O_WRONLY, 0600));
  }
  chdir("/tmp");
  memset(longest, 'd', 255);
  for (int i = 0; i < 20 && !mkdir(longest, 0700) && !chdir(longest); i++) continue;
  close(open("deepest", O_CREAT | O_WRONLY, 0600));
  puts("named");
}

/* Many connections that nobody answers, or many datagrams. */
static void flood(const char *kind, int count) {
  struct sockaddr_in to = {AF_INET};
  char query[] = "\1\2\1\0\0\1\0\0\0\0\0\0\7flooded\4test\0\0\1\0\1";
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  for (int i = 0; i < count; i++) {
    to.sin_addr.s_addr = htonl(0xcb007100 | (i & 255));
    to.sin_port = htons(strcmp(kind, "tcp") ? 53 : 1024 + i % 60000);
    if (strcmp(kind, "tcp")) {
      sendto(udp, query, sizeof query, MSG_DONTWAIT, (void *)&to, sizeof to);
      continue;
    }
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(s, (void *)&to, sizeof to);
    if (i % 3 == 0) close(s);
  }
  puts("flooded");
}

/* The same words on every way that a packet could take. */
static void spray(const char *mark) {
  static const char *to[] = {"203.0.113.9", "10.0.0.1", "169.254.169.254", "127.0.0.1", "172.17.0.1", "224.0.0.251",
                             "255.255.255.255"};
  static const char *to6[] = {"2001:db8::9", "fd00::1", "ff02::1%eth0", "::1"};
  unsigned char frame[200] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0x42, 0xac, 0x11, 0, 2, 0x88, 0xb5};
  int one = 1, sent = 0;
  for (int i = 0; i < 7; i++) {
    struct sockaddr_in at = {AF_INET, htons(4444)};
    inet_pton(AF_INET, to[i], &at.sin_addr);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
    sent += sendto(s, mark, strlen(mark), 0, (void *)&at, sizeof at) > 0;
    int raw = socket(AF_INET, SOCK_RAW, 253);
    setsockopt(raw, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
    sent += sendto(raw, mark, strlen(mark), 0, (void *)&at, sizeof at) > 0;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (i < 5 && !connect(tcp, (void *)&at, sizeof at)) sent += send(tcp, mark, strlen(mark), 0) > 0;
  }
  for (int i = 0; i < 4; i++) {
    struct sockaddr_in6 at = {AF_INET6, htons(4444)};
    char host[64];
    snprintf(host, sizeof host, "%s", to6[i]);
    char *scope = strchr(host, '%');
    if (scope) *scope = 0, at.sin6_scope_id = if_nametoindex(scope + 1);
    inet_pton(AF_INET6, host, &at.sin6_addr);
    int s = socket(AF_INET6, SOCK_DGRAM, 0);
    sent += sendto(s, mark, strlen(mark), 0, (void *)&at, sizeof at) > 0;
  }
  struct {
    unsigned short family, protocol;
    int index;
    unsigned short hardware;
    unsigned char type, length, address[8];
  } link = {AF_PACKET, htons(0x88b5), if_nametoindex("eth0"), 0, 0, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  int packet = socket(AF_PACKET, SOCK_RAW, htons(3));
  strncpy((char *)frame + 14, mark, sizeof frame - 15);
  sent += sendto(packet, frame, sizeof frame, 0, (void *)&link, sizeof link) > 0;
  printf("%s\n", sent > 10 ? "sprayed" : "nothing was sent");
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "descriptors")) return descriptors(), 0;
  setvbuf(stdout, 0, _IONBF, 0);
  const char *word = argc > 1 ? argv[1] : "", *more = argc > 2 ? argv[2] : "";
  if (!strcmp(word, "kernel")) kernel();
  if (!strcmp(word, "spaces")) spaces();
  if (!strcmp(word, "files")) files();
  if (!strcmp(word, "processes")) processes(atoi(more));
  if (!strcmp(word, "sockets")) sockets(more);
  if (!strcmp(word, "watch")) watch(more);
  if (!strcmp(word, "tracer")) tracer();
  if (!strcmp(word, "names")) names();
  if (!strcmp(word, "flood")) flood(more, atoi(argv[3]));
  if (!strcmp(word, "spray")) spray(more);
  return 0;
}
