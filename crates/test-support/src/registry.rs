use crate::Image;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A registry on the loopback, on a port that the system chose. It serves images as the OCI distribution
/// specification asks, and lies where a test tells it to. It ends when it is dropped.
///
/// ```
/// use test_support::{FakeRegistry, ImageBuilder};
/// let image = ImageBuilder::new().build();
/// let registry = FakeRegistry::new().image("team/app", "1", &image).start();
/// assert!(registry.reference("team/app:1").ends_with("/team/app:1"));
/// ```
#[derive(Default)]
pub struct FakeRegistry {
    tags: BTreeMap<String, (String, String)>,
    blobs: BTreeMap<String, (String, Vec<u8>)>,
    interceptors: Vec<Interceptor>,
}

type Interceptor = Box<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

/// A registry that answers.
pub struct RunningRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    registry: FakeRegistry,
    log: Mutex<Vec<Request>>,
    ended: AtomicBool,
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// How many requests of this path came before this one.
    pub earlier: usize,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers; `Content-Length` is added where it is absent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Breaks the connection after so many bytes of the body.
    pub cut: Option<usize>,
}

impl FakeRegistry {
    /// A registry without images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image, or an index and all below it, under a tag.
    pub fn image(mut self, repository: &str, tag: &str, image: &Image) -> Self {
        for (digest, blob) in image.blobs() {
            self.blobs.insert(digest.clone(), (blob.media_type.clone(), blob.bytes.clone()));
        }
        self.tags.insert(
            format!("/v2/{repository}/manifests/{tag}"),
            (image.digest().to_owned(), image.media_type().to_owned()),
        );
        self
    }

    /// Asks this before the registry's own answer; the first that answers wins.
    pub fn intercept(
        mut self,
        answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.interceptors.push(Box::new(answer));
        self
    }

    /// Starts to answer.
    ///
    /// # Panics
    /// Where the loopback cannot be listened on.
    #[expect(clippy::expect_used, reason = "without a loopback no test can go on")]
    pub fn start(self) -> RunningRegistry {
        self.try_start().expect("the loopback")
    }

    /// As [`start`](Self::start), for what is no test.
    ///
    /// # Errors
    /// Where the loopback cannot be listened on.
    pub fn try_start(self) -> io::Result<RunningRegistry> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { registry: self, log: Mutex::default(), ended: AtomicBool::new(false) });
        let shared_too = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared_too.ended.load(Ordering::Acquire) {
                    break;
                }
                let shared = Arc::clone(&shared_too);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(RunningRegistry { address, shared, acceptor: Some(acceptor) })
    }

    fn answer(&self, request: &Request) -> Response {
        if let Some(response) = self.interceptors.iter().find_map(|intercept| intercept(request)) {
            return response;
        }
        let name = request.path.rsplit('/').next().unwrap_or_default();
        let digest = self.tags.get(&request.path).map_or(name, |(digest, _)| digest);
        match self.blobs.get(digest) {
            Some((media_type, bytes)) => {
                let (status, body) = match request.range_start() {
                    Some(start) if start <= bytes.len() => (206, bytes.get(start..).unwrap_or_default()),
                    Some(_) => return Response::new(416),
                    None => (200, bytes.as_slice()),
                };
                let response = Response::new(status)
                    .header("Content-Type", media_type)
                    .header("Docker-Content-Digest", digest)
                    .body(body);
                match request.range_start() {
                    Some(start) => {
                        let end = bytes.len().saturating_sub(1);
                        response.header("Content-Range", &format!("bytes {start}-{end}/{}", bytes.len()))
                    }
                    None => response,
                }
            }
            None if request.path == "/v2/" => Response::new(200),
            None => Response::new(404).body(br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    }
}

impl RunningRegistry {
    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// A reference to something in this registry.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().map(|log| log.clone()).unwrap_or_default()
    }
}

impl Drop for RunningRegistry {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // The acceptor waits for a connection; this is it.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let Some(mut request) = Request::read(&stream) else { return };
        if let Ok(mut log) = self.log.lock() {
            request.earlier = log.iter().filter(|earlier| earlier.path == request.path).count();
            log.push(request.clone());
        }
        let response = self.registry.answer(&request);
        // A client that has read enough hangs up; that is its right.
        let _ = response.write(&mut stream, request.method != "HEAD");
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream.take(1 << 20));
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            Some(line.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body).ok()?;
        Some(Self { method, path, query, headers, body, earlier: 0 })
    }

    /// The header of this name, given in lower case; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The first byte of the range that is asked for.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range").strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

impl Response {
    /// An answer without a body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Breaks the connection after so many bytes of the body.
    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    fn write(&self, stream: &mut TcpStream, with_body: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} _\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        let end = self.cut.unwrap_or(self.body.len()).min(self.body.len());
        if with_body {
            stream.write_all(self.body.get(..end).unwrap_or_default())?;
        }
        stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageBuilder;

    fn check(registry: &RunningRegistry, head: &str, expect: &str) {
        let mut stream = TcpStream::connect(registry.host()).unwrap();
        stream.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(expect), "{head}: {answer}");
    }

    #[test]
    fn it_answers_like_a_registry() {
        let image = ImageBuilder::new().build();
        let registry = FakeRegistry::new()
            .image("a/b", "1", &image)
            .intercept(|request| (request.path == "/odd").then(|| Response::new(418).body("abc").cut(1)))
            .start();
        let manifest = String::from_utf8(image.manifest().to_vec()).unwrap();
        check(&registry, "GET /v2/a/b/manifests/1 HTTP/1.1", &manifest);
        check(&registry, &format!("GET /v2/a/b/manifests/{} HTTP/1.1", image.digest()), &manifest);
        check(&registry, "GET /v2/a/b/manifests/2 HTTP/1.1", "404");
        check(&registry, "GET /odd?x=1 HTTP/1.1", "Content-Length: 3\r\n\r\na");
        let range = format!("GET /v2/a/b/blobs/{} HTTP/1.1\r\nRange: bytes=5-", image.digest());
        check(&registry, &range, &format!("bytes 5-{}/{}", manifest.len() - 1, manifest.len()));
        let requests = registry.requests();
        assert_eq!(requests.len(), 5);
        assert_eq!(requests[3].query, "x=1");
        assert_eq!(requests[4].range_start(), Some(5));
    }
}
