use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] = &[ENCRYPT, WIPE, FLOOD, FORK, RIVALKILL];

pub(super) const ENCRYPT: Detection = Detection {
    id: "D-IMP-ENCRYPT",
    title: "Files made unreadable",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1486"],
    why: "Most of the documents that were put into the image for this run were written over or replaced under other names. \
          Nobody asked for that.",
    advice: "Do not run the image.",
};

pub(super) const WIPE: Detection = Detection {
    id: "D-IMP-WIPE",
    title: "Files removed in masses",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1485"],
    why: "Most of the documents that were put into the image for this run were removed. What tidies up removes its own files.",
    advice: "Do not run the image.",
};

pub(super) const FLOOD: Detection = Detection {
    id: "D-IMP-FLOOD",
    title: "Host flooded",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1498", "T1499"],
    why: "The image sent more than a thousand packets or connections in a second to one host that its configuration does \
          not name, and nobody had asked it for anything.",
    advice: "Do not run the image.",
};

pub(super) const FORK: Detection = Detection {
    id: "D-IMP-FORK",
    title: "Machine exhausted",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1499"],
    why: "The image reached the limit of processes or filled its disk. Tests of load do that by trade; others do it by \
          mistake or to harm.",
    advice: "Limit what it may use, and see what it does.",
};

pub(super) const RIVALKILL: Detection = Detection {
    id: "D-IMP-RIVALKILL",
    title: "Rival miner killed",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1489"],
    why: "A process that was started for this run under a miner's name, and does nothing, was killed. Only who wants the \
          processor alone looks for miners to kill.",
    advice: "Do not run the image.",
};
