use super::{Act, InstallStep};
use crate::analyzers::start::{base_name, is_interpreter};
use std::collections::HashSet;

/// Most steps of one text that are kept.
const MAX_STEPS: usize = 16;
/// Longest piece of a command that is kept.
const MAX_TEXT: usize = 200;
/// Most commands of one text that are looked at.
const MAX_COMMANDS: usize = 16 << 10;
/// Most lines of code for an interpreter that are looked at.
const MAX_ONE_LINERS: usize = 256;

/// How a command hangs together with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Next,
    /// It reads what the one before writes.
    Pipe,
    /// Its output becomes words of the one before.
    Inside,
    /// The words of the outer command behind such an output.
    Rest,
}

/// A command as its text shows it. Quotes are taken for spaces, so that lines for another shell are seen, too.
struct Command<'t> {
    line: u32,
    at: usize,
    join: Join,
    words: Vec<&'t [u8]>,
}

/// What commands that are run at the installation of a package do that an installation need not do.
pub(super) fn steps(name: &str, text: &[u8]) -> Vec<InstallStep> {
    let (commands, mut cut) = commands(text);
    let mut steps: Vec<InstallStep> = Vec::new();
    let mut fetched = HashSet::new();
    let mut one_liners = 0;
    for (index, command) in commands.iter().enumerate() {
        let Some((program, arguments)) = program(command) else { continue };
        let one_liner = takes_code(program, arguments) && !is_shell(program);
        cut |= one_liner && one_liners >= MAX_ONE_LINERS;
        let act = if one_liner && one_liners < MAX_ONE_LINERS {
            one_liners += 1;
            self::one_liner(line_of(text, command.at))
        } else {
            None
        };
        let act = act.or_else(|| self::act(&commands, index, program, arguments, &fetched));
        if is_fetcher(program) {
            fetched.extend(output(program, arguments));
        }
        let Some(act) = act else { continue };
        let known = steps.iter().any(|step| step.line == command.line && step.act == act);
        if !known && steps.len() < MAX_STEPS {
            steps.push(InstallStep {
                name: name.to_owned(),
                line: command.line,
                act,
                text: excerpt(line_of(text, command.at)),
            });
        }
    }
    if cut {
        steps.push(InstallStep { name: name.to_owned(), line: 0, act: Act::TooLong, text: String::new() });
    }
    steps
}

fn act(
    commands: &[Command<'_>],
    index: usize,
    program: &[u8],
    arguments: &[&[u8]],
    fetched: &HashSet<&[u8]>,
) -> Option<Act> {
    let runs_input = reads_program_from_input(program, arguments);
    if runs_input {
        let mut sources = sources(commands, index);
        if let Some(act) = sources.find_map(|source| {
            let (program, arguments) = self::program(source)?;
            if is_fetcher(program) {
                return Some(Act::FetchRun);
            }
            is_decoder(program, arguments).then_some(Act::Obfuscated)
        }) {
            return Some(act);
        }
    }
    let evaluates = matches!(program, b"eval" | b"source" | b".")
        || is_interpreter(program) && arguments.iter().all(|word| word.starts_with(b"-"))
        || takes_code(program, arguments);
    if evaluates {
        let inside = commands.get(index + 1..).unwrap_or_default().iter();
        let inside = inside.take_while(|command| matches!(command.join, Join::Inside | Join::Pipe)).take(8);
        for command in inside {
            match self::program(command) {
                Some((program, _)) if is_fetcher(program) => return Some(Act::FetchRun),
                Some((program, arguments)) if is_decoder(program, arguments) => return Some(Act::Obfuscated),
                _ => {}
            }
        }
    }
    if sends(program) && sends_what_it_asked(commands, index) {
        return Some(Act::Sends);
    }
    let started = if is_interpreter(program) || matches!(program, b"source" | b".") {
        arguments.iter().find(|word| !word.starts_with(b"-")).map(|word| base_name(word))
    } else {
        Some(program)
    };
    started.is_some_and(|started| fetched.contains(started)).then_some(Act::FetchRun)
}

/// The commands whose output a command reads.
fn sources<'c, 't>(
    commands: &'c [Command<'t>],
    index: usize,
) -> impl Iterator<Item = &'c Command<'t>> + use<'c, 't> {
    const LONGEST: usize = 16;
    let mut at = index;
    std::iter::from_fn(move || {
        let joined = commands.get(at)?.join;
        if !matches!(joined, Join::Pipe | Join::Inside | Join::Rest) || (at == index && joined != Join::Pipe)
        {
            return None;
        }
        at = at.checked_sub(1)?;
        commands.get(at)
    })
    .take(LONGEST)
}

/// Whether a program fetches from the network.
fn is_fetcher(program: &[u8]) -> bool {
    matches!(
        program,
        b"curl" | b"wget" | b"fetch" | b"aria2c" | b"lwp-download" | b"nc" | b"ncat" | b"socat" | b"lynx"
    )
}

/// Whether a program sends its words or its input somewhere.
fn sends(program: &[u8]) -> bool {
    is_fetcher(program) || matches!(program, b"nslookup" | b"dig" | b"host" | b"ping")
}

fn is_decoder(program: &[u8], arguments: &[&[u8]]) -> bool {
    let has = |options: &[&[u8]]| arguments.iter().any(|word| options.contains(word));
    match program {
        b"base64" | b"base32" => has(&[b"-d", b"-D", b"--decode", b"-di", b"-id"]),
        b"xxd" => arguments.iter().any(|word| word.starts_with(b"-") && word.contains(&b'r')),
        b"openssl" => has(&[b"-d"]),
        b"rev" => true,
        _ => false,
    }
}

fn is_shell(program: &[u8]) -> bool {
    program.ends_with(b"sh") && is_interpreter(program)
}

/// Whether an interpreter runs what it reads.
fn reads_program_from_input(program: &[u8], arguments: &[&[u8]]) -> bool {
    if !is_interpreter(program) {
        return false;
    }
    if !is_shell(program) {
        // `curl | python -c …` reads data.
        return arguments.first().is_none_or(|first| matches!(*first, b"-" | b"/dev/stdin"));
    }
    for word in arguments {
        match *word {
            b"-s" | b"-" | b"/dev/stdin" | b"--" | b">" => return true,
            b"1" | b"2" => {}
            option if option.starts_with(b"--") => {}
            option if option.starts_with(b"-") => {
                if option.contains(&b'c') {
                    return false;
                }
                if option.contains(&b's') {
                    return true;
                }
            }
            _ => return false,
        }
    }
    true
}

/// Whether an interpreter is given its program as a word.
fn takes_code(program: &[u8], arguments: &[&[u8]]) -> bool {
    let options: &[&[u8]] = if is_shell(program) {
        &[b"-c", b"-lc", b"-ec", b"-xc", b"-exc"]
    } else {
        &[b"-c", b"-e", b"-r", b"-p", b"--eval", b"--print"]
    };
    is_interpreter(program) && arguments.iter().any(|word| options.contains(word))
}

/// Whether a line of code for an interpreter fetches what it runs, or hides what it runs.
fn one_liner(line: &[u8]) -> Option<Act> {
    const RUNS: [&str; 10] = [
        "eval(",
        "exec(",
        "Function(",
        "child_process",
        "os.system",
        "subprocess",
        "execSync",
        "spawn(",
        "system(",
        "runInThisContext",
    ];
    const FETCHES: [&str; 8] = [
        "urllib",
        "requests.",
        "http.client",
        "require('http",
        "require(\"http",
        "fetch(",
        "LWP",
        "net.connect",
    ];
    const HIDES: [&str; 9] = [
        "atob(",
        "Buffer.from(",
        "b64decode",
        "fromCharCode",
        "unescape(",
        "marshal.loads",
        "zlib.decompress",
        "fromhex(",
        "unpack(",
    ];
    let has = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(line, word.as_bytes()).is_some());
    if !has(&RUNS) {
        return None;
    }
    if has(&FETCHES) {
        return Some(Act::FetchRun);
    }
    (has(&HIDES) || escapes(line) >= 16).then_some(Act::Obfuscated)
}

/// How many characters are written as `\xNN` or `\uNNNN`.
fn escapes(line: &[u8]) -> usize {
    line.windows(3)
        .filter(|three| matches!(three, [b'\\', b'x' | b'u', digit] if digit.is_ascii_hexdigit()))
        .count()
}

/// Whether a command carries away what another says of the machine or its user.
fn sends_what_it_asked(commands: &[Command<'_>], index: usize) -> bool {
    let tells = |command: &Command<'_>| {
        program(command).is_some_and(|(program, arguments)| match program {
            b"hostname" | b"whoami" | b"printenv" | b"id" => true,
            // `env NAME=value program` is a prefix; alone it prints everything.
            b"env" | b"set" => arguments.is_empty(),
            _ => false,
        })
    };
    let inside = commands.get(index + 1..).unwrap_or_default();
    let inside = inside.iter().take_while(|command| command.join != Join::Next).take(8);
    inside.filter(|command| command.join == Join::Inside).any(tells) || sources(commands, index).any(tells)
}

/// The name under which a fetched file is left.
fn output<'t>(program: &[u8], arguments: &[&'t [u8]]) -> Option<&'t [u8]> {
    let mut words = arguments.iter();
    let mut url = None;
    while let Some(word) = words.next() {
        let named = match *word {
            b"-o" | b"--output" | b"--output-document" | b">" => words.next().copied(),
            b"-O" if program == b"wget" => words.next().copied(),
            word if word.starts_with(b"--output=") || word.starts_with(b"--output-document=") => {
                word.splitn(2, |&byte| byte == b'=').nth(1)
            }
            _ => None,
        };
        if let Some(named) = named {
            let name = base_name(named);
            return (!matches!(name, b"-" | b"" | b"null" | b"stdout")).then_some(name);
        }
        if memchr::memmem::find(word, b"://").is_some() {
            url = Some(*word);
        }
    }
    url.map(base_name).filter(|name| !name.is_empty())
}

/// The program of a command and its arguments, past what only stands before it.
fn program<'c, 't>(command: &'c Command<'t>) -> Option<(&'t [u8], &'c [&'t [u8]])> {
    let mut words = command.words.as_slice();
    let mut prefixed = false;
    while let [first, rest @ ..] = words {
        let name = base_name(first);
        // The quotes around a line for another shell are spaces here, so what it begins with is what is run.
        if let [option, line @ ..] = rest
            && !line.is_empty()
            && is_shell(name)
            && takes_code(name, &[option])
        {
            words = line;
            continue;
        }
        let prefix = matches!(
            name,
            b"sudo"
                | b"exec"
                | b"nohup"
                | b"command"
                | b"time"
                | b"then"
                | b"do"
                | b"else"
                | b"if"
                | b"while"
                | b"until"
                | b"!"
                | b"{"
                | b"}"
                | b"busybox"
                | b"setsid"
        ) || (name == b"env" && !rest.is_empty());
        let assignment = first.iter().position(|&byte| byte == b'=').is_some_and(|at| {
            at > 0 && first.iter().take(at).all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        });
        if !(prefix || assignment || prefixed && first.starts_with(b"-")) {
            return Some((name, rest));
        }
        prefixed |= prefix;
        words = rest;
    }
    None
}

/// Splits a text into commands, in one pass. The flag says whether there are more than are looked at.
fn commands(text: &[u8]) -> (Vec<Command<'_>>, bool) {
    let mut found: Vec<Command<'_>> = Vec::new();
    let mut open: Vec<bool> = Vec::new();
    let mut tick = false;
    let mut line = 1_u32;
    let mut now = Command { line, at: 0, join: Join::Next, words: Vec::new() };
    let mut start = None;
    let mut at = 0;
    while at <= text.len() {
        let byte = text.get(at).copied().unwrap_or(b'\n');
        let next = text.get(at + 1).copied().unwrap_or(0);
        let plain = !byte.is_ascii_whitespace() && !b"\"'`;&|()<>".contains(&byte);
        let opens = matches!((byte, next), (b'$' | b'<', b'('));
        let ends = opens || (byte == b'#' && start.is_none()) || matches!((byte, next), (b'\\', b'\n'));
        if plain && !ends {
            start.get_or_insert(at);
            at += 1;
            continue;
        }
        if let Some(word) = start.take().and_then(|start| text.get(start..at)) {
            if now.words.is_empty() {
                (now.line, now.at) = (line, at - word.len());
            }
            now.words.push(word);
        }
        let mut width = 1;
        let join = match byte {
            b'#' => {
                width = memchr::memchr(b'\n', text.get(at..).unwrap_or_default())
                    .unwrap_or(text.len() - at)
                    .max(1);
                None
            }
            b'\\' => {
                width = 2;
                line = line.saturating_add(1);
                None
            }
            b'\n' => {
                line = line.saturating_add(1);
                Some(Join::Next)
            }
            b';' => Some(Join::Next),
            b'&' if next == b'&' => {
                width = 2;
                Some(Join::Next)
            }
            b'&' if next == b'>' || at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'>') => None,
            b'&' => Some(Join::Next),
            b'|' if next == b'|' => {
                width = 2;
                Some(Join::Next)
            }
            b'|' => Some(Join::Pipe),
            b'`' => {
                tick = !tick;
                Some(if tick { Join::Inside } else { Join::Rest })
            }
            b'$' | b'<' if opens => {
                width = 2;
                open.push(true);
                Some(Join::Inside)
            }
            b'(' => {
                open.push(false);
                Some(Join::Next)
            }
            b')' => Some(if open.pop() == Some(true) { Join::Rest } else { Join::Next }),
            b'>' => {
                now.words.push(b">");
                None
            }
            _ => None,
        };
        if let Some(join) = join {
            if now.words.is_empty() {
                // Nothing stood here: what follows hangs on what stood before, by the stronger of both.
                let stays = join == Join::Next && now.join == Join::Pipe && byte == b'\n';
                now.join = if stays { now.join } else { join };
            } else {
                if found.len() >= MAX_COMMANDS {
                    return (found, true);
                }
                found.push(std::mem::replace(&mut now, Command { line, at, join, words: Vec::new() }));
            }
        }
        at += width;
    }
    (found, false)
}

fn line_of(text: &[u8], at: usize) -> &[u8] {
    const LONGEST: usize = 4 << 10;
    let start = text.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |end| end + 1);
    let start = start.max(at.saturating_sub(LONGEST));
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.get(..rest.len().min(4 * LONGEST)).unwrap_or_default();
    rest.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

fn excerpt(line: &[u8]) -> String {
    let line = line.trim_ascii();
    String::from_utf8_lossy(line.get(..line.len().min(MAX_TEXT)).unwrap_or_default()).into_owned()
}
