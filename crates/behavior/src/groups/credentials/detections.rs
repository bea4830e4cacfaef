use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[CANARYREAD, CANARYUSE, IMDS, KUBE, PROCENV, SHADOW, HUNT, SNIFF, BURST, PUBIP];

pub(super) const CANARYREAD: Detection = Detection {
    id: "D-CRE-CANARYREAD",
    title: "Planted credentials opened",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1552.001"],
    why: "A process opened credentials that were planted for this run and that it has no known reason to read. Clients of \
          cloud services look for their own, which is left out.",
    advice: "See what reads them and what it does then.",
};

pub(super) const CANARYUSE: Detection = Detection {
    id: "D-CRE-CANARYUSE",
    title: "Planted credentials used",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1552.005", "T1528"],
    why: "Credentials that were planted for this run in a file or at a metadata service, and given to no program, were \
          presented to a service. Whoever does that took them.",
    advice: "Do not run the image where it can reach credentials.",
};

pub(super) const IMDS: Detection = Detection {
    id: "D-CRE-IMDS",
    title: "Metadata of the cloud asked for",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1552.005"],
    why: "A process asked the metadata service of the cloud that it runs in. Clients of such clouds do so at every start; \
          asking for credentials of the machine's role counts a little more.",
    advice: "Bar images from that service that do not need it.",
};

pub(super) const KUBE: Detection = Detection {
    id: "D-CRE-KUBE",
    title: "Secrets of the cluster listed",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1528", "T1613"],
    why: "A process took the account token of its pod and asked the cluster for secrets, for all pods, or for what it may \
          do. Operators do that by trade.",
    advice: "Ask whether this image is meant to manage a cluster. Switch the token off for images that need none.",
};

pub(super) const PROCENV: Detection = Detection {
    id: "D-CRE-PROCENV",
    title: "Environment or memory of other processes read",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1003.007"],
    why: "A process read the environment or memory of several others, where passwords stand in the open. Tools that list \
          processes read names and command lines only.",
    advice: "See what reads them.",
};

pub(super) const SHADOW: Detection = Detection {
    id: "D-CRE-SHADOW",
    title: "List of passwords read",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1003.008"],
    why: "A process read the list of hashed passwords and is no program that checks or keeps them.",
    advice: "See what reads it.",
};

pub(super) const HUNT: Detection = Detection {
    id: "D-CRE-HUNT",
    title: "Secrets searched for",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1552.001", "T1083"],
    why: "A process opened planted secrets of several kinds one after another: keys for logins, for clouds, for registries, \
          for clusters. No software needs them all; scanners for secrets that openly are such are not meant.",
    advice: "Do not run the image where it can reach credentials.",
};

pub(super) const SNIFF: Detection = Detection {
    id: "D-CRE-SNIFF",
    title: "Network listened to",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1040"],
    why: "A process asked to see all packets that pass and is no known tool for that.",
    advice: "Ask whether this image is meant to look at packets.",
};

pub(super) const BURST: Detection = Detection {
    id: "D-DIS-BURST",
    title: "Machine surveyed",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1082"],
    why: "Within seconds one script asked for six or more of: the kernel, the user, the processors, memory, disks, \
          addresses, processes. Start-up scripts ask for one to three.",
    advice: "See what is done with the answers.",
};

pub(super) const PUBIP: Detection = Detection {
    id: "D-DIS-PUBIP",
    title: "Own public address asked for",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1016"],
    why: "A process asked a public service under which address it is seen. Malware reports it home; clients for changing \
          addresses need it.",
    advice: "See what asks.",
};
