use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[MOUNT, NAMESPACE, CGROUP, KERNEL_HOOK, PROC_ONE, SOCKET, MODULE, BPF, PTRACE, EXPLOIT, SETUID, RUNTIME];

pub(super) const MOUNT: Detection = Detection {
    id: "D-ESC-MOUNT",
    title: "File systems mounted",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process tried to mount a file system or to change its root. Few images are made for that: those that run \
          containers of their own, and those that start a whole system.",
    advice: "Ask whether this image is meant to run containers.",
};

pub(super) const NAMESPACE: Detection = Detection {
    id: "D-ESC-NS",
    title: "Namespaces made or entered",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process made namespaces or tried to enter others. Exploits need them to gain rights over the kernel; browsers \
          and sandboxes use them to protect.",
    advice: "Look at what makes them.",
};

pub(super) const CGROUP: Detection = Detection {
    id: "D-ESC-CGROUP",
    title: "Release agent set",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process tried to set the program that the kernel runs on the host when a control group becomes empty. Nothing \
          in a container has an honest use for that.",
    advice: "Do not run the image.",
};

pub(super) const KERNEL_HOOK: Detection = Detection {
    id: "D-ESC-KHOOK",
    title: "Program for the kernel to run set",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process tried to write where the kernel looks up which program it runs by itself: for dumps, for modules, for \
          devices, for formats. The kernel runs it on the host with all rights.",
    advice: "Do not run the image. Images that install support for foreign programs write to one of these places and say so.",
};

pub(super) const PROC_ONE: Detection = Detection {
    id: "D-ESC-PROC1",
    title: "Memory or disks of the machine opened",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process tried to open the root of another process's tree from outside, the machine's memory, its kernel log for \
          writing, or its disks. All lead out of the container.",
    advice: "Do not run the image unless it is an agent that is meant to look at its node.",
};

pub(super) const SOCKET: Detection = Detection {
    id: "D-ESC-SOCK",
    title: "Container engine spoken to",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1611", "T1610"],
    why: "A process spoke to the socket of a container engine. Who may do that owns the host. Asking for a container with \
          the host's rights or directories convicts; only looking does not.",
    advice: "Do not give the image that socket.",
};

pub(super) const MODULE: Detection = Detection {
    id: "D-ESC-KMOD",
    title: "Kernel module loaded",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1547.006", "T1611"],
    why: "A process tried to load a module into the kernel, which is the host's.",
    advice: "Do not run the image unless it installs a driver and says so.",
};

pub(super) const BPF: Detection = Detection {
    id: "D-ESC-BPF",
    title: "Program loaded into the kernel",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611", "T1014"],
    why: "A process tried to load a program into the kernel. Agents for networking and observation do; so do rootkits.",
    advice: "Ask whether this image is such an agent.",
};

pub(super) const PTRACE: Detection = Detection {
    id: "D-ESC-PTRACE",
    title: "Memory of another process changed",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1055.008"],
    why: "A process took hold of another that is no child of its own, or wrote into its memory.",
    advice: "Debuggers do that; see whether this is one.",
};

pub(super) const EXPLOIT: Detection = Detection {
    id: "D-ESC-EXPLOITSYS",
    title: "Calls in the order that exploits need",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1068"],
    why: "A process made several calls together that exploits of the kernel need and next to no service does: handling of \
          its own page faults, keys, namespaces, and rings for requests.",
    advice: "Do not run the image before it is known what it is for.",
};

pub(super) const SETUID: Detection = Detection {
    id: "D-ESC-SUIDUP",
    title: "Rights gained",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1548.001"],
    why: "A process without rights became the administrator through a program that was given that power while the image \
          ran, or gave a program that power. The system's own tools for changing the user come with a package and are not \
          meant.",
    advice: "Do not run the image.",
};

pub(super) const RUNTIME: Detection = Detection {
    id: "D-ESC-RUNC",
    title: "Container runtime attacked",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1611"],
    why: "A process tried to write to the program that runs it through /proc/self/exe, or to use a descriptor that a \
          runtime left open. That is how CVE-2019-5736 and CVE-2024-21626 leave a container.",
    advice: "Do not run the image. Keep the runtime up to date.",
};
