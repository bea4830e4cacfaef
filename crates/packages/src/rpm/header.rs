use super::{Fault, Order, span};
use crate::Promise;
use crate::claims::Claims;
use crate::part::{Database, Installed, Package, Reading};
use crate::text::{hex, word};

/// Reads a header as rpm stores it (RPM V4 package format, "Header"): two counts, an index of tags, their
/// data. In a database it has no magic; one exported with it is read too. The second value is false when the
/// file's allowance of paths is used up.
pub(super) fn read(offset: usize, bytes: &[u8], reading: &mut Reading) -> Result<(Installed, bool), Fault> {
    let header = Header::open(offset, bytes)?;
    let text = |tag| header.text(tag).map(word).unwrap_or_default();
    let name = text(Tag::Name);
    if name.is_empty() {
        return Err(Fault::new(offset, "a package without a name"));
    }
    let version = format!("{}-{}", text(Tag::Version), text(Tag::Release));
    let epoch = header.numbers(Tag::Epoch)?.and_then(|epoch| epoch.get(0));
    let package = Package {
        name,
        version: epoch.map_or(version.clone(), |epoch| format!("{epoch}:{version}")),
        architecture: text(Tag::Architecture),
        vendor: text(Tag::Vendor),
        database: Database::Rpm,
        removed: false,
    };
    let mut claims = Claims::default();
    let more = reading.admit(offset, &package) && header.files(&mut claims, reading)?;
    Ok((Installed { package, claims: claims.shrink() }, more))
}

/// The tags that are read, in the order of [`NUMBERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Name,
    Version,
    Release,
    Epoch,
    Vendor,
    Architecture,
    OldFileNames,
    FileStates,
    FileModes,
    FileDigests,
    FileLinks,
    FileFlags,
    FileVerify,
    DirIndexes,
    BaseNames,
    DirNames,
    DigestAlgorithm,
}

const NUMBERS: [u32; 17] =
    [1000, 1001, 1002, 1003, 1011, 1022, 1027, 1029, 1030, 1035, 1036, 1037, 1045, 1116, 1117, 1118, 5011];

/// Most names of folders in one header; each is held by a pointer.
const MAX_FOLDERS: usize = 1_000_000;

struct Header<'a> {
    offset: usize,
    data: &'a [u8],
    entries: [Option<Entry>; NUMBERS.len()],
}

#[derive(Clone, Copy)]
struct Entry {
    kind: u32,
    start: usize,
    count: usize,
}

/// Numbers of one tag, all of one width.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl Numbers<'_> {
    fn len(&self) -> usize {
        self.bytes.len() / self.width.max(1)
    }

    fn get(&self, index: usize) -> Option<u32> {
        let at = index.checked_mul(self.width)?;
        match self.width {
            1 => self.bytes.get(at).copied().map(u32::from),
            2 => Order::Big.u16(self.bytes, at).map(u32::from),
            _ => Order::Big.u32(self.bytes, at),
        }
    }
}

impl<'a> Header<'a> {
    fn open(offset: usize, bytes: &'a [u8]) -> Result<Self, Fault> {
        let cut = || Fault::new(offset, "a header whose counts do not fit its size");
        let bytes = bytes.strip_prefix(b"\x8e\xad\xe8\x01\0\0\0\0").unwrap_or(bytes);
        let count = Order::Big.size(bytes, 0).ok_or_else(cut)?;
        let size = Order::Big.size(bytes, 4).ok_or_else(cut)?;
        let index = count.checked_mul(16).and_then(|len| span(bytes, 8, len)).ok_or_else(cut)?;
        let data = bytes.get(index.len().saturating_add(8)..).unwrap_or_default();
        if data.len() != size {
            return Err(cut());
        }
        let mut entries = [None; NUMBERS.len()];
        for entry in index.chunks_exact(16) {
            let number = Order::Big.u32(entry, 0);
            let Some(slot) = NUMBERS.iter().position(|each| Some(*each) == number) else { continue };
            let field = |at| Order::Big.u32(entry, at).ok_or_else(cut);
            let (kind, start, count) = (field(4)?, field(8)? as usize, field(12)? as usize);
            // What was added at installation lies behind what was signed, and rpm lets it win.
            if let Some(slot) = entries.get_mut(slot) {
                *slot = Some(Entry { kind, start, count });
            }
        }
        Ok(Self { offset, data, entries })
    }

    fn entry(&self, tag: Tag) -> Option<Entry> {
        self.entries.get(tag as usize).copied().flatten()
    }

    fn fault(&self, reason: &'static str) -> Fault {
        Fault::new(self.offset, reason)
    }

    fn text(&self, tag: Tag) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        // A string, a list of strings or a string in several languages: the first is meant.
        matches!(entry.kind, 6 | 8 | 9).then(|| strings(self.data.get(entry.start..)?).next()).flatten()
    }

    fn numbers(&self, tag: Tag) -> Result<Option<Numbers<'a>>, Fault> {
        let Some(entry) = self.entry(tag) else { return Ok(None) };
        let width = match entry.kind {
            1 | 2 => 1,
            3 => 2,
            4 => 4,
            _ => return Err(self.fault("a list of numbers of another type")),
        };
        let bytes = entry.count.checked_mul(width).and_then(|len| span(self.data, entry.start, len));
        bytes
            .map(|bytes| Some(Numbers { bytes, width }))
            .ok_or(self.fault("a list of numbers beyond the header's end"))
    }

    /// The list of strings of a tag with its length.
    fn list(&self, tag: Tag) -> Result<Option<(impl Iterator<Item = &'a [u8]> + use<'a>, usize)>, Fault> {
        let Some(entry) = self.entry(tag) else { return Ok(None) };
        if !matches!(entry.kind, 6 | 8) {
            return Err(self.fault("a list of names of another type"));
        }
        // A string needs a byte at least, so a larger count is a lie.
        match self.data.get(entry.start..) {
            Some(bytes) if entry.count <= bytes.len() => Ok(Some((strings(bytes), entry.count))),
            _ => Err(self.fault("a list of names beyond the header's end")),
        }
    }

    /// Claims the package's files. False when the file's allowance is used up.
    fn files(&self, claims: &mut Claims, reading: &mut Reading) -> Result<bool, Fault> {
        let cut = || self.fault("lists of a package's files that end too early");
        let (old, names) = (self.list(Tag::OldFileNames)?, self.list(Tag::BaseNames)?);
        let folders = self.folders()?;
        let indexes = self.numbers(Tag::DirIndexes)?;
        let (is_old, mut names, count) = match (old, names) {
            (_, Some((names, count))) => (false, Some(names), count),
            (Some((names, count)), None) => (true, Some(names), count),
            (None, None) => (true, None, 0),
        };
        let about = About::open(self, count)?;
        let (mut digests, mut links) =
            (self.parallel(Tag::FileDigests, count)?, self.parallel(Tag::FileLinks, count)?);
        for file in 0..count {
            let name = names.as_mut().and_then(Iterator::next).ok_or_else(cut)?;
            let digest = digests.as_mut().map(|all| all.next().ok_or_else(cut)).transpose()?;
            let link = links.as_mut().map(|all| all.next().ok_or_else(cut)).transpose()?;
            let folder = if is_old {
                b"".as_slice()
            } else {
                let index = indexes.and_then(|all| all.get(file)).ok_or_else(cut)?;
                folders
                    .get(index as usize)
                    .copied()
                    .ok_or(self.fault("a file in a folder that is not listed"))?
            };
            let Some(promise) = about.promise(file, digest, link) else { continue };
            let promise = promise.unwrap_or_else(|| {
                reading.skip(self.offset, "a file's digest that is not of its algorithm's length");
                Promise::None
            });
            if !reading.take(self.offset, claims, &[folder, name], promise, about.is_config(file)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn folders(&self) -> Result<Vec<&'a [u8]>, Fault> {
        match self.list(Tag::DirNames)? {
            None => Ok(Vec::new()),
            Some((_, count)) if count > MAX_FOLDERS => Err(self.fault("more than 1,000,000 folders")),
            Some((names, count)) => Ok(names.take(count).collect()),
        }
    }

    /// A list that runs beside that of the files.
    fn parallel(
        &self,
        tag: Tag,
        files: usize,
    ) -> Result<Option<impl Iterator<Item = &'a [u8]> + use<'a>>, Fault> {
        match self.list(tag)? {
            Some((_, count)) if count != files => {
                Err(self.fault("lists of a package's files of different lengths"))
            }
            other => Ok(other.map(|(list, _)| list)),
        }
    }
}

/// What the numbers beside the file list say.
struct About<'a> {
    states: Option<Numbers<'a>>,
    modes: Option<Numbers<'a>>,
    flags: Option<Numbers<'a>>,
    verify: Option<Numbers<'a>>,
    algorithm: u32,
}

const FLAG_CONFIG: u32 = 1;
const FLAG_GHOST: u32 = 1 << 6;
const VERIFY_DIGEST: u32 = 1;
const VERIFY_LINK: u32 = 1 << 2;

impl<'a> About<'a> {
    fn open(header: &Header<'a>, files: usize) -> Result<Self, Fault> {
        let parallel = |tag| match header.numbers(tag)? {
            Some(numbers) if numbers.len() != files => {
                Err(header.fault("lists of a package's files of different lengths"))
            }
            numbers => Ok(numbers),
        };
        Ok(Self {
            states: parallel(Tag::FileStates)?,
            modes: parallel(Tag::FileModes)?,
            flags: parallel(Tag::FileFlags)?,
            verify: parallel(Tag::FileVerify)?,
            // Headers from before there was a choice name none and mean MD5.
            algorithm: header.numbers(Tag::DigestAlgorithm)?.and_then(|all| all.get(0)).unwrap_or(1),
        })
    }

    fn is_config(&self, file: usize) -> bool {
        self.flags.and_then(|all| all.get(file)).is_some_and(|flags| flags & FLAG_CONFIG != 0)
    }

    /// What the package promises about a file. Outer none: it does not claim the path. Inner none: the digest
    /// is damaged.
    fn promise<'p>(
        &self,
        file: usize,
        digest: Option<&'p [u8]>,
        link: Option<&'p [u8]>,
    ) -> Option<Option<Promise<'p>>> {
        let number = |list: &Option<Numbers<'_>>| list.and_then(|all| all.get(file));
        // Replaced by another package's, left out at installation, or of the other architecture: what lies
        // there did not come from this package. 255 stands for a state that was never recorded.
        if number(&self.states).is_some_and(|state| !matches!(state, 0 | 255)) {
            return None;
        }
        let verify = number(&self.verify).unwrap_or(u32::MAX);
        let is_ghost = number(&self.flags).is_some_and(|flags| flags & FLAG_GHOST != 0);
        match number(&self.modes).map(|mode| mode & 0o170_000) {
            Some(0o040_000) => None,
            _ if is_ghost => Some(Some(Promise::None)),
            Some(0o120_000) if verify & VERIFY_LINK != 0 => {
                Some(Some(link.map_or(Promise::None, Promise::Symlink)))
            }
            Some(0o100_000) | None if verify & VERIFY_DIGEST != 0 => Some(self.digest(digest)),
            _ => Some(Some(Promise::None)),
        }
    }

    fn digest<'p>(&self, text: Option<&[u8]>) -> Option<Promise<'p>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Some(Promise::None) };
        match self.algorithm {
            1 => hex(text).map(Promise::Md5),
            2 => hex(text).map(Promise::Sha1),
            8 => hex(text).map(Promise::Sha256),
            _ => Some(Promise::None),
        }
    }
}

/// The strings that lie in a row, each ended by NUL. What has no end is none.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (string, after) = rest.split_at_checked(memchr::memchr(0, rest)?)?;
        rest = after.get(1..)?;
        Some(string)
    })
}
