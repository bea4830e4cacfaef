use super::parse::{OddUser, odd_user};
use super::{ACCOUNTS, CHECKPOINT, HISTORY, LOGGER, USER};
use crate::{ImageView, Outcome};
use layers::Kind;
use model::{Role, Severity};

/// Most labels that are told one by one.
const MAX_FINDINGS: usize = 32;

/// Labels that a runtime would take for its own.
pub(super) fn labels(image: &ImageView<'_>, out: &mut Outcome) {
    const RESERVED: [&str; 4] = ["io.containerd.", "io.cri-containerd.", "containerd.io/", "nerdctl/"];
    let labels = image.config.config.labels.iter().filter_map(|(key, value)| {
        let orders = value.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("binary://"));
        let reserved = RESERVED.iter().any(|prefix| key.starts_with(prefix));
        (orders || reserved).then_some((orders, key, value))
    });
    // Orders first, so that a crowd of merely reserved labels cannot push them out.
    let (orders, reserved): (Vec<_>, Vec<_>) = labels.partition(|(orders, ..)| *orders);
    for (orders, key, value) in orders.into_iter().chain(reserved).take(MAX_FINDINGS) {
        let shown = model::escape_text(key);
        let why = if orders {
            format!("The label {shown} names a program that the runtime is to start on the host.")
        } else {
            format!(
                "The label {shown} is one that containerd keeps for itself; an image has no reason to set it."
            )
        };
        let mut finding = image.finding(&LOGGER, why).with_evidence("label", &format!("{key}={value}"), None);
        if !orders {
            (finding.role, finding.severity) = (Role::Corroborates, Severity::Medium);
        }
        out.findings.push(finding);
    }
}

/// A user that is no account.
pub(super) fn user(image: &ImageView<'_>, out: &mut Outcome) {
    let user = &image.config.config.user;
    let Some(odd) = odd_user(user) else { return };
    let shown = model::escape_text(user);
    let why = match odd {
        OddUser::Number => {
            format!("The user {shown} is no number that an account can have; some runtimes start it as root.")
        }
        OddUser::Characters => format!("The user {shown} has characters that no account's name has."),
    };
    let mut finding = image.finding(&USER, why).with_evidence("field", &format!("User {user}"), None);
    if odd == OddUser::Characters {
        finding.severity = Severity::Medium;
    }
    out.findings.push(finding);
}

/// Account files that exhaust whoever reads them.
pub(super) fn accounts(image: &ImageView<'_>, out: &mut Outcome) {
    const LARGEST: u64 = 8 << 20;
    for path in [b"etc/passwd".as_slice(), b"etc/group"] {
        let Ok((_, place)) = image.tree.resolve(path) else { continue };
        let Some(entry) = image.tree.entry(image.tree.content(place)) else { continue };
        if entry.kind == Kind::File && entry.size > LARGEST {
            let why = format!("It has {} bytes.", entry.size);
            out.findings.push(image.finding_at(&ACCOUNTS, why, place).with_evidence(
                "size",
                &entry.size.to_string(),
                None,
            ));
        }
    }
}

/// A frozen container in the dress of an image.
pub(super) fn checkpoint(image: &ImageView<'_>, out: &mut Outcome) {
    const LABELS: [&str; 3] = [
        "io.kubernetes.cri-o.annotations.checkpoint",
        "org.criu.checkpoint",
        "io.podman.annotations.checkpoint",
    ];
    let labels = &image.config.config.labels;
    if let Some(key) = labels.keys().find(|key| LABELS.iter().any(|prefix| key.starts_with(prefix))) {
        let why = format!("The label {} marks a checkpoint.", model::escape_text(key));
        out.findings.push(image.finding(&CHECKPOINT, why).with_evidence("label", key, None));
        return;
    }
    // What CRIU cannot do without, beside what the engines put next to it.
    let has = |path: &[u8]| image.tree.get(path);
    if let (Some(place), Some(_)) =
        (has(b"checkpoint/inventory.img"), has(b"config.dump").or_else(|| has(b"spec.dump")))
    {
        let why = "The image holds the memory of a stopped container beside its configuration.";
        out.findings.push(image.finding_at(&CHECKPOINT, why, place));
    }
}

/// The history tells of another number of layers.
pub(super) fn history(image: &ImageView<'_>, out: &mut Outcome) {
    let told = image.config.layer_instructions().len();
    let there = image.layers.len();
    if !image.config.history.is_empty() && told != there {
        let why = format!("The history tells of {told} layers; the image has {there}.");
        out.findings.push(image.finding(&HISTORY, why).with_evidence(
            "field",
            &format!("history {told}"),
            None,
        ));
    }
}
