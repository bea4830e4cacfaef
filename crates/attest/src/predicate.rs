//! What is stated. Each function gives a statement of the purpose that it serves, so that the types keep the keys apart.
use crate::error::Error;
use crate::keys::{Evidence, Release};
use crate::statement::{Statement, Subject};
use jiff::Timestamp;
use model::Digest;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const VULNERABILITIES: &str = "https://in-toto.io/attestation/vulns/v0.2";
const RUNTIME_TRACE: &str = "https://in-toto.io/attestation/runtime-trace/v0.1";

/// The predicate type of a short name, as cosign and we spell them; an address is its own.
pub fn predicate_type(name: &str) -> Option<&str> {
    Some(match name {
        "signature" => SIGNATURE,
        "release" | "svr" => SVR,
        "vsa" => VSA,
        "test-result" => TEST_RESULT,
        "vulns" => VULNERABILITIES,
        "vuln" => "https://cosign.sigstore.dev/attestation/vuln/v1",
        "runtime-trace" => RUNTIME_TRACE,
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "slsaprovenance1" => "https://slsa.dev/provenance/v1",
        "slsaprovenance" => "https://slsa.dev/provenance/v0.2",
        "openvex" => "https://openvex.dev/ns",
        address if address.contains("://") => address,
        _ => return None,
    })
}

/// That an image is signed, in the words of cosign 3: nothing but that.
pub fn signature(image: &Subject) -> Statement<Release> {
    Statement::new(image, SIGNATURE, Value::Object(serde_json::Map::new()))
}

/// A Simple Verification Result: who let the image in, by which rules, and what it has been found to be.
#[derive(Debug, Clone)]
pub struct Svr {
    /// Address that names the verifier and its version.
    pub verifier: String,
    /// The rules that were applied.
    pub policies: Vec<Resource>,
    /// When it was decided.
    pub time: Timestamp,
    /// What was verified, such as `ROADSTEAD_VERDICT_CLEAN`. There is no way to say what was not.
    pub properties: Vec<String>,
}

/// The decision to let an image in (SVR v0.2). It lists what holds and has no word for a refusal.
///
/// # Errors
/// Where it would list nothing.
pub fn svr(image: &Subject, svr: &Svr) -> Result<Statement<Release>, Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Predicate<'a> {
        verifier: Verifier<'a>,
        time_created: String,
        properties: &'a [String],
    }
    #[derive(Serialize)]
    struct Verifier<'a> {
        id: &'a str,
        policies: &'a [Resource],
    }
    if svr.properties.is_empty() {
        return Err(Error::Statement("a release that verified nothing is none"));
    }
    let predicate = Predicate {
        verifier: Verifier { id: &svr.verifier, policies: &svr.policies },
        time_created: moment(svr.time),
        properties: &svr.properties,
    };
    Ok(Statement::new(image, SVR, predicate))
}

/// A SLSA Verification Summary.
#[derive(Debug, Clone)]
pub struct Vsa {
    /// Address that names the verifier.
    pub verifier: String,
    /// When it was decided.
    pub time: Timestamp,
    /// What the image is called where it is pulled: `docker://host/repository@sha256:…`.
    pub resource: String,
    /// The rules that were applied.
    pub policy: Resource,
    /// The evidence that was looked at.
    pub inputs: Vec<Resource>,
}

/// The decision to let an image in, as a SLSA Verification Summary (v1) that says `PASSED` and can say nothing else.
/// It claims no level of how the image was built: that was not looked at.
pub fn vsa(image: &Subject, vsa: &Vsa) -> Statement<Release> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Predicate<'a> {
        verifier: Verifier<'a>,
        time_verified: String,
        resource_uri: &'a str,
        policy: &'a Resource,
        input_attestations: &'a [Resource],
        verification_result: &'static str,
        verified_levels: [&'static str; 1],
    }
    #[derive(Serialize)]
    struct Verifier<'a> {
        id: &'a str,
    }
    let predicate = Predicate {
        verifier: Verifier { id: &vsa.verifier },
        time_verified: moment(vsa.time),
        resource_uri: &vsa.resource,
        policy: &vsa.policy,
        input_attestations: &vsa.inputs,
        verification_result: "PASSED",
        verified_levels: ["ROADSTEAD_RELEASED"],
    };
    Statement::new(image, VSA, predicate)
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// Nothing was found.
    Passed,
    /// Something is worth a look.
    Warned,
    /// It is malicious, or not all of it could be looked at.
    Failed,
}

/// The result of a scan.
#[derive(Debug, Clone)]
pub struct TestResult {
    /// How it ended.
    pub outcome: Outcome,
    /// Rules, feeds and program, by digest.
    pub configuration: Vec<Resource>,
    /// Where the report lies.
    pub url: Option<String>,
    /// What was looked for and not found, such as the stages that ran.
    pub passed: Vec<String>,
    /// Ids of findings that are worth a look.
    pub warned: Vec<String>,
    /// Ids of findings that convict, and of what could not be read.
    pub failed: Vec<String>,
    /// The report itself: its digest, so that the report that people read is the one that was signed.
    pub report: Digest,
}

/// What a scan found (test-result v0.1), with the digest of the report as `roadstead_report`; consumers ignore fields
/// that they do not know, and names with dots are asked to be avoided.
pub fn test_result(image: &Subject, result: &TestResult) -> Statement<Evidence> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Predicate<'a> {
        result: Outcome,
        configuration: &'a [Resource],
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        passed_tests: &'a [String],
        warned_tests: &'a [String],
        failed_tests: &'a [String],
        #[serde(rename = "roadstead_report")]
        report: Resource,
    }
    let report = Resource {
        name: Some("roadstead.report/v1".to_owned()),
        media_type: Some("application/json".to_owned()),
        ..Resource::of(result.report)
    };
    let predicate = Predicate {
        result: result.outcome,
        configuration: &result.configuration,
        url: result.url.as_deref(),
        passed_tests: &result.passed,
        warned_tests: &result.warned,
        failed_tests: &result.failed,
        report,
    };
    Statement::new(image, TEST_RESULT, predicate)
}

/// Which vulnerabilities a scanner found, and by which database.
#[derive(Debug, Clone)]
pub struct Vulnerabilities {
    /// The scanner.
    pub scanner: Scanner,
    /// What it found; empty where it found nothing.
    pub found: Vec<Vulnerability>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// A scanner and its database.
#[derive(Debug, Clone)]
pub struct Scanner {
    /// Address of the program.
    pub uri: String,
    /// Its version.
    pub version: String,
    /// Address of the database.
    pub database: String,
    /// Version of the database.
    pub database_version: String,
    /// When the database was last updated.
    pub updated: Timestamp,
}

/// One vulnerability.
#[derive(Debug, Clone)]
pub struct Vulnerability {
    /// `CVE-…`, `GHSA-…`.
    pub id: String,
    /// Method and score: `cvss_score` and `9.8`, `nvd` and `critical`.
    pub severity: Vec<(String, String)>,
}

/// Which vulnerabilities were found (vulns v0.2).
pub fn vulnerabilities(image: &Subject, found: &Vulnerabilities) -> Statement<Evidence> {
    let severity = |(method, score): &(String, String)| serde_json::json!({"method": method, "score": score});
    let result: Vec<Value> = found
        .found
        .iter()
        .map(|one| {
            let severities: Vec<Value> = one.severity.iter().map(severity).collect();
            serde_json::json!({"id": one.id, "severity": severities})
        })
        .collect();
    let predicate = serde_json::json!({
        "scanner": {
            "uri": found.scanner.uri,
            "version": found.scanner.version,
            "db": {
                "uri": found.scanner.database,
                "version": found.scanner.database_version,
                "lastUpdate": moment(found.scanner.updated),
            },
            "result": result,
        },
        "metadata": {"scanStartedOn": moment(found.started), "scanFinishedOn": moment(found.finished)},
    });
    Statement::new(image, VULNERABILITIES, predicate)
}

/// One run of an image in the sandbox.
#[derive(Debug, Clone)]
pub struct Run {
    /// Processes, in the words of our reports.
    pub process: Vec<Value>,
    /// Flows, in the words of our reports.
    pub network: Vec<Value>,
    /// Files that the run wrote, by digest.
    pub files: Vec<Resource>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// Who watched what.
#[derive(Debug, Clone)]
pub struct Monitored {
    /// Address that names the monitor and its version.
    pub monitor: String,
    /// The plan of the run, by digest.
    pub plan: Resource,
    /// Address that names the host; any that does not tell about the machine.
    pub host: String,
    /// Which of the runs it was: `entrypoint`, `thorough`.
    pub event: String,
}

/// What an image did when it was run (runtime-trace v0.1).
pub fn runtime_trace(image: &Subject, who: &Monitored, run: &Run) -> Statement<Evidence> {
    let predicate = serde_json::json!({
        "monitor": {"type": who.monitor, "configSource": who.plan},
        "monitoredProcess": {
            "hostID": who.host,
            "type": "https://roadstead.dev/run/v1",
            "event": who.event,
        },
        "monitorLog": {"process": run.process, "network": run.network, "fileAccess": run.files},
        "metadata": {"buildStartedOn": moment(run.started), "buildFinishedOn": moment(run.finished)},
    });
    Statement::new(image, RUNTIME_TRACE, predicate)
}

/// A list of packages that somebody made, byte for byte, as `kind` says: `https://spdx.dev/Document` or
/// `https://cyclonedx.org/bom`.
///
/// # Errors
/// Where it is no JSON.
pub fn sbom(image: &Subject, kind: &str, document: &[u8]) -> Result<Statement<Evidence>, Error> {
    let fail = |why: &dyn std::fmt::Display| Error::document("a list of packages", why);
    let text = std::str::from_utf8(document).map_err(|error| fail(&error))?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| fail(&error))?;
    Ok(Statement::new(image, kind, raw))
}

/// A thing that a statement points to (in-toto ResourceDescriptor).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub uri: Option<String>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// Its media type.
    pub media_type: Option<String>,
}

impl Resource {
    /// A thing by its digest.
    pub fn of(digest: Digest) -> Self {
        Self { digest: Some(digest), ..Self::default() }
    }

    /// The same with a name.
    pub fn named(name: &str, digest: Digest) -> Self {
        Self { name: Some(name.to_owned()), ..Self::of(digest) }
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in [("name", &self.name), ("uri", &self.uri), ("mediaType", &self.media_type)] {
            if let Some(value) = value {
                map.serialize_entry(key, value)?;
            }
        }
        if let Some(digest) = &self.digest {
            let hash = std::collections::BTreeMap::from([(digest.algorithm().name(), digest.hex())]);
            map.serialize_entry("digest", &hash)?;
        }
        map.end()
    }
}

/// RFC 3339 to the second, in UTC.
pub(crate) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
