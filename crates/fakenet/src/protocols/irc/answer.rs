const SERVER: &str = "irc.example.net";

pub(super) fn answer(command: &str, rest: &str, nick: &str) -> String {
    let numbered = |number: &str, text: &str| format!(":{SERVER} {number} {nick} {text}\r\n");
    let first = rest.split([' ', ',']).next().unwrap_or_default();
    match command {
        "CAP" if rest.starts_with("LS") => format!(":{SERVER} CAP * LS :\r\n"),
        "USER" => [
            numbered("001", &format!(":Welcome to the network, {nick}")),
            numbered("002", &format!(":Your host is {SERVER}, running version InspIRCd-3")),
            numbered("003", ":This server was created 09:41:12 Mar 02 2021"),
            numbered("004", &format!("{SERVER} InspIRCd-3 iosw biklmnopstv")),
            numbered("422", ":ERR_NOMOTD"),
            format!("PING :{SERVER}\r\n"),
        ]
        .concat(),
        "JOIN" => [
            format!(":{nick}!bot@203.0.113.77 JOIN :{first}\r\n"),
            numbered("332", &format!("{first} :-")),
            numbered("353", &format!("= {first} :{nick} @op")),
            numbered("366", &format!("{first} :End of /NAMES list.")),
        ]
        .concat(),
        "PING" => format!(":{SERVER} PONG {SERVER} {rest}\r\n"),
        "MODE" => numbered("324", &format!("{first} +nt")),
        "WHO" => numbered("315", &format!("{first} :End of /WHO list.")),
        "QUIT" => "ERROR :Closing link\r\n".into(),
        _ => String::new(),
    }
}
