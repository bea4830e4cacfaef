use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[CRON, HOSTCRON, UNIT, KEYS, PRELOAD, ACCOUNT, REPLACED, HOOKFIRE, STARTUP];

pub(super) const CRON: Detection = Detection {
    id: "D-PER-CRON",
    title: "Table of timed commands written",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1053.003"],
    why: "A process wrote a table of commands that run by the clock, while the image ran. Malware comes back that way when \
          it is stopped. Images for backups fill such a table from their settings.",
    advice: "See what the table runs.",
};

pub(super) const HOSTCRON: Detection = Detection {
    id: "D-PER-HOSTCRON",
    title: "Timed command written into a mounted host directory",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1053.003", "T1611"],
    why: "A process looked for a directory of the host mounted into it and wrote a table of timed commands there, so that \
          the host runs it. Images of real campaigns do exactly that.",
    advice: "Do not run the image. Where it has run with such a mount, look at the host's tables.",
};

pub(super) const UNIT: Detection = Detection {
    id: "D-PER-UNIT",
    title: "Service or profile written at run time",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1543.002", "T1546.004"],
    why: "A process wrote a service, a start-up script or a shell profile while the image ran, so that something starts \
          again by itself. Supervisors and package environments do it when they set themselves up.",
    advice: "See what is started.",
};

pub(super) const KEYS: Detection = Detection {
    id: "D-PER-KEYS",
    title: "Key for remote login added",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1098.004"],
    why: "A process wrote to a list of keys that may log in, while the image ran. Images for remote login take such a key \
          from their settings.",
    advice: "See whose key it is.",
};

pub(super) const PRELOAD: Detection = Detection {
    id: "D-PER-PRELOAD",
    title: "Library forced into every program",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1574.006"],
    why: "A process wrote the loader's list of libraries that go into every program, while the image ran. That is how \
          processes and files are hidden.",
    advice: "Do not run the image.",
};

pub(super) const ACCOUNT: Detection = Detection {
    id: "D-PER-ACCOUNT",
    title: "Account with all rights made",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1136.001"],
    why: "A process wrote the list of passwords while the image ran, or made an account. Start-up scripts that adjust the \
          number of the image's user do so with the system's tools; everything else has no business there.",
    advice: "See which account it is and who may use it.",
};

pub(super) const REPLACED: Detection = Detection {
    id: "D-PER-BINREPL",
    title: "System program overwritten",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1554"],
    why: "A process overwrote a program or library that checks passwords, raises rights, lists processes or files, and it \
          was no package manager. The replacement is a back door, or hides one.",
    advice: "Do not run the image.",
};

pub(super) const HOOKFIRE: Detection = Detection {
    id: "D-PER-HOOKFIRE",
    title: "Interpreter does more than it was asked",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1546.018", "T1574"],
    why: "An interpreter of the image was started to do nothing at all, and a process was started, a host was contacted \
          or a file outside its own caches was written. So something in the image fires whenever that interpreter starts, \
          whatever it is started for.",
    advice: "Do not run the image. Look for start-up files of the interpreter that no package owns.",
};

pub(super) const STARTUP: Detection = Detection {
    id: "D-PER-STARTUP",
    title: "Second start runs something new",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Drift,
    stage: Stage::Dynamic,
    techniques: &["T1547"],
    why: "When the same container was started a second time, a program ran that the first start had written. Some \
          applications install their own additions that way.",
    advice: "The program is kept; see what it is.",
};
