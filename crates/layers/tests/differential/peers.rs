//! Other readers of archives, each as a list of what it sees.

use layers::{Kind, normalize_path};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One entry as a reader sees it, in terms that all readers have.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// Of files only; readers fill it differently elsewhere.
    pub(crate) size: u64,
    /// Of links only.
    pub(crate) link: Vec<u8>,
    /// Everything else that Go tells and others do not.
    pub(crate) rest: Option<String>,
    /// Length and hash of the first MiB of content, where it can be read.
    pub(crate) content: Option<(u64, String)>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, kind, size, link, rest, content } = self;
        let (path, link) = (model::escape_bytes(path), model::escape_bytes(link));
        write!(f, "{kind:?} {path} {size} -> {link} {rest:?} {content:?}")
    }
}

impl Seen {
    pub(crate) fn new(name: &[u8], flag: u8, size: u64, link: &[u8]) -> Self {
        let kind = match flag {
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'1' => Kind::Hardlink,
            b'2' => Kind::Symlink,
            b'3' => Kind::Character,
            b'4' => Kind::Block,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => Kind::Unknown(other),
        };
        let link = match kind {
            Kind::Hardlink => normalize_path(link).0,
            Kind::Symlink => link.to_vec(),
            _ => Vec::new(),
        };
        let size = if matches!(kind, Kind::File | Kind::Unknown(_)) { size } else { 0 };
        Self { path: normalize_path(name).0, kind, size, link, rest: None, content: None }
    }
}

/// What a reader lists, and whether it came to an end it was content with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Seen>,
    pub(crate) end: Result<(), String>,
}

/// The `tar` crate.
pub(crate) fn tar_crate(archive: &[u8]) -> Listing {
    let mut entries = Vec::new();
    let mut reader = tar::Archive::new(archive);
    let end = (|| -> std::io::Result<()> {
        for entry in reader.entries()? {
            let entry = entry?;
            let link = entry.link_name_bytes().unwrap_or_default();
            let flag = entry.header().entry_type().as_byte();
            if flag != b'g' {
                entries.push(Seen::new(&entry.path_bytes(), flag, entry.size(), &link));
            }
        }
        Ok(())
    })();
    Listing { entries, end: end.map_err(|error| error.to_string()) }
}

/// A reader in a process of its own that takes archive after archive.
pub(crate) struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts it; none where the program is not installed.
    pub(crate) fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take()?;
        let output = BufReader::new(child.stdout.take()?);
        Some(Self { child, input, output })
    }

    pub(crate) fn list(&mut self, archive: &[u8]) -> Listing {
        self.input.write_all(&(archive.len() as u64).to_be_bytes()).expect("write");
        self.input.write_all(archive).expect("write");
        self.input.flush().expect("write");
        let mut entries = Vec::new();
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("read");
            let line: Value = serde_json::from_str(&line).expect("the reader's answer");
            if let Some(end) = line.get("end").and_then(Value::as_str) {
                let end = if end == "eof" { Ok(()) } else { Err(end.to_owned()) };
                return Listing { entries, end };
            }
            let flag = line["flag"].as_u64().expect("flag") as u8;
            if flag == b'g' {
                continue;
            }
            let mut seen = Seen::new(
                &text(&line["name"]),
                flag,
                u64::try_from(line["size"].as_i64().unwrap_or(0)).unwrap_or(0),
                &text(&line["link"]),
            );
            if line.get("mode").is_some() {
                let device = match seen.kind {
                    Kind::Character | Kind::Block => (line["major"].as_i64(), line["minor"].as_i64()),
                    _ => (Some(0), Some(0)),
                };
                seen.content = match (seen.kind, line["hash"].as_str()) {
                    (Kind::File | Kind::Unknown(_), Some(hash)) if !hash.is_empty() => {
                        Some((line["read"].as_u64().unwrap_or(0), hash.to_owned()))
                    }
                    _ => None,
                };
                let number = |name: &str| line[name].as_i64().unwrap_or(0);
                let xattrs = line["xattrs"].as_array().expect("xattrs").iter();
                let xattrs: Vec<_> = xattrs.filter_map(|xattr| xattr.as_str()).collect();
                let width =
                    |number: Option<i64>| number.and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
                seen.rest = Some(format!(
                    "{:o} {}:{} {} {},{} {xattrs:?}",
                    number("mode") & 0o7777,
                    number("uid") as u64,
                    number("gid") as u64,
                    number("mtime"),
                    width(device.0),
                    width(device.1),
                ));
            }
            entries.push(seen);
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names come as base64 from Go, where a byte string is one, and as numbers from Python.
fn text(value: &Value) -> Vec<u8> {
    match value {
        Value::Array(bytes) => bytes.iter().map(|byte| byte.as_u64().unwrap_or(0) as u8).collect(),
        Value::String(text) => base64(text),
        _ => Vec::new(),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut out = Vec::new();
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// GNU tar's verbose list.
pub(crate) fn gnu_tar(archive: &[u8]) -> Option<Listing> {
    let mut child = Command::new("tar")
        .args(["-tvPf", "-", "--numeric-owner", "--quoting-style=c", "--full-time"])
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    let archive = archive.to_vec();
    // It may stop reading early; then the rest of the archive has nowhere to go.
    let writer = std::thread::spawn(move || input.write_all(&archive).is_ok());
    let mut output = Vec::new();
    child.stdout.take()?.read_to_end(&mut output).ok()?;
    let mut complaint = String::new();
    let _ = child.stderr.take()?.read_to_string(&mut complaint);
    let _ = writer.join();
    let status = child.wait().ok()?;
    let entries =
        output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(parse_line).collect();
    Some(Listing { entries, end: if status.success() { Ok(()) } else { Err(complaint) } })
}

/// `-rw-r--r-- 0/0 5 1970-01-01 00:00:01 "name" link to "target"`.
fn parse_line(line: &[u8]) -> Seen {
    let quote = line.iter().position(|&byte| byte == b'"').unwrap_or(line.len());
    let (front, back) = line.split_at(quote);
    let front = String::from_utf8_lossy(front);
    let mut words = front.split_whitespace();
    let flag = match words.next().and_then(|word| word.bytes().next()).unwrap_or(b'?') {
        b'-' | b'C' => b'0',
        b'h' => b'1',
        b'l' => b'2',
        b'c' => b'3',
        b'b' => b'4',
        b'd' => b'5',
        b'p' => b'6',
        other => other,
    };
    let size = words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let (name, rest) = unquote(back);
    let start = rest.iter().position(|&byte| byte == b'"').unwrap_or(rest.len());
    let (link, _) = unquote(&rest[start..]);
    Seen::new(&name, flag, size, &link)
}

/// Takes back C quoting; returns what follows the closing quote too.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut out = Vec::new();
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                let escape = text.get(at).copied().unwrap_or(b'\\');
                at += 1;
                match escape {
                    b'0'..=b'7' => {
                        let mut value = u32::from(escape - b'0');
                        while let Some(digit @ b'0'..=b'7') = text.get(at)
                            && value < 32
                        {
                            value = value * 8 + u32::from(digit - b'0');
                            at += 1;
                        }
                        out.push(value as u8);
                    }
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'a' => out.push(7),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'v' => out.push(11),
                    other => out.push(other),
                }
            }
            byte => out.push(byte),
        }
    }
    (out, text.get(at..).unwrap_or_default())
}
