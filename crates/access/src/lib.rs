//! Who may do what: users, robots, tokens, scopes; gives permits.
#![forbid(unsafe_code)]
