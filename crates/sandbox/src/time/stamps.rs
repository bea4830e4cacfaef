//! Times of files: the kernel writes the host's, and the guest is shown what its own clock had at that moment.

use super::SECOND;

/// The most jumps that are remembered one by one. When there are more, every other of the old ones is forgotten.
const MOST_JUMPS: usize = 65_536;

/// How a structure with times is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Stat,
    Statx,
}

impl Layout {
    /// Where its times stand.
    pub(crate) fn offsets(self) -> &'static [u64] {
        match self {
            Self::Stat => &[72, 88, 104],
            Self::Statx => &[64, 80, 96, 112],
        }
    }
}

/// When the clock jumped.
#[derive(Debug)]
pub(super) struct Stamps {
    began: i128,
    /// Host's calendar at a jump, and all that was skipped up to it.
    jumps: Vec<(i128, u64)>,
}

impl Stamps {
    pub(super) fn begin(began: i128) -> Self {
        // The kernel stamps files with the time of its last tick.
        Self { began: began - 10_000_000, jumps: Vec::new() }
    }

    pub(super) fn jumped(&mut self, at: i128, skipped: u64) {
        if self.jumps.len() >= MOST_JUMPS {
            let mut index = 0;
            self.jumps.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
        self.jumps.push((at, skipped));
    }

    pub(super) fn shift(
        &self,
        stamp: [u8; 16],
        layout: Layout,
        calendar: i64,
        now: i128,
    ) -> Option<[u8; 16]> {
        let (seconds, fraction) = (stamp.first_chunk()?, stamp.last_chunk::<8>()?);
        let seconds = i64::from_le_bytes(*seconds);
        let fraction = match layout {
            Layout::Stat => u64::from_le_bytes(*fraction),
            Layout::Statx => u64::from(u32::from_le_bytes(*fraction.first_chunk()?)),
        };
        let time = i128::from(seconds) * i128::from(SECOND) + i128::from(fraction);
        // What is older is the image's. What lies in the host's future was set by the guest, in its own time.
        if time < self.began || time > now {
            return None;
        }
        let before = self.jumps.partition_point(|(at, _)| *at <= time);
        let skipped = before.checked_sub(1).and_then(|last| self.jumps.get(last)).map_or(0, |jump| jump.1);
        let shifted = time + i128::from(skipped) + i128::from(calendar);
        let seconds = i64::try_from(shifted.div_euclid(i128::from(SECOND))).ok()?;
        let fraction = u64::try_from(shifted.rem_euclid(i128::from(SECOND))).ok()?;
        let mut bytes = [0; 16];
        bytes.first_chunk_mut::<8>()?.copy_from_slice(&seconds.to_le_bytes());
        bytes.last_chunk_mut::<8>()?.copy_from_slice(&fraction.to_le_bytes());
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_time_that_the_guest_had() {
        let second = i128::from(SECOND);
        let mut stamps = Stamps::begin(1000 * second);
        stamps.jumped(1010 * second, 3600 * SECOND);
        stamps.jumped(1020 * second, 7200 * SECOND);
        let check = |seconds: i64, calendar: i64, expect: Option<i64>| {
            let mut stamp = [0; 16];
            stamp[..8].copy_from_slice(&seconds.to_le_bytes());
            let shifted = stamps.shift(stamp, Layout::Stat, calendar, 1100 * second);
            assert_eq!(shifted.map(|bytes| i64::from_le_bytes(bytes[..8].try_into().unwrap())), expect);
        };
        check(999, 0, None);
        check(1005, 0, Some(1005));
        check(1010, 0, Some(4610));
        check(1019, 0, Some(4619));
        check(1050, 0, Some(8250));
        check(1050, -50_000_000_000, Some(8200));
        check(1101, 0, None);
        for index in 0..2 * MOST_JUMPS as i128 {
            stamps.jumped(2000 * second + index, 7200 * SECOND);
        }
        assert!(stamps.jumps.len() <= MOST_JUMPS);
    }
}
