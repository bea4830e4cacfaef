//! The gate: one pass over the text, without allocation, that most files do not get beyond.

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What hints a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The name of something that decodes.
    pub(super) decoder: bool,
    /// A sign of single characters being put together.
    pub(super) characters: bool,
    /// The name of something that runs a text.
    pub(super) runner: bool,
    /// A command that runs a text.
    pub(super) shell: bool,
    /// A here-document, as far as two signs tell.
    pub(super) document: bool,
    /// The beginning of a base64 text that is a script, a program or an archive.
    pub(super) magic: bool,
}

impl Hints {
    /// Whether it is worth to look closer.
    pub(super) fn any(self) -> bool {
        self.decoder
            || self.magic
            || (self.characters && (self.runner || self.shell))
            || (self.document && self.shell)
    }
}

#[derive(Clone, Copy)]
enum Hint {
    Decoder,
    Characters,
    Runner,
    /// A runner where it is no method: `RegExp.exec` runs nothing.
    Call,
    Shell,
    Document,
    Magic,
}

/// Base64 of `#!/`, of the magic of ELF, gzip, zip and bzip2.
pub(super) const MAGIC: [&str; 5] = ["IyEv", "f0VMR", "H4sI", "UEsD", "QlpoO"];

const WORDS: &[(&str, Hint)] = &[
    ("b64", Hint::Decoder),
    ("base64", Hint::Decoder),
    ("decode64", Hint::Decoder),
    ("a2b_", Hint::Decoder),
    ("atob(", Hint::Decoder),
    ("b85decode", Hint::Decoder),
    ("a85decode", Hint::Decoder),
    ("b32decode", Hint::Decoder),
    ("base32", Hint::Decoder),
    ("fromhex", Hint::Decoder),
    ("unhexlify", Hint::Decoder),
    ("hex2bin", Hint::Decoder),
    ("'hex'", Hint::Decoder),
    ("\"hex\"", Hint::Decoder),
    ("xxd ", Hint::Decoder),
    ("decompress", Hint::Decoder),
    ("inflate", Hint::Decoder),
    ("gunzip", Hint::Decoder),
    ("gzuncompress", Hint::Decoder),
    ("gzdecode", Hint::Decoder),
    ("marshal", Hint::Decoder),
    ("pack(", Hint::Decoder),
    ("pack \"", Hint::Decoder),
    ("pack '", Hint::Decoder),
    ("rot13", Hint::Decoder),
    ("rot_13", Hint::Decoder),
    ("[::-1]", Hint::Characters),
    ("strrev", Hint::Decoder),
    (".reverse()", Hint::Characters),
    ("chr(", Hint::Characters),
    ("map(chr", Hint::Characters),
    ("fromCharCode", Hint::Characters),
    ("fromCodePoint", Hint::Characters),
    ("\\x", Hint::Characters),
    ("\\u00", Hint::Characters),
    ("\\1", Hint::Characters),
    ("bytes([", Hint::Characters),
    ("bytearray([", Hint::Characters),
    ("<<", Hint::Document),
    ("| rev", Hint::Characters),
    ("|rev", Hint::Characters),
    ("rev <", Hint::Characters),
    ("exec(", Hint::Call),
    ("exec (", Hint::Call),
    ("eval(", Hint::Runner),
    ("eval (", Hint::Runner),
    ("eval $", Hint::Runner),
    ("eval \"", Hint::Runner),
    ("eval '", Hint::Runner),
    ("eval `", Hint::Runner),
    ("eval{", Hint::Runner),
    ("Function(", Hint::Runner),
    ("runIn", Hint::Runner),
    ("_compile", Hint::Runner),
    ("compile(", Hint::Call),
    ("child_process", Hint::Runner),
    ("assert(", Hint::Call),
    ("system(", Hint::Runner),
    ("system ", Hint::Runner),
    ("subprocess", Hint::Runner),
    ("popen", Hint::Runner),
    ("sh -c", Hint::Shell),
    ("sh <", Hint::Shell),
    ("sh -s", Hint::Shell),
    ("| sh", Hint::Shell),
    ("|sh", Hint::Shell),
    ("|  sh", Hint::Shell),
    ("bash <", Hint::Shell),
    ("bash -", Hint::Shell),
    ("| bash", Hint::Shell),
    ("|bash", Hint::Shell),
    ("| sudo", Hint::Shell),
    ("|/bin/", Hint::Shell),
    ("| /", Hint::Shell),
    ("| python", Hint::Shell),
    ("|python", Hint::Shell),
    ("| perl", Hint::Shell),
    ("| node", Hint::Shell),
    ("| php", Hint::Shell),
    ("| ruby", Hint::Shell),
    ("python -", Hint::Shell),
    ("python3 -", Hint::Shell),
    ("python <", Hint::Shell),
    ("python3 <", Hint::Shell),
    ("perl -e", Hint::Shell),
    ("perl <", Hint::Shell),
    ("node -e", Hint::Shell),
    ("node <", Hint::Shell),
    ("ruby -e", Hint::Shell),
    ("ruby <", Hint::Shell),
    ("php -r", Hint::Shell),
    ("php <", Hint::Shell),
    ("cat >", Hint::Shell),
    ("cat <", Hint::Shell),
    ("source ", Hint::Shell),
    ("chmod ", Hint::Shell),
    ("#!/", Hint::Shell),
    (MAGIC[0], Hint::Magic),
    (MAGIC[1], Hint::Magic),
    (MAGIC[2], Hint::Magic),
    (MAGIC[3], Hint::Magic),
    (MAGIC[4], Hint::Magic),
];

/// What a NUL means: the file is no text. One that comes later does not hide what stands before it.
const TEXT: usize = 512;

/// None where the words could not be made into a searcher, which a test excludes.
static SEARCHER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(WORDS.iter().map(|(word, _)| word)).ok());

/// Looks for hints.
pub(super) fn hints(text: &[u8]) -> Hints {
    let mut hints = Hints::default();
    let head = text.get(..text.len().min(TEXT)).unwrap_or_default();
    if memchr::memchr(0, head).is_some() {
        return hints;
    }
    let Some(searcher) = SEARCHER.as_ref() else { return hints };
    for found in searcher.find_iter(text) {
        match WORDS.get(found.pattern().as_usize()) {
            Some((_, Hint::Decoder)) => hints.decoder = true,
            Some((_, Hint::Characters)) => hints.characters = true,
            Some((_, Hint::Runner)) => hints.runner = true,
            Some((_, Hint::Call)) => {
                let before = found.start().checked_sub(1).and_then(|before| text.get(before));
                hints.runner |=
                    !before.is_some_and(|before| *before == b'.' || before.is_ascii_alphanumeric());
            }
            Some((_, Hint::Shell)) => hints.shell = true,
            Some((_, Hint::Document)) => hints.document = true,
            Some((_, Hint::Magic)) => hints.magic = true,
            None => {}
        }
        if hints.any() && (hints.decoder || !hints.magic) {
            break;
        }
    }
    hints
}

#[cfg(test)]
pub(super) fn has_searcher() -> bool {
    SEARCHER.is_some()
}
