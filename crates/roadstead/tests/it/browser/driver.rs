//! A real browser, told what to do by chromedriver (W3C WebDriver). It reaches nothing but the loopback.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_support::peer;

/// The property by which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keys by their code points in WebDriver.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// A browser with one window; it ends when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    base: String,
    _profile: TempDir,
}

/// An element of the page that is shown.
#[derive(Clone)]
pub(crate) struct Element(String);

impl Browser {
    /// Opens one, for pages of `address`; none where there is no browser.
    pub(crate) fn open(address: &str) -> Option<Self> {
        let (driver, browser) = (peer("chromedriver")?, peer("chromium")?);
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok());
        // Whatever it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self {
            port: port.expect("chromedriver says on which port it listens"),
            driver,
            session: String::new(),
            base: format!("http://{address}"),
            _profile: profile,
        }
        .with_session(&browser);
        browser.size(1280, 900);
        Some(browser)
    }

    fn with_session(mut self, browser: &Path) -> Self {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-domain-reliability",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            &profile,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": browser, "args": arguments },
        }}});
        let made = self.call("POST", "/session", &wanted);
        self.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        self
    }

    /// Shows a page of the server.
    pub(crate) fn goto(&self, path: &str) {
        self.post("/url", &json!({ "url": format!("{}{path}", self.base) }));
    }

    /// Path and query of the page that is shown.
    pub(crate) fn here(&self) -> String {
        let url = self.get("/url");
        let url = url.as_str().unwrap();
        url.strip_prefix(&self.base).unwrap_or(url).to_owned()
    }

    /// The first element of a selector; it is waited for.
    pub(crate) fn find(&self, selector: &str) -> Element {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.all(selector).into_iter().next() {
                return found;
            }
            assert!(Instant::now() < until, "{} has no {selector}:\n{}", self.here(), self.text("body"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// All elements of a selector that are there now.
    pub(crate) fn all(&self, selector: &str) -> Vec<Element> {
        let found = self.post("/elements", &json!({ "using": "css selector", "value": selector }));
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().filter_map(|element| Some(Element(element[ELEMENT].as_str()?.to_owned()))).collect()
    }

    /// The text of an element, as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let Element(id) = self.find(selector);
            let path = format!("/session/{}/element/{id}/text", self.session);
            let (status, answer) = self.ask("GET", &path, &Value::Null);
            // Between the two questions another page may have come.
            if answer["value"]["error"] == "stale element reference" && Instant::now() < until {
                continue;
            }
            assert_eq!(status, 200, "the text of {selector}: {answer}");
            return answer["value"].as_str().unwrap_or_default().to_owned();
        }
    }

    /// Waits until the page says something.
    pub(crate) fn says(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text("body").contains(words) {
            assert!(Instant::now() < until, "{} does not say {words:?}:\n{}", self.here(), self.text("body"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.click_on(&json!({ ELEMENT: element.0 }));
    }

    /// Follows the link, or presses the button or the summary, that is called so.
    pub(crate) fn press(&self, name: &str) {
        let script = "const name = arguments[0]; const all = document.querySelectorAll('a, button, summary');
             for (const element of all) if (element.textContent.trim() === name && element.checkVisibility()) { return element; }
             return null;";
        let found = self.script(script, &json!([name]));
        assert!(found.is_object(), "{} has no {name:?}", self.here());
        self.click_on(&found);
    }

    /// Clicks; where that leads to another page, until it is there. A browser says that it has clicked before it has left,
    /// and whatever is asked next may be answered by the page that was.
    fn click_on(&self, element: &Value) {
        let script = "const [element] = arguments;
             const leaves = element.tagName === 'A' ? !(element.getAttribute('href') || '#').startsWith('#')
               : element.tagName === 'BUTTON' && element.type === 'submit' && !!element.form && element.form.checkValidity();
             return leaves ? document.documentElement : null;";
        let page = self.script(script, &json!([element]));
        let id = element[ELEMENT].as_str().unwrap();
        self.post(&format!("/element/{id}/click"), &json!({}));
        let Some(page) = page[ELEMENT].as_str() else { return };
        let until = Instant::now() + PATIENCE;
        // The name of an element of a page that is no longer shown names nothing.
        while self.ask("GET", &format!("/session/{}/element/{page}/name", self.session), &Value::Null).0
            == 200
        {
            assert!(Instant::now() < until, "{} is still shown after a click", self.here());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.find("body");
    }

    /// Writes into a field that is shown, in place of what stood there.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let Element(id) = self.find(selector);
        self.post(&format!("/element/{id}/clear"), &json!({}));
        self.post(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Presses keys, one after another, wherever the focus is.
    pub(crate) fn keys(&self, keys: &[&str]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
            })
            .collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.post("/actions", &actions);
    }

    /// What a script gives, which runs beside the policy of the page.
    pub(crate) fn script(&self, script: &str, arguments: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What a script hands to its last argument.
    pub(crate) fn script_later(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    pub(crate) fn size(&mut self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// Which scheme of colours, and whether motion, the person at the screen prefers.
    pub(crate) fn prefers(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let parameters = json!({ "features": features });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": parameters });
        self.post("/goog/cdp/execute", &command);
    }

    /// Keeps a picture of the whole page for people to look at.
    pub(crate) fn picture(&self, name: &str) {
        use base64::Engine as _;
        let parameters = json!({ "captureBeyondViewport": true, "format": "png" });
        let command = json!({ "cmd": "Page.captureScreenshot", "params": parameters });
        let shot = self.post("/goog/cdp/execute", &command);
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// What the browser complained about since it was asked last: scripts that broke, and everything that the policy of
    /// the page kept from happening.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let log = log.as_array().cloned().unwrap_or_default();
        log.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", &format!("/session/{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer["value"].clone()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let (mut line, mut status, mut length) = (String::new(), 0, 0);
        loop {
            line.clear();
            answer.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(code) = line.strip_prefix("http/1.1 ") {
                status = code.split(' ').next().unwrap().parse().unwrap();
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut bytes = vec![0; length];
        answer.read_exact(&mut bytes).unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            let _ = self.ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
