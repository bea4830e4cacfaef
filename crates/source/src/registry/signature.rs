use super::{Registry, fetch};
use crate::error::Error;
use crate::options::Options;
use model::{Digest, ImageRef};
use serde::Deserialize;

/// Whether a signature lies beside an image in its repository: under the tag that cosign gives it, or among what
/// refers to the image (OCI distribution specification, "Listing Referrers" and its fallback tag). Nothing is
/// verified, so this says that somebody signed and not who: a digest that has none, of a repository that signs, is
/// what stands out.
///
/// # Errors
/// Where the registry does not answer, or with something else than whether it is there.
pub fn is_signed(reference: &ImageRef, digest: &Digest, options: &Options) -> Result<bool, Error> {
    let registry = Registry::new(reference, options)?;
    let limit = options.limits.manifest;
    let tag = format!("{}-{}", digest.algorithm().name(), digest.hex());
    if there(registry.first(|host| fetch(host, "manifests", &format!("{tag}.sig"), limit, None)))?.is_some() {
        return Ok(true);
    }
    let referrers = registry.first(|host| fetch(host, "referrers", &digest.to_string(), limit, None));
    let index = match there(referrers)? {
        Some(index) => Some(index),
        None => there(registry.first(|host| fetch(host, "manifests", &tag, limit, None)))?,
    };
    Ok(index.is_some_and(|index| lists_signature(&index.bytes)))
}

/// None where it is not there. Registries that know no referrers answer in several ways.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::Missing { .. } | Error::Status { status: 400 | 405 | 501, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Referrer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    #[serde(default)]
    artifact_type: String,
}

/// Artifact types of signatures: cosign's, Notation's, and the bundles of Sigstore.
fn lists_signature(index: &[u8]) -> bool {
    let Ok(index) = serde_json::from_slice::<Index>(index) else { return false };
    index.manifests.iter().any(|referrer| {
        let kind = referrer.artifact_type.as_str();
        kind == "application/vnd.dev.cosign.artifact.sig.v1+json"
            || kind == "application/vnd.cncf.notary.signature"
            || kind.starts_with("application/vnd.dev.sigstore.bundle")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_told_from_other_referrers() {
        let check = |text: &str, expect| assert_eq!(lists_signature(text.as_bytes()), expect, "{text}");
        check(r#"{"manifests":[{"artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json"}]}"#, true);
        check(r#"{"manifests":[{},{"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}]}"#, true);
        check(r#"{"manifests":[{"artifactType":"application/spdx+json"}]}"#, false);
        check(r#"{"manifests":[]}"#, false);
        check("{}", false);
        check("[", false);
    }
}
