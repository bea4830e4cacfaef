use crate::dsse::PAYLOAD_TYPE;
use crate::error::{Error, Refusal, shown};
use crate::statement::{self, Checked};
use model::{Algorithm, Digest};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Artifact, ArtifactDigest, Bundle, HashAlgorithm, SignatureContent};
use sigstore_verify::{VerificationPolicy, Verifier};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Certificates that are trusted, and whose they must be: a trust root as a file has it, and the identity that a
/// certificate of it must name, with who vouched for that. There is no way to ask for any identity: whoever has an
/// account anywhere has a certificate.
pub struct Keyless {
    verifier: Verifier,
    policy: VerificationPolicy,
}

impl Keyless {
    /// From a trust root in JSON (`application/vnd.dev.sigstore.trustedroot+json`). It is believed as it is; that it is
    /// a current one is for whoever names it to know.
    ///
    /// # Errors
    /// Where it is none, or names no identity or no issuer.
    pub fn new(trusted_root: &str, identity: &str, issuer: &str) -> Result<Self, Error> {
        let fail = |why: &dyn fmt::Display| Error::document("a trust root", why);
        if identity.is_empty() || issuer.is_empty() {
            return Err(Error::Statement(
                "a certificate is trusted for an identity and an issuer, and one is empty",
            ));
        }
        let root = TrustedRoot::from_json(trusted_root).map_err(|error| fail(&error))?;
        let verifier = Verifier::new(&root).map_err(|error| fail(&error))?;
        Ok(Self { verifier, policy: VerificationPolicy::new(identity, issuer) })
    }

    /// Checks a bundle: the certificate against the roots at the time that the log or a timestamp proves, its
    /// timestamp of certificate transparency, identity and issuer, the inclusion in the log, that the log's entry is
    /// about this signature, and the signature; then, of the very bytes that were verified, type, predicate type and
    /// subject, which the library leaves to its caller in part.
    pub(crate) fn verify(
        &self,
        image: &Digest,
        bundle: &[u8],
        wanted: &str,
    ) -> Result<(String, Checked), Refusal> {
        let unreadable = |why: &dyn fmt::Display| Refusal::Unreadable(shown(&why.to_string()));
        let text = std::str::from_utf8(bundle).map_err(|error| unreadable(&error))?;
        let algorithm = match image.algorithm() {
            Algorithm::Sha256 => HashAlgorithm::Sha2256,
            Algorithm::Sha512 => HashAlgorithm::Sha2512,
        };
        // A panic in somebody else's parser is a signature that does not hold, and no way to end the program
        // (CVE-2026-44310 and its kin).
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let bundle = Bundle::from_json(text).map_err(|error| unreadable(&error))?;
            let digest =
                ArtifactDigest::new(algorithm, image.bytes().to_vec()).map_err(|error| unreadable(&error))?;
            let result = self
                .verifier
                .verify(Artifact::from_digest(digest), &bundle, &self.policy)
                .map_err(|error| Refusal::Keyless(shown(&error.to_string())))?;
            let is_whole = result.certificate_verified()
                && result.sct_verified()
                && result.tlog_verified()
                && result.identity_policy_checked();
            if !is_whole {
                return Err(Refusal::Keyless("not everything that was asked for was checked".to_owned()));
            }
            let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
                return Err(Refusal::PayloadType("bytes".to_owned()));
            };
            if envelope.payload_type != PAYLOAD_TYPE {
                return Err(Refusal::PayloadType(shown(&envelope.payload_type)));
            }
            let statement = statement::check(envelope.payload.as_bytes(), image, wanted)?;
            let identity = result.identity().map(|identity| identity.as_str()).unwrap_or_default();
            let signer = format!("{} ({})", shown(identity), shown(result.issuer().unwrap_or_default()));
            Ok((signer, statement))
        }));
        checked.unwrap_or_else(|_| Err(Refusal::Unreadable("its reader failed on it".to_owned())))
    }
}

impl fmt::Debug for Keyless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyless").field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
