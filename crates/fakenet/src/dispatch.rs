#[cfg(test)]
mod tests;

use crate::protocols::{self, Emulator};
use crate::recorder::{Flow, locked};
use crate::server::Shared;
use crate::stream::{Stream, Tap};
use crate::talk::Talk;
use events::WireKind;
use std::sync::Arc;
use std::time::Duration;

/// How long a guest is given to speak first where a server usually does.
const GREETS_AFTER: Duration = Duration::from_millis(150);

/// How long it is given where nothing is known of the port: then it may be a shell that waits for orders.
const ORDERS_AFTER: Duration = Duration::from_millis(400);

/// The same on ports on which clients speak first and sometimes take their time: a connection kept in reserve.
const RESERVE: Duration = Duration::from_millis(2000);

/// How long more bytes are waited for when the first ones say too little.
const TASTE: Duration = Duration::from_millis(120);

/// So many bytes say enough.
const ENOUGH: usize = 64;

/// Layers that are taken off: TLS in SOCKS in TLS is real, eight are a game.
const DEEPEST: u8 = 6;

/// A talk over a new flow.
pub(crate) fn begin<S: Stream + 'static>(stream: S, flow: Arc<Flow>, shared: Arc<Shared>) -> Talk {
    let tap = Tap::outermost(stream, Arc::clone(&flow)).holding(Arc::clone(&shared.world.clock));
    let silencer = Some(tap.silencer());
    let port = flow.to.port();
    Talk { flow, shared, tls: false, depth: 0, port, io: Box::new(tap), ahead: Vec::new(), silencer }
}

/// Finds out what the guest speaks and answers it to the end.
pub(crate) async fn serve(mut talk: Talk) {
    let expected = locked(&talk.shared.expected).remove(&talk.flow.to);
    if let Some(expected) = expected {
        talk.flow.tell(WireKind::Protocol("ftp-data".into()));
        let _ = expected.send(talk);
        return;
    }
    if talk.depth > DEEPEST {
        talk.step("fakenet", "too many layers");
        return;
    }
    let Some(emulator) = choose(&mut talk).await else { return };
    // TLS says so itself, once it has read the greeting.
    if emulator.name != "tls" {
        talk.flow.tell(WireKind::Protocol(emulator.name.into()));
    }
    // An error is the guest's going away, or saying what the protocol does not allow; both were told byte by byte.
    let _ = (emulator.serve)(talk).await;
}

/// None where the guest left without a word.
async fn choose(talk: &mut Talk) -> Option<&'static Emulator> {
    let port = talk.port;
    let greets = protocols::greets(port);
    let patience = match greets {
        Some(_) => GREETS_AFTER,
        None if protocols::waits(port) => RESERVE,
        None => ORDERS_AFTER,
    };
    let clock = Arc::clone(&talk.shared.world.clock);
    // A guest that waits for a greeting or for more is owed it, so its clock stands meanwhile. One that keeps a
    // connection in reserve waits for nothing.
    let mut owed = (patience < RESERVE).then(|| clock.hold());
    if talk.ahead.is_empty() {
        match talk.more_within(patience).await {
            Ok(true) => {}
            Ok(false) => return Some(greets.unwrap_or(&protocols::SHELL)),
            Err(_) => return None,
        }
    }
    owed.get_or_insert_with(|| clock.hold());
    loop {
        let (sure, emulator) = protocols::taste(&talk.ahead, port);
        if sure >= protocols::SURE || talk.ahead.len() >= ENOUGH {
            return Some(emulator);
        }
        match talk.more_within(TASTE).await {
            Ok(true) => {}
            // A guest that said all it wanted to and closed its direction is still answered.
            Ok(false) | Err(_) => return Some(protocols::taste(&talk.ahead, port).1),
        }
    }
}
