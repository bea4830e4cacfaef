use super::{Answer, Asked, Connection};
use crate::dispatch;
use crate::server::Ended;
use crate::talk::Talk;
use aws_lc_rs::digest;
use base64::Engine;
use hyper::Request;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

/// Whether a request turns the connection into something else.
pub(super) fn wanted<B>(request: &Request<B>) -> bool {
    request.method() == hyper::Method::CONNECT
        || request.headers().contains_key("upgrade")
            && !request.headers().get("upgrade").is_some_and(|value| value.as_bytes().starts_with(b"h2c"))
}

/// Answers, and goes on with what comes after.
pub(super) fn begin(connection: &Arc<Connection>, asked: &Asked<'_>, upgraded: OnUpgrade) -> Answer {
    let connection = Arc::clone(connection);
    let port = asked.target.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(asked.port);
    let talk = move |upgraded| Talk {
        flow: Arc::clone(&connection.flow),
        shared: Arc::clone(&connection.shared),
        tls: connection.tls,
        depth: connection.depth + 1,
        port,
        io: Box::new(TokioIo::new(upgraded)),
        ahead: Vec::new(),
        silencer: None,
    };
    if asked.method == "CONNECT" {
        asked.flow.step("proxy", format!("CONNECT {}", asked.target));
        tokio::spawn(async move {
            if let Ok(upgraded) = upgraded.await {
                Box::pin(dispatch::serve(talk(upgraded))).await;
            }
        });
        return Answer::empty(200);
    }
    let key = asked.header("sec-websocket-key").into_owned();
    let protocol = asked.header("upgrade").into_owned();
    if key.is_empty() {
        // Docker's attach and exec, and what others call theirs: the stream is raw afterwards.
        asked.flow.step("upgrade", &protocol);
        tokio::spawn(async move {
            if let Ok(upgraded) = upgraded.await {
                talk(upgraded).rest().await;
            }
        });
        return Answer::empty(101).with("connection", "Upgrade").with("upgrade", protocol);
    }
    asked.flow.step("websocket", format!("{}{}", asked.host, asked.target));
    tokio::spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            let _ = websocket(talk(upgraded)).await;
        }
    });
    let digest = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes(),
    );
    let accept = base64::engine::general_purpose::STANDARD.encode(digest);
    let answer = Answer::empty(101)
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-accept", accept);
    match asked.header("sec-websocket-protocol").split(',').next().map(str::trim) {
        Some(first) if !first.is_empty() => answer.with("sec-websocket-protocol", first),
        _ => answer,
    }
}

/// Messages are written down and said back; what pings is answered.
async fn websocket(mut talk: Talk) -> Ended {
    loop {
        let [first, second] = talk.array::<2>().await?;
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(talk.array().await?)),
            127 => u64::from_be_bytes(talk.array().await?),
            short => u64::from(short),
        };
        let mask: [u8; 4] = if second & 0x80 != 0 { talk.array().await? } else { [0; 4] };
        let mut payload = talk.exactly(usize::try_from(length).unwrap_or(usize::MAX)).await?;
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        // The mask hides from the tap what was meant.
        talk.flow.watch_whole(&payload);
        let answer = match first & 0x0f {
            8 => {
                talk.say([0x88, 0]).await?;
                return Ok(());
            }
            9 => 0x8a,
            10 => continue,
            kind => {
                talk.step("websocket", &payload);
                0x80 | kind
            }
        };
        let payload = payload.get(..payload.len().min(65535)).unwrap_or_default();
        let mut frame = vec![answer];
        match u8::try_from(payload.len()) {
            Ok(short) if short < 126 => frame.push(short),
            _ => {
                frame.push(126);
                frame.extend((payload.len() as u16).to_be_bytes());
            }
        }
        frame.extend(payload);
        talk.say(frame).await?;
    }
}
