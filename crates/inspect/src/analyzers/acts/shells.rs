use super::Deed;
use super::commands::{Arg, Place, Reader};
use super::flow::{Cargo, Flow};
use super::hosts::{HostKind, Remote, host, remote};
use super::programs::{after, has};
use crate::analyzers::start::{Language, base_name, language_of_program};

/// Understands programs that connect to hosts, and gives what they print; none for any other program.
pub(super) fn command(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) -> Option<Flow> {
    match name {
        b"nc" | b"ncat" | b"netcat" | b"nc.traditional" | b"nc.openbsd" => Some(netcat(reader, rest, place)),
        b"socat" => Some(socat(reader, rest, place)),
        b"telnet" => {
            let remote = positional(rest).first().map(|arg| host(&arg.text));
            Some(connection(reader, remote, place))
        }
        b"openssl" if has(rest, b"s_client") => {
            let remote = after(rest, &[b"-connect"]).map(|to| host(before_port(&to)));
            Some(connection(reader, remote, place))
        }
        b"telnetd" | b"in.telnetd" | b"utelnetd" => {
            let login = after(rest, &[b"-l"]).is_some_and(|program| is_shell(&program));
            if login {
                reader.push(Deed::OffersShell, None, place);
            }
            Some(Flow::default())
        }
        b"awk" | b"gawk" | b"mawk" => {
            inside_awk(reader, rest, place);
            None
        }
        b"ssh" => {
            ssh(reader, rest, place);
            Some(Flow::default())
        }
        b"scp" | b"sftp" => {
            let mut cargo = Cargo::default();
            for arg in positional(rest) {
                cargo.add(reader.file(arg, place).cargo);
            }
            if let Some(target) = rest.last().filter(|arg| arg.text.contains(&b':')) {
                let name = target.text.split(|&byte| byte == b'@').next_back().unwrap_or_default();
                reader.send(cargo, &host(before_port(name)), place);
            }
            Some(Flow::default())
        }
        b"dig" | b"nslookup" | b"host" | b"drill" | b"getent" | b"ping" => {
            // A name is made of data where what the data came through stands before a fixed domain.
            let made = rest.iter().any(|arg| {
                let dollar = memchr::memchr(b'$', &arg.text);
                let carries = arg.flow.cargo.has(Cargo::ENCODED)
                    || arg.flow.cargo.has(Cargo::ENVIRONMENT)
                    || arg.flow.cargo.stores() > 0;
                carries
                    && dollar.is_some_and(|at| arg.text.get(at..).is_some_and(|rest| rest.contains(&b'.')))
            });
            if made {
                reader.push(Deed::AsksNames, None, place);
            }
            Some(Flow::default())
        }
        b"ngrok" | b"chisel" | b"frpc" | b"gost" | b"cloudflared" | b"bore" | b"gs-netcat" | b"rathole"
        | b"inlets" | b"pagekite" => {
            tunnel(reader, name, rest, place);
            None
        }
        b"meshagent" | b"nezha-agent" | b"tmate" | b"rustdesk" | b"teleconsole" | b"anydesk"
        | b"tacticalagent" => {
            remote_control(reader, name, rest, place);
            None
        }
        _ => None,
    }
}

fn positional(rest: &[Arg]) -> Vec<&Arg> {
    rest.iter().filter(|arg| !arg.text.starts_with(b"-")).collect()
}

pub(super) fn is_shell(program: &[u8]) -> bool {
    let first = program.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let first = first.split(|&byte| byte == b',').next().unwrap_or_default();
    let name = base_name(first.strip_prefix(b"\"").unwrap_or(first));
    name == b"cmd.exe" || name == b"busybox" || language_of_program(name) == Some(Language::Shell)
}

fn before_port(address: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b':', address).unwrap_or(address.len());
    address.get(..end).unwrap_or(address)
}

/// A two-way connection: what is piped into it goes to the host, what it prints comes from there.
fn connection(reader: &mut Reader<'_>, remote: Option<Remote>, place: &Place<'_>) -> Flow {
    let Some(remote) = remote else { return Flow::default() };
    let backs_into_fifo = place.redirects.iter().any(|redirect| match redirect {
        super::Redirect::To(word) => {
            let path = reader.path(&super::call::shown(word), place);
            reader.fifos.contains(&path)
        }
        _ => false,
    });
    let input = &place.input;
    if input.shell && (input.interactive || backs_into_fifo || input.remote.is_some()) {
        reader.push(Deed::ConnectsShell, Some(&remote), place);
    } else if input.cargo != Cargo::default() {
        reader.send(input.cargo, &remote, place);
    }
    Flow::answer(&remote)
}

fn netcat(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) -> Flow {
    let mut listens = false;
    let mut runs = None;
    let mut names: Vec<&Arg> = Vec::new();
    let mut at = 0;
    while let Some(arg) = rest.get(at) {
        let text = arg.text.as_slice();
        match text.strip_prefix(b"-").filter(|letters| !letters.is_empty()) {
            Some(b"-exec" | b"-sh-exec" | b"-lua-exec") => {
                at += 1;
                runs = rest.get(at);
            }
            Some(b"-listen") => listens = true,
            Some(letters) if !letters.starts_with(b"-") => {
                listens |= letters.contains(&b'l');
                // The last letter of a bundle may take the next word.
                if let Some(last) = letters.last().filter(|last| b"ecpwisxXqgG".contains(last)) {
                    at += 1;
                    if matches!(last, b'e' | b'c') {
                        runs = rest.get(at);
                    }
                }
            }
            Some(_) => {}
            None => names.push(arg),
        }
        at += 1;
    }
    let target = names.iter().find(|arg| !arg.text.iter().all(u8::is_ascii_digit)).map(|arg| host(&arg.text));
    let shell = runs.is_some_and(|program| is_shell(&program.text));
    // BusyBox takes the program as the rest of the line behind `-e`, or the host before it.
    if shell && (listens || target.is_none()) {
        reader.push(Deed::OffersShell, None, place);
        return Flow::default();
    }
    if shell {
        reader.push(Deed::ConnectsShell, target.as_ref(), place);
        return Flow::default();
    }
    if listens {
        if place.input.shell && place.input.interactive {
            reader.push(Deed::OffersShell, None, place);
        }
        return Flow::default();
    }
    connection(reader, target, place)
}

fn socat(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) -> Flow {
    let lower: Vec<Vec<u8>> = rest.iter().map(|arg| arg.text.to_ascii_lowercase()).collect();
    let shell = lower.iter().any(|text| {
        let program = text.strip_prefix(b"exec:").or_else(|| text.strip_prefix(b"system:"));
        program
            .is_some_and(|program| is_shell(program.trim_ascii_start().strip_prefix(b"'").unwrap_or(program)))
    });
    let kind = |text: &Vec<u8>| text.split(|&byte| byte == b':').next().unwrap_or_default().to_vec();
    let listens = lower.iter().any(|text| {
        let kind = kind(text);
        kind.ends_with(b"-listen") || kind.ends_with(b"-l")
    });
    let connects = lower.iter().find_map(|text| {
        let kind = kind(text);
        let network: [&[u8]; 9] = [
            b"tcp",
            b"tcp4",
            b"tcp6",
            b"tcp-connect",
            b"udp",
            b"openssl",
            b"openssl-connect",
            b"sctp",
            b"udp-connect",
        ];
        let to = text.get(kind.len() + 1..)?.split(|&byte| byte == b',').next()?;
        network.contains(&kind.as_slice()).then(|| host(before_port(to)))
    });
    if shell && listens {
        reader.push(Deed::OffersShell, None, place);
    } else if shell && let Some(remote) = &connects {
        reader.push(Deed::ConnectsShell, Some(remote), place);
    } else {
        return connection(reader, connects, place);
    }
    Flow::default()
}

/// gawk's `/inet/tcp/0/host/port` with commands read from it.
fn inside_awk(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) {
    for arg in rest {
        let Some(at) = memchr::memmem::find(&arg.text, b"/inet/tcp/0/") else { continue };
        let to = arg.text.get(at + 12..).unwrap_or_default();
        let runs = memchr::memmem::find(&arg.text, b"getline").is_some()
            && (memchr::memmem::find(&arg.text, b"|&").is_some()
                || memchr::memmem::find(&arg.text, b"system(").is_some());
        if runs {
            let name = to.split(|&byte| byte == b'/' || byte == b'"').next().unwrap_or_default();
            reader.push(Deed::ConnectsShell, Some(&host(name)), place);
        }
    }
}

/// `ssh -R`: a way in through a host outside that the script names.
fn ssh(reader: &mut Reader<'_>, rest: &[Arg], place: &Place<'_>) {
    let forwards = rest.iter().any(|arg| {
        arg.text
            .strip_prefix(b"-")
            .is_some_and(|letters| !letters.starts_with(b"-") && letters.len() < 6 && letters.ends_with(b"R"))
            || arg.text.starts_with(b"-R")
    });
    let target = positional(rest).into_iter().find(|arg| arg.text.contains(&b'@'));
    if let Some(target) = target {
        let name = target.text.split(|&byte| byte == b'@').next_back().unwrap_or_default();
        let remote = host(name);
        if forwards && remote.is_outside() && remote.kind != HostKind::Unknown {
            reader.push(Deed::Tunnels, Some(&remote), place);
        }
        if place.input.cargo != Cargo::default() {
            reader.send(place.input.cargo, &remote, place);
        }
    }
}

/// A tunnel is somebody's tool; with the other end or its token written down it is one person's way in.
fn tunnel(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let literal = |text: &[u8]| !text.is_empty() && !text.contains(&b'$');
    let far = rest.iter().find_map(|arg| {
        let text = arg.text.rsplit(|&byte| byte == b'=').next().unwrap_or_default();
        remote(text).filter(|remote| remote.is_outside() && remote.kind != HostKind::Unknown)
    });
    let token = after(
        rest,
        &[b"--token", b"--authtoken", b"-s", b"--secret", b"--auth", b"add-authtoken", b"authtoken"],
    )
    .is_some_and(|token| token.len() >= 8 && literal(&token));
    let baked = match name {
        b"chisel" => has(rest, b"client") && far.is_some(),
        b"cloudflared" => token && has(rest, b"tunnel"),
        b"bore" => has(rest, b"local") && after(rest, &[b"--to"]).is_some_and(|to| literal(&to)),
        b"gost" => far.is_some() && rest.iter().any(|arg| arg.text == b"-F" || arg.text.starts_with(b"-F=")),
        _ => token || far.is_some() && name != b"ngrok",
    };
    if baked {
        reader.push(Deed::Tunnels, far.as_ref(), place);
    }
}

fn remote_control(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let options: &[&[u8]] =
        &[b"-p", b"-k", b"--password", b"--key", b"-a", b"--auth", b"-s", b"--set-unattended-access"];
    let given = |option: &&[u8]| {
        after(rest, &[option]).is_some_and(|value| value.len() >= 6 && !value.contains(&b'$'))
    };
    if name == b"meshagent"
        && rest
            .iter()
            .any(|arg| arg.text.starts_with(b"--meshServiceName") || arg.text.starts_with(b"--MeshServer"))
        || options.iter().any(given)
    {
        reader.push(Deed::RemoteControl, None, place);
    }
}
