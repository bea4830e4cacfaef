//! The gate: one pass over the text, without allocation, that most files do not get beyond.

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem;
use std::sync::LazyLock;

/// What hints a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The name of something that decodes.
    pub(super) decoder: bool,
    /// A sign of single characters being put together.
    pub(super) characters: bool,
    /// The name of something that runs or writes a text, or decodes one on the spot.
    pub(super) runner: bool,
    /// The name of something that decodes texts of any characters.
    pub(super) opaque: bool,
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

impl Hints {
    /// Whether anything in the text runs a text, as far as names tell.
    pub(super) fn runs_something(self) -> bool {
        self.runner || self.shell || self.opaque
    }

    /// Whether something is run that may stand in the text in pieces, or as it is: whoever runs what he decodes can
    /// put it together from parts that look like nothing.
    pub(super) fn needs_no_payload(self) -> bool {
        self.runner || self.opaque || (self.document || self.characters || self.decoder) && self.shell
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
    Opaque,
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
    ("b85decode", Hint::Opaque),
    ("a85decode", Hint::Opaque),
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
    ("\\u00", Hint::Characters),
    ("bytes([", Hint::Characters),
    ("bytearray([", Hint::Characters),
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
    ("eval d", Hint::Runner),
    ("eval p", Hint::Runner),
    ("eval u", Hint::Runner),
    ("'exec'", Hint::Runner),
    ("\"exec\"", Hint::Runner),
    ("'eval'", Hint::Runner),
    ("\"eval\"", Hint::Runner),
    ("writeFile", Hint::Runner),
    ("atob('", Hint::Runner),
    ("atob(\"", Hint::Runner),
    ("Buffer.from('", Hint::Runner),
    ("Buffer.from(\"", Hint::Runner),
    ("Function(", Hint::Call),
    ("runInThis", Hint::Runner),
    ("runInNew", Hint::Runner),
    ("_compile", Hint::Runner),
    ("compile(", Hint::Call),
    ("child_process", Hint::Runner),
    ("assert(", Hint::Call),
    ("system(", Hint::Runner),
    ("system \"", Hint::Runner),
    ("system '", Hint::Runner),
    ("system $", Hint::Runner),
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
    ("| /bin", Hint::Shell),
    ("| /usr", Hint::Shell),
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
    ("source <", Hint::Shell),
    ("source /", Hint::Shell),
    ("source $", Hint::Shell),
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

/// What almost no text has beside a payload is looked for first, by machine instructions that take many bytes at
/// once; who runs what is asked only where that was found. None where the words could not be made into a searcher,
/// which a test excludes.
static ENCODED: LazyLock<Option<Searcher>> = LazyLock::new(|| {
    let words = WORDS.iter().filter(|(_, hint)| hint.is_encoding()).map(|(word, _)| word);
    packed::Config::new().builder().extend(words).build()
});

static RUN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = WORDS.iter().filter(|(_, hint)| !hint.is_encoding()).map(|(word, _)| word);
    AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(words).ok()
});

/// Looks for hints.
pub(super) fn hints(text: &[u8]) -> Hints {
    let mut hints = Hints::default();
    let head = text.get(..text.len().min(TEXT)).unwrap_or_default();
    if memchr::memchr(0, head).is_some() {
        return hints;
    }
    let (Some(encoded), Some(run)) = (ENCODED.as_ref(), RUN.as_ref()) else { return hints };
    let has = |sign: &[u8]| memmem::find(text, sign).is_some();
    hints.document = has(b"<<");
    hints.characters = has(b"\\x") || has(b"\\1");
    let of_encodings = || WORDS.iter().filter(|(_, hint)| hint.is_encoding());
    for found in encoded.find_iter(text) {
        match of_encodings().nth(found.pattern().as_usize()) {
            Some((_, Hint::Decoder)) => hints.decoder = true,
            Some((_, Hint::Opaque)) => (hints.decoder, hints.opaque) = (true, true),
            Some((_, Hint::Characters)) => hints.characters = true,
            Some((_, Hint::Magic)) => hints.magic = true,
            _ => {}
        }
        if hints.opaque || hints.decoder && hints.magic {
            break;
        }
    }
    if !(hints.decoder || hints.characters || hints.magic || hints.document) {
        return hints;
    }
    let of_runners = || WORDS.iter().filter(|(_, hint)| !hint.is_encoding());
    for found in run.find_iter(text) {
        match of_runners().nth(found.pattern().as_usize()) {
            Some((_, Hint::Runner)) => hints.runner = true,
            Some((_, Hint::Call)) => {
                let before = found.start().checked_sub(1).and_then(|before| text.get(before));
                hints.runner |= !before
                    .is_some_and(|before| matches!(before, b'.' | b'_') || before.is_ascii_alphanumeric());
            }
            Some((_, Hint::Shell)) => hints.shell = true,
            _ => {}
        }
        if hints.any() && hints.needs_no_payload() {
            break;
        }
    }
    hints
}

impl Hint {
    /// Whether it is about what a text holds, rather than about who runs it.
    fn is_encoding(self) -> bool {
        matches!(self, Self::Decoder | Self::Opaque | Self::Characters | Self::Magic)
    }
}

#[cfg(test)]
pub(super) fn has_searcher() -> bool {
    ENCODED.is_some() && RUN.is_some()
}
