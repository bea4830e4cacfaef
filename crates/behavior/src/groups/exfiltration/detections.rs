use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] = &[CANARY, NAMES, INPUT, BULK, OPAQUE];

pub(super) const CANARY: Detection = Detection {
    id: "D-EXF-CANARY",
    title: "Planted secret left",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1041", "T1048"],
    why: "A secret that was made for this run and exists nowhere else was seen in what the image sent to a host that its \
          configuration does not name, in the open or encoded. It cannot have come there by chance.",
    advice: "Do not run the image where it can reach secrets. Where it has run, change them.",
};

pub(super) const NAMES: Detection = Detection {
    id: "D-EXF-DNS",
    title: "Planted secret left in names",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1048.003"],
    why: "A secret that was made for this run was seen in names that the image asked for. Such questions leave networks \
          from which nothing else may leave.",
    advice: "Do not run the image where it can reach secrets.",
};

pub(super) const INPUT: Detection = Detection {
    id: "D-EXF-INPUT",
    title: "What it was given to work on left",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Canary,
    stage: Stage::Dynamic,
    techniques: &["T1567"],
    why: "A mark in the data that the image was given to process was seen in what it sent to a host that its configuration \
          does not name. Scanners and compilers that were tampered with send home what they see.",
    advice: "Do not give the image data of yours.",
};

pub(super) const BULK: Detection = Detection {
    id: "D-EXF-BULK",
    title: "Archive of the system sent",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1560", "T1567"],
    why: "A process packed directories of settings, of homes or of the administrator and sent the archive to a host that \
          the image's configuration does not name.",
    advice: "Do not run the image.",
};

pub(super) const OPAQUE: Detection = Detection {
    id: "D-EXF-OPAQUE",
    title: "Something unreadable sent after secrets were read",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1041"],
    why: "A process read planted secrets and then sent about as much, encrypted in a way that cannot be looked into, to a \
          host that the image's configuration does not name.",
    advice: "See what sends it.",
};
