use super::{TAMPERED, UNOWNED};
use crate::{Fact, ImageView, Outcome};
use layers::{EntryView, Kind, Place};
use model::{Role, Severity};
use packages::{Agreement, Owner, Package, agreement, link_agreement};
use std::collections::HashMap;

/// Altered files that are told one by one.
const MAX_FINDINGS: usize = 64;
/// Paths that one finding names.
const MAX_PATHS: usize = 20;

/// How many of a package's files, of those it promised something about, are what it promised.
#[derive(Default)]
struct Tally {
    agree: u32,
    differ: u32,
}

impl Tally {
    /// Whether a single file that differs stands out: nine of ten of the others agree.
    fn is_consistent(&self) -> bool {
        let others = self.differ.saturating_sub(1);
        self.agree > 0 && self.agree >= others.saturating_mul(9)
    }
}

struct Altered<'a> {
    path: Vec<u8>,
    place: Place,
    package: &'a Package,
    link: bool,
}

/// Compares every file that a runtime would show with what its owner promised.
pub(super) fn files(image: &ImageView<'_>, out: &mut Outcome) {
    let mut tallies: HashMap<*const Package, Tally> = HashMap::new();
    let mut altered = Vec::new();
    let mut unowned = Vec::new();
    let mut unowned_count = 0_u64;
    for (path, place) in image.tree.iter() {
        let content = image.tree.content(place);
        let Some(entry) = image.tree.entry(content) else { continue };
        if !matches!(entry.kind, Kind::File | Kind::Symlink) {
            continue;
        }
        let Some(owner) = image.ownership.owner(&path) else {
            if is_system_path(&path) && entry.kind == Kind::File && is_program(image, content, &entry) {
                unowned_count += 1;
                if unowned.len() < MAX_PATHS {
                    unowned.push((path, place));
                }
            }
            continue;
        };
        match compare(&owner, &entry) {
            Agreement::Agrees => tallies.entry(owner.package).or_default().agree += 1,
            Agreement::Differs => {
                tallies.entry(owner.package).or_default().differ += 1;
                let link = entry.kind == Kind::Symlink;
                if link && is_gate(&path) && leads_astray(image, &path)
                    || !link && is_program(image, content, &entry)
                {
                    altered.push(Altered { path, place, package: owner.package, link });
                }
            }
            Agreement::ConfigChanged | Agreement::Unpromised => {}
        }
    }
    tell_altered(image, &altered, &tallies, out);
    if let Some((_, place)) = unowned.first() {
        let why = match unowned_count {
            1 => "It lies in a directory of the distribution and belongs to no package.".to_owned(),
            count => format!(
                "It and {} more programs in the distribution's directories belong to no package.",
                model::thousands(count - 1)
            ),
        };
        let mut finding = image.finding_at(&UNOWNED, why, *place);
        for (path, _) in &unowned {
            finding = finding.with_evidence("path", &shown(path), None);
        }
        out.findings.push(finding);
    }
}

fn tell_altered(
    image: &ImageView<'_>,
    altered: &[Altered<'_>],
    tallies: &HashMap<*const Package, Tally>,
    out: &mut Outcome,
) {
    let consistent =
        |one: &&Altered<'_>| tallies.get(&std::ptr::from_ref(one.package)).is_some_and(Tally::is_consistent);
    let (mut planted, remade): (Vec<_>, Vec<_>) = altered.iter().partition(consistent);
    planted.sort_by_key(|one| !is_gate(&one.path));
    for (number, one) in planted.iter().enumerate().take(MAX_FINDINGS) {
        let package = model::escape_text(&one.package.name);
        let agree = tallies.get(&std::ptr::from_ref(one.package)).map_or(0, |tally| tally.agree);
        let what = if one.link {
            format!("It is a link; the package {package} promised a file")
        } else {
            format!("It is not what the package {package} promised")
        };
        let mut why = format!("{what}; {agree} other files of the package are as promised.");
        if number + 1 == MAX_FINDINGS && planted.len() > MAX_FINDINGS {
            why.push_str(&format!(" {} more files are not shown.", planted.len() - MAX_FINDINGS));
        }
        let mut finding =
            image.finding_at(&TAMPERED, why, one.place).with_evidence("package", &one.package.name, None);
        finding.reachable = out.reaches(image, one.place).then_some(true);
        if one.link || !is_gate(&one.path) {
            finding.role = Role::Corroborates;
        }
        out.findings.push(finding);
    }
    if let Some(first) = remade.first() {
        let why = format!(
            "{} programs differ from what their packages promised, as do the packages' other files: they were remade as a whole.",
            remade.len()
        );
        let mut finding = image.finding_at(&TAMPERED, why, first.place);
        (finding.role, finding.severity) = (Role::Context, Severity::Low);
        for one in remade.iter().take(MAX_PATHS) {
            finding = finding.with_evidence("path", &shown(&one.path), None);
        }
        out.findings.push(finding);
    }
}

fn compare(owner: &Owner<'_>, entry: &EntryView<'_>) -> Agreement {
    match (entry.kind, entry.hashes) {
        (Kind::Symlink, _) => link_agreement(owner, entry.link),
        (_, Some(hashes)) => agreement(owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256),
        // Not read whole: a gap says so elsewhere.
        (_, None) => Agreement::Unpromised,
    }
}

/// Whether a file is run or loaded: a program by its head, or a script that may be executed.
fn is_program(image: &ImageView<'_>, content: Place, entry: &EntryView<'_>) -> bool {
    image.facts(content).any(|fact| match fact {
        Fact::Program(_) => true,
        Fact::Script(script) => entry.mode & 0o111 != 0 && !script.shebang.is_empty(),
        _ => false,
    })
}

/// Whether a link in a program's place leads to something that no package owns.
fn leads_astray(image: &ImageView<'_>, path: &[u8]) -> bool {
    image.tree.resolve(path).is_ok_and(|(target, _)| image.ownership.owner(&target).is_none())
}

/// Directories that distributions fill, and nobody else should.
fn is_system_path(path: &[u8]) -> bool {
    let directories: [&[u8]; 7] =
        [b"bin/", b"sbin/", b"lib/", b"lib64/", b"usr/bin/", b"usr/sbin/", b"usr/lib/"];
    directories.iter().any(|directory| path.starts_with(directory))
}

/// Programs and libraries through which every log-in, every rise in privilege, every secret or every other
/// program goes.
fn is_gate(path: &[u8]) -> bool {
    let name = super::super::start::base_name(path);
    let exact: [&[u8]; 9] = [
        b"sshd",
        b"sshd-session",
        b"ssh",
        b"su",
        b"sudo",
        b"login",
        b"passwd",
        b"unix_chkpwd",
        b"sudoers.so",
    ];
    let starts: [&[u8]; 8] = [
        b"ld-linux",
        b"ld-musl",
        b"libc.so",
        b"libc-2.",
        b"libcrypto.so",
        b"libssl.so",
        b"libpam.so",
        b"liblzma.so",
    ];
    let module = name.starts_with(b"pam_") && name.ends_with(b".so");
    is_system_path(path)
        && (module || exact.contains(&name) || starts.iter().any(|start| name.starts_with(start)))
}

fn shown(path: &[u8]) -> String {
    format!("/{}", model::escape_bytes(path))
}
