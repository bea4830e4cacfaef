//! The gate: what the signs of a text say of it, which most files do not get beyond.

use super::shell;
use crate::signs::{Group, Sign, Signs};
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
    /// A command that decodes what it is given, a way of the shell to write single characters, or its `eval`.
    pub(super) filter: bool,
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

    /// Whether an expression of a general language can come to anything: something is decoded, or run. What only a
    /// shell could run is not written as one.
    pub(super) fn concerns_expressions(self) -> bool {
        self.decoder || self.magic || self.runner
    }

    /// Whether commands of a shell can come to anything in what does not say that it is a script.
    pub(super) fn concerns_commands(self) -> bool {
        self.shell || self.filter
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Decoder,
    Characters,
    Runner,
    /// A runner where it is no method: `RegExp.exec` runs nothing.
    Call,
    /// A call that runs a text in PHP, and checks one elsewhere.
    Php,
    /// A command, from its own name on: `concat <` is another.
    Shell,
    /// A shell with what it is given: any of them, and not `push <`.
    AnyShell,
    /// A pipe into a command, up to the end of its name: `| short` is another.
    Pipe,
    /// The place of an interpreter.
    Place,
    Opaque,
    /// A command that decodes what it is given, or what else only a shell does with it.
    Filter,
    /// The same, by its name alone: as a word, not as a method.
    Program,
    /// A command that turns a line round.
    Reverse,
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
    ("| rev", Hint::Reverse),
    ("|rev", Hint::Reverse),
    ("rev <", Hint::Reverse),
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
    (CHILD_PROCESS, Hint::Runner),
    ("assert(", Hint::Php),
    ("system(", Hint::Runner),
    ("system \"", Hint::Runner),
    ("system '", Hint::Runner),
    ("system $", Hint::Runner),
    ("subprocess", Hint::Runner),
    ("popen", Hint::Runner),
    ("sh -c", Hint::AnyShell),
    ("sh <", Hint::AnyShell),
    ("sh -s", Hint::AnyShell),
    ("| sh", Hint::Pipe),
    ("|sh", Hint::Pipe),
    ("|  sh", Hint::Pipe),
    ("bash <", Hint::Shell),
    ("bash -", Hint::Shell),
    ("| bash", Hint::Pipe),
    ("|bash", Hint::Pipe),
    ("| sudo", Hint::Pipe),
    ("|/bin/", Hint::Place),
    ("| /bin", Hint::Place),
    ("| /usr", Hint::Place),
    ("| python", Hint::Pipe),
    ("|python", Hint::Pipe),
    ("| perl", Hint::Pipe),
    ("| node", Hint::Pipe),
    ("| php", Hint::Pipe),
    ("| ruby", Hint::Pipe),
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
    ("#!/", Hint::Place),
    ("base64 -", Hint::Filter),
    ("base32 -", Hint::Filter),
    ("basenc ", Hint::Filter),
    ("openssl ", Hint::Filter),
    ("xxd -", Hint::Filter),
    ("gunzip", Hint::Program),
    ("zcat", Hint::Program),
    ("gzip -d", Hint::Filter),
    ("gzip -c", Hint::Filter),
    ("gzip --", Hint::Filter),
    ("pigz -", Hint::Filter),
    ("bunzip2", Hint::Program),
    ("bzcat", Hint::Program),
    ("bzip2 -", Hint::Filter),
    ("unxz", Hint::Program),
    ("xzcat", Hint::Program),
    ("unlzma", Hint::Program),
    ("lzcat", Hint::Program),
    ("xz -", Hint::Filter),
    ("lzma -", Hint::Filter),
    ("| tr ", Hint::Filter),
    ("|tr ", Hint::Filter),
    ("printf ", Hint::Filter),
    ("echo -", Hint::Filter),
    ("$'\\", Hint::Filter),
    ("eval $", Hint::Filter),
    ("eval \"", Hint::Filter),
    ("eval '", Hint::Filter),
    ("eval `", Hint::Filter),
    (MAGIC[0], Hint::Magic),
    (MAGIC[1], Hint::Magic),
    (MAGIC[2], Hint::Magic),
    (MAGIC[3], Hint::Magic),
    (MAGIC[4], Hint::Magic),
];

/// The words as signs.
pub(crate) fn signs() -> Vec<Sign> {
    let sign = |&(word, hint): &(&'static str, Hint)| match hint {
        Hint::Call | Hint::Php => Sign::where_it(word, |text, start, _| !is_member(text, start)),
        Hint::Program => Sign::where_it(word, |text, start, end| {
            !is_member(text, start)
                && text.get(end).is_none_or(|byte| byte.is_ascii_whitespace() || b"|;&<>)`\"'".contains(byte))
        }),
        Hint::Reverse => {
            Sign::where_it(word, |text, start, end| !is_within_word(text, start) && !goes_on(text, end))
        }
        Hint::Shell => Sign::where_it(word, |text, start, _| !is_within_word(text, start)),
        Hint::AnyShell => Sign::where_it(word, |text, start, _| is_shell(text, start)),
        Hint::Pipe => Sign::where_it(word, |text, _, end| !goes_on(text, end)),
        _ => Sign::anywhere(word),
    };
    WORDS.iter().map(sign).collect()
}

/// The module that starts programs in JavaScript.
pub(crate) const CHILD_PROCESS: &str = "child_process";

/// Whether a text with these signs may name that module.
pub(crate) fn may_start_programs(signs: &Signs) -> bool {
    signs.meet(&MARKS.child_process)
}

/// Which signs stand for a hint.
struct Marks {
    decoder: Signs,
    opaque: Signs,
    characters: Signs,
    runner: Signs,
    php: Signs,
    shell: Signs,
    filter: Signs,
    magic: Signs,
    child_process: Signs,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    let of = |hints: &[Hint]| {
        Signs::chosen(Group::Decoding, |at| WORDS.get(at).is_some_and(|(_, hint)| hints.contains(hint)))
    };
    Marks {
        decoder: of(&[Hint::Decoder, Hint::Opaque]),
        opaque: of(&[Hint::Opaque]),
        characters: of(&[Hint::Characters, Hint::Reverse]),
        runner: of(&[Hint::Runner, Hint::Call]),
        php: of(&[Hint::Php]),
        shell: of(&[Hint::Shell, Hint::AnyShell, Hint::Pipe, Hint::Place]),
        filter: of(&[Hint::Filter, Hint::Program, Hint::Reverse]),
        magic: of(&[Hint::Magic]),
        child_process: Signs::chosen(Group::Decoding, |at| {
            WORDS.get(at).is_some_and(|(word, _)| *word == CHILD_PROCESS)
        }),
    }
});

/// Looks for hints.
pub(super) fn hints(text: &[u8]) -> Hints {
    hints_of(text, &Signs::of(text))
}

/// The hints that a text has by its signs.
pub(super) fn hints_of(text: &[u8], signs: &Signs) -> Hints {
    /// A NUL among the first bytes means that it is no text. One that comes later hides nothing.
    const TEXT: usize = 512;
    let marks = &*MARKS;
    let has = |sign: &[u8]| memmem::find(text, sign).is_some();
    let mut hints = Hints {
        decoder: signs.meet(&marks.decoder),
        opaque: signs.meet(&marks.opaque),
        // A check of PHP runs its text, but only where there is PHP.
        runner: signs.meet(&marks.runner) || signs.meet(&marks.php) && has(b"<?"),
        shell: signs.meet(&marks.shell),
        filter: signs.meet(&marks.filter),
        magic: signs.meet(&marks.magic),
        ..Hints::default()
    };
    if !(hints.decoder || hints.magic || hints.runner || hints.shell) {
        return Hints::default();
    }
    if memchr::memchr(0, text.get(..text.len().min(TEXT)).unwrap_or_default()).is_some() {
        return Hints::default();
    }
    hints.characters = signs.meet(&marks.characters) || has(b"\\x") || has(b"\\1");
    hints.document = hints.shell && has(b"<<");
    hints
}

fn before(text: &[u8], start: usize) -> Option<u8> {
    start.checked_sub(1).and_then(|before| text.get(before)).copied()
}

/// Whether a name that begins here belongs to something before it, or is the end of a longer one.
fn is_member(text: &[u8], start: usize) -> bool {
    before(text, start).is_some_and(|byte| matches!(byte, b'.' | b'_') || byte.is_ascii_alphanumeric())
}

fn is_within_word(text: &[u8], start: usize) -> bool {
    before(text, start).is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Whether the word whose last letters begin here is the name of a shell.
fn is_shell(text: &[u8], start: usize) -> bool {
    const LONGEST: usize = 8;
    let head = text.get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
    let letters = head.iter().rev().take_while(|&&byte| byte == b'_' || byte.is_ascii_alphanumeric()).count();
    let name = text.get(start - letters..start + 2).unwrap_or_default();
    shell::interpreter(name) == Some(super::Runner::Shell)
}

/// Whether the name that ends here is a part of a longer one, a member's or a type's. A version may follow it.
fn goes_on(text: &[u8], end: usize) -> bool {
    let rest = text.get(end..).unwrap_or_default();
    let version = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(version) {
        Some(b'.') => version == 0,
        Some(byte) => byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b',' | b':' | b'['),
        None => false,
    }
}
