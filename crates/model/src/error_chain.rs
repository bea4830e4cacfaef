use std::error::Error;

/// An error with all its causes in one line, for where an error becomes a gap or a message: `what: why: why`.
/// Escaped, as causes may quote untrusted text.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    crate::escape_text(&text)
}
