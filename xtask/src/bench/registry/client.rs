//! HTTP/1.1 over one connection that is kept, as thin as can be: what is measured is the server.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection to a registry, and what proves who asks.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    authorization: Option<String>,
}

/// The head of an answer; the body is still to be read.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr, authorization: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot reach {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let stream = BufReader::with_capacity(256 << 10, stream);
        Ok(Self { stream, address, authorization: authorization.map(str::to_owned) })
    }

    /// Asks without a body and reads the answer to its end; gives head, and body where one came.
    pub(super) fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Answer, Vec<u8>)> {
        self.send(method, target, headers, &[])?;
        self.answer(method)
    }

    /// Asks with a body.
    pub(super) fn send_body(
        &mut self,
        method: &str,
        target: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<(Answer, Vec<u8>)> {
        self.send(method, target, &[("Content-Type", kind)], body)?;
        self.answer(method)
    }

    /// Reads content to its end and forgets it; gives its length. `pause` after each piece makes the reader slow.
    pub(super) fn drain(&mut self, target: &str, pause: Option<Duration>) -> Result<u64> {
        self.send("GET", target, &[], &[])?;
        let answer = self.head()?;
        if answer.status != 200 {
            bail!("GET {target} was answered with {}", answer.status);
        }
        let length = answer.length()?;
        let mut left = length;
        let mut piece = vec![0; 1 << 20];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let read = self.stream.read(&mut piece[..wanted])?;
            if read == 0 {
                bail!("GET {target} ended {left} bytes early");
            }
            left -= read as u64;
            if let Some(pause) = pause {
                std::thread::sleep(pause);
            }
        }
        Ok(length)
    }

    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<()> {
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Authorization: {authorization}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Ok(())
    }

    fn answer(&mut self, method: &str) -> Result<(Answer, Vec<u8>)> {
        let answer = self.head()?;
        let mut body = Vec::new();
        if method != "HEAD" && answer.status != 204 && answer.status != 304 {
            let length = answer.length()?;
            Read::take(&mut self.stream, length).read_to_end(&mut body)?;
        }
        Ok((answer, body))
    }

    fn head(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("no status in {line:?}"))?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Answer { status, headers })
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn length(&self) -> Result<u64> {
        let length = self.header("content-length").and_then(|length| length.parse().ok());
        length.with_context(|| format!("an answer of status {} has no length", self.status))
    }
}
