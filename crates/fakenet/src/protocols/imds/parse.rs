use crate::protocols::http::Asked;
use std::net::IpAddr;

/// Whose metadata is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Amazon's instances, and those who speak alike: Alibaba, OpenStack, DigitalOcean, Hetzner.
    Amazon,
    /// Amazon's container tasks and pod identities.
    Task,
    Google,
    Azure,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amazon => "aws",
            Self::Task => "ecs",
            Self::Google => "gcp",
            Self::Azure => "azure",
        }
    }
}

/// By the address, whatever name led to it; by name where a proxy is asked.
pub(super) fn service(asked: &Asked<'_>) -> Option<Service> {
    let named = asked.host.parse().ok();
    let is = |address: &str| {
        let address: Option<IpAddr> = address.parse().ok();
        address.is_some() && (Some(asked.to.ip()) == address || named == address)
    };
    if is("169.254.170.2") || is("169.254.170.23") {
        return Some(Service::Task);
    }
    let google = asked.host == "metadata.google.internal" || asked.host == "metadata";
    if !google && !is("169.254.169.254") && !is("100.100.100.200") && !is("fd00:ec2::254") {
        return None;
    }
    Some(if google || asked.path.starts_with("/computeMetadata") {
        Service::Google
    } else if asked.path.starts_with("/metadata/instance") || asked.path.starts_with("/metadata/identity") {
        Service::Azure
    } else {
        Service::Amazon
    })
}
