use super::parse::{climbs_out, goes_through_descriptor, is_descriptor, workdir_of};
use super::{DESCRIPTOR, LINKED_MOUNT, VOLUME, WORK_LINK};
use crate::{ImageView, Outcome};
use layers::{Kind, Place, normalize_path};
use model::{Role, Severity};

/// Most volumes that are told one by one.
const MAX_VOLUMES: usize = 32;

/// Paths of the configuration that lead through descriptors which the runtime holds open.
pub(super) fn open_descriptors(image: &ImageView<'_>, out: &mut Outcome) {
    let config = &image.config.config;
    let mut tell = |field: &str, value: &str| {
        let shown = model::escape_text(value);
        let why =
            format!("{field} is {shown}, which leads through a descriptor that the runtime holds open.");
        out.findings.push(image.finding(&DESCRIPTOR, why).with_evidence(
            "field",
            &format!("{field} {value}"),
            None,
        ));
    };
    if is_descriptor(&config.working_dir) {
        tell("WorkingDir", &config.working_dir);
    }
    for volume in config.volumes.keys().filter(|volume| is_descriptor(volume)).take(MAX_VOLUMES) {
        tell("Volumes", volume);
    }
    let words =
        [("Entrypoint", &config.entrypoint), ("Cmd", &config.cmd), ("Healthcheck", &config.healthcheck.test)];
    for (field, words) in words {
        if let Some(word) = words.iter().find(|word| goes_through_descriptor(word)) {
            tell(field, word);
        }
    }
    // A later instruction may hide the directory from the configuration; the build ran in it all the same.
    let instructions = image.config.history.iter().filter_map(|entry| workdir_of(&entry.created_by));
    if let Some(path) = instructions.into_iter().find(|path| is_descriptor(path)) {
        tell("WORKDIR in the history", path);
    }
}

/// The working directory passes a link that leads to a descriptor, or above the root.
pub(super) fn working_directory(image: &ImageView<'_>, out: &mut Outcome) {
    let (path, _) = normalize_path(image.config.config.working_dir.as_bytes());
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for end in ends.chain(std::iter::once(path.len())).take(256) {
        let Some((place, link)) = path.get(..end).and_then(|prefix| link_at(image, prefix)) else { continue };
        let target = String::from_utf8_lossy(link);
        let shown = model::escape_bytes(link);
        // A relative target starts in the directory that holds the link.
        let held =
            path.get(..end).and_then(|prefix| prefix.get(..prefix.iter().rposition(|&byte| byte == b'/')?));
        let full = if link.starts_with(b"/") {
            link.to_vec()
        } else {
            [held.unwrap_or_default(), b"/", link].concat()
        };
        let (detection, why) = if is_descriptor(&target) {
            (
                &DESCRIPTOR,
                format!(
                    "The working directory passes this link to {shown}, a descriptor that the runtime holds open."
                ),
            )
        } else if climbs_out(&full) {
            (
                &WORK_LINK,
                format!("The working directory passes this link to {shown}, which climbs above the root."),
            )
        } else {
            continue;
        };
        out.findings.push(image.finding_at(detection, why, place).with_evidence("link", &shown, None));
    }
}

/// Volumes that climb out of the image or lie over the system's own directories.
pub(super) fn volumes(image: &ImageView<'_>, out: &mut Outcome) {
    let mut told = Vec::new();
    for volume in image.config.config.volumes.keys() {
        let (path, _) = normalize_path(volume.as_bytes());
        let below = |directory: &str| {
            path.strip_prefix(directory.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let shown = model::escape_text(volume);
        let (role, severity, why) = if climbs_out(volume.as_bytes()) {
            (Role::Corroborates, Severity::High, format!("The volume {shown} climbs above the root."))
        } else if is_descriptor(volume)
            || ["sys/fs/cgroup", "dev/shm", "dev/mqueue", "dev/hugepages"].into_iter().any(below)
        {
            continue;
        } else if ["proc", "sys", "dev"].into_iter().any(below) {
            (
                Role::Corroborates,
                Severity::Medium,
                format!("The volume {shown} lies over a file system of the kernel."),
            )
        } else if path.is_empty() || path == b"etc" {
            (Role::Context, Severity::Low, format!("The volume {shown} holds the image's own settings."))
        } else {
            continue;
        };
        let mut finding =
            image.finding(&VOLUME, why).with_evidence("field", &format!("Volumes {volume}"), None);
        (finding.role, finding.severity) = (role, severity);
        told.push(finding);
    }
    // The gravest first, so that a crowd of lesser ones cannot push them out.
    told.sort_by_key(|finding| std::cmp::Reverse((finding.role, finding.severity)));
    out.findings.extend(told.into_iter().take(MAX_VOLUMES));
}

/// Mount points of the runtime that are links.
pub(super) fn linked_mount_points(image: &ImageView<'_>, out: &mut Outcome) {
    for point in ["dev", "proc", "sys"] {
        if let Some((place, link)) = link_at(image, point.as_bytes()) {
            let shown = model::escape_bytes(link);
            let why = format!("The runtime mounts at /{point}, and here it is a link to {shown}.");
            out.findings
                .push(image.finding_at(&LINKED_MOUNT, why, place).with_evidence("link", &shown, None));
        }
    }
}

fn link_at<'a>(image: &ImageView<'a>, path: &[u8]) -> Option<(Place, &'a [u8])> {
    let place = image.tree.get(path)?;
    let entry = image.tree.entry(place)?;
    (entry.kind == Kind::Symlink).then_some((place, entry.link))
}
