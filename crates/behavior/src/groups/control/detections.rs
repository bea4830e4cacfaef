use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[REVSH, ELICIT, BINDSH, BEACON, IRC, DNSTUN, DGA, TOR, ICMPRAW, TUNNEL, RAWTLS, RMM, DEADPOLL];

pub(super) const REVSH: Detection = Detection {
    id: "D-C2-REVSH",
    title: "Shell connected to a host",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1059.004"],
    why: "A shell or interpreter ran with a socket as its standard input and output, connected to a host outside: whoever \
          is there types the commands.",
    advice: "Do not run the image. The host is in the evidence.",
};

pub(super) const ELICIT: Detection = Detection {
    id: "D-C2-ELICIT",
    title: "Command of ours was run",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1059.004"],
    why: "The image connected to a host, and when that host typed a command, the image ran it and sent back what it \
          printed. There is no better proof of a back door.",
    advice: "Do not run the image.",
};

pub(super) const BINDSH: Detection = Detection {
    id: "D-C2-BINDSH",
    title: "Shell for whoever connects",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1059.004"],
    why: "A process that accepts connections started a shell with the connection as its standard input and output. Only \
          servers for remote logins do that, and they ask who is there.",
    advice: "Do not run the image.",
};

pub(super) const BEACON: Detection = Detection {
    id: "D-C2-BEACON",
    title: "Regular calls home",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1071.001"],
    why: "A process asked the same host at regular intervals although nobody asked anything of it. Agents wait for orders \
          like that; so do checks for updates.",
    advice: "See whether the host belongs to whoever made the software.",
};

pub(super) const IRC: Detection = Detection {
    id: "D-C2-IRC",
    title: "Registered at a chat server",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1071"],
    why: "A process gave itself a nickname at an IRC server and registered. Bots take their orders in such channels. \
          Images that openly are chat programs do it by trade, and it stands beside what else is found of them.",
    advice: "Do not run the image unless it is a chat program. Channel and server are in the evidence.",
};

pub(super) const DNSTUN: Detection = Detection {
    id: "D-C2-DNSTUN",
    title: "Data carried in names",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1071.004", "T1572"],
    why: "A process asked for many different long names below one domain, whose labels look like encoded data. Questions \
          for names leave networks from which nothing else may leave.",
    advice: "Do not run the image. The domain is in the evidence.",
};

pub(super) const DGA: Detection = Detection {
    id: "D-C2-DGA",
    title: "Many made-up domains tried",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1568.002"],
    why: "A process asked for many domains that do not exist and look drawn by lot, each another. Malware searches its \
          control server like that, so that none of its names can be taken away for good.",
    advice: "Look at the names in the record and at what asks for them.",
};

pub(super) const TOR: Detection = Detection {
    id: "D-C2-TOR",
    title: "Hidden network used",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1090.003"],
    why: "A process spoke to the Tor network, or asked a proxy for a hidden service. Services have next to no reason to \
          hide whom they speak to.",
    advice: "Unless the image openly offers this, ask its maker why.",
};

pub(super) const ICMPRAW: Detection = Detection {
    id: "D-C2-ICMPRAW",
    title: "Raw packets as a channel",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1095", "T1205"],
    why: "A process opened a raw or packet socket and put a filter of its own on it, or sent data inside of ICMP. Back \
          doors that wait for a magic packet do so. Programs for diagnosis and address assignment do it by trade.",
    advice: "Ask whether this image is meant to look at packets.",
};

pub(super) const TUNNEL: Detection = Detection {
    id: "D-C2-TUNNEL",
    title: "Tunnel to outside opened",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1572"],
    why: "A process opened a tunnel at a public service or with a known tunnelling protocol, through which others reach \
          into the network that the image runs in.",
    advice: "Ask whether this image is meant to be reached from outside.",
};

pub(super) const RAWTLS: Detection = Detection {
    id: "D-C2-RAWTLS",
    title: "Encrypted talk with a bare address",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1573"],
    why: "A process made an encrypted connection to an address that has no name and asked for none in its greeting. \
          Services are reached by name; control servers move too often for that.",
    advice: "Find out whose the address is.",
};

pub(super) const RMM: Detection = Detection {
    id: "D-C2-RMM",
    title: "Remote management enrolled",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1219"],
    why: "A process enrolled with a service for managing machines remotely. Attackers use such services since their \
          programs are signed and known.",
    advice: "Ask whether this image is meant to be managed that way, and by whom.",
};

pub(super) const DEADPOLL: Detection = Detection {
    id: "D-C2-DEADPOLL",
    title: "Orders looked for on a public board",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1102"],
    why: "A process asked the same page of a public board again and again. Whoever writes there can tell it what to do, \
          and the connection looks like anyone's.",
    advice: "Look at what is done with the answers.",
};
