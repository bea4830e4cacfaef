use crate::datagrams::take;
use crate::testing::{Bed, world};
use crate::{Shifted, World};
use std::sync::Arc;

fn check(shift: u64) {
    let offset = Arc::new(std::sync::atomic::AtomicU64::new(shift * 1_000_000_000));
    let bed = Bed::with(World { clock: Arc::new(Shifted(offset)), ..world() });
    let mut ask = vec![0x23];
    ask.extend([0; 39]);
    ask.extend(b"ORIGINAL");
    let answer =
        take("10.42.3.17:123".parse().unwrap(), "162.159.200.1:123".parse().unwrap(), &ask, &bed.shared)
            .unwrap();
    assert_eq!((answer.len(), answer[0] & 7, &answer[24..32]), (48, 4, &b"ORIGINAL"[..]));
    let told = u64::from(u32::from_be_bytes(answer[40..44].try_into().unwrap())) - super::BEFORE;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + shift;
    assert!(now.abs_diff(told) <= 2, "{now} {told}");
    bed.check("ntp: time asked");
}

#[test]
fn time_is_the_guests() {
    check(0);
    check(40 * 86_400);
}
