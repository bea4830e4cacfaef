//! Metadata services of the clouds. Whoever asks gets credentials that nobody has; using them is proof.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;
pub(crate) use answer::stamp;
use parse::Service;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let service = parse::service(asked)?;
    let answer = match service {
        Service::Task => answer::task(asked, &shared.world),
        Service::Google => answer::google(asked, &shared.world),
        Service::Azure => answer::azure(asked, &shared.world),
        Service::Amazon => answer::amazon(asked, &shared.world),
    };
    let secret = if answer::gives(&answer, &shared.world) { " (credentials given)" } else { "" };
    asked.flow.step("imds", format!("{} {} {}{secret}", service.name(), asked.method, asked.path));
    Some(answer.served("metadata"))
}
