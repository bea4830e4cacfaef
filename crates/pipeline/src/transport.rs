use crate::platform::Concluded;
use model::{Class, Detection, Finding, Gap, Role, Severity, Stage};
use source::Opened;

/// Findings about how the image is declared, before any layer is read.
pub(crate) const DETECTIONS: &[Detection] = &[Detection {
    id: "S-EVA-ARTIFACT",
    title: "Declaration that readers may read differently",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &["T1027.009", "T1027"],
    why: "A manifest that is an index at the same time, a layer that lies elsewhere, or a platform that only \
          some clients see lets an image show one face to a scanner and another to the runtime.",
    advice: "Rebuild the image with a current builder, or ask its publisher why it is declared so. Do not run \
             it from a client that resolves it differently.",
}];

/// What the declarations alone tell.
pub(crate) fn conclude(opened: &Opened) -> Concluded {
    let mut concluded = Concluded { gaps: opened.gaps.clone(), ..Concluded::default() };
    for anomaly in &opened.anomalies {
        let kind = anomaly.kind.name();
        if let Some(detection) = DETECTIONS.first() {
            let mut finding =
                Finding::of(detection, format!("{}: {} ({})", anomaly.what, anomaly.detail, kind))
                    .with_evidence("anomaly", &kind, None);
            if !anomaly.kind.is_gap() {
                // Odd, yet read as everyone reads it.
                finding.role = Role::Context;
                finding.severity = Severity::Low;
            }
            concluded.findings.push(finding);
        }
        if anomaly.kind.is_gap() {
            concluded.gaps.push(Gap::new(&anomaly.what, format!("{kind}: {}", anomaly.detail)));
        }
    }
    concluded
}
