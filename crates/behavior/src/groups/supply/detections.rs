use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] = &[ARCHDIFF];

pub(super) const ARCHDIFF: Detection = Detection {
    id: "D-SUP-ARCHDIFF",
    title: "Platforms of one image behave differently",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Drift,
    stage: Stage::Dynamic,
    techniques: &["T1480"],
    why: "Two platforms of one image were run alike, and one spoke to hosts or ran programs that the other did not. They \
          are built from one source, so what one has and the other lacks was put there by hand.",
    advice: "Compare how the platforms were built.",
};
