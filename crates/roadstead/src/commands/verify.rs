use crate::cli::{Verify, VerifyForm};
use crate::{settings, terminal};
use anyhow::{Context as _, bail};
use attest::{Held, Keyless, Kind, PublicKey, Trust, TrustedKey, Verification};
use gate::Fetched;
use model::Digest;
use serde_json::{Value, json};
use source::Locator;
use std::io::{BufWriter, Write};
use std::path::Path;

/// No signature of the image holds.
const NOT_VERIFIED: u8 = 1;
/// Something that could have been one could not be fetched.
const NOT_ALL_FETCHED: u8 = 2;
/// Far larger than any.
const LARGEST_ROOT: u64 = 4 << 20;

/// Says whether an image is signed by whom is trusted.
pub(crate) fn run(args: &Verify) -> anyhow::Result<u8> {
    let keys = args.key.iter().map(|path| trusted_key(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let keyless = keyless(args)?;
    let kind = args.kind.as_deref().map(|kind| match attest::predicate_type(kind) {
        Some(known) => Ok(known),
        None => bail!("--type {kind:?} is neither a known name nor an address; see --help"),
    });
    let kind = kind.transpose()?;
    let image = args.image.as_deref().context("name an image; see `roadstead verify --help`")?;
    let locator: Locator = image.parse()?;
    let repository = source::repository(&locator, false, &super::sign::options(&args.registry)?)?;
    // What the tag means is asked for once; everything below is about this digest.
    let image = repository.root()?.digest;
    let fetched = Fetched::all(repository.as_ref(), &image);
    let trust = Trust {
        keys: &keys,
        keyless: keyless.as_ref(),
        predicate_type: kind,
        identity: args.identity.as_deref(),
        now: jiff::Timestamp::now(),
    };
    let found = attest::verify(&image, &fetched.documents(), &trust);
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.format {
        VerifyForm::Table => table(&locator, &image, &found, &fetched, &mut out)?,
        VerifyForm::Json => {
            serde_json::to_writer_pretty(&mut out, &as_json(&locator, &image, &found, &fetched))?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    for problem in &fetched.problems {
        terminal::note(&format!("not looked at: {problem}"));
    }
    Ok(match (found.passed(), fetched.problems.is_empty()) {
        (true, _) => 0,
        (false, true) => NOT_VERIFIED,
        (false, false) => NOT_ALL_FETCHED,
    })
}

fn trusted_key(path: &Path) -> anyhow::Result<TrustedKey> {
    let shown = super::keygen::shown(path);
    let text = settings::bounded_text(path, super::sign::LARGEST_KEY)
        .with_context(|| format!("cannot read the key {shown}"))?;
    let key = PublicKey::from_pem(&text).with_context(|| format!("cannot use the key {shown}"))?;
    Ok(TrustedKey::new(&shown, key))
}

fn keyless(args: &Verify) -> anyhow::Result<Option<Keyless>> {
    let (Some(path), Some(identity), Some(issuer)) =
        (&args.trusted_root, &args.certificate_identity, &args.certificate_oidc_issuer)
    else {
        return Ok(None);
    };
    let shown = super::keygen::shown(path);
    let text = settings::bounded_text(path, LARGEST_ROOT)
        .with_context(|| format!("cannot read the trust root {shown}"))?;
    let keyless = Keyless::new(&text, identity, issuer);
    keyless.map(Some).with_context(|| format!("cannot use the trust root {shown}"))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Simple => "signature",
        Kind::Bundle => "bundle",
    }
}

fn table(
    locator: &Locator,
    image: &Digest,
    found: &Verification,
    fetched: &Fetched,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let verdict = if found.passed() { "verified" } else { "not verified" };
    writeln!(out, "{verdict}: {locator}, which is {image}")?;
    for held in &found.held {
        let states =
            held.statement.as_ref().map(|one| format!(", {}", model::escape_text(&one.predicate_type)));
        let (kind, place) = (kind(held.kind), fetched.place(held.index));
        writeln!(out, "  holds    {kind:<9}  {place}  by {}{}", held.signer, states.unwrap_or_default())?;
    }
    for refused in &found.refused {
        let (kind, place) = (kind(refused.kind), fetched.place(refused.index));
        writeln!(out, "  refused  {kind:<9}  {place}  {}", refused.why)?;
    }
    if found.held.is_empty() && found.refused.is_empty() {
        writeln!(out, "  nothing that could be a signature lies beside it")?;
    }
    if found.ignored > 0 {
        writeln!(out, "  {} more were not looked at", found.ignored)?;
    }
    Ok(())
}

fn as_json(locator: &Locator, image: &Digest, found: &Verification, fetched: &Fetched) -> Value {
    let held = |held: &Held| {
        json!({
            "kind": kind(held.kind),
            "manifest": fetched.place(held.index),
            "signer": held.signer,
            "key": held.key,
            "predicateType": held.statement.as_ref().map(|statement| &statement.predicate_type),
            "predicate": held.statement.as_ref().map(|statement| &statement.predicate),
            "dockerReference": held.docker_reference,
        })
    };
    let refused: Vec<Value> = found
        .refused
        .iter()
        .map(|refused| {
            let manifest = fetched.place(refused.index);
            json!({"kind": kind(refused.kind), "manifest": manifest, "why": refused.why.to_string()})
        })
        .collect();
    json!({
        "schema": "roadstead.verification/v1",
        "image": locator.to_string(),
        "digest": image,
        "verified": found.passed(),
        "held": found.held.iter().map(held).collect::<Vec<_>>(),
        "refused": refused,
        "ignored": found.ignored,
        "notFetched": fetched.problems,
    })
}
