//! The one rule of the gateway: whatever port is asked for, the same listener answers, and still knows which.

use super::netlink::{ADD, CREATE, FILTER, Message, Socket};
use crate::error::{Failure, Step};

const TABLE: &str = "doors";
const CHAIN: &str = "every-port";

const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const BEGIN: u16 = 16;
const END: u16 = 17;
const SUBSYSTEM: u16 = 10;

/// IPv4 and IPv6 together.
const FAMILY: u8 = 1;
const BEFORE_ROUTING: u32 = 0;
/// Where mangling happens, after connections are known.
const PRIORITY: i32 = -150;

const REGISTER: u32 = 1;
const LAYER_4_PROTOCOL: u32 = 16;
const EQUAL: u32 = 0;

/// Has TCP and UDP of every port taken by the sockets at `port`, in the network namespace that this thread is in.
pub(super) fn take_every_port(port: u16) -> Result<(), Failure> {
    let mut socket = Socket::open(FILTER).step("speak to the gateway's filter")?;
    let mut things = vec![table(), chain()];
    things.extend([libc::IPPROTO_TCP, libc::IPPROTO_UDP].map(|protocol| rule(protocol as u8, port)));
    let mark = |kind| Message::new(kind, 0, &[0, 0, (SUBSYSTEM >> 8) as u8, SUBSYSTEM as u8]);
    socket.batch(mark(BEGIN), things, mark(END)).step("have the gateway take every port")
}

fn message(kind: u16, flags: u16) -> Message {
    Message::new(SUBSYSTEM << 8 | kind, flags, &[FAMILY, 0, 0, 0])
}

fn table() -> Message {
    message(NEW_TABLE, CREATE).text(1, TABLE)
}

fn chain() -> Message {
    let hook = |hook: Message| hook.with(1, &BEFORE_ROUTING.to_be_bytes()).with(2, &PRIORITY.to_be_bytes());
    message(NEW_CHAIN, CREATE).text(1, TABLE).text(3, CHAIN).nest(4, hook).text(7, "filter")
}

fn rule(protocol: u8, port: u16) -> Message {
    let number = |number: u32| number.to_be_bytes();
    message(NEW_RULE, ADD | 0x800).text(1, TABLE).text(2, CHAIN).nest(4, |list| {
        let list = expression(list, "meta", |data| {
            data.with(1, &number(REGISTER)).with(2, &number(LAYER_4_PROTOCOL))
        });
        let list = expression(list, "cmp", |data| {
            let data = data.with(1, &number(REGISTER)).with(2, &number(EQUAL));
            data.nest(3, |value| value.with(1, &[protocol]))
        });
        let list = expression(list, "immediate", |data| {
            data.with(1, &number(REGISTER)).nest(2, |value| value.with(1, &port.to_be_bytes()))
        });
        // Family 0 takes both; the address stays as it is.
        expression(list, "tproxy", |data| data.with(1, &number(0)).with(3, &number(REGISTER)))
    })
}

fn expression(list: Message, name: &str, data: impl FnOnce(Message) -> Message) -> Message {
    list.nest(1, |element| element.text(1, name).nest(2, data))
}
