use super::{LISTED_NET, MentionFacts, as_context, capped};
use crate::analyzers::start::base_name;
use crate::{Fact, ImageView, Outcome};
use feeds::TextHit;
use layers::Place;
use model::{Finding, Gap, Role, Severity};
use std::collections::HashMap;

/// From how many listed names on a text is a list of them.
const LIST: usize = 25;
/// Listed names of one text that are told.
const MAX_EVIDENCE: usize = 16;
/// Findings that count, and findings that only explain, that are told one by one.
const MAX_FINDINGS: usize = 256;

/// What is listed of what one text names, as (the text's words, what the feed says).
type Hits<'a> = Vec<(&'a str, TextHit<'a>)>;

/// One finding for each text that names something listed.
pub(super) fn listed_in_files(image: &ImageView<'_>, out: &mut Outcome) {
    let removed = Removed::of(image);
    let mut told = Told::default();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, _, fact) in layer.facts.all() {
            let Fact::Mentions(mentions) = fact else { continue };
            let place = Place { layer: number, entry };
            let reached = out.reaches(image, place);
            // Elsewhere what is beyond the bound could only explain.
            if mentions.cut && (reached || (is_executed(image, place) && image.tree.is_live(place))) {
                out.gaps.push(gap(image, place));
            }
            let hits = hits(image, mentions);
            if hits.is_empty() {
                continue;
            }
            let mut finding =
                with_hits(image.finding_at(&LISTED_NET, explanation("It", &hits), place), &hits);
            if reached {
                finding.reachable = Some(true);
            } else if hits.len() > LIST || !counts_at(image, place) {
                finding = as_context(finding);
            }
            told.tell(removed.mark(image, finding, place), out);
        }
    }
}

/// What the configuration asks to run counts; what labels and the history say explains.
pub(super) fn listed_in_configuration(image: &ImageView<'_>, out: &mut Outcome) {
    let config = &image.config.config;
    let run = [
        &config.entrypoint,
        &config.cmd,
        &config.env,
        &config.healthcheck.test,
        &config.on_build,
        &config.shell,
    ];
    let told = config.labels.values().chain(image.config.history.iter().map(|step| &step.created_by));
    for (field, text, counts) in [
        ("The configuration", joined(run.into_iter().flatten()), true),
        ("The labels or the history", joined(told), false),
    ] {
        let mentions = super::parse::mentions(text.as_bytes(), false);
        let hits = hits(image, &mentions);
        if mentions.cut && counts {
            out.gaps.push(Gap::new(
                format!("{}, configuration", image.platform),
                "indicators: it names more than is compared with feeds",
            ));
        }
        if hits.is_empty() {
            continue;
        }
        let finding = with_hits(image.finding(&LISTED_NET, explanation(field, &hits)), &hits);
        out.findings.push(if counts { finding } else { as_context(finding) });
    }
}

fn joined<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn hits<'a>(image: &ImageView<'a>, mentions: &'a MentionFacts) -> Hits<'a> {
    let indicators = image.indicators;
    let network = mentions.network.lines().filter_map(|text| Some((text, indicators.find_network(text)?)));
    let wallets = mentions.wallets.lines().filter_map(|text| Some((text, indicators.find_wallet(text)?)));
    let mut hits: Hits<'a> = network.chain(wallets).collect();
    // One listed name may be spelt in many ways.
    hits.sort_by(|a, b| (a.1.kind, a.1.listed).cmp(&(b.1.kind, b.1.listed)));
    hits.dedup_by(|a, b| (a.1.kind, a.1.listed) == (b.1.kind, b.1.listed));
    hits
}

fn explanation(what: &str, hits: &Hits<'_>) -> String {
    let Some((text, hit)) = hits.first() else { return String::new() };
    let name = match hit.label.name {
        "" => String::new(),
        name => format!(" as {name}"),
    };
    let more = match hits.len() - 1 {
        0 => String::new(),
        more => format!(" {more} more listed names stand there."),
    };
    let text = model::escape_text(text);
    format!("{what} names {text}, which {} lists{name}.{more}", hit.label.source)
}

fn with_hits(mut finding: Finding, hits: &Hits<'_>) -> Finding {
    for (text, hit) in hits.iter().take(MAX_EVIDENCE) {
        finding = finding.with_evidence(hit.kind.name(), text, None).with_evidence(
            "source",
            hit.label.source,
            None,
        );
        if !hit.label.origin.is_empty() {
            finding = finding.with_evidence("origin", hit.label.origin, None);
        }
    }
    let severity = hits.iter().map(|(_, hit)| hit.label.severity).max();
    capped(finding, severity.unwrap_or(Severity::Low))
}

/// Whether a text at a place does something: it is still there, is no documentation or test, and is run or
/// configures what is run.
fn counts_at(image: &ImageView<'_>, place: Place) -> bool {
    let Some(entry) = image.tree.entry(place) else { return false };
    image.tree.is_live(place)
        && !is_documentation(entry.path)
        && (is_executed(image, place) || is_configuration(entry.path))
}

/// Whether the file is a program or script, by its mode or by what was read of it.
pub(super) fn is_executed(image: &ImageView<'_>, place: Place) -> bool {
    let executable = image.tree.entry(place).is_some_and(|entry| entry.mode & 0o111 != 0);
    executable || image.facts(place).any(|fact| matches!(fact, Fact::Script(_) | Fact::Program(_)))
}

fn is_documentation(path: &[u8]) -> bool {
    const FOLDERS: &[&[u8]] =
        &[b"doc", b"docs", b"man", b"test", b"tests", b"testdata", b"fixtures", b"licenses", b"examples"];
    const NAMES: &[&[u8]] =
        &[b"readme", b"changelog", b"changes", b"license", b"copyright", b"notice", b"authors"];
    const ENDINGS: &[&[u8]] = &[b"md", b"rst", b"adoc", b"html", b"htm", b"1", b"5", b"8"];
    let name = base_name(path).to_ascii_lowercase();
    let mut parts = name.splitn(2, |&byte| byte == b'.');
    let stem = parts.next().unwrap_or_default();
    let ending = name.rsplit(|&byte| byte == b'.').next().filter(|ending| ending.len() < name.len());
    path.split(|&byte| byte == b'/').rev().skip(1).any(|folder| FOLDERS.contains(&folder))
        || NAMES.contains(&stem)
        || ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

fn is_configuration(path: &[u8]) -> bool {
    const ENDINGS: &[&[u8]] = &[
        b"conf",
        b"cfg",
        b"cnf",
        b"config",
        b"ini",
        b"json",
        b"yaml",
        b"yml",
        b"toml",
        b"env",
        b"service",
        b"timer",
        b"properties",
        b"xml",
        b"desktop",
        b"repo",
        b"list",
        b"sources",
    ];
    let name = base_name(path);
    let ending = name.rsplit(|&byte| byte == b'.').next().filter(|ending| ending.len() < name.len());
    path.starts_with(b"etc/")
        || path.starts_with(b"var/spool/cron/")
        || name.starts_with(b".")
        || ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

fn gap(image: &ImageView<'_>, place: Place) -> Gap {
    let path = image.tree.entry(place).map(|entry| model::escape_bytes(entry.path)).unwrap_or_default();
    Gap::new(
        format!("{}, layer {}, /{path}", image.platform, place.layer),
        "indicators: it names more, or is longer, than is compared with feeds",
    )
}

/// Tells no more findings than a person can read. Those that count are bounded for themselves: no crowd of others
/// hides one of them.
#[derive(Debug, Default)]
pub(super) struct Told {
    counting: usize,
    explaining: usize,
}

impl Told {
    pub(super) fn tell(&mut self, mut finding: Finding, out: &mut Outcome) {
        let told = if finding.role == Role::Context { &mut self.explaining } else { &mut self.counting };
        *told += 1;
        if *told == MAX_FINDINGS {
            finding.explanation.push_str(" More findings of this kind are not shown.");
        }
        if *told <= MAX_FINDINGS {
            out.findings.push(finding);
        }
    }
}

/// Which layer took away what is no longer there.
pub(super) struct Removed {
    by: HashMap<Place, u32>,
}

impl Removed {
    pub(super) fn of(image: &ImageView<'_>) -> Self {
        Self { by: image.tree.residue().map(|(place, event)| (place, event.place.layer)).collect() }
    }

    /// Says of a finding about residue that it is.
    pub(super) fn mark(&self, image: &ImageView<'_>, finding: Finding, place: Place) -> Finding {
        if image.tree.is_live(place) {
            return finding;
        }
        as_context(finding).removed_by(self.by.get(&place).copied().unwrap_or(place.layer) as usize)
    }
}
