//! Theft: what is read of credentials, environments and networks, and where it is sent.

mod checks;
#[cfg(test)]
mod tests;

use super::acts::{detection, judge};
use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Detection, Role, Severity};

/// Looks for theft and for spreading to other machines.
#[derive(Debug)]
pub struct Theft;

impl ImageAnalyzer for Theft {
    fn name(&self) -> &'static str {
        "theft"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        judge(image, out, checks::IDIOMS);
    }
}

pub(crate) const STEALER: Detection = detection(
    "S-CRE-STEALER",
    "Credentials collected and sent away",
    (Severity::Critical, Role::Convicts),
    &["T1552.001", "T1041"],
    "One script reads three or more kinds of stores of credentials, such as those of clouds, clusters, registries and \
     the secure shell, and sends something to a host that is written down in it. A tool needs the credentials of its own \
     service; only a thief wants everybody's. Where only running tells the host, it corroborates.",
    "Do not run the image. Renew every credential that was within reach of a container of it.",
);

pub(crate) const METADATA: Detection = detection(
    "S-CRE-IMDS",
    "Cloud credentials asked for",
    (Severity::Medium, Role::Corroborates),
    &["T1552.005"],
    "A script asks the cloud's metadata service for the credentials of the machine. Programs of the clouds do so through \
     their libraries; a script that does it by hand can hand them on. Questions for a region or a name only explain.",
    "Look at what the script does with the answer.",
);

pub(crate) const TOKEN: Detection = detection(
    "S-CRE-SATOKEN",
    "Cluster token sent outside",
    (Severity::Medium, Role::Corroborates),
    &["T1528", "T1552.007"],
    "A script sends the token of the cluster's service account to a host outside of the cluster. Operators show it to \
     the cluster's own interface, which is not counted.",
    "Find out whose host it is, and renew the token.",
);

pub(crate) const PROCESSES: Detection = detection(
    "S-CRE-PROCSCAN",
    "Secrets of other processes read",
    (Severity::High, Role::Corroborates),
    &["T1003.007"],
    "A script reads the environment or the memory of other processes, where their secrets are. Monitoring reads their \
     counters, never these.",
    "Look at what the script does with what it reads.",
);

pub(crate) const ENVIRONMENT: Detection = detection(
    "S-EXF-ENV",
    "Environment sent away",
    (Severity::Critical, Role::Convicts),
    &["T1041", "T1552.007"],
    "A script sends the whole environment of the container, in which orchestrators put every secret, to a host that is \
     written down in it. Printing it for debugging is not counted. Where only running tells the host, it corroborates.",
    "Do not run the image. Renew every secret that a container of it was given.",
);

pub(crate) const SINK: Detection = detection(
    "S-EXF-SINK",
    "Data sent to a collecting service",
    (Severity::High, Role::Corroborates),
    &["T1567"],
    "A script sends something to a service that collects for whoever made the address up, or to a chat's address or a \
     bot's token that is written down. Notifiers leave the address to the user.",
    "Look at what is sent, and ask the service to take the address down.",
);

pub(crate) const NAMES: Detection = detection(
    "S-EXF-DNS",
    "Data sent in names that are looked up",
    (Severity::High, Role::Corroborates),
    &["T1048.003", "T1071.004"],
    "A script encodes data into the names of hosts that it looks up. The questions reach whoever runs the domain, \
     through every firewall that lets names be resolved.",
    "Look at what is encoded and whose domain it is.",
);

pub(crate) const SCAN: Detection = detection(
    "S-DIS-MASSCAN",
    "Ports of many hosts scanned",
    (Severity::High, Role::Corroborates),
    &["T1046"],
    "A script looks for open engines, databases, clusters or shells on many hosts. Images that are scanners leave the \
     targets to the user.",
    "Do not run the image in a network of yours.",
);

pub(crate) const WORM: Detection = detection(
    "S-LAT-WORM",
    "Spreading to other machines",
    (Severity::Critical, Role::Convicts),
    &["T1210", "T1610", "T1021.004"],
    "A script starts containers, writes schedules or runs commands on machines whose addresses it found, through open \
     engines, databases, node agents or shells whose keys it does not check. Builds and deployments have a fixed host.",
    "Do not run the image. Look at every machine it could reach.",
);

pub(crate) const CLUSTER: Detection = detection(
    "S-DIS-KUBERECON",
    "Cluster explored",
    (Severity::Medium, Role::Corroborates),
    &["T1613"],
    "A script lists what its account may do in the cluster, or runs a tool for attacks on clusters.",
    "Ask who needs to know that, and why from here.",
);

pub(crate) const PROFILE: Detection = detection(
    "S-DIS-PROFILE",
    "Machine described to a host",
    (Severity::Medium, Role::Corroborates),
    &["T1016", "T1082"],
    "A script finds out the public address and what machine it is on, and sends both to a host: the registration of a \
     new bot.",
    "Find out whose host it is.",
);

const DETECTIONS: &[Detection] =
    &[STEALER, METADATA, TOKEN, PROCESSES, ENVIRONMENT, SINK, NAMES, SCAN, WORM, CLUSTER, PROFILE];
