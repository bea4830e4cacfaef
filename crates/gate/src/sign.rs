//! What is signed with a release, and laid beside the image where cosign, podman and others look for it.
use crate::decide::Record;
use attest::{
    Artifact, Descriptor, EvidenceKey, Monitored, Outcome, ReleaseKey, Resource, Run, Subject, Svr,
    TestResult, Vsa,
};
use bytes::Bytes;
use jiff::Timestamp;
use model::{Digest, ImageRef, Report, RepositoryName, Role, Tag, Verdict};
use std::io::Write as _;
use std::sync::Arc;
use store::{Manifest, PutManifest, Sealed, Store};

/// The keys of the gate. The one that releases signs releases and nothing else.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs what is released.
    pub release: Arc<ReleaseKey>,
    /// Signs what was found.
    pub evidence: Arc<EvidenceKey>,
}

/// What is released, and why.
pub(crate) struct Release<'a> {
    pub(crate) image: Digest,
    pub(crate) media_type: &'a str,
    pub(crate) size: u64,
    pub(crate) reference: &'a ImageRef,
    /// The name by which it is pulled from this gate, `gate.example/docker.io/library/x`.
    pub(crate) pulled_as: Option<String>,
    pub(crate) report: &'a Report,
    pub(crate) record: &'a Record,
    pub(crate) now: i64,
    pub(crate) knowledge: Digest,
}

const VERIFIER: &str = concat!("https://roadstead.dev/gate@", env!("CARGO_PKG_VERSION"));
const MONITOR: &str = concat!("https://roadstead.dev/sandbox@", env!("CARGO_PKG_VERSION"));

/// The signature in both of cosign's forms, the decision, the result of the scan and, where it was run, what it did.
pub(crate) fn companions(
    keys: &Keys,
    release: &Release<'_>,
    existing: Option<&[u8]>,
) -> Result<Vec<Artifact>, attest::Error> {
    let now = Timestamp::from_millisecond(release.now).unwrap_or_default();
    let subject = Subject { name: Some(name(release.reference)), digest: release.image };
    let image =
        Descriptor { media_type: release.media_type.to_owned(), size: release.size, digest: release.image };
    let signature = simple(keys, release, existing)
        // What lies under the tag is none, or full: it gives way.
        .or_else(|_| simple(keys, release, None))?;
    let report = Resource::named("roadstead.report/v1", release.record.report.unwrap_or(release.knowledge));
    let policy = Resource::named("policy", release.knowledge);
    let svr = attest::svr(
        &subject,
        &Svr {
            verifier: VERIFIER.to_owned(),
            policies: vec![policy.clone()],
            time: now,
            properties: properties(release.report),
        },
    )?;
    let vsa = attest::vsa(
        &subject,
        &Vsa {
            verifier: VERIFIER.to_owned(),
            time: now,
            resource: format!("docker://{}@{}", name(release.reference), release.image),
            policy,
            inputs: vec![report],
        },
    );
    let result = attest::test_result(&subject, &result(release));
    let mut all = vec![
        signature,
        attest::bundle_artifact(&keys.release, &attest::signature(&subject), &image, now),
        attest::bundle_artifact(&keys.release, &svr, &image, now),
        attest::bundle_artifact(&keys.release, &vsa, &image, now),
        attest::bundle_artifact(&keys.evidence, &result, &image, now),
    ];
    if let Some(run) = ran(release, now) {
        let who = Monitored {
            monitor: MONITOR.to_owned(),
            plan: Resource::named("run plan", release.knowledge),
            host: "https://roadstead.dev/sandbox".to_owned(),
            event: "entrypoint".to_owned(),
        };
        let trace = attest::runtime_trace(&subject, &who, &run);
        all.push(attest::bundle_artifact(&keys.evidence, &trace, &image, now));
    }
    Ok(all)
}

/// The older of cosign's forms, once for each name by which the image is pulled: podman compares the name.
fn simple(keys: &Keys, release: &Release<'_>, existing: Option<&[u8]>) -> Result<Artifact, attest::Error> {
    let own = name(release.reference);
    let mut names = vec![attest::docker_reference(release.reference)];
    names.extend(release.pulled_as.iter().filter(|pulled_as| **pulled_as != own).cloned());
    let mut made: Option<Artifact> = None;
    for name in names {
        let lies_there = made.as_ref().map(|made| made.manifest.clone());
        let lies_there = lies_there.as_deref().or(existing);
        let next = attest::signature_artifact(&keys.release, &name, &release.image, lies_there)?;
        let before = made.map(|made| made.blobs).unwrap_or_default();
        made = Some(Artifact { blobs: before.into_iter().chain(next.blobs.clone()).collect(), ..next });
    }
    made.ok_or(attest::Error::Statement("an image without a name cannot be signed"))
}

fn name(reference: &ImageRef) -> String {
    format!("{}/{}", reference.registry, reference.repository)
}

/// What was verified. Nothing is listed that was not looked at.
fn properties(report: &Report) -> Vec<String> {
    let mut all = vec!["ROADSTEAD_RELEASED".to_owned(), "ROADSTEAD_STATIC_ANALYSIS".to_owned()];
    if report.verdict == Verdict::Clean {
        all.push("ROADSTEAD_VERDICT_CLEAN".to_owned());
    }
    if report.detonation.is_some() {
        all.push("ROADSTEAD_DYNAMIC_ANALYSIS".to_owned());
    }
    all
}

fn result(release: &Release<'_>) -> TestResult {
    let report = release.report;
    let ids = |role: Role| {
        let found =
            report.findings.iter().filter(|finding| finding.role == role && finding.exception.is_none());
        let mut ids: Vec<String> = found.map(|finding| finding.id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut passed = vec!["static".to_owned()];
    passed.extend(report.detonation.is_some().then(|| "dynamic".to_owned()));
    let rules = report.tool.rules.parse::<Digest>().ok();
    TestResult {
        outcome: match report.verdict {
            Verdict::Clean => Outcome::Passed,
            Verdict::Suspicious => Outcome::Warned,
            Verdict::Incomplete | Verdict::Malicious => Outcome::Failed,
        },
        configuration: rules.into_iter().map(|digest| Resource::named("rules", digest)).collect(),
        url: None,
        passed,
        warned: ids(Role::Corroborates),
        failed: ids(Role::Convicts),
        report: release.record.report.unwrap_or(release.knowledge),
    }
}

fn ran(release: &Release<'_>, now: Timestamp) -> Option<Run> {
    let detonation = release.report.detonation.as_ref()?;
    let values = |lines: serde_json::Result<serde_json::Value>| match lines {
        Ok(serde_json::Value::Array(lines)) => lines,
        _ => Vec::new(),
    };
    Some(Run {
        process: values(serde_json::to_value(&detonation.processes)),
        network: values(serde_json::to_value(&detonation.network)),
        files: Vec::new(),
        started: now,
        finished: now,
    })
}

/// Lays companions into a repository, blobs first; which manifests they are. They are in quarantine until the image is
/// released.
pub(crate) async fn put(
    store: &Store,
    repository: &RepositoryName,
    companions: &[Artifact],
) -> Result<Vec<Digest>, store::Error> {
    let mut digests = Vec::new();
    for companion in companions {
        for blob in &companion.blobs {
            if store.blob(repository, &blob.digest).await?.is_some() {
                continue;
            }
            let (to, bytes, digest) = (store.clone(), blob.bytes.clone(), blob.digest);
            let sealed = tokio::task::spawn_blocking(move || write(&to, &bytes, &digest));
            let sealed = sealed.await.map_err(|_| store::Error::Closed)?.map_err(|error| *error)?;
            store.admit(repository, sealed, BY).await?;
        }
        let manifest =
            Manifest::parse(Bytes::from(companion.manifest.clone()), Some(attest::IMAGE_MANIFEST))?;
        let put = PutManifest {
            repository: repository.clone(),
            manifest,
            digest: Some(companion.digest),
            tags: companion.tag.iter().filter_map(|tag| tag.parse().ok()).collect(),
            by: BY.to_owned(),
        };
        digests.push(store.put_manifest(put).await?.digest);
    }
    Ok(digests)
}

/// Writes a small blob beside those of the store. Blocks.
fn write(store: &Store, bytes: &[u8], digest: &Digest) -> Result<Sealed, Box<store::Error>> {
    let mut incoming = store.incoming(digest.algorithm(), bytes.len() as u64).map_err(Box::new)?;
    incoming.write_all(bytes).map_err(|source| {
        Box::new(store::Error::Io { doing: "write below", path: store.directory().to_owned(), source })
    })?;
    incoming.seal(digest).map_err(Box::new)
}

/// Who lays signatures beside images.
const BY: &str = "gate";

/// The decision that a companion is released by: that over its image.
pub(crate) fn beside(record: &Record, image: &Digest) -> Record {
    Record {
        rule: Record::SIGNATURE.to_owned(),
        message: format!("it was signed with the release of {image}"),
        findings: Vec::new(),
        ..record.clone()
    }
}

/// Whether cosign looks for the signatures of some image under this tag.
pub(crate) fn is_signature_tag(tag: &Tag) -> bool {
    let image = tag.as_str().strip_suffix(".sig").and_then(|name| name.split_once('-'));
    image.is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &str, expect: bool) {
        assert_eq!(is_signature_tag(&tag.parse().unwrap()), expect, "{tag}");
    }

    #[test]
    fn tags_of_signatures_are_told_from_others() {
        let hex = "0".repeat(64);
        check(&format!("sha256-{hex}.sig"), true);
        check(&format!("sha256-{hex}.att"), false);
        check(&format!("sha256-{hex}"), false);
        check("sha256-0.sig", false);
        check("v1.sig", false);
    }
}
