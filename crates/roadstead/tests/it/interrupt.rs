//! Ctrl-C while an image comes from a registry that has stopped sending.

use crate::room::{Room, base, files_below, image};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use test_support::{Compression, Image, Layer, LayerBuilder};

/// Where a registry falls silent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stall {
    Manifest,
    LayerHeaders,
    LayerBody,
}

/// Serves the image and falls silent; says so on the channel. It is gone when the test is.
fn stalling_registry(image: &Image, stall: Stall) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (say, stalled) = channel();
    let image = image.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, say, image) = (stream.unwrap(), say.clone(), image.clone());
            std::thread::spawn(move || serve(stream, &image, stall, &say));
        }
    });
    (host, stalled)
}

fn serve(mut stream: std::net::TcpStream, image: &Image, stall: Stall, say: &Sender<()>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1)?.to_owned();
    let digest = path.rsplit('/').next()?.to_owned();
    let digest = if path.ends_with("/manifests/1") { image.digest().to_owned() } else { digest };
    let blob = image.blobs().get(&digest);
    let body = blob.map_or(&b"{}"[..], |blob| &blob.bytes);
    let media_type = blob.map_or("application/json", |blob| &blob.media_type);
    let is_layer = media_type.contains("layer");
    let wait = |stream: &mut std::net::TcpStream| {
        let _ = say.send(());
        // Until the other side hangs up.
        let _ = stream.read(&mut [0]);
    };
    if stall == Stall::Manifest && path.contains("/manifests/") || stall == Stall::LayerHeaders && is_layer {
        wait(&mut stream);
        return None;
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if is_layer && stall == Stall::LayerBody {
        stream.write_all(&body[..body.len() / 2]).ok()?;
        wait(&mut stream);
        return None;
    }
    stream.write_all(body).ok()
}

fn wait_at_most(child: &mut Child, most: Duration) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > most {
            child.kill().unwrap();
            panic!("it did not end within {most:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn check(stall: Stall, signal: rustix::process::Signal) {
    let room = Room::new();
    let noise: Vec<u8> = (0..400_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let big = Layer::from(LayerBuilder::new().file("opt/big", 0o644, noise)).compression(Compression::None);
    let (host, stalled) = stalling_registry(&image().layer(base()).layer(big).build(), stall);
    let output = room.path("report.json");
    let more = ["--plain-http", &host, "--output", output.to_str().unwrap()];
    let mut child = room
        .scan_command(&format!("docker://{host}/a/b:1"), &more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if stalled.recv_timeout(Duration::from_secs(60)).is_err() {
        child.kill().unwrap();
        panic!("the registry was not asked: {:?}", child.wait_with_output().unwrap());
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, signal).unwrap();
    let status = wait_at_most(&mut child, Duration::from_secs(10));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(status.code(), Some(2), "{err}");
    assert!(err.starts_with("error: stopped"), "{err}");
    assert!(!output.exists(), "half a report was written");
    assert_eq!(files_below(&room.temporary()), [] as [std::path::PathBuf; 0]);
    let parts = files_below(&room.cache());
    assert!(parts.iter().all(|path| !path.to_string_lossy().contains(".part-")), "{parts:?}");
    assert!(parts.iter().all(|path| !path.starts_with(room.cache().join("verdicts"))), "{parts:?}");
}

#[test]
fn ctrl_c_ends_a_scan_promptly_and_leaves_nothing() {
    for stall in [Stall::Manifest, Stall::LayerHeaders, Stall::LayerBody] {
        check(stall, rustix::process::Signal::INT);
    }
}

#[test]
fn a_request_to_end_ends_a_scan_as_ctrl_c_does() {
    check(Stall::LayerBody, rustix::process::Signal::TERM);
}
