//! The command line of what helps with the command line: completions for shells, and the pages of the manual.

use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  roadstead completions bash > /etc/bash_completion.d/roadstead
  roadstead completions zsh > ~/.zfunc/_roadstead
  roadstead completions fish > ~/.config/fish/completions/roadstead.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// A folder that is there; pages in it are written anew
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
