//! An FTP server. What is asked for is served as over HTTP, what is put there is kept.

mod parse;
#[cfg(test)]
mod tests;

use crate::payloads::{self, Id, Wanted};
use crate::recorder::{Flow, locked};
use crate::server::{Ended, Shared};
use crate::talk::Talk;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the connection for data is waited for.
const DATA: Duration = Duration::from_secs(10);

/// Clients wait for the greeting; on other ports than the usual they are known by nothing.
pub(crate) fn taste(_: &[u8], _: u16) -> u8 {
    0
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    talk.say("220 (vsFTPd 3.0.5)\r\n").await?;
    let mut user = String::new();
    let mut data = None;
    let mut port = 30_000 + (talk.flow.id.0 * 64 % 20_000) as u16;
    for _ in 0..talk.shared.world.limits.requests {
        let line = talk.line().await?;
        let (verb, rest) = parse::verb(&line);
        let answer: String = match verb.as_str() {
            "USER" => {
                user = rest;
                "331 Please specify the password.\r\n".into()
            }
            "PASS" => {
                talk.step("ftp", format!("login {user} {rest}"));
                "230 Login successful.\r\n".into()
            }
            "SYST" => "215 UNIX Type: L8\r\n".into(),
            "FEAT" => "211-Features:\r\n EPSV\r\n PASV\r\n SIZE\r\n211 End\r\n".into(),
            "PWD" => "257 \"/\" is the current directory\r\n".into(),
            "TYPE" => "200 Switching to Binary mode.\r\n".into(),
            "PASV" | "EPSV" => {
                port += 1;
                let (sender, receiver) = oneshot::channel();
                let to = SocketAddr::new(talk.flow.to.ip(), port);
                locked(&talk.shared.expected).insert(to, sender);
                data = Some((receiver, to));
                let [high, low] = port.to_be_bytes();
                match to.ip() {
                    IpAddr::V4(address) if verb == "PASV" => {
                        let [a, b, c, d] = address.octets();
                        format!("227 Entering Passive Mode ({a},{b},{c},{d},{high},{low}).\r\n")
                    }
                    _ => format!("229 Entering Extended Passive Mode (|||{port}|)\r\n"),
                }
            }
            // We never connect to a guest.
            "PORT" | "EPRT" => "500 Illegal PORT command.\r\n".into(),
            "RETR" | "STOR" | "APPE" | "LIST" | "NLST" => {
                talk.step("ftp", format!("{verb} {rest}"));
                let Some((receiver, to)) = data.take() else {
                    talk.say("425 Use PORT or PASV first.\r\n").await?;
                    continue;
                };
                talk.say("150 Opening BINARY mode data connection.\r\n").await?;
                let taken = tokio::time::timeout(DATA, receiver).await;
                locked(&talk.shared.expected).remove(&to);
                match taken {
                    Ok(Ok(other)) => {
                        transfer(&talk.flow, &talk.shared, other, &verb, &rest).await;
                        "226 Transfer complete.\r\n".into()
                    }
                    _ => "425 Failed to establish connection.\r\n".into(),
                }
            }
            "SIZE" => "550 Could not get file size.\r\n".into(),
            "CWD" | "CDUP" | "DELE" | "MKD" | "RMD" | "RNTO" => {
                talk.step("ftp", format!("{verb} {rest}"));
                "250 Directory successfully changed.\r\n".into()
            }
            "QUIT" => {
                talk.say("221 Goodbye.\r\n").await?;
                return Ok(());
            }
            "AUTH" => "530 Please login with USER and PASS.\r\n".into(),
            _ => "200 OK.\r\n".into(),
        };
        talk.say(answer).await?;
    }
    Ok(())
}

async fn transfer(flow: &Flow, shared: &Shared, mut data: Talk, verb: &str, path: &str) {
    let world = &shared.world;
    match verb {
        "RETR" => {
            let id = Id::new(world.canaries.get("input-data"), shared.serial());
            let path = format!("/{}", path.trim_start_matches('/'));
            let wanted = Wanted { path: &path, accept: "", agent: "", seconds: world.clock.seconds() };
            let payload = payloads::choose(&wanted, &id);
            flow.recorder.serving(&payload.bytes, payload.what);
            let _ = data.say(payload.bytes).await;
        }
        "STOR" | "APPE" => {
            let bytes = data.rest().await;
            flow.recorder.keep(&bytes);
            flow.step("ftp", format!("stored {} bytes", bytes.len()));
        }
        _ => {
            let _ =
                data.say("-rw-r--r--    1 ftp      ftp          4096 Mar 02  2024 backup.tar.gz\r\n").await;
        }
    }
}
