//! Images that do harm, or rather what stands in for it: every host is reserved for documentation, and whatever is
//! fetched, submitted or sent comes from and goes to the run's own network.

mod control;
mod escape;
mod fetching;
mod impact;
mod mining;
mod persistence;
mod spread;
mod stealth;
mod theft;
mod waiting;

use crate::case::Case;
use crate::tools::{Tool, compile};

pub(crate) fn cases() -> Vec<Case> {
    [
        mining::cases(),
        fetching::cases(),
        control::cases(),
        persistence::cases(),
        escape::cases(),
        stealth::cases(),
        theft::cases(),
        spread::cases(),
        impact::cases(),
        waiting::cases(),
    ]
    .concat()
}

fn started(group: &'static str, name: &str, expect: &[&'static str], words: &[&str]) -> Case {
    let mut case = Case {
        group,
        name: name.to_owned(),
        tools: vec![Tool::Busybox],
        expect: expect.to_vec(),
        seconds: 40,
        ..Case::default()
    };
    case.config.os = "linux".to_owned();
    case.config.architecture = "amd64".to_owned();
    case.config.config.entrypoint = words.iter().map(|word| (*word).to_owned()).collect();
    case
}

/// An image that starts a script of the shell.
fn sh(group: &'static str, name: &str, expect: &[&'static str], script: &str) -> Case {
    started(group, name, expect, &["/entrypoint.sh"]).file(
        "entrypoint.sh",
        0o755,
        format!("#!/bin/sh\n{script}\n"),
    )
}

/// An image that starts a script of `bash`, which opens connections by itself.
fn bash(group: &'static str, name: &str, expect: &[&'static str], script: &str) -> Case {
    started(group, name, expect, &["/usr/bin/bash", "/opt/run"]).with(&[Tool::Bash]).file(
        "opt/run",
        0o644,
        format!("{script}\n"),
    )
}

fn python(group: &'static str, name: &str, expect: &[&'static str], script: &str) -> Case {
    started(group, name, expect, &["/usr/bin/python3", "/app/main.py"]).with(&[Tool::Python]).file(
        "app/main.py",
        0o644,
        script,
    )
}

fn perl(group: &'static str, name: &str, expect: &[&'static str], script: &str) -> Case {
    started(group, name, expect, &["/usr/bin/perl", "/srv/job.pl"]).with(&[Tool::Perl]).file(
        "srv/job.pl",
        0o644,
        script,
    )
}

/// An image that starts a static program.
fn c(group: &'static str, name: &str, expect: &[&'static str], source: &str) -> Case {
    started(group, name, expect, &["/usr/sbin/serviced"]).file(
        "usr/sbin/serviced",
        0o755,
        compile(&format!("{HEADERS}{source}")),
    )
}

const HEADERS: &str = "#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static int dial(const char *host, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&to, sizeof to)) perror(\"connect\");
    return s;
}
";
