//! Which words a script has to have before its tokens are worth reading.

use crate::analyzers::start::Language;
use crate::signs::{Group, Sign, Signs};
use memchr::memmem;
use std::sync::LazyLock;

/// What Python asks a host with.
const PYTHON_ASKS: &[&str] =
    &["urlopen", "urlretrieve", "requests", "httpx", "aiohttp", "http.client", "Request("];
/// What it does with an answer, or sends.
const PYTHON_USES: &[&str] = &[
    "exec(",
    "eval(",
    "environ",
    "getenv",
    "chmod",
    "system(",
    "open(",
    "subprocess",
    "webhook",
    "/bot",
    "pastebin",
    "gethostname",
    "uname",
    "spawn",
    "/proc/",
];
/// The same of JavaScript.
const SCRIPT_ASKS: &[&str] = &[
    "fetch(", "axios", "http.", "https.", "http'", "https'", "http\"", "https\"", "got(", "got.", "request(",
];
const SCRIPT_USES: &[&str] = &[
    "eval",
    "Function(",
    "process.env",
    "exec",
    "spawn",
    "chmod",
    "_compile",
    "vm.",
    "readFile",
    "webhook",
    "/bot",
    "hostname",
];
/// What opens a connection.
const CONNECTS: &[&str] = &["ocket", "sockopen", "net.connect", "createConnection"];
/// What runs a program from memory.
const MEMORY: &[&str] = &["memfd_create", "syscall("];
/// An address.
const ADDRESS: &[&str] = &["://"];
const WORDS: [&[&str]; 7] = [PYTHON_ASKS, PYTHON_USES, SCRIPT_ASKS, SCRIPT_USES, CONNECTS, MEMORY, ADDRESS];

/// The words as signs.
pub(crate) fn signs() -> Vec<Sign> {
    words().map(Sign::anywhere).collect()
}

fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|words| words.iter().copied())
}

/// The words of each list, as they are told of a text.
static MARKS: LazyLock<[Signs; WORDS.len()]> = LazyLock::new(|| {
    let words: Vec<_> = words().collect();
    WORDS.map(|list| Signs::chosen(Group::Acts, |at| words.get(at).is_some_and(|word| list.contains(word))))
});

/// Whether a script has both ends of anything that is looked for here. Most have not, and telling so costs a
/// fraction of reading their tokens. An act with a host needs that host's address, or a connection.
pub(super) fn matters(language: Language, text: &[u8], signs: &Signs) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| memmem::find(text, word.as_bytes()).is_some());
    let [python_asks, python_uses, script_asks, script_uses, connects, memory, address] = &*MARKS;
    let runs = [
        "exec",
        "popen",
        "Popen",
        "spawn",
        "system",
        "subprocess",
        "`",
        "passthru",
        "environ",
        "ENV",
        "process.env",
    ];
    let asks_and_uses = || match language {
        Language::Python => signs.meet(python_asks) && signs.meet(python_uses),
        Language::JavaScript => signs.meet(script_asks) && signs.meet(script_uses),
        Language::Php => has(&["file_get_contents", "curl_", "fopen", "copy(", "include", "require"]),
        Language::Perl => has(&["LWP", "HTTP::", "get"]),
        Language::Ruby => has(&["Net::HTTP", "open", "HTTP"]),
        _ => has(&["http"]),
    };
    signs.meet(address) && asks_and_uses()
        || signs.meet(connects) && has(&["connect", "open", "new"]) && has(&runs)
        || signs.meet(memory)
        || language == Language::Php && has(&["$_GET", "$_POST", "$_REQUEST", "$_COOKIE", "php://input"])
}
