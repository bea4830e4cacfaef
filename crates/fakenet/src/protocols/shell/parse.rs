/// Whether this is what a shell shows when it begins: a prompt, or a complaint about the missing terminal.
pub(super) fn prompt(bytes: &[u8]) -> bool {
    let Some(text) = bytes.get(..bytes.len().min(1024)) else { return false };
    let end = text.trim_ascii_end();
    let complains = [
        &b"cannot set terminal process group"[..],
        b"no job control in this shell",
        b"can't access tty",
        b"Microsoft Windows [Version",
    ];
    if complains.iter().any(|complaint| memchr(text, complaint)) {
        return true;
    }
    // `$ `, `# `, `root@host:/# `, `/ # `, `sh-5.2$ `; nothing else on its line, and the cursor stays there.
    let line = end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let open = text.last() == Some(&b' ') && matches!(end.last(), Some(b'$' | b'#' | b'%' | b'>'));
    open && line.len() <= 120
}

fn memchr(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// `uid=0(root) gid=0(root)` in an answer, without what stands around it.
pub(super) fn identity(answer: &[u8]) -> Option<&[u8]> {
    let from = answer.windows(4).position(|window| window == b"uid=")?;
    let rest = answer.get(from..)?;
    // The line must be complete, and go on as only `id` does.
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = rest.get(..end)?;
    let digit = line.get(4).is_some_and(u8::is_ascii_digit);
    (digit && memchr(line, b"gid=")).then_some(line)
}

/// The first line of an answer that is neither empty nor the order itself, echoed.
pub(super) fn line<'a>(answer: &'a [u8], order: &[u8]) -> Option<&'a [u8]> {
    answer
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.ends_with(order))
}
