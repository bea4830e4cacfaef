use super::Deed;
use super::commands::{Arg, Place, Reader};
use super::deeds;
use super::flow::{Cargo, Flow};
use super::hosts::{HostKind, Remote, host, remote};
use crate::analyzers::start::base_name;

/// What a program that reads, carries, packs or fetches prints. Of any other, nothing is known.
pub(super) fn output(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) -> Flow {
    stores_read(reader, name, rest, place);
    match name {
        b"curl" => transfer(reader, curl(rest), rest, place),
        b"wget" | b"wget2" => transfer(reader, wget(rest), rest, place),
        b"fetch" | b"aria2c" | b"axel" | b"lwp-download" | b"lwp-request" | b"GET" | b"http" | b"https"
        | b"lynx" | b"w3m" | b"links" | b"elinks" | b"ftpget" | b"tftp" => {
            transfer(reader, plain(name, rest), rest, place)
        }
        b"env" | b"printenv" if rest.iter().all(|arg| arg.text.starts_with(b"-")) => {
            Flow::of(Cargo::ENVIRONMENT)
        }
        b"set" if rest.is_empty() => Flow::of(Cargo::ENVIRONMENT),
        b"export" | b"declare" | b"typeset" if has(rest, b"-p") || has(rest, b"-x") && rest.len() == 1 => {
            Flow::of(Cargo::ENVIRONMENT)
        }
        b"compgen" if has(rest, b"-e") => Flow::of(Cargo::ENVIRONMENT),
        b"nproc" | b"lscpu" | b"uname" | b"hostname" | b"whoami" | b"id" | b"free" => {
            Flow::of(Cargo::MACHINE)
        }
        b"echo" | b"printf" | b"for" => spoken(name, rest),
        b"grep" | b"egrep" | b"fgrep" | b"rg" => filtered(reader, rest, place),
        b"cat" | b"tac" | b"tee" | b"sed" | b"awk" | b"gawk" | b"mawk" | b"tr" | b"cut" | b"head"
        | b"tail" | b"sort" | b"uniq" | b"jq" | b"rev" | b"fold" | b"split" | b"paste" | b"strings"
        | b"find" | b"ls" | b"envsubst" | b"iconv" | b"zcat" | b"gunzip" | b"bunzip2" | b"unxz"
        | b"column" | b"nl" | b"xargs" | b"dd" => {
            let flow = read(reader, rest, place);
            written_by(reader, name, rest, &flow, place);
            flow
        }
        b"base64" | b"base32" | b"xxd" | b"od" | b"hexdump" | b"gzip" | b"bzip2" | b"xz" | b"zstd"
        | b"openssl" | b"gpg" | b"uuencode" | b"age" => {
            let mut flow = read(reader, rest, place);
            let decodes = rest.iter().any(|arg| {
                matches!(arg.text.as_slice(), b"-d" | b"-D" | b"--decode" | b"-r" | b"-dc" | b"--decrypt")
            });
            // What a text decodes to is not read here.
            flow.text = None;
            if !decodes {
                flow.cargo.add(Cargo::ENCODED);
            }
            if let Some(target) = after(rest, &[b"-out", b"-o", b"--output"]) {
                reader.write(&reader.path(&target, place), &flow, false);
            }
            flow
        }
        b"tar" | b"zip" | b"7z" => pack(reader, name, rest, place),
        b"cp" | b"mv" | b"install" | b"ln" | b"rsync" => copy(reader, name, rest, place),
        b"chmod" => {
            let makes = rest.first().is_some_and(|mode| adds_execution(&mode.text));
            for arg in rest.iter().skip(1).filter(|_| makes || rest.len() > 2) {
                reader.make_executable(&reader.path(&arg.text, place));
            }
            Flow::default()
        }
        b"crontab" | b"at" | b"batch" => {
            // What is put into a schedule runs, only later.
            if let Some(text) = place.input.text.clone() {
                reader.line(&text, place);
            }
            Flow::default()
        }
        b"git" if has(rest, b"clone") => {
            reader.unpacked =
                rest.iter().find_map(|arg| remote(&arg.text).filter(|_| arg.text.contains(&b':')));
            Flow::default()
        }
        _ => Flow::default(),
    }
}

/// A function of the script's own that fetches what it is told to. Its first address is asked, and a path among its
/// arguments is where the answer goes.
pub(super) fn own_downloader(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) -> Flow {
    let Some(remote) = rest.iter().find_map(|arg| remote(&arg.text).filter(|_| arg.text.contains(&b':')))
    else {
        return Flow::default();
    };
    reader.fetch(&remote, place);
    let answer = Flow::answer(&remote);
    let path = rest
        .iter()
        .find(|arg| !arg.text.contains(&b':') && !arg.text.starts_with(b"-") && arg.text.len() > 1);
    if let Some(path) = path {
        reader.write(&reader.path(&path.text, place), &answer, false);
    }
    answer
}

/// Notes the stores of credentials that a command reads, and not those that it fills or protects.
fn stores_read(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let reads: [&[u8]; 26] = [
        b"cat", b"tar", b"zip", b"7z", b"cp", b"mv", b"rsync", b"scp", b"base64", b"gzip", b"curl", b"wget",
        b"grep", b"egrep", b"find", b"awk", b"sed", b"head", b"tail", b"xxd", b"strings", b"dd", b"for",
        b"openssl", b"jq", b"ls",
    ];
    if !reads.contains(&name) {
        return;
    }
    let fills = matches!(name, b"cp" | b"mv" | b"rsync" | b"scp");
    let sources = rest.len().saturating_sub(usize::from(fills));
    for arg in rest.iter().take(sources) {
        if let Some(store) = super::stores::store_of(&arg.text) {
            reader.push(Deed::Reads(store), None, place);
        }
        if super::stores::cargo_of(&arg.text).has(Cargo::PROCESSES) {
            reader.push(Deed::ReadsProcesses, None, place);
        }
    }
}

pub(super) fn has(args: &[Arg], word: &[u8]) -> bool {
    args.iter().any(|arg| arg.text == word)
}

/// The word that follows one of these options.
pub(super) fn after(args: &[Arg], options: &[&[u8]]) -> Option<Vec<u8>> {
    let at = args.iter().position(|arg| options.contains(&arg.text.as_slice()))?;
    args.get(at + 1).map(|arg| arg.text.clone())
}

fn read(reader: &Reader<'_>, rest: &[Arg], place: &Place<'_>) -> Flow {
    let mut flow = place.input.clone();
    for arg in rest.iter().filter(|arg| !arg.text.starts_with(b"-")) {
        let named =
            arg.text.strip_prefix(b"if=").map(|path| Arg { text: path.to_vec(), flow: Flow::default() });
        flow.add(&reader.file(named.as_ref().unwrap_or(arg), place));
    }
    flow
}

fn written_by(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], flow: &Flow, place: &Place<'_>) {
    let targets: Vec<Vec<u8>> = match name {
        b"tee" => rest.iter().map(|arg| arg.text.clone()).filter(|text| !text.starts_with(b"-")).collect(),
        b"dd" => rest.iter().filter_map(|arg| arg.text.strip_prefix(b"of=").map(<[u8]>::to_vec)).collect(),
        _ => Vec::new(),
    };
    for target in targets {
        deeds::written(reader, &target, place);
        reader.write(&reader.path(&target, place), flow, false);
    }
}

fn spoken(name: &[u8], rest: &[Arg]) -> Flow {
    let mut flow = Flow::default();
    let mut words = Vec::new();
    for arg in rest.iter().filter(|arg| !matches!(arg.text.as_slice(), b"-n" | b"-e" | b"-ne" | b"-en")) {
        // A path that is only named is not read; `for` names what its body reads.
        let mut part = arg.flow.clone();
        if name != b"for" && super::stores::cargo_of(&arg.text) == part.cargo {
            part.cargo = Cargo::default();
        }
        flow.add(&part);
        words.push(arg.text.as_slice());
    }
    if name != b"for" {
        flow.text = Some(words.join(b" ".as_slice()));
    }
    flow
}

/// What is left of a text after a search. Of the environment, one setting is no longer the whole.
fn filtered(reader: &Reader<'_>, rest: &[Arg], place: &Place<'_>) -> Flow {
    let mut flow = read(reader, rest, place);
    let secret: [&[u8]; 7] = [b"key", b"secret", b"token", b"pass", b"aws", b"cred", b"auth"];
    let pattern = rest.iter().map(|arg| arg.text.to_ascii_lowercase()).find(|text| !text.starts_with(b"-"));
    let wide = rest.iter().any(|arg| arg.text.starts_with(b"-") && arg.text.contains(&b'v'))
        || pattern.is_some_and(|pattern| {
            pattern.len() < 2 || secret.iter().any(|word| memchr::memmem::find(&pattern, word).is_some())
        });
    if flow.cargo.has(Cargo::ENVIRONMENT) && !wide {
        flow.cargo.remove(Cargo::ENVIRONMENT);
    }
    flow
}

fn adds_execution(mode: &[u8]) -> bool {
    if mode.iter().all(u8::is_ascii_digit) {
        return mode.iter().rev().take(3).any(|digit| (digit - b'0') & 1 == 1);
    }
    let add = mode.iter().position(|byte| matches!(byte, b'+' | b'='));
    add.is_some_and(|at| mode.get(at..).is_some_and(|what| what.contains(&b'x')))
}

fn copy(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) -> Flow {
    let mut paths: Vec<&Arg> = rest.iter().filter(|arg| !arg.text.starts_with(b"-")).collect();
    let mode = after(rest, &[b"-m", b"--mode"]);
    if let Some(mode) = &mode {
        paths.retain(|arg| arg.text != *mode);
    }
    let Some(target) = paths.pop() else { return Flow::default() };
    let into = reader.path(&target.text, place);
    for from in paths {
        let flow = reader.file(from, place);
        let source = reader.path(&from.text, place);
        let executable = name == b"install" || reader.is_executable(&source);
        if flow.is_known() {
            let directory = into.strip_suffix(b"/").unwrap_or(&into);
            reader.write(&into, &flow, executable);
            reader.write(&[directory, b"/", base_name(&from.text)].concat(), &flow, executable);
        }
    }
    Flow::default()
}

fn pack(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) -> Flow {
    let flow = read(reader, rest, place);
    let letters =
        rest.first().map(|arg| arg.text.strip_prefix(b"-").unwrap_or(&arg.text)).unwrap_or_default();
    let extracts = name == b"tar" && (letters.contains(&b'x') || has(rest, b"--extract"));
    if extracts {
        if flow.remote.is_some() {
            reader.unpacked = flow.remote.clone();
        }
        return if rest.iter().any(|arg| arg.text.contains(&b'O') && arg.text.starts_with(b"-")) {
            flow
        } else {
            Flow::default()
        };
    }
    let mut packed = Flow::of(flow.cargo);
    packed.cargo.add(Cargo::ENCODED);
    let archive = match name {
        b"tar" => rest.iter().position(|arg| {
            let letters = arg.text.strip_prefix(b"-").unwrap_or(&arg.text);
            letters.len() < 8 && letters.ends_with(b"f")
        }),
        _ => rest
            .iter()
            .position(|arg| !arg.text.starts_with(b"-") && arg.text != b"a")
            .and_then(|at| at.checked_sub(1)),
    };
    match archive.and_then(|at| rest.get(at + 1)).filter(|arg| arg.text != b"-") {
        Some(archive) => {
            reader.write(&reader.path(&archive.text, place), &packed, false);
            Flow::default()
        }
        None if name == b"zip" => {
            if let Some(archive) = rest.iter().find(|arg| !arg.text.starts_with(b"-")) {
                reader.write(&reader.path(&archive.text, place), &packed, false);
            }
            Flow::default()
        }
        None => packed,
    }
}

/// What a command asks of hosts.
#[derive(Default)]
struct Transfer {
    /// Index and end of each address.
    to: Vec<(usize, Remote)>,
    /// The file that the answer goes to; printed where none.
    saved: Option<Vec<u8>>,
    /// Whether the file is named as the address is.
    saved_by_name: bool,
    /// Words that hold what is sent: a text, or a file after `@`.
    sends: Vec<Arg>,
    /// Words that name files that are sent.
    uploads: Vec<Arg>,
    unchecked: bool,
}

fn transfer(reader: &mut Reader<'_>, transfer: Transfer, rest: &[Arg], place: &Place<'_>) -> Flow {
    let mut answer = Flow::default();
    let mut cargo = Cargo::default();
    for arg in &transfer.sends {
        cargo.add(arg.flow.cargo);
        let file = memchr::memchr(b'@', &arg.text).and_then(|at| arg.text.get(at + 1..)).unwrap_or_default();
        match file.split(|&byte| byte == b';').next().unwrap_or_default() {
            b"-" | b"/dev/stdin" => cargo.add(place.input.cargo),
            b"" => {}
            path => cargo.add(reader.file(&Arg { text: path.to_vec(), flow: Flow::default() }, place).cargo),
        }
    }
    for arg in &transfer.uploads {
        match arg.text.as_slice() {
            b"-" | b"." | b"/dev/stdin" => cargo.add(place.input.cargo),
            _ => cargo.add(reader.file(arg, place).cargo),
        }
    }
    let sends = !transfer.sends.is_empty() || !transfer.uploads.is_empty();
    for (at, mut remote) in transfer.to {
        remote.unchecked = transfer.unchecked || reader.unchecked;
        let mut carried = cargo;
        if let Some(arg) = rest.get(at) {
            carried.add(arg.flow.cargo);
        }
        if sends || carried != Cargo::default() {
            reader.send(carried, &remote, place);
        }
        reader.fetch(&remote, place);
        answer.add(&Flow::answer(&remote));
        if transfer.saved_by_name
            && let Some(arg) = rest.get(at)
        {
            let path = reader
                .path(base_name(arg.text.split(|&byte| byte == b'?').next().unwrap_or_default()), place);
            reader.write(&path, &Flow::answer(&remote), false);
        }
    }
    match transfer.saved {
        Some(path) if path != b"-" && path != b"/dev/stdout" => {
            reader.write(&reader.path(&path, place), &answer, false);
            Flow::default()
        }
        _ if transfer.saved_by_name => Flow::default(),
        _ => answer,
    }
}

/// An address on a command line. One that only running tells is a host nobody knows.
fn address(arg: &Arg) -> Option<Remote> {
    remote(&arg.text).or_else(|| arg.text.starts_with(b"$").then(|| host(b"$")))
}

fn curl(rest: &[Arg]) -> Transfer {
    let mut transfer = Transfer::default();
    let mut at = 0;
    while let Some(arg) = rest.get(at) {
        let text = arg.text.as_slice();
        let next = rest.get(at + 1).cloned().unwrap_or_default();
        if let Some(option) = text.strip_prefix(b"--") {
            let (option, value) = match memchr::memchr(b'=', option) {
                Some(sign) => (
                    option.get(..sign).unwrap_or_default(),
                    Arg { text: option.get(sign + 1..).unwrap_or_default().to_vec(), flow: arg.flow.clone() },
                ),
                None => (option, next),
            };
            match option {
                b"insecure" => transfer.unchecked = true,
                b"remote-name" | b"remote-name-all" => transfer.saved_by_name = true,
                b"output" => (transfer.saved, at) = (Some(value.text), at + 1),
                b"data" | b"data-binary" | b"data-raw" | b"data-urlencode" | b"data-ascii" | b"form"
                | b"form-string" | b"json" => {
                    transfer.sends.push(value);
                    at += 1;
                }
                b"upload-file" => {
                    transfer.uploads.push(value);
                    at += 1;
                }
                b"header" => {
                    carried(&mut transfer, value);
                    at += 1;
                }
                b"url" => {
                    transfer.to.extend(address(&value).map(|remote| (at + 1, remote)));
                    at += 1;
                }
                b"request" | b"user" | b"user-agent" | b"referer" | b"proxy" | b"max-time"
                | b"connect-timeout" | b"retry" | b"retry-delay" | b"retry-max-time" | b"write-out"
                | b"cookie" | b"cookie-jar" | b"cacert" | b"capath" | b"cert" | b"key" | b"config"
                | b"range" | b"resolve" | b"unix-socket" | b"interface" | b"proto" | b"tlsv1"
                | b"max-redirs" | b"output-dir" | b"dump-header" | b"limit-rate" | b"socks5-hostname"
                | b"socks5" | b"max-filesize" | b"dns-servers" | b"noproxy"
                    if !text.contains(&b'=') =>
                {
                    at += usize::from(option != b"tlsv1");
                }
                _ => {}
            }
        } else if let Some(letters) = text.strip_prefix(b"-").filter(|letters| !letters.is_empty()) {
            for (number, letter) in letters.iter().enumerate() {
                match letter {
                    b'k' => transfer.unchecked = true,
                    b'O' => transfer.saved_by_name = true,
                    b'o' | b'd' | b'F' | b'T' | b'H' | b'X' | b'u' | b'A' | b'e' | b'x' | b'm' | b'w'
                    | b'b' | b'c' | b'K' | b'r' | b'Y' | b'y' | b'z' | b'E' | b'D' | b'C' | b'U' => {
                        let within = letters.get(number + 1..).unwrap_or_default();
                        let value = if within.is_empty() {
                            at += 1;
                            next.clone()
                        } else {
                            Arg { text: within.to_vec(), flow: arg.flow.clone() }
                        };
                        match letter {
                            b'o' => transfer.saved = Some(value.text),
                            b'd' | b'F' => transfer.sends.push(value),
                            b'T' => transfer.uploads.push(value),
                            b'H' | b'A' | b'b' | b'e' => carried(&mut transfer, value),
                            _ => {}
                        }
                        break;
                    }
                    _ => {}
                }
            }
        } else {
            transfer.to.extend(address(arg).map(|remote| (at, remote)));
        }
        at += 1;
    }
    transfer
}

/// A header can carry data; one that carries nothing known is no sending.
fn carried(transfer: &mut Transfer, mut value: Arg) {
    if value.flow.cargo != Cargo::default() {
        value.text.clear();
        transfer.sends.push(value);
    }
}

fn wget(rest: &[Arg]) -> Transfer {
    let mut transfer = Transfer { saved_by_name: true, ..Transfer::default() };
    let mut at = 0;
    while let Some(arg) = rest.get(at) {
        let text = arg.text.as_slice();
        let value = |option: &[u8]| {
            text.strip_prefix(option).map(|value| Arg { text: value.to_vec(), flow: arg.flow.clone() })
        };
        if text == b"--no-check-certificate" {
            transfer.unchecked = true;
        } else if let Some(value) = value(b"--post-data=").or_else(|| value(b"--body-data=")) {
            transfer.sends.push(value);
        } else if let Some(value) = value(b"--post-file=").or_else(|| value(b"--body-file=")) {
            transfer.uploads.push(value);
        } else if let Some(value) = value(b"--header=") {
            carried(&mut transfer, value);
        } else if let Some(value) = value(b"--output-document=") {
            (transfer.saved, transfer.saved_by_name) = (Some(value.text), false);
        } else if text.starts_with(b"--") {
            let own: [&[u8]; 5] = [b"--post-data", b"--post-file", b"--header", b"--tries", b"--timeout"];
            if own.contains(&text)
                && let Some(next) = rest.get(at + 1)
            {
                match text {
                    b"--post-data" => transfer.sends.push(next.clone()),
                    b"--post-file" => transfer.uploads.push(next.clone()),
                    _ => {}
                }
                at += 1;
            }
        } else if let Some(letters) = text.strip_prefix(b"-").filter(|letters| !letters.is_empty()) {
            // `-nv`, `-nc` and their like are one option.
            let valued = |letter: &u8| b"OPoaTtwUQeiBS".contains(letter) && *letter != b'S';
            if let Some(number) = letters.iter().position(valued).filter(|_| !letters.starts_with(b"n")) {
                let within = letters.get(number + 1..).unwrap_or_default();
                let value = if within.is_empty() {
                    at += 1;
                    rest.get(at).map(|next| next.text.clone()).unwrap_or_default()
                } else {
                    within.to_vec()
                };
                if letters.get(number) == Some(&b'O') {
                    (transfer.saved, transfer.saved_by_name) = (Some(value), false);
                }
            }
        } else {
            transfer.to.extend(address(arg).map(|remote| (at, remote)));
        }
        at += 1;
    }
    transfer
}

/// Programs that take addresses and, at most, a file to save to.
fn plain(name: &[u8], rest: &[Arg]) -> Transfer {
    let to = rest.iter().enumerate().filter_map(|(at, arg)| Some((at, remote(&arg.text)?)));
    let mut to: Vec<_> = to.collect();
    let saved =
        after(rest, &[b"-o", b"-O", b"-l"]).or_else(|| after(rest, &[b"-r"]).filter(|_| name == b"tftp"));
    if name == b"tftp"
        && let Some(last) = rest.iter().rposition(|arg| !arg.text.starts_with(b"-"))
    {
        to = rest
            .get(last)
            .map(|arg| (last, host(&arg.text)))
            .into_iter()
            .filter(|(_, remote)| remote.kind != HostKind::Private)
            .collect();
    }
    let prints = matches!(
        name,
        b"lwp-request" | b"GET" | b"http" | b"https" | b"lynx" | b"w3m" | b"links" | b"elinks"
    );
    Transfer { to, saved_by_name: saved.is_none() && !prints, saved, ..Transfer::default() }
}

/// Compiles what came from elsewhere.
pub(super) fn compiles(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) {
    let flow = read(reader, rest, place);
    if let Some(remote) = flow.remote.or_else(|| reader.unpacked.clone()) {
        reader.push(Deed::CompilesFetched, Some(&remote), place);
    }
}
