//! The command line of policies.

use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  roadstead policy show > policy.toml               the built-in policy, to begin with
  roadstead policy lint policy.toml                 what is wrong, and whom it lets in that a gate keeps out
  roadstead policy test policy.toml                 the tests that stand in it

What conditions can use is listed in docs/reference/policy.md.
Exit codes: 0 nothing to remark, or all tests passed; 1 remarks or failures; 2 the file cannot be read or used.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PolicyCommand {
    #[command(subcommand)]
    pub(crate) action: PolicyAction,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyAction {
    /// Print the policy that holds where none is given
    Show,
    /// Say what is wrong with a policy, and what it lets in that a gate is there to keep out
    Lint {
        /// The policy, in TOML
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Run the tests that stand in a policy
    Test {
        /// The policy, in TOML [default: the built-in policy]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}
