//! What the API's documents look like (goharbor/pluggable-scanner-spec, `scanner-adapter-openapi-v1.1.yaml`).

use access::Credentials;
use model::{Digest, Finding, Report, RepositoryName, Role, Severity, Verdict};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) const METADATA: &str = "application/vnd.scanner.adapter.metadata+json; version=1.0";
pub(super) const SCANNING: &str = "application/vnd.scanner.adapter.scan.response+json; version=1.0";
pub(super) const ERROR: &str = "application/vnd.scanner.adapter.error; version=1.0";
const GENERIC: &str = "application/vnd.security.vulnerability.report; version=1.1";
const HARBOR: &str = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0";
const CONSUMED: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Which of the two kinds of report is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportForm {
    Generic,
    Harbor,
}

impl ReportForm {
    pub(super) const NAMES: [&str; 2] = [GENERIC, HARBOR];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Generic => GENERIC,
            Self::Harbor => HARBOR,
        }
    }

    /// The first that is accepted. Harbor writes the types with and without the space before `version`.
    pub(super) fn wanted(accept: &str) -> Option<Self> {
        let tight = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        accept.split(',').find_map(|part| {
            let part = tight(part);
            let one = |form: Self| {
                let name = tight(form.name());
                (part == name || part.starts_with(&format!("{name};"))).then_some(form)
            };
            match part.split(';').next() {
                Some("*/*" | "application/*") => Some(Self::Generic),
                _ => one(Self::Generic).or_else(|| one(Self::Harbor)),
            }
        })
    }
}

pub(super) fn scanner() -> Value {
    json!({ "name": "Roadstead", "vendor": "Roadstead", "version": env!("CARGO_PKG_VERSION") })
}

pub(super) fn metadata() -> Value {
    json!({
        "scanner": scanner(),
        "capabilities": [{
            "type": "vulnerability",
            "consumes_mime_types": CONSUMED,
            "produces_mime_types": ReportForm::NAMES,
        }],
        "properties": {
            "harbor.scanner-adapter/scanner-type": "malware",
            "harbor.scanner-adapter/registry-authorization-type": "Basic",
        },
    })
}

/// A request for a scan. Fields that later versions add are no reason to refuse it.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    registry: Registry,
    pub(super) artifact: Artifact,
}

#[derive(Deserialize)]
struct Registry {
    url: String,
    #[serde(default)]
    authorization: String,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Artifact {
    repository: RepositoryName,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
}

/// What is scanned, and what it is fetched with.
pub(super) struct Target {
    pub(super) locator: String,
    /// `host:port`, as credentials are kept by.
    pub(super) registry: String,
    pub(super) plain_http: bool,
    pub(super) authorization: Option<Credentials>,
}

impl Asked {
    /// Where to pull from: a registry that the configuration names, whatever else the request asks for. A request must not
    /// be able to have us connect anywhere (CVE-2020-13788).
    pub(super) fn target(&self, allowed: &[String]) -> Result<Target, String> {
        let url: Url = self.registry.url.parse().map_err(|_| "registry.url is no address".to_owned())?;
        let same = |text: &String| text.parse::<Url>().is_ok_and(|allowed| origin(&allowed) == origin(&url));
        let (Some((host, port)), true) =
            (origin(&url).map(|(_, host, port)| (host, port)), allowed.iter().any(same))
        else {
            return Err(
                "registry.url is none of harbor.registries in the configuration of the scanner".to_owned()
            );
        };
        // With its port, so that a name of one part is not taken for a user of Docker Hub.
        let registry = format!("{host}:{port}");
        let Artifact { repository, digest, .. } = &self.artifact;
        let authorization = match self.registry.authorization.trim() {
            "" => None,
            text => {
                Some(Credentials::parse(text).map_err(|error| format!("registry.authorization: {error}"))?)
            }
        };
        Ok(Target {
            locator: format!("docker://{registry}/{repository}@{digest}"),
            registry,
            plain_http: url.scheme() == "http",
            authorization,
        })
    }
}

fn origin(url: &Url) -> Option<(&str, &str, u16)> {
    let known = matches!(url.scheme(), "http" | "https");
    known.then_some((url.scheme(), url.host_str()?, url.port_or_known_default()?))
}

/// A scan that came to a report.
pub(super) struct Done {
    pub(super) artifact: Artifact,
    pub(super) report: Report,
    pub(super) generated: i64,
}

pub(super) fn report(done: &Done, form: ReportForm) -> Value {
    let vulnerabilities = vulnerabilities(&done.report, form);
    let rank = |value: &Value| SEVERITIES.iter().position(|name| Some(*name) == value["severity"].as_str());
    let worst = vulnerabilities.iter().filter_map(rank).max().unwrap_or(0);
    json!({
        "generated_at": crate::webhooks::rfc3339(done.generated),
        "artifact": done.artifact,
        "scanner": scanner(),
        "severity": SEVERITIES[worst],
        "vulnerabilities": vulnerabilities,
    })
}

/// Harbor's words, from the least to the worst.
const SEVERITIES: [&str; 6] = ["Unknown", "Negligible", "Low", "Medium", "High", "Critical"];

fn vulnerabilities(report: &Report, form: ReportForm) -> Vec<Value> {
    let counts = |finding: &&Finding| finding.role != Role::Context && finding.exception.is_none();
    let mut all: Vec<Value> = report
        .findings
        .iter()
        .filter(counts)
        .map(|finding| of_finding(finding, report.verdict, form))
        .collect();
    // A verdict without a finding to show for it must not look clean, nor must what nobody could read.
    if all.is_empty() && report.verdict == Verdict::Malicious {
        all.push(vulnerability("RS-MAL-VERDICT", "image", "", "Critical", &report.summary, form));
    }
    if report.verdict == Verdict::Incomplete || !report.gaps.is_empty() {
        let gaps = report.gaps.iter().take(20).map(|gap| format!("{}: {}", gap.what, gap.why));
        let told = gaps.collect::<Vec<_>>().join("; ");
        let told = format!(
            "A part of the image was not looked at, so that nobody knows whether it is clean. {told}"
        );
        all.push(vulnerability("RS-INCOMPLETE", "image", "", "High", &told, form));
    }
    all
}

/// What convicts is malware; in a malicious image so is what corroborates it. Else it is what a person has to look at.
fn of_finding(finding: &Finding, verdict: Verdict, form: ReportForm) -> Value {
    let is_malware = finding.role == Role::Convicts || verdict == Verdict::Malicious;
    let id = if is_malware { format!("RS-MAL-{}", finding.id) } else { format!("RS-SUS-{}", finding.id) };
    let severity = match (is_malware, finding.severity) {
        (true, _) | (_, Severity::Critical) => "Critical",
        (_, Severity::High) => "High",
        (_, Severity::Medium) => "Medium",
        _ => "Low",
    };
    let layer = finding.layer.as_ref().map(|layer| format!("layer {}", layer.index)).unwrap_or_default();
    let what = format!("{} ({}): {}", finding.title, finding.platform, finding.explanation);
    let place = finding.path.as_deref().unwrap_or("image");
    let mut made = vulnerability(&id, place, &layer, severity, &what, form);
    made["vendor_attributes"] = json!({ "finding": finding.id, "role": finding.role, "techniques": finding.techniques, "evidence": finding.evidence });
    made
}

fn vulnerability(
    id: &str,
    package: &str,
    version: &str,
    severity: &str,
    description: &str,
    form: ReportForm,
) -> Value {
    let mut made = json!({
        "id": id,
        "package": package,
        "version": version,
        "fix_version": "",
        "severity": severity,
        "description": description,
        "links": [],
    });
    if form == ReportForm::Generic {
        made["status"] = json!("affected");
        made["cwe_ids"] = json!(["CWE-506"]);
        made["preferred_cvss"] = json!({ "score_v3": if severity == "Critical" { 10.0 } else { 0.0 } });
    }
    made
}

#[cfg(test)]
mod tests;
