//! The signature that an upstream puts on its images, looked for at each analysis: what was signed by a key that is not
//! trusted any more is not signed.
use super::panicked;
use crate::fetched::Fetched;
use crate::upstream::{Far, Patience, Upstream};
use attest::{Refusal, Trust, Verification};
use model::{Digest, error_chain};
use policy::Signature;

/// What became of the signature of an image. Where the upstream does not answer there is none: who cannot be asked
/// vouches for nothing.
pub(super) async fn of_upstream(
    upstream: &Upstream,
    far: &Far,
    image: &Digest,
    patience: Patience,
) -> Signature {
    if upstream.signature_keys.is_empty() {
        return Signature::Unchecked;
    }
    let (upstream, far, image) = (upstream.clone(), far.clone(), *image);
    let asking = tokio::task::spawn_blocking(move || {
        let repository = upstream.beside(&far, &image, patience).map_err(|error| error_chain(&error))?;
        let fetched = Fetched::all(repository.as_ref(), &image);
        let trust = Trust {
            keys: &upstream.signature_keys,
            keyless: None,
            predicate_type: None,
            identity: None,
            now: jiff::Timestamp::now(),
        };
        let found = attest::verify(&image, &fetched.documents(), &trust);
        for refused in &found.refused {
            let manifest = fetched.place(refused.index);
            tracing::info!(%far.remote, %image, manifest, why = %refused.why, "a signature does not hold");
        }
        for problem in &fetched.problems {
            tracing::warn!(%far.remote, %image, problem, "what may be a signature was not looked at");
        }
        Ok::<_, String>(judge(&found))
    });
    match asking.await.map_err(panicked).and_then(|asked| asked) {
        Ok(signature) => signature,
        Err(why) => {
            tracing::warn!(%image, why, "signatures cannot be looked for");
            Signature::Missing
        }
    }
}

fn judge(found: &Verification) -> Signature {
    // Other statements than signatures, such as lists of packages, are signed too and may be by whom they like. And what
    // carries a certificate was never meant for a key: it says as little of the keys as if it were not there.
    let beside = |why: &Refusal| {
        matches!(why, Refusal::PredicateType { .. } | Refusal::Certificate | Refusal::Keyless(_))
    };
    let tried = found.refused.iter().any(|refused| !beside(&refused.why));
    match (found.passed(), tried || found.ignored > 0) {
        (true, _) => Signature::Valid,
        (false, true) => Signature::Invalid,
        (false, false) => Signature::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest::{Kind, Refused};

    fn check(refused: Vec<Refusal>, expect: Signature) {
        let refused = refused
            .into_iter()
            .enumerate()
            .map(|(index, why)| Refused { index, kind: Kind::Bundle, why })
            .collect();
        let found = Verification { refused, ..Verification::default() };
        assert_eq!(judge(&found), expect);
    }

    #[test]
    fn what_was_not_meant_for_a_key_is_no_broken_signature() {
        check(vec![], Signature::Missing);
        check(vec![Refusal::Certificate, Refusal::Keyless("it is too old".to_owned())], Signature::Missing);
        check(vec![Refusal::Certificate, Refusal::Key], Signature::Invalid);
        check(vec![Refusal::Subject("another".to_owned())], Signature::Invalid);
    }
}
