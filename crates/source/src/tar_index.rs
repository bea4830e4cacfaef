use crate::content::FileSlice;
use crate::error::Error;
use crate::options::Options;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// What lies where in an archive of images. Nothing is extracted: names are keys of a map and never reach a
/// file system.
///
/// The reader is strict where readers of archives differ. A member that is asked for and stands twice in the
/// archive is refused, as one loader takes the first and another the last.
#[derive(Debug)]
pub(crate) struct TarIndex {
    file: Arc<File>,
    shown: String,
    members: HashMap<Vec<u8>, Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    File {
        offset: u64,
        length: u64,
    },
    /// A symbolic or hard link, to a name from the root of the archive.
    Link(Vec<u8>),
    /// A directory or a device: nothing that has bytes.
    Other,
    /// A name with two contents.
    Twice,
}

const BLOCK: u64 = 512;
/// The longest name or set of extended attributes that is read.
const MAX_EXTENSION: u64 = 1 << 20;
/// Names of all members together.
const MAX_NAMES: usize = 16 << 20;
const MAX_LINKS: usize = 8;

impl TarIndex {
    /// Opens an archive and lists it. One that is compressed with gzip is first inflated into an unnamed
    /// temporary file.
    ///
    /// # Errors
    /// Where it cannot be read, is no tar archive, or passes a limit.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let file = open_regular(path)?;
        let shown = crate::content::show(path);
        let mut magic = [0; 6];
        let got = file.read_at(&mut magic, 0).map_err(|source| Error::io(path, source))?;
        let file = match magic.get(..got).unwrap_or_default() {
            [0x1f, 0x8b, ..] => spool(&mut flate2::read::MultiGzDecoder::new(&file), &shown, options)?,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', b'Z', 0] | [b'B', b'Z', b'h', ..] => {
                return Err(Error::refused(
                    shown,
                    "it is compressed with something else than gzip; decompress it first",
                ));
            }
            _ => file,
        };
        Self::list(file, shown, options.limits.members)
    }

    /// Lists an archive that is an open file.
    pub(crate) fn list(file: File, shown: String, limit: usize) -> Result<Self, Error> {
        let mut index = Self { file: Arc::new(file), shown, members: HashMap::new() };
        let end = index.file.metadata().map_err(|source| Error::io(&index.shown, source))?.len();
        let mut reader = Reader { file: &index.file, at: 0, end };
        let mut names = 0;
        while let Some((name, member)) = reader.next().map_err(|why| {
            let why = format!("at byte {} {why}; it is no tar archive, or a damaged one", reader.at);
            Error::refused(&index.shown, why)
        })? {
            names += name.len();
            if index.members.len() >= limit || names > MAX_NAMES {
                return Err(Error::refused(&index.shown, format!("it has more than {limit} members")));
            }
            index
                .members
                .entry(name)
                .and_modify(|earlier| {
                    if *earlier != Member::Other || member != Member::Other {
                        *earlier = Member::Twice;
                    }
                })
                .or_insert(member);
        }
        Ok(index)
    }

    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.members.contains_key(name)
    }

    /// The archive's name for messages. Escaped.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The bytes of a member; links inside the archive are followed, as old versions of `docker save` write
    /// a layer that two images share once and link to it.
    ///
    /// # Errors
    /// Where there is none of this name, or two, or it is no file.
    pub(crate) fn get(&self, name: &[u8]) -> Result<FileSlice, Error> {
        let shown = model::escape_bytes(name);
        let what = || format!("{shown} in {}", self.shown);
        let mut name = normal(name);
        for _ in 0..MAX_LINKS {
            match self.members.get(&name) {
                Some(Member::File { offset, length }) => {
                    return Ok(FileSlice { file: Arc::clone(&self.file), offset: *offset, length: *length });
                }
                Some(Member::Link(target)) => name.clone_from(target),
                Some(Member::Twice) => {
                    return Err(Error::refused(
                        what(),
                        "it is there twice, and loaders differ over which one holds",
                    ));
                }
                Some(Member::Other) => return Err(Error::refused(what(), "it is no regular file")),
                None => return Err(Error::missing(what(), "the archive is incomplete; write it again")),
            }
        }
        Err(Error::refused(what(), "it is a link to a link, too often"))
    }
}

/// Opens a regular file without waiting for a pipe that nobody writes to.
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let open = std::fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let file = open.map_err(|source| Error::io(path, source))?;
    match file.metadata().map_err(|source| Error::io(path, source))?.is_file() {
        true => Ok(file),
        false => Err(Error::refused(crate::content::show(path), "it is no regular file")),
    }
}

/// Writes a stream to an unnamed temporary file, within the limit.
pub(crate) fn spool(stream: &mut dyn Read, what: &str, options: &Options) -> Result<File, Error> {
    let failed = |source| Error::Io { path: what.to_owned(), source };
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut buffer = vec![0; 256 << 10];
    let mut left = options.limits.temporary;
    loop {
        if options.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let read = stream.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        left = left
            .checked_sub(read as u64)
            .ok_or_else(|| Error::TooLarge { what: what.to_owned(), limit: options.limits.temporary })?;
        file.write_all(buffer.get(..read).unwrap_or_default()).map_err(failed)?;
    }
    file.rewind().map_err(failed)?;
    Ok(file)
}

struct Reader<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

/// What extended headers say of the member that follows them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Member)>, String> {
        let mut extension = Extension::default();
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                // One block of zeros and the end of the file is what some writers leave.
                return Ok(None);
            }
            if !checksum_holds(&block) {
                return Err("a header has a wrong checksum".to_owned());
            }
            let kind = field(&block, 156, 1).first().copied().unwrap_or(0);
            let size = number(field(&block, 124, 12)).ok_or("a size is no number")?;
            match kind {
                b'L' => extension.path = Some(self.extension(size)?),
                b'K' => extension.link = Some(self.extension(size)?),
                b'x' => {
                    let records = self.extension(size)?;
                    pax(&records, &mut extension)?;
                }
                b'g' => {
                    let mut global = Extension::default();
                    let records = self.extension(size)?;
                    pax(&records, &mut global)?;
                    if global.path.is_some() || global.link.is_some() || global.size.is_some() {
                        return Err("a global header names all members alike".to_owned());
                    }
                }
                _ => return self.member(&block, kind, extension.size.unwrap_or(size), extension).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        block: &[u8; 512],
        kind: u8,
        size: u64,
        extension: Extension,
    ) -> Result<(Vec<u8>, Member), String> {
        let name = normal(&extension.path.map_or_else(|| ustar_name(block), until_nul));
        let target = extension.link.map_or_else(|| until_nul(field(block, 157, 100).to_vec()), until_nul);
        let has_bytes = matches!(kind, b'0' | 0 | b'7' | b'S');
        // The sizes of links and directories are not followed by bytes, whatever they say.
        let length = if matches!(kind, b'1'..=b'6') { 0 } else { size };
        let offset = self.at;
        self.skip(length)?;
        let member = match kind {
            b'1' => Member::Link(normal(&target)),
            b'2' => {
                let parent = name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
                let mut path = match target.first() {
                    Some(b'/') => Vec::new(),
                    _ => name.get(..parent).unwrap_or_default().to_vec(),
                };
                path.extend_from_slice(&target);
                Member::Link(resolved(&path))
            }
            _ if has_bytes && !extension.sparse && kind != b'S' => Member::File { offset, length },
            _ => Member::Other,
        };
        Ok((name, member))
    }

    fn block(&mut self) -> Result<[u8; 512], String> {
        let mut block = [0; BLOCK as usize];
        self.file
            .read_exact_at(&mut block, self.at)
            .map_err(|_| "the archive ends without its end marker")?;
        self.at = self.at.saturating_add(BLOCK);
        Ok(block)
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, String> {
        if size > MAX_EXTENSION {
            return Err(format!("an extended header of {size} bytes is beyond any sense"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, self.at).map_err(|_| "an extended header is cut off")?;
        self.skip(size)?;
        Ok(bytes)
    }

    fn skip(&mut self, size: u64) -> Result<(), String> {
        let padded = size.checked_next_multiple_of(BLOCK).and_then(|size| self.at.checked_add(size));
        // The padding of the last member may be missing; its bytes may not.
        match (self.at.checked_add(size), padded) {
            (Some(last), Some(padded)) if last <= self.end => {
                self.at = padded;
                Ok(())
            }
            _ => Err("a member is cut off".to_owned()),
        }
    }
}

fn field(block: &[u8; 512], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

fn checksum_holds(block: &[u8; 512]) -> bool {
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(*byte) })
        .sum();
    number(field(block, 148, 8)) == Some(sum)
}

/// Octal digits between spaces, or GNU's base 256.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first @ (0x80 | 0xff), rest)) = field.split_first().map(|(first, rest)| (*first, rest)) {
        if first == 0xff {
            return None;
        }
        return rest
            .iter()
            .try_fold(0u64, |value, byte| (value <= u64::MAX >> 8).then(|| value << 8 | u64::from(*byte)));
    }
    let text = field.split(|byte| *byte == 0).next()?.trim_ascii();
    text.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

fn ustar_name(block: &[u8; 512]) -> Vec<u8> {
    let name = until_nul(field(block, 0, 100).to_vec());
    let prefix = until_nul(field(block, 345, 155).to_vec());
    if field(block, 257, 6) == b"ustar\0" && !prefix.is_empty() { [prefix, name].join(&b'/') } else { name }
}

/// Reads `length key=value\n` records.
fn pax(mut records: &[u8], extension: &mut Extension) -> Result<(), String> {
    let broken = || "an extended header is malformed".to_owned();
    while !records.is_empty() && records != b"\0" {
        let space = records.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let digits =
            records.get(..space).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(broken)?;
        let length: usize = digits.parse().map_err(|_| broken())?;
        let record = records.get(space + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        let (key, value) =
            (record.get(..equals).unwrap_or_default(), record.get(equals + 1..).unwrap_or_default());
        match key {
            b"path" => extension.path = Some(value.to_vec()),
            b"linkpath" => extension.link = Some(value.to_vec()),
            b"size" => {
                let text = std::str::from_utf8(value).map_err(|_| broken())?;
                extension.size = Some(text.parse().map_err(|_| broken())?);
            }
            _ if key.starts_with(b"GNU.sparse.") => extension.sparse = true,
            _ => {}
        }
        records = records.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// A name without leading, doubled and trailing slashes and without `.` components. `..` stays, and so never
/// matches a name that is looked for.
fn normal(name: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> =
        name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    parts.join(&b'/')
}

/// The same with `..` taken back, for the targets of links. One that leaves the archive leads nowhere.
fn resolved(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        if part == b".." {
            if parts.pop().is_none() {
                return b"..".to_vec();
            }
        } else {
            parts.push(part);
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(members: &[(&str, tar::EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, link, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            if link.is_empty() {
                builder.append_data(&mut header, name, *bytes).unwrap();
            } else {
                builder.append_link(&mut header, name, link).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn list(bytes: &[u8]) -> Result<TarIndex, Error> {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        TarIndex::list(file, "archive".to_owned(), 100)
    }

    fn check(index: &TarIndex, name: &str, expect: Result<&str, &str>) {
        let read = index.get(name.as_bytes()).map(|mut slice| {
            let mut text = String::new();
            slice.read_to_string(&mut text).unwrap();
            text
        });
        match (read, expect) {
            (Ok(text), Ok(expect)) => assert_eq!(text, expect, "{name}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (read, _) => panic!("{name}: {read:?}"),
        }
    }

    #[test]
    fn members_are_found_by_name() {
        use tar::EntryType as T;
        let long = "d/".repeat(120) + "long";
        let index = list(&archive(&[
            ("manifest.json", T::Regular, "", b"[]"),
            ("./a/layer.tar", T::Regular, "", b"layer"),
            ("b/layer.tar", T::Symlink, "../a/layer.tar", b""),
            ("c/layer.tar", T::Link, "a/layer.tar", b""),
            ("loop", T::Symlink, "loop", b""),
            ("out", T::Symlink, "../../etc/passwd", b""),
            ("twice", T::Regular, "", b"1"),
            ("twice", T::Regular, "", b"2"),
            ("a", T::Directory, "", b""),
            ("a", T::Directory, "", b""),
            (&long, T::Regular, "", b"deep"),
        ]))
        .unwrap();
        check(&index, "manifest.json", Ok("[]"));
        check(&index, "a/layer.tar", Ok("layer"));
        check(&index, "b/layer.tar", Ok("layer"));
        check(&index, "c/layer.tar", Ok("layer"));
        check(&index, &long, Ok("deep"));
        check(&index, "loop", Err("too often"));
        check(&index, "out", Err("is not there"));
        check(&index, "twice", Err("twice"));
        check(&index, "a", Err("no regular file"));
        check(&index, "../a/layer.tar", Err("is not there"));
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let whole = archive(&[("a", tar::EntryType::Regular, "", &[7; 2000])]);
        assert!(list(&whole).is_ok());
        for cut in [0, 100, 512, 1500, 2511, 2560] {
            assert!(list(&whole[..cut]).is_err(), "{cut}");
        }
        let mut bent = whole.clone();
        bent[0] ^= 1;
        assert!(list(&bent).unwrap_err().to_string().contains("checksum"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_index(at in 0usize..1024, byte: u8, more in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let mut bytes = archive(&[("a", tar::EntryType::Regular, "", b"x")]);
            bytes[at] = byte;
            let _ = list(&bytes);
            let _ = list(&more);
        }

        #[test]
        fn no_records_break_the_pax_reader(records in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = pax(&records, &mut Extension::default());
        }
    }
}
