//! The one call by which the C library is told where hosts are looked for.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

/// Keeps the C library from loading modules of the machine when it looks for a host: names are found in `/etc/hosts` and by
/// DNS alone, whatever `nsswitch.conf` says. For a program that is linked statically: there the modules of a machine with
/// another version of the library end it with a signal. It stands in this crate as no other calls C by hand.
///
/// Call it before the first host is looked for. Whether the library took it.
pub fn hosts_without_modules() -> bool {
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    const HOSTS: &CStr = c"hosts";
    const SERVICES: &CStr = c"files dns";
    // SAFETY: both are strings of C that live for ever; the function reads them, keeps a copy, and takes a lock of its own
    // (glibc, nss/nss_database.c).
    unsafe { __nss_configure_lookup(HOSTS.as_ptr(), SERVICES.as_ptr()) == 0 }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs as _;

    #[test]
    fn hosts_are_found_all_the_same() {
        assert!(super::hosts_without_modules());
        let mut found = ("localhost", 80).to_socket_addrs().unwrap();
        assert!(found.all(|address| address.ip().is_loopback()));
    }
}
