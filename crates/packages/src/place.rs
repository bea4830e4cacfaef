/// Whether a package of dpkg may well own a file at this path, by the places in which distributions and vendors put
/// theirs. It decides what is worth hashing at first and nothing else: a package may own any path, and then
/// [`crate::Ownership::lacks_sums`] tells.
pub fn may_be_owned(path: &[u8]) -> bool {
    let mut parts = path.split(|&byte| byte == b'/');
    match parts.next().unwrap_or_default() {
        b"usr" => parts.next() != Some(b"local") || parts.next().is_some_and(is_vendors),
        b"bin" | b"boot" | b"etc" | b"lib" | b"lib32" | b"lib64" | b"libx32" | b"opt" | b"sbin" | b"var" => {
            true
        }
        _ => false,
    }
}

/// Whether a directory below `usr/local` is none of those that are there for what people build and install by hand: a
/// few vendors' packages bring one of their own, of several gigabytes.
fn is_vendors(name: &[u8]) -> bool {
    let own: [&[u8]; 9] = [b"bin", b"etc", b"games", b"include", b"lib", b"man", b"sbin", b"share", b"src"];
    !own.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_their_places() {
        let check = |path: &str, expect| assert_eq!(may_be_owned(path.as_bytes()), expect, "{path}");
        check("usr/bin/env", true);
        check("usr/localized", true);
        check("lib/x86_64-linux-gnu/libc.so.6", true);
        check("opt/google/chrome/chrome", true);
        check("etc/passwd", true);
        check("usr/local/cuda-12.4/bin/nvcc", true);
        check("usr/local/lib/node_modules/npm/index.js", false);
        check("usr/local/bin/node", false);
        check("usr/local", false);
        check("app/usr/bin/env", false);
        check("binary", false);
        check("root/.bashrc", false);
        check("", false);
    }
}
