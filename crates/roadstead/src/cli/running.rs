//! The command line of running images.

use super::{ReadArgs, ReportArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const DETONATE_EXAMPLES: &str = "\
Examples:
  roadstead detonate oci:build/layout               its behaviour alone
  roadstead detonate --duration 5m --pcap run.pcapng registry.example/app:1.4
  roadstead detonate --format html --output run.html docker-archive:image.tar
  roadstead detonate --timeline run.json registry.example/app:1.4
                                                    a track for each process, to be opened in ui.perfetto.dev
  roadstead detonate --keep records registry.example/app:1.4
  roadstead detonate --replay records               judges again what was kept, by today's rules
  roadstead scan --detonate registry.example/app:1.4
                                                    what it is and what it does, in one verdict";

#[derive(Debug, Args)]
#[command(after_help = DETONATE_EXAMPLES)]
pub(crate) struct DetonateCommand {
    /// The image, in any of the forms that `scan` takes
    #[arg(value_name = "IMAGE", required_unless_present = "replay")]
    pub(crate) image: Option<String>,

    #[command(flatten)]
    pub(crate) read: ReadArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// A folder of YARA rules (.yar, .yara), or one file; those that import `behavior` judge the runs as well; repeatable
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,

    /// Run nothing, and judge the records again that --keep left in this directory
    #[arg(long, value_name = "DIR", help_heading = "Running",
        conflicts_with_all = ["image", "keep", "pcap", "scratch", "duration", "engine", "thorough", "platform"])]
    pub(crate) replay: Option<PathBuf>,

    /// Exceptions: findings that are known and accepted, as `scan` takes them
    #[arg(long, value_name = "FILE")]
    pub(crate) exceptions: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// How an image is run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunArgs {
    /// How long all runs together may take; `90s`, `5m`
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,

    /// Whose kernel takes the calls of what runs: the host's under a tracer, or gVisor's (`runsc`), which is harder to
    /// break out of and shows less
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    pub(crate) engine: EngineName,

    /// Go on with further runs after one has convicted
    #[arg(long)]
    pub(crate) thorough: bool,

    /// Write the packets of the first run, with the keys to what is encrypted in them, in pcapng
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,

    /// Write what the runs did as a timeline, which ui.perfetto.dev shows: trace events in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,

    /// Keep the records of the runs in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,

    /// Where the image's tree is laid out for the while, in a directory of its own
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
}

/// What runs an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The host's kernel, under a tracer of our own
    Native,
    /// gVisor: as root, with `runsc` of release 20240729 or newer
    Gvisor,
}

/// Seconds, or a number with `s`, `m` or `h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = match text.char_indices().find(|(_, letter)| !letter.is_ascii_digit()) {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a time is a number with s, m or h behind it, such as 90s".to_owned()),
    };
    let seconds: u64 = digits.parse().map_err(|_| "a time begins with a number, such as 90s".to_owned())?;
    match seconds.checked_mul(factor) {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is between one second and a day".to_owned()),
    }
}
