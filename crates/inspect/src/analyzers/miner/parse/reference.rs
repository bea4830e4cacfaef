use memchr::memmem;

/// Whether a text has the shape of a list that names what is bad, and so holds the signs of miners without being
/// one: rules of scanners, lists of hosts to block. It lowers only what does not convict, and nothing that the
/// start of the image leads to, because whoever plants a miner can write such words beside it.
pub(super) fn is_rule_or_block_list(text: &[u8]) -> bool {
    /// Rules begin early.
    const LOOKED_AT: usize = 256 << 10;
    let head = text.get(..text.len().min(LOOKED_AT)).unwrap_or_default();
    let has = |words: &[&str]| words.iter().all(|word| memmem::find(head, word.as_bytes()).is_some());
    // YARA, Sigma, Falco, Suricata and Snort, ModSecurity, Semgrep.
    has(&["rule ", "condition:", "strings:", "$"])
        || has(&["logsource:", "detection:", "condition:"])
        || (has(&["condition:", "- rule:"])
            || has(&["- list:", "items:"])
            || has(&["- macro:", "condition:"]))
        || has(&["alert ", "(msg:", "sid:"])
        || has(&["SecRule ", "id:"])
        || has(&["rules:", "pattern", "severity:", "message:"])
        || is_block_list(head)
}

/// Most lines are a host, alone or behind an address that leads nowhere, or a rule of an ad blocker.
fn is_block_list(text: &[u8]) -> bool {
    const FEWEST: usize = 8;
    let (mut lines, mut blocking) = (0_usize, 0_usize);
    for line in text.split(|&byte| byte == b'\n').take(2000) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"!") {
            continue;
        }
        lines += 1;
        let null = [b"0.0.0.0".as_slice(), b"127.0.0.1", b"::", b"::1"].iter().any(|address| {
            line.strip_prefix(*address).is_some_and(|rest| rest.starts_with(b" ") || rest.starts_with(b"\t"))
        });
        let filter = line.starts_with(b"||")
            || line.starts_with(b"@@")
            || line.starts_with(b"local=/")
            || line.starts_with(b"address=/")
            || line.starts_with(b"server=/");
        let host = line.len() <= 253
            && line.contains(&b'.')
            && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_:*/".contains(byte));
        blocking += usize::from(null || filter || host);
    }
    lines >= FEWEST && blocking * 10 >= lines * 8
}
