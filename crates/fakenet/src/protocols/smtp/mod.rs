//! A mail server that takes everything and delivers nothing. Logins and mails are written down.

mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    let upper = bytes.get(..bytes.len().min(5)).unwrap_or_default().to_ascii_uppercase();
    if upper == b"EHLO " || upper == b"HELO " || upper == b"LHLO " { 93 } else { 0 }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    talk.say("220 mail.example.net ESMTP Postfix\r\n").await?;
    session(talk).await
}

async fn session(mut talk: Talk) -> Ended {
    for _ in 0..talk.shared.world.limits.requests {
        let line = talk.line().await?;
        let (verb, rest) = parse::verb(&line);
        match verb.as_str() {
            "EHLO" => {
                talk.step("smtp", format!("EHLO {rest}"));
                let tls = if talk.tls { "" } else { "250-STARTTLS\r\n" };
                talk.say(format!("250-mail.example.net\r\n250-SIZE 52428800\r\n250-AUTH PLAIN LOGIN\r\n{tls}250-8BITMIME\r\n250 HELP\r\n")).await?;
            }
            "HELO" => {
                talk.step("smtp", format!("HELO {rest}"));
                talk.say("250 mail.example.net\r\n").await?;
            }
            "STARTTLS" if !talk.tls => {
                talk.say("220 2.0.0 Ready to start TLS\r\n").await?;
                // Inside of TLS no second greeting comes.
                return match crate::tls::open(talk).await? {
                    Some(inside) => Box::pin(session(inside)).await,
                    None => Ok(()),
                };
            }
            "AUTH" => auth(&mut talk, &rest).await?,
            "MAIL" | "RCPT" => {
                talk.step("smtp", format!("{verb} {rest}"));
                talk.say("250 2.1.0 Ok\r\n").await?;
            }
            "DATA" => data(&mut talk).await?,
            "QUIT" => {
                talk.say("221 2.0.0 Bye\r\n").await?;
                return Ok(());
            }
            _ => talk.say("250 2.0.0 Ok\r\n").await?,
        }
    }
    Ok(())
}

/// `AUTH PLAIN …` or `AUTH LOGIN` with two questions.
async fn auth(talk: &mut Talk, rest: &str) -> std::io::Result<()> {
    let (kind, first) = rest.split_once(' ').unwrap_or((rest, ""));
    let login = if kind.eq_ignore_ascii_case("LOGIN") {
        let user = if first.is_empty() {
            talk.say("334 VXNlcm5hbWU6\r\n").await?;
            talk.line().await?
        } else {
            first.as_bytes().to_vec()
        };
        talk.say("334 UGFzc3dvcmQ6\r\n").await?;
        let password = talk.line().await?;
        [parse::decode(&user), parse::decode(&password)].join(&b' ')
    } else {
        let answer = if first.is_empty() {
            talk.say("334 \r\n").await?;
            talk.line().await?
        } else {
            first.as_bytes().to_vec()
        };
        parse::plain(&answer)
    };
    talk.step("smtp", [&b"AUTH "[..], &login].concat());
    talk.flow.watch_whole(&login);
    talk.say("235 2.7.0 Authentication successful\r\n").await
}

/// A mail, up to a dot on a line of its own.
async fn data(talk: &mut Talk) -> std::io::Result<()> {
    talk.say("354 End data with <CR><LF>.<CR><LF>\r\n").await?;
    let most = talk.shared.world.limits.body as usize;
    let mut mail = Vec::new();
    loop {
        let line = talk.line().await?;
        if line == b"." {
            break;
        }
        if mail.len() < most {
            mail.extend(line);
            mail.extend(b"\r\n");
        }
    }
    talk.flow.recorder.keep(&mail);
    talk.step("smtp", format!("DATA {}", mail.len()));
    talk.say("250 2.0.0 Ok: queued as 4F1D2C3E4F\r\n").await
}
