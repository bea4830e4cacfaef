use super::parse::{Words, message, public_of};
use super::secure::Line;
use events::{CanarySeen, Coding, WireKind};
use sha2::{Digest, Sha256};
use std::io;

/// A key is shown, or used. The one that lies in the guest opens the door, for it is worth knowing what for; none
/// where the client is asked to sign first.
pub(super) async fn key(line: &mut Line, user: &str, words: &mut Words<'_>) -> io::Result<Option<bool>> {
    let signed = words.byte() != 0;
    let algorithm = words.string().to_vec();
    let blob = words.string().to_vec();
    let print = data_encoding::BASE64_NOPAD.encode(&Sha256::digest(&blob));
    let own =
        public_of(line.talk.shared.world.canaries.get("file-ssh-key")).is_some_and(|public| public == blob);
    let name = if own { " (file-ssh-key)" } else { "" };
    line.talk.step("ssh", format!("publickey {user} SHA256:{print}{name}"));
    if !own {
        return Ok(Some(false));
    }
    if signed {
        // The key itself did not leave. That it was used says the same: only who read it can.
        let seen = CanarySeen { canary: "file-ssh-key".into(), coding: Coding::Plain, offset: 0 };
        line.talk.flow.tell(WireKind::Canary(seen));
        return Ok(Some(true));
    }
    line.send(&message(60, &[&algorithm, &blob])).await?;
    Ok(None)
}

/// Output on the one channel.
async fn print(line: &mut Line, text: &str) -> io::Result<()> {
    let mut out = vec![94, 0, 0, 0, 0];
    super::string(&mut out, text.as_bytes());
    line.send(&out).await
}

/// A command ends well, and its channel with it.
async fn end(line: &mut Line) -> io::Result<()> {
    let mut status = vec![98, 0, 0, 0, 0];
    super::string(&mut status, b"exit-status");
    status.extend([0; 5]);
    line.send(&status).await?;
    line.send(&[96, 0, 0, 0, 0]).await?;
    line.send(&[97, 0, 0, 0, 0]).await
}

pub(super) async fn channel(line: &mut Line, user: &str, words: &mut Words<'_>) -> io::Result<()> {
    words.number();
    let kind = words.string().to_vec();
    let reply = words.byte() != 0;
    let known = matches!(kind.as_slice(), b"exec" | b"shell" | b"pty-req" | b"env" | b"window-change");
    if reply {
        line.send(&[if known { 99 } else { 100 }, 0, 0, 0, 0]).await?;
    }
    match kind.as_slice() {
        b"exec" => {
            let command = words.string().to_vec();
            line.talk.step("ssh", [b"exec ", &command[..]].concat());
            let output = reaction(&command);
            if !output.is_empty() {
                print(line, &output).await?;
            }
            end(line).await
        }
        b"shell" => print(line, &format!("{user}@build-01:~$ ")).await,
        b"subsystem" => {
            line.talk.step("ssh", [b"subsystem ", words.string()].concat());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Lines typed into a shell.
pub(super) async fn typed(line: &mut Line, typed: &mut Vec<u8>) -> io::Result<()> {
    while let Some(end_of) = typed.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let command: Vec<u8> = typed.drain(..=end_of).collect();
        let command = command.trim_ascii();
        if !command.is_empty() {
            line.talk.step("ssh", [b"typed ", command].concat());
        }
        if command == b"exit" {
            return end(line).await;
        }
        print(line, &format!("{}$ ", reaction(command))).await?;
    }
    typed.drain(..typed.len().saturating_sub(4096));
    Ok(())
}

fn reaction(command: &[u8]) -> String {
    let text = String::from_utf8_lossy(command.get(..command.len().min(512)).unwrap_or_default());
    let first = text.split_whitespace().next().unwrap_or_default();
    match first {
        "id" => "uid=0(root) gid=0(root) groups=0(root)\n".into(),
        "whoami" => "root\n".into(),
        "uname" => "Linux build-01 5.15.0-91-generic #101-Ubuntu SMP x86_64 GNU/Linux\n".into(),
        "nproc" => "8\n".into(),
        "echo" => format!("{}\n", text.trim_start_matches("echo").trim().trim_matches(['\'', '"'])),
        _ => String::new(),
    }
}
