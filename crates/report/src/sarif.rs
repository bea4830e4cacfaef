mod log;

use crate::exception::{self, exception_warnings};
use crate::markdown::prose;
use crate::phrase::{safe, shortened};
use crate::{Catalogue, json};
use log::{
    ArtifactLocation, AutomationDetails, Configuration, Driver, Fingerprints, Help, Invocation, Location,
    Log, LogicalLocation, Notification, PhysicalLocation, Region, ReportingDescriptor, RuleProperties, Run,
    RunProperties, SarifResult, Suppression, Text, Tool,
};
use model::{Finding, Report, Role, Severity};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Writes SARIF 2.1.0 as GitHub's code scanning takes it: one run for each platform, each with a category of
/// its own, because runs that share one are refused.
pub(crate) fn render(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut platforms: Vec<&str> = Vec::new();
    for platform in &report.image.platforms {
        if !platforms.contains(&platform.as_str()) {
            platforms.push(platform);
        }
    }
    let runs = if (2..=MOST_RUNS).contains(&platforms.len()) {
        let of = |finding: &Finding| platforms.iter().position(|&name| name == finding.platform).unwrap_or(0);
        (0..platforms.len())
            .map(|at| {
                let findings = report.findings.iter().filter(|finding| of(finding) == at).collect();
                run(report, platforms.get(at).copied(), findings, catalogue)
            })
            .collect()
    } else {
        vec![run(report, platforms.first().copied(), report.findings.iter().collect(), catalogue)]
    };
    json::write(&Log { schema: SCHEMA, version: "2.1.0", runs }, out)
}

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub takes at most 20 runs in one file; an image for more platforms than that is one run.
const MOST_RUNS: usize = 20;

/// GitHub shows 5,000 results of a run. The findings are sorted worst first, so what is cut is the least.
const MOST_RESULTS: usize = 5_000;

fn run(report: &Report, platform: Option<&str>, findings: Vec<&Finding>, catalogue: Catalogue<'_>) -> Run {
    let mut worst: BTreeMap<Cow<'_, str>, &Finding> = BTreeMap::new();
    for finding in &findings {
        let known = worst.entry(safe(&finding.id)).or_insert(finding);
        if finding.severity > known.severity {
            *known = finding;
        }
    }
    let indices: HashMap<_, _> = worst.keys().enumerate().map(|(index, id)| (id.clone(), index)).collect();
    let mut seen = HashMap::new();
    let results = findings.iter().take(MOST_RESULTS).map(|finding| {
        let index = indices.get(&safe(&finding.id)).copied().unwrap_or_default();
        let fingerprint = fingerprint(finding, &mut seen);
        result(report, finding, index, fingerprint)
    });
    let results = results.collect();
    let mut notifications: Vec<_> = report
        .gaps
        .iter()
        .take(MOST_RESULTS)
        .map(|gap| Notification::warning(message(&format!("Not looked at: {}: {}", gap.what, gap.why))))
        .collect();
    notifications.extend(
        exception_warnings(report)
            .iter()
            .take(MOST_RESULTS)
            .map(|warning| Notification::warning(message(warning))),
    );
    let cut = findings.len().saturating_sub(MOST_RESULTS);
    if cut > 0 {
        let cut = model::thousands(cut as u64);
        notifications.push(Notification::warning(Text::new(format!(
            "{cut} more findings, none worse than those here, are only in the JSON report."
        ))));
    }
    let cut = report.gaps.len().saturating_sub(MOST_RESULTS);
    if cut > 0 {
        let cut = model::thousands(cut as u64);
        notifications
            .push(Notification::warning(Text::new(format!("{cut} more gaps are only in the JSON report."))));
    }
    Run {
        tool: Tool {
            driver: Driver {
                name: "Roadstead",
                version: safe(&report.tool.version).into_owned(),
                rules: worst.into_values().map(|finding| rule(finding, catalogue)).collect(),
            },
        },
        automation_details: AutomationDetails { id: category(report, platform) },
        invocations: [Invocation { execution_successful: true, tool_execution_notifications: notifications }],
        results,
        properties: RunProperties {
            verdict: report.verdict.name(),
            summary: safe(&report.summary).into_owned(),
            image_digest: report.image.digest.map(|digest| digest.to_string()),
        },
    }
}

/// The category keeps the alerts of one image and platform apart from those of others over time. It holds no
/// digest, or each build would open all alerts anew. What follows the last slash is the run's own id: none.
fn category(report: &Report, platform: Option<&str>) -> String {
    let name = report.image.reference.split('@').next().unwrap_or_default();
    let platform = platform.map(|platform| format!("{}/", safe(platform))).unwrap_or_default();
    format!("roadstead/{}/{platform}", safe(name))
}

fn rule(finding: &Finding, catalogue: Catalogue<'_>) -> ReportingDescriptor {
    let detection = catalogue(&finding.id);
    let title = safe(&finding.title).into_owned();
    let why = detection.map(|detection| detection.why).filter(|why| !why.is_empty());
    let advice = detection.map(|detection| detection.advice).filter(|advice| !advice.is_empty());
    let help = [why, advice].into_iter().flatten().collect::<Vec<_>>();
    let (text, markdown) = match help.join("\n\n") {
        none if none.is_empty() => (title.clone(), prose(&title)),
        known => (known.clone(), known),
    };
    let mut tags = vec!["security".to_owned(), finding.class.name().to_lowercase()];
    for technique in &finding.techniques {
        let technique = safe(technique);
        if !tags.iter().any(|tag| *tag == technique) {
            tags.push(technique.into_owned());
        }
    }
    ReportingDescriptor {
        id: safe(&finding.id).into_owned(),
        short_description: Text::new(title.clone()),
        full_description: Text::new(why.map_or(title, str::to_owned)),
        help: Help { text, markdown },
        default_configuration: Configuration { level: level(finding.severity) },
        properties: RuleProperties {
            security_severity: security_severity(finding.severity),
            precision: match finding.role {
                Role::Convicts => "very-high",
                Role::Corroborates => "medium",
                Role::Context => "low",
            },
            tags,
        },
    }
}

fn result(report: &Report, finding: &Finding, rule_index: usize, fingerprint: String) -> SarifResult {
    let mut text = safe(&finding.title).into_owned();
    if let Some(path) = &finding.path {
        text += &format!(": {}", shortened(&safe(path), 300));
    }
    if !finding.explanation.is_empty() {
        text += &format!("\n{}", safe(&finding.explanation));
    }
    for piece in &finding.evidence {
        text += &format!("\n{}: {}", safe(&piece.kind), shortened(&safe(&piece.value), 300));
    }
    let image = safe(&report.image.reference);
    let mut logical = vec![LogicalLocation {
        name: image.clone().into_owned(),
        fully_qualified_name: match (&report.image.digest, finding.platform.as_str()) {
            (Some(digest), "") => format!("{image} {digest}"),
            (Some(digest), platform) => format!("{image} {digest} {}", safe(platform)),
            (None, _) => image.into_owned(),
        },
        kind: "image",
    }];
    if let Some(layer) = &finding.layer {
        text += &format!("\nlayer {} ({})", layer.index, layer.digest.short());
        if !layer.created_by.is_empty() {
            text += &format!(": {}", shortened(&safe(&layer.created_by), 300));
        }
        logical.push(LogicalLocation {
            name: format!("layer {}", layer.index),
            fully_qualified_name: layer.digest.to_string(),
            kind: "layer",
        });
    }
    let place = finding.path.as_deref().unwrap_or(&report.image.reference);
    SarifResult {
        rule_id: safe(&finding.id).into_owned(),
        rule_index,
        level: if finding.role == Role::Context { "note" } else { level(finding.severity) },
        message: message(&text),
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(place) },
                region: Region { start_line: 1 },
            },
            logical_locations: logical,
        }],
        partial_fingerprints: Fingerprints { primary_location_line_hash: fingerprint },
        suppressions: any_excepted(report).then(|| suppressions(finding)),
    }
}

/// The standard asks for suppressions on every result of a run or on none.
fn any_excepted(report: &Report) -> bool {
    !report.exceptions.is_empty()
}

fn suppressions(finding: &Finding) -> Vec<Suppression> {
    let told = exception::in_force(finding);
    told.map(|told| Suppression { kind: "external", status: "accepted", justification: told })
        .into_iter()
        .collect()
}

/// A message, in which `[text](target)` would be a link: the brackets of such a text are escaped.
fn message(text: &str) -> Text {
    let text =
        if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text.to_owned() };
    Text::new(text.split('\n').map(safe).collect::<Vec<_>>().join("\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The number from which GitHub makes its own word: over 9 is critical, from 7 high, from 4 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

/// A relative URI reference for a path in the image or for its name. Everything but letters, digits and
/// `-._~/` is percent-encoded, the colon too: `registry:5000/app` would be read as a URI of the scheme
/// `registry`, for which GitHub refuses the whole file. Dot segments would climb and are left out.
fn uri(place: &str) -> String {
    let segments = place.split('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
    let mut out = String::with_capacity(place.len());
    for segment in segments {
        if !out.is_empty() {
            out.push('/');
        }
        for &byte in segment.as_bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte))
                }
                _ => out += &format!("%{byte:02X}"),
            }
        }
    }
    if out.is_empty() { "image".to_owned() } else { out }
}

/// A name for a finding that stays the same as long as the layer does: by detection, path and layer. Findings
/// that share all three are counted apart in their order.
fn fingerprint(finding: &Finding, seen: &mut HashMap<[u8; 16], usize>) -> String {
    let mut hash = Sha256::new();
    let layer = finding.layer.as_ref().map(|layer| layer.digest.to_string()).unwrap_or_default();
    for part in [&finding.id, finding.path.as_deref().unwrap_or_default(), &layer] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    let count = seen.entry(key).or_insert(0);
    *count += 1;
    format!("{:032x}:{count}", u128::from_be_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrase::SEVERITIES;
    use crate::sample;
    use serde_json::Value;
    use std::collections::HashSet;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn check_uri(place: &str, expect: &str) {
        assert_eq!(uri(place), expect);
    }

    #[test]
    fn no_path_becomes_a_scheme_or_climbs() {
        check_uri("/usr/lib/.x/ld", "usr/lib/.x/ld");
        check_uri("registry:5000/app", "registry%3A5000/app");
        check_uri("/a b/ü#?%", "a%20b/%C3%BC%23%3F%25");
        check_uri("/../..//./etc/passwd", "etc/passwd");
        check_uri("/", "image");
    }

    #[test]
    fn the_miner_in_sarif() {
        insta::assert_snapshot!(text(&sample::miner()));
    }

    #[test]
    fn an_exception_suppresses_its_finding_and_no_other() {
        let log: Value = serde_json::from_str(&text(&sample::excepted())).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let counts: Vec<_> =
            results.iter().map(|result| result["suppressions"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [0, 0, 0, 1]);
        let suppression = &results[3]["suppressions"][0];
        assert_eq!((&suppression["kind"], &suppression["status"]), (&"external".into(), &"accepted".into()));
        assert!(suppression["justification"].as_str().unwrap().contains("platform team until 2027-01-31"));
        let notes = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        assert!(notes.to_string().contains("S-PER-CRON") && notes.to_string().contains("expired on"));
        let plain: Value = serde_json::from_str(&text(&sample::miner())).unwrap();
        assert!(plain["runs"][0]["results"][0].get("suppressions").is_none());
    }

    /// What GitHub asks for beyond the standard, on every shape of report.
    #[test]
    fn github_takes_it() {
        for report in [sample::miner(), sample::clean(), sample::hostile(), sample::many(6_000)] {
            let log: Value = serde_json::from_str(&text(&report)).unwrap();
            assert_eq!(log["version"], "2.1.0");
            let runs = log["runs"].as_array().unwrap();
            let categories: HashSet<_> =
                runs.iter().map(|run| run["automationDetails"]["id"].to_string()).collect();
            assert_eq!(categories.len(), runs.len());
            assert!((1..=MOST_RUNS).contains(&runs.len()));
            for run in runs {
                let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
                let ids: HashSet<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
                assert_eq!(ids.len(), rules.len());
                for rule in rules {
                    let severity = rule["properties"]["security-severity"].as_str().unwrap();
                    assert!((0.0..=10.0).contains(&severity.parse::<f64>().unwrap()));
                    assert!(
                        rule.get("helpUri").is_none() && !rule["help"]["text"].as_str().unwrap().is_empty()
                    );
                }
                let results = run["results"].as_array().unwrap();
                assert!(results.len() <= MOST_RESULTS);
                let mut fingerprints = HashSet::new();
                for result in results {
                    let index = result["ruleIndex"].as_u64().unwrap() as usize;
                    assert_eq!(rules[index]["id"], result["ruleId"]);
                    assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
                    let location = &result["locations"][0]["physicalLocation"];
                    let uri = location["artifactLocation"]["uri"].as_str().unwrap();
                    assert!(
                        !uri.is_empty() && !uri.contains(':') && !uri.starts_with('/') && uri.is_ascii(),
                        "{uri}"
                    );
                    assert_eq!(location["region"]["startLine"], 1);
                    assert!(
                        fingerprints
                            .insert(result["partialFingerprints"]["primaryLocationLineHash"].to_string())
                    );
                }
                let invocation = &run["invocations"][0];
                assert_eq!(invocation["executionSuccessful"], true);
                assert!(
                    invocation["toolExecutionNotifications"].as_array().unwrap().len() >= report.gaps.len()
                );
            }
        }
    }

    #[test]
    fn every_finding_lands_in_exactly_one_run_or_is_counted() {
        let results = |report: &Report| -> usize {
            let log: Value = serde_json::from_str(&text(report)).unwrap();
            log["runs"].as_array().unwrap().iter().map(|run| run["results"].as_array().unwrap().len()).sum()
        };
        assert_eq!(results(&sample::miner()), sample::miner().findings.len());
        assert_eq!(results(&sample::many(6_000)), MOST_RESULTS);
        assert!(text(&sample::many(6_000)).contains("1,004 more findings"));
    }

    #[test]
    fn a_text_is_no_link() {
        assert!(text(&sample::hostile()).contains("\\\\[x\\\\](javascript:alert(1))"));
    }

    #[test]
    fn severities_keep_their_order() {
        let numbers = SEVERITIES.map(|severity| security_severity(severity).parse::<f64>().unwrap());
        assert!(numbers.is_sorted_by(|a, b| a > b));
    }
}
