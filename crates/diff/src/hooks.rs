use crate::face::Known;
use crate::files::Delta;
use inspect::Fact;
use inspect::analyzers::hooks::{self, HookKind, Shape, Standing, What};
use layers::Place;
use model::{Change, ChangeKind, Gap, Severity};
use std::collections::HashMap;

/// What starts or loads by itself in the new image, by the place where it lies.
pub(crate) struct Hooks {
    by_place: HashMap<Place, HookKind>,
}

impl Hooks {
    pub(crate) fn new(new: &Known<'_>, gaps: &mut Vec<Gap>) -> Self {
        let (listed, more) = hooks::listed(new.face.image);
        if more {
            let why = "it has more files that start by themselves than are compared";
            gaps.push(Gap::new(new.face.image.platform.to_string(), why));
        }
        let mut by_place = HashMap::new();
        for hook in listed {
            by_place.insert(hook.place, hook.kind);
            // What a link in the place of a hook leads to is the hook.
            if let Ok((_, target)) = new.face.image.tree.resolve(&hook.path) {
                by_place.insert(target, hook.kind);
            }
        }
        Self { by_place }
    }

    pub(crate) fn has(&self, place: Place) -> bool {
        self.by_place.contains_key(&place)
    }

    /// The change where the file is such a hook and no package vouches for it.
    pub(crate) fn change(
        &self,
        old: &Known<'_>,
        new: &Known<'_>,
        delta: &Delta,
        standing: Standing,
    ) -> Option<Change> {
        let kind = self.by_place.get(&delta.place).copied()?;
        let owned = match standing {
            Standing::Genuine | Standing::Owned => return None,
            Standing::Changed => "its package brought another",
            Standing::Unowned => "no package owns it",
        };
        let what = format!("{}; {owned}.", meaning(kind));
        let severity = severity(kind, new, delta.place);
        Some(match delta.before {
            None => new.change(ChangeKind::HookAdded, severity, &delta.path, delta.place, what),
            Some(before) => Change {
                before: Some(old.state(&delta.path, before)),
                ..new.change(ChangeKind::HookChanged, severity, &delta.path, delta.place, what)
            },
        })
    }
}

fn severity(kind: HookKind, new: &Known<'_>, place: Place) -> Severity {
    use HookKind as K;
    match kind {
        K::PythonPath => path_file(new, place),
        K::Preload
        | K::CronTable
        | K::CronScript
        | K::AtJob
        | K::Profile
        | K::PythonSite
        | K::PamConfig
        | K::PamModule
        | K::KernelHook
        | K::Sudoers
        | K::SshKeys => Severity::High,
        K::InitDirectory
        | K::LooseTable
        | K::RcScript
        | K::Inittab
        | K::Unit
        | K::Supervisor
        | K::GitConfig
        | K::GitTemplate
        | K::Hosts => Severity::Medium,
    }
}

/// A path file names directories, or has lines that run whenever Python starts. Build tools write some of these,
/// always in the same shape.
fn path_file(new: &Known<'_>, place: Place) -> Severity {
    let orders = new.face.image.facts(place).filter_map(|fact| match fact {
        Fact::Hook(facts) => Some(facts.orders.as_slice()),
        _ => None,
    });
    let runs =
        orders.flatten().any(|order| matches!(order.what, What::Python(Shape::Plain | Shape::Other, _)));
    if runs { Severity::High } else { Severity::Low }
}

fn meaning(kind: HookKind) -> &'static str {
    use HookKind as K;
    match kind {
        K::Preload => "The loader puts what it names into every program",
        K::InitDirectory => "The image's own start runs it",
        K::CronTable | K::CronScript => "cron runs it",
        K::LooseTable => "It is a table of jobs that a start may hand to cron",
        K::AtJob => "at runs it",
        K::Profile => "Every shell of its kind loads it",
        K::RcScript | K::Inittab | K::Unit | K::Supervisor => "A service manager runs it",
        K::PythonPath | K::PythonSite => "Python loads it before it runs anything",
        K::PamConfig | K::PamModule => "Every log-in goes through it",
        K::KernelHook => "The kernel's helpers run what it names",
        K::GitConfig | K::GitTemplate => "git runs what it names",
        K::Sudoers => "It says who may become root",
        K::SshKeys => "It says who may log in",
        K::Hosts => "It says which address a host has",
    }
}
