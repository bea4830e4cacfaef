use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The hash functions that the OCI image specification registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, which every registry speaks.
    Sha256,
    /// SHA-512, registered and rarely used.
    Sha512,
}

impl Algorithm {
    /// The name as it stands before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hash in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no hash is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A content digest, `sha256:…`, that was parsed strictly: a known algorithm, lower-case hexadecimal of the
/// right length. A digest becomes part of file names and URLs, so nothing else may pass (CVE-2024-3727).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No `algorithm:hex` shape.
    #[error("digest {0} is not of the form algorithm:hex")]
    Shape(String),
    /// An algorithm that is not registered.
    #[error("digest algorithm {0} is not sha256 or sha512")]
    Algorithm(String),
    /// Wrong length or characters that are not lower-case hexadecimal.
    #[error("digest {0} is not lower-case hexadecimal of the right length")]
    Hex(String),
}

impl Digest {
    /// A SHA-256 digest from its 32 bytes.
    pub fn sha256(hash: [u8; 32]) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&hash);
        Self { algorithm: Algorithm::Sha256, bytes }
    }

    /// A SHA-512 digest from its 64 bytes.
    pub fn sha512(hash: [u8; 64]) -> Self {
        Self { algorithm: Algorithm::Sha512, bytes: hash }
    }

    /// Which hash function made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash itself: 32 or 64 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.len()]
    }

    /// The hash in lower-case hexadecimal, without the algorithm.
    pub fn hex(&self) -> String {
        hex(self.bytes())
    }

    /// `algorithm:` and the first twelve hexadecimal digits: enough for people to tell layers apart.
    pub fn short(&self) -> String {
        format!("{}:{}", self.algorithm.name(), hex(&self.bytes[..6]))
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let shown = || crate::escape_text(text.get(..160).unwrap_or(text));
        let (name, hash) = text.split_once(':').ok_or_else(|| DigestError::Shape(shown()))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(DigestError::Algorithm(shown())),
        };
        let digits = hash.as_bytes();
        if digits.len() != algorithm.len() * 2 {
            return Err(DigestError::Hex(shown()));
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |digit: u8| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(DigestError::Hex(shown())),
            };
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self { algorithm, bytes })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, DigestError>) {
        assert_eq!(text.parse::<Digest>().map(|digest| digest.to_string()).as_deref(), expect.as_deref());
    }

    #[test]
    fn only_the_canonical_form_is_a_digest() {
        let zeros = format!("sha256:{}", "0".repeat(64));
        check(&zeros, Ok(&zeros));
        let long = format!("sha512:{}", "ab".repeat(64));
        check(&long, Ok(&long));
        for bad in ["sha256", "sha256:", "sha256:../../etc/passwd", "sha1:0000"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        let upper = format!("sha256:{}", "A".repeat(64));
        check(&upper, Err(DigestError::Hex(upper.clone())));
        let wide = format!("sha256:{}", "0".repeat(65));
        check(&wide, Err(DigestError::Hex(wide.clone())));
        let md5 = format!("md5:{}", "0".repeat(32));
        check(&md5, Err(DigestError::Algorithm(md5.clone())));
    }
}
