use serde::{Deserialize, Serialize};

/// What stands beside the verdict: somebody's purpose, bad habits, work to do. None of it is malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// An openly declared miner, scanner, VPN or benchmark.
    Pua,
    /// Secrets left behind, privileges left lying about.
    Hygiene,
    /// Known vulnerabilities.
    Vulnerable,
}

impl Axis {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pua => "pua",
            Self::Hygiene => "hygiene",
            Self::Vulnerable => "vulnerable",
        }
    }

    /// The axis on which findings of this id stand, read off the family in the id. The detections of embedded
    /// secrets and of privileges left lying about belong to hygiene whatever they are worth in the verdict.
    pub fn of_id(id: &str) -> Option<Self> {
        const HYGIENE: [&str; 4] = ["S-CRE-SECRET", "S-ESC-FCAP", "S-ESC-SUDO", "S-ESC-SUID"];
        match id.split('-').nth(1) {
            Some("PUA") => Some(Self::Pua),
            Some("HYG") => Some(Self::Hygiene),
            Some("VUL") => Some(Self::Vulnerable),
            _ if HYGIENE.contains(&id) => Some(Self::Hygiene),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, expect: Option<Axis>) {
        assert_eq!(Axis::of_id(id), expect, "{id}");
    }

    #[test]
    fn the_family_of_an_id_tells_the_axis() {
        check("S-PUA-MINER", Some(Axis::Pua));
        check("S-HYG-SSHD", Some(Axis::Hygiene));
        check("S-VUL-OSV", Some(Axis::Vulnerable));
        check("S-CRE-SECRET", Some(Axis::Hygiene));
        check("S-CRE-STEALER", None);
        check("S-MIN-HASH", None);
        check("odd", None);
    }
}
