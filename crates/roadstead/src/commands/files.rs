use crate::cli::{Files, ListForm};
use crate::progress::Progress;
use crate::{settings, terminal};
use feeds::Indicators;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

pub(crate) fn run(args: &Files) -> anyhow::Result<u8> {
    let (locator, settings) = settings::of(&args.image, Indicators::default())?;
    let (files, gaps) = {
        let _progress = Progress::start(Arc::clone(&settings.watch), args.image.read.quiet);
        pipeline::list_files(&locator, &settings, args.layers)?
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for file in &files {
        match args.format {
            ListForm::Json => {
                serde_json::to_writer(&mut out, file)?;
                writeln!(out)?;
            }
            ListForm::Table => {
                let link = file.link.as_ref().map(|link| format!(" -> {link}")).unwrap_or_default();
                writeln!(
                    out,
                    "{:<9} {:04o} {:>5}:{:<5} {:>12} layer {:<3} {}{link}",
                    file.kind, file.mode, file.uid, file.gid, file.size, file.layer, file.path
                )?;
            }
        }
    }
    out.flush()?;
    for gap in &gaps {
        terminal::note(&format!("not read: {}: {}", gap.what, gap.why));
    }
    Ok(if gaps.is_empty() { 0 } else { 3 })
}
