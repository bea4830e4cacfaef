//! An SSH server: who tries which password or key is written down. Some passwords are right after a while, so that
//! what comes after is seen too; no command runs.

mod answer;
mod parse;
mod secure;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use parse::{Reader, Words, message, string};
use secure::{Keys, Line};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    match bytes {
        [b'S', b'S', b'H', b'-', ..] => 96,
        _ => 0,
    }
}

/// The server's key, and how many passwords were tried in the whole run.
pub(crate) struct HostKey {
    pair: Option<Ed25519KeyPair>,
    tried: AtomicU64,
}

impl HostKey {
    pub(crate) fn new() -> Self {
        Self { pair: Ed25519KeyPair::generate().ok(), tried: AtomicU64::new(0) }
    }

    /// One password in six is right.
    fn right(&self) -> bool {
        self.tried.fetch_add(1, Ordering::Relaxed) % 6 == 5
    }
}

const VERSION: &str = "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6";

const KEX: &str = "curve25519-sha256,curve25519-sha256@libssh.org";
const CIPHERS: &str = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes128-ctr,aes256-ctr";

/// Tries in one connection, as OpenSSH has it.
const TRIES: u32 = 6;

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    talk.say(format!("{VERSION}\r\n")).await?;
    let client = loop {
        let line = talk.line().await?;
        if line.starts_with(b"SSH-") {
            break line;
        }
    };
    let mut line = Line::new(talk);
    let ours = kexinit();
    line.send(&ours).await?;
    let theirs = line.receive().await?;
    let offer = parse::offer(&theirs).ok_or_else(broken)?;
    line.talk.step("ssh", [b"client ", &client[..], b" hassh=", offer.fingerprint.as_bytes()].concat());
    let (Some(cipher), true) = (offer.cipher(CIPHERS), offer.speaks(KEX)) else {
        line.talk.step("ssh", "no algorithm in common");
        return Ok(());
    };
    let keys = exchange(&mut line, [&client, VERSION.as_bytes(), &theirs, &ours]).await?;
    line.secure(&keys, &cipher)?;
    converse(&mut line).await
}

fn kexinit() -> Vec<u8> {
    let mut out = vec![20];
    let mut cookie = [0; 16];
    // Nothing is kept secret from the guest; a cookie that is zero is a cookie.
    let _ = aws_lc_rs::rand::fill(&mut cookie);
    out.extend(cookie);
    let macs = "hmac-sha2-256";
    for list in [KEX, "ssh-ed25519", CIPHERS, CIPHERS, macs, macs, "none", "none", "", ""] {
        string(&mut out, list.as_bytes());
    }
    out.extend([0; 5]);
    out
}

/// Diffie and Hellman over Curve25519, as RFC 8731 has it.
async fn exchange(line: &mut Line, before: [&[u8]; 4]) -> io::Result<Keys> {
    use aws_lc_rs::{agreement, digest, rand};
    let first = line.receive().await?;
    // The client may have guessed another method: its guess is then followed by the right one.
    let init = match Reader(first.get(1..).unwrap_or_default()).string() {
        Some(point) if first.first() == Some(&30) && point.len() == 32 => point.to_vec(),
        _ => return Err(broken()),
    };
    let shared = std::sync::Arc::clone(&line.talk.shared);
    let pair = shared.host_key.pair.as_ref().ok_or_else(broken)?;
    let own = agreement::EphemeralPrivateKey::generate(&agreement::X25519, &rand::SystemRandom::new())
        .map_err(|_| broken())?;
    let point = own.compute_public_key().map_err(|_| broken())?;
    let mut host = Vec::new();
    string(&mut host, b"ssh-ed25519");
    string(&mut host, pair.public_key().as_ref());
    let peer = agreement::UnparsedPublicKey::new(&agreement::X25519, &init);
    let secret = agreement::agree_ephemeral(own, peer, broken(), |secret| Ok(parse::number(secret)))?;
    let mut all = Vec::new();
    for part in before {
        string(&mut all, part);
    }
    for part in [&host[..], &init, point.as_ref()] {
        string(&mut all, part);
    }
    all.extend(&secret);
    let hash = digest::digest(&digest::SHA256, &all).as_ref().to_vec();
    let mut signature = Vec::new();
    string(&mut signature, b"ssh-ed25519");
    string(&mut signature, pair.sign(&hash).as_ref());
    line.send(&message(31, &[&host, point.as_ref(), &signature])).await?;
    line.send(&[21]).await?;
    loop {
        match line.receive().await?.first() {
            Some(21) => return Ok(Keys { secret, hash }),
            Some(2..=4) => {}
            _ => return Err(broken()),
        }
    }
}

async fn converse(line: &mut Line) -> Ended {
    let (mut tries, mut user) = (0, String::new());
    let mut watcher = line.talk.shared.watcher.again();
    let mut typed = Vec::new();
    for _ in 0..line.talk.shared.world.limits.requests {
        let packet = line.receive().await?;
        let found = watcher.feed(&packet);
        line.talk.flow.leaving(found);
        let mut words = Words(packet.get(1..).unwrap_or_default());
        match packet.first().copied().unwrap_or_default() {
            1 => return Ok(()),
            5 => {
                let service = words.string().to_vec();
                line.send(&message(6, &[&service])).await?;
            }
            50 => {
                user = String::from_utf8_lossy(words.string()).chars().take(256).collect();
                words.string();
                let method = words.string().to_vec();
                let accepted = match method.as_slice() {
                    b"password" => {
                        words.byte();
                        let password = words.string();
                        line.talk.step("ssh", [b"password ", user.as_bytes(), b" ", password].concat());
                        Some(line.talk.shared.host_key.right())
                    }
                    b"publickey" => answer::key(line, &user, &mut words).await?,
                    _ => Some(false),
                };
                match accepted {
                    Some(true) => {
                        line.talk.step("ssh", format!("accepted {user}"));
                        line.send(&[52]).await?;
                    }
                    Some(false) => {
                        tries += u32::from(method != b"none");
                        let mut failure = message(51, &[b"publickey,password"]);
                        failure.push(0);
                        line.send(&failure).await?;
                        if tries >= TRIES {
                            return Ok(());
                        }
                    }
                    None => {}
                }
            }
            90 => {
                let kind = words.string().to_vec();
                let channel = words.number();
                if kind != b"session" {
                    line.talk.step("ssh", [b"open ", &kind[..], b" ", words.0].concat());
                }
                let confirm = [channel, 0, 1 << 21, 1 << 15].map(u32::to_be_bytes).concat();
                line.send(&[&[91][..], &confirm].concat()).await?;
            }
            94 => {
                words.number();
                typed.extend(words.string());
                answer::typed(line, &mut typed).await?;
            }
            97 => {
                line.send(&[&[97][..], &0_u32.to_be_bytes()].concat()).await?;
            }
            98 => answer::channel(line, &user, &mut words).await?,
            80 => line.send(&[82]).await?,
            20 => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}
