use crate::cli::VerifyJournal;
use crate::settings;
use anyhow::{Context as _, bail};
use gate::journal::{self, Checked, Head};
use model::escape_text;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Exit code of a journal that does not hold.
const BROKEN: u8 = 1;
/// Far larger than a head.
const LARGEST_HEAD: u64 = 64 << 10;

/// Checks a journal without a server: each entry against the hash of the one before, and the last against what was kept
/// elsewhere.
pub(crate) fn run(args: &VerifyJournal) -> anyhow::Result<u8> {
    let path = match &args.path {
        Some(path) => path.clone(),
        None => settings::data_dir(None)?.join("gate"),
    };
    let anchor = args.anchor.as_deref().map(head).transpose()?;
    let database = database(&path);
    if let Some(to) = &args.export {
        let Some(database) = &database else { bail!("only the journal of a data directory can be exported") };
        export(database, to)?;
    }
    let checked = match &database {
        Some(database) => journal::verify(database, anchor.as_ref()),
        None => {
            let file = File::open(&path).with_context(|| format!("cannot open {}", shown(&path)))?;
            journal::verify_lines(BufReader::new(file), anchor.as_ref())
        }
    };
    conclude(
        &checked.with_context(|| format!("cannot read the journal of {}", shown(&path)))?,
        anchor.is_some(),
    )
}

fn conclude(checked: &Checked, anchored: bool) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let Checked { entries, head, broken } = checked;
    if let Some((seq, why)) = broken {
        writeln!(out, "BROKEN at entry {seq}: {}", escape_text(why))?;
        writeln!(out, "{entries} entries before it hold")?;
        return Ok(BROKEN);
    }
    writeln!(out, "{entries} entries hold")?;
    writeln!(out, "{{\"seq\":{},\"hash\":\"{}\"}}", head.seq, escape_text(&head.hash))?;
    if !anchored {
        crate::terminal::note(
            "Without --anchor nobody can tell whether the end was cut off: keep the line above elsewhere for the next time.",
        );
    }
    Ok(0)
}

/// The database of a data directory, or one that was named itself; none for exported lines.
fn database(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.join("roadstead.db"));
    }
    path.extension().is_some_and(|ending| ending == "db").then(|| path.to_owned())
}

/// A head: in a file, or written out.
fn head(text: &str) -> anyhow::Result<Head> {
    let read = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        let path = Path::new(text);
        let mut read = String::new();
        let file = File::open(path).with_context(|| format!("cannot open the anchor {}", shown(path)))?;
        file.take(LARGEST_HEAD).read_to_string(&mut read)?;
        read
    };
    serde_json::from_str(&read).context("the anchor is not of the form {\"seq\":1,\"hash\":\"…\"}")
}

fn export(database: &Path, to: &Path) -> anyhow::Result<()> {
    crate::output::write(Some(to), "the journal", |out| {
        journal::export(database, out).map(drop).map_err(std::io::Error::other)
    })
}

fn shown(path: &Path) -> String {
    escape_text(&path.to_string_lossy())
}
