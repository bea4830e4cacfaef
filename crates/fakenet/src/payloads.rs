//! What is served to guests that fetch something: of the right type, harmless, and each with an id of its own, so
//! that it is known by its digest when it is met again as a file or a program.

mod archive;
mod choose;
mod elf;
#[cfg(test)]
mod tests;

pub(crate) use archive::{crc32, gzip, tar, zip};
pub(crate) use choose::{Wanted, choose};
pub(crate) use elf::{Machine, elf};

/// Something to serve.
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'static str,
    /// In the words of the event: `script`, `elf`, `archive`, `json`, `text`, `page`, `image`.
    pub(crate) what: &'static str,
}

/// An id that no other body has. It looks like what builds leave behind.
pub(crate) struct Id(pub(crate) String);

impl Id {
    pub(crate) fn new(seed: &str, serial: u64) -> Self {
        use sha2::{Digest, Sha256};
        let mut hex = data_encoding::HEXLOWER.encode(&Sha256::digest(format!("{seed}/{serial}")));
        hex.truncate(32);
        Self(hex)
    }
}

/// A script for `sh` that does nothing. It neither leaves nor replaces the shell that may have read it from a pipe.
pub(crate) fn shell_script(id: &Id) -> Vec<u8> {
    let Id(id) = id;
    format!(
        "#!/bin/sh\n# build {id}\nPATH=\"$PATH:/usr/local/bin:/usr/bin:/bin\"\nexport PATH\nready=1\nif [ \"$ready\" = 1 ]; then\n  true\nfi\n:\n"
    )
    .into_bytes()
}

/// The same for other interpreters; none where nothing is known of them.
pub(crate) fn script(extension: &str, id: &Id) -> Option<(Vec<u8>, &'static str)> {
    let Id(text) = id;
    let (body, media_type) = match extension {
        "sh" | "bash" | "zsh" | "ksh" => return Some((shell_script(id), "text/x-shellscript")),
        "py" => (format!("#!/usr/bin/env python3\n# build {text}\npass\n"), "text/x-python"),
        "pl" | "pm" => (format!("#!/usr/bin/env perl\n# build {text}\n1;\n"), "text/x-perl"),
        "rb" => (format!("#!/usr/bin/env ruby\n# build {text}\nnil\n"), "text/x-ruby"),
        "js" | "mjs" | "cjs" => (format!("/* build {text} */\nvoid 0;\n"), "application/javascript"),
        "php" => (format!("<?php\n// build {text}\n"), "application/x-httpd-php"),
        "lua" => (format!("-- build {text}\n"), "text/x-lua"),
        "ps1" => (format!("# build {text}\n$null\n"), "text/plain"),
        _ => return None,
    };
    Some((body.into_bytes(), media_type))
}
