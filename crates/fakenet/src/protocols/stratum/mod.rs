//! A mining pool, for Monero, Bitcoin, Ethereum and their kin. Its jobs are so easy that a miner has an answer in
//! seconds; a share that answers our job was computed, and nothing but a miner computes it.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use answer::over_http;

use crate::server::Ended;
use crate::talk::Talk;
use answer::Pool;
use parse::Request;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    parse::taste(bytes)
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let mut pool = Pool::new();
    let most = talk.shared.world.limits.requests;
    for _ in 0..most {
        let line = talk.line().await?;
        if line.is_empty() {
            continue;
        }
        let Some(request) = Request::parse(&line) else {
            talk.step("stratum", &line);
            continue;
        };
        let answer = pool.answer(&request, talk.shared.world.clock.seconds());
        if let Some(told) = answer.told {
            talk.flow.tell(events::WireKind::Pool(Box::new(told)));
        }
        let mut out = String::new();
        for message in answer.messages {
            out.push_str(&message.to_string());
            out.push('\n');
        }
        talk.say(out).await?;
    }
    Ok(())
}
