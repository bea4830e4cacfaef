//! What nests, what is damaged, and what would take forever.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Nests the payload in this many rounds of the form that each number chooses.
fn nested(choices: &[u8]) -> (String, usize) {
    let mut text = PLAIN.to_owned();
    let mut rounds = 0;
    for choice in choices {
        // A text that grows is compressed, as whoever nests deep has to do.
        let choice = if text.len() > 24 << 10 { choice % 3 } else { *choice };
        // A text for a shell is a round, and what the shell decodes is another.
        rounds += if choice == 8 { 2 } else { 1 };
        let base = "__import__('base64')";
        let zlib_call = "__import__('zlib').decompress";
        text = match choice {
            0 => format!("exec({zlib_call}({base}.b64decode('{}')))", b64(zlib(&text))),
            1 => format!(
                "_ = lambda __ : {zlib_call}({base}.b64decode(__[::-1]));exec((_)(b'{}'))",
                reversed(&b64(zlib(&text)))
            ),
            2 => format!("exec({zlib_call}({base}.b85decode('{}')))", b85(zlib(&text))),
            3 => format!("exec({base}.b64decode('{}'))", b64(&text)),
            4 => format!("exec(bytes.fromhex('{}'))", hex(&text)),
            5 => format!("exec('{}')", escaped(&text)),
            6 => format!("exec(bytes([{}]))", codes(&text)),
            7 => format!("exec(__import__('gzip').decompress({base}.b64decode('{}')))", b64(gzip(&text))),
            8 => format!("import os\nos.system('echo {} | base64 -d | gunzip | python3')", b64(gzip(&text))),
            _ => format!(
                "exec(bytes(c ^ 33 for c in bytes.fromhex('{}')))",
                hex(text.bytes().map(|byte| byte ^ 33).collect::<Vec<_>>())
            ),
        };
    }
    (text, rounds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_nested_is_found_again(choices in proptest::collection::vec(0_u8..10, 1..=64)) {
        let most = choices.iter().scan(0, |rounds, &choice| {
            *rounds += if choice == 8 { 2 } else { 1 };
            (*rounds <= usize::from(MAX_ROUNDS)).then_some(())
        });
        let most = most.count();
        let (text, rounds) = nested(&choices[..most]);
        let decoded = stages(text.as_bytes());
        prop_assert_eq!(&decoded.limits, &[]);
        let last = decoded.stages.last().unwrap();
        prop_assert_eq!(&last.bytes, PLAIN.as_bytes());
        prop_assert_eq!(last.runner, PYTHON);
        prop_assert_eq!(usize::from(last.steps[0].round), rounds);
    }

    #[test]
    fn no_bytes_are_too_odd(bytes: Vec<u8>) {
        within_budget(&bytes);
    }

    #[test]
    fn no_code_is_too_odd(words in proptest::collection::vec(0..FRAGMENTS.len(), 0..200)) {
        let text: String = words.into_iter().map(|word| FRAGMENTS[word]).collect();
        within_budget(text.as_bytes());
        within_budget(format!("#!/bin/sh\n{text}").as_bytes());
        within_budget(format!("#!/usr/bin/python3\n{text}").as_bytes());
    }
}

const FRAGMENTS: &[&str] = &[
    "exec",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "'''",
    "`",
    "\\",
    "\n",
    " ",
    "b64decode",
    "eval",
    "$(",
    "${",
    "<(",
    "<<E\n",
    "E\n",
    "<<<",
    "|",
    "base64 -d",
    "sh",
    "echo ",
    "aW1wb3J0IG9zO2ltcG9ydCBzeXM7cHJpbnQoMSk=",
    "lambda x:",
    "x",
    "=",
    "+=",
    "+",
    ".",
    "for x in ",
    "^",
    "7",
    "[::-1]",
    "[1:",
    "chr",
    ",",
    "#",
    "//",
    "/*",
    "*/",
    "\\x41",
    ";",
    "def f(x): return ",
    "f",
    "import a as b\n",
    "marshal.loads",
    "decompress",
    "é",
    "=>",
    "join",
    "&",
    ">",
    "%",
];

fn within_budget(text: &[u8]) -> Decoded {
    let decoded = stages(text);
    assert!(decoded.stages.len() <= MAX_STAGES);
    assert!(decoded.stages.iter().map(|stage| stage.bytes.len()).sum::<usize>() <= MAX_BYTES);
    for (stage, number) in decoded.stages.iter().zip(1..) {
        assert!(stage.parent < number);
        assert!(!stage.steps.is_empty());
    }
    decoded
}

#[test]
fn rounds_end_where_they_are_said_to() {
    let decoded = stages(nested(&[1; 64]).0.as_bytes());
    assert_eq!(decoded.limits, []);
    assert_eq!(decoded.stages.len(), 64);
    assert_eq!(decoded.stages[63].bytes, PLAIN.as_bytes());
    assert!(decoded.stages.iter().all(|stage| stage.runner == PYTHON && stage.line == 1));
    let decoded = stages(nested(&[1; 65]).0.as_bytes());
    assert_eq!(decoded.limits, [Limit::Rounds]);
    assert_eq!(decoded.stages.len(), 64);
}

#[test]
fn limits_are_named() {
    let zeros = vec![b'a'; 4 << 20];
    let bomb =
        format!("import zlib,base64\nexec(zlib.decompress(base64.b64decode('{}')))", b64(zlib(&zeros)));
    assert_eq!(within_budget(bomb.as_bytes()).limits, [Limit::Ratio]);
    let many: String = (0..300)
        .map(|n| format!("exec(bytes.fromhex('{}'))\n", hex(format!("print('number {n}, and more')"))))
        .collect();
    let decoded = within_budget(many.as_bytes());
    assert_eq!((decoded.stages.len(), decoded.limits.as_slice()), (256, [Limit::Stages].as_slice()));
    let large: String = (0..12)
        .map(|n| format!("exec(bytes.fromhex('{}'))\n", hex(format!("{n} {}", "x".repeat(1 << 20)))))
        .collect();
    let decoded = within_budget(large.as_bytes());
    assert_eq!((decoded.stages.len(), decoded.limits.as_slice()), (7, [Limit::Bytes].as_slice()));
    let mut doubling = "import base64\nx = 'aaaaaaaaaaaaaaaaaaaaaaaa'\n".to_owned();
    for _ in 0..60 {
        doubling.push_str("x = x + x\n");
    }
    doubling.push_str("exec(base64.b64decode(x))\n");
    assert_eq!(within_budget(doubling.as_bytes()).limits, [Limit::Work]);
    for open in ["(", "[", "f(", "$(", "exec(", "lambda x: "] {
        let text = format!("b64decode exec\n{}", open.repeat(100_000));
        within_budget(text.as_bytes());
        within_budget(format!("#!/bin/sh\n{text}").as_bytes());
    }
}

#[test]
fn what_lies_too_deep_in_parentheses_is_said() {
    let chain = |count: usize| {
        let (open, close) = ("codecs.decode(".repeat(count), ", 'rot13')".repeat(count));
        format!("import codecs\nexec({open}'cevag(1);cevag(2);cevag(3);cevag(4)'{close})")
    };
    let decoded = within_budget(chain(31).as_bytes());
    assert_eq!(
        (decoded.limits.as_slice(), decoded.stages.first().and_then(|stage| stage.runner)),
        ([].as_slice(), PYTHON)
    );
    assert_eq!(within_budget(chain(200).as_bytes()).limits, [Limit::Depth]);
    // Parentheses without a partner, as in prose, are no depth, and do not hide what comes after them.
    let prose = format!("(see [1 ( {}\nexec(bytes.fromhex('{}'))", "(a smile :-( \n".repeat(300), hex(PLAIN));
    let decoded = within_budget(prose.as_bytes());
    assert_eq!(decoded.limits, []);
    assert_eq!(decoded.stages.first().map(|stage| stage.bytes.as_slice()), Some(PLAIN.as_bytes()));
}

/// Inputs whose naive reading takes the square of their length.
#[test]
fn long_lines_take_bounded_time() {
    let pieces = [
        "'",
        "\"",
        "`",
        "\\\"",
        "'''x",
        "/*",
        "<<E ",
        "<<E\n",
        "x=",
        "a'b\n",
        "$'",
        "\"$(",
        "[1,",
        "(1)",
        "lambda x:x;",
        "x^",
        "exec(",
        "IyEv",
        "IyEvA'\n",
        "x.",
        "def f(x): return x\nf(f)\n",
        "_=lambda x:(x)\n_(_(1))\n",
        "#",
        "aaaa+",
        "$",
        "`x",
    ];
    for piece in pieces {
        for head in ["b64decode exec\n", "#!/bin/sh\n# base64 exec\n", "#!/usr/bin/node\n// atob( exec\n"] {
            let mut text = head.to_owned();
            while text.len() < 1 << 18 {
                text.push_str(piece);
            }
            let start = Instant::now();
            within_budget(text.as_bytes());
            let took = start.elapsed();
            assert!(took < Duration::from_secs(8), "{head:?} {piece:?}: {took:?}");
        }
    }
}
