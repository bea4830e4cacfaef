//! What somebody sees: the repositories, and what stands in a row or on a page of an image, as `web` takes it.

use super::guard::Visitor;
use crate::Gate;
use crate::decide::Record;
use crate::people::images::Image;
use crate::people::{Fail, sees};
use crate::work::{ANALYSE, INGEST, RESCAN};
use serde_json::Value;
use store::{JobState, Repository, Sight, Standing};

/// The repositories that somebody sees.
pub(super) async fn sight(gate: &Gate, visitor: &Visitor) -> Result<Sight, Fail> {
    let principal = visitor.principal();
    if principal.is_admin() {
        return Ok(Sight::all());
    }
    Ok(gate.store.sight(|repository| sees(principal, repository)).await?)
}

/// How an image stands, where somebody sees it.
pub(super) async fn find(
    gate: &Gate,
    visitor: &Visitor,
    image: &Image,
) -> Result<(Repository, Standing), Fail> {
    let none = || Fail::missing("such image");
    let repository = gate.store.repository(&image.repository).await?.ok_or_else(none)?;
    if !sees(visitor.principal(), &repository) {
        return Err(none());
    }
    let standing = gate.store.standing(&image.repository, &image.digest).await?.ok_or_else(none)?;
    Ok((repository, standing))
}

/// What is read of `repository` and `digest`.
pub(super) fn image(repository: &str, digest: &str) -> Result<Image, Fail> {
    // What is no name and no digest is no image either.
    let none = || Fail::missing("such image");
    let repository = repository.trim().parse().map_err(|_| none())?;
    Ok(Image { repository, digest: digest.trim().parse().map_err(|_| none())? })
}

/// What is read of `REPOSITORY@DIGEST`.
pub(super) fn image_of(text: &str) -> Result<Image, Fail> {
    let (repository, digest) = text.rsplit_once('@').unwrap_or_default();
    image(repository, digest)
}

pub(super) fn state(state: store::State) -> web::State {
    match state {
        store::State::Quarantined => web::State::Quarantined,
        store::State::Released => web::State::Released,
        store::State::Denied => web::State::Denied,
        store::State::Revoked => web::State::Revoked,
    }
}

pub(super) fn record(standing: &Standing) -> Option<Record> {
    standing.decision.as_ref().and_then(Record::read)
}

/// What is being done with an image.
pub(super) async fn work(gate: &Gate, image: &Image) -> Result<Option<web::Work>, Fail> {
    let key = format!("{}@{}", image.repository, image.digest);
    for kind in [INGEST, ANALYSE, RESCAN] {
        if let Some(watch) = gate.store.open_job(kind, &key).await?
            && let Some(work) = doing(&watch.state())
        {
            return Ok(Some(work));
        }
    }
    Ok(None)
}

/// How far a job is; none where it is done.
pub(super) fn doing(state: &JobState) -> Option<web::Work> {
    let progress = match state {
        JobState::Done(_) | JobState::Failed(_) => return None,
        JobState::Waiting => return Some(web::Work { doing: "queued".to_owned(), percent: None }),
        JobState::Running { progress } => progress.as_ref(),
    };
    let number = |key: &str| progress.and_then(|value| value.get(key)).and_then(Value::as_u64).unwrap_or(0);
    let stage = progress.and_then(|value| value.get("stage")).and_then(Value::as_str).unwrap_or_default();
    let share = number("bytes").saturating_mul(100).checked_div(number("total"));
    let percent = share.map(|share| u8::try_from(share.min(100)).unwrap_or(100));
    Some(match stage {
        "" => web::Work { doing: "starting".to_owned(), percent: None },
        "fetching" => web::Work { doing: "fetching".to_owned(), percent },
        "reading layers" => web::Work { doing: "reading".to_owned(), percent },
        other => web::Work { doing: other.to_owned(), percent: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_told_in_a_word() {
        let check = |state: JobState, expect: Option<(&str, Option<u8>)>| {
            let work = doing(&state);
            let work = work.as_ref().map(|work| (work.doing.as_str(), work.percent));
            assert_eq!(work, expect, "{state:?}");
        };
        let running = |progress: Value| JobState::Running { progress: Some(progress) };
        check(JobState::Waiting, Some(("queued", None)));
        check(JobState::Running { progress: None }, Some(("starting", None)));
        check(running(json!({"stage": "fetching", "bytes": 40, "total": 100})), Some(("fetching", Some(40))));
        check(running(json!({"stage": "fetching", "bytes": 4, "total": 0})), Some(("fetching", None)));
        check(
            running(json!({"stage": "reading layers", "bytes": u64::MAX, "total": 1})),
            Some(("reading", Some(100))),
        );
        check(running(json!({"stage": "running"})), Some(("running", None)));
        check(running(json!([])), Some(("starting", None)));
        check(JobState::Done(json!({})), None);
        check(JobState::Failed(String::new()), None);
    }
}
