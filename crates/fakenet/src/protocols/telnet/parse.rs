/// What was typed, without negotiation and control characters.
pub(super) fn typed(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            0xff => match bytes.next() {
                Some(0xfb..=0xfe) => {
                    bytes.next();
                }
                // Up to the end of the subnegotiation.
                Some(0xfa) => {
                    bytes.by_ref().find(|byte| **byte == 0xf0);
                }
                _ => {}
            },
            0..0x20 | 0x7f => {}
            byte => out.push(*byte),
        }
    }
    out
}

/// What a small system says to a command. Worms ask for an applet that does not exist, to see where answers end.
pub(super) fn answer(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.get(..line.len().min(512)).unwrap_or_default());
    let mut out = String::new();
    for command in text.split(';').map(str::trim) {
        let mut words = command.split_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            ("id", _) => out.push_str("uid=0(root) gid=0(root)\r\n"),
            ("echo", Some(_)) => out.push_str(&format!(
                "{}\r\n",
                command.trim_start_matches("echo").trim().trim_matches(['\'', '"'])
            )),
            (program, Some(applet)) if program.ends_with("busybox") => {
                out.push_str(&format!("{applet}: applet not found\r\n"));
            }
            ("uname", _) => out.push_str("Linux gw 4.14.180 #1 SMP armv7l GNU/Linux\r\n"),
            _ => {}
        }
    }
    out.push_str("# ");
    out
}
