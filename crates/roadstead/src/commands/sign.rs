use crate::cli::{RegistryArgs, Sign};
use crate::{interrupt, password, settings, terminal};
use anyhow::{Context as _, bail};
use attest::{Artifact, Descriptor, Key, Purpose, ReleaseKey, Subject, Trust, TrustedKey};
use gate::Fetched;
use model::ImageRef;
use source::{Locator, NewManifest, Options, Pulled, Referrer, Repository};
use std::io::Write as _;
use std::path::Path;

/// Signs what a reference means now, in both of cosign's formats.
pub(crate) fn run(args: &Sign) -> anyhow::Result<u8> {
    let key: ReleaseKey = key(&args.key)?;
    let locator: Locator = args.image.parse()?;
    let reference = reference(&locator, args.identity.as_deref())?;
    let repository = source::repository(&locator, true, &options(&args.registry)?)?;
    let root = repository.root()?;
    let image = described(&root)?;
    if !args.image.contains('@') {
        terminal::note(&format!("{locator} is {}, and that is what is signed", image.digest));
    }
    let bundle_digest = bundle(repository.as_ref(), &key, &image)?;
    let signature = append(repository.as_ref(), &key, &reference, &image)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "image      {}", image.digest)?;
    writeln!(out, "signature  {}  {}", signature, attest::signature_tag(&image.digest))?;
    writeln!(out, "bundle     {bundle_digest}")?;
    writeln!(out, "key        {}", key.public().fingerprint())?;
    Ok(0)
}

/// Puts a bundle there, unless one of this key is there already: signing again is no reason to grow the list.
fn bundle(repository: &dyn Repository, key: &ReleaseKey, image: &Descriptor) -> anyhow::Result<String> {
    let now = jiff::Timestamp::now();
    let fetched = Fetched::bundles_of(repository, &image.digest);
    let keys = [TrustedKey::new("", key.public())];
    let trust = Trust { keys: &keys, keyless: None, predicate_type: None, identity: None, now };
    if let Some(held) = attest::verify(&image.digest, &fetched.documents(), &trust).held.first() {
        return Ok(fetched.place(held.index));
    }
    let statement = attest::signature(&Subject::of(image.digest));
    let artifact = attest::bundle_artifact(key, &statement, image, now);
    Ok(put(repository, &artifact, image)?.to_string())
}

/// How often a manifest of signatures that somebody else writes to at the same time is written again.
const TRIES: usize = 4;

/// Adds to the manifest of signatures, and looks whether it is there: two who sign at the same time overwrite each other.
fn append(
    repository: &dyn Repository,
    key: &ReleaseKey,
    reference: &str,
    image: &Descriptor,
) -> anyhow::Result<model::Digest> {
    for _ in 0..TRIES {
        let existing = repository.signatures(&image.digest)?;
        let artifact = attest::signature_artifact(
            key,
            reference,
            &image.digest,
            existing.first().map(|found| &found.bytes[..]),
        )?;
        if existing.first().is_some_and(|found| found.digest == artifact.digest) {
            return Ok(artifact.digest);
        }
        put(repository, &artifact, image)?;
        if repository.signatures(&image.digest)?.iter().any(|found| found.digest == artifact.digest) {
            return Ok(artifact.digest);
        }
    }
    bail!("somebody else signs the same image all the time; try again")
}

/// Blobs first, then the manifest that names them.
fn put(
    repository: &dyn Repository,
    artifact: &Artifact,
    image: &Descriptor,
) -> anyhow::Result<model::Digest> {
    for blob in &artifact.blobs {
        repository.put_blob(&blob.digest, &blob.bytes)?;
    }
    let referrer = Referrer {
        media_type: attest::IMAGE_MANIFEST.to_owned(),
        size: artifact.manifest.len() as u64,
        digest: artifact.digest,
        artifact_type: artifact.artifact_type.map(str::to_owned),
        annotations: artifact.annotations.clone(),
    };
    let refers = artifact.artifact_type.is_some().then_some((&image.digest, &referrer));
    Ok(repository.put_manifest(&NewManifest {
        bytes: &artifact.manifest,
        media_type: attest::IMAGE_MANIFEST,
        tag: artifact.tag.as_deref(),
        refers,
    })?)
}

/// What the signature of the older format names: the repository of the image, or what a person wants it to name.
fn reference(locator: &Locator, identity: Option<&str>) -> anyhow::Result<String> {
    match (identity, locator) {
        (Some(identity), _) => {
            identity.parse::<ImageRef>().context("--identity names no repository")?;
            Ok(identity.to_owned())
        }
        (None, Locator::Registry(reference)) => Ok(attest::docker_reference(reference)),
        (None, _) => bail!(
            "a layout has no name that a signature could tell; name the repository where the image will lie with --identity"
        ),
    }
}

/// What a manifest is. Who signs something that one program takes for an index and another for an image signs two
/// things (CVE-2021-41190).
pub(super) fn described(root: &Pulled) -> anyhow::Result<Descriptor> {
    let document: serde_json::Value =
        serde_json::from_slice(&root.bytes).context("what the reference names is no manifest")?;
    let field = document.get("mediaType").and_then(|kind| kind.as_str());
    let named = root.content_type.as_deref().map(|kind| kind.split(';').next().unwrap_or(kind).trim());
    let has = |name: &str| document.get(name).is_some();
    let media_type = match (field, named) {
        (Some(field), Some(named)) if field != named => {
            bail!(
                "the manifest says that it is {}, and the registry that it is {}; it is not signed",
                model::escape_text(field),
                model::escape_text(named)
            );
        }
        (Some(kind), _) | (None, Some(kind)) => kind.to_owned(),
        (None, None) if has("manifests") => "application/vnd.oci.image.index.v1+json".to_owned(),
        (None, None) => attest::IMAGE_MANIFEST.to_owned(),
    };
    if has("manifests") == (has("layers") || has("config")) {
        bail!("the manifest is neither that of an index nor that of an image, or both; it is not signed");
    }
    Ok(Descriptor { media_type, size: root.bytes.len() as u64, digest: root.digest })
}

/// Reads a private key; its password is only asked for where it has one.
pub(super) fn key<P: Purpose>(path: &Path) -> anyhow::Result<Key<P>> {
    let shown = super::keygen::shown(path);
    let text =
        settings::bounded_text(path, LARGEST_KEY).with_context(|| format!("cannot read the key {shown}"))?;
    let text = zeroize::Zeroizing::new(text);
    let password = match text.contains("-----BEGIN ENCRYPTED") {
        true => password::known(&shown)?,
        false => zeroize::Zeroizing::default(),
    };
    Key::from_pem(&text, password.as_bytes()).with_context(|| format!("cannot use the key {shown}"))
}

pub(super) const LARGEST_KEY: u64 = 64 << 10;

/// How registries are spoken to.
pub(super) fn options(args: &RegistryArgs) -> anyhow::Result<Options> {
    Ok(Options {
        plain_http: args.plain_http.clone(),
        token_realms: args.token_realm.clone(),
        docker_config: args.docker_config.clone(),
        cancelled: interrupt::flag()?,
        ..Options::default()
    })
}
