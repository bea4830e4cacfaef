use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Operating system and processor of an image, as an index names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an image of this platform satisfies a request for `wanted`. A request without a variant takes
    /// any; `arm64` and `arm64/v8` are the same machine (containerd's normalisation).
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let variant = |platform: &Self| match (platform.architecture.as_str(), &platform.variant) {
            ("arm64", Some(variant)) if variant == "v8" => None,
            (_, variant) => variant.clone(),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (variant(wanted).is_none() || variant(wanted) == variant(self))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", crate::escape_text(&self.os), crate::escape_text(&self.architecture))?;
        self.variant.as_deref().map_or(Ok(()), |variant| write!(f, "/{}", crate::escape_text(variant)))
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None)
                if !os.is_empty() && !architecture.is_empty() && variant != Some("") =>
            {
                Ok(Self {
                    os: os.to_owned(),
                    architecture: architecture.to_owned(),
                    variant: variant.map(str::to_owned),
                })
            }
            _ => Err(format!("{text:?} is not a platform; write os/architecture, for example linux/amd64")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(have: &str, wanted: &str, expect: bool) {
        let parse = |text: &str| text.parse::<Platform>().unwrap();
        assert_eq!(parse(have).satisfies(&parse(wanted)), expect, "{have} for {wanted}");
    }

    #[test]
    fn a_request_is_met_by_the_same_machine_only() {
        check("linux/amd64", "linux/amd64", true);
        check("linux/arm64/v8", "linux/arm64", true);
        check("linux/arm64", "linux/arm64/v8", true);
        check("linux/arm/v6", "linux/arm/v7", false);
        check("linux/arm/v7", "linux/arm", true);
        check("windows/amd64", "linux/amd64", false);
        assert!("linux".parse::<Platform>().is_err());
        assert!("linux//v7".parse::<Platform>().is_err());
    }
}
