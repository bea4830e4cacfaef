//! Laws that hold over whole scans.

#[cfg(test)]
mod excuses;
