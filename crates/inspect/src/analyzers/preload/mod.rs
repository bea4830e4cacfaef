//! Libraries that are forced into every program of the image: by the loader's own file, or by the environment.

mod checks;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Judges forced libraries by who brought them.
#[derive(Debug)]
pub struct Preloads;

impl ImageAnalyzer for Preloads {
    fn name(&self) -> &'static str {
        "preload"
    }

    fn version(&self) -> u32 {
        2
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if image.platform.os != "linux" {
            return;
        }
        checks::file(image, out);
        checks::environment(image, out);
        checks::scripts(image, out);
    }
}

pub(crate) const PRELOAD_FILE: Detection = Detection {
    id: "S-EVA-PRELOADFILE",
    title: "Library that the loader forces into every program",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1574.006"],
    why: "/etc/ld.so.preload makes the loader put a library into every program, that of root included, and no base \
          image has the file. It is how rootkits of user space hide processes, files and connections. Only where a \
          package brought every library in it, unchanged, does it explain; one that no layer has is a low sign, as \
          something may bring it later.",
    advice: "Do not run the image. Look at the library and at the layer that brought the file.",
};

pub(crate) const PRELOAD_ENV: Detection = Detection {
    id: "S-EVA-PRELOADENV",
    title: "Library forced into every program",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Config,
    stage: Stage::Static,
    techniques: &["T1574.006"],
    why: "The environment, or a script of the start, forces a library into every program, and no package owns it. Rootkits hide \
          processes and files so. A library that a package owns unchanged, such as an allocator, only explains. One \
          below /usr/local or /opt that offers functions for memory alone is a low sign: services build their \
          allocator themselves.",
    advice: "Find out where the library comes from and what it replaces.",
};

const DETECTIONS: &[Detection] = &[PRELOAD_FILE, PRELOAD_ENV];
