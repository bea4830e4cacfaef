//! The command line of the server: its flags come from the table of the configuration, so that neither can lack what the
//! other has.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use gate::config::{KEYS, Key, Kind};
use std::collections::BTreeMap;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  roadstead serve                                   on 127.0.0.1:5000, with all it needs made at the first start
  roadstead serve --listen 0.0.0.0:443 --tls-mode self-made --public-url https://gate.example
  roadstead serve --config /etc/roadstead/gate.toml
  roadstead serve --config gate.toml --check-config what is in force, without secrets
  ROADSTEAD_SCAN_WORKERS=8 roadstead serve          every key has a variable

A registry that may be pulled through, in the configuration, and an image of it:
  [upstreams.\"docker.io\"]
  allow = [\"library/*\"]

  docker pull 127.0.0.1:5000/docker.io/library/debian:12

All keys, with their variables and defaults, are listed in docs/reference/configuration.md.
Exit codes: 0 stopped when asked to, or the configuration is fine; 2 it could not run.";

/// Serve a registry.
#[derive(Debug)]
pub(crate) struct Serve {
    /// The configuration's file.
    pub(crate) config: Option<PathBuf>,
    /// Only say what is in force.
    pub(crate) check_config: bool,
    /// What flags were given, by their names.
    pub(crate) flags: BTreeMap<&'static str, Vec<String>>,
}

fn flagged() -> impl Iterator<Item = (&'static Key, &'static str)> {
    KEYS.iter().filter_map(|key| Some((key, key.flag?)))
}

impl Args for Serve {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("The configuration, in TOML");
        let check = Arg::new("check-config")
            .long("check-config")
            .action(ArgAction::SetTrue)
            .help("Print the configuration that is in force, without secrets, and end");
        let mut command = command.after_help(EXAMPLES).arg(config).arg(check);
        for (key, flag) in flagged() {
            let action = if key.kind == Kind::List { ArgAction::Append } else { ArgAction::Set };
            let again = if key.kind == Kind::List { "; repeatable" } else { "" };
            let help = format!("{}{again} [default: {}]", key.meaning, key.default);
            command = command.arg(Arg::new(flag).long(flag).value_name("VALUE").action(action).help(help));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Serve {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |flag: &'static str| {
            let values: Vec<String> = matches.get_many::<String>(flag)?.cloned().collect();
            Some((flag, values))
        };
        Ok(Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            check_config: matches.get_flag("check-config"),
            flags: flagged().filter_map(|(_, flag)| given(flag)).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const JOURNAL_EXAMPLES: &str = "\
Examples:
  roadstead verify journal                          of the default data directory
  roadstead verify journal --anchor head.json /var/lib/roadstead
  roadstead verify journal --export journal.jsonl /var/lib/roadstead
  roadstead verify journal journal.jsonl            what was exported, on any machine

Exit codes: 0 every entry holds; 1 one does not; 2 the journal cannot be read.";

/// An image or, by a word of its own, something else.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct VerifyCommand {
    #[command(subcommand)]
    pub(crate) what: Option<VerifyWhat>,

    #[command(flatten)]
    pub(crate) image: super::Verify,
}

/// What else than images can be verified.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum VerifyWhat {
    /// Check the journal of a gate without it: no entry changed, none missing
    Journal(VerifyJournal),
}

#[derive(Debug, clap::Args)]
#[command(after_help = JOURNAL_EXAMPLES)]
pub(crate) struct VerifyJournal {
    /// The data directory, its database, or exported lines [default: the data directory of `serve`]
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,

    /// The last entry as it was kept elsewhere, in a file or as JSON: without it, a journal whose end was cut off holds
    #[arg(long, value_name = "FILE|JSON")]
    pub(crate) anchor: Option<String>,

    /// Write the entries to a file as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
}
