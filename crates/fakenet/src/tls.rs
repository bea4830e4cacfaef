mod authority;
mod hello;
#[cfg(test)]
mod tests;

pub(crate) use authority::civil;
pub use authority::{Authority, AuthorityError};

use crate::dispatch;
use crate::recorder::Recorder;
use crate::server::Ended;
use crate::stream::Tap;
use crate::talk::Talk;
use crate::{Clock, World};
use authority::Leaves;
use events::{Bytes, Tls, WireKind};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor as Greeting, ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{KeyLog, ServerConfig, crypto};

pub(crate) use hello::{Hello, looks};

/// Takes TLS off of flows.
pub(crate) struct Acceptor {
    leaves: Arc<Leaves>,
    keys: Arc<Keys>,
    provider: Arc<crypto::CryptoProvider>,
}

/// Secrets of sessions, for the packet file.
struct Keys(Arc<Recorder>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys")
    }
}

impl KeyLog for Keys {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some(packets) = &self.0.packets {
            let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
            packets.secret(&format!("{label} {} {}\n", hex(client_random), hex(secret)));
        }
    }
}

/// How long a guest may take for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);

impl Acceptor {
    pub(crate) fn new(world: &World, recorder: &Arc<Recorder>) -> Self {
        let clock: Arc<dyn Clock> = Arc::clone(&world.clock);
        Self {
            leaves: Arc::new(Leaves::new(Arc::clone(&world.authority), clock)),
            keys: Arc::new(Keys(Arc::clone(recorder))),
            provider: Arc::new(crypto::aws_lc_rs::default_provider()),
        }
    }

    fn config(&self, for_name: String, offered: &[Vec<u8>]) -> Option<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .ok()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(For { name: for_name, leaves: Arc::clone(&self.leaves) }));
        // Whatever the guest would like to speak inside, we speak: the first of what we know, or its own first.
        let known = [&b"h2"[..], b"http/1.1", b"dot"];
        let chosen = known.iter().find(|known| offered.iter().any(|offer| offer == *known));
        config.alpn_protocols =
            chosen.map(|known| known.to_vec()).or_else(|| offered.first().cloned()).into_iter().collect();
        config.key_log = Arc::<Keys>::clone(&self.keys);
        Some(Arc::new(config))
    }
}

/// A certificate for whatever was asked for.
#[derive(Debug)]
struct For {
    name: String,
    leaves: Arc<Leaves>,
}

impl ResolvesServerCert for For {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaves.certificate(&self.name)
    }
}

/// Takes TLS off of a talk and goes on with what is inside.
pub(crate) async fn serve(talk: Talk) -> Ended {
    if let Some(inside) = open(talk).await? {
        Box::pin(dispatch::serve(inside)).await;
    }
    Ok(())
}

/// Takes TLS off of a talk; none where the guest refused.
pub(crate) async fn open(mut talk: Talk) -> io::Result<Option<Talk>> {
    let hello = Hello::read(&mut talk).await?;
    talk.flow.tell(WireKind::Protocol("tls".into()));
    // Without a name, some clients check the address.
    let named = hello.name.as_deref().and_then(|name| std::str::from_utf8(name).ok()).map(str::to_owned);
    let name = named.unwrap_or_else(|| talk.flow.to.ip().to_string());
    let tell = |accepted: bool| {
        WireKind::Tls(Tls {
            name: hello.name.as_deref().map(events::bounded),
            protocols: hello.protocols.iter().take(16).map(|offer| Bytes::from(offer.clone())).collect(),
            fingerprint: hello.fingerprint.clone(),
            accepted,
        })
    };
    let (flow, shared) = (Arc::clone(&talk.flow), Arc::clone(&talk.shared));
    let (depth, port) = (talk.depth + 1, talk.port);
    let config = shared.tls.config(name, &hello.protocols);
    if let Some(silencer) = &talk.silencer {
        silencer.store(true, Ordering::Relaxed);
    }
    let handshake = async {
        let start = LazyConfigAcceptor::new(Greeting::default(), talk.into_stream()).await.ok()?;
        start.into_stream(config?).await.ok()
    };
    let Some(stream) = tokio::time::timeout(HANDSHAKE, handshake).await.ok().flatten() else {
        flow.tell(tell(false));
        return Ok(None);
    };
    flow.tell(tell(true));
    let inside = Tap::decrypted(stream, Arc::clone(&flow));
    let silencer = Some(inside.silencer());
    Ok(Some(Talk { flow, shared, tls: true, depth, port, io: Box::new(inside), ahead: Vec::new(), silencer }))
}
