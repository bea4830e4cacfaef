use super::{PRELOAD_ENV, PRELOAD_FILE};
use crate::analyzers::elf::{Structure, Traits};
use crate::analyzers::hooks::{self, Hook, HookKind, Loads, Standing, What, standing};
use crate::analyzers::start::hiding;
use crate::{Fact, ImageView, Outcome};
use layers::{Kind, Place, normalize_path};
use model::{Finding, Role, Severity};
use std::collections::HashSet;

const FILE: &[u8] = b"etc/ld.so.preload";
/// Libraries that one finding names.
const MAX_NAMED: usize = 8;
/// Settings of the environment that are told one by one.
const MAX_SETTINGS: usize = 32;

/// The loader's own file. One finding for all of it, as bad as its worst library.
pub(super) fn file(image: &ImageView<'_>, out: &mut Outcome) {
    let Ok((path, place)) = image.tree.resolve(FILE) else { return };
    let Some(entry) = image.tree.entry(image.tree.content(place)) else { return };
    if entry.kind != Kind::File || entry.size == 0 {
        return;
    }
    let hook = Hook { kind: HookKind::Preload, path: FILE.to_vec(), place, standing: Standing::Unowned };
    let facts = hooks::facts(image, &hook);
    if facts.is_some_and(|facts| facts.orders.is_empty() && !facts.cut) {
        return;
    }
    let libraries = facts.into_iter().flat_map(|facts| &facts.orders).filter_map(|order| match &order.what {
        What::Library(library) => Some(library),
        _ => None,
    });
    let (mut genuine, mut absent, mut strange) = (Vec::new(), Vec::new(), Vec::new());
    for library in libraries {
        match find(image, library) {
            None => absent.push(format!("/{}", model::escape_bytes(&normalize_path(library).0))),
            Some((path, place)) => {
                let shown = format!("/{}", model::escape_bytes(&path));
                let vouched = standing(image, &path, place) == Standing::Genuine;
                if vouched { genuine.push(shown) } else { strange.push(shown) }
            }
        }
    }
    // A file that is not read as the loader reads it, behind a link or beyond a limit, has nobody to vouch for it.
    let unread = facts.is_none_or(|facts| facts.cut);
    let (role, severity, why) = match (strange.first(), absent.first()) {
        (Some(library), _) => {
            let why =
                format!("It puts {library} into every program, and no package vouches for that library.");
            (PRELOAD_FILE.role, PRELOAD_FILE.severity, why)
        }
        (None, _) if unread => {
            let why = if facts.is_none() {
                format!(
                    "It is a link to /{}, so that it is not read here as the loader reads it.",
                    model::escape_bytes(&path)
                )
            } else {
                "It is longer than any that an administrator writes.".to_owned()
            };
            (PRELOAD_FILE.role, PRELOAD_FILE.severity, why)
        }
        (None, Some(library)) => {
            let why = format!("It names {library}, which no layer has.");
            (Role::Corroborates, Severity::Low, why)
        }
        (None, None) => {
            let why = "Packages brought every library in it, and they are unchanged.".to_owned();
            (Role::Context, Severity::Low, why)
        }
    };
    let mut finding = image.finding_at(&PRELOAD_FILE, why, place).at_path(FILE);
    for library in strange.iter().chain(&absent).chain(&genuine).take(MAX_NAMED) {
        finding = finding.with_evidence("library", library, None);
    }
    (finding.role, finding.severity, finding.reachable) = (role, severity, Some(true));
    out.findings.push(finding);
}

/// Libraries that the environment forces into every program.
pub(super) fn environment(image: &ImageView<'_>, out: &mut Outcome) {
    for setting in hooks::settings(&image.config.config).into_iter().take(MAX_SETTINGS) {
        let Loads::Library(library) = &setting.loads else { continue };
        let name = setting.name;
        let Some((path, place)) = find(image, library) else {
            let shown = model::escape_bytes(library);
            let why = format!("{name} names {shown}, which no layer has where the loader looks.");
            let mut finding = image.finding(&PRELOAD_ENV, why).with_evidence("env", setting.variable, None);
            (finding.role, finding.severity) = (Role::Context, Severity::Low);
            out.findings.push(finding);
            continue;
        };
        let owner = image.ownership.owner(&path);
        let genuine = matches!(standing(image, &path, place), Standing::Genuine | Standing::Owned);
        let why = match &owner {
            Some(owner) if genuine => format!(
                "{name} loads it into every program; the package {} owns it.",
                model::escape_text(&owner.package.name)
            ),
            Some(_) => {
                format!("{name} loads it into every program, and it is not what its package promised.")
            }
            None => format!("{name} loads it into every program, and no package owns it."),
        };
        let mut finding =
            image.finding_at(&PRELOAD_ENV, why, place).with_evidence("env", setting.variable, None);
        finding.reachable = Some(true);
        if genuine {
            (finding.role, finding.severity) = (Role::Context, Severity::Low);
        } else if owner.is_none() && is_own_allocator(image, &path, place) {
            finding = lesser(finding);
        }
        out.findings.push(finding);
    }
}

/// Libraries that the start, and scripts on the way from it, force into the programs that they run.
pub(super) fn scripts(image: &ImageView<'_>, out: &mut Outcome) {
    let config = &image.config.config;
    let words = config.entrypoint.iter().chain(&config.cmd).chain(&config.healthcheck.test);
    let of_words = words.flat_map(|word| hooks::forced_libraries(word.as_bytes()).orders);
    let of_words = of_words.map(|order| ("The start of the image".to_owned(), order));
    let scripts = out.certain().filter(|reached| reached.path != FILE);
    let of_scripts = scripts.flat_map(|reached| {
        let orders = image.facts(reached.place).flat_map(|fact| match fact {
            Fact::Hook(facts) => facts.orders.as_slice(),
            _ => &[],
        });
        let script = model::escape_bytes(&reached.path);
        orders.map(move |order| (format!("Line {} of /{script}", order.line), order.clone()))
    });
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for (who, order) in of_words.chain(of_scripts) {
        let What::Library(library) = &order.what else { continue };
        let Some((path, place)) = find(image, library) else { continue };
        if findings.len() >= MAX_SETTINGS
            || matches!(standing(image, &path, place), Standing::Genuine | Standing::Owned)
            || !seen.insert(path.clone())
        {
            continue;
        }
        let why = format!("{who} loads it into every program that it runs, and no package vouches for it.");
        let mut finding = image.finding_at(&PRELOAD_ENV, why, place);
        finding.reachable = Some(true);
        if is_own_allocator(image, &path, place) {
            finding = lesser(finding);
        }
        findings.push(finding);
    }
    out.findings.extend(findings);
}

/// Whether a library is an allocator that the image's maker built: by what it offers and takes, and by its place, one
/// where local software goes. Services bring theirs in this way, so it is a low sign and no suspicion by itself. What
/// runs when it is loaded is not seen here; whoever hides in one gains no more than the weight of this finding.
fn is_own_allocator(image: &ImageView<'_>, path: &[u8], place: Place) -> bool {
    let local = [b"usr/local/".as_slice(), b"opt/"].iter().any(|directory| path.starts_with(directory));
    local
        && hiding(path, true).is_none()
        && image.facts(place).any(|fact| match fact {
            Fact::Structure(Structure::Elf(elf)) => {
                elf.traits.has(Traits::LIBRARY) && elf.symbols.are_of_an_allocator()
            }
            _ => false,
        })
}

fn lesser(mut finding: Finding) -> Finding {
    finding.severity = Severity::Low;
    finding.explanation.push_str(
        " It offers functions for memory alone, and takes none that starts programs or uses the network.",
    );
    finding
}

/// Where the loader finds a library: at its path or, for a bare name, in the directories that it always looks into.
fn find(image: &ImageView<'_>, library: &[u8]) -> Option<(Vec<u8>, Place)> {
    const DIRECTORIES: [&str; 8] =
        ["lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib", "usr/local/lib64", "lib32", "usr/lib32"];
    let file = |path: &[u8]| {
        let (path, place) = image.tree.resolve(&normalize_path(path).0).ok()?;
        let entry = image.tree.entry(image.tree.content(place))?;
        (entry.kind == Kind::File).then_some((path, place))
    };
    let triple = format!("{}-linux-gnu", machine(&image.platform.architecture));
    let multiarch = ["lib", "usr/lib", "usr/local/lib"].map(|directory| format!("{directory}/{triple}"));
    if !library.contains(&b'/') {
        let directories = DIRECTORIES.iter().copied().chain(multiarch.iter().map(String::as_str));
        return directories
            .map(|directory| [directory.as_bytes(), b"/", library].concat())
            .find_map(|path| file(&path));
    }
    // `$LIB` stands for the directory of the machine's libraries; each loader is built with one of these.
    let Some(at) = memchr::memmem::find(library, b"$LIB") else { return file(library) };
    let (before, after) = (library.get(..at)?, library.get(at + 4..)?);
    let values = [format!("lib/{triple}"), "lib64".to_owned(), "lib".to_owned()];
    values.iter().map(|value| [before, value.as_bytes(), after].concat()).find_map(|path| file(&path))
}

/// The machine as the directories of Debian's libraries call it.
fn machine(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" => "i386",
        "ppc64le" => "powerpc64le",
        other => other,
    }
}
