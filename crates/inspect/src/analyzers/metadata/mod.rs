//! What the history tells of the way in which an image was made.

#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, HISTORY, History, Role, Severity, Stage};

/// Reads the history.
#[derive(Debug)]
pub struct Metadata;

impl ImageAnalyzer for Metadata {
    fn name(&self) -> &'static str {
        "metadata"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        committed(image, out);
    }
}

/// Layers that were taken from a running container. `docker commit` writes the words of the container's command
/// where a build writes its instruction.
fn committed(image: &ImageView<'_>, out: &mut Outcome) {
    let history = &image.config.history;
    // Other builders write what they like, or nothing; only beside instructions of a build is it a sign.
    if !history.iter().any(is_instruction) {
        return;
    }
    let layers = history.iter().filter(|step| !step.empty_layer).enumerate();
    let committed: Vec<_> = layers.filter(|(_, step)| is_commit(step)).collect();
    let Some((index, step)) = committed.first() else { return };
    let command = match step.created_by.trim() {
        "" => "nothing".to_owned(),
        command => model::escape_text(command),
    };
    let why =
        format!("The history names {command} as what made layer {index}, among instructions of a build.");
    let mut finding = image.finding(&COMMIT, why);
    finding.layer = image.layer_ref(*index);
    for (_, step) in committed.iter().take(8) {
        finding = finding.with_evidence(HISTORY, &step.created_by, None);
    }
    out.findings.push(finding);
}

/// Whether an entry is an instruction as Docker's builders write it.
fn is_instruction(step: &History) -> bool {
    const INSTRUCTIONS: [&str; 8] = ["RUN ", "COPY ", "ADD ", "CMD ", "ENV ", "WORKDIR ", "ENTRYPOINT ", "|"];
    let by = step.created_by.trim_start();
    by.starts_with("/bin/sh -c ")
        || by.contains("#(nop)")
        || INSTRUCTIONS.iter().any(|word| by.starts_with(word))
}

/// Whether an entry that made a layer has the form of a commit: a shell that somebody worked in, or no command.
fn is_commit(step: &History) -> bool {
    const SHELLS: [&str; 4] = ["bash", "sh", "ash", "zsh"];
    let mut words = step.created_by.split_whitespace();
    let shell = match words.next() {
        Some(program) => SHELLS.contains(&program.rsplit('/').next().unwrap_or(program)),
        None => true,
    };
    // A squashed or imported image says so in the comment.
    let merged = ["buildkit", "merge", "squash", "imported", "buildpack", "kaniko"]
        .iter()
        .any(|word| step.comment.to_ascii_lowercase().contains(word));
    shell && !merged && words.all(|option| matches!(option, "-l" | "-i" | "--login"))
}

pub(crate) const COMMIT: Detection = Detection {
    id: "S-META-COMMIT",
    title: "Layer taken from a container",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &[],
    why: "A layer was taken from a container in which somebody worked at a shell, not made by an instruction of a \
          build: nothing says what was done there. Quick repairs are made so, and so were images of campaigns.",
    advice: "Look at what the layer changed. Build images from a file that can be read and built again.",
};

const DETECTIONS: &[Detection] = &[COMMIT];
