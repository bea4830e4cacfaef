//! What the programs do that decode, print or run what they are given.

use super::bytes::Bytes;
use super::shell::{Word, escaped, interpreter};
use super::value::Data;
use super::{Budget, Runner, StepKind};
use hashbrown::HashMap;

/// What comes of a command.
pub(super) enum Output<'t> {
    Nothing,
    Prints(Data<'t>),
    Runs(Runner, Data<'t>),
    Writes(Bytes<'t>, Data<'t>),
}

/// The outcome of a command with this input. `files` are those that the script wrote before.
pub(super) fn output<'t>(
    words: &[Word<'t>],
    stdin: Option<&Data<'t>>,
    files: &HashMap<Bytes<'t>, Data<'t>>,
    budget: &mut Budget,
) -> Output<'t> {
    let Some((program, rest)) = words.split_first() else {
        // `<<< text` or `< file` alone prints nothing.
        return Output::Nothing;
    };
    let path = program.data.bytes.as_slice();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    if !program.data.steps.is_empty() {
        // `$(echo … | base64 -d)` as a command: its words are run.
        return Output::Runs(Runner::Shell, program.data.clone());
    }
    if let Some(written) = files.get(&program.data.bytes) {
        return Output::Runs(Runner::Shell, written.clone());
    }
    let prints = |data: Option<Data<'t>>| data.map_or(Output::Nothing, Output::Prints);
    let has = |flags: &[&[u8]]| rest.iter().any(|word| flags.contains(&word.data.bytes.as_slice()));
    // Letters of flags in one word: `-dc`, `-di`.
    let letter = |letter: u8| {
        rest.iter().any(|word| match word.data.bytes.as_slice() {
            [b'-', flags @ ..] => !flags.starts_with(b"-") && flags.len() < 8 && flags.contains(&letter),
            _ => false,
        })
    };
    // What a filter reads: the file that it names, where the script wrote it, or else its input.
    let input = || {
        let named = rest.iter().rev().find(|word| !word.data.bytes.starts_with(b"-") || word.file);
        match named {
            Some(word) if word.file => Some(word.data.clone()),
            Some(word) if word.data.known => files.get(&word.data.bytes).cloned().or_else(|| stdin.cloned()),
            _ => stdin.cloned(),
        }
        .unwrap_or_else(|| Data::unknown(program.data.at))
    };
    if let Some(runner) = interpreter(name) {
        return interpret(runner, rest, stdin, files);
    }
    match name {
        b"sudo" | b"env" | b"nohup" | b"exec" | b"command" | b"busybox" | b"time" | b"setsid" | b"then"
        | b"do" | b"else" | b"if" | b"while" | b"until" | b"!" | b"builtin" | b"nice" | b"elif" | b"doas"
        | b"toybox" => {
            let skip = rest
                .iter()
                .take_while(|word| word.data.bytes.starts_with(b"-") || word.data.bytes.contains(&b'='))
                .count();
            output(rest.get(skip..).unwrap_or_default(), stdin, files, budget)
        }
        b"echo" => {
            let flags = rest.iter().take_while(|word| is_echo_flag(&word.data.bytes)).count();
            let escapes = rest.iter().take(flags).any(|word| word.data.bytes.contains(&b'e'));
            let text = joined(rest.get(flags..).unwrap_or_default(), budget);
            prints(text.map(|text| if escapes { escaped(text, budget) } else { text }))
        }
        b"printf" => match rest {
            [format, value, ..] if format.data.bytes.starts_with(b"%s") => Output::Prints(value.data.clone()),
            [format, value, ..] if format.data.bytes.starts_with(b"%b") => {
                Output::Prints(escaped(value.data.clone(), budget))
            }
            [format, ..] => Output::Prints(escaped(format.data.clone(), budget)),
            [] => Output::Nothing,
        },
        b"cat" | b"tee" | b"fold" => {
            if name == b"tee"
                && let (Some(path), Some(data)) = (rest.last(), stdin)
                && !data.steps.is_empty()
            {
                return Output::Writes(path.data.bytes.clone(), data.clone());
            }
            Output::Prints(input())
        }
        b"base64" | b"gbase64" if letter(b'd') || letter(b'D') || has(&[b"--decode"]) => {
            prints(input().decode(StepKind::Base64, budget))
        }
        b"base32" if letter(b'd') || has(&[b"--decode"]) => prints(input().decode(StepKind::Base32, budget)),
        b"basenc" if letter(b'd') || has(&[b"--decode"]) => {
            let kind = if has(&[b"--base16"]) { StepKind::Hex } else { StepKind::Base64 };
            prints(input().decode(kind, budget))
        }
        b"openssl" if letter(b'd') && (has(&[b"base64", b"-base64"]) || letter(b'a')) => {
            let input = stdin.cloned().unwrap_or_else(|| Data::unknown(program.data.at));
            prints(input.decode(StepKind::Base64, budget))
        }
        b"xxd" if letter(b'r') => prints(input().decode(StepKind::Hex, budget)),
        b"gunzip" | b"zcat" | b"gzcat" => prints(input().decode(StepKind::Gzip, budget)),
        b"gzip" | b"pigz" if letter(b'd') || has(&[b"--decompress"]) => {
            prints(input().decode(StepKind::Gzip, budget))
        }
        b"bunzip2" | b"bzcat" => prints(input().decode(StepKind::Bzip2, budget)),
        b"bzip2" if letter(b'd') => prints(input().decode(StepKind::Bzip2, budget)),
        b"unxz" | b"xzcat" | b"unlzma" | b"lzcat" => prints(input().decode(StepKind::Lzma, budget)),
        b"xz" | b"lzma" if letter(b'd') => prints(input().decode(StepKind::Lzma, budget)),
        b"rev" => {
            // Each line by itself, with its end where it was.
            let input = input();
            let ends = input.bytes.ends_with(b"\n");
            let lines: Vec<Vec<u8>> = input
                .bytes
                .strip_suffix(b"\n")
                .unwrap_or(&input.bytes)
                .split(|&byte| byte == b'\n')
                .map(|line| line.iter().rev().copied().collect())
                .collect();
            let mut out = lines.join(&b'\n');
            if ends {
                out.push(b'\n');
            }
            prints(input.stepped(StepKind::Reverse, out, budget))
        }
        b"tr" => prints(translated(rest, stdin, budget)),
        b"eval" => match joined(rest, budget) {
            Some(text) => Output::Runs(Runner::Shell, text),
            None => Output::Nothing,
        },
        b"source" | b"." => match rest.first() {
            Some(word) if word.file => Output::Runs(Runner::Shell, word.data.clone()),
            Some(word) if word.data.bytes.as_slice() == b"/dev/stdin" => {
                stdin.map_or(Output::Nothing, |data| Output::Runs(Runner::Shell, data.clone()))
            }
            Some(word) => files
                .get(&word.data.bytes)
                .map_or(Output::Nothing, |data| Output::Runs(Runner::Shell, data.clone())),
            None => Output::Nothing,
        },
        _ => Output::Nothing,
    }
}

/// An interpreter runs what `-c` or `-e` gives it, the file that it is given, or else its input.
fn interpret<'t>(
    runner: Runner,
    rest: &[Word<'t>],
    stdin: Option<&Data<'t>>,
    files: &HashMap<Bytes<'t>, Data<'t>>,
) -> Output<'t> {
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        if word.file {
            return Output::Runs(runner, word.data.clone());
        }
        match word.data.bytes.as_slice() {
            b"-" | b"-s" | b"/dev/stdin" | b"--" => break,
            [b'-', flags @ ..] if !flags.starts_with(b"-") && word.data.steps.is_empty() => {
                let code = match runner {
                    Runner::Shell | Runner::Python => b'c',
                    Runner::Php => b'r',
                    Runner::JavaScript | Runner::Perl | Runner::Ruby => b'e',
                };
                if flags.len() < 8 && flags.contains(&code) {
                    return words
                        .next()
                        .map_or(Output::Nothing, |code| Output::Runs(runner, code.data.clone()));
                }
                // `-u`, `-x` and the like change nothing; `-m` names a module.
                if flags == b"m" {
                    return Output::Nothing;
                }
            }
            _ => {
                return files
                    .get(&word.data.bytes)
                    .map_or(Output::Nothing, |data| Output::Runs(runner, data.clone()));
            }
        }
    }
    stdin.map_or(Output::Nothing, |data| Output::Runs(runner, data.clone()))
}

fn is_echo_flag(word: &[u8]) -> bool {
    matches!(word, [b'-', flags @ ..] if !flags.is_empty() && flags.iter().all(|flag| b"neE".contains(flag)))
}

fn joined<'t>(words: &[Word<'t>], budget: &mut Budget) -> Option<Data<'t>> {
    let mut words = words.iter();
    let first = words.next()?.data.clone();
    words.try_fold(first, |all, word| {
        let at = all.at;
        let blank = Data { steps: all.steps.clone(), ..Data::text(b" ".as_slice(), at) };
        let blank = Data {
            steps: blank
                .steps
                .into_iter()
                .map(|step| super::Step { bytes_in: 0, bytes_out: 0, ..step })
                .collect(),
            ..blank
        };
        all.append(&blank, budget)?.append(&word.data, budget)
    })
}

/// `tr`: half the alphabet further, and characters that are deleted.
fn translated<'t>(rest: &[Word<'t>], stdin: Option<&Data<'t>>, budget: &mut Budget) -> Option<Data<'t>> {
    let input = stdin?;
    let words: Vec<&[u8]> = rest.iter().map(|word| word.data.bytes.as_slice()).collect();
    match words.as_slice() {
        [b"-d", set] => {
            let (set, _) = super::alphabets::escapes(set);
            let out: Vec<u8> = input.bytes.iter().copied().filter(|byte| !set.contains(byte)).collect();
            budget.work(out.len()).then(|| Data { bytes: out.into(), ..input.clone() })
        }
        [from, to] if from.len() > 4 && to.len() > 4 => {
            let half =
                [b"N-ZA-Mn-za-m".as_slice(), b"n-za-mN-ZA-M"].iter().any(|half| to == half || from == half);
            half.then(|| input.decode(StepKind::Rot13, budget))?
        }
        _ => None,
    }
}
