//! Two images, read as a scan reads one, and what the new one can do that the old one could not.

use crate::detonation::{self, Ran};
use crate::layer::{first_sums, read_layers};
use crate::platform::{Concluded, conclude_with};
use crate::{Error, Settings, chain, open, rules_digest, transport};
use diff::{Drift, Face};
use inspect::{Crew, ImageView, Sums, with_crew};
use model::{Change, ChangeKind, Comparison, DIFF_SCHEMA, Gap, Severity, Side, State, Tool};
use source::{Image, Locator, Opened};

/// Compares two images, platform by platform. Layers that both have are read once.
///
/// # Errors
/// Where one of them cannot be opened, no platform is in both, or the person stops.
pub fn compare(old: &Locator, new: &Locator, settings: &Settings) -> Result<Comparison, Error> {
    let then = open(old, settings)?;
    let now = open(new, settings)?;
    let (pairs, alone) = pair(&then, &now);
    if pairs.is_empty() {
        return Err(Error::NoPlatform { old: platforms(&then).join(", "), new: platforms(&now).join(", ") });
    }
    settings.watch.say("reading layers");
    settings.watch.expect(&then);
    pairs.iter().for_each(|(_, new)| settings.watch.expect_again(new));
    let patterns = settings.patterns();
    let analyzers = settings.file_analyzers(patterns.as_ref());
    let mut both =
        Both { old: transport::conclude(&then), new: transport::conclude(&now), drifts: Vec::new() };
    let mut changes = Vec::new();
    diff::compare_findings(&both.old.findings, &both.new.findings, &mut changes);
    with_crew(settings.jobs, &analyzers, &settings.watch.progress, settings.cancelled(), |crew| {
        for (old, new) in &pairs {
            if !settings.is_cancelled() {
                both.add((&then, old), (&now, new), settings, crew);
            }
        }
    });
    if settings.is_cancelled() {
        return Err(Error::Cancelled);
    }
    changes.extend(alone.changes);
    let mut gaps = alone.gaps;
    let signed = signatures((old, &then), (new, &now), settings, &mut changes, &mut gaps);
    if let Some(cache) = &settings.cache {
        cache.tidy();
    }
    Ok(both.conclude((&then, &now), signed, changes, gaps, settings))
}

/// What is known of both images so far.
struct Both {
    old: Concluded,
    new: Concluded,
    drifts: Vec<Drift>,
}

impl Both {
    fn add(
        &mut self,
        (then, old): (&Opened, &Image),
        (now, new): (&Opened, &Image),
        settings: &Settings,
        crew: &Crew<'_>,
    ) {
        let mut sums = [first_sums(old, settings), first_sums(new, settings)];
        loop {
            let old_layers = read_layers(old, &[], sums[0], settings, crew);
            if settings.is_cancelled() {
                return;
            }
            let new_layers = read_layers(new, &old_layers, sums[1], settings, crew);
            if settings.is_cancelled() {
                return;
            }
            let chain_of = |concluded: &Concluded| {
                concluded.reached.iter().flat_map(|(_, chain)| chain).cloned().collect::<Vec<_>>()
            };
            let stands = |concluded: &Concluded| !concluded.lacks_sums || sums == [Sums::EVERY; 2];
            let run = |view: &ImageView<'_>, image: &Image, concluded: &Concluded| {
                let how = settings.detonate.as_ref().filter(|_| stands(concluded));
                how.map(|how| detonation::run(view, image, concluded, how, settings, crew))
            };
            let mut old_ran = None;
            let (mut before, (mut after, (mut drift, new_ran))) =
                conclude_with(then, old, &old_layers, settings, |view, concluded| {
                    let chain = chain_of(concluded);
                    let face = Face { image: view, chain: &chain, findings: &concluded.findings };
                    old_ran = run(view, old, concluded);
                    let lacking = !stands(concluded);
                    conclude_with(now, new, &new_layers, settings, |view, concluded| {
                        let chain = chain_of(concluded);
                        let new_face = Face { image: view, chain: &chain, findings: &concluded.findings };
                        let drift = diff::compare(face, new_face);
                        (drift, if lacking { None } else { run(view, new, concluded) })
                    })
                });
            if !(stands(&before) && stands(&after)) {
                sums = [Sums::EVERY; 2];
                settings.watch.expect_again(old);
                settings.watch.expect_again(new);
                continue;
            }
            if let (Some(then), Some(now)) = (old_ran, new_ran) {
                ran((&new.platform.to_string(), &mut drift), (&mut before, then), (&mut after, now));
            }
            self.old.add(before);
            self.new.add(after);
            self.drifts.push(drift);
            return;
        }
    }

    fn conclude(
        self,
        (then, now): (&Opened, &Opened),
        signed: [Option<bool>; 2],
        mut changes: Vec<Change>,
        mut gaps: Vec<Gap>,
        settings: &Settings,
    ) -> Comparison {
        let [signed_old, signed_new] = signed;
        let (mut packages, mut totals) = (Vec::new(), Vec::new());
        for drift in self.drifts {
            changes.extend(drift.changes);
            packages.extend(drift.packages);
            totals.push(drift.totals);
            gaps.extend(drift.gaps);
        }
        let old = side(then, self.old, signed_old, "old", &mut gaps);
        let new = side(now, self.new, signed_new, "new", &mut gaps);
        diff::put_in_order(&mut changes);
        packages.sort();
        gaps.sort();
        gaps.dedup();
        let mut comparison = Comparison {
            schema: DIFF_SCHEMA.to_owned(),
            tool: Tool {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                rules: rules_digest(&settings.rules),
                feeds: settings.indicators.feeds(),
            },
            old,
            new,
            summary: String::new(),
            changes,
            packages,
            platforms: totals,
            gaps,
            baseline: Vec::new(),
        };
        comparison.summary = diff::sentence(&comparison);
        comparison
    }
}

/// Compares what both did when they were run. What was not run of either is not compared.
fn ran(
    (platform, drift): (&str, &mut Drift),
    (before, old): (&mut Concluded, Ran),
    (after, new): (&mut Concluded, Ran),
) {
    if let (Some(then), Some(now)) = (&old.deeds, &new.deeds) {
        let (old, new) = (
            diff::Ran { deeds: then, findings: &old.findings },
            diff::Ran { deeds: now, findings: &new.findings },
        );
        diff::compare_runs(platform, old, new, &mut drift.changes, &mut drift.gaps);
    }
    for (concluded, ran) in [(before, old), (after, new)] {
        let left_out = ran.summary.into_iter().flat_map(|summary| summary.not_exercised);
        concluded.gaps.extend(left_out.map(|why| Gap::new(format!("{platform}, in the sandbox"), why)));
        concluded.gaps.extend(ran.gaps);
        concluded.findings.extend(ran.findings);
    }
}

/// One image with its verdict over the platforms that were compared; its gaps are gaps of the comparison.
fn side(
    opened: &Opened,
    concluded: Concluded,
    signed: Option<bool>,
    name: &str,
    gaps: &mut Vec<Gap>,
) -> Side {
    gaps.extend(
        concluded.gaps.iter().map(|gap| Gap { what: format!("{name}: {}", gap.what), why: gap.why.clone() }),
    );
    let chain = chain::headline(&chain::ways(&concluded.reached), &concluded.findings, &Default::default());
    let judged = verdict::judge(concluded.findings, concluded.gaps, chain);
    Side {
        reference: model::escape_text(&opened.reference),
        digest: opened.digest,
        platforms: platforms(opened),
        verdict: judged.verdict,
        signed,
    }
}

fn platforms(opened: &Opened) -> Vec<String> {
    opened.images.iter().map(|image| image.platform.to_string()).collect()
}

/// Platforms that one of the images has alone.
#[derive(Default)]
struct Alone {
    changes: Vec<Change>,
    gaps: Vec<Gap>,
}

/// The platforms that both have. A new one cannot be compared with anything, which is a gap: a face that nobody
/// looked at is where a change would be hidden.
fn pair<'o>(then: &'o Opened, now: &'o Opened) -> (Vec<(&'o Image, &'o Image)>, Alone) {
    let mut left: Vec<&Image> = then.images.iter().collect();
    let (mut pairs, mut alone) = (Vec::new(), Alone::default());
    for image in &now.images {
        let exact = left.iter().position(|old| old.platform == image.platform);
        let close = || {
            let fits = |old: &&Image| {
                old.platform.satisfies(&image.platform) || image.platform.satisfies(&old.platform)
            };
            left.iter().position(fits)
        };
        if let Some(at) = exact.or_else(close) {
            pairs.push((left.remove(at), image));
            continue;
        }
        let platform = image.platform.to_string();
        alone
            .gaps
            .push(Gap::new(format!("new: {platform}"), "the old image has no such platform to compare with"));
        alone.changes.push(of_platform(ChangeKind::PlatformAdded, Severity::Medium, platform));
    }
    let gone = left.iter().map(|old| old.platform.to_string());
    alone
        .changes
        .extend(gone.map(|platform| of_platform(ChangeKind::PlatformRemoved, Severity::Low, platform)));
    (pairs, alone)
}

fn of_platform(kind: ChangeKind, severity: Severity, platform: String) -> Change {
    let what = match kind {
        ChangeKind::PlatformAdded => "The old image was not for this platform, so nothing here was compared.",
        _ => "The new image is not for this platform.",
    };
    Change { name: Some(platform.clone()), platform, ..Change::new(kind, severity, what) }
}

/// Whether either is signed, where both come from registries. The new one is asked only where the old one was
/// signed.
fn signatures(
    (old, then): (&Locator, &Opened),
    (new, now): (&Locator, &Opened),
    settings: &Settings,
    changes: &mut Vec<Change>,
    gaps: &mut Vec<Gap>,
) -> [Option<bool>; 2] {
    let (Locator::Registry(old), Locator::Registry(new)) = (old, new) else { return [None; 2] };
    let (Some(before), Some(after)) = (then.digest, now.digest) else { return [None; 2] };
    if before == after {
        return [None; 2];
    }
    settings.watch.say("asking for signatures");
    let mut ask =
        |name: &str, reference, digest| match source::is_signed(reference, &digest, &settings.source) {
            Ok(signed) => Some(signed),
            Err(error) => {
                let why = format!("whether it is signed was not answered: {}", model::error_chain(&error));
                gaps.push(Gap::new(format!("{name}: signature"), why));
                None
            }
        };
    let then = ask("old", old, before);
    if then != Some(true) {
        return [then, None];
    }
    let now = ask("new", new, after);
    if now == Some(false) {
        let value = |digest: model::Digest| State { value: Some(digest.to_string()), ..State::default() };
        changes.push(Change {
            before: Some(value(before)),
            after: Some(value(after)),
            ..Change::new(
                ChangeKind::SignatureLost,
                Severity::High,
                "A signature lies beside the old image in its repository, and none beside the new one.",
            )
        });
    }
    [then, now]
}
