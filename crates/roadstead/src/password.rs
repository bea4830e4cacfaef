//! The password of a private key: from the environment, or asked for at the terminal without showing it.

use crate::env_vars;
use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Read as _, Write as _};
use zeroize::Zeroizing;

/// Longer than any password, and short enough to be read from whatever stands in for a terminal.
const LONGEST: usize = 1024;

/// The password of a key that exists.
pub(crate) fn known(of: &str) -> anyhow::Result<Zeroizing<String>> {
    match env_vars::password()? {
        Some(password) => Ok(password),
        None => ask(&format!("Password of {of}: ")),
    }
}

/// A password for a new key, asked for twice.
pub(crate) fn new() -> anyhow::Result<Zeroizing<String>> {
    if let Some(password) = env_vars::password()? {
        return Ok(password);
    }
    let password = ask("Password for the private key: ")?;
    if *ask("The same again: ")? != *password {
        bail!("the two passwords differ; nothing was written");
    }
    Ok(password)
}

fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").context(
        "there is no terminal to ask for the password; set ROADSTEAD_PASSWORD, to nothing for a key without one",
    )?;
    let silence = Silence::of(&terminal)?;
    write!(terminal, "{prompt}")?;
    let line = line(&mut terminal);
    drop(silence);
    let _ = writeln!(terminal);
    line.context("cannot read the password")
}

/// Byte by byte, so that nothing of it stays in a buffer.
fn line(terminal: &mut File) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = [0];
    while terminal.read(&mut byte)? == 1 && byte != *b"\n" {
        if bytes.len() == LONGEST {
            bail!("it is longer than {LONGEST} bytes");
        }
        bytes.push(byte[0]);
    }
    let text = std::str::from_utf8(&bytes).context("it is not UTF-8")?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that shows nothing of what is typed, until it is dropped.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Silence {
    fn of(terminal: &File) -> anyhow::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let silence = Self { terminal: terminal.try_clone()?, before };
        tcsetattr(&silence.terminal, OptionalActions::Flush, &silent)?;
        Ok(silence)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
