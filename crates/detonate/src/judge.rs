use crate::plan::Planned;
use crate::run::Done;
use crate::{DetonateError, Image, Settings, baits, environment};
use behavior::{Context, Outcome, Record, RunContext};
use events::{SpoolError, SpoolReader};
use model::{Gap, Role};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The runs so far and what they show together.
#[derive(Debug, Default)]
pub struct Judged {
    runs: Vec<(RunContext, Record)>,
    context: Context,
    outcome: Outcome,
}

impl Judged {
    /// Takes a run in.
    pub(crate) fn add(&mut self, done: &Done, planned: &Planned) -> Result<(), DetonateError> {
        self.runs.push((planned.context.clone(), record(&done.summary.record)?));
        Ok(())
    }

    /// Judges all runs so far, since some things show only in comparison.
    pub(crate) fn judge(&mut self, image: &Image<'_>, settings: &Settings) {
        self.context = context(image, settings);
        let hosts = self.runs.iter().flat_map(|(_, record)| record.hosts());
        self.context.pool_hosts = hosts.filter(|host| (image.is_pool)(host)).collect();
        self.outcome = behavior::judge(&self.runs, &self.context);
    }

    /// The runs, in order.
    pub fn runs(&self) -> &[(RunContext, Record)] {
        &self.runs
    }

    /// What the runs are judged with.
    pub(crate) fn basis(&self) -> (impl Iterator<Item = &RunContext>, &Context) {
        (self.runs.iter().map(|(run, _)| run), &self.context)
    }

    /// Whether something decides alone already.
    pub(crate) fn convicts(&self) -> bool {
        self.outcome.findings.iter().any(|finding| finding.role == Role::Convicts)
    }

    /// Judges all runs again, knowing that some of their content convicts at rest.
    pub(crate) fn condemn(&mut self, found: &BTreeMap<[u8; 32], String>) {
        self.context.condemned.clone_from(found);
        self.outcome = behavior::judge(&self.runs, &self.context);
    }

    /// What all of it comes to; whatever was lost is a gap.
    pub fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        for (run, record) in &self.runs {
            for (why, count) in record.lost() {
                outcome.gaps.push(Gap::new(format!("run `{}`", run.name), format!("{why} ({count})")));
            }
        }
        outcome
    }
}

/// What the image's configuration and the plan say.
fn context(image: &Image<'_>, settings: &Settings) -> Context {
    let exposed = image.config.config.exposed_ports.keys();
    Context {
        platform: image.platform.to_string(),
        configured_hosts: environment::configured_hosts(image.config).into_iter().collect(),
        exposed_ports: exposed.filter_map(|port| port.split('/').next()?.parse().ok()).collect(),
        declared: image.declared.iter().cloned().collect(),
        pool_hosts: Default::default(),
        baits: baits::paths(),
        began: std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0)),
        processors: settings.processors,
        condemned: Default::default(),
        unowned: crate::plan::unowned(image),
    }
}

fn record(path: &Path) -> Result<Record, DetonateError> {
    let shown = model::escape_text(&path.to_string_lossy());
    let failed = |source| DetonateError::Record { path: shown.clone(), source };
    let file = File::open(path).map_err(|error| failed(error.into()))?;
    let reader = SpoolReader::open(BufReader::with_capacity(256 << 10, file)).map_err(&failed)?;
    let mut wrong: Option<SpoolError> = None;
    let events = reader.map_while(|event| match event {
        Ok(event) => Some(event),
        Err(error) => {
            wrong = Some(error);
            None
        }
    });
    let record = Record::of(events);
    match wrong {
        Some(error) => Err(failed(error)),
        None => Ok(record),
    }
}

/// Judges records again, without running anything: the same records give the same findings under the same rules.
///
/// # Errors
/// When a record cannot be read.
pub fn replay(records: &[(RunContext, &Path)], context: &Context) -> Result<Judged, DetonateError> {
    let mut runs = Vec::new();
    for (run, path) in records {
        runs.push((run.clone(), record(path)?));
    }
    let outcome = behavior::judge(&runs, context);
    Ok(Judged { runs, context: context.clone(), outcome })
}
