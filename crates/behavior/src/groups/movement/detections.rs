use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] = &[SWEEP, SERVICES, SPRAY, KEYREUSE];

pub(super) const SWEEP: Detection = Detection {
    id: "D-LAT-SWEEP",
    title: "Hosts or ports walked through",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1046"],
    why: "A process knocked at more than fifty hosts within a minute at one port, or at as many ports of one host, without \
          having been told of them by anyone. Worms look for their next victim like that. Scanners that openly are such, \
          and peers that an answer named, are not meant.",
    advice: "Do not run the image.",
};

pub(super) const SERVICES: Detection = Detection {
    id: "D-LAT-SVC",
    title: "Neighbours' services tried",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1210", "T1610"],
    why: "A process spoke the languages of services that hand over a machine (container engines, node agents, databases \
          without passwords) to hosts that nothing had named to it, and asked them to change or run something.",
    advice: "Do not run the image.",
};

pub(super) const SPRAY: Detection = Detection {
    id: "D-LAT-SSHSPRAY",
    title: "Logins tried",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1110", "T1021.004"],
    why: "A process tried five or more logins, or logins at three or more hosts, that nothing had given to it.",
    advice: "Do not run the image.",
};

pub(super) const KEYREUSE: Detection = Detection {
    id: "D-LAT-KEYREUSE",
    title: "Planted key used at another host",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1021.004"],
    why: "A process logged in, or tried to, with a key that was planted for this run and belongs to nobody.",
    advice: "Do not run the image where it can reach keys.",
};
