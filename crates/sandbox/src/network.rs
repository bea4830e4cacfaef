//! The guest's network: a card whose other end is a gateway at which every address is local, so that whatever the
//! guest asks for arrives there and nowhere else.
//!
//! Two namespaces of networks are joined by a pair of virtual cards. The gateway has that card and a loopback; no
//! namespace of the host's is involved, so that there is no way out to take by mistake.

mod doors;
mod filters;
mod links;
mod netlink;

use crate::error::{Failure, Step};
use crate::spec::Network;
use rustix::fd::{AsFd, OwnedFd};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::File;
use std::net::SocketAddr;

pub use doors::Doors;
pub(crate) use doors::{Opened, inward};

/// A network that was made.
pub(crate) struct Made {
    pub(crate) guest: OwnedFd,
    gateway: OwnedFd,
    pub(crate) doors: Opened,
}

/// Makes the network; without one the guest has a loopback only.
pub(crate) fn make(wanted: Option<&Network>, limitations: &mut Vec<String>) -> Result<Made, Failure> {
    let gateway = space("make the gateway's network namespace")?;
    let mut at_gateway = netlink::Socket::open(netlink::ROUTE).step("speak to the gateway's network")?;
    let index = links::index(&mut at_gateway, "lo")?;
    links::up(&mut at_gateway, index)?;
    let guest = space("make the guest's network namespace")?;
    let mut at_guest = netlink::Socket::open(netlink::ROUTE).step("speak to the guest's network")?;
    let index = links::index(&mut at_guest, "lo")?;
    links::up(&mut at_guest, index)?;
    set("net/ipv4/ip_unprivileged_port_start", "0");
    set("net/ipv4/ping_group_range", "0 2147483647");
    let made = Made { guest, gateway, doors: Opened::default() };
    let Some(network) = wanted else { return Ok(made) };
    for card in ["default", "all"] {
        set(&format!("net/ipv6/conf/{card}/disable_ipv6"), "0");
        set(&format!("net/ipv6/conf/{card}/accept_dad"), "0");
    }
    made.leave_guest().step("enter the gateway's network")?;
    for card in ["default", "all"] {
        // Whatever source a guest writes on its packets, they are ours to see.
        set(&format!("net/ipv4/conf/{card}/rp_filter"), "0");
        set(&format!("net/ipv4/conf/{card}/accept_local"), "1");
        set(&format!("net/ipv4/conf/{card}/send_redirects"), "0");
        set(&format!("net/ipv6/conf/{card}/disable_ipv6"), "0");
        set(&format!("net/ipv6/conf/{card}/accept_dad"), "0");
    }
    links::pair(&mut at_gateway, network, made.guest.as_fd())?;
    links::gateway(&mut at_gateway, network)?;
    links::guest(&mut at_guest, network)?;
    let every_port = match filters::take_every_port(doors::PORT) {
        Ok(()) => true,
        Err(failure) => {
            limitations.push(format!(
                "only {} well-known ports of the network are answered ({failure}): the kernel needs nf_tables with \
                 tproxy (CONFIG_NFT_TPROXY)",
                doors::KNOWN.len()
            ));
            false
        }
    };
    let opened = doors::open(every_port)?;
    Ok(Made { doors: opened, ..made })
}

/// A new namespace, which this thread is in afterwards.
fn space(step: &str) -> Result<OwnedFd, Failure> {
    // SAFETY: descriptors stay shared with nobody: the flag names a namespace, not `CLONE_FILES`.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.step(step)?;
    Ok(File::open("/proc/self/ns/net").step(step)?.into())
}

/// Sets a variable of the network namespace that this thread is in. A kernel that does not have it has the feature
/// not either.
fn set(name: &str, value: &str) {
    let _ = std::fs::write(format!("/proc/sys/{name}"), value);
}

impl Made {
    /// Enters the guest's namespace, for a child that is to begin in it.
    pub(crate) fn enter_guest(&self) -> rustix::io::Result<()> {
        move_into_link_name_space(self.guest.as_fd(), Some(LinkNameSpaceType::Network))
    }

    /// Enters the gateway's.
    pub(crate) fn leave_guest(&self) -> rustix::io::Result<()> {
        move_into_link_name_space(self.gateway.as_fd(), Some(LinkNameSpaceType::Network))
    }

    /// What is done before a connection is made: nothing, since every port is open already.
    pub(crate) fn on_connect(&self) -> Box<dyn FnMut(SocketAddr, bool)> {
        Box::new(|_, _| {})
    }
}
