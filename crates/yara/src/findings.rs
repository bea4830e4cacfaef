//! From facts to findings: what rules about content found, weighed by where it lies; and the rules about places, asked
//! for every file that a rule about content holds for.

use crate::built_in::{self, Kind};
use crate::image_module::Answers;
use crate::{Meta, RuleSet, engine, meta};
use inspect::{Fact, ImageView, Outcome, RuleHit, StageFacts};
use layers::Place;
use model::{Finding, Gap, Role};
use std::collections::{BTreeMap, HashMap};

/// Findings that count, and as many that only explain.
const MAX_FINDINGS: usize = 256;
/// Files for which rules about places are asked.
const MAX_ASKED: usize = 4096;

/// All that the rules say of the image.
pub(crate) fn conclude(rules: &RuleSet, image: &ImageView<'_>, out: &mut Outcome) {
    let removed: HashMap<Place, u32> =
        image.tree.residue().map(|(place, event)| (place, event.place.layer)).collect();
    let mut files: BTreeMap<Place, File<'_>> = BTreeMap::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, stage, fact) in layer.facts.all() {
            let Fact::Rules(facts) = fact else { continue };
            let place = Place { layer: number, entry };
            let file = files.entry(place).or_default();
            file.cut |= facts.cut;
            file.hits.extend(facts.hits.iter().map(|hit| (stage, hit)));
        }
    }
    let mut found = Vec::new();
    for (&place, file) in &files {
        if file.cut {
            out.gaps.push(gap(image, place, "more rules hold for it than are kept"));
        }
        let seen = Seen::of(image, out, place, &removed);
        for (stage, hit) in &file.hits {
            if let Some(meta) = rules.meta(&hit.pack, &hit.rule) {
                found.push(about_content(image, &seen, &meta, hit, *stage));
            }
        }
    }
    let asked = ask(rules, image, out, &files, &removed);
    found.extend(asked);
    tell(found, out);
}

#[derive(Default)]
struct File<'a> {
    hits: Vec<(Option<&'a StageFacts>, &'a RuleHit)>,
    cut: bool,
}

/// What is known of a file beside its bytes.
struct Seen {
    place: Place,
    live: bool,
    removed_by: Option<u32>,
    reached: bool,
    executed: bool,
}

impl Seen {
    fn of(image: &ImageView<'_>, out: &Outcome, place: Place, removed: &HashMap<Place, u32>) -> Self {
        let live = image.tree.is_live(place);
        Self {
            place,
            live,
            removed_by: (!live).then(|| removed.get(&place).copied().unwrap_or(place.layer)),
            reached: live && out.reaches(image, place),
            executed: is_executed(image, place),
        }
    }

    /// Weighs a finding by the place. Whoever writes about attacks quotes them, so what nothing is seen to run only
    /// explains; and what is gone counts for nothing but where it convicts, which the verdict weighs itself.
    fn weigh(&self, mut finding: Finding, reached: Option<Role>) -> Finding {
        if self.reached {
            finding.reachable = Some(true);
            finding.role = reached.unwrap_or(finding.role);
        } else if !self.executed {
            finding.role = finding.role.min(Role::Context);
        }
        match self.removed_by {
            Some(layer) => {
                if finding.role != Role::Convicts {
                    finding.role = Role::Context;
                }
                finding.removed_by(layer as usize)
            }
            None => finding,
        }
    }
}

/// Whether a file is something that runs: by its mode, by what was read of it, or because a web server runs it.
fn is_executed(image: &ImageView<'_>, place: Place) -> bool {
    const PAGES: [&[u8]; 6] = [b".php", b".phtml", b".jsp", b".jspx", b".aspx", b".phar"];
    let entry = image.tree.entry(image.tree.content(place));
    let by_itself = entry.is_some_and(|entry| {
        entry.mode & 0o111 != 0
            || PAGES.iter().any(|ending| entry.path.to_ascii_lowercase().ends_with(ending))
    });
    by_itself || image.facts(place).any(|fact| matches!(fact, Fact::Script(_) | Fact::Program(_)))
}

fn about_content(
    image: &ImageView<'_>,
    seen: &Seen,
    meta: &Meta,
    hit: &RuleHit,
    stage: Option<&StageFacts>,
) -> Finding {
    let explanation = explanation(meta, "it");
    let mut finding = image.finding_in(&meta::RULE, explanation, seen.place, stage);
    say(&mut finding, meta);
    for found in &hit.matches {
        let shown = model::escape_bytes(&found.excerpt);
        finding = finding
            .with_evidence("match", &format!("{} {shown}", found.pattern), Some(found.offset))
            .with_bytes(&found.excerpt, Some(found.offset));
    }
    seen.weigh(finding, meta.reached)
}

/// That a rule holds, and for what.
pub(crate) fn explanation(meta: &Meta, what: &str) -> String {
    let rule = model::escape_text(&meta.rule);
    match (meta.pack.as_str(), meta.why.as_str()) {
        (built_in::PACK, _) => format!("The rule {rule} holds for {what}."),
        (pack, "") => format!("The rule {rule} of {} holds for {what}.", model::escape_text(pack)),
        (pack, why) => {
            format!(
                "The rule {rule} of {} holds for {what}: {}",
                model::escape_text(pack),
                model::escape_text(why)
            )
        }
    }
}

/// Puts what a rule says of itself into its finding, with whose word it is.
pub(crate) fn say(finding: &mut Finding, meta: &Meta) {
    finding.id.clone_from(&meta.id);
    finding.title = model::escape_text(&meta.title);
    (finding.severity, finding.role, finding.class) = (meta.severity, meta.role, meta.class);
    finding.techniques.clone_from(&meta.techniques);
    let mut add = |kind: &str, value: &str| {
        finding.evidence.push(model::Evidence {
            kind: kind.to_owned(),
            value: model::escape_text(value),
            offset: None,
        });
    };
    add("rule", &format!("{}:{}", meta.pack, meta.rule));
    if meta.pack == built_in::PACK {
        return;
    }
    for (kind, value) in
        [("author", &meta.author), ("license", &meta.license), ("reference", &meta.reference)]
    {
        if let Some(value) = value {
            add(kind, value);
        }
    }
}

/// Asks the rules about places for every file that a rule about content holds for.
fn ask(
    rules: &RuleSet,
    image: &ImageView<'_>,
    out: &mut Outcome,
    files: &BTreeMap<Place, File<'_>>,
    removed: &HashMap<Place, u32>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    if files.len() > MAX_ASKED {
        let why = format!("rules about places were asked for the first {MAX_ASKED} files only");
        out.gaps.push(Gap::new(image.platform.to_string(), why));
    }
    for (&place, file) in files.iter().take(MAX_ASKED).filter(|(_, file)| !file.hits.is_empty()) {
        let seen = Seen::of(image, out, place, removed);
        let answers = answers(image, out, &seen, file);
        for holds in rules.ask(&answers) {
            match holds {
                Ok(meta) => {
                    let mut finding = image.finding_at(&meta::RULE, explanation(&meta, "it"), place);
                    say(&mut finding, &meta);
                    finding = finding.with_evidence("content", &answers.hits.join(", "), None);
                    finding.reachable = seen.reached.then_some(true);
                    if let Some(layer) = seen.removed_by {
                        finding.role = finding.role.min(Role::Context);
                        finding = finding.removed_by(layer as usize);
                    }
                    found.push(finding);
                }
                Err(why) => out.gaps.push(gap(image, place, &why)),
            }
        }
    }
    found
}

fn answers(image: &ImageView<'_>, out: &Outcome, seen: &Seen, file: &File<'_>) -> Answers {
    /// Words of the configuration that rules are told.
    const MAX_WORDS: usize = 1024;
    let place = seen.place;
    let entry = image.tree.entry(place);
    let content = image.tree.entry(image.tree.content(place));
    let path = entry.as_ref().map(|entry| entry.path).unwrap_or_default();
    let owner = image.ownership.owner(path);
    let way = if seen.live { out.way_to(image, place) } else { None };
    let words = |words: &[String]| words.iter().take(MAX_WORDS).cloned().collect();
    let config = &image.config.config;
    let mut hits: Vec<String> = file.hits.iter().map(|(_, hit)| hit.rule.clone()).collect();
    hits.sort_unstable();
    hits.dedup();
    Answers {
        path: format!("/{}", String::from_utf8_lossy(path)),
        layer: i64::from(place.layer),
        mode: content.as_ref().map_or(0, |entry| i64::from(entry.mode)),
        uid: content.as_ref().map_or(0, |entry| i64::from(entry.uid)),
        size: content.as_ref().map_or(0, |entry| i64::try_from(entry.size).unwrap_or(i64::MAX)),
        live: seen.live,
        executable: seen.executed,
        owned: owner.is_some(),
        package: owner.map(|owner| owner.package.name.clone()).unwrap_or_default(),
        reached: seen.reached,
        started: way.is_some(),
        how: way.map(|way| way.how.clone()).unwrap_or_default(),
        decoded: file.hits.iter().any(|(stage, _)| stage.is_some()),
        hits,
        user: config.user.clone(),
        entry: words(&config.entrypoint),
        cmd: words(&config.cmd),
        env: words(&config.env),
    }
}

impl RuleSet {
    /// What a rule of the facts says of itself.
    fn meta(&self, pack: &str, rule: &str) -> Option<Meta> {
        if pack == built_in::PACK {
            return built_in::rule(rule).map(Meta::built_in);
        }
        self.packs().iter().find_map(|held| {
            let file = pack.strip_prefix(held.name())?.strip_prefix('/')?;
            held.meta(file, rule).cloned()
        })
    }

    /// The rules about places that hold.
    fn ask(&self, answers: &Answers) -> Vec<Result<Meta, String>> {
        let mut found = Vec::new();
        match Kind::Place.rules().and_then(|rules| engine::ask(rules, answers)) {
            Ok(holds) => {
                found.extend(
                    holds
                        .iter()
                        .filter_map(|(_, rule)| built_in::rule(rule))
                        .map(|rule| Ok(Meta::built_in(rule))),
                );
            }
            Err(why) => found.push(Err(why)),
        }
        for pack in self.packs() {
            let Some(rules) = pack.places else { continue };
            match engine::ask(rules, answers) {
                Ok(holds) => {
                    found.extend(
                        holds
                            .iter()
                            .filter_map(|(file, rule)| pack.meta(file, rule))
                            .map(|meta| Ok(meta.clone())),
                    );
                }
                Err(why) => found.push(Err(why)),
            }
        }
        found
    }
}

/// What counts most is told first, and each class within its bound.
fn tell(mut found: Vec<Finding>, out: &mut Outcome) {
    found.sort_by_key(|finding| std::cmp::Reverse((finding.role, finding.severity)));
    let explains = found.partition_point(|finding| finding.role > Role::Context);
    let explaining = found.split_off(explains);
    for mut told in [found, explaining] {
        if told.len() > MAX_FINDINGS {
            told.truncate(MAX_FINDINGS);
            if let Some(last) = told.last_mut() {
                last.explanation.push_str(" More findings of rules are not shown.");
            }
        }
        out.findings.append(&mut told);
    }
}

fn gap(image: &ImageView<'_>, place: Place, why: &str) -> Gap {
    let path = image.tree.entry(place).map(|entry| model::escape_bytes(entry.path)).unwrap_or_default();
    Gap::new(format!("{}, layer {}, /{path}", image.platform, place.layer), format!("rules: {why}"))
}
