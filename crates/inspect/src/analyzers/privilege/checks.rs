use super::{RUN_FLAGS, SUDO};
use crate::analyzers::hooks::{self, HookKind, What};
use crate::{ImageView, Outcome};

/// The user of the image may become root.
pub(super) fn sudo(image: &ImageView<'_>, out: &mut Outcome) {
    let user = image.config.config.user.split(':').next().unwrap_or_default();
    if user.is_empty() || user == "root" || user == "0" {
        return;
    }
    let (hooks, _) = hooks::listed(image);
    let tables = hooks.iter().filter(|hook| hook.kind == HookKind::Sudoers);
    let orders = tables.filter_map(|hook| {
        hooks::facts(image, hook)?.orders.iter().find_map(|order| match &order.what {
            What::Sudoer(who) if is_meant(who, user) => Some((hook, order.line, who)),
            _ => None,
        })
    });
    if let Some((hook, line, who)) = orders.into_iter().next() {
        let shown = model::escape_bytes(who);
        let why = format!(
            "The image runs as {}, and line {line} lets {shown} run everything without a password.",
            model::escape_text(user)
        );
        let finding =
            image.finding_at(&SUDO, why, hook.place).with_evidence("user", &image.config.config.user, None);
        out.findings.push(finding);
    }
}

/// Whether a rule for somebody is one for the user: by name, by a number, or for the groups that administrators
/// are in, of which the user is one or sudo would not help.
fn is_meant(who: &[u8], user: &str) -> bool {
    let number = who.strip_prefix(b"#").is_some_and(|number| number == user.as_bytes());
    who == user.as_bytes() || number || matches!(who, b"ALL" | b"%sudo" | b"%wheel" | b"%admin" | b"%root")
}

/// A label gives a command that runs the image with the rights of the host.
pub(super) fn run_flags(image: &ImageView<'_>, out: &mut Outcome) {
    const FLAGS: [&str; 9] = [
        "--privileged",
        "--pid=host",
        "--pid host",
        "-v /:/",
        "--volume /:/",
        "--volume=/:/",
        "/var/run/docker.sock:",
        "/run/docker.sock:",
        "--cap-add=SYS_ADMIN",
    ];
    for (key, value) in &image.config.config.labels {
        let Some(flag) = FLAGS.iter().find(|flag| value.contains(**flag)) else { continue };
        let why = format!("The label {} speaks of {flag}.", model::escape_text(key));
        let shown: String = format!("{key}={value}").chars().take(300).collect();
        out.findings.push(image.finding(&RUN_FLAGS, why).with_evidence("label", &shown, None));
        // One label is enough to say it.
        return;
    }
}
