//! Webhooks, from a person who tries one to what arrives.

use crate::running::Running;
use reqwest::Method;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

/// What one request said: its head, and its body.
type Said = (String, String);

/// Answers one request after the other with these statuses.
fn receiver(statuses: &'static [&'static str]) -> (String, mpsc::Receiver<Said>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            let _ = tell.send((head.to_lowercase(), String::from_utf8(body).unwrap()));
        }
    });
    (url, told)
}

fn configured(url: &str, allow_private: bool) -> String {
    format!(
        "[[webhooks]]\nname = \"chat\"\nurl = \"{url}\"\nsecret = \"shared\"\nallow-private = {allow_private}\n"
    )
}

#[test]
fn a_message_arrives_signed_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (url, told) = receiver(&["503 Busy", "302 Found\r\nlocation: http://127.0.0.1:9/", "204 No Content"]);
    let (running, admin) = Running::set_up(folder.path(), &configured(&url, true));
    let (_, listed) = running.ask(Method::GET, "/api/v1/webhooks", &admin, None);
    assert!(listed["webhooks"][0]["name"] == "chat" && !listed.to_string().contains("shared"), "{listed}");
    assert_eq!(running.ask(Method::POST, "/api/v1/webhooks/chat/test", &admin, None).0, 202);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let (head, body) = told.recv_timeout(Duration::from_secs(40)).unwrap();
        assert!(head.contains("content-type: application/cloudevents+json"), "{head}");
        let signature = head.split("x-roadstead-signature: ").nth(1).unwrap().split("\r\n").next().unwrap();
        assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
        bodies.push(body);
    }
    assert!(
        bodies.iter().all(|body| body == &bodies[0]),
        "a message stays the same however often it is sent"
    );
    let event: serde_json::Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(event["type"], "dev.roadstead.image.test");
}

/// An address that leads to the network behind the gate is not asked unless somebody wrote that it may be.
#[test]
fn a_private_address_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (url, told) = receiver(&["204 No Content"]);
    let url = url.replace("http://", "https://");
    let (running, admin) = Running::set_up(folder.path(), &configured(&url, false));
    assert_eq!(running.ask(Method::POST, "/api/v1/webhooks/chat/test", &admin, None).0, 202);
    assert!(told.recv_timeout(Duration::from_secs(3)).is_err());
}
