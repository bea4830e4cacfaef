//! A client of the gate, as any other: it gets a token, asks for the manifest, waits as long as it is told to, gets the
//! configuration and the layers, and holds every byte against its digest and every release against the key.

use super::served::Served;
use crate::{settings, terminal};
use anyhow::{Context as _, bail, ensure};
use attest::{PublicKey, Trust, TrustedKey};
use gate::Fetched;
use indicatif::{ProgressBar, ProgressStyle};
use model::{Digest, Report};
use sha2::{Digest as _, Sha256};
use source::{Layer, Locator, Login, Opened, Options};
use std::io::{IsTerminal as _, Read as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use test_support::story::StoryImage;

/// What a client got, and how long it waited.
pub(super) struct Pulled {
    pub(super) answer: Answer,
    pub(super) took: Duration,
}

/// The gate's answer.
pub(super) enum Answer {
    /// The image, whole: so many layers and bytes, which are what their digests say, with so many signatures of the release
    /// key that hold.
    Released { layers: usize, bytes: u64, signatures: usize },
    /// A refusal, in the words that a client prints.
    Denied { words: String },
    /// It waits for a person, in the same words.
    Held { words: String },
}

/// Images that are pulled at once, as by two developers: as many as the gate looks at.
const AT_ONCE: usize = 2;

/// Pulls all images, and gives for each in their order what the client got and the report by which the gate has
/// decided.
pub(super) fn all(
    served: &Served,
    stories: &[StoryImage],
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Vec<(Pulled, Report)>> {
    let (next, answers, progress) = (AtomicUsize::new(0), Mutex::new(Vec::new()), progress(stories.len()));
    let pull_some = || -> anyhow::Result<()> {
        // The first that fails ends the story, and the others need not go on.
        while let Some((at, story)) = stories.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let answer = one(served, story, stop).inspect_err(|_| {
                next.store(stories.len(), Ordering::Relaxed);
            })?;
            progress.inc(1);
            answers.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
        }
        Ok(())
    };
    let ended: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
        let pulling: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(pull_some)).collect();
        let join = |pulling: std::thread::ScopedJoinHandle<'_, anyhow::Result<()>>| {
            pulling.join().unwrap_or_else(|_| bail!("the client failed; please report the lines above"))
        };
        pulling.into_iter().map(join).collect()
    });
    progress.finish_and_clear();
    ended.into_iter().collect::<anyhow::Result<()>>()?;
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(at, _)| *at);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

fn one(served: &Served, story: &StoryImage, stop: &Arc<AtomicBool>) -> anyhow::Result<(Pulled, Report)> {
    let pulled = pull(served, story, stop)?;
    let (repository, _) = story.reference.rsplit_once(':').unwrap_or((&story.reference, ""));
    let repository = format!("docker.io/{repository}").parse()?;
    let digest: Digest = story.image.digest().parse()?;
    let decision = served.administrator.standing(&repository, &digest)?.decision;
    let decision = decision.with_context(|| format!("the gate decided nothing about {}", story.reference))?;
    let report = served
        .administrator
        .report(&repository, &digest)
        .with_context(|| format!("{}: {}", story.reference, model::escape_text(&decision.message)))?;
    Ok((pulled, report))
}

fn pull(served: &Served, story: &StoryImage, stop: &Arc<AtomicBool>) -> anyhow::Result<Pulled> {
    let options = options(served, stop);
    let locator = Locator::Registry(format!("{}/docker.io/{}", served.host, story.reference).parse()?);
    let cannot = || format!("cannot pull {} through the gate", story.reference);
    let began = Instant::now();
    let answer = match source::open(&locator, &options) {
        Ok(opened) => {
            let digest: Digest = story.image.digest().parse()?;
            let (layers, bytes) = whole(&opened, &digest).with_context(cannot)?;
            Answer::Released { layers, bytes, signatures: signatures(served, &locator, &digest, &options)? }
        }
        Err(source::Error::Status { status: 403, advice, .. }) => Answer::Denied { words: advice },
        Err(source::Error::Status { status: 429, advice, .. }) => Answer::Held { words: advice },
        Err(source::Error::Cancelled) => return Err(pipeline::Error::Cancelled.into()),
        Err(error) => return Err(error).with_context(cannot),
    };
    Ok(Pulled { answer, took: began.elapsed() })
}

fn options(served: &Served, stop: &Arc<AtomicBool>) -> Options {
    let login = Login {
        registry: served.host.clone(),
        user: served.name.to_owned(),
        password: served.password.clone(),
    };
    let mut options = Options {
        plain_http: vec![served.host.clone()],
        logins: vec![login],
        cancelled: Arc::clone(stop),
        ..Options::default()
    };
    // Each try waits at the gate for a third of a minute, and then for as long as it is told to.
    options.limits.attempts = 12;
    options
}

/// Reads every layer to its end, and holds it against its digest. The manifest and the configuration were when they came.
fn whole(opened: &Opened, digest: &Digest) -> anyhow::Result<(usize, u64)> {
    ensure!(opened.digest == Some(*digest), "the manifest is another than the upstream's");
    ensure!(opened.gaps.is_empty() && opened.images.len() == 1, "the image is not whole");
    let (mut layers, mut bytes) = (0, 0);
    for layer in opened.images.iter().flat_map(|image| &image.layers) {
        bytes += held_against_its_digest(layer)?;
        layers += 1;
    }
    Ok((layers, bytes))
}

fn held_against_its_digest(layer: &Layer) -> anyhow::Result<u64> {
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    let mut from = layer.open()?;
    loop {
        match from.read(&mut buffer).with_context(|| format!("cannot read layer {}", layer.index))? {
            0 => break,
            read => {
                hash.update(buffer.get(..read).unwrap_or_default());
                length += read as u64;
            }
        }
    }
    let computed = Digest::sha256(hash.finalize().into());
    ensure!(
        layer.digest == Some(computed),
        "layer {} hashes to {computed}, which is not its digest",
        layer.index
    );
    Ok(length)
}

/// How many signatures beside the image hold by the release key.
fn signatures(
    served: &Served,
    locator: &Locator,
    digest: &Digest,
    options: &Options,
) -> anyhow::Result<usize> {
    let text = settings::bounded_text(&served.release_key, crate::commands::sign::LARGEST_KEY)
        .context("cannot read the release key")?;
    let keys = [TrustedKey::new("release.pub", PublicKey::from_pem(&text)?)];
    let repository = source::repository(locator, false, options)?;
    let fetched = Fetched::all(repository.as_ref(), digest);
    let trust = Trust {
        keys: &keys,
        keyless: None,
        predicate_type: None,
        identity: None,
        now: jiff::Timestamp::now(),
    };
    let found = attest::verify(digest, &fetched.documents(), &trust);
    for problem in &fetched.problems {
        terminal::note(&format!("not looked at: {problem}"));
    }
    Ok(found.held.len())
}

/// Says on a terminal how many images were answered; nothing in a pipe.
fn progress(images: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(images as u64);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} pulling through the gate: {pos} of {len} images are answered")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
