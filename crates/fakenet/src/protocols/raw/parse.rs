/// The name of a protocol that is recognised and not spoken.
pub(super) fn known(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, what: &[u8]| bytes.get(from..from + what.len()) == Some(what);
    let table: &[(&str, bool)] = &[
        ("bittorrent", at(0, b"\x13BitTorrent protocol")),
        ("smb", at(4, b"\xffSMB") || at(4, b"\xfeSMB")),
        ("rdp", at(0, b"\x03\x00") && matches!(bytes.get(5), Some(0xe0))),
        ("mongodb", at(12, &2013_u32.to_le_bytes()) || at(12, &2004_u32.to_le_bytes())),
        ("amqp", at(0, b"AMQP")),
        ("kafka", bytes.len() > 12 && at(0, &[0, 0]) && at(4, &[0, 18]) && at(6, &[0])),
        ("memcached", at(0, b"stats\r\n") || at(0, b"version\r\n") || at(0, b"get ")),
        ("rsync", at(0, b"@RSYNCD:")),
        ("nats", at(0, b"CONNECT {")),
        ("adb", at(0, b"CNXN")),
        ("jdwp", at(0, b"JDWP-Handshake")),
        ("rmi", at(0, b"JRMI")),
        ("ajp", at(0, &[0x12, 0x34])),
        ("cassandra", bytes.len() >= 9 && matches!(bytes.first(), Some(3..=5)) && at(4, &[5])),
        ("wireguard", bytes.len() == 148 && at(0, &[1, 0, 0, 0])),
        ("metasploit", at(0, b"MSF\0")),
        ("java-object", at(0, &[0xac, 0xed, 0, 5])),
    ];
    table.iter().find(|(_, is)| *is).map(|(name, _)| *name)
}
