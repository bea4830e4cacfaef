//! Laws that hold over whole scans.

#[cfg(test)]
mod excuses;
#[cfg(test)]
mod sums;
