use super::broken;
use crate::talk::Talk;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, hmac};
use std::io;

/// Packets over a talk: first in the clear, then not.
pub(super) struct Line {
    pub(super) talk: Talk,
    sent: u32,
    received: u32,
    to_guest: Seal,
    from_guest: Seal,
}

/// What the exchange of keys gives.
pub(super) struct Keys {
    /// With its length.
    pub(super) secret: Vec<u8>,
    /// Of the first exchange: the session's name as well.
    pub(super) hash: Vec<u8>,
}

enum Seal {
    Clear,
    Gcm { key: Box<LessSafeKey>, nonce: [u8; 12] },
    Counter { key: Box<CounterKey>, at: u128, mac: Box<hmac::Key> },
}

enum CounterKey {
    Seal(EncryptingKey),
    Open(DecryptingKey),
}

/// The longest packet that is taken.
const LONGEST: usize = 256 << 10;

impl Keys {
    fn derive(&self, letter: u8, length: usize) -> Vec<u8> {
        let all = [&self.secret[..], &self.hash, &[letter], &self.hash].concat();
        let hash = digest::digest(&digest::SHA256, &all);
        hash.as_ref().get(..length).unwrap_or_default().to_vec()
    }

    fn seal(&self, cipher: &str, letters: [u8; 3], opens: bool) -> io::Result<Seal> {
        let [iv, key, mac] = letters;
        let long = cipher.starts_with("aes256");
        let key = self.derive(key, if long { 32 } else { 16 });
        if cipher.contains("gcm") {
            let algorithm = if long { &AES_256_GCM } else { &AES_128_GCM };
            let key = UnboundKey::new(algorithm, &key).map_err(|_| broken())?;
            let nonce = self.derive(iv, 12).try_into().map_err(|_| broken())?;
            return Ok(Seal::Gcm { key: Box::new(LessSafeKey::new(key)), nonce });
        }
        let algorithm = if long { &AES_256 } else { &AES_128 };
        let key = UnboundCipherKey::new(algorithm, &key).map_err(|_| broken())?;
        let key = if opens {
            CounterKey::Open(DecryptingKey::ctr(key).map_err(|_| broken())?)
        } else {
            CounterKey::Seal(EncryptingKey::ctr(key).map_err(|_| broken())?)
        };
        let at = u128::from_be_bytes(self.derive(iv, 16).try_into().map_err(|_| broken())?);
        let mac = Box::new(hmac::Key::new(hmac::HMAC_SHA256, &self.derive(mac, 32)));
        Ok(Seal::Counter { key: Box::new(key), at, mac })
    }
}

impl CounterKey {
    /// Whole blocks, from a counter on.
    fn apply(&self, at: &mut u128, bytes: &mut [u8]) -> io::Result<()> {
        let iv = FixedLength::<16>::from(at.to_be_bytes());
        *at = at.wrapping_add(bytes.len() as u128 / 16);
        match self {
            Self::Seal(key) => {
                key.less_safe_encrypt(bytes, EncryptionContext::Iv128(iv)).map(|_| ()).map_err(|_| broken())
            }
            Self::Open(key) => {
                key.decrypt(bytes, DecryptionContext::Iv128(iv)).map(|_| ()).map_err(|_| broken())
            }
        }
    }
}

fn next(nonce: &mut [u8; 12]) -> Nonce {
    let now = Nonce::assume_unique_for_key(*nonce);
    if let Some(counter) = nonce.get_mut(4..) {
        let number = counter.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        counter.copy_from_slice(&number.wrapping_add(1).to_be_bytes());
    }
    now
}

impl Line {
    pub(super) fn new(talk: Talk) -> Self {
        Self { talk, sent: 0, received: 0, to_guest: Seal::Clear, from_guest: Seal::Clear }
    }

    /// From here on nothing is in the clear, in either direction.
    pub(super) fn secure(&mut self, keys: &Keys, cipher: &str) -> io::Result<()> {
        if let Some(silencer) = &self.talk.silencer {
            silencer.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        self.from_guest = keys.seal(cipher, *b"ACE", true)?;
        self.to_guest = keys.seal(cipher, *b"BDF", false)?;
        Ok(())
    }

    pub(super) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        // With an authenticated length, the length does not count for the padding.
        let (block, counted) = match self.to_guest {
            Seal::Clear => (8, 5),
            Seal::Gcm { .. } => (16, 1),
            Seal::Counter { .. } => (16, 5),
        };
        let mut padding = block - (payload.len() + counted) % block;
        if padding < 4 {
            padding += block;
        }
        let length = ((payload.len() + padding + 1) as u32).to_be_bytes();
        let mut body = vec![padding as u8];
        body.extend(payload);
        body.resize(body.len() + padding, 0);
        let out = match &mut self.to_guest {
            Seal::Clear => [&length[..], &body].concat(),
            Seal::Gcm { key, nonce } => {
                let nonce = next(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(length), &mut body).map_err(|_| broken())?;
                [&length[..], &body].concat()
            }
            Seal::Counter { key, at, mac } => {
                let mut whole = [&length[..], &body].concat();
                let tag = hmac::sign(mac, &[&self.sent.to_be_bytes()[..], &whole].concat());
                key.apply(at, &mut whole)?;
                [&whole[..], tag.as_ref()].concat()
            }
        };
        self.sent = self.sent.wrapping_add(1);
        self.talk.say(out).await
    }

    /// The next packet's payload: never empty.
    pub(super) async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let body = match &mut self.from_guest {
            Seal::Clear => {
                let length = usize_of(self.talk.array().await?)?;
                self.talk.exactly(length).await?
            }
            Seal::Gcm { key, nonce } => {
                let head: [u8; 4] = self.talk.array().await?;
                let mut body = self.talk.exactly(usize_of(head)? + 16).await?;
                let nonce = next(nonce);
                let length =
                    key.open_in_place(nonce, Aad::from(head), &mut body).map_err(|_| broken())?.len();
                body.truncate(length);
                body
            }
            Seal::Counter { key, at, mac } => {
                let mut first: [u8; 16] = self.talk.array().await?;
                key.apply(at, &mut first)?;
                let (head, begin) = first.split_first_chunk::<4>().ok_or_else(broken)?;
                let length = usize_of(*head)?;
                let rest = length.checked_sub(12).filter(|rest| rest % 16 == 0).ok_or_else(broken)?;
                let mut rest = self.talk.exactly(rest).await?;
                key.apply(at, &mut rest)?;
                let tag = self.talk.exactly(32).await?;
                let body = [begin, &rest].concat();
                let all = [&self.received.to_be_bytes()[..], head, &body].concat();
                hmac::verify(mac, &all, &tag).map_err(|_| broken())?;
                body
            }
        };
        self.received = self.received.wrapping_add(1);
        let (padding, rest) = body.split_first().ok_or_else(broken)?;
        let end = rest.len().checked_sub(usize::from(*padding)).filter(|end| *end > 0).ok_or_else(broken)?;
        Ok(rest.get(..end).unwrap_or_default().to_vec())
    }
}

fn usize_of(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if (2..=LONGEST).contains(&length) { Ok(length) } else { Err(broken()) }
}
