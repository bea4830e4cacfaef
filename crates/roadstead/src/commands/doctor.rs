use crate::terminal;
use std::io::{self, BufWriter, Write};

/// Says what this machine has for running images, and how to get what it lacks. Fails where nothing can be run.
pub(crate) fn run() -> anyhow::Result<u8> {
    let scratch = tempfile::Builder::new().prefix("roadstead-doctor-").tempdir()?;
    let mut found = sandbox::probe_host(scratch.path());
    found.push(sandbox::probe_gvisor(scratch.path(), crate::settings::runsc()));
    let mut out = BufWriter::new(io::stdout().lock());
    for capability in &found {
        let mark = match (capability.there, capability.needed) {
            (true, _) => "ok     ",
            (false, true) => "missing",
            (false, false) => "without",
        };
        writeln!(out, "{mark}  {}: {}", capability.name, model::escape_text(&capability.note))?;
    }
    out.flush()?;
    let lacks = found.iter().any(|capability| !capability.there && capability.needed);
    if lacks {
        terminal::note("images cannot be run on this machine; scans that only read are not affected");
    }
    Ok(u8::from(lacks))
}
