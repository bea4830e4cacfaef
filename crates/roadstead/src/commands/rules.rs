use crate::cli::{RulesAction, RulesCommand};
use crate::settings;
use anyhow::Context as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use yara::{Meta, Tested};

/// A case fails, or there is a remark.
const NOT_RIGHT: u8 = 1;

pub(crate) fn run(args: &RulesCommand) -> anyhow::Result<u8> {
    let mut out = BufWriter::new(io::stdout().lock());
    let code = match &args.action {
        RulesAction::List { rules } => list(rules, &mut out)?,
        RulesAction::Lint { folder } => lint(folder, &mut out)?,
        RulesAction::Test { folder } => test(folder.as_deref(), &mut out)?,
    };
    out.flush()?;
    Ok(code)
}

fn list(folders: &[PathBuf], out: &mut impl Write) -> anyhow::Result<u8> {
    let mut all = Meta::all_built_in();
    let mut left_out = Vec::new();
    for folder in folders {
        let pack = settings::pack(folder)?;
        all.extend(pack.rules().cloned());
        left_out.extend(pack.rejected().to_vec());
    }
    let name = |meta: &Meta| format!("{}:{}", model::escape_text(&meta.pack), model::escape_text(&meta.rule));
    let wide = |text: &dyn Fn(&Meta) -> usize| all.iter().map(text).max().unwrap_or_default();
    let (names, ids) = (wide(&|meta| name(meta).chars().count()), wide(&|meta| meta.id.chars().count()));
    for meta in &all {
        let role = match meta.reached {
            Some(reached) => format!("{}, {} where reached", meta.role.name(), reached.name()),
            None => meta.role.name().to_owned(),
        };
        writeln!(
            out,
            "{:names$}  {:ids$}  {:8}  {role}  {}  {}",
            name(meta),
            meta.id,
            meta.severity.name(),
            model::escape_text(meta.license.as_deref().unwrap_or("no licence named")),
            model::escape_text(&meta.title),
        )?;
    }
    for rejected in left_out {
        writeln!(out, "left out: {}: {}", model::escape_text(&rejected.rule), rejected.why)?;
    }
    Ok(0)
}

fn lint(folder: &Path, out: &mut impl Write) -> anyhow::Result<u8> {
    let remarks = yara::lint(folder).with_context(|| format!("cannot use the rules {}", shown(folder)))?;
    for remark in &remarks {
        writeln!(out, "{}: {}", model::escape_text(&remark.about), remark.what)?;
    }
    if remarks.is_empty() {
        writeln!(out, "nothing to remark")?;
    }
    Ok(if remarks.is_empty() { 0 } else { NOT_RIGHT })
}

fn test(folder: Option<&Path>, out: &mut impl Write) -> anyhow::Result<u8> {
    let tested = match folder {
        Some(folder) => {
            yara::test(folder).with_context(|| format!("cannot test the rules {}", shown(folder)))?
        }
        None => yara::built_in_cases()?,
    };
    let Tested { tried, failures, without } = &tested;
    for failure in failures {
        let (rule, why) = (model::escape_text(&failure.rule), model::escape_text(&failure.why));
        writeln!(out, "{rule}: {why}: {}", model::escape_text(&failure.what))?;
    }
    for rule in without {
        writeln!(out, "{}: has no positive case or no near miss", model::escape_text(rule))?;
    }
    writeln!(out, "{tried} cases tried, {} failed; {} rules without cases", failures.len(), without.len())?;
    Ok(if failures.is_empty() { 0 } else { NOT_RIGHT })
}

fn shown(folder: &Path) -> String {
    model::escape_text(&folder.to_string_lossy())
}
