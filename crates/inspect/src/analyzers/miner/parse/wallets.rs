use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

/// A currency whose addresses carry a checksum, so that a text which is one was not written by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Coin {
    /// Monero: what stolen processors are made to mine.
    Monero,
    /// Another currency with addresses of CryptoNote's form.
    CryptoNote,
    /// Bitcoin.
    Bitcoin,
    /// Litecoin.
    Litecoin,
    /// Dogecoin.
    Dogecoin,
    /// Tron.
    Tron,
    /// Ravencoin.
    Ravencoin,
    /// Dero.
    Dero,
    /// Ethereum and its relatives.
    Ethereum,
}

impl Coin {
    /// Its name for people.
    pub(in crate::analyzers::miner) fn name(self) -> &'static str {
        match self {
            Self::Monero => "Monero",
            Self::CryptoNote => "CryptoNote",
            Self::Bitcoin => "Bitcoin",
            Self::Litecoin => "Litecoin",
            Self::Dogecoin => "Dogecoin",
            Self::Tron => "Tron",
            Self::Ravencoin => "Ravencoin",
            Self::Dero => "Dero",
            Self::Ethereum => "Ethereum",
        }
    }
}

/// Which currency's address a text is, by its checksum.
pub(in crate::analyzers::miner) fn coin_of(text: &[u8]) -> Option<Coin> {
    match text.len() {
        95..=112 => cryptonote(text),
        42 if text.starts_with(b"0x") => is_mixed_ethereum(text).then_some(Coin::Ethereum),
        25..=35 => base58check(text),
        42..=74 => bech32(text),
        _ => None,
    }
}

/// The address at the start or the end of what a miner is given as account: `WALLET.worker`, `WALLET+50000`,
/// `WALLET/mail`, `XMR:WALLET.worker`.
pub(in crate::analyzers::miner) fn of_account(text: &[u8]) -> Option<(Coin, &[u8])> {
    let parts = text.get(..text.len().min(MAX_ACCOUNT))?.split(|byte| !byte.is_ascii_alphanumeric());
    parts.take(MAX_PARTS).find_map(|part| Some((coin_of(part)?, part)))
}

const MAX_ACCOUNT: usize = 512;
const MAX_PARTS: usize = 8;

/// Calls `found` with the offset of every address in a text that has the shape of one in base 58, until it
/// says that this is enough. Words are shorter than addresses, so only every `shortest`-th byte is looked at
/// until one of them is within a long run of base 58.
pub(in crate::analyzers::miner) fn scan(
    text: &[u8],
    shortest: usize,
    found: &mut dyn FnMut(usize, Coin, &[u8]) -> bool,
) {
    /// So many bytes up to a probe are looked at together: a word is shorter.
    const NEAR: usize = 16;
    let shortest = shortest.max(1);
    let is_digit = |at: usize| text.get(at).is_some_and(|&byte| VALUES[byte as usize] != NONE);
    let mut probe = shortest - 1;
    while probe < text.len() {
        if !is_digit(probe) {
            probe += shortest;
            continue;
        }
        // Where one of them is no digit, an address begins behind it, and the byte so far on is within it.
        if shortest >= 4 * NEAR
            && let Some(near) = text.get(probe + 1 - NEAR..=probe).and_then(<[u8]>::first_chunk::<NEAR>)
            && !near.iter().fold(true, |all, &byte| all & (VALUES[usize::from(byte)] != NONE))
        {
            probe += shortest - (NEAR - 1);
            continue;
        }
        let mut start = probe;
        while start > 0 && probe - start < shortest && is_digit(start - 1) {
            start -= 1;
        }
        if probe - start + 1 < shortest {
            probe = start + shortest - 1;
            continue;
        }
        let mut end = probe + 1;
        while is_digit(end) {
            end += 1;
        }
        probe = end + shortest;
        // An escaped line break before it, as in "\n4…", is no part of it.
        let escaped = start > 0 && text.get(start - 1) == Some(&b'\\');
        if escaped {
            start += 1;
        }
        let beside = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let joined = !escaped && start > 0 && beside(text.get(start - 1));
        let alone = !joined && !beside(text.get(end));
        if let Some(run) = text.get(start..end).filter(|_| alone)
            && let Some(coin) = coin_of(run)
            && !found(start, coin, run)
        {
            return;
        }
    }
}

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const NONE: u8 = 0xff;
static VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        values[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// CryptoNote's addresses: a prefix, two keys, for integrated ones a payment id of 8 bytes, and four bytes of
/// Keccak-256 over all of it, in base 58 by blocks of 8 bytes.
fn cryptonote(text: &[u8]) -> Option<Coin> {
    let mut bytes = Vec::with_capacity(84);
    for block in text.chunks(11) {
        let size = match block.len() {
            2 => 1,
            3 => 2,
            5 => 3,
            6 => 4,
            7 => 5,
            9 => 6,
            10 => 7,
            11 => 8,
            _ => return None,
        };
        let mut value = 0_u128;
        for &byte in block {
            let digit = *VALUES.get(byte as usize)?;
            if digit == NONE {
                return None;
            }
            value = value * 58 + u128::from(digit);
        }
        if value >> (8 * size) != 0 {
            return None;
        }
        bytes.extend_from_slice(value.to_be_bytes().get(16 - size..)?);
    }
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    if Keccak256::digest(body).get(..4)? != sum {
        return None;
    }
    // The prefix is a number of seven bits a byte, the lowest first.
    let prefix = body.iter().position(|byte| byte & 0x80 == 0)? + 1;
    match (body.first()?, body.len() - prefix) {
        (18 | 42, 64) | (19, 72) => Some(Coin::Monero),
        (_, 64 | 72) => Some(Coin::CryptoNote),
        _ => None,
    }
}

fn base58check(text: &[u8]) -> Option<Coin> {
    if !matches!(text.first()?, b'1' | b'3' | b'D' | b'L' | b'M' | b'R' | b'T') {
        return None;
    }
    let mut bytes = [0_u8; 25];
    for &digit in text {
        let mut carry = u32::from(*VALUES.get(digit as usize)?);
        if carry == u32::from(NONE) {
            return None;
        }
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    if Sha256::digest(Sha256::digest(body)).get(..4)? != sum {
        return None;
    }
    match body.first()? {
        0 | 5 => Some(Coin::Bitcoin),
        0x30 | 0x32 => Some(Coin::Litecoin),
        0x1e => Some(Coin::Dogecoin),
        0x41 => Some(Coin::Tron),
        0x3c => Some(Coin::Ravencoin),
        _ => None,
    }
}

/// BIP 173 and BIP 350.
fn bech32(text: &[u8]) -> Option<Coin> {
    let coin = match text.get(..4)? {
        b"bc1q" | b"bc1p" => Coin::Bitcoin,
        b"ltc1" => Coin::Litecoin,
        b"dero" => Coin::Dero,
        _ => return None,
    };
    let split = memchr::memchr(b'1', text)?;
    let (prefix, data) = (text.get(..split)?, text.get(split + 1..)?);
    let mut sum = 1_u32;
    let mut step = |value: u8| {
        const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let top = sum >> 25;
        sum = ((sum & 0x1ff_ffff) << 5) ^ u32::from(value);
        for (bit, generator) in GENERATORS.iter().enumerate() {
            if (top >> bit) & 1 == 1 {
                sum ^= generator;
            }
        }
    };
    prefix.iter().for_each(|byte| step(byte >> 5));
    step(0);
    prefix.iter().for_each(|byte| step(byte & 31));
    for byte in data {
        let value = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".iter().position(|digit| digit == byte)?;
        step(value as u8);
    }
    // Version 0 of a witness program has the older sum, later versions the newer one.
    let expect = if data.first() == Some(&b'q') || coin == Coin::Dero { 1 } else { 0x2bc8_30a3 };
    (sum == expect).then_some(coin)
}

/// ERC-55: the case of the letters is the checksum. In one case throughout, an address proves nothing.
fn is_mixed_ethereum(text: &[u8]) -> bool {
    let Some(digits) = text.get(2..).filter(|digits| digits.len() == 40) else { return false };
    if !digits.iter().any(u8::is_ascii_lowercase) || !digits.iter().any(u8::is_ascii_uppercase) {
        return false;
    }
    let hash = Keccak256::digest(digits.to_ascii_lowercase());
    digits.iter().enumerate().all(|(at, digit)| {
        let nibble = hash.get(at / 2).map_or(0, |byte| if at % 2 == 0 { byte >> 4 } else { byte & 15 });
        digit.is_ascii_digit() || (digit.is_ascii_hexdigit() && digit.is_ascii_uppercase() == (nibble >= 8))
    })
}
