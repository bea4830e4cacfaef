use super::Packet;
use crate::datagrams::{packet4_of, packet6_of};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn check(kind: u16, packet: &[u8], expect: Option<(&str, &[u8])>) {
    let frame = [&[0; 12][..], &kind.to_be_bytes(), packet].concat();
    assert_eq!(Packet::parse(&frame).map(|packet| (packet.what, packet.payload)), expect);
}

#[test]
fn what_belongs_to_no_flow_is_seen() {
    let four = |protocol, bytes: &[u8]| {
        packet4_of(protocol, Ipv4Addr::new(10, 42, 3, 17), Ipv4Addr::new(8, 8, 8, 8), bytes)
    };
    let six = |protocol, bytes: &[u8]| packet6_of(protocol, Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, bytes);
    check(0x0800, &four(1, b"\x08\0\0\0\0\x01\0\x01hidden"), Some(("icmp", b"hidden")));
    check(0x86dd, &six(58, b"\x80\0\0\0\0\x01\0\x01hidden"), Some(("icmp6", b"hidden")));
    check(0x86dd, &six(58, b"\x87\0\0\0\0\0\0\0"), None);
    check(0x0800, &four(47, b"gre"), Some(("tunnel", b"gre")));
    check(0x0800, &four(132, b"s"), Some(("sctp", b"s")));
    check(0x0800, &four(6, b"\0\x01\0\x02\0\0\0\0\0\0\0\0\x50\x02\0\0\0\0\0\0"), Some(("syn", b"")));
    check(0x0800, &four(6, b"\0\x01\0\x02\0\0\0\0\0\0\0\0\x50\x10\0\0\0\0\0\0"), None);
    check(0x0800, &four(17, b"x"), None);
    check(0x0806, b"arp", None);
}

proptest! {
    #[test]
    fn no_frame_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in proptest::sample::select(vec![0x0800_u16, 0x86dd, 0x0806])) {
        Packet::parse(&bytes);
        Packet::parse(&[&[0; 12][..], &kind.to_be_bytes(), &bytes].concat());
    }
}
