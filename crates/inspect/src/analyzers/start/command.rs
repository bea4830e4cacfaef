use super::parse::language_of_program;
use super::{Language, base_name};

/// A word of a command line; none where only running tells it.
pub(crate) type Arg = Option<Vec<u8>>;

/// What a command leads to beyond its own program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command that it runs: the rest of a wrapper's line.
    Command(Vec<Arg>),
    /// A command line for the shell, with the arguments that its `$0`, `$1`, … stand for.
    ShellLine(Vec<u8>, Vec<Arg>),
    /// Python code.
    PythonCode(Vec<u8>),
    /// A script or archive that it interprets, with its arguments.
    Script(Vec<u8>, Vec<Arg>),
    /// A Python module that it runs.
    Module(Vec<u8>),
}

/// What a command leads to, told from the name of its program and its words, the program first.
pub(crate) fn steps(name: &[u8], words: &[Arg]) -> Vec<Step> {
    let arguments = words.get(1..).unwrap_or_default();
    if let Some(language) = language_of_program(name) {
        return interpreter(language, arguments);
    }
    match name {
        b"eval" => shell_line(arguments),
        b"env" => env(arguments),
        b"su" | b"runuser" => switch_user(name, arguments),
        b"start-stop-daemon" => daemon(arguments),
        b"service" | b"rc-service" | b"invoke-rc.d" => service(arguments),
        b"java" => after(arguments, b"-jar"),
        b"dotnet" | b"mono" => {
            positional(arguments, &[]).map_or_else(Vec::new, |(path, rest)| script(path, rest))
        }
        b"gunicorn" | b"uvicorn" | b"hypercorn" | b"daphne" => application(arguments),
        b"busybox" | b"toybox" => command(arguments),
        _ => match wrapper(name) {
            Some(wrapper) => wrapped(wrapper, arguments),
            None => Vec::new(),
        },
    }
}

/// Whether a program of this name runs what it is given in a language.
pub(crate) fn is_interpreter(name: &[u8]) -> bool {
    language_of_program(name).is_some()
}

/// Whether a program of this name runs nothing but itself, whatever its words are.
pub(super) fn is_plain(name: &[u8]) -> bool {
    let special: [&[u8]; 16] = [
        b"eval",
        b"env",
        b"su",
        b"runuser",
        b"start-stop-daemon",
        b"service",
        b"rc-service",
        b"invoke-rc.d",
        b"java",
        b"dotnet",
        b"mono",
        b"gunicorn",
        b"uvicorn",
        b"hypercorn",
        b"busybox",
        b"toybox",
    ];
    language_of_program(name).is_none() && !special.contains(&name) && wrapper(name).is_none()
}

/// A program that runs the rest of its line.
#[derive(Clone, Copy)]
struct Wrapper {
    /// Options that take the next word as their value.
    valued: &'static [&'static str],
    /// Words of its own before the command.
    own: usize,
}

fn wrapper(name: &[u8]) -> Option<Wrapper> {
    let (valued, own): (&[&str], usize) = match name {
        b"tini" | b"tini-static" | b"docker-init" | b"catatonit" => (&["-p", "-e"], 0),
        b"dumb-init" => (&["-r", "--rewrite"], 0),
        b"gosu" | b"su-exec" | b"setuidgid" | b"s6-setuidgid" | b"chroot" | b"faketime" => (&[], 1),
        b"flock" => (&["-w", "-E", "--timeout"], 1),
        b"timeout" => (&["-s", "-k", "--signal", "--kill-after"], 1),
        b"taskset" | b"chrt" => (&[], 1),
        b"nice" => (&["-n", "--adjustment"], 0),
        b"ionice" => (&["-c", "-n", "-p"], 0),
        b"stdbuf" => (&["-i", "-o", "-e"], 0),
        b"nohup" | b"setsid" | b"time" | b"with-contenv" | b"fakeroot" | b"dbus-run-session"
        | b"catchsegv" => (&[], 0),
        b"exec" => (&["-a"], 0),
        b"command" | b"builtin" | b"unshare" | b"torsocks" | b"torify" | b"tsocks" => (&[], 0),
        b"proxychains" | b"proxychains4" => (&["-f"], 0),
        b"sudo" | b"doas" => (&["-u", "-g", "-h", "-p", "-C", "-U", "-r", "-t"], 0),
        b"setpriv" => {
            (&["--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set"], 0)
        }
        b"chpst" => {
            (&["-u", "-U", "-b", "-e", "-d", "-o", "-p", "-f", "-c", "-r", "-t", "-m", "-n", "-/"], 0)
        }
        b"cpulimit" => (&["-l", "-p", "-e", "-c", "--limit"], 0),
        b"numactl" => (&["-N", "-m", "-C", "-i", "-p"], 0),
        b"xvfb-run" => (&["-e", "-f", "-n", "-p", "-s", "-w"], 0),
        b"strace" | b"ltrace" => (&["-o", "-e", "-p", "-s", "-u"], 0),
        b"screen" => (&["-S", "-s", "-t", "-c", "-T", "-h", "-p"], 0),
        b"xargs" => (&["-n", "-I", "-P", "-L", "-d", "-s", "-E", "-a"], 0),
        b"watch" => (&["-n", "--interval"], 0),
        _ if name.starts_with(b"ld-linux") || name.starts_with(b"ld-musl") => {
            (&["--library-path", "--preload", "--argv0", "--audit"], 0)
        }
        _ if name.starts_with(b"qemu-") => (&["-L", "-E", "-U", "-0", "-cpu"], 0),
        _ => return None,
    };
    Some(Wrapper { valued, own })
}

/// Passes over the options before the first word that is none.
fn options<'a>(mut arguments: &'a [Arg], valued: &[&str]) -> &'a [Arg] {
    while let [Some(option), rest @ ..] = arguments {
        if option == b"--" {
            return rest;
        }
        if option.len() < 2 || !option.starts_with(b"-") {
            break;
        }
        // `-dmS name`: the last letter of a bundle may take a value.
        let last = option.last().map_or([b'-', 0], |&last| [b'-', last]);
        let takes = valued.iter().any(|valued| {
            option == valued.as_bytes() || (!option.starts_with(b"--") && valued.as_bytes() == last)
        });
        arguments = if takes { rest.get(1..).unwrap_or_default() } else { rest };
    }
    arguments
}

/// The first word that is no option, and what follows it.
fn positional<'a>(arguments: &'a [Arg], valued: &[&str]) -> Option<(&'a Arg, &'a [Arg])> {
    options(arguments, valued).split_first()
}

fn wrapped(wrapper: Wrapper, arguments: &[Arg]) -> Vec<Step> {
    let rest = options(arguments, wrapper.valued).get(wrapper.own..).unwrap_or_default();
    command(options(rest, &[]))
}

fn command(words: &[Arg]) -> Vec<Step> {
    let words = skip_assignments(words);
    if words.is_empty() { Vec::new() } else { vec![Step::Command(words.to_vec())] }
}

fn skip_assignments(mut words: &[Arg]) -> &[Arg] {
    while let [Some(word), rest @ ..] = words {
        let name = word.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if name == 0 || word.get(name) != Some(&b'=') {
            break;
        }
        words = rest;
    }
    words
}

fn script(path: &Arg, rest: &[Arg]) -> Vec<Step> {
    path.iter().map(|path| Step::Script(path.clone(), rest.to_vec())).collect()
}

/// Words joined as `eval` joins them; none where one is unknown.
fn shell_line(words: &[Arg]) -> Vec<Step> {
    let words: Option<Vec<&[u8]>> = words.iter().map(|word| word.as_deref()).collect();
    words.map(|words| Step::ShellLine(words.join(b" ".as_slice()), Vec::new())).into_iter().collect()
}

fn env(arguments: &[Arg]) -> Vec<Step> {
    let mut rest = arguments;
    while let [Some(option), after @ ..] = rest {
        if let Some(line) = option.strip_prefix(b"-S").or_else(|| option.strip_prefix(b"--split-string=")) {
            // The line stands in the same word or in the next.
            let (line, after) = match (line, after) {
                (b"", [Some(line), after @ ..]) => (line.as_slice(), after),
                _ => (line, after),
            };
            let mut words: Vec<Arg> = line
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty())
                .map(|word| Some(word.to_vec()))
                .collect();
            words.extend_from_slice(after);
            return command(&words);
        }
        match option.as_slice() {
            b"-u" | b"-C" | b"--unset" | b"--chdir" => rest = after.get(1..).unwrap_or_default(),
            b"--" => {
                rest = after;
                break;
            }
            option if option.starts_with(b"-") => rest = after,
            _ => break,
        }
    }
    command(rest)
}

fn switch_user(name: &[u8], arguments: &[Arg]) -> Vec<Step> {
    let given = |flag: &[u8]| arguments.iter().position(|word| word.as_deref() == Some(flag));
    if let Some(at) = given(b"-c").or_else(|| given(b"--command")) {
        return match arguments.get(at + 1) {
            Some(Some(line)) => vec![Step::ShellLine(line.clone(), Vec::new())],
            _ => Vec::new(),
        };
    }
    let valued = ["-u", "--user", "-g", "--group", "-s", "--shell", "-G", "-w"];
    if name == b"runuser" && given(b"-u").is_some() {
        command(options(arguments, &valued))
    } else {
        Vec::new()
    }
}

/// `start-stop-daemon --start --exec PROGRAM -- arguments`.
fn daemon(arguments: &[Arg]) -> Vec<Step> {
    let split = arguments.iter().position(|word| word.as_deref() == Some(b"--"));
    let (own, rest) = arguments.split_at(split.unwrap_or(arguments.len()));
    let program = own.iter().enumerate().find_map(|(at, word)| match word.as_deref()? {
        b"--exec" | b"-x" | b"--startas" | b"-a" => own.get(at + 1)?.clone(),
        word => {
            word.strip_prefix(b"--exec=").or_else(|| word.strip_prefix(b"--startas=")).map(<[u8]>::to_vec)
        }
    });
    let Some(program) = program else { return Vec::new() };
    vec![Step::Command(std::iter::once(Some(program)).chain(rest.iter().skip(1).cloned()).collect())]
}

/// `service NAME start` runs the script of that name.
fn service(arguments: &[Arg]) -> Vec<Step> {
    match positional(arguments, &[]) {
        Some((Some(name), rest)) if !name.contains(&b'/') => {
            let script = Some([b"/etc/init.d/", name.as_slice()].concat());
            vec![Step::Command(std::iter::once(script).chain(rest.iter().cloned()).collect())]
        }
        _ => Vec::new(),
    }
}

/// The file that follows an option, such as `-jar`.
fn after(arguments: &[Arg], option: &[u8]) -> Vec<Step> {
    let at = arguments.iter().position(|word| word.as_deref() == Some(option));
    let path = at.and_then(|at| Some((arguments.get(at + 1)?, arguments.get(at + 2..)?)));
    path.map_or_else(Vec::new, |(path, rest)| script(path, rest))
}

/// `gunicorn package.module:object`.
fn application(arguments: &[Arg]) -> Vec<Step> {
    let module = arguments.iter().flatten().find_map(|word| {
        let (module, object) = word.split_at(memchr::memchr(b':', word)?);
        let dotted = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        (!module.is_empty()
            && object.get(1).is_some_and(u8::is_ascii_alphabetic)
            && module.iter().all(dotted)
            && !module.first().is_some_and(u8::is_ascii_digit))
        .then(|| module.to_vec())
    });
    module.map(Step::Module).into_iter().collect()
}

fn interpreter(language: Language, arguments: &[Arg]) -> Vec<Step> {
    match language {
        Language::Shell => shell(arguments),
        Language::Python => python(arguments),
        Language::JavaScript => javascript(arguments),
        Language::Php => match positional(arguments, &["-c", "-d", "-r", "-z", "-S", "-t"]) {
            Some((path, rest)) => script(path, rest),
            None => after(arguments, b"-f"),
        },
        Language::Perl if has_bundled(arguments, b"eE") => Vec::new(),
        Language::Ruby | Language::Lua if has_bundled(arguments, b"e") => Vec::new(),
        Language::Ruby => positional(arguments, &["-r", "-I", "-C"])
            .map_or_else(Vec::new, |(path, rest)| script(path, rest)),
        Language::Perl | Language::Lua | Language::Other => {
            positional(arguments, &["-I", "-l"]).map_or_else(Vec::new, |(path, rest)| script(path, rest))
        }
    }
}

/// Whether the options give code on the command line.
fn has_bundled(arguments: &[Arg], letters: &[u8]) -> bool {
    let options = arguments.iter().flatten().take_while(|word| word.starts_with(b"-"));
    options
        .into_iter()
        .any(|option| !option.starts_with(b"--") && option.iter().any(|byte| letters.contains(byte)))
}

fn shell(mut arguments: &[Arg]) -> Vec<Step> {
    let mut line = false;
    while let [Some(option), rest @ ..] = arguments {
        match option.as_slice() {
            b"--" => {
                arguments = rest;
                break;
            }
            b"--rcfile" | b"--init-file" | b"-o" | b"-O" | b"+o" | b"+O" => {
                arguments = rest.get(1..).unwrap_or_default()
            }
            option if option.len() > 1 && (option.starts_with(b"-") || option.starts_with(b"+")) => {
                line |= !option.starts_with(b"--") && option.contains(&b'c');
                // `-eo pipefail`
                let valued = !option.starts_with(b"--") && option.ends_with(b"o");
                arguments = if valued { rest.get(1..).unwrap_or_default() } else { rest };
            }
            _ => break,
        }
    }
    match arguments {
        [Some(text), rest @ ..] if line => vec![Step::ShellLine(text.clone(), rest.to_vec())],
        [path, rest @ ..] if !line => script(path, rest),
        _ => Vec::new(),
    }
}

fn python(mut arguments: &[Arg]) -> Vec<Step> {
    while let [Some(option), rest @ ..] = arguments {
        let Some(letters) = option.strip_prefix(b"-").filter(|letters| !letters.is_empty()) else { break };
        arguments = rest;
        if letters.starts_with(b"-") {
            if letters == b"-check-hash-based-pycs" {
                arguments = rest.get(1..).unwrap_or_default();
            }
            continue;
        }
        // The value of an option may follow within its word: `-mhttp.server`, `-um app`.
        let Some(at) = letters.iter().position(|letter| b"cmWX".contains(letter)) else { continue };
        let (option, within) = (letters.get(at), letters.get(at + 1..).unwrap_or_default());
        let value = if within.is_empty() { rest.first().cloned().flatten() } else { Some(within.to_vec()) };
        match (option, value) {
            (Some(b'c'), Some(code)) => return vec![Step::PythonCode(code)],
            (Some(b'm'), Some(module)) => return vec![Step::Module(module)],
            (Some(b'c' | b'm'), None) => return Vec::new(),
            _ if within.is_empty() => arguments = rest.get(1..).unwrap_or_default(),
            _ => {}
        }
    }
    match arguments.split_first() {
        Some((path, rest)) => script(path, rest),
        None => Vec::new(),
    }
}

fn javascript(arguments: &[Arg]) -> Vec<Step> {
    let valued = ["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--title"];
    let mut steps = Vec::new();
    for (at, word) in arguments.iter().enumerate() {
        match word.as_deref() {
            Some(b"-e" | b"--eval" | b"-p" | b"--print") => return steps,
            // What is required beforehand runs before the script.
            Some(b"-r" | b"--require" | b"--import") => {
                steps.extend(arguments.get(at + 1).into_iter().flat_map(|path| script(path, &[])));
            }
            Some(word) if word.starts_with(b"-") => {}
            _ => break,
        }
    }
    let mut rest = options(arguments, &valued);
    if let [Some(verb), after @ ..] = rest
        && verb == b"run"
    {
        rest = options(after, &valued);
    }
    if let Some((path, rest)) = rest.split_first() {
        steps.extend(script(path, rest));
    }
    steps
}

/// The base name by which a program is known: the one it is called by or, where that says nothing, the one of
/// the file that it leads to.
pub(super) fn known_name<'a>(called: &'a [u8], file: &'a [u8]) -> &'a [u8] {
    let (called, file) = (base_name(called), base_name(file));
    // The programs that a multi-call binary stands for are told by the called name alone.
    if is_plain(called) && !is_plain(file) && !matches!(file, b"busybox" | b"toybox") { file } else { called }
}
