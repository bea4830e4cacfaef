//! The tactics and techniques of MITRE ATT&CK, version 19, that concern containers: those of the matrix for containers, and
//! those of the matrix for Linux that detections name. A technique stands below each tactic that it serves.

/// Techniques below one tactic: ids without sub-techniques, and names.
pub(crate) type Techniques = &'static [(&'static str, &'static str)];

/// The tactics in the order in which an attack goes.
pub(crate) const TACTICS: &[(&str, Techniques)] = &[
    ("Resource Development", &[("T1584", "Compromise Infrastructure"), ("T1585", "Establish Accounts")]),
    (
        "Initial Access",
        &[
            ("T1078", "Valid Accounts"),
            ("T1133", "External Remote Services"),
            ("T1190", "Exploit Public-Facing Application"),
            ("T1195", "Supply Chain Compromise"),
        ],
    ),
    (
        "Execution",
        &[
            ("T1053", "Scheduled Task/Job"),
            ("T1059", "Command and Scripting Interpreter"),
            ("T1072", "Software Deployment Tools"),
            ("T1204", "User Execution"),
            ("T1609", "Container Administration Command"),
            ("T1610", "Deploy Container"),
            ("T1648", "Serverless Execution"),
        ],
    ),
    (
        "Persistence",
        &[
            ("T1037", "Boot or Logon Initialization Scripts"),
            ("T1053", "Scheduled Task/Job"),
            ("T1078", "Valid Accounts"),
            ("T1098", "Account Manipulation"),
            ("T1133", "External Remote Services"),
            ("T1136", "Create Account"),
            ("T1505", "Server Software Component"),
            ("T1525", "Implant Internal Image"),
            ("T1543", "Create or Modify System Process"),
            ("T1546", "Event Triggered Execution"),
            ("T1547", "Boot or Logon Autostart Execution"),
            ("T1554", "Compromise Host Software Binary"),
            ("T1556", "Modify Authentication Process"),
            ("T1574", "Hijack Execution Flow"),
        ],
    ),
    (
        "Privilege Escalation",
        &[
            ("T1053", "Scheduled Task/Job"),
            ("T1055", "Process Injection"),
            ("T1068", "Exploitation for Privilege Escalation"),
            ("T1078", "Valid Accounts"),
            ("T1543", "Create or Modify System Process"),
            ("T1548", "Abuse Elevation Control Mechanism"),
            ("T1574", "Hijack Execution Flow"),
            ("T1611", "Escape to Host"),
        ],
    ),
    (
        "Stealth",
        &[
            ("T1014", "Rootkit"),
            ("T1027", "Obfuscated Files or Information"),
            ("T1036", "Masquerading"),
            ("T1070", "Indicator Removal"),
            ("T1140", "Deobfuscate/Decode Files or Information"),
            ("T1205", "Traffic Signaling"),
            ("T1480", "Execution Guardrails"),
            ("T1497", "Virtualization/Sandbox Evasion"),
            ("T1564", "Hide Artifacts"),
            ("T1612", "Build Image on Host"),
            ("T1620", "Reflective Code Loading"),
            ("T1684", "Social Engineering"),
        ],
    ),
    (
        "Defense Impairment",
        &[
            ("T1222", "File and Directory Permissions Modification"),
            ("T1685", "Disable or Modify Tools"),
            ("T1686", "Disable or Modify System Firewall"),
            ("T1689", "Downgrade Attack"),
        ],
    ),
    (
        "Credential Access",
        &[
            ("T1003", "OS Credential Dumping"),
            ("T1040", "Network Sniffing"),
            ("T1110", "Brute Force"),
            ("T1528", "Steal Application Access Token"),
            ("T1552", "Unsecured Credentials"),
            ("T1556", "Modify Authentication Process"),
            ("T1557", "Adversary-in-the-Middle"),
        ],
    ),
    (
        "Discovery",
        &[
            ("T1016", "System Network Configuration Discovery"),
            ("T1046", "Network Service Discovery"),
            ("T1069", "Permission Groups Discovery"),
            ("T1082", "System Information Discovery"),
            ("T1083", "File and Directory Discovery"),
            ("T1613", "Container and Resource Discovery"),
        ],
    ),
    (
        "Lateral Movement",
        &[
            ("T1021", "Remote Services"),
            ("T1210", "Exploitation of Remote Services"),
            ("T1550", "Use Alternate Authentication Material"),
        ],
    ),
    ("Collection", &[("T1560", "Archive Collected Data")]),
    (
        "Command and Control",
        &[
            ("T1071", "Application Layer Protocol"),
            ("T1090", "Proxy"),
            ("T1095", "Non-Application Layer Protocol"),
            ("T1102", "Web Service"),
            ("T1105", "Ingress Tool Transfer"),
            ("T1219", "Remote Access Tools"),
            ("T1568", "Dynamic Resolution"),
            ("T1571", "Non-Standard Port"),
            ("T1572", "Protocol Tunneling"),
            ("T1573", "Encrypted Channel"),
        ],
    ),
    (
        "Exfiltration",
        &[
            ("T1041", "Exfiltration Over C2 Channel"),
            ("T1048", "Exfiltration Over Alternative Protocol"),
            ("T1567", "Exfiltration Over Web Service"),
        ],
    ),
    (
        "Impact",
        &[
            ("T1485", "Data Destruction"),
            ("T1486", "Data Encrypted for Impact"),
            ("T1489", "Service Stop"),
            ("T1490", "Inhibit System Recovery"),
            ("T1496", "Resource Hijacking"),
            ("T1498", "Network Denial of Service"),
            ("T1499", "Endpoint Denial of Service"),
            ("T1561", "Disk Wipe"),
            ("T1565", "Data Manipulation"),
        ],
    ),
];

/// The id that a technique has today.
pub(crate) fn current(technique: &str) -> &str {
    let renamed = model::RENAMED_TECHNIQUES.iter().find(|(_, old)| old.contains(&technique));
    renamed.map_or(technique, |(new, _)| new)
}

/// The technique of a sub-technique: `T1496` of `T1496.001`.
pub(crate) fn family(technique: &str) -> &str {
    technique.split_once('.').map_or(technique, |(family, _)| family)
}

/// Whether the matrix shows it.
pub(crate) fn is_known(family: &str) -> bool {
    TACTICS.iter().flat_map(|(_, techniques)| *techniques).any(|(id, _)| *id == family)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of detections is generated from the catalogue, and `cargo xtask tidy` keeps it current.
    const DETECTIONS: &str = include_str!("../../../docs/reference/detections.md");

    #[test]
    fn every_technique_that_a_detection_names_has_a_place() {
        let mut named = 0;
        for piece in
            DETECTIONS.split(|character: char| !character.is_ascii_alphanumeric() && character != '.')
        {
            let Some(digits) = piece.strip_prefix('T') else { continue };
            if digits.len() >= 4
                && digits.chars().all(|character| character.is_ascii_digit() || character == '.')
            {
                let technique = piece.trim_end_matches('.');
                assert!(is_known(family(current(technique))), "{technique} stands below no tactic");
                named += 1;
            }
        }
        assert!(named > 100, "{named}");
    }

    #[test]
    fn a_technique_has_one_name_and_stands_once_below_a_tactic() {
        let mut names = std::collections::HashMap::new();
        for (tactic, techniques) in TACTICS {
            assert!(techniques.is_sorted_by(|a, b| a.0 < b.0), "{tactic}");
            for (id, name) in *techniques {
                assert_eq!(*names.entry(id).or_insert(name), name);
            }
        }
    }
}
