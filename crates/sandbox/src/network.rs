//! The guest's network: a card whose other end is a gateway at which every address is local, so that whatever the
//! guest asks for arrives there and nowhere else.
//!
//! Two namespaces of networks are joined by a pair of virtual cards. The gateway has that card and a loopback; no
//! namespace of the host's is involved, so that there is no way out to take by mistake.

mod doors;
mod filters;
mod links;
mod netlink;

use crate::calls;
use crate::error::{Failure, Step};
use crate::message::{self, Further};
use crate::spec::Network;
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::SendFlags;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::collections::HashSet;
use std::fs::File;
use std::net::SocketAddr;

pub use doors::Doors;
pub(crate) use doors::{Opened, inward};

/// The most ports that are opened one by one.
const MOST_OPEN: usize = 1000;

/// A network that was made.
pub(crate) struct Made {
    pub(crate) guest: OwnedFd,
    gateway: OwnedFd,
    every_port: bool,
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
    // The last group that a guest has, or the only one.
    let own = rustix::process::getegid().as_raw();
    set("net/ipv4/ping_group_range", &format!("{own} {own}"));
    set("net/ipv4/ping_group_range", "0 65535");
    let made = Made { guest, gateway, every_port: true, doors: Opened::default() };
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
    let filter = if network.filter { filters::take_every_port(doors::PORT) } else { Ok(()) };
    if let Err(failure) = &filter {
        limitations.push(format!(
            "ports of the network are opened one by one as they are asked for, so that a scan by raw packets finds few \
             of them ({failure}): the kernel needs nf_tables with tproxy (CONFIG_NFT_TPROXY)"
        ));
    }
    let every_port = network.filter && filter.is_ok();
    let opened = doors::open(every_port)?;
    Ok(Made { doors: opened, every_port, ..made })
}

/// A new namespace, which this thread is in afterwards.
fn space(step: &str) -> Result<OwnedFd, Failure> {
    calls::unshare(UnshareFlags::NEWNET).step(step)?;
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

    /// What is done before a connection is made or a first datagram sent: nothing where every port is open, else the
    /// port that is asked for is opened and handed to the parent.
    pub(crate) fn on_connect(&self, parent: OwnedFd) -> Box<dyn FnMut(SocketAddr, bool) + Send> {
        if self.every_port {
            return Box::new(move |_, _| {
                let _ = &parent;
            });
        }
        let mut open: HashSet<(u16, bool)> =
            doors::KNOWN.iter().flat_map(|port| [(*port, true), (*port, false)]).collect();
        Box::new(move |asked, tcp| {
            if open.len() < MOST_OPEN && open.insert((asked.port(), tcp)) {
                // A door that cannot be opened is a connection refused, which the guest's own calls tell of.
                let Ok(doors) = doors::further(asked.port(), tcp) else { return };
                let with = doors.each_ref().map(AsFd::as_fd);
                let _ = message::send_with(&parent, &Further { tcp }, &with, SendFlags::DONTWAIT);
            }
        })
    }
}
