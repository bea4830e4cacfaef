/// Whether a path is among the libraries of a language. These come with tools and notes that nobody runs; what is
/// loaded and run of them is followed all the same.
pub(crate) fn is_library(path: &[u8]) -> bool {
    let parts = || path.split(|&byte| byte == b'/');
    let directory =
        |part: &[u8]| matches!(part, b"site-packages" | b"dist-packages" | b"node_modules" | b"gems");
    // The standard library of Python.
    let standard = || {
        parts().zip(parts().skip(1)).any(|(first, next)| {
            first == b"lib"
                && next
                    .strip_prefix(b"python")
                    .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
        })
    };
    parts().any(directory) || standard()
}

#[cfg(test)]
mod tests {
    use super::is_library;

    #[test]
    fn libraries_are_told_by_their_directories() {
        let check = |path: &str, expect| assert_eq!(is_library(path.as_bytes()), expect, "{path}");
        check("usr/lib/python3.13/urllib/request.py", true);
        check("app/node_modules/x/index.js", true);
        check("app/main.py", false);
        check("usr/lib/pythonic/x.py", false);
        check("", false);
    }
}
