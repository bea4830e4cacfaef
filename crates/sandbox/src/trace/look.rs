//! Calls that ask about a file. Most are of no interest; all show times, which follow the guest's clock.

use super::calls::Entry;
use super::kernel::Call;
use super::task::Later;
use super::{Next, Tracer, arch, kernel, memory};
use crate::time::Layout;
use events::{Act, FileAct, FileOp, Source, bounded};

/// Parts of paths that tell what is looked for: keys, tokens, sockets of container engines, signs of a sandbox.
const PLACES: &[&[u8]] = &[
    b"/.dockerenv",
    b"docker.sock",
    b"containerd.sock",
    b"crio.sock",
    b"serviceaccount",
    b"/.aws",
    b"/.ssh",
    b"/.kube",
    b"/.docker",
    b"/.gnupg",
    b"/.azure",
    b"/.config/gcloud",
    b"/proc/",
    b"/sys/",
    b"/.npmrc",
    b"/.git-credentials",
    b"/.netrc",
    b"wallet",
    b"/host",
    b"/mnt/",
    b"vbox",
    b"vmware",
    b"qemu",
    b"/xmrig",
];

impl Tracer {
    pub(super) fn look_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        let [a, b, c, _, e, _] = call.arguments;
        let here = libc::AT_FDCWD as u64;
        // Whom it asks about, where the answer goes, and in which form.
        let ((directory, address), answer) = match entry.number {
            libc::SYS_stat | libc::SYS_lstat => ((here, a), Some((b, Layout::Stat))),
            libc::SYS_newfstatat => ((a, b), Some((c, Layout::Stat))),
            libc::SYS_statx => ((a, b), Some((e, Layout::Statx))),
            libc::SYS_access => ((here, a), None),
            _ => ((a, b), None),
        };
        let stamps = answer
            .filter(|_| self.time.stamps_differ())
            .map(|(address, layout)| Later::Stamps { address, layout });
        if let Ok(text) = memory::text(tid, address)
            && !text.is_empty()
            && (self.origins.is_planted(&text) || PLACES.iter().any(|place| contains(&text, place)))
        {
            // The result is not waited for: what was looked for says more than whether it is there.
            let path = self.absolute(tid, directory as i32, &text);
            let origin = self.origins.named(&path);
            let process = self.tasks.process(tid);
            let act = FileAct { process, op: FileOp::Look, path: bounded(&path), origin, result: 0 };
            match stamps {
                None => return Next::Later(Box::new(Later::File(act))),
                Some(_) => self.tell(Source::Call, Act::File(act)),
            }
        }
        stamps.map_or(Next::On, |stamps| Next::Later(Box::new(stamps)))
    }

    /// Shows times of files as the guest's clock had them.
    pub(super) fn shift_stamps(&mut self, tid: i32, address: u64, layout: Layout, result: i64) {
        if result != 0 {
            return;
        }
        for offset in layout.offsets() {
            let at = address.wrapping_add(*offset);
            let Ok(stamp) = memory::array::<16>(tid, at) else { return };
            if let Some(shifted) = self.time.shift_stamp(stamp, layout) {
                kernel::write(tid, at, &shifted);
            }
        }
    }

    /// `sysinfo`: seconds since the machine started.
    pub(super) fn shift_uptime(&mut self, tid: i32, address: u64, result: i64) {
        if result == 0 {
            kernel::write(tid, address, &(self.time.uptime() / 1_000_000_000).to_le_bytes());
        }
    }

    /// `times`: hundredths of a second since some time in the past.
    pub(super) fn shift_ticks(&mut self, tid: i32, result: i64) {
        if result >= 0 {
            arch::set_result(tid, (self.time.uptime() / 10_000_000).cast_signed());
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
