//! What nobody knows: it is written down, by the tap, and given time to say more. A known beginning gets its name.

mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(_: &[u8], _: u16) -> u8 {
    0
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    if let Some(name) = parse::known(&talk.ahead) {
        talk.flow.tell(events::WireKind::Protocol(name.into()));
        talk.step(name, "recognised, not answered");
    }
    loop {
        talk.ahead.clear();
        talk.more().await?;
    }
}
