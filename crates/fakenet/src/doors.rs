use socket2::Socket;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

/// Descriptors into the sandbox's network, opened by whoever made it.
///
/// Where the network hands over every port by TPROXY, the local address of an accepted connection is whom the guest
/// asked for, and a datagram says it in a control message. Plain listeners do as well.
#[derive(Default)]
pub struct Doors {
    /// Listeners that take every connection.
    pub tcp: Vec<TcpListener>,
    /// Sockets that get every datagram.
    pub udp: Vec<UdpSocket>,
    /// `SOCK_RAW` with `IP_HDRINCL`: replies to datagrams leave from the address that was asked.
    pub raw4: Option<Socket>,
    /// The same for IPv6, with `IPV6_HDRINCL`.
    pub raw6: Option<Socket>,
    /// `AF_PACKET`: every frame, for the packet file and for what is neither TCP nor UDP.
    pub packets: Option<OwnedFd>,
}
