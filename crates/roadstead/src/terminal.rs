//! What goes to standard error, and how standard output is to look.

use crate::env_vars;
use report::Style;
use std::io::{IsTerminal as _, Write as _};

/// Prints an error with its causes, once.
pub(crate) fn report_error(error: &anyhow::Error) {
    let mut text = format!("error: {}", model::escape_text(&error.to_string()));
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {}", model::escape_text(&cause.to_string())));
    }
    note(&text);
}

/// A line on standard error. A closed stream is no reason to fail.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How people's output is drawn: colours only on a terminal that may have them.
pub(crate) fn style(to_file: bool, verbose: bool) -> Style {
    let is_terminal = !to_file && std::io::stdout().is_terminal();
    Style { color: is_terminal && !env_vars::no_color(), width: width(is_terminal), verbose }
}

fn width(is_terminal: bool) -> usize {
    let columns = is_terminal
        .then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok())
        .flatten()
        .map_or(100, |size| usize::from(size.ws_col));
    columns.clamp(60, 140)
}
