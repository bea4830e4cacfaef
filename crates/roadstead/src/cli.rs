mod deciding;
mod running;
mod serving;
mod shells;
mod signing;

pub(crate) use deciding::{PolicyAction, PolicyCommand};
pub(crate) use running::{DetonateCommand, EngineName, RunArgs};
pub(crate) use serving::{Serve, VerifyCommand, VerifyJournal, VerifyWhat};
pub(crate) use shells::{Completions, Manual};
pub(crate) use signing::{Keygen, RegistryArgs, Sign, Verify, VerifyForm};

use clap::{Args, Parser, Subcommand, ValueEnum};
use running::duration;
use std::path::PathBuf;

/// Keeps malicious container images out: reads them to the last byte, and judges.
#[derive(Debug, Parser)]
#[command(name = "roadstead", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 passed; 1 verdict at or above --fail-on; 2 the command could not run; \
3 something was not looked at."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read an image and judge it
    Scan(Scan),
    /// Compare two images: what can the new one do that the old one could not
    Diff(Diff),
    /// Run an image in a sandbox whose network is answered and leads nowhere, and judge what it does
    Detonate(DetonateCommand),
    /// Say what this machine can and cannot do for running images
    Doctor,
    /// List the files that a runtime would show of an image, with the layer that brought each
    Files(Files),
    /// Explain a report, or what a finding's id means
    Explain(Explain),
    /// Tell a real campaign from end to end: its images, rebuilt from harmless stand-ins, are pulled through a gate
    Demo(Demo),
    /// Serve a registry that gives out nothing unread: what is pushed, and what it pulls through from others
    Serve(Serve),
    /// Show or clear what earlier scans have kept
    Cache(CacheCommand),
    /// Import lists of indicators for scans to compare with
    Feeds(FeedsCommand),
    /// List, check and test the content rules in YARA that files are held against
    Rules(RulesCommand),
    /// Check and test a policy, by which the gate decides, before it is taken into use
    Policy(PolicyCommand),
    /// Make a pair of keys for signing, in cosign's form
    Keygen(Keygen),
    /// Sign an image in a registry or a layout, as cosign does
    Sign(Sign),
    /// Say whether an image is signed by a key or an identity that is trusted
    Verify(VerifyCommand),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Write the pages of the manual, as a release has them
    #[command(hide = true)]
    Manual(Manual),
}

const SCAN_EXAMPLES: &str = "\
Examples:
  roadstead scan debian:12                          from a registry, every platform
  roadstead scan oci:build/layout                   an OCI layout
  roadstead scan docker-archive:image.tar           what `docker save` wrote
  roadstead scan ./rootfs                           a root file system
  roadstead scan --format sarif --output r.sarif registry.example/app:1.4
  roadstead scan --fail-on suspicious --known-hashes feed.txt oci:build/layout
  roadstead scan --rules ./our-rules registry.example/app:1.4
  roadstead scan --exceptions accepted.toml registry.example/app:1.4";

#[derive(Debug, Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) image: ImageArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    /// List of known bad hashes (MD5, SHA-1 or SHA-256, one a line, optional label after it); repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hashes: Vec<PathBuf>,

    /// A folder of YARA rules (.yar, .yara), or one file, to hold every file against as well; repeatable
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,

    /// Run it as well, and judge what it is and what it does together
    #[arg(long)]
    pub(crate) detonate: bool,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Exceptions: findings that are known and accepted, in TOML; each for one content or one place, until a day
    #[arg(long, value_name = "FILE")]
    pub(crate) exceptions: Option<PathBuf>,

    /// A feed to compare with, in any of the forms that `feeds import` reads; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) feed: Vec<PathBuf>,

    /// Compare with all feeds that were imported
    #[arg(long)]
    pub(crate) feeds: bool,

    /// Where imported feeds are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  roadstead diff app:1.4 app:1.5                        what came in, the most dangerous first
  roadstead diff --format markdown --output comment.md OLD NEW
  roadstead diff --write-baseline accepted.toml OLD NEW   accept what there is today
  roadstead diff --baseline accepted.toml OLD NEW         fail on anything else
  roadstead diff --fail-on medium --platform linux/arm64 OLD NEW
  roadstead diff --detonate OLD NEW                       run both, and compare what they do too

Exit codes: 0 nothing at or above --fail-on; 1 something; 2 the command could not run; 3 something was not
compared.";

#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(crate) struct Diff {
    /// The image as it was, in any of the forms that `scan` takes
    #[arg(value_name = "OLD")]
    pub(crate) old: String,

    /// The image as it is
    #[arg(value_name = "NEW")]
    pub(crate) new: String,

    #[command(flatten)]
    pub(crate) read: ReadArgs,

    /// Form of the comparison
    #[arg(long, value_enum, default_value_t = DiffForm::Table)]
    pub(crate) format: DiffForm,

    /// Write the comparison to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The severity of a change from which on the exit code is 1
    #[arg(long, value_enum, default_value_t = DiffLevel::High)]
    pub(crate) fail_on: DiffLevel,

    /// Changes that are known and accepted, in TOML; each for one content or value
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Accept every change that there is: write them to a file, and fail on none of them
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,

    /// Run both images as well, and compare what they do
    #[arg(long, help_heading = "Running")]
    pub(crate) detonate: bool,

    /// How long all runs of one image may take; `90s`, `5m`
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, requires = "detonate",
        help_heading = "Running")]
    pub(crate) duration: std::time::Duration,

    /// Where the trees of the images are laid out for the while, in a directory of its own
    #[arg(long, value_name = "DIR", requires = "detonate", help_heading = "Running")]
    pub(crate) scratch: Option<PathBuf>,

    /// Show every change, those of low severity included
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// What becomes of a report.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub(crate) format: Form,

    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The verdict from which on the exit code is 1
    #[arg(long, value_enum, default_value_t = FailOn::Malicious)]
    pub(crate) fail_on: FailOn,

    /// Show everything that was found, context included
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  roadstead files oci:build/layout\n  roadstead files --layers 2 --format json debian:12"
)]
pub(crate) struct Files {
    #[command(flatten)]
    pub(crate) image: ImageArgs,

    /// Only the first N layers, as a runtime would show them
    #[arg(long, value_name = "N")]
    pub(crate) layers: Option<usize>,

    /// Form of the list: a line for each path, or JSON lines
    #[arg(long, value_enum, default_value_t = ListForm::Table)]
    pub(crate) format: ListForm,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  roadstead explain S-MIN-HASH\n  roadstead explain report.json")]
pub(crate) struct Explain {
    /// A report in JSON, `-` for standard input, or the id of a finding
    #[arg(value_name = "REPORT|ID")]
    pub(crate) subject: String,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  roadstead demo                      the whole story, in less than a minute
  roadstead demo --keep               and leave the gate open for looking around, until Ctrl-C
  roadstead demo --images stand-ins   and leave its images for trying other commands on";

#[derive(Debug, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct Demo {
    /// Leave the gate and its console open when the story is told, until Ctrl-C; takes a terminal
    #[arg(long)]
    pub(crate) keep: bool,

    /// Write the images into this directory as well, as `docker save` would
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,

    /// Take these out of the five images first, to see what is found without them
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) without: Vec<Told>,

    /// Run no image: the gate only reads, and holds what its policy wants to be run
    #[arg(long)]
    pub(crate) no_run: bool,

    /// Print each report in full
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// What a list could know of the images of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Told {
    /// Names of users, repositories, files and of the miner
    Names,
    /// Hashes of the programs
    Hashes,
    /// Wallets of who is paid
    Wallets,
}

#[derive(Debug, Args)]
pub(crate) struct CacheCommand {
    #[command(subcommand)]
    pub(crate) action: CacheAction,

    /// Where the cache lies
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Print the cache directory
    Path,
    /// Remove everything in it
    Clear,
}

const FEEDS_EXAMPLES: &str = "\
Examples:
  roadstead feeds import full.csv                       what it is, its content tells
  roadstead feeds import --kind layers bad-layers.txt   where it does not
  roadstead feeds import --max-severity high osint.json its word alone convicts nobody
  roadstead feeds list
  roadstead scan --feeds IMAGE                          compare with all that was imported";

#[derive(Debug, Args)]
#[command(after_help = FEEDS_EXAMPLES)]
pub(crate) struct FeedsCommand {
    #[command(subcommand)]
    pub(crate) action: FeedsAction,

    /// Where imported feeds are kept
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedsAction {
    /// Read a feed from a file and keep it; an earlier import of the same name is replaced
    Import(FeedsImport),
    /// List the feeds that were imported
    List,
    /// Remove a feed
    Remove {
        /// Its name, as the list shows it
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FeedsImport {
    /// The feed
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Name under which it is kept and reported [default: the name of the file]
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// What it is, where its content does not tell
    #[arg(long, value_enum)]
    pub(crate) kind: Option<FeedKind>,

    /// The most that its findings may weigh; below critical they do not convict
    #[arg(long, value_enum, default_value_t = MaxSeverity::Critical)]
    pub(crate) max_severity: MaxSeverity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeedKind {
    /// Hashes of files, one a line, optional label after it
    Hashes,
    /// ClamAV .hdb and .hsb
    ClamavHashes,
    /// ClamAV .fp and .sfp: entries of other imported feeds that are wrong
    ClamavAllow,
    /// ClamAV .ndb
    ClamavPatterns,
    /// CSV of MalwareBazaar
    #[value(name = "malwarebazaar")]
    MalwareBazaar,
    /// CSV of ThreatFox
    #[value(name = "threatfox")]
    ThreatFox,
    /// CSV of URLhaus
    #[value(name = "urlhaus")]
    UrlHaus,
    /// MISP event in JSON
    Misp,
    /// hashes.csv of a MISP feed
    MispHashes,
    /// STIX 2.0 or 2.1 bundle
    Stix,
    /// Hosts, addresses and URLs, one a line
    Network,
    /// Digests of revoked images, one a line
    Images,
    /// Digests of known bad layers, one a line
    Layers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MaxSeverity {
    /// Worth knowing
    Low,
    /// Worth a look
    Medium,
    /// Dangerous where it is true
    High,
    /// Its word is taken
    Critical,
}

const RULES_EXAMPLES: &str = "\
Examples:
  roadstead rules list                     the rules that every scan uses
  roadstead rules list --rules ./ours      and those of a folder
  roadstead rules lint ./ours              what could be better about them
  roadstead rules test ./ours              whether they hold where their cases say
  roadstead rules test                     the same of the built-in rules
  roadstead scan --rules ./ours IMAGE      use them

Exit codes: 0 fine; 1 a case fails, or a remark; 2 the rules cannot be used.";

#[derive(Debug, Args)]
#[command(after_help = RULES_EXAMPLES)]
pub(crate) struct RulesCommand {
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// List rules: name, id, severity, role, licence and title of each
    List {
        /// A folder of rules, or one file, to list after the built-in ones; repeatable
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
    },
    /// Say what could be better: warnings of the compiler, slow patterns, missing metadata and cases
    Lint {
        /// The folder of rules
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Try the cases of rules: inputs for which each must hold, and near misses for which it must not
    Test {
        /// The folder of rules, with their cases in `cases` below it [default: the built-in rules]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// How an image is named, fetched and read.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// docker://REF or REF, docker-archive:FILE[:REF], oci:DIR[:TAG], oci-archive:FILE[:TAG], dir:ROOTFS,
    /// containers-storage:REF, containerd:REF, docker-daemon:REF, or a path
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// How images are fetched and read.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Only this platform of an index, such as linux/arm64
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<model::Platform>,

    /// Layers read at once and threads that analyze [default: processors]
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<usize>,

    /// No progress, no notes; only the result and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// Where facts and verdicts of earlier scans are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Most that the cache may hold, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub(crate) cache_size: u64,

    /// Read everything anew and keep nothing
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// A Docker configuration file with credentials and credential helpers; none is read unasked
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    pub(crate) docker_config: Option<PathBuf>,

    /// A registry (host or host:port) that is spoken to in HTTP, without TLS; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Registries")]
    pub(crate) plain_http: Vec<String>,

    /// A further host that may hand out tokens for a registry, and see its credentials; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Registries")]
    pub(crate) token_realm: Vec<String>,

    /// REGISTRY=URL: ask URL for what is in REGISTRY; repeatable
    #[arg(long, value_name = "REGISTRY=URL", help_heading = "Registries")]
    pub(crate) mirror: Vec<String>,

    /// Root of a containers-storage store; repeatable
    #[arg(long, value_name = "DIR", help_heading = "Local stores")]
    pub(crate) storage_root: Vec<PathBuf>,

    /// Root of containerd
    #[arg(long, value_name = "DIR", help_heading = "Local stores")]
    pub(crate) containerd_root: Option<PathBuf>,

    /// Root of the Docker daemon
    #[arg(long, value_name = "DIR", help_heading = "Local stores")]
    pub(crate) docker_root: Option<PathBuf>,

    /// Socket of the Docker daemon
    #[arg(long, value_name = "SOCKET", help_heading = "Local stores")]
    pub(crate) docker_socket: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Table,
    /// roadstead.report/v1
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// One page
    Html,
    /// For comments on changes
    Markdown,
    /// For test dashboards
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListForm {
    /// A line for each path
    Table,
    /// A JSON object a line
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Fail on suspicious and malicious images
    Suspicious,
    /// Fail on malicious images
    Malicious,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffForm {
    /// For people
    Table,
    /// roadstead.diff/v1
    Json,
    /// For comments on changes
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffLevel {
    /// Fail on any change that is told
    Low,
    /// Fail on changes that are worth a look
    Medium,
    /// Fail on changes that attacks consist of
    High,
    /// Fail on new findings that are critical
    Critical,
}
