use super::parse::{Likeness, alias, is_machine_made, likeness, official, publishers, registries, skeleton};
use super::{HEX_NAMESPACE, HEX_TAG, HOST, IMPERSONATION, NAMESPACE_SQUAT, SQUAT};
use crate::{ImageView, Outcome};
use model::{Detection, Finding, ImageRef, Severity};

/// The host is almost, and not quite, that of a public registry.
pub(super) fn look_alike_host(image: &ImageView<'_>, name: &ImageRef, out: &mut Outcome) {
    /// From this length on two mistakes are no coincidence.
    const LONG: usize = 9;
    let host = name.registry.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let below =
        |known: &str| host == known || host.strip_suffix(known).is_some_and(|rest| rest.ends_with('.'));
    if !host.contains('.')
        || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        || registries().any(below)
    {
        return;
    }
    let distance = |known: &str| {
        let same = skeleton_of_host(&host) == skeleton_of_host(known);
        let distance = if same { 0 } else { strsim::osa_distance(&host, known) };
        (distance <= if known.len() >= LONG { 2 } else { 1 }).then_some(distance)
    };
    let nearest = registries().filter_map(|known| Some((distance(known)?, known))).min();
    if let Some((_, known)) = nearest {
        let why = format!("The host {host} is not {known}, and looks like it.");
        out.findings.push(told(image, &HOST, why, name).with_evidence("imitates", known, None));
    }
}

fn skeleton_of_host(host: &str) -> Vec<String> {
    host.split('.').map(skeleton).collect()
}

/// The repository and namespace of an image on Docker Hub.
pub(super) fn hub_name(image: &ImageView<'_>, name: &ImageRef, out: &mut Outcome) {
    let (namespace, repository) = name.repository.split_once('/').unwrap_or(("library", &name.repository));
    let repository = repository.rsplit('/').next().unwrap_or(repository);
    let published = publishers().any(|publisher| publisher == namespace);
    if is_machine_made(namespace, 9) {
        let why = format!("The namespace {namespace} is a run of hexadecimal digits.");
        out.findings.push(told(image, &HEX_NAMESPACE, why, name));
    } else if !published {
        out.findings.extend(namespace_squat(image, name, namespace));
    }
    let imitated = official().find(|&official| official == repository).or_else(|| alias(repository));
    match imitated {
        Some(imitated) if namespace != "library" && !published => {
            let why = format!("The official image is {imitated}; this one is {namespace}'s.");
            out.findings
                .push(told(image, &IMPERSONATION, why, name).with_evidence("imitates", imitated, None));
        }
        Some(_) => {}
        None if namespace == "library" || !published => out.findings.extend(squat(image, name, repository)),
        None => {}
    }
    if let Some(tag) = name.tag.as_deref().filter(|tag| is_machine_made(tag, 7)) {
        let why = format!("The tag {tag} is a run of hexadecimal digits.");
        let mut finding = told(image, &HEX_TAG, why, name);
        // Under the name of an official image no build system tags by commit.
        if out.findings.iter().any(|other| other.id == IMPERSONATION.id) {
            finding.severity = Severity::Medium;
        }
        out.findings.push(finding);
    }
}

fn namespace_squat(image: &ImageView<'_>, name: &ImageRef, namespace: &str) -> Option<Finding> {
    // Four letters are too few: accounts of that length are all taken, by anyone.
    let known = publishers().filter(|publisher| publisher.len() > 4);
    let (likeness, imitated) = nearest(namespace, known)?;
    let why = format!("The namespace {namespace} {} {imitated}.", verb(likeness));
    let mut finding = told(image, &NAMESPACE_SQUAT, why, name).with_evidence("imitates", imitated, None);
    if likeness == Likeness::Affix {
        finding.severity = Severity::Low;
    }
    Some(finding)
}

fn squat(image: &ImageView<'_>, name: &ImageRef, repository: &str) -> Option<Finding> {
    let (likeness, imitated) = nearest(repository, official())?;
    let why = format!("The repository {repository} {} the official image {imitated}.", verb(likeness));
    let mut finding = told(image, &SQUAT, why, name).with_evidence("imitates", imitated, None);
    if matches!(likeness, Likeness::Letter | Likeness::Affix) {
        finding.severity = Severity::Low;
    }
    Some(finding)
}

/// The name that is imitated most plainly; the first of the list among equals.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<(Likeness, &'static str)> {
    let likenesses = known.filter_map(|known| Some((likeness(name, known)?, known)));
    likenesses.min_by_key(|(likeness, _)| match likeness {
        Likeness::Skeleton => 0,
        Likeness::Typo => 1,
        Likeness::Affix => 2,
        Likeness::Letter => 3,
    })
}

fn verb(likeness: Likeness) -> &'static str {
    match likeness {
        Likeness::Skeleton => "looks the same as",
        Likeness::Typo => "is a typing mistake away from",
        Likeness::Letter => "is one letter away from",
        Likeness::Affix => "adds a word to",
    }
}

fn told(image: &ImageView<'_>, detection: &Detection, why: String, name: &ImageRef) -> Finding {
    image.finding(detection, model::escape_text(&why)).with_evidence("reference", &name.to_string(), None)
}
