use crate::cli::DetonateCommand;
use crate::settings;
use anyhow::bail;
use feeds::Indicators;

/// Runs an image and judges what it does, and nothing else; or judges again what an image did.
pub(crate) fn run(args: &DetonateCommand) -> anyhow::Result<u8> {
    let mut settings = settings::reading(&args.read, Indicators::new(Vec::new()))?;
    settings.rules = settings::rules(&args.rules, args.read.quiet)?;
    if let Some(path) = &args.exceptions {
        settings.exceptions = settings::exceptions(path, args.read.quiet)?;
    }
    if let Some(directory) = &args.replay {
        return super::scan::conclude(
            &pipeline::replay(directory, &settings, args.run.timeline.as_deref())?,
            &args.report,
            args.read.quiet,
        );
    }
    let Some(image) = &args.image else { bail!("no image is named") };
    let locator = image.parse()?;
    if let Some(lack) = settings::cannot_run() {
        bail!("images cannot be run on this machine: {lack}; `roadstead doctor` says more");
    }
    settings.detonate = Some(settings::detonate(&args.run, true)?);
    super::scan::report(&locator, &settings, &args.report, args.read.quiet)
}
