use super::super::MinerFacts;
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};
use layers::{Kind, Place};
use model::{Class, Detection, Finding, Role, Severity};
use packages::{Agreement, agreement};
use std::collections::HashSet;

/// What a file is in the image: whether anything runs it, and what it would be if nothing did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) place: Place,
    /// The start of the image leads to it.
    pub(super) reached: bool,
    /// It lies where files are that start things: cron, units of services, hooks of shells.
    pub(super) starts: bool,
    /// The layer that takes it out of the image.
    pub(super) removed_by: Option<u32>,
    /// It is there to be read: documentation, tests, rules, block lists, or it is what a package promised. This
    /// never counts for what the start leads to, nor against a conviction: a place, a shape and a package
    /// database are all bytes of the image.
    pub(super) quiet: bool,
}

/// Where all files with facts about mining stand.
pub(super) struct Standings {
    reached: HashSet<Place>,
    linked: Option<HashSet<Place>>,
}

impl Standings {
    pub(super) fn new(image: &ImageView<'_>, out: &Outcome) -> Self {
        let reached = out.chain.iter().map(|reached| image.tree.content(reached.place)).collect();
        Self { reached, linked: None }
    }

    pub(super) fn of(&mut self, image: &ImageView<'_>, place: Place, facts: &MinerFacts) -> Option<Standing> {
        let entry = image.tree.entry(place)?;
        let mut live = image.tree.is_live(place);
        if !live {
            // A hard link keeps content alive whose first name is gone.
            live = self.linked.get_or_insert_with(|| linked(image)).contains(&place);
        }
        let removed_by = (!live).then(|| {
            let mut events = image.tree.history(entry.path).into_iter().map(|event| event.place.layer);
            events.find(|&layer| layer > place.layer).unwrap_or(place.layer)
        });
        let genuine = || {
            let owner = image.ownership.owner(entry.path);
            owner.zip(entry.hashes).is_some_and(|(owner, hashes)| {
                agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256)
                    == Agreement::Agrees
            })
        };
        let quiet = facts.rules || is_documentation(entry.path) || genuine();
        Some(Standing {
            place,
            reached: self.reached.contains(&place),
            starts: is_startup(entry.path),
            removed_by,
            quiet,
        })
    }
}

fn linked(image: &ImageView<'_>) -> HashSet<Place> {
    let mut linked = HashSet::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, index) in layer.facts.entries.iter().zip(0..) {
            let link = Place { layer: number, entry: index };
            if entry.kind == Kind::Hardlink && image.tree.is_live(link) {
                linked.insert(image.tree.content(link));
            }
        }
    }
    linked
}

impl Standing {
    /// Whether the image runs it.
    pub(super) fn runs(&self) -> bool {
        self.reached || self.starts
    }

    /// A finding at this file, with the role and class that it has here. `convicts` says that the evidence is
    /// enough to, if the image runs the file. `list` that the evidence is one of many of its kind.
    pub(super) fn finding(
        &self,
        image: &ImageView<'_>,
        detection: &Detection,
        convicts: bool,
        list: bool,
        explanation: impl Into<String>,
    ) -> Finding {
        let mut finding = image.finding_at(detection, explanation, self.place);
        (finding.role, finding.severity) = if self.runs() && convicts {
            (detection.role, detection.severity)
        } else if !self.runs() && (self.quiet || list) {
            (Role::Context, Severity::Low)
        } else {
            (detection.role.min(Role::Corroborates), detection.severity.min(Severity::High))
        };
        if self.runs() {
            finding.class = Class::Reach;
        }
        if self.reached {
            finding.reachable = Some(true);
        }
        match self.removed_by {
            Some(layer) => finding.removed_by(layer as usize),
            None => finding,
        }
    }
}

/// Where files lie that are there to be read: documentation, and what tests are tested with.
fn is_documentation(path: &[u8]) -> bool {
    let mut parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    let name = parts.pop().unwrap_or_default().to_ascii_lowercase();
    let folder = |part: &&[u8]| {
        matches!(
            part.to_ascii_lowercase().as_slice(),
            b"doc"
                | b"docs"
                | b"man"
                | b"help"
                | b"licenses"
                | b"test"
                | b"tests"
                | b"testdata"
                | b"__tests__"
                | b"testing"
                | b"fixtures"
                | b"examples"
        )
    };
    let named = [
        b"readme".as_slice(),
        b"changelog",
        b"changes",
        b"license",
        b"copying",
        b"news",
        b"authors",
        b"history.",
    ]
    .iter()
    .any(|start| name.starts_with(start));
    let written = [b".md".as_slice(), b".rst", b".adoc", b".po", b".html.markdown"]
        .iter()
        .any(|end| name.ends_with(end));
    parts.iter().any(folder) || path.starts_with(b"usr/share/info/") || named || written
}

/// Where a scheduler, a supervisor or a shell looks for what to start.
fn is_startup(path: &[u8]) -> bool {
    const FOLDERS: &[&[u8]] = &[
        b"etc/cron.",
        b"etc/crontabs/",
        b"var/spool/cron/",
        b"etc/init.d/",
        b"etc/rc.d/",
        b"etc/profile.d/",
        b"etc/supervisor/conf.d/",
        b"etc/supervisor.d/",
        b"etc/supervisord.d/",
        b"etc/systemd/system/",
        b"lib/systemd/system/",
        b"usr/lib/systemd/system/",
        b"etc/s6-overlay/",
        b"etc/services.d/",
        b"etc/cont-init.d/",
        b"docker-entrypoint.d/",
        b"docker-entrypoint-initdb.d/",
        b"etc/runit/",
        b"etc/service/",
        b"etc/xdg/autostart/",
    ];
    const FILES: &[&[u8]] = &[
        b"etc/crontab",
        b"etc/rc.local",
        b"etc/profile",
        b"etc/bash.bashrc",
        b"etc/inittab",
        b"etc/supervisord.conf",
        b"etc/supervisor/supervisord.conf",
    ];
    const OF_SHELLS: &[&[u8]] = &[b".bashrc", b".bash_profile", b".profile", b".zshrc", b".bash_login"];
    FOLDERS.iter().any(|folder| path.starts_with(folder))
        || FILES.contains(&path)
        || (OF_SHELLS.contains(&base_name(path))
            && (path.starts_with(b"root/") || path.starts_with(b"home/")))
}
