use crate::cli::DetonateCommand;
use crate::settings;
use anyhow::bail;
use feeds::Indicators;

/// Runs an image and judges what it does, and nothing else.
pub(crate) fn run(args: &DetonateCommand) -> anyhow::Result<u8> {
    if let Some(lack) = settings::cannot_run() {
        bail!("images cannot be run on this machine: {lack}; `roadstead doctor` says more");
    }
    let (locator, mut settings) = settings::of(&args.image, Indicators::new(Vec::new()))?;
    settings.detonate = Some(settings::detonate(&args.run, true));
    super::scan::report(&locator, &settings, &args.report, args.image.read.quiet)
}
