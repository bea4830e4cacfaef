//! One entry out of its header, its extended headers and its GNU long names, with every contradiction named.

use super::header::{self, Block, Fields, Magic};
use super::pax::Pax;
use crate::anomaly_log::AnomalyLog;
use crate::entry::normalize_into;
use crate::{AnomalyKind, Entry, Kind};

/// What extended headers before an entry say of it. Buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Extended {
    pub(crate) pax: Pax,
    pub(crate) long_name: LongName,
    pub(crate) long_link: LongName,
    /// Where the first of them starts.
    pub(crate) start: Option<u64>,
    /// A global header's records; parsed for what they would change elsewhere.
    pub(crate) global: Pax,
    name: Vec<u8>,
}

/// The content of a GNU `L` or `K` header.
#[derive(Debug, Default)]
pub(crate) struct LongName {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pending: bool,
}

impl LongName {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.pending = false;
    }

    fn text(&self) -> Option<&[u8]> {
        Some(header::text(&self.bytes)).filter(|text| self.pending && !text.is_empty())
    }
}

impl Extended {
    /// Whether a header waits for its entry.
    pub(crate) fn is_pending(&self) -> bool {
        self.pax.pending || self.long_name.pending || self.long_link.pending
    }

    /// Forgets what was for the last entry.
    pub(crate) fn clear(&mut self) {
        self.start = None;
        if self.is_pending() {
            self.pax.clear();
            self.long_name.clear();
            self.long_link.clear();
        }
    }
}

/// Longest path of any file system here, and longest component.
const PATH_MAX: usize = 4096;
const NAME_MAX: usize = 255;
/// The bits of a mode that name a type.
const FORMAT_BITS: i64 = 0o170000;

/// What the reader must know beyond the entry itself.
pub(crate) struct Built {
    /// The size that decides how many bytes of the archive are content. Negative is refused by runtimes.
    pub(crate) stored: i64,
    /// Whether the type can have content at all.
    pub(crate) has_content: bool,
}

/// The type of a header, as Go takes it before it looks at names.
pub(crate) fn kind(flag: u8) -> Kind {
    match flag {
        b'0' | 0 | b'7' | b'S' => Kind::File,
        b'1' => Kind::Hardlink,
        b'2' => Kind::Symlink,
        b'3' => Kind::Character,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => Kind::Unknown(other),
    }
}

/// Fills the entry. The path is raw afterwards until [`finish_path`] was called: sparse formats may still rename it.
pub(crate) fn build(
    block: &Block,
    fields: &Fields,
    extended: &mut Extended,
    entry: &mut Entry,
    offset: u64,
    log: &mut AnomalyLog,
) -> Built {
    let Extended { pax, long_name, long_link, name, .. } = extended;
    name.clear();
    let prefix = header::prefix(block, fields.magic);
    if !prefix.is_empty() {
        name.extend_from_slice(prefix);
        name.push(b'/');
    }
    name.extend_from_slice(header::name(block));
    let header_is_directory = name.ends_with(b"/");
    if let Some(path) = pax.path() {
        name.clear();
        name.extend_from_slice(path);
    }
    if let Some(long) = long_name.text() {
        name.clear();
        name.extend_from_slice(long);
    }
    let link = long_link.text().or(pax.link()).unwrap_or(header::link(block));

    entry.offset = offset;
    entry.kind = kind(fields.flag);
    let has_slash = name.ends_with(b"/");
    if fields.flag == 0 && has_slash {
        entry.kind = Kind::Directory;
    }
    entry.mode = (fields.mode & 0o7777) as u32;
    entry.uid = pax.uid.unwrap_or(fields.uid) as u64;
    entry.gid = pax.gid.unwrap_or(fields.gid) as u64;
    entry.mtime = pax.mtime.unwrap_or(fields.mtime);
    entry.device = match entry.kind {
        Kind::Character | Kind::Block => (device_number(fields.device.0), device_number(fields.device.1)),
        _ => (0, 0),
    };
    entry.link.clear();
    let link_climbs = match entry.kind {
        Kind::Hardlink => normalize_into(link, &mut entry.link),
        Kind::Symlink => {
            entry.link.extend_from_slice(link);
            false
        }
        _ => false,
    };
    entry.xattrs.truncate(0);
    entry.xattrs.extend(pax.xattrs().map(|(name, value)| (name.to_vec(), value.to_vec())));

    let mut note = |kind: AnomalyKind, detail: &str| log.note(kind, offset, name, || detail.to_owned());
    note_header(block, fields, &mut note);
    if link_climbs {
        note(AnomalyKind::ParentPath, "a hard link target with `..`");
    }
    if !prefix.is_empty() && header::name(block).is_empty() {
        note(AnomalyKind::AmbiguousName, "a prefix before an empty name");
    }
    if long_name.text().is_some() && pax.path().is_some() {
        note(AnomalyKind::ConflictingHeaders, "a GNU long name and a PAX path");
    }
    if long_link.text().is_some() && pax.link().is_some() {
        note(AnomalyKind::ConflictingHeaders, "a GNU long link and a PAX linkpath");
    }
    if !matches!(entry.kind, Kind::Hardlink | Kind::Symlink) && !link.is_empty() {
        note(AnomalyKind::HiddenName, "a link target on an entry that is no link");
    }
    note_type(fields, &entry.kind, has_slash, header_is_directory, &mut note);
    let stored = pax.size.unwrap_or(fields.size);
    if let Some(size) = pax.size
        && !is_size_agreed(size, fields.size)
    {
        log.note(AnomalyKind::ConflictingHeaders, offset, name, || {
            format!("the header says {} bytes, its extended header {size}", fields.size)
        });
    }
    let has_content = matches!(entry.kind, Kind::File | Kind::Unknown(_));
    if !has_content && stored > 0 {
        log.note(AnomalyKind::UnexpectedContent, offset, name, || {
            format!("{stored} bytes of content on an entry that has none; runtimes read none")
        });
    }
    entry.size = if has_content { u64::try_from(stored).unwrap_or(0) } else { 0 };
    Built { stored, has_content }
}

/// Brings the path into its normal form and names what is odd about it.
pub(crate) fn finish_path(
    extended: &mut Extended,
    sparse_name: bool,
    entry: &mut Entry,
    offset: u64,
    log: &mut AnomalyLog,
) {
    let Extended { pax, name, .. } = extended;
    if sparse_name && let Some(sparse_name) = pax.sparse_name() {
        // GNU tar names the file so that readers without sparse files keep it apart.
        if pax.path().is_some_and(|path| path != sparse_name && !is_placeholder(path)) {
            log.note(AnomalyKind::ConflictingHeaders, offset, sparse_name, || {
                "a PAX path and another sparse name".to_owned()
            });
        }
        name.clear();
        name.extend_from_slice(sparse_name);
    }
    let climbed = normalize_into(name, &mut entry.path);
    let mut note = |kind: AnomalyKind, detail: &str| log.note(kind, offset, name, || detail.to_owned());
    if climbed {
        note(AnomalyKind::ParentPath, "");
    }
    if name.starts_with(b"/") {
        note(AnomalyKind::AbsolutePath, "");
    }
    if std::str::from_utf8(&entry.path).is_err() {
        note(AnomalyKind::NonUtf8Path, "");
    }
    if name.len() > PATH_MAX {
        note(AnomalyKind::LongPath, "a path over 4,096 bytes");
    } else if name.len() > NAME_MAX
        && entry.path.split(|&byte| byte == b'/').any(|part| part.len() > NAME_MAX)
    {
        note(AnomalyKind::LongPath, "a name over 255 bytes");
    }
}

fn note_header(block: &Block, fields: &Fields, note: &mut impl FnMut(AnomalyKind, &str)) {
    if let Some(odd) = fields.odd {
        note(AnomalyKind::OddNumber, odd);
    }
    if header::is_name_ambiguous(block, fields.magic) {
        note(AnomalyKind::AmbiguousName, "a prefix that readers take or leave by the header's magic");
    }
    if header::has_hidden_text(block, fields.magic) {
        note(AnomalyKind::HiddenName, "bytes after the NUL of a text field");
    }
    match fields.magic {
        Magic::V7 => note(AnomalyKind::OldFormat, "no ustar magic"),
        Magic::Ustar if !header::has_standard_version(block) => {
            note(AnomalyKind::OldFormat, "a ustar version that is not 00");
        }
        Magic::Star => note(AnomalyKind::OldFormat, "star"),
        Magic::Ustar | Magic::Gnu => {}
    }
    if let Some(place) = header::dirty_padding(block, fields) {
        note(AnomalyKind::DirtyPadding, &format!("from byte {place} of the header"));
    }
}

fn note_type(
    fields: &Fields,
    kind: &Kind,
    has_slash: bool,
    header_has_slash: bool,
    note: &mut impl FnMut(AnomalyKind, &str),
) {
    match fields.flag {
        b'0' | b'7' | b'S' if has_slash => {
            note(AnomalyKind::AmbiguousType, "a file whose name ends in a slash");
        }
        0 if has_slash || header_has_slash => {
            note(AnomalyKind::AmbiguousType, "no type, and a name that ends in a slash");
        }
        _ => {}
    }
    if matches!(kind, Kind::Unknown(_)) || matches!(fields.flag, b'7' | b'S') {
        let flag = model::escape_bytes(&[fields.flag]);
        note(AnomalyKind::UnknownType, &format!("type {flag}, which containerd and Docker refuse to unpack"));
    }
    let format = match kind {
        Kind::File => 0o100000,
        Kind::Symlink => 0o120000,
        Kind::Character => 0o020000,
        Kind::Block => 0o060000,
        Kind::Directory => 0o040000,
        Kind::Fifo => 0o010000,
        Kind::Hardlink | Kind::Unknown(_) => return,
    };
    if fields.mode & FORMAT_BITS != 0 && fields.mode & FORMAT_BITS != format {
        note(AnomalyKind::AmbiguousType, "the mode names another type than the header");
    }
}

/// A size over what eleven octal digits hold is in the extended header alone; the header then has zero or the
/// highest number. Otherwise both must say the same: a reader that prefers the other one reads other files.
fn is_size_agreed(extended: i64, header: i64) -> bool {
    const OCTAL_MAX: i64 = 0o77777777777;
    extended == header || extended > OCTAL_MAX && (header == 0 || header == OCTAL_MAX)
}

/// The directory that GNU tar puts sparse files in for readers that do not know them.
fn is_placeholder(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| part.starts_with(b"GNUSparseFile."))
}

fn device_number(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
