//! What holds for every reader of files, whatever the bytes. The fuzz targets ask the same.

use inspect::analyzers::indicators::Listed;
use inspect::{Fact, FactSink, FileAnalyzer, FileView, Part, Want, decode};
use layers::{Entry, Kind};

/// Places at which files are read for what their place says, of each kind one.
pub(crate) const PLACES: &[&str] = &[
    "srv/a.py",
    "srv/a.sh",
    "srv/a.js",
    "srv/a.pl",
    "srv/a.php",
    "srv/a.rb",
    "srv/a.lua",
    "srv/a",
    "srv/a.json",
    "srv/a.png",
    "srv/a.a",
    "usr/bin/a",
    "etc/ld.so.preload",
    "etc/crontab",
    "etc/cron.d/a",
    "etc/profile.d/a.sh",
    "etc/inittab",
    "etc/hosts",
    "etc/rc.local",
    "etc/supervisor/conf.d/a.conf",
    "etc/pam.d/login",
    "etc/udev/rules.d/a.rules",
    "etc/modprobe.d/a.conf",
    "etc/binfmt.d/a.conf",
    "etc/gitconfig",
    "etc/sudoers",
    "etc/systemd/system/a.service",
    "var/spool/cron/crontabs/root",
    "var/spool/cron/atjobs/a",
    "root/.bashrc",
    "root/.ssh/authorized_keys",
    "usr/lib/python3/site-packages/a.pth",
    "usr/lib/python3/site-packages/sitecustomize.py",
    "srv/package.json",
    "srv/binding.gyp",
    "srv/a.dist-info/RECORD",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/a.sources",
    "etc/apt/apt.conf.d/a",
    "etc/yum.repos.d/a.repo",
    "etc/pip.conf",
    "lib/apk/db/scripts.tar",
    "lib/apk/db/scripts.tar.gz",
    "lib/apk/db/installed",
    "var/lib/dpkg/info/a.postinst",
    "var/lib/dpkg/info/a.list",
    "var/lib/dpkg/info/a.md5sums",
    "var/lib/dpkg/status",
    "var/lib/dpkg/diversions",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
    "root/.netrc",
    "root/.docker/config.json",
    "root/.kube/config",
    "srv/.env",
];

/// What may be kept of one file of a megabyte or less, and of what is decoded out of it.
const MOST: usize = 24 << 20;

/// Every reader ends on these bytes, says the same again, and keeps little.
pub(crate) fn check(path: &str, bytes: &[u8]) {
    let entry = Entry {
        path: path.into(),
        kind: Kind::File,
        mode: 0o755,
        size: bytes.len() as u64,
        ..Entry::default()
    };
    let first = learn(&entry, bytes);
    let kept = format!("{first:?}").len();
    assert!(kept <= MOST, "{path}: {kept} bytes are kept of {}", bytes.len());
    assert_eq!(first, learn(&entry, bytes), "{path}: the same bytes teach something else");
    for analyzer in readers() {
        if let Some(mut search) = analyzer.search(&entry, head(bytes)) {
            for part in bytes.chunks(1000) {
                search.look(&Part { bytes: part, line: 1, seam: false });
            }
            let _ = search.finish(&view(&entry, bytes, &[]), &mut FactSink::default());
        }
    }
}

fn learn(entry: &Entry, bytes: &[u8]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let decoded = decode::stages(bytes);
    for analyzer in readers() {
        look(analyzer, &view(entry, bytes, &[]), &mut facts);
        for (stage, number) in decoded.stages.iter().zip(1..).filter(|_| analyzer.reads_stages()) {
            look(analyzer, &view(entry, &stage.bytes, &decoded.path(number)), &mut facts);
        }
    }
    facts
}

fn readers() -> impl Iterator<Item = &'static dyn FileAnalyzer> {
    inspect::file_analyzers().iter().copied().chain([&Listed as &dyn FileAnalyzer])
}

fn look(analyzer: &dyn FileAnalyzer, file: &FileView<'_>, facts: &mut Vec<Fact>) {
    if analyzer.wants(file.entry, head(file.bytes)) != Want::Nothing {
        let mut sink = FactSink::default();
        let _ = analyzer.analyze(file, &mut sink);
        facts.extend(sink.into_facts());
    }
}

fn view<'a>(entry: &'a Entry, bytes: &'a [u8], stages: &'a [decode::Step]) -> FileView<'a> {
    FileView { entry, bytes, whole: true, stages, signs: inspect::Signs::of(bytes) }
}

fn head(bytes: &[u8]) -> &[u8] {
    bytes.get(..4 << 10).unwrap_or(bytes)
}

/// A program whose header is right and has the counts that the input asks for, so that chance spends itself on what lies
/// behind: tables, symbols, and the chain of blocks of a packer.
pub(crate) fn program(bytes: &[u8]) -> Vec<u8> {
    let choice = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let (segments, sections) = (u16::from(choice(0) % 12), u16::from(choice(1) % 12));
    let wide = choice(2) % 4 != 0;
    let little = choice(3) % 4 != 0;
    let (header, segment, section) = if wide { (64_u16, 56_u16, 64_u16) } else { (52, 32, 40) };
    let mut file = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 2 - u8::from(little), 1];
    file.resize(16, 0);
    let half = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let full = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let word = |value: u32| match (wide, little) {
        (true, true) => u64::from(value).to_le_bytes().to_vec(),
        (true, false) => u64::from(value).to_be_bytes().to_vec(),
        (false, _) => full(value).to_vec(),
    };
    file.extend([half(2 + u16::from(choice(4) % 2)), half(62)].concat());
    file.extend(full(1));
    file.extend(word(u32::from(choice(5)) * 16));
    file.extend(word(u32::from(header)));
    file.extend(word(u32::from(header + segments * segment)));
    file.extend(full(0));
    for value in [header, segment, segments, section, sections, 0] {
        file.extend(half(value));
    }
    if choice(6) % 2 == 0 {
        // Where the chain of a packed program begins, right behind the headers.
        file.extend_from_slice(
            bytes.get(8..).unwrap_or_default().get(..usize::from(segments * segment)).unwrap_or_default(),
        );
        file.resize(usize::from(header + segments * segment), 0);
        file.extend(*b"\0\0\0\0UPX!\0\0\0\0");
        file.extend([full(0), full(4096), full(4096)].concat());
        let packed = u32::from(choice(7)) + 8;
        file.extend([full(packed * 4), full(packed)].concat());
        file.extend([2 + choice(8) % 13, 0, 0, 0]);
    }
    file.extend_from_slice(bytes.get(8..).unwrap_or_default());
    file
}
