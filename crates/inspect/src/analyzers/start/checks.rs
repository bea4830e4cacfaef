use super::walk::Walk;
use super::{HIDDEN_RUN, NO_START, RunKind, WRAPPED, base_name};
use crate::analyzers::program::ProgramFacts;
use crate::{Fact, ImageView, Outcome, Reached, Root};
use model::{Gap, Role, Severity};

/// What the walk did not follow although it could have been.
pub(super) fn limits(image: &ImageView<'_>, walk: &Walk, out: &mut Outcome) {
    let what = format!("{}, start", image.platform);
    if walk.ended {
        out.gaps.push(Gap::new(
            &what,
            "it runs more than 512 files, 4,096 commands or 16 of them inside each other; the rest was not followed",
        ));
    }
    for reached in walk.cut.iter().filter_map(|&index| walk.chain.get(index)) {
        let why = format!(
            "/{} is longer than is read of such a script, or runs or does more than is kept; the rest was not followed",
            model::escape_bytes(&reached.path)
        );
        out.gaps.push(Gap::new(&what, why));
    }
}

/// The start names a program that no layer has.
pub(super) fn nothing_to_start(image: &ImageView<'_>, walk: &Walk, out: &mut Outcome) {
    let Some(program) = &walk.missing else { return };
    // A layer that was not read may have it; the gap says so.
    if image.layers.iter().any(|layer| !layer.facts.gaps.is_empty()) {
        return;
    }
    let name = model::escape_bytes(program);
    let why = format!("The image starts {name}, and no layer has it where the runtime would look.");
    out.findings.push(image.finding(&NO_START, why).with_evidence("command", &name, None));
}

/// The start leads to something that hides. Data is not meant: what is reached is run or loaded.
pub(super) fn hidden_programs(image: &ImageView<'_>, walk: &Walk, out: &mut Outcome) {
    for (reached, kind) in walk.chain.iter().zip(&walk.kinds) {
        let loaded = *kind == Some(RunKind::Source);
        let Some(reason) = hiding(&reached.path, loaded) else { continue };
        if image.ownership.owner(&reached.path).is_some() {
            continue;
        }
        let why = format!("{}. It lies {reason}, and no package owns it.", sentence(reached));
        let mut finding =
            image.finding_at(&HIDDEN_RUN, why, reached.place).with_evidence("how", &reached.how, None);
        finding.reachable = reached.certain.then_some(true);
        // What hangs on a daemon that nothing starts is a sign, and not the start of the image.
        if !reached.certain {
            finding.severity = Severity::Medium;
        }
        out.findings.push(finding);
    }
}

/// The first script of the start leaves an unowned program behind and hands over to what lay below it.
///
/// Many honest images start two programs in one script. What they do not do is to be put on top of another
/// image's start together with the second program, so only that counts; the rest explains.
pub(super) fn wrapped_start(image: &ImageView<'_>, walk: &Walk, out: &mut Outcome) {
    let unowned = |reached: &Reached| image.ownership.owner(&reached.path).is_none();
    for (reached, kind) in walk.chain.iter().zip(&walk.kinds) {
        let Some((from, script)) = reached.from.and_then(|from| Some((from, walk.chain.get(from)?))) else {
            continue;
        };
        let left_behind = *kind == Some(RunKind::Background);
        if !left_behind
            || script.from.is_some()
            || script.root != Root::Start
            || !unowned(reached)
            || !unowned(script)
            || !is_program(image, reached)
        {
            continue;
        }
        let successors = || {
            walk.chain.iter().zip(&walk.kinds).filter_map(|(next, kind)| {
                (next.from == Some(from) && *kind == Some(RunKind::Exec)).then_some(next)
            })
        };
        let hands_over = walk.hand_over.contains(&from);
        if !hands_over && successors().next().is_none() {
            continue;
        }
        let added = image.tree.content(reached.place).layer.min(image.tree.content(script.place).layer);
        let below = successors().any(|next| {
            image.tree.content(next.place).layer < added && (hands_over || !is_program(image, next))
        });
        let path = model::escape_bytes(&script.path);
        let mut why =
            format!("/{path} leaves it running in the background and then hands over to another program.");
        if below {
            why.push_str(" Both the script and this program were put on top of the layer that the other program comes from.");
        }
        let mut finding =
            image.finding_at(&WRAPPED, why, reached.place).with_evidence("how", &reached.how, None);
        finding.reachable = Some(true);
        if !below {
            finding.role = Role::Context;
            finding.severity = Severity::Low;
        }
        out.findings.push(finding);
    }
}

fn is_program(image: &ImageView<'_>, reached: &Reached) -> bool {
    image
        .facts(reached.place)
        .any(|fact| matches!(fact, Fact::Program(ProgramFacts::Elf(elf)) if elf.kind != 1))
}

fn sentence(reached: &Reached) -> String {
    let how = &reached.how;
    match how.strip_prefix("line ") {
        Some(rest) => format!("Line {rest}"),
        None if how.starts_with('/') => format!("The script {how}"),
        None if !matches!(reached.root, Root::Start | Root::HealthCheck) => {
            let mut characters = how.chars();
            characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
        }
        None => format!("The image starts with {how}"),
    }
}

/// In which way a path hides; none where it does not. Names alone are judged, by where tools of all kinds are
/// known to keep programs: a payload in one of those places is for other checks to find.
pub(crate) fn hiding(path: &[u8], loaded: bool) -> Option<&'static str> {
    for directory in ["tmp/", "var/tmp/", "dev/"] {
        if path.starts_with(directory.as_bytes()) {
            return Some("in a directory for temporary files");
        }
    }
    let name = base_name(path);
    let directories = path.strip_suffix(name).unwrap_or_default();
    let mut components = directories.split(|&byte| byte == b'/').filter(|component| !component.is_empty());
    let system = SYSTEM.iter().any(|directory| path.starts_with(directory.as_bytes()));
    if components.clone().any(is_deceptive) || is_deceptive(name) {
        return Some("under a name made to be overlooked");
    }
    let hidden = |component: &[u8]| {
        component.starts_with(b".") && (system || !TOOLS.iter().any(|tool| tool.as_bytes() == component))
    };
    let mut above = b"".as_slice();
    let counts = components.any(|component| {
        let above = std::mem::replace(&mut above, component);
        hidden(component) && !(above == b"node_modules" && matches!(component, b".bin" | b".pnpm"))
    });
    if counts {
        return Some("in a hidden directory");
    }
    // Settings with a leading dot are loaded by every other script: `. /etc/.env`.
    (!loaded && name.starts_with(b".")).then_some("under a hidden name")
}

/// Names that look like nothing, or like another: dots alone, blanks at an end, characters that do not show.
pub(crate) fn is_deceptive(name: &[u8]) -> bool {
    name.len() > 2 && name.iter().all(|&byte| byte == b'.')
        || name.trim_ascii().len() != name.len()
        || std::str::from_utf8(name).is_ok_and(|name| model::escape_text(name) != name)
}

/// Directories that belong to packages. No tool keeps a hidden directory of its own there.
const SYSTEM: [&str; 9] =
    ["bin/", "etc/", "lib/", "lib64/", "sbin/", "usr/bin/", "usr/lib/", "usr/sbin/", "usr/share/"];

/// Hidden directories in which tools keep programs by design, in a home or beside an application.
const TOOLS: [&str; 56] = [
    ".asdf",
    ".build",
    ".bun",
    ".bundle",
    ".cabal",
    ".cache",
    ".cargo",
    ".composer",
    ".conda",
    ".config",
    ".deno",
    ".docker",
    ".dotnet",
    ".gem",
    ".ghcup",
    ".go",
    ".gradle",
    ".heroku",
    ".hex",
    ".jenkins",
    ".julia",
    ".krew",
    ".linuxbrew",
    ".local",
    ".luarocks",
    ".m2",
    ".meteor",
    ".micromamba",
    ".mise",
    ".mix",
    ".next",
    ".nix-profile",
    ".npm",
    ".npm-global",
    ".nvm",
    ".oh-my-zsh",
    ".opam",
    ".output",
    ".pixi",
    ".pnpm",
    ".poetry",
    ".pub-cache",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".rvm",
    ".sdkman",
    ".singularity.d",
    ".stack",
    ".svelte-kit",
    ".tox",
    ".venv",
    ".virtualenv",
    ".virtualenvs",
    ".volta",
    ".yarn",
];
